"""Addresses of the elements of tiles: strided and im2col views of flat arrays, evaluated for one set of symbols."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from xdsl.ir import Operation

from ...dialects import kernel
from ...dialects.errors import SimulationError
from ...dialects.meaning.arithmetic import combine_at
from ...dialects.provenance import describe

Array = np.ndarray[Any, np.dtype[Any]]
Coord = Any
"""A coordinate: an int, or an array with one per block or element."""


def fill_value(fill: float, dtype: np.dtype[Any]) -> Any:
    """The fill of a load in the element type, clamped to the range of an integer type."""
    if dtype.kind in "iu":
        info = np.iinfo(dtype)
        return dtype.type(info.max if fill >= info.max else info.min if fill <= info.min else int(fill))
    return np.asarray(fill).astype(dtype)[()]


@dataclass(frozen=True)
class GlobalTensor:
    """A kernel argument: its elements from its first one on, with dims and strides for the bound symbols."""

    array: Array
    dims: tuple[int, ...]
    strides: tuple[int, ...]

    @classmethod
    def bind(cls, type_: kernel.GlobalType, array: Array, symbols: Mapping[str, int]) -> GlobalTensor:
        return cls(
            array,
            tuple(e.evaluate(symbols) for e in type_.dims.exprs),
            tuple(e.evaluate(symbols) for e in type_.strides.exprs),
        )


class KernelView:
    """A view made by `kernel.view` or `kernel.im2col`: maps coordinates to element offsets and a mask of those inside."""

    tensor: GlobalTensor

    def locate(self, leading: Sequence[Coord], row: Array, column: Array) -> tuple[Array, Array]:
        """Offsets and validity for arrays of rows and columns that broadcast against each other and `leading`."""
        raise NotImplementedError

    def load(self, op: Operation, leading: Sequence[Coord], row: Array, column: Array, fill: float) -> Array:
        """The elements, `fill` outside."""
        offset, inside = self.locate(leading, row, column)
        offset, inside = np.broadcast_arrays(offset, inside)
        self._check(op, offset, inside)
        array = self.tensor.array
        if inside.all():
            return array[offset]
        if not inside.any():
            return np.full(inside.shape, fill_value(fill, array.dtype), array.dtype)
        return np.where(inside, array[np.where(inside, offset, 0)], fill_value(fill, array.dtype))

    def store(self, op: Operation, leading: Sequence[Coord], row: Array, column: Array, value: Array) -> None:
        """Writes the elements that lie inside."""
        offset, inside = self.locate(leading, row, column)
        offset, inside, value = np.broadcast_arrays(offset, inside, value)
        self._check(op, offset, inside)
        self.tensor.array[offset[inside]] = value[inside]

    def scatter(
        self, op: Operation, leading: Sequence[Coord], row: Array, column: Array, value: Array, kind: str
    ) -> None:
        """Writes elements to the places that lie inside, or combines them with what is there."""
        offset, inside = self.locate(leading, row, column)
        offset, inside, value = np.broadcast_arrays(offset, inside, value)
        self._check(op, offset, inside)
        combine_at(self.tensor.array, offset[inside], value[inside], kind)

    def _check(self, op: Operation, offset: Array, inside: Array) -> None:
        size = self.tensor.array.size
        wrong = inside & ((offset < 0) | (offset >= size))
        if wrong.any():
            where = tuple(int(i) for i in np.argwhere(wrong)[0])
            raise SimulationError(
                f"{describe(op)}: expected element offsets in [0, {size}) of its tensor, got {int(offset[where])} for element {where} "
                "of the tile (first index: block)."
            )


@dataclass(frozen=True)
class StridedView(KernelView):
    """A tensor addressed by coordinates over groups of dims."""

    tensor: GlobalTensor
    dims: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int
    groups: tuple[tuple[int, ...], ...]

    @classmethod
    def bind(cls, op: kernel.ViewOp, tensor: GlobalTensor, symbols: Mapping[str, int]) -> StridedView:
        offset, dims, strides = op.view.bind(symbols)
        return cls(tensor, dims, strides, offset, tuple(tuple(g) for g in op.group_dims()))

    def locate(self, leading: Sequence[Coord], row: Array, column: Array) -> tuple[Array, Array]:
        offset: Any = np.int64(self.offset)
        inside: Any = np.bool_(True)
        for coordinate, group in zip((*leading, row, column), self.groups, strict=True):
            extent = 1
            for d in group:
                extent *= self.dims[d]
            valid = (coordinate >= 0) & (coordinate < extent)
            rest = np.where(valid, coordinate, 0)
            for d in reversed(group):
                rest, place = np.divmod(rest, max(1, self.dims[d]))
                offset = offset + place * self.strides[d]
            inside = inside & valid
        return offset, inside


@dataclass(frozen=True)
class Im2colView(KernelView):
    """An image batch as a matrix of windows."""

    tensor: GlobalTensor
    out: tuple[int, ...]
    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    pads: tuple[int, ...]
    dilations: tuple[int, ...]
    groups: int

    @classmethod
    def bind(cls, op: kernel.Im2colOp, tensor: GlobalTensor, symbols: Mapping[str, int]) -> Im2colView:
        def listed(values: Sequence[Any]) -> tuple[int, ...]:
            return tuple(int(value) for value in values)

        return cls(
            tensor,
            listed([e.evaluate(symbols) for e in op.out.exprs]),
            listed(op.kernel.get_values()),
            listed(op.strides.get_values()),
            listed(op.pads.get_values()),
            listed(op.dilations.get_values()),
            op.groups.value.data,
        )

    def locate(self, leading: Sequence[Coord], row: Array, column: Array) -> tuple[Array, Array]:
        n, *spatial, c = self.tensor.dims
        first, *steps, last = self.tensor.strides
        (group,), channels = leading, c // self.groups
        pixels, window = prod(self.out), prod(self.kernel) * channels
        inside = (
            (row >= 0) & (row < n * pixels) & (column >= 0) & (column < window) & (group >= 0) & (group < self.groups)
        )
        image, pixel = np.divmod(np.where(row >= 0, row, 0), pixels)
        tap, channel = np.divmod(np.where(column >= 0, column, 0), channels)
        offset = image * first + (channel + group * channels) * last
        for axis in reversed(range(len(spatial))):
            pixel, place = np.divmod(pixel, self.out[axis])
            tap, step = np.divmod(tap, self.kernel[axis])
            place = place * self.strides[axis] - self.pads[axis] + step * self.dilations[axis]
            inside = inside & (place >= 0) & (place < spatial[axis])
            offset = offset + place * steps[axis]
        return offset, inside


def poison(dtype: np.dtype[Any]) -> Any:
    """The value of undefined memory: NaN, the least integer of a signed type, the greatest of an unsigned one, or True."""
    if dtype.kind == "b":
        return True
    return (np.iinfo(dtype).min or np.iinfo(dtype).max) if dtype.kind in "iu" else np.asarray(np.nan).astype(dtype)[()]
