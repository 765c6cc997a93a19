"""Thread ops that order threads and memory: barriers of roles, blocks and clusters, mbarriers, fences, dependent launches."""

from __future__ import annotations

from xdsl.ir import Operation, SSAValue
from xdsl.irdl import IRDLOperation, irdl_op_definition, operand_def, opt_operand_def, prop_def

from ..base import I64Attr, PlainOp, index, int_attr
from ..instruction import (
    FUNCTION,
    Constant,
    GlobalAddress,
    PreludeSection,
    Scope,
    SharedByte,
    Value,
    Wrapper,
    asm,
    instruction,
)
from ..structure import ClusterRankOp
from ..tile.sync import GridSignalOp, GridWaitOp
from ..types import GlobalType

__all__ = [
    "BARRIERS",
    "BarSyncOp",
    "ClusterSyncOp",
    "FenceProxyAsyncOp",
    "GridSyncOp",
    "MbarArriveOp",
    "MbarExpectOp",
    "MbarInitFenceOp",
    "MbarInitOp",
    "MbarWaitOp",
]


def _barrier(name: str, parameters: str, instruction: str, operands: str = ": : ", *, template: str = "") -> Wrapper:
    return asm(PreludeSection.BARRIERS, name, parameters, instruction, operands, template=template)


def _since_900(name: str, instruction: str) -> Wrapper:
    """A function of one instruction that exists from sm_90 on; it does nothing on older architectures."""
    body = f'  asm volatile("{instruction}" : : : "memory");'
    return Wrapper(
        name,
        f"{FUNCTION}void {name}() {{\n#if __CUDA_ARCH__ >= 900\n{body}\n#endif\n}}",
        section=PreludeSection.BARRIERS,
    )


@irdl_op_definition
class BarSyncOp(IRDLOperation):
    """bar.sync: `threads` threads meet at barrier `id` (0: the block's)."""

    name = "kernel.bar_sync"
    id = prop_def(I64Attr)
    threads = prop_def(I64Attr)
    assembly_format = "$id `threads` $threads attr-dict"

    def __init__(self, id: int, threads: int):
        super().__init__(properties={"id": int_attr(id), "threads": int_attr(threads)})


instruction(
    BarSyncOp,
    "bar_sync<{id}, {threads}>()",
    {"id": Constant("id"), "threads": Constant("threads")},
    runs="barriers",
    suspends=True,
    wrapper=_barrier("bar_sync", "", "bar.sync %0, %1;", ': : "n"(id), "n"(threads)', template="int id, int threads"),
)

instruction(
    ClusterRankOp,
    "cluster_rank()",
    runs="control",
    wrapper=Wrapper(
        "cluster_rank",
        f'{FUNCTION}int cluster_rank() {{\n  int r;\n  asm("mov.u32 %0, %%cluster_ctarank;" : "=r"(r));\n  return r;\n}}',
        section=PreludeSection.BARRIERS,
    ),
)


@irdl_op_definition
class ClusterSyncOp(PlainOp):
    """barrier.cluster.arrive.release and wait.acquire."""

    name = "kernel.cluster_sync"


instruction(
    ClusterSyncOp,
    "cluster_sync()",
    runs="barriers",
    suspends=True,
    wrapper=_barrier(
        "cluster_sync", "", "barrier.cluster.arrive.release.aligned;\\nbarrier.cluster.wait.acquire.aligned;"
    ),
)


@irdl_op_definition
class GridSyncOp(IRDLOperation):
    """
    All threads of a block arrive at counters[place], which one of them adds 1 to (red.release.gpu), and wait until it has reached `target`
    (ld.acquire.gpu).
    """

    name = "kernel.grid_sync"
    counters = operand_def(GlobalType)
    place = operand_def(index)
    target = operand_def(index)
    assembly_format = "$counters `[` $place `]` `target` $target attr-dict `:` type($counters)"

    def __init__(self, counters: SSAValue, place: SSAValue, target: SSAValue):
        super().__init__(operands=[counters, place, target])


instruction(
    GridSyncOp,
    "grid_sync({counter}, {target})",
    {"counter": GlobalAddress("counters", "place"), "target": Value("target")},
    runs="barriers",
    suspends=True,
    wrapper=Wrapper(
        "grid_sync",
        f"{FUNCTION}void grid_sync(int* counter, int target) {{\n"
        '  asm volatile("bar.sync 0;" : : : "memory");\n'
        "  if (threadIdx.x == 0) {\n"
        "    int seen;\n"
        '    asm volatile("red.release.gpu.global.add.s32 [%0], 1;" : : "l"(counter) : "memory");\n'
        "    do {\n"
        '      asm volatile("ld.acquire.gpu.global.s32 %0, [%1];" : "=r"(seen) : "l"(counter) : "memory");\n'
        "    } while (seen < target);\n"
        "  }\n"
        '  asm volatile("bar.sync 0;" : : : "memory");\n}',
        section=PreludeSection.BARRIERS,
    ),
)

# Programmatic dependent launch: nothing before sm_90.
instruction(GridWaitOp, "grid_wait()", runs="control", wrapper=_since_900("grid_wait", "griddepcontrol.wait;"))
instruction(
    GridSignalOp,
    "grid_signal()",
    runs="control",
    wrapper=_since_900("grid_signal", "griddepcontrol.launch_dependents;"),
)


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


