"""
Small groups for every schedule, to run thread by thread: few blocks, more reduction steps than a ring has stages, several tiles for a
persistent block, so that every slot, barrier phase and staging tile is used again.

`Case.kinds` are the kinds of synchronising thread ops that the lowered kernel has to have, neither more nor fewer.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from xdsl.dialects.builtin import ModuleOp, UnitAttr
from xdsl.dialects.func import FuncOp
from xdsl.ir import Attribute
from xdsl.parser import Parser

from trtc.compiler.pipeline import run_phase
from trtc.compiler.universe import make_context
from trtc.dialects import kernel, nn
from trtc.dialects.dtypes import numpy_dtype
from trtc.dialects.kernel.marks import EARLY, SIGNALS
from trtc.dialects.kernel.types import Choice
from trtc.dialects.meaning import run_function
from trtc.dialects.nn.base import ints
from trtc.passes.kernels.building.group import GroupView
from trtc.passes.kernels.building.schedule import Refusal, choice_of, target_of
from trtc.passes.kernels.lower_groups import lower
from trtc.passes.kernels.schedules.registry import schedule
from trtc.passes.kernels.select_schedule import CHOICE, TARGET, outlined
from trtc.runtime.simulator import run_kernel

sys.path.insert(0, str(Path(__file__).parent))
from attention_text import CAUSAL, START, attention, packed
from group_texts import (
    ARG_MAX_POOL,
    CHAINS,
    DEEP_POOL,
    LENGTH,
    LRN,
    MAX_POOL,
    MEAN,
    REFLECT,
    ROLL,
    SOFTMAX,
    SUM,
    add,
    applied_moments,
    batched,
    conv,
    conv_of_cast,
    conv_of_prologue,
    conv_over,
    embedding,
    gated,
    gather,
    layer_norm,
    lookups,
    masked_mean,
    matmul,
    matmul_i8,
    normalised_matmul,
    rnn,
    rolled_norm,
    scatter,
    sum_and_norm,
    sum_of_convs,
    two_results,
    unary,
)


@dataclass(frozen=True, eq=False)
class Case:
    """A group for one schedule. `tunables` replace those of the first candidate; `kinds` name ops without the dialect."""

    schedule: str
    name: str
    text: str
    kinds: str = ""
    tolerance: float = 2e-6
    tunables: Mapping[str, int | str] = field(default_factory=dict[str, "int | str"])
    repeats: str = ""
    """The name of another case of the schedule that has all its synchronisation: it is not deleted op by op again."""
    early: tuple[int, ...] | None = None
    """Of a dependent launch, the operands that are weights; None for any other."""

    def __str__(self) -> str:
        return f"{self.schedule}:{self.name}"


@dataclass(frozen=True, eq=False)
class Lowered:
    """A case's kernels in thread ops, in launch order, the tensors between them, the operands and what the results must be."""

    case: Case
    kernels: Sequence[kernel.FuncOp]
    workspace: Sequence[np.ndarray]
    operands: Sequence[np.ndarray]
    expected: Sequence[np.ndarray]

    def run(self, kernels: Sequence[kernel.FuncOp], seed: int) -> list[np.ndarray]:
        """The results of variants of the kernels, thread by thread. Raises SimulationError for a broken rule."""
        return self.launch(
            lambda made, arrays: run_kernel(made, arrays, {}, mode="thread", seed=seed, early=self.case.early), kernels
        )

    def launch(
        self,
        run: Callable[[kernel.FuncOp, Sequence[np.ndarray]], object],
        kernels: Sequence[kernel.FuncOp] | None = None,
    ) -> list[np.ndarray]:
        """The results after `run(kernel, flat tensors)` for each kernel in turn."""
        results = [np.full(want.size, 0x55, want.dtype) for want in self.expected]
        operands = [a.reshape(-1).copy() for a in self.operands]
        tensors = [*operands, *results, *(np.full_like(a, 0x55) for a in self.workspace)]
        for made in self.kernels if kernels is None else kernels:
            run(made, tensors)
        return [flat.reshape(want.shape) for flat, want in zip(results, self.expected, strict=True)]

    def check(self, results: Sequence[np.ndarray]) -> None:
        """Compares results with the group's meaning."""
        for got, want in zip(results, self.expected, strict=True):
            if want.dtype.kind in "bi":
                np.testing.assert_array_equal(got, want)
                continue
            wide = want.astype(np.float64)
            error = float(np.linalg.norm(got.astype(np.float64) - wide) / np.linalg.norm(wide))
            assert error <= self.case.tolerance, f"{self.case}: relative error {error} > {self.case.tolerance}"


