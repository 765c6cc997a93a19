"""Lowers what computes on fragments: fill, coord, map, reduce, convert_layout."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from xdsl.dialects import arith, scf
from xdsl.dialects.builtin import Float64Type, FloatAttr, IntegerAttr, IntegerType, f32, i32
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue

from ....dialects.dtypes import NARROW_FLOATS
from ....dialects.kernel import (
    AllocOp,
    ColumnsOp,
    ConvertLayoutOp,
    CoordOp,
    FetchOp,
    FillOp,
    FragType,
    FuncOp,
    LdSharedOp,
    MapOp,
    ReduceOp,
    ShuffleXorOp,
    StSharedOp,
)
from ....dialects.kernel.scalars.table import SCALARS
from ....dialects.provenance import name_of
from .context import Context, Tile
from .emitter import Ix
from .memory import each_row, frag_type, lower_fetch, read_tile, shared_position, shared_vector, write_tile

_BESIDE_SCALARS = (arith.ConstantOp, scf.ForOp, scf.IfOp, scf.YieldOp)


def lower_fill(context: Context, op: FillOp) -> None:
    type_ = frag_type(op.result)
    array = context.new_array(type_, op.result.name_hint)
    value = context.em.scalar(op.value.value.data, type_.element_type)
    with context.em.loop(type_.registers, "r") as r:
        context.em.store(value, array, r)
    context.arrays[op.result] = array


def lower_coord(context: Context, op: CoordOp) -> None:
    em, type_ = context.em, frag_type(op.result)
    array = context.new_array(type_, op.result.name_hint)
    base, axis = context.ix(op.base), op.axis.value.data

    def one(n: Ix, register: Ix) -> None:
        place = base + type_.layout.index(type_.tile, context.role.thread, register)[axis]
        value = em.emit(arith.IndexCastOp(em.value(place), type_.element_type)).results[0]
        em.store(value, array, n)

    if type_.is_rows:
        each_row(context, type_, one)
    else:
        with em.loop(type_.registers, "r") as r:
            one(r, r)
    context.arrays[op.result] = array


def lower_map(context: Context, op: MapOp) -> None:
    """One loop over registers with the region inline; a result reuses the array of an operand that nothing else reads."""
    em, first = context.em, frag_type(op.res[0])
    targets = _map_targets(context, op)
    with em.loop(first.registers, "r") as r:
        mapping: dict[SSAValue, SSAValue] = {}
        for argument, operand in zip(op.body.block.args, op.arguments, strict=True):
            mapping[argument] = _element(context, operand, first, r)
        for value, target in zip(_lower_scalars(context, op.body.block, mapping), targets, strict=True):
            em.store(value, target, r)
    context.arrays.update(zip(op.res, targets, strict=True))


def _lower_scalars(context: Context, block: Block, mapping: dict[SSAValue, SSAValue]) -> list[SSAValue]:
    """The scalar ops of a map's body, or of a loop in it, as ops of the thread; what the block yields."""

    def of(value: SSAValue) -> SSAValue:
        return mapping[value] if value in mapping else context.operand(value)

    assert block.last_op is not None
    for op in block.ops:
        if isinstance(op, FetchOp):
            mapping[op.result] = lower_fetch(context, op, [of(c) for c in op.coords])
        elif isinstance(op, scf.ForOp) and any(isinstance(inner, FetchOp) for inner in op.walk()):
            _lower_scalar_loop(context, op, mapping, of)
        elif op is not block.last_op:
            clone_scalar(context, op, mapping)
    return [of(value) for value in block.last_op.operands]


def _lower_scalar_loop(
    context: Context, op: scf.ForOp, mapping: dict[SSAValue, SSAValue], of: Callable[[SSAValue], SSAValue]
) -> None:
    """A loop in a map that reads memory: the ops of its body are lowered one by one."""
    em, block = context.em, Block(arg_types=op.body.block.arg_types)
    loop = scf.ForOp(of(op.lb), of(op.ub), of(op.step), [of(v) for v in op.iter_args], Region(block))
    loop.attributes.update(op.attributes)
    em.emit(loop)
    with em.block(block, loop):
        mapping.update(zip(op.body.block.args, block.args, strict=True))
        em.emit(scf.YieldOp(*_lower_scalars(context, op.body.block, mapping)))
    mapping.update(zip(op.results, loop.results, strict=True))


