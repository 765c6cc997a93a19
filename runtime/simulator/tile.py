"""
The fast simulator: tile ops in program order, batched over blocks.

A fragment is an array [blocks, rows, columns], a rows fragment [blocks, rows], a shared tile [blocks, (stages,) rows, columns] that
starts as poison; an index is an int, or one int for each block. Asynchronous copies and tensor-core products are done at once: what they
must wait for is the business of the thread simulator. Roles are coroutines that give way where a ring would make them wait; a ring that
nobody can move on is a deadlock. Where control flow differs between the blocks of a batch, the batch is split and run again.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any, TypeAlias

import numpy as np
from xdsl.dialects import arith, math, scf
from xdsl.ir import Block, Operation, SSAValue

from ...dialects import kernel
from ...dialects.dtypes import numpy_dtype
from ...dialects.errors import SimulationError
from ...dialects.layouts import OuterA, OuterB
from ...dialects.provenance import describe
from . import scalars
from .views import Array, GlobalTensor, Im2colView, StridedView, View, poison

BATCH_ELEMENTS = 1 << 21
"""Elements of the largest tile that a batch of blocks may hold together."""
Steps: TypeAlias = Generator[None, None, Any]


class _Diverged(Exception):
    """Blocks of a batch disagree about control flow; `labels` says which go together."""

    def __init__(self, labels: Array):
        super().__init__()
        self.labels = labels


@dataclass
class _Ring:
    stages: int
    consumers: int
    role_bound: bool
    """An mbarrier ring: roles wait for each other. A cp.async ring is filled and emptied by the same threads."""
    acquired: int = 0
    committed: int = 0
    released: dict[int, int] = field(default_factory=dict[int, int])


@dataclass(frozen=True)
class _Map:
    view: View
    box: tuple[int, ...]


def run_kernel_tiles(
    func: kernel.FuncOp, arrays: Sequence[Array], symbols: Mapping[str, int], *, blocks: Sequence[int] | None = None
) -> None:
    """
    Run one launch: `arrays` are the tensors as flat arrays in argument order, each from its first element on, written in place; `blocks`
    names the blocks to run (linear, x fastest), all if not given. Raises SimulationError.
    """
    if len(arrays) != len(func.tensors):
        raise SimulationError(f"kernel @{func.sym_name.data}: expected {len(func.tensors)} arrays, got {len(arrays)}.")
    tensors: dict[SSAValue, GlobalTensor] = {}
    for argument, array in zip(func.tensors, arrays, strict=True):
        type_ = argument.type
        assert isinstance(type_, kernel.GlobalType)
        dtype = numpy_dtype(type_.element_type)
        if array.ndim != 1 or array.dtype != dtype:
            raise SimulationError(
                f"kernel @{func.sym_name.data}: expected a flat array of {dtype}, got {array.dtype} of rank {array.ndim}."
            )
        tensors[argument] = GlobalTensor.bind(type_, array, symbols)
    grid = [e.evaluate(symbols) for e in func.grid.exprs]
    chosen = np.arange(prod(grid)) if blocks is None else np.asarray(list(blocks))
    cluster = func.cluster.value.data
    size = max(1, BATCH_ELEMENTS // _largest_tile(func)) * cluster
    with np.errstate(all="ignore"):
        for start in range(0, len(chosen), size):
            _run_batch(func, tensors, dict(symbols), grid, chosen[start : start + size])


def _largest_tile(func: kernel.FuncOp) -> int:
    largest = 1
    for op in func.walk():
        for result in op.results:
            if isinstance(result.type, kernel.FragType | kernel.SharedType):
                largest = max(largest, prod(result.type.extents))
    return largest


def _run_batch(
    func: kernel.FuncOp, tensors: dict[SSAValue, GlobalTensor], symbols: dict[str, int], grid: list[int], blocks: Array
) -> None:
    """Run some blocks together; again in parts where they diverge."""
    pending = [blocks]
    while pending:
        batch = pending.pop()
        machine = _Machine(func, tensors, symbols, grid, batch)
        try:
            machine.run()
        except _Diverged as diverged:
            cluster = func.cluster.value.data
            if cluster == len(batch) > 1:
                raise SimulationError(
                    f"kernel @{func.sym_name.data}: blocks of one cluster take different branches."
                ) from None
            if cluster > 1:
                pending += np.split(batch, len(batch) // cluster)
                continue
            pending += [batch[diverged.labels == label] for label in np.unique(diverged.labels)]


class _Machine:
    """The state of one batch of blocks."""

    def __init__(
        self,
        func: kernel.FuncOp,
        tensors: dict[SSAValue, GlobalTensor],
        symbols: dict[str, int],
        grid: list[int],
        blocks: Array,
    ):
        self.func = func
        self.symbols = symbols
        self.blocks = blocks
        self.cluster = func.cluster.value.data
        self.values: dict[SSAValue, Any] = dict(tensors)
        self.role: int | None = None
        coords = (blocks % grid[0], blocks // grid[0] % grid[1], blocks // (grid[0] * grid[1]))
        for argument, coordinate in zip(func.coords, coords, strict=True):
            self.values[argument] = coordinate if len(blocks) > 1 else int(coordinate[0])

    def run(self) -> None:
        for _ in self._block(self.func.body.block):
            raise SimulationError(
                f"kernel @{self.func.sym_name.data}: a ring op outside roles waits for a role that does not run."
            )

    # Control flow.

    def _block(self, block: Block) -> Steps:
        """Run a block; the values of its terminator."""
        for op in block.ops:
            if isinstance(op, scf.YieldOp | kernel.YieldOp):
                return [self.values[v] for v in op.operands]
            if isinstance(op, scf.ConditionOp):
                return [self.values[op.condition], *(self.values[v] for v in op.args)]
            if isinstance(op, kernel.ReturnOp):
                return []
            yield from self._op(op)
        return []

    def _op(self, op: Operation) -> Steps:
        kind = type(op)
        match op:
            case scf.ForOp():
                yield from self._for(op)
            case scf.IfOp():
                yield from self._if(op)
            case scf.WhileOp():
                yield from self._while(op)
            case kernel.RolesOp():
                self._roles(op)
            case kernel.AcquireOp() | kernel.WaitOp() | kernel.CommitOp() | kernel.ReleaseOp():
                yield from self._ring_step(op)
            case _ if kind in _HANDLERS:
                result = _HANDLERS[kind](self, op)
                if result is not None:
                    self.values[op.results[0]] = result
            case _ if kind.__module__ in (arith.__name__, math.__name__):
                self.values[op.results[0]] = scalars.evaluate(op, [self.values[v] for v in op.operands])
            case _:
                raise SimulationError(f"{describe(op)}: expected a tile op, got {op.name}.")

    def _bind(self, targets: Sequence[SSAValue], values: Sequence[Any]) -> None:
        self.values.update(zip(targets, values, strict=True))

    def _for(self, op: scf.ForOp) -> Steps:
        lower, upper, step = (self._uniform(v) for v in (op.lb, op.ub, op.step))
        carried = [self.values[v] for v in op.iter_args]
        for position in range(lower, upper, step):
            self._bind(op.body.block.args, [position, *carried])
            carried = yield from self._block(op.body.block)
        self._bind(op.results, carried)

    def _if(self, op: scf.IfOp) -> Steps:
        region = op.true_region if self._uniform(op.cond) else op.false_region
        values: list[Any] = []
        if region.blocks:
            values = yield from self._block(region.block)
        self._bind(op.results, values)

    def _while(self, op: scf.WhileOp) -> Steps:
        carried = [self.values[v] for v in op.arguments]
        while True:
            self._bind(op.before_region.block.args, carried)
            condition, *carried = yield from self._block(op.before_region.block)
            if not self._same(condition):
                break
            self._bind(op.after_region.block.args, carried)
            carried = yield from self._block(op.after_region.block)
        self._bind(op.results, carried)

    def _uniform(self, value: SSAValue) -> int:
        return self._same(self.values[value])

    def _same(self, number: Any) -> int:
        array = np.asarray(number)
        if array.ndim and not (array == array.flat[0]).all():
            raise _Diverged(array)
        return int(array.flat[0])

    # Roles and rings.

    def _roles(self, op: kernel.RolesOp) -> None:
        running: dict[int, Steps] = {i: self._block(region.block) for i, region in enumerate(op.roles)}
        while running:
            before = self._progress
            for role in list(running):
                self.role = role
                try:
                    next(running[role])
                except StopIteration:
                    del running[role]
                    self._progress += 1
            if running and self._progress == before:
                names = ", ".join(op.names.data[role].data for role in running)
                raise SimulationError(f"{describe(op)}: deadlock: roles {names} wait for a ring that no role moves on.")
        self.role = None

    _progress: int = 0

    def _ring_step(self, op: kernel.AcquireOp | kernel.WaitOp | kernel.CommitOp | kernel.ReleaseOp) -> Steps:
        ring: _Ring = self.values[op.ring]
        position = self._uniform(op.position)
        if isinstance(op, kernel.AcquireOp):
            self._in_order(op, position, ring.acquired)
            while self._emptied(ring) <= position - ring.stages:
                self._must_wait(op, ring)
                yield
            ring.acquired += 1
        elif isinstance(op, kernel.CommitOp):
            self._in_order(op, position, ring.committed)
            ring.committed += 1
        elif isinstance(op, kernel.WaitOp):
            while ring.committed <= position:
                self._must_wait(op, ring)
                yield
        else:
            role = -1 if self.role is None else self.role
            self._in_order(op, position, ring.released.get(role, 0))
            ring.released[role] = position + 1
        self._progress += 1

    def _emptied(self, ring: _Ring) -> int:
        """Fills that every consumer has released."""
        counts = list(ring.released.values())
        needed = ring.consumers if ring.role_bound else 1
        return min(counts) if len(counts) >= needed else 0

    def _must_wait(self, op: Operation, ring: _Ring) -> None:
        if not ring.role_bound or self.role is None:
            raise SimulationError(
                f"{describe(op)}: waits for a fill of its ring that the same threads have not made or released yet."
            )

    def _in_order(self, op: Operation, position: int, expected: int) -> None:
        if position != expected:
            raise SimulationError(f"{describe(op)}: expected fill {expected} next (fills go in order), got {position}.")

    # What handlers use.

    def per_block(self, value: SSAValue, rank: int) -> Any:
        """A scalar, or one for each block with `rank` more axes of one."""
        number = np.asarray(self.values[value])
        return number.reshape(number.shape + (1,) * rank) if number.ndim else number[()]

    def operand(self, value: SSAValue, rank: int) -> Any:
        """An operand of a map as an array that broadcasts to [blocks, rows(, columns)]."""
        if isinstance(value.type, kernel.FragType):
            array = self.values[value]
            return array[..., None] if value.type.is_rows and rank == 2 else array
        return self.per_block(value, rank)

    def places(self, frag: kernel.FragType, row: SSAValue | None, column: SSAValue) -> tuple[Any, Any]:
        """Rows and columns of a fragment's elements; a rows fragment's column is one."""
        if frag.is_rows:
            rows = None if row is None else self.per_block(row, 1) + np.arange(frag.extents[0])[None, :]
            return rows, self.per_block(column, 1)
        rows = None if row is None else self.per_block(row, 2) + np.arange(frag.extents[0])[None, :, None]
        return rows, self.per_block(column, 2) + np.arange(frag.extents[1])[None, None, :]

    def tile_of(self, view: View, op: Operation, coords: Sequence[SSAValue], shape: Sequence[int]) -> Array:
        """A tile for shared memory, zero outside the view, for every block."""
        leading = [self.per_block(c, 2) for c in coords[:-2]]
        rows = self.per_block(coords[-2], 2) + np.arange(shape[0])[None, :, None]
        columns = self.per_block(coords[-1], 2) + np.arange(shape[1])[None, None, :]
        return np.broadcast_to(view.load(op, leading, rows, columns, 0.0), (len(self.blocks), *shape))


# Handlers, one for each tile op.


def _view(m: _Machine, op: kernel.ViewOp) -> View:
    return StridedView.bind(op, m.values[op.source], m.symbols)


def _im2col(m: _Machine, op: kernel.Im2colOp) -> View:
    return Im2colView.bind(op, m.values[op.source], m.symbols)


def _leading(m: _Machine, coords: Sequence[SSAValue], frag: kernel.FragType) -> list[Any]:
    return [m.per_block(c, len(frag.extents)) for c in coords]


def _full(array: Any, frag: kernel.FragType) -> Array:
    array = np.asarray(array)
    blocks = array.shape[0] if array.ndim == len(frag.extents) + 1 else 1
    return np.broadcast_to(array, (blocks, *frag.extents))


def _load(m: _Machine, op: kernel.LoadOp) -> Array:
    frag = op.result.type
    rows, columns = m.places(frag, op.coords[-2], op.coords[-1])
    return _full(m.values[op.view].load(op, _leading(m, op.coords[:-2], frag), rows, columns, op.fill.value.data), frag)


def _valid(m: _Machine, op: kernel.ValidOp) -> Array:
    frag = op.result.type
    rows, columns = m.places(frag, op.coords[-2], op.coords[-1])
    _, inside = m.values[op.view].locate(_leading(m, op.coords[:-2], frag), rows, columns)
    return _full(inside, frag)


def _gather(m: _Machine, op: kernel.GatherOp) -> Array:
    frag = op.result.type
    _, columns = m.places(frag, None, op.coords[-1])
    rows = m.values[op.rows].astype(np.int64)
    rows = rows if frag.is_rows else rows[..., None]
    return _full(m.values[op.view].load(op, _leading(m, op.coords[:-1], frag), rows, columns, op.fill.value.data), frag)


def _store(m: _Machine, op: kernel.StoreOp) -> None:
    frag = op.value.type
    assert isinstance(frag, kernel.FragType)
    rows, columns = m.places(frag, op.coords[-2], op.coords[-1])
    m.values[op.view].store(op, _leading(m, op.coords[:-2], frag), rows, columns, m.values[op.value])


def _alloc(m: _Machine, op: kernel.AllocOp) -> Array:
    if op.over is not None:
        over = m.values[op.over]
        over[...] = poison(over.dtype)
    dtype = numpy_dtype(op.result.type.element_type)
    return np.full((len(m.blocks), *op.result.type.extents), poison(dtype), dtype)


def _slot(m: _Machine, op: kernel.SlotOp) -> Array:
    source = op.source.type
    assert isinstance(source, kernel.SharedType)
    tile = m.values[op.source]
    return tile[:, m._uniform(op.position) % source.stages] if len(source.extents) == 3 else tile  # pyright: ignore


def _load_shared(m: _Machine, op: kernel.LoadSharedOp) -> Array:
    frag = op.result.type
    row, column = m._uniform(op.row), m._uniform(op.column)  # pyright: ignore[reportPrivateUsage]
    tile = m.values[op.source]
    if op.transposed is not None:
        tile = tile.swapaxes(-1, -2)
    if frag.is_rows:
        return _inside(op, tile[:, row : row + frag.extents[0], column].copy(), frag.extents)
    return _inside(op, tile[:, row : row + frag.extents[0], column : column + frag.extents[1]].copy(), frag.extents)


def _inside(op: Operation, part: Array, extents: tuple[int, ...]) -> Array:
    if part.shape[1:] != extents:
        raise SimulationError(
            f"{describe(op)}: expected a part of {extents} within its shared tile, got {part.shape[1:]}."
        )
    return part


def _store_shared(m: _Machine, op: kernel.StoreSharedOp) -> None:
    frag = op.value.type
    assert isinstance(frag, kernel.FragType)
    row, column = m._uniform(op.row), m._uniform(op.column)  # pyright: ignore[reportPrivateUsage]
    rows = frag.extents[0]
    tile = m.values[op.target]
    if frag.is_rows:
        _inside(op, tile[:, row : row + rows, column], frag.extents)[...] = m.values[op.value]
    else:
        _inside(op, tile[:, row : row + rows, column : column + frag.extents[1]], frag.extents)[...] = m.values[
            op.value
        ]


def _load_async(m: _Machine, op: kernel.LoadAsyncOp) -> None:
    target = op.target.type
    assert isinstance(target, kernel.SharedType)
    m.values[op.target][...] = m.tile_of(m.values[op.view], op, op.coords, target.tile)


def _tensor_map(m: _Machine, op: kernel.TensorMapOp) -> _Map:
    return _Map(m.values[op.view], op.result.type.extents)


def _load_tma(m: _Machine, op: kernel.LoadTmaOp) -> None:
    source: _Map = m.values[op.map]
    data = m.tile_of(source.view, op, op.coords, source.box)
    target = m.values[op.target]
    row: Any = 0 if op.row is None else m.values[op.row]
    rows, columns = source.box
    if op.multicast is None:
        first = m._same(row)  # pyright: ignore[reportPrivateUsage]
        _inside(op, target[:, first : first + rows, :columns], (rows, columns))[...] = data
        return
    mask = op.multicast.value.data
    starts = np.broadcast_to(row, (len(m.blocks),))
    for rank in range(m.cluster):
        sources = np.arange(rank, len(m.blocks), m.cluster)
        first = m._same(starts[sources])  # pyright: ignore[reportPrivateUsage]
        for peer in range(m.cluster):
            if mask >> peer & 1:
                target[sources - rank + peer, first : first + rows, :columns] = data[sources]


def _store_tma(m: _Machine, op: kernel.StoreTmaOp) -> None:
    target: _Map = m.values[op.map]
    rows, columns = target.box
    leading = [m.per_block(c, 2) for c in op.coords[:-2]]
    row = m.per_block(op.coords[-2], 2) + np.arange(rows)[None, :, None]
    column = m.per_block(op.coords[-1], 2) + np.arange(columns)[None, None, :]
    target.view.store(op, leading, row, column, m.values[op.source][:, :rows, :columns])


def _ring(m: _Machine, op: kernel.RingOp) -> _Ring:
    type_ = op.result.type
    return _Ring(type_.stages.data, type_.consumers.data, type_.kind.data == "mbarrier")


def _fill(m: _Machine, op: kernel.FillOp) -> Array:
    dtype = numpy_dtype(op.result.type.element_type)
    return np.broadcast_to(np.asarray(op.value.value.data).astype(dtype), (1, *op.result.type.extents))


def _coord(m: _Machine, op: kernel.CoordOp) -> Array:
    frag = op.result.type
    axis = op.axis.value.data
    places = np.arange(frag.extents[axis] if axis < len(frag.extents) else 1)
    if not frag.is_rows:
        places = places[:, None] if axis == 0 else places[None, :]
    return _full((m.per_block(op.base, len(frag.extents)) + places[None]).astype(np.int32), frag)


def _map(m: _Machine, op: kernel.MapOp) -> None:
    frags = [r.type for r in op.res]
    assert all(isinstance(f, kernel.FragType) for f in frags)
    rank = len(frags[0].extents)  # pyright: ignore[reportAttributeAccessIssue]
    block = op.body.block
    local: dict[SSAValue, Any] = {a: m.operand(v, rank) for a, v in zip(block.args, op.arguments, strict=True)}

    def get(value: SSAValue) -> Any:
        return local[value] if value in local else m.operand(value, rank)

    for inner in block.ops:
        if isinstance(inner, kernel.YieldOp):
            for result, value, frag in zip(op.res, inner.arguments, frags, strict=True):
                m.values[result] = _full(get(value), frag)  # pyright: ignore[reportArgumentType]
            return
        local[inner.results[0]] = scalars.evaluate(inner, [get(v) for v in inner.operands])


_REDUCERS: dict[str, Callable[..., Any]] = {"sum": np.sum, "max": np.max, "min": np.min, "prod": np.prod}


def _reduce(m: _Machine, op: kernel.ReduceOp) -> Array:
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


def _mma_operand(m: _Machine, value: SSAValue) -> Array:
    array = m.values[value]
    if array.dtype.kind == "i":
        return array.astype(np.float64)
    exact = isinstance(value.type, kernel.FragType) and isinstance(value.type.layout, OuterA | OuterB)
    wide = array.astype(np.float32)
    return to_tf32(wide) if array.dtype == np.float32 and not exact else wide


def _mma(m: _Machine, op: kernel.MmaOp) -> Array:
    a, b, acc = _mma_operand(m, op.a), _mma_operand(m, op.b), m.values[op.acc]
    if op.transposed_b is None:
        b = b.swapaxes(-1, -2)
    product = np.matmul(a, b)
    return acc + product.astype(acc.dtype)


def _same(m: _Machine, op: kernel.MmaWaitOp | kernel.ConvertLayoutOp) -> Array:
    return m.values[op.operands[0]]


def _columns(m: _Machine, op: kernel.ColumnsOp) -> Array:
    first = op.first.value.data
    type_ = op.result.type
    assert isinstance(type_, kernel.FragType)
    return m.values[op.value][..., first : first + type_.extents[1]]


def _expr(m: _Machine, op: kernel.ExprOp) -> int:
    return op.expr.exprs[0].evaluate(m.symbols)


def _rank(m: _Machine, op: kernel.ClusterRankOp) -> Any:
    rank = m.blocks % m.cluster
    return rank if len(rank) > 1 else int(rank[0])


def _nothing(m: _Machine, op: Operation) -> None:
    return None


_HANDLERS: dict[type[Operation], Callable[[_Machine, Any], Any]] = {
    kernel.ViewOp: _view, kernel.Im2colOp: _im2col, kernel.LoadOp: _load, kernel.ValidOp: _valid, kernel.GatherOp: _gather,
    kernel.StoreOp: _store, kernel.AllocOp: _alloc, kernel.SlotOp: _slot, kernel.LoadSharedOp: _load_shared,
    kernel.StoreSharedOp: _store_shared, kernel.LoadAsyncOp: _load_async, kernel.TensorMapOp: _tensor_map,
    kernel.LoadTmaOp: _load_tma, kernel.StoreTmaOp: _store_tma, kernel.StoreWaitOp: _nothing, kernel.RingOp: _ring,
    kernel.BarrierOp: _nothing, kernel.FenceAsyncOp: _nothing, kernel.ClusterBarrierOp: _nothing, kernel.GridWaitOp: _nothing,
    kernel.GridSignalOp: _nothing, kernel.FillOp: _fill, kernel.CoordOp: _coord, kernel.MapOp: _map, kernel.ReduceOp: _reduce,
    kernel.MmaOp: _mma, kernel.MmaWaitOp: _same, kernel.ConvertLayoutOp: _same, kernel.ColumnsOp: _columns, kernel.ExprOp: _expr,
    kernel.ClusterRankOp: _rank,
}  # fmt: skip
