"""Ops over regions and windows at computed places: RoiAlign, MaxRoiPool, DeformConv, Col2Im, CenterCropPad."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce as chain

import numpy as np
from xdsl.ir import SSAValue

from ....dialects import dims
from ....dialects.dims import Expr
from ...network import Network
from ..folding import as_int
from ..node import Node
from ..places import along, extent, pick
from ..registry import Result, onnx_op
from .formulas import Number, chosen, size_of
from .points import Tap, between, sampled

MOST_SAMPLES = 16
"""Samples of a bin that one expression combines."""
ONE = dims.const(1)


def _column(net: Network, rois: SSAValue, k: int, shape: Sequence[Expr]) -> SSAValue:
    """Column k of [R, ...], one row for each index of the first axis of a result: computed where it is read, not kept."""
    rows = net.shape(rois)[0]
    column = net.add_slice(rois, [0, k], [rows, ONE])
    return net.add_broadcast_to(net.add_reshape(column, [rows, *[ONE] * (len(shape) - 1)]), shape)


@dataclass(frozen=True)
class _Bins:
    """The bins of regions along an axis: how many, the extent of the image there, and the columns of the regions' bounds."""

    count: int
    extent: Expr
    columns: tuple[int, int]


@dataclass(frozen=True)
class _Rois:
    """The regions of RoiAlign."""

    node: Node
    bins: tuple[_Bins, _Bins]
    offset: float

    def bounds(self, bins: _Bins, shape: Sequence[Expr]) -> tuple[Number, Number]:
        """The start of each region along an axis, and the length of a bin, for all elements of a result of this shape."""
        net, scale = self.node.net, self.node.float("spatial_scale", 1.0)
        start, end = (
            Number(net, _column(net, self.node.data(1), column, shape)) * scale - self.offset for column in bins.columns
        )
        length = end - start if self.offset else (end - start).greatest(1.0)
        return start, length / float(bins.count)

    def size(self, bins: _Bins) -> Number:
        net = self.node.net
        return size_of(net, bins.extent, str(net.element(self.node.data(0))))

    def taps(self, bins: _Bins, position: Number) -> tuple[list[Tap], SSAValue]:
        """The two elements around a position, which is held in the image, and whether the position counts at all."""
        net, size = self.node.net, self.size(bins)
        counts = _counts(net, position, size)
        held = position.greatest(0.0).least(size - 1.0)
        first = held.unary("floor")
        ratio = held - first
        after = (first + 1.0).least(size - 1.0)
        places = (net.add_cast(place.value(), "i32") for place in (first, after))
        weights = ((1.0 - ratio).value(), ratio.value())
        return [Tap(place, weight) for place, weight in zip(places, weights, strict=True)], counts


def _counts(net: Network, position: Number, size: Number) -> SSAValue:
    """Whether a sample lies in the image, or less than one element outside."""
    return net.add_binary(
        "logical_and",
        net.add_compare("ge", position.value(), -1.0),
        net.add_compare("le", position.value(), size.value(position.value())),
    )


@onnx_op("RoiAlign", note="a fixed sampling_ratio of up to 4, or mode avg with sampling_ratio 0")
def roi_align(node: Node) -> Result:
    node.in_f32()
    shape = node.shape(0)
    if len(shape) != 4 or node.rank(1) != 2:
        node.invalid(f"expected an image of rank 4 and regions of rank 2, got ranks {len(shape)} and {node.rank(1)}")
    half = node.string("coordinate_transformation_mode", "half_pixel" if node.opset >= 16 else "output_half_pixel")
    bins = (
        _Bins(node.int("output_height", 1), shape[2], (1, 3)),
        _Bins(node.int("output_width", 1), shape[3], (0, 2)),
    )
    rois = _Rois(node, bins, 0.5 if half == "half_pixel" else 0.0)
    samples, mode = node.int("sampling_ratio", 0), node.string("mode", "avg")
    if samples == 0:
        if mode != "avg":
            node.unsupported(
                "it takes the maximum of a number of samples that the regions decide", "set sampling_ratio"
            )
        return _averaged(rois)
    if samples**2 > MOST_SAMPLES:
        node.unsupported(f"its sampling_ratio is {samples}", "use 4 or less")
    return _sampled_bins(rois, samples, mode)


