"""A host program for one set of input shapes: its segments, bound once for all values that they depend on."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

from .memory import Shape
from .steps import Launch, Segment

_LATE_LIMIT = 256
"""Segments that are kept for values which came while the program ran."""


@dataclass(frozen=True)
class BoundSegment:
    """The launches of a segment for one set of symbol values; `key` tells it from all others of a plan."""

    key: tuple[int, ...]
    launches: tuple[Launch, ...]
    symbols: Mapping[str, int]


@dataclass(frozen=True, eq=False)
class BoundPlan:
    """A program for the symbol values that input shapes give, and the shapes of inputs and outputs."""

    symbols: dict[str, int]
    shapes: dict[str, Shape]
    fixed: dict[int, BoundSegment]
    """By number the segments that depend on nothing else."""
    _late: OrderedDict[tuple[int, ...], BoundSegment] = field(
        default_factory=OrderedDict[tuple[int, ...], BoundSegment], repr=False
    )

    @property
    def launches(self) -> tuple[Launch, ...]:
        """The launches of the segments that are bound from the start, in order: of a straight line, all."""
        return tuple(launch for segment in self.fixed.values() for launch in segment.launches)

    def bound(self, segment: Segment, env: Mapping[str, int]) -> BoundSegment:
        """A segment for what is known when its turn comes. EngineFormatError where the plan does not hold for it."""
        if segment.number in self.fixed:
            return self.fixed[segment.number]
        key = (segment.number, *(extent.evaluate(env) for extent in segment.varying))
        if key not in self._late:
            self._late[key] = BoundSegment(key, segment.bind(env), dict(env))
            if len(self._late) > _LATE_LIMIT:
                self._late.popitem(last=False)
        self._late.move_to_end(key)
        return self._late[key]
