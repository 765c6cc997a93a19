"""
The cubins of a candidate: its group is lowered with its choice and compiled, in this process or in several.

NVRTC runs on threads, but lowering is Python, so that processes gain where there are many CPUs. A process gets a group as IR text and gives
back cubins. It starts afresh (`spawn`), since a process that has used a GPU must not fork; so a script that asks for several must guard
what it does by `if __name__ == "__main__"`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.parser import Parser

from ...dialects import kernel
from ...dialects.errors import PassError, TrtcError
from ...dialects.kernel.types import Target
from ...passes.kernels.lower_groups import lower
from ...passes.kernels.schedules.competition import Candidate
from ...runtime.kernels import KernelInfo
from ..codegen.cuda.nvrtc import Compiled, Compiler, Job, compile_cubin
from ..codegen.cuda.printer import entry_name, print_kernel
from ..pipeline import run_phase
from ..universe import make_context
from .task import TARGET, Task


@dataclass(frozen=True)
class Program:
    """A launch: what the host must know of its kernel, the name of its entry, and its cubin."""

    info: KernelInfo
    entry: str
    cubin: bytes


@dataclass(frozen=True)
class _Lowered:
    """A launch whose kernel is not compiled yet."""

    info: KernelInfo
    entry: str
    job: Job

    def compiled(self, result: Compiled) -> Program:
        return Program(self.info, self.entry, result.cubin)


def programs(module: ModuleOp) -> list[Program]:
    """The launches of a module's only group, which has a choice; the module is used up. Raises PassError and TargetError."""
    return [each.compiled(compile_cubin(each.job)) for each in _lowered(module)]


def _lowered(module: ModuleOp) -> list[_Lowered]:
    (func,) = module.body.block.ops
    target = module.attributes[TARGET]
    assert isinstance(func, FuncOp) and isinstance(target, Target)
    launched = ModuleOp([*lower(func, target)], attributes=dict(module.attributes))
    run_phase(launched, "threads")
    made: list[_Lowered] = []
    for op in launched.body.block.ops:
        assert isinstance(op, kernel.FuncOp)
        job = Job(print_kernel(op, comments=False), target.arch.data, name=f"{op.sym_name.data}.cu")
        made.append(_Lowered(KernelInfo.read(op), entry_name(op), job))
    return made


def from_text(text: str) -> list[Program] | PassError:
    """The launches of a module given as text, or why there are none: what a process computes."""
    try:
        return programs(Parser(make_context(), text).parse_module())
    except TrtcError as error:
        return PassError(str(error))  # of one argument, as processes can hand over


class Builder:
    """Builds candidates in `workers` processes, or, where there is one worker, in this process, which compiles on threads."""

    def __init__(self, workers: int = 1):
        self._pool = ProcessPoolExecutor(workers, get_context("spawn")) if workers > 1 else None

    def close(self) -> None:
        """Ends the processes."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def build(self, task: Task, candidates: Sequence[Candidate]) -> Iterator[list[Program] | TrtcError]:
        """The launches of each candidate, in order, or why there are none. The next ones are compiled while the caller uses the first."""
        modules = [task.chosen(candidate.choice) for candidate in candidates]
        return self._here(modules) if self._pool is None else self._pool.map(from_text, map(str, modules))

    def _here(self, modules: Sequence[ModuleOp]) -> Iterator[list[Program] | TrtcError]:
        with Compiler() as compiler:
            pending: list[list[_Lowered] | TrtcError] = []
            for module in modules:
                try:
                    pending.append(made := _lowered(module))
                    for each in made:
                        compiler.add(each.job)
                except TrtcError as error:
                    pending.append(error)
            for made in pending:
                try:
                    if isinstance(made, TrtcError):
                        raise made
                    results = compiler.results([each.job for each in made])
                    yield [each.compiled(result) for each, result in zip(made, results, strict=True)]
                except TrtcError as error:
                    yield error
