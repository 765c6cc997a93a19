"""`eliminate-transposes`: chooses one dim order for every chain of ops that work in any order, so that transposes can be removed.

    %1 = nn.transpose %0 {permutation = array<i64: 0, 3, 1, 2>}      // NHWC -> NCHW, after a conv
    %2 = nn.relu %1
    %3 = nn.add %2, %bias : (tensor<1x8x4x4xf32>, tensor<8x1x1xf32>)
    %4 = nn.transpose %3 {permutation = array<i64: 0, 2, 3, 1>}      // NCHW -> NHWC, before the next one
  becomes
    %2 = nn.relu %0
    %3 = nn.add %2, %bias' : (tensor<1x4x4x8xf32>, tensor<8xf32>)

Values that ops with a layout rule (layout_rules.py) or transposes connect form a component. Each value of it is stored as
`transpose(value, s)`, and the `s` of one value decides all others, since a transpose only shifts it: a union-find with an offset.
A component costs the elements of those values that cross its border (defined or used by an op that fixes the layout) with an `s`
that moves more than dims of size 1; the cheapest `s` wins, and the present order wins ties. Transposes inside are removed; those on the
border are made anew, one per value. Broadcast constants are permuted at once, other broadcast operands by a reshape or transpose.

Products with one matrix and layer-norms work on rows: they follow where the last dim stays the last. They connect the components around
them, all those of one larger component or none, where that costs less: a network whose tokens come before its images keeps them so.

Values keep their ONNX name with the order appended: `relu_0@0,2,3,1` is `relu_0` transposed by (0, 2, 3, 1).
Not done: moving a transpose through a reshape, or mixed orders within a component. Linear in the number of ops.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from math import inf
from typing import ClassVar, cast

from xdsl.context import Context
from xdsl.dialects.builtin import BoolAttr, LocationAttr, ModuleOp
from xdsl.ir import Attribute, Block, Operation, SSAValue
from xdsl.passes import ModulePass

from ...dialects import nn
from ...dialects.dims import Expr, const
from ...dialects.nn import rank_of, shape_of
from ...dialects.provenance import fuse, get_names, helper_location, is_unknown, location_parts, set_names
from ..remarks import forget_remarks, is_collecting, remark, remark_count
from . import editing
from .layout_rules import Rule, permuted_properties, rule_of, rule_of_rows
from .permutations import Permutation, apply, compose, identity, inverse, is_identity, moves_only_units, ordered_name

NAME = "eliminate-transposes"
_UNKNOWN_SIZE = 64
"""Elements assumed for a dim whose symbol has no range."""
_CHEAPEST = "fewer elements cross here than at the ops that fix the order of dims"


Cost = tuple[float, int]
"""Elements that cross the border of a component in another order, and the values that they belong to."""
_IMPOSSIBLE: Cost = (inf, 0)


def _permutation(op: nn.TransposeOp) -> Permutation:
    return nn.values_of(op.permutation)


@dataclass
class _Components:
    """Union-find over values: `s(value) = offset[value] after s(parent[value])`."""

    parent: dict[SSAValue, SSAValue] = field(default_factory=dict)
    offset: dict[SSAValue, Permutation] = field(default_factory=dict)
    size: dict[SSAValue, int] = field(default_factory=dict)

    def add(self, value: SSAValue) -> None:
        if value not in self.parent:
            self.parent[value] = value
            self.offset[value] = identity(rank_of(value))
            self.size[value] = 1

    def find(self, value: SSAValue) -> tuple[SSAValue, Permutation]:
        """The root of a value and the offset from it."""
        path: list[SSAValue] = []
        while self.parent[value] is not value:
            path.append(value)
            value = self.parent[value]
        total = self.offset[value]
        for step in reversed(path):
            total = compose(self.offset[step], total)
            self.parent[step], self.offset[step] = value, total
        return value, total

    def tie(self, a: SSAValue, b: SSAValue, shift: Permutation) -> bool:
        """Require `s(b) = shift after s(a)`; False if that contradicts what was tied before."""
        self.add(a)
        self.add(b)
        (root_a, offset_a), (root_b, offset_b) = self.find(a), self.find(b)
        if root_a is root_b:
            return compose(shift, offset_a) == offset_b
        to_b = compose(compose(inverse(offset_b), shift), offset_a)
        if self.size[root_a] < self.size[root_b]:
            root_a, root_b, to_b = root_b, root_a, inverse(to_b)
        self.parent[root_b], self.offset[root_b] = root_a, to_b
        self.size[root_a] += self.size[root_b]
        return True


@dataclass
class _Plan:
    """What the pass decided for one block."""

    components: _Components
    rules: dict[Operation, Rule]
    absorbed: set[Operation]
    """Transposes inside a component."""
    chosen: dict[SSAValue, Permutation] = field(default_factory=dict)
    """The `s` of each component's root."""
    costs: dict[SSAValue, Cost] = field(default_factory=dict)
    """What the chosen `s` costs."""
    rows: dict[SSAValue, list[SSAValue]] = field(default_factory=dict)
    """For each root the results of its ops on rows."""

    def stored_as(self, value: SSAValue) -> Permutation:
        if value not in self.components.parent:
            return identity(rank_of(value))
        root, offset = self.components.find(value)
        return compose(offset, self.chosen.get(root, identity(len(offset))))

    def inside(self, op: Operation) -> bool:
        return op in self.rules or op in self.absorbed


