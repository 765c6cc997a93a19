"""The environment variables that trtc reads. (`scripts/setup.sh` has its own: TRTC_CUDA, TRTC_VENV, PYTHON.)"""

from __future__ import annotations

import os
import re
from pathlib import Path

from ..dialects.errors import OptionError


def cache_directory() -> Path:
    """Where compiled kernels and engines (`cubin/`) and downloaded models (`models/`) are kept: `$TRTC_CACHE`, else `$XDG_CACHE_HOME/trtc`,
    else `~/.cache/trtc`. Raises OptionError where there is no home folder."""
    chosen, base = os.environ.get("TRTC_CACHE"), os.environ.get("XDG_CACHE_HOME")
    try:
        return Path(chosen).expanduser() if chosen else (Path(base) if base else Path.home() / ".cache") / "trtc"
    except RuntimeError as error:
        asked = f"TRTC_CACHE '{chosen}'" if chosen else "the cache of kernels"
        raise OptionError(f"{asked}: there is no such home folder; set TRTC_CACHE to a folder.") from error


def cache_limit() -> int:
    """How many bytes of kernels and engines are kept: `$TRTC_CACHE_LIMIT` MiB, by default 1024. OptionError for a value that is no
    number."""
    chosen = os.environ.get("TRTC_CACHE_LIMIT") or "1024"
    if not re.fullmatch(r"[0-9]{1,9}", chosen):
        raise OptionError(f"TRTC_CACHE_LIMIT: expected a number of MiB such as 1024, got '{chosen[:40]}'.")
    return int(chosen) << 20


def verify_each_wanted() -> bool:
    """Whether `$TRTC_VERIFY_EACH` asks every build to verify the module after each pass, as the tests do."""
    return os.environ.get("TRTC_VERIFY_EACH", "") not in ("", "0")


def traceback_wanted() -> bool:
    """Whether `$TRTC_TRACEBACK` asks the command lines for the traceback of an error."""
    return os.environ.get("TRTC_TRACEBACK", "") not in ("", "0")
