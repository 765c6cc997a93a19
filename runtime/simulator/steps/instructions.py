"""
Runs an instruction by its row (`dialects/kernel/instruction.py`): reads operands by their roles, checks what the roles require, calls the
row's semantics, and writes its results.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from xdsl.dialects.builtin import IntegerAttr, MemRefType
from xdsl.ir import Operation, SSAValue

from ....dialects.errors import SimulationError
from ....dialects.kernel.instruction import (
    Access,
    Elements,
    Guard,
    Instruction,
    MatrixRows,
    Registers,
    Role,
    Scope,
    Value,
)
from ....dialects.kernel.scalars.numerics import dtype_of
from ....dialects.kernel.thread.arrays import SHARED
from ....dialects.kernel.types import GlobalType
from ....dialects.provenance import describe
from ..clocks import RuleBroken
from ..strands import LocalRef, Step, Strand, varying

Mask: TypeAlias = np.ndarray | None
"""The threads for which an instruction's predicate holds; None for all."""
Read: TypeAlias = Callable[[Strand, Mask], Any]
Write: TypeAlias = Callable[[Strand, Mask, Any], None]

_TOGETHER: dict[Scope, Callable[[Strand], None]] = {
    Scope.THREAD: lambda s: None,
    Scope.WARP: Strand.whole_warps,
    Scope.ONE_THREAD: Strand.single,
}


def step_of(row: Instruction, op: Operation) -> Step:
    """The effect on a strand of an op with semantics. Raises SimulationError for an instruction that only a module of its own can run."""
    semantics = row.numpy
    if semantics is None or row.scope not in _TOGETHER:
        raise SimulationError(
            f"{describe(op)}: expected a module of the simulator that runs it, '{row.runs}', got none"
        )
    reads: list[Read] = []
    writes: list[Write] = [_result(result) for result in op.results]
    guard: SSAValue | None = None
    for role in row.roles.values():
        if isinstance(role, Guard):
            guard = getattr(op, role.operand)
        elif isinstance(role, Value | MatrixRows):
            reads.append(_reader(op, role))
        elif isinstance(role, Registers | Elements):
            if role.access is not Access.WRITE:
                reads.append(_reader(op, role))
            if role.access is not Access.READ:
                writes.append(_writer(op, role))
    meet, single = _TOGETHER[row.scope], len(writes) == 1

    def step(s: Strand) -> None:
        meet(s)
        mask = mask_of(s, guard)
        results = semantics(op, *(read(s, mask) for read in reads))
        for write, result in zip(writes, (results,) if single else results, strict=True):
            write(s, mask, result)

    return step


def mask_of(s: Strand, predicate: SSAValue | None) -> Mask:
    """The threads for which a predicate holds."""
    if predicate is None:
        return None
    found = s[predicate]
    mask = found if varying(found) else np.full(s.n, bool(found))
    return None if mask.all() else mask


def selected(mask: Mask, *arrays: np.ndarray) -> tuple[np.ndarray, ...]:
    return arrays if mask is None else tuple(a[mask] for a in arrays)


def spread(values: np.ndarray, mask: Mask, n: int) -> np.ndarray:
    """Values of the selected threads at their rows of [n, ...]; zeros for the others."""
    if mask is None:
        return values
    full = np.zeros((n, values.shape[1]), values.dtype)
    full[mask] = values
    return full


def width_of(op: Operation, type_: Any) -> tuple[int, int]:
    """(count, bytes) of a move."""
    count = op.properties["count"]
    assert isinstance(count, IntegerAttr)
    width = count.value.data * dtype_of(type_.element_type).itemsize
    if width not in (1, 2, 4, 8, 16):
        raise SimulationError(f"{describe(op)}: expected an access of 1, 2, 4, 8 or 16 bytes, got {width}")
    return count.value.data, width


def shared_address(s: Strand, array: SSAValue, offset: SSAValue, count: int) -> np.ndarray:
    """Byte addresses [threads] of `count` elements; checked against the array."""
    type_ = array.type
    assert isinstance(type_, MemRefType)
    at = s.each(offset)
    length = type_.get_shape()[0]
    if at.min() < 0 or at.max() + count > length:
        raise RuleBroken(f"shared array access out of bounds: elements {at.min()} to {at.max() + count} of {length}")
    return s[array] + at * dtype_of(type_.element_type).itemsize


