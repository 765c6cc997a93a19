"""The effect of each tile op on a batch of blocks: the handlers that `machine.py` calls, which drives control flow, roles and rings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from xdsl.dialects import scf
from xdsl.ir import Block, Operation, SSAValue

from ....dialects import kernel
from ....dialects.dtypes import numpy_dtype
from ....dialects.errors import SimulationError
from ....dialects.kernel.grouped import of_group
from ....dialects.kernel.layouts import OuterA, OuterB
from ....dialects.kernel.scalars.table import evaluate
from ....dialects.meaning import arithmetic
from ....dialects.provenance import describe
from ..views import Array, Im2colView, KernelView, StridedView, poison
from .state import Ring, Slot, State, TensorMap


def _view(m: State, op: kernel.ViewOp) -> KernelView:
    return StridedView.bind(op, m.values[op.source], m.symbols)


def _im2col(m: State, op: kernel.Im2colOp) -> KernelView:
    return Im2colView.bind(op, m.values[op.source], m.symbols)


def _leading(m: State, coords: Sequence[SSAValue], frag: kernel.FragType) -> list[Any]:
    return [m.per_block(c, len(frag.extents)) for c in coords]


def _full(array: Any, frag: kernel.FragType) -> Array:
    array = np.asarray(array)
    blocks = array.shape[0] if array.ndim == len(frag.extents) + 1 else 1
    return np.broadcast_to(array, (blocks, *frag.extents))


def _load(m: State, op: kernel.LoadOp) -> Array:
    frag = op.result.type
    rows, columns = m.places(frag, op.coords[-2], op.coords[-1])
    return _full(m.values[op.view].load(op, _leading(m, op.coords[:-2], frag), rows, columns, op.fill.value.data), frag)


def _valid(m: State, op: kernel.ValidOp) -> Array:
    frag = op.result.type
    rows, columns = m.places(frag, op.coords[-2], op.coords[-1])
    _, inside = m.values[op.view].locate(_leading(m, op.coords[:-2], frag), rows, columns)
    return _full(inside, frag)


def _gather(m: State, op: kernel.GatherOp) -> Array:
    frag = op.result.type
    _, columns = m.places(frag, None, op.coords[-1])
    rows = m.values[op.rows].astype(np.int64)
    rows = rows if frag.is_rows else rows[..., None]
    return _full(m.values[op.view].load(op, _leading(m, op.coords[:-1], frag), rows, columns, op.fill.value.data), frag)


def _store(m: State, op: kernel.StoreOp) -> None:
    frag = op.value.type
    assert isinstance(frag, kernel.FragType)
    rows, columns = m.places(frag, op.coords[-2], op.coords[-1])
    m.values[op.view].store(op, _leading(m, op.coords[:-2], frag), rows, columns, m.values[op.value])


def _alloc(m: State, op: kernel.AllocOp) -> Array:
    if op.over is not None:
        over = m.values[op.over]
        over[...] = poison(over.dtype)
    dtype = numpy_dtype(op.result.type.element_type)
    return np.full((len(m.blocks), *op.result.type.extents), poison(dtype), dtype)


def _slot(m: State, op: kernel.SlotOp) -> Array:
    source = op.source.type
    assert isinstance(source, kernel.SharedType)
    tile = m.values[op.source]
    return tile[:, m.uniform(op.position) % source.stages] if len(source.extents) == 3 else tile  # pyright: ignore


def _load_shared(m: State, op: kernel.LoadSharedOp) -> Array:
    frag = op.result.type
    row, column = m.uniform(op.row), m.uniform(op.column)
    tile = m.values[op.source]
    if op.transposed is not None:
        tile = tile.swapaxes(-1, -2)
        if tile.shape[-2] == 1:
            tile = np.broadcast_to(tile, (tile.shape[0], row + frag.extents[0], tile.shape[-1]))
    if frag.is_rows:
        return _inside(op, tile[:, row : row + frag.extents[0], column].copy(), frag.extents)
    return _inside(op, tile[:, row : row + frag.extents[0], column : column + frag.extents[1]].copy(), frag.extents)


def _inside(op: Operation, part: Array, extents: tuple[int, ...]) -> Array:
    if part.shape[1:] != extents:
        raise SimulationError(
            f"{describe(op)}: expected a part of {extents} within its shared tile, got {part.shape[1:]}."
        )
    return part


def _store_shared(m: State, op: kernel.StoreSharedOp) -> None:
    frag = op.value.type
    assert isinstance(frag, kernel.FragType)
    if op.everywhere is not None:
        _store_everywhere(m, op, frag.extents)
        return
    row, column = m.uniform(op.row), m.uniform(op.column)
    rows = frag.extents[0]
    tile = m.values[op.target]
    if frag.is_rows:
        _inside(op, tile[:, row : row + rows, column], frag.extents)[...] = m.values[op.value]
    else:
        _inside(op, tile[:, row : row + rows, column : column + frag.extents[1]], frag.extents)[...] = m.values[
            op.value
        ]


def _store_everywhere(m: State, op: kernel.StoreSharedOp, extents: tuple[int, ...]) -> None:
    target, value = m.values[op.target], np.broadcast_to(m.values[op.value], (len(m.blocks), *extents))
    starts = [np.broadcast_to(m.values[at], (len(m.blocks),)) for at in (op.row, op.column)]
    for rank in range(m.cluster):
        sources = np.arange(rank, len(m.blocks), m.cluster)
        row, column = (m.same(start[sources]) for start in starts)
        columns = column if len(extents) == 1 else slice(column, column + extents[-1])
        for peer in range(m.cluster):
            place = sources - rank + peer, slice(row, row + extents[0]), columns
            _inside(op, target[place], extents)
            target[place] = value[sources]


def _load_async(m: State, op: kernel.LoadAsyncOp) -> None:
    target = op.target.type
    assert isinstance(target, kernel.SharedType)
    m.values[op.target][...] = m.tile_of(m.values[op.view], op, op.coords, target.tile)


def _tensor_map(m: State, op: kernel.TensorMapOp) -> TensorMap:
    return TensorMap(m.values[op.view], op.result.type.extents)


def _load_tma(m: State, op: kernel.LoadTmaOp) -> None:
    source: TensorMap = m.values[op.map]
    data = m.tile_of(source.view, op, op.coords, source.box)
    target = m.values[op.target]
    row: Any = 0 if op.row is None else m.values[op.row]
    rows, columns = source.box
    if op.multicast is None:
        first = m.same(row)
        _inside(op, target[:, first : first + rows, :columns], (rows, columns))[...] = data
        return
    mask = op.multicast.value.data
    starts = np.broadcast_to(row, (len(m.blocks),))
    for rank in range(m.cluster):
        sources = np.arange(rank, len(m.blocks), m.cluster)
        first = m.same(starts[sources])
        for peer in range(m.cluster):
            if mask >> peer & 1:
                target[sources - rank + peer, first : first + rows, :columns] = data[sources]


def _store_tma(m: State, op: kernel.StoreTmaOp) -> None:
    target: TensorMap = m.values[op.map]
    rows, columns = target.box
    leading = [m.per_block(c, 2) for c in op.coords[:-2]]
    row = m.per_block(op.coords[-2], 2) + np.arange(rows)[None, :, None]
    column = m.per_block(op.coords[-1], 2) + np.arange(columns)[None, None, :]
    target.view.store(op, leading, row, column, m.values[op.source][:, :rows, :columns])


def _ring(m: State, op: kernel.RingOp) -> Ring:
    type_ = op.result.type
    return Ring(type_.stages.data, type_.consumers.data, type_.kind.data == "mbarrier")


def _fill(m: State, op: kernel.FillOp) -> Array:
    dtype = numpy_dtype(op.result.type.element_type)
    return np.broadcast_to(np.asarray(op.value.value.data).astype(dtype), (1, *op.result.type.extents))


def _coord(m: State, op: kernel.CoordOp) -> Array:
    frag = op.result.type
    axis = op.axis.value.data
    places = np.arange(frag.extents[axis] if axis < len(frag.extents) else 1)
    if not frag.is_rows:
        places = places[:, None] if axis == 0 else places[None, :]
    return _full((m.per_block(op.base, len(frag.extents)) + places[None]).astype(np.int32), frag)


def _map(m: State, op: kernel.MapOp) -> None:
    frags = [r.type for r in op.res]
    assert all(isinstance(f, kernel.FragType) for f in frags)
    rank = len(frags[0].extents)  # pyright: ignore[reportAttributeAccessIssue]
    block = op.body.block
    local: dict[SSAValue, Any] = {a: m.operand(v, rank) for a, v in zip(block.args, op.arguments, strict=True)}
    yielded = _scalars(m, block, local, rank)
    for result, value, frag in zip(op.res, yielded, frags, strict=True):
        m.values[result] = _full(value, frag)  # pyright: ignore[reportArgumentType]


def _scalars(m: State, block: Block, local: dict[SSAValue, Any], rank: int) -> list[Any]:
    """Run the scalar ops of a map for all elements at once; what the block yields."""

    def get(value: SSAValue) -> Any:
        return local[value] if value in local else m.operand(value, rank)

    for op in block.ops:
        match op:
            case kernel.YieldOp() | scf.YieldOp():
                return [get(v) for v in op.operands]
            case kernel.FetchOp():
                *lead, row, column = (np.asarray(get(v)).astype(np.int64) for v in op.coords)
                local[op.result] = m.values[op.view].load(op, lead, row, column, op.fill.value.data)
            case scf.ForOp():
                carried = [get(v) for v in op.iter_args]
                for position in range(*(m.same(get(v)) for v in (op.lb, op.ub, op.step))):
                    local.update(zip(op.body.block.args, [position, *carried], strict=True))
                    carried = _scalars(m, op.body.block, local, rank)
                local.update(zip(op.results, carried, strict=True))
            case _:
                local[op.results[0]] = evaluate(op, [get(v) for v in op.operands])
    return []


def _scatter(m: State, op: kernel.ScatterOp) -> None:
    *lead, row, column = (m.operand(v, 2).astype(np.int64) for v in op.places)
    m.values[op.view].scatter(op, lead, row, column, m.operand(op.value, 2), op.kind.data)


_REDUCERS: dict[str, Callable[..., Any]] = {
    "sum": np.sum,
    "max": arithmetic.greatest,
    "min": arithmetic.least,
    "prod": np.prod,
}


def _reduce(m: State, op: kernel.ReduceOp) -> Array:
    value = m.values[op.value]
    kind = op.kind.data
    if kind in ("sum", "prod"):
        return _REDUCERS[kind](value, axis=2, dtype=value.dtype)
    return _REDUCERS[kind](value, axis=2)


def to_tf32(values: Array) -> Array:
    """f32 rounded to TF32's 10 mantissa bits, to nearest, halves away from zero (cvt.rna.tf32.f32)."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    rounded = ((bits + np.uint32(0x1000)) & np.uint32(0xFFFFE000)).view(np.float32)
    return np.where(np.isfinite(values), rounded, values)


