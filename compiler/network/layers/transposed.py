"""Transposed convolutions, as convolutions of the image as it is: nothing is inserted between its pixels.

Output element `u = i * stride + k * dilation` (before its pads are cut off) sums x[i] * w[k]. All elements of one remainder
r = u mod stride are a convolution of x by those taps of w that have this remainder, and the result is these convolutions interleaved. Where
the stride divides the kernel, those of the last dim are channels of one convolution, as its result has them in order; the others
are convolutions that write every other row:

    conv(x [N, H, W, C], w0 [S * O, T, T, C]) -> [N, V, V, S, O] -> [N, V, 1, V * S, O]
    conv(x [N, H, W, C], w1 [S * O, T, T, C]) -> [N, V, V, S, O] -> [N, V, 1, V * S, O]     joined: [N, V * 2, V * S, O], cropped

No product with a zero is computed, so that infinities stay where they belong. Only of a stride that makes more than `MOST_APART`
convolutions, all remainders are channels of one, whose missing taps are zeros. The weights are taken apart by ops on them, which
`hoist-weights` moves to `@weights`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import gcd, prod

from xdsl.ir import SSAValue

from ....dialects import nn
from ....dialects.dims import Expr, const, product
from ....dialects.errors import InvalidModelError
from ..arguments import checked
from ..graph import Array, Layout
from .windows import WindowLayers

MOST_JOINED = 4
"""Convolutions of one image that are joined in space, where one could make all remainders as channels, which a copy then spreads."""
MOST_APART = 32
"""The same, where that one would multiply by zeros."""


@dataclass(frozen=True)
class Taps:
    """
    The taps of a kernel that reach elements of one remainder, or of `whole` remainders, one each: `count` from `first` on, `step` apart.
    The first one takes the pixel `delay` before, each further one the pixel `spread` before that.
    """

    first: int
    count: int
    step: int
    delay: int
    spread: int
    whole: int = 1

    @property
    def reach(self) -> int:
        """Pixels from the nearest to the farthest."""
        return (self.count - 1) * self.spread


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
    def span(self) -> int:
        """The elements from a window's first to its last."""
        return (self.kernel - 1) * self.dilation + 1

    @property
    def divides(self) -> bool:
        """Whether all remainders have the same taps, side by side."""
        return self.dilation == 1 and self.kernel % self.stride == 0

    def taps(self, remainder: int) -> Taps | None:
        """The taps of a remainder; None where there is none."""
        common = gcd(self.stride, self.dilation)
        found = [k for k in range(self.kernel) if (k * self.dilation - remainder) % self.stride == 0]
        if not found:
            return None
        delay = (found[0] * self.dilation - remainder) // self.stride
        return Taps(found[0], len(found), self.stride // common, delay, self.dilation // common)

    @property
    def all_taps(self) -> Taps:
        """The taps of all remainders, one beside the other; those that a kernel does not have are zeros."""
        return Taps(0, -(-self.kernel // self.stride), 1, 0, 1, self.stride)

    def parts(self, together: bool) -> list[Taps | None]:
        """The taps of each remainder, or of all."""
        return [self.all_taps] if together else [self.taps(r) for r in range(self.stride)]

    def bounds(self, together: bool) -> tuple[int, int]:
        """The number of the first result that is computed of each remainder, and of the last one, less the number of the last pixel."""
        parts = [part for part in self.parts(together) if part is not None]
        first = min([self.before // self.stride, *(part.delay + part.reach for part in parts)])
        return first, max([(self.span - self.after - 1) // self.stride, *(part.delay for part in parts)])

    def size(self, extent: Expr) -> Expr:
        """The extent of the result."""
        return (extent - 1) * self.stride + self.span - self.before - self.after


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
        depthwise = groups > 1 and (nn.shape_of(image)[-1].as_int(), nn.shape_of(w)[1].as_int()) == (groups, 1)
        made = _Transposed(self, image, w, axes, groups, _together(axes, groups, depthwise)).result()
        shape = nn.shape_of(image)
        result = self._cropped(made, axes, [axis.size(extent) for axis, extent in zip(axes, shape[1:-1], strict=True)])
        if bias is not None:
            result = self.add_binary("add", result, bias)
        return self._from_channels_last(result, layout)

    def _cropped(self, made: tuple[SSAValue, list[int]], axes: Sequence[Axis], sizes: Sequence[Expr]) -> SSAValue:
        """The part of a result that the pads leave; `made` is the result, and the numbers of its first elements."""
        result, first = made
        batch, *_, channels = nn.shape_of(result)
        starts = [0, *(axis.before - start * axis.stride for axis, start in zip(axes, first, strict=True)), 0]
        whole = [batch, *sizes, channels]
        return result if [*nn.shape_of(result)] == whole and not any(starts) else self.add_slice(result, starts, whole)

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
            or groups < 1
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


def _together(axes: Sequence[Axis], groups: int, depthwise: bool) -> list[bool]:
    """The dims whose remainders are channels of one convolution. As one, depthwise ones would be products of a few columns."""
    last = axes[-1]
    joined = [*[False] * (len(axes) - 1), last.stride > 1 and last.divides and groups == 1]
    convolutions = prod(axis.stride for axis, inside in zip(axes, joined, strict=True) if not inside)
    spread = all(axis.divides for axis in axes if axis.stride > 1)
    most = MOST_JOINED if spread and not depthwise else MOST_APART
    if convolutions > most and all(axis.dilation == 1 or axis.stride == 1 for axis in axes):
        return [axis.stride > 1 for axis in axes]
    if groups > 1 and not depthwise and spread:
        return [axis.stride > 1 for axis in axes]
    return joined


@dataclass(frozen=True)
class _Transposed:
    """The convolutions of a transposed convolution. `together`: the dims whose remainders are channels."""

    net: TransposedLayers
    image: SSAValue
    weights: SSAValue
    axes: Sequence[Axis]
    groups: int
    together: Sequence[bool]

    def result(self) -> tuple[SSAValue, list[int]]:
        """The interleaved results, before their pads are cut off, and the number of the first result of each dim's remainders."""
        return self._joined([]), [first for first, _ in self._bounds()]

    def _bounds(self) -> list[tuple[int, int]]:
        return [axis.bounds(inside) for axis, inside in zip(self.axes, self.together, strict=True)]

    def _joined(self, chosen: list[Taps | None]) -> SSAValue:
        """The results of the chosen remainders of the first dims, for each of them those of the next dims, interleaved."""
        place = len(chosen)
        if place == len(self.axes):
            return self._spread(self._convolved(chosen))
        results = [self._joined([*chosen, part]) for part in self.axes[place].parts(self.together[place])]
        if len(results) == 1:
            return results[0]
        batch, *spatial, channels = nn.shape_of(results[0])
        before, after = [batch, *spatial[: place + 1]], [*spatial[place + 1 :], channels]
        parts = [self.net.add_reshape(part, [*before, 1, *after]) for part in results]
        stacked = self.net.add_concat(parts, len(before))
        return self.net.add_reshape(stacked, [*before[:-1], before[-1] * len(results), *after])

    def _convolved(self, chosen: Sequence[Taps | None]) -> SSAValue:
        """The convolution by some taps, its channels [g, remainders that are together, O / g]; zeros where a dim has no tap."""
        taps = [part for part in chosen if part is not None]
        batch, *spatial, _ = nn.shape_of(self.image)
        outputs = nn.shape_of(self.weights)[1] * self.groups * prod(part.whole for part in taps)
        if len(taps) < len(chosen):
            places = zip(spatial, self._bounds(), strict=True)
            dims = [batch, *(extent + last - first for extent, (first, last) in places), outputs]
            return self.net.add_full(0.0, dims, nn.element_of(self.image))
        pads = [
            (part.delay + part.reach - first, last - part.delay)
            for part, (first, last) in zip(taps, self._bounds(), strict=True)
        ]
        return self.net.insert(
            nn.ConvOp(
                self.image,
                self._filters(taps),
                pads=[*(before for before, _ in pads), *(after for _, after in pads)],
                dilations=[part.spread for part in taps],
                groups=self.groups,
            )
        )

    def _filters(self, taps: Sequence[Taps]) -> SSAValue:
        """The weights of the taps, the farthest pixel's first: [g * remainders * O / g, taps, C / g]."""
        net, count = self.net, len(taps)
        channels, outputs, *_ = nn.shape_of(self.weights)
        missing = [
            max(part.count * part.whole - axis.kernel, 0) if part.whole > 1 else 0
            for part, axis in zip(taps, self.axes, strict=True)
        ]
        w = net.add_pad(self.weights, [0] * (2 + count), [0, 0, *missing]) if any(missing) else self.weights
        cut = [
            e for part, extent in zip(taps, nn.shape_of(w)[2:], strict=True) for e in (extent // part.whole, part.whole)
        ]
        w = net.add_reshape(w, [channels, outputs, *cut])
        last = [e for part in taps for e in (part.first + (part.count - 1) * part.step, 0)]
        kept = [e for part in taps for e in (part.count, part.whole)]
        w = net.add_slice(
            w, [0, 0, *last], [channels, outputs, *kept], [1, 1, *(e for part in taps for e in (-part.step, 1))]
        )
        w = net.add_reshape(w, [self.groups, channels // self.groups, outputs, *kept])
        at, remainders = range(3, 3 + 2 * count, 2), range(4, 4 + 2 * count, 2)
        shape = nn.shape_of(w := net.add_transpose(w, (0, *remainders, 2, *at, 1)))
        return net.add_reshape(w, [product(shape[: 2 + count]), *shape[2 + count :]])

    def _spread(self, made: SSAValue) -> SSAValue:
        """[N, V, W, (g, R, S, O / g)] as [N, V * R, W * S, (g, O / g)], R and S being remainders that are together."""
        batch, *spatial, channels = nn.shape_of(made)
        count = len(self.axes)
        inside = [axis.stride if together else 1 for axis, together in zip(self.axes, self.together, strict=True)]
        outputs = channels // prod(inside)
        grown = [batch, *(extent * stride for extent, stride in zip(spatial, inside, strict=True)), outputs]
        if prod(inside[:-1]) * self.groups == 1 or prod(inside) == 1:
            return self.net.add_reshape(made, grown)
        cut = self.net.add_reshape(made, [batch, *spatial, self.groups, *inside, outputs // self.groups])
        pairs = [e for i in range(count) for e in (1 + i, 2 + count + i)]
        return self.net.add_reshape(self.net.add_transpose(cut, (0, *pairs, 1 + count, 2 + 2 * count)), grown)
