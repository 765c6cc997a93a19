"""
Lock files: the choices of a build, so that a later one makes the same engine on any machine, with or without a GPU.

A lock file is JSON: for each group, by signature, the schedule and its tunables, and what was measured, which remarks repeat. It holds for
the same model, options and architectures, while trtc offers the same candidates; anything else is an error, never another choice.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...dialects.errors import OptionError
from ...dialects.kernel.types import Target
from ...passes.kernels.schedules.choosing import Contest, Verdict
from ...runtime.files import check_readable, replacing, shown
from .signatures import signature
from .trial import Record, Trial, is_tunables, verdict

_KIND, _FORMAT = "trtc lock", 1
_FIX = "lock the model again, with trtc lock and the options of this build"


@dataclass
class ByPrice:
    """Chooses by price, and keeps what it chose (`choosing.Chooser`)."""

    records: dict[str, Record] = field(default_factory=dict[str, Record])
    """By signature."""

    def __call__(self, contests: Sequence[Contest], target: Target) -> list[Verdict]:
        made = [Record(contest.competition.winner) for contest in contests]
        self.records |= {signature(c.view, target): record for c, record in zip(contests, made, strict=True)}
        return [verdict(contest, record) for contest, record in zip(contests, made, strict=True)]


class Lock:
    """Chooses what a lock file says (`choosing.Chooser`)."""

    def __init__(self, path: str | os.PathLike[str]):
        """Reads the file. Raises OptionError for one that is not a lock file."""
        self.what = f"lock file {shown(path)}"
        self.records: dict[str, Record] = {}
        try:
            given = json.loads(check_readable(path, "lock file").read_bytes())
            if not isinstance(given, dict) or given.get("kind") != _KIND or given.get("format") != _FORMAT:
                raise ValueError(f"expected kind {_KIND!r} of format {_FORMAT}")
            if not isinstance(given.get("groups"), dict):
                raise ValueError("expected groups by signature")
            self._groups = {name: _entry(name, each) for name, each in given["groups"].items()}
        except (ValueError, RecursionError) as error:
            raise OptionError(f"{self.what}: it is not one: {' '.join(str(error).split())[:200]}; {_FIX}.") from error

    def __call__(self, contests: Sequence[Contest], target: Target) -> list[Verdict]:
        """Raises OptionError for a group that the file does not have, and for a choice that is no candidate any more."""
        return [verdict(contest, self._record(contest, signature(contest.view, target))) for contest in contests]

    def _record(self, contest: Contest, name: str) -> Record:
        group, entry = contest.func.sym_name.data, self._groups.get(name)
        if entry is None:
            raise OptionError(
                f"{self.what}: it has no choice for @{group} ({name}): the model or an option is another; {_FIX}."
            )
        chosen, trials, untimed = entry
        winner = next((c for c in contest.competition.candidates if chosen.is_of(c)), None)
        if winner is None:
            raise OptionError(
                f"{self.what}: @{group} ({name}) has {chosen.schedule} {dict(chosen.tunables)}, which is no candidate of this trtc; {_FIX}."
            )
        self.records[name] = Record(winner, trials, untimed)
        return self.records[name]


def write_lock(path: str | os.PathLike[str], records: Mapping[str, Record]) -> None:
    """Writes a lock file; equal choices write equal bytes."""
    groups = {name: _to_json(record) for name, record in sorted(records.items())}
    with replacing(path, "lock file") as stream:
        stream.write((json.dumps({"kind": _KIND, "format": _FORMAT, "groups": groups}, indent=1) + "\n").encode())


def _to_json(record: Record) -> dict[str, Any]:
    said: dict[str, Any] = {"schedule": record.winner.schedule, "tunables": dict(record.winner.values)}
    if record.trials:
        said["trials"] = [trial.to_json() for trial in record.trials]
    return said | ({"untimed": record.untimed} if record.untimed else {})


def _entry(name: str, given: Any) -> tuple[Trial, tuple[Trial, ...], str]:
    """The choice of a group, its trials, and why others were not timed. Raises ValueError."""
    if (
        not isinstance(given, dict)
        or not isinstance(given.get("schedule"), str)
        or not is_tunables(given.get("tunables"))
    ):
        raise ValueError(f"{name}: expected a schedule and its tunables")
    trials, untimed = given.get("trials", []), given.get("untimed", "")
    if not isinstance(trials, list) or not isinstance(untimed, str):
        raise ValueError(f"{name}: expected trials to be a list, and untimed a text")
    return Trial(given["schedule"], given["tunables"], None), tuple(map(Trial.from_json, trials)), untimed
