"""Sliding windows: convolutions, pools, and resizing of images.

ONNX is channels-first, `nn` channels-last: the layer API puts the transposes around each op, and passes cancel them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from xdsl.ir import SSAValue

from ...dialects import dims
from ...dialects.dims import Expr
from .node import Node
from .registry import Result, onnx_op


def _windows(node: Node, kernel: Sequence[int], *, dilations: Sequence[int], strides: Sequence[int]) -> list[int]:
    """The pads of a window op, `[begin..., end...]`, from `pads` or `auto_pad`."""
    spatial = len(kernel)
    if len(strides) != spatial or len(dilations) != spatial:
        node.invalid(f"strides {list(strides)} and dilations {list(dilations)} should have {spatial} entries each")
    mode = node.string("auto_pad", "NOTSET")
    if mode in ("NOTSET", "VALID", ""):
        pads = node.ints("pads", [0] * 2 * spatial) if mode != "VALID" else [0] * 2 * spatial
        if len(pads) != 2 * spatial:
            node.invalid(f"attribute 'pads' should have {2 * spatial} entries, got {pads}")
        if min(pads) < 0:
            node.unsupported(f"its pads {pads} are negative", "slice the input instead")
        return pads
    if mode not in ("SAME_UPPER", "SAME_LOWER"):
        node.invalid(f"attribute 'auto_pad' should be NOTSET, VALID, SAME_UPPER or SAME_LOWER, got {mode!r}")
    begin: list[int] = []
    end: list[int] = []
    for extent, size, stride, dilation in zip(node.shape(0)[2:], kernel, strides, dilations, strict=True):
        reach = (size - 1) * dilation + 1
        total = _same_padding(node, extent, reach, stride)
        less, more = total // 2, total - total // 2
        begin.append(less if mode == "SAME_UPPER" else more)
        end.append(more if mode == "SAME_UPPER" else less)
    return begin + end


def _same_padding(node: Node, extent: Expr, reach: int, stride: int) -> int:
    """The padding that makes the result `ceil(extent / stride)` long; strides above 1 ask for a static extent."""
    if stride == 1:
        return reach - 1
    static = extent.as_int()
    if static is None:
        node.unsupported(
            f"auto_pad with stride {stride} on the dynamic dim {extent} has no fixed padding",
            "use explicit pads, or fix the dim in the profile (min = opt = max)",
        )
    return max((-(-static // stride) - 1) * stride + reach - static, 0)


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
    ones = [1] * len(sizes)
    strides, dilations = node.ints("strides", ones), node.ints("dilations", ones)
    pads = _windows(node, sizes, dilations=dilations, strides=strides)
    array = None if node.narrow else node.value(1).array
    return net.add_convolution(
        node.data(0), node.data(1) if array is None else array, node.data(2) if node.has_input(2) else None,
        strides=strides, pads=pads, dilations=dilations, groups=node.int("group", 1), weights_name=node.value(1).name,
    )  # fmt: skip


@onnx_op("MaxPool", note="any number of spatial dims; auto_pad, ceil_mode, dilations; no Indices output")
def max_pool(node: Node) -> Result:
    if node.wants(1):
        node.unsupported("its Indices output is used", "remove the use of Indices")
    return _pool(node)


@onnx_op("AveragePool", note="any number of spatial dims; auto_pad, ceil_mode, dilations, count_include_pad")
def average_pool(node: Node) -> Result:
    return _pool(node)


def _pool(node: Node) -> SSAValue:
    _check_image(node)
    x = node.data(0)
    kernel = node.ints("kernel_shape")
    if len(kernel) != node.rank(0) - 2:
        node.invalid(f"attribute 'kernel_shape' should have {node.rank(0) - 2} entries, got {kernel}")
    ones = [1] * len(kernel)
    strides, dilations = node.ints("strides", ones), node.ints("dilations", ones)
    pads = _windows(node, kernel, dilations=dilations, strides=strides)
    include_pad = bool(node.int("count_include_pad", 0))
    net = node.net
    if node.int("ceil_mode", 0):
        extra = _ceil_pads(node, kernel, strides, dilations, pads)
        if include_pad and any(extra):
            # The model's pads count and those that ceil_mode adds do not: the former become zeros of the image, the latter pads.
            begin, end = ([0, 0, *part] for part in (pads[: len(kernel)], pads[len(kernel) :]))
            x, pads, include_pad = net.add_pad(x, begin, end), [0] * len(pads), False
        pads = pads[: len(kernel)] + [pad + more for pad, more in zip(pads[len(kernel) :], extra, strict=True)]
    layer = net.add_max_pool if node.op_type == "MaxPool" else partial(net.add_avg_pool, count_include_pad=include_pad)
    return layer(x, kernel, strides=strides, pads=pads, dilations=dilations)


def _ceil_pads(
    node: Node, kernel: Sequence[int], strides: Sequence[int], dilations: Sequence[int], pads: Sequence[int]
) -> list[int]:
    """Rows and columns that ceil_mode adds at the end; no window starts in the padding there."""
    extra: list[int] = []
    for axis, (extent, size, stride, dilation) in enumerate(
        zip(node.shape(0)[2:], kernel, strides, dilations, strict=True)
    ):
        if stride == 1:
            extra.append(0)
            continue
        static = extent.as_int()
        if static is None:
            node.unsupported(
                f"ceil_mode with stride {stride} on the dynamic dim {extent} has no fixed padding",
                "use ceil_mode=0, or fix the dim in the profile (min = opt = max)",
            )
        begin, end = pads[axis], pads[axis + len(kernel)]
        span = static + begin + end - ((size - 1) * dilation + 1)
        windows = -(-span // stride) + 1
        if (windows - 1) * stride >= static + begin:
            windows -= 1
        extra.append(max((windows - 1) * stride - span, 0))
    return extra


@onnx_op("GlobalAveragePool", "GlobalMaxPool")
def global_pool(node: Node) -> Result:
    kind = "mean" if node.op_type == "GlobalAveragePool" else "max"
    if node.rank(0) < 3:
        node.invalid(f"expected rank 3 or more, got {node.rank(0)}")
    return node.net.add_reduce(kind, node.data(0), list(range(2, node.rank(0))), keepdims=True)


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
