"""`nn` ops over positions along an axis: sorting, scans, and writes to computed rows."""

from __future__ import annotations

from xdsl.dialects.builtin import AnyTensorType, IntegerAttr, UnitAttr, bf16, f16, f32, i1, i32
from xdsl.dialects.utils import EnumAttribute
from xdsl.ir import Attribute, SpacedOpaqueSyntaxAttribute
from xdsl.irdl import (
    irdl_attr_definition,
    irdl_op_definition,
    operand_def,
    opt_prop_def,
    prop_def,
    result_def,
    traits_def,
)
from xdsl.traits import Pure
from xdsl.utils.str_enum import StrEnum

from ..dtypes import is_integer, ui16, ui32, ui64
from .base import (
    NnOp,
    Tensor,
    Value,
    compatible,
    element_of,
    integer,
    normalize_axis,
    rank_of,
    require,
    require_axis,
    shape_of,
    tensor_type,
    ty,
    with_element,
)


@irdl_op_definition
class ArgsortOp(NnOp):
    """
    The positions along `axis` of the elements in ascending order, or in descending order, as i32: what x is gathered at to be sorted. Equal
    elements stay in their order. NaN counts as greater than every number, and -0 as equal to +0.
    """

    name = "nn.argsort"

    x = operand_def(Tensor)
    axis = prop_def(IntegerAttr)
    descending = opt_prop_def(UnitAttr)
    result = result_def(Tensor)

    traits = traits_def(Pure())
    assembly_format = "$x attr-dict `:` functional-type(operands, results)"

    def __init__(self, x: Value, axis: int = -1, descending: bool = False):
        axis = normalize_axis(self.name, axis, rank_of(ty(x)))
        super().__init__(
            operands=[x],
            properties={"axis": integer(axis), "descending": UnitAttr() if descending else None},
            result_types=[self.infer(ty(x), axis)],
        )

    @classmethod
    def infer(cls, x: Attribute, axis: int = -1) -> AnyTensorType:
        require_axis(cls.name, axis, rank_of(x))
        return with_element(x, i32)

    def inferred(self) -> list[Attribute]:
        return [self.infer(self.x.type, self.axis.value.data)]

    def check(self) -> None:
        require(
            element_of(self.x) != ui64,
            lambda: (
                f"{self.name}: expected numbers that i64 orders, got {self.x.type}; bitcast them, with the sign bit inverted"
            ),
        )


class CumulativeKind(StrEnum):
    """What `nn.cumulative` combines elements by."""

    SUM = "sum"
    PROD = "prod"


@irdl_attr_definition
class CumulativeKindAttr(EnumAttribute[CumulativeKind], SpacedOpaqueSyntaxAttribute):
    name = "nn.cumulative_kind"


@irdl_op_definition
class CumulativeOp(NnOp):
    """
    The sum or product of all elements up to each one along `axis`, with `exclusive` without this one, with `reverse` from the end.

    f16 and bf16 accumulate in f32 and round once to the result type (the operand's or f32). Integers wrap around. The order of the
    operations is not specified.
    """

    name = "nn.cumulative"

    x = operand_def(Tensor)
    kind = prop_def(CumulativeKindAttr)
    axis = prop_def(IntegerAttr)
    exclusive = opt_prop_def(UnitAttr)
    reverse = opt_prop_def(UnitAttr)
    result = result_def(Tensor)

    traits = traits_def(Pure())
    assembly_format = "$kind $x attr-dict `:` functional-type(operands, results)"

    def __init__(self, x: Value, kind: str, axis: int, exclusive: bool = False, reverse: bool = False):
        axis = normalize_axis(self.name, axis, rank_of(ty(x)))
        super().__init__(
            operands=[x],
            properties={
                "kind": CumulativeKindAttr(CumulativeKind(kind)),
                "axis": integer(axis),
                "exclusive": UnitAttr() if exclusive else None,
                "reverse": UnitAttr() if reverse else None,
            },
            result_types=[ty(x)],
        )

    def check(self) -> None:
        require_axis(self.name, self.axis.value.data, rank_of(self.x))
        given, made = element_of(self.x), element_of(self.result)
        fits = given != i1 and (given == made or (given in (f16, bf16) and made == f32))
        require(
            fits and compatible(with_element(self.x, made), self.result.type),
            lambda: f"{self.name}: expected numbers and a result like x {self.x.type}, got {self.result.type}",
        )


class ScatterKind(StrEnum):
    """What `nn.scatter` does to the rows of x: `set` replaces them, the others combine with them."""

    SET = "set"
    ADD = "add"
    MUL = "mul"
    MAX = "max"
    MIN = "min"


@irdl_attr_definition
class ScatterKindAttr(EnumAttribute[ScatterKind], SpacedOpaqueSyntaxAttribute):
    name = "nn.scatter_kind"


@irdl_op_definition
class ScatterOp(NnOp):
    """
    x with the rows of `updates` written to, or combined with, its rows at integer indices, negative ones counted from the end: the opposite
    of `nn.gather` along axis 0. Dims: x [N, row...], indices [i...], updates [i..., row...]. An index outside [-N, N) writes nothing.
    Several rows for one index are combined in no particular order; of `set` one stays, and which is not specified.
    """

    name = "nn.scatter"

    kind = prop_def(ScatterKindAttr)
    x = operand_def(Tensor)
    indices = operand_def(Tensor)
    updates = operand_def(Tensor)
    result = result_def(Tensor)

    traits = traits_def(Pure())
    assembly_format = "$kind $x `,` $indices `,` $updates attr-dict `:` functional-type(operands, results)"

    def __init__(self, x: Value, indices: Value, updates: Value, kind: str = "set"):
        super().__init__(
            operands=[x, indices, updates],
            properties={"kind": ScatterKindAttr(ScatterKind(kind))},
            result_types=[self.infer(ty(x), ty(indices), ty(updates), kind)],
        )

    @classmethod
    def infer(cls, x: Attribute, indices: Attribute, updates: Attribute, kind: str = "set") -> AnyTensorType:
        require(
            rank_of(x) > 0 and is_integer(element_of(indices)) and (kind == "set" or element_of(x) != i1),
            lambda: (
                f"{cls.name}: expected numbers of rank 1 or more and integer indices, got {kind} of {x} at {indices}"
            ),
        )
        wanted = tensor_type([*shape_of(indices), *shape_of(x)[1:]], element_of(x))
        require(compatible(wanted, updates), lambda: f"{cls.name}: expected updates {wanted}, got {updates}")
        return tensor_type(shape_of(x), element_of(x))

    def inferred(self) -> list[Attribute]:
        return [self.infer(self.x.type, self.indices.type, self.updates.type, self.kind.data.value)]

    def check(self) -> None:
        require(
            self.kind.data == ScatterKind.SET or element_of(self.x) not in (ui16, ui32, ui64),
            lambda: (
                f"{self.name}: expected numbers that atomics combine, got {self.x.type}; bitcast them to a type with a sign"
            ),
        )


POSITIONS = (ArgsortOp, CumulativeOp, ScatterOp)
"""The op classes of this family."""
