"""The cost model: what makes a launch cost more, how far it is from the records of an H100, and when a lower price counts."""

from __future__ import annotations

import sys
from dataclasses import replace
from math import inf, isclose
from pathlib import Path

import pytest
from xdsl.dialects.builtin import IntAttr, StringAttr

from trtc.compiler.targets import describe_target
from trtc.dialects.errors import PassError
from trtc.dialects.kernel.types import Target
from trtc.passes.kernels.building.work import ISSUE, Work
from trtc.passes.kernels.cost.gpus import GPUS, H100, gpu_of
from trtc.passes.kernels.cost.price import RESERVED_SMEM, launch_price, price, resident

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))
import bench_prices

HOPPER = describe_target("sm_90a")
SMALL = Work(
    blocks=132, threads=128, registers=32, dram_bytes=1e6, l2_bytes=4096, smem=8192, steps=10, operations={ISSUE: 1e4}
)


def cost(**changed: object) -> float:
    return launch_price(replace(SMALL, **changed), HOPPER)  # type: ignore[arg-type]


def test_a_launch_costs_at_least_its_node_in_the_graph() -> None:
    assert cost(dram_bytes=0, l2_bytes=0, operations={}, steps=1, ahead=100.0) > H100.launch
    assert isclose(price([SMALL, SMALL], HOPPER), 2 * launch_price(SMALL, HOPPER))


@pytest.mark.parametrize(
    "more",
    [
        {"blocks": 132 * 64}, {"steps": 20}, {"operations": {ISSUE: 1e5}}, {"l2_bytes": 1e5}, {"dram_bytes": 1e9}, {"epilogue": 1e6},
        {"blocks": 132 * 64 + 1, "whole_waves": True}, {"blocks": 132 * 64, "refill": 1.0, "whole_waves": True},
        {"blocks": 132 * 64, "smem": 200_000}, {"blocks": 132 * 64, "registers": 255},
    ],
)  # fmt: skip
def test_more_of_anything_takes_longer(more: dict[str, object]) -> None:
    less = {k: more[k] for k in ("blocks",) if len(more) > 1} | ({"whole_waves": True} if "refill" in more else {})
    assert cost(**more) > cost(**less)


def test_steps_ahead_hide_waits_and_no_more() -> None:
    assert cost(ahead=2.0) < cost()
    assert cost(ahead=1e6) == cost(ahead=1e7)


def test_waits_for_other_blocks_come_on_top() -> None:
    apart = cost(steps=100, latency=2.0) - cost(steps=100, latency=1.0)
    assert apart == pytest.approx(100 * H100.wait / H100.clock, rel=0.05)
    assert cost(steps=100, latency=1.0) > cost(steps=100, ahead=1.0)


def test_bytes_that_stay_in_l2_are_faster() -> None:
    inside, outside = (cost(dram_bytes=H100.l2_bytes * f, steps=1) for f in (1.0, 1.01))
    assert outside > 1.5 * inside


def test_what_an_sm_holds() -> None:
    assert resident(replace(SMALL, smem=HOPPER.smem.data - RESERVED_SMEM), H100, HOPPER.smem.data) == 1
    assert resident(replace(SMALL, smem=HOPPER.smem.data), H100, HOPPER.smem.data) == 0
    assert resident(replace(SMALL, smem=0, registers=255), H100, HOPPER.smem.data) == 2
    assert resident(replace(SMALL, smem=0, threads=1024, registers=255), H100, HOPPER.smem.data) == 1
    assert resident(replace(SMALL, smem=0, threads=4096), H100, HOPPER.smem.data) == 0
    assert cost(smem=HOPPER.smem.data) == inf


def test_each_known_target_has_a_description() -> None:
    assert gpu_of(HOPPER) is H100 and H100.source.startswith("records of")
    for arch in ("sm_80", "sm_86", "sm_89", "sm_100", "sm_120"):
        assert gpu_of(describe_target(arch)) is GPUS[int(arch.removeprefix("sm_"))]
        assert gpu_of(describe_target(arch)).source == "datasheet"
    assert gpu_of(Target(StringAttr("sm_87"), IntAttr(16), IntAttr(166912))) is GPUS[86]


def test_work_of_nothing_and_of_unknown_pipes_is_an_error() -> None:
    with pytest.raises(PassError, match="expected at least one block"):
        replace(SMALL, blocks=0)
    with pytest.raises(PassError, match=r"expected operations of mma_f16, .* on NVIDIA H100, got warp"):
        cost(operations={"warp": 1.0})


# Against the records.

LIMITS = {
    # suite, element type -> (least rank correlation, greatest mean error of the logarithm). tf32: its rounding is emulated, at the cost
    # of as many instructions as products, which nothing counts yet; only one schedule takes it, so that orders suffer little.
    ("gemm", "f16"): (0.97, 0.10),
    ("gemm", "tf32"): (0.95, 0.35),
    ("conv", "f16"): (0.97, 0.12),
    ("row", "float16"): (0.93, 0.15),
    ("row", "float32"): (0.95, 0.15),
}


@pytest.fixture(scope="module")
def found() -> list[bench_prices.Priced]:
    return [
        bench_prices.priced(suite, record) for suite in bench_prices.SUITES for record in bench_prices.records(suite)
    ]


@pytest.mark.parametrize("suite, dtype", LIMITS)
def test_prices_rank_as_the_records_do(found: list[bench_prices.Priced], suite: str, dtype: str) -> None:
    some = [p for p in found if (p.suite, p.dtype) == (suite, dtype)]
    assert len(some) >= 9
    correlation, error = bench_prices.summary(some)
    least, greatest = LIMITS[suite, dtype]
    assert correlation >= least and error <= greatest, "\n".join(map(str, some))


def test_prices_rank_over_all_records(found: list[bench_prices.Priced]) -> None:
    correlation, _ = bench_prices.summary(found)
    assert len(found) == 68 and correlation >= 0.95


def test_rank_correlation() -> None:
    assert isclose(bench_prices.spearman([1, 2, 3], [10, 20, 30]), 1)
    assert isclose(bench_prices.spearman([1, 2, 3], [30, 20, 10]), -1)
    assert isclose(bench_prices.spearman([1, 2, 2, 3], [1, 2, 3, 4]), 0.9486832980505138)
