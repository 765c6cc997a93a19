"""Loop, and what the other nodes with graphs share. What constants or shapes decide is decided here; the rest becomes functions that the
host calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from xdsl.dialects.builtin import i1
from xdsl.ir import Attribute, Block, SSAValue

from ...dialects import dims, nn
from ...dialects.dims import Expr
from ...dialects.limits import MAX_UNROLLED_NODES
from ..network import Network
from .appending import Appended
from .folding import as_int
from .graphs import Body, Graphs
from .node import Node
from .packing import Packing, differing
from .registry import Result, onnx_op
from .value import Value

_MOST_ITERATIONS = 2**31 - 1
"""What exporters write as the count of a loop that only a condition ends is at least this."""


@dataclass
class _Loop:
    """A loop that is being imported."""

    node: Node
    graphs: Graphs
    count: Expr | None
    """The number of iterations, where no condition ends it earlier; None where only a condition ends it, or where data says it."""
    carried: list[Value]
    condition: bool | None
    """Whether the first iteration runs, where that is known."""
    appended: Appended
    """What it carries besides."""


@onnx_op("Loop", note="slices of joined results keep their shapes; what is carried may change dims, not its rank")
def loop(node: Node) -> Result:
    graphs = graphs_of_node(node)
    carried = [node.value(index) for index in range(2, len(node.inputs))]
    condition = flag_of(node.value(1), node) if node.has_input(1) else True
    if any(value.items is not None for value in carried):
        return _with_sequences(node, graphs, carried, condition)
    return _with_tensors(node, graphs, Appended(carried), condition)


def _with_tensors(node: Node, graphs: Graphs, appended: Appended, condition: bool | None) -> Sequence[SSAValue | Value]:
    """A loop that carries tensors, and sequences that it appends to."""
    count, carried = _count(node), appended.state
    if condition is False:
        count = dims.const(0)
    state = _Loop(node, graphs, count, carried, condition, appended)
    limit = _most_iterations(node, None if count is None else count.bounds(node.net.ranges)[1])
    mark, problems = node.net.mark(), graphs.problem_count()
    body = _Body.begun(state, limit, [None] * len(carried))
    if body is None:
        return poisoned(node.output_count)
    slices = node.output_count - len(carried)
    again = flag_of(body.made[0], node)
    if again is False and state.count is not None:
        state.count = dims.minimum(state.count, 1)
    times = None if state.count is None or again is None else state.count.as_int()
    few = times is not None and times * graphs.size("body") <= MAX_UNROLLED_NODES
    if times is not None and few and (times or not slices) and carried == appended.carried:
        graphs.forget_problems(problems)
        node.net.back_to(mark)
        return _unrolled(state, times, slices)
    for _ in range(_ROUNDS):
        packings = body.wider_packings()
        if packings == body.packings:
            return _rolled(state, body, again, limit)
        graphs.forget_problems(problems)
        node.net.back_to(mark)
        body = _Body.begun(state, limit, packings)
        if body is None:
            return poisoned(node.output_count)
    node.unsupported("the shapes of what it carries depend on each other", "carry tensors of their largest shapes")


_ROUNDS = 4
"""How often a body is imported to find out which dims of what it carries change."""


@dataclass
class _Body:
    """The body of a loop, imported for one guess of which dims of the carried values change."""

    state: _Loop
    body: Body
    index: Expr
    packings: list[Packing | None]
    carried: list[SSAValue]
    """The carried values inside, unpacked."""
    made: list[Value]

    @classmethod
    def begun(cls, state: _Loop, limit: int, packings: list[Packing | None]) -> _Body | None:
        """The body; None where a node of it failed."""
        node = state.node
        index = node.net.new_symbol(f"{node.graph_node.label}_i", (0, limit // 2, max(limit - 1, 0)))
        types: list[Attribute] = []
        for value, packing in zip(state.carried, packings, strict=True):
            plain = value.materialise(node.net).type
            types += [plain] if packing is None else packing.types(nn.element_of(plain))
        body = state.graphs.body("body", types)
        carried = unpacked(body.net, body.arguments, packings)
        operands = [_iteration(index), Value("", array=np.array(True))]
        operands += state.appended.woven([Value("", ssa=value) for value in carried])
        made = checked_results(node, body.import_nodes(operands), 1 + node.output_count)
        made = [made[0], *state.appended.sorted(made[1:])]
        if any(value.poisoned for value in made):
            return None
        return cls(state, body, index, packings, carried, made)

    def wider_packings(self) -> list[Packing | None]:
        """The packings that take also the dims that an iteration changes."""
        node, found = self.state.node, list(self.packings)
        for number, before in enumerate(self.carried):
            after = self.made[1 + number].materialise(self.body.net)
            check_carried(node, number, before, after)
            packing = self.packings[number]
            known = () if packing is None else packing.open_
            more = tuple(sorted({*known, *(differing(before, after) or ())}))
            if more != known:
                found[number] = Packing(node, number, nn.shape_of(ssa_of(self.state.carried[number])), more)
        return found


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


def _with_sequences(
    node: Node, graphs: Graphs, carried: list[Value], condition: bool | None
) -> Sequence[SSAValue | Value]:
    """A loop that carries sequences, whose lengths each iteration may change: one iteration after the other, unless it only appends
    to them."""
    values, most = carried, MAX_UNROLLED_NODES // max(graphs.size("body"), 1)
    known = node.value(0).known() if node.has_input(0) else np.array(_MOST_ITERATIONS)
    count = None if known is None else as_int(known.reshape(-1)[0])
    appends = all(value.items is None or graphs.is_appended(number) for number, value in enumerate(carried))
    many = count is None or most < count < _MOST_ITERATIONS or node.output_count > len(carried)
    if appends and (many or not condition or not _is_decided(node, graphs, carried, min(count or 0, most + 1), most)):
        return _with_tensors(node, graphs, Appended(carried), condition)
    number, again = 0, condition
    while count is not None and again and number < min(count, most + 1):
        operands = [Value("", array=np.array(number, np.int64)), Value("", array=np.array(True)), *values]
        made = checked_results(node, graphs.inlined("body", operands, f"{number}/"), 1 + len(values))
        if any(value.poisoned for value in made):
            return poisoned(node.output_count)
        again, values, number = flag_of(made[0], node), made[1 : 1 + len(values)], number + 1
    if count is None or again is None or number > most or node.output_count > len(values):
        node.unsupported(
            f"it carries a sequence of tensors, and runs more than {most} iterations, a number of them that is not known at import, or "
            "also joins slices",
            "carry a tensor with one more dim",
        )
    return values


def _is_decided(node: Node, graphs: Graphs, carried: Sequence[Value], times: int, most: int) -> bool:
    """Whether it is known at import that a loop of up to `times` iterations runs `most` or fewer: these are imported to find out, and
    not used."""
    mark, problems = node.net.mark(), graphs.problem_count()
    body = graphs.body("body", ())
    values: list[Value] = list(map(body.capture, carried))
    again: bool | None = True
    for number in range(times):
        operands = [Value("", array=np.array(number, np.int64)), Value("", array=np.array(True)), *values]
        made = checked_results(node, body.import_nodes(operands), 1 + len(carried))
        again, values = not made[0].poisoned and flag_of(made[0], node), made[1 : 1 + len(carried)]
        if not again:
            break
    graphs.forget_problems(problems)
    node.net.back_to(mark)
    return again is False or (again is True and times <= most)


def _rolled(state: _Loop, loop: _Body, again: bool | None, limit: int) -> list[SSAValue | Value]:
    """A loop that the host runs."""
    node, net, body, inner = state.node, state.node.net, loop.body, loop.body.net
    results = [value.materialise(inner) for value in loop.made[1:]]
    count = len(state.carried)
    check_slices(node, results[count:])
    initial = packed(net, [value.materialise(net) for value in state.carried], loop.packings)
    slices = [value.type for value in results[count:]]
    results = [*packed(inner, results[:count], loop.packings), *results[count:]]
    plain = bool(again) and state.condition is not None
    asked = state.count
    if asked is None and node.has_input(0) and node.value(0).known() is None:
        asked = _read_count(node, limit, clip=not plain)
    if plain and asked is not None:
        name = body.finish(results)
        found = net.loop(name, loop.index, initial, _outer(body), slices, count=asked)
    else:
        total = net.new_symbol(f"{node.graph_node.label}_n", (0, limit // 2, limit))
        flag = loop.made[0].materialise(inner)
        first = scalar(node, node.data(1) if node.has_input(1) else net.add_constant(np.array(True)))
        flag = inner.add_reshape(flag, nn.shape_of(first))
        if asked is not None:
            flag = inner.add_binary("logical_and", flag, _compare(inner, loop.index + 1, asked, first))
            first = net.add_binary("logical_and", first, _compare(net, dims.const(0), asked, first))
        name = body.finish([flag, *results])
        found = net.loop(name, loop.index, initial, _outer(body), slices, condition=first, total=total)
    results = [*unpacked(net, found[: len(initial)], loop.packings), *found[len(initial) :]]
    return list(state.appended.results(node, [Value("", ssa=value) for value in results]))


def _read_count(node: Node, limit: int, *, clip: bool) -> Expr:
    """The number of iterations that data asks for. With `clip` a condition may end the loop before, so that more than may run can be asked
    for: they count as one too many."""
    net, count, most = node.net, scalar(node, node.data(0)), limit
    if clip:
        most = limit + 1
        count = net.add_binary("min", net.add_binary("max", count, 0), most)
    return net.read(count, f"{node.graph_node.label}_count", (0, limit // 2, most))


def _outer(body: Body) -> list[SSAValue]:
    return [ssa_of(value) for value in body.captured]


def check_slices(node: Node, slices: Sequence[SSAValue]) -> None:
    """Slices that iterations make must be of one shape."""
    inside = node.net.late.keys()
    for number, value in enumerate(slices):
        if varying := sorted(
            {s for extent in nn.shape_of(value) for s in extent.symbols()} & inside & _defined_in(value)
        ):
            node.unsupported(
                f"slice {number} of its joined results has the shape [{', '.join(map(str, nn.shape_of(value)))}], where {varying[0]} is "
                "another number in each iteration",
                "pad the slices to one shape",
            )


def _defined_in(value: SSAValue) -> set[str]:
    """The symbols that are known only in the function of a value: what it reads, and what its loops count."""
    block = value.owner if isinstance(value.owner, Block) else value.owner.parent
    found: set[str] = set()
    for op in () if block is None else block.ops:
        if isinstance(op, nn.ReadOp):
            found.add(op.symbol.data)
        elif isinstance(op, nn.LoopOp) and op.total is not None:
            found.add(op.total.data)
    return found


def _compare(net: Network, small: Expr, large: Expr, like: SSAValue) -> SSAValue:
    """Whether one number that the host knows is less than another, in the shape of `like`."""
    shape = [1] * nn.rank_of(like)
    return net.add_compare("lt", net.add_shape_value([small], shape), net.add_shape_value([large], shape))


def check_carried(node: Node, number: int, before: SSAValue, after: SSAValue) -> None:
    """A value that iterations pass on must keep its element type and rank."""
    if nn.element_of(before) != nn.element_of(after):
        node.invalid(
            f"carried value {number} is of {nn.element_of(before)} before, of {nn.element_of(after)} after an iteration"
        )
    if nn.rank_of(before) != nn.rank_of(after):
        node.unsupported(
            f"carried value {number} changes its rank from {nn.rank_of(before)} to {nn.rank_of(after)} in an iteration",
            "carry a tensor of one rank",
        )


def _count(node: Node) -> Expr | None:
    """The number of iterations that a Loop asks for; None where only its condition ends it, or where data says it."""
    if not node.has_input(0):
        return None
    value = node.value(0)
    known = value.known()
    if known is None:
        if value.element_type == i1:
            node.invalid("its number of iterations is a truth value; expected an integer", "export the model again")
        return None
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


def flag_of(value: Value, node: Node) -> bool | None:
    """A condition that is decided at import."""
    known = value.known()
    if known is None:
        return None
    if known.size != 1:
        node.invalid(f"its condition has {known.size} elements; expected one")
    number = as_int(known.reshape(-1)[0])
    return None if number is None else bool(number)


def scalar(node: Node, value: SSAValue) -> SSAValue:
    """A value that the host reads, which must be one number."""
    if not all(node.net.agree(extent, dims.const(1)) for extent in nn.shape_of(value)):
        node.unsupported(
            f"it decides by a tensor of shape [{', '.join(map(str, nn.shape_of(value)))}]; expected one number"
        )
    return node.net.with_dims(value, [dims.const(1)] * nn.rank_of(value))


def ssa_of(value: Value) -> SSAValue:
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


def packed(net: Network, values: Sequence[SSAValue], packings: Sequence[Packing | None]) -> list[SSAValue]:
    """The values, packed where there is a packing."""
    found: list[SSAValue] = []
    for value, packing in zip(values, packings, strict=True):
        found += [value] if packing is None else packing.pack(net, value)
    return found


def unpacked(net: Network, values: Sequence[SSAValue], packings: Sequence[Packing | None]) -> list[SSAValue]:
    """The opposite of `packed`."""
    left = list(values)
    return [left.pop(0) if p is None else p.unpack(net, left.pop(0), left.pop(0)) for p in packings]
