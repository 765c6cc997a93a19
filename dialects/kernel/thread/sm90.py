"""Thread ops of the `kernel` dialect for Hopper (sm_90a): wgmma, setmaxnreg, mbarriers, TMA and clusters."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import StringAttr, UnitAttr
from xdsl.ir import Operation, SSAValue
from xdsl.irdl import (
    AttrSizedOperandSegments,
    IRDLOperation,
    ParsePropInAttrDict,
    irdl_op_definition,
    operand_def,
    opt_operand_def,
    opt_prop_def,
    prop_def,
    var_operand_def,
)

from ..base import I64Attr, PendingOp, PlainOp, index, int_attr, unit
from ..types import TensorMapType
from .ops import Local


@irdl_op_definition
class WgmmaFenceOp(PlainOp):
    """wgmma.fence: registers written before may be read by the wgmma that follow."""

    name = "kernel.wgmma_fence"


@irdl_op_definition
class WgmmaCommitOp(PlainOp):
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
            operands=[acc, acc_position, a_local, a, b],
            properties={
                "kind": StringAttr(kind), "n": int_attr(n), "swizzle": int_attr(swizzle),
                "b_transposed": unit(b_transposed),
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
class MbarInitFenceOp(PlainOp):
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
class FenceProxyAsyncOp(PlainOp):
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
            operands=[map, coords, window, target, barrier],
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
class BulkCommitOp(PlainOp):
    """cp.async.bulk.commit_group."""

    name = "kernel.bulk_commit"


@irdl_op_definition
class BulkWaitOp(PendingOp):
    """cp.async.bulk.wait_group.read: all but the latest `pending` groups have read their shared memory."""

    name = "kernel.bulk_wait"


@irdl_op_definition
class ClusterSyncOp(PlainOp):
    """barrier.cluster.arrive.release and wait.acquire."""

    name = "kernel.cluster_sync"


THREAD_SM90: tuple[type[Operation], ...] = (
    WgmmaFenceOp, WgmmaCommitOp, WgmmaWaitOp, WgmmaOp, SetmaxnregOp,
    MbarInitOp, MbarInitFenceOp, MbarArriveOp, MbarExpectOp, MbarWaitOp, FenceProxyAsyncOp,
    TmaLoadOp, TmaStoreOp, BulkCommitOp, BulkWaitOp, ClusterSyncOp,
)  # fmt: skip
