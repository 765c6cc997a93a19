"""Views: elements of a tensor within an owner's memory, as offset, dims and strides, all in elements.

    View.whole(x, [2, 3, 4])                        dims 2, 3, 4   strides 12, 4, 1   offset 0
        .transposed([2, 0, 1])                      dims 4, 2, 3   strides 1, 12, 4   offset 0
        .sliced([3, 0, 0], [-1, 1, 1], [2, 2, 3])   dims 2, 2, 3   strides -1, 12, 4  offset 3

A view is immutable. Methods that may fail return the reason, a text, in place of a view.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Generic, NamedTuple, TypeAlias, TypeVar

from ..dims import Expr, const
from .strides import is_row_major, reshaped_strides, row_major_strides

Owner = TypeVar("Owner")
Other = TypeVar("Other")
_START = const(0)

Axes: TypeAlias = tuple[int | None, ...]
"""For each dim of a tensor the dim of an iteration space whose coordinate is its index; None: its only element serves all."""


def broadcast_axes(inner: Sequence[Expr], outer: Axes) -> Axes:
    """The axes of a tensor with dims `inner` that NumPy broadcasts to one whose axes are `outer`."""
    shift = len(outer) - len(inner)
    return tuple(None if extent == 1 else outer[shift + i] for i, extent in enumerate(inner))


def space_axes(inner: Sequence[Expr], dims: Sequence[Expr]) -> Axes:
    """The axes of a tensor with dims `inner` broadcast to an iteration space `dims`."""
    return broadcast_axes(inner, tuple(range(len(dims))))


class BoundView(NamedTuple):
    """A view for one set of symbol values."""

    offset: int
    dims: tuple[int, ...]
    strides: tuple[int, ...]

    @property
    def reach(self) -> tuple[int, int] | None:
        """The first and the last element of the owner that it touches; None if it has no elements."""
        if 0 in self.dims:
            return None
        steps = [(extent - 1) * stride for extent, stride in zip(self.dims, self.strides, strict=True)]
        return self.offset + sum(min(s, 0) for s in steps), self.offset + sum(max(s, 0) for s in steps)


@dataclass(frozen=True)
class View(Generic[Owner]):
    """Elements of a tensor within an owner. `owner` is whatever identifies that memory: a value, the number of a kernel's tensor."""

    owner: Owner
    dims: tuple[Expr, ...]
    strides: tuple[Expr, ...]
    offset: Expr = _START

    @classmethod
    def whole(cls, owner: Owner, dims: Sequence[Expr]) -> View[Owner]:
        """All of a row-major owner."""
        return cls(owner, tuple(dims), row_major_strides(dims))

    def of(self, owner: Other) -> View[Other]:
        """The same view of another owner."""
        return View(owner, self.dims, self.strides, self.offset)

    @property
    def is_row_major(self) -> bool:
        """Whether the elements lie without gaps, in order, wherever they start."""
        return is_row_major(self.dims, self.strides)

    def is_whole(self, dims: Sequence[Expr]) -> bool:
        """Whether this is all of a row-major owner with these dims, in order."""
        return self.offset == 0 and self.dims == tuple(dims) and self.is_row_major

    @property
    def end(self) -> Expr:
        """The element of the owner with the greatest indices."""
        last = ((extent - 1) * stride for extent, stride in zip(self.dims, self.strides, strict=True))
        return sum(last, self.offset)

    # Views of the view.

    def transposed(self, permutation: Sequence[int]) -> View[Owner]:
        """Dim i of the result is dim `permutation[i]`."""
        dims, strides = (tuple(listed[p] for p in permutation) for listed in (self.dims, self.strides))
        return replace(self, dims=dims, strides=strides)

    def untransposed(self, permutation: Sequence[int]) -> View[Owner]:
        """The view of which this is the transpose."""
        return self.transposed([permutation.index(axis) for axis in range(len(permutation))])

    def sliced(self, starts: Sequence[Expr], steps: Sequence[int], dims: Sequence[Expr]) -> View[Owner]:
        """`dims` elements from `starts` on, every `steps`-th, backwards if negative."""
        offset = sum((start * stride for start, stride in zip(starts, self.strides, strict=True)), self.offset)
        strides = tuple(stride * step for stride, step in zip(self.strides, steps, strict=True))
        return View(self.owner, tuple(dims), strides, offset)

    def broadcast(self, dims: Sequence[Expr]) -> View[Owner]:
        """Repeated as NumPy broadcasts: stride 0 along new leading dims and those that were of size 1."""
        missing = len(dims) - len(self.dims)
        strides = [const(0)] * missing
        for old, new, stride in zip(self.dims, dims[missing:], self.strides, strict=True):
            strides.append(const(0) if old == 1 and new != 1 else stride)
        return replace(self, dims=tuple(dims), strides=tuple(strides))

    def reshaped(self, dims: Sequence[Expr]) -> View[Owner] | str:
        """The same elements in the same order under other dims, or why strides cannot express that."""
        strides = reshaped_strides(self.dims, self.strides, dims)
        if strides is None:
            return f"no strides express {_shape(self.dims)} at strides {_shape(self.strides)} as {_shape(dims)}"
        return replace(self, dims=tuple(dims), strides=strides)

    def split(self, axis: int, outer: Expr, inner: Expr) -> View[Owner]:
        """A dim of `outer * inner` elements as two dims."""
        dims, strides = list(self.dims), list(self.strides)
        dims[axis : axis + 1] = [outer, inner]
        strides[axis : axis + 1] = [strides[axis] * inner, strides[axis]]
        return replace(self, dims=tuple(dims), strides=tuple(strides))

    def parts(self, axis: int, shapes: Sequence[Sequence[Expr]]) -> Iterator[View[Owner]]:
        """The parts along an axis that tensors of these shapes fill one after the other, as a concat joins them. One addition each."""
        offset = self.offset
        for dims in shapes:
            yield replace(self, dims=tuple(dims), offset=offset)
            offset = offset + dims[axis] * self.strides[axis]

    def over(self, axes: Axes, dims: Sequence[Expr]) -> View[Owner]:
        """The view over an iteration space `dims`; `axes` maps its own dims to those of the space. Stride 0 along the others."""
        strides = [const(0)] * len(dims)
        for axis, stride in zip(axes, self.strides, strict=True):
            if axis is not None:
                strides[axis] = strides[axis] + stride
        return replace(self, dims=tuple(dims), strides=tuple(strides))

    # Values.

    def bind(self, symbols: Mapping[str, int]) -> BoundView:
        """The view for these values of the symbols. Raises KeyError naming a symbol that is missing."""
        dims, strides = (tuple(e.evaluate(symbols) for e in listed) for listed in (self.dims, self.strides))
        return BoundView(self.offset.evaluate(symbols), dims, strides)


def _shape(exprs: Sequence[Expr]) -> str:
    return f"[{', '.join(map(str, exprs))}]"
