"""The masks of an attention as the one mask, the causal bound and the window of an `nn.attention`, for `recognise-attention`.

What hides keys by minus infinity becomes a bound or an i1 mask. What hides them by a number, such as the lowest of the type, becomes a
bound only where that changes no bit: where every query keeps a key, and no other mask may hide that one. Else the number stays, in a mask
that is added: a query without a key then attends to all alike.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from xdsl.dialects.builtin import f32
from xdsl.ir import Operation, SSAValue

from ....dialects import nn
from ....dialects.dims import Expr, const
from ....dialects.nn import element_of, rank_of, shape_of
from .bounds import Bounds, Condition, bounds_of_array, unwidened
from .heads import Lead, folded
from .scores import ABSORBING, HIDDEN, Term, number_of

Add = Callable[[Operation], SSAValue]
_TAME = 1e6
"""A mask of numbers up to this hides no key."""


@dataclass
class Masks:
    """What an `nn.attention` needs to say of masks."""

    bounds: Bounds = field(default_factory=Bounds)
    added: list[Term] = field(default_factory=list[Term])
    allowed: list[Term] = field(default_factory=list[Term])


@dataclass(frozen=True)
class _Hiding:
    """A mask that only hides keys: the conditions under which one counts, what it has become else, and the mask itself."""

    conditions: Sequence[Condition]
    number: float
    term: Term
    bounds: Bounds | None = None
    """Those of a constant."""


def masks_of(terms: Sequence[Term], queries: Expr, keys: Expr, ranges: dict[str, tuple[int, int, int]]) -> Masks | str:
    """The masks `terms`, the last one that is applied first; or why they cannot be said so."""
    masks = Masks()
    for index, term in enumerate(terms):
        hiding = _hiding(term, queries, keys)
        if hiding is None:
            masks.added.append(term)
            continue
        rest, bounds = list[Condition](), hiding.bounds or masks.bounds
        for condition in hiding.conditions:
            found = condition.bounds(queries, keys)
            joined = None if found is None else bounds.both(found)
            if joined is None or joined.properties(queries, keys) is None:
                rest.append(condition)
            else:
                bounds = joined
        if hiding.bounds is not None and (
            masks.bounds.both(bounds) is None or bounds.properties(queries, keys) is None
        ):
            masks.added.append(term)
            continue
        if hiding.number != -np.inf and not _is_exact(terms, index, rest, bounds, queries, keys, ranges):
            if reason := _keep_number(terms[index + 1 :], hiding, masks, queries, keys):
                return reason
            continue
        masks.bounds = masks.bounds.both(bounds) or bounds
        masks.allowed += [Term("allow" if holds else "hide", value, term.lead, term.op) for value, holds in rest]
    return masks


def _is_exact(
    terms: Sequence[Term], index: int, rest: Sequence[Condition], bounds: Bounds, queries: Expr, keys: Expr,
    ranges: dict[str, tuple[int, int, int]],
) -> bool:  # fmt: skip
    """Whether minus infinity gives what a low number gives: every query keeps a key of a usual score."""
    others = [term for place, term in enumerate(terms) if place != index]
    return not rest and bounds.leaves_keys(queries, keys, ranges) and all(_is_tame(term) for term in others)


def _keep_number(before: Sequence[Term], hiding: _Hiding, masks: Masks, queries: Expr, keys: Expr) -> str | None:
    """Hide keys by the number that the model has for them, in place of what the masks `before` made of their scores; or why that is not
    possible by adding numbers."""
    term = hiding.term
    if term.kind != "add":
        narrow = element_of(term.op.results[0]) in nn.NARROW
        if hiding.number > ABSORBING or narrow:
            return f"a query may lose all keys, and {hiding.number:g} for a score is no minus infinity"
        found = [_hiding(other, queries, keys) for other in before]
        if any(other is not None and other.number == -np.inf for other in found):
            return "a mask replaces scores that another one made minus infinity"
    masks.added.append(term)
    return None


def _hiding(term: Term, queries: Expr, keys: Expr) -> _Hiding | None:
    """A mask as one that only hides keys; None for one of numbers."""
    if term.kind != "add":
        return _Hiding(Condition(term.value, term.kind == "allow").parts(), term.hidden, term)
    if isinstance(term.op, nn.SubOp):
        return None
    mask = unwidened(term.value)
    op = mask.owner
    if isinstance(op, nn.WhereOp):
        for kept, hidden, holds in ((op.on_true, op.on_false, True), (op.on_false, op.on_true, False)):
            number = number_of(hidden)
            if number_of(kept) == 0.0 and number is not None and number <= HIDDEN:
                return _Hiding(Condition(op.condition, holds).parts(), number, term)
    array = nn.value_of(mask, "which keys an attention's mask hides")
    if array is None or not array.size or array.dtype == bool:
        return None
    numbers = array.astype(np.float64)
    hidden = numbers[numbers != 0]
    if not hidden.size or np.isnan(hidden).any() or hidden.max() > HIDDEN:
        return None
    bounds = bounds_of_array(numbers == 0, queries, keys)
    return None if bounds is None else _Hiding((), float(hidden.max()), term, bounds)


def _is_tame(term: Term) -> bool:
    """Whether a mask adds moderate numbers only."""
    if term.kind != "add":
        return False
    value = term.value
    for _ in range(8):
        array = nn.value_of(value, "whether an attention's bias hides keys")
        if array is not None:
            return bool(np.all(np.abs(array.astype(np.float64)) <= _TAME))
        op = value.owner
        if not isinstance(op, nn.GatherOp | nn.TransposeOp | nn.ReshapeOp | nn.BroadcastToOp | nn.SliceOp):
            return False
        value = op.x
    return False


# What the op reads.


def mask_operand(masks: Masks, add: Add, target: Lead) -> SSAValue | None:
    """The one mask, of rank 4: the sum of those that are added, minus infinity where a key does not count."""
    added = allowed = None
    repeats = _may_repeat(masks, target)
    for term in reversed(masks.added):
        if added is not None and term.kind != "add":  # it replaces what was added before
            condition = of_rank_4(term.value, term.lead, add, target, repeats=repeats)
            added = _choose(term, condition, added if element_of(added) == f32 else add(nn.CastOp(added, f32)), add)
            continue
        value = of_rank_4(_numbers(term, add), term.lead, add, target, repeats=repeats)
        if added is not None and element_of(added) != element_of(value):
            added, value = (x if element_of(x) == f32 else add(nn.CastOp(x, f32)) for x in (added, value))
        added = value if added is None else add(nn.AddOp(added, value))
    for term in masks.allowed:
        value = term.value if term.kind == "allow" else add(nn.LogicalNotOp(term.value))
        value = of_rank_4(value, term.lead, add, target, repeats=repeats)
        allowed = value if allowed is None else add(nn.LogicalAndOp(allowed, value))
    if added is None or allowed is None:
        return allowed if added is None else added
    return add(nn.WhereOp(allowed, added, _number(-np.inf, added, add)))


def _may_repeat(masks: Masks, target: Lead) -> bool:
    """Whether all masks have as many batches, or one: those of which several serve more batches in turn then fit the others."""
    counts = {const(1)}
    for term in (*masks.added, *masks.allowed):
        shape = shape_of(term.value)
        own = [const(1)] * (len(term.lead) + 2 - len(shape)) + list(shape[:-2])
        lead = folded(own, term.lead, target, repeats=True)
        if lead is None:
            return False
        counts.add(lead[0])
    return len(counts) <= 2


def _number(value: float, like: SSAValue, add: Add) -> SSAValue:
    number = add(nn.ConstantOp(np.array(value, np.float32)))
    return number if element_of(like) == f32 else add(nn.CastOp(number, element_of(like)))


def _numbers(term: Term, add: Add) -> SSAValue:
    """What a mask adds to scores."""
    if term.kind == "add":
        return add(nn.NegOp(term.value)) if isinstance(term.op, nn.SubOp) else unwidened(term.value)
    return _choose(term, term.value, _number(0.0, term.op.results[0], add), add)


def _choose(term: Term, condition: SSAValue, numbers: SSAValue, add: Add) -> SSAValue:
    """Numbers where keys count, and elsewhere what the mask makes of their scores."""
    hidden = _number(term.hidden, numbers, add)
    return add(nn.WhereOp(condition, *((numbers, hidden) if term.kind == "allow" else (hidden, numbers))))


def of_rank_4(mask: SSAValue, level: Lead, add: Add, target: Lead, *, repeats: bool = False) -> SSAValue:
    """A mask that broadcasts to scores with these first dims, for scores of the target's; repeated where one dim is two of the target,
    unless with `repeats` the op does so."""
    shape = [const(1)] * (len(level) + 2 - rank_of(mask)) + list(shape_of(mask))
    lead = folded(shape[:-2], level, target, repeats=repeats)
    if lead is None:
        wide = (*level, *shape[-2:])
        if rank_of(mask) < len(wide):
            mask = add(nn.ReshapeOp(mask, shape))
        mask = add(nn.BroadcastToOp(mask, wide))
        lead = folded(level, level, target)
        assert lead is not None, "what has all dims of the scores folds as they do"
    dims = (*lead, *shape[-2:])
    return mask if shape_of(mask) == dims else add(nn.ReshapeOp(mask, dims))
