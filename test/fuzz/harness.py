"""Runs fuzz targets: `python test/fuzz/harness.py [-n SEEDS] [TARGET ...]`; one seed again: `... TARGET --seed 1234`.

A target is a module next to this one, named after what of trtc reads its inputs, with `run(seed: int) -> None`. What it hands to
trtc depends on the seed alone. It returns where trtc took the input, lets trtc's own error pass where trtc refused it (a
TrtcError other than PassError), and where that is a defect lets anything else pass, or raises AssertionError.

Each child process runs many seeds in a folder of its own, each with a limit of CPU time and of memory; a child that crashes or
hangs is replaced, and its successor continues after that seed. A defect is reported once per kind: its exception and the
innermost frame in trtc.
"""

from __future__ import annotations

import argparse
import collections
import faulthandler
import importlib.util
import json
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import IO, Any

from trtc import PassError, TrtcError

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
SECONDS, BYTES = 5.0, 1 << 30
"""CPU time and memory that one seed may take."""
PATIENCE = 12
"""Wall time that a seed may take, as a multiple of its CPU time: other processes want the processor too."""
DEFECTS = ("traceback", "hang", "memory", "crash")


class Hang(BaseException):
    """Raised in a child by its timer: no code on the way catches it."""


@dataclass
class Tally:
    """What the seeds of one target came to. `places` counts refusals by where they were decided."""

    target: str
    outcomes: collections.Counter[str] = field(default_factory=collections.Counter[str])
    places: collections.Counter[str] = field(default_factory=collections.Counter[str])
    kinds: dict[str, list[int]] = field(default_factory=dict[str, "list[int]"])
    """The seeds of each kind of defect."""
    seconds: float = 0.0

    @property
    def seeds(self) -> int:
        return sum(self.outcomes.values())

    @property
    def defects(self) -> int:
        return sum(self.outcomes[kind] for kind in DEFECTS)

    def add(self, seed: int, outcome: str, where: str) -> bool:
        """Counts one seed; whether it is the first defect of its kind."""
        self.outcomes[outcome] += 1
        if outcome == "refused":
            self.places[where] += 1
        if outcome not in DEFECTS:
            return False
        seeds = self.kinds.setdefault(f"{outcome}: {where}", [])
        seeds.append(seed)
        return len(seeds) == 1

    def __str__(self) -> str:
        counts = ", ".join(
            f"{self.outcomes[name]} {plural}"
            for name, plural in (("accepted", "accepted"), ("refused", f"refused at {len(self.places)} places"),
                                 ("traceback", "tracebacks"), ("hang", "hangs"), ("memory", "out of memory"), ("crash", "crashes"))
        )  # fmt: skip
        return f"{self.seeds} seeds, {counts}, {1e3 * self.seconds / max(1, self.seeds):.1f} ms each"


# In the child.


def load_target(path: Path) -> ModuleType:
    """The module of a target, by its file: its name may be that of another module."""
    spec = importlib.util.spec_from_file_location(f"fuzz_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def place(error: BaseException) -> str:
    """`Type at file:function` of the innermost frame in trtc, else of the innermost outside this file, where it was found first; or
    the `fuzz_place` that a target gave it."""
    if hasattr(error, "fuzz_place"):
        return error.fuzz_place
    while error.__cause__ is not None:
        error = error.__cause__
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename != __file__]
    return f"{type(error).__name__}{_at([(f.filename, f.name) for f in frames])}"


def _at(frames: Sequence[tuple[str, str]]) -> str:
    """` at file:function` of the last of these frames that is code of trtc, else of the last."""
    ours = [f for f in frames if f[0].startswith(f"{ROOT}/") and not re.search("/test/|/site-packages/", f[0])]
    return "".join(f" at {path.removeprefix(f'{ROOT}/')}:{name}" for path, name in (ours or frames)[-1:])


def judge(run: Callable[[int], None], seed: int, seconds: float) -> tuple[str, str, str]:
    """(outcome, where, text) of one seed."""
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        run(seed)
        return "accepted", "", ""
    except Hang as error:
        return "hang", place(error), _text(error)
    except MemoryError as error:
        return "memory", place(error), _text(error)
    except Exception as error:
        refused = isinstance(error, TrtcError) and not isinstance(error, PassError)
        return ("refused" if refused else "traceback"), place(error), "" if refused else _text(error)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _text(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))[-4000:]


def _hang(*_: object) -> None:
    raise Hang


def child(path: Path, seeds: Sequence[int], seconds: float, memory: int) -> None:
    """Runs the seeds, one line of JSON for each on the stdout that the parent gave; what trtc prints goes nowhere."""
    report = os.fdopen(os.dup(1), "w", buffering=1)
    faulthandler.enable()
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1):
        os.dup2(nowhere, stream)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent stops its children
    signal.signal(signal.SIGPROF, _hang)
    run = load_target(path).run
    most = resource.getrlimit(resource.RLIMIT_AS)[1]
    for seed in seeds:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + memory, most))
        faulthandler.dump_traceback_later(PATIENCE * seconds, exit=True)
        try:
            outcome = judge(run, seed, seconds)
        finally:
            faulthandler.cancel_dump_traceback_later()
        report.write(json.dumps(outcome) + "\n")


# In the parent.


