"""`split-gates`: a product whose halves meet again by element becomes two products of one operand, which share a group.

    %0 = nn.matmul %x, %w {transpose_b} : 8x64             %v = nn.slice %w [0, 0]                // before the run
    %1 = nn.slice %0 [0, 0] : 8x32                         %u = nn.slice %w [32, 0]
    %2 = nn.slice %0 [0, 32] : 8x32                  ->    %1 = nn.matmul %x, %v {transpose_b}
    %3 = nn.silu %1                                        %2 = nn.matmul %x, %u {transpose_b}
    %4 = nn.mul %3, %2                                     %3 = nn.silu %1
                                                           %4 = nn.mul %3, %2
Gated layers whose two projections a model keeps in one matrix (GLU, GEGLU, SwiGLU), convs of that form too, with what is added or
multiplied per channel before the halves part. `fuse-groups` computes such products side by side, so that no half crosses memory.
`merge-siblings`, which comes after this pass, makes them one again where that costs less. Weights are constants or initializers. Linear.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, cast

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern, op_type_rewrite_pattern
from xdsl.rewriter import InsertPoint

from ...dialects import nn
from ...dialects.dims import const
from ...dialects.nn import element_of, rank_of, shape_of, stored_of, tensor_type
from ...dialects.provenance import helper_location
from ..graph.editing import depends_on_constants_only, location_of, per_channel, rebuilt
from ..remarks import remark
from ..rewriting import apply_patterns
from .homes import is_aligned
from .siblings import Anchor, quantized_of, weight_axis, weights_of

NAME = "split-gates"
_REACH = 12
"""Ops after a half within which it meets the other: the longest activation, written out, has 9."""


@dataclass(frozen=True)
class Gate:
    """A product with the ops by channel after it, and the two halves that are read of the last one."""

    product: Anchor
    steps: tuple[Operation, ...]
    halves: tuple[nn.SliceOp, nn.SliceOp]
    width: int
    """Channels of a half."""


def check(first: nn.SliceOp) -> Gate | str | None:
    """The product of which a slice reads the first half; why its halves stay in one; None where there is none."""
    whole = first.x
    channels = shape_of(whole)[-1].as_int() if rank_of(whole) else None
    if channels is None or channels % 2 or _start(first, channels // 2) != 0:
        return None
    steps: list[Operation] = []
    value = whole
    while isinstance(op := value.owner, Operation) and nn.is_pointwise(op) and op.name.startswith("nn."):
        rest = [v for v in op.operands if not depends_on_constants_only(v)]
        if len(rest) != 1 or rest[0].type != value.type or (steps and not value.has_one_use()):
            return None
        if not all(v is rest[0] or per_channel(v, const(channels)) for v in op.operands):
            return None
        steps.insert(0, op)
        value = rest[0]
    if not isinstance(op, nn.ConvOp | nn.MatmulOp) or (steps and not value.has_one_use()):
        return None
    others = [use.operation for use in whole.uses if use.operation is not first]
    if (
        len(others) != 1
        or not isinstance(second := others[0], nn.SliceOp)
        or _start(second, channels // 2) != channels // 2
    ):
        return None  # parts of another kind, as those of queries, keys and values
    if not _meet(first, second):
        return "its halves do not meet by element"
    weights = weights_of(op)
    if not depends_on_constants_only(weights):
        return "its weights are computed at run time"
    if quantized_of(weights) is not None or (rank_of(weights) != 2 and isinstance(op, nn.MatmulOp)):
        return "its weights are quantized, or several matrices"
    if isinstance(op, nn.ConvOp) and op.groups.value.data != 1:
        return f"it has {op.groups.value.data} groups"
    if not is_aligned(channels // 2, whole):
        return f"a half has {channels // 2} channels, which are no multiple of 16 bytes"
    return Gate(op, tuple(steps), (first, second), channels // 2)


def _start(half: nn.SliceOp, width: int) -> int | None:
    """The first channel of so many that a slice takes whole but for them; None where it is another slice."""
    *starts, first = half.starts.exprs
    whole = all(start == 0 for start in starts) and shape_of(half.result) == (*shape_of(half.x)[:-1], const(width))
    return first.as_int() if whole and set(nn.values_of(half.steps)) == {1} else None


def _meet(first: nn.SliceOp, second: nn.SliceOp) -> bool:
    """Whether ops by element alone read two halves, and one of them reads what comes of both."""
    reached: list[set[Operation]] = []
    for half in (first, second):
        found: dict[Operation, None] = {}
        pending: list[SSAValue] = [half.result]
        while pending and len(found) < _REACH:
            for use in pending.pop().uses:
                if nn.is_pointwise(use.operation) and use.operation not in found:
                    found[use.operation] = None
                    pending += use.operation.results
        if not all(use.operation in found for use in half.result.uses):
            return False
        reached.append(set(found))
    return bool(reached[0] & reached[1])


class SplitGate(RewritePattern):
    """slice(product, first half), slice(product, second half) -> two products."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.SliceOp, rewriter: PatternRewriter, /) -> None:
        gate = check(op)
        if isinstance(gate, str):
            remark(op, "missed", NAME, f"the product before it stays whole: {gate}")
        if not isinstance(gate, Gate):
            return
        last = gate.steps[-1] if gate.steps else gate.product
        parts = [_half(gate, number) for number in range(len(gate.halves))]
        for half, made in zip(gate.halves, parts, strict=True):
            rewriter.insert(made, InsertPoint.before(last))
            rewriter.replace(half, [], [made[-1].results[0]])
        for old in (*reversed(gate.steps), gate.product):
            rewriter.erase(old)
        remark(parts[-1][-1], "applied", NAME, f"{gate.product.name} of two halves that meet by element, as two")


def _half(gate: Gate, number: int) -> list[Operation]:
    """The product that gives one half, and the ops after it."""
    made: list[Operation] = []
    first = number * gate.width

    def part(value: SSAValue, axis: int) -> SSAValue:
        """Its entries along an axis of a value known before the run."""
        starts, sizes = [0] * rank_of(value), list(shape_of(value))
        starts[axis], sizes[axis] = first, const(gate.width)
        op = nn.SliceOp(value, starts, sizes)
        nn.set_stored(op, stored_of(value))
        op.location = helper_location("slice", location_of([value]))
        made.append(op)
        return op.result

    def add(like: Operation, operands: Sequence[SSAValue]) -> SSAValue:
        dims = (*shape_of(like.results[0])[:-1], const(gate.width))
        made.append(rebuilt(like, operands, [tensor_type(dims, element_of(like.results[0]))]))
        return made[-1].results[0]

    weights = part(weights_of(gate.product), weight_axis(gate.product))
    before, value = cast(SSAValue, gate.product.result), add(gate.product, [gate.product.operands[0], weights])
    for op in gate.steps:
        operands = [
            value if v is before else part(v, rank_of(v) - 1) if rank_of(v) and shape_of(v)[-1] != 1 else v
            for v in op.operands
        ]
        before, value = op.results[0], add(op, operands)
    return made


@dataclass(frozen=True)
class SplitGatesPass(ModulePass):
    """Make two products of one whose halves meet again by element."""

    name = NAME
    numerics: ClassVar[str] = "reassociates"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        apply_patterns(op, [SplitGate()], recursive=False)
