"""Runs cases in processes of their own, one per core: a case that hangs or crashes ends its process, not the run.

The processes are forks of a server that has loaded the compiler and nothing of this one's state: CUDA does not survive a fork.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from typing import Any

from cases import Case
from judge import CRASH, Prepare, Verdict, judge

BYTES = 8 << 30
"""Address space of a process without a GPU; CUDA reserves more than that."""

LOADED = ["onnx.backend.test.runner", "trtc.compiler.driver", "trtc.runtime.contexts.simulator"]
"""What each process has from the start: importing it takes a second."""


@dataclass
class _Worker:
    process: Any
    pipe: Connection
    case: Case | None = None
    started: float = 0.0


def run_cases(
    cases: Sequence[Case], prepare: Prepare, *, jobs: int, seconds: float = 60.0, stop: float | None = None
) -> Iterator[tuple[Case, Verdict]]:
    """The verdicts as they come. A case gets `seconds` of wall time; from `stop` on, a time of `time.monotonic()`, none is begun."""
    pending = list(cases)[::-1]
    workers: list[_Worker] = []
    try:
        while True:
            may_begin = stop is None or time.monotonic() < stop
            while pending and may_begin and len(workers) < jobs:
                workers.append(_start(prepare))
            for worker in workers:
                if worker.case is None and pending and may_begin:
                    worker.case, worker.started = pending.pop(), time.monotonic()
                    worker.pipe.send(worker.case)
            busy = [worker for worker in workers if worker.case is not None]
            if not busy:
                return
            ready = wait([worker.pipe for worker in busy], timeout=0.5)
            for worker in busy:
                verdict = _verdict(worker, worker.pipe in ready, seconds)
                if verdict is None:
                    continue
                case, worker.case = worker.case, None
                assert case is not None
                if verdict.status == CRASH:  # a GPU does not answer its process again after some errors
                    _end(worker)
                    workers.remove(worker)
                yield case, replace(verdict, seconds=time.monotonic() - worker.started)
    finally:
        for worker in workers:
            _end(worker)


def _verdict(worker: _Worker, ready: bool, seconds: float) -> Verdict | None:
    """What a worker says of its case, or what its silence means; None while it is at work."""
    if ready:
        try:
            return worker.pipe.recv()
        except (EOFError, OSError):
            worker.process.join()
            return Verdict(CRASH, f"its process ended with status {worker.process.exitcode}")
    if time.monotonic() - worker.started > seconds:
        return Verdict(CRASH, f"no result in {seconds:g} s")
    return None


def _start(prepare: Prepare) -> _Worker:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(LOADED)
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(prepare, theirs), daemon=True)
    process.start()
    theirs.close()
    return _Worker(process, ours)


def _end(worker: _Worker) -> None:
    worker.process.kill()
    worker.process.join()
    worker.pipe.close()


def _work(prepare: Prepare, pipe: Connection) -> None:
    """Judges the cases that come until the pipe closes; what they print goes nowhere."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    if not os.path.exists("/dev/nvidiactl"):
        resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))
    while True:
        try:
            case = pipe.recv()
        except EOFError:
            return
        pipe.send(judge(case, prepare))
