"""Pointwise ops: arithmetic, comparison, logic, activations, Cast, Clip, Where.

An operator without an op in `nn` is decomposed exactly, in a form that does not overflow for large inputs.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce as chain

import numpy as np
from xdsl.dialects.builtin import f64
from xdsl.ir import Attribute, SSAValue

from ...dialects import dims
from ...dialects.dtypes import f8e4m3, f8e5m2, is_float
from ..network import Network
from . import folding
from .folding import Array, Undecidable, elements, map_elements
from .node import Node
from .registry import Result, onnx_fold, onnx_op

UNARY = {
    "Abs": "abs", "Neg": "neg", "Exp": "exp", "Log": "log", "Sqrt": "sqrt", "Reciprocal": "reciprocal", "Erf": "erf",
    "Tanh": "tanh", "Sigmoid": "sigmoid", "Relu": "relu", "Floor": "floor", "Ceil": "ceil", "Round": "round",
    "Sign": "sign", "Sin": "sin", "Cos": "cos", "Asin": "asin", "Acos": "acos", "Atan": "atan", "Asinh": "asinh", "Acosh": "acosh",
    "Atanh": "atanh", "Not": "logical_not", "IsNaN": "isnan",
}  # fmt: skip
BINARY = {
    "Add": "add", "Sub": "sub", "Mul": "mul", "Div": "div",
    "And": "logical_and", "Or": "logical_or", "Xor": "logical_xor",
}  # fmt: skip
ACTIVATIONS = {"HardSwish": "hard_swish", "Mish": "mish", "Softplus": "softplus"}
COMPARE = {"Equal": "eq", "Less": "lt", "Greater": "gt", "LessOrEqual": "le", "GreaterOrEqual": "ge"}
VARIADIC = {"Sum": "add", "Max": "max", "Min": "min", "Mean": "add"}


@onnx_op(*UNARY)
def unary(node: Node) -> Result:
    return node.net.add_unary(UNARY[node.op_type], node.data(0))


@onnx_op(*BINARY)
def binary(node: Node) -> Result:
    return node.net.add_binary(BINARY[node.op_type], node.data(0), node.data(1))


@onnx_op(*COMPARE)
def compare(node: Node) -> Result:
    return node.net.add_compare(COMPARE[node.op_type], node.data(0), node.data(1))


@onnx_op(*VARIADIC)
def variadic(node: Node) -> Result:
    net, kind = node.net, VARIADIC[node.op_type]
    if not node.inputs:
        node.invalid("it has no operand; expected at least one")
    if node.op_type == "Mean" or (node.op_type == "Sum" and len(node.inputs) > 2):
        node.in_f32()
    operands = [node.data(i) for i in range(len(node.inputs))]
    total = chain(lambda a, b: net.add_binary(kind, a, b), operands)
    return net.add_binary("div", total, len(operands)) if node.op_type == "Mean" else total


@onnx_op("Pow")
def power(node: Node) -> Result:
    net, base, kind = node.net, node.data(0), node.element_type(0)
    if all(extent.as_int() == 1 for extent in node.shape(1)):
        # A square is no power: what is computed depends on the exponent.
        node.value(1).value_of(net, f"the exponent of Pow {node.graph_node.label}")
    if is_float(node.element_type(1)) and not is_float(kind):
        wide = net.add_binary("pow", net.add_cast(base, f64), net.add_cast(node.data(1), f64))
        return net.add_cast(wide, kind)
    return net.add_binary("pow", base, net.add_cast(node.data(1), kind))


@onnx_op("Mod")
def modulo(node: Node) -> Result:
    floating, truncating = is_float(node.element_type(0)), node.int("fmod", 0) != 0
    if floating and not truncating:
        node.in_f32()
        return _floored_mod(node.net, node.data(0), node.data(1))
    net, a, b = node.net, node.data(0), node.data(1)
    if floating or not truncating:
        return net.add_binary("mod", a, b)
    # nn.mod of integers takes the sign of the divisor; fmod=1 asks for that of the dividend, as truncating division leaves it.
    return net.add_binary("sub", a, net.add_binary("mul", net.add_binary("div", a, b), b))


def _floored_mod(net: Network, a: SSAValue, b: SSAValue) -> SSAValue:
    """The remainder with the sign of the divisor, as NumPy has it: `fmod`, and the divisor added where the signs differ."""
    rest = net.add_binary("mod", a, b)
    differs = net.add_binary("logical_xor", net.add_compare("lt", rest, 0.0), net.add_compare("lt", b, 0.0))
    wrong = net.add_binary("logical_and", net.add_compare("ne", rest, 0.0), differs)
    return net.add_where(wrong, net.add_binary("add", rest, b), rest)


@onnx_op("Where")
def where(node: Node) -> Result:
    return node.net.add_where(node.data(0), node.data(1), node.data(2))


@onnx_op("IsInf")
def is_inf(node: Node) -> Result:
    net, x = node.net, node.data(0)
    positive, negative = node.int("detect_positive", 1), node.int("detect_negative", 1)
    if positive and negative:
        return net.add_compare("eq", net.add_unary("abs", x), float("inf"))
    if not positive and not negative:
        return net.add_broadcast_to(net.add_constant(np.array(False)), node.shape(0))
    return net.add_compare("eq", x, float("inf") if positive else -float("inf"))


@onnx_op("Identity")
def identity(node: Node) -> Result:
    return node.value(0)


@onnx_op("Cast", "CastLike", note="between booleans, integers and floats that nn has")
def cast(node: Node) -> Result:
    x = node.data(0)
    element_type = node.element_type(1) if node.op_type == "CastLike" else node.onnx_type(node.int("to"))
    if element_type in _GREATEST and node.int("saturate", 1) and is_float(node.element_type(0)):
        limit = _GREATEST[element_type]
        x = node.net.add_clip(x, -limit, limit)
    return node.net.add_cast(x, element_type)


_GREATEST: dict[Attribute, float] = {f8e4m3: 448.0, f8e5m2: 57344.0}
"""The greatest finite values of the float8 types, to which Cast saturates."""


@onnx_op("Clip", note="bounds that are not constants become min and max")
def clip(node: Node) -> Result:
    net, x = node.net, node.data(0)
    if node.opset < 11:
        return net.add_clip(x, node.float("min", -3.4028234663852886e38), node.float("max", 3.4028234663852886e38))
    why = f"the bounds of Clip {node.graph_node.label}"
    for value in filter(None, node.inputs[1:]):
        value.value_of(net, why)
    bounds = [node.value(i).array if node.has_input(i) else None for i in (1, 2)]
    if not node.has_input(1) and not node.has_input(2):
        return node.value(0)
    if all(bound is not None or not node.has_input(i) for i, bound in zip((1, 2), bounds, strict=True)):
        low, high = (None if bound is None else bound.reshape(()).item() for bound in bounds)
        least, greatest = -float("inf") if low is None else float(low), float("inf") if high is None else float(high)
        # nn.clip holds f64 bounds in order; int64 bounds may need more digits, and where min > max the result is max.
        if least <= greatest and low in (None, least) and high in (None, greatest):
            return net.add_clip(x, least, greatest)
    for index, kind in ((1, "max"), (2, "min")):
        if node.has_input(index):
            x = net.add_binary(kind, x, node.data(index))
    return x


# Activations.


def _elu(net: Network, x: SSAValue, alpha: float) -> SSAValue:
    """alpha * (exp(x) - 1) below 0, where `min(x, 0)` keeps the branch that is not taken finite."""
    below = net.add_binary("sub", net.add_unary("exp", net.add_binary("min", x, 0.0)), 1.0)
    return net.add_where(net.add_compare("lt", x, 0.0), net.add_binary("mul", below, alpha), x)


@onnx_op("LeakyRelu")
def leaky_relu(node: Node) -> Result:
    return node.net.add_leaky_relu(node.data(0), node.float("alpha", 0.01))


@onnx_op("PRelu")
def prelu(node: Node) -> Result:
    net, x = node.net, node.data(0)
    return net.add_where(net.add_compare("lt", x, 0.0), net.add_binary("mul", x, node.data(1)), x)


@onnx_op("Elu")
def elu(node: Node) -> Result:
    node.in_f32()
    return _elu(node.net, node.data(0), node.float("alpha", 1.0))


@onnx_op("Selu")
def selu(node: Node) -> Result:
    node.in_f32()
    alpha, gamma = node.float("alpha", 1.67326319217681884765625), node.float("gamma", 1.05070102214813232421875)
    return node.net.add_binary("mul", _elu(node.net, node.data(0), alpha), gamma)


@onnx_op("Celu")
def celu(node: Node) -> Result:
    node.in_f32()
    net, x, alpha = node.net, node.data(0), node.float("alpha", 1.0)
    below = net.add_unary("exp", net.add_binary("div", net.add_binary("min", x, 0.0), alpha))
    below = net.add_binary("mul", net.add_binary("sub", below, 1.0), alpha)
    return net.add_where(net.add_compare("lt", x, 0.0), below, x)


@onnx_op("ThresholdedRelu")
def thresholded_relu(node: Node) -> Result:
    net, x = node.net, node.data(0)
    return net.add_where(net.add_compare("gt", x, node.float("alpha", 1.0)), x, 0.0)


@onnx_op("Shrink")
def shrink(node: Node) -> Result:
    net, x, bias, lambd = node.net, node.data(0), node.float("bias", 0.0), node.float("lambd", 0.5)
    high = net.add_where(net.add_compare("gt", x, lambd), net.add_binary("sub", x, bias), 0.0)
    return net.add_where(net.add_compare("lt", x, -lambd), net.add_binary("add", x, bias), high)


@onnx_op("HardSigmoid")
def hard_sigmoid(node: Node) -> Result:
    return node.net.add_hard_sigmoid(node.data(0), node.float("alpha", 0.2), node.float("beta", 0.5))


@onnx_op("HardSwish", "Mish", "Softplus")
def activation(node: Node) -> Result:
    return node.net.add_unary(ACTIVATIONS[node.op_type], node.data(0))


@onnx_op("Softsign")
def softsign(node: Node) -> Result:
    node.in_f32()
    net, x = node.net, node.data(0)
    return net.add_binary("div", x, net.add_binary("add", net.add_unary("abs", x), 1.0))


@onnx_op("Swish")
def swish(node: Node) -> Result:
    return node.net.add_silu(node.data(0), node.float("alpha", 1.0))


@onnx_op("Gelu")
@onnx_op("Gelu", "FastGelu", domain="com.microsoft", note="FastGelu with its optional bias")
def gelu(node: Node) -> Result:
    node.in_f32()
    x = node.data(0)
    if node.op_type == "FastGelu" and node.has_input(1):
        x = node.net.add_binary("add", x, node.data(1))
    mode = "tanh" if node.op_type == "FastGelu" else node.string("approximate", "none")
    if mode not in ("none", "tanh"):
        node.invalid(f"attribute 'approximate' should be 'none' or 'tanh', got {mode!r}")
    return node.net.add_gelu(x, mode)


@onnx_op("Tan", "Sinh", "Cosh")
def from_exponentials(node: Node) -> Result:
    node.in_f32()
    net, x = node.net, node.data(0)
    if node.op_type == "Tan":
        return net.add_binary("div", net.add_unary("sin", x), net.add_unary("cos", x))
    # exp(x / 2) squared: exp(x) itself overflows before its half does.
    root = net.add_unary("exp", net.add_binary("mul", net.add_unary("abs", x), 0.5))
    up = net.add_binary("mul", root, net.add_binary("mul", root, 0.5))
    down = net.add_binary("div", net.add_binary("div", 0.5, root), root)
    if node.op_type == "Cosh":
        return net.add_binary("add", up, down)
    # Near 0 the two cancel: there the Taylor series up to x^9, whose error is below 3e-8 at 1.
    square = net.add_binary("mul", x, x)
    series = net.add_constant(np.ones((), net.dtype(x)))
    for factor in (72.0, 42.0, 20.0, 6.0):
        series = net.add_binary("add", net.add_binary("mul", series, net.add_binary("div", square, factor)), 1.0)
    far = net.add_binary("mul", net.add_unary("sign", x), net.add_binary("sub", up, down))
    near = net.add_compare("lt", net.add_unary("abs", x), 1.0)
    return net.add_where(near, net.add_binary("mul", series, x), far)


# Folds over known integers.

_FOLD_BINARY: dict[str, Callable[[folding.Element, folding.Element], folding.Element]] = {
    "Add": lambda a, b: a + b,
    "Sub": lambda a, b: a - b,
    "Mul": lambda a, b: a * b,
    "And": lambda a, b: bool(a) and bool(b),
    "Or": lambda a, b: bool(a) or bool(b),
    "Sum": lambda a, b: a + b,
    "Min": folding.fold_min,
    "Max": folding.fold_max,
}


@onnx_fold(*_FOLD_BINARY)
def fold_binary(node: Node, operands: list[Array]) -> Array | None:
    function = _FOLD_BINARY[node.op_type]
    return chain(lambda a, b: map_elements(function, a, b), operands)


@onnx_fold("Div", "Mod")
def fold_quotient(node: Node, operands: list[Array]) -> Array | None:
    floating = is_float(node.element_type(0))
    if node.op_type == "Div":
        function = folding.fold_exact_div if floating else folding.fold_div
    else:
        function = folding.fold_fmod if node.int("fmod", 0) else folding.fold_mod
    return map_elements(lambda a, b: function(a, b, node.net.ranges), *operands)


@onnx_fold("Pow")
def fold_pow(node: Node, operands: list[Array]) -> Array | None:
    return map_elements(folding.fold_power, *operands)


@onnx_fold("Neg", "Abs", "Not", "Relu", "Sign")
def fold_unary(node: Node, operands: list[Array]) -> Array | None:
    def negative(element: folding.Element) -> bool:
        low, high = dims.as_expr(element).bounds(node.net.ranges)
        if low < 0 <= high:
            raise Undecidable
        return high < 0

    functions: dict[str, Callable[[folding.Element], folding.Element]] = {
        "Neg": lambda a: -a,
        "Abs": lambda a: -a if negative(a) else a,
        "Not": lambda a: not a,
        "Relu": lambda a: dims.maximum(a, 0),
        "Sign": lambda a: -1 if negative(a) else dims.minimum(a, 1),
    }
    return map_elements(functions[node.op_type], operands[0])


@onnx_fold("Identity", "Floor", "Ceil", "Round")
def fold_identity(node: Node, operands: list[Array]) -> Array | None:
    """Rounding an integer (a shape that was cast to float on its way) changes nothing."""
    return operands[0]


@onnx_fold("Equal", "Less", "Greater", "LessOrEqual", "GreaterOrEqual")
def fold_compare(node: Node, operands: list[Array]) -> Array | None:
    node.result_dtype = np.dtype(np.bool_)
    return map_elements(folding.compare(COMPARE[node.op_type], node.net.ranges), *operands)


@onnx_fold("Where")
def fold_where(node: Node, operands: list[Array]) -> Array | None:
    folding.check_size(np.broadcast_shapes(*(operand.shape for operand in operands)))
    condition, then, other = np.broadcast_arrays(*operands)
    chosen = [
        a if bool(c) else b for c, a, b in zip(condition.reshape(-1), then.reshape(-1), other.reshape(-1), strict=True)
    ]
    return elements(chosen, condition.shape)


@onnx_fold("Cast", "CastLike")
def fold_cast(node: Node, operands: list[Array]) -> Array | None:
    element_type = node.element_type(1) if node.op_type == "CastLike" else node.onnx_type(node.int("to"))
    node.result_dtype = node.numpy_dtype(element_type)
    if node.result_dtype.kind == "b":
        return map_elements(folding.compare("ne", node.net.ranges), operands[0], elements([0], ()))
    return operands[0]