def _map_targets(context: Context, op: MapOp) -> list[SSAValue]:
    free = {
        operand: context.array(operand)
        for operand in op.arguments
        if isinstance(operand.type, FragType) and context.owned(operand, op)
    }
    targets: list[SSAValue] = []
    for result in op.res:
        match = next((operand for operand in free if operand.type == result.type), None)
        targets.append(context.new_array(frag_type(result), result.name_hint) if match is None else free.pop(match))
    return targets


def _element(context: Context, operand: SSAValue, first: FragType, r: Ix) -> SSAValue:
    type_ = operand.type
    if not isinstance(type_, FragType):
        return context.operand(operand)
    position = first.layout.row_register(first.tile, r) if type_.is_rows and not first.is_rows else r
    return context.em.load(context.array(operand), position)


def clone_scalar(context: Context, op: Operation, mapping: dict[SSAValue, SSAValue]) -> None:
    """Copy a scalar op; operands come from the mapping, else from the context."""
    for inner in op.walk():
        if type(inner) not in SCALARS and not isinstance(inner, _BESIDE_SCALARS):
            raise context.em.error(
                f"expected scalars of arith or math that kernels compute with, scf.for or scf.if, got {name_of(inner)}; expand it in the "
                "schedule that builds the kernel"
            )
        for operand in inner.operands:
            if operand not in mapping and (operand in context.indices or operand in context.scalars):
                mapping[operand] = context.operand(operand)
    context.em.emit(op.clone(mapping))


# Reductions.

_FLOAT = {"sum": arith.AddfOp, "prod": arith.MulfOp, "max": arith.MaximumfOp, "min": arith.MinimumfOp}
_INTEGER = {"sum": arith.AddiOp, "prod": arith.MuliOp, "max": arith.MaxSIOp, "min": arith.MinSIOp}


def lower_reduce(context: Context, op: ReduceOp) -> None:
    """In the thread, then over the lanes that share a row, then over the warps that share it, through `scratch`."""
    em, type_ = context.em, frag_type(op.value)
    kind, element = op.kind.data, type_.element_type
    wide = _accumulator(context, element)
    rows = context.local(type_.layout.row_registers(type_.tile), wide, op.result.name_hint)
    identity = _identity(context, kind, wide)
    with em.loop(type_.layout.row_registers(type_.tile), "r") as r:
        em.store(identity, rows, r)
    source = context.array(op.value)
    with em.loop(type_.registers, "r") as r:
        n = type_.layout.row_register(type_.tile, r)
        value = _widened(context, em.load(source, r), wide)
        em.store(_combine(context, kind, em.load(rows, n), value), rows, n)
    lanes, warps = sharing(context, type_)
    if lanes:
        with em.loop(type_.layout.row_registers(type_.tile), "r") as r:
            value = em.load(rows, r)
            for mask in lanes:
                other = em.emit(ShuffleXorOp(value, mask)).results[0]
                value = _combine(context, kind, value, other)
            em.store(value, rows, r)
    if warps > 1:
        _reduce_over_warps(context, op, rows, lanes, warps, wide)
    context.arrays[op.result] = _narrowed(context, rows, frag_type(op.result), wide)


