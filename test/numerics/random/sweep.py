"""Many random graphs, in several processes, on the simulator, or on a GPU if $TRTC_TEST_GPU is set:

    python test/numerics/random/sweep.py --seeds 0:5000 --layers --kernels -j 2
    TRTC_TEST_GPU=1 python test/numerics/random/sweep.py --seeds 0:2000 --layers -j 16

Seeds are independent of one another: a run that was stopped goes on from the last range that it printed. Each graph that fails is printed
with its seed, and the others still run; `test_small_graphs.py` keeps what was found, reduced.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[2] / "models"))
from models.random.running import TARGETS, TOLERANCE, run_seeds

from trtc.compiler.codegen.cuda.cubin_cache import CubinCache

CHUNK = 10
WHOLE = 50
"""With `--kernels` one graph of so many is built whole."""


@dataclass(frozen=True)
class Settings:
    """How the graphs are drawn and run."""

    precisions: tuple[str, ...]
    """For one seed after the other."""
    targets: tuple[str, ...]
    control: bool
    layers: bool
    kernels: bool
    """Whether most graphs go to the simulator as kernels, not as engines."""
    folder: str


@dataclass(frozen=True)
class Found:
    """What became of the graphs of a range of seeds."""

    seeds: range
    refused: int
    failures: tuple[tuple[int, str], ...]


def run(settings: Settings, seeds: range) -> Found:
    cache, refused, failures = CubinCache(Path(settings.folder)), 0, list[tuple[int, str]]()
    for seed in seeds:
        precision = settings.precisions[seed % len(settings.precisions)]
        targets = settings.targets[seed // len(settings.precisions) % len(settings.targets) :][:1]
        whole = not settings.kernels or seed % WHOLE == 0
        try:
            refused += run_seeds(
                [seed], precision, targets, cache, control=settings.control, layers=settings.layers, whole=whole
            )
        except AssertionError as error:
            failures.append((seed, str(error)))
    return Found(seeds, refused, tuple(failures))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="0:100", metavar="A:B", help="from A on, before B; or one seed")
    parser.add_argument("--precision", nargs="+", default=["fp32", "fp16"], choices=list(TOLERANCE))
    parser.add_argument("--target", nargs="+", default=list(TARGETS), help="architectures, on the simulator")
    parser.add_argument("--layers", action="store_true", help="graphs of layers of networks, such as attention")
    parser.add_argument("--control", action="store_true", help="graphs with an If, Loop or Scan")
    parser.add_argument("--kernels", action="store_true", help=f"only one graph of {WHOLE} is built whole")
    parser.add_argument("-j", "--jobs", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()
    first, _, last = arguments.seeds.partition(":")
    begin, end = int(first), int(last) if last else int(first) + 1
    chunks = [range(at, min(at + CHUNK, end)) for at in range(begin, end, CHUNK)]
    start, done, refused, failed = time.monotonic(), 0, 0, list[int]()
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            tuple(arguments.precision), tuple(arguments.target), arguments.control, arguments.layers,
            arguments.kernels, folder,
        )  # fmt: skip
        with multiprocessing.get_context("spawn").Pool(arguments.jobs) as pool:
            for found in pool.imap(partial(run, settings), chunks):
                done, refused = done + len(found.seeds), refused + found.refused
                failed += [seed for seed, _ in found.failures]
                for _, message in found.failures:
                    print(message, flush=True)
                if found.failures or done % 100 == 0:
                    seconds = time.monotonic() - start
                    print(
                        f"[to seed {found.seeds.stop}, {seconds:.0f} s: {refused} refused, failed {failed}]", flush=True
                    )
    print(f"{done} graphs in {time.monotonic() - start:.0f} s: {refused} refused, failed {failed}")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
