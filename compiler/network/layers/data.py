"""Layers that move data or make it, the quantization of it, and the transposes to and from channels last."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from xdsl.ir import Attribute, SSAValue

from ....dialects import dims, nn, quant
from ....dialects.dims import ExprLike
from ....dialects.dtypes import numpy_dtype
from ....dialects.errors import InvalidModelError
from ..arguments import check_kind, checked, extents_of
from ..graph import Array, Layout, Operand, element_type
from .control import ControlLayers


class DataLayers(ControlLayers):
    """Data movement, generated tensors and quantization."""

    @checked
    def add_full(
        self, number: float, shape: Iterable[ExprLike], dtype: str | Attribute | np.dtype[Any] | type
    ) -> SSAValue:
        """A tensor whose elements are all `number`."""
        scalar = self.add_constant(np.array(number, numpy_dtype(element_type(dtype))))
        extents = extents_of("full", shape)
        return self.add_broadcast_to(scalar, extents) if extents else scalar

    @checked
    def add_iota(self, shape: Iterable[ExprLike], axis: int, dtype: str | Attribute | np.dtype[Any] | type) -> SSAValue:
        """0, 1, 2, ... along `axis`."""
        return self.insert(nn.IotaOp(list(shape), element_type(dtype), axis))

    @checked
    def add_shape_value(self, exprs: Iterable[ExprLike], shape: Sequence[int] | None = None) -> SSAValue:
        """Dim expressions as an i64 tensor: a vector, or of the given shape."""
        value = self.insert(nn.ShapeValueOp([dims.as_expr(expr) for expr in exprs]))
        return value if shape is None else self.add_reshape(value, shape)

    @checked
    def add_size(self, size: ExprLike, dtype: str | Attribute | np.dtype[Any] | type) -> SSAValue:
        """A dim expression as a scalar, which costs what a constant costs."""
        return self.insert(nn.SizeOp(size, element_type(dtype)))

    def _to_channels_last(self, x: SSAValue, layout: Layout) -> SSAValue:
        check_kind("layout", layout, ("NCHW", "NHWC"))
        rank = nn.rank_of(x)
        if layout == "NHWC" or rank < 3:
            return x
        return self.add_transpose(x, (0, *range(2, rank), 1))

    def _from_channels_last(self, x: SSAValue, layout: Layout) -> SSAValue:
        check_kind("layout", layout, ("NCHW", "NHWC"))
        rank = nn.rank_of(x)
        if layout == "NHWC" or rank < 3:
            return x
        return self.add_transpose(x, (0, rank - 1, *range(1, rank - 1)))

    # Data movement.

    @checked
    def add_gather(self, x: SSAValue, indices: SSAValue | Array, axis: int = 0) -> SSAValue:
        """Slices of `x` at integer indices along `axis`: the result has dims x[:axis], indices, x[axis + 1:]."""
        return self.insert(nn.GatherOp(x, self.operand(indices), axis))

    @checked
    def add_gather_nd(self, x: SSAValue, indices: SSAValue | Array, batch_dims: int = 0) -> SSAValue:
        """Slices of `x` at index tuples, the last dim of `indices`; the first `batch_dims` dims of both correspond."""
        return self.insert(nn.GatherNdOp(x, self.operand(indices), batch_dims))

    @checked
    def add_concat(self, values: Sequence[SSAValue], axis: int) -> SSAValue:
        """Tensors joined along `axis`; all their other dims are equal."""
        if not values:
            raise InvalidModelError("concat: expected at least one tensor, got none")
        return self.insert(nn.ConcatOp(self._joinable(values, axis), axis))

    def _joinable(self, values: Sequence[SSAValue], axis: int) -> list[SSAValue]:
        """Tensors with their dims but that of the axis written alike, where one of them is decided by data."""
        shapes = [nn.shape_of(value) for value in values]
        late = self.late.keys()
        if len({len(shape) for shape in shapes}) > 1 or not any(d.symbols() & late for shape in shapes for d in shape):
            return list(values)
        place = axis % len(shapes[0])
        wanted = [min(column, key=lambda extent: bool(extent.symbols() & late)) for column in zip(*shapes, strict=True)]
        return [
            self.with_dims(value, [*wanted[:place], shape[place], *wanted[place + 1 :]])
            if all(self.agree(a, b) for i, (a, b) in enumerate(zip(shape, wanted, strict=True)) if i != place)
            else value
            for value, shape in zip(values, shapes, strict=True)
        ]

    @checked
    def add_slice(
        self, x: SSAValue, starts: Iterable[ExprLike], sizes: Iterable[ExprLike], steps: Sequence[int] | None = None
    ) -> SSAValue:
        """`sizes[i]` elements from `starts[i]` on in steps of `steps[i]` (default 1), for every dim."""
        return self.insert(nn.SliceOp(x, list(starts), list(sizes), steps))

    @checked
    def add_transpose(self, x: SSAValue, permutation: Sequence[int]) -> SSAValue:
        """Result dim i is dim `permutation[i]` of `x`."""
        return self.insert(nn.TransposeOp(x, permutation))

    @checked
    def add_reshape(self, x: SSAValue, shape: Iterable[ExprLike]) -> SSAValue:
        """The same elements in row-major order with another shape; `x` itself where it has that shape."""
        extents = extents_of("reshape", shape)
        return x if nn.shape_of(x) == extents else self.insert(nn.ReshapeOp(x, extents))

    @checked
    def add_broadcast_to(self, x: SSAValue, shape: Iterable[ExprLike]) -> SSAValue:
        """NumPy's broadcast_to; `x` itself where it has that shape."""
        extents = extents_of("broadcast_to", shape)
        return x if nn.shape_of(x) == extents else self.insert(nn.BroadcastToOp(x, extents))

    @checked
    def add_pad(
        self,
        x: SSAValue,
        low: Iterable[ExprLike],
        high: Iterable[ExprLike],
        value: float = 0.0,
        mode: str = "constant",
    ) -> SSAValue:
        """`low[i]` elements before and `high[i]` after dim i: all of them `value`, or, in the mode "reflect", "edge" or "wrap",
        elements of `x` as `numpy.pad` repeats them."""
        check_kind("pad: mode", mode, ("constant", *nn.PadMode))
        return self.insert(nn.PadOp(x, list(low), list(high), value, None if mode == "constant" else nn.PadMode(mode)))

    # Quantization.

    @checked
    def add_quantize(self, x: SSAValue, scale: Operand, axis: int | None = None) -> SSAValue:
        """`x` as i8 with a symmetric scale: a scalar, or one per index of `axis`."""
        return self.insert(quant.QuantizeOp(x, self.operand(scale, x), axis))

    @checked
    def add_dequantize(self, x: SSAValue, scale: SSAValue | Array, axis: int | None = None) -> SSAValue:
        """`x * scale` of an i8 or i32 tensor, in the element type of the scale."""
        factor = self.operand(scale)
        return self.insert(quant.DequantizeOp(x, factor, axis, nn.element_of(factor)))
