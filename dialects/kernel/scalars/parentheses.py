"""Which parts of a C expression need parentheses."""

from __future__ import annotations

import re

_CASTS = re.compile(r"(?:\((?:unsigned|(?:(?:un)?signed )?(?:int|long long|char|short)|float|double|bool)\))*")
_HEAD = re.compile(r"-?[\w.]+")


def bare(text: str) -> str:
    """The text without a pair of parentheses around all of it."""
    return text[1:-1] if text.startswith("(") and _end(text, 0) == len(text) else text


def operand(text: str) -> str:
    """The text as a part of an expression: in parentheses unless it is a name, literal, call, element of an array, or a cast of one."""
    return text if _is_primary(text) else f"({text})"


def _is_primary(text: str) -> bool:
    casts = _CASTS.match(text)
    start = casts.end() if casts is not None else 0
    head = _HEAD.match(text, start)
    if head is None:
        return text[start : start + 1] == "(" and _end(text, start) == len(text)
    at = head.end()
    while at < len(text) and text[at] in "([":
        at = _end(text, at)
    return at == len(text)


def _end(text: str, start: int) -> int:
    """The position after the bracket that closes the one at `start`."""
    depth = 0
    for at in range(start, len(text)):
        depth += (text[at] in "([") - (text[at] in ")]")
        if not depth:
            return at + 1
    return len(text)
