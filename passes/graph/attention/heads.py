"""The dims before the last two of an attention's tensors, as batch and heads, for `recognise-attention`.

A model may keep them apart or merged, [batch, heads, ...], [batch * heads, ...], [images, windows, heads, ...], and repeat the heads of
keys and values for the queries that share them. `Heads` is the form that all of them take; a tensor takes it by a reshape.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from xdsl.ir import Operation, SSAValue
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern, op_type_rewrite_pattern
from xdsl.rewriter import InsertPoint

from ....dialects import nn
from ....dialects.dims import Expr, const, product
from ....dialects.nn import rank_of, shape_of
from ..editing import rebuilt
from .scores import number_of

Lead = tuple[Expr, ...]


@dataclass(frozen=True)
class Heads:
    """Batch and heads of the queries, of keys and of values; key heads are a divisor of the heads."""

    batch: Expr
    heads: Expr

    @property
    def lead(self) -> Lead:
        return self.batch, self.heads


def aligned(level: Lead, target: Lead) -> list[tuple[list[int], list[int]]] | None:
    """Runs of dims of both that have the same product, in order; None where none fit."""
    runs: list[tuple[list[int], list[int]]] = []
    i = j = 0
    while i < len(level) or j < len(target):
        left, right = [i] if i < len(level) else [], [j] if j < len(target) else []
        i, j = i + len(left), j + len(right)
        while (a := product(level[x] for x in left)) != (b := product(target[x] for x in right)):
            if i < len(level) and _grows(a, b):
                left.append(i)
                i += 1
            elif j < len(target):
                right.append(j)
                j += 1
            elif i < len(level):
                left.append(i)
                i += 1
            else:
                return None
        runs.append((left, right))
    return runs


def _grows(a: Expr, b: Expr) -> bool:
    """Whether the run with product a is the shorter one: b is a multiple of it."""
    return (b % a).as_int() == 0 if a != const(0) else False


def folded(
    dims: Sequence[Expr], level: Lead, target: Lead, *, key: bool = False, repeats: bool = False
) -> tuple[Expr, ...] | None:
    """The dims before the last two of a tensor that broadcasts to `level`, as those of one that broadcasts to `target`. With `key`, heads
    of which the last ones are shared may stay apart from those that are not; with `repeats`, batches of which the first ones are shared, if
    their number is known. None where the tensor would have to be repeated."""
    runs = aligned(level, target)
    own = [const(1)] * (len(level) - len(dims)) + list(dims)
    if runs is None or len(own) != len(level):
        return None
    result = [const(1)] * len(target)
    for mine, wanted in runs:
        ones = [own[i].as_int() == 1 for i in mine]
        if all(ones):
            continue
        if all(own[i] == level[i] for i in mine):
            for j in wanted:
                result[j] = target[j]
            continue
        kept = [i for i, one in zip(mine, ones, strict=True) if not one]
        shares = key and wanted == [len(target) - 1] and kept == mine[: len(kept)]
        shares |= repeats and wanted == [0] and kept == mine[-len(kept) :] and all(own[i].as_int() for i in kept)
        if not shares or any(own[i] != level[i] for i in kept):
            return None
        result[wanted[0]] = product(own[i] for i in kept)
    return tuple(result)


def heads_of(k: SSAValue, level: Lead, queries: Lead) -> Heads:
    """The form for a product of these dims: the last of them is the heads, together with those before it that keys have one of. Where both
    are one dim, they are what `queries`, from which it was merged, has."""
    if not level:
        return Heads(const(1), const(1))
    if len(level) == 1:
        return Heads(*queries) if len(queries) == 2 and product(queries) == level[0] else Heads(level[0], const(1))
    keys = [const(1)] * (len(level) + 2 - rank_of(k)) + list(shape_of(k)[:-2])
    shared = len(level) > 2 and keys[-1].as_int() == 1 and level[-1].as_int() != 1 and keys[-2] == level[-2]
    count = 2 if shared else 1
    return Heads(product(level[:-count]), product(level[-count:]))


@dataclass(frozen=True)
class Factor:
    """Queries, keys or values: a tensor, the dims before the last two to which it broadcasts, and whether its last two are exchanged."""

    value: SSAValue
    level: Lead
    exchanged: bool = False
    scale: float = 1.0
    """A number that it is multiplied by."""
    ops: tuple[Operation, ...] = ()
    """The ops that do so."""

    @property
    def dims(self) -> Lead:
        return shape_of(self.value)[:-2]

    def before(self, *, repeats: bool = False, scales: bool = False) -> Factor:
        """What it was before its last two dims were exchanged, others merged or parted and, with `scales`, one number scaled all and,
        with `repeats`, dims of 1 were repeated."""
        factor = self
        while (step := factor._step(repeats, scales)) is not None:
            factor = step
        return factor

    def _step(self, repeats: bool, scales: bool) -> Factor | None:
        op = self.value.owner
        full = self.dims == self.level
        match op:
            case nn.ReshapeOp() if full and _keeps_last_two(op):
                return replace(self, value=op.x, level=shape_of(op.x)[:-2])
            case nn.TransposeOp() if nn.values_of(op.permutation) == (
                *range(len(self.dims)),
                rank_of(op.x) - 1,
                rank_of(op.x) - 2,
            ):
                return replace(self, value=op.x, exchanged=not self.exchanged)
            case nn.BroadcastToOp() if repeats and full and rank_of(op.x) == rank_of(op.result) and _keeps_last_two(op):
                return replace(self, value=op.x)
            case nn.MulOp() | nn.DivOp() if scales and self.value.has_one_use():
                return self._unscaled(op)
            case _:
                return None

    def _unscaled(self, op: nn.MulOp | nn.DivOp) -> Factor | None:
        for x, other in ((op.lhs, op.rhs), (op.rhs, op.lhs)):
            number = number_of(other, pin=True)
            if number is None or not 1e-6 < abs(number) < 1e6 or (isinstance(op, nn.DivOp) and x is op.rhs):
                continue
            if shape_of(x) == shape_of(op.result):
                scale = 1.0 / number if isinstance(op, nn.DivOp) else number
                return replace(self, value=x, scale=self.scale * scale, ops=(op, *self.ops))
        return None


class ScaleAfterTranspose(RewritePattern):
    """matmul(transpose(x * number), b) -> matmul(transpose(x) * number, b), where `Factor` sees the number."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.MatmulOp, rewriter: PatternRewriter, /) -> None:
        for index, factor in enumerate(op.operands):
            view = factor.owner
            if not isinstance(view, nn.TransposeOp) or not isinstance(view.x.owner, nn.MulOp | nn.DivOp):
                continue
            scaling = view.x.owner
            numbers = [v for v in scaling.operands if isinstance(v.owner, nn.SOURCES) and _is_one_number(v)]
            keeps = len(numbers) == 1 and numbers[0] is scaling.rhs and scaling.lhs.type == scaling.result.type
            if not (keeps and factor.has_one_use() and view.x.has_one_use()):
                continue
            moved = rebuilt(view, [scaling.lhs], [factor.type])
            scaled = rebuilt(scaling, [moved.results[0], scaling.rhs], [factor.type])
            rewriter.insert([moved, scaled], InsertPoint.before(op))
            op.operands[index] = scaled.results[0]
            rewriter.notify_op_modified(op)


def _is_one_number(value: SSAValue) -> bool:
    return all(extent.as_int() == 1 for extent in shape_of(value))


def _keeps_last_two(op: nn.ReshapeOp | nn.BroadcastToOp) -> bool:
    return rank_of(op.x) >= 2 <= rank_of(op.result) and shape_of(op.x)[-2:] == shape_of(op.result)[-2:]