def _sampled_bins(rois: _Rois, samples: int, mode: str) -> SSAValue:
    """The mean of the samples of each bin, or the greatest of their weighted elements."""
    node, net = rois.node, rois.node.net
    x, element = node.data(0), str(net.element(node.data(0)))
    result = [node.shape(1)[0], node.shape(0)[1], *(dims.const(bins.count) for bins in rois.bins)]
    batch = along(net, net.add_cast(node.data(2), "i32"), 0, 4)

    def positions(axis: int, bins: _Bins) -> list[tuple[list[Tap], SSAValue]]:
        start, length = rois.bounds(bins, result)
        number = Number(net, net.add_iota(result, axis + 2, element))
        return [rois.taps(bins, start + (number + (k + 0.5) / samples) * length) for k in range(samples)]

    rows, columns = (positions(axis, bins) for axis, bins in enumerate(rois.bins))
    terms: list[SSAValue] = []
    for down, counts_down in rows:
        for across, counts_across in columns:
            counts = net.add_binary("logical_and", counts_down, counts_across)
            lead = [batch, None]
            if mode == "avg":
                value = sampled(net, x, result, [down, across], lead)
            else:
                parts = [sampled(net, x, result, [[a], [b]], lead) for a in down for b in across]
                value = chain(lambda a, b: net.add_binary("max", a, b), parts)
            terms.append(net.add_where(counts, value, 0.0))
    kind = "add" if mode == "avg" else "max"
    total = chain(lambda a, b: net.add_binary(kind, a, b), terms)
    return net.add_binary("div", total, float(samples**2)) if mode == "avg" else total


def _averaged(rois: _Rois) -> SSAValue:
    """
    The mean over as many samples as a bin is long, rounded up: a product of the image with the weight of each of its rows and columns, as
    the samples form a grid. Samples are more than half an element apart, so that few of them touch one element.
    """
    node, net = rois.node, rois.node.net
    batch, channels, height, width = node.shape(0)
    rows = node.shape(1)[0]
    down, across = (_bin_weights(rois, bins) for bins in rois.bins)
    over, wide = (bins.count for bins in rois.bins)
    # [N, C, H, W] x [R * PW, W] -> [R, N, H * C * PW], of which each region takes its image.
    part = net.add_matmul(node.data(0), net.add_reshape(across, [ONE, rows * wide, width]), transpose_b=True)
    part = net.add_transpose(net.add_reshape(part, [batch, channels, height, rows, dims.const(wide)]), (3, 0, 2, 1, 4))
    part = net.add_reshape(part, [rows, batch, height * channels * wide])
    image = along(net, net.add_cast(node.data(2), "i32"), 0, 3)
    part = pick(net, part, [rows, ONE, height * channels * wide], [None, image, None])
    found = net.add_matmul(down, net.add_reshape(part, [rows, height, channels * wide]))
    return net.add_transpose(net.add_reshape(found, [rows, dims.const(over), channels, dims.const(wide)]), (0, 2, 1, 3))


def _bin_weights(rois: _Rois, bins: _Bins) -> SSAValue:
    """The weight of each element of an axis in each bin, [R, bins, extent]."""
    node, net = rois.node, rois.node.net
    element, size = str(net.element(node.data(0))), rois.size(bins)
    shape = [node.shape(1)[0], dims.const(bins.count), bins.extent, dims.const(_TOUCHING)]
    start, length = rois.bounds(bins, shape)
    number, here, turn = (Number(net, net.add_iota(shape, axis, element)) for axis in (1, 2, 3))
    taken = length.unary("ceil")
    step = length / taken.greatest(1.0)
    first_of_bin = start + number * length
    # From the first sample on that is less than one element before this one.
    before = (here - 1.0 - first_of_bin) / chosen(step.compare("le", 0.0), Number(net, 1.0), step) - 0.5
    sample = before.unary("floor").greatest(0.0) + turn
    position = first_of_bin + (sample + 0.5) * step
    held = position.greatest(0.0).least(size - 1.0)
    weight = (1.0 - (held - here).unary("abs")).greatest(0.0) / taken.greatest(1.0)
    exists = net.add_compare("lt", sample.value(), taken.value())
    inside = net.add_binary("logical_and", exists, _counts(net, position, size))
    return net.add_reduce("sum", net.add_where(inside, weight.value(), 0.0), [3])


_TOUCHING = 8
"""Samples from the first one that touches an element on, of which those that still touch it count."""


