"""Models of opsets before 7, brought to it by onnx's own converter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...dialects.errors import UnsupportedOpError
from .embedded_data import Embedded, embedded_data, with_data
from .opsets import OLDEST_OPSET

if TYPE_CHECKING:
    from onnx import ModelProto


def converted(model: ModelProto, embedded: Embedded, source: str) -> ModelProto:
    """A model of an opset before `OLDEST_OPSET` as one of that opset, with the data that was read past protobuf; any other model as it is.

    Raises UnsupportedOpError for what the converter does not take.
    """
    import onnx.version_converter

    version = max((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), default=0)
    if not 0 < version < OLDEST_OPSET:
        return model
    for tensor in model.graph.initializer:
        if (data := embedded_data(tensor, embedded)) is not None:
            tensor.CopyFrom(with_data(tensor, data))
    try:
        return onnx.version_converter.convert_version(_with_broadcast_slopes(model), OLDEST_OPSET)
    except Exception as error:  # the errors of ONNX's C++ share no base class
        why = " ".join(str(error).split())[:300]
        raise UnsupportedOpError(
            f"{source} uses opset {version}, and onnx.version_converter does not bring it to opset {OLDEST_OPSET}, the oldest that trtc "
            f"reads: {why}; export the model again, with a newer opset"
        ) from None


def _with_broadcast_slopes(model: ModelProto) -> ModelProto:
    """The slopes of PRelu, one per channel before opset 7, in a shape that broadcasts: the converter leaves them as they are."""
    import onnx.shape_inference

    if not any(node.op_type == "PRelu" for node in model.graph.node):
        return model
    inferred = onnx.shape_inference.infer_shapes(model).graph
    ranks = {
        value.name: len(value.type.tensor_type.shape.dim)
        for value in (*inferred.input, *inferred.value_info)
        if value.type.tensor_type.HasField("shape")
    } | {tensor.name: len(tensor.dims) for tensor in inferred.initializer}
    made = onnx.ModelProto()
    made.CopyFrom(model)
    del made.graph.node[:]
    for index, node in enumerate(model.graph.node):
        if node.op_type == "PRelu" and ranks[node.input[1]] == 1 and ranks[node.input[0]] > 2:
            slope = f"{node.input[1]}_of_{index}"
            axes = list(range(1, ranks[node.input[0]] - 1))
            made.graph.node.append(onnx.helper.make_node("Unsqueeze", [node.input[1]], [slope], axes=axes))
            copy = made.graph.node.add()
            copy.CopyFrom(node)
            copy.input[1] = slope
        else:
            made.graph.node.append(node)
    return made
