"""The errors that trtc raises on purpose: each message says what failed, where, expected, got, and how to fix it."""

from __future__ import annotations

from typing import Any, cast

from .text import printable_lines


def got(value: Any) -> str:
    """A short text, for a message, of a value that was given."""
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        return f"an array of {value.dtype}{list(value.shape)}"
    if isinstance(value, str | bytes | list | tuple | dict | range) and len(cast(Any, value)) > 50:
        return f"{type(cast(Any, value)).__name__} of {len(cast(Any, value))} entries"
    try:
        text = repr(value)
    except Exception:  # of a foreign class, or of an integer too long to print
        return f"a {type(value).__name__}"
    return text if len(text) <= 80 else f"{text[:80]}..."


class TrtcError(Exception):
    """Base of every error that trtc raises on purpose. Messages hold names of models, so they are made printable here."""

    def __init__(self, *arguments: object) -> None:
        super().__init__(*(printable_lines(a) if isinstance(a, str) else a for a in arguments))


class UnsupportedOpError(TrtcError):
    """The model uses ops, attributes or types that trtc does not support; the message names every offending node."""


class UnequalDimsError(UnsupportedOpError):
    """Dims that nothing says are equal, which they must be."""

    symbols: frozenset[str] = frozenset()
    """Those that the dims are computed from."""


class InvalidModelError(TrtcError):
    """The model (or a network built by hand) is not well formed: shapes, types or attributes do not fit."""


class TargetError(TrtcError):
    """The GPU, its driver or the named target cannot run what is asked for."""


class EngineFormatError(TrtcError):
    """An engine file is damaged, truncated or of another version."""


class PassError(TrtcError):
    """A pass failed on a module that it should have accepted; the message names the pass."""

    index: int | None = None
    """The number of the pass, from 1, where a pipeline ran it."""
    op: Any = None
    """The op that the message is about, where one is known, so that a tool can print its place in the input."""


class OptionError(TrtcError):
    """An option has a value that is not allowed; the message lists the allowed ones."""


class SimulationError(TrtcError):
    """The simulator found a wrong access, race, deadlock or an op that it cannot execute."""