@onnx_op("MaxRoiPool")
def max_roi_pool(node: Node) -> Result:
    """The maximum over the whole elements of each bin, along one axis and then the other; an empty bin is 0."""
    net, shape = node.net, node.shape(0)
    if len(shape) != 4 or node.rank(1) != 2:
        node.invalid(f"expected an image of rank 4 and regions of rank 2, got ranks {len(shape)} and {node.rank(1)}")
    image = net.add_slice(node.data(1), [0, 0], [node.shape(1)[0], ONE])
    image = net.add_cast(net.add_reshape(image, [node.shape(1)[0], ONE, ONE, ONE]), "i32")
    x = pick(net, node.data(0), [node.shape(1)[0], *shape[1:]], [image, None, None, None])
    for bins, columns in zip(reversed(node.ints("pooled_shape")), ((1, 3), (2, 4)), strict=True):
        x = net.add_transpose(_widest(node, x, bins, columns), (0, 1, 3, 2))
    return net.add_where(net.add_compare("eq", x, -np.inf), 0.0, x)


def _widest(node: Node, x: SSAValue, bins: int, columns: tuple[int, int]) -> SSAValue:
    """The maximum in each bin along the last axis; -inf for an empty one."""
    net, scale = node.net, node.float("spatial_scale", 1.0)
    *kept, size = net.shape(x)
    shape = [kept[0], ONE, ONE, dims.const(bins), size]
    rois = net.add_cast(node.data(1), "f32")
    start, end = ((Number(net, _column(net, rois, c, shape)) * scale + 0.5).unary("floor") for c in columns)
    length = (end - start + 1.0).greatest(1.0) / float(bins)
    number, place = (Number(net, net.add_iota(shape, axis, "f32")) for axis in (3, 4))
    begin, stop = start + (number * length).unary("floor"), start + ((number + 1.0) * length).unary("ceil")
    inside = net.add_binary(
        "logical_and",
        net.add_compare("ge", place.value(), begin.value()),
        net.add_compare("lt", place.value(), stop.value()),
    )
    spread = net.add_reshape(x, [*kept, ONE, size])
    return net.add_reduce("max", net.add_where(inside, spread, -np.inf), [4])


