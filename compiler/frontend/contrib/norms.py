"""Layer and group normalisations with the sums before them, and embeddings."""

from __future__ import annotations

from collections.abc import Callable

from xdsl.dialects.builtin import f32, i32
from xdsl.ir import SSAValue

from ....dialects import dims
from ..calls import called
from ..node import Node
from ..quantization import MICROSOFT, dequantized
from ..registry import Result, onnx_op
from ..value import Value


def _normalised(node: Node, x: SSAValue, scale: SSAValue, bias: SSAValue | None, *, simplified: bool) -> SSAValue:
    """Over the last axis: layer norm, or root mean square norm where `simplified`."""
    net, epsilon = node.net, node.float("epsilon", 1e-5 if "EmbedLayerNormalization" not in node.op_type else 1e-12)
    if simplified:
        return called(node, "RMSNormalization", [x, scale], axis=-1, epsilon=epsilon)
    beta = net.add_full(0.0, net.shape(scale), net.element(scale)) if bias is None else bias
    return net.add_layer_norm(x, scale, beta, epsilon=epsilon)


@onnx_op("SimplifiedLayerNormalization", note="ONNX Runtime's name for RMSNormalization")
@onnx_op("SimplifiedLayerNormalization", domain=MICROSOFT)
def simplified(node: Node) -> Result:
    if node.wants(1):
        node.unsupported("its inverse deviation is used", "export the model for inference")
    attributes = node.given(("axis", "epsilon"))
    return called(node, "RMSNormalization", [node.data(0), node.data(1)], **attributes)


@onnx_op("SkipLayerNormalization", domain=MICROSOFT, note="the sum is a result, mean and deviation are not")
def skip_layer_normalization(node: Node) -> Result:
    beta = node.data(3) if node.has_input(3) else None
    return _skip(node, beta, bias=4, simplified=False)


@onnx_op("SkipSimplifiedLayerNormalization", domain=MICROSOFT, note="the sum is a result, the deviation is not")
def skip_simplified(node: Node) -> Result:
    return _skip(node, None, bias=3, simplified=True)


def _skip(node: Node, beta: SSAValue | None, bias: int, *, simplified: bool) -> list[SSAValue | Value]:
    """The norm of operand + skip + bias, and that sum as result 3."""
    net = node.net
    if node.wants(1) or node.wants(2):
        node.unsupported("its mean or deviation is used", "export the model for inference")
    total = net.add_binary("add", node.data(0), node.data(1))
    if node.has_input(bias):
        total = net.add_binary("add", total, node.data(bias))
    result = _normalised(node, total, node.data(2), beta, simplified=simplified)
    return [result, result, result, total]


@onnx_op("EmbedLayerNormalization", domain=MICROSOFT)
def embed_layer_normalization(node: Node) -> Result:
    return _embedded(node, lambda number, rows: _taken(node, number, rows), node.data(5), node.data(6), places=8)


@onnx_op("QEmbedLayerNormalization", domain=MICROSOFT, note="the rows that are taken are dequantized")
def quantized_embed_layer_normalization(node: Node) -> Result:
    def real(number: int, x: SSAValue) -> SSAValue:
        """Scales and zero points stand in the order of what they belong to."""
        return dequantized(node.net, x, *(node.net.add_reshape(node.data(first + number), ()) for first in (8, 13)))

    def take(number: int, rows: SSAValue | None) -> SSAValue:
        return real(number, _taken(node, number, rows))

    result, counts, _ = _embedded(node, take, real(3, node.data(5)), real(4, node.data(6)), places=None)
    return [node.net.add_cast(result, node.element_type(8)), counts]


def _taken(node: Node, number: int, rows: SSAValue | None) -> SSAValue:
    """Rows of table `number`, the first ones of all positions where they are not given."""
    net, table = node.net, node.data(2 + number)
    if rows is not None:
        return net.add_gather(table, rows, 0)
    (count, width), length = net.shape(table), node.shape(0)[1]
    if (count - length).bounds(net.ranges)[0] < 0:
        node.unsupported(
            f"its table has {count} positions, and sequences may have {length.bounds(net.ranges)[1]}",
            "let the profile of the length end where the table does",
        )
    return net.add_slice(table, [0, 0], [length, width])


def _embedded(
    node: Node,
    take: Callable[[int, SSAValue | None], SSAValue],
    gamma: SSAValue,
    beta: SSAValue,
    *,
    places: int | None,
) -> list[SSAValue]:
    """Word, position and segment embeddings, their sum and its norm; the number of ones in each row of the mask. `places`: the operand
    with the positions."""
    net = node.net
    total = take(0, node.data(0))
    rows = node.data(places) if places is not None and node.has_input(places) else None
    total = net.add_binary("add", total, take(1, rows))
    if node.has_input(1) and node.has_input(4):
        total = net.add_binary("add", total, take(2, node.data(1)))
    result = _normalised(node, total, gamma, beta, simplified=False)
    if node.has_input(7) and node.int("mask_index_type", 1):
        counts = net.add_reduce("sum", net.add_cast(node.data(7), i32), [1])
    else:
        counts = net.add_full(0, [node.shape(0)[0]], i32)
    return [result, counts, total]


@onnx_op("GroupNorm", domain=MICROSOFT, note="channels last or first, with SiLU")
@onnx_op("SkipGroupNorm", domain=MICROSOFT, note="the sum is a result")
def group_norm(node: Node) -> Result:
    net, rank = node.net, node.rank(0)
    last = bool(node.int("channels_last", 1))
    x = node.data(0)
    if node.op_type == "SkipGroupNorm":
        skip = node.data(3)
        if len(net.shape(skip)) == 2:
            batch, channels = net.shape(skip)
            ones = [dims.const(1)] * (rank - 2)
            skip = net.add_reshape(skip, (batch, *ones, channels) if last else (batch, channels, *ones))
        x = net.add_binary("add", x, skip)
        if node.has_input(4):
            x = net.add_binary("add", x, node.data(4))
    image = net.add_transpose(x, (0, rank - 1, *range(1, rank - 1))) if last else x
    element = net.element(x)
    result = called(
        node, "GroupNormalization", [net.add_cast(image, f32), net.add_cast(node.data(1), f32), net.add_cast(node.data(2), f32)],
        num_groups=node.int("groups"), epsilon=node.float("epsilon", 1e-5),
    )  # fmt: skip
    if node.int("activation"):
        result = net.add_silu(result)
    result = net.add_cast(result, element)
    return [net.add_transpose(result, (0, *range(2, rank), 1)) if last else result, x]
