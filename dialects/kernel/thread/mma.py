"""Thread ops of tensor cores that a warp executes: mma.sync, from sm_80 on."""

from __future__ import annotations

import numpy as np
from xdsl.dialects.builtin import StringAttr
from xdsl.ir import Operation, SSAValue
from xdsl.irdl import IRDLOperation, irdl_op_definition, operand_def, prop_def

from ...errors import TrtcError
from ...provenance import describe
from ..base import index
from ..instruction import FUNCTION, Access, PreludeSection, Registers, Scope, Wrapper, instruction, words
from ..scalars.wrappers import F32_TO_TF32
from . import products
from .arrays import Local

__all__ = ["MMA", "MmaSyncOp"]


@irdl_op_definition
class MmaSyncOp(IRDLOperation):
    """
    mma.sync.m16n8k(8e): acc[i .. i+3] += A[j .. j+4e-1] B[k .. k+2e-1]^T. `kind`: f16, bf16, tf32 (f32 accumulator) or s8 (i32).
    tf32 operands are f32, rounded to nearest, ties away from zero, as they are read.
    """

    name = "kernel.mma_sync"
    kind = prop_def(StringAttr)
    acc = operand_def(Local)
    acc_position = operand_def(index)
    a = operand_def(Local)
    a_position = operand_def(index)
    b = operand_def(Local)
    b_position = operand_def(index)
    assembly_format = (
        "$kind $acc `[` $acc_position `]` `,` $a `[` $a_position `]` `,` $b `[` $b_position `]` attr-dict `:` "
        "type($acc) `,` type($a) `,` type($b)"
    )

    def __init__(
        self,
        kind: str,
        acc: SSAValue,
        acc_position: SSAValue,
        a: SSAValue,
        a_position: SSAValue,
        b: SSAValue,
        b_position: SSAValue,
    ):
        super().__init__(
            operands=[acc, acc_position, a, a_position, b, b_position], properties={"kind": StringAttr(kind)}
        )


# kind -> (shape, accumulator letter and type, operand type) of mma.sync m16n8.
MMA_SYNC = {
    "f16": ("m16n8k16", "f", "f32", "f16"),
    "bf16": ("m16n8k16", "f", "f32", "bf16"),
    "tf32": ("m16n8k8", "f", "f32", "tf32"),
    "s8": ("m16n8k32", "r", "s32", "s8"),
}


def _mma_sync(kind: str) -> Wrapper:
    """c += A B, registers as PTX lays them out; tf32 operands are rounded to nearest (ties away) first."""
    shape, letter, acc, operand = MMA_SYNC[kind]
    instruction = f"mma.sync.aligned.{shape}.row.col.{acc}.{operand}.{operand}.{acc}"
    outputs = ", ".join(f'"+{letter}"(c[{i}])' for i in range(4))
    source = "const float" if kind == "tf32" else "const unsigned"
    value = "f32_to_tf32({})" if kind == "tf32" else "{}"
    inputs = ", ".join(f'"r"({value.format(name)})' for name in ("a[0]", "a[1]", "a[2]", "a[3]", "b[0]", "b[1]"))
    text = (
        f"{FUNCTION}void mma_{kind}({'float' if letter == 'f' else 'int'}* c, {source}* a, {source}* b) {{\n"
        f'  asm volatile("{instruction} {{%0, %1, %2, %3}}, {{%4, %5, %6, %7}}, {{%8, %9}}, {{%0, %1, %2, %3}};"\n'
        f"    : {outputs}\n    : {inputs});\n}}"
    )
    requires = (F32_TO_TF32,) if kind == "tf32" else ()
    return Wrapper(f"mma_{kind}", text, requires, PreludeSection.MMA_SYNC)


_MMA_SYNC = {kind: _mma_sync(kind) for kind in MMA_SYNC}


def _kind(op: MmaSyncOp) -> str:
    """Raises TrtcError for a kind that the instruction does not have."""
    if op.kind.data not in MMA_SYNC:
        raise TrtcError(f"{describe(op)}: expected a kind among {sorted(MMA_SYNC)}, got '{op.kind.data}'")
    return op.kind.data


def mma_sync(op: MmaSyncOp, acc: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The accumulators' words [threads, 4] from words of acc [threads, 4], A [threads, 4] and B [threads, 2]."""
    kind = _kind(op)
    _, dtype, acc_dtype = products.KINDS[kind]
    return words(products.mma_sync(kind, acc.view(acc_dtype), a.view(dtype), b.view(dtype)))


def _operand(op: MmaSyncOp) -> str:
    return "float" if op.kind.data == "tf32" else "unsigned"


instruction(
    MmaSyncOp,
    lambda op: f"mma_{_kind(op)}({{acc}}, {{a}}, {{b}})",
    {
        "acc": Registers(
            "acc", "acc_position", 4, Access.UPDATE, lambda op: "int" if op.kind.data == "s8" else "float"
        ),
        "a": Registers("a", "a_position", 4, Access.READ, _operand),
        "b": Registers("b", "b_position", 2, Access.READ, _operand),
    },
    scope=Scope.WARP,
    numpy=mma_sync,
    wrapper=lambda op: _MMA_SYNC[_kind(op)],
    forms=_MMA_SYNC.values,
)

MMA: tuple[type[Operation], ...] = (MmaSyncOp,)
