"""
The `kernel` dialect, thread ops: one per PTX instruction or C construct, each printed as one statement.

Code at this level is what one thread does: arith, scf and math on scalars; arrays in registers are `memref<Nxf32, "local">` made by
`kernel.local` and indexed by constants or unrolled loops; shared memory is `memref<Nxf16, "shared">` made by `kernel.smem` at a byte
offset; global tensors stay `!kernel.global` block arguments, addressed by an element offset. `index` is a 32-bit int.
"""

from __future__ import annotations

from collections.abc import Sequence

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
    var_operand_def,
)
from xdsl.traits import Pure

from .kernel_tile import I64Attr, index, int_attr
from .kernel_types import GlobalType, TensorMapType

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


class _Nullary(IRDLOperation):
    """An index that the hardware or the launch gives."""

    result = result_def(index)
    traits = traits_def(Pure())
    assembly_format = "attr-dict"

    def __init__(self):
        super().__init__(result_types=[index])


@irdl_op_definition
class ThreadIdOp(_Nullary):
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


@irdl_op_definition
class LdGlobalOp(_Move):
    """local[position ..] = global[offset ..]; with a false predicate the array keeps its contents."""

    name = "kernel.ld_global"
    source = operand_def(GlobalType)
    offset = operand_def(index)
    target = operand_def(Local)
    position = operand_def(index)
    assembly_format = (
        "$source `[` $offset `]` `to` $target `[` $position `]` `count` $count (`if` $predicate^)? attr-dict `:` "
        "type($source) `,` type($target)"
    )

    def __init__(
        self,
        source: SSAValue,
        offset: SSAValue,
        target: SSAValue,
        position: SSAValue,
        count: int,
        predicate: SSAValue | None = None,
    ):
        super().__init__(
            operands=[source, offset, target, position, [] if predicate is None else [predicate]],
            properties={"count": int_attr(count)},
        )


@irdl_op_definition
class StGlobalOp(_Move):
    """global[offset ..] = local[position ..]."""

    name = "kernel.st_global"
    source = operand_def(Local)
    position = operand_def(index)
    target = operand_def(GlobalType)
    offset = operand_def(index)
    assembly_format = (
        "$source `[` $position `]` `to` $target `[` $offset `]` `count` $count (`if` $predicate^)? attr-dict `:` "
        "type($source) `,` type($target)"
    )

    def __init__(
        self,
        source: SSAValue,
        position: SSAValue,
        target: SSAValue,
        offset: SSAValue,
        count: int,
        predicate: SSAValue | None = None,
    ):
        super().__init__(
            operands=[source, position, target, offset, [] if predicate is None else [predicate]],
            properties={"count": int_attr(count)},
        )


@irdl_op_definition
class LdSharedOp(_Move):
    """local[position ..] = shared[offset ..]."""

    name = "kernel.ld_shared"
    source = operand_def(Shared)
    offset = operand_def(index)
    target = operand_def(Local)
    position = operand_def(index)
    assembly_format = (
        "$source `[` $offset `]` `to` $target `[` $position `]` `count` $count (`if` $predicate^)? attr-dict `:` "
        "type($source) `,` type($target)"
    )

    def __init__(
        self,
        source: SSAValue,
        offset: SSAValue,
        target: SSAValue,
        position: SSAValue,
        count: int,
        predicate: SSAValue | None = None,
    ):
        super().__init__(
            operands=[source, offset, target, position, [] if predicate is None else [predicate]],
            properties={"count": int_attr(count)},
        )


@irdl_op_definition
class StSharedOp(_Move):
    """shared[offset ..] = local[position ..]."""

    name = "kernel.st_shared"
    source = operand_def(Local)
    position = operand_def(index)
    target = operand_def(Shared)
    offset = operand_def(index)
    assembly_format = (
        "$source `[` $position `]` `to` $target `[` $offset `]` `count` $count (`if` $predicate^)? attr-dict `:` "
        "type($source) `,` type($target)"
    )

    def __init__(
        self,
        source: SSAValue,
        position: SSAValue,
        target: SSAValue,
        offset: SSAValue,
        count: int,
        predicate: SSAValue | None = None,
    ):
        super().__init__(
            operands=[source, position, target, offset, [] if predicate is None else [predicate]],
            properties={"count": int_attr(count)},
        )


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
    assembly_format = (
        "$source `[` $source_offset `]` `to` $target `[` $target_offset `]` `count` $count (`if` $predicate^)? attr-dict `:` "
        "type($source) `,` type($target)"
    )

    def __init__(
        self,
        source: SSAValue,
        source_offset: SSAValue,
        target: SSAValue,
        target_offset: SSAValue,
        count: int,
        predicate: SSAValue | None = None,
    ):
        super().__init__(
            operands=[source, source_offset, target, target_offset, [] if predicate is None else [predicate]],
            properties={"count": int_attr(count)},
        )


