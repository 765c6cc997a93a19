"""Recurrent layers with quantized weights: DynamicQuantizeLSTM."""

from __future__ import annotations

from xdsl.dialects.builtin import f32
from xdsl.ir import SSAValue

from ..calls import call
from ..node import Node
from ..quantization import MICROSOFT, dequantized
from ..registry import Result, onnx_op


@onnx_op(
    "DynamicQuantizeLSTM", domain=MICROSOFT,
    note="an LSTM with dequantized weights: inputs and states are not rounded to 8 bits as ONNX Runtime rounds them",
)  # fmt: skip
def dynamic_quantize_lstm(node: Node) -> Result:
    names = ("activation_alpha", "activation_beta", "activations", "clip", "direction", "hidden_size", "input_forget")
    weights = [_weights(node, index, scale) for index, scale in ((1, 8), (2, 10))]
    operands = [node.value(0), *weights, *node.inputs[3:8]]
    return call(node, "LSTM", operands, outputs=3, opset=14, **node.given(names))


def _weights(node: Node, index: int, scale: int) -> SSAValue:
    """Weights [directions, inputs, 4 * hidden] with a scale per direction or per column, as LSTM has them: f32, turned."""
    net = node.net
    spread = [_beside(node, i) for i in (scale, scale + 1) if node.has_input(i)]
    real = dequantized(net, node.data(index), net.add_cast(spread[0], f32), spread[1] if len(spread) > 1 else None)
    return net.add_cast(net.add_transpose(real, (0, 2, 1)), node.element_type(0))


def _beside(node: Node, index: int) -> SSAValue:
    """One number for each direction, or for each direction and column, as [directions, 1, 1 or columns]."""
    shape = node.shape(index)
    directions = node.shape(1)[0]
    return node.net.add_reshape(node.data(index), (directions, 1, *(shape[1:] or (1,))))
