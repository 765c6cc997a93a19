"""Builds index arithmetic with folding, constants and dim expressions once at the kernel's entry, loops, branches and roles."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Self

from xdsl.dialects import arith, scf
from xdsl.dialects.builtin import IndexType, IntegerAttr, LocationAttr, UnitAttr
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue

from ....dialects import kernel
from ....dialects.dims import ExprLike, as_expr
from .emitter import Emitter, Index, constant_value, scalar_constant

index = IndexType()


class Entry:
    """The ops at the head of a kernel: constants and expressions, each once."""

    def __init__(self, block: Block):
        self.block = block
        self.last: Operation | None = None
        self.values: dict[object, SSAValue] = {}
        self.coords: Sequence[SSAValue] = ()
        """The coordinates of the block's tile, where they are not those of the block in the grid."""

    def get(self, key: object, make: Callable[[], Operation]) -> SSAValue:
        if key not in self.values:
            op = make()
            if self.last is not None:
                self.block.insert_op_after(op, self.last)
            elif self.block.first_op is not None:
                self.block.insert_op_before(op, self.block.first_op)
            else:
                self.block.add_op(op)
            self.last = op
            self.values[key] = op.results[0]
        return self.values[key]


class ControlBuilder(Emitter):
    """Builds the body of one `kernel.func`, or of a loop or role inside it: control flow, and the indices that it runs over."""

    def __init__(self, func: kernel.FuncOp, block: Block, entry: Entry, location: LocationAttr):
        super().__init__(block, location)
        self.func = func
        self.entry = entry

    def inner(self, block: Block) -> Self:
        """A builder for a nested block (loop body, role)."""
        return type(self)(self.func, block, self.entry, self.location)

    # Index arithmetic. The dim expressions of a kernel count as non-negative, as sizes are.

    def index(self, value: Index) -> SSAValue:
        """An index constant, at the kernel's entry; a value stays itself."""
        if isinstance(value, SSAValue):
            return value
        return self.entry.get(value, lambda: self._located(arith.ConstantOp(IntegerAttr(value, index))))

    def expr(self, value: ExprLike) -> SSAValue:
        """A dim expression's value, at the kernel's entry."""
        expr = as_expr(value)
        known = expr.as_int()
        if known is not None:
            return self.index(known)
        return self.entry.get(expr, lambda: self._located(kernel.ExprOp(expr)))

    def scalar(self, value: float | int, type_: Attribute) -> SSAValue:
        """A scalar constant at the kernel's entry, for operands of `kernel.map`."""
        return self.entry.get((str(value), type_), lambda: self._located(scalar_constant(value, type_)))

    def _located(self, op: Operation) -> Operation:
        op.location = self.location
        return op

    def _binary(
        self, op: type[Operation], fold: Callable[[int, int], int], a: Index, b: Index, neutral: int | None
    ) -> SSAValue:
        x, y = constant_value(a), constant_value(b)
        if x is not None and y is not None:
            return self.index(fold(x, y))
        if y is not None and y == neutral:
            return self.index(a)
        return self.emit(op(self.index(a), self.index(b)))  # pyright: ignore[reportCallIssue]

    def add(self, a: Index, b: Index) -> SSAValue:
        if constant_value(a) == 0:
            return self.index(b)
        return self._binary(arith.AddiOp, lambda x, y: x + y, a, b, 0)

    def sub(self, a: Index, b: Index) -> SSAValue:
        return self._binary(arith.SubiOp, lambda x, y: x - y, a, b, 0)

    def mul(self, a: Index, b: Index) -> SSAValue:
        if constant_value(a) == 1:
            return self.index(b)
        if 0 in (constant_value(a), constant_value(b)):
            return self.index(0)
        return self._binary(arith.MuliOp, lambda x, y: x * y, a, b, 1)

    def div(self, a: Index, b: Index) -> SSAValue:
        """Quotient of non-negative values."""
        return self._binary(arith.DivSIOp, lambda x, y: x // y, a, b, 1)

    def rem(self, a: Index, b: Index) -> SSAValue:
        """Remainder of non-negative values."""
        if constant_value(b) == 1:
            return self.index(0)
        return self._binary(arith.RemSIOp, lambda x, y: x % y, a, b, None)

    def ceildiv(self, a: Index, b: int) -> SSAValue:
        return self.div(self.add(a, b - 1), b)

    def min(self, a: Index, b: Index) -> SSAValue:
        return self._binary(arith.MinSIOp, min, a, b, None)

    def max(self, a: Index, b: Index) -> SSAValue:
        return self._binary(arith.MaxSIOp, max, a, b, None)

    def compare(self, a: Index, predicate: str, b: Index) -> SSAValue:
        """`arith.cmpi` of two indices: eq, ne, slt, sle, sgt, sge."""
        return self.emit(arith.CmpiOp(self.index(a), self.index(b), predicate))

    def cast(self, value: Index, type_: Attribute) -> SSAValue:
        """An index as an integer scalar."""
        known = constant_value(value)
        if known is not None:
            return self.scalar(known, type_)
        return self.emit(arith.IndexCastOp(self.index(value), type_))

    # Control flow.

    def loop(
        self,
        lower: Index,
        upper: Index,
        step: Index,
        carried: Sequence[SSAValue],
        body: Callable[[Self, SSAValue, Sequence[SSAValue]], Sequence[SSAValue]],
        name: str | None = None,
        *,
        unroll: bool = False,
    ) -> list[SSAValue]:
        """`scf.for`; `body(builder, position, values)` gives the values for the next round; `name` is the position's. With `unroll` the
        CUDA C asks NVRTC to repeat the body."""
        block = Block(arg_types=[index, *(v.type for v in carried)])
        for argument, hint in zip(block.args, (name, *(v.name_hint for v in carried)), strict=True):
            argument.name_hint = hint
        inner = self.inner(block)
        inner.insert(scf.YieldOp(*body(inner, block.args[0], block.args[1:])))
        loop = scf.ForOp(self.index(lower), self.index(upper), self.index(step), list(carried), Region(block))
        if unroll:
            loop.attributes["unroll"] = UnitAttr()
        for result, value in zip(loop.results, carried, strict=True):
            result.name_hint = value.name_hint
        return list(self.insert(loop).results)

    def either(self, condition: SSAValue, then: Callable[[Self], None], other: Callable[[Self], None]) -> None:
        """`scf.if` on a condition that all threads share: one of the two, filled by a function each."""
        blocks = Block(), Block()
        for block, fill in zip(blocks, (then, other), strict=True):
            inner = self.inner(block)
            fill(inner)
            inner.insert(scf.YieldOp())
        self.insert(scf.IfOp(condition, [], Region(blocks[0]), Region(blocks[1])))

    def when(self, condition: SSAValue, then: Callable[[Self], None]) -> None:
        """`scf.if` without an else on a condition that all threads share."""
        block = Block()
        inner = self.inner(block)
        then(inner)
        inner.insert(scf.YieldOp())
        self.insert(scf.IfOp(condition, [], Region(block), Region()))

    def roles(self, roles: Mapping[str, tuple[int, int, Callable[[Self], None]]]) -> None:
        """`kernel.roles`: for each name warps, registers and what fills the role's body."""
        regions: list[Region] = []
        for _, _, fill in roles.values():
            block = Block()
            fill(self.inner(block))
            regions.append(Region(block))
        warps, registers = [r[0] for r in roles.values()], [r[1] for r in roles.values()]
        self.insert(kernel.RolesOp(list(roles), warps, registers, regions))