def _keep_reduced_dims(block: Block) -> None:
    """Let reductions keep their dims, with a reshape after, so that they can follow any order."""
    for op in list(block.ops):
        if isinstance(op, nn.ReduceOp) and rank_of(op.results[0]) != rank_of(op.operands[0]):
            axes = set(nn.values_of(op.axes))
            kept = [const(1) if i in axes else d for i, d in enumerate(shape_of(op.operands[0]))]
            ty = nn.tensor_type(kept, nn.element_of(op.results[0]))
            new = editing.rebuilt(op, op.operands, [ty], {"keepdims": BoolAttr.from_bool(True)})
            editing.insert_before(op, new)
            reshape = nn.ReshapeOp(new.results[0], shape_of(op.results[0]))
            editing.insert_before(op, reshape, location=helper_location("reshape", op.location))
            set_names(reshape, get_names(op))
            op.results[0].replace_all_uses_with(reshape.results[0])
            editing.erase_unused([op])


def _connect(block: Block, constants: set[SSAValue], rows: Mapping[Operation, Rule]) -> _Plan:
    """The components of a block, also through the ops of `rows`, which need the last dim."""
    plan = _Plan(_Components(), {}, set())
    through: list[SSAValue] = []
    for op in block.ops:
        if not op.results or op.results[0] in constants:
            continue
        if isinstance(op, nn.TransposeOp):
            if plan.components.tie(op.operands[0], op.results[0], inverse(_permutation(op))):
                plan.absorbed.add(op)
            else:
                remark(op, "missed", NAME, "kept: the same value is needed in both orders by one chain of ops")
            continue
        rule = rows.get(op) or rule_of(op)
        if rule is None or rank_of(op.results[0]) < 2:
            continue
        unit = identity(rank_of(op.results[0]))
        tied = [i for i in rule.tied if op.operands[i] not in constants]
        plan.components.add(op.results[0])
        if all(plan.components.tie(op.operands[i], op.results[0], unit) for i in tied):
            plan.rules[op] = rule
            if op in rows:
                through.append(op.results[0])
        else:
            remark(op, "missed", NAME, "fixes the order of its dims: it reads one value in two orders")
    for value in through:
        plan.rows.setdefault(plan.components.find(value)[0], []).append(value)
    return plan


