"""Prices against measurements for all candidates of the groups of three models: `python test/bench/bench_tuning.py` (one GPU, < 5 minutes).

Each group becomes a module of its own, at the usual sizes of its profile, and is built and timed in a CUDA graph once for every candidate
of every schedule that takes it. A record for each group has the chosen candidate, the fastest, the first in the order of preference
(which is what would run if nothing competed) and Spearman's rank correlation of price and measurement. Further records have the correlation
over all candidates and, for the groups where competition changed the choice, what that gained or lost in all. `--seconds` bounds
the time: no further group is begun then, and models take turns, so that all of them have some.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from xdsl.dialects.builtin import ArrayAttr, ModuleOp, StringAttr
from xdsl.dialects.func import FuncOp, ReturnOp

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "models")]
from bench_prices import grouped, spearman  # noqa: E402
from records import Recorder  # noqa: E402
from timing import RUNS, engine_time  # noqa: E402

import trtc  # noqa: E402
from trtc.compiler.frontend import import_onnx  # noqa: E402
from trtc.compiler.pipeline import Observer  # noqa: E402
from trtc.compiler.targets import TARGET, describe_target, detect_arch  # noqa: E402
from trtc.dialects import nn  # noqa: E402
from trtc.dialects.dtypes import is_float, numpy_dtype  # noqa: E402
from trtc.dialects.kernel.types import CHOICE, Choice  # noqa: E402
from trtc.passes.kernels.building.group import GroupView  # noqa: E402
from trtc.passes.kernels.cost.gpus import gpu_of  # noqa: E402
from trtc.passes.kernels.schedules.competition import Candidate, Competition, compete  # noqa: E402
from trtc.passes.kernels.select_schedule import outlined  # noqa: E402

MODELS = ("open_nsfw", "minilm", "inception_v1")
LEAST = 3
"""Candidates of a group, for ranks to say anything."""
Measure = Callable[[ModuleOp, dict[str, np.ndarray], Candidate], float]
"""Microseconds of a group's module with one candidate."""


@dataclass(frozen=True)
class Group:
    """One group of a model."""

    model: str
    name: str
    module: ModuleOp
    """The group alone, at the `nn` level."""
    inputs: dict[str, np.ndarray]
    competition: Competition


@dataclass(frozen=True)
class Tuned:
    """What was measured of a group: microseconds of each candidate, in their order."""

    group: Group
    replay: float
    """Microseconds of its part of a graph, which prices leave out."""
    measured: tuple[float, ...]

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        return self.group.competition.candidates

    @property
    def prices(self) -> list[float]:
        return [c.price + self.replay for c in self.candidates]

    @property
    def chosen(self) -> float:
        return self.measured[self.candidates.index(self.group.competition.winner)]

    @property
    def first(self) -> float:
        return self.measured[0]

    @property
    def changed(self) -> bool:
        """Whether competition chose another than the first."""
        return self.group.competition.winner != self.candidates[0]

    @property
    def correlation(self) -> float:
        return spearman(self.prices, self.measured)


def alone(func: FuncOp, module: ModuleOp) -> ModuleOp:
    """The body of an outlined group as a module's @main, with the symbols of the module that it comes from."""
    copy = func.clone()
    main = FuncOp("main", copy.function_type, copy.detach_region(copy.body))
    last = main.body.block.last_op
    assert isinstance(last, ReturnOp)
    main.attributes["nn.inputs"] = ArrayAttr([StringAttr(f"x{i}") for i in range(len(main.body.block.args))])
    main.attributes["nn.outputs"] = ArrayAttr([StringAttr(f"y{i}") for i in range(len(last.operands))])
    made = ModuleOp([main])
    made.attributes.update((k, v) for k, v in module.attributes.items() if k == "nn.symbols")
    return made


def inputs_of(view: GroupView) -> dict[str, np.ndarray]:
    """Numbers for the operands of a group, at its usual sizes: floats of a normal distribution, integers 0 or 1."""
    rng, made = np.random.default_rng(0), dict[str, np.ndarray]()
    for i, value in enumerate(view.operands):
        shape, element = [view.usual(d) for d in nn.shape_of(value)], nn.element_of(value)
        numbers = rng.standard_normal(shape) if is_float(element) else rng.integers(0, 2, shape)
        made[f"x{i}"] = np.asarray(numbers).astype(numpy_dtype(element))
    return made


def stands_alone(func: FuncOp) -> bool:
    """Whether every symbol of a group is a dim of an operand, which a module of the group alone can read."""
    blocks = func.body.block
    given = {d.as_symbol() for value in blocks.args for d in nn.shape_of(value)}
    used = {name for op in blocks.ops for attribute in op.properties.values() if isinstance(attribute, nn.DimsAttr)
            for d in attribute.exprs for name in d.symbols()}  # fmt: skip
    shapes = (nn.shape_of(value) for op in blocks.ops for value in (*op.operands, *op.results))
    return used | {name for shape in shapes for d in shape for name in d.symbols()} <= given


