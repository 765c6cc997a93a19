"""Weighted sums of elements at computed places along several axes, as samples between the elements of an image are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce as chain
from itertools import product as combinations

from xdsl.ir import SSAValue

from ....dialects.dims import Expr
from ...network import Network
from ..places import pick


@dataclass(frozen=True)
class Tap:
    """An element along an axis, for each result element: its place (i32), its weight, and where it counts; None: 1, and everywhere."""

    place: SSAValue
    weight: SSAValue | None = None
    inside: SSAValue | None = None


def sampled(
    net: Network,
    x: SSAValue,
    shape: Sequence[Expr],
    axes: Sequence[Sequence[Tap]],
    lead: Sequence[SSAValue | None] | None = None,
) -> SSAValue:
    """
    The sum over all combinations of a tap of each of the last axes of x. The first axes have the places `lead`, by default the result
    element's own coordinates. A combination that does not count everywhere is 0 there.
    """
    kept = [None] * (len(shape) - len(axes)) if lead is None else list(lead)
    terms: list[SSAValue] = []
    for taps in combinations(*axes):
        masks = [tap.inside for tap in taps if tap.inside is not None]
        weights = [tap.weight for tap in taps if tap.weight is not None]
        inside = chain(lambda a, b: net.add_binary("logical_and", a, b), masks) if masks else None
        value = pick(net, x, shape, [*kept, *(tap.place for tap in taps)], inside)
        if weights:
            weight = chain(lambda a, b: net.add_binary("mul", a, b), weights)
            value = net.add_binary("mul", value, net.add_cast(weight, net.element(x)))
        terms.append(value)
    return chain(lambda a, b: net.add_binary("add", a, b), terms)


def between(net: Network, position: SSAValue, extent: SSAValue | float, *, zeros: bool = True) -> tuple[Tap, Tap]:
    """The two elements around a position along an axis, by linear interpolation; with `zeros` those outside count as 0."""
    first = net.add_unary("floor", position)
    ratio = net.add_binary("sub", position, first)
    rest = net.add_binary("sub", 1.0, ratio)

    def tap(place: SSAValue, weight: SSAValue) -> Tap:
        inside = net.add_binary("logical_and", net.add_compare("ge", place, 0.0), net.add_compare("lt", place, extent))
        return Tap(net.add_cast(place, "i32"), weight, inside if zeros else None)

    return tap(first, rest), tap(net.add_binary("add", first, 1.0), ratio)
