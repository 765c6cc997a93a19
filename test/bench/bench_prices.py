"""Prices of the cost model against what was recorded on a GPU: `python test/bench/bench_prices.py`. Needs no GPU.

Each record of the suites gemm, conv and row names the choices that it was measured with; these are priced for the GPU of the record.
Prints price, measurement and their ratio, then for each suite and element type the rank correlation (Spearman) and the mean error of the
logarithm.
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
import bench_conv
import bench_gemm
import bench_row

import trtc
from trtc.compiler.pipeline import phase_steps, run_passes
from trtc.compiler.targets import TARGET, set_target
from trtc.compiler.universe import make_context
from trtc.passes.kernels.building.group import GroupView
from trtc.passes.kernels.building.schedule import Refusal, choice_of, target_of
from trtc.passes.kernels.cost.gpus import gpu_of
from trtc.passes.kernels.cost.price import price
from trtc.passes.kernels.schedules.registry import schedule
from trtc.passes.kernels.select_schedule import outlined

RESULTS = Path(__file__).parent / "results"
SUITES = ("gemm", "conv", "row")
RECORDED = "2026-11-23-nvidia-h100-80gb-hbm3"
ARCH = "sm_90a"


@dataclass(frozen=True)
class Priced:
    """One record and its price, both in microseconds."""

    suite: str
    dtype: str
    case: str
    price: float
    measured: float

    @property
    def error(self) -> float:
        """Of the logarithm, with its sign: positive where the price is too high."""
        return math.log(self.price / self.measured)


def spearman(a: Sequence[float], b: Sequence[float]) -> float:
    """The correlation of the ranks, 1 where both are in one order; ties share their mean rank. NaN where either is constant."""
    ranks = [
        np.array([(np.less(x, v).sum() + np.less_equal(x, v).sum()) / 2 for v in x]) for x in map(np.asarray, (a, b))
    ]
    if any(np.ptp(r) == 0 for r in ranks):
        return math.nan
    return float(np.corrcoef(*ranks)[0, 1])


def records(suite: str) -> Iterator[dict[str, Any]]:
    """The cases of a suite as recorded."""
    for line in (RESULTS / f"{RECORDED}-{suite}.jsonl").read_text().splitlines()[1:]:
        yield json.loads(line)


def choices_in(note: str) -> dict[str, dict[str, int]]:
    """The tunables by schedule, from the note of a record."""
    found = re.findall(r'<"(\w+)", \{(.*?)\}>', note)
    return {name: {k: int(v) for k, v in re.findall(r"(\w+) = (\d+)", tunables)} for name, tunables in found}


def module_of(suite: str, record: dict[str, Any]) -> Any:
    """The module that a record was measured on, at the `nn` level."""
    case, dtype = record["case"], record["dtype"]
    match suite:
        case "gemm":
            return bench_gemm.module(*(int(v) for v in case.split("x")), dtype)
        case "conv":
            shape = bench_conv.Shape.parse(case, record["batch"])
            weights = np.zeros((shape.outputs, shape.window, shape.window, shape.channels), np.float16)
            return bench_conv.module(shape, weights)
        case _:
            return bench_row.network(*bench_row.parse(case), dtype).module()


def grouped(module: Any, arch: str = ARCH, options: trtc.BuildOptions | None = None) -> Any:
    """The module after all passes before `select-schedule`, changed in place."""
    set_target(module, arch)
    steps = [step for phase in phase_steps(options or trtc.BuildOptions()).values() for step in phase]
    before = [step.make() for step in steps[: [step.name for step in steps].index("select-schedule")]]
    run_passes(module, before, make_context())
    return module


def priced(suite: str, record: dict[str, Any]) -> Priced:
    """A record with the price of its choices, that of a graph of its own included, as it was measured."""
    module = grouped(module_of(suite, record))
    target, chosen = target_of(module.attributes[TARGET]), choices_in(record["note"])
    total = gpu_of(target).replay
    for func in outlined(module):
        view = GroupView.of(func)
        for name, tunables in chosen.items():
            problem = schedule(name).match(view, target) if view.anchor_classes in schedule(name).anchors else None
            if problem is not None and not isinstance(problem, Refusal):
                choice = choice_of(schedule(name), problem, tunables)
                total += price(schedule(name).work(problem, choice, target), target)
    case = record["case"] + (f" batch {record['batch']}" if record["batch"] else "")
    return Priced(suite, record["dtype"], case, total, record["ours"])


def summary(found: Sequence[Priced]) -> tuple[float, float]:
    """(rank correlation, mean absolute error of the logarithm)."""
    correlation = spearman([p.price for p in found], [p.measured for p in found])
    return correlation, sum(abs(p.error) for p in found) / len(found)


def main() -> None:
    for suite in SUITES:
        found = [priced(suite, record) for record in records(suite)]
        for p in found:
            print(
                f"{suite} {p.dtype:8s} {p.case:32s} price {p.price:9.2f} measured {p.measured:9.2f} us  {math.exp(p.error):.2f}x"
            )
        for dtype in dict.fromkeys(p.dtype for p in found):
            correlation, error = summary([p for p in found if p.dtype == dtype])
            print(f"{suite} {dtype}: rank correlation {correlation:.3f}, mean error of the logarithm {error:.3f}")


if __name__ == "__main__":
    main()
