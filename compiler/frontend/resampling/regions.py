"""Ops over regions and windows at computed places: RoiAlign, MaxRoiPool, DeformConv, Col2Im, CenterCropPad."""

from __future__ import annotations

from collections.abc import Sequence
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


def _roi_coordinates(net: Network, rois: SSAValue, count: int) -> list[SSAValue]:
    """The columns of [R, count], each [R, 1, 1, 1]."""
    rows = net.shape(rois)[0]
    return [net.add_reshape(net.add_slice(rois, [0, k], [rows, ONE]), [rows, ONE, ONE, ONE]) for k in range(count)]


@onnx_op("RoiAlign", note="a fixed sampling_ratio of up to 4, or mode avg with sampling_ratio 0")
def roi_align(node: Node) -> Result:
    node.in_f32()
    net, shape = node.net, node.shape(0)
    if len(shape) != 4:
        node.invalid(f"expected an image of rank 4, got rank {len(shape)}")
    element = str(net.element(node.data(0)))
    bins = [node.int("output_height", 1), node.int("output_width", 1)]
    half = node.string("coordinate_transformation_mode", "half_pixel" if node.opset >= 16 else "output_half_pixel")
    offset = 0.5 if half == "half_pixel" else 0.0
    scale, samples = node.float("spatial_scale", 1.0), node.int("sampling_ratio", 0)
    left, top, right, bottom = (
        Number(net, column) * scale - offset for column in _roi_coordinates(net, node.data(1), 4)
    )
    mode = node.string("mode", "avg")
    regions: list[_Region] = []
    for start, end, count, size in zip((top, left), (bottom, right), bins, shape[2:], strict=True):
        length = end - start if offset else (end - start).greatest(1.0)
        regions.append(_Region(net, start, length / float(count), count, size_of(net, size, element)))
    if samples == 0:
        if mode != "avg":
            node.unsupported(
                "it takes the maximum of a number of samples that the regions decide", "set sampling_ratio"
            )
        return _averaged(node, regions)
    if samples**2 > MOST_SAMPLES:
        node.unsupported(f"its sampling_ratio is {samples}", "use 4 or less")
    return _sampled_bins(node, regions, samples, mode)


class _Region:
    """A region along an axis: its start and the size of its bins, [R, 1, 1, 1], the number of bins and the extent of the image."""

    def __init__(self, net: Network, start: Number, size: Number, bins: int, extent: Number):
        self.net, self.start, self.size, self.bins, self.extent = net, start, size, bins, extent

    def taps(self, position: Number) -> tuple[list[Tap], SSAValue]:
        """The two elements around a position, which is held in the image, and whether the position counts at all."""
        net = self.net
        counts = net.add_binary(
            "logical_and",
            net.add_compare("ge", position.value(), -1.0),
            net.add_compare("le", position.value(), self.extent.value(position.value())),
        )
        held = position.greatest(0.0).least(self.extent - 1.0)
        first = held.unary("floor")
        ratio = held - first
        after = (first + 1.0).least(self.extent - 1.0)
        places = (net.add_cast(place.value(), "i32") for place in (first, after))
        weights = ((1.0 - ratio).value(), ratio.value())
        return [Tap(place, weight) for place, weight in zip(places, weights, strict=True)], counts


def _batch(node: Node) -> SSAValue:
    """The image of each region, [R, 1, 1, 1]."""
    net = node.net
    indices = net.add_cast(node.data(2), "i32")
    return along(net, indices, 0, 4)


def _sampled_bins(node: Node, regions: Sequence[_Region], samples: int, mode: str) -> SSAValue:
    """The mean of the samples of each bin, or the greatest of their weighted elements."""
    net, x = node.net, node.data(0)
    element = str(net.element(x))
    result = [node.shape(1)[0], node.shape(0)[1], *(dims.const(region.bins) for region in regions)]
    batch = _batch(node)

    def positions(axis: int, region: _Region) -> list[tuple[list[Tap], SSAValue]]:
        bins = along(net, net.add_iota([region.bins], 0, element), axis + 2, 4)
        found: list[tuple[list[Tap], SSAValue]] = []
        for k in range(samples):
            share = Number(net, bins) + (k + 0.5) / samples
            found.append(region.taps(region.start + share * region.size))
        return found

    rows, columns = (positions(axis, region) for axis, region in enumerate(regions))
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


