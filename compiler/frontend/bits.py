"""The bits of integers: BitwiseAnd and its like, BitShift, BitCast."""

from __future__ import annotations

from .node import Node
from .registry import Result, onnx_op

BINARY = {"BitwiseAnd": "bit_and", "BitwiseOr": "bit_or", "BitwiseXor": "bit_xor"}
SHIFTS = {"LEFT": "shift_left", "RIGHT": "shift_right"}


@onnx_op(*BINARY)
def binary(node: Node) -> Result:
    return node.net.add_binary(BINARY[node.op_type], node.data(0), node.data(1))


@onnx_op("BitwiseNot")
def invert(node: Node) -> Result:
    return node.net.add_unary("bit_not", node.data(0))


@onnx_op("BitShift", note="a count that is not below the number of bits gives 0")
def shift(node: Node) -> Result:
    direction = node.string("direction")
    if direction not in SHIFTS:
        node.invalid(f"attribute 'direction' should be LEFT or RIGHT, got {direction!r}")
    return node.net.add_binary(SHIFTS[direction], node.data(0), node.data(1))


@onnx_op("BitCast", note="between types of one size; a NaN of a float of less than 32 bits is the usual quiet one")
def bitcast(node: Node) -> Result:
    return node.net.add_bitcast(node.data(0), node.onnx_type(node.int("to")))
