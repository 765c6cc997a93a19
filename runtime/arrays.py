"""Arrays from callers: NumPy, CuPy, `__cuda_array_interface__`, DLPack, lists; recognised and checked against an engine's inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from ..dialects.provenance import join_names
from .program.memory import InputError, Shape, TensorSpec

_DLPACK_CUDA = (2, 13)


def on_device(array: Any) -> bool:
    """Whether an array's bytes lie on a GPU. Raises InputError where its DLPack device cannot be read."""
    if isinstance(array, np.ndarray | np.generic):
        return False
    try:
        if hasattr(array, "__cuda_array_interface__"):
            return True
        return hasattr(array, "__dlpack_device__") and int(array.__dlpack_device__()[0]) in _DLPACK_CUDA
    except Exception as error:  # of a foreign class
        raise InputError(f"array: {type(array).__name__} does not say where it lies: {_reason(error)}.") from error


def as_host(array: Any, spec: TensorSpec, what: str = "input") -> np.ndarray:
    """A host array as a row-major NumPy array of the spec's dtype; copies only what is not row-major. Raises InputError."""
    if isinstance(array, np.ma.MaskedArray):
        raise InputError(f"{what} '{spec.name}': expected an array without a mask; fill it first, with .filled(value).")
    if isinstance(array, np.ndarray | np.generic):
        found = np.asarray(array)
    elif hasattr(array, "__dlpack__"):
        found = _foreign(spec, array, np.from_dlpack, what)
    else:
        found = _from_python(array, spec, what)
    check_dtype(spec, found.dtype, what)
    return np.ascontiguousarray(found).reshape(found.shape)


def _from_python(array: Any, spec: TensorSpec, what: str) -> np.ndarray:
    """Numbers and nested lists of them as an array of the spec's dtype. Raises InputError, also for numbers that the dtype cannot hold."""
    wanted = f"{what} '{spec.name}': expected an array of {spec.dtype}, got {type(array).__name__}"
    if array is None or isinstance(array, str | bytes):
        raise InputError(f"{wanted}.")
    found = _foreign(spec, array, np.asarray, what)
    if found.dtype.kind not in "biuf":
        raise InputError(f"{wanted} that holds no plain numbers.")
    if found.dtype.kind == "f" and spec.dtype.kind in "iub":
        raise InputError(f"{wanted} with fractions; round it.")
    with np.errstate(over="raise"):
        return _foreign(spec, array, lambda array: np.asarray(array, dtype=spec.dtype), what)


def _foreign(spec: TensorSpec, array: Any, read: Callable[[Any], np.ndarray], what: str) -> np.ndarray:
    """The result of `read` on an object of a foreign class, whose methods may raise anything. Raises InputError."""
    try:
        return read(array)
    except MemoryError:
        raise
    except Exception as error:
        raise InputError(
            f"{what} '{spec.name}': expected an array of {spec.dtype}, got {type(array).__name__}: {_reason(error)}."
        ) from error


def _reason(error: BaseException) -> str:
    return " ".join(str(error).split())[:200].rstrip(".") or type(error).__name__


def check_dtype(spec: TensorSpec, dtype: np.dtype[Any], what: str = "input") -> None:
    """Raises InputError unless the dtype is the spec's."""
    if dtype != spec.dtype:
        raise InputError(
            f"{what} '{spec.name}': expected dtype {spec.dtype}, got {dtype}; convert it, for instance with .astype('{spec.dtype}')."
        )


def check_names(specs: Sequence[TensorSpec], given: Any, what: str = "inputs") -> None:
    """Raises InputError unless `given` is a mapping with exactly one array for each spec."""
    expected = [spec.name for spec in specs]
    _check_mapping(expected, given, what)
    if set(given) != set(expected):
        raise InputError(
            f"{what}: expected {join_names(expected)}, got {join_names(sorted(map(str, given))) or 'none'}."
        )


def given_outputs(specs: Sequence[TensorSpec], given: Any) -> dict[str, Any]:
    """The arrays to write to, by name; empty for None. Raises InputError for names that are no outputs, and for arrays that overlap."""
    if given is None:
        return {}
    expected = [spec.name for spec in specs]
    _check_mapping(expected, given, "outputs")
    if unknown := sorted(map(str, given.keys() - set(expected))):
        raise InputError(f"outputs: expected some of {join_names(expected)}, got '{unknown[0]}'.")
    arrays = {name: array for name, array in given.items() if array is not None}
    extents = sorted((*_extent(name, array), name) for name, array in arrays.items())
    for (_, end, name), (start, _, other) in pairwise(extents):
        if start < end:
            raise InputError(f"outputs: '{name}' and '{other}' share memory; pass arrays that lie apart.")
    return arrays


def _extent(name: str, array: Any) -> tuple[int, int]:
    """The first address of a given output and the one after its last. Raises InputError for anything but a NumPy or CuPy array."""
    if isinstance(array, np.ndarray) and not isinstance(array, np.ma.MaskedArray):
        return np.lib.array_utils.byte_bounds(array) if array.size else (0, 0)
    if isinstance(array, np.ndarray | np.generic) or not (
        on_device(array) and hasattr(array, "dtype") and hasattr(array, "flags")
    ):
        raise InputError(f"output '{name}': expected a NumPy or CuPy array to write to, got {type(array).__name__}.")
    return int(array.data.ptr), int(array.data.ptr) + int(array.nbytes)


def _check_mapping(expected: Sequence[str], given: Any, what: str) -> None:
    if not isinstance(given, Mapping):
        name = expected[0] if expected else "x"
        raise InputError(
            f"{what}: expected a dict of arrays by name, such as {{'{name}': array}}, got {type(given).__name__}."
        )


def check_output(spec: TensorSpec, shape: Shape, array: Any) -> None:
    """Raises InputError unless a given output array has this shape, the spec's dtype, is row-major and can be written to."""
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
