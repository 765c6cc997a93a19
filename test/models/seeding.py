"""Weights for architectures that come without: seeded layer by layer, so that fp16 is accurate and the output depends on the input.

He-normal weights alone do neither in a network without batch norm: what all inputs have in common grows from layer to layer until
their differences are small compared with it, and centring the last layer brings back the difference together with the rounding errors of
all before. So each convolution is scaled and shifted per channel, as by a calibrated batch norm folded into it, on a few
image-like inputs that run along node by node. Where the network has batch norms, these get the mean and variance of what reaches them;
the last one of a residual branch is scaled down, so that what enters a block outweighs what the block adds.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

Array = np.ndarray[Any, Any]

MEAN = 0.5
"""Mean of the pre-activations, which have deviation 1. At 0 a deep ReLU network is chaotic and amplifies the rounding of fp16."""
LEAST_DEVIATION = 0.5
"""Share of the median channel's deviation that a channel is scaled by at least: one with little here may have much on other inputs."""

RESIDUAL = 0.25
"""Scale of the batch norms that a residual sum adds."""
RESIDUAL_MEAN = -0.03
"""And their mean, so that what all inputs have in common does not grow from block to block."""


def seed_weights(model: ModelProto, rng: np.random.Generator) -> None:
    """Replace the ConstantOfShape nodes by initializers: He-normal for weights, ones for scales, zeros for biases."""
    graph = model.graph
    factors = _factors(model)
    shapes = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    kept = [node for node in graph.node if node.op_type != "ConstantOfShape"]
    for node in graph.node:
        if node.op_type != "ConstantOfShape":
            continue
        shape = [int(extent) for extent in shapes[node.input[0]]]
        deviation = np.sqrt(2.0 / np.prod(shape[1:])) if len(shape) > 1 else 0.0
        weight = (rng.standard_normal(shape) * deviation).astype(np.float32) + np.float32(node.output[0] in factors)
        graph.initializer.append(numpy_helper.from_array(weight, node.output[0]))
    del graph.node[:]
    graph.node.extend(kept)


def _factors(model: ModelProto) -> set[str]:
    """The vectors that something is multiplied by: scales and variances of batch norms, and factors of Mul, unsqueezed or not."""
    names: set[str] = set()
    for node in reversed(model.graph.node):
        if node.op_type == "BatchNormalization":
            names |= {node.input[1], node.input[4]}
        elif node.op_type == "Mul":
            names.add(node.input[1])
        elif node.op_type == "Unsqueeze" and node.output[0] in names:
            names.add(node.input[0])
    return names


def calibrate_layers(
    model: ModelProto, samples: list[dict[str, Array]], norm_mean: float = MEAN, residual_mean: float = RESIDUAL_MEAN
) -> None:
    """Scale and shift each convolution by what it makes of the samples, set each batch norm by what reaches it, and scale the last
    product to logits of deviation 1. `norm_mean` is `MEAN` for batch norms, `residual_mean` `RESIDUAL_MEAN`."""
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    arrays = {name: numpy_helper.to_array(tensor) for name, tensor in weights.items()}
    values = [{**arrays, **sample} for sample in samples]
    reshaped = {node.output[0]: node.input[0] for node in model.graph.node if node.op_type == "Reshape"}
    summed = {name for node in model.graph.node if node.op_type in ("Sum", "Add") for name in node.input}
    for node in model.graph.node:
        if node.op_type == "BatchNormalization":
            factor, bias = (RESIDUAL, residual_mean) if node.output[0] in summed else (1.0, norm_mean)
            _set_batch_norm(node, weights, values, factor, bias)
        results = _run_node(node, values, model)
        if node.op_type == "Gemm" or (node.op_type == "Conv" and len(node.input) == 3):
            together = np.concatenate(results).astype(np.float64)
            by_channel = node.op_type == "Conv" and together[0, 0].size > 1
            scale, shift = (_per_channel if by_channel else _overall)(together)
            weight, bias = (weights[reshaped.get(name, name)] for name in node.input[1:])
            per_output = scale.reshape(-1, *[1] * (len(weight.dims) - 1)) if by_channel else scale
            _set(weight, numpy_helper.to_array(weight) * per_output)
            _set(bias, numpy_helper.to_array(bias) * scale + shift)
            for value in values:
                value.update({name: numpy_helper.to_array(weights[name]) for name in node.input[1:] if name in weights})
            results = [_affine(result, scale, shift) for result in results]
        for value, result in zip(values, results, strict=True):
            value[node.output[0]] = result


def _set_batch_norm(
    node: NodeProto,
    weights: dict[str, TensorProto],
    values: list[dict[str, Array]],
    factor: float,
    bias: float,
) -> None:
    """Mean and variance of what reaches it, which each channel then has `bias` and `factor` for."""
    together = np.concatenate([value[node.input[0]] for value in values]).astype(np.float64)
    scale, shift = _per_channel(together)
    mean = (MEAN - shift) / scale
    for name, array in zip(
        node.input[1:],
        (
            np.full_like(mean, factor),
            np.full_like(mean, bias),
            mean,
            scale**-2.0,
        ),
        strict=True,
    ):
        _set(weights[name], array)
        for value in values:
            value[name] = numpy_helper.to_array(weights[name])


def _per_channel(results: Array) -> tuple[Array, Array]:
    """Scale and shift of each channel of [N, C, H, W] to `MEAN` and deviation 1."""
    deviation = results.std((0, 2, 3))
    scale = 1.0 / np.maximum(deviation, LEAST_DEVIATION * np.median(deviation))
    return scale, MEAN - results.mean((0, 2, 3)) * scale


def _overall(results: Array) -> tuple[Array, Array]:
    """One scale for all logits, and no shift: centring would amplify rounding errors that all inputs share."""
    return np.asarray(1.0 / results.std()), np.asarray(0.0)


def _affine(result: Array, scale: Array, shift: Array) -> Array:
    along = (1, -1, *[1] * (result.ndim - 2)) if scale.ndim else ()
    return (result * scale.reshape(along) + shift.reshape(along)).astype(np.float32)


def _set(tensor: TensorProto, values: Array) -> None:
    tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float32).reshape(tensor.dims), tensor.name))


def _run_node(node: NodeProto, values: list[dict[str, Array]], model: ModelProto) -> list[Array]:
    """The first result of one node for each sample, by ONNX Runtime."""
    import onnxruntime

    feeds = [{name: value[name] for name in node.input} for value in values]
    inputs = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in feeds[0].items()
    ]
    graph = helper.make_graph([node], "node", inputs, [helper.make_empty_tensor_value_info(node.output[0])])
    single = helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    session = onnxruntime.InferenceSession(single.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return [session.run([node.output[0]], feed)[0] for feed in feeds]
