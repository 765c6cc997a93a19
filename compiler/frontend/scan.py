"""Scan: a loop over the slices of tensors, unrolled where it is short, else run by the host."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.ir import SSAValue

from ...dialects import dims, nn
from ...dialects.dims import Expr
from ...dialects.limits import MAX_UNROLLED_NODES
from ..network import Network
from .control import check_carried, check_slices, checked_results, graphs_of_node, poisoned
from .node import Node
from .packing import differing
from .registry import Result, onnx_op
from .value import Value


@dataclass
class _Scan:
    """The attributes of a Scan, with every axis counted from the front."""

    states: int
    axes: list[int]
    backwards: list[bool]
    out_axes: list[int]
    out_backwards: list[bool]
    length: Expr

    def slice(self, net: Network, x: SSAValue, number: int, step: Expr) -> SSAValue:
        """What iteration `step` reads of scan input `number`."""
        shape, axis = list(nn.shape_of(x)), self.axes[number]
        starts = [dims.const(0)] * len(shape)
        starts[axis] = self.length - 1 - step if self.backwards[number] else step
        sizes = [*shape[:axis], dims.const(1), *shape[axis + 1 :]]
        return net.add_reshape(net.add_slice(x, starts, sizes), shape[:axis] + shape[axis + 1 :])

    def placed(self, net: Network, joined: SSAValue, number: int) -> SSAValue:
        """A result whose slices were joined in the order of the iterations along the first dim."""
        shape = nn.shape_of(joined)
        if self.out_backwards[number]:
            starts = [self.length - 1, *([dims.const(0)] * (len(shape) - 1))]
            joined = net.add_slice(joined, starts, shape, [-1, *([1] * (len(shape) - 1))])
        axis = self.out_axes[number]
        if not axis:
            return joined
        order = list(range(1, len(shape)))
        return net.add_transpose(joined, [*order[:axis], 0, *order[axis:]])


@onnx_op("Scan", note="the lengths of sequences (opset 8) are not given")
def scan(node: Node) -> Result:
    if node.opset >= 9:
        return _scan(node, [node.value(index) for index in range(len(node.inputs))])
    if node.has_input(0):
        node.unsupported("it has lengths of sequences", "pad in the body, or use the Scan of opset 9")
    return _batched(node)


def _batched(node: Node) -> list[SSAValue | Value]:
    """Scan of opset 8: each entry of a batch on its own."""
    values = [node.value(index) for index in range(1, len(node.inputs))]
    batch = values[0].shape[0].as_int() if values and values[0].shape else None
    if batch is None:
        node.unsupported("its batch is a dynamic dim", "fix that dim in the profile (min = opt = max)")
    tensors = [value.materialise(node.net) for value in values]
    results: list[list[SSAValue]] = []
    for entry in range(batch):
        parts = [Value("", ssa=_entry(node.net, tensor, entry)) for tensor in tensors]
        made = _scan(node, parts, f"{entry}/")
        if any(isinstance(value, Value) and value.poisoned for value in made):
            return made
        ready = [value.materialise(node.net) if isinstance(value, Value) else value for value in made]
        results.append([node.net.add_reshape(value, [1, *nn.shape_of(value)]) for value in ready])
    return [node.net.add_concat(list(entries), 0) for entries in zip(*results, strict=True)]


def _entry(net: Network, x: SSAValue, entry: int) -> SSAValue:
    shape = nn.shape_of(x)
    starts = [dims.const(entry), *([dims.const(0)] * (len(shape) - 1))]
    return net.add_reshape(net.add_slice(x, starts, [1, *shape[1:]]), shape[1:])


def _scan(node: Node, values: Sequence[Value], part: str = "") -> list[SSAValue | Value]:
    graphs = graphs_of_node(node)
    count = node.int("num_scan_inputs")
    if not 0 < count <= len(values):
        node.invalid(f"it has {len(values)} inputs, of which {count} are scanned", "export the model again")
    states, scanned = list(values[: len(values) - count]), values[len(values) - count :]
    whole = [value.materialise(node.net) for value in scanned]
    settings = _settings(node, len(states), whole)
    times = settings.length.as_int()
    slices = node.output_count - len(states)
    if times is not None and times * graphs.size("body") <= MAX_UNROLLED_NODES and (times or not slices):
        return _unrolled(node, settings, states, whole, times, part)
    net = node.net
    limit = settings.length.bounds(net.ranges)[1]
    index = net.new_symbol(f"{node.graph_node.label}_i", (0, limit // 2, max(limit - 1, 0)))
    initial = [value.materialise(net) for value in states]
    body = graphs.body("body", [value.type for value in initial])
    inner = body.net
    captured = [body.capture(Value("", ssa=value)) for value in whole]
    parts = [settings.slice(inner, value.materialise(inner), k, index) for k, value in enumerate(captured)]
    made = checked_results(
        node, body.import_nodes([Value("", ssa=value) for value in (*body.arguments, *parts)]), node.output_count
    )
    if any(value.poisoned for value in made):
        return list(poisoned(node.output_count))
    results = [value.materialise(inner) for value in made]
    for number, (before, after) in enumerate(zip(body.arguments, results, strict=False)):
        check_carried(node, number, before, after)
        if differing(before, after):
            node.unsupported(
                f"state {number} changes its shape in an iteration", "use a Loop, whose carried values may"
            )
    check_slices(node, results[len(initial) :])
    types = [value.type for value in results[len(initial) :]]
    name = body.finish(results)
    captures = [value.materialise(net) for value in body.captured]
    final = net.loop(name, index, initial, captures, types, count=settings.length)
    joined = final[len(initial) :]
    return [*final[: len(initial)], *(settings.placed(net, value, k) for k, value in enumerate(joined))]


def _unrolled(
    node: Node, settings: _Scan, states: list[Value], whole: Sequence[SSAValue], times: int, part: str
) -> list[SSAValue | Value]:
    graphs, net = graphs_of_node(node), node.net
    parts: list[list[SSAValue]] = [[] for _ in range(node.output_count - len(states))]
    for number in range(times):
        given = [Value("", ssa=settings.slice(net, x, k, dims.const(number))) for k, x in enumerate(whole)]
        made = graphs.inlined("body", [*states, *given], f"{part}{number}/")
        checked_results(node, made, node.output_count)
        if any(value.poisoned for value in made):
            return list(poisoned(node.output_count))
        states = made[: len(states)]
        for joined, value in zip(parts, made[len(states) :], strict=False):
            slice_ = value.materialise(net)
            joined.append(net.add_reshape(slice_, [1, *nn.shape_of(slice_)]))
    results = [settings.placed(net, net.add_concat(joined, 0), k) for k, joined in enumerate(parts)]
    return [*states, *results]


def _settings(node: Node, states: int, whole: Sequence[SSAValue]) -> _Scan:
    outputs = node.output_count - states
    if node.opset < 9:
        axes, out_axes = [0] * len(whole), [0] * outputs
        backwards, out_backwards = _flags(node, "directions", len(whole)), [False] * outputs
    else:
        axes = node.ints("scan_input_axes", [0] * len(whole))
        out_axes = node.ints("scan_output_axes", [0] * outputs)
        backwards = _flags(node, "scan_input_directions", len(whole))
        out_backwards = _flags(node, "scan_output_directions", outputs)
    if len(axes) != len(whole) or len(out_axes) != outputs:
        node.invalid(
            f"it has {len(axes)} and {len(out_axes)} axes for {len(whole)} scanned inputs and {outputs} outputs"
        )
    axes = [node.axis(axis, nn.rank_of(x)) for axis, x in zip(axes, whole, strict=True)]
    lengths = [nn.shape_of(x)[axis] for axis, x in zip(axes, whole, strict=True)]
    if any(not nn.same_dim(length, lengths[0]) for length in lengths):
        node.invalid(f"its inputs have {', '.join(map(str, lengths))} slices; expected as many of each")
    return _Scan(states, axes, backwards, out_axes, out_backwards, lengths[0])


def _flags(node: Node, name: str, count: int) -> list[bool]:
    values = node.ints(name, [0] * count)
    if len(values) != count:
        node.invalid(f"attribute {name!r} should have {count} entries, got {len(values)}")
    return [bool(value) for value in values]
