"""
Attention of com.microsoft: Attention, MultiHeadAttention, GroupQueryAttention, QAttention and RotaryEmbedding.

All become `attend`. Masks of 0 and 1 add `mask_filter_value` to the scores of keys that they hide, as ONNX Runtime computes it; causal
bounds exclude keys.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from xdsl.dialects.builtin import f32, i32
from xdsl.ir import SSAValue

from ....dialects import dims
from ....dialects.dims import Expr
from ...network import Network
from ..attention import Bounds, Mask, attend, attend_in_steps, merge_heads, split_heads
from ..calls import called
from ..node import Node
from ..quantization import MICROSOFT
from ..registry import Result, onnx_op


def _scale(node: Node, size: Expr) -> float:
    """The attribute `scale`, where 0 or none stands for 1 / sqrt(head size)."""
    given, static = node.float("scale", 0.0), size.as_int()
    if given:
        return given
    if static is None:
        node.unsupported("its head size is dynamic", "fix the dim in the profile (min = opt = max), or set 'scale'")
    return 1.0 / float(np.sqrt(static))


def _part(net: Network, x: SSAValue, axis: int, start: Expr | int, size: Expr | int) -> SSAValue:
    """`size` elements of x along `axis` from `start` on."""
    starts, sizes = [dims.const(0)] * len(net.shape(x)), list(net.shape(x))
    starts[axis], sizes[axis] = dims.as_expr(start), dims.as_expr(size)
    return net.add_slice(x, starts, sizes)


def _at(net: Network, x: SSAValue, axis: int, index: int) -> SSAValue:
    """x at one index of `axis`, without that axis."""
    shape = net.shape(x)
    return net.add_reshape(_part(net, x, axis, index, 1), (*shape[:axis], *shape[axis + 1 :]))


def _key_mask(node: Node, index: int, keys: Expr) -> SSAValue | None:
    """What the mask operand adds to the scores, [batch, 1, queries or 1, keys]: `mask_filter_value` where it hides a key.

    Its forms: [batch] (number of keys from the front), [batch, keys], [batch, queries, keys] and [batch, 1, all, all].
    """
    net = node.net
    if not node.has_input(index):
        return None
    mask, shape = node.data(index), node.shape(index)
    if len(shape) == 1:
        if shape[0] != node.shape(0)[0]:
            node.unsupported(
                f"its mask has {shape[0]} entries for a batch of {node.shape(0)[0]}",
                "use a mask of shape [batch] or [batch, keys]",
            )
        ends = net.add_reshape(mask, (*shape, 1, 1, 1))
        seen = net.add_compare("lt", net.add_iota((keys,), 0, net.element(mask)), ends)
    else:
        if len(shape) == 4:
            queries = node.shape(0)[1]
            mask = _part(net, _part(net, mask, 2, keys - queries, queries), 3, 0, keys)
        elif len(shape) == 3:
            mask = net.add_reshape(mask, (shape[0], 1, *shape[1:]))
        else:
            mask = net.add_reshape(mask, (shape[0], 1, 1, shape[1]))
        seen = net.add_compare("gt", mask, 0)
    filter_ = net.add_constant(np.array(node.float("mask_filter_value", -10000.0), np.float32))
    return net.add_where(seen, 0.0, filter_)


def _sum(net: Network, parts: Sequence[SSAValue | None]) -> SSAValue | None:
    """The sum of those that are given, in f32."""
    found = [net.add_cast(part, f32) for part in parts if part is not None]
    result = found[0] if found else None
    for part in found[1:]:
        result = part if result is None else net.add_binary("add", result, part)
    return result


def _causal(node: Node, queries: Expr, keys: Expr) -> Bounds | None:
    """The bound of attribute `unidirectional`: the last query sees all keys."""
    return Bounds(keys - queries, right=0) if node.int("unidirectional", 0) else None


@onnx_op("Attention", domain=MICROSOFT, note="masks, past, causal, biases of the scores; no rotary embedding")
def attention(node: Node) -> Result:
    if node.int("do_rotary", 0) or node.int("past_present_share_buffer", 0):
        node.unsupported("it rotates, or shares the buffers of its cache", "export MultiHeadAttention instead")
    projected = called(node, "MatMul", [node.data(0), node.data(1)])
    if node.has_input(2):
        projected = node.net.add_binary("add", projected, node.data(2))
    return self_attention(node, projected, mask=3, past=4, bias=5)


def self_attention(node: Node, projected: SSAValue, mask: int, past: int, bias: int) -> list[SSAValue]:
    """Attention over the projections [batch, length, q | k | v]; `mask`, `past` [2, batch, heads, keys, size] and `bias` are operands."""
    net, heads = node.net, node.int("num_heads")
    width = net.shape(projected)[2]
    sizes = [dims.const(s) for s in node.ints("qkv_hidden_sizes")] if node.has("qkv_hidden_sizes") else [width // 3] * 3
    starts = [dims.const(0), sizes[0], sizes[0] + sizes[1]]
    parts = [_part(net, projected, 2, start, size) for start, size in zip(starts, sizes, strict=True)]
    q, k, v = (split_heads(net, part, heads) for part in parts)
    if node.has_input(past):
        k, v = (net.add_concat([_at(net, node.data(past), 0, i), new], 2) for i, new in enumerate((k, v)))
    queries, keys = net.shape(q)[2], net.shape(k)[2]
    added = _sum(net, [_key_mask(node, mask, keys), node.data(bias) if node.has_input(bias) else None])
    masked = Mask(added=added, bounds=_causal(node, queries, keys))
    results = [merge_heads(net, attend(net, q, k, v, _scale(node, net.shape(q)[3]), masked))]
    if node.output_count > 1:
        results.append(net.add_concat([net.add_reshape(x, (1, *net.shape(x))) for x in (k, v)], 0))
    return results


@onnx_op("MultiHeadAttention", domain=MICROSOFT, note="packed or apart; masks, past, causal, biases of the scores")
def multi_head_attention(node: Node) -> Result:
    net = node.net
    if node.has_input(8) or node.has_input(9):
        node.unsupported("it shares the buffers of its cache", "export it without past_sequence_length")
    q, k, v = _heads(node)
    if node.has_input(6) and node.has_input(7):
        k, v = (net.add_concat([node.data(i), new], 2) for i, new in ((6, k), (7, v)))
    queries, keys = net.shape(q)[2], net.shape(k)[2]
    added = _sum(net, [_key_mask(node, 4, keys), node.data(5) if node.has_input(5) else None])
    mask = Mask(added=added, bounds=_causal(node, queries, keys))
    given = (net, q, k, v, _scale(node, net.shape(q)[3]), mask)
    if node.output_count <= 3:
        return [merge_heads(net, attend(*given)), k, v][: max(1, node.output_count)]
    found = attend_in_steps(*given)
    return [merge_heads(net, found.result), k, v, net.add_cast(found.scaled, net.element(q))]


def _heads(node: Node) -> list[SSAValue]:
    """Query, key and value [batch, heads, length, size], with their bias."""
    net, count = node.net, node.int("num_heads")
    if node.rank(0) == 5:  # [batch, length, heads, q k v, size]
        parts = [_at(net, node.data(0), 3, i) for i in range(3)]
    elif node.has_input(1) and node.rank(1) == 5:  # [batch, length, heads, k v, size]
        parts = [node.data(0), *(_at(net, node.data(1), 3, i) for i in range(2))]
    else:
        parts = [node.data(i) for i in range(3)]
    start, made = dims.const(0), list[SSAValue]()
    for part in parts:
        if len(net.shape(part)) == 3 or len(made) == 0 or node.rank(0) == 5 or node.rank(1) == 5:
            if len(net.shape(part)) == 4:
                batch, length, heads, size = net.shape(part)
                part = net.add_reshape(part, (batch, length, heads * size))
            width = net.shape(part)[2]
            if node.has_input(3):
                part = net.add_binary("add", part, _part(net, node.data(3), 0, start, width))
            start, part = start + width, split_heads(net, part, count)
        made.append(part)  # a key or value of rank 4 is split already
    return made


# Rotary embedding and grouped queries.


def rotated(net: Network, x: SSAValue, cos: SSAValue, sin: SSAValue, *, interleaved: bool) -> SSAValue:
    """x [batch, heads, length, size] with the pairs of its first 2 * width elements turned; cos and sin [batch or 1, 1, length, width]."""
    *lead, size = net.shape(x)
    element, width = net.element(x), net.shape(cos)[-1]
    turning, rest = x, None
    if width * 2 != size:
        turning, rest = _part(net, x, 3, 0, width * 2), _part(net, x, 3, width * 2, size - width * 2)
    turning, cos, sin = (net.add_cast(each, f32) for each in (turning, cos, sin))
    if interleaved:
        pairs = net.add_reshape(turning, (*lead, width, 2))
        a, b = (_at(net, pairs, 4, i) for i in range(2))
    else:
        a, b = (_part(net, turning, 3, start, width) for start in (0, width))
    real = net.add_binary("sub", net.add_binary("mul", cos, a), net.add_binary("mul", sin, b))
    imaginary = net.add_binary("add", net.add_binary("mul", sin, a), net.add_binary("mul", cos, b))
    if interleaved:
        stacked = net.add_concat([net.add_reshape(each, (*lead, width, 1)) for each in (real, imaginary)], 4)
        result = net.add_reshape(stacked, (*lead, width * 2))
    else:
        result = net.add_concat([real, imaginary], 3)
    result = net.add_cast(result, element)
    return result if rest is None else net.add_concat([result, rest], 3)


def _angles(node: Node, index: int, positions: SSAValue) -> list[SSAValue]:
    """The rows of the tables at operands `index` (cos) and `index + 1` (sin) at positions [batch or 1, length], for all heads."""
    net = node.net
    rows = (net.add_gather(node.data(i), positions, 0) for i in (index, index + 1))
    return [net.add_reshape(row, (net.shape(row)[0], 1, *net.shape(row)[1:])) for row in rows]


@onnx_op("RotaryEmbedding", domain=MICROSOFT)
def rotary_embedding(node: Node) -> Result:
    net, x = node.net, node.data(0)
    flat = node.rank(0) == 3
    if node.float("scale", 1.0) != 1.0 or node.int("is_packed_batching", 0):
        node.unsupported("it scales, or packs its batch", "export it with scale 1 and one row per sequence")
    width = node.shape(2)[1]
    if flat:
        heads = node.int("num_heads", 0) or _count(node, node.shape(0)[2], width * 2)
        x = split_heads(net, x, heads)
    length = net.shape(x)[2]
    positions = node.data(1)
    if node.rank(1) < 2 and all(extent.as_int() == 1 for extent in node.shape(1)):
        own = net.add_iota((1, length), 1, net.element(positions))
        positions = net.add_binary("add", own, net.add_reshape(positions, ()))
    cos, sin = _angles(node, 2, positions)
    result = rotated(net, x, cos, sin, interleaved=bool(node.int("interleaved", 0)))
    return merge_heads(net, result) if flat else result


def _count(node: Node, whole: Expr, part: Expr) -> int:
    count = (whole // part).as_int()
    if count is None:
        node.unsupported("its number of heads is dynamic", "set attribute 'num_heads'")
    return count


@onnx_op(
    "GroupQueryAttention", domain=MICROSOFT,
    note="packed or apart, rotary, windows, sinks; a cache that grows, or of a fixed size with total_sequence_length constant",
)  # fmt: skip
def group_query_attention(node: Node) -> Result:
    net, heads, shared = node.net, node.int("num_heads"), node.int("kv_num_heads")
    if any(node.has_input(i) for i in (12, 13)) or node.int("k_quant_type", 0):
        node.unsupported("its cache is quantized", "export it with a cache of floats")
    q, k, v = _grouped(node, heads, shared)
    queries = net.shape(q)[2]
    seen = net.add_reshape(net.add_cast(node.data(5), i32), (node.shape(0)[0], 1))
    fresh = net.add_cast(net.add_shape_value([queries - 1], ()), i32)
    # Before the first step there is no key, however short a padded prompt is.
    before = net.add_binary("max", net.add_binary("sub", seen, fresh), 0)
    if node.int("do_rotary", 0):
        positions = net.add_binary("add", before, net.add_iota((1, queries), 1, i32))
        positions = node.data(9) if node.has_input(9) else positions
        cos, sin = _angles(node, 7, positions)
        turned = bool(node.int("rotary_interleaved", 0))
        q, k = (rotated(net, x, cos, sin, interleaved=turned) for x in (q, k))
    if node.has_input(3):
        k, v = _cached(node, before, k, v)
    keys = net.shape(k)[2]
    places = net.add_reshape(before, (*net.shape(before), 1, 1))
    # Attribute local_window_size counts the query's own position.
    local = node.int("local_window_size", -1)
    mask = Mask(added=_score_bias(node, keys), bounds=Bounds(places, local - 1 if local > 0 else -1, 0))
    found = attend(
        net, q, k, v, _scale(node, net.shape(q)[3]), mask, softcap=node.float("softcap", 0.0), sink=_sink(node)
    )
    return [merge_heads(net, found), k, v][: max(1, node.output_count)]


def _score_bias(node: Node, keys: Expr) -> SSAValue | None:
    """Operand 10, with zeros for the part of a cache of a fixed size that no query sees."""
    if not node.has_input(10):
        return None
    bias, unseen = node.data(10), (keys - node.shape(10)[-1]).as_int() or 0
    return node.net.add_pad(bias, [0] * 4, [0, 0, 0, unseen]) if unseen > 0 else bias


def _sink(node: Node) -> SSAValue | None:
    """The score per head of a key without a value: operand 11, or 0 for `smooth_softmax`."""
    net, heads = node.net, node.int("num_heads")
    if node.has_input(11):
        return net.add_reshape(node.data(11), (1, heads, 1, 1))
    return net.add_full(0.0, (1, heads, 1, 1), f32) if node.int("smooth_softmax", 0) == 1 else None


def _grouped(node: Node, heads: int, shared: int) -> list[SSAValue]:
    """Query, key and value [batch, heads, length, size]; packed in one tensor where key and value are missing."""
    net = node.net
    if node.has_input(1):
        return [split_heads(net, node.data(i), count) for i, count in enumerate((heads, shared, shared))]
    packed, size = node.data(0), node.shape(0)[2] // (heads + 2 * shared)
    counts, starts = (heads, shared, shared), (0, heads, heads + shared)
    parts = [_part(net, packed, 2, size * start, size * count) for start, count in zip(starts, counts, strict=True)]
    return [split_heads(net, part, count) for part, count in zip(parts, counts, strict=True)]


def _cached(node: Node, before: SSAValue, k: SSAValue, v: SSAValue) -> list[SSAValue]:
    """Keys and values behind those of the cache. A sequence that fills less of it than others has its new ones right behind its own."""
    net, batch, past, queries = node.net, node.shape(0)[0], node.shape(3)[2], node.net.shape(k)[2]
    known = node.value(6).constant()
    total, held = (None if known is None else int(known.reshape(-1)[0])), past.as_int()
    fixed = total is not None and held is not None and total <= held
    if batch.as_int() == 1 and not fixed:
        return [net.add_concat([node.data(i), new], 2) for i, new in ((3, k), (4, v))]
    count = past if fixed else past + queries
    place = net.add_iota((1, count), 1, i32)
    own = net.add_binary("sub", place, before)  # the index among the new ones
    is_new = net.add_compare("ge", own, 0)
    if fixed:
        limit = net.add_cast(net.add_shape_value([queries], ()), i32)
        is_new = net.add_binary("logical_and", is_new, net.add_compare("lt", own, limit))
    start = net.add_cast(net.add_shape_value([past], ()), i32)
    source = net.add_where(is_new, net.add_binary("add", own, start), place)
    last = net.add_cast(net.add_shape_value([past + queries - 1], ()), i32)
    source = net.add_binary("min", source, last)
    return [_rows_of(net, net.add_concat([node.data(i), new], 2), source, batch, count) for i, new in ((3, k), (4, v))]


def _rows_of(net: Network, x: SSAValue, source: SSAValue, batch: Expr, count: Expr) -> SSAValue:
    """x [batch, heads, keys, size] at the keys `source` [batch, count] of each batch."""
    apart = net.add_transpose(x, (0, 2, 1, 3))
    index = net.add_reshape(net.add_broadcast_to(source, (batch, count)), (batch, count, 1))
    return net.add_transpose(net.add_gather_nd(apart, index, 1), (0, 2, 1, 3))
