"""The ops in threads, those that order others apart from those that work."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.ir import Operation

from trtc.dialects import kernel

SYNCHRONISING: tuple[type[Operation], ...] = (
    kernel.BarSyncOp, kernel.ClusterSyncOp, kernel.GridSyncOp, kernel.FenceProxyAsyncOp,
    kernel.CpAsyncCommitOp, kernel.CpAsyncWaitOp,
    kernel.MbarInitOp, kernel.MbarInitFenceOp, kernel.MbarArriveOp, kernel.MbarExpectOp, kernel.MbarWaitOp,
    kernel.WgmmaFenceOp, kernel.WgmmaCommitOp, kernel.WgmmaWaitOp,
    kernel.BulkCommitOp, kernel.BulkWaitOp,
    kernel.GridWaitOp,
)  # fmt: skip
"""Ops that only order other ops."""
WORKING: tuple[type[Operation], ...] = (
    kernel.ThreadIdOp, kernel.ParamOp, kernel.LocalOp, kernel.SmemOp, kernel.SetmaxnregOp, kernel.GridSignalOp,
    kernel.LdGlobalOp, kernel.StGlobalOp, kernel.AtomicOp, kernel.LdSharedOp, kernel.StSharedOp, kernel.StClusterOp,
    kernel.LdmatrixOp, kernel.ShuffleXorOp,
    kernel.CpAsyncOp, kernel.TmaLoadOp, kernel.TmaStoreOp, kernel.MmaSyncOp, kernel.WgmmaOp,
)  # fmt: skip
"""The other thread ops: they move or compute values, reserve registers, or let the next launch begin."""


def synchronising(kernels: Sequence[kernel.FuncOp]) -> list[Operation]:
    """The synchronising ops of kernels in program order."""
    return [op for func in kernels for op in func.walk() if isinstance(op, SYNCHRONISING)]
