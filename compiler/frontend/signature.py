"""Checks a node against ONNX's definition of its operator, so that no operand or attribute is silently ignored."""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import TYPE_CHECKING, Any

from .problems import InvalidNode

if TYPE_CHECKING:
    from onnx import NodeProto


def check_signature(proto: NodeProto, domain: str, opset: int) -> None:
    """Raise InvalidNode for operands, results or attributes beyond those that the operator has in this opset.

    Operators that ONNX does not define, such as those of other domains, are not checked.
    """
    schema = schema_of(proto.op_type, domain, opset)
    if schema is None:
        return
    what = f"{proto.op_type} of opset {opset}"
    for kind, count, most in (
        ("operands", len(proto.input), schema.max_input),
        ("results", len(proto.output), schema.max_output),
    ):
        if count > most:
            raise InvalidNode(f"expected at most {most} {kind} of {what}, got {count}", "export the model again")
    names = [attribute.name for attribute in proto.attribute]
    if len(set(names)) < len(names):
        twice = next(name for name, count in Counter(names).items() if count > 1)
        raise InvalidNode(f"attribute {twice!r} is given twice", "export the model again")
    if unknown := sorted(set(names) - set(schema.attributes)):
        known = ", ".join(sorted(schema.attributes)) or "none"
        raise InvalidNode(
            f"{what} has no attribute {unknown[0]!r}; its attributes are: {known}", "export the model again"
        )


@cache
def schema_of(op_type: str, domain: str, opset: int) -> Any:
    import onnx.defs

    try:
        return onnx.defs.get_schema(op_type, opset, domain)
    except onnx.defs.SchemaError:
        return None
