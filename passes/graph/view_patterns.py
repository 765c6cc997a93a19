"""Patterns of `canonicalize-nn`: chains of reshapes and transposes, and ops that absorb views."""

from __future__ import annotations

import math
from collections.abc import Sequence

from xdsl.dialects.builtin import UnitAttr
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern, op_type_rewrite_pattern
from xdsl.rewriter import InsertPoint

from ...dialects import nn, quant
from ...dialects.dims import Expr, const, product
from ...dialects.nn import element_of, rank_of, shape_of
from ...dialects.provenance import helper_location
from ...dialects.strided import refined, split_runs
from ..remarks import remark
from .editing import depends_on_constants_only, per_channel, rebuilt
from .permutations import Permutation, apply, compose, identity, inverse, is_identity, name_source

NAME = "canonicalize-nn"
_LARGEST_DIM = 2**31


class MergeReshapes(RewritePattern):
    """reshape(reshape(x)) -> reshape(x)."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.ReshapeOp, rewriter: PatternRewriter, /) -> None:
        if isinstance(op.x.owner, nn.ReshapeOp):
            rewriter.replace(op, nn.ReshapeOp(op.x.owner.x, shape_of(op.result)))


class MergeTransposes(RewritePattern):
    """transpose(transpose(x)) -> transpose(x) or x."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.TransposeOp, rewriter: PatternRewriter, /) -> None:
        x, permutation = op.x, nn.values_of(op.permutation)
        if isinstance(x.owner, nn.TransposeOp):
            name_source(x.owner)
            x, permutation = x.owner.x, compose(nn.values_of(x.owner.permutation), permutation)
        if is_identity(permutation):
            rewriter.replace(op, [], [x])
        elif x is not op.x:
            rewriter.replace(op, nn.TransposeOp(x, permutation))


def _merged_blocks(dims: Sequence[Expr], merged: Sequence[Expr]) -> list[list[int]] | None:
    """For each dim of `merged` the run of `dims` that a reshape merges into it; None if it splits one."""
    blocks: list[list[int]] = []
    index = 0
    for size in merged:
        block: list[int] = []
        covered = const(1)
        while covered != size or (not block and index < len(dims) and dims[index] == size):
            if index == len(dims):
                return None
            covered = covered * dims[index]
            block.append(index)
            index += 1
        blocks.append(block)
    if not blocks or any(d.as_int() != 1 for d in dims[index:]):
        return None
    blocks[-1] += range(index, len(dims))
    return blocks


class TransposeAboveMerge(RewritePattern):
    """transpose(reshape(transpose(x))) -> reshape(transpose(x)), where the reshape merges dims and the outer one moves them whole."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.TransposeOp, rewriter: PatternRewriter, /) -> None:
        reshape = op.x.owner
        if not isinstance(reshape, nn.ReshapeOp) or not isinstance(reshape.x.owner, nn.TransposeOp):
            return
        blocks = _merged_blocks(shape_of(reshape.x), shape_of(reshape.result))
        if blocks is None or not reshape.result.has_one_use():
            why = "it splits dims" if blocks is None else "its result has other users"
            remark(op, "missed", NAME, f"not moved above the nn.reshape, where it would merge with a transpose: {why}")
            return
        moved = nn.TransposeOp(reshape.x, [i for p in nn.values_of(op.permutation) for i in blocks[p]])
        rewriter.replace(op, [moved, nn.ReshapeOp(moved, shape_of(op.result))])


class TransposeBelowSplit(RewritePattern):
    """reshape(transpose(x)) -> transpose(reshape(x)), where channels are put first and the reshape splits dims: an image [N, H * W, C]."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.ReshapeOp, rewriter: PatternRewriter, /) -> None:
        turned = op.x.owner
        if not isinstance(turned, nn.TransposeOp) or not _puts_channels_first(turned):
            return
        runs = _merged_blocks(shape_of(op.result), shape_of(turned.result))
        if runs is None or not all(runs) or not op.x.has_one_use():
            why = "it does more than to split dims" if op.x.has_one_use() else "the transpose has other users"
            remark(op, "missed", NAME, f"not moved above the nn.transpose that it reads: {why}")
            return
        permutation = nn.values_of(turned.permutation)
        order = [place for axis in range(len(runs)) for place in runs[permutation.index(axis)]]
        apart = nn.ReshapeOp(turned.x, [shape_of(op.result)[place] for place in order])
        rewriter.replace(op, [apart, nn.TransposeOp(apart, [order.index(place) for place in range(len(order))])])


def _puts_channels_first(op: nn.TransposeOp) -> bool:
    """Whether a transpose moves the last dim behind the first one, and nothing else; not of weights."""
    rank = rank_of(op.x)
    moved = nn.values_of(op.permutation) == (0, rank - 1, *range(1, rank - 1))
    return rank > 2 and moved and not depends_on_constants_only(op.x)