def sharing(context: Context, type_: FragType) -> tuple[list[int], int]:
    """(lane masks, warps) that hold other columns of the same rows: lanes that differ in these bits, runs of that many warps."""
    rows, columns = type_.layout.table(type_.tile)
    threads = rows.shape[0]
    every = np.arange(threads)
    masks: list[int] = []
    for mask in (1, 2, 4, 8, 16):
        if threads % (2 * mask):
            break
        other = every ^ mask
        if (rows[other] == rows).all() and not (columns[other] == columns).all():
            masks.append(mask)
        elif _mixes(rows, columns, other):
            raise context.em.error(
                f"expected rows shared by a power of two of lanes or by whole warps, got {type_.layout}"
            )
    if threads <= 32:
        return masks, 1
    by_warp = rows[::32], columns[::32]
    same = [
        w
        for w in range(threads // 32)
        if (by_warp[0][w] == by_warp[0][0]).all() and (by_warp[1][w] != by_warp[1][0]).any()
    ]
    warps = len(same) + 1
    if same != list(range(1, warps)):
        raise context.em.error(f"expected rows shared by neighbouring warps, got {type_.layout}")
    return masks, warps


def _mixes(rows: np.ndarray, columns: np.ndarray, other: np.ndarray) -> bool:
    """Whether some threads share rows with their partner and others do not."""
    shared = (rows[other] == rows).all(axis=1) & (columns[other] != columns).any(axis=1)
    return bool(shared.any())


def _reduce_over_warps(
    context: Context, op: ReduceOp, rows: SSAValue, lanes: list[int], warps: int, wide: Attribute
) -> None:
    """Each warp leaves its part in column (warp % warps) of the scratch, then every thread gathers its rows."""
    if op.scratch is None:
        raise context.em.error(f"expected scratch of rows x {warps}, since {warps} warps share a row, got none")
    em, type_, tile = context.em, frag_type(op.value), context.tiles[op.scratch]
    if tile.type.element_type != wide or tile.type.tile[0] < type_.tile[0] or tile.type.tile[1] < warps:
        raise context.em.error(f"expected scratch of {type_.tile[0]}x{warps}x{wide} at least, got {tile.type}")
    thread = context.role.thread
    part = thread // 32 % warps
    first = _first_lane(context, lanes)
    _claim(context, op, op.scratch)

    def write(n: Ix, register: Ix) -> None:
        row, _ = type_.layout.index(type_.tile, thread, register)
        em.emit(StSharedOp(rows, em.value(n), tile.array, em.value(shared_position(tile, row, part)), 1, first))

    each_row(context, type_, write)
    context.barrier()

    def read(n: Ix, register: Ix) -> None:
        row, _ = type_.layout.index(type_.tile, thread, register)
        parts = context.local(warps, wide, "parts")
        width = shared_vector(tile, em.ix(0), warps)
        with em.loop(warps // width, "w") as w:
            position = em.value(shared_position(tile, row, w * width))
            em.emit(LdSharedOp(tile.array, position, parts, em.value(w * width), width))
        em.store(em.load(parts, 0), rows, n)
        with em.loop(warps - 1, "w") as w:
            em.store(_combine(context, op.kind.data, em.load(rows, n), em.load(parts, w + 1)), rows, n)

    each_row(context, type_, read)


def _first_lane(context: Context, lanes: list[int]) -> SSAValue | None:
    """Whether the thread is the first of the lanes that share its rows."""
    if not lanes:
        return None
    bits = context.role.thread % 32
    conditions = [context.em.below(bits // mask % 2, 1) for mask in lanes]
    if lanes == [1 << i for i in range(len(lanes))]:
        conditions = [context.em.below(context.role.thread % (1 << len(lanes)), 1)]
    return context.em.all(*conditions)


def _accumulator(context: Context, element: Attribute) -> Attribute:
    """What a reduction over this type is computed in: 32-bit scalars, which shuffles move."""
    if isinstance(element, Float64Type) or (isinstance(element, IntegerType) and element.width.data > 32):
        raise context.em.error(f"expected elements of at most 32 bits to reduce, got {element}; cast them first")
    if isinstance(element, IntegerType):
        return i32
    return f32


def _widened(context: Context, value: SSAValue, wide: Attribute) -> SSAValue:
    if value.type == wide:
        return value
    if value.type in NARROW_FLOATS:
        return context.em.emit(arith.ExtFOp(value, f32)).results[0]
    return context.em.emit(arith.ExtSIOp(value, i32)).results[0]


def _narrowed(context: Context, rows: SSAValue, type_: FragType, wide: Attribute) -> SSAValue:
    if type_.element_type == wide:
        return rows
    em, result = context.em, context.new_array(type_)
    element = type_.element_type
    with em.loop(type_.registers, "r") as r:
        value = em.load(rows, r)
        narrow = arith.TruncIOp(value, element) if isinstance(element, IntegerType) else _truncated(value, element)
        em.store(em.emit(narrow).results[0], result, r)
    return result


def _truncated(value: SSAValue, element: Attribute) -> arith.TruncFOp:
    assert element in NARROW_FLOATS
    return arith.TruncFOp(value, element)


def _combine(context: Context, kind: str, left: SSAValue, right: SSAValue) -> SSAValue:
    make = (_FLOAT if left.type == f32 else _INTEGER)[kind]
    return context.em.emit(make(left, right)).results[0]


def _identity(context: Context, kind: str, type_: Attribute) -> SSAValue:
    """The value that changes nothing: sums start at 0, products at 1, maxima at the least value."""
    if type_ == f32:
        value = {"sum": 0.0, "prod": 1.0, "max": -np.inf, "min": np.inf}[kind]
        attribute: Attribute = FloatAttr(float(value), f32)
    else:
        attribute = IntegerAttr({"sum": 0, "prod": 1, "max": -(2**31), "min": 2**31 - 1}[kind], i32)
    return context.em.pure((arith.ConstantOp, attribute), (), arith.ConstantOp, attribute)


def _claim(context: Context, op: Operation, scratch: SSAValue) -> None:
    """A barrier before scratch is written, unless nothing can have used it yet: its first use in a kernel, outside loops."""
    touched = ("touched", scratch)
    alloc, parent = scratch.owner, op.parent_op()
    fresh = (
        touched not in context.cache
        and isinstance(alloc, AllocOp)
        and alloc.over is None
        and isinstance(parent, FuncOp)
        and all(isinstance(use.operation, ReduceOp | ConvertLayoutOp) for use in scratch.uses)
    )
    context.cache[touched] = True
    if not fresh:
        context.barrier()


# Changes of layout.


def lower_convert_layout(context: Context, op: ConvertLayoutOp) -> None:
    """A renaming or permutation of registers where each thread holds what it needs, else an exchange through shared memory."""
    em, source, target = context.em, frag_type(op.value), frag_type(op.result)
    permutation = register_permutation(source, target)
    if permutation == list(range(target.registers)) and source.registers == target.registers:
        context.arrays[op.result] = context.take(op.value, op)
        return
    array = context.new_array(target, op.result.name_hint)
    context.arrays[op.result] = array
    if permutation is not None:
        _move_registers(context, context.array(op.value), array, permutation)
        return
    if op.scratch is None:
        raise em.error(
            f"expected scratch to go from {source.layout} to {target.layout}, since threads exchange elements, got none"
        )
    tile: Tile = context.tiles[op.scratch]
    rows, columns = source.tile[0], 1 if source.is_rows else source.tile[1]
    if tile.type.element_type != source.element_type or tile.type.tile[0] < rows or tile.type.tile[1] < columns:
        raise em.error(f"expected scratch of at least {rows}x{columns}x{source.element_type}, got {tile.type}")
    zero = em.ix(0)
    _claim(context, op, op.scratch)
    write_tile(context, tile, context.array(op.value), source, zero, zero)
    context.barrier()
    read_tile(context, tile, array, target, zero, zero)


def lower_columns(context: Context, op: ColumnsOp) -> None:
    """A copy of the registers that hold these columns."""
    source, target, first = frag_type(op.value), frag_type(op.result), op.first.value.data
    picks = register_permutation(source, target, first)
    if picks is None:
        raise context.em.error(
            f"expected columns {first} to {first + target.tile[1] - 1} in each thread's own registers, got {source}"
        )
    array = context.new_array(target, op.result.name_hint)
    _move_registers(context, context.array(op.value), array, picks)
    context.arrays[op.result] = array


def _move_registers(context: Context, source: SSAValue, target: SSAValue, picks: list[int]) -> None:
    """target[r] = source[picks[r]]: one loop where the picks are runs of neighbours at regular distances."""
    em, n = context.em, len(picks)
    run = next((r for r in range(1, n) if picks[r] != picks[0] + r), n)
    stride = picks[run] - picks[0] if run < n else 0
    if n % run == 0 and all(p == picks[0] + r // run * stride + r % run for r, p in enumerate(picks)):
        with em.loop(n // run, "i") as i, em.loop(run, "r") as r:
            em.store(em.load(source, i * stride + r + picks[0]), target, i * run + r)
        return
    for r, p in enumerate(picks):
        em.store(em.load(source, p), target, r)


def register_permutation(source: FragType, target: FragType, first_column: int = 0) -> list[int] | None:
    """
    For each register of `target` the register of `source` that holds, in every thread, the same element (`first_column` columns further
    right); None if threads differ or lack it.
    """
    rows, columns = _places(source)
    wanted_rows, wanted_columns = _places(target)
    wanted_columns = wanted_columns + first_column
    if rows.shape[0] != wanted_rows.shape[0]:
        return None
    places = {(int(i), int(j)): r for r, (i, j) in enumerate(zip(rows[0], columns[0], strict=True))}
    wanted = zip(wanted_rows[0], wanted_columns[0], strict=True)
    picks = [places.get((int(i), int(j))) for i, j in wanted]
    found = [p for p in picks if p is not None]
    if len(found) < len(picks):
        return None
    same = (rows[:, found] == wanted_rows).all() and (columns[:, found] == wanted_columns).all()
    return found if same else None


def _places(type_: FragType) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the elements that threads hold, as arrays [threads, registers]; a rows fragment is one column."""
    rows, columns = type_.layout.table(type_.tile)
    if type_.is_rows:
        rows = rows[:, type_.layout.representatives(type_.tile)]
        return rows, np.zeros_like(rows)
    return rows, columns
