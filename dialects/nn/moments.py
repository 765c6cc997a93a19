"""
`nn` ops of a row normalisation in two parts: what its rows amount to, and the values that are normalised by it.

    %m = nn.row_moments %x {columns = 64 : i64} : (tensor<128x768xf32>) -> tensor<2x128x12xf32>
    %y = nn.apply_moments %x, %m {columns = 64 : i64, epsilon = 1.0e-05 : f64, centred = true}
        : tensor<128x768xf32>, tensor<2x128x12xf32> -> tensor<128x768xf32>

is `nn.normalize %x` over the last dim. Apart, the first can be part of the kernel that computes x, and the second part of the kernels that
read it: `fold-norms` makes them.
"""

from __future__ import annotations

from xdsl.dialects.builtin import AnyTensorType, BoolAttr, FloatAttr, IntegerAttr, f32, f64
from xdsl.ir import Attribute
from xdsl.irdl import (
    ParsePropInAttrDict,
    irdl_op_definition,
    operand_def,
    opt_operand_def,
    prop_def,
    result_def,
    traits_def,
)
from xdsl.traits import Pure

from ..dims import const
from ..dtypes import is_float
from ..errors import InvalidModelError
from .base import (
    NnOp,
    Tensor,
    Value,
    broadcast_dims,
    double,
    element_of,
    integer,
    plain,
    rank_of,
    require,
    same_dim,
    shape_of,
    tensor_type,
    ty,
    unrounded,
)


def _is_reduced(element: Attribute) -> bool:
    return is_float(element) and element != f64


@irdl_op_definition
class RowMomentsOp(NnOp):
    """
    Mean, and sum of squared deviations from it, of every `columns` columns of each row: x [..., K] to f32 [2, ..., K / columns], whose
    first half has the means. Computed in f32, of any float type but f64. Chan's formula joins those of a row without cancellation.
    """

    name = "nn.row_moments"

    x = operand_def(Tensor)
    columns = prop_def(IntegerAttr)
    result = result_def(Tensor)

    traits = traits_def(Pure())
    assembly_format = "$x attr-dict `:` functional-type(operands, results)"

    def __init__(self, x: Value, columns: int):
        super().__init__(
            operands=[x], properties={"columns": integer(columns)}, result_types=[self.infer(ty(x), columns)]
        )

    @classmethod
    def infer(cls, x: Attribute, columns: int) -> AnyTensorType:
        whole = shape_of(x)[-1].as_int() if rank_of(x) else None
        if whole is None or whole < 1 or columns < 1 or whole % columns or not _is_reduced(element_of(x)):
            raise InvalidModelError(
                f"{cls.name}: expected f16, bf16 or f32 [..., K] with K a multiple of {columns} columns, got {x}"
            )
        return tensor_type([const(2), *shape_of(x)[:-1], const(whole // columns)], f32)

    def inferred(self) -> list[Attribute]:
        return [self.infer(self.x.type, self.columns.value.data)]


@irdl_op_definition
class ApplyMomentsOp(NnOp):
    """
    `(x - mean * shift) / sqrt(variance + epsilon)`, with the mean and variance of each row joined from the moments of `columns` columns
    each; the shift, [N] or less, is 1 where there is none. Without `centred`, `x / sqrt(mean of squares + epsilon)`.

    x is [..., N], the moments are f32 [2, ..., P]: of the rows of x itself, or of those of A where x is a product A B, since
    `normalize(A) B = (A B - mean * column sums of B) / sqrt(...)`. Computed in f32 and rounded once, to the type of x or f32.
    """

    name = "nn.apply_moments"

    x = operand_def(Tensor)
    moments = operand_def(Tensor)
    shift = opt_operand_def(Tensor)
    columns = prop_def(IntegerAttr)
    epsilon = prop_def(FloatAttr)
    centred = prop_def(BoolAttr)
    result = result_def(Tensor)

    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = (
        "$x `,` $moments (`shift` $shift^)? attr-dict "
        "`:` type($x) `,` type($moments) (`shift` type($shift)^)? `->` type($result)"
    )

    def __init__(
        self,
        x: Value,
        moments: Value,
        shift: Value | None = None,
        *,
        columns: int,
        epsilon: float = 1e-5,
        centred: bool = True,
    ):
        super().__init__(
            operands=[x, moments, shift],
            properties={
                "columns": integer(columns),
                "epsilon": double(epsilon),
                "centred": BoolAttr.from_bool(centred),
            },
            result_types=[plain(ty(x))],
        )

    def inferred(self) -> list[Attribute]:
        return [unrounded(plain(self.x.type), self.result)]

    def check(self) -> None:
        dims, moments = shape_of(self.x), shape_of(self.moments)
        rows = len(moments) == len(dims) + 1 and all(
            same_dim(a, b) for a, b in zip(moments[1:-1], dims[:-1], strict=True)
        )
        require(
            bool(dims) and _is_reduced(element_of(self.x)) and rows and moments[0] == 2 and moments[-1].as_int() != 0,
            lambda: (
                f"{self.name}: expected f16, bf16 or f32 [..., N] and moments [2, ..., P] of as many rows, "
                f"got {self.x.type} and {self.moments.type}"
            ),
        )
        require(
            element_of(self.moments) == f32 and self.columns.value.data > 0,
            lambda: (
                f"{self.name}: expected f32 moments of 1 or more columns, got {self.moments.type} of {self.columns.value.data}"
            ),
        )
        if self.shift is None:
            return
        require(bool(self.centred), lambda: f"{self.name}: expected no shift without centred, got {self.shift}")
        wide = broadcast_dims(self.name, dims[-1:], shape_of(self.shift))
        require(
            len(wide) == 1 and element_of(self.shift) == f32,
            lambda: (
                f"{self.name}: expected an f32 shift that broadcasts to the last dim of {self.x.type}, got {self.shift}"
            ),
        )


MOMENTS: tuple[type[NnOp], ...] = (RowMomentsOp, ApplyMomentsOp)
