"""Random numbers: RandomNormal, RandomUniform, their Like forms, Bernoulli, Multinomial, Dropout.

Each element is a function of its position and of the seed (Philox 2x32 with ten rounds; Salmon et al., "Parallel random numbers: as easy as
1, 2, 3", SC 2011), so that a run draws the same numbers on every machine, and each run the same ones. They are not those of other
implementations, on which ONNX says nothing. A node without a seed takes its position in the model.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from xdsl.dialects.builtin import f32, f64, i1
from xdsl.ir import Attribute, SSAValue

from ...dialects import dims
from ...dialects.dims import Expr
from ..network import Network
from .node import Node
from .registry import Result, onnx_op

_MULTIPLIER, _WEYL, _LOW = 0xD256D193, 0x9E3779B9, 0xFFFFFFFF
_NOTE = "a function of seed and position: not the numbers of other implementations, and the same in each run"


@onnx_op("RandomUniform", "RandomUniformLike", note=_NOTE)
def random_uniform(node: Node) -> Result:
    low, high = node.float("low", 0.0), node.float("high", 1.0)
    wanted, shape = _wanted(node)
    (drawn, _), wide = _uniform(node, shape, wanted), f64 if wanted == f64 else f32
    net = node.net
    scaled = net.add_binary("add", net.add_binary("mul", drawn, high - low), low)
    assert net.element(scaled) == wide
    return net.add_cast(scaled, wanted)


@onnx_op("RandomNormal", "RandomNormalLike", note=_NOTE)
def random_normal(node: Node) -> Result:
    """Box and Muller: a radius of one uniform number and an angle of another."""
    net, (wanted, shape) = node.net, _wanted(node)
    first, second = _uniform(node, shape, wanted)
    below_one = net.add_binary("sub", 1.0, first)  # not 0, whose logarithm is infinite
    radius = net.add_unary("sqrt", net.add_binary("mul", net.add_unary("log", below_one), -2.0))
    normal = net.add_binary("mul", radius, net.add_unary("cos", net.add_binary("mul", second, 2 * np.pi)))
    scaled = net.add_binary("mul", normal, node.float("scale", 1.0))
    return net.add_cast(net.add_binary("add", scaled, node.float("mean", 0.0)), wanted)


@onnx_op("Bernoulli", note=_NOTE)
def bernoulli(node: Node) -> Result:
    net, p = node.net, node.data(0)
    wanted = node.onnx_type(node.int("dtype")) if node.has("dtype") else node.element_type(0)
    drawn, _ = _uniform(node, node.shape(0), node.element_type(0))
    return net.add_cast(net.add_compare("lt", drawn, net.add_cast(p, net.element(drawn))), wanted)


@onnx_op("Dropout", note=f"the identity, but for a training_mode that is set or data: {_NOTE}")
def dropout(node: Node) -> Result:
    net, x = node.net, node.value(0)
    training, ratio = _number(node, 2, "training_mode", 0.0), _number(node, 1, "ratio", 0.5)
    if training == 0.0 or ratio == 0.0:
        if not node.wants(1):
            return x
        dtype = node.element_type(0) if node.opset < 10 else "i1"
        return [x, net.add_full(1, node.shape(0), dtype)]
    if isinstance(ratio, float) and not 0.0 <= ratio < 1.0:
        node.invalid(f"its ratio should be at least 0 and below 1, got {ratio}")
    node.in_f32()
    drawn, _ = _uniform(node, node.shape(0), node.element_type(0))
    if isinstance(ratio, SSAValue):
        ratio = net.add_cast(ratio, net.element(drawn))
    given, mask = node.data(0), net.add_compare("ge", drawn, ratio)
    kept = (
        net.add_cast(net.add_binary("sub", 1.0, ratio), net.element(given))
        if isinstance(ratio, SSAValue)
        else 1.0 - ratio
    )
    result = net.add_where(mask, net.add_binary("div", given, kept), net.add_full(0.0, (), net.element(given)))
    if isinstance(training, SSAValue):
        training = net.add_cast(training, i1)
        result = net.add_where(training, result, given)
        mask = net.add_binary("logical_or", mask, net.add_unary("logical_not", training))
    return [result, mask]


def _number(node: Node, index: int, what: str, default: float) -> float | SSAValue:
    """An operand of one number, as a scalar where it is data."""
    if node.has_input(index) and node.value(index).is_open:
        return node.net.add_reshape(node.value(index).materialise(node.net), ())
    return float(node.constant(index, what).reshape(-1)[0]) if node.has_input(index) else default


@onnx_op("Multinomial", note=_NOTE)
def multinomial(node: Node) -> Result:
    """The class whose log-probability is greatest after Gumbel noise; the first of several."""
    net, (batch, classes), count = node.net, node.shape(0), node.int("sample_size", 1)
    if count < 1:
        node.invalid(f"attribute 'sample_size' should be positive, got {count}")
    shape = (batch, dims.const(count), classes)
    drawn, _ = _uniform(node, shape, node.element_type(0))
    inner = net.add_unary("neg", net.add_unary("log", net.add_binary("sub", 1.0, drawn)))
    noise = net.add_unary("neg", net.add_unary("log", inner))
    scores = net.add_reshape(net.add_cast(node.data(0), net.element(drawn)), (batch, 1, classes))
    return first_greatest(net, net.add_binary("add", scores, noise), 2, node.onnx_type(node.int("dtype", 6)))


def first_greatest(net: Network, x: SSAValue, axis: int, dtype: Attribute, *, keepdims: bool = False) -> SSAValue:
    """The least index along an axis at which `x` is greatest, or NaN."""
    shape = net.shape(x)
    best = net.add_compare("eq", x, net.add_reduce("max", x, [axis], keepdims=True))
    if np.dtype(net.dtype(x)).kind not in "iu":
        best = net.add_binary("logical_or", best, net.add_unary("isnan", x))
    one = [dims.const(1)] * len(shape)
    one[axis] = shape[axis]
    index = net.add_iota(one, axis, "i32")
    candidates = net.add_where(best, index, net.add_full(2**31 - 1, (), "i32"))
    return net.add_cast(net.add_reduce("min", candidates, [axis], keepdims=keepdims), dtype)


def _wanted(node: Node) -> tuple[Attribute, Sequence[Expr]]:
    """The element type and shape of the result."""
    if not node.op_type.endswith("Like"):
        return node.onnx_type(node.int("dtype", 1)), [dims.const(extent) for extent in node.ints("shape")]
    wanted = node.onnx_type(node.int("dtype")) if node.has("dtype") else node.element_type(0)
    return wanted, node.shape(0)


def _uniform(node: Node, shape: Sequence[Expr], wanted: Attribute) -> tuple[SSAValue, SSAValue]:
    """Two uniform numbers in [0, 1) for each element, in f32 with 24 random bits, or for f64 with 32."""
    net = node.net
    position = net.add_cast(net.add_iota([dims.product(shape)], 0, "i64"), "ui64")
    bits = 32 if wanted == f64 else 24
    drawn: list[SSAValue] = []
    for word in _philox(net, position, _key(node)):
        kept = word if bits == 32 else _by(net, "shift_right", word, 8)
        number = net.add_cast(kept, f64 if wanted == f64 else f32)
        drawn.append(net.add_reshape(net.add_binary("mul", number, 2.0**-bits), shape))
    return drawn[0], drawn[1]


def _key(node: Node) -> int:
    if node.op_type == "Dropout" and node.has("seed"):
        return node.int("seed") & _LOW
    if node.has("seed"):
        return int(np.float32(node.float("seed")).view(np.uint32))
    return (node.graph_node.index * _WEYL + 1) & _LOW


def _philox(net: Network, counter: SSAValue, key: int) -> tuple[SSAValue, SSAValue]:
    """Two words of 32 random bits, in ui64, for each counter."""
    left, right = _by(net, "bit_and", counter, _LOW), _by(net, "shift_right", counter, 32)
    for _ in range(10):
        product = _by(net, "mul", left, _MULTIPLIER)
        high = net.add_binary("bit_xor", _by(net, "shift_right", product, 32), right)
        left, right = _by(net, "bit_xor", high, key), _by(net, "bit_and", product, _LOW)
        key = (key + _WEYL) & _LOW
    return left, right


def _by(net: Network, kind: str, x: SSAValue, number: int) -> SSAValue:
    return net.add_binary(kind, x, net.add_constant(np.array(number, np.uint64)))
