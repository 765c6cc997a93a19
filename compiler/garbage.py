"""Python's garbage collector while IR is made: by the million, and little of it garbage."""

from __future__ import annotations

import gc
from collections.abc import Generator
from contextlib import contextmanager

_COLLECT_AFTER = (100_000, 20, 100)
"""New objects per collection of the youngest, and collections of one generation per collection of the next."""


@contextmanager
def garbage_frozen() -> Generator[None]:
    """Keep what is alive now out of the garbage collector, whose work otherwise grows with the module, and let it run once for
    many new objects."""
    thresholds = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(*_COLLECT_AFTER)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()
