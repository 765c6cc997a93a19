"""`sink-reshapes`: ops between reshapes of leading dims compute on the dims that the reshapes start from, or lead to.

    %1 = nn.reshape %0 : [2, 12, 32] -> [24, 32]           %2 = nn.matmul %0, %w : [2, 12, 32] x [32, 96] -> [2, 12, 96]
    %2 = nn.matmul %1, %w                          ->      %3 = nn.add %2, %bias
    %3 = nn.add %2, %bias                                  %5 = nn.add %3, %residual : [2, 12, 96]
    %4 = nn.reshape %3 : [24, 96] -> [2, 12, 96]
    %5 = nn.add %4, %residual

Between two ops that compute, a reshape parts groups. Ops that follow their leading dims (leading_dims.py) and are connected by tensors
with the same ones are a component. It is written with other leading dims where that takes away more reshapes at its border than it needs
there: a reshape counts if it lies between ops that could share a group, and twice if it may be a copy: if it merges dims of a view, or
parts dims for a transpose after which others are merged (windows of an image), so that the result could not be written in that order.

Reshapes of masks and indices move up instead, to the inputs that these are computed from (index_arithmetic.py).

Assumes nothing, and does not part later dims (heads of attention). Every op joins at most one component, and no reshape that the pass
makes is looked at again: it ends, and is linear in the uses of values.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Block, Operation, SSAValue
from xdsl.passes import ModulePass

from ...dialects import nn
from ...dialects.dims import product, symbol
from ...dialects.nn import element_of, shape_of
from ...dialects.provenance import get_names, helper_location, set_names
from ...dialects.strided import VIEW_OPS, View, reshaped_strides
from ..remarks import remark, removing
from . import editing
from .index_arithmetic import lift_reshapes
from .leading_dims import ROWS, Dims, begins_with, shifted_properties, tied_operands, untied_dims

NAME = "sink-reshapes"
_COPY = 2
"""What a reshape counts that may have to copy a view."""


@dataclass
class _Component:
    """Ops that follow the dims `lead`, and the tensors that begin with them, in the order in which they were found."""

    lead: Dims
    ops: dict[Operation, None] = field(default_factory=dict[Operation, None])
    values: dict[SSAValue, None] = field(default_factory=dict[SSAValue, None])

    def rest(self, value: SSAValue) -> Dims:
        return shape_of(value)[len(self.lead) :]

    def entering(self) -> Iterator[SSAValue]:
        """The tensors that ops outside make."""
        return (value for value in self.values if value.owner not in self.ops)

    def outside_users(self, value: SSAValue) -> list[Operation]:
        return list(dict.fromkeys(use.operation for use in value.uses if use.operation not in self.ops))

    def inside_users(self, value: SSAValue) -> list[Operation]:
        return [use.operation for use in value.uses if use.operation in self.ops]


def _may_share(made: SSAValue, reader: Operation) -> bool:
    """Whether an op and what makes a tensor that it reads could share a group: pointwise ops follow any op that computes, and come before
    an anchor; gathers of rows come before both."""
    maker = made.owner
    if not isinstance(maker, Operation):
        return False
    if nn.is_pointwise(maker):
        return nn.is_pointwise(reader) or isinstance(reader, (*ROWS, nn.MatmulOp, nn.ConvOp))
    if nn.gathers_rows(maker):
        return nn.is_pointwise(reader) or isinstance(reader, ROWS)
    return nn.is_pointwise(reader) and isinstance(maker, (*ROWS, nn.MatmulOp, nn.ConvOp, nn.PoolOp))


def _copies(value: SSAValue, reshape: nn.ReshapeOp) -> bool:
    """Whether a reshape of a transpose moves elements."""
    op = value.owner
    if not isinstance(op, nn.TransposeOp):
        return False
    view = View.whole(op, shape_of(op.x)).transposed(nn.values_of(op.permutation))
    return isinstance(view.reshaped(shape_of(reshape.result)), str)


def _is_copied(op: Operation) -> bool:
    """Whether a reshape of this transpose moves elements, which what makes its operand could write in their new order."""
    return isinstance(op, nn.TransposeOp) and any(
        isinstance(use.operation, nn.ReshapeOp) and _copies(op.result, use.operation) for use in op.result.uses
    )


@dataclass
class _Sinking:
    """The pass on one block."""

    constants: set[SSAValue]
    position: dict[Operation, int]
    claimed: set[Operation] = field(default_factory=set[Operation])

    def component(self, start: SSAValue, lead: Dims) -> _Component:
        """All that is connected with a tensor by its leading dims."""
        found = _Component(lead, values={start: None})
        pending = [start]
        while pending:
            value = pending.pop()
            neighbours = dict.fromkeys(use.operation for use in value.uses)
            if isinstance(value.owner, Operation):
                neighbours[value.owner] = None
            for op in neighbours:
                if op in self.claimed or op not in self.position:
                    continue
                tied = tied_operands(op, lead)
                if tied is None or value not in (op.results[0], *(op.operands[i] for i in tied)):
                    continue
                self.claimed.add(op)
                found.ops[op] = None
                for other in (*(op.operands[i] for i in tied), op.results[0]):
                    if other not in self.constants and other not in found.values:
                        found.values[other] = None
                        pending.append(other)
        return found

    # What other leading dims cost.

    def candidates(self, component: _Component) -> Counter[Dims]:
        """The leading dims at the other side of the reshapes at the border, with how many reshapes between groups they take away."""
        found: Counter[Dims] = Counter()
        for value in component.values:
            rest = component.rest(value)
            if isinstance(value.owner, nn.ReshapeOp):
                source = value.owner.x
                parts = any(_may_share(source, op) for op in component.inside_users(value))
                weight = _COPY if _copies(source, value.owner) else int(parts and source not in self.constants)
                self._count(found, source, rest, weight)
            for user in component.outside_users(value) if value.owner in component.ops else ():
                if isinstance(user, nn.ReshapeOp):
                    readers = [use.operation for use in user.result.uses]
                    weight = (
                        _COPY if any(map(_is_copied, readers)) else int(any(_may_share(value, op) for op in readers))
                    )
                    self._count(found, user.result, rest, weight)
        return found

    def _count(self, found: Counter[Dims], other: SSAValue, rest: Dims, weight: int) -> None:
        dims = shape_of(other)
        if len(dims) >= len(rest) and dims[len(dims) - len(rest) :] == rest:
            found[dims[: len(dims) - len(rest)]] += weight

    def loss(self, component: _Component, lead: Dims) -> int:
        """The reshapes that the border of a component then needs, where they matter."""
        unrelated = [symbol(f"stride {axis}") for axis in range(len(component.lead))]
        splits = reshaped_strides(component.lead, unrelated, lead) is not None
        total = 0
        for value in component.entering():
            if isinstance(value.owner, VIEW_OPS) and not isinstance(value.owner, nn.ReshapeOp):
                total += 0 if splits else _COPY
            total += any(_may_share(value, op) for op in component.inside_users(value))
        for value in component.values:
            if value.owner in component.ops:
                total += any(_may_share(value, user) for user in component.outside_users(value))
        return total

    # The rewrite.

    def rewrite(self, component: _Component, lead: Dims) -> None:
        """Write the ops of a component with other leading dims."""
        new: dict[SSAValue, SSAValue] = {}
        ops = sorted(component.ops, key=lambda op: self.position[op])
        for op in ops:
            tied = tied_operands(op, component.lead)
            assert tied is not None
            operands = [
                self._tied(value, op, component, lead, new)
                if index in tied
                else _viewed(value, untied_dims(op, index, component.lead), op)
                for index, value in enumerate(op.operands)
            ]
            result = op.results[0]
            ty = nn.tensor_type([*lead, *component.rest(result)], element_of(result))
            made = editing.rebuilt(op, operands, [ty], shifted_properties(op, component.lead, lead))
            new[result] = editing.insert_before(op, made).results[0]
        for op in ops:
            self._leave(op, component, new[op.results[0]])
        for op in reversed(ops):
            op.detach()
            op.erase()

    def _tied(
        self, value: SSAValue, op: Operation, component: _Component, lead: Dims, new: dict[SSAValue, SSAValue]
    ) -> SSAValue:
        if value not in new:
            source = value.owner.x if isinstance(value.owner, nn.ReshapeOp) else value
            new[value] = _viewed(source, (*lead, *component.rest(value)), op)
        return new[value]

    def _leave(self, op: Operation, component: _Component, value: SSAValue) -> None:
        """Let what is not in the component read a result of it as it was."""
        result = op.results[0]
        for user in component.outside_users(result):
            if isinstance(user, nn.ReshapeOp):
                _merge(user, value)
        if result.first_use is None or all(use.operation in component.ops for use in result.uses):
            return
        plain = nn.ReshapeOp(value, shape_of(result))
        editing.insert_before(op, plain, location=helper_location("reshape", op.location))
        set_names(plain, get_names(op))
        result.replace_uses_with_if(plain.result, lambda use: use.operation not in component.ops)


def _viewed(value: SSAValue, dims: Dims, before: Operation) -> SSAValue:
    """A tensor with other dims, for an op."""
    if shape_of(value) == dims:
        return value
    location = helper_location("reshape", before.location)
    return editing.insert_before(before, nn.ReshapeOp(value, dims), location=location).results[0]


def _merge(reshape: nn.ReshapeOp, value: SSAValue) -> None:
    """Let a reshape read the same elements with other dims, or what reads it read these, where they have its dims."""
    if shape_of(value) != shape_of(reshape.result):
        reshape.operands[0] = value
        return
    if isinstance(value.owner, Operation) and not any(get_names(value.owner)):
        set_names(value.owner, get_names(reshape))
    removing(reshape.location, "what it reshapes is computed with its dims")
    reshape.result.replace_all_uses_with(value)
    reshape.detach()
    reshape.erase()


def _lead(reshape: nn.ReshapeOp) -> Iterator[tuple[SSAValue, Dims]]:
    """The tensors on both sides of a reshape with the leading dims in which they differ."""
    dims, others = shape_of(reshape.result), shape_of(reshape.x)
    same, most = 0, min(len(dims), len(others))
    if isinstance(reshape.x.owner, nn.ReduceOp):
        most -= 1  # a dim of 1 that it leaves is not told from a batch of 1, and the dims of both sides need to lead
    while same < most and dims[-1 - same] == others[-1 - same]:
        same += 1
    if same and product(dims[: len(dims) - same]) == product(others[: len(others) - same]):
        yield reshape.result, dims[: len(dims) - same]
        yield reshape.x, others[: len(others) - same]


def sink_reshapes(block: Block) -> None:
    """Look at the components on both sides of each reshape of a block."""
    constants = editing.fed_by_constants_only(block)
    ops = list(block.ops)
    sinking = _Sinking(constants, {op: i for i, op in enumerate(ops) if not isinstance(op, nn.ReshapeOp)})
    for reshape in (op for op in ops if isinstance(op, nn.ReshapeOp) and op.result not in constants):
        for start, lead in _lead(reshape) if reshape.parent is not None else ():
            if reshape.parent is not None and lead and begins_with(start, lead):
                _sink(reshape, sinking.component(start, lead), sinking)
    editing.erase_unused(op for op in ops if isinstance(op, nn.ReshapeOp) and op.parent is not None)
    lift_reshapes(block, constants, NAME)


def _needs_rows(op: Operation, component: _Component) -> bool:
    """Whether an op cannot do without leading dims: vectors are no operands of a product."""
    return isinstance(op, nn.MatmulOp) and len(component.rest(op.result)) < 2


def _sink(reshape: nn.ReshapeOp, component: _Component, sinking: _Sinking) -> None:
    """Rewrite a component with the leading dims that take away most reshapes, if these are more than it then needs."""
    if not component.ops:
        return
    candidates = sinking.candidates(component)
    candidates.pop(component.lead, None)
    if () in candidates and any(_needs_rows(op, component) for op in component.ops):
        del candidates[()]
        remark(
            reshape, "missed", NAME, f"{len(component.ops)} ops without leading dims: not done, a product needs rows"
        )
    if not candidates:
        return
    lead, gain = max(candidates.items(), key=lambda item: item[1])
    loss = sinking.loss(component, lead)
    count = (
        f"{len(component.ops)} ops on [{', '.join(map(str, lead))}] in place of [{', '.join(map(str, component.lead))}]"
    )
    balance = f"takes away {gain} reshapes between groups and needs {loss}"
    if gain <= loss:
        remark(reshape, "missed", NAME, f"{count}: not done, since that {balance}")
        return
    remark(reshape, "applied", NAME, f"{count}: that {balance}")
    sinking.rewrite(component, lead)


@dataclass(frozen=True)
class SinkReshapesPass(ModulePass):
    """Let ops compute on the dims of their neighbours instead of reshapes between them."""

    name = NAME
    numerics: ClassVar[str] = "exact"
    LOSES: ClassVar[str] = "what it reshapes is computed with other leading dims"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for func in editing.computed_functions(op):
            sink_reshapes(func.body.block)
