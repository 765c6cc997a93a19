"""What builds take: `python test/bench/bench_build.py [--against FOLDER] [--times N] [CASE ...]`. Needs no GPU.

- `open_nsfw`, `bert_base`: processor seconds of a process that builds the model: `cold` with empty caches, `warm` with those of a
  build before, in a process of its own, and `again` for the second build of one process. `--against` names another checkout with
  its `.venv`, whose builds alternate with these; both are medians of `--times` rounds.
- `many`: megabytes that a process has grown by over 100 builds, each with other weights: from the median of builds 21 to 40 to that of
  builds 81 to 100, since one build leaves up to 20 MB more or less in the heap than the next.
- `large`: the most memory that a build of a 3 GB model with external data takes, over the size of the model.

Seconds are the processor's, of all threads, with the imports; other work on the machine changes them less than the wall clock's, yet
does change them. Records the suite `build`.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
import build_models
from records import Recorder

from trtc.compiler.tools.fetch_models import fetch

HERE = Path(__file__).resolve().parents[2]
TARGET = "sm_90a"
MODELS: dict[str, dict[str, Any]] = {
    "open_nsfw": {"profiles": {"unk__653": (1, 1, 32)}},
    "bert_base": {"profiles": {"batch": (1, 1, 32)}},
}
MODES = {"cold": 1, "warm": 1, "again": 2}
"""Builds in the process of each mode; the last counts, without what the process took before."""
LARGE = 3 * 10**9

BUILD = """
import json, os, sys
given = json.loads(sys.argv[1])
spent = lambda: sum(os.times()[:4])
before = 0.0
import trtc
options = trtc.BuildOptions(target=given["target"], profiles={n: tuple(p) for n, p in given["profiles"].items()})
for number in range(given["builds"]):
    before = spent() if number else 0.0
    engine = trtc.build(given["model"], options, cache=given["cache"])
print(json.dumps({"seconds": spent() - before, "compiles": engine.stats.compiles}))
"""
MANY = """
import json, os, resource
import numpy as np
import trtc
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize() / 1e6
grown = []
rng = np.random.default_rng(0)
for number in range(100):
    net = trtc.Network()
    x = net.add_input("x", "f32", (8, 256))
    for _ in range(4):
        x = net.add_unary("relu", net.add_matmul(x, net.add_constant(rng.standard_normal((256, 256), np.float32))))
    net.mark_output(x, "y")
    trtc.build(net, trtc.BuildOptions(target="sm_80"), cache=None)
    grown.append(resident())
print(json.dumps(grown))
"""
LARGEST = """
import json, resource, sys
import trtc
given = json.loads(sys.argv[1])
engine = trtc.build(given["model"], trtc.BuildOptions(target="sm_90a"), cache=None)
print(json.dumps({"peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, "weights": engine.stats.weight_bytes}))
"""


def run(tree: Path, program: str, given: dict[str, Any]) -> Any:
    """What a program prints that runs in a process of its own with the trtc of a checkout."""
    unsaid = (
        "TRTC_VERIFY_EACH",
        "PYTHONDONTWRITEBYTECODE",
    )  # what users have: byte code is kept, passes are not verified
    env = {name: value for name, value in os.environ.items() if name not in unsaid}
    command = [str(tree / ".venv" / "bin" / "python"), "-c", program, json.dumps(given)]
    ran = subprocess.run(command, capture_output=True, text=True, env=env, check=False, cwd=tempfile.gettempdir())
    if ran.returncode:
        raise SystemExit(f"{command[0]}: {ran.stderr.strip()[-2000:]}")
    return json.loads(ran.stdout.splitlines()[-1])


def measure(name: str, model: Path, trees: dict[str, Path], times: int, recorder: Recorder) -> None:
    """The three modes of one model, the trees in turn."""
    found: dict[tuple[str, str], list[float]] = {}
    for _ in range(times):
        for label, tree in trees.items():
            with tempfile.TemporaryDirectory() as cache:
                for mode, builds in MODES.items():
                    given = {**MODELS[name], "model": str(model), "target": TARGET, "cache": cache, "builds": builds}
                    found.setdefault((mode, label), []).append(run(tree, BUILD, given)["seconds"])
    for mode in MODES:
        middle = {label: statistics.median(found[mode, label]) for label in trees}
        ours = middle.pop("ours")
        note = f"median of {times}; load {os.getloadavg()[1]:.0f} on {os.cpu_count()} processors"
        recorder.case(f"{name}, {mode}", dtype="f32", unit="CPU s", ours=ours, peers=middle, note=note)


def measure_many(recorder: Recorder) -> None:
    resident = run(HERE, MANY, {})
    early, late = statistics.median(resident[20:40]), statistics.median(resident[80:])
    note = f"{early:.0f} MB, later {late:.0f} MB; from the 21st build on {min(resident[20:]):.0f} to {max(resident[20:]):.0f} MB"
    recorder.case("growth over 60 builds", dtype="f32", unit="MB", ours=late - early, peers={}, note=note)


def measure_large(folder: Path, recorder: Recorder, size: int) -> None:
    model = build_models.two_products(folder / "large.onnx", size)
    got = run(HERE, LARGEST, {"model": str(model)})
    note = f"{got['weights'] / 1e9:.2f} GB of weights, {got['peak'] / 1e9:.2f} GB resident at most"
    recorder.case("peak over size", dtype="f32", unit="x", ours=got["peak"] / got["weights"], peers={}, note=note)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", help=f"of {', '.join([*MODELS, 'many', 'large'])}; all by default")
    parser.add_argument("--against", type=Path, metavar="FOLDER", help="another checkout, with its .venv")
    parser.add_argument("--times", type=int, default=3, help="rounds, of which the median counts")
    parser.add_argument("--bytes", type=int, default=LARGE, help="the size of the large model")
    args = parser.parse_args()
    trees = {"ours": HERE} if args.against is None else {"ours": HERE, args.against.name: args.against.resolve()}
    cases = args.cases or [*MODELS, "many", "large"]
    recorder = Recorder("build", gpu=False)
    with tempfile.TemporaryDirectory() as folder:
        if "open_nsfw" in cases:
            measure("open_nsfw", fetch("open_nsfw"), trees, args.times, recorder)
        if "bert_base" in cases:
            measure("bert_base", build_models.bert_base(Path(folder) / "bert.onnx"), trees, args.times, recorder)
        if "many" in cases:
            measure_many(recorder)
        if "large" in cases:
            measure_large(Path(folder), recorder, args.bytes)


if __name__ == "__main__":
    main()
