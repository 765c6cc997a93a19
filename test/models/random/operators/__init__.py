"""The operators of random graphs: each function here adds one kind of node, or a few that belong together, to a `Maker`.

A function draws operands, attributes and shapes; whether the node is any good is the maker's business.
"""

from __future__ import annotations

from collections.abc import Callable

from onnx import NodeProto

from ..graphs import Maker, Value
from .attention import attention, cast_mask, feed_forward, products
from .blocks import BLOCKS
from .chain import layer
from .control import CONTROL
from .data import concat, gather, other, pad, reshape, slice_, split, view
from .linear import cumulate, gemm, matmul, normalise, reduce
from .places import einsum, find, rearrange, region, resample, scatter
from .pointwise import binary, bits, cast, clip, integers, logic, unary
from .quantized import convolution, product, quantize
from .recurrent import recur
from .shared import first
from .siblings import siblings
from .soups import soup
from .windows import conv, conv_transpose, pool


def residual(g: Maker) -> None:
    x = g.float_value(least=1)
    y = first(g.emit(g.choice(("Relu", "Tanh", "Sigmoid")), [x]))
    if y:
        g.emit("Add", [x, y] if g.chance(0.5) else [y, x])


def twice(g: Maker) -> None:
    """A node made again: two equal values under two names."""
    if g.nodes:
        old = g.choice(g.nodes)
        if old.op_type != "Constant" and old.op_type not in CONTROL and not g.masked.intersection(old.output):
            copy = NodeProto()
            copy.CopyFrom(old)
            names = [g.fresh(ahead=i) for i in range(len(old.output))]
            copy.output[:] = names
            copies = [Value(g.values[name].arrays, g.values[name].moved) for name in old.output]
            g.nodes.append(copy)
            g.values.update(zip(names, copies, strict=True))


GENERATORS: tuple[tuple[Callable[[Maker], None], float], ...] = (
    (unary, 3), (binary, 4), (integers, 1), (logic, 1.5), (cast, 0.7), (clip, 1), (matmul, 3), (gemm, 1.5), (conv, 3),
    (conv_transpose, 1), (pool, 2), (reduce, 2), (normalise, 3), (reshape, 2), (view, 3), (concat, 3), (split, 1), (slice_, 2),
    (gather, 1.5), (pad, 1), (cumulate, 0.5), (other, 1), (residual, 1), (twice, 0.5),
    (quantize, 1), (product, 1), (convolution, 1),
    (find, 1), (rearrange, 0.7), (scatter, 1), (einsum, 0.7), (resample, 1), (region, 0.4),
    (recur, 1), (bits, 0.7), (siblings, 1.5), (soup, 1.5),
)  # fmt: skip
LAYERS = tuple(layer(write) for write in (*(attention,) * 6, feed_forward, products, cast_mask, *BLOCKS))
"""What networks consist of."""
ROUGH = (integers, bits, logic, quantize, product, convolution)
