"""
`nn` and `quant` pointwise ops as arith and math on scalars, inside `kernel.map`: prologues and epilogues of all schedules.

Floats of less than 32 bits are extended to f32 once and rounded once, when the region yields them; a cast in between rounds where it
stands. i1 is a bool. Unsigned values are wider signed ones, wrapped after each op, and those of ui64 the same bits as i64: the ops that
differ by the sign look at the element type. Maxima and minima propagate NaN, as NumPy and ONNX do.

`maps.py` makes maps of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from xdsl.dialects import arith, math
from xdsl.dialects.builtin import IntegerType, bf16, f16, f32, f64, i1, i8, i32, i64
from xdsl.ir import Attribute, Operation, SSAValue

from ....dialects import kernel, nn, quant
from ....dialects.dtypes import (
    NARROW_FLOATS,
    f8e4m3,
    f8e5m2,
    i4,
    i16,
    is_float,
    is_unsigned,
    numpy_dtype,
    ui4,
    ui8,
    ui16,
    ui32,
    ui64,
)
from . import activations
from .approximations import approximated
from .builder import Emitter
from .group import GroupView
from .scalars import (
    add,
    bits_of,
    bound,
    compare,
    compute_type,
    convert,
    div,
    extend,
    immediate,
    lowest,
    maximum,
    minimum,
    mul,
    select,
    sub,
    truncate,
)
from .schedule import Refusal

__all__ = [  # what schedules compute with beside whole ops
    "ELEMENTS",
    "add",
    "bits_of",
    "bound",
    "compare",
    "compute_type",
    "convert",
    "div",
    "extend",
    "has_scalar_form",
    "immediate",
    "lowest",
    "maximum",
    "minimum",
    "mul",
    "refuse_pointwise",
    "refuse_tensors",
    "scalar_form",
    "select",
    "sub",
    "truncate",
]

ELEMENTS = (f32, f16, bf16, f64, f8e4m3, f8e5m2, i1, i4, ui4, i8, ui8, i16, ui16, i32, ui32, i64, ui64)
"""Element types that kernels compute with."""
_MASKS: Mapping[Attribute, int] = {ui8: 0xFF, ui16: 0xFFFF, ui32: 0xFFFFFFFF}


def _refuse_elements(values: Sequence[SSAValue]) -> str | None:
    """Why tensors of these element types cannot be computed with, or None."""
    for value in values:
        element = nn.element_of(value)
        if element not in ELEMENTS:
            return f"expected elements of {', '.join(map(str, ELEMENTS))}, got {element}"
    return None


def refuse_tensors(view: GroupView) -> Refusal | None:
    """Why a group's tensors are of a type or a size that no schedule computes with, or None."""
    reason = _refuse_elements(view.tensors) or view.too_large()
    return None if reason is None else Refusal(reason)


def refuse_pointwise(ops: Sequence[Operation]) -> Refusal | None:
    """Why the pointwise ops and constants among `ops` cannot be applied to scalars, or None."""
    for op in ops:
        if isinstance(op, nn.ConstantOp):
            if nn.splat_of(op.result, "an immediate") is None:
                return Refusal(f"expected constants of one value inside a group, got {op.result.type}", op)
        elif nn.is_pointwise(op) and type(op) not in _OPS:
            return Refusal(f"{op.name} has no scalar form", op)
        if (nn.is_pointwise(op) or nn.is_lookup(op)) and (reason := _refuse_elements([*op.operands, *op.results])):
            return Refusal(f"{op.name}: {reason}", op)
    return None


# One function per op class: (emitter, op, operands in compute types) -> result in its compute type.

Lowering: TypeAlias = Callable[[Emitter, Operation, Sequence[SSAValue]], SSAValue]


def _math(op: type[Operation]) -> Lowering:
    return lambda s, _, a: s.emit(op(a[0]))  # pyright: ignore[reportCallIssue]


def _binary(function: Callable[[Emitter, SSAValue, SSAValue], SSAValue]) -> Lowering:
    return lambda s, _, a: function(s, a[0], a[1])


