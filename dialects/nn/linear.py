"""`nn` ops that slide or multiply: convolution, matrix products and pooling. Images are [N, H, W, C]."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import (
    AnyTensorType,
    BoolAttr,
    IntegerAttr,
    UnitAttr,
    bf16,
    f16,
    f32,
    i8,
    i32,
)
from xdsl.dialects.utils import EnumAttribute
from xdsl.ir import Attribute, Operation
from xdsl.irdl import (
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

from ..dims import Expr, const
from ..dtypes import is_float, ui8
from ..errors import InvalidModelError
from .base import (
    Ints,
    NnOp,
    Tensor,
    Value,
    broadcast_dims,
    element_of,
    integer,
    ints,
    rank_of,
    require,
    same_dim,
    shape_of,
    tensor_type,
    ty,
    unrounded,
    values_of,
)


class Math(StrEnum):
    """The type that an op multiplies in, where it is not that of its operands."""

    TF32 = "tf32"
    F16 = "f16"
    BF16 = "bf16"


@irdl_attr_definition
class MathAttr(EnumAttribute[Math]):
    """
    `#nn.math<f16>`: f32 operands are rounded to this type before they are multiplied, products are summed in f32. TF32 has the 10
    mantissa bits of f16 and the range of f32.
    """

    name = "nn.math"

    @classmethod
    def parse_parameter(cls, parser: AttrParser) -> Math:
        with parser.in_angle_brackets():
            return parser.parse_str_enum(Math)

    def print_parameter(self, printer: Printer) -> None:
        with printer.in_angle_brackets():
            printer.print_string(self.data.value)


_ELEMENTS: dict[Math, Attribute] = {Math.F16: f16, Math.BF16: bf16}


def multiplied_in(op: Operation) -> Attribute:
    """The element type in memory of what a conv or matmul multiplies: f32 for TF32, else that of its `math` or its operands."""
    math = op.properties.get("math")
    own = element_of(op.operands[0])
    return _ELEMENTS.get(math.data, own) if isinstance(math, MathAttr) else own


def _check_math(op: ConvOp | MatmulOp) -> None:
    require(
        op.math is None or all(element_of(operand) == f32 for operand in op.operands),
        lambda: f"{op.name}: expected math on f32 operands only, got {op.operands[0].type} and {op.operands[1].type}",
    )


def _math(math: str | None) -> MathAttr | None:
    return None if math is None else MathAttr(Math(math))


def product_element(name: str, lhs: Attribute, rhs: Attribute, wanted: Attribute | None) -> Attribute:
    """The element type of a sum of products: i8 gives i32, a float type itself or f32. Raises InvalidModelError for others."""
    integral = lhs in (i8, ui8) and rhs in (i8, ui8)
    require(
        integral or (lhs == rhs and is_float(lhs)),
        lambda: f"{name}: expected two operands of one float type or of i8, got {lhs} and {rhs}",
    )
    allowed = (i32,) if integral else (lhs, f32) if lhs in (f16, bf16) else (f32, f16, bf16) if _is_f8(lhs) else (lhs,)
    element = allowed[0] if wanted is None else wanted
    require(
        element in allowed,
        lambda: f"{name}: expected a result of {' or '.join(map(str, allowed))} for operands of {lhs}, got {element}",
    )
    return element


def _is_f8(element: Attribute) -> bool:
    return is_float(element) and element.name.startswith("f8")


def window_dims(
    name: str,
    spatial: Sequence[Expr],
    kernel: Sequence[Expr],
    strides: Sequence[int],
    pads: Sequence[int],
    dilations: Sequence[int],
) -> list[Expr]:
    """Output extents: `(in + pads - dilation * (kernel - 1) - 1) floordiv stride + 1`."""
    count = len(spatial)
    require(
        len(strides) == count
        and len(dilations) == count
        and len(pads) == 2 * count
        and min((*strides, *dilations), default=0) > 0
        and min(pads) >= 0,
        lambda: (
            f"{name}: expected {count} positive strides, {count} positive dilations and {2 * count} pads (before each dim, then after) "
            f"of 0 or more, got strides {list(strides)}, dilations {list(dilations)}, pads {list(pads)}"
        ),
    )
    dims: list[Expr] = []
    for axis in range(count):
        padded = spatial[axis] + pads[axis] + pads[axis + count]
        dim = (padded - dilations[axis] * (kernel[axis] - 1) - 1) // strides[axis] + 1
        size = dim.as_int()
        if size is not None and size <= 0:
            where = SPATIAL[axis - count] if count <= len(SPATIAL) else f"spatial dim {axis}"
            raise InvalidModelError(
                f"{name}: expected a window that fits into the padded input, got size {padded} and kernel {kernel[axis]} in {where}"
            )
        dims.append(dim)
    return dims


def whole_windows(
    count: int, strides: Sequence[int] | None, pads: Sequence[int] | None, dilations: Sequence[int] | None
) -> tuple[Sequence[int], Sequence[int], Sequence[int]]:
    """Window parameters of `count` spatial dims, by default those of a plain window."""
    ones = [1] * count
    return (
        ones if strides is None else strides,
        [0] * 2 * count if pads is None else pads,
        ones if dilations is None else dilations,
    )


SPATIAL = ("depth", "height", "width")
"""What the last spatial dims are called."""


@irdl_op_definition
class ConvOp(NnOp):
    """Cross-correlation over any number of spatial dims. x: [N, H, W, C], w: [O, R, S, C / groups], result: [N, OH, OW, O]; in 3-D
    [N, D, H, W, C], and so on. Pads are those before each spatial dim, then those after: top, left, bottom, right.

    i8 operands give an i32 result. f16 and bf16 accumulate in f32 and round once to the result type (the operands' or f32).
    """

    name = "nn.conv"

    x = operand_def(Tensor)
    w = operand_def(Tensor)
    strides = prop_def(Ints)
    pads = prop_def(Ints)
    dilations = prop_def(Ints)
    groups = prop_def(IntegerAttr)
    math = opt_prop_def(MathAttr)
    result = result_def(Tensor)

    traits = traits_def(Pure())
    assembly_format = "$x `,` $w attr-dict `:` functional-type(operands, results)"

    def __init__(
        self,
        x: Value,
        w: Value,
        strides: Sequence[int] | None = None,
        pads: Sequence[int] | None = None,
        dilations: Sequence[int] | None = None,
        groups: int = 1,
        math: str | None = None,
        element_type: Attribute | None = None,
    ):
        strides, pads, dilations = whole_windows(rank_of(ty(x)) - 2, strides, pads, dilations)
        result = self.infer(ty(x), ty(w), strides, pads, dilations, groups, element_type)
        properties = {
            "strides": ints(strides),
            "pads": ints(pads),
            "dilations": ints(dilations),
            "groups": integer(groups),
            "math": _math(math),
        }
        super().__init__(operands=[x, w], properties=properties, result_types=[result])

    @classmethod
    def infer(
        cls,
        x: Attribute,
        w: Attribute,
        strides: Sequence[int],
        pads: Sequence[int],
        dilations: Sequence[int],
        groups: int = 1,
        element_type: Attribute | None = None,
    ) -> AnyTensorType:
        element = product_element(cls.name, element_of(x), element_of(w), element_type)
        image, filters = shape_of(x), shape_of(w)
        require(
            len(image) == len(filters) >= 3,
            lambda: f"{cls.name}: expected x [N, H, W, C] and w [O, R, S, C / groups], got {x} and {w}",
        )
        require(
            groups > 0 and same_dim(filters[-1] * groups, image[-1]) and (filters[0] % groups).as_int() in (0, None),
            lambda: (
                f"{cls.name}: expected w with C / groups input channels and O divisible by groups, got x {x}, w {w}, groups {groups}"
            ),
        )
        spatial = window_dims(cls.name, image[1:-1], filters[1:-1], strides, pads, dilations)
        return tensor_type([image[0], *spatial, filters[0]], element)

    def inferred(self) -> list[Attribute]:
        strides, pads, dilations = (values_of(a) for a in (self.strides, self.pads, self.dilations))
        groups = self.groups.value.data
        return [self.infer(self.x.type, self.w.type, strides, pads, dilations, groups, element_of(self.result))]

    def check(self) -> None:
        _check_math(self)

    @property
    def is_depthwise(self) -> bool:
        """Whether each group has one input and one output channel and there is more than one group."""
        filters, groups = shape_of(self.w), self.groups.value.data
        return groups > 1 and filters[-1].as_int() == 1 and filters[0].as_int() == groups


@irdl_op_definition
class MatmulOp(NnOp):
    """NumPy's matmul: [..., M, K] x [..., K, N] with broadcast batch dims; with `transpose_b` the second is [..., N, K].

    Operands have at least 2 dims. i8 operands give an i32 result; f16 and bf16 accumulate in f32 and round once.
    """

    name = "nn.matmul"

    a = operand_def(Tensor)
    b = operand_def(Tensor)
    transpose_b = opt_prop_def(UnitAttr)
    math = opt_prop_def(MathAttr)
    result = result_def(Tensor)

    traits = traits_def(Pure())
    assembly_format = "$a `,` $b attr-dict `:` functional-type(operands, results)"

    def __init__(
        self,
        a: Value,
        b: Value,
        transpose_b: bool = False,
        math: str | None = None,
        element_type: Attribute | None = None,
    ):
        super().__init__(
            operands=[a, b],
            properties={"transpose_b": UnitAttr() if transpose_b else None, "math": _math(math)},
            result_types=[self.infer(ty(a), ty(b), transpose_b, element_type)],
        )

    @classmethod
    def infer(
        cls, a: Attribute, b: Attribute, transpose_b: bool = False, element_type: Attribute | None = None
    ) -> AnyTensorType:
        element = product_element(cls.name, element_of(a), element_of(b), element_type)
        left, right = shape_of(a), shape_of(b)
        require(
            min(rank_of(a), rank_of(b)) >= 2,
            lambda: f"{cls.name}: expected operands of rank 2 or more, got {a} and {b}",
        )
        inner, columns = (right[-1], right[-2]) if transpose_b else (right[-2], right[-1])
        require(
            same_dim(left[-1], inner),
            lambda: (
                f"{cls.name}: expected equal inner dims, got {left[-1]} and {inner} in {a} and {b}"
                f"{' with transpose_b' if transpose_b else ''}"
            ),
        )
        return tensor_type([*broadcast_dims(cls.name, left[:-2], right[:-2]), left[-2], columns], element)

    def inferred(self) -> list[Attribute]:
        return [self.infer(self.a.type, self.b.type, self.transpose_b is not None, element_of(self.result))]

    def check(self) -> None:
        _check_math(self)


class PoolOp(NnOp):
    """Base of pools, over any number of spatial dims. x: [N, H, W, C]; pads are those before each of them, then those after."""

    x = operand_def(Tensor)
    kernel = prop_def(Ints)
    strides = prop_def(Ints)
    pads = prop_def(Ints)
    dilations = prop_def(Ints)
    result = result_def(Tensor)

    traits = traits_def(Pure())
    assembly_format = "$x attr-dict `:` functional-type(operands, results)"

    def __init__(
        self,
        x: Value,
        kernel: Sequence[int],
        strides: Sequence[int] | None = None,
        pads: Sequence[int] | None = None,
        dilations: Sequence[int] | None = None,
    ):
        strides, pads, dilations = whole_windows(len(kernel), strides, pads, dilations)
        super().__init__(
            operands=[x],
            properties={
                "kernel": ints(kernel),
                "strides": ints(strides),
                "pads": ints(pads),
                "dilations": ints(dilations),
            },
            result_types=[self.infer(ty(x), kernel, strides, pads, dilations)],
        )

    @classmethod
    def infer(
        cls,
        x: Attribute,
        kernel: Sequence[int],
        strides: Sequence[int],
        pads: Sequence[int],
        dilations: Sequence[int],
    ) -> AnyTensorType:
        image = shape_of(x)
        require(
            len(image) == len(kernel) + 2 and len(kernel) > 0,
            lambda: (
                f"{cls.name}: expected x [N, H, W, C] and a kernel size per spatial dim, got {x} and {list(kernel)}"
            ),
        )
        require(min(kernel) > 0, lambda: f"{cls.name}: expected positive kernel sizes, got {list(kernel)}")
        spatial = window_dims(cls.name, image[1:-1], [const(k) for k in kernel], strides, pads, dilations)
        return tensor_type([image[0], *spatial, image[-1]], element_of(x))

    def inferred(self) -> list[Attribute]:
        return [
            self.infer(self.x.type, *(values_of(a) for a in (self.kernel, self.strides, self.pads, self.dilations)))
        ]


@irdl_op_definition
class MaxPoolOp(PoolOp):
    """The maximum of each window; padding is never the maximum. A window without an element of the image gives the type's least value."""

    name = "nn.max_pool"


def windows_meet(op: MaxPoolOp, image: Sequence[Expr], pads: Sequence[int]) -> bool:
    """Whether each window of `op` on an image of these dims with these pads certainly contains an element of the image: a window may lie
    in the padding, and a dilated one may step over a small image."""
    count = len(image)
    windows = zip(image, values_of(op.kernel), values_of(op.dilations), pads[:count], pads[count:], strict=True)
    for size, taps, dilation, before, after in windows:
        known = size.as_int()
        within = dilation == 1 if known is None else dilation <= known
        if not within or max(before, after) > (taps - 1) * dilation:
            return False
    return True


@irdl_op_definition
class AvgPoolOp(PoolOp):
    """The mean of each window, over the elements inside the image or, with `count_include_pad`, over all of the window.

    Sums are f32 for f16 and bf16, and rounded once to the result type (the operand's or f32).
    """

    name = "nn.avg_pool"

    count_include_pad = prop_def(BoolAttr)

    def __init__(
        self,
        x: Value,
        kernel: Sequence[int],
        strides: Sequence[int] | None = None,
        pads: Sequence[int] | None = None,
        dilations: Sequence[int] | None = None,
        count_include_pad: bool = False,
    ):
        super().__init__(x, kernel, strides, pads, dilations)
        self.count_include_pad = BoolAttr.from_bool(count_include_pad)

    def inferred(self) -> list[Attribute]:
        return [unrounded(super().inferred()[0], self.result)]

    def check(self) -> None:
        require(
            is_float(element_of(self.x)), lambda: f"{self.name}: expected a floating-point tensor, got {self.x.type}"
        )


LINEAR: tuple[type[NnOp], ...] = (ConvOp, MatmulOp, MaxPoolOp, AvgPoolOp)
