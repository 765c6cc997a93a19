"""
Times candidates on a GPU, through CuPy: a CUDA graph of many runs between two events, the median of its replays.

Tensors that fit the L2 cache several times over stay in it, as they do in a network of batch 1. Of larger ones there are as many sets as
make twice the cache, and runs take them in turns, so that each finds its operands in DRAM, as in a network of a large batch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import entry_points, version
from math import ceil
from typing import Any

import numpy as np

from ...dialects.errors import TargetError, TrtcError
from ...passes.kernels.schedules.competition import Candidate
from ...runtime.driver import DeviceInfo, check_device, find_device, get_driver, pack_arguments
from ..caches.kernels import code_digest
from ..codegen.cuda.nvrtc import nvrtc_version
from ..targets import detect_arch
from .programs import Builder, Program
from .task import Task, Tensor
from .timer import Place, TimerError

_RUNS = 16
"""Runs in a graph: the host needs 3 to 6 us to start one, which one run of a small kernel would say in place of its time."""
_REPLAYS, _WARM = 20, 3
_HOT = 4
"""Tensors of at most one part in `_HOT` of the L2 cache stay in it."""


def timer_for(arch: str, workers: int = 1) -> CudaTimer:
    """The timer of GPU 0, which compiles in `workers` processes. Raises TargetError where there is none, or one that is not an `arch`."""
    info = find_device()
    if info is None:
        raise TargetError(
            "opt_level: candidates are timed on a GPU, and there is none here; use opt_level 0, or a lock file of a build on one."
        )
    if arch != detect_arch():
        raise TargetError(
            f"opt_level: candidates for {arch} are timed on such a GPU, not on {info.name}; use opt_level 0, or a lock file."
        )
    return CudaTimer(info, workers)


def toolchain() -> str:
    """What decides the code of a kernel, beside its group and choice: trtc's code, NVRTC, and packages that add schedules."""
    added = {e.dist for e in entry_points(group="trtc.schedules") if e.dist is not None}
    others = "".join(sorted(f", {dist.name} {dist.version}" for dist in added))
    return f"trtc {version('trtc')} {code_digest()[:16]}, NVRTC {'.'.join(map(str, nvrtc_version()))}{others}"


