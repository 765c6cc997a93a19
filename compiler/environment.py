"""The environment variables that trtc reads. (`scripts/setup.sh` has its own: TRTC_CUDA, TRTC_VENV, PYTHON.)"""

from __future__ import annotations

import os
import re
from pathlib import Path

from ..dialects.errors import OptionError


def cache_directory() -> Path:
    """Where compiled kernels (`cubin/`) and downloaded models (`models/`) are kept: `$TRTC_CACHE`, else `$XDG_CACHE_HOME/trtc`,
    else `~/.cache/trtc`."""
    if chosen := os.environ.get("TRTC_CACHE"):
        return Path(chosen).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "trtc"


def cache_limit() -> int:
    """How many bytes of compiled kernels are kept: `$TRTC_CACHE_LIMIT` MiB, by default 1024. OptionError for what is no number."""
    chosen = os.environ.get("TRTC_CACHE_LIMIT") or "1024"
    if not re.fullmatch(r"[0-9]{1,9}", chosen):
        raise OptionError(f"TRTC_CACHE_LIMIT: expected a number of MiB such as 1024, got '{chosen[:40]}'.")
    return int(chosen) << 20
