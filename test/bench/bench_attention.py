"""Attention compared with torch's SDPA (in a CUDA graph), same run: `python test/bench/bench_attention.py [case ...]`.

    python test/bench/bench_attention.py 1x32/8x2048x128:causal --candidates

A case is batch x heads (/ heads of keys) x queries (/ keys) x head size, and `causal` or `mask` (an additive one for padded keys). q, k, v
and the result are [batch, queries, heads, head size], where projections leave them. Prints and records microseconds, TFLOP/s and the
error against torch in float64. `--candidates` builds and times every candidate of every schedule that accepts it.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from records import Recorder
from timing import RUNS, Forcing, choices, engine_time, relative_error, torch_graph_time

import trtc
from trtc.dialects import nn

CASES = (
    "8x12x128x64", "1x12x197x64", "32x12x197x64", "1x12x128x64:mask", "32x12x128x64:mask", "1x12x1024x64:causal", "8x12x1024x64:causal",
    "1x6x1500x64", "8x6x1500x64", "1x16x384x64:mask", "1x32/8x2048x128:causal", "1x32/8x128x128:causal", "1x32/8x1/2048x128",
    "8x16x1024x32", "8x16x1024x80", "8x16x1024x96", "8x16x1024x128", "8x8x1024x256", "2048x3x49x32:mask",
)  # fmt: skip


@dataclass(frozen=True)
class Shape:
    """The sizes of a case."""

    batch: int
    heads: int
    key_heads: int
    queries: int
    keys: int
    head: int
    kind: str

    @property
    def flops(self) -> float:
        """Of the products; half of them where a causal attention leaves the others out."""
        all_of_them = 4.0 * self.batch * self.heads * self.queries * self.keys * self.head
        return all_of_them / 2 if self.kind == "causal" and self.queries == self.keys else all_of_them


def parse(text: str) -> Shape:
    sizes, _, kind = text.partition(":")
    batch, heads, queries, head = sizes.split("x")
    h, _, g = heads.partition("/")
    s, _, t = queries.partition("/")
    return Shape(int(batch), int(h), int(g or h), int(s), int(t or s), int(head), kind)


def network(shape: Shape, dtype: str) -> trtc.Network:
    """y = attention(q, k, v), in [batch, queries, heads, head size]."""
    net = trtc.Network()
    dims = {
        "q": [shape.batch, shape.queries, shape.heads, shape.head],
        "k": [shape.batch, shape.keys, shape.key_heads, shape.head],
        "v": [shape.batch, shape.keys, shape.key_heads, shape.head],
    }
    q, k, v = (net.add_transpose(net.add_input(name, dtype, sizes), (0, 2, 1, 3)) for name, sizes in dims.items())
    mask = net.add_input("mask", dtype, [shape.batch, 1, 1, shape.keys]) if shape.kind == "mask" else None
    causal = "end" if shape.kind == "causal" else None
    y = net.insert(nn.AttentionOp(q, k, v, mask, scale=shape.head**-0.5, causal=causal))
    net.mark_output(net.add_transpose(y, (0, 2, 1, 3)), "y")
    return net


class Bench:
    """One case with its data."""

    def __init__(self, text: str, dtype: str):
        import torch

        self.shape, self.dtype = parse(text), dtype
        torch.manual_seed(0)
        shape, kind = self.shape, getattr(torch, dtype)

        def made(*dims: int) -> Any:
            return torch.randn(dims, device="cuda").to(kind)

        self.inputs = {
            "q": made(shape.batch, shape.queries, shape.heads, shape.head),
            "k": made(shape.batch, shape.keys, shape.key_heads, shape.head),
            "v": made(shape.batch, shape.keys, shape.key_heads, shape.head),
        }
        if shape.kind == "mask":
            length = torch.randint(shape.keys // 2, shape.keys + 1, (shape.batch, 1, 1, 1), device="cuda")
            hidden = torch.arange(shape.keys, device="cuda") >= length
            self.inputs["mask"] = torch.zeros(hidden.shape, device="cuda").masked_fill(hidden, -1e4).to(kind)
        self.wanted = self.compute({name: x.double() for name, x in self.inputs.items()}).cpu().numpy()

    def compute(self, inputs: dict[str, Any]) -> Any:
        import torch

        q, k, v = (inputs[name].transpose(1, 2) for name in "qkv")
        causal = self.shape.kind == "causal" and self.shape.queries > 1
        y = torch.nn.functional.scaled_dot_product_attention(
            q, k, v, inputs.get("mask"), is_causal=causal, enable_gqa=self.shape.heads != self.shape.key_heads
        )
        return y.transpose(1, 2)

    def ours(self, forcing: Forcing) -> tuple[float, float, str]:
        """(microseconds, error, choices)."""
        import cupy

        engine = trtc.build(network(self.shape, self.dtype), observers=[forcing])
        given = {name: cupy.from_dlpack(x) for name, x in self.inputs.items()}
        outputs, time = engine_time(engine, given, RUNS)
        launches = engine.stats.as_dict()["launches_per_run"]
        return time, relative_error(cupy.asnumpy(outputs["y"]), self.wanted), f"{launches} launches; {choices(engine)}"


def measure(recorder: Recorder, text: str, dtype: str, candidates: bool) -> None:
    bench, forcing = Bench(text, dtype), Forcing(nn.AttentionOp)
    time, error, note = bench.ours(forcing)
    peer = torch_graph_time(lambda: bench.compute(bench.inputs), RUNS)
    note = f"{bench.shape.flops / time * 1e-6:.0f} TFLOP/s {note}"
    recorder.case(
        text, batch=bench.shape.batch, dtype=dtype, unit="us", ours=time, peers={"torch SDPA": peer}, error=error, note=note
    )  # fmt: skip
    if candidates:
        for choice in dict.fromkeys(forcing.candidates):
            time, error, note = bench.ours(Forcing(nn.AttentionOp, choice=choice))
            print(f"  {time:8.2f} us  error {error:.1e}  {note}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", default=CASES)
    parser.add_argument("--dtype", nargs="*", default=["float16"], help="float16 or bfloat16")
    parser.add_argument("--candidates", action="store_true")
    arguments = parser.parse_args()
    recorder = Recorder("attention")
    for text in arguments.cases:
        for dtype in arguments.dtype:
            measure(recorder, text, dtype, arguments.candidates)


if __name__ == "__main__":
    main()
