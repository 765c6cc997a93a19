"""Arrays that a caller gives as new weights: NumPy, CuPy, DLPack, `__cuda_array_interface__`, lists."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...dialects.dims import const
from ..arrays import as_host, on_device
from ..program.memory import InputError, TensorSpec
from .table import Initializer


def as_weight(wanted: Initializer, array: Any) -> np.ndarray:
    """A row-major array of the initializer's dtype and shape on the host. Raises InputError for an array that does not fit."""
    spec = TensorSpec(wanted.name, wanted.dtype, tuple(const(extent) for extent in wanted.shape))
    found = as_host(_fetched(array), spec, "weight")
    if found.shape != wanted.shape:
        raise InputError(f"weight '{wanted.name}': expected shape {wanted.shape}, got {found.shape}.")
    return found


def _fetched(array: Any) -> Any:
    """An array on a GPU, copied to the host."""
    if not on_device(array):
        return array
    import cupy

    found: Any = cupy.asarray(array) if hasattr(array, "__cuda_array_interface__") else cupy.from_dlpack(array)
    return cupy.asnumpy(found)
