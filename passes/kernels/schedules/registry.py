"""
The schedules, in order of preference, loaded when first asked for.

Fusion, schedule selection and the tuner all ask here, so that there is one rule list: each schedule's `accepts`. A package outside the
tree adds schedules through the entry point group `trtc.schedules`; these come after trtc's own.

To add a schedule: write `passes/kernels/schedules/<module>.py` with a `SCHEDULE` object and add its name and module to `SCHEDULES`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import cast

from xdsl.ir import Attribute, Operation

from ....dialects.errors import OptionError
from ....dialects.kernel.types import Choice
from ..building.group import Group, Schedule, TakesWorkspace, target_of

SCHEDULES: dict[str, str] = {
    # name -> module in this folder
    "attention_sm90": "attention.sm90",
    "gemm_sm90": "gemm.sm90",
    "gemm_mma": "gemm.mma",
    "window": "window",
    "reduce_split": "row.reduce_split",
    "row": "row.row",
    "lrn": "row.lrn",
    "gather": "gather",
    "pointwise": "pointwise",
}


@cache
def _external() -> dict[str, object]:
    return {entry.name: entry for entry in entry_points(group="trtc.schedules")}


@cache
def schedule(name: str) -> Schedule:
    """The schedule of this name. Raises OptionError for an unknown one."""
    if name in SCHEDULES:
        return cast(Schedule, import_module(f"{__package__}.{SCHEDULES[name]}").SCHEDULE)
    entry = _external().get(name)
    if entry is None:
        raise OptionError(f"schedule '{name}': expected one of {', '.join(names())}")
    try:
        return cast(Schedule, entry.load())  # pyright: ignore[reportAttributeAccessIssue]
    except Exception as error:
        raise OptionError(
            f"schedule '{name}': the package that adds it cannot be loaded: {type(error).__name__}: {error}; repair or uninstall it"
        ) from error


def tuned(name: str, group: Group, tunables: Mapping[str, int | str]) -> Choice:
    """The choice of a schedule with these tunables, which must be all that it has."""
    found = schedule(name)
    return Choice.of(name, tunables, found.workspace(group, tunables) if isinstance(found, TakesWorkspace) else ())


def names() -> list[str]:
    """All schedules in order of preference."""
    return [*SCHEDULES, *(n for n in _external() if n not in SCHEDULES)]


def schedules(allowed: Iterable[str] | None = None) -> list[Schedule]:
    """The schedules in order of preference, only the `allowed` ones if given. Raises OptionError for an unknown name."""
    if allowed is not None:
        for name in (allowed := list(allowed)):
            schedule(name)
    return [schedule(name) for name in names() if allowed is None or name in allowed]


def accepting(
    op: Operation | Group, target: Attribute | None, allowed: Sequence[str] | None = None
) -> tuple[str | None, list[str]]:
    """
    The name of the first schedule that accepts a group (a `fusion.group` or an outlined function), or None; and the reasons, each starting
    with a schedule's name, of those asked before.
    """
    group, reasons = Group.of(op), list[str]()
    for candidate in schedules(allowed):
        reason = candidate.accepts(group, target_of(target))
        if reason is None:
            return candidate.name, reasons
        reasons.append(f"{candidate.name}: {reason}")
    return None, reasons
