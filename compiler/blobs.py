"""The bytes of `#nn.blob` attributes in a file, so that IR which one process printed can be executed by another."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from xdsl.dialects.builtin import ModuleOp

from ..dialects.blob import BlobAttr, digest_of, store
from ..dialects.errors import OptionError
from .npz import load_arrays, save_arrays


def blobs_of(module: ModuleOp) -> dict[str, np.ndarray]:
    """The bytes, by digest, of all blobs that the ops of a module hold and this process has."""
    held = (value for op in module.walk() for value in (*op.properties.values(), *op.attributes.values()))
    found = {value.digest.data: value.raw for value in held if isinstance(value, BlobAttr)}
    return {digest: array for digest, array in found.items() if array is not None}


def save_blobs(path: Path, blobs: Mapping[str, np.ndarray]) -> None:
    """Write the bytes of blobs by digest, as .npz."""
    save_arrays(path, {digest: blobs[digest] for digest in sorted(blobs)})


def load_blobs(path: Path) -> list[np.ndarray]:
    """The bytes in a file of `save_blobs`: text that is parsed while these arrays are referenced finds them. Raises OptionError for any
    other file, or a damaged one."""
    held: list[np.ndarray] = []
    for digest, array in load_arrays(path).items():
        if array.dtype != np.uint8 or digest_of(array) != digest:
            raise OptionError(f"{path}: expected blobs by their SHA-256, as --save-blobs writes them, got '{digest}'")
        held.append(store(array)[1])
    return held
