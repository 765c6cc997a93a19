"""Operators that ONNX itself defines by others: their function bodies, for those without a row of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from xdsl.ir import Attribute

from ...dialects.dims import Expr
from ...dialects.dtypes import numpy_dtype
from .node import Value

if TYPE_CHECKING:
    from onnx import FunctionProto, NodeProto, TypeProto


def function_body(node: NodeProto, domain: str, opset: int, inputs: Sequence[Value | None]) -> FunctionProto | None:
    """The body of `node`'s operator in `opset`, or None where ONNX defines it by words only."""
    import onnx.defs

    if not onnx.defs.has(node.op_type, opset, domain):
        return None
    schema: Any = onnx.defs.get_schema(node.op_type, opset, domain)
    if schema.has_function:
        return _parsed(lambda: schema.get_function_with_opset_version(opset))
    if schema.has_context_dependent_function:
        types = [_type_proto(value).SerializeToString() for value in inputs]
        return _parsed(lambda: schema.get_context_dependent_function(node.SerializeToString(), types))
    return None


def _parsed(get: Callable[[], bytes]) -> FunctionProto | None:
    import onnx.defs

    try:
        body = get()
    except (RuntimeError, ValueError, onnx.defs.SchemaError):  # no body for these attributes or this opset
        return None
    return onnx.FunctionProto.FromString(body) if body else None


def _type_proto(value: Value | None) -> TypeProto:
    """The type of an operand as ONNX writes it; dynamic dims get their expression for a name."""
    import onnx.helper

    if value is None:
        return onnx.TypeProto()
    shape = [_extent(extent) for extent in value.shape]
    return onnx.helper.make_tensor_type_proto(_onnx_code(value.element_type), shape)


def _extent(extent: Expr) -> int | str:
    static = extent.as_int()
    return str(extent) if static is None else static


def _onnx_code(element_type: Attribute) -> int:
    import onnx.helper

    return onnx.helper.np_dtype_to_tensor_dtype(numpy_dtype(element_type))


def bound_nodes(body: FunctionProto, node: NodeProto, domain: str, opset: int) -> list[NodeProto]:
    """The body's nodes with the attributes that refer to `node`'s replaced by their values (or left out)."""
    import onnx.defs

    declared = onnx.defs.get_schema(node.op_type, opset, domain).attributes
    defaults = {name: each.default_value for name, each in declared.items() if each.default_value.name}
    given = {attribute.name: attribute for attribute in body.attribute_proto} | defaults
    given |= {attribute.name: attribute for attribute in node.attribute}
    nodes: list[NodeProto] = []
    for inner in body.node:
        copy = onnx.NodeProto()
        copy.CopyFrom(inner)
        del copy.attribute[:]
        for attribute in inner.attribute:
            if not attribute.ref_attr_name:
                copy.attribute.append(attribute)
            elif attribute.ref_attr_name in given:
                bound = copy.attribute.add()
                bound.CopyFrom(given[attribute.ref_attr_name])
                bound.name = attribute.name
        nodes.append(copy)
    return nodes