def candidates(case: Case) -> list[Choice]:
    """All choices of the schedule for the case's group."""
    outline, target = _outline(case)
    return schedule(case.schedule).configs(_problem(case, outline, target), target_of(target))


def _problem(case: Case, outline: FuncOp, target: Attribute | None) -> object:
    problem = schedule(case.schedule).match(GroupView.of(outline), target_of(target))
    assert not isinstance(problem, Refusal), problem
    return problem


@cache
def lowered(case: Case, choice: Choice | None = None) -> Lowered:
    """The case's kernels for a choice, the case's own without one; the result is shared and must not be changed."""
    outline, target = _chosen(case, choice, case.early)
    group, choice = GroupView.of(outline), outline.attributes[CHOICE]
    assert isinstance(choice, Choice)
    rng = np.random.default_rng(0)
    operands = [_random(rng, t) for t in outline.function_type.inputs.data]
    expected = run_function(outline, operands, env={})
    kernels = lower(outline, target)
    assert group.module is not None
    holder = ModuleOp(kernels, dict(group.module.attributes))
    run_phase(holder, "threads")
    holder.verify()
    workspace = [
        np.empty(prod(d.evaluate({}) for d in t.dims.exprs), numpy_dtype(t.element_type)) for t in choice.workspace
    ]
    return Lowered(case, kernels, workspace, operands, expected)


def tiles(case: Case, early: tuple[int, ...]) -> Sequence[kernel.FuncOp]:
    """The case's kernels in tile ops, as those of a dependent launch with these weights."""
    return lower(*_chosen(case, None, early))


def _chosen(case: Case, choice: Choice | None, early: tuple[int, ...] | None) -> tuple[FuncOp, Attribute | None]:
    """The case's group with a choice, its own without one, and as a dependent launch where it has weights."""
    outline, target = _outline(case)
    if choice is None:
        problem = _problem(case, outline, target)
        choice = choice_of(schedule(case.schedule), problem, {**candidates(case)[0].values, **case.tunables})
    outline.attributes[CHOICE] = choice
    if early is not None:
        outline.attributes |= {EARLY: ints(early), SIGNALS: UnitAttr()}
    return outline, target


def _outline(case: Case) -> tuple[FuncOp, Attribute | None]:
    module = Parser(make_context(), case.text).parse_module()
    module.verify()
    (outline,) = outlined(module)
    return outline, module.attributes.get(TARGET)


def _random(rng: np.random.Generator, type_: object) -> np.ndarray:
    shape = [d.evaluate({}) for d in nn.shape_of(type_)]  # pyright: ignore[reportArgumentType]
    dtype = numpy_dtype(nn.element_of(type_))  # pyright: ignore[reportArgumentType]
    if dtype.kind == "i":
        return rng.integers(-2, 2, shape).astype(dtype)
    return rng.standard_normal(shape).astype(np.float32).astype(dtype)


SCATTERS = (
    ("add", "f32", 2e-6), ("add", "f16", 2e-3), ("add", "i64", 0.0), ("mul", "f32", 2e-6), ("max", "f32", 0.0), ("max", "bf16", 0.0),
    ("min", "f64", 0.0), ("min", "i32", 0.0), ("add", "i8", 0.0), ("max", "ui8", 0.0), ("mul", "i16", 0.0),
)  # fmt: skip

