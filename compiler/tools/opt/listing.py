"""`trtc-opt --list-passes` and `--list-schedules`: the passes and schedules, each with a sentence from its docstring."""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Iterable

from xdsl.passes import ModulePass
from xdsl.universe import XDSL_UNIVERSE

from ...universe import all_passes, trtc_passes

_WIDTH = 120
"""Columns of a line, at most."""


def first_sentence(text: str | None) -> str:
    """The first sentence of a docstring, on one line; "" where there is none."""
    paragraph = " ".join((text or "").strip().split("\n\n", 1)[0].split())
    return re.split(r"(?<=[.!?])\s", paragraph, maxsplit=1)[0]


def describe_pass(cls: type[ModulePass]) -> str:
    """The first sentence of a pass's docstring, or of its module's where it has none."""
    text = cls.__doc__ or ""
    if text.startswith(f"{cls.__name__}("):  # which dataclasses make up
        text = ""
    return first_sentence(text) or first_sentence(sys.modules[cls.__module__].__doc__)


def passes() -> str:
    """trtc's passes and those of installed packages, with what each may do to numbers; then the names of xDSL's."""
    own = trtc_passes()
    rows: list[tuple[str, str, str]] = []
    foreign: list[str] = []
    for name, load in {**own, **all_passes()}.items():
        if name not in own and name in XDSL_UNIVERSE.all_passes:
            foreign.append(name)
            continue
        cls = load()
        rows.append((name, getattr(cls, "numerics", "exact"), describe_pass(cls)))
    return _table(rows) + "\nof xDSL, which declare nothing and count as exact:\n" + _wrapped(", ".join(foreign), "  ")


def schedules() -> str:
    """The schedules in order of preference."""
    from ....passes.kernels.schedules.registry import names, schedule

    rows: list[tuple[str, str]] = []
    for name in names():
        text = first_sentence(sys.modules[type(schedule(name)).__module__].__doc__)
        rows.append((name, text.removeprefix(f"Schedule `{name}`: ")))
    return _table(rows)


def _table(rows: Iterable[tuple[str, ...]]) -> str:
    """Columns as wide as their longest entry; the last is wrapped."""
    rows = list(rows)
    widths = [max(len(row[column]) for row in rows) + 2 for column in range(len(rows[0]) - 1)]
    lines = ["".join(f"{text:{width}}" for text, width in zip(row, widths, strict=False)) for row in rows]
    return "".join(_wrapped(row[-1], " " * sum(widths), start) for row, start in zip(rows, lines, strict=True))


def _wrapped(text: str, indent: str, first: str | None = None) -> str:
    start = indent if first is None else first
    return textwrap.fill(text, _WIDTH, initial_indent=start, subsequent_indent=indent, break_on_hyphens=False) + "\n"
