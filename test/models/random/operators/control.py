"""Control flow: If, Loop and Scan. Their graphs grow as the graph around them does, and read its values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from onnx import TensorProto

from ..graphs import Array, Maker, Value, grow
from .shared import first

CONTROL = ("If", "Loop", "Scan")
MOST = 4
"""Iterations of a Loop."""
DEEPEST = 2
"""How deep graphs are nested."""


def decide(g: Maker) -> None:
    """One node with graphs, in as many attempts as it takes, up to ten."""
    before = len(g.nodes)
    kinds = (
        [branch, branch, loop, scan] if g.precision == "fp32" else [branch]
    )  # narrow iterations round more than the maker knows
    for _ in range(10):
        g.choice(kinds)(g)
        if any(node.op_type in CONTROL for node in g.nodes[before:]):
            break


def branch(g: Maker) -> None:
    """An If whose branches have results of the same shapes: by an input, by a number that is computed, or by a constant."""
    condition, then, other = _flag(g), g.inside({}), g.inside({})
    _fill(then)
    made = [name for name in then.values if then.is_made_here(name)]
    results = made[-g.number(1, 2) :]
    _fill(other)
    alternatives = [name for result in results if (name := _like(other, then.values[result])) is not None]
    if condition is None or not results or len(alternatives) < len(results) or len(set(alternatives)) < len(results):
        return
    graphs = [then.graph([], results), other.graph([], alternatives)]
    if g.chance(0.5):
        graphs.reverse()
    g.emit("If", [condition], len(results), then_branch=graphs[0], else_branch=graphs[1])


def loop(g: Maker) -> None:
    """A Loop of few iterations, as many as a constant or an input says, which a condition may end."""
    carried = list(dict.fromkeys(g.float_value() for _ in range(g.number(1, 2))))
    count = g.number(0, MOST)
    times = g.constant(count, np.int64) if g.chance(0.5) else g.given([np.array(count)] * len(g.sizes), [])
    arguments = {"i": _same(g, np.array(0)), "go": _same(g, np.array(True))}
    arguments |= {f"a{k}": g.values[name] for k, name in enumerate(carried)}
    body = g.inside(arguments)
    # The operators of a graph are checked for the first iteration: what its number decides would not be.
    hidden = {name: body.values.pop(name) for name in (f"{body.prefix}i", f"{body.prefix}go")}
    _fill(body)
    body.values |= hidden
    if g.chance(0.4):
        number = first(body.emit("Cast", [f"{body.prefix}i"], to=TensorProto.FLOAT))
        body.emit("Add", [f"{body.prefix}a0", number or f"{body.prefix}a0"])
    states = [_like(body, g.values[name], f"{body.prefix}a{k}") for k, name in enumerate(carried)]
    again = _again(body, states[0]) if g.chance(0.3) else first(body.emit("Identity", [f"{body.prefix}go"]))
    # ONNX Runtime forgets the shape of the slices where there are none.
    slices = _slices(body, states) if count and g.chance(0.6) else []
    if again is None or None in states:
        return
    results = [name for name in [again, *states, *slices] if name is not None]
    graph = body.graph([f"{body.prefix}{name}" for name in arguments], results)
    g.emit("Loop", [times, "", *carried], len(carried) + len(slices), body=graph)


def scan(g: Maker) -> None:
    """A Scan over a dim of a tensor, in either direction, with a state or none."""
    taken = g.float_value(least=1)
    if not all(array.size for array in g.values[taken].arrays):  # which ends ONNX Runtime's process
        return
    axis = g.number(0, g.values[taken].rank - 1)
    carried = [g.float_value()] if g.chance(0.7) else []
    arguments = {f"a{k}": g.values[name] for k, name in enumerate(carried)}
    slices = [[np.take(x, 0, axis) for x in arrays] for arrays in (g.values[taken].arrays, g.values[taken].moved)]
    body = g.inside(arguments | {"s": Value(*slices)})
    _fill(body)
    states = [_like(body, g.values[name], f"{body.prefix}a{k}") for k, name in enumerate(carried)]
    joined = _slices(body, states)
    if not joined or None in states:
        return
    graph = body.graph([f"{body.prefix}{name}" for name in [*arguments, "s"]], [*(n for n in states if n), *joined])
    g.emit(
        "Scan", [*carried, taken], len(states) + len(joined), body=graph, num_scan_inputs=1, scan_input_axes=[axis],
        scan_input_directions=[g.number(0, 1)], scan_output_directions=[g.number(0, 1) for _ in joined],
    )  # fmt: skip


def _fill(graph: Maker) -> None:
    """A few nodes, some of them with graphs of their own."""
    grow(graph, graph.number(1, 3))
    if graph.depth < DEEPEST and graph.chance(0.25):
        decide(graph)


def _same(g: Maker, array: Array) -> Value:
    """One number for all sizes."""
    return Value([array] * len(g.sizes), [array] * len(g.sizes))


def _flag(g: Maker) -> str | None:
    kind = g.word("input input computed computed constant")
    if kind == "constant":
        return g.constant(np.array(g.chance(0.5)))
    if kind == "input":
        return g.given([np.array(g.chance(0.5)) for _ in g.sizes], [])
    return _again(g, g.float_value())


def _again(g: Maker, x: str | None) -> str | None:
    """Whether the mean of a tensor is below a number."""
    mean = x and first(g.emit("ReduceMean", [x], keepdims=0))
    return first(g.emit("Less", [mean, g.constant(g.choice((-0.3, 0.1, 0.7)), np.float32)])) if mean else None


def _like(g: Maker, value: Value, argument: str | None = None) -> str | None:
    """A result of the same type and shapes that the graph makes; else something of the argument, or of any such value."""

    def fits(other: Value) -> bool:
        return other.dtype == value.dtype and [a.shape for a in other.arrays] == [a.shape for a in value.arrays]

    made = [name for name, other in g.values.items() if fits(other) and g.is_made_here(name)]
    if made and argument and value.dtype == np.float32 and g.chance(0.7):
        sum_ = first(g.emit(g.word("Add Sub Max"), [made[-1], argument]))
        return sum_ and first(g.emit(g.word("Tanh Sigmoid Neg"), [sum_]))
    if made and g.chance(0.85):
        return made[-1]
    source = argument or g.pick(fits)
    kinds = "Tanh Sigmoid Neg Sin" if value.dtype == np.float32 else "Identity"
    return source and first(g.emit(g.word(kinds), [source]))


def _slices(g: Maker, states: Sequence[str | None]) -> list[str]:
    """A value that each iteration makes anew."""
    made = [
        name for name in g.values if g.is_made_here(name) and name not in states and g.values[name].dtype.kind == "f"
    ]
    return made[-1:]
