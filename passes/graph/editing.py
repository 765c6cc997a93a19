"""Small tools that the passes over tensor ops share: constants, rebuilding an op, placing a new one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
from xdsl.dialects.builtin import LocationAttr, ModuleOp, TensorType
from xdsl.dialects.func import FuncOp
from xdsl.ir import Attribute, Block, BlockArgument, Operation, SSAValue
from xdsl.pattern_rewriter import PatternRewriter

from ...dialects import nn
from ...dialects.blob import BlobAttr
from ...dialects.dims import Expr, const
from ...dialects.nn import shape_of
from ...dialects.provenance import NAMES, fuse, get_names

WEIGHTS = "weights"


def functions(module: ModuleOp) -> Iterator[FuncOp]:
    """The functions of a module that have a body."""
    for op in module.body.block.ops:
        if isinstance(op, FuncOp) and op.body.blocks:
            yield op


def computed_functions(module: ModuleOp) -> Iterator[FuncOp]:
    """The functions that runs compute: all but `@weights`."""
    return (func for func in functions(module) if func.sym_name.data != WEIGHTS)


def main_function(module: ModuleOp) -> FuncOp | None:
    """`@main`, the network's function; None for a module without one."""
    return next((f for f in functions(module) if f.sym_name.data == "main"), None)


def label_of(value: SSAValue) -> str:
    """What to call a constant derived from `value`: its own label, or its ONNX name."""
    owner = value.owner
    if not isinstance(owner, Operation):
        return ""
    if isinstance(owner, nn.InitializerOp):
        return owner.label.data
    blob = owner.properties.get("value")
    return blob.label.data if isinstance(blob, BlobAttr) else get_names(owner)[owner.results.index(value)]


def insert_before(op: Operation, new: Operation, *, location: LocationAttr | None = None) -> Operation:
    """Insert `new`, which has no parent yet, before `op`; it takes the given location, or that of `op`."""
    assert op.parent is not None
    new.location = location or op.location
    op.parent.insert_op_before(new, op)
    return new


def constant_before(op: Operation, array: np.ndarray, label: str = "") -> SSAValue:
    """A new constant right before `op`."""
    return insert_before(op, nn.ConstantOp(np.ascontiguousarray(array).reshape(array.shape), label)).results[0]


def rebuilt(
    op: Operation,
    operands: Sequence[SSAValue],
    result_types: Sequence[Attribute],
    properties: Mapping[str, Attribute] | None = None,
) -> Operation:
    """The same op on other operands, with other result types and some other properties; keeps location, not the ONNX names."""
    return type(op).create(
        operands=operands,
        result_types=result_types,
        properties={**op.properties, **(properties or {})},
        attributes={k: v for k, v in op.attributes.items() if k != NAMES},
        location=op.location,
    )


def location_of(values: Iterable[SSAValue]) -> LocationAttr:
    """One location that leads to what defines the given values."""
    found: list[LocationAttr] = []
    for value in values:
        if isinstance(value, BlockArgument):
            found.append(value.location)
        elif isinstance(value.owner, Operation):
            found.append(value.owner.location)
    return fuse(*found)


def fed_by_constants_only(block: Block, *, weights: bool = True) -> set[SSAValue]:
    """The values of a block that depend on constants (and, by default, weights) only, found in one walk."""
    sources = (*nn.SOURCES, nn.WeightOp) if weights else nn.SOURCES
    fixed: set[SSAValue] = set()
    for op in block.ops:
        computed = op.operands and not op.regions and all(v in fixed for v in op.operands) and is_static(op)
        if isinstance(op, sources) or computed:
            fixed.update(op.results)
    return fixed


def is_static(op: Operation) -> bool:
    """Whether all results have static shapes, and depend on no dim otherwise: only then can they be known at build time. Branches and
    loops are left to the host."""
    if isinstance(op, nn.IfOp | nn.LoopOp):
        return False
    if any(e.as_int() is None for p in op.properties.values() if isinstance(p, nn.DimsAttr) for e in p.exprs):
        return False
    return all(isinstance(r.type, TensorType) and r.type.has_static_shape() for r in op.results)


def erase_unused(ops: Iterable[Operation]) -> None:
    """Erase the ops, given in block order, whose results are no longer used."""
    for op in reversed(list(ops)):
        if op.parent is not None and all(result.first_use is None for result in op.results):
            op.detach()
            op.erase()


def erase_unread(rewriter: PatternRewriter, ops: Iterable[Operation]) -> None:
    """Erase those of the ops that a rewrite has left without a reader, and then those that only these read."""
    left = dict.fromkeys(ops)
    while gone := [op for op in left if all(result.first_use is None for result in op.results)]:
        for op in gone:
            rewriter.erase(op)
            del left[op]


_KNOWN_AT_BUILD = (*nn.SOURCES, nn.WeightOp)
_DEPTH, _REFITTABLE_DEPTH = 8, 24
"""Ops in a row that are looked at to tell what a value depends on, so that a pass that asks for each op stays linear. What depends on
initializers is never folded, so that chains are longer there."""


def depends_on_constants_only(value: SSAValue) -> bool:
    """Whether a value is a constant, initializer or weight, or computed from such by a few ops in a row."""
    return isinstance(value.owner, _KNOWN_AT_BUILD) or _sources_of(value) is not None


def depends_on_initializers(value: SSAValue) -> bool:
    """Whether a value is computed from constants and initializers only, and from at least one initializer: its numbers may change."""
    sources = _sources_of(value)
    return sources is not None and nn.InitializerOp in sources and nn.WeightOp not in sources


def _sources_of(value: SSAValue) -> set[type[Operation]] | None:
    """The kinds of sources that a value is computed from; None where it is not known at build time, or by a longer chain of ops."""
    pending, seen, sources = [(value.owner, 0)], set[Operation | Block](), set[type[Operation]]()
    while pending:
        owner, depth = pending.pop()
        if isinstance(owner, _KNOWN_AT_BUILD):
            sources.add(type(owner))
            continue
        if depth == (_REFITTABLE_DEPTH if nn.InitializerOp in sources else _DEPTH):
            return None
        if not isinstance(owner, Operation) or not owner.operands or owner.regions or not is_static(owner):
            return None
        if owner not in seen:
            seen.add(owner)
            pending += [(operand.owner, depth + 1) for operand in owner.operands]
    return sources


def per_channel(value: SSAValue, channels: Expr) -> bool:
    """Whether a tensor broadcasts as one number, or as one number per entry of the last dim of size `channels`."""
    dims = shape_of(value)
    return all(d.as_int() == 1 for d in dims[:-1]) and (not dims or dims[-1] in (const(1), channels))
