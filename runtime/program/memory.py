"""Where the tensors of a host program lie: views by dim expressions, and what they are for one set of symbol values."""

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
    """Where a kernel's pointer points: `offset` bytes into a root, seen with `shape` and `strides` (elements)."""

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
        """The elements of `base` from where the pointer points on, as one dimension."""
        count = (base.size - self.offset) // self.dtype.itemsize
        return base[self.offset : self.offset + count * self.dtype.itemsize].view(self.dtype)


@dataclass(frozen=True)
class Owner:
    """What views are of: row-major elements from `base` bytes on in a root."""

    root: Root
    name: str
    base: int
    dims: tuple[Expr, ...]
    dtype: np.dtype[Any]
    number: int
    """Among the arguments, weights and slots of the host function."""


TensorView: TypeAlias = "View[Owner]"
"""A tensor of the host function."""


def exprs_of(tensor: TensorView) -> Iterator[Expr]:
    """All that a tensor's place is evaluated from."""
    yield tensor.offset
    yield from (*tensor.dims, *tensor.strides, *tensor.owner.dims)


def bind_tensor(tensor: TensorView, env: Mapping[str, int]) -> MemoryRef:
    """A tensor for these symbol values; EngineFormatError where it leaves its owner."""
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
    """A dtype of the same size that the buffer protocol of NumPy knows, for those of ml_dtypes."""
    return dtype if dtype.kind in "biuf" else np.dtype(f"u{dtype.itemsize}")
