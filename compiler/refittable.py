"""The initializers of a module: what of a model may change once an engine is built."""

from __future__ import annotations

from collections.abc import Iterator

from xdsl.dialects.builtin import ModuleOp
from xdsl.rewriter import Rewriter

from ..dialects import nn
from ..dialects.errors import InvalidModelError


def without_initializers(module: ModuleOp) -> None:
    """Let all numbers be structural: each initializer becomes a constant."""
    for op in list(_walk(module)):
        if op.value is None:
            raise InvalidModelError(f"initializer '{op.label.data}': expected its numbers, got none")
        constant = nn.ConstantOp(op.array(), op.label.data)
        constant.attributes, constant.location = dict(op.attributes), op.location
        Rewriter.replace_op(op, constant)
    module.attributes.pop(nn.PINS, None)


def _walk(module: ModuleOp) -> Iterator[nn.InitializerOp]:
    return (op for op in module.walk() if isinstance(op, nn.InitializerOp))
