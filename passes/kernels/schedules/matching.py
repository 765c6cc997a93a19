"""
Which schedules take a group: of those for its anchors, in order of preference, the ones that match.

`first_match` asks until one does, which is what fusion needs to know, `all_matches` asks all. A `Matcher` belongs to one run of one
pass and remembers answers by the groups' signatures, so that the equal layers of a model ask once; it holds at most `MOST` of them, and
is dropped with the pass.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeAlias

from xdsl.ir import Attribute, Operation

from ..building.group import Anchors, GroupView
from ..building.schedule import OtherAnchor, Refusal, Schedule, target_of
from .registry import schedules, taking

MOST = 4096
"""Answers that a matcher holds, the most recently used ones: more than the different groups of a large model."""


class Declined(NamedTuple):
    """A schedule's refusal."""

    schedule: str
    refusal: Refusal

    def __str__(self) -> str:
        return f"{self.schedule}: {self.refusal.why}"


@dataclass(frozen=True)
class Match:
    """A schedule that takes a group, and what it knows of it."""

    schedule: Schedule[Any]
    problem: Any


@dataclass(frozen=True)
class Answer:
    """What the schedules say about a group: the name of the first that takes it or None, and the refusals of those asked."""

    schedule: str | None
    declined: tuple[Declined, ...] = ()
    none_asked: Refusal | None = None
    """Why no schedule was asked; None if one was."""
    final: bool = False
    """Whether no smaller group around the same anchor is taken either."""

    @property
    def why(self) -> str:
        """All reasons, each after its schedule's name."""
        return self.none_asked.why if self.none_asked else "; ".join(map(str, self.declined))

    @property
    def missed(self) -> tuple[Declined, ...]:
        """The refusals that a user may want to know about."""
        return tuple(d for d in self.declined if not isinstance(d.refusal, OtherAnchor))

    def about(self, ops: Sequence[Operation | None]) -> Answer:
        """The answer with the ops that its refusals are about replaced."""
        pairs = zip(self.declined, ops, strict=True)
        return replace(self, declined=tuple(Declined(d.schedule, replace(d.refusal, op=op)) for d, op in pairs))


def first_match(
    view: GroupView, target: Attribute | None, allowed: Sequence[str] | None = None
) -> tuple[Match | None, Answer]:
    """The first schedule that takes a group, of the `allowed` ones if given. Raises OptionError for an unknown name among these."""
    matches, answer = _ask(view, target, allowed, first=True)
    return (matches[0] if matches else None), answer


def all_matches(
    view: GroupView, target: Attribute | None, allowed: Sequence[str] | None = None
) -> tuple[list[Match], Answer]:
    """All schedules that take a group, of the `allowed` ones if given. Raises OptionError for an unknown name among these."""
    return _ask(view, target, allowed, first=False)


def _ask(
    view: GroupView, target: Attribute | None, allowed: Sequence[str] | None, *, first: bool
) -> tuple[list[Match], Answer]:
    candidates = taking(view.anchor_classes, None if allowed is None else [s.name for s in schedules(allowed)])
    matches: list[Match] = []
    declined: list[Declined] = []
    for candidate in candidates:
        problem = candidate.match(view, target_of(target))
        if isinstance(problem, Refusal):
            declined.append(Declined(candidate.name, problem))
            continue
        matches.append(Match(candidate, problem))
        if first:
            break
    if matches:
        return matches, Answer(matches[0].schedule.name, tuple(declined))
    none_asked = None if candidates else _none_asked(view.anchor_classes, allowed)
    refusals = [none_asked] if none_asked else [d.refusal for d in declined]
    return [], Answer(None, tuple(declined), none_asked, all(refusal.final for refusal in refusals))


def _none_asked(anchors: Anchors, allowed: Sequence[str] | None) -> Refusal:
    found = " and ".join(op.name for op in anchors) or "pointwise ops and copies"
    takers = ", ".join(s.name for s in taking(anchors))
    if allowed is None or not takers:
        return Refusal(f"there is none for groups of {found}", final=len(anchors) < 2)
    return Refusal(f"allowed are {', '.join(allowed)}; groups of {found} are for {takers}", final=len(anchors) < 2)


Ask: TypeAlias = "Callable[[GroupView, Matcher], Answer]"


def as_it_is(view: GroupView, matcher: Matcher) -> Answer:
    """What the schedules say about a group."""
    return first_match(view, matcher.target)[1]


class Matcher:
    """What the schedules say about groups of one module for one target, remembered while a pass runs."""

    def __init__(self, target: Attribute | None, most: int = MOST):
        self.target = target
        self.most = most
        self._answers: OrderedDict[Hashable, tuple[Answer, list[int | None]]] = OrderedDict()

    def answer(self, view: GroupView, ask: Ask = as_it_is) -> Answer:
        """The answer of `ask`, which may depend on the group's signature and the target alone."""
        key = ask, view.signature
        known = self._answers.get(key)
        if known is None:
            answer = ask(view, self)
            places = {op: place for place, op in enumerate(view.ops)}
            about = [None if d.refusal.op is None else places.get(d.refusal.op) for d in answer.declined]
            # An answer outlives the ops that it was given about: it is kept with their places.
            known = self._answers[key] = answer.about([None] * len(about)), about
            if len(self._answers) > self.most:
                self._answers.popitem(last=False)
        else:
            self._answers.move_to_end(key)
        answer, about = known
        return answer.about([None if place is None else view.ops[place] for place in about])
