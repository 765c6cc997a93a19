"""Memory of a build: Python's garbage collector is held back while IR is made, millions of objects, few of them garbage, and freed memory
stays with the process, since more of the same size follows."""

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

_KEPT = 8 << 20
"""Bytes of the largest blocks of memory that are kept when they are freed: twice as much stays at the end of the heap, enough for NVRTC."""


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


def keep_freed_memory() -> None:
    """Let glibc reuse freed blocks up to `_KEPT` bytes, as it does once it has freed one of that size (mallopt(3), M_MMAP_THRESHOLD).
    Otherwise it returns them to the system, which clears the pages that it gives back: 8 MB for each kernel that NVRTC compiles, and
    every weight. Other allocators are not affected."""
    bytes(_KEPT)


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
