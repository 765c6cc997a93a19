"""The initializers of a module, which may change once an engine is built, and the digest that identifies the rest of the model."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO

from xdsl.dialects.builtin import ModuleOp
from xdsl.rewriter import Rewriter

from ..dialects import nn
from ..dialects.blob import BlobAttr, digest_of
from ..dialects.errors import InvalidModelError
from ..dialects.ir_text import IRPrinter
from ..runtime.refit.table import model_digest


def initializers_of(module: ModuleOp) -> dict[str, nn.InitializerOp]:
    """The initializers of a module in order, by name. Raises InvalidModelError where one name has different numbers."""
    found: dict[str, nn.InitializerOp] = {}
    for op in _walk(module):
        known = found.setdefault(op.label.data, op)
        if known.value != op.value:
            raise InvalidModelError(f"initializer '{op.label.data}': expected one tensor of this name, got two")
    return found


def without_initializers(module: ModuleOp) -> None:
    """Make all numbers structural: each initializer becomes a constant."""
    for op in list(_walk(module)):
        if op.value is None:
            raise InvalidModelError(f"initializer '{op.label.data}': expected its numbers, got none")
        constant = nn.ConstantOp(op.array(), op.label.data)
        constant.attributes, constant.location = dict(op.attributes), op.location
        Rewriter.replace_op(op, constant)
    module.attributes.pop(nn.PINS, None)


def model_of(structure: Structure) -> str:
    """The digest of the model that a refittable build reads."""
    return model_digest(structure.sha256, {name: digest(op) for name, op in structure.initializers.items()})


def digest(op: nn.InitializerOp) -> str:
    """The SHA-256 of an initializer's bytes, in hex."""
    return op.value.digest.data if isinstance(op.value, BlobAttr) else digest_of(op.array())


@dataclass(frozen=True)
class Structure:
    """What a build depends on: the imported module without the numbers of its initializers, as a digest."""

    sha256: str
    initializers: dict[str, nn.InitializerOp]
    """Those of the imported module, in order."""

    @classmethod
    def of(cls, module: ModuleOp) -> Structure:
        """The structure of an imported module, its locations and names included."""
        initializers, bare = initializers_of(module), module.clone()
        for op in _walk(bare):
            op.properties.pop("value", None)
        text = StringIO()
        IRPrinter(stream=text, print_debuginfo=True).print_op(bare)
        return cls(hashlib.sha256(text.getvalue().encode()).hexdigest(), initializers)


def _walk(module: ModuleOp) -> Iterator[nn.InitializerOp]:
    return (op for op in module.walk() if isinstance(op, nn.InitializerOp))
