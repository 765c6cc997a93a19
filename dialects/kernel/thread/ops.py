"""
The `kernel` dialect, thread ops: one per PTX instruction or C construct, each printed as one statement.

Code at this level is what one thread does: arith, scf and math on scalars; arrays in registers are `memref<Nxf32, "local">` made by
`kernel.local` and indexed by constants or unrolled loops; shared memory is `memref<Nxf16, "shared">` made by `kernel.smem` at a byte
offset; global tensors stay `!kernel.global` block arguments, addressed by an element offset. `index` is a 32-bit int.
"""

from __future__ import annotations

from xdsl.dialects.builtin import MemRefType, NoneAttr, StringAttr, UnitAttr, i1
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.irdl import (
    AnyAttr,
    AttrSizedOperandSegments,
    EqAttrConstraint,
    IRDLOperation,
    MessageConstraint,
    ParamAttrConstraint,
    ParsePropInAttrDict,
    irdl_op_definition,
    operand_def,
    opt_operand_def,
    opt_prop_def,
    prop_def,
    result_def,
    traits_def,
)
from xdsl.traits import Pure

from ..base import I64Attr, IndexOp, PendingOp, PlainOp, index, int_attr, unit
from ..types import GlobalType

LOCAL, SHARED = StringAttr("local"), StringAttr("shared")


def local_type(length: int, element: Attribute) -> MemRefType[Attribute]:
    """An array of `length` elements in registers."""
    return MemRefType(element, [length], NoneAttr(), LOCAL)


def shared_type(length: int, element: Attribute) -> MemRefType[Attribute]:
    """An array of `length` elements in shared memory."""
    return MemRefType(element, [length], NoneAttr(), SHARED)


def _memref(space: StringAttr):
    pattern = ParamAttrConstraint(MemRefType, (AnyAttr(), AnyAttr(), AnyAttr(), EqAttrConstraint(space)))
    return MessageConstraint(pattern, f"expected a memref in {space.data} memory")


Local, Shared = _memref(LOCAL), _memref(SHARED)


@irdl_op_definition
class ThreadIdOp(IndexOp):
    """Thread within the block."""

    name = "kernel.thread_id"


@irdl_op_definition
class ParamOp(IRDLOperation):
    """A symbol's value, passed as a kernel parameter."""

    name = "kernel.param"
    symbol = prop_def(StringAttr)
    result = result_def(index)
    traits = traits_def(Pure())
    assembly_format = "$symbol attr-dict"

    def __init__(self, symbol: str):
        super().__init__(properties={"symbol": StringAttr(symbol)}, result_types=[index])


@irdl_op_definition
class LocalOp(IRDLOperation):
    """An array in registers, its contents undefined."""

    name = "kernel.local"
    result = result_def(Local)
    assembly_format = "attr-dict `:` type($result)"

    def __init__(self, length: int, element: Attribute):
        super().__init__(result_types=[local_type(length, element)])


@irdl_op_definition
class SmemOp(IRDLOperation):
    """The block's dynamic shared memory from a byte offset on, as an array."""

    name = "kernel.smem"
    offset = prop_def(I64Attr)
    result = result_def(Shared)
    traits = traits_def(Pure())
    assembly_format = "$offset attr-dict `:` type($result)"

    def __init__(self, offset: int, length: int, element: Attribute):
        super().__init__(properties={"offset": int_attr(offset)}, result_types=[shared_type(length, element)])


# Moving data. `count` elements at once (4, 8 or 16 bytes as one access); `predicate` false: nothing moves.


class _Move(IRDLOperation):
    irdl_options = (AttrSizedOperandSegments(as_property=True), ParsePropInAttrDict())
    count = prop_def(I64Attr)
    predicate = opt_operand_def(i1)

    def __init__(
        self,
        source: SSAValue,
        of: SSAValue,
        target: SSAValue,
        to: SSAValue,
        count: int,
        predicate: SSAValue | None = None,
    ):
        """`of` and `to`: the place in the source and in the target, in elements. Every move declares its operands in this order."""
        super().__init__(operands=[source, of, target, to, predicate], properties={"count": int_attr(count)})


def _move_format(of: str, to: str) -> str:
    """The syntax of a move whose places in source and target are the operands `of` and `to`."""
    places = f"$source `[` ${of} `]` `to` $target `[` ${to} `]`"
    return f"{places} `count` $count (`if` $predicate^)? attr-dict `:` type($source) `,` type($target)"


@irdl_op_definition
class LdGlobalOp(_Move):
    """local[position ..] = global[offset ..]; with a false predicate the array keeps its contents."""

    name = "kernel.ld_global"
    source = operand_def(GlobalType)
    offset = operand_def(index)
    target = operand_def(Local)
    position = operand_def(index)
    assembly_format = _move_format("offset", "position")


@irdl_op_definition
class StGlobalOp(_Move):
    """global[offset ..] = local[position ..]."""

    name = "kernel.st_global"
    source = operand_def(Local)
    position = operand_def(index)
    target = operand_def(GlobalType)
    offset = operand_def(index)
    assembly_format = _move_format("position", "offset")


