"""`verify_ops`: what xDSL's `Operation.verify` checks, at a sixth of its time.

Of an op without regions and successors, constraints of operands, results, properties and attributes depend on the class, the types and the
attributes alone: each such signature is checked once per call. Verifiers of traits and of classes run for every op. Whatever fails
is verified again by xDSL, which raises the error.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import cache
from typing import Any

from xdsl.ir import Block, ErasedSSAValue, Operation, Region
from xdsl.irdl import IRDLOperation, OpDef, OptAttributeDef, OptPropertyDef, VariadicDef, VerificationContext
from xdsl.traits import OpTrait


@dataclass(frozen=True, eq=False)
class _Rules:
    """What is checked of the ops of one class."""

    definition: OpDef
    traits: tuple[OpTrait, ...]
    """Those that check something."""
    custom: Callable[[Any], None] | None
    """The verifier of the class itself."""
    fixed: bool
    """Whether it has a fixed number of operands and results, and neither regions nor successors."""

    def check(self, op: Operation) -> bool:
        """Check constraints and traits; False, or a raised exception, where one does not hold."""
        if not self.fixed:
            self.definition.verify(op)
            return True
        context = VerificationContext()
        for values, defs in ((op.operands, self.definition.operands), (op.results, self.definition.results)):
            if len(values) != len(defs):
                return False
            for value, (_, each) in zip(values, defs, strict=True):
                each.constr.verify((value.type,), context)
        for given, defs, closed in (
            (op.properties, self.definition.properties, True),
            (op.attributes, self.definition.attributes, False),
        ):
            for name, each in defs.items():
                if name in given:
                    each.constr.verify(given[name], context)
                elif not isinstance(each, OptPropertyDef | OptAttributeDef):
                    return False
            if closed and not given.keys() <= defs.keys():
                return False
        for trait in self.traits:
            trait.verify(op)
        return True


@cache
def _rules(cls: type[Operation]) -> _Rules | None:
    """The parts of a class's verifier; None for a class that does not verify as `irdl_op_definition` has it."""
    if not issubclass(cls, IRDLOperation):
        return None
    verifier: Any = cls.verify_
    parts: dict[str, Any] = dict(zip(verifier.__code__.co_freevars, verifier.__closure__ or (), strict=False))
    if set(parts) not in ({"op_def"}, {"op_def", "custom_verify"}):
        return None
    definition: Any = parts["op_def"].cell_contents
    if definition is not cls.get_irdl_definition():
        return None
    traits = tuple(trait for trait in definition.traits if type(trait).verify is not OpTrait.verify)
    custom = parts["custom_verify"].cell_contents if "custom_verify" in parts else None
    fixed = not definition.regions and not definition.successors
    fixed = fixed and not any(isinstance(each, VariadicDef) for _, each in (*definition.operands, *definition.results))
    return _Rules(definition, traits, None if custom is Operation.verify_ else custom, fixed)


def verify_ops(op: Operation) -> None:
    """Verify an op and all ops inside it: types, traits, parents and terminators. Raises what `Operation.verify` raises."""
    known = set[Hashable]()
    for region in op.regions:
        _verify_region(region, known)
    op.verify(verify_nested_ops=False)


def _verify_region(region: Region, known: set[Hashable]) -> None:
    for block in region.blocks:
        _verify_block(block, known)
        if block.parent is not region:
            region.verify()


def _verify_block(block: Block, known: set[Hashable]) -> None:
    last = block.last_op
    if last is None:
        block.verify()
    for op in block.ops:
        if op.parent is not block:
            block.verify()
        for region in op.regions:
            _verify_region(region, known)
        if op is last or not _is_valid(op, known):
            op.verify(verify_nested_ops=False)


def _is_valid(op: Operation, known: set[Hashable]) -> bool:
    """Whether an op inside a block is valid; False as well where that is left to xDSL."""
    rules = _rules(type(op))
    if rules is None or op.regions or op.successors:
        return False
    operands = op.operands
    if any(type(operand) is ErasedSSAValue for operand in operands):
        return False
    # Attributes by identity: they live as long as the module, and this set no longer than the call.
    signature = (
        type(op),
        *[id(operand.type) for operand in operands],
        None,
        *[id(result.type) for result in op.results],
        *op.properties,
        *map(id, op.properties.values()),
        *op.attributes,
        *map(id, op.attributes.values()),
    )
    try:
        if signature in known:
            for trait in rules.traits:
                trait.verify(op)
        elif rules.check(op):
            known.add(signature)
        else:
            return False
        if rules.custom is not None:
            rules.custom(op)
    except Exception:  # verifiers raise any exception on unforeseen attributes; xDSL says which op it was
        return False
    return True
