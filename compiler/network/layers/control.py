"""Layers that decide while the network runs: branches, loops, and values that become sizes. The ONNX importer builds with them.

A branch or the body of a loop is a network of its own, which becomes a function of the module:

    body = net.branch()
    state = body.argument(nn.tensor_type([4], f32))
    name = net.function("body", body, [body.add_unary("relu", state)])
"""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Sequence
from typing import Self

from xdsl.dialects.builtin import UnitAttr
from xdsl.ir import Attribute, BlockArgument, Operation, SSAValue

from ....dialects import dims, nn
from ....dialects.dims import Expr
from ....dialects.dtypes import is_float
from ....dialects.text import identifier
from ..graph import Graph, Range


class ControlLayers(Graph):
    """Control flow and symbols whose values the network computes."""

    def branch(self) -> Self:
        """A network for a branch or a body. It shares the symbols, the pins and the costs of this one."""
        made = type(self)()
        made.ranges, made.late, made.budget = self.ranges, self.late, self.budget
        made._pins, made._functions, made._location = self._pins, self._functions, self._location
        return made

    def mark(self) -> tuple[int, int]:
        """What `back_to` forgets everything since: the symbols and functions so far."""
        return len(self.late), len(self._functions)

    def back_to(self, mark: tuple[int, int]) -> None:
        """Forgets the symbols and functions since a mark, of a body that is not used."""
        for name in list(self.late)[mark[0] :]:
            del self.late[name], self.ranges[name], self.budget.sizes[name]
        for name in list(self._functions)[mark[1] :]:
            del self._functions[name]

    def argument(self, type_: Attribute) -> SSAValue:
        """A further argument of the function that this network becomes."""
        argument = self._block.insert_arg(type_, len(self._block.args))
        argument.location = self._location or argument.location
        return argument

    def remove_argument(self, argument: SSAValue) -> None:
        """Removes an argument that nothing reads."""
        assert isinstance(argument, BlockArgument)
        self._block.erase_arg(argument)

    def function(self, name: str, body: Graph, results: Sequence[SSAValue]) -> str:
        """Makes a function of a branch or body, called like `name`, and returns its name; nothing is added to it afterwards."""
        unique = _unique(identifier(name) or "body", self._functions)
        function = self._functions[unique] = body.close(unique, results)
        function.attributes[nn.BODY] = UnitAttr()
        return unique

    def new_symbol(self, name: str, bounds: Range) -> Expr:
        """A new symbol for a value that is known while the network runs, within (min, typical, max)."""
        unique = _unique(identifier(name) or "size", self.ranges)
        self.ranges[unique] = self.late[unique] = bounds
        self.budget.sizes[unique] = bounds[2]
        return dims.symbol(unique)

    def read(self, x: SSAValue, name: str, bounds: Range) -> Expr:
        """A new symbol whose value is the integer in `x`, which the host reads."""
        symbol = self.new_symbol(name, bounds)
        self.add(nn.ReadOp(symbol.as_symbol() or "", x))
        return symbol

    def read_from(self, symbols: Collection[str]) -> list[SSAValue]:
        """The integers that the host reads as these symbols."""
        reads = (op for op in self._block.ops if isinstance(op, nn.ReadOp))
        return [op.x for op in reads if op.symbol.data in symbols]

    def inputs_behind(self, values: Iterable[SSAValue]) -> list[str]:
        """The names of the inputs that values are computed from, in order: of those of integers and truth values, where there are such."""
        pending, seen = list(values), set[SSAValue]()
        while pending:
            value = pending.pop()
            if value not in seen and isinstance(value.owner, Operation):
                pending += value.owner.operands
            seen.add(value)
        arguments = zip(self._input_names, self._block.args, strict=False)
        found = [(name, argument) for name, argument in arguments if argument in seen]
        return [name for name, argument in found if not is_float(nn.element_of(argument))] or [
            name for name, _ in found
        ]

    def choose(
        self, condition: SSAValue, branches: tuple[str, str], captures: Sequence[SSAValue], types: Sequence[Attribute]
    ) -> list[SSAValue]:
        """The results of one of two functions."""
        return self._results(nn.IfOp(condition, branches, captures, types))

    def loop(
        self,
        body: str,
        index: Expr,
        carried: Sequence[SSAValue],
        captures: Sequence[SSAValue],
        slices: Sequence[Attribute],
        *,
        count: Expr | None = None,
        condition: SSAValue | None = None,
        total: Expr | None = None,
    ) -> list[SSAValue]:
        """The carried values after the last iteration, and then the joined `slices`, of these types in one iteration."""
        runs = count if count is not None else total
        assert runs is not None
        joined = [nn.tensor_type([runs, *nn.shape_of(type_)], nn.element_of(type_)) for type_ in slices]
        types = [*(value.type for value in carried), *joined]
        name = "" if total is None else total.as_symbol() or ""
        return self._results(
            nn.LoopOp(
                body, index.as_symbol() or "", carried, captures, types, count=count, condition=condition, total=name
            )
        )

    def _results(self, op: Operation) -> list[SSAValue]:
        self.add(op)
        return list(op.results)


def _unique(name: str, taken: Container[str]) -> str:
    found, number = name, 1
    while found in taken:
        found, number = f"{name}_{number}", number + 1
    return found