def _is_ui64(op: Operation) -> bool:
    """Whether an op reads i64 scalars that stand for ui64."""
    return nn.element_of(op.operands[0]) == ui64


def _extremum(
    function: Callable[[Emitter, SSAValue, SSAValue], SSAValue], unsigned: type[arith.MaxUIOp | arith.MinUIOp]
) -> Lowering:
    return lambda s, op, a: s.emit(unsigned(a[0], a[1])) if _is_ui64(op) else function(s, a[0], a[1])


def _bit_not(s: Emitter, op: Operation, a: Sequence[SSAValue]) -> SSAValue:
    return s.emit(arith.XOrIOp(a[0], s.constant(-1, a[0].type)))


def _shift(s: Emitter, op: Operation, a: Sequence[SSAValue]) -> SSAValue:
    """A shift by a count that C leaves open, below 0 or not below the number of bits, is one by all bits."""
    x, count = a
    element = nn.element_of(op.operands[0])
    bits, left = bits_of(element), isinstance(op, nn.ShiftLeftOp)
    if bits_of(x.type) < 32:
        x, count = convert(s, x, i32), convert(s, count, i32)
    fits = compare(s, "lt", count, s.constant(bits, count.type), unsigned=True)
    zero = s.constant(0, x.type)
    shift = arith.ShLIOp if left else arith.ShRUIOp if element == ui64 else arith.ShRSIOp
    moved = s.emit(shift(x, select(s, fits, count, zero)))
    if left or is_unsigned(element):
        beyond = zero
    else:
        beyond = s.emit(arith.ShRSIOp(x, s.constant(bits_of(x.type) - 1, x.type)))
    return convert(s, select(s, fits, moved, beyond), a[0].type)


def _bitcast(s: Emitter, op: Operation, a: Sequence[SSAValue]) -> SSAValue:
    source, to = nn.element_of(op.operands[0]), nn.element_of(op.results[0])
    if i1 in (source, to):  # a byte
        other: Any = to if source == i1 else source
        raw = convert(s, a[0], i8 if source == i1 else source)
        if is_float(other):
            raw = s.emit(arith.BitcastOp(raw, other if source == i1 else i8))
        return extend(s, convert(s, raw, to))
    raw = convert(s, a[0], source)
    if source == to or source not in NARROW_FLOATS:
        return extend(s, raw if source == to else s.emit(arith.BitcastOp(raw, to)))
    # What a conversion to f32 and back makes of a NaN is its own affair.
    nan_of = np.asarray(np.nan, numpy_dtype(source))
    bits = int(nan_of.view(f"u{nan_of.itemsize}"))
    nan = s.emit(arith.CmpfOp(a[0], a[0], "uno"))
    word = IntegerType(8 * nan_of.itemsize) if is_float(to) else to
    made = s.emit(arith.BitcastOp(raw, word))
    made = convert(s, select(s, nan, s.constant(bits, i32), extend(s, convert(s, made, i32))), word)
    return extend(s, s.emit(arith.BitcastOp(made, to)) if is_float(to) else made)


def _neg(s: Emitter, op: Operation, a: Sequence[SSAValue]) -> SSAValue:
    return s.emit(arith.NegfOp(a[0])) if is_float(a[0].type) else sub(s, s.constant(0, a[0].type), a[0])


def _abs(s: Emitter, op: Operation, a: Sequence[SSAValue]) -> SSAValue:
    if is_float(a[0].type):
        return s.emit(math.AbsFOp(a[0]))
    if _is_ui64(op):
        return a[0]
    return maximum(s, a[0], sub(s, s.constant(0, a[0].type), a[0]))


def _reciprocal(s: Emitter, op: Operation, a: Sequence[SSAValue]) -> SSAValue:
    return div(s, s.constant(1, a[0].type), a[0])


def _relu(s: Emitter, op: Operation, a: Sequence[SSAValue]) -> SSAValue:
    return a[0] if _is_ui64(op) else maximum(s, a[0], s.constant(0, a[0].type))