def registers(s: Strand, array: SSAValue, position: Any, count: int) -> np.ndarray:
    """`count` 32-bit registers of an array of any element type, as words [threads, count]."""
    ref: LocalRef = s[array]
    return np.ascontiguousarray(ref.read(position, 4 * count // ref.local.data.itemsize)).view(np.uint32)


def _result(result: SSAValue) -> Write:
    def write(s: Strand, mask: Mask, value: Any) -> None:
        s.env[result] = value

    return write


def _read_value(value: SSAValue) -> Read:
    def read(s: Strand, mask: Mask) -> np.ndarray:
        found = s[value]
        return found if varying(found) else np.full(s.n, found)

    return read


def _reader(op: Operation, role: Role) -> Read:
    match role:
        case Value(operand):
            return _read_value(getattr(op, operand))
        case MatrixRows(array, at):
            return _read_rows(op, getattr(op, array), getattr(op, at))
        case Registers(array, at, count):
            source, place, number = getattr(op, array), getattr(op, at), count if isinstance(count, int) else count(op)
            return lambda s, mask: registers(s, source, s[place], number)
        case Elements(array, at):
            source, place = getattr(op, array), getattr(op, at)
            return _read_global(op, source, place) if isinstance(source.type, GlobalType) else _read(op, source, place)
        case _:
            raise SimulationError(f"{describe(op)}: expected an operand that is read, got the role {role}")


def _writer(op: Operation, role: Registers | Elements) -> Write:
    target, place = getattr(op, role.array), getattr(op, role.at)
    if isinstance(target.type, GlobalType):
        return _write_global(target, place)
    if isinstance(role, Elements) and _is_shared(target):
        return _write_shared(op, target, place)

    def write(s: Strand, mask: Mask, values: np.ndarray) -> None:
        ref: LocalRef = s[target]
        ref.write(s[place], values.view(ref.local.data.dtype), mask, s.block.cluster.count)

    return write


def _is_shared(array: SSAValue) -> bool:
    type_ = array.type
    assert isinstance(type_, MemRefType)
    return type_.memory_space == SHARED


# Global memory.


def _read_global(op: Operation, source: SSAValue, offset: SSAValue) -> Read:
    count, _ = width_of(op, source.type)

    def read(s: Strand, mask: Mask) -> np.ndarray:
        at, warps = selected(mask, s.each(offset), s.warps)
        cluster = s.block.cluster
        return spread(cluster.tensors[source].load(at, count, s.block.number, warps, cluster.clocks), mask, s.n)

    return read


def _write_global(target: SSAValue, offset: SSAValue) -> Write:
    def write(s: Strand, mask: Mask, values: np.ndarray) -> None:
        at, values, warps = selected(mask, s.each(offset), values, s.warps)
        s.block.cluster.tensors[target].store(at, values, s.block.number, warps, s.block.cluster.clocks)

    return write


# Registers and shared memory.


def _read(op: Operation, source: SSAValue, at: SSAValue) -> Read:
    count, width = width_of(op, source.type)
    if not _is_shared(source):
        return lambda s, mask: s[source].read(s[at], count)
    dtype = dtype_of(source.type.element_type)  # pyright: ignore[reportAttributeAccessIssue]

    def read(s: Strand, mask: Mask) -> np.ndarray:
        shared = s.block.shared
        address = _select_address(s, source, at, count, mask)
        (warps,) = selected(mask, s.warps[:, None])
        granules = shared.granules(address, width)
        shared.check_read(granules, warps)
        shared.record_read(granules, warps)
        return spread(shared.load(address, width).view(dtype), mask, s.n)

    return read


def _select_address(s: Strand, array: SSAValue, offset: SSAValue, count: int, mask: Mask) -> np.ndarray:
    """Addresses of the selected threads only: the others' offsets may lie anywhere."""
    if mask is None:
        return shared_address(s, array, offset, count)
    rows = np.flatnonzero(mask)
    return shared_address(s.child(rows), array, offset, count) if rows.size else np.zeros(0, np.int64)


def _write_shared(op: Operation, target: SSAValue, offset: SSAValue) -> Write:
    count, width = width_of(op, target.type)

    def write(s: Strand, mask: Mask, values: np.ndarray) -> None:
        shared = s.block.shared
        address = _select_address(s, target, offset, count, mask)
        data, warps, threads = selected(
            mask, np.ascontiguousarray(values).view(np.uint8), s.warps[:, None], s.threads[:, None]
        )
        granules = shared.granules(address, width)
        shared.check_write(granules, warps)
        shared.store(address, data)
        if shared.record_write(granules, warps, threads) and (shared.load(address, width) != data).any():
            raise RuleBroken("race: two warps write the same bytes of shared memory at once")

    return write


def _read_rows(op: Operation, source: SSAValue, offset: SSAValue) -> Read:
    """Rows of 16 bytes at the addresses of the first 8 * count lanes of each warp, as halves [warps, 8 * count, 8]."""
    type_, count = source.type, op.properties["count"]
    assert isinstance(type_, MemRefType) and isinstance(count, IntegerAttr)
    row_elements, lanes = 16 // dtype_of(type_.element_type).itemsize, 8 * count.value.data

    def read(s: Strand, mask: Mask) -> np.ndarray:
        shared = s.block.shared
        part = s if lanes == 32 else s.child(np.flatnonzero(np.arange(s.n) % 32 < lanes))
        address = shared_address(part, source, offset, row_elements)
        warps = part.warps[:, None]
        granules = shared.granules(address, 16)
        shared.check_read(granules, warps)
        shared.record_read(granules, warps)
        return shared.load(address, 16).view(np.uint16).reshape(s.n // 32, lanes, 8)

    return read
