"""
Scaled dot-product attention: Attention of ONNX, and `attend`, of which all its relatives are made.

It becomes an `nn.attention` where that says the same, else the ops of a plain model (`attend_in_steps`: matmul, scale, mask, softmax,
matmul): where other results than the last are read, the softmax is of another precision, or there is a sink. For f16 and bf16 operands
scores are f32 between the product and the softmax, and rounded where they are stored, or where a mask is added.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from xdsl.dialects.builtin import bf16, f16, f32, i1, i32
from xdsl.ir import Attribute, SSAValue

from ...dialects import dims, nn, quant
from ...dialects.dims import Expr
from ...dialects.nn import NARROW
from ..network import Network
from .node import Node
from .registry import Result, onnx_op


@dataclass(frozen=True)
class Bounds:
    """Keys at most `left` before and `right` behind a query's position, where `before` keys come first; -1 sets no bound."""

    before: Expr | SSAValue
    left: int = -1
    right: int = -1

    def as_mask(self, net: Network, queries: Expr, keys: Expr) -> SSAValue | None:
        return window(net, query_positions(net, queries, self.before), keys, self.left, self.right)

    def as_properties(self, queries: Expr, keys: Expr) -> tuple[str | None, int | None] | None:
        """`causal` and `window` of an `nn.attention` that says the same; None where it cannot."""
        if isinstance(self.before, SSAValue) or self.right > 0:
            return None
        size = None if self.left < 0 else self.left + 1
        if self.before == dims.const(0):
            return (None if self.right < 0 else "start"), size
        return ("end", size) if self.right == 0 and self.before == keys - queries else None


@dataclass(frozen=True)
class Mask:
    """Which keys a query attends to (i1), and what is added to its scores; each broadcasts to [batch, heads, queries, keys]."""

    allowed: SSAValue | None = None
    added: SSAValue | None = None
    may_hide_all: bool = False
    """Whether a query may have no key at all; its probabilities are then 0."""
    bounds: Bounds | None = None


class Attended(NamedTuple):
    """The scores [batch, heads, queries, keys] after scaling, capping and masking, their softmax, and the result."""

    scaled: SSAValue
    capped: SSAValue
    masked: SSAValue
    probs: SSAValue
    result: SSAValue


def attend(
    net: Network,
    q: SSAValue,
    k: SSAValue,
    v: SSAValue,
    scale: float,
    mask: Mask = Mask(),
    *,
    softcap: float = 0.0,
    softmax_in: Attribute | None = None,
    sink: SSAValue | None = None,
) -> SSAValue:
    """The result of `attend_in_steps`, as one op where that says the same."""
    element, (queries, keys) = net.element(q), (net.shape(q)[2], net.shape(k)[2])
    narrow = element in NARROW
    usual = softmax_in in (None, element) or (narrow and softmax_in == f32)
    dequantized = any(isinstance(x.owner, quant.DequantizeOp) for x in (q, k, v))  # products of integers, perhaps
    fits = _fits(net, q, mask.allowed, keys) and _fits(net, q, mask.added, keys)
    if sink is not None or not usual or dequantized or not fits:
        return attend_in_steps(net, q, k, v, scale, mask, softcap=softcap, softmax_in=softmax_in, sink=sink).result
    bounds = (None, None) if mask.bounds is None else mask.bounds.as_properties(queries, keys)
    allowed = mask.allowed
    if bounds is None and mask.bounds is not None:
        allowed = all_of(net, [mask.bounds.as_mask(net, queries, keys), allowed])
    given = _one_mask(net, allowed, mask.added)
    rounded = narrow and mask.added is not None and softmax_in != f32
    hides = mask.may_hide_all and (given is not None or mask.bounds is not None)
    causal, size = bounds or (None, None)
    return net.insert(
        nn.AttentionOp(
            q, k, v, given, scale=scale, causal=causal, window=size, softcap=softcap or None, zero_masked=hides,
            scores=element if rounded else None,
        )
    )  # fmt: skip


def _fits(net: Network, q: SSAValue, mask: SSAValue | None, keys: Expr) -> bool:
    """Whether a mask broadcasts to the scores and does not widen them."""
    if mask is None:
        return True
    wide = (*net.shape(q)[:3], keys)
    own = net.shape(mask)
    return len(own) <= 4 and all(d.as_int() == 1 or d == w for d, w in zip(own, wide[4 - len(own) :], strict=True))


def _one_mask(net: Network, allowed: SSAValue | None, added: SSAValue | None) -> SSAValue | None:
    """Both masks as one of rank 4."""
    if allowed is not None and added is not None:
        added = net.add_where(allowed, added, -np.inf)
    mask = allowed if added is None else added
    if mask is None:
        return None
    shape = net.shape(mask)
    return net.add_reshape(mask, (*[1] * (4 - len(shape)), *shape)) if len(shape) < 4 else mask


