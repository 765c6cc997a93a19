"""Layers that decide while the network runs: branches, loops, and values that become sizes. The ONNX importer builds with them.

A branch or the body of a loop is a network of its own, which becomes a function of the module:

    body = net.branch()
    state = body.argument(nn.tensor_type([4], f32))
    name = net.function("body", body, [body.add_unary("relu", state)])
"""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Sequence
from typing import Self

from xdsl.dialects.builtin import UnitAttr, i32, i64
from xdsl.ir import Attribute, BlockArgument, Operation, SSAValue

from ....dialects import dims, nn
from ....dialects.dims import Expr
from ....dialects.dims.proofs import always_equal, exact_bounds
from ....dialects.dtypes import is_float, is_integer
from ....dialects.provenance import onnx_names
from ....dialects.text import identifier
from ..graph import Graph, Range
from ..numbering import Numbering


class ControlLayers(Graph):
    """Control flow and symbols whose values the network computes."""

    def __init__(self) -> None:
        super().__init__()
        self._numbering = Numbering()
        self._reads: dict[tuple[int, Range], Expr] = {}
        self._read_names: set[str] = set()
        """The symbols that the host reads; the others count iterations, from 0."""
        self._outer: frozenset[str] = frozenset()
        """In a branch or body: the symbols of the networks around it, which runs that skip it have too."""

    def branch(self) -> Self:
        """A network for a branch or a body. It shares the symbols, the pins and the costs of this one."""
        made = type(self)()
        made.ranges, made.late, made.budget = self.ranges, self.late, self.budget
        made._pins, made._functions, made._location = self._pins, self._functions, self._location
        made._read_names = self._read_names
        made._outer = frozenset(self.late)
        return made

    def mark(self) -> tuple[dict[str, Range], int]:
        """What `back_to` forgets everything since: the symbols with their ranges, and the functions so far."""
        return dict(self.late), len(self._functions)

    def back_to(self, mark: tuple[dict[str, Range], int]) -> None:
        """Forgets the symbols and functions since a mark, of a body that is not used."""
        for name in self.late.keys() - mark[0].keys():
            del self.late[name], self.ranges[name], self.budget.sizes[name]
        self._read_names &= self.late.keys()
        for name, bounds in mark[0].items():
            self._set_range(name, bounds)
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
        self._set_range(unique, bounds)
        return dims.symbol(unique)

    def read(self, x: SSAValue, name: str, bounds: Range) -> Expr:
        """A symbol whose value is the integer in `x`, which the host reads: a new one, unless it has read what is computed alike."""
        key = (self._numbering.of(x), bounds)
        if key not in self._reads:
            self._reads[key] = symbol = self.new_symbol(name, bounds)
            self._read_names.add(name := symbol.as_symbol() or "")
            self.add(nn.ReadOp(name, x))
        return self._reads[key]

    def agree(self, a: Expr, b: Expr) -> bool:
        """Whether two dims are equal at all sizes. One that data decides is taken as equal where the model needs that: only sizes that the
        other can have are left to it, and the host checks that both are equal while the network runs. A branch or body leaves all sizes to
        symbols from around it, since a run may skip it; there the check is all."""
        if a == b or always_equal(a, b, self.ranges):
            return True
        if self._agree_unless_empty(a, b):
            return True
        name, other = (a.as_symbol(), b) if a.as_symbol() in self.late else (b.as_symbol(), a)
        if name not in self.late or name in other.symbols() or not other.symbols() <= self.ranges.keys():
            return False
        low, high = exact_bounds(other, self.ranges)
        low, high = max(low, self.ranges[name][0]), min(high, self.ranges[name][2])
        if low > high:
            return False
        typical = other.evaluate({each: entries[1] for each, entries in self.ranges.items()})
        for each in self.late.keys() & ({name, other.as_symbol()} - self._outer):
            self._set_range(each, (low if each in self._read_names else 0, min(max(typical, low), high), high))
        if not always_equal(a, b, self.ranges):
            self._check_equal(a, b)
        return True

    def distance(self, end: SSAValue, start: SSAValue) -> int | None:
        """`end - start`, where both are one integer plus constants."""
        (base, more), (other, less) = (self._offset(value) for value in (end, start))
        return more - less if self._numbering.of(base) == self._numbering.of(other) else None

    def _offset(self, value: SSAValue) -> tuple[SSAValue, int]:
        """The integer that a single one is computed from by adding a constant, and that constant."""
        total = 0
        while True:
            op = value.owner
            constant = nn.splat_of(op.operands[1], "an offset between sizes") if isinstance(op, nn.AddOp) else None
            if isinstance(op, nn.AddOp) and constant is not None:
                total, value = total + int(constant), op.operands[0]
            elif isinstance(op, nn.ReshapeOp | nn.CastOp) and is_integer(nn.element_of(op.operands[0])):
                value = op.operands[0]
            else:
                return value, total

    def with_dims(self, x: SSAValue, shape: Sequence[Expr]) -> SSAValue:
        """A tensor under dims that agree with its own. Sizes that are equal only because the model needs it get elements of their own: no
        buffer has two such sizes."""
        own = nn.shape_of(x)
        if len(own) == len(shape):
            for a, b in zip(own, shape, strict=True):
                self.agree(a, b)
        if own == tuple(shape):
            return x
        before, after = dims.product(own), dims.product(shape)
        open_ = before.symbols() & self.late.keys() or after.symbols() & self._outer
        if before == after or not open_ or always_equal(before, after, self.ranges):
            return self.insert(nn.ReshapeOp(x, shape))
        flat = self.insert(nn.ReshapeOp(x, [before]))
        places = self.insert(nn.IotaOp([after], i32, 0))
        return self.insert(nn.ReshapeOp(self.insert(nn.GatherOp(flat, places, 0)), shape))

    def _agree_unless_empty(self, a: Expr, b: Expr) -> bool:
        """Whether two dims are equal where a number that data decides is not 0: then it is at least 1."""
        for name in (a - b).symbols() & self._read_names & self.late.keys():
            low, typical, high = self.ranges[name]
            some = (1, max(typical, 1), high)
            if low == 0 < high and always_equal(a, b, {**self.ranges, name: some}):
                if name in self._outer:
                    self._check_equal(a, b)
                else:
                    self._set_range(name, some)
                return True
        return False

    def _check_equal(self, a: Expr, b: Expr) -> None:
        """The host reads whether two sizes are equal, and accepts nothing else."""
        sizes = [self.insert(nn.ShapeValueOp([size])) for size in (a, b)]
        same = self.insert(nn.CastOp(self.insert(nn.CompareOp(sizes[0], sizes[1], "eq")), i64))
        nodes = "_".join(onnx_names(self._location)) if self._location else ""
        self.read(same, f"sizes_agree_{nodes}", (1, 1, 1))

    def _set_range(self, name: str, bounds: Range) -> None:
        self.ranges[name] = self.late[name] = bounds
        self.budget.sizes[name] = bounds[2]

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
