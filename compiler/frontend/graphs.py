"""The graphs in the attributes of a node, as table rows see them: read in place, or as functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xdsl.ir import Attribute, SSAValue

    from ..network import Network
    from .value import Sizes, Value


class Body(Protocol):
    """A graph that becomes a function: first the arguments that it is begun with, then the outer values that it captures."""

    @property
    def net(self) -> Network:
        """Where its ops are built."""
        ...

    @property
    def arguments(self) -> Sequence[SSAValue]:
        """Those that it is begun with."""
        ...

    @property
    def captured(self) -> Sequence[Value]:
        """The outer values that it captures."""
        ...

    def import_nodes(self, operands: Sequence[Value]) -> list[Value]:
        """The results of the graph for these operands."""
        ...

    def capture(self, value: Value) -> Value:
        """An outer value inside the function: a number or shape again, anything else as an argument."""
        ...

    def finish(self, results: Sequence[SSAValue], captures: Sequence[Value] | None = None) -> str:
        """Makes the function, and returns its name. With `captures`, its last arguments are these, captured or not."""
        ...


class Graphs(Protocol):
    """The graphs in the attributes of a node."""

    def inlined(
        self, attribute: str, operands: Sequence[Value], part: str = "", sizes: Sizes | None = None
    ) -> list[Value]:
        """The results of a graph for these operands; its ops are built where the node stands. `part` tells repeated uses apart. Outer
        tensors have the dims that `sizes` says."""
        ...

    def body(self, attribute: str, types: Sequence[Attribute], sizes: Sizes | None = None) -> Body:
        """The graph as a function that is begun with arguments of these types. Outer tensors have the dims that `sizes` says."""
        ...

    def is_appended(self, number: int) -> bool:
        """Whether the body of a Loop does nothing with a carried value but insert one tensor at its end."""
        ...

    def size(self, attribute: str) -> int:
        """The number of nodes of a graph, without those of graphs in it."""
        ...

    def problem_count(self) -> int:
        """The number of problems that were found so far."""
        ...

    def are_invalid(self, count: int) -> bool:
        """Whether all that was found since there were `count` problems breaks the rules of ONNX."""
        ...

    def forget_problems(self, count: int) -> None:
        """Forgets those found since there were `count`, of a body that is not used."""
        ...
