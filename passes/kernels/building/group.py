"""
The group of ops that a schedule is asked about.

A `GroupView` presents, in one way and without a copy of any op, a region of ops that stand in a function (while fusion asks which schedule
would take them), a `fusion.group`, and an outlined `func.FuncOp`: tensors in launch order (operands, then results) with types
and strides, the ops, the anchors. What a region reads from outside is an operand, but for numbers, which are constants of the group.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from functools import cached_property
from typing import TypeAlias, cast

from xdsl.dialects.builtin import LocationAttr, ModuleOp
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import BlockArgument, Operation, SSAValue

from ....dialects import fusion, nn
from ....dialects.dims import Expr, product
from ....dialects.kernel.marks import early_of
from ....dialects.kernel.types import GlobalType, bitwidth
from ....dialects.provenance import NAMES
from ....dialects.strided import VIEW_OPS, Axes, View, space_axes, through
from .moved_rows import MOVES, MovedRows, moved_rows

BASE_ALIGNMENT = 16
"""Bytes that divide the address of every whole tensor: what the widest vector access and TMA ask for."""
INDEX_LIMIT = 2**31 - 1
"""Kernels index with 32 bits, in elements."""
NO_ANCHOR = (nn.ConstantOp, nn.IotaOp, nn.ShapeValueOp, nn.SizeOp)
COPIES = (*VIEW_OPS, nn.ConcatOp, nn.PadOp, nn.RollOp)

Anchors = tuple[type[Operation], ...]
"""The classes of a group's anchors in order, copies left out: `()` is a group of pointwise ops and copies."""


Access: TypeAlias = View[int]
"""A tensor of the group, named by its number in launch order, seen over an iteration space."""


def is_immediate(value: SSAValue, user: Operation) -> bool:
    """Whether a constant or a size is one number that a pointwise op reads: it moves into the group, where it becomes an immediate."""
    if not isinstance(value.owner, nn.ConstantOp | nn.SizeOp) or not nn.is_pointwise(user):
        return False
    return all(d.as_int() == 1 for d in nn.shape_of(value))


