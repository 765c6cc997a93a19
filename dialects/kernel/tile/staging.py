"""Tile ops of the `kernel` dialect on shared memory: allocation, fragments of shared tiles, asynchronous copies in and out."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import IndexType, UnitAttr
from xdsl.ir import Operation, SSAValue
from xdsl.irdl import (
    AttrSizedOperandSegments,
    IRDLOperation,
    ParsePropInAttrDict,
    irdl_op_definition,
    operand_def,
    opt_operand_def,
    opt_prop_def,
    result_def,
    traits_def,
    var_operand_def,
)
from xdsl.traits import Pure

from ...dtypes import is_float
from ..base import I64Attr, PendingOp, expect, int_attr, unit
from ..types import TMA_ALIGNMENT, FragType, GlobalType, RingType, SharedType, TensorMapType, ViewType, bitwidth
from .memory import Im2colOp, ViewOp


@irdl_op_definition
class AllocOp(IRDLOperation):
    """Shared memory of the block, its contents undefined. With `over` it reuses the bytes of another allocation, whose contents become
    undefined."""

    name = "kernel.alloc"
    over = opt_operand_def(SharedType)
    result = result_def(SharedType)
    offset = opt_prop_def(I64Attr)

    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = "(`over` $over^ `:` type($over))? attr-dict `->` type($result)"

    def __init__(self, result: SharedType, over: SSAValue | None = None):
        super().__init__(operands=[over], result_types=[result])


@irdl_op_definition
class SlotOp(IRDLOperation):
    """One stage of a staged shared tile; the index is taken modulo the stages."""

    name = "kernel.slot"
    source = operand_def(SharedType)
    position = operand_def(IndexType())
    result = result_def(SharedType)

    traits = traits_def(Pure())
    assembly_format = "$source `[` $position `]` attr-dict `:` type($source) `->` type($result)"

    def __init__(self, source: SSAValue, position: SSAValue):
        type_ = source.type
        assert isinstance(type_, SharedType)
        super().__init__(operands=[source, position], result_types=[type_.slot])


@irdl_op_definition
class LoadSharedOp(IRDLOperation):
    """The fragment at (row, column) of a shared tile. mma operands are loaded by ldmatrix where the element size allows. `transposed`: the
    shared tile holds the fragment's transpose, and (row, column) are those of the fragment; a tile of one column is then each of the
    fragment's rows."""

    name = "kernel.load_shared"
    source = operand_def(SharedType)
    row = operand_def(IndexType())
    column = operand_def(IndexType())
    transposed = opt_prop_def(UnitAttr)
    result = result_def(FragType)

    assembly_format = (
        "$source `[` $row `,` $column `]` (`transposed` $transposed^)? attr-dict `:` type($source) `->` type($result)"
    )

    def __init__(
        self, source: SSAValue, row: SSAValue, column: SSAValue, result: FragType, *, transposed: bool = False
    ):
        super().__init__(
            operands=[source, row, column],
            properties={"transposed": unit(transposed)},
            result_types=[result],
        )


@irdl_op_definition
class StoreSharedOp(IRDLOperation):
    """Writes a fragment to (row, column) of a shared tile; `everywhere`: of that of every block of the cluster."""

    name = "kernel.store_shared"
    value = operand_def(FragType)
    target = operand_def(SharedType)
    row = operand_def(IndexType())
    column = operand_def(IndexType())
    everywhere = opt_prop_def(UnitAttr)

    assembly_format = (
        "$value `,` $target `[` $row `,` $column `]` (`everywhere` $everywhere^)? "
        "attr-dict `:` type($value) `,` type($target)"
    )  # fmt: skip

    def __init__(self, value: SSAValue, target: SSAValue, row: SSAValue, column: SSAValue, *, everywhere: bool = False):
        super().__init__(operands=[value, target, row, column], properties={"everywhere": unit(everywhere)})


@irdl_op_definition
class LoadAsyncOp(IRDLOperation):
    """
    Starts copying the tile of a view at the coordinates into a shared tile, by all threads of the block (cp.async; where a copy is under
    4 bytes or not aligned, a load and a store). Elements outside the view become zero. Readable after the ring's `wait`. A tile of
    narrower floats than the view's takes them rounded to nearest even, by loads and stores.
    """

    name = "kernel.load_async"
    view = operand_def(ViewType)
    coords = var_operand_def(IndexType())
    target = operand_def(SharedType)

    assembly_format = "$view `[` $coords `]` `to` $target attr-dict `:` type($view) `,` type($target)"

    def __init__(self, view: SSAValue, coords: Sequence[SSAValue], target: SSAValue):
        super().__init__(operands=[view, coords, target])

    def verify_(self) -> None:
        view, target = self.view.type, self.target.type
        assert isinstance(view, ViewType) and isinstance(target, SharedType)
        source, element = view.element_type, target.element_type
        expect(len(self.coords) == view.rank.data, self.name, f"{view.rank.data} coordinates", len(self.coords))
        narrows = is_float(source) and is_float(element) and bitwidth(source) > bitwidth(element)
        expect(source == element or narrows, self.name, f"a tile of {source} or of narrower floats", element)


