"""Errors of whole models in narrow types against ONNX Runtime in fp32, on the simulator: `python test/bench/bench_accuracy.py [MODEL ...]`.

A case is a model of the zoo in one precision: the relative error of norms of the output by which models are compared, the worst of the
inputs of a few seeds. `--beside FILE` prints the errors of an earlier record too, such as another commit's. Needs no GPU and no NVRTC.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))
sys.path.insert(0, str(Path(__file__).parent))
import zoo
from records import Recorder

import trtc
from trtc.compiler.frontend import import_onnx
from trtc.compiler.interpret.module import execute
from trtc.compiler.pipeline import run_pipeline
from trtc.compiler.targets import set_target

SIZES = {"qdq_convnet": {"height": 48, "width": 64}}
"""Of models whose usual inputs are large."""
DTYPES = {"fp16": "f16", "bf16": "bf16", "tf32": "tf32", "fp32": "f32"}


def error_of(model: zoo.Model, precision: str, target: str, seeds: range) -> float:
    """The worst relative error over inputs of these seeds."""
    options = trtc.BuildOptions(precision=precision, target=target, profiles=model.profiles, verify_each=False)
    module = import_onnx(model.proto, profiles=model.profiles)
    set_target(module, target)
    run_pipeline(module, options, stop_after="kernels")
    errors: list[float] = []
    for seed in seeds:
        given = model.inputs(seed, **SIZES.get(model.name, {}))
        wanted = zoo.run_onnxruntime(model.proto, given, [model.compare])[model.compare]
        errors.append(zoo.relative_error(np.asarray(execute(module, given)[model.compare]), wanted))
    return max(errors)


def earlier(path: Path | None) -> dict[tuple[str, str], float]:
    """The errors of a record, by case and type."""
    if path is None:
        return {}
    cases = [json.loads(line) for line in path.read_text().splitlines()[1:]]
    return {(case["case"], case["dtype"]): case["error"] for case in cases}


def main() -> None:
    parser = argparse.ArgumentParser(description="Errors of whole models in narrow types.")
    parser.add_argument("models", nargs="*", choices=[*zoo.ALL, []], help="models of the zoo; all by default")
    parser.add_argument("--precision", nargs="*", default=["fp16", "bf16"], choices=DTYPES)
    parser.add_argument("--target", default="sm_80")
    parser.add_argument("--seeds", type=int, default=2, help="how many inputs")
    parser.add_argument("--beside", type=Path, metavar="FILE", help="an earlier record to compare with")
    args = parser.parse_args()
    before = earlier(args.beside)
    recorder = Recorder("accuracy", gpu=False)
    for name in args.models or list(zoo.ALL):
        for precision in args.precision:
            error = error_of(zoo.ALL[name](), precision, args.target, range(args.seeds))
            known = before.get((name, DTYPES[precision]))
            recorder.case(
                name, dtype=DTYPES[precision], unit="relative error", ours=error, error=error,
                peers={} if known is None else {"before": known}, note=f"{args.target}, simulator, {args.seeds} inputs",
            )  # fmt: skip


if __name__ == "__main__":
    main()
