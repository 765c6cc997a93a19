"""
The schedules, in order of preference, loaded when first asked for.

Fusion, schedule selection and the tuner all ask these, so that there is one rule list: each schedule's `match`. All that match compete, and
the order decides where prices are too close to tell. A package outside the tree adds schedules through the entry point group
`trtc.schedules`; these come after trtc's own.

To add a schedule: write `passes/kernels/schedules/<module>.py` with a `SCHEDULE` object and add its name and module to `SCHEDULES`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, cast

from ....dialects.errors import OptionError
from ..building.group import Anchors
from ..building.schedule import Schedule

SCHEDULES: dict[str, str] = {
    # name -> module in this folder
    "attention_sm90": "attention.sm90",
    "attention_mma": "attention.mma",
    "gemm_sm90": "gemm.sm90",
    "gemm_mma": "gemm.mma",
    "gemv_chain": "gemv_chain.gemv_chain",
    "window": "window",
    "row": "row.row",
    "reduce_split": "row.reduce_split",
    "lrn": "row.lrn",
    "moments": "row.moments",
    "rnn_lanes": "rnn.lanes",
    "rnn_resident": "rnn.resident",
    "rnn_streamed": "rnn.streamed",
    "gather": "gather",
    "sort": "positions.sort",
    "scan": "positions.scan",
    "scatter": "positions.scatter",
    "pointwise": "pointwise",
}


_PARTS = ("name", "anchors", "match", "configs", "work", "lower")


@cache
def _external() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group="trtc.schedules")}


@cache
def schedule(name: str) -> Schedule[Any]:
    """The schedule of this name. Raises OptionError for an unknown one, and for one of another package that is not a `Schedule`."""
    if name in SCHEDULES:
        return cast("Schedule[Any]", import_module(f"{__package__}.{SCHEDULES[name]}").SCHEDULE)
    entry = _external().get(name)
    if entry is None:
        raise OptionError(f"schedule '{name}': expected one of {', '.join(names())}")
    try:
        loaded = entry.load()
    except Exception as error:
        raise OptionError(
            f"schedule '{name}': the package that adds it cannot be loaded: {type(error).__name__}: {error}; repair or uninstall it"
        ) from error
    missing = [part for part in _PARTS if not hasattr(loaded, part)]
    if missing:
        raise OptionError(
            f"schedule '{name}': expected an object with {', '.join(_PARTS)}, got {loaded!r} without {', '.join(missing)}; "
            f"update the package that adds it"
        )
    return cast("Schedule[Any]", loaded)


def names() -> list[str]:
    """All schedules in order of preference."""
    return [*SCHEDULES, *(n for n in _external() if n not in SCHEDULES)]


def schedules(allowed: Iterable[str] | None = None) -> list[Schedule[Any]]:
    """The schedules in order of preference, only the `allowed` ones if given. Raises OptionError for an unknown name."""
    if allowed is not None:
        for name in (allowed := list(allowed)):
            schedule(name)
    return [schedule(name) for name in names() if allowed is None or name in allowed]


@cache
def _by_anchors() -> dict[Anchors, list[str]]:
    """Names in order of preference, by the anchors that they take."""
    found: dict[Anchors, list[str]] = {}
    for name in names():
        for anchors in schedule(name).anchors:
            found.setdefault(anchors, []).append(name)
    return found


def taking(anchors: Anchors, allowed: Sequence[str] | None = None) -> list[Schedule[Any]]:
    """The schedules that take groups with these anchors, in order of preference, only the `allowed` ones if given."""
    found = _by_anchors().get(anchors, ())
    return [schedule(name) for name in found if allowed is None or name in allowed]
