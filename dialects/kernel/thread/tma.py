"""
Thread ops of the tensor memory accelerator (sm_90a): loads, stores and the groups of stores. Offsets in bytes of shared memory; coordinates
innermost first, as cp.async.bulk.tensor takes them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache

from xdsl.ir import Operation, SSAValue
from xdsl.irdl import (
    AttrSizedOperandSegments,
    IRDLOperation,
    ParsePropInAttrDict,
    irdl_op_definition,
    operand_def,
    opt_prop_def,
    var_operand_def,
)

from ..base import I64Attr, PendingOp, PlainOp, index, int_attr
from ..instruction import Constant, Map, PreludeSection, Scope, SharedByte, Values, Wrapper, asm, instruction
from ..scalars.wrappers import TENSOR_MAP
from ..tile.staging import PrefetchMapOp
from ..types import TensorMapType

__all__ = ["TMA", "BulkCommitOp", "BulkWaitOp", "TmaLoadOp", "TmaStoreOp"]

_COORDS = {rank: ", ".join(f"int c{i}" for i in range(rank)) for rank in range(1, 6)}


@irdl_op_definition
class TmaLoadOp(IRDLOperation):
    """cp.async.bulk.tensor global -> shared, counting on an mbarrier. of im2col with a window offset per spatial dim."""

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


@cache
def _tma_load(rank: int, window: int, multicast: bool) -> Wrapper:
    """cp.async.bulk.tensor global -> shared; `window` offsets make it im2col, `multicast` adds a mask of blocks of the cluster."""
    name = f"tma_load_{'im2col_' if window else ''}{rank}d{'_multicast' if multicast else ''}"
    parameters = f"unsigned target, const TensorMap* map, {_COORDS[rank]}"
    parameters += (
        "".join(f", int w{i}" for i in range(window)) + ", unsigned barrier" + (", int mask" if multicast else "")
    )
    coords = ", ".join(f"%{2 + i}" for i in range(rank))
    last = 2 + rank
    mode = ".im2col" if window else ".tile"
    instruction = f"cp.async.bulk.tensor.{rank}d.shared::cluster.global{mode}.mbarrier::complete_tx::bytes"
    instruction += ".multicast::cluster" if multicast else ""
    tail = f" [%0], [%1, {{{coords}}}], [%{last}]"
    inputs = ['"r"(target)', '"l"(map)', *(f'"r"(c{i})' for i in range(rank)), '"r"(barrier)']
    if window:
        tail += ", {" + ", ".join(f"%{last + 1 + i}" for i in range(window)) + "}"
        inputs += [f'"h"((unsigned short)w{i})' for i in range(window)]
    if multicast:
        tail += f", %{last + 1 + window}"
        inputs.append('"h"((unsigned short)mask)')
    return asm(
        PreludeSection.TMA, name, parameters, instruction + tail + ";", f": : {', '.join(inputs)}", requires=(TENSOR_MAP,),
        place=(rank, 0, multicast, bool(window)),
    )  # fmt: skip


def _load_of(op: TmaLoadOp) -> Wrapper:
    return _tma_load(len(op.coords), len(op.window), op.multicast is not None)


def _load_c(op: TmaLoadOp) -> str:
    operands = ["{target}", "{map}", "{coords}", *(["{window}"] if op.window else []), "{barrier}"]
    operands += [] if op.multicast is None else ["{multicast}"]
    return f"{_load_of(op).name}({', '.join(operands)})"


def _loads() -> Iterator[Wrapper]:
    for rank in range(1, 6):
        for multicast in (False, True):
            yield _tma_load(rank, 0, multicast)
            if rank >= 3:
                yield _tma_load(rank, rank - 2, multicast)


instruction(
    TmaLoadOp,
    _load_c,
    {
        "target": SharedByte("target"),
        "map": Map("map"),
        "coords": Values("coords"),
        "window": Values("window"),
        "barrier": SharedByte("barrier"),
        "multicast": Constant("multicast"),
    },
    scope=Scope.ONE_THREAD,
    runs="tma_copies",
    wrapper=_load_of,
    forms=_loads,
)


instruction(
    PrefetchMapOp,
    "prefetch_map({map})",
    {"map": Map("map")},
    scope=Scope.ONE_THREAD,
    runs="control",
    wrapper=asm(
        PreludeSection.TMA,
        "prefetch_map",
        "const TensorMap* map",
        "prefetch.tensormap [%0];",
        ': : "l"(map)',
        requires=(TENSOR_MAP,),
        place=(0,),
    ),
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


@cache
def _tma_store(rank: int) -> Wrapper:
    coords = ", ".join(f"%{2 + i}" for i in range(rank))
    inputs = ", ".join(['"r"(source)', '"l"(map)', *(f'"r"(c{i})' for i in range(rank))])
    return asm(
        PreludeSection.TMA,
        f"tma_store_{rank}d",
        f"unsigned source, const TensorMap* map, {_COORDS[rank]}",
        f"cp.async.bulk.tensor.{rank}d.global.shared::cta.tile.bulk_group [%1, {{{coords}}}], [%0];",
        f": : {inputs}",
        requires=(TENSOR_MAP,),
        place=(rank, 1),
    )


instruction(
    TmaStoreOp,
    lambda op: f"tma_store_{len(op.coords)}d({{source}}, {{map}}, {{coords}})",
    {"source": SharedByte("source"), "map": Map("map"), "coords": Values("coords")},
    scope=Scope.ONE_THREAD,
    runs="tma_copies",
    wrapper=lambda op: _tma_store(len(op.coords)),
    forms=lambda: (_tma_store(rank) for rank in range(1, 6)),
)


@irdl_op_definition
class BulkCommitOp(PlainOp):
    """cp.async.bulk.commit_group."""

    name = "kernel.bulk_commit"


instruction(
    BulkCommitOp,
    "bulk_commit()",
    runs="tma_copies",
    wrapper=asm(PreludeSection.BULK_GROUPS, "bulk_commit", "", "cp.async.bulk.commit_group;"),
)


@irdl_op_definition
class BulkWaitOp(PendingOp):
    """cp.async.bulk.wait_group.read: all but the latest `pending` groups have read their shared memory."""

    name = "kernel.bulk_wait"


instruction(
    BulkWaitOp,
    "bulk_wait<{pending}>()",
    {"pending": Constant("pending")},
    runs="tma_copies",
    wrapper=asm(
        PreludeSection.BULK_GROUPS,
        "bulk_wait",
        "",
        "cp.async.bulk.wait_group.read %0;",
        ': : "n"(pending)',
        template="int pending",
    ),
)

TMA: tuple[type[Operation], ...] = (TmaLoadOp, TmaStoreOp, BulkCommitOp, BulkWaitOp)