def _averaged(node: Node, regions: Sequence[_Region]) -> SSAValue:
    """
    The mean over as many samples as a bin is long, rounded up: a product of the image with the weight of each of its rows and columns, as
    the samples form a grid. Samples are more than half an element apart, so that five may touch one element.
    """
    net, x = node.net, node.data(0)
    batch, channels, height, width = node.shape(0)
    rows = node.shape(1)[0]
    down, across = (_bin_weights(node, region, size) for region, size in zip(regions, (height, width), strict=True))
    over, wide = (region.bins for region in regions)
    # [N, C, H, W] x [R * PW, W] -> [N, C, H, R, PW], of which each region takes its image.
    part = net.add_matmul(x, net.add_reshape(across, [rows * wide, width]), transpose_b=True)
    part = net.add_transpose(net.add_reshape(part, [batch, channels, height, rows, dims.const(wide)]), (0, 3, 2, 1, 4))
    part = net.add_reshape(part, [batch, rows, height * channels * wide])
    image = along(net, net.add_cast(node.data(2), "i32"), 0, 2)
    part = pick(
        net,
        net.add_transpose(part, (1, 0, 2)),
        [rows, ONE, height * channels * wide],
        [None, net.add_reshape(image, [rows, ONE, ONE]), None],
    )
    part = net.add_reshape(part, [rows, height, channels * wide])
    found = net.add_reshape(net.add_matmul(down, part), [rows, dims.const(over), channels, dims.const(wide)])
    return net.add_transpose(found, (0, 2, 1, 3))


def _bin_weights(node: Node, region: _Region, size: Expr) -> SSAValue:
    """The weight of each element of an axis in each bin, [R, bins, size]."""
    net, rows = node.net, node.shape(1)[0]
    element = str(net.element(node.data(0)))

    def flat(number: Number) -> Number:
        return Number(net, net.add_reshape(number.value(), [rows, ONE, ONE, ONE]))

    start, length = flat(region.start), flat(region.size)
    count = length.unary("ceil").greatest(1.0)
    taken = length.unary("ceil")
    step = length / count
    bins = Number(net, along(net, net.add_iota([region.bins], 0, element), 1, 4))
    here = Number(net, along(net, net.add_iota([size], 0, element), 2, 4))
    first_of_bin = start + bins * length
    # The first sample that is less than one element before this one.
    guard = chosen(step.compare("le", 0.0), Number(net, 1.0), step)
    first = ((here - 1.0 - first_of_bin) / guard - 0.5).unary("floor").greatest(0.0)
    number = first + Number(net, along(net, net.add_iota([_TOUCHING], 0, element), 3, 4))
    position = first_of_bin + (number + 0.5) * step
    held = position.greatest(0.0).least(region.extent - 1.0)
    weight = (1.0 - (held - here).unary("abs")).greatest(0.0)
    counts = [
        net.add_compare("lt", number.value(), taken.value()),
        net.add_compare("ge", position.value(), -1.0),
        net.add_compare("le", position.value(), region.extent.value(position.value())),
    ]
    inside = chain(lambda a, b: net.add_binary("logical_and", a, b), counts)
    total = net.add_reduce("sum", net.add_where(inside, weight.value(), 0.0), [3])
    return net.add_binary("div", total, net.add_reshape(count.value(), [rows, ONE, ONE]))


_TOUCHING = 8
"""Samples from the first one that touches an element on, of which those that still touch it count."""


