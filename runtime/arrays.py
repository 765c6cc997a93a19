"""Arrays from outside: NumPy, CuPy, `__cuda_array_interface__`, DLPack, lists; recognised and checked against an engine's inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .plan import InputError, Shape, TensorSpec

_DLPACK_CPU = 1
_DLPACK_CUDA = (2, 13)


def on_device(array: Any) -> bool:
    """Whether an array's bytes lie on a GPU."""
    if isinstance(array, np.ndarray):
        return False
    if hasattr(array, "__cuda_array_interface__"):
        return True
    return hasattr(array, "__dlpack_device__") and array.__dlpack_device__()[0] in _DLPACK_CUDA


def as_host(array: Any, spec: TensorSpec) -> np.ndarray:
    """A host array as a row-major NumPy array of the spec's dtype; copies only what is not row-major. Raises InputError."""
    if isinstance(array, np.ndarray | np.generic):
        found = np.asarray(array)
    elif hasattr(array, "__dlpack__"):
        found = np.from_dlpack(array)
    else:
        try:
            found = np.asarray(array, dtype=spec.dtype)
        except (TypeError, ValueError) as error:
            raise InputError(f"input '{spec.name}': expected an array, got {type(array).__name__}.") from error
    check_dtype(spec, found.dtype)
    return np.ascontiguousarray(found).reshape(found.shape)


def check_dtype(spec: TensorSpec, dtype: np.dtype[Any], what: str = "input") -> None:
    """Raises InputError unless the dtype is the spec's."""
    if dtype != spec.dtype:
        raise InputError(
            f"{what} '{spec.name}': expected dtype {spec.dtype}, got {dtype}; convert it, for instance with .astype('{spec.dtype}')."
        )


def check_names(specs: Sequence[TensorSpec], given: Mapping[str, Any], what: str = "inputs") -> None:
    """Raises InputError unless there is an array for each spec and no other."""
    expected = [spec.name for spec in specs]
    if set(given) != set(expected):
        raise InputError(f"{what}: expected {', '.join(expected)}, got {', '.join(sorted(given)) or 'none'}.")


def check_output(spec: TensorSpec, shape: Shape, array: Any) -> None:
    """Raises InputError unless a given output array has this shape, the spec's dtype, and is row-major."""
    check_dtype(spec, np.dtype(array.dtype), "output")
    if tuple(array.shape) != shape:
        raise InputError(f"output '{spec.name}': expected shape {shape} for these inputs, got {tuple(array.shape)}.")
    if not array.flags.c_contiguous:
        raise InputError(
            f"output '{spec.name}': expected a row-major array to write to, got one with gaps or other strides."
        )


def bytes_of(array: np.ndarray) -> np.ndarray:
    """The bytes of a row-major array, without a copy."""
    return array.reshape(-1).view(np.uint8)