def fuzz(
    path: Path,
    seeds: range,
    *,
    jobs: int = 1,
    seconds: float = SECONDS,
    memory: int = BYTES,
    say: Callable[[str], None] = lambda text: None,
) -> Tally:
    """Runs a target's seeds in `jobs` child processes at a time; `say` gets the first defect of each kind as it is found."""
    run = _Run(path, seconds, memory, say)
    start = time.perf_counter()
    with ThreadPoolExecutor(jobs) as pool:
        waiting = [pool.submit(run.work, seeds[index::jobs]) for index in range(jobs)]
        try:
            while waiting:
                done, left = wait(waiting, timeout=10, return_when=FIRST_EXCEPTION)
                for future in done:
                    future.result()  # an error of this file's own
                waiting = list(left)
                run.tally.seconds = time.perf_counter() - start
                if waiting:
                    say(f"{path.stem}: {run.tally}, of {len(seeds)}")
        finally:
            run.stop()
    if run.broken:
        raise RuntimeError(run.broken)
    return run.tally


class _Run:
    """The children of one call of `fuzz`, and what they found."""

    def __init__(self, path: Path, seconds: float, memory: int, say: Callable[[str], None]) -> None:
        self.path, self.seconds, self.memory, self.say = path, seconds, memory, say
        self.tally = Tally(path.stem)
        self.broken = ""
        self._lock = threading.Lock()
        self._stopped = False
        self._processes: set[subprocess.Popen[str]] = set()

    def stop(self) -> None:
        with self._lock:
            self._stopped = True
            for process in self._processes:
                process.kill()

    def work(self, seeds: range) -> None:
        """Runs the seeds, in one child after the other."""
        while seeds and not self._stopped:
            with tempfile.TemporaryDirectory(prefix="trtc-fuzz-") as folder, tempfile.TemporaryFile() as errors:
                seeds = self._child(seeds, folder, errors)

    def _child(self, seeds: range, folder: str, errors: IO[bytes]) -> range:
        """Runs seeds in one child until they are done or it ends; what is left to run."""
        numbers = map(str, (seeds.start, seeds.stop, seeds.step, self.seconds, self.memory))
        command = [sys.executable, __file__, "--child", str(self.path), *numbers]
        process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=errors, text=True)
        assert process.stdout is not None
        with self._lock:
            self._processes.add(process)
            if self._stopped:
                process.kill()
        done = 0
        for line in process.stdout:
            self._note(seeds[done], *json.loads(line))
            done += 1
        code = process.wait()
        with self._lock:
            self._processes.discard(process)
        if done < len(seeds) and not self._stopped:
            errors.seek(0)
            text = errors.read().decode(errors="replace")[-4000:]
            frames = re.findall(r'File "(.+)", line \d+ in (\S+)', text)[::-1]
            if not frames:  # neither a crash nor the watchdog: the module itself fails
                self.broken = f"fuzz target {self.path}: its process ended with status {code}:\n{text}"
                return seeds[len(seeds) :]
            outcome, what = ("hang", "no answer") if "Timeout" in text else ("crash", f"exit status {code}")
            self._note(seeds[done], outcome, what + _at(frames), text)
        return seeds[done + 1 :]

    def _note(self, seed: int, outcome: str, where: str, text: str) -> None:
        with self._lock:
            if self.tally.add(seed, outcome, where):
                again = f"python {os.path.relpath(__file__)} {self.path.stem} --seed {seed}"
                self.say(f"{self.path.stem}: {outcome}: {where}\n{text.rstrip()}\n  again: {again}")


def targets() -> dict[str, Path]:
    """The targets next to this file, by name."""
    files = (path for path in sorted(HERE.glob("*.py")) if path.name != Path(__file__).name)
    return {path.stem: path for path in files if "\ndef run(seed: int)" in path.read_text()}


def input_targets() -> dict[str, Path]:
    """The targets that hand input to trtc; not the one for its passes, which takes 20 times longer and has
    test/numerics/random/test_patterns.py."""
    return {name: path for name, path in targets().items() if name != "patterns"}


def main() -> int:
    known = targets()
    parser = argparse.ArgumentParser(description="Run trtc on seeded inputs, valid and not.")
    parser.add_argument("targets", nargs="*", choices=[*known, []], metavar="TARGET", help=", ".join(known))
    parser.add_argument("-n", "--seeds", type=int, default=2000, help="seeds per target (default 2000)")
    parser.add_argument("--first", type=int, default=0, help="the first seed (default 0)")
    parser.add_argument("-j", "--jobs", type=int, default=os.cpu_count(), help="processes at a time")
    parser.add_argument("--seed", type=int, help="run one seed of one target here, with its traceback")
    parser.add_argument("--record", action="store_true", help="write the summary into test/bench/results")
    args = parser.parse_args()
    chosen: list[str] = args.targets or list(input_targets())
    if args.seed is not None:
        print(*judge(load_target(known[chosen[0]]).run, args.seed, 1e6), sep="\n")
        return 0

    def say(text: str) -> None:
        print(text, flush=True)

    tallies = [
        fuzz(known[name], range(args.first, args.first + args.seeds), jobs=args.jobs, say=say) for name in chosen
    ]
    for tally in tallies:
        print(f"{tally.target}: {tally}")
        for kind, seeds in tally.kinds.items():
            print(f"  {len(seeds)}x {kind}, first seed {seeds[0]}")
    if args.record:
        _record(tallies)
    return 1 if any(tally.defects for tally in tallies) else 0


def _record(tallies: Sequence[Tally]) -> None:
    sys.path.insert(0, str(HERE.parent / "bench"))
    from records import Recorder

    recorder: Any = Recorder("fuzz", gpu=False)
    for tally in tallies:
        recorder.case(tally.target, dtype="", unit="defects", ours=tally.defects, peers={}, note=str(tally))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        path, start, stop, step = sys.argv[2:6]
        child(Path(path), range(int(start), int(stop), int(step)), float(sys.argv[6]), int(sys.argv[7]))
    else:
        raise SystemExit(main())
