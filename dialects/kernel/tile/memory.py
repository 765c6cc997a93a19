"""Tile ops of the `kernel` dialect on global tensors: views, and fragments loaded and stored through them."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import I64, ArrayAttr, DenseArrayBase, FloatAttr, IndexType, IntAttr, StringAttr, f64, i32
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.irdl import (
    IRDLOperation,
    ParsePropInAttrDict,
    irdl_op_definition,
    operand_def,
    prop_def,
    result_def,
    traits_def,
    var_operand_def,
)
from xdsl.traits import Pure

from ...dims import ExprLike
from ...nn.base import DimsAttr, ints
from ...strided import View
from ..base import F64Attr, I64Attr, expect, int_attr
from ..numbers import Number
from ..types import FragType, GlobalType, ViewType


@irdl_op_definition
class ViewOp(IRDLOperation):
    """
    A tensor seen through coordinate groups: group g = [d0, d1, ...] is one coordinate running over those dimensions, row-major; an empty
    group has extent one. `dims`, `strides` and `offset` (elements) replace the tensor's own: a broadcast has stride 0, a transpose
    permuted strides, a slice an offset.
    """

    name = "kernel.view"
    source = operand_def(GlobalType)
    dims = prop_def(DimsAttr)
    strides = prop_def(DimsAttr)
    offset = prop_def(DimsAttr)
    groups = prop_def(ArrayAttr[DenseArrayBase[I64]])
    result = result_def(ViewType)

    irdl_options = (ParsePropInAttrDict(),)
    traits = traits_def(Pure())
    assembly_format = (
        "$source `dims` $dims `strides` $strides `offset` $offset `groups` $groups attr-dict "
        "`:` type($source) `->` type($result)"
    )

    def __init__(
        self,
        source: SSAValue,
        groups: Sequence[Sequence[int]],
        dims: Sequence[ExprLike] | None = None,
        strides: Sequence[ExprLike] | None = None,
        offset: ExprLike = 0,
    ):
        type_ = source.type
        assert isinstance(type_, GlobalType)
        super().__init__(
            operands=[source],
            properties={
                "dims": type_.dims if dims is None else DimsAttr.get(dims),
                "strides": type_.strides if strides is None else DimsAttr.get(strides),
                "offset": DimsAttr.get([offset]),
                "groups": ArrayAttr(ints(g) for g in groups),
            },
            result_types=[ViewType(IntAttr(len(groups)), type_.element_type)],
        )

    @property
    def view(self) -> View[SSAValue]:
        """The view of the tensor, in elements."""
        return View(self.source, self.dims.exprs, self.strides.exprs, self.offset.exprs[0])

    def group_dims(self) -> list[list[int]]:
        """The dimensions of each coordinate."""
        return [[int(d) for d in group.iter_values()] for group in self.groups]

    def verify_(self) -> None:
        rank = len(self.dims.exprs)
        expect(len(self.strides.exprs) == rank, "kernel.view", f"{rank} strides", len(self.strides.exprs))
        used = sorted(d for group in self.group_dims() for d in group)
        expect(used == list(range(rank)), "kernel.view", f"groups that use dimensions 0 to {rank - 1} once", used)
        expect(
            len(self.groups) == self.result.type.rank.data, "kernel.view", "one group per coordinate", len(self.groups)
        )


@irdl_op_definition
class Im2colOp(IRDLOperation):
    """
    A convolution's or pool's input as a matrix: coordinates (group, row, column) with row = (n, p, q) over the output pixels and column =
    (r, s, c) over the window and one group's channels. The tensor is N, H, W, C; elements outside it (padding) load as the load's `fill`.
    `out` holds the output's P, Q. So for any number of spatial dims.
    """

    name = "kernel.im2col"
    source = operand_def(GlobalType)
    out = prop_def(DimsAttr)
    kernel = prop_def(DenseArrayBase[I64])
    strides = prop_def(DenseArrayBase[I64])
    pads = prop_def(DenseArrayBase[I64])
    dilations = prop_def(DenseArrayBase[I64])
    groups = prop_def(I64Attr)
    result = result_def(ViewType)

    traits = traits_def(Pure())
    assembly_format = (
        "$source `out` $out `kernel` $kernel `strides` $strides `pads` $pads `dilations` $dilations `groups` $groups "
        "attr-dict `:` type($source) `->` type($result)"
    )

    def __init__(
        self,
        source: SSAValue,
        out: Sequence[ExprLike],
        kernel: Sequence[int],
        strides: Sequence[int],
        pads: Sequence[int],
        dilations: Sequence[int] | None = None,
        groups: int = 1,
    ):
        type_ = source.type
        assert isinstance(type_, GlobalType)
        super().__init__(
            operands=[source],
            properties={
                "out": DimsAttr.get(out),
                "kernel": ints(kernel),
                "strides": ints(strides),
                "pads": ints(pads[: len(kernel)]),
                "dilations": ints([1] * len(kernel) if dilations is None else dilations),
                "groups": int_attr(groups),
            },
            result_types=[ViewType(IntAttr(3), type_.element_type)],
        )

    def verify_(self) -> None:
        type_ = self.source.type
        assert isinstance(type_, GlobalType)
        rank = len(type_.dims.exprs)
        expect(rank >= 3, "kernel.im2col", "a tensor N, H, W, C", f"{rank} dimensions")
        expect(len(self.out.exprs) == rank - 2, "kernel.im2col", f"{rank - 2} output extents", len(self.out.exprs))
        for what in (self.kernel, self.strides, self.pads, self.dilations):
            expect(
                len(what) == rank - 2,
                "kernel.im2col",
                f"{rank - 2} values (one per spatial dim) per attribute",
                len(what),
            )


@irdl_op_definition
class LoadOp(IRDLOperation):
    """
    The tile of the view at the coordinates (the last two: its first row and column), as a fragment. Elements outside the view, also at
    negative coordinates, are `fill`. A rows fragment takes column `coords[-1]` of each row.
    """

    name = "kernel.load"
    view = operand_def(ViewType)
    coords = var_operand_def(IndexType())
    fill = prop_def(F64Attr)
    result = result_def(FragType)

    custom_directives = (Number,)
    assembly_format = "$view `[` $coords `]` `fill` custom<Number>($fill) attr-dict `:` type($view) `->` type($result)"

    def __init__(self, view: SSAValue, coords: Sequence[SSAValue], result: FragType, fill: float = 0.0):
        super().__init__(operands=[view, coords], properties={"fill": FloatAttr(fill, f64)}, result_types=[result])

    def verify_(self) -> None:
        _verify_access(self, self.view, self.coords, self.result.type)


@irdl_op_definition
class ValidOp(IRDLOperation):
    """Which elements of the tile lie inside the view, as a fragment of i1."""

    name = "kernel.valid"
    view = operand_def(ViewType)
    coords = var_operand_def(IndexType())
    result = result_def(FragType)

    traits = traits_def(Pure())
    assembly_format = "$view `[` $coords `]` attr-dict `:` type($view) `->` type($result)"

    def __init__(self, view: SSAValue, coords: Sequence[SSAValue], result: FragType):
        super().__init__(operands=[view, coords], result_types=[result])


@irdl_op_definition
class GatherOp(IRDLOperation):
    """As `load`, but each row's row coordinate comes from `rows` (a rows fragment of i32); a row outside the view is `fill`."""

    name = "kernel.gather"
    view = operand_def(ViewType)
    rows = operand_def(FragType)
    coords = var_operand_def(IndexType())
    fill = prop_def(F64Attr)
    result = result_def(FragType)

    custom_directives = (Number,)
    assembly_format = (
        "$view `rows` $rows `[` $coords `]` `fill` custom<Number>($fill) attr-dict "
        "`:` type($view) `,` type($rows) `->` type($result)"
    )

    def __init__(self, view: SSAValue, rows: SSAValue, coords: Sequence[SSAValue], result: FragType, fill: float = 0.0):
        """`coords`: the leading coordinates and the first column, without the row."""
        super().__init__(
            operands=[view, rows, coords], properties={"fill": FloatAttr(fill, f64)}, result_types=[result]
        )


