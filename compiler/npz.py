"""Arrays by name in .npz files: read without unpickling anything, written in types that NumPy itself reads back."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..dialects.errors import OptionError
from .execute import Array


def load_arrays(path: Path) -> dict[str, Array]:
    """The arrays of an .npz file, without unpickling; `OptionError` where it is none."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (OSError, ValueError, zipfile.BadZipFile, AttributeError) as error:
        raise OptionError(f"{path}: expected an .npz file with one array per input: {error}") from error


def save_arrays(path: Path, arrays: Mapping[str, Array]) -> None:
    """Save arrays as .npz. What NumPy itself has no type for (bfloat16) is saved as float32, which holds it exactly."""
    path.parent.mkdir(parents=True, exist_ok=True)
    plain: dict[str, Any] = {
        name: array if array.dtype.isbuiltin == 1 else array.astype(np.float32) for name, array in arrays.items()
    }
    np.savez(path, **plain)
