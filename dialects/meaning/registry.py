"""The table from op classes to what they compute, in NumPy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from xdsl.ir import Operation

from ..dtypes import numpy_dtype
from ..errors import UnsupportedOpError
from ..nn.base import element_of, shape_of
from ..provenance import describe
from .arithmetic import SMALL_INTEGERS

Env: TypeAlias = Mapping[str, int]
"""Values of dim symbols."""
Evaluate: TypeAlias = Callable[[Any, Sequence[np.ndarray], Env], "list[np.ndarray]"]

_MEANINGS: dict[type[Operation], Evaluate] = {}


def defines(*op_classes: type[Operation]) -> Callable[[Evaluate], Evaluate]:
    """Register a function `(op, operands, env) -> results` as the meaning of op classes; each class has one meaning."""

    def register(function: Evaluate) -> Evaluate:
        for op_class in op_classes:
            if op_class in _MEANINGS:
                raise ValueError(f"meaning of {op_class.name}: expected one definition, got a second")
            _MEANINGS[op_class] = function
        return function

    return register


def has_meaning(op_class: type[Operation]) -> bool:
    """Whether the table has the op class."""
    return op_class in _MEANINGS


def meaning(op_class: type[Operation]) -> Evaluate:
    """The function that computes an op's results. Raises UnsupportedOpError for a class without one."""
    function = _MEANINGS.get(op_class)
    if function is None:
        raise UnsupportedOpError(_unknown(op_class.name))
    return function


def _unknown(what: str) -> str:
    return (
        f"{what}: expected an op with reference semantics, got none for it; state what it computes with @defines of "
        "trtc.dialects.meaning, in the module of its dialect"
    )


def evaluate(op: Operation, operands: Sequence[np.ndarray], env: Env | None = None) -> list[np.ndarray]:
    """Compute the op's results; overflow, division by zero and NaN follow IEEE 754 without warnings.

    `env` binds the dim symbols of the op's types and properties. Arrays are immutable: results may be views of operands.
    """
    function = _MEANINGS.get(type(op))
    if function is None:
        raise UnsupportedOpError(_unknown(describe(op)))
    with np.errstate(all="ignore"):
        # NumPy's functions of arrays without dims give scalars, which are no arrays.
        return [np.asarray(result) for result in function(op, operands, env or {})]


def result_dtype(op: Operation, index: int = 0) -> np.dtype:
    """The NumPy dtype of a result."""
    return numpy_dtype(element_of(op.results[index]))


def result_shape(op: Operation, env: Env, index: int = 0) -> tuple[int, ...]:
    """The shape of a result for these symbols."""
    return tuple(dim.evaluate(env) for dim in shape_of(op.results[index]))


def is_narrow(dtype: np.dtype) -> bool:
    """Whether a dtype is a float of less than 32 bits, whose ops compute in f32."""
    return dtype.kind in "fV" and dtype.itemsize < 4 and dtype not in SMALL_INTEGERS


def widen(array: np.ndarray) -> np.ndarray:
    """Narrow floats as f32, anything else as it is."""
    return array.astype(np.float32) if is_narrow(array.dtype) else array
