"""Random launch graphs on several streams, as texts of the `buffer` dialect, and what a reader makes of them without the compiler."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

ROW = "memref<64xf32>"


@dataclass(frozen=True)
class Launch:
    """Writes one buffer, the sum of others plus a number of its own; `x` is the input, `y` the output."""

    reads: tuple[str, ...]
    writes: str
    stream: int
    number: int

    @property
    def text(self) -> str:
        ins = f"{', '.join(f'%{name}' for name in self.reads)} : {', '.join([ROW] * len(self.reads))}"
        stream = f" {{stream = {self.stream} : i64}}" if self.stream else ""
        return f"buffer.launch @k{self.number} ins({ins}) outs(%{self.writes} : {ROW}){stream}"


@dataclass(frozen=True)
class Record:
    event: str
    stream: int

    @property
    def text(self) -> str:
        return f"%{self.event} = buffer.record stream {self.stream}"


@dataclass(frozen=True)
class Wait:
    event: str
    stream: int

    @property
    def text(self) -> str:
        return f"buffer.wait %{self.event} stream {self.stream}"


Op = Launch | Record | Wait


@dataclass
class Graph:
    """The ops of a segment in order."""

    ops: list[Op] = field(default_factory=list[Op])

    @property
    def launches(self) -> list[Launch]:
        return [op for op in self.ops if isinstance(op, Launch)]

    @property
    def buffers(self) -> list[str]:
        return list(dict.fromkeys(op.writes for op in self.launches if op.writes != "y"))

    @property
    def text(self) -> str:
        """A module, whose buffers are allocs."""
        lines = [f"%{name} = buffer.alloc #nn.dims<64> : {ROW}" for name in self.buffers] + [op.text for op in self.ops]
        body = "\n  ".join(lines)
        return (
            f'func.func @main(%x : {ROW}, %y : {ROW}) attributes {{nn.inputs = ["x"], nn.outputs = ["y"], '
            f"buffer.arg_dims = [#nn.dims<64>, #nn.dims<64>]}} {{\n  {body}\n  func.return\n}}\n"
        )

    def without(self, op: Op) -> Graph:
        """The same without an op, and without the waits for an event that nothing records then."""
        lost = op.event if isinstance(op, Record) else None
        return Graph([o for o in self.ops if o is not op and not (isinstance(o, Wait) and o.event == lost)])

    def ended(self) -> dict[int, set[int]]:
        """For each launch, by number, those that have ended when it begins: paths along streams and from records to waits."""
        edges: dict[int, set[int]] = {i: set() for i in range(len(self.ops))}
        last: dict[int, int] = {}
        recorded: dict[str, int] = {}
        for i, op in enumerate(self.ops):
            if op.stream in last:
                edges[i].add(last[op.stream])
            last[op.stream] = i
            if isinstance(op, Record):
                recorded[op.event] = i
            elif isinstance(op, Wait):
                edges[i].add(recorded[op.event])
        before: dict[int, set[int]] = {}
        for i in edges:
            before[i] = set().union(*({j} | before[j] for j in edges[i]))
        numbers = {i: op.number for i, op in enumerate(self.ops) if isinstance(op, Launch)}
        return {numbers[i]: {numbers[j] for j in before[i] if j in numbers} for i in numbers}


def sequences(ended: dict[int, set[int]], done: tuple[int, ...] = ()) -> Iterator[tuple[int, ...]]:
    """All orders in which launches may run one after the other."""
    if len(done) == len(ended):
        yield done
    for launch in ended:
        if launch not in done and ended[launch] <= {*done}:
            yield from sequences(ended, (*done, launch))


def random_graph(seed: int, count: int, streams: int = 3) -> Graph:
    """A graph whose events hold what its launches require of each other, with some more. The last launch writes `y`."""
    draw, graph = random.Random(seed), Graph()
    made: list[str] = []
    begun = {0}

    def event(source: int, target: int) -> None:
        name = f"e{len(graph.ops)}"
        graph.ops += (Record(name, source), Wait(name, target))
        begun.add(target)

    for number in range(count):
        last = number == count - 1
        stream = 0 if last else draw.randrange(streams)
        reads = draw.sample(made, min(len(made), draw.randrange(1, 3))) or ["x"]
        if stream not in begun or draw.random() < 0.1:
            event(0, stream)
        if last:
            for other in sorted(begun - {0}):
                event(other, 0)
        for name in reads:
            writer = next((op for op in graph.launches if op.writes == name), None)
            if writer is not None and writer.stream != stream:
                event(writer.stream, stream)
        name = "y" if last else f"t{number}"
        graph.ops.append(Launch(tuple(reads), name, stream, number))
        made.append(name)
    return graph