@onnx_op("MaxRoiPool")
def max_roi_pool(node: Node) -> Result:
    """The maximum over whole elements, along one axis and then the other; an empty bin is 0."""
    net, shape = node.net, node.shape(0)
    element = str(net.element(node.data(0)))
    scale = node.float("spatial_scale", 1.0)
    image, *corners = _roi_coordinates(net, net.add_cast(node.data(1), "f32"), 5)
    rows, channels = node.shape(1)[0], shape[1]
    x = pick(net, node.data(0), [rows, *shape[1:]], [net.add_cast(image, "i32"), None, None, None])
    left, top, right, bottom = ((Number(net, corner) * scale + 0.5).unary("floor") for corner in corners)
    lowest = -np.inf
    empty: list[SSAValue] = []
    for axis, (start, end, bins) in enumerate(
        zip((left, top), (right, bottom), node.ints("pooled_shape")[::-1], strict=True)
    ):
        size = shape[3 - axis]
        extent_ = size_of(net, size, "f32")
        length = (end - start + 1.0).greatest(1.0) / float(bins)
        count = Number(net, along(net, net.add_iota([bins], 0, "f32"), 3, 5))
        begin, stop = (
            (flat_ + edge).greatest(0.0).least(extent_)
            for flat_, edge in ((_flat(start, rows), (count * _flat(length, rows)).unary("floor")),
                                (_flat(start, rows), ((count + 1.0) * _flat(length, rows)).unary("ceil")))
        )  # fmt: skip
        place = along(net, net.add_iota([size], 0, "f32"), 4, 5)
        inside = net.add_binary(
            "logical_and", net.add_compare("ge", place, begin.value()), net.add_compare("lt", place, stop.value())
        )
        empty.append(
            net.add_compare(
                "le",
                net.add_reshape(stop.value(), [rows, ONE, ONE, dims.const(bins)]),
                net.add_reshape(begin.value(), [rows, ONE, ONE, dims.const(bins)]),
            )
        )
        # [R, C, other, 1, size] -> [R, C, other, bins], and the other axis is next.
        held = net.shape(x)
        spread = net.add_reshape(x, [*held[:3], ONE, held[3]])
        x = net.add_transpose(net.add_reduce("max", net.add_where(inside, spread, lowest), [4]), (0, 1, 3, 2))
    across, down = empty
    none = net.add_binary("logical_or", across, net.add_transpose(down, (0, 1, 3, 2)))
    del channels, element
    return net.add_where(none, 0.0, x)


def _flat(number: Number, rows: Expr) -> Number:
    return Number(number.net, number.net.add_reshape(number.value(), [rows, ONE, ONE, ONE, ONE]))


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


@onnx_op("Col2Im", note="the image and block shapes are constant")
def col_to_im(node: Node) -> Result:
    """Each element of the image is the sum of the block elements that lie on it: one or none for each place in a block."""
    node.in_f32()
    net, shape = node.net, node.shape(0)
    image, block = node.known_ints(1, "image shape"), node.known_ints(2, "block shape")
    rank = len(image)
    ones = [1] * rank
    strides, dilations, pads = (
        node.ints("strides", ones),
        node.ints("dilations", ones),
        node.ints("pads", [0] * 2 * rank),
    )
    counts = [
        (image[d] + pads[d] + pads[d + rank] - dilations[d] * (block[d] - 1) - 1) // strides[d] + 1 for d in range(rank)
    ]
    channels = shape[1] // int(np.prod(block))
    x = net.add_reshape(node.data(0), [shape[0], channels, *map(dims.const, (*block, *counts))])
    result = [shape[0], channels, *map(dims.const, (*image, *block))]
    places: list[SSAValue | None] = [None, None, *[None] * rank]
    inside: SSAValue | None = None
    for d in range(rank):
        start = np.arange(image[d])[:, None] + pads[d] - np.arange(block[d])[None, :] * dilations[d]
        number = start // strides[d]
        fits = (start % strides[d] == 0) & (number >= 0) & (number < counts[d])
        spread = [1] * len(result)
        spread[2 + d], spread[2 + rank + d] = image[d], block[d]
        places.append(net.add_constant(np.where(fits, number, 0).astype(np.int32).reshape(spread)))
        mask = net.add_constant(fits.reshape(spread))
        inside = mask if inside is None else net.add_binary("logical_and", inside, mask)
    # The block's coordinates come last in the result, and before the counts in x.
    blocks = [along(net, net.add_iota([block[d]], 0, "i32"), 2 + rank + d, len(result)) for d in range(rank)]
    places[2 : 2 + rank] = blocks
    found = pick(net, x, result, places, inside)
    return net.add_reduce("sum", found, list(range(2 + rank, 2 + 2 * rank)))


@onnx_op("CenterCropPad", note="the shape is constant or computed from input shapes")
def center_crop_pad(node: Node) -> Result:
    """The middle of each axis that is too long, and zeros around each that is too short."""
    net, shape = node.net, list(node.shape(0))
    axes = [node.axis(axis, len(shape)) for axis in node.ints("axes", list(range(len(shape))))]
    sizes = [dims.as_expr(size) for size in node.known(1, "shape").reshape(-1)]
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
    return net.add_binary("sub", *(net.add_cast(net.add_shape_value([e], ()), "i32") for e in (cut, padded)))
