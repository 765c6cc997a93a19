"""Taps of a resampling along one axis: which elements a result element is a weighted sum of, and the sum itself.

The coordinates follow ONNX's reference implementation, in f64. They are constants where the shapes are, else ops over `nn.iota`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from math import floor

import numpy as np
from xdsl.ir import SSAValue

from ....dialects import dims
from ....dialects.dims import Expr
from ...network import Network
from ..places import along, pick
from .formulas import Number, chosen, computed, cubic, size_of

AT_ONCE = 16
"""Taps that one expression sums; of more, the axes are resampled one after the other, and a long axis by a reduction."""


@dataclass(frozen=True)
class Axis:
    """An axis to be resampled from `source` to `target` elements by `scale`, with `roi` (start, end) in shares of the extent."""

    axis: int
    source: Expr
    target: Expr
    scale: float | SSAValue
    roi: tuple[float | SSAValue, float | SSAValue] = (0.0, 1.0)

    @property
    def is_known(self) -> bool:
        numbers = (self.scale, *self.roi)
        return None not in (self.source.as_int(), self.target.as_int()) and all(isinstance(n, float) for n in numbers)


@dataclass(frozen=True)
class Rule:
    """What all axes of a Resize share."""

    mode: str
    transform: str
    rounding: str = "round_prefer_floor"
    antialias: bool = False
    exclude_outside: bool = False
    cubic_a: float = -0.75


@dataclass(frozen=True)
class Taps:
    """For each tap the index of its element and its weight, 1-D tensors over the result's axis; no weights for a single tap. `outside`:
    which result elements lie outside the image."""

    axis: int
    indices: Sequence[SSAValue]
    weights: Sequence[SSAValue] = field(default_factory=list[SSAValue])
    outside: SSAValue | None = None


def taps_of(net: Network, axis: Axis, rule: Rule) -> Taps:
    """The taps of an axis, as constants where everything is known."""
    if not axis.is_known:
        return _taps(net, axis, rule)
    alone = Network()
    taps = _taps(alone, axis, rule)
    arrays = computed(alone)

    def constant(value: SSAValue) -> SSAValue:
        return net.add_constant(arrays[value])

    outside = taps.outside if taps.outside is not None and arrays[taps.outside].any() else None
    return Taps(
        axis.axis,
        [constant(i) for i in taps.indices],
        [constant(w) for w in taps.weights],
        None if outside is None else constant(outside),
    )


def _taps(net: Network, axis: Axis, rule: Rule) -> Taps:
    """A tap's place is relative to the element before the coordinate, which has a distance in (0, 1] to it."""
    position, scale = _coordinate(net, axis, rule.transform)
    before = position.unary("ceil") - 1.0
    ratio = position - before
    last = size_of(net, axis.source) - 1.0
    outside: SSAValue | None = None
    if rule.transform == "tf_crop_and_resize":
        outside = net.add_binary(
            "logical_or",
            net.add_compare("lt", position.value(), 0.0),
            net.add_compare("gt", position.value(), net.operand(last.of, position.value())),
        )
    index = lambda place: net.add_cast(place.greatest(0.0).least(last).value(position.value()), "i32")  # noqa: E731
    if rule.mode == "nearest":
        return Taps(axis.axis, [index(_nearest(before, ratio, rule.rounding))], [], outside)
    places = [before + float(offset) for offset in _offsets(axis, rule)]
    weights = [_weight(rule, (ratio - float(offset)).unary("abs"), scale) for offset in _offsets(axis, rule)]
    zero = Number(net, 0.0)
    if rule.exclude_outside:
        weights = [
            chosen(p.compare("lt", 0.0), zero, chosen(last.compare("lt", p), zero, w))
            for p, w in zip(places, weights, strict=True)
        ]
    if rule.exclude_outside or rule.antialias:
        total = sum(weights[1:], weights[0])
        total = chosen(total.compare("eq", 0.0), Number(net, 1.0), total)
        weights = [weight / total for weight in weights]
    return Taps(axis.axis, [index(place) for place in places], [w.value(position.value()) for w in weights], outside)


def _coordinate(net: Network, axis: Axis, transform: str) -> tuple[Number, Number]:
    """The place in the source of each result element, and the scale."""
    x = Number(net, net.add_iota([axis.target], 0, "f64"))
    scale, (start, end) = Number(net, axis.scale), (Number(net, of) for of in axis.roi)
    source, target = size_of(net, axis.source), size_of(net, axis.target)
    wide = scale * source
    single = wide.compare("eq", 1.0)  # ONNX's reference counts with the scaled extent, which need not be whole
    span = chosen(single, Number(net, 1.0), wide - 1.0)
    half_pixel = (x + 0.5) / scale - 0.5
    match transform:
        case "align_corners":
            return chosen(single, 0.0 * x, x * (source - 1.0) / span), scale
        case "asymmetric":
            return x / scale, scale
        case "tf_crop_and_resize":
            middle = 0.0 * x + (end - start) * (source - 1.0) / 2.0
            return chosen(single, middle, x * (end - start) * (source - 1.0) / span) + start * (source - 1.0), scale
        case "pytorch_half_pixel":
            return chosen(target.compare("eq", 1.0), 0.0 * x, half_pixel), scale
        case "half_pixel_symmetric":
            return source / 2.0 * (1.0 - target / wide) + half_pixel, scale
        case _:
            return half_pixel, scale


