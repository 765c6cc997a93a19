"""Arrays by name in .npz files: read without unpickling, written in types that NumPy itself reads back."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..dialects.errors import OptionError
from ..runtime.files import check_readable, replacing
from .interpret.module import Array

_HEADER = 20_000
"""Bytes that the header of an array may take."""


def load_arrays(path: Path, *, most: int | None = None) -> dict[str, Array]:
    """The arrays of an .npz file, without unpickling; `OptionError` for another or damaged file, or one of more than `most` bytes.

    What a header says is compared with what the file holds before memory is taken for it.
    """
    wanted = f"{path}: expected an .npz file with one array per input"
    check_readable(path, "array file")
    try:
        if not zipfile.is_zipfile(path):
            raise OptionError(
                f"{wanted}, got another or a damaged file; write one with numpy.savez('inputs.npz', name=array)"
            )
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            names = [member.filename.removesuffix(".npy") for member in members]
            if len(set(names)) != len(names) or not all(member.filename.endswith(".npy") for member in members):
                raise OptionError(f"{wanted}, got one with a name twice or with other files")
            if most is not None and sum(member.file_size for member in members) > most + _HEADER * len(members):
                raise OptionError(f"{wanted}, got more than the {most} bytes that the inputs hold at most")
            return {name: _read(archive, member) for name, member in zip(names, members, strict=True)}
    except (OptionError, MemoryError):
        raise
    except Exception as error:  # the parsers of zipfile, zlib and NumPy raise whatever damaged bytes lead to
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        raise OptionError(f"{wanted}: {' '.join(str(reason).split())[:200] or type(error).__name__}") from error


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Array:
    """One array. Raises ValueError where its header does not fit the number of bytes."""
    with archive.open(member) as stream:
        version = np.lib.format.read_magic(stream)
        read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read_header(stream)
        needed, there = math.prod(shape) * dtype.itemsize, member.file_size - stream.tell()
        if dtype.hasobject or min(shape, default=0) < 0 or needed != there:
            raise ValueError(f"{member.filename} says {dtype}{list(shape)} and has {there} bytes")
    with archive.open(member) as stream:
        return np.lib.format.read_array(stream, allow_pickle=False)


def save_arrays(path: Path, arrays: Mapping[str, Array]) -> None:
    """Save arrays as .npz, at exactly `path`; missing folders are created.

    Types that NumPy itself lacks (bfloat16) are saved as float32, which is exact. Raises `OptionError` where the file cannot be written.
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