class _Plain(IRDLOperation):
    """An instruction without operands or results."""

    assembly_format = "attr-dict"


@irdl_op_definition
class CpAsyncCommitOp(_Plain):
    """cp.async.commit_group."""

    name = "kernel.cp_async_commit"


@irdl_op_definition
class CpAsyncWaitOp(IRDLOperation):
    """cp.async.wait_group: all but the latest `pending` groups of this thread have landed."""

    name = "kernel.cp_async_wait"
    pending = prop_def(I64Attr)
    assembly_format = "$pending attr-dict"

    def __init__(self, pending: int):
        super().__init__(properties={"pending": int_attr(pending)})


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
            properties={"count": int_attr(count), "transposed": UnitAttr() if transposed else None},
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


@irdl_op_definition
class WgmmaFenceOp(_Plain):
    """wgmma.fence: registers written before may be read by the wgmma that follow."""

    name = "kernel.wgmma_fence"


@irdl_op_definition
class WgmmaCommitOp(_Plain):
    """wgmma.commit_group."""

    name = "kernel.wgmma_commit"


@irdl_op_definition
class WgmmaWaitOp(IRDLOperation):
    """wgmma.wait_group: all but the latest `pending` groups are done. Names the accumulators so that no use moves above it."""

    name = "kernel.wgmma_wait"
    pending = prop_def(I64Attr)
    accs = var_operand_def(Local)
    assembly_format = "$pending `,` $accs attr-dict `:` type($accs)"

    def __init__(self, pending: int, accs: Sequence[SSAValue]):
        super().__init__(operands=[accs], properties={"pending": int_attr(pending)})


@irdl_op_definition
class WgmmaOp(IRDLOperation):
    """
    wgmma.mma_async m64 n`n` k16 (k32 for i8, k8 for tf32): acc[i .. i + n/2 - 1] += A B^T. A and B are shared tiles at byte
    offsets within the block's shared memory, rows of `swizzle` bytes, K fastest (`b_transposed`: N fastest); A may be a local
    array instead.
    """

    name = "kernel.wgmma"
    irdl_options = (AttrSizedOperandSegments(as_property=True), ParsePropInAttrDict())
    kind = prop_def(StringAttr)
    n = prop_def(I64Attr)
    swizzle = prop_def(I64Attr)
    b_transposed = opt_prop_def(UnitAttr)
    acc = operand_def(Local)
    acc_position = operand_def(index)
    a_local = opt_operand_def(Local)
    a = operand_def(index)
    b = operand_def(index)
    assembly_format = (
        "$kind `n` $n `swizzle` $swizzle (`b_transposed` $b_transposed^)? $acc `[` $acc_position `]` `,` "
        "(`registers` $a_local^ `:` type($a_local) `at`)? $a `,` $b attr-dict `:` type($acc)"
    )

    def __init__(
        self, kind: str, n: int, swizzle: int, acc: SSAValue, acc_position: SSAValue, a: SSAValue, b: SSAValue,
        *, a_local: SSAValue | None = None, b_transposed: bool = False,
    ):  # fmt: skip
        """`a`, `b`: byte offsets in shared memory; with `a_local`, `a` is a position in that array."""
        super().__init__(
            operands=[[acc], [acc_position], [] if a_local is None else [a_local], [a], [b]],
            properties={
                "kind": StringAttr(kind), "n": int_attr(n), "swizzle": int_attr(swizzle),
                "b_transposed": UnitAttr() if b_transposed else None,
            },
        )  # fmt: skip


@irdl_op_definition
class SetmaxnregOp(IRDLOperation):
    """setmaxnreg: the warpgroup's threads may use `registers` registers from now on."""

    name = "kernel.setmaxnreg"
    registers = prop_def(I64Attr)
    increase = prop_def(I64Attr)
    assembly_format = "$registers `increase` $increase attr-dict"

    def __init__(self, registers: int, *, increase: bool):
        super().__init__(properties={"registers": int_attr(registers), "increase": int_attr(increase)})


# mbarriers: 8 bytes of shared memory each, named by a byte offset.


class _Mbarrier(IRDLOperation):
    barrier = operand_def(index)
    assembly_format = "$barrier attr-dict"

    def __init__(self, barrier: SSAValue):
        super().__init__(operands=[barrier])


@irdl_op_definition
class MbarInitOp(_Mbarrier):
    """mbarrier.init for `count` arrivals."""

    name = "kernel.mbar_init"
    count = prop_def(I64Attr)
    assembly_format = "$barrier `count` $count attr-dict"

    def __init__(self, barrier: SSAValue, count: int):
        IRDLOperation.__init__(self, operands=[barrier], properties={"count": int_attr(count)})


@irdl_op_definition
class MbarInitFenceOp(_Plain):
    """fence.mbarrier_init and fence.proxy.async: initialised barriers are visible to TMA and to the cluster."""

    name = "kernel.mbar_init_fence"