class TransposeBelowBroadcast(RewritePattern):
    """broadcast_to(transpose(x)) -> transpose(broadcast_to(x)), where channels are put first: an image whose pixels are repeated."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.BroadcastToOp, rewriter: PatternRewriter, /) -> None:
        turned = op.x.owner
        if not isinstance(turned, nn.TransposeOp) or not _puts_channels_first(turned):
            return
        if rank_of(op.x) != rank_of(op.result) or not op.x.has_one_use():
            why = "the broadcast adds dims" if op.x.has_one_use() else "the transpose has other users"
            remark(op, "missed", NAME, f"not moved above the nn.transpose that it reads: {why}")
            return
        permutation = nn.values_of(turned.permutation)
        wide = nn.BroadcastToOp(turned.x, apply(inverse(permutation), shape_of(op.result)))
        rewriter.replace(op, [wide, nn.TransposeOp(wide, permutation)])


class TransposeBetweenReshapes(RewritePattern):
    """
    reshape(transpose(reshape(x))) -> transpose(reshape(x)), where the inner reshape merges dims that the outer one parts again: they move
    one by one, so that nothing has to lie in the merged order.
    """

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.ReshapeOp, rewriter: PatternRewriter, /) -> None:
        transpose = op.x.owner
        if not isinstance(transpose, nn.TransposeOp) or not isinstance(transpose.x.owner, nn.ReshapeOp):
            return
        x, between, result = transpose.x.owner.x, shape_of(transpose.x), shape_of(op.result)
        found = _parted(shape_of(x), between, nn.values_of(transpose.permutation), result)
        if found is None or not transpose.result.has_one_use():
            why = "dims stay merged" if found is None else "the result of the nn.transpose has other users"
            remark(op, "missed", NAME, f"the nn.reshape before the nn.transpose is kept: {why}")
            return
        dims, order = found
        if dims == [d for d in between if d != 1]:
            return
        apart = nn.ReshapeOp(x, dims)
        moved = nn.TransposeOp(apart, order)
        new: list[Operation] = [apart, moved]
        if shape_of(moved.result) != result:
            new.append(nn.ReshapeOp(moved, result))
        rewriter.replace(op, new)


def _parted(
    dims: Sequence[Expr], between: Sequence[Expr], permutation: Permutation, result: Sequence[Expr]
) -> tuple[list[Expr], list[int]] | None:
    """The dims of a reshape and the permutation of a transpose that make `result` of `dims`, as a reshape to `between`, a transpose and
    another reshape do; None if some of `result` stay merged."""
    parts = refined(dims, between)
    runs = split_runs(between, parts) if parts else None
    if not parts or not runs:
        return None
    order = [i for p in permutation for i in runs[p]]
    moved = [parts[i] for i in order]
    finest = refined(moved, result)
    finer = split_runs(moved, finest) if finest else None
    if not finest or not finer or list(finest) != [d for d in result if d != 1]:
        return None
    inner = dict(zip(order, finer, strict=True))  # the dims of the result that each part has
    places = [i for part in range(len(parts)) for i in inner[part]]
    return [finest[i] for i in places], list(inverse(tuple(places)))


def _swap_last(permutation: Permutation) -> Permutation:
    return (*permutation[:-2], permutation[-1], permutation[-2])


class TransposeIntoMatmul(RewritePattern):
    """matmul(a, transpose(b)) -> matmul(a, b) with transpose_b, where the transpose moves the innermost dim away."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.MatmulOp, rewriter: PatternRewriter, /) -> None:
        inner = op.b.owner
        if not isinstance(inner, nn.TransposeOp):
            return
        permutation = nn.values_of(inner.permutation)
        rest, last = _swap_last(permutation), len(permutation) - 1
        if op.transpose_b is not None or rest[-1] != last:
            if permutation[-1] != last:
                why = "B is read transposed already" if op.transpose_b is not None else "it moves more than two dims"
                remark(op, "missed", NAME, f"the transpose of B is not taken in: {why}")
            return
        b: SSAValue = inner.x
        new: list[Operation] = []
        if rest != identity(len(rest)):
            new.append(nn.TransposeOp(b, rest))
            b = new[0].results[0]
        product = nn.MatmulOp(op.a, b, transpose_b=True, element_type=nn.element_of(op.result))
        if op.math is not None:
            product.properties["math"] = op.math
        rewriter.replace(op, [*new, product])


