"""Values of flags, for all command lines."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence

from ...dialects.errors import OptionError
from ..options import whole_number


def count(text: str) -> int:
    """A whole number from 0 on, as the value of a flag."""
    return _at_least(0, text)


def positive(text: str) -> int:
    """A whole number from 1 on, as the value of a flag."""
    return _at_least(1, text)


def _at_least(least: int, text: str) -> int:
    number = whole_number(text)
    if number is None or number < least:
        raise argparse.ArgumentTypeError(f"expected a whole number from {least} on, got {text[:40]!r}")
    return number


def check_words(arguments: Sequence[str]) -> None:
    """Raises OptionError for `--flag=--`, which argparse reads as an empty list."""
    for word in arguments:
        if re.fullmatch(r"--[\w-]+=--", word):
            raise OptionError(f"{word}: expected a value, got '--'.")
