"""How ops behave when a tensor is stored with its dims in another order.

An op *follows* its layout if permuting the dims of its tied operands permutes those of its result, once axes and per-dim
properties are renumbered. Products with one matrix and normalisations over the last dim follow where the last dim stays the last.
Convolutions, pools, other products and reshapes do not: they fix it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from xdsl.dialects.builtin import ArrayAttr, DenseArrayBase, IntegerAttr
from xdsl.ir import Attribute, Operation

from ...dialects import nn
from ...dialects.nn import rank_of
from .permutations import Permutation, apply, inverse


@dataclass(frozen=True)
class Rule:
    """The operands of a following op.

    `tied` operands are stored like the result, `broadcast` ones are aligned to it from the right and may have fewer dims, any
    other operand keeps its layout (a scale per axis, an index list).
    """

    tied: tuple[int, ...]
    broadcast: tuple[int, ...] = ()
    axes: tuple[str, ...] = ()
    """Properties that hold dim numbers."""
    per_dim: tuple[str, ...] = ()
    """Properties that hold one entry per dim."""


def _same_rank(op: Operation, index: int) -> bool:
    return rank_of(op.operands[index]) == rank_of(op.results[0])


def _pointwise(op: Operation) -> Rule:
    indices = range(len(op.operands))
    tied = tuple(i for i in indices if _same_rank(op, i))
    return Rule(tied, tuple(i for i in indices if i not in tied))


def _gather(op: Operation) -> Rule | None:
    return Rule((0,), axes=("axis",)) if rank_of(op.operands[1]) == 1 else None


def _reduce(op: Operation) -> Rule | None:
    return Rule((0,), axes=("axes",)) if _same_rank(op, 0) else None


_RULES: dict[str, Callable[[Operation], Rule | None]] = {
    "nn.concat": lambda op: Rule(tuple(range(len(op.operands))), axes=("axis",)),
    "nn.softmax": lambda op: Rule((0,), axes=("axis",)),
    "nn.log_softmax": lambda op: Rule((0,), axes=("axis",)),
    "nn.slice": lambda op: Rule((0,), per_dim=("starts", "steps")),
    "nn.pad": lambda op: Rule((0,), per_dim=("low", "high")),
    "nn.roll": lambda op: Rule((0,), per_dim=("shifts",)),
    "nn.broadcast_to": _pointwise,
    "nn.gather": _gather,
    "nn.reduce": _reduce,
    "nn.normalize": lambda op: Rule((0,), axes=("axes",)),
    "nn.iota": lambda op: Rule((), axes=("axis",)),
    "quant.quantize": lambda op: Rule((0,), axes=("axis",)),
    "quant.dequantize": lambda op: Rule((0,), axes=("axis",)),
    "quant.requantize": lambda op: Rule((0,), axes=("axis",)),
}


def rule_of_rows(op: Operation) -> Rule | None:
    """How an op that takes each row of the last dim for itself follows the order of the dims before it, or None."""
    rank = rank_of(op.results[0]) if len(op.results) == 1 else 0
    match op:
        case nn.MatmulOp() if rank > 2 and rank_of(op.b) == 2 and rank_of(op.a) == rank:
            return Rule((0,))
        case nn.LayerNormOp() if rank > 2 and op.axis.value.data == rank - 1:
            return Rule((0,))
        case _:
            return None


def rule_of(op: Operation) -> Rule | None:
    """How the op follows its layout, or None if it fixes the layout of its operands and result."""
    if len(op.results) != 1:
        return None
    find = _RULES.get(op.name) or (_pointwise if nn.is_pointwise(op) else None)
    return find(op) if find else None


def _renumber(attribute: Attribute, s: Permutation) -> Attribute:
    stored = inverse(s)
    if isinstance(attribute, IntegerAttr):
        return IntegerAttr(stored[attribute.value.data], attribute.type)
    if isinstance(attribute, DenseArrayBase):
        return nn.ints(sorted(stored[a] for a in nn.values_of(attribute)))
    raise TypeError(f"axes: expected an integer or array attribute, got {attribute}")


def _permute_entries(attribute: Attribute, s: Permutation) -> Attribute:
    if isinstance(attribute, nn.DimsAttr):
        return nn.DimsAttr.get(apply(s, attribute.exprs))
    if isinstance(attribute, DenseArrayBase):
        return nn.ints(apply(s, nn.values_of(attribute)))
    if isinstance(attribute, ArrayAttr):
        return ArrayAttr(apply(s, attribute.data))
    raise TypeError(f"entries per dim: expected #nn.dims or an array attribute, got {attribute}")


def permuted_properties(op: Operation, rule: Rule, s: Permutation) -> dict[str, Attribute]:
    """The properties that change where the op's result is stored as `transpose(result, s)`."""
    changed = {name: _renumber(op.properties[name], s) for name in rule.axes if name in op.properties}
    changed |= {name: _permute_entries(op.properties[name], s) for name in rule.per_dim if name in op.properties}
    return changed