instruction(
    MbarInitOp,
    "mbar_init({barrier}, {count})",
    {"barrier": SharedByte("barrier"), "count": Constant("count")},
    scope=Scope.ONE_THREAD,
    runs="barriers",
    wrapper=_barrier(
        "mbar_init",
        "unsigned barrier, int count",
        "mbarrier.init.shared::cta.b64 [%0], %1;",
        ': : "r"(barrier), "r"(count)',
    ),
)


@irdl_op_definition
class MbarInitFenceOp(PlainOp):
    """fence.mbarrier_init and fence.proxy.async: initialised barriers are visible to TMA and to the cluster."""

    name = "kernel.mbar_init_fence"


instruction(
    MbarInitFenceOp,
    "mbar_init_fence()",
    runs="barriers",
    wrapper=_barrier("mbar_init_fence", "", "fence.mbarrier_init.release.cluster;\\nfence.proxy.async.shared::cta;"),
)


@irdl_op_definition
class MbarArriveOp(_Mbarrier):
    """mbarrier.arrive; with `rank`, on the barrier at the same offset of that block of the cluster."""

    name = "kernel.mbar_arrive"
    rank = opt_operand_def(index)
    assembly_format = "$barrier (`rank` $rank^)? attr-dict"

    def __init__(self, barrier: SSAValue, rank: SSAValue | None = None):
        IRDLOperation.__init__(self, operands=[rank, barrier])  # inherited operands come last


_MBAR_ARRIVE = _barrier(
    "mbar_arrive", "unsigned barrier", "mbarrier.arrive.shared::cta.b64 _, [%0];", ': : "r"(barrier)'
)
_MBAR_ARRIVE_AT = _barrier(
    "mbar_arrive_at",
    "unsigned barrier, int rank",
    "{.reg .b32 remote; mapa.shared::cluster.u32 remote, %0, %1;\\n"
    "mbarrier.arrive.release.cluster.shared::cluster.b64 _, [remote];}",
    ': : "r"(barrier), "r"(rank)',
)
instruction(
    MbarArriveOp,
    lambda op: "mbar_arrive({barrier})" if op.rank is None else "mbar_arrive_at({barrier}, {rank})",
    {"barrier": SharedByte("barrier"), "rank": Value("rank")},
    runs="barriers",
    wrapper=lambda op: _MBAR_ARRIVE if op.rank is None else _MBAR_ARRIVE_AT,
    forms=lambda: (_MBAR_ARRIVE, _MBAR_ARRIVE_AT),
)


@irdl_op_definition
class MbarExpectOp(_Mbarrier):
    """mbarrier.arrive.expect_tx: arrives, and the phase also waits for `bytes` bytes."""

    name = "kernel.mbar_expect"
    bytes = prop_def(I64Attr)
    assembly_format = "$barrier `bytes` $bytes attr-dict"

    def __init__(self, barrier: SSAValue, bytes: int):
        IRDLOperation.__init__(self, operands=[barrier], properties={"bytes": int_attr(bytes)})


instruction(
    MbarExpectOp,
    "mbar_expect({barrier}, {bytes})",
    {"barrier": SharedByte("barrier"), "bytes": Constant("bytes")},
    scope=Scope.ONE_THREAD,
    runs="barriers",
    wrapper=_barrier(
        "mbar_expect",
        "unsigned barrier, int bytes",
        "mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;",
        ': : "r"(barrier), "r"(bytes)',
    ),
)


@irdl_op_definition
class MbarWaitOp(_Mbarrier):
    """Spins until the phase with this parity (0 or 1) has completed."""

    name = "kernel.mbar_wait"
    parity = operand_def(index)
    assembly_format = "$barrier `parity` $parity attr-dict"

    def __init__(self, barrier: SSAValue, parity: SSAValue):
        IRDLOperation.__init__(self, operands=[parity, barrier])  # inherited operands come last


instruction(
    MbarWaitOp,
    "mbar_wait({barrier}, {parity})",
    {"barrier": SharedByte("barrier"), "parity": Value("parity")},
    runs="barriers",
    suspends=True,
    wrapper=_barrier(
        "mbar_wait",
        "unsigned barrier, int parity",
        "{.reg .pred done;\\nagain: mbarrier.try_wait.parity.shared::cta.b64 done, [%0], %1;\\n@!done bra again;}",
        ': : "r"(barrier), "r"(parity)',
    ),
)


@irdl_op_definition
class FenceProxyAsyncOp(PlainOp):
    """fence.proxy.async.shared::cta."""

    name = "kernel.fence_proxy_async"


instruction(
    FenceProxyAsyncOp,
    "fence_proxy_async()",
    runs="barriers",
    wrapper=_barrier("fence_proxy_async", "", "fence.proxy.async.shared::cta;"),
)

BARRIERS: tuple[type[Operation], ...] = (
    BarSyncOp, ClusterSyncOp, GridSyncOp, MbarInitOp, MbarInitFenceOp, MbarArriveOp, MbarExpectOp, MbarWaitOp, FenceProxyAsyncOp,
)  # fmt: skip
