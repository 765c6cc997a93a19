"""`nn.pad`: padding of any dims, by a number or by elements of the tensor itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from xdsl.dialects.builtin import AnyTensorType, FloatAttr
from xdsl.dialects.utils import EnumAttribute
from xdsl.ir import Attribute
from xdsl.irdl import (
    BaseAttr,
    irdl_attr_definition,
    irdl_op_definition,
    operand_def,
    opt_prop_def,
    prop_def,
    result_def,
    traits_def,
)
from xdsl.parser import AttrParser
from xdsl.printer import Printer
from xdsl.traits import Pure
from xdsl.utils.str_enum import StrEnum

from ..dims import Expr, ExprLike, as_expr, const
from .base import (
    DimsAttr,
    Ints,
    NnOp,
    Tensor,
    Value,
    double,
    element_of,
    ints,
    require,
    shape_of,
    tensor_type,
    ty,
    values_of,
)


class PadMode(StrEnum):
    """The elements that `nn.pad` repeats."""

    REFLECT = "reflect"
    EDGE = "edge"
    WRAP = "wrap"


@irdl_attr_definition
class PadModeAttr(EnumAttribute[PadMode]):
    """
    `#nn.pad_mode<edge>`: what stands outside the tensor. `edge` repeats the outermost element, `reflect` runs back from it without
    repeating it, `wrap` starts again at the other end; each as often as it takes.
    """

    name = "nn.pad_mode"

    @classmethod
    def parse_parameter(cls, parser: AttrParser) -> PadMode:
        with parser.in_angle_brackets():
            return parser.parse_str_enum(PadMode)

    def print_parameter(self, printer: Printer) -> None:
        with printer.in_angle_brackets():
            printer.print_string(self.data.value)


@irdl_op_definition
class PadOp(NnOp):
    """Adds `low` elements before and `high` after each dim: all of them `value`, or, with a `mode`, elements of the tensor.

    Counts are integers, or dim expressions that are never negative.
    """

    name = "nn.pad"

    x = operand_def(Tensor)
    low = prop_def(Ints | BaseAttr(DimsAttr))
    high = prop_def(Ints | BaseAttr(DimsAttr))
    value = prop_def(FloatAttr)
    mode = opt_prop_def(PadModeAttr)
    result = result_def(Tensor)

    traits = traits_def(Pure())
    assembly_format = "$x attr-dict `:` functional-type(operands, results)"

    def __init__(
        self,
        x: Value,
        low: Sequence[ExprLike],
        high: Sequence[ExprLike],
        value: float = 0.0,
        mode: PadMode | None = None,
    ):
        below, above = [as_expr(e) for e in low], [as_expr(e) for e in high]
        super().__init__(
            operands=[x],
            properties={
                "low": _counts(below),
                "high": _counts(above),
                "value": double(value),
                "mode": None if mode is None else PadModeAttr(mode),
            },
            result_types=[self.infer(ty(x), below, above)],
        )

    @classmethod
    def infer(cls, x: Attribute, low: Sequence[Expr], high: Sequence[Expr]) -> AnyTensorType:
        dims = shape_of(x)
        known = [count for count in (e.as_int() for e in (*low, *high)) if count is not None]
        require(
            len(low) == len(high) == len(dims) and min(known, default=0) >= 0,
            lambda: (
                f"{cls.name}: expected {len(dims)} low and high counts of 0 or more for {x}, got {_text(low)} and {_text(high)}"
            ),
        )
        return tensor_type([d + a + b for d, a, b in zip(dims, low, high, strict=True)], element_of(x))

    def inferred(self) -> list[Attribute]:
        return [self.infer(self.x.type, self.below, self.above)]

    def check(self) -> None:
        if self.mode is None:
            return
        for axis, (dim, a, b) in enumerate(zip(shape_of(self.x), self.below, self.above, strict=True)):
            require(
                dim.as_int() != 0 or a.as_int() == b.as_int() == 0,
                lambda axis=axis: f"{self.name}: expected an element to repeat in dim {axis}, got {self.x.type}",
            )

    @property
    def below(self) -> tuple[Expr, ...]:
        """The elements before each dim."""
        return _exprs(self.low)

    @property
    def above(self) -> tuple[Expr, ...]:
        """The elements after each dim."""
        return _exprs(self.high)

    @property
    def padded_dims(self) -> list[int]:
        """The dims that get elements."""
        pairs = enumerate(zip(self.below, self.above, strict=True))
        return [axis for axis, (a, b) in pairs if a.as_int() != 0 or b.as_int() != 0]

    def fixed(self) -> tuple[list[int], list[int]] | None:
        """The counts before and after each dim, where all are integers."""
        low, high = ([e.as_int() for e in counts] for counts in (self.below, self.above))
        if None in low or None in high:
            return None
        return [n for n in low if n is not None], [n for n in high if n is not None]


def _counts(exprs: Sequence[Expr]) -> Attribute:
    """`array<i64: ...>`, or `#nn.dims<...>` where a count depends on a dim."""
    known = [e.as_int() for e in exprs]
    return DimsAttr.get(exprs) if None in known else ints(n for n in known if n is not None)


def _exprs(attribute: Attribute) -> tuple[Expr, ...]:
    if isinstance(attribute, DimsAttr):
        return attribute.exprs
    return tuple(const(n) for n in values_of(attribute))  # pyright: ignore[reportArgumentType]


def _text(counts: Iterable[Expr]) -> str:
    return f"[{', '.join(map(str, counts))}]"


PADDING: tuple[type[NnOp], ...] = (PadOp,)
