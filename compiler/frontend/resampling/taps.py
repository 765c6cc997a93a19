"""Taps of a resampling along one axis: which elements a result element is a weighted sum of, and the sum itself.

The coordinates follow ONNX's reference implementation, in f64. They are constants where the shapes are, else ops over `nn.iota`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import reduce as chain
from math import floor, prod
from typing import TypeAlias

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


Placed: TypeAlias = tuple[list[SSAValue], list[SSAValue]]
"""The places of an axis's taps, i32, and their weights, none where there is one tap."""


@dataclass(frozen=True)
class Taps:
    """
    What an axis is resampled by: `count` taps for each of `target` result elements. `placed(axis, shape)` gives their places and weights
    for a result of this shape, along this axis of it. `outside`: which result elements lie outside the image, 1-D.
    """

    axis: int
    target: Expr
    count: int
    placed: Callable[[int, Sequence[Expr]], Placed]
    outside: SSAValue | None = None


def taps_of(net: Network, axis: Axis, rule: Rule) -> Taps:
    """
    The taps of an axis. Where everything is known they are constants. Else small launches compute what takes f64, the element before each
    coordinate and the distance to it, and the resampling computes the rest where it reads an element.
    """
    if not axis.is_known:
        before, ratio, scale, outside = _before(net, axis, rule)

        def computed_taps(number: int, shape: Sequence[Expr]) -> Placed:
            element, spread = (net.add_broadcast_to(along(net, v, number, len(shape)), shape) for v in (before, ratio))
            return _taps(Number(net, element), Number(net, spread), scale, axis, rule)

        return Taps(axis.axis, axis.target, _count(axis, rule), computed_taps, outside)
    alone = Network()
    before, ratio, scale, outside = _before(alone, axis, rule)
    places, weights = _taps(Number(alone, before), Number(alone, ratio), scale, axis, rule)
    arrays = computed(alone)

    def known_taps(number: int, shape: Sequence[Expr]) -> Placed:
        rank = len(shape)
        return tuple(
            [along(net, net.add_constant(arrays[v]), number, rank) for v in part] for part in (places, weights)
        )  # pyright: ignore[reportReturnType]

    known = None if outside is None or not arrays[outside].any() else net.add_constant(arrays[outside])
    return Taps(axis.axis, axis.target, _count(axis, rule), known_taps, known)


def _before(net: Network, axis: Axis, rule: Rule) -> tuple[SSAValue, SSAValue, Number, SSAValue | None]:
    """The number of the element before each coordinate (i32), the distance to it in (0, 1] (f64, or f32 where launches compute it), the
    scale, and which coordinates lie outside the image where that counts."""
    position, scale = _coordinate(net, axis, rule.transform)
    before = net.add_cast((position.unary("ceil") - 1.0).value(), "i32")
    ratio = (position - Number(net, net.add_cast(before, "f64"))).value()
    outside: SSAValue | None = None
    if rule.transform == "tf_crop_and_resize":
        last = size_of(net, axis.source - 1)
        outside = net.add_binary(
            "logical_or",
            net.add_compare("lt", position.value(), 0.0),
            net.add_compare("gt", position.value(), last.value(position.value())),
        )
    return before, ratio if axis.is_known else net.add_cast(ratio, "f32"), scale, outside


def _count(axis: Axis, rule: Rule) -> int:
    return 1 if rule.mode == "nearest" else len(_offsets(axis, rule))


def _taps(before: Number, ratio: Number, scale: Number, axis: Axis, rule: Rule) -> Placed:
    """The places and weights relative to the element before the coordinate."""
    net = before.net
    last = size_of(net, axis.source - 1, "i32")

    def held(place: Number) -> SSAValue:
        return place.greatest(0.0).least(last).value()

    if rule.mode == "nearest":
        return [held(_nearest(before, ratio, rule.rounding))], []
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
    return [held(place) for place in places], [weight.value() for weight in weights]


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
    changed = {t.axis: t.target for t in taps}
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
    if prod(t.count for t in taps) > AT_ONCE and len(taps) > 1:
        for single in taps:
            x = _resampled(net, x, [single])
        return x
    if taps[0].count > AT_ONCE:
        return _reduced(net, x, taps[0])
    shape = list(net.shape(x))
    for t in taps:
        shape[t.axis] = t.target
    placed = [(t.axis, t.placed(t.axis, shape)) for t in taps]

    def total(level: int, places: dict[int, SSAValue]) -> SSAValue:
        """The sum over the taps of the axes from `level` on."""
        if level == len(placed):
            return pick(net, x, shape, [places.get(d) for d in range(len(shape))])
        axis, (indices, weights) = placed[level]
        terms = [total(level + 1, {**places, axis: index}) for index in indices]
        if weights:
            scaled = zip(terms, weights, strict=True)
            terms = [net.add_binary("mul", term, net.add_cast(weight, net.element(x))) for term, weight in scaled]
        return chain(lambda a, b: net.add_binary("add", a, b), terms)

    return total(0, {})


def _reduced(net: Network, x: SSAValue, taps: Taps) -> SSAValue:
    """The sums along an axis of many taps: a reduction over one more dim, after the axis."""
    shape, axis = list(net.shape(x)), taps.axis
    rank, target, count = len(shape) + 1, taps.target, dims.const(taps.count)
    spread = [*[dims.const(1)] * axis, target, count, *[dims.const(1)] * (rank - axis - 2)]
    indices, weights = taps.placed(0, [target])

    def stacked(values: Sequence[SSAValue]) -> SSAValue:
        columns = [net.add_reshape(value, (target, 1)) for value in values]
        return net.add_reshape(net.add_concat(columns, 1), spread)

    places: list[SSAValue | None] = [None] * rank
    places[axis] = stacked(indices)
    wide = [*shape[:axis], target, count, *shape[axis + 1 :]]
    source = net.add_reshape(x, [*shape[: axis + 1], dims.const(1), *shape[axis + 1 :]])
    factors = net.add_cast(stacked(weights), net.element(x))
    return net.add_reduce("sum", net.add_binary("mul", pick(net, source, wide, places), factors), [axis + 1])