class TransposeAboveDequantize(RewritePattern):
    """transpose(dequantize(w)) -> dequantize(transpose(w)) for constants, so that the transpose can be folded."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.TransposeOp, rewriter: PatternRewriter, /) -> None:
        inner = op.x.owner
        if not isinstance(inner, quant.DequantizeOp) or not depends_on_constants_only(inner.x):
            return
        moved = nn.TransposeOp(inner.x, nn.values_of(op.permutation))
        axis = None if inner.axis is None else nn.values_of(op.permutation).index(inner.axis.value.data)
        rewriter.replace(op, [moved, quant.DequantizeOp(moved, inner.scale, axis, nn.element_of(op.result))])


class PointwiseAboveView(RewritePattern):
    """f(view(x), numbers) -> view(f(x, numbers)), so that f can be fused with what computes x."""

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter, /) -> None:
        if not nn.is_pointwise(op) or op.name.startswith("quant."):
            return
        views = [v for v in op.operands if isinstance(v.owner, nn.ReshapeOp | nn.TransposeOp)]
        numbers = [v for v in op.operands if isinstance(v.owner, nn.SOURCES) and not rank_of(v)]
        if len(views) != 1 or len(views) + len(numbers) != len(op.operands):
            return
        view = views[0].owner
        assert isinstance(view, nn.ReshapeOp | nn.TransposeOp)
        if depends_on_constants_only(view.x):
            return
        if not views[0].has_one_use():
            remark(op, "missed", NAME, f"not moved above the {view.name} that it reads, whose result has other users")
            return
        ty = nn.with_element(view.x, nn.element_of(op.results[0]))
        inner = rebuilt(op, [view.x if v is views[0] else v for v in op.operands], [ty])
        outer = rebuilt(view, inner.results, op.result_types)
        rewriter.replace(op, [inner, outer])


class PointwiseAboveMerge(RewritePattern):
    """f(reshape(x), numbers of channels) -> reshape(f(x, numbers)), where the reshape merges the last dims of a norm to channels."""

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter, /) -> None:
        if not nn.is_pointwise(op) or op.name.startswith("quant."):
            return
        views = [v for v in op.operands if isinstance(v.owner, nn.ReshapeOp)]
        view = views[0].owner if len(views) == 1 else None
        if not isinstance(view, nn.ReshapeOp) or not _is_normalised(view.x):
            return
        dims, (*lead, channels) = shape_of(view.x), shape_of(view.result)
        others = [v for v in op.operands if v is not views[0]]
        merges = dims[:-2] == tuple(lead) and len(dims) == len(lead) + 2 and product(dims[-2:]) == channels
        if (
            not merges
            or shape_of(op.results[0]) != shape_of(view.result)
            or not all(map(depends_on_constants_only, others))
        ):
            return
        if not views[0].has_one_use() or not all(per_channel(v, channels) for v in others):
            why = (
                "its result has other users"
                if not views[0].has_one_use()
                else "what it meets differs by more than channels"
            )
            remark(op, "missed", NAME, f"not moved above the nn.reshape of a norm's channels: {why}")
            return
        parted = {v: nn.ReshapeOp(v, dims[-2:]) for v in others if rank_of(v) and shape_of(v)[-1] == channels}
        for made in parted.values():
            made.location = helper_location("reshape", op.location)
        operands = [view.x if v is views[0] else parted[v].result if v in parted else v for v in op.operands]
        inner = rebuilt(op, operands, [nn.with_element(view.x, element_of(op.results[0]))])
        outer = rebuilt(view, inner.results, op.result_types)
        rewriter.replace(op, [*parted.values(), inner, outer])


def _is_normalised(value: SSAValue, depth: int = 4) -> bool:
    """Whether a value is that of a norm, or follows from one by at most `depth` pointwise ops in a row."""
    op = value.owner
    if isinstance(op, nn.NormalizeOp):
        return True
    if not depth or not isinstance(op, Operation) or not nn.is_pointwise(op):
        return False
    return any(_is_normalised(v, depth - 1) for v in op.operands if not depends_on_constants_only(v))


class GatherToSlice(RewritePattern):
    """A gather by one constant index, or by consecutive constant indices, known to be in range -> a slice; a table of them gives it its
    dims."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.GatherOp, rewriter: PatternRewriter, /) -> None:
        indices, axis = nn.value_of(op.indices, "which indices run through a slice"), op.axis.value.data
        dims = list(shape_of(op.x))
        if indices is None or indices.size == 0:
            return
        size = dims[axis].as_int()
        flat = [int(i) + (size if i < 0 and size is not None else 0) for i in indices.reshape(-1)]
        least, _ = dims[axis].bounds(dict.fromkeys(dims[axis].symbols(), (1, _LARGEST_DIM)))
        run = flat == list(range(flat[0], flat[0] + len(flat)))
        if not run or flat[0] < 0 or flat[-1] >= least:
            table = f", in a table of rank {indices.ndim}" if indices.ndim > 1 else ""
            why = "an index may be out of range" if run else f"its indices are not consecutive{table}"
            remark(op, "missed", NAME, f"not a slice: {why}")
            return
        starts = [flat[0] if i == axis else 0 for i in range(len(dims))]
        dims[axis] = const(len(flat))
        part = nn.SliceOp(op.x, starts, dims)
        rewriter.replace(op, part if indices.ndim == 1 else [part, nn.ReshapeOp(part, shape_of(op.result))])


