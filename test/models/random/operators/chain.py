"""Nodes that follow one another, as layers of networks have them; the first that the maker refuses ends what is being written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from onnx import TensorProto

from ..graphs import Maker


class DroppedError(Exception):
    """The maker has refused a node."""


def layer(write: Callable[[Chain], object]) -> Callable[[Maker], None]:
    """A generator of what `write` writes, as far as the maker takes it."""

    def generate(g: Maker) -> None:
        with suppress(DroppedError):
            write(Chain(g))

    return generate


class Chain:
    """A maker whose methods give the name of a result, or raise DroppedError."""

    def __init__(self, g: Maker) -> None:
        self.g = g

    def __call__(self, op: str, *operands: str | float, masked: bool = False, **attributes: object) -> str:
        """A node; numbers are constants, and the operands of sums and products come in either order."""
        names = [o if isinstance(o, str) else self.g.constant(o, np.float32) for o in operands]
        if op in ("Add", "Mul") and self.g.chance(0.3):
            names.reverse()
        return self.several(op, names, 1, masked=masked, **attributes)[0]

    def several(
        self, op: str, names: Sequence[str], results: int, *, masked: bool = False, **attributes: object
    ) -> list[str]:
        made = self.g.emit(op, names, results, masked=masked, **attributes)
        if made is None:
            raise DroppedError(op)
        return made

    def shape(self, x: str) -> tuple[int, ...]:
        """At the first set of sizes."""
        return self.g.values[x].shape

    def whole(self, *numbers: int) -> str:
        return self.g.constant(numbers, np.int64)

    # Tensors moved.

    def reshape(self, x: str, *dims: int) -> str:
        return self("Reshape", x, self.whole(*dims))

    def turn(self, x: str, *order: int) -> str:
        return self("Transpose", x, perm=order)

    def unsqueeze(self, x: str, *axes: int) -> str:
        if self.g.opset < 13:
            return self("Unsqueeze", x, axes=axes)
        return self("Unsqueeze", x, self.whole(*axes))

    def slice(self, x: str, axis: int, start: int, end: int | str, step: int = 1) -> str:
        stop = end if isinstance(end, str) else self.whole(end)
        return self("Slice", x, self.whole(start), stop, self.whole(axis), self.whole(step))

    def split(self, x: str, sizes: Sequence[int], axis: int) -> list[str]:
        """By a Split, or by slices."""
        if self.g.chance(0.5):
            ends = [int(end) for end in np.cumsum(sizes)]
            return [self.slice(x, axis, end - size, end) for size, end in zip(sizes, ends, strict=True)]
        if self.g.opset < 13:
            return self.several("Split", [x], len(sizes), axis=axis, split=sizes)
        return self.several("Split", [x, self.whole(*sizes)], len(sizes), axis=axis)

    def extent(self, x: str, axis: int) -> str:
        """A dim of a value, [1]."""
        return self.unsqueeze(self("Gather", self("Shape", x), self.g.constant(axis, np.int64), axis=0), 0)

    # Numbers.

    def mean(self, x: str, axis: int = -1) -> str:
        """Over a dim, which stays."""
        if self.g.opset < 18:
            return self("ReduceMean", x, axes=[axis])
        return self("ReduceMean", x, self.whole(axis))

    def product(self, x: str, outputs: int) -> str:
        """With a weight that keeps the deviation."""
        inputs = self.shape(x)[-1]
        return self("MatMul", x, self.g.weight([inputs, outputs], float(inputs) ** -0.5))

    def dense(self, x: str, outputs: int) -> str:
        return self("Add", self.product(x, outputs), self.g.weight([outputs]))

    def norm(self, x: str) -> str:
        """A layer norm over the last dim, as an op or its nodes, or an RMS norm."""
        width = self.shape(x)[-1]
        kind = self.g.word("op nodes rms")
        if kind == "op" and self.g.opset >= 17:
            return self("LayerNormalization", x, self.g.weight([width]), self.g.weight([width]), axis=-1, epsilon=1e-2)
        centred = x if kind == "rms" else self("Sub", x, self.mean(x))
        root = self("Sqrt", self("Add", self.mean(self("Pow", centred, 2.0)), 1e-2))
        scaled = self("Mul", self("Div", centred, root), self.g.weight([width]))
        return scaled if kind == "rms" else self("Add", scaled, self.g.weight([width]))

    def act(self, x: str, kinds: str = "Relu Sigmoid Tanh silu gelu hard none") -> str:
        match self.g.word(kinds):
            case "silu":
                return self("Mul", x, self("Sigmoid", x))
            case "gelu":
                gate = self("Add", self("Erf", self("Div", x, float(np.sqrt(2)))), 1.0)
                return self("Mul", self("Mul", x, 0.5), gate)
            case "hard":
                return self("Div", self("Mul", x, self("Clip", self("Add", x, 3.0), 0.0, 6.0)), 6.0)
            case "none":
                return x
            case op:
                return self(op, x)

    def cast(self, x: str, to: int = TensorProto.FLOAT) -> str:
        return self("Cast", x, to=to)

    # Inputs.

    def tokens(self, width: int, batch: int | None = None, length: int | None = None) -> str:
        """[batch, length, width]: a value that is there, or an input, of which one of the first two dims may be dynamic."""
        found = self.g.pick(
            lambda v: (
                v.dtype == np.float32
                and v.rank == 3
                and min(v.shape) > 0
                and batch is None
                and v.shape[2] in (8, width)
            )
        )
        if found is not None and self.g.chance(0.5):
            return found
        shape: list[Any] = [batch or self.g.number(1, 2), length or self.g.choice((1, 3, 4, 5, 7, 9, 33)), width]
        return self.open_input(shape, np.float32, (0, 1) if batch is None else ())

    def open_input(self, shape: Sequence[int], dtype: type, axes: Sequence[int]) -> str:
        """An input that may be of size N along one of the axes."""
        axis = self.g.choice(axes) if axes and len(self.g.sizes) > 1 and self.g.chance(0.7) else None
        declared: list[int | str] = ["N" if i == axis else size for i, size in enumerate(shape)]
        sizes = [[n if d == "N" else int(d) for d in declared] for n in self.g.sizes]
        arrays = [self.g.data(each, dtype) for each in sizes]
        return self.g.given(arrays if axis is not None else arrays[:1] * len(sizes), declared)
