"""Runs a host program on the CPU, over the bytes of its roots."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from ...dialects.host.control import run_steps
from ...dialects.host.order import Parallel
from .bound import BoundPlan
from .host import HostProgram
from .memory import Root
from .steps import Launch, Read, Work


def execute(
    program: HostProgram,
    plan: BoundPlan,
    roots: Mapping[tuple[Root, str], np.ndarray],
    run: Callable[[Launch, list[np.ndarray], Mapping[str, int]], None],
    observe: Callable[[Launch, list[np.ndarray]], None] | None = None,
    seed: int = 0,
) -> tuple[int, dict[str, int]]:
    """Runs a program for one plan: `run(launch, bytes, symbols)` for each launch, with the root of each argument (uint8), of which
    `launch.arguments[i].array` or `.flat` makes an array. `roots` holds each input, output and weight by name, and ("arena", "").
    `observe(launch, bytes)` is called after each launch. Launches run in order; those of several streams in a random order that their
    streams and events allow, drawn from `seed`. Returns the number of launches, and the values of all
    symbols at the end.

    Raises HostValueError where a value that is read is beyond its range.
    """
    count = 0
    draw = random.Random(seed)

    def step(work: Work, env: dict[str, int]) -> None:
        nonlocal count
        if isinstance(work, Read):
            ref = work.where(env)
            raw = roots[ref.root, ref.name][ref.offset : ref.offset + ref.dtype.itemsize]
            env[work.symbol] = work.value(raw.tobytes(), program.symbols)
            return
        bound = plan.bound(work, env)
        for launch in bound.launches if work.order is None else any_order(bound.launches, work.order, draw):
            bases = [roots[ref.root, ref.name] for ref in launch.arguments]
            run(launch, bases, bound.symbols)
            if observe is not None:
                observe(launch, bases)
        count += len(bound.launches)

    values = dict(plan.symbols)
    run_steps(program.steps, values, program.symbols, step)
    return count, values


def any_order(launches: Sequence[Launch], order: Parallel, draw: random.Random) -> Iterator[Launch]:
    """The launches of a segment in a random sequence that its order allows. Launches of the order that are not among them count as
    ended."""
    waiting = list(launches)
    running = sum(1 << launch.number for launch in waiting)
    while waiting:
        launch = draw.choice([launch for launch in waiting if not order.before[launch.number] & running])
        waiting.remove(launch)
        running ^= 1 << launch.number
        yield launch
