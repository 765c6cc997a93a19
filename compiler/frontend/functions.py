"""Operators that ONNX itself defines by others: their function bodies, for those without a row of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from xdsl.ir import Attribute

from ...dialects.dims import Expr
from ...dialects.dtypes import numpy_dtype
from .local_functions import bound
from .registry import load_tables
from .value import Value

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
        types = [type_proto(value).SerializeToString() for value in inputs]
        return _parsed(lambda: schema.get_context_dependent_function(node.SerializeToString(), types))
    return None


@cache
def is_defined_by_others(op_type: str, domain: str, opset: int) -> bool:
    """Whether ONNX defines an operator by others for all of which trtc has rows, as far as can be seen without its operands."""
    import onnx.defs

    if not onnx.defs.has(op_type, opset, domain):
        return False
    schema: Any = onnx.defs.get_schema(op_type, opset, domain)
    if schema.has_context_dependent_function:
        return True
    if not schema.has_function:
        return False
    body = _parsed(lambda: schema.get_function_with_opset_version(opset))
    rows = load_tables()
    return body is not None and all(
        (node.domain, node.op_type) in rows or is_defined_by_others(node.op_type, node.domain, opset)
        for node in body.node
    )


def _parsed(get: Callable[[], bytes]) -> FunctionProto | None:
    import onnx.defs

    try:
        body = get()
    except (RuntimeError, ValueError, onnx.defs.SchemaError):  # no body for these attributes or this opset
        return None
    return onnx.FunctionProto.FromString(body) if body else None


def type_proto(value: Value | None) -> TypeProto:
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
    return [bound(inner, given) for inner in body.node]
