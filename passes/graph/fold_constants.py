"""`fold-constants`: evaluates ops whose operands are all constants.

    %0 = nn.constant dense<[1.0, 2.0]> : tensor<2xf32>
    %1 = nn.exp %0 : tensor<2xf32>
  becomes
    %1 = nn.constant dense<[2.71828183, 7.38905621]> : tensor<2xf32>

What an op computes comes from the one table in dialects/meaning. Ops whose result would be larger than their operands (a broadcast,
int8 weights cast to float) and `quant` ops stay: `hoist-weights` moves those that depend on constants only to `@weights`.
Dynamic results, weights, initializers (whose numbers a refit may change) and ops with regions are never folded. One walk, each op
evaluated at most once: linear.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, TensorType
from xdsl.ir import Block, Operation
from xdsl.passes import ModulePass
from xdsl.traits import is_side_effect_free

from ...dialects import nn, quant
from ...dialects.dtypes import numpy_dtype
from ...dialects.errors import PassError
from ...dialects.meaning import evaluate, has_meaning
from ...dialects.provenance import describe, get_names, set_names
from ..remarks import remark
from . import editing

NAME = "fold-constants"
_ALWAYS_BYTES = 16 * 1024
"""Results up to this size are always folded: shape arithmetic, scales, small tables."""


def _bytes(ty: TensorType) -> int:
    return int(np.prod(ty.get_shape(), dtype=np.int64)) * numpy_dtype(ty.element_type).itemsize


def blocker(op: Operation) -> str | None:
    """Why an op with constant operands is not folded; None if it may be."""
    if not is_side_effect_free(op) or op.regions:
        return "it has effects or a body"
    if not has_meaning(type(op)):
        return "it has no reference semantics to compute it by"
    if isinstance(op, quant.ScaledOp):
        return "realize-integer needs it to find what to compute on integers"
    if not editing.is_static(op):
        return "its result has dynamic dims"
    result = sum(_bytes(r.type) for r in op.results if isinstance(r.type, TensorType))
    given = sum(_bytes(o.type) for o in op.operands if isinstance(o.type, TensorType))
    if result > max(given, _ALWAYS_BYTES):
        return f"its result of {result} bytes is larger than its operands of {given} bytes"
    return None


def _fold(op: Operation) -> list[np.ndarray]:
    arrays = [nn.value_of(operand, "what an op on constants computes") for operand in op.operands]
    try:
        return evaluate(op, [a for a in arrays if a is not None], {})
    except (ArithmeticError, ValueError, IndexError) as error:
        raise PassError(f"{NAME}: {describe(op)}: expected to evaluate it on constants, got {error}") from error


def fold_block(block: Block) -> int:
    """Fold the ops of a block and of the functions in it; returns how many."""
    folded = 0
    sources: list[Operation] = []
    for op in list(block.ops):
        for region in op.regions:
            folded += sum(fold_block(inner) for inner in region.blocks)
        if isinstance(op, nn.ConstantOp):
            sources.append(op)
        if isinstance(op, (*nn.SOURCES, nn.WeightOp, nn.ShapeValueOp, nn.SizeOp)) or not op.results:
            continue
        if not all(isinstance(operand.owner, nn.ConstantOp) for operand in op.operands):
            continue
        reason = blocker(op)
        if reason is not None:
            if op.operands:
                remark(op, "missed", NAME, f"not folded: {reason}")
            continue
        read = [operand.owner for operand in op.operands if isinstance(operand.owner, Operation)]
        sources.append(_replace(op))
        editing.erase_unused(source for source in read if source.parent is block)  # at once: each may be large
        folded += 1
    editing.erase_unused(op for op in sources if op.parent is block)
    return folded


def _replace(op: Operation) -> Operation:
    names = get_names(op)
    constants: list[Operation] = []
    for index, array in enumerate(_fold(op)):
        label = names[index] or next(filter(None, map(editing.label_of, op.operands)), "")
        constant = editing.insert_before(op, nn.ConstantOp(array, label))
        set_names(constant, [names[index]])
        nn.copy_stored(op, constant)
        op.results[index].replace_all_uses_with(constant.results[0])
        constants.append(constant)
    op.detach()
    op.erase()
    return constants[-1]


@dataclass(frozen=True)
class FoldConstantsPass(ModulePass):
    """Evaluate ops on constants at compile time."""

    name = NAME
    numerics: ClassVar[str] = "exact"
    LOSES: ClassVar[str] = "computed at build time: all that it reads is constant"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        fold_block(op.body.block)