@irdl_op_definition
class FetchOp(IRDLOperation):
    """In `kernel.map`: the element of the view at coordinates that the map computes; `fill` where they lie outside the view."""

    name = "kernel.fetch"
    view = operand_def(ViewType)
    coords = var_operand_def(i32)
    fill = prop_def(F64Attr)
    result = result_def()

    custom_directives = (Number,)
    assembly_format = "$view `[` $coords `]` `fill` custom<Number>($fill) attr-dict `:` type($view) `->` type($result)"

    def __init__(self, view: SSAValue, coords: Sequence[SSAValue], fill: float = 0.0):
        type_ = view.type
        assert isinstance(type_, ViewType)
        super().__init__(
            operands=[view, coords], properties={"fill": FloatAttr(fill, f64)}, result_types=[type_.element_type]
        )

    def verify_(self) -> None:
        type_ = self.view.type
        assert isinstance(type_, ViewType)
        expect(len(self.coords) == type_.rank.data, self.name, f"{type_.rank.data} coordinates", len(self.coords))
        expect(self.result.type == type_.element_type, self.name, f"a result of {type_.element_type}", self.result.type)


@irdl_op_definition
class StoreOp(IRDLOperation):
    """Writes a fragment's elements that lie inside the view at the coordinates. A rows fragment writes column `coords[-1]` of each row."""

    name = "kernel.store"
    value = operand_def(FragType)
    view = operand_def(ViewType)
    coords = var_operand_def(IndexType())

    assembly_format = "$value `,` $view `[` $coords `]` attr-dict `:` type($value) `,` type($view)"

    def __init__(self, value: SSAValue, view: SSAValue, coords: Sequence[SSAValue]):
        super().__init__(operands=[value, view, coords])

    def verify_(self) -> None:
        _verify_access(self, self.view, self.coords, self.value.type)