@irdl_op_definition
class TensorMapOp(IRDLOperation):
    """
    A TMA descriptor of a view: dimensions innermost last as in the view, one box extent for each of the view's last two coordinates (rows,
    columns). Of an im2col view it is an im2col descriptor. A kernel parameter; the host encodes it.
    """

    name = "kernel.tensor_map"
    view = operand_def(ViewType)
    result = result_def(TensorMapType)

    traits = traits_def(Pure())
    assembly_format = "$view attr-dict `:` type($view) `->` type($result)"

    def __init__(self, view: SSAValue, result: TensorMapType):
        super().__init__(operands=[view], result_types=[result])

    def verify_(self) -> None:
        """TMA requires a tensor to start at a multiple of 16 bytes."""
        view = self.view.owner
        if not isinstance(view, ViewOp | Im2colOp):
            return
        source = view.source.type
        assert isinstance(source, GlobalType)
        expect(
            source.align.data % TMA_ALIGNMENT == 0,
            "kernel.tensor_map",
            f"a tensor aligned to {TMA_ALIGNMENT} bytes",
            f"one aligned to {source.align.data}",
        )
        if isinstance(view, ViewOp):
            start = view.offset.exprs[0] * (bitwidth(source.element_type) // 8)
            expected = f"an offset of a multiple of {TMA_ALIGNMENT} bytes"
            expect((start % TMA_ALIGNMENT).as_int() == 0, "kernel.tensor_map", expected, start)


@irdl_op_definition
class PrefetchMapOp(IRDLOperation):
    """One thread has a tensor map fetched, so that the first copy that uses it need not wait for it. Touches no tensor."""

    name = "kernel.prefetch_map"
    map = operand_def(TensorMapType)
    assembly_format = "$map attr-dict `:` type($map)"

    def __init__(self, map: SSAValue):
        super().__init__(operands=[map])


@irdl_op_definition
class LoadTmaOp(IRDLOperation):
    """
    One thread starts a TMA copy of the box at the coordinates into a shared tile; its bytes count towards slot `position` of the ring.
    `multicast`: the box lands in the same place of each block of the cluster named by the bit mask, counting towards that block's ring.
    """

    name = "kernel.load_tma"
    map = operand_def(TensorMapType)
    coords = var_operand_def(IndexType())
    target = operand_def(SharedType)
    ring = operand_def(RingType)
    position = operand_def(IndexType())
    row = opt_operand_def(IndexType())
    multicast = opt_prop_def(I64Attr)

    irdl_options = (AttrSizedOperandSegments(as_property=True), ParsePropInAttrDict())
    assembly_format = (
        "$map `[` $coords `]` `to` $target (`row` $row^)? `ring` $ring `[` $position `]` (`multicast` $multicast^)? attr-dict `:` "
        "type($map) `,` type($target) `,` type($ring)"
    )

    def __init__(
        self,
        map: SSAValue,
        coords: Sequence[SSAValue],
        target: SSAValue,
        ring: SSAValue,
        position: SSAValue,
        row: SSAValue | None = None,
        multicast: int | None = None,
    ):
        """`row`: the first row of the target that the box fills (none: row 0)."""
        super().__init__(
            operands=[map, coords, target, ring, position, row],
            properties={"multicast": None if multicast is None else int_attr(multicast)},
        )


@irdl_op_definition
class StoreTmaOp(IRDLOperation):
    """
    One thread starts a TMA copy of a shared tile to the box at the coordinates; elements outside the tensor are dropped. Writes to the tile
    by ordinary stores need `fence_async` and a barrier first. The tile may be reused after `store_wait`.
    """

    name = "kernel.store_tma"
    source = operand_def(SharedType)
    map = operand_def(TensorMapType)
    coords = var_operand_def(IndexType())

    assembly_format = "$source `,` $map `[` $coords `]` attr-dict `:` type($source) `,` type($map)"

    def __init__(self, source: SSAValue, map: SSAValue, coords: Sequence[SSAValue]):
        super().__init__(operands=[source, map, coords])


@irdl_op_definition
class StoreWaitOp(PendingOp):
    """The issuing thread waits until all but `pending` of its TMA stores have read their tiles, and the role meets."""

    name = "kernel.store_wait"


STAGING: tuple[type[Operation], ...] = (
    AllocOp, SlotOp, LoadSharedOp, StoreSharedOp, LoadAsyncOp, TensorMapOp, PrefetchMapOp, LoadTmaOp, StoreTmaOp, StoreWaitOp,
)  # fmt: skip
