"""The dims before the last two of an attention's tensors, as batch and heads, for `recognise-attention`.

A model may keep them apart or merged, [batch, heads, ...], [batch * heads, ...], [images, windows, heads, ...], and repeat the heads of
keys and values for the queries that share them. `Heads` is the form that all of them take; a tensor takes it by a reshape.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.ir import SSAValue

from ...dialects import nn
from ...dialects.dims import Expr, const, product
from ...dialects.nn import rank_of, shape_of

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


def folded(dims: Sequence[Expr], level: Lead, target: Lead, *, key: bool = False) -> tuple[Expr, ...] | None:
    """The dims before the last two of a tensor that broadcasts to `level`, as those of one that broadcasts to `target`. With `key`, heads
    of which the last ones are shared may stay apart from those that are not. None where the tensor would have to be repeated."""
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
        if not shares or any(own[i] != level[i] for i in kept):
            return None
        result[wanted[0]] = product(own[i] for i in kept)
    return tuple(result)


def heads_of(q: SSAValue, k: SSAValue, v: SSAValue, level: Lead) -> Heads:
    """The form for a product of these dims: the last of them is the heads, together with those before it that keys have one of."""
    if not level:
        return Heads(const(1), const(1))
    if len(level) == 1:
        sources = [unfolded(x) for x in (q, k, v)]
        leads = {shape_of(x)[:-2] for x in sources}
        (lead,) = leads if len(leads) == 1 else ((),)
        return Heads(*lead) if len(lead) == 2 and product(lead) == level[0] else Heads(level[0], const(1))
    keys = [const(1)] * (len(level) + 2 - rank_of(k)) + list(shape_of(k)[:-2])
    shared = len(level) > 2 and keys[-1].as_int() == 1 and level[-1].as_int() != 1 and keys[-2] == level[-2]
    count = 2 if shared else 1
    return Heads(product(level[:-count]), product(level[-count:]))


def unfolded(x: SSAValue) -> SSAValue:
    """What a value merges the first dims of, with the same last two."""
    made = x.owner
    if (
        isinstance(made, nn.ReshapeOp)
        and rank_of(made.x) >= 2 <= rank_of(x)
        and shape_of(made.x)[-2:] == shape_of(x)[-2:]
    ):
        return made.x
    return x


def unrepeated(x: SSAValue, level: Lead) -> tuple[SSAValue, Lead]:
    """Keys or values of these heads before the heads, or the batch, were repeated, and the dims to which they were; or as they are."""
    made = x.owner
    if rank_of(x) != 4 or len(level) != 2:
        return x, level
    if isinstance(made, nn.BroadcastToOp) and rank_of(made.x) == 4 and shape_of(made.x)[-2:] == shape_of(x)[-2:]:
        return made.x, level
    repeated = made.x.owner if isinstance(made, nn.ReshapeOp) else None
    if not isinstance(repeated, nn.BroadcastToOp) or rank_of(repeated.result) != 5 or rank_of(repeated.x) != 5:
        return x, level
    before, after = shape_of(repeated.x), shape_of(repeated.result)
    fits = before[2].as_int() == 1 and (*before[:2], *before[3:]) == (*after[:2], *after[3:])
    merged = (after[0], after[1] * after[2], *after[3:]) == shape_of(x)
    return (repeated.x, after[:3]) if fits and merged else (x, level)
