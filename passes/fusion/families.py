"""Products that may become one (`merge-siblings`): those over one value, and those over parts of one that lie side by side."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from xdsl.ir import Block, Operation, SSAValue

from ...dialects import nn
from ...dialects.nn import rank_of, shape_of
from ..remarks import remark
from .homes import is_aligned
from .regions import Growth
from .siblings import Anchor, difference, form_of, refuse, weights_of

NAME = "merge-siblings"


@dataclass(frozen=True)
class Run:
    """Channels of a value, of which siblings read one part each, all of one size, one after the other."""

    value: SSAValue
    start: int
    channels: int

    @property
    def is_whole(self) -> bool:
        return shape_of(self.value)[-1] == self.channels


@dataclass(frozen=True)
class Family:
    """Anchors of one form. `run` is what they read parts of; None where they read one value."""

    anchors: Sequence[Anchor]
    run: Run | None = None


def families(block: Block, constants: Collection[SSAValue]) -> Iterator[Family]:
    """The anchors that may be siblings: they read one value, in one form. A remark for each that reads one with others, and may not."""
    readers: dict[SSAValue, list[Anchor]] = {}
    for op in block.ops:
        if isinstance(op, nn.ConvOp | nn.MatmulOp) and op.operands[0] not in constants:
            readers.setdefault(op.operands[0], []).append(op)
    for anchors in readers.values():
        if len(anchors) == 1:
            continue
        forms: dict[Hashable, list[Anchor]] = {}
        for anchor in anchors:
            reason = refuse(anchor, constants) or _channels_refused(anchor)
            if reason is not None:
                missed(anchor, reason)
            else:
                forms.setdefault(form_of(anchor), []).append(anchor)
        for alike in forms.values():
            if len(alike) > 1:
                yield Family(alike)
            elif len(forms) > 1:
                other = next(a for a in forms.values() if a is not alike)[0]
                missed(alike[0], difference(alike[0], other))


def _channels_refused(anchor: Anchor) -> str | None:
    channels = shape_of(anchor.result)[-1].as_int()
    if channels is None:
        return "its channels are known at run time only"
    if not is_aligned(channels, anchor.result):
        return f"its {channels} channels are no multiple of 16 bytes, at which parts beside it must start"
    return None


def missed(op: Operation, reason: str, others: str = "others that read the same value") -> None:
    remark(op, "missed", NAME, f"not merged with {others}: {reason}")


def sliced_values(block: Block) -> list[SSAValue]:
    """The values of which there are several parts by channels."""
    found: dict[SSAValue, int] = {}
    for op in block.ops:
        if isinstance(op, nn.SliceOp) and _first_channel(op) is not None:
            found[op.x] = found.get(op.x, 0) + 1
    return [value for value, count in found.items() if count > 1]


def _first_channel(part: nn.SliceOp) -> int | None:
    """Where a part of the channels starts; None where the slice is no such part."""
    *starts, first = part.starts.exprs
    whole = all(start == 0 for start in starts) and shape_of(part.x)[:-1] == shape_of(part.result)[:-1]
    ones = all(step == 1 for step in nn.values_of(part.steps))
    return first.as_int() if whole and ones and shape_of(part.result)[-1].as_int() is not None else None


def twins(value: SSAValue, growth: Growth) -> Iterator[Family]:
    """The convs of one form, each over another part of a value: they are groups of one conv. A remark where they are not."""
    forms: dict[Hashable, dict[int, Anchor]] = {}
    parts = [(_first_channel(op), op) for use in value.uses if isinstance(op := use.operation, nn.SliceOp)]
    for start, part in sorted(((s, p) for s, p in parts if s is not None), key=lambda found: found[0]):
        for use in part.result.uses:
            reader = use.operation
            if not isinstance(reader, nn.ConvOp | nn.MatmulOp) or use.index or reader not in growth.position:
                continue  # what was merged before stays
            if refuse(reader, growth.constants) is None:
                form = form_of(reader), shape_of(weights_of(reader))
                forms.setdefault(form, {}).setdefault(start, reader)
    for found in forms.values():
        if len(found) < 2:
            continue
        anchors, starts = list(found.values()), list(found)
        width = shape_of(anchors[0].operands[0])[-1].as_int()
        assert width is not None
        reason = _channels_refused(anchors[0])
        if any(b - a != width for a, b in pairwise(starts)):
            reason = "the parts that they read do not lie side by side, and would be copied"
        elif not isinstance(anchors[0], nn.ConvOp) or rank_of(value) != 4:
            reason = "as a batch of products, they would not write channels side by side"
        elif width == 1:
            reason = "each reads one channel only"
        if reason is None:
            yield Family(anchors, Run(value, starts[0], width * len(anchors)))
        else:
            missed(anchors[0], reason, "others that read parts of the same value")
