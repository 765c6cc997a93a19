"""The bytes behind `#nn.blob` in a file, so that IR which one process printed can be executed by another."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from xdsl.dialects.builtin import ModuleOp

from ..dialects.blob import BlobAttr, digest_of, store, stored
from ..dialects.errors import OptionError
from .npz import load_arrays, save_arrays


def digests(module: ModuleOp) -> set[str]:
    """The digests of all blobs that the ops of a module hold."""
    held = (value for op in module.walk() for value in (*op.properties.values(), *op.attributes.values()))
    return {value.digest.data for value in held if isinstance(value, BlobAttr)}


def save_blobs(path: Path, wanted: set[str]) -> None:
    """Write the bytes of the blobs that this process has, by digest, as .npz."""
    found = {digest: stored(digest) for digest in sorted(wanted)}
    save_arrays(path, {digest: array for digest, array in found.items() if array is not None})


def load_blobs(path: Path) -> None:
    """Put the bytes of such a file into the store. Raises OptionError for a file that is none, or is damaged."""
    for digest, array in load_arrays(path).items():
        if array.dtype != np.uint8 or digest_of(array) != digest:
            raise OptionError(f"{path}: expected blobs by their SHA-256, as --save-blobs writes them, got '{digest}'")
        store(array)