@onnx_op("DeformConv", note="2-D; groups, offset groups and masks")
def deform_conv(node: Node) -> Result:
    """The image at the shifted places of each window, then a matrix product per group."""
    node.in_f32()
    net, shape, weights = node.net, node.shape(0), node.shape(1)
    if len(shape) != 4:
        node.unsupported(f"it has {len(shape) - 2} spatial dims", "use 2-D windows")
    batch, channels, height, width = shape
    kernel = [k.as_int() or 0 for k in weights[2:]]
    group, offset_group = node.int("group", 1), node.int("offset_group", 1)
    strides, dilations, pads = node.ints("strides", [1, 1]), node.ints("dilations", [1, 1]), node.ints("pads", [0] * 4)
    spots = node.shape(2)[2:]
    element = str(net.element(node.data(0)))
    # [N, offset group, channel of it, kh, kw, OH, OW]
    shared = channels // offset_group
    result = [batch, dims.const(offset_group), shared, *map(dims.const, kernel), *spots]
    offsets = net.add_reshape(
        node.data(2), [batch, dims.const(offset_group), *map(dims.const, kernel), dims.const(2), *spots]
    )
    axes: list[tuple[Tap, Tap]] = []
    for axis in range(2):
        part = net.add_slice(
            offsets, [0, 0, 0, 0, axis, 0, 0], [batch, dims.const(offset_group), *map(dims.const, kernel), ONE, *spots]
        )
        part = net.add_reshape(part, [batch, dims.const(offset_group), ONE, *map(dims.const, kernel), *spots])
        window = along(net, net.add_iota([kernel[axis]], 0, element), 3 + axis, 7)
        spot = along(net, net.add_iota([spots[axis]], 0, element), 5 + axis, 7)
        start = net.add_binary("sub", net.add_binary("mul", spot, float(strides[axis])), float(pads[axis]))
        own = net.add_binary("add", net.add_binary("mul", window, float(dilations[axis])), start)
        position = net.add_broadcast_to(net.add_binary("add", part, own), result)
        axes.append(between(net, position, extent(net, shape[2 + axis], element)))
    x = net.add_reshape(node.data(0), [batch, dims.const(offset_group), shared, ONE, ONE, height, width])
    lead: list[SSAValue | None] = [None, None, None, None, None]
    value = sampled(net, x, result, axes, lead)
    if node.has_input(4):
        mask = net.add_reshape(node.data(4), [batch, dims.const(offset_group), ONE, *map(dims.const, kernel), *spots])
        value = net.add_binary("mul", value, mask)
    inner = weights[1] * kernel[0] * kernel[1]
    columns = net.add_reshape(value, [batch, dims.const(group), inner, spots[0] * spots[1]])
    filters = net.add_reshape(node.data(1), [dims.const(group), weights[0] // group, inner])
    made = net.add_reshape(net.add_matmul(filters, columns), [batch, weights[0], *spots])
    if not node.has_input(3):
        return made
    return net.add_binary("add", made, net.add_reshape(node.data(3), [ONE, weights[0], ONE, ONE]))


@onnx_op("Col2Im", note="the block shape is constant; the image shape is constant or computed from input shapes")
def col_to_im(node: Node) -> Result:
    """Each element of the image is the sum of the block elements that lie on it: one or none for each place in a block."""
    node.in_f32()
    net, shape = node.net, node.shape(0)
    # Of an image shape that is data nobody could say how many blocks there are.
    read = node.known_ints if node.value(1).is_open else node.known
    image = [dims.as_expr(size) for size in np.reshape(read(1, "image shape"), -1)]
    block = node.known_ints(2, "block shape")
    rank = len(image)
    ones = [1] * rank
    strides, dilations, pads = (
        node.ints("strides", ones),
        node.ints("dilations", ones),
        node.ints("pads", [0] * 2 * rank),
    )
    counts = [
        (image[d] + (pads[d] + pads[d + rank] - dilations[d] * (block[d] - 1) - 1)) // strides[d] + 1
        for d in range(rank)
    ]
    channels = shape[1] // int(np.prod(block))
    x = net.add_reshape(node.data(0), [shape[0], channels, *map(dims.const, block), *counts])
    result = [shape[0], channels, *image, *map(dims.const, block)]
    # The block's coordinates come last in the result, and before the counts in x.
    blocks = [along(net, net.add_iota([block[d]], 0, "i32"), 2 + rank + d, len(result)) for d in range(rank)]
    numbers: list[SSAValue] = []
    inside: list[SSAValue] = []
    for d in range(rank):
        place = along(net, net.add_iota([image[d]], 0, "i32"), 2 + d, len(result))
        first = net.add_binary("mul", blocks[d], dilations[d])
        start = net.add_binary("sub", net.add_binary("add", place, pads[d]), first)
        number = net.add_binary("div", start, strides[d])
        inside += [
            net.add_compare("ge", start, 0),
            net.add_compare("eq", net.add_binary("mul", number, strides[d]), start),
            net.add_compare("lt", number, extent(net, counts[d])),
        ]
        numbers.append(number)
    mask = chain(lambda a, b: net.add_binary("logical_and", a, b), inside)
    numbers = [net.add_where(mask, number, 0) for number in numbers]
    found = pick(net, x, result, [None, None, *blocks, *numbers], mask)
    return net.add_reduce("sum", found, list(range(2 + rank, 2 + 2 * rank)))


@onnx_op("CenterCropPad", note="the shape is constant or computed from input shapes")
def center_crop_pad(node: Node) -> Result:
    """The middle of each axis that is too long, and zeros around each that is too short."""
    net, shape = node.net, list(node.shape(0))
    axes = [node.axis(axis, len(shape)) for axis in node.ints("axes", list(range(len(shape))))]
    sizes = [dims.as_expr(size) for size in node.known(1, "shape", node.most_along(axes)).reshape(-1)]
    if len(sizes) != len(axes):
        node.invalid(f"it has {len(sizes)} sizes for {len(axes)} axes")
    x, target = node.data(0), list(shape)
    places: list[SSAValue | None] = [None] * len(shape)
    inside: SSAValue | None = None
    for axis, size in zip(axes, sizes, strict=True):
        target[axis] = size
        if size == shape[axis]:
            continue
        known = as_int(size - shape[axis])
        place = along(net, net.add_iota([size], 0, "i32"), axis, len(shape))
        shift = _shift(net, shape[axis], size, known)
        places[axis] = net.add_binary("add", place, shift)
        if known is None or known > 0:
            mask = net.add_binary(
                "logical_and",
                net.add_compare("ge", places[axis], 0),  # pyright: ignore[reportArgumentType]
                net.add_compare("lt", places[axis], extent(net, shape[axis])),  # pyright: ignore[reportArgumentType]
            )
            inside = mask if inside is None else net.add_binary("logical_and", inside, mask)
    return x if all(place is None for place in places) else pick(net, x, target, places, inside)


def _shift(net: Network, source: Expr, target: Expr, known: int | None) -> SSAValue | int:
    """What is added to a coordinate of the result: half of what is cut off, or less half of what is padded."""
    if known is not None:
        return (-known) // 2 if known < 0 else -(known // 2)
    cut, padded = dims.maximum(source - target, 0) // 2, dims.maximum(target - source, 0) // 2
    return net.add_binary("sub", *(net.add_size(e, "i32") for e in (cut, padded)))