def _mma_operand(m: State, value: SSAValue) -> Array:
    array = m.values[value]
    if array.dtype.kind == "i":
        return array.astype(np.float64)
    exact = isinstance(value.type, kernel.FragType) and isinstance(
        of_group(value.type.layout, value.type.tile)[0], OuterA | OuterB
    )
    wide = array if array.dtype == np.float64 else array.astype(np.float32)
    return to_tf32(wide) if array.dtype == np.float32 and not exact else wide


def _mma(m: State, op: kernel.MmaOp) -> Array:
    a, b, acc = _mma_operand(m, op.a), _mma_operand(m, op.b), m.values[op.acc]
    if op.transposed_b is None:
        b = b.swapaxes(-1, -2)
    groups = op.groups
    if groups > 1:
        parts = zip(np.split(a, groups, axis=-1), np.split(b, groups, axis=-2), strict=True)
        product = np.concatenate([np.matmul(x, y) for x, y in parts], axis=-2)
    else:
        product = np.matmul(a, b)
    return acc + product.astype(acc.dtype)


def _same(m: State, op: kernel.MmaWaitOp | kernel.ConvertLayoutOp) -> Array:
    return m.values[op.operands[0]]


def _columns(m: State, op: kernel.ColumnsOp) -> Array:
    first = op.first.value.data
    type_ = op.result.type
    assert isinstance(type_, kernel.FragType)
    return m.values[op.value][..., first : first + type_.extents[1]]


