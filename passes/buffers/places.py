"""The places of tensors: which memory each one is, as a view of an owner."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias, cast

from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import BlockArgument, Operation, SSAValue

from ...dialects import fusion, nn
from ...dialects.errors import PassError
from ...dialects.provenance import describe
from ...dialects.strided import VIEW_OPS, View, operand_views, result_view

VIEW_LIKE = (*VIEW_OPS, nn.ConcatOp)
Place: TypeAlias = View[SSAValue]


def failure(message: str) -> PassError:
    return PassError(f"bufferize: {message}")


def alias(op: Operation) -> fusion.Alias:
    found = fusion.alias_of(op)
    if found is None:
        raise failure(
            f"{describe(op)} has no {fusion.ALIAS}: expected assign-destinations to have decided who owns its memory."
        )
    return found


class Places:
    """The place of each tensor of a function. Owners are values: a call's result stands for its own alloc, a returned value for its
    output argument."""

    def __init__(self, function: FuncOp):
        last = function.body.block.last_op
        if not isinstance(last, ReturnOp):
            raise failure("expected @main to end in func.return.")
        self.returned = list(last.arguments)
        self.places: dict[SSAValue, Place] = {}
        self.operands: dict[Operation, Sequence[Place] | str] = {}
        """Those of the operands of `dest` ops, found once for all operands of an op."""

    def of(self, value: SSAValue) -> Place:
        """The place of a tensor."""
        if value not in self.places:
            self.places[value] = self._find(value)
        return self.places[value]

    def check_returned(self) -> None:
        """Raises unless each returned tensor is all of an owner of its own, which becomes the output argument."""
        owners: set[SSAValue] = set()
        for index, value in enumerate(self.returned):
            place = self.of(value)
            if (
                place.owner is not value
                or isinstance(value, BlockArgument)
                or isinstance(value.owner, nn.WeightOp | nn.ConstantOp)
            ):
                raise failure(
                    f"output {index} is a view, an input or a weight: expected assign-destinations to have made a copy of it."
                )
            if value in owners:
                raise failure(
                    f"output {index} is returned twice: expected assign-destinations to have made a copy of it."
                )
            owners.add(value)

    def _find(self, value: SSAValue) -> Place:
        into = [
            use
            for use in value.uses
            if isinstance(use.operation, VIEW_LIKE) and alias(use.operation) is fusion.Alias.DEST
        ]
        producer = value.owner
        if len(into) > 1:
            raise failure(f"{what(value)} has {len(into)} destinations: expected one and copies for the others.")
        if isinstance(producer, VIEW_LIKE) and alias(producer) is fusion.Alias.SOURCE:
            if into:
                raise failure(
                    f"{what(value)} is a view of its operand and of its user's result at once: expected one of them."
                )
            return _checked(result_view(producer, self.of(producer.operands[0])), producer)
        if into:
            user = into[0].operation
            if not isinstance(producer, Operation) or isinstance(producer, nn.WeightOp | nn.ConstantOp):
                raise failure(
                    f"{what(value)} exists already and cannot be written into the result of {describe(user)}."
                )
            if user not in self.operands:
                self.operands[user] = operand_views(user, self.of(user.results[0]))
            places = self.operands[user]
            return _checked(places if isinstance(places, str) else places[into[0].index], user)
        return View.whole(value, nn.shape_of(value))


def _checked(place: Place | str, op: Operation) -> Place:
    if isinstance(place, str):
        raise failure(
            f"{describe(op)} cannot be a view: {place}; expected assign-destinations to have made a copy of it."
        )
    return place


def what(value: SSAValue) -> str:
    """A tensor in messages: what makes it."""
    return (
        describe(value.owner) if isinstance(value.owner, Operation) else f"argument {cast(BlockArgument, value).index}"
    )
