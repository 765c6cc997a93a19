"""Which values are written straight into the buffer of a later view: the first half of `assign-destinations`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from xdsl.dialects.builtin import LocationAttr
from xdsl.dialects.func import ReturnOp
from xdsl.ir import Block, Operation, SSAValue

from ...dialects import nn
from ...dialects.dims import product, symbol
from ...dialects.fusion import GroupOp, LayoutAttr
from ...dialects.nn import shape_of
from ...dialects.strided import View, operand_views, result_view
from ..graph import editing
from ..kernels.building.group import GroupView
from ..kernels.cost.decision import UNCERTAINTY, decide
from ..kernels.schedules.competition import Prices
from ..kernels.schedules.matching import Matcher
from ..remarks import remark
from .building import copy_group, copy_location
from .split_results import split_result

NAME = "assign-destinations"

MOST_COPIED = 8
"""Tensors that one launch copies."""

Place: TypeAlias = View[SSAValue]
"""Where a tensor lies: a view of the buffer of a value, which is row-major."""


def own_place(value: SSAValue) -> Place:
    """The place of a value in a buffer of its own."""
    return View.whole(value, shape_of(value))


def accepts_layout(group: GroupOp, value: SSAValue, at: Place, matcher: Matcher) -> str | None:
    """Why no schedule accepts the group with one operand or result placed there and all else row-major; None if one does."""
    if at.is_row_major:
        return None
    values = (*group.operands, *group.results)
    layout = LayoutAttr.of(at)
    answer = matcher.answer(GroupView.of(group, [layout if v is value else LayoutAttr.get() for v in values]))
    return None if answer.schedule is not None else answer.why


def _operand_places(op: Operation, at: Place) -> Sequence[Place]:
    """The places of the operands of a view whose result is at `at`. Strides must be able to describe them."""
    places = operand_views(op, at)
    assert not isinstance(places, str), places
    return places


def _is_returned(value: SSAValue) -> bool:
    return any(isinstance(use.operation, ReturnOp) for use in value.uses)


@dataclass(frozen=True)
class Slices:
    """What the body of a loop returns for joined results: its operands of `func.return` from `first` on, in iteration `index`, a symbol."""

    index: str
    first: int


@dataclass
class Destinations:
    """The walk from last to first op."""

    block: Block
    matcher: Matcher
    prices: Prices
    constants: set[SSAValue]
    homes: dict[SSAValue, Place] = field(default_factory=dict)
    """Values that lie in the buffer of a later op's result."""
    taken: set[Operation] = field(default_factory=set)
    """View ops whose operands lie in their results."""
    roots: set[SSAValue] = field(default_factory=set)
    """Results of such ops that have buffers of their own."""

    reads: dict[Operation, Counter[SSAValue]] = field(default_factory=dict)
    locations: dict[frozenset[SSAValue], LocationAttr] = field(default_factory=dict)
    """Those of the copies of these values."""

    def find(self, slices: Slices | None = None) -> None:
        """Finds the destinations in a function; `slices` where it is the body of a loop whose iterations make slices of results."""
        if slices is not None:
            self._slices(slices)
        for op in reversed(list(self.block.ops)):
            if not op.results or op.results[0] in self.constants:
                continue
            if isinstance(op, nn.ConcatOp):
                self._concat(op)
            elif isinstance(op, nn.ReshapeOp) and op.result not in self.homes and _is_returned(op.result):
                self._returned_reshape(op)
            elif isinstance(op, nn.TransposeOp | nn.ReshapeOp) and (
                op.result in self.homes or self._wants_destination(op)
            ):
                (self.homes[op.x],) = _operand_places(op, self._place(op))
                self.taken.add(op)

    def _place(self, op: Operation) -> Place:
        """Where the result of a view lies whose operands are to lie in it."""
        result = op.results[0]
        if result not in self.homes:
            self.roots.add(result)
        return self.homes.get(result) or own_place(result)

    def _slices(self, slices: Slices) -> None:
        """What a body returns as a slice of a loop's result is written at its place in that result."""
        op = self.block.last_op
        assert isinstance(op, ReturnOp)
        operands = list(op.operands)
        for index in range(slices.first, len(operands)):
            value = operands[index]
            at = replace(own_place(value), offset=symbol(slices.index) * product(shape_of(value)))
            reason = self.blocker(value, at, op)
            if reason is not None:
                remark(op, "missed", NAME, f"slice {index - slices.first} of a loop's result copied: {reason}")
                group = copy_group([value], f"slice of a loop's result: {reason}")
                operands[index] = editing.insert_before(op, group, location=group.location).results[0]
            self.homes[operands[index]] = at
        op.operands = operands
        self.reads.pop(op, None)

    def _concat(self, op: nn.ConcatOp) -> None:
        operands: list[SSAValue] = []
        copied: list[tuple[SSAValue, str]] = []
        for index, (operand, at) in enumerate(zip(op.operands, _operand_places(op, self._place(op)), strict=True)):
            reason = self.blocker(operand, at, op)
            if reason is None:
                operands += self._copy_run(op, copied)
                copied = []
                operands.append(operand)
                self.homes[operand] = at
                continue
            remark(op, "missed", NAME, f"operand {index} copied into the concat: {reason}")
            self._times(op)[operand] -= 1
            if len(copied) == MOST_COPIED:
                operands += self._copy_run(op, copied)
                copied = []
            copied.append((operand, reason))
        operands += self._copy_run(op, copied)
        op.operands = operands  # all at once: changing one operand rebuilds the uses of all
        for operand, at in zip(operands, _operand_places(op, self._place(op)), strict=True):
            self.homes[operand] = at
        self.taken.add(op)

    def _copy_run(self, op: nn.ConcatOp, copied: Sequence[tuple[SSAValue, str]]) -> list[SSAValue]:
        """Neighbouring operands of a concat, copied by one group."""
        if not copied:
            return []
        reasons = "; ".join(dict.fromkeys(reason for _, reason in copied))
        values = [value for value, _ in copied]
        sources = frozenset(values)
        if sources not in self.locations:  # those of values that many nodes compute have thousands of parts
            self.locations[sources] = copy_location(dict.fromkeys(values))
        group = copy_group(values, f"into a concat: {reasons}", op.axis.value.data, self.locations[sources])
        return [editing.insert_before(op, group, location=group.location).results[0]]

    def _returned_reshape(self, op: nn.ReshapeOp) -> None:
        """A graph output has a buffer of its own: what is reshaped to become it is written there."""
        (at,) = _operand_places(op, self._place(op))
        reason = self.blocker(op.x, at, op)
        if reason is not None:
            remark(op, "missed", NAME, f"copied into a graph output: {reason}")
            group = copy_group([op.x], f"into a graph output: {reason}")
            op.operands[0] = editing.insert_before(op, group, location=group.location).results[0]
        self.homes[op.x] = at
        self.taken.add(op)

    def blocker(self, value: SSAValue, at: Place, user: Operation) -> str | None:
        """Why a value cannot be written straight to a place that `user` gives it; None if it can."""
        owner = value.owner
        if not isinstance(owner, Operation):
            return "it is a graph input"
        if value in self.homes:
            return "it lies in another destination already"
        if value in self.constants:
            return "it is a constant"
        if self._times(user)[value] > 1:
            return "the concat reads it twice"
        for reader in self._other_readers(value, user):
            if isinstance(reader, ReturnOp):
                return "it is a graph output too"
            if isinstance(reader, GroupOp) and (reason := accepts_layout(reader, value, at, self.matcher)) is not None:
                return f"another group reads it and {reason}"
        return self._producer_blocker(owner, value, at)

    def _times(self, user: Operation) -> Counter[SSAValue]:
        """How often an op reads each of its operands, counted once for ops that read thousands."""
        if user not in self.reads:
            self.reads[user] = Counter(user.operands)
        return self.reads[user]

    def _other_readers(self, value: SSAValue, user: Operation) -> Iterator[Operation]:
        return (use.operation for use in value.uses if use.operation is not user)

    def _producer_blocker(self, owner: Operation, value: SSAValue, at: Place) -> str | None:
        if isinstance(owner, nn.ConcatOp):
            return None
        if isinstance(owner, GroupOp):
            reason = accepts_layout(owner, value, at, self.matcher)
            return None if reason is None else f"its group cannot write strided: {reason}"
        if isinstance(owner, nn.TransposeOp | nn.ReshapeOp):
            if not owner.x.has_one_use():
                return f"it is a {owner.name} of a tensor with other users"
            inner = operand_views(owner, at)
            if isinstance(inner, str) and isinstance(owner, nn.ReshapeOp):
                if reason := split_result(owner, at, self.matcher):
                    return f"it is a reshape, and {inner}; {reason}"
                inner = operand_views(owner, at)
            assert not isinstance(inner, str), inner
            return self.blocker(owner.x, inner[0], owner)
        return f"it comes from {owner.name}, not from a group"

    def _wants_destination(self, op: nn.TransposeOp | nn.ReshapeOp) -> bool:
        """Whether a transpose is better written row-major by its producer than read strided by its users."""
        if not isinstance(op, nn.TransposeOp) or not op.x.has_one_use():
            return False
        at = own_place(op.x).transposed(nn.values_of(op.permutation))
        needed = any(self._needs_copy(use.operation, op.result, at) for use in op.result.uses)
        if not needed and not self._is_cheaper_in_order(op, at):
            return False
        (inner,) = _operand_places(op, own_place(op.result))
        reason = self.blocker(op.x, inner, op)
        if reason is not None:
            remark(op, "missed", NAME, f"its producer does not write it row-major: {reason}")
        return reason is None

    def _is_cheaper_in_order(self, op: nn.TransposeOp, at: Place) -> bool:
        """Whether groups that read a transpose are cheaper where what makes its operand writes it row-major."""
        maker, readers = op.x.owner, list(dict.fromkeys(use.operation for use in op.result.uses))
        if not isinstance(maker, GroupOp) or not all(isinstance(reader, GroupOp) for reader in readers):
            return False
        (inner,) = _operand_places(op, own_place(op.result))

        def price(group: Operation, places: dict[SSAValue, Place]) -> float:
            assert isinstance(group, GroupOp)
            values = (*group.operands, *group.results)
            layouts = [LayoutAttr.of(places.get(value) or own_place(value)) for value in values]
            return self.prices.of(GroupView.of(group, layouts))

        decision = decide(
            "order of a transpose",
            {
                "read strided": price(maker, {}) + sum(price(reader, {op.result: at}) for reader in readers),
                "written row-major": price(maker, {op.x: inner}) + sum(price(reader, {}) for reader in readers),
            },
            UNCERTAINTY,
        )
        remark(op, "analysis", NAME, str(decision))
        return decision.chosen == "written row-major"

    def _needs_copy(self, reader: Operation, value: SSAValue, at: Place) -> bool:
        if isinstance(reader, ReturnOp):
            return True
        if isinstance(reader, nn.ReshapeOp):
            return isinstance(result_view(reader, at), str)
        return isinstance(reader, GroupOp) and accepts_layout(reader, value, at, self.matcher) is not None
