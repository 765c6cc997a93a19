"""Inputs of a model that a user binds to constants at build time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from ...dialects.dtypes import numpy_dtype
from ...dialects.errors import OptionError
from ...dialects.provenance import join_names
from .element_types import onnx_element_type
from .problems import UnsupportedNode

if TYPE_CHECKING:
    from onnx import ValueInfoProto

Array = np.ndarray[Any, Any]


def constant_inputs(inputs: Sequence[ValueInfoProto], given: Mapping[str, Any]) -> dict[str, Array]:
    """The values in the types and shapes of their inputs. Raises OptionError for an input that the model does not have, and for a value
    that does not fit its input."""
    known = {value.name: value for value in inputs}
    if unknown := sorted(given.keys() - known.keys()):
        raise OptionError(
            f"constants: the model has no input {unknown[0]!r}; its inputs are {join_names([value.name for value in inputs])}"
        )
    return {name: _constant(known[name], value) for name, value in given.items()}


def _constant(value: ValueInfoProto, given: Any) -> Array:
    name, tensor = value.name, value.type.tensor_type
    try:
        dtype = numpy_dtype(onnx_element_type(tensor.elem_type))
    except UnsupportedNode as problem:
        _refuse(f"input {name!r}: {problem.why}")
    array = _converted(name, given, dtype)
    declared = [dim.dim_value if dim.HasField("dim_value") else dim.dim_param or "?" for dim in tensor.shape.dim]
    if array.ndim == 0 and all(extent == 1 for extent in declared):
        array = array.reshape((1,) * len(declared))
    if len(declared) != array.ndim or any(
        isinstance(extent, int) and extent != size for extent, size in zip(declared, array.shape, strict=True)
    ):
        _refuse(f"input {name!r} has shape [{', '.join(map(str, declared))}], got a value of shape {list(array.shape)}")
    return array


def _converted(name: str, given: Any, dtype: np.dtype[Any]) -> Array:
    """The value in the type of its input, which has to hold integers and booleans exactly."""
    try:
        array = np.asarray(given)
        with np.errstate(all="ignore"):
            found = array.astype(dtype)
    except (ValueError, TypeError, OverflowError):
        _refuse(f"input {name!r} takes {dtype} numbers, in lists of equal lengths; got {given!r:.100}")
    fits = array.dtype.kind in ("biu" if dtype.kind in "iu" else "b" if dtype.kind == "b" else "biuf")
    if not fits or (dtype.kind in "iu" and not np.array_equal(found.astype(object), array.astype(object))):
        _refuse(f"input {name!r} takes {dtype} numbers, got {given!r:.100}")
    return found


def _refuse(text: str) -> NoReturn:
    raise OptionError(f"constants: {text}")
