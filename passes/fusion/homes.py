"""Parts of a merged product that a concat of channels reads (`merge-siblings`): they are written there, and the other parts beside them.

%c = nn.concat %2, %5 : 64 + 32 channels         ->     %c' = nn.concat %m, %5 : (96 + 64) + 32 channels
                                                        %c = nn.slice %c' [0, 0, 0, 96] : 96 channels
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.ir import Operation, SSAValue
from xdsl.rewriter import InsertPoint, Rewriter

from ...dialects import nn
from ...dialects.dims import Expr, const
from ...dialects.kernel.types import bitwidth
from ...dialects.nn import rank_of, shape_of, stored_of
from ...dialects.provenance import get_names, helper_location, set_names
from ...dialects.strided import View
from .destinations import Place
from .siblings import Sibling

VECTOR = 16
"""Bytes: what TMA asks of addresses and strides, and the widest access of a thread."""


def is_aligned(channels: int, value: SSAValue) -> bool:
    """Whether so many elements of a value's stored type are whole vectors."""
    return channels * bitwidth(stored_of(value)) // 8 % VECTOR == 0


@dataclass(frozen=True)
class Home:
    """A concat of channels that reads results of siblings, which are part of the merged result, in which the others lie beside it."""

    concat: nn.ConcatOp
    first: int
    count: int
    """Which of its operands the siblings are."""
    before: int
    """Channels of other siblings, or of nothing, before the concat's own: where they lie."""
    after: int

    @property
    def is_grown(self) -> bool:
        return bool(self.before or self.after)

    @property
    def channels(self) -> Expr:
        return shape_of(self.concat.result)[-1] + self.before + self.after

    def place(self, result: SSAValue) -> Place:
        """Where the merged result, of which it is `owner`, lies in the buffer of the grown concat."""
        dims = (*shape_of(result)[:-1], self.channels)
        own = [shape_of(v)[-1] for v in self.concat.inputs]
        start = sum(own[: self.first], const(0)) if not self.before else const(0)
        return channels_of(View.whole(result, dims), start, shape_of(result)[-1])

    def own_place(self) -> Place:
        """Where the concat's result lies."""
        result = self.concat.result
        whole = View.whole(result, (*shape_of(result)[:-1], self.channels))
        return channels_of(whole, const(self.before), shape_of(result)[-1])


def channels_of(place: Place, start: Expr, count: Expr) -> Place:
    rank = len(place.dims)
    return place.sliced([const(0)] * (rank - 1) + [start], [1] * rank, (*place.dims[:-1], count))


def home_of(siblings: Sequence[Sibling], parts: Sequence[SSAValue]) -> Home | None:
    """The concat of channels that reads the most parts and nothing else does, if they stand side by side in it, and the other parts can
    stand before or after all of it."""
    readers = Counter(c for v in parts if (c := only_concat(v)) is not None)
    for concat, count in readers.most_common(1):
        inside = [v for v in parts if only_concat(v) is concat]
        operands = list(concat.inputs)
        first = min(map(operands.index, inside))
        if set(operands[first : first + count]) != set(inside):
            return None
        others = sum(s.channels for s, v in zip(siblings, parts, strict=True) if v not in set(inside))
        at_start, at_end = first == 0, first + count == len(operands)
        if others and not (at_start or at_end):
            return None
        return Home(concat, first, count, others if at_start else 0, 0 if at_start else others)
    return None


def only_concat(value: SSAValue) -> nn.ConcatOp | None:
    """The concat of channels that alone reads a value, once."""
    use = value.get_user_of_unique_use()
    return use if isinstance(use, nn.ConcatOp) and use.axis.value.data == rank_of(value) - 1 else None


def grow(home: Home, result: SSAValue) -> None:
    """Let a concat read the merged result in place of parts of it; where that has more channels, the concat's own are a slice."""
    concat = home.concat
    operands = list(concat.inputs)
    operands[home.first : home.first + home.count] = [result]
    new: list[Operation] = []
    if len(operands) > 1:
        new.append(nn.ConcatOp(operands, concat.axis.value.data))
        nn.copy_stored(concat, new[0])
        new[0].location = concat.location
    whole = new[-1].results[0] if new else result
    if home.is_grown:
        starts = [const(0)] * (rank_of(whole) - 1) + [const(home.before)]
        part = nn.SliceOp(whole, starts, shape_of(concat.result))
        nn.copy_stored(concat, part)
        part.location = helper_location("slice", concat.location)
        new.append(part)
    if new:
        set_names(new[-1], get_names(concat))
        Rewriter.insert_op(new, InsertPoint.before(concat))
    concat.result.replace_all_uses_with(new[-1].results[0] if new else result)
    concat.detach()
    concat.erase()
