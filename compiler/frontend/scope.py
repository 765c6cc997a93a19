"""The values that nodes read by name: those of their own graph or function body, and of the graphs around it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onnx import TensorProto
    from xdsl.ir import SSAValue

    from ..network import Network
    from .model import Declared
    from .value import Value


@dataclass
class Scope:
    """One graph, subgraph or function body while its nodes are imported."""

    net: Network
    """Where its ops are built: the model's network, or that of a branch or body which becomes a function."""
    values: dict[str, Value]
    used: frozenset[str]
    """The values that some node or output of the graph reads."""
    weights: Mapping[str, TensorProto] = field(default_factory=dict[str, "TensorProto"])
    declared: Mapping[str, Declared] = field(default_factory=dict[str, "Declared"])
    """The shapes that the model declares."""
    outer: Scope | None = None
    path: str = ""
    """The labels of the nodes around it, each followed by a slash."""
    captures: list[tuple[Value, SSAValue]] = field(default_factory=list["tuple[Value, SSAValue]"])
    """The values of the outer network that a function reads, each with the argument that it is inside."""

    @property
    def function(self) -> Scope:
        """The outermost scope whose ops are built in the same network."""
        scope = self
        while scope.outer is not None and scope.outer.net is scope.net:
            scope = scope.outer
        return scope

    def holder(self, name: str) -> Scope | None:
        """The innermost scope of the same network that has a value of this name."""
        scope: Scope | None = self
        while scope is not None and scope.net is self.net:
            if name in scope.values:
                return scope
            scope = scope.outer
        return None

    def names(self) -> set[str]:
        """The values that can be read in it."""
        return set(self.values) | (self.outer.names() if self.outer is not None else set())