def _sign(s: Emitter, op: Operation, a: Sequence[SSAValue]) -> SSAValue:
    (x,) = a
    if _is_ui64(op):
        return convert(s, compare(s, "ne", x, s.constant(0, x.type)), x.type)
    zero, one, minus = (s.constant(v, x.type) for v in (0, 1, -1))
    itself = add(s, x, zero) if is_float(x.type) else x  # NaN and zero, +0 for both
    below = select(s, compare(s, "lt", x, zero), minus, itself)
    return select(s, compare(s, "gt", x, zero), one, below)


def _logical_not(s: Emitter, op: Operation, a: Sequence[SSAValue]) -> SSAValue:
    return s.emit(arith.XOrIOp(a[0], s.constant(1, i1)))


def _isnan(s: Emitter, op: Operation, a: Sequence[SSAValue]) -> SSAValue:
    return s.emit(arith.CmpfOp(a[0], a[0], "uno"))


def _div(s: Emitter, op: Operation, a: Sequence[SSAValue]) -> SSAValue:
    x, y = a
    if is_float(x.type):
        return div(s, x, y)
    if _is_ui64(op):
        return _divided_unsigned(s, op, x, y, arith.DivUIOp)
    negated = sub(s, s.constant(0, x.type), x)
    return _divided(s, op, x, y, arith.DivSIOp, negated)


def _divided(
    s: Emitter,
    op: Operation,
    x: SSAValue,
    y: SSAValue,
    divide: type[arith.DivSIOp | arith.RemSIOp],
    by_minus_one: SSAValue,
) -> SSAValue:
    """A quotient or remainder; C leaves open what dividing by 0 is, and the least integer by -1."""
    number = nn.splat_of(op.operands[1], "by what is divided")
    if number not in (None, 0, -1):
        return s.emit(divide(x, y))
    zero, one = s.constant(0, x.type), s.constant(1, x.type)
    by_zero, minus = compare(s, "eq", y, zero), compare(s, "eq", y, s.constant(-1, x.type))
    divisor = select(s, s.emit(arith.OrIOp(by_zero, minus)), one, y)
    return select(s, by_zero, zero, select(s, minus, by_minus_one, s.emit(divide(x, divisor))))


def _divided_unsigned(
    s: Emitter, op: Operation, x: SSAValue, y: SSAValue, divide: type[arith.DivUIOp | arith.RemUIOp]
) -> SSAValue:
    """A quotient or remainder of ui64; by 0 it is 0."""
    if nn.splat_of(op.operands[1], "by what is divided") not in (None, 0):
        return s.emit(divide(x, y))
    zero = s.constant(0, x.type)
    by_zero = compare(s, "eq", y, zero)
    return select(s, by_zero, zero, s.emit(divide(x, select(s, by_zero, s.constant(1, x.type), y))))


def _pow(s: Emitter, op: Operation, a: Sequence[SSAValue]) -> SSAValue:
    x, y = a
    if not is_float(x.type):
        wide: Any = i64 if x.type == i64 else i32
        if _is_ui64(op):
            # Odd numbers to the power of 2 ** 62 are 1, even ones 0: so is what is left of an exponent that i64 has as negative.
            rest = s.emit(arith.AndIOp(y, s.constant((1 << 62) - 1, i64)))
            small = s.emit(arith.OrIOp(rest, s.constant(1 << 62, i64)))
            y = select(s, compare(s, "lt", y, s.constant(0, i64)), small, y)
        return convert(s, s.emit(math.IPowIOp(convert(s, x, wide), convert(s, y, wide))), x.type)
    if nn.splat_of(op.operands[1], "which power is a root") != 0.5:
        return s.emit(math.PowFOp(x, y))
    infinity = s.constant(float("inf"), x.type)
    root = s.emit(math.SqrtOp(add(s, x, s.constant(0, x.type))))  # the sum has no -0
    return select(s, compare(s, "eq", x, s.emit(arith.NegfOp(infinity))), infinity, root)


