"""
What each thread op does to a strand: a table from op class to a decoder, which reads an op once and returns a function over strands.

Structured ops (scf) and ops that block are generator functions. The cluster counts executed ops, so that "written since the last fence"
is a comparison.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from xdsl.dialects import arith, memref, scf
from xdsl.dialects.builtin import IndexType, MemRefType
from xdsl.ir import Block, BlockArgument, Operation, SSAValue

from ...dialects import kernel
from ...dialects.errors import SimulationError
from ...dialects.kernel_types import GlobalType
from ...dialects.provenance import describe
from .clocks import Barrier, Mbarrier, RuleBroken
from .memory import CP_ASYNC, MBARRIER, TMA
from .scalars import constant, dtype_of, evaluate
from .strands import BlockState, Code, Local, LocalRef, Steps, Strand, Value, Wait, varying
from .tensor_cores import KINDS, box_addresses, gather, ldmatrix, mma_sync, operand_addresses, wgmma
from .tma import Box

Step = Callable[[Strand], Any]
OpT = TypeVar("OpT", bound=Operation)
_DECODERS: dict[type[Operation], Callable[[Any], Step]] = {}
BLOCKING = (kernel.BarSyncOp, kernel.MbarWaitOp, kernel.ClusterSyncOp)


def decodes(*classes: type[Operation]) -> Callable[[Callable[[Any], Step]], Callable[[Any], Step]]:
    """Registers a decoder."""

    def register(decoder: Callable[[Any], Step]) -> Callable[[Any], Step]:
        _DECODERS.update(dict.fromkeys(classes, decoder))
        return decoder

    return register


def decode(block: Block) -> Code:
    """The code of a block. Raises SimulationError for an op that is no thread op."""
    steps: list[tuple[Operation, Step, bool]] = []
    yields: list[SSAValue] = []
    for op in block.ops:
        if isinstance(op, scf.YieldOp):
            yields = list(op.operands)
        elif not isinstance(op, kernel.ReturnOp | kernel.ViewOp | kernel.Im2colOp | kernel.TensorMapOp):
            blocking = any(isinstance(inner, BLOCKING) for inner in op.walk())
            steps.append((op, _decode_op(op, blocking), blocking))
    return Code(steps, any(blocking for *_, blocking in steps), yields)


def _decode_op(op: Operation, blocking: bool) -> Step:
    decoder = _DECODERS.get(type(op))
    if decoder is None and op.dialect_name() in ("arith", "math"):
        decoder = _scalar
    if decoder is None:
        raise SimulationError(
            f"the simulator does not know {describe(op)}; expected thread ops (run lower-to-threads first)"
        )
    step = decoder(op)
    if not isinstance(op, scf.ForOp | scf.IfOp) or blocking:
        return step

    def run_through(s: Strand) -> None:
        deque(step(s), 0)

    return run_through


# Scalars and control flow.


def _scalar(op: Operation) -> Step:
    operands, result = tuple(op.operands), op.results[0]

    def step(s: Strand) -> None:
        s.env[result] = evaluate(op, [s[o] for o in operands])

    return step


@decodes(arith.ConstantOp)
def _(op: arith.ConstantOp) -> Step:
    value, result = constant(op), op.result

    def step(s: Strand) -> None:
        s.env[result] = value

    return step


@decodes(arith.SelectOp)
def _(op: arith.SelectOp) -> Step:
    condition, a, b, result = op.cond, op.lhs, op.rhs, op.result

    def step(s: Strand) -> None:
        chosen = s[condition]
        s.env[result] = np.where(chosen, s[a], s[b]) if varying(chosen) else s[a if chosen else b]

    return step


@decodes(arith.DivUIOp, arith.RemUIOp)
def _(op: arith.DivUIOp | arith.RemUIOp) -> Step:
    """As on the GPU, where index has 32 bits: negative operands are large."""
    a, b, result, divide = op.lhs, op.rhs, op.result, isinstance(op, arith.DivUIOp)
    dtype = dtype_of(result.type)
    bits = 4 if isinstance(result.type, IndexType) else dtype.itemsize
    signed, unsigned = np.dtype(f"i{bits}"), np.dtype(f"u{bits}")

    def step(s: Strand) -> None:
        left, right = (np.asarray(s[x]).astype(unsigned) for x in (a, b))
        right = np.maximum(right, 1)  # dividing by zero gives anything, and nothing may depend on it
        s.env[result] = (left // right if divide else left % right).astype(signed).astype(dtype)

    return step


@decodes(scf.ForOp)
def _(op: scf.ForOp) -> Step:
    code, counter, arguments = decode(op.body.block), op.body.block.args[0], op.body.block.args[1:]
    bounds, initial, results = (op.lb, op.ub, op.step), tuple(op.iter_args), tuple(op.results)
    dtype = dtype_of(counter.type).type

    def step(s: Strand) -> Steps:
        low, high, by = (s[b] for b in bounds)
        values = [s[v] for v in initial]
        if varying(low) or varying(high) or varying(by):
            low, high, by = s.uniform(bounds[0]), s.uniform(bounds[1]), s.uniform(bounds[2])
        for i in range(int(low), int(high), int(by)):
            s.env[counter] = dtype(i)
            for argument, value in zip(arguments, values, strict=True):
                s.env[argument] = value
            yield from s.execute(code)
            values = [s[v] for v in code.yields]
        s.env.update(zip(results, values, strict=True))

    def varying_step(s: Strand) -> Steps:
        """Threads with bounds of their own: those that still run make a strand for each turn."""
        low, high, by = (s.each(b) for b in bounds)
        values = [s[v] for v in initial]
        now = low.copy()
        while (active := np.flatnonzero(now < high)).size:
            turn = s.child(active)
            turn.env[counter] = now[active].astype(dtype)
            for argument, value in zip(arguments, values, strict=True):
                turn.env[argument] = value[active] if varying(value) else value
            yield from turn.execute(code)
            values = [_merge(s.n, [(active, turn[y])], old) for y, old in zip(code.yields, values, strict=True)]
            now = np.where(now < high, now + by, now)
        s.env.update(zip(results, values, strict=True))

    def choose(s: Strand) -> Steps:
        ranges = [s[b] for b in bounds]
        same = all(not varying(b) or (b == b[0]).all() for b in ranges)
        return step(s) if same else varying_step(s)

    return choose


def _merge(n: int, parts: list[tuple[np.ndarray, Value]], old: Value | None = None) -> Value:
    """One array from what parts of a strand hold; the rest keeps `old`."""
    sample = np.asarray(parts[0][1])
    merged = np.empty(n, sample.dtype) if old is None else np.broadcast_to(old, (n,)).copy()
    for rows, value in parts:
        merged[rows] = value
    return merged


@decodes(scf.IfOp)
def _(op: scf.IfOp) -> Step:
    condition, results = op.cond, tuple(op.results)
    then = decode(op.true_region.block)
    otherwise = decode(op.false_region.block) if op.false_region.blocks else Code([], False, [])

    def step(s: Strand) -> Steps:
        chosen = s[condition]
        if varying(chosen) and (chosen.all() or not chosen.any()):
            chosen = chosen[0]
        if not varying(chosen):
            code = then if chosen else otherwise
            yield from s.execute(code)
            s.env.update(zip(results, [s[y] for y in code.yields], strict=True))
            return
        rows = np.flatnonzero(chosen), np.flatnonzero(~chosen)
        halves = [(s.child(rows[0]), then), (s.child(rows[1]), otherwise)]
        if then.blocking or otherwise.blocking:
            yield from s.block.cluster.both(s, halves)
        else:
            for half, code in halves:
                yield from half.execute(code)
        for result, a, b in zip(results, then.yields, otherwise.yields, strict=True):
            s.env[result] = _merge(s.n, [(rows[0], halves[0][0][a]), (rows[1], halves[1][0][b])])

    return step


@decodes(kernel.ThreadIdOp)
def _(op: kernel.ThreadIdOp) -> Step:
    result = op.result

    def step(s: Strand) -> None:
        s.env[result] = s.threads.astype(np.int64)

    return step


@decodes(kernel.ParamOp)
def _(op: kernel.ParamOp) -> Step:
    result, symbol = op.result, op.symbol.data

    def step(s: Strand) -> None:
        if symbol not in s.block.cluster.symbols:
            raise RuleBroken(f"symbol {symbol} is not bound; expected one of {sorted(s.block.cluster.symbols)}")
        s.env[result] = np.int64(s.block.cluster.symbols[symbol])

    return step


@decodes(kernel.ClusterRankOp)
def _(op: kernel.ClusterRankOp) -> Step:
    result = op.result

    def step(s: Strand) -> None:
        s.env[result] = np.int64(s.block.rank)

    return step


@decodes(kernel.SetmaxnregOp, kernel.GridWaitOp, kernel.GridSignalOp)
def _(op: Operation) -> Step:
    return lambda s: None


# Register arrays.


@decodes(kernel.LocalOp)
def _(op: kernel.LocalOp) -> Step:
    result, type_ = op.result, op.result.type
    assert isinstance(type_, MemRefType)
    length, dtype = type_.get_shape()[0], dtype_of(type_.element_type)

    def step(s: Strand) -> None:
        s.env[result] = LocalRef(Local(s.n, length, dtype), slice(None))

    return step


@decodes(memref.LoadOp)
def _(op: memref.LoadOp) -> Step:
    array, position, result = op.memref, op.indices[0], op.res

    def step(s: Strand) -> None:
        s.env[result] = s[array].read(s[position], 1)[:, 0].copy()

    return step


@decodes(memref.StoreOp)
def _(op: memref.StoreOp) -> Step:
    array, position, value = op.memref, op.indices[0], op.value

    def step(s: Strand) -> None:
        values = s[value]
        column = values[:, None] if varying(values) else np.broadcast_to(np.asarray(values), (s.n, 1))
        s[array].write(s[position], column, None, s.block.cluster.count)

    return step


def _width(op: Operation, type_: Any) -> tuple[int, int]:
    """(count, bytes) of a move."""
    count = op.properties["count"].value.data  # pyright: ignore[reportAttributeAccessIssue]
    width = count * dtype_of(type_.element_type).itemsize
    if width not in (1, 2, 4, 8, 16):
        raise SimulationError(f"{describe(op)}: expected an access of 1, 2, 4, 8 or 16 bytes, got {width}")
    return count, width


def _mask(s: Strand, predicate: SSAValue | None) -> np.ndarray | None:
    """The threads that move something, or None for all."""
    if predicate is None:
        return None
    found = s[predicate]
    mask = found if varying(found) else np.full(s.n, bool(found))
    return None if mask.all() else mask


def _selected(mask: np.ndarray | None, *arrays: np.ndarray) -> tuple[np.ndarray, ...]:
    return arrays if mask is None else tuple(a[mask] for a in arrays)


# Global and shared memory.


@decodes(kernel.LdGlobalOp)
def _(op: kernel.LdGlobalOp) -> Step:
    source, offset, target, position, predicate = op.source, op.offset, op.target, op.position, op.predicate
    count, _ = _width(op, source.type)

    def step(s: Strand) -> None:
        mask = _mask(s, predicate)
        (at,) = _selected(mask, s.each(offset))
        ref: LocalRef = s[target]
        loaded = s.block.cluster.tensors[source].load(at, count, s.block.number)
        ref.write(s[position], _spread(loaded, mask, s.n), mask, s.block.cluster.count)

    return step


def _spread(values: np.ndarray, mask: np.ndarray | None, n: int) -> np.ndarray:
    """Values of the selected threads at their rows."""
    if mask is None:
        return values
    full = np.zeros((n, values.shape[1]), values.dtype)
    full[mask] = values
    return full


@decodes(kernel.StGlobalOp)
def _(op: kernel.StGlobalOp) -> Step:
    source, position, target, offset, predicate = op.source, op.position, op.target, op.offset, op.predicate
    count, _ = _width(op, target.type)

    def step(s: Strand) -> None:
        mask = _mask(s, predicate)
        values = s[source].read(s[position], count)
        at, values, warps = _selected(mask, s.each(offset), values, s.warps)
        s.block.cluster.tensors[target].store(at, values, s.block.number, warps, s.block.cluster.clocks)

    return step


@decodes(kernel.SmemOp)
def _(op: kernel.SmemOp) -> Step:
    """Its value is its byte offset; accesses read the element type from its type."""
    result, offset = op.result, np.int64(op.offset.value.data)

    def step(s: Strand) -> None:
        s.env[result] = offset

    return step


def _shared_address(s: Strand, array: SSAValue, offset: SSAValue, count: int) -> np.ndarray:
    """Byte addresses [threads] of `count` elements; checked against the array."""
    type_ = array.type
    assert isinstance(type_, MemRefType)
    at = s.each(offset)
    length = type_.get_shape()[0]
    if at.min() < 0 or at.max() + count > length:
        raise RuleBroken(f"shared array access out of bounds: elements {at.min()} to {at.max() + count} of {length}")
    return s[array] + at * dtype_of(type_.element_type).itemsize


def _select_address(s: Strand, array: SSAValue, offset: SSAValue, count: int, mask: np.ndarray | None) -> np.ndarray:
    """As above, for the selected threads only: the others' offsets may lie anywhere."""
    if mask is None:
        return _shared_address(s, array, offset, count)
    rows = np.flatnonzero(mask)
    return _shared_address(s.child(rows), array, offset, count) if rows.size else np.zeros(0, np.int64)