def _nearest(before: Number, ratio: Number, rounding: str) -> Number:
    """The element before or after; a whole coordinate is that of the element after."""
    after = before + 1.0
    if rounding == "ceil":
        return after
    if rounding == "floor":
        return chosen(ratio.compare("lt", 1.0), before, after)
    return chosen(ratio.compare("le" if rounding == "round_prefer_floor" else "lt", 0.5), before, after)


def _offsets(axis: Axis, rule: Rule) -> range:
    """The places of the taps relative to the element before the coordinate."""
    reach = 1 if rule.mode == "linear" else 2
    if rule.antialias:
        assert isinstance(axis.scale, float)
        first = floor(-reach / min(axis.scale, 1.0)) + 1
    else:
        first = 1 - reach
    return range(first, 2 - first)


def _weight(rule: Rule, distance: Number, scale: Number) -> Number:
    if rule.antialias:
        distance = distance * scale.least(1.0)
    if rule.mode == "linear":
        weight = 1.0 - distance
        return weight.greatest(0.0) if rule.antialias else weight
    return cubic(distance, rule.cubic_a)


# Sums.


def resampled(net: Network, x: SSAValue, taps: Sequence[Taps]) -> SSAValue:
    """The weighted sums of the elements of x at the taps along each axis, in the type of x."""
    shape = net.shape(x)
    changed = {t.axis: net.shape(t.indices[0])[0] for t in taps}
    # Neighbouring axes that stay are one, so that an index has fewer terms.
    parts: list[list[int]] = []
    for axis in range(len(shape)):
        if parts and axis not in changed and parts[-1][-1] not in changed:
            parts[-1].append(axis)
        else:
            parts.append([axis])
    numbers = {part[0]: number for number, part in enumerate(parts)}
    merged = net.add_reshape(x, [dims.product([shape[axis] for axis in part]) for part in parts])
    made = _resampled(net, merged, [replace(t, axis=numbers[t.axis]) for t in taps])
    return net.add_reshape(made, [changed.get(axis, extent) for axis, extent in enumerate(shape)])


def _resampled(net: Network, x: SSAValue, taps: Sequence[Taps]) -> SSAValue:
    if all(len(t.indices) == 1 for t in taps):
        return _picked(net, x, {t.axis: t.indices[0] for t in taps})
    if int(np.prod([len(t.indices) for t in taps])) > AT_ONCE and len(taps) > 1:
        for single in taps:
            x = _resampled(net, x, [single])
        return x
    if len(taps[0].indices) > AT_ONCE:
        return _reduced(net, x, taps[0])
    return _summed(net, taps, lambda places: _picked(net, x, places), len(net.shape(x)), net.element(x), {})


def _summed(
    net: Network,
    taps: Sequence[Taps],
    element: Callable[[dict[int, SSAValue]], SSAValue],
    rank: int,
    type_: object,
    places: dict[int, SSAValue],
) -> SSAValue:
    if not taps:
        return element(places)
    first, total = taps[0], None
    for number, index in enumerate(first.indices):
        value = _summed(net, taps[1:], element, rank, type_, {**places, first.axis: index})
        if first.weights:
            weight = along(net, net.add_cast(first.weights[number], type_), first.axis, rank)  # pyright: ignore[reportArgumentType]
            value = net.add_binary("mul", value, weight)
        total = value if total is None else net.add_binary("add", total, value)
    assert total is not None
    return total


def _picked(net: Network, x: SSAValue, places: dict[int, SSAValue]) -> SSAValue:
    """The elements at one index along each of some axes."""
    shape = list(net.shape(x))
    rank = len(shape)
    for axis, index in places.items():
        shape[axis] = net.shape(index)[0]
    found = [along(net, places[d], d, rank) if d in places else None for d in range(rank)]
    return pick(net, x, shape, found)


def _reduced(net: Network, x: SSAValue, taps: Taps) -> SSAValue:
    """The sums along an axis of many taps: a reduction over one more dim, after the axis."""
    shape, axis = list(net.shape(x)), taps.axis
    rank, target, count = len(shape) + 1, net.shape(taps.indices[0])[0], dims.const(len(taps.indices))
    spread = [*[dims.const(1)] * axis, target, count, *[dims.const(1)] * (rank - axis - 2)]

    def stacked(values: Sequence[SSAValue]) -> SSAValue:
        columns = [net.add_reshape(value, (target, 1)) for value in values]
        return net.add_reshape(net.add_concat(columns, 1), spread)

    places: list[SSAValue | None] = [None] * rank
    places[axis] = stacked(taps.indices)
    wide = [*shape[:axis], target, count, *shape[axis + 1 :]]
    source = net.add_reshape(x, [*shape[: axis + 1], dims.const(1), *shape[axis + 1 :]])
    weights = net.add_cast(stacked(taps.weights), net.element(x))
    return net.add_reduce("sum", net.add_binary("mul", pick(net, source, wide, places), weights), [axis + 1])