def _mod(s: Emitter, op: Operation, a: Sequence[SSAValue]) -> SSAValue:
    x, y = a
    if is_float(x.type):
        return s.emit(kernel.FmodOp(x, y))
    if _is_ui64(op):
        return _divided_unsigned(s, op, x, y, arith.RemUIOp)
    zero = s.constant(0, x.type)
    rest = _divided(s, op, x, y, arith.RemSIOp, zero)
    differs = s.emit(arith.XOrIOp(compare(s, "lt", rest, zero), compare(s, "lt", y, zero)))
    wrong = s.emit(arith.AndIOp(compare(s, "ne", rest, zero), differs))
    return select(s, wrong, add(s, rest, y), rest)


def _compare_op(s: Emitter, op: Operation, a: Sequence[SSAValue]) -> SSAValue:
    assert isinstance(op, nn.CompareOp)
    return compare(s, op.predicate.data.value, a[0], a[1], unsigned=_is_ui64(op))


def _clip(s: Emitter, op: Operation, a: Sequence[SSAValue]) -> SSAValue:
    assert isinstance(op, nn.ClipOp)
    x, (low, high) = a[0], nn.clip_bounds(op)
    least, greatest = _limits(nn.element_of(op.result))
    if low != least:
        x = _extremum(maximum, arith.MaxUIOp)(s, op, (x, bound(s, low, x.type)))
    return x if high == greatest else _extremum(minimum, arith.MinUIOp)(s, op, (x, bound(s, high, x.type)))


def _limits(element: Attribute) -> tuple[float | int, float | int]:
    """The least and the greatest value of a type: a bound that never matters."""
    if is_float(element):
        return float("-inf"), float("inf")
    info = np.iinfo(numpy_dtype(element))
    return int(info.min), int(info.max)


def _cast(s: Emitter, op: Operation, a: Sequence[SSAValue]) -> SSAValue:
    source, to = nn.element_of(op.operands[0]), nn.element_of(op.results[0])
    if source == ui64 and is_float(to):
        wide: Any = f64 if to == f64 else f32
        return extend(s, convert(s, s.emit(arith.UIToFPOp(a[0], wide)), to))
    if to == ui64 and is_float(source):
        return _truncate_unsigned(s, a[0])
    return extend(s, convert(s, a[0], to))


def _truncate_unsigned(s: Emitter, x: SSAValue) -> SSAValue:
    """A float as ui64, in the bits of i64: what is 2 ** 63 or more comes from what is above that."""
    half = s.constant(2.0**63, x.type)
    top = s.emit(arith.AndIOp(compare(s, "ge", x, half), compare(s, "lt", x, s.constant(2.0**64, x.type))))
    low = truncate(s, select(s, top, sub(s, x, half), x), i64)
    return select(s, top, s.emit(arith.OrIOp(low, s.constant(-(1 << 63), i64))), low)


def _saturate(s: Emitter, x: SSAValue) -> SSAValue:
    """Rounded and held in i8; the smaller of NaN and 127 is 127, in minnumf."""
    rounded = s.emit(math.RoundEvenOp(x))
    low = s.emit(arith.MinnumfOp(rounded, s.constant(127, x.type)))
    clamped = s.emit(arith.MaxnumfOp(low, s.constant(-128, x.type)))
    return convert(s, s.emit(arith.FPToSIOp(clamped, i32)), i8)


def _quantize(s: Emitter, op: Operation, a: Sequence[SSAValue]) -> SSAValue:
    return _saturate(s, div(s, a[0], convert(s, a[1], a[0].type)))


def _dequantize(s: Emitter, op: Operation, a: Sequence[SSAValue]) -> SSAValue:
    wide = compute_type(nn.element_of(op.results[0]))
    return mul(s, convert(s, a[0], wide), convert(s, a[1], wide))


def _requantize(s: Emitter, op: Operation, a: Sequence[SSAValue]) -> SSAValue:
    return _saturate(s, mul(s, convert(s, a[0], f32), convert(s, a[1], f32)))


