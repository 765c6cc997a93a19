"""What sizes can be that a model computes from other sizes by arithmetic that dim expressions do not have: `floor(1.7 * H)` in floats.

The least and the greatest value of each element, op by op. Each op is evaluated at the ends of its operands' intervals, by the reference
semantics in its own type: a rounded operation is monotone, so that its results at the ends bound those between them.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
from xdsl.ir import Operation, SSAValue

from ...dialects import dims, meaning, nn
from ...dialects.dims.proofs import Ranges, exact_bounds
from ...dialects.dtypes import numpy_dtype
from ...dialects.limits import MAX_READS
from .folding import Array

Interval = tuple[Array, Array]

_DEPTH = 64
"""How many ops after one another are looked at."""
_RISING = (
    nn.ReshapeOp, nn.SliceOp, nn.ConcatOp, nn.TransposeOp, nn.BroadcastToOp, nn.FloorOp, nn.CeilOp, nn.RoundOp, nn.AddOp,
    nn.MinOp, nn.MaxOp, nn.ClipOp, nn.ReluOp,
)  # fmt: skip
_PRODUCTS = (nn.MulOp, nn.DivOp)


def intervals(value: SSAValue, ranges: Ranges) -> list[tuple[int, int]] | None:
    """The least and the greatest value of each element of an integer vector; None where it depends on data, or on other ops."""
    found = _interval(value, ranges, {}, _DEPTH)
    if found is None:
        return None
    low, high = (np.asarray(end).reshape(-1) for end in found)
    return [(int(a), int(b)) for a, b in zip(low, high, strict=True)]


def _interval(value: SSAValue, ranges: Ranges, known: dict[SSAValue, Interval | None], depth: int) -> Interval | None:
    if value not in known:
        count = dims.product(nn.shape_of(value)).as_int()
        few = depth > 0 and count is not None and count <= MAX_READS
        known[value] = (
            _of(value.owner, ranges, known, depth - 1) if few and isinstance(value.owner, Operation) else None
        )
    return known[value]


def _of(op: Operation, ranges: Ranges, known: dict[SSAValue, Interval | None], depth: int) -> Interval | None:
    match op:
        case nn.ConstantOp():
            array = meaning.evaluate(op, [])[0]
            return array, array
        case nn.ShapeValueOp() | nn.SizeOp():
            return _sizes(op, ranges)
        case nn.SubOp() | nn.CastOp():
            pass
        case _ if not isinstance(op, (*_RISING, *_PRODUCTS)):
            return None
        case _:
            pass
    operands: list[Interval] = []
    for operand in op.operands:
        found = _interval(operand, ranges, known, depth)
        if found is None:
            return None
        operands.append(found)
    return _at_ends(op, operands)


def _sizes(op: nn.ShapeValueOp | nn.SizeOp, ranges: Ranges) -> Interval | None:
    """Of dim expressions, whose greatest values are those of their symbols' ranges."""
    exprs = (op.dims if isinstance(op, nn.ShapeValueOp) else op.size).exprs
    if any(not expr.symbols() <= ranges.keys() for expr in exprs):
        return None
    bounds = [exact_bounds(expr, ranges) for expr in exprs]
    dtype = numpy_dtype(nn.element_of(op.results[0]))
    shape = [int(extent.as_int() or 0) for extent in nn.shape_of(op.results[0])]
    low, high = (np.array([each[end] for each in bounds], dtype).reshape(shape) for end in (0, 1))
    return low, high


def _at_ends(op: Operation, operands: Sequence[Interval]) -> Interval | None:
    """The interval of an op's result."""
    if isinstance(op, nn.SubOp):
        (a, b), (c, d) = operands
        return _evaluated(op, [a, d]), _evaluated(op, [b, c])
    if not isinstance(op, _PRODUCTS):
        return _evaluated(op, [low for low, _ in operands]), _evaluated(op, [high for _, high in operands])
    if isinstance(op, nn.DivOp) and np.any(np.asarray(operands[1][0]) <= 0):
        return None
    corners = [_evaluated(op, list(ends)) for ends in product(*operands)]
    return np.minimum.reduce(corners), np.maximum.reduce(corners)


def _evaluated(op: Operation, operands: list[Array]) -> Array:
    return meaning.evaluate(op, operands)[0]
