"""Checks that locations are right: every op leads to ONNX nodes, and no group claims a node whose ops are elsewhere.

    check = ProvenanceCheck(module)    # as imported; BuildOptions(verify_each=True) lets the pipeline do all of this
    step.apply(ctx, module)
    check.after(step, module)          # PassError: provenance after pass 'fuse-groups': ...

A node is where its computing ops are. An op that only moves, pads or converts numbers around them is a helper
(`provenance.helper_location`), wherever it ends up; with the node's own location, the group that contains it would claim the node. One
walk over a module checks that:

- no op is at an unknown location,
- no node has both computing ops and ops that only rearrange,
- a group, and the function that it becomes, names no node that no op of its body names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.ir import Attribute, Operation
from xdsl.passes import ModulePass
from xdsl.traits import IsTerminator

from ..dialects import buffer, fusion, nn
from ..dialects.errors import PassError
from ..dialects.provenance import describe, is_unknown, join_names, onnx_names

_OF_NO_NODE = (buffer.SymbolOp, buffer.ValueOp, buffer.ArenaOp)


class ProvenanceCheck:
    """Checks a module after each pass, as far as the module before the first pass fulfils the rules: locations in text that people write
    may be anything."""

    def __init__(self, module: ModuleOp) -> None:
        self.located = not any(is_unknown(op.location) for op in _ops(module))
        self.holds = provenance_problem(module, located=False) is None

    def after(self, step: ModulePass, module: ModuleOp) -> None:
        """Raises `PassError` with the pass, the op and the nodes where a location does not hold."""
        problem = provenance_problem(module, located=self.located) if self.holds else None
        if problem is not None:
            raise PassError(f"provenance after pass '{step.name}': {problem}")


def provenance_problem(module: ModuleOp, *, located: bool = True) -> str | None:
    """What is wrong with the first op whose location does not hold, or None. Unknown locations are wrong only if `located`."""
    names = _Names()
    computing: dict[str, Operation] = {}
    rearranging: dict[str, Operation] = {}
    for op in _ops(module):
        if located and is_unknown(op.location):
            return f"{op.name} has no location: expected that of an ONNX node, or of a helper of one"
        if not isinstance(op, nn.NnOp) or isinstance(op, (*nn.SOURCES, nn.WeightOp)):
            continue
        mine, others = (rearranging, computing) if nn.rearranges(op) else (computing, rearranging)
        for name in names.of(op):
            mine.setdefault(name, op)
            if name in others:
                return (
                    f"{rearranging[name].name} and {computing[name].name} are both {name!r}: expected the former, which computes "
                    f"nothing, to have a helper's location (provenance.helper_location)"
                )
    for group, body in _groups(module):
        inside = {name for op in body for name in names.of(op)}
        foreign = [name for name in names.of(group) if name not in inside]
        if foreign:
            return f"{describe(group)} claims {join_names(foreign)}: expected only nodes that ops of its body name"
    return None


class _Names:
    """The ONNX nodes of ops; those of a location that many ops share are found once."""

    def __init__(self) -> None:
        self.known: dict[int, tuple[Attribute, list[str]]] = {}

    def of(self, op: Operation) -> list[str]:
        location = op.location
        found = self.known.get(id(location))
        if found is None:
            found = self.known[id(location)] = location, onnx_names(location)  # kept, so that its id stays its own
        return found[1]


def _ops(module: ModuleOp) -> Iterator[Operation]:
    """The ops of the functions of a module, without `@weights`, whose values are known at build time, and without ops that come from no
    node: the sizes of inputs, the arena, terminators."""
    for function in module.body.block.ops:
        if not (isinstance(function, FuncOp) and function.sym_name.data == "weights"):
            inside = (op for op in function.walk() if op is not function and not isinstance(op, _OF_NO_NODE))
            yield from (op for op in inside if not op.has_trait(IsTerminator))


def _groups(module: ModuleOp) -> Iterator[tuple[Operation, Iterable[Operation]]]:
    """Groups and outlined functions with the ops of their bodies."""
    called: set[str] = set()
    for op in module.walk():
        if isinstance(op, fusion.GroupOp):
            yield op, list(op.block.ops)[:-1]
        elif isinstance(op, fusion.CallOp):
            called.add(op.callee.string_value())
    for function in module.body.block.ops:
        if isinstance(function, FuncOp) and function.sym_name.data in called:
            yield function, [op for op in function.walk() if op is not function]