def _planned(block: Block, sizes: dict[str, int]) -> _Plan:
    """The components and their orders: connected through ops on rows where that costs less than components that end at them. Only of
    these are there remarks, not of those that they are compared with."""
    constants = editing.fed_by_constants_only(block)
    before_all = remark_count()
    apart = _connect(block, constants, {})
    of_apart = remark_count()
    _choose(apart, sizes)
    rules = {op: rule_of_rows(op) for op in block.ops if op.results and op.results[0] not in constants}
    rows = {op: rule for op, rule in rules.items() if rule is not None}
    if not rows:
        return apart
    joined = _connect(block, constants, rows)
    _choose(joined, sizes)
    forget_remarks(of_apart)
    before: dict[SSAValue, Cost] = defaultdict(lambda: (0.0, 0))
    for root, (elements, count) in apart.costs.items():
        whole = joined.components.find(root)[0]
        before[whole] = before[whole][0] + elements, before[whole][1] + count
    kept: dict[Operation, Rule] = {}
    for root, results in joined.rows.items():
        if joined.costs.get(root, (0.0, 0)) < before[root]:
            kept.update((cast(Operation, value.owner), rows[cast(Operation, value.owner)]) for value in results)
    if not kept:
        return apart
    forget_remarks(before_all)
    plan = _connect(block, constants, kept)
    _choose(plan, sizes)
    return plan


def _elements(dims: tuple[Expr, ...], sizes: dict[str, int]) -> int:
    total = 1
    for dim in dims:
        value = dim.as_int()
        total *= dim.evaluate(defaultdict(lambda: _UNKNOWN_SIZE, sizes)) if value is None else value
    return total


def _on_border(value: SSAValue, plan: _Plan) -> bool:
    if not isinstance(value.owner, Operation) or not plan.inside(value.owner):
        return True
    return any(not plan.inside(use.operation) for use in value.uses)


def _choose(plan: _Plan, sizes: dict[str, int]) -> None:
    border: dict[SSAValue, list[tuple[Permutation, SSAValue]]] = defaultdict(list)
    for value in plan.components.parent:
        root, offset = plan.components.find(value)
        if _on_border(value, plan):
            border[root].append((offset, value))

    for root, items in border.items():
        last = {plan.components.find(value)[1] for value in plan.rows.get(root, ())}
        candidates = dict.fromkeys([identity(rank_of(root)), *(inverse(offset) for offset, _ in items)])
        costs = {s: _cost(s, items, last, sizes) for s in candidates}
        plan.chosen[root] = min(costs, key=costs.__getitem__)
        plan.costs[root] = costs[plan.chosen[root]]


def _cost(
    s: Permutation, border: Sequence[tuple[Permutation, SSAValue]], last: Set[Permutation], sizes: dict[str, int]
) -> Cost:
    """Of a component with this `s`, whose values of the offsets `last` must keep their last dim."""
    if any(compose(offset, s)[-1] != len(s) - 1 for offset in last):
        return _IMPOSSIBLE
    elements = count = 0
    for offset, value in border:
        order = compose(offset, s)
        if not is_identity(order):
            count += 1
            if not moves_only_units(shape_of(value), order):
                elements += _elements(shape_of(value), sizes)
    return elements, count