def attend_in_steps(
    net: Network,
    q: SSAValue,
    k: SSAValue,
    v: SSAValue,
    scale: float,
    mask: Mask = Mask(),
    *,
    softcap: float = 0.0,
    softmax_in: Attribute | None = None,
    sink: SSAValue | None = None,
) -> Attended:
    """Attention of q [batch, heads, queries, size] to k and v [batch, key heads, keys, size], each key head serving neighbouring heads.

    `softmax_in`: element type of the softmax, by default that of q. `sink`: a score per head, of a key without a value.
    """
    heads = _Heads(net, net.shape(q), net.shape(k)[1])
    element = net.element(q)
    wide = f32 if element in (f16, bf16) else element
    scores = net.insert(nn.MatmulOp(heads.apart(q), heads.shared(k), True, None, wide))
    scores = scaled = net.add_binary("mul", scores, scale)
    if softcap:
        scores = net.add_binary("mul", net.add_unary("tanh", net.add_binary("div", scores, softcap)), softcap)
    capped = scores
    added = None if mask.added is None else heads.broadcast(mask.added)
    bounds = None if mask.bounds is None else mask.bounds.as_mask(net, net.shape(q)[2], net.shape(k)[2])
    allowed = all_of(net, [None if x is None else heads.broadcast(x) for x in (bounds, mask.allowed)])
    if added is not None:
        scores = net.add_binary("add", scores, net.add_cast(added, wide))
    if allowed is not None:
        scores = net.add_where(allowed, scores, -np.inf)
    probs = _softmax(net, net.add_cast(scores, softmax_in or element), None if sink is None else heads.broadcast(sink))
    if mask.may_hide_all:
        probs = net.add_where(_hidden(net, allowed, added), 0.0, probs)
    probs = net.add_cast(probs, net.element(v))
    result = net.add_matmul(probs, heads.shared(v))
    return Attended(*map(heads.together, (scaled, capped, scores, probs, result)))


def _softmax(net: Network, scores: SSAValue, sink: SSAValue | None) -> SSAValue:
    if sink is None:
        return net.add_softmax(scores, -1)
    shape = net.shape(scores)
    last = net.add_broadcast_to(net.add_cast(sink, net.element(scores)), (*shape[:-1], 1))
    probs = net.add_softmax(net.add_concat([scores, last], -1), -1)
    return net.add_slice(probs, [0] * len(shape), shape)


def _hidden(net: Network, allowed: SSAValue | None, added: SSAValue | None) -> SSAValue:
    """Which queries have no key, [..., queries, 1]."""
    bias = net.add_constant(np.zeros((), np.float32)) if added is None else added
    if allowed is not None:
        bias = net.add_where(allowed, bias, -np.inf)
    rank = len(net.shape(bias))
    return net.add_compare("eq", net.add_reduce("max", bias, [rank - 1], keepdims=True), -np.inf)


