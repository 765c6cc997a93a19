"""Softmax, layer-norm and reductions compared with torch eager (in a CUDA graph), same run: `python test/bench/bench_row.py [case ...]`.

    python test/bench/bench_row.py sum:1x1048576:1 --candidates

A case is an op, the dims and, for reductions, the axes. Prints and records microseconds, GB/s of reading the input once and writing the
output once, and the error against torch in float64. `--candidates` builds and times every candidate of every schedule that accepts it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from records import Recorder
from timing import RUNS, Forcing, choices, engine_time, relative_error, torch_graph_time

import trtc
from trtc.dialects import nn

CASES = (
    "softmax:1536x128", "softmax:4096x1000", "softmax:49152x512", "softmax:256x32768", "layer_norm:128x768", "layer_norm:4096x768",
    "layer_norm:4096x4096", "mean:32x7x7x2048:1,2", "mean:32x56x56x64:1,2", "sum:4096x4096:1", "sum:65536x64:0", "sum:1x65536:1",
    "sum:1x262144:1", "sum:1x1048576:1", "sum:8x262144:1", "max:1x16777216:1",
)  # fmt: skip
ANCHORS = (nn.SoftmaxOp, nn.LayerNormOp, nn.ReduceOp)


def parse(text: str) -> tuple[str, list[int], list[int]]:
    """Op, dims and axes of a case."""
    op, dims, *axes = text.split(":")
    return op, [int(d) for d in dims.split("x")], [int(a) for a in axes[0].split(",")] if axes else []


def network(
    op: str,
    dims: Sequence[int],
    axes: Sequence[int],
    dtype: str,
    parameters: tuple[np.ndarray, np.ndarray] | None = None,
) -> trtc.Network:
    """y = op(x); `parameters` are scale and bias of a layer-norm, by default zeros."""
    net = trtc.Network()
    x = net.add_input("x", dtype, dims)
    match op:
        case "softmax":
            y = net.add_softmax(x)
        case "layer_norm":
            zeros = np.zeros(dims[-1], dtype)
            y = net.add_layer_norm(x, *(net.add_constant(v) for v in parameters or (zeros, zeros)))
        case kind:
            y = net.add_reduce(kind, x, axes)
    net.mark_output(y, "y")
    return net


class Bench:
    """One case with its data."""

    def __init__(self, text: str, dtype: str):
        import torch

        self.op, self.dims, self.axes = parse(text)
        self.dtype = dtype
        torch.manual_seed(0)
        self.x = torch.randn(self.dims, device="cuda").to(getattr(torch, dtype))
        self.scale, self.bias = (torch.randn(self.dims[-1], device="cuda").to(self.x.dtype) for _ in range(2))
        self.wanted = self.compute(self.x.double()).cpu().numpy()

    def compute(self, x: Any) -> Any:
        import torch

        match self.op:
            case "softmax":
                return torch.softmax(x, -1)
            case "layer_norm":
                return torch.nn.functional.layer_norm(x, x.shape[-1:], self.scale.to(x.dtype), self.bias.to(x.dtype))
            case "max":
                return torch.amax(x, self.axes)
            case kind:
                return getattr(torch, kind)(x, self.axes)

    def ours(self, forcing: Forcing) -> tuple[float, float, str]:
        """(microseconds, error, choices)."""
        import cupy

        parameters = self.scale.cpu().numpy(), self.bias.cpu().numpy()
        engine = trtc.build(network(self.op, self.dims, self.axes, self.dtype, parameters), observers=[forcing])
        outputs, time = engine_time(engine, {"x": cupy.from_dlpack(self.x)}, RUNS)
        return time, relative_error(cupy.asnumpy(outputs["y"]), self.wanted), choices(engine)

    @property
    def bytes(self) -> int:
        return (prod(self.dims) + int(np.size(self.wanted))) * self.x.element_size()


def measure(recorder: Recorder, text: str, dtype: str, candidates: bool) -> None:
    bench, forcing = Bench(text, dtype), Forcing(*ANCHORS)
    time, error, chosen = bench.ours(forcing)
    peer = torch_graph_time(lambda: bench.compute(bench.x), RUNS)
    note = f"{bench.bytes / time * 1e-3:.0f} GB/s {chosen}"
    recorder.case(text, dtype=dtype, unit="us", ours=time, peers={"torch eager": peer}, error=error, note=note)
    if candidates:
        for choice in forcing.candidates:
            time, error, chosen = bench.ours(Forcing(*ANCHORS, choice=choice))
            print(f"  {time:8.2f} us  error {error:.1e}  {chosen}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", default=CASES)
    parser.add_argument("--dtype", nargs="*", default=["float16", "float32"])
    parser.add_argument("--candidates", action="store_true")
    arguments = parser.parse_args()
    recorder = Recorder("row")
    for text in arguments.cases:
        for dtype in arguments.dtype:
            measure(recorder, text, dtype, arguments.candidates)


if __name__ == "__main__":
    main()
