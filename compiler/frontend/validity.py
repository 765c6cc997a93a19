"""Whether a node whose operands trtc refuses is valid ONNX: ONNX allows element types that `nn` has no op for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .functions import type_proto
from .signature import schema_of
from .value import Value

if TYPE_CHECKING:
    from onnx import NodeProto, TypeProto


def is_valid(node: NodeProto, domain: str, opset: int, inputs: Sequence[Value | None]) -> bool:
    """Whether ONNX's type constraints and shape inference accept a node. False for operands of f32, which trtc never refuses for their
    type, and for operators that ONNX does not define."""
    import onnx.helper
    import onnx.shape_inference

    schema: Any = schema_of(node.op_type, domain, opset)
    if schema is None:
        return False
    try:
        types = [type_proto(value) for value in inputs]
        if not types or types[0].tensor_type.elem_type == onnx.TensorProto.FLOAT or not _types_fit(schema, types):
            return False
        named = {name: each for name, each in zip(node.input, types, strict=True) if name}
        onnx.shape_inference.infer_node_outputs(
            schema, node, named, opset_imports=[onnx.helper.make_opsetid(domain, opset)], ir_version=onnx.IR_VERSION
        )
    except Exception:  # the errors of ONNX's C++ share no base class
        return False
    return True


def _types_fit(schema: Any, types: Sequence[TypeProto]) -> bool:
    """Whether each operand has a type that the schema allows, the same for operands that share a type parameter."""
    import onnx

    allowed = {each.type_param_str: set(each.allowed_type_strs) for each in schema.type_constraints}
    seen: dict[str, str] = {}
    for index, kind in enumerate(types):
        if not kind.HasField("tensor_type") or not schema.inputs:
            continue
        formal = schema.inputs[min(index, len(schema.inputs) - 1)]
        text = f"tensor({onnx.TensorProto.DataType.Name(kind.tensor_type.elem_type).lower()})"
        if text not in allowed.get(formal.type_str, {formal.type_str}):
            return False
        if formal.is_homogeneous and seen.setdefault(formal.type_str, text) != text:
            return False
    return True
