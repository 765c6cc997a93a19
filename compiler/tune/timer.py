"""
What times candidates (`Timer`), and how each candidate is checked before its time counts (`trials`).

A candidate is built, run once on random inputs over poisoned memory and compared with the reference; one that computes something else, or
cannot be built or launched, is out, however fast it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ...dialects.errors import TrtcError
from ...passes.kernels.schedules.competition import Candidate
from .task import Task, Tensor
from .trial import Trial


@dataclass(frozen=True)
class Place:
    """Where times hold: the GPU, its driver, and what made the kernels."""

    gpu: str
    driver: str
    toolchain: str


class TimerError(TrtcError):
    """The timer itself failed, as where a GPU is lost or its memory is full: no further candidate can be tried, and none is to blame."""


class Timer(Protocol):
    """Builds, runs and times candidates. Each method raises TrtcError for a candidate that it cannot, TimerError where it can none."""

    @property
    def place(self) -> Place:
        """Where its times hold."""
        ...

    def build(self, task: Task, candidates: Sequence[Candidate]) -> Iterator[Any]:
        """For each candidate what `run` and `time` take, or the TrtcError that says why it cannot be built; in their order."""
        ...

    def run(self, built: Any, tensors: Sequence[Tensor], symbols: Mapping[str, int]) -> None:
        """Runs all launches once over the tensors, which are written in place."""
        ...

    def time(self, built: Any, tensors: Sequence[Tensor], symbols: Mapping[str, int]) -> float:
        """Microseconds of all launches of one run."""
        ...


class UngatedError(TrtcError):
    """The reference of a group cannot be computed for random inputs, so that no candidate can be checked."""


def trials(timer: Timer, task: Task, candidates: Sequence[Candidate], rng: np.random.Generator) -> Iterator[Trial]:
    """Tries candidates of a task one after the other. Raises UngatedError where there is nothing to check them by."""
    inputs = task.inputs(rng)
    try:
        expected = task.reference(inputs)
    except (TrtcError, ArithmeticError, LookupError, ValueError) as error:
        raise UngatedError(
            f"its reference cannot be computed for random inputs: {' '.join(str(error).split())}"
        ) from error
    if not any(np.isfinite(np.asarray(e, np.float64)).any() for e in expected):
        raise UngatedError("its reference has no finite number for random inputs")
    for candidate, built in zip(candidates, timer.build(task, candidates), strict=True):
        if isinstance(built, TrtcError):
            yield Trial.of(candidate.choice, None, str(built))
            continue
        try:
            tensors = task.tensors(candidate.choice, inputs)
            before = [_state(task, number, tensor) for number, tensor in enumerate(tensors)]
            timer.run(built, tensors, task.symbols)
            reason = task.refuse(task.results(tensors), expected)
            if reason is None and before != [_state(task, number, tensor) for number, tensor in enumerate(tensors)]:
                reason = "it writes outside its results"
            us = timer.time(built, tensors, task.symbols) if reason is None else None
        except TimerError:
            raise
        except TrtcError as error:
            reason, us = str(error), None
        yield Trial.of(candidate.choice, us, reason or "")


def _state(task: Task, number: int, tensor: Tensor) -> bytes:
    """The bytes of a tensor that no launch may change: an operand's, and those between the rows of a result."""
    if number < len(task.view.operands):
        return tensor.flat.tobytes()
    return tensor.between() if number < len(task.view.tensors) else b""
