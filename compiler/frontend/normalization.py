"""Normalisation and softmax."""

from __future__ import annotations

from collections.abc import Callable

from xdsl.dialects.builtin import bf16, f16, f32, f64
from xdsl.ir import SSAValue

from ...dialects import dims
from ..network import Network
from .node import Node
from .registry import Result, onnx_op
from .value import Value


@onnx_op(
    "BatchNormalization",
    note="training mode gives the running mean and variance, not the saved ones of opsets before 14",
)
def batch_normalization(node: Node) -> Result:
    if not node.int("spatial", 1):
        node.unsupported("spatial=0 normalises per element", "export with opset 9 or newer")
    if any(node.wants(i) for i in (3, 4)):
        node.unsupported("it saves statistics for a gradient", "export the model for inference")
    if node.int("training_mode", 0) or any(node.wants(i) for i in (1, 2)):
        return _in_training(node)
    parameters = [node.data(i) for i in range(1, 5)]
    return node.net.add_batch_norm(node.data(0), *parameters, epsilon=node.float("epsilon", 1e-5))


def _in_training(node: Node) -> Result:
    """The batch's own mean and (population) variance normalise it, and move the running ones by 1 - momentum."""
    net, shape, momentum = node.net, node.shape(0), node.float("momentum", 0.9)
    axes = [axis for axis in range(len(shape)) if axis != 1]
    x, scale, bias, mean, variance = (_in_wide(net, node.data(i)) for i in range(5))
    batch_mean = net.add_reduce("mean", x, axes, keepdims=True)
    centred = net.add_binary("sub", x, batch_mean)
    batch_variance = net.add_reduce("mean", net.add_binary("mul", centred, centred), axes, keepdims=True)
    inverse = net.add_unary("rsqrt", net.add_binary("add", batch_variance, node.float("epsilon", 1e-5)))
    scale, bias = (net.add_reshape(each, (shape[1], *[1] * (len(shape) - 2))) for each in (scale, bias))
    scaled = net.add_binary("mul", net.add_binary("mul", centred, inverse), scale)
    results = [net.add_cast(net.add_binary("add", scaled, bias), node.element_type(0))]
    for index, running, batch in ((3, mean, batch_mean), (4, variance, batch_variance)):
        kept = net.add_binary("mul", running, momentum)
        added = net.add_binary("mul", net.add_reshape(batch, (shape[1],)), 1.0 - momentum)
        results.append(net.add_cast(net.add_binary("add", kept, added), node.element_type(index)))
    return results


def _in_wide(net: Network, x: SSAValue) -> SSAValue:
    return net.add_cast(x, f32) if net.element(x) in (f16, bf16) else x


@onnx_op("LayerNormalization")
def layer_normalization(node: Node) -> Result:
    net, x = node.net, node.data(0)
    axis, epsilon = node.axis(node.int("axis", -1), node.rank(0)), node.float("epsilon", 1e-5)
    bias = node.data(2) if node.has_input(2) else net.add_full(0.0, node.shape(0)[axis:], net.element(x))
    results: list[SSAValue | Value] = []
    if node.wants(1) or node.wants(2):
        axes, wide = list(range(axis, node.rank(0))), net.add_cast(x, f32)
        mean = net.add_reduce("mean", wide, axes, keepdims=True)
        centred = net.add_binary("sub", wide, mean)
        variance = net.add_reduce("mean", net.add_binary("mul", centred, centred), axes, keepdims=True)
        results = [mean, net.add_unary("rsqrt", net.add_binary("add", variance, epsilon))]
    return [net.add_layer_norm(x, node.data(1), bias, axis=axis, epsilon=epsilon), *results]


@onnx_op("RMSNormalization")
def rms_normalization(node: Node) -> Result:
    """x / sqrt(mean(x * x) + epsilon) * scale, the statistics in fp32."""
    net, x = node.net, node.data(0)
    axis = node.axis(node.int("axis", -1), node.rank(0))
    axes = list(range(axis, node.rank(0)))
    normal = net.add_normalize(x, axes, epsilon=node.float("epsilon", 1e-5), centred=False)
    return net.add_binary("mul", normal, node.data(1))


def _per_channel(node: Node, index: int) -> SSAValue:
    """A vector with one entry per channel, shaped so that it broadcasts against a channels-first tensor."""
    shape = (node.shape(index)[0], *[1] * (node.rank(0) - 2))
    return node.net.add_reshape(node.data(index), shape)


