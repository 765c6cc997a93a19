"""Pad with counts that are data: the host reads the sizes of the result, whose elements are gathered at computed positions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.ir import SSAValue

from ...dialects.dims import Expr
from ..network import Network
from .computed import front_axes, spread, vector, vector_length
from .node import Node
from .places import along, extent, pick


@dataclass(frozen=True)
class _Axis:
    """A dim that is padded: how many elements of the operand stay, after how many that do not, and how many come before them."""

    net: Network
    before: SSAValue
    skipped: SSAValue
    kept: SSAValue
    size: SSAValue
    """The extent of the result, as a vector of one."""

    @classmethod
    def of(cls, net: Network, size: Expr, before: SSAValue, after: SSAValue) -> _Axis:
        """From the counts before and after the dim, i32 scalars, which crop where they are negative."""
        whole = extent(net, size)
        negative = [net.add_binary("min", count, 0) for count in (before, after)]
        kept = net.add_binary("max", net.add_binary("add", net.add_binary("add", *negative), whole), 0)
        grown = [net.add_binary("max", count, 0) for count in (before, after)]
        total = net.add_binary("add", kept, net.add_binary("add", *grown))
        return cls(net, grown[0], net.add_unary("neg", negative[0]), kept, net.add_reshape(total, [1]))

    def places(self, size: Expr, mode: str) -> tuple[SSAValue, SSAValue]:
        """Where each element of the result comes from in the operand, and whether it lies in it: i32 and i1 vectors."""
        net = self.net
        at = net.add_binary("sub", net.add_iota([size], 0, "i32"), self.before)
        inside = net.add_binary("logical_and", net.add_compare("ge", at, 0), net.add_compare("lt", at, self.kept))
        last = net.add_binary("sub", self.kept, 1)
        if mode == "edge":
            at = net.add_binary("max", net.add_binary("min", at, last), 0)
        elif mode == "wrap":
            at = net.add_binary("mod", at, self.kept)
        elif mode == "reflect":
            period = net.add_binary("mul", last, 2)
            at = net.add_binary("mod", at, net.add_binary("max", period, 1))
            at = net.add_binary("min", at, net.add_binary("sub", period, at))
        return net.add_binary("add", at, self.skipped), inside


def padded(node: Node, axes: Sequence[int] | None, mode: str) -> SSAValue:
    """The operand with `pads` that are data along `axes`; with None they are data as well, and any dim may be padded."""
    net, shape = node.net, list(node.shape(0))
    count = vector_length(node, 1, "pads")
    named = vector_length(node, 3, "axes") if axes is None else len(axes)
    if count != 2 * named:
        node.invalid(f"it has {count} pads for {named} dims; expected {2 * named}")
    pads = net.add_cast(vector(node, 1, count), "i32")
    if axes is None:
        axes = range(len(shape))
        chosen = front_axes(net, vector(node, 3, named), len(shape))
        halves = [net.add_slice(pads, [start], [named]) for start in (0, named)]
        pads = net.add_concat([spread(net, half, chosen, len(shape), 0) for half in halves], 0)
        count = 2 * len(shape)
    one = [net.add_reshape(net.add_slice(pads, [i], [1]), ()) for i in range(count)]
    pairs = zip(axes, one[: len(axes)], one[len(axes) :], strict=True)
    padded = [_Axis.of(net, shape[axis], before, after) for axis, before, after in pairs]
    sizes = net.add_concat([axis.size for axis in padded], 0)
    most = [node.most(0, axis, likely=_likely(net, shape[axis])) for axis in axes]
    known = node.read_sizes(net.add_cast(sizes, "i64"), most, "size")
    places: list[SSAValue | None] = [None] * len(shape)
    inside: SSAValue | None = None
    for axis, made, size in zip(axes, padded, known, strict=True):
        place, fits = made.places(size, mode)
        shape[axis], places[axis] = size, along(net, place, axis, len(shape))
        fits = along(net, fits, axis, len(shape))
        inside = fits if inside is None else net.add_binary("logical_and", inside, fits)
    result = pick(net, node.data(0), shape, places, inside if mode == "constant" else None)
    if mode != "constant" or not node.has_input(2) or inside is None:
        return result
    value = node.data(2) if not node.rank(2) else net.add_reshape(node.data(2), ())
    return net.add_where(inside, result, value)


def _likely(net: Network, extent: Expr) -> int:
    """The greatest extent of a padded dim where nobody says one: memory is planned for it, on all dims at once."""
    return 2 * extent.bounds(net.ranges)[1] + 64
