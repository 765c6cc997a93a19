"""
Scalars in the regions of `kernel.map`: the types that arithmetic uses, conversions, and arithmetic that looks at them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from xdsl.dialects import arith, math
from xdsl.dialects.builtin import IntegerType, f32, i1, i32, i64
from xdsl.ir import Attribute, SSAValue

from ....dialects.dtypes import (
    NARROW_FLOATS,
    is_float,
    is_small,
    is_unsigned,
    numpy_dtype,
    ui8,
    ui16,
    ui32,
    ui64,
)
from .emitter import Emitter


def compute_type(element: Attribute) -> Attribute:
    """The type that arithmetic on an element type uses."""
    if is_small(element) or element in (ui8, ui16):
        return i32
    if is_unsigned(element):
        return i64
    return f32 if element in NARROW_FLOATS else element


def lowest(element: Attribute) -> float:
    """
    The lowest finite value of a float type: where the running maximum of an online softmax starts. exp(-inf - lowest) is 0, where
    exp(-inf - -inf) would be NaN as long as all scores so far are masked; a row of -inf only still ends as NaN, which is 0 / 0.
    """
    return float(np.finfo(numpy_dtype(element)).min)


def extend(s: Emitter, x: SSAValue) -> SSAValue:
    """A loaded scalar in its compute type."""
    if is_unsigned(x.type) or is_small(x.type):
        return convert(s, x, compute_type(x.type))
    return s.emit(arith.ExtFOp(x, f32)) if x.type in NARROW_FLOATS else x


def convert(s: Emitter, x: SSAValue, to: Any) -> SSAValue:
    """A scalar in another type, as `nn.cast` has it."""
    source = x.type
    if source == to:
        return x
    if to == i1:
        x = extend(s, x)
        return compare(s, "ne", x, s.constant(0, x.type))
    if is_float(source) and is_float(to):
        if bits_of(source) < bits_of(to) and f32 in (source, to):
            return s.emit(arith.ExtFOp(x, to))
        if to == f32 or source == f32:
            return s.emit(arith.TruncFOp(x, to))
        return convert(s, convert(s, x, f32), to)
    wide: Any = compute_type(to)
    if is_float(source):
        return convert(s, truncate(s, extend(s, x), i64 if to in (i64, ui32, ui64) else i32), to)
    if (is_unsigned(source) or is_small(source)) and to != (wider := compute_type(source)):
        return convert(s, convert(s, x, wider), to)
    if is_float(to):
        made = s.emit(arith.UIToFPOp(x, wide) if source == i1 else arith.SIToFPOp(x, wide))
        return convert(s, made, to)
    if bits_of(source) > bits_of(to):
        return s.emit(arith.TruncIOp(x, to))
    if bits_of(source) == bits_of(to):
        if bits_of(to) == 64:
            return s.emit(arith.BitcastOp(x, to))
        return convert(s, convert(s, x, i64 if bits_of(to) == 32 else i32), to)  # i8 to ui8
    return s.emit(arith.ExtUIOp(x, to) if source == i1 or is_unsigned(source) else arith.ExtSIOp(x, to))


def truncate(s: Emitter, x: SSAValue, to: IntegerType) -> SSAValue:
    """A float as i32 or i64; the least integer where they do not hold it: C leaves that open, and CUDA saturates."""
    limit = 1 << (to.bitwidth - 1)
    held = compare(s, "lt", s.emit(math.AbsFOp(x)), s.constant(float(limit), x.type))
    return select(s, held, s.emit(arith.FPToSIOp(x, to)), s.constant(-limit, to))


def bits_of(type_: Attribute) -> int:
    return type_.bitwidth  # pyright: ignore


def compare(s: Emitter, predicate: str, a: SSAValue, b: SSAValue, unsigned: bool = False) -> SSAValue:
    if is_float(a.type):
        return s.emit(arith.CmpfOp(a, b, "une" if predicate == "ne" else f"o{predicate}"))
    sign = "" if predicate in ("eq", "ne") else "u" if a.type == i1 or unsigned else "s"
    return s.emit(arith.CmpiOp(a, b, sign + predicate))


def maximum(s: Emitter, a: SSAValue, b: SSAValue) -> SSAValue:
    """The greater one; NaN if either is."""
    if is_float(a.type):
        return s.emit(arith.MaximumfOp(a, b))
    return s.emit(arith.OrIOp(a, b) if a.type == i1 else arith.MaxSIOp(a, b))


def minimum(s: Emitter, a: SSAValue, b: SSAValue) -> SSAValue:
    """The smaller one; NaN if either is."""
    if is_float(a.type):
        return s.emit(arith.MinimumfOp(a, b))
    return s.emit(arith.AndIOp(a, b) if a.type == i1 else arith.MinSIOp(a, b))


def add(s: Emitter, a: SSAValue, b: SSAValue) -> SSAValue:
    return s.emit(arith.AddfOp(a, b) if is_float(a.type) else arith.AddiOp(a, b))


def sub(s: Emitter, a: SSAValue, b: SSAValue) -> SSAValue:
    return s.emit(arith.SubfOp(a, b) if is_float(a.type) else arith.SubiOp(a, b))


def mul(s: Emitter, a: SSAValue, b: SSAValue) -> SSAValue:
    return s.emit(arith.MulfOp(a, b) if is_float(a.type) else arith.MuliOp(a, b))


def div(s: Emitter, a: SSAValue, b: SSAValue) -> SSAValue:
    return s.emit(arith.DivfOp(a, b) if is_float(a.type) else arith.DivSIOp(a, b))


def select(s: Emitter, condition: SSAValue, a: SSAValue, b: SSAValue) -> SSAValue:
    return s.emit(arith.SelectOp(condition, a, b))


def bound(s: Emitter, value: float | int, type_: Attribute) -> SSAValue:
    """A constant; one of ui64 as i64 of the same bits."""
    return s.constant(value - (1 << 64) if type_ == i64 and value >= 1 << 63 else value, type_)


def immediate(s: Emitter, number: float | int, element: Attribute) -> SSAValue:
    """A number in the compute type of an element type."""
    return bound(s, number, compute_type(element))
