"""Convolutions, and resizing of images.

ONNX is channels-first, `nn` channels-last: the layer API puts the transposes around each op, and passes cancel them.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...dialects import dims
from ...dialects.dims import Expr
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
    windows = windows_of(node, sizes)
    array = None if node.narrow else node.value(1).array
    return net.add_convolution(
        windows.around(node, node.data(0), 0.0), node.data(1) if array is None else array,
        node.data(2) if node.has_input(2) else None,
        strides=windows.strides, pads=windows.pads, dilations=windows.dilations,
        groups=node.int("group", 1), weights_name=node.value(1).name,
    )  # fmt: skip


@onnx_op("Resize", "Upsample", note="nearest, whole-number scales, asymmetric or half_pixel with round_prefer_floor")
def resize(node: Node) -> Result:
    """Nearest up-scaling by whole numbers: each element is repeated."""
    net, shape = node.net, node.shape(0)
    mode = node.string("mode", "nearest")
    if mode != "nearest":
        node.unsupported(f"its mode is {mode!r}", "use nearest with whole-number scales")
    if node.has("axes") or node.string("keep_aspect_ratio_policy", "stretch") != "stretch":
        node.unsupported("it uses axes or keep_aspect_ratio_policy", "give one scale per dim")
    factors = _resize_factors(node, shape)
    transform = node.string(
        "coordinate_transformation_mode", "half_pixel" if node.op_type == "Resize" else "asymmetric"
    )
    rounding = node.string("nearest_mode", "round_prefer_floor" if node.op_type == "Resize" else "floor")
    # Whole scales repeat elements exactly when the source index is floor(i / scale).
    repeats = (transform == "asymmetric" and rounding == "floor") or (
        transform == "half_pixel" and rounding.startswith("round_prefer")
    )
    if node.op_type == "Resize" and node.opset < 11:
        repeats = True
    if not repeats and any(factor != 1 for factor in factors):
        node.unsupported(f"it maps coordinates by {transform!r} and {rounding!r}", "use asymmetric with floor")
    wide: list[Expr] = []
    repeated: list[Expr] = []
    for extent, factor in zip(shape, factors, strict=True):
        wide += [extent, dims.const(1)] if factor != 1 else [extent]
        repeated += [extent, dims.const(factor)] if factor != 1 else [extent]
    result = net.add_broadcast_to(net.add_reshape(node.data(0), wide), repeated)
    return net.add_reshape(result, [extent * factor for extent, factor in zip(shape, factors, strict=True)])


def _resize_factors(node: Node, shape: Sequence[Expr]) -> list[int]:
    if node.op_type == "Upsample" and node.opset < 9:
        scales = node.floats("scales")
    elif node.op_type == "Upsample" or node.opset < 11:
        scales = [float(scale) for scale in node.constant(1, "scales").reshape(-1)]
    elif node.has_input(2) and node.shape(2) != (dims.const(0),):
        scales = [float(scale) for scale in node.constant(2, "scales").reshape(-1)]
    else:
        sizes = [dims.as_expr(size) for size in node.known(3, "sizes").reshape(-1)]
        if len(sizes) != len(shape):
            node.invalid(f"it has {len(sizes)} sizes for rank {len(shape)}")
        quotients = [(size // extent).as_int() for size, extent in zip(sizes, shape, strict=True)]
        exact = [
            quotient is not None and extent * quotient == size
            for size, extent, quotient in zip(sizes, shape, quotients, strict=True)
        ]
        scales = [float(quotient or 0) if whole else 0.5 for quotient, whole in zip(quotients, exact, strict=True)]
    if len(scales) != len(shape) or any(scale < 1 or scale != int(scale) for scale in scales):
        node.unsupported("its scales are not whole numbers of 1 or more per dim", "use whole-number scales")
    return [int(scale) for scale in scales]
