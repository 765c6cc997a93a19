"""Arrays by name in .npz files: read without unpickling anything, written in types that NumPy itself reads back."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..dialects.errors import OptionError
from ..runtime.files import replacing
from .execute import Array


def load_arrays(path: Path) -> dict[str, Array]:
    """The arrays of an .npz file, without unpickling; `OptionError` where it is none, or is damaged."""
    try:
        with path.open("rb") as stream:
            if not zipfile.is_zipfile(stream):
                raise OptionError(
                    f"{path}: expected an .npz file with one array per input, got another or a damaged file; "
                    f"write one with numpy.savez('inputs.npz', name=array)"
                )
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        raise OptionError(f"{path}: expected an .npz file with one array per input: {reason}") from error


def save_arrays(path: Path, arrays: Mapping[str, Array]) -> None:
    """Save arrays as .npz, at `path` exactly, in folders that are made where they are missing.

    What NumPy itself has no type for (bfloat16) is saved as float32, which holds it exactly. Raises `OptionError` where nothing
    can be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OptionError(f"{path}: '{path.parent}' cannot be made: {error.strerror or error}") from error
    plain: dict[str, Any] = {
        name: array if array.dtype.isbuiltin == 1 else array.astype(np.float32) for name, array in arrays.items()
    }
    with replacing(path, "array file") as stream:
        np.savez(stream, **plain)
