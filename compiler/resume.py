"""How far in the pipeline a module is: by the name of a pass, or by what the module contains.

`--dump-dir` writes one file per pass, numbered through the pipeline: `05-fold-constants.mlir` is the module after the fifth. A run
continues from such a file by its name, or, without a name, after the last pass whose work the module shows:

| level | the module contains | passes that are done |
|---|---|---|
| threads | kernels of thread ops | all |
| tiles | a kernel with offsets in shared memory, or with thread ops | up to `place-shared-memory`, or `expand-rings` |
| buffers | a host function over memrefs | up to `bufferize`, or `plan-arena` where there is an arena |
| tiles | a kernel | up to `lower-groups` |
| groups | a call of a group, or a group in `@main` | up to `outline-groups`, or `select-schedule`, or `fuse-groups` |
| model | none of these | none |
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

from xdsl.dialects.builtin import MemRefType, ModuleOp
from xdsl.dialects.func import FuncOp

from ..dialects.errors import OptionError
from ..passes.kernels.threads.placed import is_lowered
from .pipeline import PHASES, Step, check_phase

Steps = Mapping[str, Sequence[Step]]
"""The passes of every phase, as `pipeline.phase_steps` gives them."""


def passes_until(phase: str, steps: Steps) -> int:
    """How many passes have run when a phase ends."""
    return sum(len(steps[name]) for name in PHASES[: PHASES.index(check_phase(phase)) + 1])


def position(text: str, steps: Steps) -> int:
    """How many passes have run after a phase, a pass, or a dump by its name (`05-fold-constants`).

    Raises OptionError where there is none of that name, or where a pass runs more than once.
    """
    if text in PHASES:
        return passes_until(text, steps)
    numbered = ["00-input", *(f"{index:02d}-{name}" for index, name in enumerate(_names(steps), 1))]
    if text in numbered:
        return numbered.index(text)
    found = [name for name in numbered[1:] if name.split("-", 1)[1] == text]
    if len(found) == 1:
        return numbered.index(found[0])
    if found:
        raise OptionError(f"--start-after: pass '{text}' runs {len(found)} times; say which: {', '.join(found)}")
    known = [*PHASES, *dict.fromkeys(_names(steps)), *numbered]
    close = difflib.get_close_matches(text, known, n=1)
    meant = f"did you mean '{close[0]}'?" if close else f"the phases are {', '.join(PHASES)}"
    raise OptionError(f"--start-after: '{text}' is no phase and no pass of the pipeline; {meant}")


def level(module: ModuleOp) -> tuple[str, str | None]:
    """The level of a module, and the last pass of the pipeline whose work it shows; None where it shows that of no pass."""
    from ..dialects import buffer, fusion, kernel

    kernels = [op for op in module.body.block.ops if isinstance(op, kernel.FuncOp)]
    if kernels and all(is_lowered(function) for function in kernels):
        return "threads", "lower-fragments"
    tiles = [op for function in kernels for op in function.walk()]
    if any(isinstance(op, kernel.THREAD_OPS) for op in tiles):
        return "tiles", "expand-rings"
    if any(isinstance(op, kernel.AllocOp | kernel.RingOp) and op.offset is not None for op in tiles):
        return "tiles", "place-shared-memory"
    functions = [op for op in module.body.block.ops if isinstance(op, FuncOp)]
    main = next((op for op in functions if op.sym_name.data == "main"), None)
    ops = {type(op) for op in main.walk()} if main is not None else set[type]()
    if main is not None and any(isinstance(type_, MemRefType) for type_ in main.function_type.inputs.data):
        return "buffers", "plan-arena" if buffer.ArenaOp in ops else "bufferize"
    if kernels:
        return "tiles", "lower-groups"
    if fusion.CallOp in ops:
        chosen = any(kernel.CHOICE in function.attributes for function in functions)
        return "groups", "select-schedule" if chosen else "outline-groups"
    return ("groups", "fuse-groups") if fusion.GroupOp in ops else ("model", None)


def position_of(module: ModuleOp, steps: Steps) -> int:
    """How many passes of the pipeline a module shows the work of."""
    last, names = level(module)[1], _names(steps)
    return 0 if last is None else len(names) - names[::-1].index(last)


def _names(steps: Steps) -> list[str]:
    """The passes of the whole pipeline in order."""
    return [step.name for phase in PHASES for step in steps[phase]]


def check_order(start: int, stop_after: str, steps: Steps, what: str) -> None:
    """Raise OptionError for a start after the stop. `what` names the start: a flag, or the module."""
    if start > passes_until(stop_after, steps):
        done = f"{start:02d}-{_names(steps)[start - 1]}"
        raise OptionError(f"{what} is after {done}, past the end of phase '{stop_after}'; choose a later --stop-after")
