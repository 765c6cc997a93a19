"""Six shapes of graph of any size, for what grows with the number of ops: each is built by the layer API from about `ops` ops."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue

from trtc.compiler.network import Network
from trtc.dialects import nn

_RNG = np.random.default_rng(0)


def _weights(*shape: int) -> np.ndarray:
    return _RNG.standard_normal(shape, np.float32)


_PROJECTION, _FILTER, _VECTOR = _weights(32, 32), _weights(8, 1, 1, 8), _weights(8)


def _conv(net: Network, x: SSAValue) -> SSAValue:
    return net.insert(nn.ConvOp(x, net.add_constant(_FILTER), (1, 1), (0, 0, 0, 0), (1, 1), 1))


def chain(net: Network, ops: int) -> SSAValue:
    """Convolutions and activations, one after the other."""
    x = net.add_input("x", "f32", (1, 4, 4, 8))
    for number in range(ops // 2):
        x = net.add_unary(("relu", "sigmoid", "tanh")[number % 3], _conv(net, x))
    return x


def transformer(net: Network, ops: int) -> SSAValue:
    """Blocks of attention and a feed-forward layer, with residual sums: 15 ops per block."""
    x = net.add_input("x", "f32", (1, 16, 32))
    for _ in range(max(1, ops // 15)):
        q, k, v = (net.add_matmul(x, net.add_constant(_PROJECTION)) for _ in range(3))
        scores = net.add_matmul(q, net.add_transpose(k, (0, 2, 1)))
        mixed = net.add_matmul(net.add_softmax(scores, 2), v)
        x = net.add_binary("add", net.add_matmul(mixed, net.add_constant(_PROJECTION)), x)
        wide = net.add_unary("relu", net.add_matmul(x, net.add_constant(_PROJECTION)))
        x = net.add_binary("add", net.add_matmul(wide, net.add_constant(_PROJECTION)), x)
    return x


def inception(net: Network, ops: int) -> SSAValue:
    """Blocks of four branches that are joined: 10 ops per block."""
    x = net.add_input("x", "f32", (1, 4, 4, 8))
    for _ in range(max(1, ops // 10)):
        branches = [net.add_unary("relu", _conv(net, x)) for _ in range(4)]
        x = net.add_unary("tanh", net.add_slice(net.add_concat(branches, 3), (0, 0, 0, 0), (1, 4, 4, 8), (1, 1, 1, 1)))
    return x


def wide_concat(net: Network, ops: int) -> SSAValue:
    """One concat of as many branches as there are ops."""
    x = net.add_input("x", "f32", (1, 4, 4, 8))
    kinds = ("relu", "sigmoid", "tanh", "exp")
    return net.add_concat([net.add_unary(kinds[number % 4], x) for number in range(ops)], 3)


def affine_chain(net: Network, ops: int) -> SSAValue:
    """Multiplications and additions of constants per channel, in turn."""
    x = net.add_input("x", "f32", (1, 4, 4, 8))
    for number in range(ops):
        x = net.add_binary("mul" if number % 2 else "add", x, net.add_constant(_VECTOR + number / 1024))
    return x


def scores(net: Network, ops: int) -> SSAValue:
    """Sums of two branches of one value, which a softmax reads: 4 ops per block."""
    x = net.add_input("x", "f32", (16, 32))
    for _ in range(max(1, ops // 4)):
        product = net.add_matmul(x, net.add_constant(_PROJECTION))
        x = net.add_softmax(net.add_binary("add", product, net.add_unary("relu", x)), 1)
    return x


SHAPES: dict[str, Callable[[Network, int], SSAValue]] = {
    "chain": chain,
    "transformer": transformer,
    "inception": inception,
    "wide concat": wide_concat,
    "affine chain": affine_chain,
    "scores": scores,
}


def module(shape: str, ops: int) -> ModuleOp:
    """The module of one shape and size."""
    net = Network()
    net.mark_output(SHAPES[shape](net, ops), "y")
    return net.module()
