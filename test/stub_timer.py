"""A timer for tests: candidates run on the simulator, and their times are whatever a function says."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from xdsl.dialects.builtin import ModuleOp

from trtc.compiler.tune.task import TARGET, Task, Tensor
from trtc.compiler.tune.timer import Place
from trtc.dialects import kernel
from trtc.dialects.errors import TrtcError
from trtc.passes.kernels.lower_groups import lower
from trtc.passes.kernels.schedules.competition import Candidate
from trtc.runtime.simulator import run_kernel


@dataclass
class StubTimer:
    """Candidates take `times(candidate)` microseconds; an error that it raises says that the candidate cannot be timed."""

    times: Callable[[Candidate], float]
    place: Place = field(default_factory=lambda: Place("stub", "0", "test"))
    tried: list[Candidate] = field(default_factory=list)

    def build(
        self, task: Task, candidates: Sequence[Candidate]
    ) -> Iterator[tuple[Candidate, list[kernel.FuncOp]] | TrtcError]:
        for candidate in candidates:
            self.tried.append(candidate)
            module = task.chosen(candidate.choice)
            (func,) = module.body.block.ops
            try:
                made = lower(func, module.attributes[TARGET])  # type: ignore[arg-type]
                ModuleOp(made)
                yield candidate, made
            except TrtcError as error:
                yield error

    def run(
        self, built: tuple[Candidate, list[kernel.FuncOp]], tensors: Sequence[Tensor], symbols: Mapping[str, int]
    ) -> None:
        for made in built[1]:
            run_kernel(made, [tensor.flat for tensor in tensors], symbols)

    def time(
        self, built: tuple[Candidate, list[kernel.FuncOp]], tensors: Sequence[Tensor], symbols: Mapping[str, int]
    ) -> float:
        return self.times(built[0])
