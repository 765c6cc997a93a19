"""Tensors whose shape a branch or an iteration decides: their elements in a buffer of the most of them, and their open dims beside.

packed = Packing(node, 0, shape, (1,))             # dim 1 is open: node.most(0, 1) bounds it
flat, sizes = packed.pack(net, x)                  # [2 * most], and the dim as an i64 vector
x = packed.unpack(net, flat, sizes)                # the host reads the dim
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.dialects.builtin import i64
from xdsl.ir import Attribute, SSAValue

from ...dialects import dims, nn
from ...dialects.dims import Expr
from ..network import Network
from .node import Node


@dataclass
class Packing:
    """How a result of a node is packed: its shape, which dims of it are open, and the most of each of these."""

    node: Node
    output: int
    shape: Sequence[Expr]
    open_: tuple[int, ...]
    derived: Sequence[int | None] | None = None
    """What the shapes allow for each dim."""

    def most(self, axis: int) -> int:
        return self.node.most(self.output, axis, None if self.derived is None else self.derived[axis])

    def elements(self) -> int:
        """The most elements."""
        ranges = self.node.net.ranges
        sizes = [self.most(a) if a in self.open_ else extent.bounds(ranges)[1] for a, extent in enumerate(self.shape)]
        return dims.product(sizes).as_int() or 0

    def types(self, element: Attribute) -> tuple[Attribute, Attribute]:
        """The types of the packed elements and of the open dims."""
        return nn.tensor_type([self.elements()], element), nn.tensor_type([len(self.open_)], i64)

    def pack(self, net: Network, x: SSAValue) -> tuple[SSAValue, SSAValue]:
        """The elements, zeros after them, and the open dims."""
        shape = nn.shape_of(x)
        flat = net.add_reshape(x, [dims.product(shape)])
        places = net.add_iota([self.elements()], 0, "i32")
        return net.add_gather(flat, places, 0), net.add_shape_value([shape[axis] for axis in self.open_])

    def unpack(self, net: Network, flat: SSAValue, sizes: SSAValue) -> SSAValue:
        """The tensor, whose open dims the host reads."""
        shape = list(self.shape)
        for number, axis in enumerate(self.open_):
            most = self.most(axis)
            name = f"{self.node.graph_node.label}_{self.output}_{axis}"
            shape[axis] = net.read(net.add_slice(sizes, [number], [1]), name, (0, max(most // 2, min(most, 1)), most))
        return net.add_reshape(net.add_slice(flat, [0], [dims.product(shape)]), shape)


def differing(a: SSAValue, b: SSAValue) -> tuple[int, ...] | None:
    """The dims in which two tensors differ; None where their ranks do."""
    left, right = nn.shape_of(a), nn.shape_of(b)
    if len(left) != len(right):
        return None
    return tuple(axis for axis, (x, y) in enumerate(zip(left, right, strict=True)) if x != y)
