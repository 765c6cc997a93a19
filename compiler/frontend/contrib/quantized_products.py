"""Matrix products of quantized tensors that ONNX Runtime's quantizers emit: int8 by int8 with scales, and weights of 2, 4 and 8 bits."""

from __future__ import annotations

import numpy as np
from xdsl.dialects.builtin import f32, i32
from xdsl.ir import SSAValue

from ....dialects.dtypes import ui8
from ...network import Network
from ..calls import call
from ..integer_products import Bytes, integer_matmul, per_row, requantized, signed_bytes
from ..node import Node
from ..quantization import MICROSOFT
from ..registry import Result, onnx_op
from ..value import Value
from .attention import self_attention


def _scale(node: Node, index: int) -> SSAValue:
    """A scale per tensor or per column, as an f32 scalar or vector."""
    net, scale = node.net, node.net.add_cast(node.data(index), f32)
    return net.add_reshape(scale, ()) if all(extent.as_int() == 1 for extent in net.shape(scale)) else scale


def _real(node: Node, total: SSAValue, scale: SSAValue, bias: int) -> SSAValue:
    """`total * scale + bias` in f32, with the bias at operand `bias`."""
    net = node.net
    result = net.add_binary("mul", net.add_cast(total, f32), scale)
    return net.add_binary("add", result, net.add_cast(node.data(bias), f32)) if node.has_input(bias) else result


@onnx_op("MatMulIntegerToFloat", domain=MICROSOFT, note="exact sums, scaled in f32")
def matmul_integer_to_float(node: Node) -> Result:
    net = node.net
    total = integer_matmul(node, signed_bytes(node, 0, 4), signed_bytes(node, 1, 5))
    scale = net.add_binary("mul", per_row(net, _scale(node, 2)), _scale(node, 3))
    return net.add_cast(_real(node, total, scale, 6), node.element_type(2))


@onnx_op("DynamicQuantizeMatMul", domain=MICROSOFT, note="exact sums, scaled in f32")
def dynamic_quantize_matmul(node: Node) -> Result:
    net = node.net
    left, scale = dynamic_bytes(node, net.add_cast(node.data(0), f32))
    total = integer_matmul(node, left, signed_bytes(node, 1, 3))
    return net.add_cast(_real(node, total, net.add_binary("mul", scale, _scale(node, 2)), 4), node.element_type(0))


def dynamic_bytes(node: Node, x: SSAValue) -> tuple[Bytes, SSAValue]:
    """DynamicQuantizeLinear of x, shifted to int8, and its scale."""
    quantized, scale, zero = call(node, "DynamicQuantizeLinear", [x])
    inner = Node(node.graph_node, [quantized, zero], node.opset, node.net, node.external)
    return signed_bytes(inner, 0, 1), scale.materialise(node.net)


@onnx_op("QGemm", domain=MICROSOFT, note="exact sums, rescaled in f32; a float result without a scale of it")
def q_gemm(node: Node) -> Result:
    net = node.net
    sides = [signed_bytes(node, first, first + 2) for first in (0, 3)]
    for i, name in enumerate(("transA", "transB")):
        if node.int(name, 0):
            turned = net.add_transpose(sides[i].values.materialise(net), (1, 0))
            sides[i] = Bytes(Value("", ssa=turned), sides[i].zero, sides[i].number)
    total = integer_matmul(node, *sides)
    if node.has_input(6):
        total = net.add_binary("add", total, node.data(6))
    factor = net.add_binary("mul", _scale(node, 1), _scale(node, 4))
    if (alpha := node.float("alpha", 1.0)) != 1.0:
        factor = net.add_binary("mul", factor, alpha)
    if not node.has_input(7):
        return net.add_binary("mul", net.add_cast(total, f32), factor)
    return requantized(node, total, net.add_binary("div", factor, _scale(node, 7)), 8)


@onnx_op("QAttention", domain=MICROSOFT, note="exact sums of the projection; masks, past, causal")
def q_attention(node: Node) -> Result:
    net = node.net
    if node.int("do_rotary", 0) or node.int("past_present_share_buffer", 0):
        node.unsupported("it rotates, or shares the buffers of its cache", "quantize a model of MatMul nodes")
    total = integer_matmul(node, signed_bytes(node, 0, 6), signed_bytes(node, 1, 7))
    projected = _real(node, total, net.add_binary("mul", _scale(node, 3), _scale(node, 4)), 2)
    projected = net.add_cast(projected, node.element_type(3))
    return self_attention(node, projected, mask=5, past=8, bias=9)


# Weights of few bits.