_OPS: dict[type[Operation], Lowering] = {
    nn.NegOp: _neg,
    nn.AbsOp: _abs,
    nn.ExpOp: _math(math.ExpOp),
    nn.LogOp: _math(math.LogOp),
    nn.SqrtOp: _math(math.SqrtOp),
    nn.RsqrtOp: _math(math.RsqrtOp),
    nn.ReciprocalOp: _reciprocal,
    nn.ErfOp: _math(math.ErfOp),
    nn.TanhOp: _math(math.TanhOp),
    nn.SigmoidOp: lambda s, _, a: activations.sigmoid(s, a[0]),
    nn.ReluOp: _relu,
    nn.FloorOp: _math(math.FloorOp),
    nn.CeilOp: _math(math.CeilOp),
    nn.RoundOp: _math(math.RoundEvenOp),
    nn.SignOp: _sign,
    nn.SinOp: _math(math.SinOp),
    nn.CosOp: _math(math.CosOp),
    nn.AsinOp: _math(math.AsinOp),
    nn.AcosOp: _math(math.AcosOp),
    nn.AtanOp: _math(math.AtanOp),
    nn.AsinhOp: _math(math.AsinhOp),
    nn.AcoshOp: _math(math.AcoshOp),
    nn.AtanhOp: _math(math.AtanhOp),
    nn.LogicalNotOp: _logical_not,
    nn.BitNotOp: _bit_not,
    nn.IsNanOp: _isnan,
    nn.AddOp: _binary(add),
    nn.SubOp: _binary(sub),
    nn.MulOp: _binary(mul),
    nn.DivOp: _div,
    nn.PowOp: _pow,
    nn.MinOp: _extremum(minimum, arith.MinUIOp),
    nn.MaxOp: _extremum(maximum, arith.MaxUIOp),
    nn.ModOp: _mod,
    nn.LogicalAndOp: lambda s, _, a: s.emit(arith.AndIOp(a[0], a[1])),
    nn.LogicalOrOp: lambda s, _, a: s.emit(arith.OrIOp(a[0], a[1])),
    nn.LogicalXorOp: lambda s, _, a: s.emit(arith.XOrIOp(a[0], a[1])),
    nn.BitAndOp: lambda s, _, a: s.emit(arith.AndIOp(a[0], a[1])),
    nn.BitOrOp: lambda s, _, a: s.emit(arith.OrIOp(a[0], a[1])),
    nn.BitXorOp: lambda s, _, a: s.emit(arith.XOrIOp(a[0], a[1])),
    nn.ShiftLeftOp: _shift,
    nn.ShiftRightOp: _shift,
    nn.CompareOp: _compare_op,
    nn.WhereOp: lambda s, _, a: select(s, a[0], a[1], a[2]),
    nn.ClipOp: _clip,
    nn.LeakyReluOp: activations.leaky_relu,
    nn.GeluOp: activations.gelu,
    nn.SiluOp: activations.silu,
    nn.SoftplusOp: activations.softplus,
    nn.MishOp: activations.mish,
    nn.HardSigmoidOp: activations.hard_sigmoid,
    nn.HardSwishOp: activations.hard_swish,
    nn.CastOp: _cast,
    nn.BitcastOp: _bitcast,
    quant.QuantizeOp: _quantize,
    quant.DequantizeOp: _dequantize,
    quant.RequantizeOp: _requantize,
    quant.ObserveOp: lambda s, _, a: a[0],
}


def has_scalar_form(op: Operation) -> bool:
    """Whether an op computes each element alone, by a row of the table above."""
    return type(op) in _OPS


def scalar_form(s: Emitter, op: Operation, operands: Sequence[SSAValue]) -> SSAValue:
    """What an op computes from operands in their compute types, in its own."""
    result = approximated(s, op, operands) or _OPS[type(op)](s, op, operands)
    mask = _MASKS.get(nn.element_of(op.results[0]))
    return result if mask is None else s.emit(arith.AndIOp(result, s.constant(mask, result.type)))
