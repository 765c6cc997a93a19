"""Products and convolutions with their activation, and activations with their bias, as ONNX Runtime's optimizer fuses them."""

from __future__ import annotations

from typing import Any

import numpy as np
from xdsl.ir import SSAValue

from ..calls import called
from ..node import Node
from ..quantization import MICROSOFT
from ..registry import Result, onnx_op
from ..value import Value

_PARAMETERS: dict[str, tuple[str, ...]] = {
    "Elu": ("alpha",), "HardSigmoid": ("alpha", "beta"), "LeakyRelu": ("alpha",), "Relu": (), "Sigmoid": (), "Softplus": (),
    "Softsign": (), "Tanh": (), "ThresholdedRelu": ("alpha",), "Gelu": (), "HardSwish": (),
}  # fmt: skip
"""Activations and the attributes that `activation_params` lists in order."""


def activated(node: Node, x: SSAValue, kind: str, parameters: list[float]) -> SSAValue:
    """An activation by its ONNX name; an empty one is the identity."""
    if not kind:
        return x
    if kind == "Clip":
        low, high = (Value("", array=np.array(p, node.net.dtype(x))) for p in [*parameters, 0.0, 0.0][:2])
        return called(node, "Clip", [x, low, high])
    if kind not in _PARAMETERS:
        node.unsupported(f"its activation is {kind!r}", f"use one of {', '.join((*_PARAMETERS, 'Clip'))}")
    given: dict[str, Any] = dict(zip(_PARAMETERS[kind], parameters, strict=False))
    return called(node, kind, [x], **given)


def _floats(node: Node, name: str) -> list[float]:
    return node.floats(name) if node.has(name) else []


# Products.


@onnx_op("FusedMatMul", "TransposeMatMul", domain=MICROSOFT, note="transposed operands, transposed batches, alpha")
@onnx_op("FusedMatMulActivation", domain=MICROSOFT)
def fused_matmul(node: Node) -> Result:
    net = node.net
    sides = [_turned(node, i, letter) for i, letter in enumerate("AB")]
    result = called(node, "MatMul", sides)
    alpha = node.float("alpha", 1.0)
    if alpha != 1.0:
        result = net.add_binary("mul", result, alpha)
    if node.op_type != "FusedMatMulActivation":
        return result
    names = ("activation_alpha", "activation_beta", "activation_gamma")
    return activated(
        node, result, node.string("activation", ""), [node.float(name) for name in names if node.has(name)]
    )


def _turned(node: Node, index: int, letter: str) -> SSAValue:
    """Operand `index` with its batch dims in front, then its matrix transposed, as its attributes say."""
    rank = node.rank(index)
    order = list(range(rank))
    if rank > 2 and node.int(f"transBatch{letter}", 0):
        order = [*order[1:-1], 0, rank - 1]
    if rank > 1 and node.int(f"trans{letter}", 0):
        order[-2:] = reversed(order[-2:])
    return node.data(index) if order == sorted(order) else node.net.add_transpose(node.data(index), order)


@onnx_op("FusedGemm", domain=MICROSOFT, note="Gemm with an activation")
def fused_gemm(node: Node) -> Result:
    attributes = node.given(("alpha", "beta", "transA", "transB"))
    result = called(node, "Gemm", node.inputs, **attributes)
    names = ("activation_alpha", "activation_beta", "activation_gamma")
    return activated(
        node, result, node.string("activation", ""), [node.float(name) for name in names if node.has(name)]
    )


_WINDOW = ("auto_pad", "dilations", "group", "kernel_shape", "pads", "strides")


@onnx_op("FusedConv", domain=MICROSOFT, note="Conv with a residual and an activation")
def fused_conv(node: Node) -> Result:
    result = called(node, "Conv", node.inputs[:3], **node.given(_WINDOW))
    if node.has_input(3):
        result = node.net.add_binary("add", result, node.data(3))
    return activated(node, result, node.string("activation", ""), _floats(node, "activation_params"))


@onnx_op("NhwcConv", domain=MICROSOFT, note="channels last: image, filters [O, ..., C / groups] and result")
def nhwc_conv(node: Node) -> Result:
    net, rank = node.net, node.rank(0)
    first, last = (0, rank - 1, *range(1, rank - 1)), (0, *range(2, rank), 1)
    operands = [net.add_transpose(node.data(i), first) for i in (0, 1)]
    return net.add_transpose(called(node, "Conv", [*operands, *node.inputs[2:3]], **node.given(_WINDOW)), last)


# Activations.


@onnx_op("BiasGelu", domain=MICROSOFT)
def bias_gelu(node: Node) -> Result:
    node.in_f32()
    return called(node, "Gelu", [node.net.add_binary("add", node.data(0), node.data(1))])


@onnx_op("QuickGelu", domain=MICROSOFT)
def quick_gelu(node: Node) -> Result:
    return node.net.add_silu(node.data(0), node.float("alpha", 1.702))


@onnx_op("GemmFastGelu", domain=MICROSOFT)
def gemm_fast_gelu(node: Node) -> Result:
    result = called(node, "MatMul", node.inputs[:2])
    if node.has_input(2):
        result = node.net.add_binary("add", result, node.data(2))
    return called(node, "Gelu", [result], approximate="tanh")


@onnx_op("BiasAdd", domain=MICROSOFT)
def bias_add(node: Node) -> Result:
    net = node.net
    return net.add_binary("add", net.add_binary("add", node.data(0), node.data(1)), node.data(2))


@onnx_op("BiasSplitGelu", domain=MICROSOFT)
def bias_split_gelu(node: Node) -> Result:
    """The first half of the channels times the Gelu of the second."""
    node.in_f32()
    net = node.net
    x = net.add_binary("add", node.data(0), node.data(1))
    *lead, width = net.shape(x)
    halves = [net.add_slice(x, [*[0] * len(lead), start], [*lead, width // 2]) for start in (0, width // 2)]
    return net.add_binary("mul", halves[0], called(node, "Gelu", [halves[1]]))


@onnx_op("BiasDropout", domain=MICROSOFT, note="inference only: the sum")
def bias_dropout(node: Node) -> Result:
    net = node.net
    if node.wants(1) or (node.has_input(4) and bool(node.constant(4, "training_mode").reshape(-1)[0])):
        node.unsupported("it is in training mode", "export the model for inference")
    result = net.add_binary("add", node.data(0), node.data(1))
    return net.add_binary("add", result, node.data(2)) if node.has_input(2) else result


@onnx_op("BiasSoftmax", domain=MICROSOFT)
def bias_softmax(node: Node) -> Result:
    """The bias lacks dims of the operand: leading ones with `is_inner_broadcast`, else those right before the softmax's."""
    net, rank = node.net, node.rank(0)
    axis, bias = node.axis(node.int("axis", 1), rank), node.data(1)
    shape: list[Any] = list(net.shape(bias))
    if not node.int("is_inner_broadcast", 1) and len(shape) < rank:
        keep = len(shape) - (rank - axis)
        shape = [*shape[:keep], *[1] * (rank - len(shape)), *shape[keep:]]
    total = net.add_binary("add", node.data(0), net.add_reshape(bias, shape))
    if axis == rank - 1:
        return net.add_softmax(total, axis)
    return called(node, "Softmax", [total], opset=11, axis=axis)