@onnx_op("InstanceNormalization")
def instance_normalization(node: Node) -> Result:
    node.in_f32()
    net = node.net
    normal = net.add_normalize(node.data(0), list(range(2, node.rank(0))), epsilon=node.float("epsilon", 1e-5))
    return net.add_binary("add", net.add_binary("mul", normal, _per_channel(node, 1)), _per_channel(node, 2))


@onnx_op("GroupNormalization", note="one scale and bias per channel, before opset 21 per group")
def group_normalization(node: Node) -> Result:
    net, shape, groups = node.net, node.shape(0), node.int("num_groups")
    if groups < 1 or (shape[1] % groups).as_int() not in (0, None):
        node.invalid(f"attribute 'num_groups' should divide the {shape[1]} channels, got {groups}")
    node.in_f32()
    # Scale and bias in the dims of the groups too, so that nothing stands between them and the norm; only the channels are split.
    spatial, each = shape[2:], shape[1] // groups
    folded = net.add_reshape(node.data(0), (shape[0], groups, each, *spatial))
    normal = net.add_normalize(folded, range(2, len(shape) + 1), epsilon=node.float("epsilon", 1e-5))
    per_group = (groups, 1 if node.opset < 21 else each, *[1] * len(spatial))
    scale, bias = (net.add_reshape(node.data(i), per_group) for i in (1, 2))
    return net.add_reshape(net.add_binary("add", net.add_binary("mul", normal, scale), bias), shape)


@onnx_op("MeanVarianceNormalization")
def mean_variance_normalization(node: Node) -> Result:
    node.in_f32()
    axes = [node.axis(axis, node.rank(0)) for axis in node.ints("axes", [0, 2, 3])]
    net, x = node.net, node.data(0)
    centred = net.add_binary("sub", x, net.add_reduce("mean", x, axes, keepdims=True))
    deviation = net.add_unary(
        "sqrt", net.add_reduce("mean", net.add_binary("mul", centred, centred), axes, keepdims=True)
    )
    return net.add_binary("div", centred, net.add_binary("add", deviation, 1e-9))


@onnx_op("LpNormalization")
def lp_normalization(node: Node) -> Result:
    node.in_f32()
    net, x, p = node.net, node.data(0), node.int("p", 2)
    axis = node.axis(node.int("axis", -1), node.rank(0))
    if p == 2:
        # A vector of zeros stays zero; all other lengths are greater, since they are roots of sums that are no less than a type's numbers.
        return net.add_l2_normalize(x, [axis], epsilon=1e-170 if net.element(x) == f64 else 1e-30)
    if p != 1:
        node.invalid(f"attribute 'p' should be 1 or 2, got {p}")
    norm = net.add_reduce("sum", net.add_unary("abs", x), [axis], keepdims=True)
    safe = net.add_where(net.add_compare("eq", norm, 0.0), net.add_full(1.0, (), net.element(x)), norm)
    return net.add_binary("div", x, safe)


@onnx_op("LRN")
def lrn(node: Node) -> Result:
    return node.net.add_lrn(
        node.data(0), size=node.int("size"), alpha=node.float("alpha", 1e-4), beta=node.float("beta", 0.75),
        bias=node.float("bias", 1.0),
    )  # fmt: skip


@onnx_op("Softmax")
def softmax(node: Node) -> Result:
    return _over_softmax_axes(node, lambda x, axis: node.net.add_softmax(x, axis))


@onnx_op("LogSoftmax")
def log_softmax(node: Node) -> Result:
    return _over_softmax_axes(node, lambda x, axis: node.net.add_log_softmax(x, axis))


def _over_softmax_axes(node: Node, build: Callable[[SSAValue, int], SSAValue]) -> SSAValue:
    """Before opset 13, softmax runs over all dims from `axis` on, taken as one."""
    net, x, shape = node.net, node.data(0), node.shape(0)
    axis = node.axis(node.int("axis", 1 if node.opset < 13 else -1), len(shape))
    if node.opset >= 13 or all(extent.as_int() == 1 for extent in shape[axis + 1 :]):
        return build(x, axis)
    flat = net.add_reshape(x, (dims.product(shape[:axis]), dims.product(shape[axis:])))
    return net.add_reshape(build(flat, 1), shape)