@decodes(kernel.LdSharedOp)
def _(op: kernel.LdSharedOp) -> Step:
    source, offset, target, position, predicate = op.source, op.offset, op.target, op.position, op.predicate
    count, width = _width(op, source.type)
    dtype = dtype_of(source.type.element_type)  # pyright: ignore[reportAttributeAccessIssue]

    def step(s: Strand) -> None:
        mask, shared = _mask(s, predicate), s.block.shared
        address = _select_address(s, source, offset, count, mask)
        (warps,) = _selected(mask, s.warps[:, None])
        granules = shared.granules(address, width)
        shared.check_read(granules, warps)
        shared.record_read(granules, warps)
        values = shared.load(address, width).view(dtype)
        s[target].write(s[position], _spread(values, mask, s.n), mask, s.block.cluster.count)

    return step


@decodes(kernel.StSharedOp)
def _(op: kernel.StSharedOp) -> Step:
    source, position, target, offset, predicate = op.source, op.position, op.target, op.offset, op.predicate
    count, width = _width(op, target.type)

    def step(s: Strand) -> None:
        mask, shared = _mask(s, predicate), s.block.shared
        address = _select_address(s, target, offset, count, mask)
        values = np.ascontiguousarray(s[source].read(s[position], count)).view(np.uint8)
        values, warps, threads = _selected(mask, values, s.warps[:, None], s.threads[:, None])
        granules = shared.granules(address, width)
        shared.check_write(granules, warps)
        shared.store(address, values)
        if shared.record_write(granules, warps, threads) and (shared.load(address, width) != values).any():
            raise RuleBroken("race: two warps write the same bytes of shared memory at once")

    return step