@irdl_op_definition
class MbarArriveOp(_Mbarrier):
    """mbarrier.arrive; with `rank`, on the barrier at the same offset of that block of the cluster."""

    name = "kernel.mbar_arrive"
    rank = opt_operand_def(index)
    assembly_format = "$barrier (`rank` $rank^)? attr-dict"

    def __init__(self, barrier: SSAValue, rank: SSAValue | None = None):
        IRDLOperation.__init__(self, operands=[rank, barrier])  # inherited operands come last


@irdl_op_definition
class MbarExpectOp(_Mbarrier):
    """mbarrier.arrive.expect_tx: arrives, and the phase also waits for `bytes` bytes."""

    name = "kernel.mbar_expect"
    bytes = prop_def(I64Attr)
    assembly_format = "$barrier `bytes` $bytes attr-dict"

    def __init__(self, barrier: SSAValue, bytes: int):
        IRDLOperation.__init__(self, operands=[barrier], properties={"bytes": int_attr(bytes)})


@irdl_op_definition
class MbarWaitOp(_Mbarrier):
    """Spins until the phase with this parity (0 or 1) has completed."""

    name = "kernel.mbar_wait"
    parity = operand_def(index)
    assembly_format = "$barrier `parity` $parity attr-dict"

    def __init__(self, barrier: SSAValue, parity: SSAValue):
        IRDLOperation.__init__(self, operands=[parity, barrier])  # inherited operands come last


@irdl_op_definition
class FenceProxyAsyncOp(_Plain):
    """fence.proxy.async.shared::cta."""

    name = "kernel.fence_proxy_async"


# TMA. Offsets in bytes of shared memory; coordinates innermost first, as cp.async.bulk.tensor takes them.


@irdl_op_definition
class TmaLoadOp(IRDLOperation):
    """cp.async.bulk.tensor global -> shared, counting on an mbarrier. `im2col` coordinates are followed by the two window offsets."""

    name = "kernel.tma_load"
    irdl_options = (AttrSizedOperandSegments(as_property=True), ParsePropInAttrDict())
    map = operand_def(TensorMapType)
    coords = var_operand_def(index)
    window = var_operand_def(index)
    target = operand_def(index)
    barrier = operand_def(index)
    multicast = opt_prop_def(I64Attr)
    assembly_format = (
        "$map `[` $coords `]` (`window` `[` $window^ `]`)? `to` $target `barrier` $barrier "
        "(`multicast` $multicast^)? attr-dict `:` type($map)"
    )

    def __init__(
        self, map: SSAValue, coords: Sequence[SSAValue], target: SSAValue, barrier: SSAValue,
        *, window: Sequence[SSAValue] = (), multicast: int | None = None,
    ):  # fmt: skip
        super().__init__(
            operands=[[map], coords, window, [target], [barrier]],
            properties={"multicast": None if multicast is None else int_attr(multicast)},
        )


@irdl_op_definition
class TmaStoreOp(IRDLOperation):
    """cp.async.bulk.tensor shared -> global, of the thread's current bulk group."""

    name = "kernel.tma_store"
    source = operand_def(index)
    map = operand_def(TensorMapType)
    coords = var_operand_def(index)
    assembly_format = "$source `to` $map `[` $coords `]` attr-dict `:` type($map)"

    def __init__(self, source: SSAValue, map: SSAValue, coords: Sequence[SSAValue]):
        super().__init__(operands=[source, map, coords])


@irdl_op_definition
class BulkCommitOp(_Plain):
    """cp.async.bulk.commit_group."""

    name = "kernel.bulk_commit"


@irdl_op_definition
class BulkWaitOp(IRDLOperation):
    """cp.async.bulk.wait_group.read: all but the latest `pending` groups have read their shared memory."""

    name = "kernel.bulk_wait"
    pending = prop_def(I64Attr)
    assembly_format = "$pending attr-dict"

    def __init__(self, pending: int):
        super().__init__(properties={"pending": int_attr(pending)})


@irdl_op_definition
class ClusterSyncOp(_Plain):
    """barrier.cluster.arrive.release and wait.acquire."""

    name = "kernel.cluster_sync"


THREAD_OPS: tuple[type[Operation], ...] = (
    ThreadIdOp, ParamOp, LocalOp, SmemOp,
    LdGlobalOp, StGlobalOp, LdSharedOp, StSharedOp, CpAsyncOp, CpAsyncCommitOp, CpAsyncWaitOp, LdmatrixOp, ShuffleXorOp, BarSyncOp,
    MmaSyncOp, WgmmaFenceOp, WgmmaCommitOp, WgmmaWaitOp, WgmmaOp, SetmaxnregOp,
    MbarInitOp, MbarInitFenceOp, MbarArriveOp, MbarExpectOp, MbarWaitOp, FenceProxyAsyncOp,
    TmaLoadOp, TmaStoreOp, BulkCommitOp, BulkWaitOp, ClusterSyncOp,
)  # fmt: skip
