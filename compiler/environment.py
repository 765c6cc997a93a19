"""The environment variables that trtc reads. (`scripts/setup.sh` has its own: TRTC_CUDA, TRTC_VENV, PYTHON.)"""

from __future__ import annotations

import os
from pathlib import Path


def cache_directory() -> Path:
    """Where compiled kernels (`cubin/`) and downloaded models (`models/`) are kept: `$TRTC_CACHE`, else `$XDG_CACHE_HOME/trtc`,
    else `~/.cache/trtc`."""
    if chosen := os.environ.get("TRTC_CACHE"):
        return Path(chosen).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "trtc"
