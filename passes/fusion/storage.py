"""A group whose tensors cross memory in narrow types: `fuse-groups` asks schedules about it, `materialise-storage` makes it.

Inside a group arithmetic stays in f32. What comes in narrow is cast where an op computes on it, but for ops that read narrow numbers as
they are and give f32: convs and matmuls that multiply in that type (rounding f16 to f16 changes nothing), row ops and average pools. Ops
that only move elements move narrow ones. The result is rounded once, at the end.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from math import inf

import ml_dtypes
from xdsl.dialects.builtin import f32
from xdsl.ir import Attribute, Block, Operation, SSAValue

from ...dialects import nn
from ...dialects.dtypes import numpy_dtype
from ...dialects.nn import NARROW, element_of, multiplied_in, stored_of, with_element
from ...dialects.provenance import get_names, helper_location, set_names
from ..graph.editing import rebuilt
from ..kernels.building.group import GroupView
from ..kernels.cost.decision import Decision, decide
from ..kernels.schedules.competition import Prices
from ..kernels.schedules.matching import Answer, Matcher
from .realize_integer import as_realized

_MOVES = (
    nn.MaxPoolOp, nn.PadOp, nn.RollOp, nn.ReshapeOp, nn.TransposeOp, nn.SliceOp, nn.BroadcastToOp, nn.GatherOp, nn.GatherNdOp,
    nn.ConcatOp,
)  # fmt: skip
_UNROUNDED = (
    nn.SoftmaxOp, nn.LogSoftmaxOp, nn.LayerNormOp, nn.NormalizeOp, nn.L2NormalizeOp, nn.ReduceOp, nn.LrnOp, nn.AvgPoolOp,
    nn.ArgsortOp, nn.CumulativeOp,
)  # fmt: skip
_PRODUCTS = (nn.ConvOp, nn.MatmulOp, nn.AttentionOp)


def _factors(op: Operation) -> Sequence[SSAValue]:
    """What a product multiplies: the mask of an attention is added."""
    return op.operands[:3] if isinstance(op, nn.AttentionOp) else op.operands


@dataclass(frozen=True)
class Form:
    """
    The element types in which a group's operands lie in memory, in their order. Asked (`Matcher.answer`), it is what the schedules say
    about the group with its tensors in memory so.
    """

    operands: tuple[Attribute, ...]

    def __call__(self, view: GroupView, matcher: Matcher) -> Answer:
        body = _Body(view, Block(arg_types=self.types(view)))
        body.fill()
        answer = matcher.answer(body.view(), as_realized)
        return answer.about([body.origin.get(d.refusal.op) for d in answer.declined])

    def launched(self, view: GroupView) -> GroupView:
        """The group with its tensors in memory so."""
        body = _Body(view, Block(arg_types=self.types(view)))
        body.fill()
        return body.view()

    def types(self, view: GroupView) -> list[Attribute]:
        """The types of the operands in memory."""
        return [with_element(v, e) for v, e in zip(view.operands, self.operands, strict=True)]

    def is_plain(self, view: GroupView) -> bool:
        """Whether all tensors of the group are in memory what they are in the group."""
        own = all(element_of(v) == e for v, e in zip(view.operands, self.operands, strict=True))
        return own and all(stored_of(result) == element_of(result) for result in view.results)


def forms(view: GroupView, values: Sequence[SSAValue], constants: Collection[SSAValue]) -> list[Form]:
    """
    The forms that a group can have; `values` are its operands outside. A conv or matmul reads the type that it
    multiplies: where another type is stored, a launch of its own casts before it, or a conv fuses the cast of its image, the first form.
    """
    wanted, images = _wanted(view)
    stored: list[Attribute] = []
    for operand, value in zip(view.operands, values, strict=True):
        element = wanted.get(operand, stored_of(value)) if value in constants else stored_of(value)
        stored.append(element if element_of(operand) == f32 else element_of(operand))
    cast = [wanted.get(operand, element) for operand, element in zip(view.operands, stored, strict=True)]
    inside = [
        element if operand in images else other
        for operand, element, other in zip(view.operands, stored, cast, strict=True)
    ]
    return [Form(tuple(elements)) for elements in ([inside, cast] if inside != cast else [cast])]


def _wanted(view: GroupView) -> tuple[dict[SSAValue, Attribute], set[SSAValue]]:
    """The element types in which ops want operands of the group in memory, and the images of convs among these."""
    wanted: dict[SSAValue, Attribute] = {}
    images: set[SSAValue] = set()
    for op in view.ops:
        if isinstance(op, _PRODUCTS) and element_of(op.operands[0]) == f32:
            wanted.update((v, multiplied_in(op)) for v in _factors(op) if view.maker(v) is None)
            if isinstance(op, nn.ConvOp):
                images.add(op.x)
        elif isinstance(op, nn.RnnOp) and op.math is not None and view.maker(op.weights) is None:
            wanted[op.weights] = multiplied_in(op)
        elif isinstance(op, nn.PadOp) and element_of(op.x) == f32 and _beyond_all(op) and view.maker(op.x) is None:
            wanted[op.x] = f32
        elif isinstance(op, nn.ScatterOp) and element_of(op.x) == f32:
            wanted.update((v, f32) for v in (op.x, op.updates) if view.maker(v) is None)
    return wanted, images


def _beyond_all(op: nn.PadOp) -> bool:
    """Whether an op pads with a number that some narrow type cannot hold."""
    return any(ml_dtypes.finfo(numpy_dtype(e)).max < abs(op.value.value.data) < float("inf") for e in NARROW)


def answer_of(
    view: GroupView, values: Sequence[SSAValue], constants: Collection[SSAValue], matcher: Matcher
) -> tuple[Form, Answer]:
    """What the schedules say about a group in the form that it will have, and this form: the first that one accepts, else the last."""
    options = forms(view, values, constants)
    for form in options:
        answer = matcher.answer(view, as_realized if form.is_plain(view) else form)
        if answer.schedule is not None or form is options[-1]:
            return form, answer
    raise AssertionError("a group has at least one form")


def price_of(view: GroupView, constants: Collection[SSAValue], matcher: Matcher, prices: Prices) -> float:
    """Microseconds of a group with its tensors as they will lie in memory; infinity where no schedule takes it."""
    form, answer = answer_of(view, view.operands, constants, matcher)
    if answer.schedule is None:
        return inf
    return prices.of(view if form.is_plain(view) else form.launched(view))


def form_of(
    view: GroupView, values: Sequence[SSAValue], constants: Collection[SSAValue], matcher: Matcher, prices: Prices
) -> tuple[Form, Decision | None]:
    """The form that a group will have, and the decision where a schedule accepts both."""
    first, _ = answer_of(view, values, constants, matcher)
    options = forms(view, values, constants)
    last = options[-1]
    if first == last or matcher.answer(view, as_realized if last.is_plain(view) else last).schedule is None:
        return first, None
    casts = sum(
        prices.of(_cast(view, value, element))
        for value, element, other in zip(values, last.operands, first.operands, strict=True)
        if element != other
    )
    costs = {
        "in the conv": prices.of(first.launched(view)),
        "a launch of its own": prices.of(last.launched(view)) + casts,
    }
    decision = decide("cast of the image", costs)
    return (first if decision.chosen == "in the conv" else last), decision


def _cast(view: GroupView, value: SSAValue, element: Attribute) -> GroupView:
    """A launch that casts one tensor, before or after a group."""
    block = Block(arg_types=[with_element(value, stored_of(value))])
    cast = nn.CastOp(block.args[0], element)
    block.add_op(cast)
    return GroupView(view.op, "pointwise", [cast], block.args, [cast.result])


@dataclass
class _Body:
    """The ops of a group, rebuilt in a block whose arguments are its operands in memory."""

    group: GroupView
    block: Block
    own: dict[SSAValue, SSAValue] = field(default_factory=dict[SSAValue, SSAValue])
    """What stands for a value in its own type."""
    narrow: dict[SSAValue, SSAValue] = field(default_factory=dict[SSAValue, SSAValue])
    """What stands for an f32 value that was or is to be stored, in that type."""
    results: list[SSAValue] = field(default_factory=list[SSAValue])
    origin: dict[Operation | None, Operation] = field(default_factory=dict["Operation | None", Operation])
    """The group's op that each new one stands for."""

    def view(self) -> GroupView:
        return GroupView(self.group.op, self.group.kind, list(self.block.ops), self.block.args, self.results)

    def fill(self) -> None:
        for operand, argument in zip(self.group.operands, self.block.args, strict=True):
            (self.own if operand.type == argument.type else self.narrow)[operand] = argument
        for op in self.group.ops:
            self._copy(op)
        for result in self.group.results:
            last = self.group.maker(result)
            assert last is not None
            self.results.append(self._as(result, stored_of(result), last))

    def _add(self, new: Operation, op: Operation) -> Operation:
        new.attributes.pop(nn.STORED, None)
        self.origin[new] = op
        self.block.add_op(new)
        return new

    def _as(self, value: SSAValue, element: Attribute, user: Operation) -> SSAValue:
        """A value in its own type or a narrow one, cast where `user` reads it if need be."""
        known = self.own if element == element_of(value) else self.narrow
        made = known.get(value)
        if made is None or element_of(made) != element:
            source = self.own.get(value) or self.narrow[value]
            if element != element_of(value) and element_of(source) != element_of(value):
                source = self._as(value, element_of(value), user)
            cast = nn.CastOp(source, element)
            cast.location = helper_location("cast", user.location)
            made = known[value] = self._add(cast, user).results[0]
        return made

    def _copy(self, op: Operation) -> None:
        multiplied = multiplied_in(op) if isinstance(op, _PRODUCTS) else None
        if multiplied in NARROW and element_of(op.operands[0]) == f32:
            factors = _factors(op)
            rest = [self.narrow.get(v) or self.own[v] for v in op.operands[len(factors) :]]
            self._rebuild(op, [*(self._as(v, multiplied, op) for v in factors), *rest])
        elif isinstance(op, nn.RnnOp):
            self._recur(op)
        elif isinstance(op, nn.RowMomentsOp):
            self._rebuild(op, [self._as(op.x, stored_of(op.x), op)])
        elif isinstance(op, _UNROUNDED) and any(v in self.narrow for v in op.operands):
            self._rebuild(op, [self.narrow.get(v) or self.own[v] for v in op.operands])
        elif isinstance(op, _MOVES) and (moved := self._moved(op)) is not None:
            new = self._rebuild(op, moved, with_element(op.results[0], element_of(moved[0])))
            self.narrow[op.results[0]] = new.results[0]
        else:
            mapped = {v: self._as(v, element_of(v), op) for v in op.operands}
            new = self._add(op.clone(mapped), op)
            self.own.update(zip(op.results, new.results, strict=True))

    def _recur(self, op: nn.RnnOp) -> None:
        """A recurrence reads each tensor as it is stored, its weights in the type that it multiplies in, and stores its result itself."""
        operands = [self.narrow.get(v) or self.own[v] for v in op.operands]
        multiplied, (result,) = multiplied_in(op), op.results
        if multiplied in NARROW and element_of(op.weights) == f32:
            operands[1] = self._as(op.weights, multiplied, op)
        new = self._rebuild(op, operands, with_element(result, stored_of(result)))
        if element_of(operands[1]) != f32:
            new.properties.pop("math", None)
        (self.own if new.results[0].type == result.type else self.narrow)[result] = new.results[0]

    def _moved(self, op: Operation) -> list[SSAValue] | None:
        """The operands of an op that moves elements, those of f32 narrow; None where they are not all stored in one narrow type."""
        data = [v for v in op.operands if element_of(v) == f32]
        elements = {element_of(self.narrow[v]) if v in self.narrow else f32 for v in data}
        if len(elements) != 1 or f32 in elements:
            return None
        return [self.narrow[v] if element_of(v) == f32 else self.own[v] for v in op.operands]

    def _rebuild(self, op: Operation, operands: list[SSAValue], result: Attribute | None = None) -> Operation:
        new = self._add(rebuilt(op, operands, [result or op.results[0].type]), op)
        set_names(new, get_names(op))
        if isinstance(op, _PRODUCTS):
            new.properties.pop("math", None)
        if result is None:
            self.own[op.results[0]] = new.results[0]
        return new


def narrow_body(view: GroupView, block: Block) -> list[SSAValue]:
    """Fill a block, whose arguments are a group's operands as they lie in memory, with its ops; returns its results as they are stored."""
    body = _Body(view, block)
    body.fill()
    return body.results