# cp.async.


@decodes(kernel.CpAsyncOp)
def _(op: kernel.CpAsyncOp) -> Step:
    source, source_offset, target, target_offset, predicate = (
        op.source, op.source_offset, op.target, op.target_offset, op.predicate,
    )  # fmt: skip
    count, width = _width(op, source.type)
    if width < 4:
        raise SimulationError(f"{describe(op)}: expected a copy of 4, 8 or 16 bytes, got {width}")

    def step(s: Strand) -> None:
        mask, block = _mask(s, predicate), s.block
        address = _shared_address(s, target, target_offset, count)
        granules = block.shared.granules(address, width)
        block.shared.check_write(granules, s.warps[:, None])
        (at,) = _selected(mask, s.each(source_offset))
        values = block.cluster.tensors[source].load(at, count, block.number)
        block.shared.landing[granules] = CP_ASYNC
        filled = np.ascontiguousarray(_spread(values, mask, s.n)).view(np.uint8)
        block.cp_copies.append((s.threads, block.cp_groups[s.threads], address, filled))

    return step


@decodes(kernel.CpAsyncCommitOp)
def _(op: kernel.CpAsyncCommitOp) -> Step:
    def step(s: Strand) -> None:
        s.block.cp_groups[s.threads] += 1

    return step


