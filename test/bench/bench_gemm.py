"""Matrix products compared with cuBLAS (torch.matmul in a CUDA graph), same run: `python test/bench/bench_gemm.py [MxNxK ...]`.

Prints and records microseconds, the error against float64 on fresh inputs, TFLOP/s and the ratio to cuBLAS. `--schedule NAME` allows only
that schedule.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from records import Recorder
from timing import RUNS, choices, engine_time, relative_error, torch_graph_time

import trtc
from trtc.compiler.universe import make_context

SHAPES = (
    "128x768x768", "128x3072x768", "128x768x3072", "1024x3072x768", "4096x768x3072", "4096x3072x768", "4096x4096x4096", "8192x8192x8192",
    "4000x4104x4080",
)  # fmt: skip
DTYPES = {"f16": "float16", "bf16": "bfloat16", "f32": "float32", "tf32": "float32"}


def module(m: int, n: int, k: int, dtype: str) -> Any:
    """C = A B^T as a module."""
    from xdsl.parser import Parser

    element = "f32" if dtype == "tf32" else dtype
    math = ", math = #nn.math<tf32>" if dtype == "tf32" else ""
    a, b, c = f"tensor<{m}x{k}x{element}>", f"tensor<{n}x{k}x{element}>", f"tensor<{m}x{n}x{element}>"
    text = f"""
    func.func @main(%a: {a}, %b: {b}) -> {c} attributes {{nn.inputs = ["a", "b"], nn.outputs = ["c"]}} {{
      %0 = nn.matmul %a, %b {{transpose_b{math}}} : ({a}, {b}) -> {c}
      func.return %0 : {c}
    }}"""
    return Parser(make_context(), text).parse_module()


def reference(a: Any, b: Any) -> tuple[Any, Any]:
    """(sampled rows, their product in float64)."""
    import cupy

    rows = cupy.arange(0, a.shape[0], max(1, a.shape[0] // 64))
    return rows, a[rows].astype(cupy.float64) @ b.astype(cupy.float64).T


def measure(recorder: Recorder, shape: str, dtype: str, options: trtc.BuildOptions) -> None:
    import cupy
    import torch

    m, n, k = (int(v) for v in re.split("x", shape))
    engine = trtc.build(module(m, n, k, dtype), options)
    torch.backends.cuda.matmul.allow_tf32 = dtype == "tf32"
    a = torch.randn(m, k, device="cuda").to(getattr(torch, DTYPES[dtype]))
    b = torch.randn(n, k, device="cuda").to(getattr(torch, DTYPES[dtype]))
    inputs = {"a": cupy.from_dlpack(a), "b": cupy.from_dlpack(b)}
    outputs, time = engine_time(engine, inputs, RUNS)
    rows, want = reference(inputs["a"], inputs["b"])
    error = relative_error(cupy.asnumpy(outputs["c"][rows]), cupy.asnumpy(want))
    c = torch.empty(m, n, device="cuda", dtype=a.dtype)
    cublas = torch_graph_time(lambda: torch.matmul(a, b.T, out=c), RUNS)
    tflops = 2e-6 * m * n * k / time
    recorder.case(
        shape,
        dtype=dtype,
        unit="us",
        ours=time,
        peers={"cublas": cublas},
        error=error,
        note=f"{tflops:.0f} TFLOP/s {choices(engine)}",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shapes", nargs="*", default=SHAPES)
    parser.add_argument("--dtype", nargs="*", default=["f16", "tf32"], choices=DTYPES)
    parser.add_argument("--schedule", default=None)
    arguments = parser.parse_args()
    np.random.seed(0)
    schedules = None if arguments.schedule is None else (arguments.schedule,)
    recorder = Recorder("gemm")
    for dtype in arguments.dtype:
        for shape in arguments.shapes:
            measure(recorder, shape, dtype, trtc.BuildOptions(schedules=schedules))


if __name__ == "__main__":
    main()
