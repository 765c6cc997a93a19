"""How benchmarks time: an engine and torch, both as CUDA graphs between events, and every choice that the schedules offer."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

import trtc
from trtc.compiler.pipeline import Observer
from trtc.dialects.kernel.types import CHOICE, Choice
from trtc.passes.kernels.building.group import GroupView
from trtc.passes.kernels.building.schedule import Refusal, target_of
from trtc.passes.kernels.schedules.registry import taking
from trtc.passes.kernels.select_schedule import TARGET, outlined

RUNS = 16
"""Runs of a small engine in one CUDA graph, and of its peer. The host needs 3 to 6 microseconds to start a graph, as it happens: a graph
of one small kernel would say that and not what the kernel takes."""


def replay_time(
    launch: Callable[[], object], stream: Any, *, repeats: int = 30, inner: int = 20, warmup: int = 5
) -> float:
    """Median microseconds of `launch()` on a CuPy stream: `inner` launches between two events, `repeats` times."""
    import cupy

    for _ in range(warmup * inner):
        launch()
    stream.synchronize()
    times: list[float] = []
    for _ in range(repeats):
        start, end = cupy.cuda.Event(), cupy.cuda.Event()
        start.record(stream)
        for _ in range(inner):
            launch()
        end.record(stream)
        end.synchronize()
        times.append(cupy.cuda.get_elapsed_time(start, end) * 1e3 / inner)
    return sorted(times)[len(times) // 2]


def _graph_time(launch: Callable[[], object], stream: Any, runs: int) -> float:
    """Median microseconds of one of the `runs` runs in a CUDA graph that `launch()` starts."""
    return replay_time(launch, stream, inner=max(2, 20 // runs)) / runs


def torch_graph_time(run: Callable[[], Any], runs: int = 1) -> float:
    """Median microseconds of `run()` in a CUDA graph made by torch, which holds it `runs` times."""
    import cupy
    import torch

    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.no_grad(), torch.cuda.stream(stream):
        for _ in range(3):
            run()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.no_grad(), torch.cuda.graph(graph):
        for _ in range(runs):
            run()
    return _graph_time(graph.replay, cupy.cuda.Stream.from_external(torch.cuda.current_stream()), runs)


def torch_compiled_time(net: Any, given: tuple[Any, ...]) -> float:
    """Median microseconds of `net(*given)` by torch.compile(mode="reduce-overhead"), which launches CUDA graphs of its own: what the host
    needs between them counts."""
    import cupy
    import torch

    compiled = torch.compile(net, mode="reduce-overhead")

    def launch() -> None:
        torch.compiler.cudagraph_mark_step_begin()  # the result of the run before may be overwritten
        compiled(*given)

    with torch.no_grad():
        return replay_time(launch, cupy.cuda.Stream.from_external(torch.cuda.current_stream()))


def engine_time(engine: trtc.Engine, inputs: Mapping[str, Any], runs: int = 1) -> tuple[dict[str, Any], float]:
    """(outputs of a run with poisoned memory, median microseconds of one inference in a CUDA graph that holds `runs`, without copies
    from the host)."""
    context: Any = engine.create_context(poison=True)
    outputs = context.run(inputs)
    context.poison = False
    prepared = context.prepare(inputs)
    context.launch(prepared, context.stream)
    graph = context.capture([packed for _, packed in prepared.launches] * runs)
    return outputs, _graph_time(lambda: graph.launch(context.stream), context.stream, runs)


def relative_error(got: Any, want: np.ndarray) -> float:
    """Error of norms, in float64."""
    wide = np.asarray(want, np.float64)
    if not wide.any():
        raise ValueError("expected a reference that is not all zeros, to which any result would be as near")
    return float(np.linalg.norm(np.asarray(got).astype(np.float64) - wide) / np.linalg.norm(wide))


def choices(engine: trtc.Engine) -> str:
    """The schedules and tunables of an engine's kernels, each once."""
    (variant,) = engine.inspect()["variants"].values()
    return re.sub(
        r" : i64|#kernel.choice|, workspace \[.*?\](?=>)", "", ", ".join(dict.fromkeys(variant["choices"].values()))
    )


class Forcing(Observer):
    """Lists the candidates of the groups anchored by an op of `anchors`, and gives these groups `choice` if there is one."""

    def __init__(self, *anchors: type, choice: Choice | None = None):
        self.anchors = anchors
        self.choice = choice
        self.candidates: list[Choice] = []

    def before_pass(self, index: int, step: Any, module: Any) -> None:
        if step.name != "select-schedule":
            return
        target = target_of(module.attributes.get(TARGET))
        for func in outlined(module):
            group = GroupView.of(func)
            if not isinstance(group.anchor(*self.anchors), self.anchors):
                continue
            for schedule in taking(group.anchor_classes):
                problem = schedule.match(group, target)
                if not isinstance(problem, Refusal):
                    self.candidates += schedule.configs(problem, target)
            if self.choice is not None:
                func.attributes[CHOICE] = self.choice
