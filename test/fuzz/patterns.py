"""Passes on small random modules around their patterns, against the reference semantics: test/models/random/patterns.py."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from models.random import patterns


def run(seed: int) -> None:
    """Raises AssertionError with the module where a pass changes numbers more than it declares."""
    patterns.check(seed)
