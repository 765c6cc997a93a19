"""Thread ops that copy asynchronously or for a whole warp: cp.async and its groups, ldmatrix, shuffles."""

from __future__ import annotations

import numpy as np
from xdsl.dialects.builtin import UnitAttr
from xdsl.ir import Operation, SSAValue
from xdsl.irdl import IRDLOperation, irdl_op_definition, operand_def, opt_prop_def, prop_def, result_def

from ...errors import TrtcError
from ...provenance import describe
from ..base import I64Attr, PendingOp, PlainOp, index, int_attr, unit
from ..instruction import (
    FUNCTION,
    Access,
    Constant,
    GlobalAddress,
    MatrixRows,
    Predicate,
    PreludeSection,
    Registers,
    Scope,
    SharedAddress,
    Value,
    Wrapper,
    asm,
    instruction,
    words,
)
from ..types import GlobalType, bitwidth
from .arrays import Local, Move, Shared, move_format

__all__ = ["COPIES", "CpAsyncCommitOp", "CpAsyncOp", "CpAsyncWaitOp", "LdmatrixOp", "ShuffleXorOp"]

SMEM_ADDRESS = Wrapper(
    "smem_address",
    f"{FUNCTION}unsigned smem_address(const void* p) {{\n  return (unsigned)__cvta_generic_to_shared(p);\n}}",
    section=PreludeSection.COPIES,
)


def _cp_async(bytes_: int) -> Wrapper:
    """cp.async of 4, 8 or 16 bytes; with a false predicate nothing is read and the target becomes zero (src-size 0)."""
    cache_operator = "cg" if bytes_ == 16 else "ca"
    return asm(
        PreludeSection.COPIES,
        f"cp_async_{bytes_}",
        "unsigned target, const void* source, bool predicate",
        f"cp.async.{cache_operator}.shared.global [%0], [%1], {bytes_}, %2;",
        f': : "r"(target), "l"(source), "r"(predicate ? {bytes_} : 0)',
    )


_CP_ASYNC = {bytes_: _cp_async(bytes_) for bytes_ in (4, 8, 16)}


@irdl_op_definition
class CpAsyncOp(Move):
    """
    cp.async of `count` elements (4, 8 or 16 bytes) from global to shared; with a false predicate the target becomes zero. Lands at the
    cp_async_wait that covers its group; visible to other threads after a barrier.
    """

    name = "kernel.cp_async"
    source = operand_def(GlobalType)
    source_offset = operand_def(index)
    target = operand_def(Shared)
    target_offset = operand_def(index)
    assembly_format = move_format("source_offset", "target_offset")


def _width(op: CpAsyncOp) -> int:
    """Bytes of a copy. Raises TrtcError for a width that the instruction does not have."""
    assert isinstance(op.source.type, GlobalType)
    width = op.count.value.data * bitwidth(op.source.type.element_type) // 8
    if width not in _CP_ASYNC:
        raise TrtcError(f"CUDA C, {describe(op)}: expected a copy of 4, 8 or 16 bytes, got {width}")
    return width


instruction(
    CpAsyncOp,
    lambda op: f"cp_async_{_width(op)}({{target}}, {{source}}, {{predicate}})",
    {
        "target": SharedAddress("target", "target_offset"),
        "source": GlobalAddress("source", "source_offset"),
        "predicate": Predicate("predicate"),
    },
    runs="moves",
    wrapper=lambda op: _CP_ASYNC[_width(op)],
    forms=lambda: (SMEM_ADDRESS, *_CP_ASYNC.values()),
)


@irdl_op_definition
class CpAsyncCommitOp(PlainOp):
    """cp.async.commit_group."""

    name = "kernel.cp_async_commit"


instruction(
    CpAsyncCommitOp,
    "cp_async_commit()",
    runs="moves",
    wrapper=asm(PreludeSection.COPIES, "cp_async_commit", "", "cp.async.commit_group;"),
)


@irdl_op_definition
class CpAsyncWaitOp(PendingOp):
    """cp.async.wait_group: all but the latest `pending` groups of this thread have landed."""

    name = "kernel.cp_async_wait"


instruction(
    CpAsyncWaitOp,
    "cp_async_wait<{pending}>()",
    {"pending": Constant("pending")},
    runs="moves",
    wrapper=asm(
        PreludeSection.COPIES,
        "cp_async_wait",
        "",
        "cp.async.wait_group %0;",
        ': : "n"(pending)',
        template="int pending",
    ),
)


