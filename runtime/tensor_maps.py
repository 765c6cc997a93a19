"""Tensor map parameters of kernels, evaluated for one set of shapes."""

from __future__ import annotations

from collections.abc import Mapping

from ..dialects.dims import parse_expr
from ..dialects.errors import TargetError
from .driver import TensorMapSpec
from .kernels import TensorMapInfo

_ELEMENT_BYTES = {"i8": 1, "ui8": 1, "f8E4M3FN": 1, "f8E5M2": 1, "i16": 2, "f16": 2, "bf16": 2, "i32": 4, "f32": 4, "tf32": 4}
_STRIDE_ALIGNMENT = 16


def tensor_map_spec(info: TensorMapInfo, symbols: Mapping[str, int]) -> TensorMapSpec:
    """The tensor map to encode for these symbol values: extents innermost first, strides in bytes.

    Raises TargetError for strides that TMA does not allow (multiples of 16 bytes).
    """
    size = _ELEMENT_BYTES.get(info.element_type)
    if size is None:
        raise TargetError(f"tensor map: element type '{info.element_type}' has no TMA encoding.")
    dims = [parse_expr(text).evaluate(symbols) for text in reversed(info.dims)]
    strides = [parse_expr(text).evaluate(symbols) * size for text in reversed(info.strides)]
    if strides[0] != size:
        raise TargetError(f"tensor map: expected the innermost dim to be contiguous, got a stride of {strides[0]} bytes.")
    if any(stride % _STRIDE_ALIGNMENT for stride in strides[1:]):
        raise TargetError(f"tensor map: expected strides that {_STRIDE_ALIGNMENT} bytes divide, got {strides[1:]}.")
    box = (1,) * (len(dims) - len(info.box)) + info.box
    return TensorMapSpec(info.element_type, tuple(dims), tuple(strides[1:]), tuple(reversed(box)), info.swizzle)
