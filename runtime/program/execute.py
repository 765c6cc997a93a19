"""Runs a host program on the CPU, over the bytes of its roots."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from ...dialects.host.control import run_steps
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
) -> int:
    """Runs a program for one plan: `run(launch, bytes, symbols)` for each launch, in order, with the root of each argument (uint8), of
    which `launch.arguments[i].array` or `.flat` makes an array. `roots` holds each input, output and weight by name, and
    ("arena", ""). `observe` gets launch and bytes after each. Returns the number of launches.

    Raises HostValueError where a value that is read is beyond its range.
    """
    count = 0

    def step(work: Work, env: dict[str, int]) -> None:
        nonlocal count
        if isinstance(work, Read):
            ref = work.where(env)
            raw = roots[ref.root, ref.name][ref.offset : ref.offset + ref.dtype.itemsize]
            env[work.symbol] = work.value(raw.tobytes(), program.symbols)
            return
        bound = plan.bound(work, env)
        for launch in bound.launches:
            bases = [roots[ref.root, ref.name] for ref in launch.arguments]
            run(launch, bases, bound.symbols)
            if observe is not None:
                observe(launch, bases)
        count += len(bound.launches)

    run_steps(program.steps, dict(plan.symbols), program.symbols, step)
    return count