@irdl_op_definition
class LdmatrixOp(IRDLOperation):
    """
    ldmatrix of `count` (1, 2, 4) 8x8 matrices of 16 bits: lane l gives the address (element offset) of row l % 8 of matrix
    l / 8; each thread receives `count` 32-bit registers, written to local[position ..]. The array's elements may be 8, 16
    or 32 bits wide.
    """

    name = "kernel.ldmatrix"
    source = operand_def(Shared)
    offset = operand_def(index)
    target = operand_def(Local)
    position = operand_def(index)
    count = prop_def(I64Attr)
    transposed = opt_prop_def(UnitAttr)
    assembly_format = (
        "$source `[` $offset `]` `to` $target `[` $position `]` `count` $count (`transposed` $transposed^)? attr-dict `:` "
        "type($source) `,` type($target)"
    )

    def __init__(
        self,
        source: SSAValue,
        offset: SSAValue,
        target: SSAValue,
        position: SSAValue,
        count: int,
        *,
        transposed: bool = False,
    ):
        super().__init__(
            operands=[source, offset, target, position],
            properties={"count": int_attr(count), "transposed": unit(transposed)},
        )


def _ldmatrix(count: int, transposed: bool) -> Wrapper:
    registers = ", ".join(f"%{i}" for i in range(count))
    outputs = ", ".join(f'"=r"(r[{i}])' for i in range(count))
    trans = ".trans" if transposed else ""
    return asm(
        PreludeSection.COPIES,
        f"ldmatrix_x{count}{'_trans' if transposed else ''}",
        "unsigned* r, unsigned address",
        f"ldmatrix.sync.aligned.m8n8.x{count}{trans}.shared.b16 {{{registers}}}, [%{count}];",
        f': {outputs} : "r"(address)',
    )


_LDMATRIX = {(count, transposed): _ldmatrix(count, transposed) for transposed in (False, True) for count in (1, 2, 4)}


def ldmatrix(op: LdmatrixOp, rows: np.ndarray) -> np.ndarray:
    """Words [threads, count] from rows [warps, 8 * count, 8] of 16-bit halves: lane l has halves 2 l and 2 l + 1 of each matrix."""
    count = op.count.value.data
    matrices = rows.reshape(len(rows), count, 8, 8)
    if op.transposed is not None:
        matrices = matrices.transpose(0, 1, 3, 2)
    registers = matrices.reshape(len(rows), count, 32, 2).transpose(0, 2, 1, 3)
    return words(registers.reshape(-1, 2 * count))


instruction(
    LdmatrixOp,
    lambda op: f"{_LDMATRIX[op.count.value.data, op.transposed is not None].name}({{target}}, {{source}})",
    {
        "target": Registers("target", "position", lambda op: op.count.value.data, Access.WRITE),
        "source": MatrixRows("source", "offset"),
    },
    scope=Scope.WARP,
    numpy=ldmatrix,
    wrapper=lambda op: _LDMATRIX[op.count.value.data, op.transposed is not None],
    forms=lambda: (SMEM_ADDRESS, *_LDMATRIX.values()),
)


@irdl_op_definition
class ShuffleXorOp(IRDLOperation):
    """shfl.sync.bfly: the value of lane (lane xor mask); 32-bit scalars."""

    name = "kernel.shuffle_xor"
    value = operand_def()
    mask = prop_def(I64Attr)
    result = result_def()
    assembly_format = "$value `mask` $mask attr-dict `:` type($value) `->` type($result)"

    def __init__(self, value: SSAValue, mask: int):
        super().__init__(operands=[value], properties={"mask": int_attr(mask)}, result_types=[value.type])


def shuffle_xor(op: ShuffleXorOp, value: np.ndarray) -> np.ndarray:
    """[threads], whole warps: what lane (lane xor mask) has."""
    return value.reshape(-1, 32)[:, np.arange(32) ^ op.mask.value.data].reshape(-1)


instruction(
    ShuffleXorOp,
    "__shfl_xor_sync(0xffffffffu, {value}, {mask})",
    {"value": Value("value"), "mask": Constant("mask")},
    scope=Scope.WARP,
    numpy=shuffle_xor,
)

COPIES: tuple[type[Operation], ...] = (CpAsyncOp, CpAsyncCommitOp, CpAsyncWaitOp, LdmatrixOp, ShuffleXorOp)