PIECE: dict[str, int | str] = {"rows": 16, "units": 32, "resident": 1, "blocks": 1, "meeting": "block"}
PIECES = PIECE | {"blocks": 3, "meeting": "cluster"}
APART = PIECE | {"units": 16, "resident": 0, "blocks": 2, "meeting": "grid"}
HELD = PIECE | {"rows": 8, "resident": 2, "blocks": 2, "meeting": "cluster"}
WHOLE = PIECE | {"units": 64, "parts": 1, "wn": 8}
ALONE: dict[str, int | str] = {"warps": 4, "per_warp": 4, "blocks": 1, "meeting": "block"}
WALK: dict[str, int | str] = {"units": 16, "wn": 2, "blocks": 2}
CLUSTER: dict[str, int | str] = {"warps": 4, "per_warp": 1, "blocks": 8, "meeting": "cluster"}
GRID: dict[str, int | str] = {"warps": 4, "per_warp": 1, "blocks": 3, "meeting": "grid"}
TF32 = ", math = #nn.math<tf32>"
CP_ASYNC = "bar_sync cp_async_commit cp_async_wait"
HOPPER = "mbar_init mbar_init_fence mbar_arrive mbar_expect mbar_wait wgmma_fence wgmma_commit wgmma_wait"
STORED = "bar_sync bulk_commit bulk_wait fence_proxy_async"


def gemm(name: str, text: str, bk: int, *, kinds: str = CP_ASYNC, tolerance: float = 2e-3, **more: int) -> Case:
    """Blocks of 32 x 32, or what else `more` says, by four warps, three stages."""
    tunables = {"bm": 32, "bn": 32, "bk": bk, "wm": 2, "wn": 2, "stages": 3, "staged": 0, **more}
    return Case("gemm_mma", name, text, kinds, tolerance, tunables)


def hopper(name: str, text: str, groups: int, bn: int, kinds: str = STORED, cluster: int = 1) -> Case:
    """Two stages; with one SM a block runs all tiles."""
    tunables = {"groups": groups, "bn": bn, "stages": 2, "cluster": cluster}
    return Case("gemm_sm90", name, text, f"{HOPPER} {kinds}", 2e-3, tunables)


def row(name: str, text: str, kinds: str, rows: int, threads: int, registers: int, loop: int) -> Case:
    """`threads` threads for each of a block's `rows` rows."""
    tunables = {"rows": rows, "threads": threads, "vector": 4, "registers": registers, "loop": loop}
    return Case("row", name, text, kinds, 2e-6, tunables)


def hopper_attention(
    name: str, text: str, tolerance: float = 1e-3, repeats: str = "", stored: bool = True, **tunables: int
) -> Case:
    """
    64 queries per block, 32 keys per tile, two stages; `stored`: by TMA. With one stage all keys are in one tile, whose slots nobody waits
    for again.
    """
    tile = {"groups": 1, "keys": 32, "stages": 2, "ahead": 1, **tunables}
    kinds = f"{HOPPER} {STORED if stored else 'bar_sync'}"
    kinds = kinds.replace("mbar_arrive ", "") if tile["stages"] == 1 else kinds
    return Case("attention_sm90", name, text, kinds, tolerance, tile, repeats)


def mma_attention(
    name: str, text: str, tolerance: float = 1e-3, repeats: str = "", kinds: str = CP_ASYNC, **tunables: int
) -> Case:
    """32 queries per block, 32 keys per tile, two stages."""
    tile = {"warps": 2, "keys": 32, "stages": 2, **tunables}
    return Case("attention_mma", name, text, kinds, tolerance, tile, repeats)


