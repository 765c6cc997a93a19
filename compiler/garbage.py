"""Holds back Python's garbage collector while IR is made: millions of objects, few of them garbage."""

from __future__ import annotations

import gc
from collections.abc import Generator
from contextlib import contextmanager
from threading import Lock

_COLLECT_AFTER = (100_000, 20, 100)
"""New objects per collection of the youngest, and collections of one generation per collection of the next."""


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
