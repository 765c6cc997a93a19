"""
The signature of a group: a digest of everything that schedules may tell groups apart by, the same on every machine.

It covers the ops with their properties, how values connect, types, layouts and anchor (`GroupView.signature`), the ranges of the dims, and
the target. Names of values and ONNX nodes, locations and weights do not count, so that equal layers of any model share one. Names of
dynamic dims do count.
"""

from __future__ import annotations

import hashlib
from typing import Any, cast

from ...dialects import fusion, nn
from ...dialects.kernel.types import Target
from ...passes.kernels.building.group import GroupView


def signature(view: GroupView, target: Target) -> str:
    """The digest of an outlined group, in hexadecimal digits."""
    ranges = {name: view.ranges.get(name) for name in sorted(_symbols(view))}
    text = f"{_text(view.signature)}\n{ranges}\n{target}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _symbols(view: GroupView) -> set[str]:
    """The symbols that the group's tensors, layouts and ops depend on."""
    tensors = (*view.tensors, *(result for op in view.ops for result in op.results))
    dims = {dim for value in tensors for dim in nn.shape_of(value)}
    dims.update(stride for i in range(len(view.tensors)) for stride in view.strides(i))
    return {name for dim in dims for name in dim.symbols()} | nn.symbols_inside(view.op)


def _text(part: Any) -> str:
    """A part of a signature in one way: what has no order is sorted."""
    if isinstance(part, frozenset):
        return "{" + ", ".join(sorted(map(_text, cast("frozenset[Any]", part)))) + "}"
    if isinstance(part, tuple) and not isinstance(part, fusion.LayoutAttr):
        return "(" + ", ".join(map(_text, cast("tuple[Any, ...]", part))) + ")"
    return str(part)