def groups_of(name: str, module: ModuleOp, arch: str, precision: str) -> Iterator[Group]:
    """The different groups of a model that stay one group when they stand alone, and that have enough candidates."""
    seen: set[Any] = set()
    module = grouped(module, arch, trtc.BuildOptions(precision=precision))
    for func in outlined(module):
        if not stands_alone(func):
            continue
        view = GroupView.of(func)
        kinds = [op.name for op in view.ops]
        made = alone(func, module)
        inner = outlined(grouped(made.clone(), arch))
        if len(inner) != 1 or [op.name for op in GroupView.of(inner[0]).ops] != kinds:
            continue
        again = GroupView.of(inner[0])
        found = compete(again, module.attributes[TARGET])
        if again.signature in seen or not isinstance(found, Competition) or len(found.candidates) < LEAST:
            continue
        if all(math.isfinite(c.price) for c in found.candidates):
            seen.add(again.signature)
            yield Group(name, func.sym_name.data, made, inputs_of(view), found)


def in_turns(streams: Iterable[Iterator[Group]]) -> Iterator[Group]:
    """One of each, until all are done."""
    waiting = list(streams)
    while waiting:
        for stream in list(waiting):
            group = next(stream, None)
            if group is None:
                waiting.remove(stream)
            else:
                yield group


class Only(Observer):
    """Gives the only group of a module its choice."""

    def __init__(self, choice: Choice):
        self.choice = choice

    def before_pass(self, index: int, step: Any, module: Any) -> None:
        if step.name == "select-schedule":
            (func,) = outlined(module)
            func.attributes[CHOICE] = self.choice


def timed(module: ModuleOp, inputs: dict[str, np.ndarray], candidate: Candidate) -> float:
    """Builds the group with a candidate and times it on the GPU."""
    engine = trtc.build(module.clone(), observers=[Only(candidate.choice)])
    return engine_time(engine, inputs, RUNS)[1]


def tune(groups: Iterable[Group], replay: float, measure: Measure, seconds: float) -> Iterator[Tuned]:
    """Measures all candidates of one group after the other, until the time is over."""
    end = time.monotonic() + seconds
    for group in groups:
        if time.monotonic() > end:
            return
        yield Tuned(group, replay, tuple(measure(group.module, group.inputs, c) for c in group.competition.candidates))


def record(recorder: Recorder, tuned: Sequence[Tuned], dtype: str) -> None:
    """A record for each group, and those over all of them."""
    for t in tuned:
        winner, best = t.group.competition.winner, min(range(len(t.measured)), key=t.measured.__getitem__)
        note = (
            f"rank correlation {t.correlation:.2f} of {len(t.measured)}; price {winner.price + t.replay:.2f}; {winner}"
        )
        if t.changed:
            note += f"; first {t.candidates[0]}"
        recorder.case(
            f"{t.group.model} {t.group.name}", dtype=dtype, unit="us", ours=t.chosen,
            peers={"fastest": t.measured[best], "first": t.first}, note=f"{note}; fastest {t.candidates[best]}",
        )  # fmt: skip
    prices, measured = [p for t in tuned for p in t.prices], [m for t in tuned for m in t.measured]
    known = [t.correlation for t in tuned if not math.isnan(t.correlation)]
    recorder.case(
        "rank correlation", dtype=dtype, unit="", ours=spearman(prices, measured),
        peers={"mean of the groups": sum(known) / len(known)} if known else {},
        note=f"{len(measured)} candidates of {len(tuned)} groups of {len({t.group.model for t in tuned})} models",
    )  # fmt: skip
    changed = [t for t in tuned if t.changed]
    recorder.case(
        "changed by competition", dtype=dtype, unit="us", ours=sum(t.chosen for t in changed),
        peers={"first": sum(t.first for t in changed), "fastest": sum(min(t.measured) for t in changed)} if changed else {},
        note=", ".join(f"{t.group.model} {t.group.name} {t.chosen / t.first:.2f}x" for t in changed) or "none",
    )  # fmt: skip


def main() -> None:
    import zoo

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=MODELS)
    parser.add_argument("--precision", default="fp16")
    parser.add_argument("--seconds", type=float, default=270)
    given = parser.parse_args()
    arch = detect_arch()
    streams = []
    for name in given.models:
        model = getattr(zoo, name)()
        module = import_onnx(model.proto, profiles=model.profiles)
        streams.append(groups_of(name, module, arch, given.precision))
    recorder = Recorder("tuning")
    replay = gpu_of(describe_target(arch)).replay / RUNS
    record(recorder, list(tune(in_turns(streams), replay, timed, given.seconds)), given.precision)


if __name__ == "__main__":
    main()
