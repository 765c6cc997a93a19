"""Transposed convolutions, as convolutions of the image as it is: nothing is inserted between its pixels.

Output element `u = i * stride + k` (before its pads are cut off) sums x[i] * w[k]. With k = q * stride + r, all elements of one remainder
r are a convolution of x by the taps q of w, `ceil(kernel / stride)` of them, and the result is these convolutions interleaved. Those of the
last dim are channels of one convolution, as its result has them in order; those of other dims are convolutions that write every other row:

    conv(x [N, H, W, C], w0 [S * O, T, T, C]) -> [N, V, V, S, O] -> [N, V, 1, V * S, O]
    conv(x [N, H, W, C], w1 [S * O, T, T, C]) -> [N, V, V, S, O] -> [N, V, 1, V * S, O]     joined: [N, V * 2, V * S, O], cropped

No multiplication by a zero is left but where the stride does not divide the kernel, or the taps are dilated. The weights are rearranged
by ops on them, which `hoist-weights` moves to `@weights`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from xdsl.ir import SSAValue

from ....dialects import nn
from ....dialects.dims import Expr, const, product
from ....dialects.errors import InvalidModelError
from ..arguments import checked
from ..graph import Array, Layout
from .windows import WindowLayers

MOST_CONVOLUTIONS = 4
"""Convolutions of one image that are joined in space. With more of them, one makes all remainders as channels, and a copy spreads these."""


@dataclass(frozen=True)
class Axis:
    """One spatial dim of a transposed convolution."""

    kernel: int
    stride: int
    dilation: int
    before: int
    """Elements that are cut off before the result."""
    after: int
    """Elements that are cut off after it, less those of the output padding."""

    @property
    def reach(self) -> int:
        """The elements from a window's first to its last."""
        return (self.kernel - 1) * self.dilation + 1

    @property
    def spread(self) -> int:
        """The dilation of the convolution: with a stride, taps are moved apart in the weights."""
        return self.dilation if self.stride == 1 else 1

    @property
    def taps(self) -> int:
        """Taps of the convolution per remainder."""
        return self.kernel if self.stride == 1 else -(-self.reach // self.stride)

    @property
    def first(self) -> int:
        """The convolution's first result counts as the result of this number; those before are cut off, a whole number of strides."""
        return min(self.before // self.stride, (self.taps - 1) * self.spread)

    @property
    def pads(self) -> tuple[int, int]:
        """The pads of the convolution."""
        last = (self.reach - self.after - 1) // self.stride
        return (self.taps - 1) * self.spread - self.first, max(last, 0)

    def size(self, extent: Expr) -> Expr:
        """The extent of the result."""
        return (extent - 1) * self.stride + self.reach - self.before - self.after


class TransposedLayers(WindowLayers):
    """Layers that spread an image over a larger one."""

    @checked
    def add_transposed_convolution(
        self,
        x: SSAValue,
        weights: SSAValue | Array,
        bias: SSAValue | Array | None = None,
        *,
        strides: Sequence[int] | None = None,
        pads: Sequence[int] | None = None,
        output_padding: Sequence[int] | None = None,
        dilations: Sequence[int] | None = None,
        groups: int = 1,
        layout: Layout = "NCHW",
    ) -> SSAValue:
        """A transposed convolution over any number of spatial dims. `x` is N,C,H,W (`layout="NHWC"`: N,H,W,C), `weights` are
        C,O/groups,R,S; `pads` are cut off before each spatial dim, then after, `output_padding` is added after; `bias` has shape [O].
        The result's extents are `(in - 1) * stride + dilation * (kernel - 1) + 1 + output_padding - pads`."""
        image, w = self._to_channels_last(x, layout), self.operand(weights)
        axes = self._axes(image, w, strides, pads, output_padding, dilations, groups)
        filters = self._rearranged(w, axes, groups)
        depthwise = groups > 1 and (nn.shape_of(image)[-1].as_int(), nn.shape_of(w)[1].as_int()) == (groups, 1)
        # As one convolution, depthwise ones would be products of a few columns.
        apart = axes if depthwise else axes[:-1]
        if depthwise or (groups == 1 and prod(axis.stride for axis in apart) <= MOST_CONVOLUTIONS):
            result = self._interleaved(image, filters, axes, len(apart), groups)
        else:
            result = self._spread(self._convolution(image, filters, axes, groups), axes, groups)
        shape = nn.shape_of(image)
        sizes = [shape[0], *(axis.size(extent) for axis, extent in zip(axes, shape[1:-1], strict=True))]
        starts = [0, *(axis.before - axis.first * axis.stride for axis in axes), 0]
        result = self._cropped(result, starts, [*sizes, nn.shape_of(result)[-1]])
        if bias is not None:
            result = self.add_binary("add", result, bias)
        return self._from_channels_last(result, layout)

    def _axes(
        self,
        image: SSAValue,
        weights: SSAValue,
        strides: Sequence[int] | None,
        pads: Sequence[int] | None,
        output_padding: Sequence[int] | None,
        dilations: Sequence[int] | None,
        groups: int,
    ) -> list[Axis]:
        shape, filters = nn.shape_of(image), nn.shape_of(weights)
        count = len(shape) - 2
        kernel = [extent.as_int() for extent in filters[2:]]
        sizes = [size for size in kernel if size is not None]
        if (
            count < 1
            or len(sizes) != count
            or not nn.same_dim(filters[0], shape[-1])
            or (shape[-1] % groups) != const(0)
        ):
            raise InvalidModelError(
                f"transposed convolution: expected weights [C, O / groups, R, S] of fixed size, C divisible by {groups} groups, for "
                f"an image {image.type}, got {weights.type}"
            )
        strides, pads, dilations = nn.whole_windows(count, strides, pads, dilations)
        more = [0] * count if output_padding is None else output_padding
        lengths = len(strides), len(dilations), len(more), len(pads)
        if lengths != (count, count, count, 2 * count) or min((*strides, *dilations, *sizes)) < 1:
            raise InvalidModelError(
                f"transposed convolution: expected {count} positive strides and dilations, {count} output paddings and {2 * count} "
                f"pads, got strides {list(strides)}, dilations {list(dilations)}, output padding {list(more)}, pads {list(pads)}"
            )
        ends = zip(sizes, strides, dilations, pads[:count], pads[count:], more, strict=True)
        return [Axis(k, s, d, before, after - extra) for k, s, d, before, after, extra in ends]

    def _rearranged(self, w: SSAValue, axes: Sequence[Axis], groups: int) -> SSAValue:
        """Weights [C, O / g, R, S] as [g, remainders, O / g, taps, C / g], the taps of each remainder backwards."""
        channels, outputs = nn.shape_of(w)[:2]
        count = len(axes)
        kernel = [axis.reach if axis.stride > 1 else axis.kernel for axis in axes]
        apart = [axis.dilation if axis.stride > 1 else 1 for axis in axes]
        if max(apart) > 1:
            pairs = [e for axis in axes for e in (axis.kernel, 1)]
            gaps = [e for dilation in apart for e in (0, dilation - 1)]
            wide = self.add_pad(self.add_reshape(w, [channels, outputs, *pairs]), [0] * (2 + 2 * count), [0, 0, *gaps])
            whole = [axis.kernel * dilation for axis, dilation in zip(axes, apart, strict=True)]
            w = self._cropped(
                self.add_reshape(wide, [channels, outputs, *whole]), [0] * (2 + count), [channels, outputs, *kernel]
            )
        missing = [axis.taps * axis.stride - size for axis, size in zip(axes, kernel, strict=True)]
        if any(missing):
            w = self.add_pad(w, [0] * (2 + count), [0, 0, *missing])
        cut = [e for axis in axes for e in (axis.taps, axis.stride)]
        w = self.add_reshape(w, [groups, channels // groups, outputs, *cut])
        last = [0] * 3 + [e for axis in axes for e in (axis.taps - 1, 0)]
        w = self.add_slice(w, last, nn.shape_of(w), [1] * 3 + [-1, 1] * count)
        taps, remainders = range(3, 3 + 2 * count, 2), range(4, 4 + 2 * count, 2)
        return self.add_transpose(w, (0, *remainders, 2, *taps, 1))

    def _convolution(self, image: SSAValue, filters: SSAValue, axes: Sequence[Axis], groups: int) -> SSAValue:
        """The convolution of the remainders in `filters`, as channels [g, remainders, O / g]."""
        *outputs, inputs = nn.shape_of(filters)
        count = len(axes)
        flat = self.add_reshape(filters, [product(outputs[:-count]), *outputs[-count:], inputs])
        pads = [axis.pads for axis in axes]
        return self.insert(
            nn.ConvOp(
                image,
                flat,
                pads=[*(before for before, _ in pads), *(after for _, after in pads)],
                dilations=[axis.spread for axis in axes],
                groups=groups,
            )
        )

    def _spread(self, made: SSAValue, axes: Sequence[Axis], groups: int) -> SSAValue:
        """[N, V, W, (g, R, S, O / g)] as [N, V * R, W * S, (g, O / g)]."""
        batch, *spatial, channels = nn.shape_of(made)
        count, remainders = len(axes), [axis.stride for axis in axes]
        if set(remainders) == {1}:
            return made
        outputs = channels // (prod(remainders) * groups)
        cut = self.add_reshape(made, [batch, *spatial, groups, *remainders, outputs])
        pairs = [e for i in range(count) for e in (1 + i, 2 + count + i)]
        moved = self.add_transpose(cut, (0, *pairs, 1 + count, 2 + 2 * count))
        grown = [extent * stride for extent, stride in zip(spatial, remainders, strict=True)]
        return self.add_reshape(moved, [batch, *grown, outputs * groups])

    def _interleaved(
        self, image: SSAValue, filters: SSAValue, axes: Sequence[Axis], apart: int, groups: int
    ) -> SSAValue:
        """A convolution per remainder of the first `apart` dims, joined in space; the others' remainders are channels of each."""

        def joined(part: SSAValue, axis: int) -> SSAValue:
            """The results of the remainders of a dim, for each those of the next."""
            if axis == apart:
                made = self._convolution(image, part, axes, groups)
                batch, *spatial, channels = nn.shape_of(made)
                for inner in range(apart, len(axes)):
                    spatial[inner], channels = spatial[inner] * axes[inner].stride, channels // axes[inner].stride
                return self.add_reshape(made, [batch, *spatial, channels])
            shape = list(nn.shape_of(part))
            shape[1 + axis] = const(1)
            starts = [[r if dim == 1 + axis else 0 for dim in range(len(shape))] for r in range(axes[axis].stride)]
            parts = [joined(self._cropped(part, start, shape), axis + 1) for start in starts]
            if len(parts) == 1:
                return parts[0]
            batch, *spatial, channels = nn.shape_of(parts[0])
            before, after = [batch, *spatial[: axis + 1]], [*spatial[axis + 1 :], channels]
            stacked = self.add_concat([self.add_reshape(part, [*before, 1, *after]) for part in parts], len(before))
            return self.add_reshape(stacked, [*before[:-1], before[-1] * len(parts), *after])

        return joined(filters, 0)

    def _cropped(self, x: SSAValue, starts: Sequence[int], sizes: Sequence[Expr | int]) -> SSAValue:
        whole = all(nn.shape_of(x)[i] == size for i, size in enumerate(sizes)) and not any(starts)
        return x if whole else self.add_slice(x, starts, sizes)
