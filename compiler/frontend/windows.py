"""Convolutions.

ONNX is channels-first, `nn` channels-last: the layer API puts the transposes around each op, and passes cancel them.
"""

from __future__ import annotations

from .integer_products import explicit_conv
from .node import Node
from .registry import Result, onnx_op
from .spans import windows_of


def _check_image(node: Node) -> None:
    if node.rank(0) < 3:
        node.invalid(f"its operand has rank {node.rank(0)}; expected N, C and at least one spatial dim")


@onnx_op("Conv", note="any number of spatial dims; groups, dilations, auto_pad")
def conv(node: Node) -> Result:
    net = node.net
    if all(node.value(i).constant() is not None for i in (0, 1)):
        node.in_f32()
    _check_image(node)
    weights = node.shape(1)
    if len(weights) != node.rank(0):
        node.invalid(f"its weights have rank {len(weights)}, expected {node.rank(0)}")
    if weights[1].as_int() == 0:
        node.unsupported("its operand has no channels", "take a sum of nothing, its bias, instead")
    kernel = [extent.as_int() for extent in weights[2:]]
    sizes = [size for size in kernel if size is not None]
    if len(sizes) != len(kernel):
        node.unsupported("its kernel size is dynamic", "use weights of a fixed shape")
    if node.has("kernel_shape") and node.ints("kernel_shape") != sizes:
        node.invalid(f"attribute 'kernel_shape' is {node.ints('kernel_shape')}, but the weights have {sizes}")
    if (on_integers := explicit_conv(node)) is not None:
        return on_integers
    windows = windows_of(node, sizes)
    array = None if node.narrow else node.value(1).array
    return net.add_convolution(
        windows.around(node, node.data(0), 0.0), node.data(1) if array is None else array,
        node.data(2) if node.has_input(2) else None,
        strides=windows.strides, pads=windows.pads, dilations=windows.dilations,
        groups=node.int("group", 1), weights_name=node.value(1).name,
    )  # fmt: skip
