"""A host program for one set of input shapes: its segments, bound once per set of values that they depend on."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

from .memory import Shape
from .steps import Launch, Segment

_LATE_LIMIT = 256
"""Bound segments that are kept for values known only at run time."""


@dataclass(frozen=True)
class BoundSegment:
    """The launches of a segment for one set of symbol values; `key` is unique in a plan."""

    key: tuple[int, ...]
    launches: tuple[Launch, ...]
    symbols: Mapping[str, int]


@dataclass(frozen=True, eq=False)
class BoundPlan:
    """A program for the symbol values that input shapes give, and the shapes of inputs and outputs."""

    symbols: dict[str, int]
    shapes: dict[str, Shape]
    fixed: dict[int, BoundSegment]
    """The segments that depend on nothing else, by number."""
    _late: OrderedDict[tuple[int, ...], BoundSegment] = field(
        default_factory=OrderedDict[tuple[int, ...], BoundSegment], repr=False
    )

    @property
    def launches(self) -> tuple[Launch, ...]:
        """The launches of the segments that are bound from the start, in order; without control flow, all launches."""
        return tuple(launch for segment in self.fixed.values() for launch in segment.launches)

    def bound(self, segment: Segment, env: Mapping[str, int]) -> BoundSegment:
        """A segment for the values that are known when it is reached. Raises EngineFormatError where the plan is not valid for them."""
        if segment.number in self.fixed:
            return self.fixed[segment.number]
        key = (segment.number, *(extent.evaluate(env) for extent in segment.varying))
        if key not in self._late:
            self._late[key] = BoundSegment(key, segment.bind(env), dict(env))
            if len(self._late) > _LATE_LIMIT:
                self._late.popitem(last=False)
        self._late.move_to_end(key)
        return self._late[key]
