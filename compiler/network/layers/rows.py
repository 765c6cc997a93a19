"""Matrix products, reductions and normalisations."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.ir import SSAValue

from ....dialects import nn
from ....dialects.dtypes import ui64
from ..arguments import check_kind, checked
from ..graph import Array, Layout
from .data import DataLayers
from .pointwise import PointwiseLayers


class RowLayers(DataLayers, PointwiseLayers):
    """Layers that combine the elements of rows."""

    @checked
    def add_matmul(self, a: SSAValue, b: SSAValue | Array, *, transpose_b: bool = False) -> SSAValue:
        """NumPy's matmul of two tensors of rank 2 or more; with `transpose_b` the last two dims of `b` are swapped."""
        return self.insert(nn.MatmulOp(a, self.operand(b), transpose_b))

    @checked
    def add_reduce(self, kind: str, x: SSAValue, axes: Sequence[int], *, keepdims: bool = False) -> SSAValue:
        """`sum mean max min prod sumsq` over `axes`."""
        check_kind("reduce", kind, tuple(nn.ReduceKind))
        reduced = list(axes)
        if not reduced:  # each element is reduced alone, as that of a scalar is
            return self.add_binary("mul", x, x) if kind == "sumsq" else x
        if kind in ("max", "min") and nn.element_of(x) == ui64:
            made = self.insert(nn.ReduceOp(self.as_signed(x, ordered=True), kind, reduced, keepdims))
            return self.as_unsigned(made, ordered=True)
        return self.insert(nn.ReduceOp(x, kind, reduced, keepdims))

    @checked
    def add_softmax(self, x: SSAValue, axis: int = -1) -> SSAValue:
        """`exp(x - max) / sum(exp(x - max))` along `axis`."""
        return self.insert(nn.SoftmaxOp(x, axis))

    @checked
    def add_log_softmax(self, x: SSAValue, axis: int = -1) -> SSAValue:
        """The logarithm of `add_softmax`, which keeps the digits of small probabilities."""
        return self.insert(nn.LogSoftmaxOp(x, axis))

    @checked
    def add_layer_norm(
        self, x: SSAValue, scale: SSAValue | Array, bias: SSAValue | Array, *, axis: int = -1, epsilon: float = 1e-5
    ) -> SSAValue:
        """Normalises over all axes from `axis` on, then scales and shifts; `scale` and `bias` broadcast to these axes."""
        return self.insert(nn.LayerNormOp(x, self.operand(scale), self.operand(bias), axis, epsilon))

    @checked
    def add_normalize(
        self, x: SSAValue, axes: Sequence[int], *, epsilon: float = 1e-5, centred: bool = True
    ) -> SSAValue:
        """`(x - mean) / sqrt(variance + epsilon)` over `axes`; without `centred`, `x / sqrt(mean of x * x + epsilon)`."""
        return self.insert(nn.NormalizeOp(x, axes, epsilon, centred))

    @checked
    def add_l2_normalize(self, x: SSAValue, axes: Sequence[int], *, epsilon: float = 1e-12) -> SSAValue:
        """`x / max(sqrt(sum of x * x), epsilon)` over `axes`."""
        return self.insert(nn.L2NormalizeOp(x, axes, epsilon))

    @checked
    def add_batch_norm(
        self,
        x: SSAValue,
        scale: SSAValue | Array,
        bias: SSAValue | Array,
        mean: SSAValue | Array,
        variance: SSAValue | Array,
        *,
        epsilon: float = 1e-5,
        layout: Layout = "NCHW",
    ) -> SSAValue:
        """`(x - mean) / sqrt(variance + epsilon) * scale + bias` per channel (dim 1, or the last for NHWC)."""
        image = self._to_channels_last(x, layout)
        gamma, beta, centre, spread = (self.operand(parameter) for parameter in (scale, bias, mean, variance))
        return self._from_channels_last(
            self.insert(nn.BatchNormOp(image, gamma, beta, centre, spread, epsilon)), layout
        )

    @checked
    def add_lrn(
        self,
        x: SSAValue,
        *,
        size: int,
        alpha: float = 1e-4,
        beta: float = 0.75,
        bias: float = 1.0,
        layout: Layout = "NCHW",
    ) -> SSAValue:
        """Local response normalisation over `size` channels (dim 1, or the last for NHWC)."""
        image = self._to_channels_last(x, layout)
        return self._from_channels_last(self.insert(nn.LrnOp(image, size, alpha, beta, bias)), layout)
