"""Tensor map parameters of kernels: read from the IR, kept as dim expressions, evaluated for one set of shapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, cast

from xdsl.ir import BlockArgument

from ..dialects import kernel
from ..dialects.dims import Expr, parse_expr
from ..dialects.errors import PassError, TargetError
from ..dialects.kernel.views import tensor_map_groups
from .driver import TensorMapSpec

_ELEMENT_BYTES = {
    "i8": 1,
    "ui8": 1,
    "f8E4M3FN": 1,
    "f8E5M2": 1,
    "i16": 2,
    "f16": 2,
    "bf16": 2,
    "i32": 4,
    "f32": 4,
    "tf32": 4,
}
_STRIDE_ALIGNMENT = 16


@dataclass(frozen=True)
class TensorMapInfo:
    """One tensor map: the number of the kernel's tensor (`argument`), and a view of it.

    `dims`, `strides` (elements) and `offset` (elements) are dim expressions, outermost first. `box` covers the last dims; for an
    im2col map it is (pixels, channels), `lower` and `upper` are the corners of the box of pixels (one per spatial dim) as expressions,
    and `steps` the convolution's strides.
    """

    argument: int
    element_type: str
    dims: tuple[Expr, ...]
    strides: tuple[Expr, ...]
    offset: Expr
    box: tuple[int, ...]
    swizzle: int
    lower: tuple[Expr, ...] = ()
    upper: tuple[Expr, ...] = ()
    steps: tuple[int, ...] = ()

    @classmethod
    def read(cls, op: kernel.TensorMapOp) -> TensorMapInfo:
        """The tensor map of an op. Raises PassError for a view that no descriptor can express."""
        view = op.view.owner
        result = op.result.type
        match view:
            case kernel.Im2colOp():
                return _read_im2col(view, result)
            case kernel.ViewOp():
                groups = tensor_map_groups(view)
                if any(len(group) > 1 for group in groups[-2:]):
                    raise PassError(
                        "tensor map: expected a view whose rows and whose columns each have one stride, got dims that do not merge."
                    )
                flat = [dim for group in groups for dim in group]
                return cls(
                    _argument(view.source), f"{result.element_type}", tuple(d for d, _ in flat), tuple(s for _, s in flat),
                    view.offset.exprs[0], result.extents[-2:], result.swizzle.data,
                )  # fmt: skip
            case _:
                raise PassError(f"tensor map: expected a view made by kernel.view or kernel.im2col, got {view}.")

    def to_json(self) -> dict[str, Any]:
        """JSON values; expressions as text."""
        texts = {key: [str(e) for e in getattr(self, key)] for key in ("dims", "strides", "lower", "upper")}
        counts = {"box": list(self.box), "steps": list(self.steps)}
        return {**asdict(self), **texts, **counts, "offset": str(self.offset)}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> TensorMapInfo:
        """The inverse of `to_json`. Raises KeyError, TypeError or ValueError for anything else."""
        return cls(
            argument=int(stored["argument"]),
            element_type=str(stored["element_type"]),
            dims=_exprs(stored["dims"]),
            strides=_exprs(stored["strides"]),
            offset=parse_expr(str(stored["offset"])),
            box=tuple(int(extent) for extent in stored["box"]),
            swizzle=int(stored["swizzle"]),
            lower=_exprs(stored["lower"]),
            upper=_exprs(stored["upper"]),
            steps=tuple(int(step) for step in stored["steps"]),
        )

    def offset_bytes(self, symbols: Mapping[str, int]) -> int:
        """The offset of the map's first element from the pointer, in bytes."""
        return self.offset.evaluate(symbols) * self._size()

    def evaluate(self, symbols: Mapping[str, int]) -> TensorMapSpec:
        """The tensor map to encode for these symbol values: extents innermost first, strides in bytes.

        Raises TargetError for strides that TMA does not allow: all but the innermost must be multiples of 16 bytes.
        """
        size = self._size()
        dims = [extent.evaluate(symbols) for extent in reversed(self.dims)]
        strides = [stride.evaluate(symbols) * size for stride in reversed(self.strides)]
        if strides[0] != size:
            raise TargetError(
                f"tensor map: expected the innermost dim to be contiguous, got a stride of {strides[0]} bytes."
            )
        wrong = [
            stride
            for extent, stride in zip(dims[1:], strides[1:], strict=True)
            if extent > 1 and stride % _STRIDE_ALIGNMENT
        ]
        if wrong:
            raise TargetError(f"tensor map: expected strides that {_STRIDE_ALIGNMENT} bytes divide, got {wrong[0]}.")
        outer = tuple(-(-stride // _STRIDE_ALIGNMENT) * _STRIDE_ALIGNMENT for stride in strides[1:])
        if not self.steps:
            box = (1,) * (len(dims) - len(self.box)) + self.box
            return TensorMapSpec(self.element_type, tuple(dims), outer, tuple(reversed(box)), self.swizzle)
        lower, upper = (tuple(e.evaluate(symbols) for e in reversed(corner)) for corner in (self.lower, self.upper))
        pixels, channels = self.box
        steps = (1, *reversed(self.steps), 1)
        return TensorMapSpec(
            self.element_type, tuple(dims), outer, (channels, pixels), self.swizzle, steps, (lower, upper)
        )

    def _size(self) -> int:
        size = _ELEMENT_BYTES.get(self.element_type)
        if size is None:
            raise TargetError(f"tensor map: element type '{self.element_type}' has no TMA encoding.")
        return size


def _read_im2col(view: kernel.Im2colOp, result: kernel.TensorMapType) -> TensorMapInfo:
    """Corners such that the boxes start at the windows' first pixels and there is one for each output pixel."""
    source = cast(kernel.GlobalType, view.source.type)
    steps = [int(step) for step in view.strides.get_values()]
    before = [int(pad) for pad in view.pads.get_values()]
    spatial = source.dims.exprs[1:-1]
    lower = [parse_expr(str(-pad)) for pad in before]
    upper = [
        (count - 1) * step - pad - (extent - 1)
        for count, step, pad, extent in zip(view.out.exprs, steps, before, spatial, strict=True)
    ]
    return TensorMapInfo(
        _argument(view.source), f"{result.element_type}", source.dims.exprs, source.strides.exprs, parse_expr("0"),
        result.extents[-2:], result.swizzle.data, tuple(lower), tuple(upper), tuple(steps),
    )  # fmt: skip


def _argument(source: Any) -> int:
    if not isinstance(source, BlockArgument):
        raise PassError("tensor map: expected a view of a tensor argument of the kernel.")
    return source.index


def _exprs(texts: Sequence[Any]) -> tuple[Expr, ...]:
    return tuple(parse_expr(str(text)) for text in texts)