@decodes(kernel.CpAsyncWaitOp)
def _(op: kernel.CpAsyncWaitOp) -> Step:
    pending = op.pending.value.data

    def step(s: Strand) -> None:
        block, left = s.block, []
        limit = np.full(block.threads, -1, np.int64)
        limit[s.threads] = block.cp_groups[s.threads] - pending
        for threads, groups, address, values in block.cp_copies:
            landed = groups < limit[threads]
            if landed.any():
                here = threads[landed]
                granules = block.shared.granules(address[landed], values.shape[1])
                block.shared.landing[granules] = 0
                block.shared.store(address[landed], values[landed])
                block.shared.record_write(granules, (here // 32 + block.first_warp)[:, None], here[:, None])
            if not landed.all():
                keep = ~landed
                left.append((threads[keep], groups[keep], address[keep], values[keep]))
        block.cp_copies = left

    return step


# Warp-wide instructions.


@decodes(kernel.ShuffleXorOp)
def _(op: kernel.ShuffleXorOp) -> Step:
    value, result, mask = op.value, op.result, op.mask.value.data
    lanes = np.arange(32) ^ mask

    def step(s: Strand) -> None:
        s.whole_warps()
        found = s[value]
        s.env[result] = found.reshape(-1, 32)[:, lanes].reshape(-1) if varying(found) else found

    return step


@decodes(kernel.LdmatrixOp)
def _(op: kernel.LdmatrixOp) -> Step:
    source, offset, target, position, count = op.source, op.offset, op.target, op.position, op.count.value.data
    transposed = op.transposed is not None
    type_ = source.type
    assert isinstance(type_, MemRefType)
    row_elements = 16 // dtype_of(type_.element_type).itemsize

    def step(s: Strand) -> None:
        s.whole_warps()
        shared = s.block.shared
        used = np.flatnonzero(np.arange(s.n) % 32 < 8 * count)
        half = s if count == 4 else s.child(used)
        address = _shared_address(half, source, offset, row_elements)
        warps = half.warps[:, None]
        granules = shared.granules(address, 16)
        shared.check_read(granules, warps)
        shared.record_read(granules, warps)
        rows = shared.load(address, 16).view(np.uint16).reshape(s.n // 32, 8 * count, 8)
        registers = np.ascontiguousarray(ldmatrix(rows, count, transposed=transposed)).reshape(s.n, 2 * count)
        ref: LocalRef = s[target]
        ref.write(s[position], registers.view(ref.local.data.dtype), None, s.block.cluster.count)

    return step


def _registers(s: Strand, array: SSAValue, position: Value, count: int, dtype: np.dtype) -> np.ndarray:
    """`count` 32-bit registers of an array of any element type, as elements of `dtype`."""
    ref: LocalRef = s[array]
    return np.ascontiguousarray(ref.read(position, 4 * count // ref.local.data.itemsize)).view(dtype)


@decodes(kernel.MmaSyncOp)
def _(op: kernel.MmaSyncOp) -> Step:
    kind = op.kind.data
    if kind not in KINDS:
        raise SimulationError(f"{describe(op)}: expected a kind among {sorted(KINDS)}, got '{kind}'")
    _, dtype, acc_dtype = KINDS[kind]
    acc, at_acc, a, at_a, b, at_b = op.acc, op.acc_position, op.a, op.a_position, op.b, op.b_position

    def step(s: Strand) -> None:
        s.whole_warps()
        old = _registers(s, acc, s[at_acc], 4, acc_dtype)
        new = mma_sync(kind, old, _registers(s, a, s[at_a], 4, dtype), _registers(s, b, s[at_b], 2, dtype))
        s[acc].write(s[at_acc], new, None, s.block.cluster.count)

    return step


# Warpgroup-wide instructions.


def _warpgroups(s: Strand) -> list[int]:
    """The first thread of each warpgroup of a strand of whole warpgroups."""
    s.whole_warps()
    first = s.threads[::128]
    if s.n % 128 or (first % 128).any() or (s.threads.reshape(-1, 128)[:, -1] != first + 127).any():
        raise RuleBroken(f"wgmma is executed by {s.n} threads from thread {s.threads[0]}; expected whole warpgroups")
    return [int(t) for t in first]


@decodes(kernel.WgmmaFenceOp)
def _(op: kernel.WgmmaFenceOp) -> Step:
    def step(s: Strand) -> None:
        for group in _warpgroups(s):
            s.block.wgmma_fence[group] = s.block.cluster.count

    return step


@decodes(kernel.WgmmaOp)
def _(op: kernel.WgmmaOp) -> Step:
    kind, n, swizzle = op.kind.data, op.n.value.data, op.swizzle.value.data
    acc, at_acc, a_local, a, b, transposed = (
        op.acc,
        op.acc_position,
        op.a_local,
        op.a,
        op.b,
        op.b_transposed is not None,
    )
    if kind not in KINDS:
        raise SimulationError(f"{describe(op)}: expected a kind among {sorted(KINDS)}, got '{kind}'")
    e, dtype, _ = KINDS[kind]
    k, size = 8 * e, dtype.itemsize

    def operand(s: Strand, start: int, rows: int, bytes_: int, warps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Elements [rows, bytes / size] of a shared operand, and its granules, marked as being read."""
        shared = s.block.shared
        if start % 16:
            raise RuleBroken(f"wgmma operand at byte {start}: expected a multiple of 16")
        address, granules = operand_addresses(start, rows, bytes_, swizzle, shared.granule)
        if start < 0 or address.max() >= shared.size:
            raise RuleBroken(f"wgmma operand out of bounds: it ends at byte {address.max()} of {shared.size}")
        shared.check_read_async(granules, warps)
        shared.reading[granules] += 1
        return shared.data[address].view(dtype), granules

    def step(s: Strand) -> None:
        block = s.block
        ref: LocalRef = s[acc]
        at = s.uniform(at_acc)
        starts_a, starts_b = s.each(a), s.each(b)
        all_rows = np.arange(len(ref.local.data))[ref.rows]
        for index, group in enumerate(_warpgroups(s)):
            here = slice(128 * index, 128 * index + 128)
            for starts in (starts_a, starts_b):
                if (starts[here] != starts[128 * index]).any():
                    raise RuleBroken("wgmma: operand addresses differ within a warpgroup")
            fence = block.wgmma_fence.get(group, -1)
            if ref.local.changed > fence or (a_local is not None and s[a_local].local.changed > fence):
                raise RuleBroken("wgmma_fence is missing between an ordinary write of wgmma's registers and this wgmma")
            warps = np.unique(s.warps[here])
            read: list[np.ndarray] = []
            if a_local is None:
                left, granules = operand(s, int(starts_a[128 * index]), 64, k * size, warps)
                read.append(granules)
                register_reads = None
            else:
                source: LocalRef = s[a_local]
                position, count = int(starts_a[128 * index]), 16 // source.local.data.itemsize
                place = (np.arange(len(source.local.data))[source.rows][here, None], position + np.arange(count))
                values = np.ascontiguousarray(source.read(np.int64(position), count)[here]).view(dtype)
                left = gather("a", e, values, (16, k)).reshape(64, k)
                source.local.counts("reading")[place] += 1
                register_reads = (source.local, place)
            if transposed:
                right, granules = operand(s, int(starts_b[128 * index]), k, n * size, warps)
                right = right.T
            else:
                right, granules = operand(s, int(starts_b[128 * index]), n, k * size, warps)
            read.append(granules)
            place = (all_rows[here, None], at + np.arange(n // 2))
            ref.local.data[place] += wgmma(kind, left, right)
            ref.local.counts("pending")[place] += 1
            block.wgmma_open.setdefault(group, []).append((ref.local, place, register_reads, read, warps))

    return step


@decodes(kernel.WgmmaCommitOp)
def _(op: kernel.WgmmaCommitOp) -> Step:
    def step(s: Strand) -> None:
        for group in _warpgroups(s):
            s.block.wgmma_groups.setdefault(group, []).append(s.block.wgmma_open.pop(group, []))
            s.block.wgmma_fence.pop(group, None)  # each group has a fence of its own

    return step


@decodes(kernel.WgmmaWaitOp)
def _(op: kernel.WgmmaWaitOp) -> Step:
    pending = op.pending.value.data

    def step(s: Strand) -> None:
        shared = s.block.shared
        for group in _warpgroups(s):
            groups = s.block.wgmma_groups.get(group, [])
            while len(groups) > pending:
                for local, place, register_reads, read, warps in groups.pop(0):
                    local.counts("pending")[place] -= 1
                    if register_reads is not None:
                        register_reads[0].counts("reading")[register_reads[1]] -= 1
                    for granules in read:
                        shared.reading[granules] -= 1
                        shared.record_read(granules[None, :], warps[:, None])

    return step


# Barriers.


@decodes(kernel.BarSyncOp)
def _(op: kernel.BarSyncOp) -> Step:
    number, threads = op.id.value.data, op.threads.value.data

    def step(s: Strand) -> Steps:
        barrier = s.block.barriers.setdefault(number, Barrier())
        generation = barrier.generation
        barrier.arrive(s.block.cluster.clocks, s.own_warps, s.n, threads)
        yield Wait(lambda: barrier.generation > generation, f"barrier {number}")

    return step


@decodes(kernel.ClusterSyncOp)
def _(op: kernel.ClusterSyncOp) -> Step:
    def step(s: Strand) -> Steps:
        cluster = s.block.cluster
        barrier, generation = cluster.barrier, cluster.barrier.generation
        barrier.arrive(cluster.clocks, s.own_warps, s.n, sum(b.threads for b in cluster.blocks))
        yield Wait(lambda: barrier.generation > generation, "the cluster barrier")

    return step


@decodes(kernel.FenceProxyAsyncOp)
def _(op: kernel.FenceProxyAsyncOp) -> Step:
    def step(s: Strand) -> None:
        s.block.shared.fence(s.threads)

    return step


@decodes(kernel.MbarInitOp)
def _(op: kernel.MbarInitOp) -> Step:
    place, count = op.barrier, op.count.value.data

    def step(s: Strand) -> None:
        s.single()
        block, offset = s.block, s.uniform(place)
        granules = block.shared.granules(np.array([offset]), 8)
        block.shared.check_write(granules, s.warps[:, None])
        block.shared.landing[granules] = MBARRIER
        clocks, warp = block.cluster.clocks, int(s.warps[0])
        block.mbarriers[offset] = Mbarrier(clocks.new_agent(), count, warp, int(clocks.vc[warp, warp]))

    return step


@decodes(kernel.MbarInitFenceOp)
def _(op: kernel.MbarInitFenceOp) -> Step:
    def step(s: Strand) -> None:
        for barrier in s.block.mbarriers.values():
            barrier.fenced = barrier.fenced or barrier.initialiser in s.own_warps

    return step


def _mbarrier(s: Strand, block: BlockState, offset: int, *, remote: bool) -> Mbarrier:
    """The mbarrier at a byte offset of a block, initialised before this strand's warps use it."""
    barrier = block.mbarriers.get(offset)
    if barrier is None:
        raise RuleBroken(f"there is no mbarrier at byte {offset} of shared memory of block {block.coords}")
    if (s.block.cluster.clocks.vc[s.own_warps, barrier.initialiser] < barrier.since).any():
        raise RuleBroken(
            "the mbarrier is used before its initialisation is ordered (a barrier after mbar_init is missing)"
        )
    if remote and not barrier.fenced:
        raise RuleBroken(
            "the mbarrier is used by TMA or by another block without mbar_init_fence after its initialisation"
        )
    return barrier


@decodes(kernel.MbarArriveOp)
def _(op: kernel.MbarArriveOp) -> Step:
    place, rank = op.barrier, op.rank

    def step(s: Strand) -> None:
        cluster, block = s.block.cluster, s.block
        if rank is not None:
            target = s.uniform(rank)
            if not 0 <= target < len(cluster.blocks):
                raise RuleBroken(f"rank {target} is not in a cluster of {len(cluster.blocks)}")
            block = cluster.blocks[target]
        barrier = _mbarrier(s, block, s.uniform(place), remote=block is not s.block)
        if block is not s.block:
            block.remote_arrivals += [(int(w), int(cluster.clocks.vc[w, w])) for w in s.own_warps]
        barrier.arrive(cluster.clocks, s.own_warps, s.n)

    return step


@decodes(kernel.MbarExpectOp)
def _(op: kernel.MbarExpectOp) -> Step:
    place, bytes_ = op.barrier, op.bytes.value.data

    def step(s: Strand) -> None:
        s.single()
        barrier = _mbarrier(s, s.block, s.uniform(place), remote=False)
        barrier.bytes += bytes_
        barrier.arrive(s.block.cluster.clocks, s.own_warps, s.n)

    return step


@decodes(kernel.MbarWaitOp)
def _(op: kernel.MbarWaitOp) -> Step:
    place, parity_of = op.barrier, op.parity

    def step(s: Strand) -> Steps:
        offset, parity = s.uniform(place), s.uniform(parity_of)
        barrier = _mbarrier(s, s.block, offset, remote=False)
        if parity not in (0, 1):
            raise RuleBroken(f"expected a parity of 0 or 1, got {parity}")
        yield Wait(
            lambda: barrier.is_complete(parity),
            f"parity {parity} of the mbarrier at byte {offset} (in phase {barrier.phase})",
        )
        if barrier.complete is not None:
            s.block.cluster.clocks.acquire(s.own_warps, barrier.complete)

    return step


# TMA.


def _box(op: kernel.TmaLoadOp | kernel.TmaStoreOp) -> tuple[Callable[[Strand], Box], np.dtype]:
    made = op.map.owner
    if not isinstance(made, kernel.TensorMapOp):
        raise SimulationError(f"{describe(op)}: expected a tensor map made by kernel.tensor_map, got {made}")
    element = op.map.type.element_type  # pyright: ignore[reportAttributeAccessIssue]
    dtype = dtype_of(element)

    def box(s: Strand) -> Box:
        return Box.of(made, s.block.cluster.symbols, dtype.itemsize)

    return box, dtype


def _tile_addresses(s: Strand, start: int, bytes_: int, swizzle: int) -> tuple[np.ndarray, np.ndarray]:
    """Byte addresses of a box in shared memory, in its order, and their granules."""
    if start % 128:
        raise RuleBroken(f"TMA tile at byte {start} of shared memory: expected a multiple of 128")
    if start < 0 or start + bytes_ > s.block.shared.size:
        raise RuleBroken(f"TMA tile out of bounds: bytes {start} to {start + bytes_} of {s.block.shared.size}")
    return box_addresses(start, bytes_, swizzle, s.block.shared.granule)


@decodes(kernel.TmaLoadOp)
def _(op: kernel.TmaLoadOp) -> Step:
    box_of, dtype = _box(op)
    coords, window, target, place = tuple(op.coords), tuple(op.window), op.target, op.barrier
    multicast = None if op.multicast is None else op.multicast.value.data

    def step(s: Strand) -> None:
        s.single()
        cluster, box = s.block.cluster, box_of(s)
        elements, exists = box.elements([s.uniform(c) for c in coords], [s.uniform(w) for w in window])
        tensor = _tensor(s, op.map, box)
        source = np.where(exists, elements, 0)
        if source.min() < 0 or source.max() >= tensor.array.size:
            raise RuleBroken(f"TMA load out of bounds of tensor {tensor.name} with {tensor.array.size} elements")
        values = np.where(exists, tensor.array[source], np.zeros(1, dtype)).astype(dtype).view(np.uint8)
        start, barrier_offset = s.uniform(target), s.uniform(place)
        address, granules = _tile_addresses(s, start, values.size, box.spec.swizzle)
        if box.spec.swizzle and box.row_bytes > box.spec.swizzle:
            raise RuleBroken(f"TMA box rows of {box.row_bytes} bytes exceed the swizzle of {box.spec.swizzle}")
        ranks = [s.block.rank] if multicast is None else [r for r in range(len(cluster.blocks)) if multicast >> r & 1]
        for rank in ranks:
            block = cluster.blocks[rank]
            barrier = _mbarrier(s, block, barrier_offset, remote=True)
            block.shared.check_write(granules, np.asarray(s.warps[0]))
            _check_proxy_write(block, granules)
            block.shared.landing[granules] = TMA
            cluster.landings.append(_landing(block, barrier, address, granules, values))

    return step


def _check_proxy_write(block: BlockState, granules: np.ndarray) -> None:
    """An asynchronous write over ordinary writes needs their fence."""
    shared = block.shared
    if ((shared.proxied[granules] == 0) & (shared.writer[granules] >= 0)).any():
        raise RuleBroken("a TMA load overwrites ordinary stores without fence_proxy_async in between")


def _landing(
    block: BlockState, barrier: Mbarrier, address: np.ndarray, granules: np.ndarray, values: np.ndarray
) -> Callable[[], None]:
    def land() -> None:
        block.shared.data[address] = values
        block.shared.record_landed(granules, barrier.agent, barrier.phase + 1)
        barrier.landed(values.size)

    return land


def _tensor(s: Strand, map_: SSAValue, box: Box) -> Any:
    argument = map_.owner.view.owner.source  # pyright: ignore[reportAttributeAccessIssue]
    assert isinstance(argument, BlockArgument) and isinstance(argument.type, GlobalType)
    return s.block.cluster.tensors[argument]


@decodes(kernel.TmaStoreOp)
def _(op: kernel.TmaStoreOp) -> Step:
    box_of, dtype = _box(op)
    coords, source = tuple(op.coords), op.source

    def step(s: Strand) -> None:
        s.single()
        cluster, shared, box = s.block.cluster, s.block.shared, box_of(s)
        elements, exists = box.elements([s.uniform(c) for c in coords], [])
        address, granules = _tile_addresses(s, s.uniform(source), elements.size * dtype.itemsize, box.spec.swizzle)
        shared.check_read_async(granules, s.own_warps)
        shared.reading[granules] += 1
        values = shared.data[address].view(dtype)
        tensor = _tensor(s, op.map, box)
        inside = elements[exists]
        if inside.size and (inside.min() < 0 or inside.max() >= tensor.array.size):
            raise RuleBroken(f"TMA store out of bounds of tensor {tensor.name} with {tensor.array.size} elements")
        tensor.store_elements(inside, values[exists], s.block.number, np.full(inside.shape, s.warps[0]), cluster.clocks)
        s.block.bulk_open.setdefault(int(s.threads[0]), []).append(granules)

    return step


@decodes(kernel.BulkCommitOp)
def _(op: kernel.BulkCommitOp) -> Step:
    def step(s: Strand) -> None:
        for thread in s.threads.tolist():
            s.block.bulk_groups.setdefault(thread, []).append(s.block.bulk_open.pop(thread, []))

    return step


@decodes(kernel.BulkWaitOp)
def _(op: kernel.BulkWaitOp) -> Step:
    pending = op.pending.value.data

    def step(s: Strand) -> None:
        shared = s.block.shared
        for thread, warp in zip(s.threads.tolist(), s.warps, strict=True):
            groups = s.block.bulk_groups.get(thread, [])
            while len(groups) > pending:
                for granules in groups.pop(0):
                    shared.reading[granules] -= 1
                    shared.record_read(granules, warp)

    return step