def _expr(m: State, op: kernel.ExprOp) -> int:
    return op.expr.exprs[0].evaluate(m.symbols)


def _rank(m: State, op: kernel.ClusterRankOp) -> Any:
    rank = m.blocks % m.cluster
    return rank if len(rank) > 1 else int(rank[0])


def _slot_barrier(m: State, op: kernel.SlotBarrierOp) -> Slot:
    return Slot(m.values[op.ring], m.uniform(op.position), op.empty is not None)


def _slot_parity(m: State, op: kernel.SlotParityOp) -> int:
    ring: Ring = m.values[op.ring]
    return (m.uniform(op.position) // ring.stages + op.ahead.value.data) % 2


def _nothing(m: State, op: Operation) -> None:
    return None


HANDLERS: dict[type[Operation], Callable[[State, Any], Any]] = {
    kernel.ViewOp: _view, kernel.Im2colOp: _im2col, kernel.LoadOp: _load, kernel.ValidOp: _valid, kernel.GatherOp: _gather,
    kernel.StoreOp: _store, kernel.AllocOp: _alloc, kernel.SlotOp: _slot, kernel.LoadSharedOp: _load_shared,
    kernel.StoreSharedOp: _store_shared, kernel.LoadAsyncOp: _load_async, kernel.TensorMapOp: _tensor_map,
    kernel.LoadTmaOp: _load_tma, kernel.StoreTmaOp: _store_tma, kernel.StoreWaitOp: _nothing, kernel.RingOp: _ring,
    kernel.BarrierOp: _nothing, kernel.FenceAsyncOp: _nothing, kernel.ClusterBarrierOp: _nothing, kernel.GridWaitOp: _nothing,
    kernel.GridBarrierOp: _nothing, kernel.GridSignalOp: _nothing,
    kernel.PrefetchMapOp: _nothing,
    kernel.FillOp: _fill, kernel.CoordOp: _coord, kernel.MapOp: _map, kernel.ReduceOp: _reduce,
    kernel.ScatterOp: _scatter, kernel.MmaOp: _mma, kernel.MmaWaitOp: _same, kernel.ConvertLayoutOp: _same, kernel.ColumnsOp: _columns,
    kernel.ExprOp: _expr, kernel.ClusterRankOp: _rank, kernel.SlotBarrierOp: _slot_barrier, kernel.SlotParityOp: _slot_parity,
    # Ops that only order threads, which this simulator does not have.
    kernel.MbarInitOp: _nothing, kernel.MbarInitFenceOp: _nothing, kernel.BarSyncOp: _nothing, kernel.ClusterSyncOp: _nothing,
    kernel.FenceProxyAsyncOp: _nothing, kernel.CpAsyncCommitOp: _nothing, kernel.CpAsyncWaitOp: _nothing, kernel.BulkWaitOp: _nothing,
}  # fmt: skip
