"""Times on a GPU: of whole runs, and of each launch with the ONNX nodes that it computes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

from ..dialects.provenance import join_names
from .contexts.cuda import CudaContext, Prepared

_REPEATS = 50


@dataclass(frozen=True)
class LaunchTime:
    """One launch: its kernel, the ONNX nodes it computes, its grid, and its time alone, in microseconds."""

    kernel: str
    nodes: tuple[str, ...]
    grid: tuple[int, int, int]
    microseconds: float


@dataclass(frozen=True)
class Latencies:
    """Times of whole runs on the GPU, in milliseconds, in the order that they ran."""

    milliseconds: tuple[float, ...]

    def percentile(self, percent: float) -> float:
        """The time, in milliseconds, that `percent` of the runs do not exceed (nearest rank)."""
        ranked = sorted(self.milliseconds)
        return ranked[max(0, ceil(len(ranked) * percent / 100) - 1)]

    @property
    def mean(self) -> float:
        return sum(self.milliseconds) / len(self.milliseconds)


def profile(context: CudaContext, inputs: Mapping[str, Any], *, repeats: int = _REPEATS) -> list[LaunchTime]:
    """Times each launch of one inference by itself: as a graph of `repeats` launches, after the whole network ran once. A launch in a loop
    is timed for each set of addresses.

    Inputs are in L2 where they fit. A launch can be repeated because it reads no buffer that it writes.
    """
    prepared = context.prepare(inputs)
    cupy, queue = context.cupy, context.stream
    context.launch(prepared, queue)
    times: list[LaunchTime] = []
    for launch, packed in prepared.launches:
        graph = context.capture([packed] * repeats)
        begin, end = cupy.cuda.Event(), cupy.cuda.Event()
        graph.launch(queue)
        begin.record(queue)
        graph.launch(queue)
        end.record(queue)
        end.synchronize()
        elapsed = cupy.cuda.get_elapsed_time(begin, end)
        times.append(LaunchTime(launch.kernel.name, launch.nodes, launch.grid, 1e3 * elapsed / repeats))
    return times


def measure(context: CudaContext, inputs: Mapping[str, Any], *, warmup: int = 20, iterations: int = 200) -> Latencies:
    """Times whole runs with inputs and outputs on the GPU: each between two events, one after the other."""
    prepared = context.prepare(inputs)
    cupy, queue = context.cupy, context.stream
    for _ in range(max(2, warmup)):
        context.launch(prepared, queue)
    queue.synchronize()
    pairs = [_timed(context, prepared, cupy, queue) for _ in range(iterations)]
    queue.synchronize()
    return Latencies(tuple(cupy.cuda.get_elapsed_time(begin, end) for begin, end in pairs))


def _timed(context: CudaContext, prepared: Prepared, cupy: Any, queue: Any) -> tuple[Any, Any]:
    begin, end = cupy.cuda.Event(), cupy.cuda.Event()
    begin.record(queue)
    context.launch(prepared, queue)
    end.record(queue)
    return begin, end


def table(times: Sequence[LaunchTime]) -> str:
    """The launches as lines of text, longest first: time, share, kernel, ONNX nodes."""
    total = sum(time.microseconds for time in times) or 1.0
    lines = [f"{'us':>9} {'share':>6}  kernel [ONNX nodes]"]
    for time in sorted(times, key=lambda t: -t.microseconds):
        share = 100 * time.microseconds / total
        lines.append(f"{time.microseconds:9.2f} {share:5.1f}%  {time.kernel} [{join_names(time.nodes)}]")
    lines.append(f"{total:9.2f} 100.0%  {len(times)} launches, each timed alone")
    return "\n".join(lines)
