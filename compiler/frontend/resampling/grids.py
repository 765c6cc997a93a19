"""Sampling at computed coordinates: GridSample, AffineGrid."""

from __future__ import annotations

from xdsl.ir import SSAValue

from ....dialects import dims
from ....dialects.dims import Expr
from ....dialects.limits import DEFAULT_BOUND
from ...network import Network
from ..node import Node
from ..places import along
from ..registry import Result, onnx_op
from .formulas import Number, chosen, cubic, size_of
from .points import Tap, sampled

_MODES = {"bilinear": "linear", "bicubic": "cubic"}


@onnx_op("GridSample", note="any number of spatial dims; nearest, linear and cubic; all padding modes")
def grid_sample(node: Node) -> Result:
    """Each coordinate gives a few elements along its axis and their weights; the result sums over all combinations."""
    node.in_f32()
    net, shape, spots = node.net, node.shape(0), node.shape(1)
    spatial = len(shape) - 2
    if spatial < 1 or len(spots) != len(shape) or spots[-1].as_int() != spatial:
        node.invalid(
            f"its grid has the shape {list(map(str, spots))}, expected [N, {'..., ' if spatial else ''}{spatial}]"
        )
    mode = node.string("mode", "bilinear" if node.opset < 20 else "linear")
    mode, padding = _MODES.get(mode, mode), node.string("padding_mode", "zeros")
    if mode not in ("nearest", "linear", "cubic") or padding not in ("zeros", "border", "reflection"):
        node.invalid(f"its mode is {mode!r} and its padding_mode {padding!r}")
    x, grid = node.data(0), node.data(1)
    result = [*shape[:2], *spots[1:-1]]
    aligned = bool(node.int("align_corners", 0))
    axes: list[list[Tap]] = []
    for axis in range(spatial):
        # The grid has the coordinates in reverse order; broadcast to all channels, they are computed where they are needed.
        entry = net.add_slice(grid, [*[0] * (spatial + 1), spatial - 1 - axis], [*spots[:-1], dims.const(1)])
        spread = net.add_broadcast_to(net.add_reshape(entry, [spots[0], dims.const(1), *spots[1:-1]]), result)
        axes.append(_taps(net, Number(net, spread), shape[axis + 2], mode, padding, aligned))
    return sampled(net, x, result, axes)


def _taps(net: Network, spot: Number, extent: Expr, mode: str, padding: str, aligned: bool) -> list[Tap]:
    """The elements that a normalized coordinate in [-1, 1] stands for."""
    element = str(net.element(spot.value()))
    size = size_of(net, extent, element)
    position = (spot + 1.0) / 2.0 * (size - 1.0) if aligned else ((spot + 1.0) * size - 1.0) / 2.0
    if mode == "nearest":
        position = position.unary("round")
    low, high = (Number(net, 0.0), size - 1.0) if aligned else (Number(net, -0.5), size - 0.5)
    # The taps of a cubic kernel are held in the image one by one, as PyTorch has it.
    if padding == "border" and mode != "cubic":
        position = position.greatest(0.0).least(size - 1.0)
    elif padding == "reflection" and mode != "cubic":
        position = _reflected(position, low, high)
    if mode == "nearest":
        return [_tap(net, position, None, size, padding, low, high)]
    first = position.unary("floor")
    ratio = position - first
    if mode == "linear":
        weights = [(0.0, 1.0 - ratio), (1.0, ratio)]
    else:
        weights = [(float(k), cubic((ratio - float(k)).unary("abs"), -0.75)) for k in range(-1, 3)]
    return [_tap(net, first + k, weight, size, padding, low, high) for k, weight in weights]


def _tap(
    net: Network, place: Number, weight: Number | None, size: Number, padding: str, low: Number, high: Number
) -> Tap:
    """A whole place as an element of the axis, as the padding mode has it."""
    inside: SSAValue | None = None
    if padding == "zeros":
        inside = net.add_binary(
            "logical_and",
            net.add_compare("ge", place.value(), 0.0),
            net.add_compare("lt", place.value(), size.value(place.value())),
        )
    elif padding == "reflection":
        place = _reflected(place, low, high)
    place = place.greatest(0.0).least(size - 1.0)
    return Tap(net.add_cast(place.value(), "i32"), None if weight is None else weight.value(place.value()), inside)


def _reflected(place: Number, low: Number, high: Number) -> Number:
    """A place mirrored at the borders until it lies between them; a place in between stays as it is."""
    net, span = place.net, high - low
    period = span * 2.0
    period = chosen(period.compare("eq", 0.0), Number(net, 1.0), period)
    away = (place - low).unary("abs")
    rest = away - (away / period).unary("floor") * period
    mirrored = low + rest.least(period - rest)
    kept = net.add_binary(
        "logical_and",
        net.add_compare("ge", place.value(), low.value(place.value())),
        net.add_compare("le", place.value(), high.value(place.value())),
    )
    return chosen(kept, place, mirrored)


@onnx_op("AffineGrid", note="the size is constant or computed from input shapes")
def affine_grid(node: Node) -> Result:
    """theta times the coordinates of each place, in [-1, 1] along each axis, and 1."""
    node.in_f32()
    net, theta = node.net, node.data(0)
    # The result has the batch and the spatial dims of `size`; its channels are not used.
    most = [node.most(0, 0), DEFAULT_BOUND, *node.most_along(range(1, (node.shape(1)[0].as_int() or 2) - 1))]
    size = [dims.as_expr(extent) for extent in node.known(1, "size", most).reshape(-1)]
    spatial, element = size[2:], str(net.element(node.data(0)))
    rank = len(spatial)
    if node.shape(0)[1:] != (dims.const(rank), dims.const(rank + 1)):
        node.invalid(f"its theta has the shape {list(map(str, node.shape(0)))}, expected [N, {rank}, {rank + 1}]")
    aligned = bool(node.int("align_corners", 0))

    def column(k: int) -> SSAValue:
        """Column k of theta, for all places."""
        part = net.add_slice(theta, [0, 0, k], [size[0], dims.const(rank), dims.const(1)])
        return net.add_reshape(part, [size[0], *[dims.const(1)] * rank, dims.const(rank)])

    total = net.add_broadcast_to(column(rank), [size[0], *spatial, dims.const(rank)])
    for k in range(rank):
        axis = rank - 1 - k  # the first coordinate runs along the last axis
        count = Number(net, net.add_iota([spatial[axis]], 0, element))
        extent = size_of(net, spatial[axis], element)
        if aligned:
            last = extent - 1.0
            spot = 2.0 * count / chosen(last.compare("eq", 0.0), Number(net, 1.0), last) - 1.0
        else:
            spot = (2.0 * count + 1.0) / extent - 1.0
        total = net.add_binary(
            "add", net.add_binary("mul", column(k), along(net, spot.value(), axis + 1, rank + 2)), total
        )
    return total
