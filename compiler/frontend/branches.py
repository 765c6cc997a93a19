"""If: the branch that constants or shapes choose takes its place; where data chooses, both become functions, one of which the host calls.

Branches whose results have different ranks, or are sequences, take what follows the node in its graph into them, so that each goes on with
its own:

    y = If(c) <then: Squeeze(x), else: Identity(x)>; z = Gemm(y, w)       ->       z = If(c) <then: Gemm(Squeeze(x), w), else: ...>

Most often only one of the two is valid ONNX; then the host checks that the condition chooses it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.ir import SSAValue

from ...dialects import dims, nn
from ...dialects.dims import Expr
from ...passes.remarks import remark_nodes
from .control import checked_results, flag_of, graphs_of_node, packed, poisoned, scalar, ssa_of, unpacked
from .deciding import undecided
from .graphs import Body, Graphs
from .node import Node
from .packing import Packing, differing
from .problems import BranchesDiffer
from .registry import Result, onnx_op
from .value import Sizes, Value

_BRANCHES = ("then_branch", "else_branch")


@onnx_op("If", note="outputs of the graph have one rank in both branches, where the condition is data")
def if_(node: Node) -> Result:
    graphs = graphs_of_node(node)
    chosen = flag_of(node.value(0), node)
    if chosen is not None:
        return checked_results(node, graphs.inlined(_BRANCHES[1 - chosen], ()), node.output_count)
    condition = scalar(node, node.data(0))
    sizes = _decided_sizes(condition)
    mark, problems = node.net.mark(), graphs.problem_count()
    branches = [_Branch.imported(node, graphs, *each) for each in zip(_BRANCHES, sizes, strict=True)]
    broken = [any(value.poisoned for value in branch.made) for branch in branches]
    if any(broken):
        if all(broken) or not branches[broken.index(True)].is_invalid:
            return poisoned(node.output_count)
        graphs.forget_problems(problems)
        node.net.back_to(mark)
        valid = broken.index(False)
        return _only(node, graphs, condition, valid, sizes[valid])
    try:
        return _chosen(node, condition, branches)
    except BranchesDiffer:
        graphs.forget_problems(problems)
        node.net.back_to(mark)
        raise


@dataclass(frozen=True)
class _Branch:
    """A branch that is being imported, as a function."""

    body: Body
    made: list[Value]
    is_invalid: bool
    """Whether all that was found wrong breaks the rules of ONNX."""

    @classmethod
    def imported(cls, node: Node, graphs: Graphs, name: str, sizes: Sizes) -> _Branch:
        before = graphs.problem_count()
        body = graphs.body(name, (), sizes)
        made = checked_results(node, body.import_nodes(()), node.output_count)
        return cls(body, made, graphs.are_invalid(before))

    def tensor(self, index: int) -> SSAValue:
        """A result, which the node passes on."""
        if self.made[index].items is not None:
            raise BranchesDiffer(*self.made[index].why_no_tensor)
        return self.made[index].materialise(self.body.net)


def _chosen(node: Node, condition: SSAValue, branches: Sequence[_Branch]) -> Result:
    """The results of one of two functions, those that something reads."""
    wanted = [index for index in range(node.output_count) if node.wants(index)]
    results = [[branch.tensor(index) for index in wanted] for branch in branches]
    packings = [_packing(node, k, *pair) for k, pair in zip(wanted, zip(*results, strict=True), strict=True)]
    results = [packed(branch.body.net, values, packings) for branch, values in zip(branches, results, strict=True)]
    captures = list({id(value): value for branch in branches for value in branch.body.captured}.values())
    then, otherwise = (branch.body.finish(each, captures) for branch, each in zip(branches, results, strict=True))
    outer = [ssa_of(value) for value in captures]
    found = node.net.choose(condition, (then, otherwise), outer, [value.type for value in results[0]])
    joined = dict(zip(wanted, unpacked(node.net, found, packings), strict=True))
    return [joined.get(index, Value("", poisoned=True)) for index in range(node.output_count)]


def _only(node: Node, graphs: Graphs, condition: SSAValue, branch: int, sizes: Sizes) -> Result:
    """The one branch that is valid for these shapes; at run the host refuses a condition that would choose the other."""
    expected = 1 - branch
    flag = node.net.add_cast(condition, "i32")
    node.net.read(flag, f"{node.graph_node.label}_condition", (expected, expected, expected))
    why = f"its {_BRANCHES[1 - branch]} is not valid for these shapes, so its condition must be {bool(expected)}: checked at run"
    remark_nodes([node.graph_node.label], "missed", "import-onnx", why)
    return checked_results(node, graphs.inlined(_BRANCHES[branch], (), sizes=sizes), node.output_count)


def _packing(node: Node, index: int, then: SSAValue, otherwise: SSAValue) -> Packing | None:
    """How a result is passed on whose branches make different shapes; None where they make one."""
    if nn.element_of(then) != nn.element_of(otherwise):
        node.invalid(
            f"output {index} is of {nn.element_of(then)} in one branch, of {nn.element_of(otherwise)} in the other"
        )
    open_ = differing(then, otherwise)
    if open_ is None:
        shapes = " and ".join(f"[{', '.join(map(str, nn.shape_of(value)))}]" for value in (then, otherwise))
        what = f"output {index} has the shapes {shapes} in its branches, of different ranks"
        raise BranchesDiffer(*undecided(node.net, what, node.data(0)))
    ranges = node.net.ranges
    greatest = [
        max(a.bounds(ranges)[1], b.bounds(ranges)[1])
        for a, b in zip(nn.shape_of(then), nn.shape_of(otherwise), strict=True)
    ]
    return Packing(node, index, nn.shape_of(then), open_, greatest) if open_ else None


def _decided_sizes(condition: SSAValue) -> tuple[Sizes, Sizes]:
    """The dims that are one number where the condition holds, and where it does not: it compares a dim with a number."""
    holds, op = True, condition.owner
    while isinstance(op, nn.CastOp | nn.ReshapeOp | nn.LogicalNotOp):
        holds ^= isinstance(op, nn.LogicalNotOp)
        op = op.x.owner
    if not isinstance(op, nn.CompareOp) or op.predicate.data not in (nn.Predicate.EQ, nn.Predicate.NE):
        return {}, {}
    numbers = [_number(operand) for operand in (op.lhs, op.rhs)]
    decided = {
        extent: size
        for extent, other in (numbers, numbers[::-1])
        if extent is not None and other is not None and extent.as_int() is None and (size := other.as_int()) is not None
    }
    return (decided, {}) if holds == (op.predicate.data == nn.Predicate.EQ) else ({}, decided)


def _number(value: SSAValue) -> Expr | None:
    """The number or dim expression that shape arithmetic made a tensor of one element."""
    op = value.owner
    while isinstance(op, nn.CastOp | nn.ReshapeOp):
        op = op.x.owner
    if isinstance(op, nn.ShapeValueOp):
        return op.dims.exprs[0]
    return dims.const(int(op.array().item())) if isinstance(op, nn.ConstantOp) else None