class CudaTimer:
    """`Timer` on one GPU."""

    def __init__(self, info: DeviceInfo, workers: int = 1):
        import cupy

        self._cupy: Any = cupy
        self._driver = get_driver()
        check_device(info, self._driver.version(), nvrtc_version()[0])
        self._info = info
        self._builder = Builder(workers)
        self._stream: Any = cupy.cuda.Stream(non_blocking=True)
        self.place = Place(info.name, str(self._driver.version()), toolchain())

    def build(self, task: Task, candidates: Sequence[Candidate]) -> Iterator[Any]:
        """For each candidate its programs and their functions, loaded on the GPU."""
        for made in self._builder.build(task, candidates):
            try:
                yield made if isinstance(made, TrtcError) else [(program, *self._load(program)) for program in made]
            except TrtcError as error:
                yield error

    def run(self, built: Any, tensors: Sequence[Tensor], symbols: Mapping[str, int]) -> None:
        """Copies the tensors to the GPU, runs once, and copies all of them back."""
        buffers = self._upload(tensors)
        self._issue(self._packed(built, buffers, symbols))
        self._wait(built)
        for tensor, buffer in zip(tensors, buffers, strict=True):
            if tensor.flat.nbytes:
                tensor.flat[...] = self._cupy.asnumpy(buffer).view(tensor.flat.dtype)

    def time(self, built: Any, tensors: Sequence[Tensor], symbols: Mapping[str, int]) -> float:
        """The median of replays of a graph, for one run."""
        size = sum(tensor.flat.nbytes for tensor in tensors)
        hot = size * _HOT <= self._info.l2_bytes
        sets = 1 if hot else min(_RUNS, ceil(2 * self._info.l2_bytes / size) + 1)
        turns = [self._packed(built, self._upload(tensors), symbols) for _ in range(sets)]
        self._stream.begin_capture()
        try:
            for number in range(_RUNS):
                self._issue(turns[number % sets])
        finally:
            graph = self._stream.end_capture()
        return self._replay(graph, built) / _RUNS

    def _replay(self, graph: Any, built: Any) -> float:
        """The median microseconds of replays."""
        times: list[float] = []
        event = self._cupy.cuda.Event
        for _ in range(_WARM + _REPLAYS):
            start, end = event(), event()
            start.record(self._stream)
            graph.launch(self._stream)
            end.record(self._stream)
            self._wait(built)
            times.append(1e3 * self._cupy.cuda.get_elapsed_time(start, end))
        return float(np.median(times[_WARM:]))

    def _wait(self, built: Any) -> None:
        try:
            self._stream.synchronize()
        except self._cupy.cuda.runtime.CUDARuntimeError as error:
            names = ", ".join(program.info.name for program, *_ in built)
            raise TimerError(
                f"tune: the GPU reports '{error}' from {names}: a defect of the compiler; use opt_level 0."
            ) from error

    def _load(self, program: Program) -> tuple[int, Any]:
        """The handle of a kernel's function, and the module that keeps it alive."""
        module = self._cupy.cuda.function.Module()
        try:
            module.load(program.cubin)
        except self._cupy.cuda.driver.CUDADriverError as error:
            raise TargetError(f"kernel {program.info.name} cannot be loaded on {self._info.name}: {error}") from error
        function = module.get_function(program.entry).ptr
        if program.info.shared_bytes:
            self._driver.allow_dynamic_shared(function, program.info.shared_bytes)
        if program.info.cluster > 8:
            self._driver.allow_large_cluster(function)
        return function, module

    def _upload(self, tensors: Sequence[Tensor]) -> list[Any]:
        """Device memory with the bytes of each tensor."""
        buffers: list[Any] = []
        for tensor in tensors:
            buffer = self._empty(max(1, tensor.flat.nbytes))
            if tensor.flat.nbytes:
                buffer.set(tensor.flat.view(np.uint8))
            buffers.append(buffer)
        self._cupy.cuda.runtime.deviceSynchronize()  # copies are on another stream than the kernels
        return buffers

    def _empty(self, size: int) -> Any:
        try:
            return self._cupy.empty(size, np.uint8)
        except self._cupy.cuda.memory.OutOfMemoryError as error:
            raise TimerError(
                f"tune: {self._info.name} has no {size} bytes free; end what else uses it, or use opt_level 0."
            ) from error

    def _packed(self, built: Any, buffers: Sequence[Any], symbols: Mapping[str, int]) -> list[tuple[Any, ...]]:
        """The launches over these buffers; without those whose grid is empty."""
        pointers = [buffer.data.ptr for buffer in buffers]
        packed: list[tuple[Any, ...]] = []
        for program, function, _ in built:
            info, grid = program.info, program.info.blocks(symbols)
            if info.cooperative and int(np.prod(grid)) > self._info.sms:
                raise TargetError(
                    f"its {int(np.prod(grid))} blocks must run at once, and {self._info.name} has {self._info.sms} SMs"
                )
            maps = [
                self._driver.encode_tensor_map(m.evaluate(symbols), pointers[m.argument] + m.offset_bytes(symbols))
                for m in info.tensor_maps
            ]
            if all(grid):
                packed.append(
                    (
                        info,
                        function,
                        grid,
                        pack_arguments(pointers, [symbols[name] for name in info.params], maps),
                        buffers,
                    )
                )
        return packed

    def _issue(self, packed: Sequence[tuple[Any, ...]]) -> None:
        for info, function, grid, arguments, _ in packed:
            self._driver.launch(
                function, grid, (info.threads, 1, 1), info.shared_bytes, self._stream.ptr, arguments,
                cluster=(info.cluster, 1, 1) if info.cluster > 1 else None, cooperative=info.cooperative,
            )  # fmt: skip