@dataclass
class _Rewriter:
    """Walks a block once and rebuilds what is stored in another order."""

    plan: _Plan
    stored: dict[SSAValue, SSAValue] = field(default_factory=dict)
    """Values of components as they are stored now."""
    plain: dict[SSAValue, SSAValue] = field(default_factory=dict)
    """The same values in their own order, for ops that fix it."""
    dead: list[Operation] = field(default_factory=list)
    inherited: dict[Operation, list[LocationAttr]] = field(default_factory=dict)
    """The locations of absorbed transposes, still to be added to their operands' ops: all at once, since one value may have many."""

    moved: set[Attribute] = field(default_factory=set)
    """The locations of the nodes of which an op that only rearranges stays."""

    def inherit(self, kept: SSAValue, transpose: Operation) -> None:
        """What replaces a transpose also comes from its nodes, and stands for its tensor if it has no name yet. An op that computes
        is left out of nodes of which something else stays: these are there."""
        if isinstance(kept.owner, Operation):
            parts = location_parts(transpose.location) or (transpose.location,)
            if nn.rearranges(kept.owner) or self.moved.isdisjoint(parts):
                self.inherited.setdefault(kept.owner, []).append(transpose.location)
            else:
                left = [cast(LocationAttr, part) for part in parts if part not in self.moved]
                self.inherited.setdefault(kept.owner, []).extend(left)
            _name(kept, transpose.results[0], self.plan.stored_as(transpose.results[0]))

    def helper_location(self, new: Operation, value: SSAValue, before: Operation) -> LocationAttr:
        """Of an op that stores `value` in another order: a helper of what makes it, or of what reads it where it is an input."""
        if isinstance(value.owner, Operation):
            self.settle(value.owner)
        made = editing.location_of([value])
        return helper_location(new.name.partition(".")[2], before.location if is_unknown(made) else made)

    def settle(self, op: Operation) -> None:
        """Gives an op the locations that it has inherited."""
        if (locations := self.inherited.pop(op, None)) is not None:
            op.location = fuse(op.location, *locations)

    def transposed(self, value: SSAValue, p: Permutation, before: Operation, of: SSAValue) -> SSAValue:
        """`value` transposed by `p`, as a reshape where only dims of size 1 move: a helper of what makes `of`."""
        dims = shape_of(value)
        if is_identity(p):
            return value
        if moves_only_units(dims, p):
            new: Operation = nn.ReshapeOp(value, apply(p, dims))
        else:
            new = nn.TransposeOp(value, p)
        return editing.insert_before(before, new, location=self.helper_location(new, of, before)).results[0]

    def stored_value(self, value: SSAValue, before: Operation) -> SSAValue:
        if value in self.stored:
            return self.stored[value]
        s = self.plan.stored_as(value)
        self.stored[value] = self.transposed(value, s, before, value)
        _name(self.stored[value], value, s)
        return self.stored[value]

    def plain_value(self, value: SSAValue, before: Operation) -> SSAValue:
        owner = value.owner
        if not isinstance(owner, Operation) or not self.plan.inside(owner):
            return value
        if value not in self.plain:
            s = self.plan.stored_as(value)
            self.plain[value] = self.transposed(self.stored[value], inverse(s), before, value)
            _name(self.plain[value], value, identity(len(s)))
        return self.plain[value]

    def aligned(self, value: SSAValue, s: Permutation, before: Operation, strip: bool) -> SSAValue:
        """An operand that is not tied, ordered to fit a result stored by `s`; constants are permuted at once."""
        value = self.plain_value(value, before)
        dims = shape_of(value)
        if is_identity(s) or all(d.as_int() == 1 for d in dims):
            return value
        padded = [const(1)] * (len(s) - len(dims)) + list(dims)
        array = nn.value_of(value, "the same numbers in another order")
        if array is not None:
            array = array.reshape((1,) * (len(s) - array.ndim) + array.shape).transpose(s)
            while strip and array.ndim > 1 and array.shape[0] == 1:
                array = array[0]
            return editing.constant_before(before, array, editing.label_of(value))
        result = apply(s, padded)
        if strip and editing.depends_on_initializers(value):
            while len(result) > 1 and result[0].as_int() == 1:
                result = result[1:]
        if not moves_only_units(padded, s):
            if len(padded) > len(dims):
                where = helper_location("reshape", before.location)
                value = editing.insert_before(before, nn.ReshapeOp(value, padded), location=where).results[0]
            value = self.transposed(value, s, before, value)
        if shape_of(value) == tuple(result):
            return value
        new = nn.ReshapeOp(value, result)
        return editing.insert_before(before, new, location=self.helper_location(new, value, before)).results[0]

    def follow(self, op: Operation, rule: Rule) -> None:
        """Rebuild a following op on stored operands."""
        result = op.results[0]
        s = self.plan.stored_as(result)
        operands = list(op.operands)
        followed = [i for i in rule.tied if op.operands[i] in self.plan.components.parent]
        # Leading dims of size 1 may go from a constant only where another operand gives the result its rank.
        strip = nn.is_pointwise(op) and bool(followed)
        for index, operand in enumerate(op.operands):
            if index in followed:
                operands[index] = self.stored_value(operand, op)
            elif index in rule.tied or index in rule.broadcast:
                operands[index] = self.aligned(operand, s, op, strip)
            else:
                operands[index] = self.plain_value(operand, op)
        if is_identity(s):
            op.operands = operands
            self.stored[result] = self.plain[result] = result
            return
        ty = nn.tensor_type(apply(s, shape_of(result)), nn.element_of(result))
        new = editing.rebuilt(op, operands, [ty], permuted_properties(op, rule, s))
        editing.insert_before(op, new)
        self.stored[result] = new.results[0]
        _name(new.results[0], result, s)
        self.dead.append(op)

    def run(self, block: Block) -> None:
        for op in block.ops:
            if nn.rearranges(op) and op not in self.plan.absorbed:
                self.moved.update(location_parts(op.location) or (op.location,))
        for op in list(block.ops):
            if op in self.plan.absorbed:
                self.stored[op.results[0]] = self.stored_value(op.operands[0], op)
                self.inherit(self.stored[op.results[0]], op)
                self.dead.append(op)
            elif op in self.plan.rules:
                self.follow(op, self.plan.rules[op])
            elif any(operand in self.plan.components.parent for operand in op.operands):
                op.operands = [self.plain_value(operand, op) for operand in op.operands]
        for op in list(self.inherited):
            self.settle(op)
        editing.erase_unused(self.dead)


