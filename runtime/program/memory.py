"""The memory of a host program's tensors: views by dim expressions, and their places for one set of symbol values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from ...dialects.dims import Expr
from ...dialects.errors import EngineFormatError, TrtcError
from ...dialects.text import shown

if TYPE_CHECKING:
    from ...dialects.strided import View

Root = Literal["arena", "weight", "input", "output"]
Shape = tuple[int, ...]


class InputError(TrtcError, ValueError):
    """An array given to an engine does not fit: its name, dtype, rank, shape or a dynamic dim outside the profile."""


@dataclass(frozen=True)
class TensorSpec:
    """An input or output of an engine: its ONNX name, NumPy dtype (ml_dtypes for bf16 and f8) and dims."""

    name: str
    dtype: np.dtype[Any]
    dims: tuple[Expr, ...]

    def __str__(self) -> str:
        return f"{shown(self.name)}: {self.dtype}[{', '.join(map(str, self.dims))}]"


@dataclass(frozen=True)
class MemoryRef:
    """The memory of a kernel argument: `offset` bytes into a root, with `shape` and `strides` in elements."""

    root: Root
    name: str
    offset: int
    shape: Shape
    strides: Shape
    dtype: np.dtype[Any]

    def array(self, base: np.ndarray) -> np.ndarray:
        """The view of `base`, the root's bytes (uint8, one dimension)."""
        strides = tuple(stride * self.dtype.itemsize for stride in self.strides)
        raw = np.ndarray(self.shape, _storage(self.dtype), base.data, self.offset, strides)
        return raw.view(self.dtype) if raw.dtype != self.dtype else raw

    def flat(self, base: np.ndarray) -> np.ndarray:
        """The elements of `base` from `offset` on, as one dimension."""
        count = (base.size - self.offset) // self.dtype.itemsize
        return base[self.offset : self.offset + count * self.dtype.itemsize].view(self.dtype)


@dataclass(frozen=True)
class Owner:
    """The owner of views: row-major elements from `base` bytes on in a root."""

    root: Root
    name: str
    base: int
    dims: tuple[Expr, ...]
    dtype: np.dtype[Any]
    number: int
    """Its number among the arguments, weights and slots of the host function."""


TensorView: TypeAlias = "View[Owner]"
"""A tensor of the host function."""


def exprs_of(tensor: TensorView) -> Iterator[Expr]:
    """All expressions from which a tensor's memory is evaluated."""
    yield tensor.offset
    yield from (*tensor.dims, *tensor.strides, *tensor.owner.dims)


def bind_tensor(tensor: TensorView, env: Mapping[str, int]) -> MemoryRef:
    """A tensor for these symbol values. Raises EngineFormatError where it is not within its owner."""
    within, view = tensor.owner, tensor.bind(env)
    reach = view.reach
    if reach is not None:
        (low, high), elements = reach, prod(extent.evaluate(env) for extent in within.dims)
        if min(view.dims, default=1) < 0 or low < 0 or high >= elements:
            raise EngineFormatError(
                f"engine: a view of {within.name or 'the arena'} reaches elements {low} to {high} of {elements} for {dict(env)}; "
                f"rebuild the engine."
            )
    start = within.base + view.offset * within.dtype.itemsize
    return MemoryRef(within.root, within.name, start, view.dims, view.strides, within.dtype)


def _storage(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """A dtype of the same size that NumPy's buffer protocol supports, which lacks those of ml_dtypes."""
    return dtype if dtype.kind in "biuf" else np.dtype(f"u{dtype.itemsize}")