class GroupView:
    """
    One scheduling unit: `ops` in order, constants first where the view made them out, which read `operands` and give `results`.

    `scope` is the op whose module the group belongs to: the group, the outlined function, or the region's last op. `kind` is the anchor's:
    conv, matmul, row, window, gather, positions or pointwise. `instead` gives values that other ops of the group make than their owners,
    `layouts` those of operands and results where they are not whole row-major tensors.
    """

    def __init__(
        self,
        scope: Operation,
        kind: str,
        ops: Sequence[Operation],
        operands: Sequence[SSAValue],
        results: Sequence[SSAValue],
        instead: Mapping[SSAValue, Operation] | None = None,
        layouts: Sequence[fusion.LayoutAttr] | None = None,
    ):
        self.op = scope
        self.kind = kind
        self.ops = tuple(ops)
        self.operands = tuple(operands)
        self.results = tuple(results)
        self.instead = dict(instead or {})
        self._layouts = layouts
        self._position = {value: i for i, value in enumerate(self.operands)}

    @classmethod
    def of(cls, op: Operation, layouts: Sequence[fusion.LayoutAttr] | None = None) -> GroupView:
        """A `fusion.group` or an outlined `func.FuncOp`; `layouts` instead of those written on it."""
        block = op.regions[0].block
        last = block.last_op
        assert isinstance(last, fusion.YieldOp | ReturnOp), f"expected a group or an outlined function, got {op.name}"
        if isinstance(op, fusion.GroupOp):
            kind = op.anchor.data
        else:
            kind = getattr(op.attributes.get(fusion.ANCHOR), "data", "pointwise")
        if layouts is None and (fusion.LAYOUTS in op.attributes or fusion.FUNCTION_LAYOUTS in op.attributes):
            layouts = fusion.layouts_of(op)
        return cls(op, kind, [o for o in block.ops if o is not last], block.args, last.operands, layouts=layouts)

    @classmethod
    def of_region(
        cls,
        kind: str,
        ops: Sequence[Operation],
        results: SSAValue | Sequence[SSAValue],
        instead: Mapping[SSAValue, Operation] | None = None,
        scope: Operation | None = None,
    ) -> GroupView:
        """
        The group that `ops`, which stand in a function in this order, would be. Operands are the values that they read from outside, in
        order of first use; a constant that one op reads as a number and another as a tensor is an operand.
        """
        inside = {r for op in ops for r in op.results} | (instead or {}).keys()
        operands: dict[SSAValue, None] = {}
        immediates: dict[SSAValue, Operation] = {}
        for op in ops:
            for operand in op.operands:
                if operand in inside:
                    continue
                if isinstance(operand.owner, Operation) and is_immediate(operand, op):
                    immediates[operand] = operand.owner
                else:
                    operands[operand] = None
        constants = [op for value, op in immediates.items() if value not in operands]
        given = [results] if isinstance(results, SSAValue) else results
        return cls(scope or ops[-1], kind, [*constants, *ops], list(operands), given, instead)

    @property
    def name(self) -> str:
        """The symbol of the outlined function; `group` before outlining."""
        return self.op.sym_name.data if isinstance(self.op, FuncOp) else "group"

    @cached_property
    def early(self) -> frozenset[int]:
        """The operands, by number, that kernels may read before the previous launch has ended; none where nothing says so."""
        return early_of(self.op) or frozenset()

    @property
    def location(self) -> LocationAttr:
        return self.op.location

    @cached_property
    def constants(self) -> tuple[Operation, ...]:
        """The numbers of the group."""
        return tuple(op for op in self.ops if isinstance(op, nn.ConstantOp | nn.SizeOp))

    @cached_property
    def result_reshapes(self) -> frozenset[Operation]:
        """Reshapes at the end of a group around a product: its result is stored with several dims in the place of one."""
        if self.kind not in ("conv", "matmul"):
            return frozenset()
        return frozenset(op for op in map(self.maker, self.results) if isinstance(op, nn.ReshapeOp))

    @cached_property
    def anchors(self) -> tuple[Operation, ...]:
        """The ops that are neither pointwise nor constants, nor gathers that serve an anchor, nor move the rows that a row op reads, nor
        moments of rows beside a product."""
        return tuple(
            o
            for o in self.ops
            if not nn.is_pointwise(o)
            and not isinstance(o, NO_ANCHOR)
            and (not self._serves(o) or o is self.gather_anchor)
            and o not in self.result_reshapes
            and not (self.kind in ("conv", "matmul") and isinstance(o, nn.MOMENTS))
            and not (self.kind == "row" and isinstance(o, MOVES))
        )

    def _serves(self, op: Operation) -> bool:
        """Whether an op is a gather that an anchor of another kind, or another gather, may read on its way."""
        return nn.is_lookup(op) or (self.kind in ("row", "gather") and nn.gathers_rows(op))

    @cached_property
    def moves(self) -> dict[SSAValue, MovedRows]:
        """The values that ops of the group, or results, read by rows that are moved."""
        read = [v for op in self.ops if not isinstance(op, MOVES) for v in op.operands]
        found = {v: moved_rows(v, self.maker) for v in (*read, *self.results)}
        return {v: moved for v, moved in found.items() if moved is not None}

    @cached_property
    def gather_anchor(self) -> Operation | None:
        """The gather that is the anchor of a group of this kind; others are loads of it, or of elements and part of the arithmetic."""
        gathers = [o for o in self.ops if isinstance(o, nn.GatherOp | nn.GatherNdOp)]
        return gathers[0] if self.kind == "gather" and gathers else None

    @cached_property
    def anchor_classes(self) -> Anchors:
        """What schedules are looked up by."""
        return tuple(type(op) for op in self.anchors if not isinstance(op, COPIES))

    def anchor(self, *classes: type[Operation]) -> Operation | None:
        """The only anchor if it is one of the classes, else None."""
        if len(self.anchors) == 1 and isinstance(self.anchors[0], classes):
            return self.anchors[0]
        return None

    def operand_index(self, value: SSAValue) -> int | None:
        """The position of an operand, None for a value that the group makes."""
        return self._position.get(value)

    @cached_property
    def _makers(self) -> dict[SSAValue, Operation]:
        return {result: op for op in self.ops for result in op.results} | self.instead

    def maker(self, value: SSAValue) -> Operation | None:
        """The op of the group that makes a value, None for an operand."""
        return self._makers.get(value)

    def comes_from(self, value: SSAValue, source: SSAValue) -> bool:
        """Whether ops of the group make a value from another one."""
        pending, seen = [value], {value}
        while pending:
            found = pending.pop()
            if found is source:
                return True
            op = self.maker(found)
            if op is not None:
                pending += [operand for operand in op.operands if operand not in seen]
                seen.update(op.operands)
        return False

    @cached_property
    def signature(self) -> Hashable:
        """What two groups must share for schedules not to tell them apart, and to be one function: all but names and locations."""
        numbers = dict(self._position)
        renamed: dict[Operation, list[SSAValue]] = {}
        for value, op in self.instead.items():
            renamed.setdefault(op, []).append(value)
        ops: list[Hashable] = []
        count = len(numbers)
        for op in self.ops:
            attributes = frozenset((k, v) for k, v in op.attributes.items() if k != NAMES)
            read = tuple(numbers[operand] for operand in op.operands)
            ops.append((op.name, frozenset(op.properties.items()), attributes, read, op.result_types))
            for result in op.results:
                numbers[result] = count
                count += 1
            numbers.update((value, numbers[op.results[0]]) for value in renamed.get(op, ()))
        types = tuple(value.type for value in self.operands)
        return self.kind, types, tuple(self.layouts), tuple(numbers[r] for r in self.results), tuple(ops)

    @cached_property
    def module(self) -> ModuleOp | None:
        parent: Operation | None = self.op
        while parent is not None and not isinstance(parent, ModuleOp):
            parent = parent.parent_op()
        return parent

    @cached_property
    def ranges(self) -> dict[str, tuple[int, int, int]]:
        """(min, opt, max) of the symbols; empty while the group is not part of a module."""
        return nn.symbol_ranges(self.module) if self.module is not None else {}

    def upper(self, expr: Expr) -> int | None:
        """The greatest value of an expression, None where a symbol has no known range."""
        try:
            return expr.bounds(self.ranges)[1]
        except KeyError:
            return None

    def may_be_zero(self, expr: Expr) -> bool:
        """Whether a size is 0 at some sizes of the dims; symbols without a range count as more."""
        known = self.ranges
        return expr.bounds({s: known.get(s, (1, 1, INDEX_LIMIT)) for s in expr.symbols()})[0] <= 0

    def usual(self, expr: Expr) -> int:
        """The value at the usual sizes (`opt` of the profile), for heuristics; a symbol without a range counts as 128."""
        return expr.evaluate({s: self.ranges[s][1] if s in self.ranges else 128 for s in expr.symbols()})

    # Tensors in launch order.

    @property
    def tensors(self) -> tuple[SSAValue, ...]:
        """Operands, then results."""
        return (*self.operands, *self.results)

    @cached_property
    def layouts(self) -> Sequence[fusion.LayoutAttr]:
        if self._layouts is not None:
            return self._layouts
        # No layouts given: whole row-major tensors, which start where an allocation does.
        return [fusion.LayoutAttr.get(align=BASE_ALIGNMENT * 8 // bitwidth(nn.element_of(v))) for v in self.tensors]

    def dims(self, tensor: int) -> tuple[Expr, ...]:
        return nn.shape_of(self.tensors[tensor])

    def strides(self, tensor: int) -> tuple[Expr, ...]:
        """Strides in elements of an operand or, counted after the operands, a result."""
        return self.layouts[tensor].strides_for(self.dims(tensor))

    def align(self, tensor: int) -> int:
        """Bytes that divide the tensor's address."""
        size = bitwidth(nn.element_of(self.tensors[tensor])) // 8
        return min(256, self.layouts[tensor].align * size)

    def result_index(self, result: int) -> int:
        """The launch position of a result."""
        return len(self.operands) + result

    def global_types(self) -> list[GlobalType]:
        """The types of a kernel's tensor arguments for this group."""
        return [
            GlobalType.of(self.dims(i), nn.element_of(v), self.strides(i), self.align(i))
            for i, v in enumerate(self.tensors)
        ]

    def too_large(self) -> str | None:
        """Why 32-bit indices do not reach all elements, or None."""
        for i in range(len(self.tensors)):
            for span in (self.whole(i).end, product(self.dims(i))):
                top = self.upper(span)
                if top is not None and top > INDEX_LIMIT:
                    return f"expected tensors of at most 2^31 elements, got up to {top} in tensor {i}; narrow the profile if it is dynamic"
        return None

    def access(self, value: SSAValue, axes: Axes, dims: Sequence[Expr], *, flat: bool = False) -> Access | None:
        """
        An operand, or a chain of view-like ops on one, seen over the iteration space `dims`; None where strides cannot say it. `flat`: the
        space is walked as one row-major line, so that a whole reshape only changes its dims.
        """
        dims = tuple(dims)
        while (
            flat
            and isinstance(op := self.maker(value), nn.ReshapeOp)
            and (nn.shape_of(value), axes) == (dims, space_axes(dims, dims))
        ):
            value = op.x
            dims = nn.shape_of(value)
            axes = space_axes(dims, dims)
        chain: list[Operation] = []
        while (tensor := self.operand_index(value)) is None:
            op = self.maker(value)
            if not isinstance(op, VIEW_OPS) or isinstance(op, nn.ReshapeOp):
                return None
            chain.append(op)
            value = op.x
        view = through(reversed(chain), self.whole(tensor))
        return None if isinstance(view, str) else view.over(axes, dims)

    def whole(self, tensor: int) -> Access:
        """A tensor, seen over its own dims."""
        return Access(tensor, self.dims(tensor), self.strides(tensor))

    def result_access(self, result: int) -> Access:
        """A result, seen over its own dims."""
        return self.whole(self.result_index(result))


def owner_op(value: SSAValue) -> Operation | None:
    """The op that makes a value, None for a block argument."""
    return None if isinstance(value, BlockArgument) else cast(Operation, value.owner)
