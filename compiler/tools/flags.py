"""What the command lines share: the values of flags."""

from __future__ import annotations

import argparse


def count(text: str) -> int:
    """A whole number from 0 on, as the value of a flag."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"expected a whole number from 0 on, got {text!r}")
    return int(text)
