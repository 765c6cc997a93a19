"""Compile time of every pass over the number of `nn` ops: `python test/bench/bench_passes.py [--ops 1000,10000,100000]`.

The network is a chain of blocks with two branches, a concat and a residual sum, with transposes that cancel, common subexpressions
and dead ops in between. All blocks are alike, so that the number of distinct kernels stays the same and the time of each pass follows the
number of ops. Times are the processor's, so that other work on the machine counts little. A pass that takes more than `LIMIT` times
as long for ten times the ops is named: it is not linear.

`--shapes` takes six shapes of graph (`scale_graphs.py`) through all phases but NVRTC instead, at 1,000, 5,000 and 20,000 ops, and
gives the exponent of their growth.

Prints a table and records the suite `passes`. Needs no GPU. `--profile PASS` prints where that pass spends its time at the largest size.
"""

from __future__ import annotations

import argparse
import cProfile
import gc
import math
import pstats
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
import scale_graphs
from records import Recorder
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue
from xdsl.passes import ModulePass

import trtc
from trtc.compiler.codegen.cuda.printer import print_kernel
from trtc.compiler.garbage import garbage_frozen
from trtc.compiler.pipeline import Observer, run_pipeline
from trtc.compiler.targets import set_target
from trtc.dialects import kernel, nn

LIMIT = 14.0
"""Times as long for ten times the ops: more is not linear."""
LEAST_SECONDS = 0.05
"""Passes faster than this at the smaller size are not judged."""
CHANNELS = 8
GARBAGE = "garbage collection"


def network(ops: int) -> ModuleOp:
    """A module of about `ops` ops in `@main`."""
    net = trtc.Network()
    rng = np.random.default_rng(0)
    weights = {
        size: rng.standard_normal((CHANNELS, *size), np.float32)
        for size in ((1, 1, CHANNELS), (3, 3, CHANNELS), (1, 1, 2 * CHANNELS))
    }
    bias = rng.standard_normal(CHANNELS).astype(np.float32)
    x = net.add_input("x", "f32", ("N", 4, 4, CHANNELS))
    net.symbols(N=(1, 2, 4))
    before = made = 0
    while made < ops:
        x = _block(net, x, weights, bias)
        if not before:  # the size of a block, by counting the first
            before = sum(1 for _ in x.owner.parent_block().ops)  # type: ignore[union-attr]
        made += before
    net.mark_output(x, "y")
    return net.module()


def _block(net: trtc.Network, x: SSAValue, weights: dict[tuple[int, ...], np.ndarray], bias: np.ndarray) -> SSAValue:
    def conv(of: SSAValue, size: tuple[int, ...], pad: int) -> SSAValue:
        weight = net.add_constant(weights[size])
        made = net.insert(nn.ConvOp(of, weight, (1, 1), (pad, pad, pad, pad), (1, 1), 1))
        return net.add_binary("add", made, net.add_constant(bias))

    narrow = net.add_unary("relu", conv(x, (1, 1, CHANNELS), 0))
    wide = net.add_unary("relu", conv(x, (3, 3, CHANNELS), 1))
    net.add_unary("exp", narrow)  # dead
    gate = net.add_binary("mul", net.add_unary("sigmoid", wide), wide)
    turned = net.add_transpose(net.add_transpose(gate, (0, 3, 1, 2)), (0, 2, 3, 1))  # cancels
    again = net.add_unary("sigmoid", wide)  # common
    joined = net.add_concat([narrow, net.add_binary("add", turned, again)], 3)
    return net.add_unary("relu", net.add_binary("add", conv(joined, (1, 1, 2 * CHANNELS), 0), x))


class Times(Observer):
    """Processor seconds of each pass, by position and name; profiles the pass called `profiled`. The garbage collector, which
    interrupts any pass once enough objects were made, has a row of its own."""

    def __init__(self, profiled: str = "") -> None:
        self.seconds: dict[str, float] = {}
        self.collecting = self.collected = self.before = 0.0
        self.profiled, self.profile = profiled, cProfile.Profile()
        self.started = 0.0

    def before_pass(self, index: int, step: ModulePass, module: ModuleOp) -> None:
        if step.name == self.profiled:
            self.profile.enable()
        self.before, self.started = self.collected, time.process_time()

    def after_pass(self, index: int, step: ModulePass, module: ModuleOp, seconds: float) -> None:
        spent = time.process_time() - self.started - (self.collected - self.before)
        self.profile.disable()
        self.seconds[f"{index:02d} {step.name}"] = spent
        print(f"  {spent:8.3f} s  {step.name}", file=sys.stderr, flush=True)

    def collection(self, phase: str, _: object) -> None:
        """For `gc.callbacks`."""
        if phase == "start":
            self.collecting = time.process_time()
        else:
            self.collected += time.process_time() - self.collecting


