"""A suite of another checkout and of this one, in turns: `python test/bench/beside.py FOLDER SUITE [--rounds N] [ARGUMENT ...]`.

    python test/bench/beside.py ../before gemm --rounds 4 128x3072x768 --dtype f16

Two runs of the same code differ by several percent, small kernels most, since the host launches them. So each checkout builds its engines
once, in a process of its own; then every case is timed in turns, the first of a round as well, and the least time of each checkout
counts. Peers are not run. Records the suite `beside_SUITE`.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

TREE = Path(__file__).parents[2]
RUNS = 16
"""Runs of an engine in one CUDA graph: the host needs microseconds to start a graph."""


def serve(suite: str, arguments: list[str]) -> None:
    """Builds all cases of a suite of the checkout that is imported; then answers each number on stdin with that case's microseconds."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a suite prints is no answer
    timing: Any = importlib.import_module("timing")
    records: Any = importlib.import_module("records")
    made: list[tuple[str, Callable[[], float]]] = []
    last: list[Callable[[], float]] = []
    records.Recorder = lambda *_, **__: type(
        "Recorder",
        (),
        {"case": lambda _, case, **of: made.append((f"{case}|{of.get('batch')}|{of['dtype']}", last[-1]))},
    )()

    def engine_time(engine: Any, inputs: Any, runs: int = 1) -> tuple[Any, float]:
        context = engine.create_context()
        outputs = context.run(inputs)
        prepared = context.prepare(inputs)
        context.launch(prepared, context.stream)
        launches = [of[1] if isinstance(of, tuple) else of for of in prepared.launches]  # a list of them alone, once
        graph = context.capture(launches * RUNS)
        last.append(lambda: timing.replay_time(lambda: graph.launch(context.stream), context.stream, inner=2) / RUNS)
        return outputs, 1.0

    timing.engine_time = engine_time
    timing.torch_graph_time = timing.torch_compiled_time = lambda *_, **__: 1.0
    bench = importlib.import_module(f"bench_{suite}")
    sys.argv = [f"bench_{suite}.py", *arguments]
    bench.main()
    answers.write(json.dumps([case for case, _ in made]) + "\n")
    for line in sys.stdin:
        answers.write(f"{made[int(line)][1]()}\n")


class Checkout:
    """A process that imports a checkout's package and has its engines."""

    def __init__(self, tree: Path, suite: str, arguments: list[str], folder: str):
        (Path(folder) / "trtc").symlink_to(tree.resolve())
        paths = [folder, str(tree.resolve() / "test" / "bench"), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
        program = "import runpy, sys; runpy.run_path(sys.argv[1])['serve'](sys.argv[2], sys.argv[3:])"
        command = [sys.executable, "-c", program, str(Path(__file__).resolve()), suite, *arguments]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, text=True, cwd=tree)

    def cases(self) -> list[str]:
        """Name, batch and dtype of each case, once all are built."""
        return cast(list[str], json.loads(self._answer()))

    def time(self, index: int) -> float:
        """Microseconds of a case, now."""
        assert self.process.stdin
        self.process.stdin.write(f"{index}\n")
        self.process.stdin.flush()
        return float(self._answer())

    def _answer(self) -> str:
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"a checkout's process ended with {self.process.wait()}; its output is above")
        return line


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="the other checkout")
    parser.add_argument("suite", help="what follows bench_ in a file's name")
    parser.add_argument("--rounds", type=int, default=5)
    given, arguments = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as ours, tempfile.TemporaryDirectory() as theirs:
        trees = ((TREE, ours), (given.folder, theirs))
        checkouts = [Checkout(tree, given.suite, arguments, folder) for tree, folder in trees]
        cases = [checkout.cases() for checkout in checkouts]
        from records import Recorder

        recorder = Recorder(f"beside_{given.suite}")
        for case in cases[0]:
            if case not in cases[1]:
                continue
            times: list[list[float]] = [[], []]
            for i in range(2 * given.rounds):
                who = (i + i // 2) % 2  # 0 1 1 0: who is first alternates
                times[who].append(checkouts[who].time(cases[who].index(case)))
            name, batch, dtype = case.split("|")
            recorder.case(
                name,
                batch=None if batch == "None" else int(batch),
                dtype=dtype,
                unit="us",
                ours=min(times[0]),
                peers={given.folder.name.strip("."): min(times[1])},
                note=f"least of {given.rounds} in turns",
            )
        for checkout in checkouts:
            checkout.process.kill()


if __name__ == "__main__":
    main()
