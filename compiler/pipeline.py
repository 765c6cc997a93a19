"""The pipeline: the only place with a pass order.

A compile runs through phases; each phase is a list of passes and ends at a boundary with a legality spec (`legality.py`).
`run_pipeline` is what the driver calls; `run_passes` runs any list of passes under the same guards, for `trtc-opt -p`.
Both call observers before and after each pass, which is how printing, dumping, timing and check-numerics are done.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation
from xdsl.passes import ModulePass
from xdsl.utils.exceptions import PassFailedException, VerifyException

from ..dialects.dominance import DominanceError, verify_dominance
from ..dialects.errors import OptionError, PassError, TrtcError
from ..dialects.provenance import describe
from ..dialects.verify import verify_ops
from ..passes.lost_nodes import LostNodes
from .garbage import garbage_frozen
from .legality import check_between, check_bodies, check_boundary
from .options import BuildOptions
from .provenance import ProvenanceCheck
from .universe import load_pass, make_context

PHASES = ("import", "graph", "quantize", "fuse", "kernels", "memory", "threads")


@dataclass(frozen=True)
class Step:
    """One pass of a phase, with the options that the builder options give it."""

    name: str
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def make(self) -> ModulePass:
        """The pass, ready to run. Raises `PassError` where it cannot be loaded or does not know an option."""
        try:
            return load_pass(self.name)(**self.options)
        except (ImportError, KeyError, TypeError) as error:
            raise PassError(f"pipeline: pass '{self.name}' cannot be set up: {error}") from error


def phase_steps(options: BuildOptions) -> dict[str, tuple[Step, ...]]:
    """The passes of every phase, in order."""
    return {
        "import": (),
        "graph": (
            Step("canonicalize-nn"),
            Step("fold-constants"),
            Step("recognise-activations"),
            Step("recognise-norms"),
            Step("fold-batch-norm"),
            Step("eliminate-transposes"),
            Step("fold-constants"),
            Step("canonicalize-nn"),
            Step("cse"),
            Step("recognise-attention"),
            Step("recognise-rotary"),
            Step("nest-concats"),
            Step("pad-concats"),
            Step("sink-reshapes"),
            Step("widen-sums"),
            Step("analyze-ranges", {"mode": options.precision}),
            Step("assign-precision", {"mode": options.precision}),
            Step("approximate-functions"),
            Step("transpose-weights"),
            Step("split-gates"),
            Step("merge-siblings"),
            Step("pad-channels"),
            Step("fold-norms"),
            Step("fold-constants"),
            Step("cse"),
            Step("dce"),
        ),
        "quantize": (Step("place-qdq"),),
        "fuse": (
            Step("decompose-attention"),
            Step("fuse-groups"),
            Step("materialise-storage"),
            Step("realize-integer"),
            Step("assign-destinations"),
            Step("merge-pointwise"),
            # Only now is it decided what groups read: the products of scales, and weights that are dequantized inside.
            Step("hoist-weights"),
            Step("outline-groups"),
        ),
        "kernels": (
            Step("select-schedule", {"allowed": options.schedules}),
            Step("mark-early-operands"),
            Step("lower-groups"),
        ),
        # Only kernels determine which launches there are and what memory each accesses.
        "memory": (Step("bufferize"), Step("plan-arena", {"memory_limit": options.memory_limit}), Step("insert-pdl")),
        "threads": (Step("place-shared-memory"), Step("expand-rings"), Step("lower-fragments")),
    }


class Observer:
    """Hooks around each pass and after each phase; override what you need. `index` counts passes from 1."""

    def before_pass(self, index: int, step: ModulePass, module: ModuleOp) -> None: ...

    def after_pass(self, index: int, step: ModulePass, module: ModuleOp, seconds: float) -> None: ...

    def after_phase(self, phase: str, module: ModuleOp, seconds: float) -> None: ...


def check_phase(name: str) -> str:
    """`name` if it is a phase; raises `OptionError` with the list otherwise."""
    if name not in PHASES:
        raise OptionError(f"phase '{name}' does not exist: expected one of {', '.join(PHASES)}")
    return name


def run_pipeline(
    module: ModuleOp,
    options: BuildOptions,
    *,
    start_after: int = 0,
    stop_after: str | None = None,
    observers: Sequence[Observer] = (),
    context: Context | None = None,
) -> int:
    """Take an imported module (`nn` level) through the phases up to and including `stop_after` (default: all), in place.

    `start_after` is how many passes the module has been through already (`resume.position`). Phases from `quantize` on ask
    schedules what they accept, so the module must have its target (`targets.set_target`).
    Returns how many passes the module has been through afterwards.
    Raises `PassError` where a pass fails or a boundary is broken, with the pass or phase, the op and its ONNX nodes.
    """
    last = PHASES.index(check_phase(stop_after)) if stop_after is not None else len(PHASES) - 1
    steps = phase_steps(options)
    context = context or make_context()
    done = 0
    verify_module(module, "the module at the start of the pipeline" if start_after else "the imported module")
    if options.check_boundaries and start_after:
        _check_start(module, start_after, steps)
    provenance = ProvenanceCheck(module) if options.verify_each else None
    for phase in PHASES[: last + 1]:
        end = done + len(steps[phase])
        if start_after and end <= start_after:
            done = end
            continue
        with garbage_frozen():  # what the phases before made, too
            start = time.perf_counter()
            passes = [step.make() for step in steps[phase][max(start_after - done, 0) :]]
            first = max(start_after, done) + 1
            run_passes(
                module, passes, context, observers=observers, verify=options.verify_each, first_index=first,
                provenance=provenance, legality=options.check_boundaries,
            )  # fmt: skip
            done = end
            if passes and not options.verify_each:
                verify_module(module, f"the module after phase '{phase}' (TRTC_VERIFY_EACH=1 names the pass)")
            if options.check_boundaries:
                check_boundary(module, phase)
            for observer in observers:
                observer.after_phase(phase, module, time.perf_counter() - start)
    return done


def _check_start(module: ModuleOp, start_after: int, steps: Mapping[str, Sequence[Step]]) -> None:
    """A module that has been through passes already may hold what these leave, as far as that is stated: at the end of a phase, and
    between the passes of phase `threads`."""
    done = 0
    for phase in PHASES:
        names = [step.name for step in steps[phase]]
        if start_after == done + len(names):
            check_bodies(module, phase)
            return
        if start_after < done + len(names):
            check_between(module, names[start_after - done - 1])
            return
        done += len(names)


def run_phase(module: ModuleOp, phase: str, options: BuildOptions | None = None) -> None:
    """Run the passes of one phase on a module that has been through the earlier phases, in place. Raises `PassError` where one fails."""
    steps = phase_steps(options or BuildOptions())[check_phase(phase)]
    run_passes(module, [step.make() for step in steps], make_context())


def run_passes(
    module: ModuleOp,
    passes: Iterable[ModulePass],
    context: Context,
    *,
    observers: Sequence[Observer] = (),
    verify: bool = True,
    first_index: int = 1,
    provenance: ProvenanceCheck | None = None,
    legality: bool = False,
) -> None:
    """Run passes in order, in place. Verifies types, traits and dominance after each unless `verify` is off, locations where `provenance`
    is given, and with `legality` what kernels may hold between the passes of phase `threads`. Raises `PassError`, with the number of the
    pass, where one fails or its result is not valid."""
    lost = LostNodes(module)
    for index, step in enumerate(passes, first_index):
        for observer in observers:
            observer.before_pass(index, step, module)
        start = time.perf_counter()
        try:
            _apply(step, context, module)
            seconds = time.perf_counter() - start
            lost.remark(step, module)
            if verify:
                verify_module(module, f"the result of pass '{step.name}'")
            if provenance is not None:
                provenance.after(step, module)
            if legality:
                check_between(module, step.name)
        except PassError as error:
            error.index = index
            raise
        for observer in observers:
            observer.after_pass(index, step, module, seconds)


def _apply(step: ModulePass, context: Context, module: ModuleOp) -> None:
    try:
        step.apply(context, module)
    except TrtcError as error:
        if step.name in str(error):
            raise
        raise type(error)(f"pass '{step.name}': {error}") from error
    except Exception as error:
        raise PassError(f"pass '{step.name}' failed: {_one_line(error)}") from error


def verify_module(module: ModuleOp, what: str) -> None:
    """Verify types, traits and dominance; raises `PassError` that names the first invalid op, without printing the module."""
    try:
        verify_ops(module)
        verify_dominance(module)
    except Exception as error:  # verifiers of ops raise any exception on unforeseen attributes
        culprit = _first_invalid(module)
        where = f"{describe(culprit)}: " if culprit is not None else ""
        said = _one_line(error).removeprefix(f"{culprit.name}: " if culprit is not None else "")
        failure = PassError(f"{what} is not valid: {where}{said}")
        failure.op = error.op if isinstance(error, DominanceError) else culprit
        raise failure from error


def _first_invalid(module: ModuleOp) -> Operation | None:
    """The innermost op, first in order, that does not verify on its own; None where only dominance is broken."""
    for op in module.walk(reverse=False):
        try:
            op.verify(verify_nested_ops=False)
        except Exception:
            return op
    return None


def _one_line(error: BaseException) -> str:
    """The message of an error on one line, with its type unless that is a verifier's or a pass's."""
    text = " ".join(str(error).split())
    if isinstance(error, VerifyException | PassFailedException) and text:
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