def attention_features(hopper: bool) -> list[tuple[str, str, float]]:
    """(name, group, tolerance): what attention may have, at few queries and odd numbers of keys."""
    window, cap = ", window = 40 : i64", ", softcap = 3.0 : f64"
    made: list[tuple[str, str, float]] = []

    def add(name: str, *sizes: int, tolerance: float = 1e-3, **more: Any) -> None:
        made.append((name, attention(*sizes, hopper=hopper, **more), tolerance))

    add("causal-behind", 40, 90, flags=CAUSAL)
    add("causal-ahead", 90, 40, flags=f"{CAUSAL}, zero_masked")
    add("causal-from-the-start", 70, 90, flags=START)
    add("window", 70, 90, flags=CAUSAL + window)
    add("window-without-causal", 20, 90, flags=window)
    add("softcap", 20, 50, flags=cap)
    add("boolean-mask", 20, 50, batch=2, heads=2, mask="tensor<2x1x1x50xi1>")
    add("added-mask", 20, 50, batch=2, heads=2, mask="tensor<1x2x20x50xf16>")
    add("repeated-mask", 20, 50, batch=6, heads=2, mask="tensor<3x1x20x50xf16>")
    add("rounded-scores", 20, 50, mask="tensor<1x1x20x50xf16>", flags=", scores = f16")
    add("grouped-heads", 20, 50, 32, batch=2, heads=4, key_heads=2)
    add("one-batch-of-keys", 20, 50, 32, batch=3, key_batch=1)
    add("heads-of-16", 20, 50, 16)
    add("heads-of-40", 20, 50, 40)
    add("heads-of-96", 20, 50, 96)
    add("heads-of-256", 20, 50, 256)
    add("wider-values", 20, 50, 32, value_head=72)
    add("bf16", 20, 50, element="bf16", tolerance=1e-2)
    add("f32-result", 20, 50, result="f32")
    add("transposed", 20, 50, 64, batch=2, heads=2, transposed=True, epilogue="relu")
    add("negative-scale", 20, 50, scale=-0.125)
    made.append(("packed", packed(2, 40, 2, 32, hopper=hopper), 1e-3))
    return made


ATTENTION_SM90 = (
    hopper_attention("ahead", attention(64, 165, hopper=True)),
    hopper_attention("pieces", attention(64, 80, 80, hopper=True), keys=16),
    hopper_attention("two-warpgroups", attention(128, 165, hopper=True), groups=2, ahead=0),
    hopper_attention("whole-tiles", attention(64, 160, hopper=True), ahead=0),
    hopper_attention("one-tile", attention(64, 50, hopper=True), keys=64, stages=1, ahead=0),
    hopper_attention("causal", attention(130, 130, hopper=True, flags=CAUSAL), keys=16),
    hopper_attention("causal-one-by-one", attention(130, 130, hopper=True, flags=CAUSAL), keys=16, ahead=0),
    *(
        hopper_attention(name, text, tolerance, "ahead", stored=name != "f32-result", keys=16)
        for name, text, tolerance in attention_features(True)
    ),
)
ATTENTION_MMA = (
    mma_attention("two-stages", attention(32, 100, hopper=False)),
    mma_attention("three-stages", attention(32, 100, 80, hopper=False), stages=3),
    mma_attention("causal", attention(70, 70, hopper=False, flags=CAUSAL)),
    *(mma_attention(name, text, tolerance, "two-stages") for name, text, tolerance in attention_features(False)),
    mma_attention("odd-rows", attention(20, 50, 17, hopper=False), repeats="two-stages", kinds="bar_sync"),
    mma_attention(
        "f32-in-memory",
        attention(20, 50, element="f32", flags=", math = #nn.math<f16>", hopper=False),
        repeats="two-stages",
        kinds="bar_sync",
    ),
)


