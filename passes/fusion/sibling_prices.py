"""Prices of sibling products as groups of their own and as one (`merge-siblings`), with the copies that reading its parts would cost."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from math import inf

from xdsl.dialects.func import ReturnOp
from xdsl.ir import Block, Operation, SSAValue

from ...dialects import nn, quant
from ...dialects.fusion import LayoutAttr
from ...dialects.nn import shape_of, stored_of, with_element
from ...dialects.strided import VIEW_OPS, View, result_view
from ..kernels.building.group import GroupView
from ..kernels.building.schedule import target_of
from ..kernels.cost.gpus import gpu_of
from ..kernels.schedules.competition import Prices
from ..kernels.schedules.matching import Matcher
from .destinations import Place
from .realize_integer import IntegerForm, Product, find_product
from .regions import ROW, Growth, Region, anchor_kind, is_view
from .siblings import Sibling
from .storage import answer_of
from .sums import TWO, decide_second, second_product

_PRODUCTS = (nn.ConvOp, nn.MatmulOp)


@dataclass
class SiblingPrices:
    """Microseconds of groups that do not stand yet."""

    growth: Growth
    matcher: Matcher
    prices: Prices

    def group(self, view: GroupView, placed: dict[SSAValue, Place] | None = None) -> float:
        """A group as it will be stored; `placed` are those of its tensors that lie elsewhere than in buffers of their own."""
        product = find_product(view)
        if isinstance(product, Product) and (price := self._integers(view, product)) < inf:
            return price
        form, answer = answer_of(view, view.operands, self.growth.constants, self.matcher)
        if answer.schedule is None:
            return inf
        launched = view if form.is_plain(view) else form.launched(view)
        if placed:
            places = [placed.get(v) for v in view.tensors]
            layouts = [
                LayoutAttr.of(at) if at is not None else own for at, own in zip(places, launched.layouts, strict=True)
            ]
            launched = GroupView(
                launched.op, launched.kind, launched.ops, launched.operands, launched.results, launched.instead, layouts
            )  # fmt: skip
        return self.prices.of(launched)

    def _integers(self, view: GroupView, product: Product) -> float:
        """A group whose product is to be one of integers."""
        form = IntegerForm.of(product)
        try:
            return self.prices.of(form.seen_in(view))
        finally:
            form.erase()

    def product(
        self,
        anchor: Operation,
        ops: Sequence[Operation],
        result: SSAValue,
        scope: Operation,
        placed: dict[SSAValue, Place],
    ) -> float:
        """The group of a product and of ops around it, with the dequantize ops that it takes in. `scope` stands in the module."""
        kind, taken = anchor_kind(anchor), [v.owner for v in anchor.operands if isinstance(v.owner, quant.DequantizeOp)]
        price = self.group(GroupView.of_region(kind, [*taken, *ops], result, scope=scope), placed)
        return (
            price
            if price < inf or not taken
            else self.group(GroupView.of_region(kind, ops, result, scope=scope), placed)
        )

    def apart(self, sibling: Sibling, others: Collection[Operation]) -> tuple[int, float]:
        """Launches and microseconds of the group of a sibling, or of the longest part of it that a schedule takes and of the rest. Another
        product that would be in the same group is a launch that is saved; `others` are the siblings that stand apart, too."""
        region = sibling.region
        for length, result in reversed(region.cuts):
            casts = [op for op in region.prologue if isinstance(op, nn.CastOp)]
            ops = self.growth.in_order([region.anchor, *region.epilogue[:length]])
            price = self.product(region.anchor, [*casts, *ops], result, region.anchor, {})
            if price == inf:
                continue
            rest = region.epilogue[length:]
            saved = self._saved_by_second(region, ops, result, price, others)
            return 1 + bool(rest) - (saved is not None), price + self.pointwise(rest, region.result) - (saved or 0.0)
        return 1, inf

    def _saved_by_second(
        self, region: Region, ops: list[Operation], result: SSAValue, price: float, others: Collection[Operation]
    ) -> float | None:
        """What it saves that another product is computed in the same group; None where that is not done."""
        second = second_product(region.anchor, ops, self.growth, others)
        if second is None:
            return None
        both = self.group(GroupView.of_region(region.kind, self.growth.in_order([*ops, second]), result))
        alone = self.group(GroupView.of_region(region.kind, [second], second.results[0]))
        decision = decide_second(region.anchor, second, both, price + alone)
        return price + alone - both if both < inf and decision.chosen != TWO else None

    def pointwise(
        self, ops: Sequence[Operation], result: SSAValue, placed: dict[SSAValue, Place] | None = None
    ) -> float:
        """A launch of ops by element; nothing where there are none."""
        if not ops:
            return 0.0
        return self.group(GroupView.of_region("pointwise", self.growth.in_order(ops), result), placed)

    def is_taken(self, rest: Sequence[Operation], part: SSAValue, siblings: Sequence[Operation]) -> bool:
        """Whether another product, whose result the rest of a sibling's group reads too, has it after itself where the sibling does not:
        as of the sum of a shortcut and of what it goes around. It then reads of the one what it read of the other."""
        inside = {result for op in rest for result in op.results}
        read = {v for op in rest for v in op.operands} - inside - {part}
        owners = [v.owner for v in read if v not in self.growth.constants and v.has_one_use()]
        products = [owner for owner in owners if isinstance(owner, nn.ConvOp | nn.MatmulOp) and owner not in siblings]
        return any(shape_of(p.result) == shape_of(part) for p in products)

    def copy(self, value: SSAValue, at: Place, *, joined: bool) -> float:
        """Copying a value from there, in a launch of its own or `joined` with another (`merge-pointwise`)."""
        block = Block(arg_types=[with_element(value, stored_of(value))])
        layouts = [LayoutAttr.of(at), LayoutAttr.of(View.whole(0, shape_of(value)))]
        assert isinstance(value.owner, Operation)
        price = self.prices.of(GroupView(value.owner, "pointwise", [], block.args, block.args, layouts=layouts))
        return price - gpu_of(target_of(self.prices.target)).launch if joined else price

    def is_read_by_element(self, value: SSAValue) -> bool:
        """Whether a launch by element reads a value, or a view of it: a rotary embedding, but no scale that a row op or a product takes
        in."""
        for use in value.uses:
            reader = use.operation
            if is_view(reader) and len(reader.operands) == 1 and self.is_read_by_element(reader.results[0]):
                return True
            by_element = nn.is_pointwise(reader) or (isinstance(reader, nn.SliceOp) and not is_view(reader))
            if by_element and not any(isinstance(u.operation, (*ROW, *_PRODUCTS)) for u in reader.results[0].uses):
                return True
        return False

    def blockers(self, value: SSAValue, at: Place) -> Iterator[str]:
        """Why readers of a value cannot read it there without a copy that they do not need where it has a buffer of its own."""
        yield from self._blockers(value, at, View.whole(at.owner, shape_of(value)), True, True)

    def _blockers(self, value: SSAValue, at: Place, own: Place, direct: bool, whole: bool) -> Iterator[str]:
        """`own` is where the value would lie. `whole`: it is all that the producer writes; `direct`: which alone leads to it."""
        for use in value.uses:
            reader = use.operation
            if isinstance(reader, VIEW_OPS):
                place, known = result_view(reader, at), result_view(reader, own)
                if isinstance(known, str):
                    continue
                if isinstance(place, str):
                    yield place
                    continue
                moved = whole and isinstance(reader, nn.TransposeOp | nn.ReshapeOp)
                alone = direct and moved and value.has_one_use()
                yield from self._blockers(reader.results[0], place, known, alone, moved)
            elif isinstance(reader, ReturnOp):
                if whole:
                    yield "it is a graph output, which is whole"
            elif isinstance(reader, nn.ConcatOp):
                if direct:
                    yield "a concat reads it"
            elif isinstance(reader, nn.CONTROL):
                yield f"{reader.name} reads it"
            elif self._is_refused(reader, value, at) and not self._is_refused(reader, value, own):
                yield f"{reader.name} reads it, and no schedule accepts its strides"

    def _is_refused(self, reader: Operation, value: SSAValue, at: Place) -> bool:
        """Whether no schedule takes a reader alone with a value there."""
        if len(reader.results) != 1:
            return False
        view = GroupView.of_region(anchor_kind(reader), [reader], reader.results[0])
        return value in view.operands and self.group(view, {value: at}) == inf
