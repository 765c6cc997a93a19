"""How ops behave when the leading dims of a tensor are written in another way: as one dim, or as several.

An op *follows* if it treats each index of the leading dims alike, so that it can compute on `[2, 12, ...]` what it computes on
`[24, ...]`: pointwise ops, products with a matrix, norms and softmax over later dims, views of later dims, gathers of rows by indices of
these dims.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from xdsl.dialects.builtin import DenseArrayBase, IntegerAttr
from xdsl.ir import Attribute, Operation, SSAValue

from ...dialects import nn
from ...dialects.dims import Expr, const
from ...dialects.nn import rank_of, shape_of

Dims: TypeAlias = tuple[Expr, ...]
Tied: TypeAlias = tuple[int, ...]
"""The operands that begin with the leading dims, as the result does."""

_AXES = ("axis", "axes")
_BY_AXIS = (nn.SoftmaxOp, nn.LayerNormOp, nn.NormalizeOp, nn.L2NormalizeOp, nn.ReduceOp)
ROWS = (*_BY_AXIS, nn.LrnOp)


def begins_with(value: SSAValue, lead: Dims) -> bool:
    """Whether these are the first dims of a tensor."""
    return shape_of(value)[: len(lead)] == lead


def tied_operands(op: Operation, lead: Dims) -> Tied | None:
    """The operands that an op reads by the leading dims of its result; None if it does not follow them."""
    if len(op.results) != 1 or op.regions or not begins_with(op.results[0], lead):
        return None
    tied = _tied(op, lead)
    return tied if tied and all(begins_with(op.operands[i], lead) for i in tied) else None


def _tied(op: Operation, lead: Dims) -> Tied | None:
    count = len(lead)
    match op:
        case nn.MatmulOp():
            return _tied_of_product(op, count)
        case nn.TransposeOp():
            return (0,) if nn.values_of(op.permutation)[:count] == tuple(range(count)) else None
        case nn.SliceOp():
            plain = nn.values_of(op.steps)[:count] == (1,) * count and set(op.starts.exprs[:count]) == {const(0)}
            return (0,) if plain else None
        case nn.ConcatOp():
            return tuple(range(len(op.operands))) if op.axis.value.data >= count else None
        case nn.GatherOp():
            return (1,) if nn.gathers_rows(op) and count <= rank_of(op.indices) else None
        case nn.BroadcastToOp():
            return (0,) if rank_of(op.operands[0]) == rank_of(op.result) else None
        case nn.LrnOp():
            return (0,) if count < rank_of(op.result) else None
        case _ if isinstance(op, _BY_AXIS):
            return (0,) if min(_axes(op)) >= count else None
        case _ if op.name.startswith("quant."):
            return (0,) if "axis" not in op.properties else None
        case _ if nn.is_pointwise(op):
            return _tied_of_pointwise(op, lead)
        case _:
            return None


def _axes(op: Operation) -> Sequence[int]:
    found = next(op.properties[name] for name in _AXES if name in op.properties)
    if isinstance(found, IntegerAttr):
        return (found.value.data,)
    assert isinstance(found, DenseArrayBase)
    return nn.values_of(found) or (0,)


def _tied_of_product(op: nn.MatmulOp, count: int) -> Tied | None:
    """The first operand where the second is one matrix, both where each index has a product of its own."""
    if all(d.as_int() == 1 for d in shape_of(op.b)[:-2]):
        return (0,) if count < rank_of(op.a) == rank_of(op.result) else None
    return (0, 1) if count <= rank_of(op.a) - 2 and rank_of(op.a) == rank_of(op.b) else None


def _tied_of_pointwise(op: Operation, lead: Dims) -> Tied | None:
    inner = rank_of(op.results[0]) - len(lead)
    tied: list[int] = []
    for index, operand in enumerate(op.operands):
        front = shape_of(operand)[: max(rank_of(operand) - inner, 0)]
        if front and front == lead:
            tied.append(index)
        elif any(d.as_int() != 1 for d in front):
            return None  # broadcast along some of the leading dims only
    return tuple(tied)


def untied_dims(op: Operation, index: int, lead: Dims) -> Dims:
    """The dims of an operand that is not tied, without leading dims of size 1, which stand for those that change."""
    dims = shape_of(op.operands[index])
    if isinstance(op, nn.MatmulOp):
        return dims[-2:]
    if nn.is_pointwise(op) and not op.name.startswith("quant."):
        return dims[max(len(dims) - (rank_of(op.results[0]) - len(lead)), 0) :]
    return dims


def shifted_properties(op: Operation, old: Dims, new: Dims) -> Mapping[str, Attribute]:
    """The properties that change where the dims `new` are in the place of the dims `old`."""
    shift = len(new) - len(old)
    match op:
        case nn.TransposeOp():
            later = [axis + shift for axis in nn.values_of(op.permutation)[len(old) :]]
            return {"permutation": nn.ints([*range(len(new)), *later])}
        case nn.SliceOp():
            starts = [*[const(0)] * len(new), *op.starts.exprs[len(old) :]]
            steps = [*[1] * len(new), *nn.values_of(op.steps)[len(old) :]]
            return {"starts": nn.DimsAttr.get(starts), "steps": nn.ints(steps)}
        case _ if isinstance(op, (nn.ConcatOp, *_BY_AXIS)):
            name = next(name for name in _AXES if name in op.properties)
            if name == "axes":
                return {name: nn.ints([axis + shift for axis in _axes(op)])}
            axis = op.properties[name]
            assert isinstance(axis, IntegerAttr)
            return {name: IntegerAttr(axis.value.data + shift, axis.type)}
        case _:
            return {}