CASES = (
    gemm("f16", matmul(40, 40, 160, "f16"), 32),
    gemm("f16-staged", matmul(40, 40, 160, "f16"), 32, staged=1),
    gemm("f16-odd-rows", matmul(20, 33, 161, "f16"), 32, kinds="bar_sync"),  # two bytes at a time: not by cp.async
    gemm("f16-one-odd-operand", matmul(20, 33, 160, "f16", kn=True), 32),
    gemm("f32", matmul(20, 40, 80, "f32"), 16, tolerance=2e-6),
    gemm("tf32", matmul(40, 40, 80, "f32", math="tf32"), 16),
    gemm("i8", matmul_i8(40, 40, 320), 64, tolerance=0.0),
    gemm("conv", conv(6, 6, 16, 24), 32),
    gemm("conv-1d", conv_over([40], 16, 24), 32),
    gemm("conv-3d", conv_over([3, 4, 5], 16, 24), 32),
    gemm("conv-of-cast", conv_of_cast(6, 6, 24), 32, kinds="bar_sync"),
    gemm("conv-of-prologue", conv_of_prologue(5, 6, 16, 24), 32),
    gemm("two-products", sum_of_convs(5, 6, 80, 24, stride=2), 32),
    gemm("two-results", two_results(40, 40, 160), 32, staged=1),
    gemm("batched-kn", batched(20, 40, 160), 32),
    gemm("normalised", normalised_matmul(40, 192, 160), 32, staged=1, bn=64),
    gemm("normalised-bf16", normalised_matmul(40, 128, 160, "bf16", parts=9, centred=False), 32, staged=1, bn=128),
    gemm("normalised-by-32", normalised_matmul(40, 96, 160, part=32), 32, staged=1),
    gemm("gated", gated(40, 40, 160, "f16"), 32),
    gemm("gated-staged", gated(40, 40, 160, "f16"), 32, staged=1),
    gemm("gated-one-row", gated(1, 24, 161, "bf16", gate="gelu", kn=True), 32, tolerance=1e-2),
    gemm("gated-f32", gated(20, 40, 80, "f32", gate="relu"), 16, tolerance=2e-6),
    gemm("gated-tf32", gated(40, 40, 80, "f32", math="tf32"), 16),
    hopper("gated", gated(128, 160, 192, "f16", sms=1), groups=1, bn=192),  # three pieces per tile, of 32 columns
    hopper("gated-two-warpgroups", gated(130, 136, 192, "f16", gate="gelu", sms=1), groups=2, bn=128),
    hopper("gated-cluster", gated(256, 128, 192, "f16", sms=2), 1, 128, f"{STORED} cluster_sync", cluster=2),
    hopper("gated-narrow", gated(1, 48, 192, "f16", gate="relu", sms=1), groups=1, bn=32),
    hopper("gated-plain-store", gated(128, 36, 192, "f16", sms=1), groups=1, bn=64, kinds="bar_sync"),
    hopper("matmul", matmul(128, 192, 192, "f16", sms=1), groups=1, bn=192),  # three pieces per tile
    hopper("two-results", two_results(128, 192, 192, sms=1), groups=1, bn=192),  # six pieces per tile
    hopper("two-products", sum_of_convs(8, 18, 128, 64, stride=2, sms=1), groups=1, bn=64),
    hopper("two-warpgroups", matmul(128, 256, 192, "f16", sms=1), groups=2, bn=128),
    hopper("cluster", matmul(256, 128, 192, "f16", sms=2), 1, 128, f"{STORED} cluster_sync", cluster=2),
    hopper("conv", conv(12, 16, 64, 32, sms=1), groups=1, bn=32),  # one piece per tile
    hopper("conv-1d", conv_over([200], 64, 32, sms=1), groups=1, bn=32),
    hopper("conv-3d", conv_over([4, 6, 8], 64, 32, sms=1), groups=1, bn=32),
    hopper("narrow", matmul(49, 48, 192, "f16", sms=1), groups=1, bn=16),  # lines of 32 bytes in the epilogue
    hopper("normalised", normalised_matmul(100, 192, 192, sms=1), groups=1, bn=192),
    hopper("normalised-bf16", normalised_matmul(130, 192, 192, "bf16", parts=9, centred=False, sms=1), 2, 128),
    hopper("normalised-by-16", normalised_matmul(70, 48, 192, part=16, sms=1), groups=1, bn=16),
    hopper("plain-store", matmul(128, 36, 192, "f16", sms=1), groups=1, bn=64, kinds="bar_sync"),
    *ATTENTION_SM90,
    *ATTENTION_MMA,
    row("softmax", unary(SOFTMAX, "2x500xf32", "2x500xf32", "row"), "bar_sync", 1, 128, 4, loop=0),
    row("softmax-in-chunks", unary(SOFTMAX, "2x1300xf32", "2x1300xf32", "row"), "bar_sync", 1, 128, 4, loop=1),
    row("layer-norm", layer_norm(3, 500), "bar_sync", 2, 64, 8, loop=0),
    row("sum-and-norm", sum_and_norm(3, 500), "bar_sync", 2, 64, 8, loop=0),
    row("sum-and-norm-in-chunks", sum_and_norm(3, 500), "bar_sync", 2, 64, 4, loop=1),
    row("layer-norm-in-chunks", layer_norm(3, 500), "bar_sync", 2, 64, 4, loop=1),
    row("embedding", embedding(500, norm=True), "bar_sync", 2, 64, 8, loop=0),
    row("embedding-in-chunks", embedding(500, norm=True), "bar_sync", 2, 64, 4, loop=1),
    row("warp-per-row", unary(SOFTMAX, "5x40xf32", "5x40xf32", "row"), "", 4, 32, 4, loop=0),
    row("rolled-norm", rolled_norm(), "", 4, 32, 4, loop=0),
    row("rolled-norm-in-chunks", rolled_norm(), "", 4, 32, 4, loop=1),
    Case("reduce_split", "columns", unary(SUM, "2x66000xf32", "2xf32", "row"), "bar_sync"),
    Case("reduce_split", "outer", unary(MEAN, "2100x33xf32", "33xf32", "row"), ""),
    *(Case("gemv_chain", *case) for case in CHAINS),
    Case("row", "masked-mean", masked_mean(70, 33), tunables={"rows": 32, "threads": 4}),
    row("l2-norm", unary(LENGTH, "3x500xf32", "3x500xf32", "row"), "bar_sync", 2, 64, 8, loop=0),
    row("l2-norm-in-chunks", unary(LENGTH, "3x500xf32", "3x500xf32", "row"), "bar_sync", 2, 64, 4, loop=1),
    Case("row", "reduce-outer", unary(MEAN, "70x33xf32", "33xf32", "row")),
    Case("window", "max-pool", unary(MAX_POOL, "1x6x6x8xf16", "1x3x3x8xf16", "window"), "", 2e-3),
    Case("window", "max-pool-3d", unary(DEEP_POOL, "1x3x5x4x8xf16", "1x3x2x3x8xf16", "window"), "", 2e-3),
    Case("window", "arg-max-pool", unary(ARG_MAX_POOL, "1x6x6x8xf16", "1x3x3x8xi64", "window"), "", 0.0),
    Case("window", "depthwise", conv(6, 6, 8, 8, groups=8, anchor="window"), "", 2e-3),
    Case("lrn", "f32", unary(LRN, "2x3x7xf32", "2x3x7xf32", "row"), "", 5e-6),
    Case("moments", "of-rows", unary("row_moments X {columns = 64 : i64}", "19x192xf16", "2x19x3xf32", "row")),
    Case("moments", "applied", applied_moments(19, 100, 3)),
    Case("pointwise", "reflect", unary(REFLECT, "3x4x5xf32", "4x5x9xf32", "pointwise"), "", 0.0),
    Case("pointwise", "roll", unary(ROLL, "3x4x5xf32", "3x4x5xf32", "pointwise"), "", 0.0),
    Case("gather", "axis-1", gather()),
    Case("gather", "embedding", embedding(12, norm=False)),
    Case("rnn_resident", "lstm-block", rnn("lstm", 32, lengths=True, element="f16"), CP_ASYNC, 2e-3, PIECE),
    Case(
        "rnn_resident",
        "gru-cluster",
        rnn("gru", 96, steps=2, sms=8, flags=TF32),
        f"{CP_ASYNC} cluster_sync",
        1e-3,
        PIECES,
    ),
    Case(
        "rnn_resident",
        "rnn-grid",
        rnn("rnn", 32, direction="bidirectional", element="bf16", sms=8),
        f"{CP_ASYNC} grid_sync",
        1e-2,
        APART,
    ),
    Case(
        "rnn_resident", "lstm-held", rnn("lstm", 64, steps=2, sms=8, lengths=True), "bar_sync cluster_sync", 1e-5, HELD
    ),
    Case(
        "rnn_resident", "lstm-quantized", rnn("lstm", 64, steps=2, lengths=True, quantized=True), CP_ASYNC, 1e-5, WHOLE
    ),
    Case(
        "rnn_resident",
        "lstm-quantized-cluster",
        rnn("lstm", 64, steps=2, sms=8, quantized=True),
        "bar_sync cluster_sync",
        1e-5,
        HELD | {"rows": 16},
    ),
    Case(
        "rnn_resident",
        "lstm-quantized-grid",
        rnn("lstm", 64, steps=2, sms=8, quantized=True),
        "bar_sync grid_sync",
        1e-5,
        APART | {"units": 32},
    ),
    Case("rnn_lanes", "lstm-quantized", rnn("lstm", 12, quantized=True), "bar_sync", 1e-5, ALONE),
    Case("rnn_streamed", "lstm-quantized", rnn("lstm", 20, quantized=True), "bar_sync", 1e-5, {"units": 16, "wn": 2}),
    Case("rnn_lanes", "lstm-block", rnn("lstm", 12, lengths=True), "bar_sync", 1e-5, ALONE),
    Case("rnn_lanes", "gru-cluster", rnn("gru", 20, direction="bidirectional", sms=8), "cluster_sync", 1e-5, CLUSTER),
    Case("rnn_lanes", "lstm-grid", rnn("lstm", 12, batch=1, element="f16"), "grid_sync", 2e-3, GRID),
    Case("rnn_streamed", "lstm", rnn("lstm", 20, lengths=True, flags=TF32), "bar_sync", 1e-3, {"units": 16, "wn": 2}),
    Case(
        "rnn_streamed",
        "gru",
        rnn("gru", 20, direction="reverse", element="f16"),
        "bar_sync",
        2e-3,
        {"units": 16, "wn": 2},
    ),
    Case("rnn_streamed", "rnn", rnn("rnn", 40, direction="bidirectional", element="bf16"), "bar_sync", 1e-2),
    Case(
        "rnn_streamed",
        "rnn-cluster",
        rnn("rnn", 40, sms=8, element="f16"),
        "cluster_sync",
        2e-3,
        WALK | {"meeting": "cluster"},
    ),
    Case(
        "rnn_streamed",
        "gru-grid",
        rnn("gru", 40, steps=2, element="f16"),
        "grid_sync",
        2e-3,
        WALK | {"meeting": "grid"},
    ),
    Case("pointwise", "add", add()),
    Case("pointwise", "lookups", lookups()),
    Case("sort", "one-launch", unary("argsort X {axis = 1 : i64}", "3x20x2xf32", "3x20x2xi32", "positions")),
    Case("sort", "merges", unary("argsort X {axis = 0 : i64, descending}", "300xf32", "300xi32", "positions")),
    Case("sort", "equal-elements", unary("argsort X {axis = 1 : i64}", "2x150xi8", "2x150xi32", "positions")),
    Case(
        "scan",
        "one-launch",
        unary("cumulative sum X {axis = 1 : i64, exclusive}", "5x30x3xf32", "5x30x3xf32", "positions"),
    ),
    Case(
        "scan",
        "three-launches",
        unary("cumulative sum X {axis = 0 : i64, reverse}", "1100xi32", "1100xi32", "positions"),
    ),
    Case("scan", "f16", unary("cumulative sum X {axis = 1 : i64}", "2x70xf16", "2x70xf16", "positions"), "", 2e-3),
    *(
        Case("scatter", f"{kind}-{element}", scatter(kind, element), "", tolerance)
        for kind, element, tolerance in SCATTERS
    ),
)