def measure(ops: int, profiled: str) -> tuple[int, dict[str, float]]:
    """The number of ops that the network has, and the processor seconds of building it and of each pass."""
    times = Times(profiled)
    gc.callbacks.append(times.collection)
    start = time.process_time()
    with garbage_frozen():
        module = network(ops)
    built = time.process_time() - start - times.collected
    set_target(module, "sm_80")
    count = sum(1 for _ in module.walk())
    options = trtc.BuildOptions(precision="fp16", target="sm_80", verify_each=False, check_boundaries=False)
    run_pipeline(module, options, observers=[times])
    gc.callbacks.remove(times.collection)
    if profiled:
        pstats.Stats(times.profile).sort_stats("tottime").print_stats(25)
    return count, {"00 layer API": built, **times.seconds, GARBAGE: times.collected}


def measure_shape(shape: str, ops: int) -> float:
    """Processor seconds of all phases, from the layer API to threads and CUDA C, of a graph of one shape."""
    start = time.process_time()
    with garbage_frozen():
        module = scale_graphs.module(shape, ops)
        set_target(module, "sm_80")
        run_pipeline(module, trtc.BuildOptions(target="sm_80", verify_each=False))
        for op in module.body.block.ops:
            if isinstance(op, kernel.FuncOp):
                print_kernel(op)
    return time.process_time() - start


def measure_shapes(sizes: list[int], recorder: Recorder) -> None:
    """The table of `--shapes`: seconds by size, and the exponent of the growth from the smallest size to the largest."""
    print(f"{'CPU seconds for':24s}" + "".join(f"{f'{size} ops':>14s}" for size in sizes) + f"{'exponent':>10s}")
    for shape in scale_graphs.SHAPES:
        seconds = [measure_shape(shape, size) for size in sizes]
        exponent = math.log(seconds[-1] / seconds[0]) / math.log(sizes[-1] / sizes[0]) if len(sizes) > 1 else 0.0
        print(f"{shape:24s}" + "".join(f"{value:14.2f}" for value in seconds) + f"{exponent:10.2f}", flush=True)
        for size, value in zip(sizes, seconds, strict=True):
            note = f"exponent {exponent:.2f} from {sizes[0]} to {sizes[-1]} ops"
            recorder.case(f"{shape}, {size} ops", dtype="f32", unit="s", ours=value, peers={}, note=note)


def report(counts: list[int], columns: list[dict[str, float]]) -> list[str]:
    """Prints the table; the passes that are not linear, in words."""
    print(f"{'milliseconds for':24s}" + "".join(f"{f'{count} ops':>14s}" for count in counts) + f"{'growth':>9s}")
    slow: list[str] = []
    for name in [*columns[0], "total"]:
        values = [column.get(name, sum(column.values())) for column in columns]
        growth = _growth(counts, values)
        print(f"{name:24s}" + "".join(f"{value * 1e3:14.1f}" for value in values) + f"{growth:8.1f}x")
        if growth > LIMIT and values[-2] >= LEAST_SECONDS and name != GARBAGE:  # which comes in steps
            slow.append(f"{name} takes {growth:.1f} times as long for ten times the ops")
    return slow


def _growth(counts: list[int], values: list[float]) -> float:
    """From the last but one size to the last, for ten times the ops."""
    if len(values) < 2:
        return 0.0
    return values[-1] / max(values[-2], 1e-9) * 10 / (counts[-1] / counts[-2])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ops", default="", help="numbers of ops, ascending")
    parser.add_argument("--profile", default="", metavar="PASS", help="where this pass spends its time")
    parser.add_argument(
        "--shapes",
        action="store_true",
        help="six shapes of graph through all phases but NVRTC instead, and their growth",
    )
    args = parser.parse_args()
    sizes = [int(size) for size in (args.ops or ("1000,5000,20000" if args.shapes else "1000,10000,100000")).split(",")]
    if args.shapes:
        measure_shapes(sizes, Recorder("passes", gpu=False))
        return
    measured = [measure(size, args.profile if size == sizes[-1] else "") for size in sizes]
    slow = report([count for count, _ in measured], [column for _, column in measured])
    recorder = Recorder("passes", gpu=False)
    for size, (count, column) in zip(sizes, measured, strict=True):
        for name, seconds in [*column.items(), ("total", sum(column.values()))]:
            recorder.case(
                f"{name}, {size} ops", dtype="f16", unit="ms", ours=seconds * 1e3, peers={}, note=f"{count} ops"
            )
    for line in slow:
        print(f"not linear: {line}")


if __name__ == "__main__":
    main()
