"""`fold-norms`: rows are normalised by the products that read them, with moments that the product before stores beside them.

    %x = nn.add %p, %r                                     %x = nn.add %p, %r
    %n = nn.layer_norm %x, %scale, %bias                   %m = nn.row_moments %x
    %y = nn.matmul %n, %w {transpose_b}         ->         %q = nn.matmul %x, %w' {transpose_b}       // w' = w * scale, rounded
                                                           %a = nn.apply_moments %q, %m shift %u      // u = sums of w' over K
                                                           %y = nn.add %a, %v                         // v = sums of w * bias

since the mean and the deviation of a row are one number for all of its products. %m becomes a result of the group of %p, and all that
follows %q part of that product's epilogue, so that the launch between them goes. Where beside products one op of a product's epilogue reads
%n, such as the residual sum of a post-norm network, it normalises %x itself. A norm with a scale alone, or none, and RMS normalisation are
folded likewise; v goes into a bias that follows.

Rounding: x, w' and the sums of w' are what the product multiplies, so that a row's mean cancels as exactly as f32 sums are; %q stays f32.
%n is never rounded. Therefore rows and weights must be stored as f16 or bf16 to start with: in f32 the digits that a large mean takes are
missed. Weights whose product with the scale leaves the range of their type are left alone, by `known_numbers`, which marks those that a
refit may bring.

A decision between prices: the launch of the norm and the products around it, or these with more work in their epilogues. Refused, with a
remark, where no product computes the rows (an embedding, a concat) or anything else reads %n. Linear.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, f32
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter

from ...dialects import nn
from ...dialects.dims import const
from ...dialects.nn import element_of, multiplied_in, rank_of, shape_of
from ...dialects.provenance import fuse, get_names, helper_location, set_names
from ..graph.editing import computed_functions, erase_unused, fed_by_constants_only, per_channel, rebuilt
from ..graph.known_numbers import KnownNumbers
from ..kernels.building.group import GroupView
from ..kernels.cost.decision import decide, preferred
from ..kernels.schedules.competition import Prices
from ..kernels.schedules.matching import Matcher
from ..remarks import remark
from .fuse_groups import TARGET
from .norms import Norm, Readers, norm_of, parts_of, readers_of, refuse_rows, region_with
from .regions import Growth
from .results import results_of
from .storage import answer_of, price_of

NAME = "fold-norms"
FOLDED, APART = "in the products", "a launch of its own"


@dataclass
class Product:
    """A product that reads rows in place of their normalisation, with the ops after it. All are detached."""

    old: nn.MatmulOp
    replaced: Operation
    """What `ops` stand for: the old product, or the bias after it."""
    weights: list[Operation] = field(default_factory=list[Operation])
    ops: list[Operation] = field(default_factory=list[Operation])

    @property
    def result(self) -> SSAValue:
        return self.ops[-1].results[0]

    @property
    def olds(self) -> list[Operation]:
        """The old product, and the bias after it where `ops` stand for that too."""
        return list(dict.fromkeys([self.old, self.replaced]))

    def weight(self, op: Operation) -> SSAValue:
        """An op on weights alone."""
        self.weights.append(op)
        return op.results[0]

    def drop(self) -> None:
        """Erase all that was built."""
        for op in reversed([*self.weights, *self.ops]):
            op.erase()

    def put(self) -> None:
        """Take the place of the old product."""
        Rewriter.insert_op([*self.weights, *self.ops], InsertPoint.before(self.replaced))
        nn.copy_stored(self.replaced, self.ops[-1])
        set_names(self.ops[-1], get_names(self.replaced))
        self.replaced.results[0].replace_all_uses_with(self.result)
        erase_unused(self.olds)


@dataclass
class Plan:
    """A norm that is folded."""

    norm: Norm
    readers: Readers
    moments: nn.RowMomentsOp
    products: list[Product] = field(default_factory=list[Product])

    def drop(self) -> None:
        """Erase all that was built."""
        for product in self.products:
            product.drop()
        self.moments.erase()

    def apply(self) -> None:
        """Rewrite the block."""
        maker = self.moments.x.owner
        assert isinstance(maker, Operation)
        Rewriter.insert_op(self.moments, InsertPoint.after(maker))
        for product in self.products:
            product.put()
        if self.readers.other is not None:
            chain = _normalised(self.norm, self.moments)
            Rewriter.insert_op(chain, InsertPoint.before(self.readers.other))
            self.norm.value.replace_all_uses_with(chain[-1].results[0])
        erase_unused(self.norm.ops)


def _applied(norm: Norm, x: SSAValue, moments: nn.RowMomentsOp, shift: SSAValue | None = None) -> nn.ApplyMomentsOp:
    columns = moments.columns.value.data
    return nn.ApplyMomentsOp(x, moments, shift, columns=columns, epsilon=norm.epsilon, centred=norm.centred)


def _normalised(norm: Norm, moments: nn.RowMomentsOp) -> list[Operation]:
    """Ops that normalise the rows where one op reads them."""
    ops: list[Operation] = []

    def wide(value: SSAValue) -> SSAValue:
        if element_of(value) != f32:
            ops.append(nn.CastOp(value, f32))
            value = ops[-1].results[0]
        return value

    ops.append(_applied(norm, wide(moments.x), moments))
    for kind, parameter in ((nn.MulOp, norm.scale), (nn.AddOp, norm.bias)):
        if parameter is not None:
            value = ops[-1].results[0]
            ops.append(kind(value, wide(parameter)))
    if element_of(norm.value) != f32:
        ops.append(nn.CastOp(ops[-1].results[0], element_of(norm.value)))
    assert isinstance(norm.value.owner, Operation)
    location = fuse(*(each.location for each in norm.ops))
    for op in ops:
        op.location = helper_location("norm", location) if nn.rearranges(op) else location
        if element_of(op.results[0]) == f32:
            nn.copy_stored(norm.value.owner, op)
    return ops


@dataclass
class _Folding:
    """The norms of one block."""

    growth: Growth
    matcher: Matcher
    prices: Prices
    refittable: bool

    def run(self) -> None:
        plans: list[Plan] = []
        constants = set(self.growth.constants)
        for op in self.growth.block.ops:
            norm = norm_of(op, constants) if op.results and op.results[0] not in constants else None
            if norm is None:
                continue
            plan = self._plan(norm)
            if isinstance(plan, str):
                remark(op, "missed", NAME, f"not folded into the products after it: {plan}")
            else:
                plans.append(plan)
        for plan in plans:
            count = len(plan.products)
            also = ", and normalised where it is added" if plan.readers.other is not None else ""
            remark(plan.moments, "applied", NAME, f"{plan.norm.op.name} folded into {count} nn.matmul after it{also}")
            plan.apply()

    def _plan(self, norm: Norm) -> Plan | str:
        """How a norm is folded, or why it is not."""
        if (why := refuse_rows(norm)) is not None:
            return why
        readers = readers_of(norm, self.growth)
        if isinstance(readers, str):
            return readers
        region = region_with(norm.x, self.growth)
        if region is None:
            return "no product computes its rows"
        length = next(length for length, value in region.cuts if value is norm.x)
        ops = self.growth.in_order([region.anchor, *region.epilogue[:length]])
        moments = self._moments(norm, ops)
        plan, numbers = Plan(norm, readers, moments), KnownNumbers(NAME, self.refittable)
        for old in readers.products:
            product = _scaled(norm, old, numbers)
            if product is None:
                plan.drop()
                return "its scale does not go into their weights"
            _after(product, norm, moments, self.growth.constants)
            plan.products.append(product)
            self.growth.constants.update(op.results[0] for op in product.weights)
        why = self._refuse(plan, ops)
        if why is not None:
            self.growth.constants.difference_update(op.results[0] for p in plan.products for op in p.weights)
            plan.drop()
        return why or plan

    def _moments(self, norm: Norm, ops: list[Operation]) -> nn.RowMomentsOp:
        """The moments of the rows, of as many columns as the product that computes these stores them of at the lowest price."""
        made = [nn.RowMomentsOp(norm.x, part) for part in parts_of(norm)]
        chosen = made[preferred([self._price([_with_moments(ops, norm.x, op)]) for op in made])]
        for op in made:
            if op is not chosen:
                op.erase()
        chosen.location = norm.op.location
        return chosen

    def _refuse(self, plan: Plan, ops: list[Operation]) -> str | None:
        """Why a plan is not taken: a schedule refuses, or the price is higher. `ops` compute the rows."""
        norm = plan.norm
        views = [
            _with_moments(ops, norm.x, plan.moments),
            *(GroupView.of_region("matmul", p.ops, p.result, scope=p.old) for p in plan.products),
        ]
        for view in views:
            _, answer = answer_of(view, view.operands, self.growth.constants, self.matcher)
            if answer.schedule is None:
                return f"no schedule accepts it: {answer.why}"
        before = [
            GroupView.of_region("matmul", ops, results_of(ops, norm.x)),
            GroupView.of_region("row", norm.ops, norm.value),
            *(GroupView.of_region("matmul", p.olds, p.replaced.results[0]) for p in plan.products),
        ]
        columns = plan.moments.columns.value.data
        costs = {f"{FOLDED}, by {columns} columns": self._price(views), APART: self._price(before)}
        # The products are those of both sides, so their errors cancel; what differs is fitted.
        decision = decide(norm.op.name.partition(".")[2], costs, 0.0)
        if decision.chosen == APART:
            return str(decision)
        remark(norm.op, "analysis", NAME, str(decision))
        return None

    def _price(self, views: Sequence[GroupView]) -> float:
        return sum(price_of(view, self.growth.constants, self.matcher, self.prices) for view in views)


def _with_moments(ops: list[Operation], x: SSAValue, moments: nn.RowMomentsOp) -> GroupView:
    """The group that computes rows, and stores their moments too."""
    return GroupView.of_region("matmul", [*ops, moments], [*results_of(ops, x), moments.result], scope=ops[0])


def _scaled(norm: Norm, old: nn.MatmulOp, numbers: KnownNumbers) -> Product | None:
    """The product with the scale in its weights, rounded to what it multiplies; None where they would not fit."""
    product = Product(old, old)
    weights, multiplied = old.b, multiplied_in(old)
    transposed = old.transpose_b is not None
    wide = weights if element_of(weights) == f32 else product.weight(nn.CastOp(weights, f32))
    scaled = wide if norm.scale is None else product.weight(nn.MulOp(wide, _along(product, norm.scale, transposed)))
    narrow = product.weight(nn.CastOp(scaled, multiplied))
    otherwise = f"{norm.op.name} not folded into the weights"
    if not numbers.fit(old, product.weights, otherwise, summed=(1,) if transposed else (0,)):
        return None
    read = narrow if element_of(weights) != f32 else product.weight(nn.CastOp(narrow, f32))
    new = rebuilt(old, [norm.x, read], [nn.with_element(old.result, f32)])
    nn.set_stored(new, f32)
    product.ops.append(new)
    return product


def _along(product: Product, parameter: SSAValue, transposed: bool) -> SSAValue:
    """Numbers per column of the rows, to multiply weights by, f32."""
    if element_of(parameter) != f32:
        parameter = product.weight(nn.CastOp(parameter, f32))
    dims = [shape_of(parameter)[-1] if rank_of(parameter) else const(1)]
    if not transposed:
        dims.append(const(1))
    return parameter if tuple(dims) == shape_of(parameter) else product.weight(nn.ReshapeOp(parameter, dims))


def _after(product: Product, norm: Norm, moments: nn.RowMomentsOp, constants: Collection[SSAValue]) -> None:
    """What follows the product: its rows normalised, and the bias of the norm, in the bias that follows if there is one."""
    old, new = product.old, product.ops[0]
    transposed = old.transpose_b is not None
    axes = [1 if transposed else 0]
    shift = None
    if norm.centred:
        read = (
            new.operands[1] if element_of(new.operands[1]) == f32 else product.weight(nn.CastOp(new.operands[1], f32))
        )
        shift = product.weight(nn.ReduceOp(read, "sum", axes, keepdims=False))
    product.ops.append(_applied(norm, new.results[0], moments, shift))
    if norm.bias is not None:
        wide = old.b if element_of(old.b) == f32 else product.weight(nn.CastOp(old.b, f32))
        added = product.weight(nn.MulOp(wide, _along(product, norm.bias, transposed)))
        bias = product.weight(nn.ReduceOp(added, "sum", axes, keepdims=False))
        after = old.result.get_user_of_unique_use()
        if isinstance(after, nn.AddOp) and element_of(old.result) == f32:
            other = after.rhs if after.lhs is old.result else after.lhs
            if other in constants and per_channel(other, shape_of(old.result)[-1]):
                bias = product.weight(nn.AddOp(other, bias))
                product.replaced = after
        product.ops.append(nn.AddOp(product.ops[-1].results[0], bias))
    if element_of(old.result) != f32:
        product.ops.append(nn.CastOp(product.result, element_of(old.result)))
    location = fuse(*(op.location for op in norm.ops), old.location, product.replaced.location)
    for op in (*product.weights, *product.ops):
        op.location = helper_location("norm", location) if nn.rearranges(op) else location


@dataclass(frozen=True)
class FoldNormsPass(ModulePass):
    """Normalise rows in the epilogues of the products that read them, where that costs less."""

    name = NAME
    numerics: ClassVar[str] = "changes-precision"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        target = op.attributes.get(TARGET)
        matcher, prices = Matcher(target), Prices(target)
        for func in computed_functions(op):
            block = func.body.block
            constants = fed_by_constants_only(block)
            refittable = any(isinstance(inner, nn.InitializerOp) for inner in block.ops)
            _Folding(Growth(block, constants), matcher, prices, refittable).run()