class PadIntoWindow(RewritePattern):
    """Zero padding of height and width goes into the pads of the conv that reads it, or of a max_pool of values that are never negative."""

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter, /) -> None:
        if not isinstance(op, nn.ConvOp | nn.MaxPoolOp) or not isinstance(op.x.owner, nn.PadOp):
            return
        pad = op.x.owner
        fixed = pad.fixed()
        if fixed is None or pad.mode is not None:
            why = "it repeats elements" if pad.mode else "its size is dynamic"
            remark(op, "missed", NAME, f"padding not folded into {op.name}: {why}")
            return
        low, high = fixed
        if low[0] or low[-1] or high[0] or high[-1]:
            remark(op, "missed", NAME, f"padding not folded into {op.name}: it pads more than height and width")
            return
        if not _padding_agrees(op, pad, (*low[1:-1], *high[1:-1])):
            remark(
                op,
                "missed",
                NAME,
                f"padding by {pad.value.value.data} not folded into {op.name}: its own padding may give another result",
            )
            return
        old = nn.values_of(op.pads)
        added = (*low[1:-1], *high[1:-1])
        op.properties["pads"] = nn.ints([a + b for a, b in zip(old, added, strict=True)])
        op.operands[0] = pad.x
        rewriter.notify_op_modified(op)


def _padding_agrees(op: nn.ConvOp | nn.MaxPoolOp, pad: nn.PadOp, added: Sequence[int]) -> bool:
    value = pad.value.value.data
    if isinstance(op, nn.ConvOp):
        return value == 0
    if value == -math.inf:
        return True
    # A zero among values of which none is negative never changes a maximum, if each window holds one of them.
    pads = [own + more for own, more in zip(nn.values_of(op.pads), added, strict=True)]
    return value == 0 and nn.windows_meet(op, shape_of(pad.x)[1:-1], pads) and never_negative(pad.x)


def never_negative(value: SSAValue, depth: int = 4) -> bool:
    """Whether a value is known not to be below zero, looking back over at most `depth` ops."""
    owner = value.owner
    match owner:
        case nn.ReluOp() | nn.SigmoidOp() | nn.ExpOp() | nn.SoftmaxOp() | nn.SoftplusOp() | nn.HardSigmoidOp():
            return True
        case nn.ClipOp():
            return math.copysign(1, owner.min.value.data) > 0  # a bound of -0 lets -0 through
        case nn.MaxPoolOp() | nn.ReshapeOp() | nn.TransposeOp() | nn.SliceOp() | nn.ConcatOp():
            return depth > 0 and all(never_negative(v, depth - 1) for v in owner.operands)
        case _:
            return False


class UnreadLastStates(RewritePattern):
    """An rnn of which only the states of the steps are read does not write the last ones."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.RnnOp, rewriter: PatternRewriter, /) -> None:
        readers = list(dict.fromkeys(use.operation for use in op.result.uses))
        if op.without_last is not None or not readers:
            return
        rows = op.infer(op.cell_kind, op.inputs.type, op.weights.type, element_of(op.result), last=False)
        if not all(isinstance(reader, nn.SliceOp) and _is_head(reader, rows) for reader in readers):
            return
        new = rebuilt(op, op.operands, [rows], {"without_last": UnitAttr()})
        rewriter.insert(new, InsertPoint.before(op))
        for reader in readers:
            rewriter.replace(reader, [], [new.results[0]])


def _is_head(op: nn.SliceOp, type_: Attribute) -> bool:
    """Whether a slice takes the elements from the first on, all of this type."""
    first = all(start.as_int() == 0 for start in op.starts.exprs)
    return first and set(nn.values_of(op.steps)) == {1} and op.result.type == type_


VIEW_PATTERNS: tuple[type[RewritePattern], ...] = (
    MergeReshapes,
    MergeTransposes,
    TransposeAboveMerge,
    TransposeBelowSplit,
    TransposeBelowBroadcast,
    TransposeBetweenReshapes,
    TransposeIntoMatmul,
    TransposeAboveDequantize,
    PointwiseAboveView,
    PointwiseAboveMerge,
    GatherToSlice,
    PadIntoWindow,
    UnreadLastStates,
)
