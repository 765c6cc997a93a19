"""Random graphs through trtc, against ONNX Runtime: built whole, or taken to kernels, on the simulator or on a GPU."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import where

import trtc
from trtc.compiler.codegen.cuda.cubin_cache import CubinCache
from trtc.compiler.frontend import import_onnx
from trtc.compiler.interpret.module import execute
from trtc.compiler.options import BuildOptions
from trtc.compiler.pipeline import run_pipeline
from trtc.compiler.targets import set_target

from . import graphs
from .graphs import Array, Case, random_graph

TOLERANCE = {"fp32": 1e-4, "fp16": 1e-2, "bf16": 1e-1}
TARGETS = where.targets("sm_80", "sm_90a")
Run = Callable[[dict[str, Array]], dict[str, Any]]


def built(case: Case, precision: str, target: str, cache: CubinCache | None) -> Run:
    """The graph as an engine, in a context whose memory is poisoned."""
    options = BuildOptions(precision=precision, target=target, profiles=case.profiles)
    return trtc.build(case.model, options, cache=cache).create_context(where.DEVICE, poison=True).run


def as_kernels(case: Case, precision: str, target: str) -> Run:
    """The graph's kernels on the simulator: neither threads nor CUDA C, so that NVRTC is not needed and a graph takes a third of the
    time."""
    options = BuildOptions(precision=precision, target=target, profiles=case.profiles)
    module = import_onnx(case.model, profiles=case.profiles)
    set_target(module, target)
    run_pipeline(module, options, stop_after="memory")
    return lambda inputs: execute(module, inputs)


def compare(case: Case, precision: str, target: str, cache: CubinCache | None, *, whole: bool = True) -> bool:
    """Compare every output for each set of sizes, `whole`: of an engine; False where trtc refuses the model with a reason."""
    try:
        run = built(case, precision, target, cache) if whole else as_kernels(case, precision, target)
    except (trtc.UnsupportedOpError, trtc.InvalidModelError):
        return False
    for inputs in case.inputs:
        got = run(inputs)
        for value, wanted in zip(case.model.graph.output, graphs.run_onnxruntime(case.model, inputs), strict=True):
            tolerance = max(TOLERANCE[precision], 1e-2 if case.holds_half else 0.0)
            graphs.assert_close(np.asarray(got[value.name]), wanted, tolerance, value.name)
    return True


def run_seeds(
    seeds: Sequence[int],
    precision: str,
    targets: Sequence[str],
    cache: CubinCache | None,
    *,
    control: bool = False,
    layers: bool = False,
    whole: bool = True,
) -> int:
    """Compare the graphs of these seeds, targets in turn; returns how many were refused. Raises AssertionError with the graph."""
    refused = 0
    for seed in seeds:
        case, target = random_graph(seed, precision, control=control, layers=layers), targets[seed % len(targets)]
        try:
            refused += not compare(case, precision, target, cache, whole=whole)
        except Exception as error:
            raise AssertionError(f"{precision} on {target}, {case}\n{type(error).__name__}: {error}") from error
    return refused
