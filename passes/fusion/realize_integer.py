"""`realize-integer`: inside groups, dequantize -> conv or matmul becomes an integer product with an i32 result.

    %a = quant.dequantize %qa, %sa                     %acc = nn.conv %qa, %qw : (i8, i8) -> i32
    %w = quant.dequantize %qw, %sw {axis = 0}    ->    %0 = quant.dequantize %acc, %s {axis = 3}     // s = sa * sw
    %0 = nn.conv %a, %w

What follows (bias, residual, activation, quantize) stays as the float epilogue of the group. The product of the scales is computed outside,
from constants. The activation must have one scale, the weights one or one per output channel. Sums of products become exact, so the pass
reassociates. If no schedule accepts the integer form, the group stays as it is, with a remark.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, i8
from xdsl.ir import BlockArgument, Operation, SSAValue
from xdsl.passes import ModulePass

from ...dialects import nn, quant
from ...dialects.fusion import GroupOp
from ...dialects.nn import element_of, rank_of
from ...dialects.provenance import fuse, get_names, set_names
from ..graph.editing import functions
from ..kernels.building.group import GroupView
from ..kernels.schedules.matching import Answer, Matcher, first_match
from ..remarks import remark

NAME = "realize-integer"


@dataclass(frozen=True)
class Product:
    """A float product of two dequantized i8 tensors in a group."""

    op: nn.ConvOp | nn.MatmulOp
    left: quant.DequantizeOp
    right: quant.DequantizeOp


def find_product(view: GroupView) -> Product | str | None:
    """The product to realize; the reason why one cannot be; or None if the group has none on dequantized tensors."""
    for op in view.ops:
        if not isinstance(op, nn.ConvOp | nn.MatmulOp):
            continue
        left, right = (view.maker(v) for v in op.operands)
        if not isinstance(left, quant.DequantizeOp) or not isinstance(right, quant.DequantizeOp):
            return None if not isinstance(left, quant.DequantizeOp) else "only one operand is quantized"
        if element_of(left.x) != i8 or element_of(right.x) != i8:
            return "its operands are not both i8"
        if left.axis is not None:
            return "its first operand has a scale per channel"
        if right.axis is not None and right.axis.value.data != _output_axis(op):
            return "the scales of its weights do not lie along the output channels"
        if rank_of(left.scale) or element_of(left.scale) != element_of(right.scale):
            return "its scales are of different element types"
        return Product(op, left, right)
    return None


def _output_axis(op: nn.ConvOp | nn.MatmulOp) -> int:
    if isinstance(op, nn.ConvOp):
        return 0
    rank = rank_of(op.b)
    return rank - 2 if op.transpose_b is not None else rank - 1


def _outside(value: SSAValue, group: GroupOp, constants: list[Operation]) -> SSAValue:
    """The value outside the group that a scale inside stands for; an immediate is cloned."""
    if isinstance(value, BlockArgument):
        return group.operands[value.index]
    clone = value.owner.clone()  # pyright: ignore[reportAttributeAccessIssue]
    constants.append(clone)
    return clone.results[0]


@dataclass(frozen=True)
class IntegerForm:
    """
    The three ops that would replace a product, in no block: `erase` them once the schedules were asked. The other ops of the group
    stay where they are.
    """

    product: Product
    scale: nn.MulOp
    accumulator: Operation
    result: quant.DequantizeOp

    @classmethod
    def of(cls, product: Product) -> IntegerForm:
        scale = nn.MulOp(product.left.scale, product.right.scale)
        accumulator = _integer_product(product.op, product.left.x, product.right.x)
        return cls(product, scale, accumulator, _dequantized(product.op, accumulator, scale.result))

    def seen_in(self, view: GroupView) -> GroupView:
        """The group with these ops instead of the product."""
        product = self.product.op
        read = {operand for op in view.ops if op is not product for operand in op.operands} | set(view.results)
        dequantizes = (self.product.left, self.product.right)
        ops: list[Operation] = []
        for op in view.ops:
            if op is product:
                ops += [self.accumulator, self.result]
            elif op not in dequantizes or op.results[0] in read:
                ops.append(op)
        read = {operand for op in ops for operand in op.operands}
        ops = [op for op in ops if not isinstance(op, nn.ConstantOp) or op.result in read]
        operands = [*(v for v in view.operands if v in read), self.scale.result]
        return GroupView(view.op, view.kind, ops, operands, view.results, {product.result: self.result})

    def erase(self) -> None:
        for op in (self.result, self.accumulator, self.scale):
            op.erase()


def as_integers(view: GroupView, matcher: Matcher) -> Answer:
    """What the schedules say about a group with a product to realize, computing on integers."""
    product = find_product(view)
    assert isinstance(product, Product)
    form = IntegerForm.of(product)
    try:
        return first_match(form.seen_in(view), matcher.target)[1]
    finally:
        form.erase()


def as_realized(view: GroupView, matcher: Matcher) -> Answer:
    """What the schedules say about a group as this pass leaves it: computing on integers, or else as it is."""
    if not isinstance(find_product(view), Product):
        return first_match(view, matcher.target)[1]
    integer = matcher.answer(view, as_integers)
    if integer.schedule is not None:
        return integer
    answer = first_match(view, matcher.target)[1]
    return replace(answer, final=answer.final and integer.final)


def integer_group(group: GroupOp, product: Product) -> tuple[GroupOp, list[Operation]]:
    """The group with its product on integers, not inserted, and the ops that compute its scale, to be inserted before it."""
    before: list[Operation] = []
    scales = [_outside(dequantize.scale, group, before) for dequantize in (product.left, product.right)]
    scale = nn.MulOp(scales[0], scales[1])
    before.append(scale)
    for op in before:
        op.location = product.op.location
    new = _with_operand(group, scale.result)
    _rewrite(new, new.block.args[-1])
    _drop_unused(new)
    return new, before


def _with_operand(group: GroupOp, extra: SSAValue) -> GroupOp:
    """A clone of the group with one more operand."""
    new = group.clone()
    new.operands = [*group.operands, extra]
    new.block.insert_arg(extra.type, len(new.block.args))
    return new


def _rewrite(group: GroupOp, scale: SSAValue) -> None:
    found = find_product(GroupView.of(group))
    assert isinstance(found, Product)
    product = found.op
    accumulator = _integer_product(product, found.left.x, found.right.x)
    accumulator.location = product.location
    result = _dequantized(product, accumulator, scale)
    result.location = fuse(product.location, found.left.location, found.right.location)
    set_names(result, get_names(product))
    group.block.insert_ops_before([accumulator, result], product)
    product.result.replace_all_uses_with(result.result)
    for op in (product, found.left, found.right):
        if all(r.first_use is None for r in op.results):
            op.detach()
            op.erase()


def _dequantized(product: nn.ConvOp | nn.MatmulOp, accumulator: Operation, scale: SSAValue) -> quant.DequantizeOp:
    axis = rank_of(product.result) - 1 if rank_of(scale) else None
    return quant.DequantizeOp(accumulator, scale, axis, element_of(product.result))


def _integer_product(op: nn.ConvOp | nn.MatmulOp, left: SSAValue, right: SSAValue) -> Operation:
    if isinstance(op, nn.MatmulOp):
        return nn.MatmulOp(left, right, transpose_b=op.transpose_b is not None)
    windows = [nn.values_of(a) for a in (op.strides, op.pads, op.dilations)]
    return nn.ConvOp(left, right, *windows, groups=op.groups.value.data)


def _drop_unused(group: GroupOp) -> None:
    for op in reversed(group.ops()):
        if isinstance(op, nn.ConstantOp) and op.result.first_use is None:
            op.detach()
            op.erase()
    used = [argument.first_use is not None for argument in group.block.args]
    group.operands = [v for v, keep in zip(group.operands, used, strict=True) if keep]
    for argument, keep in zip(list(group.block.args), used, strict=True):
        if not keep:
            group.block.erase_arg(argument)


def _dequantizes_first(group: GroupOp) -> bool:
    """Whether a dequantize stands before the first product, as one of an operand does."""
    for op in group.block.ops:
        if isinstance(op, quant.DequantizeOp | nn.ConvOp | nn.MatmulOp):
            return isinstance(op, quant.DequantizeOp)
    return False


def _realize(group: GroupOp, matcher: Matcher) -> None:
    view = GroupView.of(group)
    product = find_product(view)
    if product is None:
        return
    if isinstance(product, str):
        remark(group, "missed", NAME, f"stays in floating point: {product}")
        return
    answer = matcher.answer(view, as_integers)
    if answer.schedule is None:
        remark(group, "missed", NAME, f"stays in floating point: {answer.why}")
        return
    new, before = integer_group(group, product)
    assert group.parent is not None
    group.parent.insert_ops_before([*before, new], group)
    for old, result in zip(group.results, new.results, strict=True):
        old.replace_all_uses_with(result)
    group.detach()
    group.erase()
    remark(new, "applied", NAME, "computes on integers")


@dataclass(frozen=True)
class RealizeIntegerPass(ModulePass):
    """Compute products of quantized tensors on integers."""

    name = NAME
    numerics: ClassVar[str] = "reassociates"
    LOSES: ClassVar[str] = "part of integer arithmetic"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        matcher = Matcher(op.attributes.get("kernel.target"))
        for func in functions(op):
            for inner in list(func.body.block.ops):
                if isinstance(inner, GroupOp) and _dequantizes_first(inner):
                    _realize(inner, matcher)
