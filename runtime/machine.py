"""Resources of this machine."""

from __future__ import annotations

import os


def memory_bytes() -> int:
    """The bytes of physical memory: a process that uses more would be killed by the system, not refused."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
