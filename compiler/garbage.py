"""Holds back Python's garbage collector while IR is made: millions of objects, few of them garbage."""

from __future__ import annotations

import gc
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock

_COLLECT_AFTER = (100_000, 20, 100)
"""New objects per collection of the youngest, and collections of one generation per collection of the next."""
_SHARE = 20
"""How many times as long as a run of the collector builds take before the next run: it adds a twentieth to them."""


@dataclass
class _Due:
    built: float = 0.0
    """Seconds of builds since the last run."""
    cost: float = 0.0
    """Seconds that it took."""


_due = _Due()
_lock = Lock()
_users: list[tuple[int, int, int]] = []
"""For each use in progress, in any thread, the thresholds to restore."""


@contextmanager
def garbage_frozen() -> Generator[None]:
    """Exclude the objects that are alive now from garbage collection, whose work otherwise grows with the module, and let it run only after
    many new objects. The last of several threads restores the thresholds that the first one found."""
    with _lock:
        _users.append(_users[0] if _users else gc.get_threshold())
        gc.freeze()
        gc.set_threshold(*_COLLECT_AFTER)
    try:
        yield
    finally:
        with _lock:
            thresholds = _users.pop()
            if not _users:
                gc.set_threshold(*thresholds)
                gc.unfreeze()


def collect_after(seconds: float, *, now: bool = False) -> None:
    """Free what builds left, now or once they have taken long enough: IR is full of cycles and holds weights, and Python itself would
    wait for as many new objects as a whole process has. `seconds` are those of the build that ended, of its thread's processor time."""
    with _lock:
        _due.built += seconds
        if not now and _due.built < _SHARE * _due.cost:
            return
        _due.built = 0.0
    start = time.thread_time()
    gc.collect()
    _due.cost = time.thread_time() - start
