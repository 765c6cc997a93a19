"""What this machine has."""

from __future__ import annotations

import os


def memory_bytes() -> int:
    """The bytes of its memory: what asks for more would be killed by the system rather than refused."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
