"""Chains of one vector per image: whether a group around a product takes in the reduction before it and the product after it.

%0 = nn.reduce mean %x          one group, which a schedule runs in one launch (kernels/schedules/gemv_chain), where that costs no more
%1 = nn.conv %0, %w             than a launch for each: a reduction that is large has many blocks in a launch of its own, and a product
%2 = nn.silu %1                 with large weights is shared by all SMs
%3 = nn.conv %2, %v
%4 = nn.sigmoid %3
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf

from xdsl.ir import Operation

from ...dialects import nn, quant
from ...dialects.dims import product
from ..kernels.building.group import GroupView
from ..kernels.cost.decision import UNCERTAINTY, Decision, decide
from ..kernels.schedules.competition import Prices
from ..kernels.schedules.matching import Matcher
from ..remarks import remark
from .regions import Growth, Region, anchor_kind
from .results import results_of
from .storage import answer_of, price_of

APART = "launches of their own"
MOST_ROWS = 64
"""Rows of a matmul that a chain is priced for: each takes blocks that read all weights."""
_PRODUCTS = (nn.ConvOp, nn.MatmulOp)


@dataclass(frozen=True)
class Link:
    """A neighbour of a product, with what fuses with it, and the reshapes between the two."""

    region: Region
    ops: list[Operation]
    between: list[Operation]

    @property
    def view(self) -> GroupView:
        return GroupView.of_region(self.region.kind, self.ops, self.region.result)


@dataclass
class Chains:
    """Chains in one block of a function; remarks are in the name of the pass `name`."""

    growth: Growth
    matcher: Matcher
    prices: Prices
    name: str
    end: Callable[[Region], None]
    """Cuts a region back to what its group may hold."""

    def extended(
        self, region: Region, view: GroupView, ops: list[Operation]
    ) -> tuple[GroupView, list[Operation], list[Link]]:
        """The group of a product with the neighbours that it takes in; else the group as it is."""
        if not _is_plain_product(region, view, ops):
            return view, ops, []
        before, after = self._before(region.anchor, ops), self._after(view, ops)
        links = [link for link in (before, after) if link is not None]
        rows = view.usual(product(nn.shape_of(region.anchor.results[0])[:-1]))
        if links and isinstance(region.anchor, nn.MatmulOp) and rows > MOST_ROWS:
            for link in links:
                self._leave(region, link, f"expected at most {MOST_ROWS} rows, got {rows}")
            return view, ops, []
        if not links:
            return view, ops, []
        options: dict[str, tuple[list[Link], float]] = {}
        for chosen in _subsets(before, after):
            price = self._price(view, ops, chosen)
            rest = [self._price_alone(link.view) for link in links if link not in chosen]
            options[_named(region, chosen)] = chosen, price + sum(rest)
        return self._decide(region, view, ops, links, options)

    def _decide(
        self,
        region: Region,
        view: GroupView,
        ops: list[Operation],
        links: list[Link],
        options: dict[str, tuple[list[Link], float]],
    ) -> tuple[GroupView, list[Operation], list[Link]]:
        possible = {name: price for name, (_, price) in options.items() if price < inf}
        decision: Decision | None = None
        chosen: list[Link] = []
        if len(possible) > 1:
            decision = decide("chain of products", possible, UNCERTAINTY)
            chosen = options[decision.chosen][0]
            remark(region.anchor, "analysis", self.name, str(decision))
        for link in links:
            if link not in chosen:
                self._leave(region, link, str(decision) if len(possible) > 1 else self._why(view, ops, link))
        if not chosen:
            return view, ops, []
        together = self._together(ops, chosen)
        return self._whole(view, together, chosen), together, chosen

    def _leave(self, region: Region, link: Link, why: str) -> None:
        """Leave a neighbour to a group of its own."""
        remark(link.region.anchor, "missed", self.name, f"not chained with {region.anchor.name}: {why}")
        self.growth.taken.difference_update(link.ops)

    def _why(self, view: GroupView, ops: list[Operation], link: Link) -> str:
        """Why no schedule takes a product with this neighbour."""
        whole = self._whole(view, self._together(ops, [link]), [link])
        if len(whole.results) > 1:
            return "other ops read a value before its result"
        _, answer = answer_of(whole, whole.operands, self.growth.constants, self.matcher)
        return "; ".join(map(str, answer.missed)) or answer.why

    def _together(self, ops: list[Operation], links: Sequence[Link]) -> list[Operation]:
        return self.growth.in_order([*ops, *(op for link in links for op in (*link.between, *link.ops))])

    def _whole(self, view: GroupView, ops: list[Operation], links: Sequence[Link]) -> GroupView:
        last = next(
            (link.region.result for link in links if isinstance(link.region.anchor, _PRODUCTS)), view.results[0]
        )
        return GroupView.of_region(view.kind, ops, results_of(ops, last))

    def _price(self, view: GroupView, ops: list[Operation], links: Sequence[Link]) -> float:
        if not links:
            return self._price_alone(view)
        whole = self._whole(view, self._together(ops, links), links)
        return self._price_alone(whole) if len(whole.results) == 1 else inf

    def _price_alone(self, view: GroupView) -> float:
        return price_of(view, self.growth.constants, self.matcher, self.prices)

    def _before(self, anchor: Operation, ops: Sequence[Operation]) -> Link | None:
        """The reduction that makes what a product multiplies."""
        inside = set(ops)
        value, between = anchor.operands[0], list[Operation]()
        while isinstance(op := value.owner, Operation):
            if isinstance(op, nn.ReduceOp):
                break
            if not value.has_one_use() or not (op in inside or self._is_reshape(op)):
                return None
            data = [v for v in op.operands if v not in self.growth.constants]
            if len(data) != 1:
                return None
            if op not in inside:
                between.append(op)
            (value,) = data
        return self._link(op, between) if isinstance(op, nn.ReduceOp) and value.has_one_use() else None

    def _after(self, view: GroupView, ops: Sequence[Operation]) -> Link | None:
        """The product that alone reads the result of one."""
        (value,), between = view.results, list[Operation]()
        while (user := value.get_user_of_unique_use()) is not None and self._is_reshape(user):
            between.append(user)
            value = user.results[0]
        if not isinstance(user, _PRODUCTS) or user.operands[0] is not value:
            return None
        return self._link(user, between)

    def _is_reshape(self, op: Operation) -> bool:
        return isinstance(op, nn.ReshapeOp) and op in self.growth.position and op.result not in self.growth.constants

    def _link(self, op: Operation, between: list[Operation]) -> Link | None:
        """A neighbour as a region of its own, if it is free."""
        growth = self.growth
        if op not in growth.position or op in growth.taken or op.results[0] in growth.constants:
            return None
        if op in growth.reserved.values():
            return None
        region = Region(anchor_kind(op), op)
        growth.grow(region)
        self.end(region)
        length, _ = region.cuts[-1]
        ops = growth.in_order([*region.prologue, op, *region.epilogue[:length]])
        growth.taken.difference_update(region.epilogue[length:])
        return Link(region, ops, between)


def may_link(op: Operation) -> bool:
    """Whether an op beside the region of a product may be part of a chain with it."""
    return isinstance(op, (*_PRODUCTS, nn.ReduceOp, nn.ReshapeOp))


def _is_plain_product(region: Region, view: GroupView, ops: Sequence[Operation]) -> bool:
    """Whether a group is one float product with one result, of the kind that has neighbours to take in."""
    return (
        isinstance(region.anchor, _PRODUCTS)
        and len(view.results) == 1
        and sum(isinstance(op, _PRODUCTS) for op in ops) == 1
        and not any(isinstance(op, quant.DequantizeOp) for op in ops)
        and _of_one_pixel(region.anchor)
    )


def _of_one_pixel(op: Operation) -> bool:
    """Whether a conv works on images of one pixel; true of a matmul."""
    return not isinstance(op, nn.ConvOp) or all(d.as_int() == 1 for d in nn.shape_of(op.x)[1:-1])


def _subsets(before: Link | None, after: Link | None) -> list[list[Link]]:
    """What a product may take in: as much as there is, one of two, nothing."""
    both = [link for link in (before, after) if link is not None]
    return [both, *([[link] for link in both] if len(both) > 1 else []), []]


def _named(region: Region, links: Sequence[Link]) -> str:
    """`reduce, conv and conv in one`."""
    if not links:
        return APART
    names = [
        op.name.removeprefix("nn.")
        for op in (
            *(link.region.anchor for link in links if isinstance(link.region.anchor, nn.ReduceOp)),
            region.anchor,
            *(link.region.anchor for link in links if isinstance(link.region.anchor, _PRODUCTS)),
        )
    ]
    return f"{', '.join(names[:-1])} and {names[-1]} in one launch"