@dataclass(frozen=True)
class _Heads:
    """Heads [batch, heads, ...] apart as [batch, key heads, heads per key head, ...] where several share a key head."""

    net: Network
    shape: tuple[Expr, ...]
    keys: Expr

    @property
    def split(self) -> tuple[Expr, Expr] | None:
        return None if self.shape[1] == self.keys else (self.keys, self.shape[1] // self.keys)

    def apart(self, x: SSAValue) -> SSAValue:
        shape = self.net.shape(x)
        return x if self.split is None else self.net.add_reshape(x, (shape[0], *self.split, *shape[2:]))

    def shared(self, x: SSAValue) -> SSAValue:
        shape = self.net.shape(x)
        return x if self.split is None else self.net.add_reshape(x, (*shape[:2], 1, *shape[2:]))

    def broadcast(self, x: SSAValue) -> SSAValue:
        """A mask of rank up to 4, aligned to the right."""
        shape = self.net.shape(x)
        if self.split is None or len(shape) < 3:
            return x
        heads = (dims.const(1), dims.const(1)) if shape[-3].as_int() == 1 else self.split
        return self.net.add_reshape(x, (*shape[:-3], *heads, *shape[-2:]))

    def together(self, x: SSAValue) -> SSAValue:
        shape = self.net.shape(x)
        return x if self.split is None else self.net.add_reshape(x, (shape[0], self.shape[1], *shape[3:]))


# Heads.


def split_heads(net: Network, x: SSAValue, heads: int) -> SSAValue:
    """[batch, length, heads * size] as [batch, heads, length, size]."""
    batch, length, hidden = net.shape(x)
    return net.add_transpose(net.add_reshape(x, (batch, length, heads, hidden // heads)), (0, 2, 1, 3))


def merge_heads(net: Network, x: SSAValue) -> SSAValue:
    """[batch, heads, length, size] as [batch, length, heads * size]."""
    batch, heads, length, size = net.shape(x)
    return net.add_reshape(net.add_transpose(x, (0, 2, 1, 3)), (batch, length, heads * size))


# Masks.


def query_positions(net: Network, count: Expr, before: SSAValue | Expr) -> SSAValue:
    """Positions of the queries among the keys, i32 [queries, 1]. `before` keys come first: one number, or [batch, 1, 1, 1]."""
    own = net.add_iota((count, 1), 0, i32)
    if isinstance(before, SSAValue):
        return net.add_binary("add", own, net.add_cast(before, i32))
    static = before.as_int()
    if static is None:
        return net.add_binary("add", own, net.add_cast(net.add_shape_value([before], ()), i32))
    return net.add_binary("add", own, static) if static else own


def window(net: Network, positions: SSAValue, keys: Expr, left: int = -1, right: int = -1) -> SSAValue | None:
    """Whether a key lies at most `left` before and `right` behind a query's position; -1 sets no bound."""
    columns, conditions = net.add_iota((keys,), 0, i32), list[SSAValue | None]()
    if right >= 0:
        last = net.add_binary("add", positions, right) if right else positions
        conditions.append(net.add_compare("le", columns, last))
    if left >= 0:
        conditions.append(net.add_compare("ge", columns, net.add_binary("sub", positions, left)))
    return all_of(net, conditions)


def all_of(net: Network, conditions: Sequence[SSAValue | None]) -> SSAValue | None:
    """The conjunction of those that are given."""
    found = [condition for condition in conditions if condition is not None]
    result = found[0] if found else None
    for condition in found[1:]:
        result = condition if result is None else net.add_binary("logical_and", result, condition)
    return result


# The operator.


@onnx_op("Attention", note="masks, caches, grouped queries, windows and all outputs; softmax in its own precision")
def attention(node: Node) -> Result:
    net = node.net
    q, k, v = (_heads_of(node, i) for i in range(3))
    past = net.shape(node.data(4))[2] if node.has_input(4) else dims.const(0)
    if node.has_input(4) != node.has_input(5):
        node.invalid("past_key and past_value come together", "export the model again")
    if node.has_input(4):
        k, v = net.add_concat([node.data(4), k], 2), net.add_concat([node.data(5), v], 2)
    size = net.shape(q)[3].as_int()
    if size is None:
        node.unsupported("its head size is dynamic", "fix the dim in the profile (min = opt = max)")
    scale = node.float("scale") if node.has("scale") else 1.0 / float(np.sqrt(size))
    precision = node.int("softmax_precision", 0)
    mode = node.int("qk_matmul_output_mode", 0)
    if not 0 <= mode <= 3:
        node.invalid(f"attribute 'qk_matmul_output_mode' should be 0 to 3, got {mode}")
    given = (net, q, k, v, scale, _mask(node, net.shape(q)[2], net.shape(k)[2], past))
    softcap, softmax_in = node.float("softcap", 0.0), node.onnx_type(precision) if precision else None
    together = merge_heads if node.rank(0) == 3 else lambda net, x: x
    if node.output_count <= 3:
        return [together(net, attend(*given, softcap=softcap, softmax_in=softmax_in)), k, v][
            : max(1, node.output_count)
        ]
    found = attend_in_steps(*given, softcap=softcap, softmax_in=softmax_in)
    return [together(net, found.result), k, v, net.add_cast(found[mode], net.element(q))]


def _heads_of(node: Node, index: int) -> SSAValue:
    """Operand `index` as [batch, heads, length, size]."""
    if node.rank(index) == 4:
        return node.data(index)
    if node.rank(index) != 3:
        node.invalid(f"operand {index} has rank {node.rank(index)}; expected 3 or 4")
    return split_heads(node.net, node.data(index), node.int("q_num_heads" if index == 0 else "kv_num_heads"))


def _mask(node: Node, queries: Expr, keys: Expr, past: Expr) -> Mask:
    """The causal and window bounds, the padding of the keys, and the mask operand together."""
    net, before, limit = node.net, past, None
    if node.has_input(6):
        lengths = net.add_cast(node.data(6), i32)
        lengths = net.add_reshape(lengths, (*net.shape(lengths), 1, 1, 1))
        limit = net.add_compare("lt", net.add_iota((keys,), 0, i32), lengths)
        # The number of queries is a dim, so that its difference to the lengths may be negative.
        before = net.add_binary("sub", lengths, net.add_cast(net.add_shape_value([queries], ()), i32))
    left, right = node.int("left_window_size", -1), node.int("right_window_size", -1)
    reach = 0 if node.int("is_causal", 0) else right
    bounds = Bounds(before, left, reach) if left >= 0 or reach >= 0 else None
    given = _given_mask(node, keys) if node.has_input(3) else None
    if given is not None and net.element(given) == i1:
        allowed, added = all_of(net, [limit, given]), None
    else:
        allowed, added = limit, given
    return Mask(allowed, added, given is not None or limit is not None or left >= 0 or right >= 0, bounds)


def _given_mask(node: Node, keys: Expr) -> SSAValue:
    """The mask operand, with keys that it does not reach masked."""
    net, mask = node.net, node.data(3)
    shape = net.shape(mask)
    missing = keys - shape[-1] if shape else dims.const(0)
    if missing.as_int() == 0 or shape[-1].as_int() == 1 or missing.bounds(net.ranges)[0] <= 0:
        return mask
    rest = net.add_full(0.0 if net.element(mask) == i1 else -np.inf, (*shape[:-1], missing), net.element(mask))
    return net.add_concat([mask, rest], -1)
