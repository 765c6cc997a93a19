"""Control flow: If, Loop, Scan. What constants or shapes decide is decided here; the rest becomes functions that the host calls."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from xdsl.ir import SSAValue

from ...dialects import dims, nn
from ...dialects.dims import Expr
from ...dialects.limits import MAX_UNROLLED_NODES
from ..network import Network
from .folding import as_int
from .node import Body, Graphs, Node, Value
from .registry import Result, onnx_op

_MOST_ITERATIONS = 2**31 - 1
"""What exporters write as the count of a loop that only a condition ends is at least this."""


@onnx_op("If", note="branches of equal shapes, where the condition is data")
def if_(node: Node) -> Result:
    graphs = graphs_of_node(node)
    chosen = _flag(node.value(0), node)
    if chosen is not None:
        return checked_results(node, graphs.inlined("then_branch" if chosen else "else_branch", ()), node.output_count)
    bodies = [graphs.body(name, ()) for name in ("then_branch", "else_branch")]
    made = [checked_results(node, body.import_nodes(()), node.output_count) for body in bodies]
    if any(value.poisoned for values in made for value in values):
        return poisoned(node.output_count)
    results = [[v.materialise(body.net) for v in values] for body, values in zip(bodies, made, strict=True)]
    for index, (then, otherwise) in enumerate(zip(*results, strict=True)):
        _check_branches(node, index, then, otherwise)
    captures = list({id(value): value for body in bodies for value in body.captured}.values())
    then, otherwise = (body.finish(values, captures) for body, values in zip(bodies, results, strict=True))
    types = [value.type for value in results[0]]
    return node.net.choose(_scalar(node, node.data(0)), (then, otherwise), [_ssa(value) for value in captures], types)


def _check_branches(node: Node, index: int, then: SSAValue, otherwise: SSAValue) -> None:
    """The results of both branches must be of one type."""
    if nn.element_of(then) != nn.element_of(otherwise):
        node.invalid(
            f"output {index} is of {nn.element_of(then)} in one branch, of {nn.element_of(otherwise)} in the other"
        )
    if nn.shape_of(then) != nn.shape_of(otherwise):
        shapes = " and ".join(f"[{', '.join(map(str, nn.shape_of(value)))}]" for value in (then, otherwise))
        node.unsupported(
            f"output {index} has the shapes {shapes} in its branches, and its condition is data",
            "let both branches make one shape, or bind the input that decides to a constant",
        )


@dataclass
class _Loop:
    """A loop that is being imported."""

    node: Node
    graphs: Graphs
    count: Expr | None
    """The number of iterations, where no condition ends it earlier; None where only a condition ends it."""
    carried: list[Value]
    condition: bool | None
    """Whether the first iteration runs, where that is known."""


@onnx_op("Loop", note="carried values keep their shapes, unless the loop is short enough to be unrolled")
def loop(node: Node) -> Result:
    graphs = graphs_of_node(node)
    carried = [node.value(index) for index in range(2, len(node.inputs))]
    condition = _flag(node.value(1), node) if node.has_input(1) else True
    if any(value.items is not None for value in carried):
        return _with_sequences(node, graphs, carried, condition)
    count = _count(node)
    state = _Loop(node, graphs, dims.const(0) if condition is False else count, carried, condition)
    problems = graphs.problem_count()
    limit = _most_iterations(node, None if count is None else count.bounds(node.net.ranges)[1])
    index = node.net.new_symbol(f"{node.graph_node.label}_i", (0, limit // 2, max(limit - 1, 0)))
    body = graphs.body("body", [value.materialise(node.net).type for value in carried])
    slices = node.output_count - len(carried)
    operands = [_iteration(index), Value("", array=np.array(True)), *(Value("", ssa=v) for v in body.arguments)]
    made = checked_results(node, body.import_nodes(operands), 1 + len(carried) + slices)
    if any(value.poisoned for value in made):
        return poisoned(node.output_count)
    again = _flag(made[0], node)
    if again is False and state.count is not None:
        state.count = dims.minimum(state.count, 1)
    times = None if state.count is None or again is None else state.count.as_int()
    if times is not None and times * graphs.size("body") <= MAX_UNROLLED_NODES and (times or not slices):
        graphs.forget_problems(problems)
        return _unrolled(state, times, slices)
    return _rolled(state, body, index, made, again, limit)


def _unrolled(state: _Loop, times: int, slices: int) -> list[SSAValue | Value]:
    """The iterations one after the other."""
    node, values = state.node, state.carried
    parts: list[list[SSAValue]] = [[] for _ in range(slices)]
    for number in range(times):
        operands = [Value("", array=np.array(number, np.int64)), Value("", array=np.array(True)), *values]
        made = checked_results(node, state.graphs.inlined("body", operands, f"{number}/"), 1 + len(values) + slices)
        if any(value.poisoned for value in made):
            return list(poisoned(node.output_count))
        values = made[1 : 1 + len(values)]
        for joined, value in zip(parts, made[1 + len(values) :], strict=True):
            part = value.materialise(node.net)
            joined.append(node.net.add_reshape(part, [1, *nn.shape_of(part)]))
    return [*values, *(node.net.add_concat(joined, 0) for joined in parts)]


def _with_sequences(node: Node, graphs: Graphs, carried: list[Value], condition: bool | None) -> list[Value]:
    """A loop that carries sequences, whose lengths each iteration may change: one iteration after the other."""
    values, most = carried, MAX_UNROLLED_NODES // max(graphs.size("body"), 1)
    count = as_int(node.known(0, "count").reshape(-1)[0]) if node.has_input(0) else _MOST_ITERATIONS
    number, again = 0, condition
    while count is not None and again and number < min(count, most + 1):
        operands = [Value("", array=np.array(number, np.int64)), Value("", array=np.array(True)), *values]
        made = checked_results(node, graphs.inlined("body", operands, f"{number}/"), 1 + len(values))
        if any(value.poisoned for value in made):
            return poisoned(node.output_count)
        again, values, number = _flag(made[0], node), made[1 : 1 + len(values)], number + 1
    if count is None or again is None or number > most or node.output_count > len(values):
        node.unsupported(
            f"it carries a sequence of tensors, and runs more than {most} iterations, a number of them that is not known at import, or "
            "also joins slices",
            "carry a tensor with one more dim",
        )
    return values


def _rolled(
    state: _Loop, body: Body, index: Expr, made: list[Value], again: bool | None, limit: int
) -> list[SSAValue | Value]:
    """A loop that the host runs."""
    node, net, inner = state.node, state.node.net, body.net
    results = [value.materialise(inner) for value in made[1:]]
    for number, (before, after) in enumerate(zip(body.arguments, results, strict=False)):
        check_carried(node, number, before, after)
    initial = [value.materialise(net) for value in state.carried]
    slices = [value.type for value in results[len(initial) :]]
    if again and state.condition is not None and state.count is not None:
        name = body.finish(results)
        captures = [_ssa(value) for value in body.captured]
        return list(net.loop(name, index, initial, captures, slices, count=state.count))
    total = net.new_symbol(f"{node.graph_node.label}_n", (0, limit // 2, limit))
    flag = made[0].materialise(inner)
    first = node.data(1) if node.has_input(1) else net.add_constant(np.array(True))
    first = _scalar(node, first)
    flag = inner.add_reshape(flag, nn.shape_of(first)) if nn.shape_of(flag) != nn.shape_of(first) else flag
    if state.count is not None:
        more = _compare(inner, index + 1, state.count, first)
        flag = inner.add_binary("logical_and", flag, more)
        first = net.add_binary("logical_and", first, _compare(net, dims.const(0), state.count, first))
    name = body.finish([flag, *results])
    captures = [_ssa(value) for value in body.captured]
    return list(net.loop(name, index, initial, captures, slices, condition=first, total=total))


def _compare(net: Network, small: Expr, large: Expr, like: SSAValue) -> SSAValue:
    """Whether one number that the host knows is less than another, in the shape of `like`."""
    shape = [1] * nn.rank_of(like)
    return net.add_compare("lt", net.add_shape_value([small], shape), net.add_shape_value([large], shape))


def check_carried(node: Node, number: int, before: SSAValue, after: SSAValue) -> None:
    """A value that iterations pass on must keep its type."""
    if nn.element_of(before) != nn.element_of(after):
        node.invalid(
            f"carried value {number} is of {nn.element_of(before)} before, of {nn.element_of(after)} after an iteration"
        )
    if nn.shape_of(before) != nn.shape_of(after):
        shapes = " to ".join(f"[{', '.join(map(str, nn.shape_of(value)))}]" for value in (before, after))
        node.unsupported(
            f"carried value {number} changes its shape from {shapes} in an iteration",
            "carry a tensor of its largest shape and the number of its elements that count",
        )


def _count(node: Node) -> Expr | None:
    """The number of iterations that a Loop asks for; None where only its condition ends it."""
    if not node.has_input(0):
        return None
    value = node.value(0)
    known = value.known()
    if known is None:
        limit = _most_iterations(node)
        return node.net.read(_scalar(node, node.data(0)), f"{node.graph_node.label}_count", (0, limit // 2, limit))
    count = dims.as_expr(known.reshape(-1)[0])
    low = count.bounds(node.net.ranges)[0]
    if low >= _MOST_ITERATIONS:
        return None
    return count if low >= 0 else dims.maximum(count, 0)


def _most_iterations(node: Node, derived: int | None = None) -> int:
    """The first joined result has as many slices as iterations run."""
    return node.most(len(node.inputs) - 2, 0, derived)


def _iteration(index: Expr) -> Value:
    exprs = np.empty((), object)
    exprs[()] = index
    return Value("", exprs=exprs, dtype=np.dtype(np.int64))


def graphs_of_node(node: Node) -> Graphs:
    """The graphs in the attributes of a node that must have some."""
    if node.graphs is None:
        node.invalid("it has no graph in its attributes", "export the model again")
    return node.graphs


def _flag(value: Value, node: Node) -> bool | None:
    """A condition that is decided at import."""
    known = value.known()
    if known is None:
        return None
    if known.size != 1:
        node.invalid(f"its condition has {known.size} elements; expected one")
    number = as_int(known.reshape(-1)[0])
    return None if number is None else bool(number)


def _scalar(node: Node, value: SSAValue) -> SSAValue:
    """A value that the host reads, which must be one number."""
    if any(extent.as_int() != 1 for extent in nn.shape_of(value)):
        node.unsupported(
            f"it decides by a tensor of shape [{', '.join(map(str, nn.shape_of(value)))}]; expected one number"
        )
    return value


def _ssa(value: Value) -> SSAValue:
    assert value.ssa is not None
    return value.ssa


def checked_results(node: Node, made: list[Value], count: int) -> list[Value]:
    """The results of a graph, of which there must be `count` or more."""
    if len(made) < count:
        node.invalid(f"its graph makes {len(made)} values; expected {count}", "export the model again")
    return made


def poisoned(count: int) -> list[Value]:
    """Results of a node with a node in its graph that failed."""
    return [Value("", poisoned=True) for _ in range(count)]