def unpacked(net: Network, packed: SSAValue, bits: int) -> SSAValue:
    """ui8 [..., n] as ui8 [..., n * 8 / bits]: the fields of each byte, the lowest first."""
    if bits == 8:
        return packed
    fields: list[SSAValue] = []
    *lead, count = net.shape(packed)
    for i in range(8 // bits):
        field = net.add_binary("div", packed, 1 << bits * i) if i else packed
        field = net.add_binary("mod", field, 1 << bits) if bits * (i + 1) < 8 else field
        fields.append(net.add_reshape(field, (*lead, count, 1)))
    return net.add_reshape(net.add_concat(fields, len(lead) + 1), (*lead, count * (8 // bits)))


@onnx_op(
    "MatMulNBits",
    domain=MICROSOFT,
    note="2, 4 and 8 bits; zero points, group index, bias; the weights are dequantized apart. Beside a group index, ONNX Runtime 1.32 "
    "ignores packed zero points on a CPU",
)
def matmul_nbits(node: Node) -> Result:
    net = node.net
    depth, columns, bits, size = (node.int(name) for name in ("K", "N", "bits", "block_size"))
    if bits not in (2, 4, 8) or node.element_type(1) != ui8:
        node.unsupported(f"its weights have {bits} bits in {node.element_type(1)}", "use 2, 4 or 8 bits in uint8")
    blocks = -(-depth // size)
    if node.has_input(4) and node.rank(4) and net.shape(node.data(4))[0].as_int() not in (depth, blocks * size):
        node.invalid(f"its group index has {node.shape(4)[0]} entries, expected {depth}")
    scale = net.add_reshape(net.add_cast(node.data(2), f32), (columns, blocks, 1))
    zero = _block_zeros(node, columns, blocks, bits)
    values = net.add_reshape(unpacked(net, node.data(1), bits), (columns, blocks * size))
    if node.has_input(4):
        index = net.add_slice(node.data(4), [0], [depth])
        flat = [net.add_reshape(part, (columns, blocks)) for part in (scale, zero) if len(net.shape(part))]
        picked = [net.add_gather(part, index, 1) for part in flat]
        scale, zero = picked[0], picked[1] if len(picked) > 1 else zero
        values = net.add_slice(values, [0, 0], [columns, depth])
    else:
        values = net.add_reshape(values, (columns, blocks, size))
    weights = net.add_binary("mul", net.add_binary("sub", net.add_cast(values, f32), zero), scale)
    if not node.has_input(4):
        weights = net.add_slice(net.add_reshape(weights, (columns, blocks * size)), [0, 0], [columns, depth])
    result = _product(net, node.data(0), net.add_cast(weights, node.element_type(0)))
    return net.add_binary("add", result, node.data(5)) if node.has_input(5) else result


def _product(net: Network, a: SSAValue, weights: SSAValue, *, turned: bool = True) -> SSAValue:
    """a [..., K] by weights [N, K], or a [..., N] by them where they are not `turned`."""
    shape = net.shape(a)
    if len(shape) > 1:
        return net.add_matmul(a, weights, transpose_b=turned)
    result = net.add_matmul(net.add_reshape(a, (1, *shape)), weights, transpose_b=turned)
    return net.add_reshape(result, [net.shape(weights)[0 if turned else 1]])


def _block_zeros(node: Node, columns: int, blocks: int, bits: int) -> SSAValue:
    """The zero points [N, blocks, 1] in f32, packed as the weights are unless they are floats; a scalar where none are given."""
    net = node.net
    if not node.has_input(3):
        return net.add_constant(np.array(1 << bits - 1, np.float32))
    zeros = node.data(3)
    if net.element(zeros) == ui8:
        packed = net.add_reshape(zeros, (columns, -(-blocks * bits // 8)))
        zeros = net.add_slice(unpacked(net, packed, bits), [0, 0], [columns, blocks])
    return net.add_reshape(net.add_cast(zeros, f32), (columns, blocks, 1))


_NF4 = (
    -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
    -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
    0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0,
)  # fmt: skip
"""NormalFloat of 4 bits: Dettmers et al., QLoRA (arXiv 2305.14314), appendix E."""
_FP4 = tuple(sign * size / 12 for sign in (1, -1) for size in (0, 0.0625, 8, 12, 4, 6, 2, 3))
"""A sign, two bits of exponent and one of mantissa, as bitsandbytes has them, of the greatest."""


@onnx_op("MatMulBnb4", domain=MICROSOFT, note="NF4 and FP4; the weights are dequantized apart")
def matmul_bnb4(node: Node) -> Result:
    """Weights [N, K], flattened: two to a byte, the high bits first, with the greatest magnitude of each block."""
    net = node.net
    depth, columns, size = (node.int(name) for name in ("K", "N", "block_size"))
    count, blocks = depth * columns, -(-depth * columns // size)
    if [node.shape(index)[0].as_int() for index in (1, 2)] != [-(-count // 2), blocks]:
        node.invalid(f"expected {-(-count // 2)} bytes of weights and {blocks} of their greatest numbers")
    packed = node.data(1)
    pairs = [net.add_reshape(net.add_binary(kind, packed, 16), (-(-count // 2), 1)) for kind in ("div", "mod")]
    indices = net.add_slice(net.add_reshape(net.add_concat(pairs, 1), (-(-count // 2) * 2,)), [0], [count])
    table = net.add_constant(np.array(_NF4 if node.int("quant_type", 1) else _FP4, np.float32))
    values = net.add_pad(net.add_gather(table, net.add_cast(indices, i32), 0), [0], [blocks * size - count])
    greatest = net.add_reshape(net.add_cast(node.data(2), f32), (blocks, 1))
    weights = net.add_binary("mul", net.add_reshape(values, (blocks, size)), greatest)
    weights = net.add_reshape(net.add_slice(net.add_reshape(weights, (blocks * size,)), [0], [count]), (columns, depth))
    typed = net.add_cast(weights, node.element_type(0))
    return _product(net, node.data(0), typed, turned=bool(node.int("transB", 1)))
