"""The boxes that TMA moves, as element offsets: tiled and im2col tensor maps (CUDA driver API, cuTensorMapEncodeTiled and ...Im2col)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from ...dialects import kernel
from ...dialects.errors import PassError, TargetError
from ..driver import TensorMapSpec
from ..tensor_maps import TensorMapInfo
from .clocks import RuleBroken


@dataclass(frozen=True)
class Box:
    """A tensor map for given symbol values: `argument` is the tensor's number, `base` its first element, `size` the bytes per element,
    `row_bytes` those of a row of the box."""

    spec: TensorMapSpec
    argument: int
    base: int
    size: int

    @classmethod
    def of(cls, op: kernel.TensorMapOp, symbols: Mapping[str, int], size: int) -> Box:
        try:
            info = TensorMapInfo.read(op)
            spec = info.evaluate(symbols)
        except (PassError, TargetError) as error:
            raise RuleBroken(str(error)) from error
        return cls(spec, info.argument, info.offset_bytes(symbols) // size, size)

    @property
    def row_bytes(self) -> int:
        return self.spec.box[0] * self.size

    def elements(self, coords: Sequence[int], window: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        """Element offsets in the tensor, in the order in which the box fills memory, and which of them exist."""
        if len(coords) != len(self.spec.dims):
            raise RuleBroken(f"expected {len(self.spec.dims)} coordinates for this tensor map, got {len(coords)}")
        strides = [1, *(stride // self.size for stride in self.spec.strides)]
        if self.spec.corners is None:
            places = [np.arange(extent) + start for start, extent in zip(coords, self.spec.box, strict=True)]
        else:
            return self._im2col(coords, window, strides)
        offset = np.full((1,) * len(places), self.base, np.int64)
        inside = np.ones((1,) * len(places), np.bool_)
        for axis, (place, stride, extent) in enumerate(zip(places, strides, self.spec.dims, strict=True)):
            shape = [1] * len(places)
            shape[len(places) - 1 - axis] = -1
            offset = offset + (place * stride).reshape(shape)
            inside = inside & ((place >= 0) & (place < extent)).reshape(shape)
        return offset.reshape(-1), inside.reshape(-1)

    def _im2col(
        self, coords: Sequence[int], window: Sequence[int], strides: Sequence[int]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Pixels run over the bounding box in steps, the innermost dim fastest; the window offsets then shift each."""
        assert self.spec.corners is not None
        (lower, upper), steps, dims = self.spec.corners, self.spec.element_strides, self.spec.dims
        spatial = len(dims) - 2
        if len(window) != spatial:
            raise RuleBroken(f"expected {spatial} window offsets for an im2col load, got {len(window)}")
        channels, pixels = self.spec.box
        counts: list[int] = []
        pixel = 0
        for axis in range(spatial):
            extent, step = dims[1 + axis], steps[1 + axis]
            counts.append((extent - 1 + upper[axis] - lower[axis]) // step + 1)
            start, rest = divmod(coords[1 + axis] - lower[axis], step)
            if rest or not 0 <= start < counts[axis]:
                raise RuleBroken(f"im2col load starts at {coords[1 + axis]}, not at a window's first pixel")
            pixel += start * prod(counts[:axis])
        place = coords[-1] * prod(counts) + pixel + np.arange(pixels)
        inside, offset = np.ones(pixels, np.bool_), np.full(pixels, self.base, np.int64)
        for axis in range(spatial):
            at = lower[axis] + place % counts[axis] * steps[1 + axis] + window[axis]
            place = place // counts[axis]
            inside, offset = inside & (at >= 0) & (at < dims[1 + axis]), offset + at * strides[1 + axis]
        inside, offset = inside & (place >= 0) & (place < dims[-1]), offset + place * strides[-1]
        c = coords[0] + np.arange(channels)
        exists = inside[:, None] & ((c >= 0) & (c < dims[0]))[None, :]
        return (offset[:, None] + c[None, :]).reshape(-1), exists.reshape(-1)
