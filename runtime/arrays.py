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
        found = _from_python(array, spec)
    check_dtype(spec, found.dtype)
    return np.ascontiguousarray(found).reshape(found.shape)


def _from_python(array: Any, spec: TensorSpec) -> np.ndarray:
    """Numbers and nested lists of them in the spec's dtype. Raises InputError, also for numbers that it cannot hold."""
    wrong = InputError(f"input '{spec.name}': expected an array of {spec.dtype}, got {type(array).__name__}")
    if array is None or isinstance(array, str | bytes):
        raise InputError(f"{wrong}.")
    try:
        found = np.asarray(array)
        if found.dtype.kind == "f" and spec.dtype.kind in "iub":
            raise InputError(f"{wrong} with fractions; round it.")
        return np.asarray(array, dtype=spec.dtype)
    except (TypeError, ValueError, OverflowError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{wrong}: {error}.") from error


def check_dtype(spec: TensorSpec, dtype: np.dtype[Any], what: str = "input") -> None:
    """Raises InputError unless the dtype is the spec's."""
    if dtype != spec.dtype:
        raise InputError(
            f"{what} '{spec.name}': expected dtype {spec.dtype}, got {dtype}; convert it, for instance with .astype('{spec.dtype}')."
        )


def check_names(specs: Sequence[TensorSpec], given: Any, what: str = "inputs") -> None:
    """Raises InputError unless `given` is a mapping that has an array for each spec and no other."""
    expected = [spec.name for spec in specs]
    _check_mapping(expected, given, what)
    if set(given) != set(expected):
        raise InputError(f"{what}: expected {', '.join(expected)}, got {', '.join(sorted(map(str, given))) or 'none'}.")


def given_outputs(specs: Sequence[TensorSpec], given: Any) -> dict[str, Any]:
    """The arrays to write to by name; none for None. Raises InputError for names that are no outputs."""
    if given is None:
        return {}
    expected = [spec.name for spec in specs]
    _check_mapping(expected, given, "outputs")
    if unknown := sorted(map(str, given.keys() - set(expected))):
        raise InputError(f"outputs: expected some of {', '.join(expected)}, got '{unknown[0]}'.")
    return {name: array for name, array in given.items() if array is not None}


def _check_mapping(expected: Sequence[str], given: Any, what: str) -> None:
    if not isinstance(given, Mapping):
        name = expected[0] if expected else "x"
        raise InputError(
            f"{what}: expected a dict of arrays by name, such as {{'{name}': array}}, got {type(given).__name__}."
        )


def check_output(spec: TensorSpec, shape: Shape, array: Any) -> None:
    """Raises InputError unless a given output array has this shape, the spec's dtype, is row-major and can be written to."""
    if not hasattr(array, "dtype") or not hasattr(array, "flags"):
        raise InputError(
            f"output '{spec.name}': expected a NumPy or CuPy array to write to, got {type(array).__name__}."
        )
    check_dtype(spec, np.dtype(array.dtype), "output")
    if tuple(array.shape) != shape:
        raise InputError(f"output '{spec.name}': expected shape {shape} for these inputs, got {tuple(array.shape)}.")
    if not array.flags.c_contiguous:
        raise InputError(
            f"output '{spec.name}': expected a row-major array to write to, got one with gaps or other strides."
        )
    if isinstance(array, np.ndarray) and not array.flags.writeable:
        raise InputError(f"output '{spec.name}': expected an array to write to, got a read-only one; pass a copy.")


def bytes_of(array: np.ndarray) -> np.ndarray:
    """The bytes of a row-major array, without a copy."""
    return array.reshape(-1).view(np.uint8)