@irdl_op_definition
class LdSharedOp(_Move):
    """local[position ..] = shared[offset ..]."""

    name = "kernel.ld_shared"
    source = operand_def(Shared)
    offset = operand_def(index)
    target = operand_def(Local)
    position = operand_def(index)
    assembly_format = _move_format("offset", "position")


@irdl_op_definition
class StSharedOp(_Move):
    """shared[offset ..] = local[position ..]."""

    name = "kernel.st_shared"
    source = operand_def(Local)
    position = operand_def(index)
    target = operand_def(Shared)
    offset = operand_def(index)
    assembly_format = _move_format("position", "offset")


@irdl_op_definition
class CpAsyncOp(_Move):
    """
    cp.async of `count` elements (4, 8 or 16 bytes) from global to shared; with a false predicate the target becomes zero. Lands at the
    cp_async_wait that covers its group; visible to other threads after a barrier.
    """

    name = "kernel.cp_async"
    source = operand_def(GlobalType)
    source_offset = operand_def(index)
    target = operand_def(Shared)
    target_offset = operand_def(index)
    assembly_format = _move_format("source_offset", "target_offset")


@irdl_op_definition
class CpAsyncCommitOp(PlainOp):
    """cp.async.commit_group."""

    name = "kernel.cp_async_commit"


@irdl_op_definition
class CpAsyncWaitOp(PendingOp):
    """cp.async.wait_group: all but the latest `pending` groups of this thread have landed."""

    name = "kernel.cp_async_wait"


@irdl_op_definition
class LdmatrixOp(IRDLOperation):
    """
    ldmatrix of `count` (1, 2, 4) 8x8 matrices of 16 bits: lane l gives the address (element offset) of row l % 8 of matrix
    l / 8; each thread receives `count` 32-bit registers, written to local[position ..]. The array's elements may be 8, 16
    or 32 bits wide.
    """

    name = "kernel.ldmatrix"
    source = operand_def(Shared)
    offset = operand_def(index)
    target = operand_def(Local)
    position = operand_def(index)
    count = prop_def(I64Attr)
    transposed = opt_prop_def(UnitAttr)
    assembly_format = (
        "$source `[` $offset `]` `to` $target `[` $position `]` `count` $count (`transposed` $transposed^)? attr-dict `:` "
        "type($source) `,` type($target)"
    )

    def __init__(
        self,
        source: SSAValue,
        offset: SSAValue,
        target: SSAValue,
        position: SSAValue,
        count: int,
        *,
        transposed: bool = False,
    ):
        super().__init__(
            operands=[source, offset, target, position],
            properties={"count": int_attr(count), "transposed": unit(transposed)},
        )


@irdl_op_definition
class ShuffleXorOp(IRDLOperation):
    """shfl.sync.bfly: the value of lane (lane xor mask); 32-bit scalars."""

    name = "kernel.shuffle_xor"
    value = operand_def()
    mask = prop_def(I64Attr)
    result = result_def()
    assembly_format = "$value `mask` $mask attr-dict `:` type($value) `->` type($result)"

    def __init__(self, value: SSAValue, mask: int):
        super().__init__(operands=[value], properties={"mask": int_attr(mask)}, result_types=[value.type])


@irdl_op_definition
class BarSyncOp(IRDLOperation):
    """bar.sync: `threads` threads meet at barrier `id` (0: the block's)."""

    name = "kernel.bar_sync"
    id = prop_def(I64Attr)
    threads = prop_def(I64Attr)
    assembly_format = "$id `threads` $threads attr-dict"

    def __init__(self, id: int, threads: int):
        super().__init__(properties={"id": int_attr(id), "threads": int_attr(threads)})


# Tensor cores.


@irdl_op_definition
class MmaSyncOp(IRDLOperation):
    """
    mma.sync.m16n8k(8e): acc[i .. i+3] += A[j .. j+4e-1] B[k .. k+2e-1]^T. `kind`: f16, bf16, tf32 (f32 accumulator) or s8 (i32).
    tf32 operands are f32, rounded to nearest, ties away from zero, as they are read.
    """

    name = "kernel.mma_sync"
    kind = prop_def(StringAttr)
    acc = operand_def(Local)
    acc_position = operand_def(index)
    a = operand_def(Local)
    a_position = operand_def(index)
    b = operand_def(Local)
    b_position = operand_def(index)
    assembly_format = (
        "$kind $acc `[` $acc_position `]` `,` $a `[` $a_position `]` `,` $b `[` $b_position `]` attr-dict `:` "
        "type($acc) `,` type($a) `,` type($b)"
    )

    def __init__(
        self,
        kind: str,
        acc: SSAValue,
        acc_position: SSAValue,
        a: SSAValue,
        a_position: SSAValue,
        b: SSAValue,
        b_position: SSAValue,
    ):
        super().__init__(
            operands=[acc, acc_position, a, a_position, b, b_position], properties={"kind": StringAttr(kind)}
        )


THREAD: tuple[type[Operation], ...] = (
    ThreadIdOp, ParamOp, LocalOp, SmemOp,
    LdGlobalOp, StGlobalOp, LdSharedOp, StSharedOp, CpAsyncOp, CpAsyncCommitOp, CpAsyncWaitOp, LdmatrixOp, ShuffleXorOp, BarSyncOp,
    MmaSyncOp,
)  # fmt: skip
