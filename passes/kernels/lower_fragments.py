"""`lower-fragments`: the tile ops of every `kernel.func` become what one thread does.

    %a = kernel.load %x[%i, %j] fill 0.0 : !kernel.view<2 x f32> -> !kernel.frag<1x1024xf32, #kernel.blocked<1, 128, 1, 4>>
  becomes
    %a = kernel.local : memref<8xf32, "local">
    scf.for %r = %0 to %2 step %1 {
      %offset = ...
      kernel.ld_global %x[%offset] to %a[%position] count 4 if %inside : ...
    } {unroll}

A fragment is one register array, updated in place where nothing else reads the old value; addresses, predicates and ldmatrix tiles follow
from `Layout.index` evaluated on IR values; what a loop does not change is computed before it. `func` gets `params` (symbols, sorted). Views
and tensor maps of TMA stay for the host. Needs `expand-rings`. The helpers are in `threads/`, one module per family of ops.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, ClassVar

from xdsl.context import Context as XdslContext
from xdsl.dialects import scf
from xdsl.dialects.builtin import ArrayAttr, ModuleOp, StringAttr
from xdsl.ir import Block, Operation
from xdsl.passes import ModulePass
from xdsl.rewriter import Rewriter

from ...dialects import kernel
from ...dialects.dims import Expr
from ...dialects.nn.base import symbol_ranges
from .threads import compute, control, copies, memory, mma, sync
from .threads.context import Context, Ranges, Tile, sizeof
from .threads.emitter import Emitter
from .threads.names import name_values
from .threads.placed import is_lowered, offset_of


def _lower_alloc(context: Context, op: kernel.AllocOp) -> None:
    """A name for the bytes that `place-shared-memory` chose."""
    type_ = op.result.type
    assert isinstance(type_, kernel.SharedType)
    size = sizeof(type_.element_type)
    if type_.stages > 1 and type_.swizzle.data and type_.stage_bytes % (8 * type_.swizzle.data):
        raise context.em.error(
            f"expected stages of a multiple of {8 * type_.swizzle.data} bytes for the swizzle, got {type_.stage_bytes}"
        )
    offset = offset_of(op, op.offset)
    array = context.em.emit(kernel.SmemOp(offset, type_.bytes // size, type_.element_type)).results[0]
    array.name_hint = op.result.name_hint
    context.tiles[op.result] = Tile(array, type_, context.em.ix(0), offset)


def _lower_slot(context: Context, op: kernel.SlotOp) -> None:
    whole, type_ = context.tiles[op.source], op.result.type
    assert isinstance(type_, kernel.SharedType)
    stage = context.ix(op.position) % whole.type.stages
    base = whole.base + stage * (whole.type.stage_bytes // sizeof(type_.element_type))
    context.tiles[op.result] = Tile(whole.array, type_, base, whole.offset)


def _lower_tensor_map(context: Context, op: kernel.TensorMapOp) -> None:
    view = op.view.owner
    assert isinstance(view, Operation)
    if op.view not in context.scalars:
        context.em.emit(view.clone(context.scalars))
    context.em.emit(op.clone(context.scalars))


def _lower_expr(context: Context, op: kernel.ExprOp) -> None:
    context.indices[op.result] = context.expr(op.expr.exprs[0])


def _lower_cluster_rank(context: Context, op: kernel.ClusterRankOp) -> None:
    new = context.em.emit(op.clone()).results[0]
    context.indices[op.result] = context.em.atom(new, 0, context.func.cluster.value.data - 1)


def _keep(context: Context, op: Operation) -> None:
    context.em.emit(op.clone(context.scalars))


def _nothing(context: Context, op: Operation) -> None:
    """Views are read where they are used; terminators are made by what holds the block."""


_LOWER: dict[type[Operation], Callable[[Context, Any], object]] = {
    kernel.ReturnOp: _nothing,
    scf.YieldOp: _nothing,
    scf.ForOp: lambda context, op: control.lower_for(context, op, lower_block),
    scf.IfOp: lambda context, op: control.lower_if(context, op, lower_block),
    kernel.RolesOp: lambda context, op: control.lower_roles(context, op, lower_block),
    kernel.ExprOp: _lower_expr,
    kernel.ClusterRankOp: _lower_cluster_rank,
    kernel.ViewOp: _nothing,
    kernel.Im2colOp: _nothing,
    kernel.LoadOp: memory.lower_load,
    kernel.ValidOp: memory.lower_valid,
    kernel.GatherOp: memory.lower_gather,
    kernel.StoreOp: memory.lower_store,
    kernel.ScatterOp: memory.lower_scatter,
    kernel.AllocOp: _lower_alloc,
    kernel.SlotOp: _lower_slot,
    kernel.LoadSharedOp: memory.lower_load_shared,
    kernel.StoreSharedOp: memory.lower_store_shared,
    kernel.LoadAsyncOp: copies.lower_load_async,
    kernel.TensorMapOp: _lower_tensor_map,
    kernel.LoadTmaOp: copies.lower_load_tma,
    kernel.StoreTmaOp: copies.lower_store_tma,
    kernel.RingOp: _nothing,
    kernel.SlotBarrierOp: _nothing,
    kernel.SlotParityOp: _nothing,
    kernel.ElectOp: lambda context, op: sync.lower_elect(context, op, lower_block),
    kernel.MbarInitOp: sync.lower_mbar_init,
    kernel.MbarArriveOp: sync.lower_mbar_arrive,
    kernel.MbarExpectOp: sync.lower_mbar_expect,
    kernel.MbarWaitOp: sync.lower_mbar_wait,
    **dict.fromkeys(sync.KEPT, _keep),
    kernel.GridBarrierOp: sync.lower_grid_barrier,
    kernel.GridWaitOp: _keep,
    kernel.GridSignalOp: _keep,
    kernel.PrefetchMapOp: lambda context, op: context.em.emit(kernel.PrefetchMapOp(context.operand(op.map))),
    kernel.FillOp: compute.lower_fill,
    kernel.CoordOp: compute.lower_coord,
    kernel.MapOp: compute.lower_map,
    kernel.ReduceOp: compute.lower_reduce,
    kernel.MmaOp: mma.lower_mma,
    kernel.MmaWaitOp: mma.lower_mma_wait,
    kernel.ColumnsOp: compute.lower_columns,
    kernel.ConvertLayoutOp: compute.lower_convert_layout,
}


def lower_block(context: Context, block: Block) -> None:
    """Lower the ops of a tile-level block into the current scope."""
    for op in block.ops:
        lower_op(context, op)


def lower_op(context: Context, op: Operation) -> None:
    """Lower one op of a tile-level block."""
    em = context.em
    outer = em.op, em.location
    em.op, em.location = op, op.location
    lower = _LOWER.get(type(op))
    if lower is not None:
        lower(context, op)
    elif isinstance(op, kernel.TILE_OPS) or op.regions:
        raise em.error("expected an op that kernels support outside kernel.map, got this one")
    elif not control.lower_index(context, op):
        control.lower_scalar(context, op)
    em.op, em.location = outer


def lower_func(func: kernel.FuncOp, ranges: Ranges) -> None:
    """Lower one kernel in place. Raises PassError naming the op and the ONNX nodes that it comes from."""
    old = func.body.block
    new = Block(arg_types=old.arg_types)
    for argument, before in zip(new.args, old.args, strict=True):
        argument.name_hint, argument.location = before.name_hint, before.location
    context = Context(func, Emitter(new), ranges)
    context.em.location = func.location
    context.scalars.update(zip(old.args, new.args, strict=True))
    for coord, value, extent in zip(func.coords, new.args[-3:], func.grid.exprs, strict=True):
        context.indices[coord] = context.em.atom(value, 0, _greatest(extent, ranges))
    context.role = context.enter_block()
    lower_block(context, old)
    sync.drop_idle_groups(new)
    context.em.emit(kernel.ReturnOp())
    func.body.detach_block(old)
    func.body.add_block(new)
    old.erase()
    _drop_unused(func)
    name_values(new)
    if context.params:
        func.params = ArrayAttr(StringAttr(symbol) for symbol in sorted(context.params))


def _drop_unused(func: kernel.FuncOp) -> None:
    """Erase arithmetic that nothing reads: parts of places that a load or a reduction turned out not to need."""
    for op in reversed(list(func.walk())):
        if op.name.startswith("arith.") and not any(result.uses for result in op.results):
            Rewriter.erase_op(op)


def _greatest(extent: Expr, ranges: Ranges) -> int | None:
    """The last tile coordinate; None where a symbol has no known range."""
    if not extent.symbols() <= ranges.keys():
        return None
    return extent.bounds(ranges)[1] - 1


_REPORT: ContextVar[Callable[[kernel.FuncOp], None] | None] = ContextVar("trtc_report_lowered", default=None)


@contextmanager
def reporting(report: Callable[[kernel.FuncOp], None]) -> Generator[None]:
    """Inside the block, call `report` with each kernel as soon as it is lowered, so that its CUDA C compiles meanwhile."""
    token = _REPORT.set(report)
    try:
        yield
    finally:
        _REPORT.reset(token)


@dataclass(frozen=True)
class LowerFragmentsPass(ModulePass):
    """Expand the tile ops of every kernel into thread ops."""

    name = "lower-fragments"
    numerics: ClassVar[str] = "reassociates"  # a fragment's layout decides in which order its elements are summed

    def apply(self, ctx: XdslContext, op: ModuleOp) -> None:
        ranges, report = symbol_ranges(op), _REPORT.get()
        for func in op.body.block.ops:
            if isinstance(func, kernel.FuncOp) and not is_lowered(func):
                lower_func(func, ranges)
                if report is not None:
                    report(func)
