"""ResNet-50's convolutions against cuDNN (torch conv2d, channels-last, in a CUDA graph), fp16, same run: `python test/bench/bench_conv.py`.

    python test/bench/bench_conv.py 512-512-3x3-7 --batch 1 --candidates

A shape is input channels, output channels, window, image size; a stride of 2 is written after the window (`3-64-7x7/2-224`). Images lie
channels-last, weights are known at build time, and all launches count (few channels are padded by one of their own). Prints and
records microseconds, TFLOP/s and the error against torch in float32. `--schedule NAME` allows only that schedule and those of copies;
`--candidates` builds and times every candidate of every schedule that accepts the convolution.
"""

from __future__ import annotations

import argparse
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from records import Recorder
from timing import RUNS, Forcing, choices, engine_time, relative_error, torch_graph_time

import trtc
from trtc.compiler.universe import make_context
from trtc.dialects import nn

SHAPES = (
    "3-64-7x7/2-224", "64-64-1x1-56", "64-64-3x3-56", "64-256-1x1-56", "128-128-3x3-28", "256-256-3x3-14", "512-512-3x3-7",
    "1024-256-1x1-14", "512-2048-1x1-7",
)  # fmt: skip
COPIES = ("pointwise",)


@dataclass(frozen=True)
class Shape:
    """One convolution, padded so that a stride of 1 keeps the image's size."""

    batch: int
    channels: int
    outputs: int
    window: int
    stride: int
    size: int

    @staticmethod
    def parse(text: str, batch: int) -> Shape:
        match = re.fullmatch(r"(\d+)-(\d+)-(\d+)x\3(?:/(\d+))?-(\d+)", text)
        if match is None:
            raise SystemExit(f"shape {text!r}: expected channels-outputs-RxR[/stride]-size such as 3-64-7x7/2-224")
        channels, outputs, window, stride, size = (int(g or 1) for g in match.groups())
        return Shape(batch, channels, outputs, window, stride, size)

    @property
    def pad(self) -> int:
        return self.window // 2

    @property
    def out(self) -> int:
        return (self.size + 2 * self.pad - self.window) // self.stride + 1

    @property
    def flops(self) -> float:
        return 2.0 * self.batch * self.out**2 * self.outputs * self.window**2 * self.channels


def module(shape: Shape, weights: np.ndarray) -> Any:
    """y = conv(x, weights) as a module; x [N, H, W, C], weights [O, R, S, C]."""
    from xdsl.parser import Parser
    from xdsl.rewriter import Rewriter

    x = f"tensor<{shape.batch}x{shape.size}x{shape.size}x{shape.channels}xf16>"
    w = f"tensor<{'x'.join(map(str, weights.shape))}xf16>"
    y = f"tensor<{shape.batch}x{shape.out}x{shape.out}x{shape.outputs}xf16>"
    text = f"""
    func.func @main(%x: {x}) -> {y} attributes {{nn.inputs = ["x"], nn.outputs = ["y"]}} {{
      %w = nn.constant dense<0.0> : {w}
      %0 = nn.conv %x, %w {{strides = array<i64: {shape.stride}, {shape.stride}>,
        pads = array<i64: {shape.pad}, {shape.pad}, {shape.pad}, {shape.pad}>, dilations = array<i64: 1, 1>, groups = 1 : i64}}
        : ({x}, {w}) -> {y}
      func.return %0 : {y}
    }}"""
    made = Parser(make_context(), text).parse_module()
    (constant,) = (op for op in made.walk() if isinstance(op, nn.ConstantOp))
    Rewriter.replace_op(constant, nn.ConstantOp(weights, "w"))
    return made


class Bench:
    """One shape with its data."""

    def __init__(self, shape: Shape):
        import torch

        torch.manual_seed(0)
        self.shape = shape
        size = (shape.batch, shape.channels, shape.size, shape.size)
        self.x = torch.randn(size, device="cuda").half().to(memory_format=torch.channels_last)
        scale = (shape.window**2 * shape.channels) ** -0.5
        w = torch.randn(shape.outputs, shape.channels, shape.window, shape.window, device="cuda") * scale
        self.w = w.half().to(memory_format=torch.channels_last)
        self.weights = np.ascontiguousarray(self.w.permute(0, 2, 3, 1).cpu().numpy())
        self.inputs = {"x": np.ascontiguousarray(self.x.permute(0, 2, 3, 1).cpu().numpy())}
        torch.backends.cudnn.allow_tf32 = False
        wanted = self._convolve(self.x.float(), self.w.float())
        self.wanted = wanted.permute(0, 2, 3, 1).cpu().numpy().astype(np.float64)

    def _convolve(self, x: Any, w: Any) -> Any:
        import torch

        return torch.nn.functional.conv2d(x, w, stride=self.shape.stride, padding=self.shape.pad)

    def peer(self) -> float:
        """Microseconds of cuDNN, its algorithm chosen by timing."""
        import torch

        torch.backends.cudnn.benchmark = True
        return torch_graph_time(lambda: self._convolve(self.x, self.w), RUNS)

    def ours(self, options: trtc.BuildOptions, forcing: Forcing) -> tuple[float, float, str]:
        """(microseconds, error, choices)."""
        engine = trtc.build(module(self.shape, self.weights), options, observers=[forcing])
        outputs, time = engine_time(engine, self.inputs, RUNS)
        return time, relative_error(outputs["y"], self.wanted), choices(engine)


def measure(recorder: Recorder, text: str, batch: int, options: trtc.BuildOptions, candidates: bool) -> None:
    shape = Shape.parse(text, batch)
    bench = Bench(shape)
    forcing = Forcing(nn.ConvOp)
    time, error, chosen = bench.ours(options, forcing)
    note = f"{shape.flops / time * 1e-6:.0f} TFLOP/s {chosen}"
    recorder.case(
        text, batch=batch, dtype="f16", unit="us", ours=time, peers={"cudnn": bench.peer()}, error=error, note=note
    )
    if candidates:
        for choice in forcing.candidates:
            time, error, chosen = bench.ours(options, Forcing(nn.ConvOp, choice=choice))
            print(f"  {time:8.2f} us  error {error:.1e}  {chosen}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shapes", nargs="*", default=SHAPES)
    parser.add_argument("--batch", type=int, nargs="*", default=[1, 32])
    parser.add_argument("--schedule", default=None)
    parser.add_argument("--candidates", action="store_true")
    arguments = parser.parse_args()
    allowed = None if arguments.schedule is None else (arguments.schedule, *COPIES)
    recorder = Recorder("conv")
    for shape in arguments.shapes:
        for batch in arguments.batch:
            measure(recorder, shape, batch, trtc.BuildOptions(schedules=allowed), arguments.candidates)


if __name__ == "__main__":
    main()
