"""The order that streams and events realise: against paths through the graph, all sequences of small ones, and each deletion."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp
from xdsl.parser import Parser

from trtc.compiler.universe import make_context
from trtc.dialects import buffer
from trtc.dialects.dims import const
from trtc.dialects.errors import PassError
from trtc.dialects.host import order as order_module
from trtc.dialects.host.order import Order, Parallel, read_order
from trtc.dialects.host.structure import functions_of, read_structure
from trtc.passes.buffers import plan_arena
from trtc.passes.buffers.plan_arena import PlanArenaPass
from trtc.runtime.kernels import KernelInfo
from trtc.runtime.program.execute import any_order, execute
from trtc.runtime.program.reader import read_program
from trtc.runtime.program.steps import Launch

sys.path.insert(0, str(Path(__file__).parents[2]))

from launch_graphs import Graph, Record, Wait, random_graph, sequences
from launch_graphs import Launch as GraphLaunch


def parse(text: str) -> ModuleOp:
    module = Parser(make_context(), text).parse_module()
    module.verify()
    return module


def order_of(text: str) -> Order:
    module = parse(text)
    functions = functions_of(module)
    return read_order(read_structure(functions["main"], functions))


def planned(graph: Graph) -> dict[str, range]:
    """The bytes of each buffer of a graph."""
    module = parse(graph.text)
    PlanArenaPass().apply(make_context(), module)
    slots = [op for op in module.walk() if isinstance(op, buffer.SlotOp)]
    return {
        f"{op.result.name_hint}": range(op.offset.value.data, op.offset.value.data + op.size.value.data) for op in slots
    }


def clashes(graph: Graph, bytes_: dict[str, range]) -> list[tuple[str, str]]:
    """Pairs of buffers that share bytes although in some sequence of launches one is used between uses of the other."""
    uses = {name: [op.number for op in graph.launches if name in (*op.reads, op.writes)] for name in bytes_}
    pairs = [
        (a, b)
        for a, b in combinations(bytes_, 2)
        if range(max(bytes_[a][0], bytes_[b][0]), min(bytes_[a][-1], bytes_[b][-1]) + 1)
    ]
    found: dict[tuple[str, str], None] = {}
    for sequence in sequences(graph.ended()):
        when = {launch: time for time, launch in enumerate(sequence)}
        for a, b in pairs:
            first, second = (sorted(when[launch] for launch in uses[name]) for name in (a, b))
            if not (first[-1] < second[0] or second[-1] < first[0]):
                found[a, b] = None
    return list(found)


@pytest.mark.parametrize("seed", range(40))
def test_the_order_is_that_of_paths(seed: int) -> None:
    graph = random_graph(seed, 4 + seed % 20)
    order, ended = order_of(graph.text), graph.ended()
    for b in ended:
        assert {a for a in range(b) if order.all_before([a], [b])} == ended[b]
        assert order.until(b) == max([b, *(later for later in ended if later > b and b not in ended[later])])


@pytest.mark.parametrize("seed", range(40))
def test_no_two_buffers_share_bytes_in_any_sequence(seed: int) -> None:
    graph = random_graph(seed, 4 + seed % 5)
    assert clashes(graph, planned(graph)) == []


def test_the_check_above_finds_what_the_text_alone_would_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan_arena, "read_order", lambda steps: Order())
    found = [seed for seed in range(40) if clashes(graph := random_graph(seed, 4 + seed % 5), planned(graph))]
    assert len(found) >= 3, "a plan for one stream does not hold for several"


CHAINS = Graph(
    [
        Record("fork", 0), Wait("fork", 1),
        *(GraphLaunch((f"a{i - 1}" if i else "x",), f"a{i}", 0, 2 * i) for i in range(3)),
        *(GraphLaunch((f"b{i - 1}" if i else "x",), f"b{i}", 1, 2 * i + 1) for i in range(3)),
        Record("join", 1), Wait("join", 0),
        GraphLaunch(("a2", "b2"), "y", 0, 6),
    ]
)  # fmt: skip
"""Two chains of three buffers side by side."""


def test_chains_on_two_streams_share_within_each() -> None:
    bytes_ = planned(CHAINS)
    assert clashes(CHAINS, bytes_) == []
    assert bytes_["a0"] == bytes_["a2"] and bytes_["b0"] == bytes_["b2"]
    assert max(part.stop for part in bytes_.values()) == 4 * 256


NEEDED = Graph(
    [
        GraphLaunch(("x",), "a", 0, 0),
        Record("fork", 0), Wait("fork", 1),
        GraphLaunch(("a",), "b", 1, 1),
        Record("back", 1),
        GraphLaunch(("x",), "c", 0, 2),
        Record("over", 0), Wait("over", 1),
        GraphLaunch(("b", "c"), "d", 1, 3),
        Record("join", 1),
        Wait("back", 0),
        GraphLaunch(("b", "a"), "e", 0, 4),
        Wait("join", 0),
        GraphLaunch(("d", "e"), "y", 0, 5),
    ]
)  # fmt: skip
"""A graph of which no event can be spared."""
EVENTS = [op for op in NEEDED.ops if isinstance(op, Record | Wait)]


@pytest.mark.parametrize("op", EVENTS, ids=lambda op: op.text)
def test_each_event_that_is_missing_is_refused(op: Record | Wait) -> None:
    order_of(NEEDED.text)
    with pytest.raises(PassError, match=r"host program: .*expected"):
        order_of(NEEDED.without(op).text)


@pytest.mark.parametrize("launch", [op for op in NEEDED.launches if op.stream == 0], ids=lambda op: op.text)
def test_each_edge_of_a_stream_that_is_missing_is_refused(launch: GraphLaunch) -> None:
    """A launch that leaves its stream for one of its own, which begins with it and ends in it, has lost both edges."""
    moved = GraphLaunch(launch.reads, launch.writes, 7, launch.number)
    ops: list[Record | Wait | GraphLaunch] = [Record("begin", 0), Wait("begin", 7)]
    for op in NEEDED.ops:
        ops.append(moved if op is launch else op)
    ops += (Record("end", 7), Wait("end", 0))
    with pytest.raises(PassError, match="requires that launch of"):
        order_of(Graph(ops).text)


def kernels(graph: Graph) -> dict[str, KernelInfo]:
    grid = (const(1), const(1), const(1))
    return {
        f"k{op.number}": KernelInfo(f"k{op.number}", grid, 32, 1, 0, (), len(op.reads) + 1) for op in graph.launches
    }


def run(launch: Launch, bases: Sequence[np.ndarray], symbols: object) -> None:
    *ins, out = (ref.array(base) for ref, base in zip(launch.arguments, bases, strict=True))
    out[...] = sum(ins) * np.float32(2) + np.float32(int(launch.kernel.name[1:]) + 1)


def outputs(graph: Graph, seeds: range) -> set[float]:
    """What the graph computes in random sequences, over one poisoned arena."""
    module = parse(graph.text)
    PlanArenaPass().apply(make_context(), module)
    program = read_program(module, kernels(graph))
    found: set[float] = set()
    for seed in seeds:
        x, y, arena = (
            np.ones(64, np.float32),
            np.full(64, np.nan, np.float32),
            np.full(program.arena_bytes, 255, np.uint8),
        )
        roots = {("input", "x"): x.view(np.uint8), ("output", "y"): y.view(np.uint8), ("arena", ""): arena}
        execute(program, program.bind({"x": (64,)}), roots, run, seed=seed)
        found.add(float(y[0]))
    return found


@pytest.mark.parametrize("seed", range(12))
def test_every_sequence_computes_the_same(seed: int) -> None:
    graph = random_graph(seed, 6 + seed % 12)
    values = {"x": 1.0}
    for op in graph.launches:
        values[op.writes] = sum(values[name] for name in op.reads) * 2 + op.number + 1
    assert outputs(graph, range(8)) == {values["y"]}


@pytest.mark.parametrize("op", [op for op in EVENTS if op.event not in ("fork",)], ids=lambda op: op.text)
def test_each_event_that_is_missing_shows_in_some_sequence(op: Record | Wait, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where what the launches require is not checked."""
    (value,) = outputs(NEEDED, range(8))
    monkeypatch.setattr(order_module, "may_overlap", lambda a, b: False)
    monkeypatch.setattr(order_module._Segment, "end", lambda self: None)
    got = outputs(NEEDED.without(op), range(40))
    assert got != {value}, got


def test_any_order_reaches_all_sequences() -> None:
    import random
    from types import SimpleNamespace

    launches = [SimpleNamespace(number=number) for number in (0, 1, 3)]
    order = Parallel((0, 1, 0, 4))
    draw = random.Random(0)
    found = {tuple(launch.number for launch in any_order(launches, order, draw)) for _ in range(100)}  # type: ignore[arg-type]
    assert found == {(0, 1, 3), (0, 3, 1), (3, 0, 1)}, (
        "launch 2 has nothing to do, so that launch 3 waits for no launch"
    )