COMBINATIONS = ("set", "add", "mul", "max", "min")
"""What `kernel.scatter` does to an element: overwrites it, or combines it atomically."""


@irdl_op_definition
class ScatterOp(IRDLOperation):
    """
    Each element of a fragment goes to the place in the view that `places` hold for it, one i32 fragment for each coordinate; elements with
    a place outside the view go nowhere. `set` writes, and which of several elements for one place stays is not specified; the other kinds
    combine with what is there, atomically and in any order.
    """

    name = "kernel.scatter"
    value = operand_def(FragType)
    view = operand_def(ViewType)
    places = var_operand_def(FragType)
    kind = prop_def(StringAttr)

    assembly_format = (
        "$kind $value `,` $view `[` $places `]` attr-dict `:` type($value) `,` type($view) `,` type($places)"
    )

    def __init__(self, value: SSAValue, view: SSAValue, places: Sequence[SSAValue], kind: str = "set"):
        super().__init__(operands=[value, view, places], properties={"kind": StringAttr(kind)})

    def verify_(self) -> None:
        value, view = self.value.type, self.view.type
        assert isinstance(value, FragType) and isinstance(view, ViewType)
        expect(self.kind.data in COMBINATIONS, self.name, f"a kind among {', '.join(COMBINATIONS)}", self.kind.data)
        expect(len(self.places) == view.rank.data, self.name, f"{view.rank.data} places", len(self.places))
        expect(
            value.element_type == view.element_type, self.name, f"elements of {view.element_type}", value.element_type
        )
        for place in self.places:
            expect(place.type == value.with_element(i32), self.name, value.with_element(i32), place.type)


def _verify_access(op: Operation, view: SSAValue, coords: Sequence[SSAValue], frag: Attribute) -> None:
    type_ = view.type
    assert isinstance(type_, ViewType) and isinstance(frag, FragType)
    expect(len(coords) == type_.rank.data, op.name, f"{type_.rank.data} coordinates", len(coords))
    expect(frag.element_type == type_.element_type, op.name, f"elements of {type_.element_type}", frag.element_type)
    expect(
        isinstance(view.owner, ViewOp | Im2colOp), op.name, "a view made by kernel.view or kernel.im2col", view.owner
    )


MEMORY: tuple[type[Operation], ...] = (
    ViewOp,
    Im2colOp,
    LoadOp,
    ValidOp,
    GatherOp,
    FetchOp,
    StoreOp,
    ScatterOp,
)