def _name(new: SSAValue, old: SSAValue, s: Permutation) -> None:
    if new is old or not isinstance(old.owner, Operation) or not isinstance(new.owner, Operation):
        return
    name = get_names(old.owner)[old.owner.results.index(old)]
    if name and len(new.owner.results) == 1 and not get_names(new.owner)[0]:
        set_names(new.owner, [ordered_name(name, s)])


def _explain(block: Block) -> None:
    """A remark on each transpose that is left, but for those of constants."""
    constants = editing.fed_by_constants_only(block) if is_collecting() else set[SSAValue]()
    for op in block.ops:
        if not isinstance(op, nn.TransposeOp) or op.result in constants:
            continue
        maker = op.x.owner
        around = [maker] if isinstance(maker, Operation) else []
        around += [use.operation for use in op.result.uses]
        fixed = sorted({each.name for each in around if not isinstance(each, nn.TransposeOp) and rule_of(each) is None})
        if not isinstance(maker, Operation):
            fixed.append("an argument")
        why = f"{', '.join(fixed)} fix{'es' if len(fixed) == 1 else ''} the order of dims" if fixed else _CHEAPEST
        remark(op, "missed", NAME, f"kept: {why}")


def _count(block: Block) -> int:
    return sum(isinstance(op, nn.TransposeOp) for op in block.ops)


@dataclass(frozen=True)
class EliminateTransposesPass(ModulePass):
    """Remove transposes between ops that work in any order of dims."""

    name = NAME
    numerics: ClassVar[str] = "exact"
    LOSES: ClassVar[str] = "the transposes cancel"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        sizes = {name: opt for name, (_, opt, _) in nn.symbol_ranges(op).items()}
        for func in editing.functions(op):
            block = func.body.block
            before = _count(block)
            if not before:
                continue
            _keep_reduced_dims(block)
            _Rewriter(_planned(block, sizes)).run(block)
            _explain(block)
            remark(func, "applied", NAME, f"{before} transposes before, {_count(block)} after")
