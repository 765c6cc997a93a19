"""
What a schedule is, and the group that it schedules.

A `Group` presents a `fusion.group` (while fusion asks who would take it) and an outlined `func.FuncOp` (afterwards) in one way: tensors in
launch order (operands, then results) with types and strides, the body's ops, the anchor. A schedule says whether it accepts a group,
which choices it has, best first, and builds the kernel IR of one choice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Protocol, TypeAlias, cast, runtime_checkable

from xdsl.dialects.builtin import IntAttr, LocationAttr, ModuleOp, StringAttr
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, BlockArgument, Operation, SSAValue

from ....dialects import fusion, kernel, nn
from ....dialects.dims import Expr, product
from ....dialects.kernel.types import Choice, GlobalType, Target, bitwidth
from ....dialects.strided import VIEW_OPS, Axes, View, space_axes, through

BASE_ALIGNMENT = 16
"""Bytes that divide the address of every whole tensor: what the widest vector access and TMA ask for."""
INDEX_LIMIT = 2**31 - 1
"""Kernels index with 32 bits, in elements."""
NO_ANCHOR = (nn.ConstantOp, nn.IotaOp, nn.ShapeValueOp)


Access: TypeAlias = View[int]
"""A tensor of the group, named by its number in launch order, seen over an iteration space."""


class Group:
    """One scheduling unit. `op` is an outlined `func.FuncOp` or a `fusion.GroupOp`."""

    def __init__(self, op: Operation):
        self.op = op
        self.block = op.regions[0].block
        last = self.block.last_op
        assert isinstance(last, fusion.YieldOp | ReturnOp), f"expected a group or an outlined function, got {op.name}"
        self.arguments: tuple[BlockArgument, ...] = tuple(self.block.args)
        self.ops: tuple[Operation, ...] = tuple(o for o in self.block.ops if o is not last)
        self.results: tuple[SSAValue, ...] = tuple(last.operands)

    @classmethod
    def of(cls, op: Operation | Group) -> Group:
        return op if isinstance(op, Group) else cls(op)

    @property
    def name(self) -> str:
        """The symbol of the outlined function; `group` before outlining."""
        return self.op.sym_name.data if isinstance(self.op, FuncOp) else "group"

    @property
    def location(self) -> LocationAttr:
        return self.op.location

    @cached_property
    def kind(self) -> str:
        """The anchor's kind: conv, matmul, row, window, gather or pointwise."""
        if isinstance(self.op, fusion.GroupOp):
            return self.op.anchor.data
        return getattr(self.op.attributes.get(fusion.ANCHOR), "data", "pointwise")

    @cached_property
    def anchors(self) -> tuple[Operation, ...]:
        """The ops that are neither pointwise nor constants."""
        return tuple(o for o in self.ops if not nn.is_pointwise(o) and not isinstance(o, NO_ANCHOR))

    def anchor(self, *classes: type[Operation]) -> Operation | None:
        """The only anchor if it is one of the classes, else None."""
        if len(self.anchors) == 1 and isinstance(self.anchors[0], classes):
            return self.anchors[0]
        return None

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

    def usual(self, expr: Expr) -> int:
        """The value for the most usual sizes (`opt`), for heuristics; a symbol without a range counts as 128."""
        return expr.evaluate({s: self.ranges[s][1] if s in self.ranges else 128 for s in expr.symbols()})

    # Tensors in launch order.

    @property
    def tensors(self) -> tuple[SSAValue, ...]:
        """Operands, then results."""
        return (*self.arguments, *self.results)

    @cached_property
    def layouts(self) -> list[fusion.LayoutAttr]:
        listed = self.op.attributes.get(fusion.LAYOUTS, self.op.attributes.get(fusion.FUNCTION_LAYOUTS))
        if listed is not None:
            return fusion.layouts_of(self.op)
        # Nothing said: whole row-major tensors, which start where an allocation does.
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
        return len(self.arguments) + result

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
            and isinstance(value.owner, nn.ReshapeOp)
            and (nn.shape_of(value), axes) == (dims, space_axes(dims, dims))
        ):
            value = value.owner.x
            dims = nn.shape_of(value)
            axes = space_axes(dims, dims)
        chain: list[Operation] = []
        while not isinstance(value, BlockArgument):
            op = cast(Operation, value.owner)
            if not isinstance(op, VIEW_OPS) or isinstance(op, nn.ReshapeOp):
                return None
            chain.append(op)
            value = op.x
        view = through(reversed(chain), self.whole(value.index))
        return None if isinstance(view, str) else view.over(axes, dims)

    def whole(self, tensor: int) -> Access:
        """A tensor, seen over its own dims."""
        return Access(tensor, self.dims(tensor), self.strides(tensor))

    def result_access(self, result: int) -> Access:
        """A result, seen over its own dims."""
        return self.whole(self.result_index(result))


class Schedule(Protocol):
    """How one family of groups becomes kernels."""

    @property
    def name(self) -> str: ...

    def accepts(self, group: Group, target: Target) -> str | None:
        """None if this schedule can run the group, else the reason in words."""
        ...

    def candidates(self, group: Group, target: Target) -> list[Choice]:
        """Choices for an accepted group, best first; never empty."""
        ...

    def lower(self, group: Group, choice: Choice, target: Target) -> list[kernel.FuncOp]:
        """The launches, named as the group (then name_stage1, ...), of the operands, the results, then the choice's workspace."""
        ...


@runtime_checkable
class TakesWorkspace(Protocol):
    """A schedule whose launches hand tensors on."""

    def workspace(self, group: Group, tunables: Mapping[str, int | str]) -> Sequence[GlobalType]:
        """The tensors between the launches, row-major, undefined before the first launch and of no use after the last."""
        ...


def target_of(attribute: Attribute | None) -> Target:
    """The module's target; without one (tests, tools) a plain sm_80."""
    return attribute if isinstance(attribute, Target) else default_target()


def default_target() -> Target:
    return Target(StringAttr("sm_80"), IntAttr(108), IntAttr(166912))


def owner_op(value: SSAValue) -> Operation | None:
    """The op that makes a value, None for a block argument."""
    return None if isinstance(value, BlockArgument) else cast(Operation, value.owner)
