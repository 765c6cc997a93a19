"""Other operators of com.microsoft: those that ONNX took over since, gathers of quantized rows, convolutions with a state."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from xdsl.dialects.builtin import f32
from xdsl.ir import SSAValue

from ....dialects import dims
from ....dialects.dims import Expr
from ....dialects.dtypes import ui8
from ...network import Network
from ..calls import OPSET, called
from ..node import Node
from ..quantization import MICROSOFT
from ..registry import Result, load_tables, onnx_op
from ..value import Value
from .quantized_products import unpacked


@onnx_op("GatherND", "GridSample", "Pad", "Range", "Trilu", domain=MICROSOFT, note="as ONNX's own")
def as_onnx(node: Node) -> Result:
    opset = 16 if node.op_type == "GridSample" else OPSET  # whose modes have the names that these have
    inner = replace(node, opset=opset)
    return inner.results(load_tables()["", node.op_type].row(inner))


@onnx_op("ExpandDims", domain=MICROSOFT)
def expand_dims(node: Node) -> Result:
    axis = node.known_ints(1, "axis")[0]
    shape = list(node.shape(0))
    at = node.axis(axis, len(shape) + 1)
    return node.net.add_reshape(node.data(0), [*shape[:at], 1, *shape[at:]])


@onnx_op("NhwcMaxPool", domain=MICROSOFT, note="channels last")
def nhwc_max_pool(node: Node) -> Result:
    net, rank = node.net, node.rank(0)
    names = ("auto_pad", "ceil_mode", "dilations", "kernel_shape", "pads", "strides")
    image = net.add_transpose(node.data(0), (0, rank - 1, *range(1, rank - 1)))
    return net.add_transpose(called(node, "MaxPool", [image], **node.given(names)), (0, *range(2, rank), 1))


@onnx_op("ComplexMul", "ComplexMulConj", domain=MICROSOFT)
def complex_mul(node: Node) -> Result:
    """Products of pairs (real, imaginary), the last dim; of the first and the conjugate of the second for ComplexMulConj."""
    node.in_f32()
    net = node.net
    (a, b), (c, d) = (_pair(net, node.data(i)) for i in (0, 1))
    if node.op_type == "ComplexMulConj":
        d = net.add_unary("neg", d)
    real = net.add_binary("sub", net.add_binary("mul", a, c), net.add_binary("mul", b, d))
    imaginary = net.add_binary("add", net.add_binary("mul", a, d), net.add_binary("mul", b, c))
    return net.add_concat([real, imaginary], -1)


def _pair(net: Network, x: SSAValue) -> list[SSAValue]:
    *lead, _ = net.shape(x)
    return [net.add_slice(x, [*[0] * len(lead), part], [*lead, 1]) for part in (0, 1)]


@onnx_op("CDist", domain=MICROSOFT)
def distances(node: Node) -> Result:
    """Between each row of the first and each of the second, [m, n]; squared for metric sqeuclidean."""
    metric = node.string("metric", "sqeuclidean")
    if metric not in ("euclidean", "sqeuclidean"):
        node.unsupported(f"its metric is {metric!r}", "use 'euclidean' or 'sqeuclidean'")
    net, a, b = node.net, node.data(0), node.data(1)
    rows, columns = (net.add_reduce("sumsq", x, [1], keepdims=True) for x in (a, b))
    norms = net.add_binary("add", rows, net.add_transpose(columns, (1, 0)))
    product = net.add_matmul(a, b, transpose_b=True)
    squares = net.add_unary("relu", net.add_binary("sub", norms, net.add_binary("mul", product, 2.0)))
    return net.add_unary("sqrt", squares) if metric == "euclidean" else squares


@onnx_op(
    "GatherBlockQuantized",
    domain=MICROSOFT,
    note="int4, uint4, and 2, 4 and 8 bits in uint8; what is taken is dequantized",
)
def gather_block_quantized(node: Node) -> Result:
    net, rank = node.net, node.rank(0)
    taken, cut = (
        node.axis(node.int(name, default), rank) for name, default in (("gather_axis", 0), ("quantize_axis", 1))
    )
    bits, size = node.int("bits", 4), node.int("block_size", 128)
    packed = node.element_type(0) == ui8
    if taken == cut or (packed and cut != rank - 1):
        node.unsupported(f"it takes along axis {taken} and has blocks along axis {cut}", "quantize along the last axis")
    indices, places = node.data(1), node.rank(1)
    values, scale = net.add_gather(node.data(0), indices, taken), net.add_gather(node.data(2), indices, taken)
    zeros = net.add_gather(node.data(3), indices, taken) if node.has_input(3) else None
    if packed:
        values = unpacked(net, values, bits)
        zeros = None if zeros is None else unpacked(net, zeros, bits)
    cut += places - 1 if cut > taken else 0
    shape, blocks = net.shape(values), net.shape(scale)[cut]
    if zeros is not None:
        zeros = _front(net, zeros, cut, blocks)
    elif packed:
        zeros = net.add_constant(np.array(1 << bits - 1, np.float32))
    blocked = (*shape[:cut], blocks, dims.const(size), *shape[cut + 1 :])
    if (shape[cut] - blocks * size).as_int() != 0:
        node.unsupported(f"its blocks of {size} do not divide {shape[cut]}", "use a block size that does")
    x = net.add_cast(net.add_reshape(values, blocked), f32)
    if zeros is not None:
        x = net.add_binary("sub", x, net.add_cast(_beside(net, zeros, cut), f32))
    x = net.add_binary("mul", x, net.add_cast(_beside(net, scale, cut), f32))
    return net.add_cast(net.add_reshape(x, shape), node.element_type(2))


def _front(net: Network, x: SSAValue, axis: int, count: Expr) -> SSAValue:
    """The first `count` elements of x along `axis`."""
    shape = net.shape(x)
    return net.add_slice(x, [0] * len(shape), [*shape[:axis], count, *shape[axis + 1 :]])


def _beside(net: Network, x: SSAValue, axis: int) -> SSAValue:
    """x with a dim of 1 behind `axis`; a scalar as it is."""
    shape = net.shape(x)
    return x if not shape else net.add_reshape(x, (*shape[: axis + 1], 1, *shape[axis + 1 :]))


@onnx_op("CausalConvWithState", domain=MICROSOFT, note="one spatial dim, channels first, a state without a window")
def causal_conv(node: Node) -> Result:
    """A depthwise convolution that sees the past only; the last elements that it saw are the next state."""
    net = node.net
    plain = (
        "channels_last",
        "state_window",
        "state_length",
        "state_update_capacity",
        "input_channel_offset",
        "input_channels",
    )
    if node.int("ndim", 1) != 1 or any(node.int(name, 0) for name in plain) or node.int("state_channels_last", -1) > 0:
        node.unsupported("it has an extended form", "use one spatial dim, channels first, without a window of states")
    batch, channels, _ = node.shape(0)
    kernel, dilation = node.shape(1)[2].as_int(), node.int("dilation", 1)
    if kernel is None:
        node.unsupported("its kernel size is dynamic", "use weights of a fixed shape")
    held, x = (kernel - 1) * dilation, node.data(0)
    past = node.data(3) if node.has_input(3) else net.add_full(0.0, (batch, channels, held), net.element(x))
    whole = net.add_concat([past, x], 2) if held else x
    groups = channels.as_int()
    operands = [Value("", ssa=whole), *node.inputs[1:3]]
    result = called(node, "Conv", operands, group=groups, dilations=[dilation])
    if (kind := node.string("activation", "none")) in ("silu", "swish"):
        result = net.add_binary("mul", result, net.add_unary("sigmoid", result))
    elif kind not in ("none", ""):
        node.invalid(f"attribute 'activation' should be silu, swish or none, got {kind!r}")
    shape = net.shape(whole)
    return [result, net.add_slice(whole, [0, 0, shape[2] - held], (*shape[:2], held))]
