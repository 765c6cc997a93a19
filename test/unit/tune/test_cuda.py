"""The timer of a GPU with stand-ins for CuPy and the driver: what it queues, over which buffers, and what it makes of failures."""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from trtc.compiler.tune import cuda
from trtc.compiler.tune.programs import Program, _lowered
from trtc.compiler.tune.timer import TimerError
from trtc.runtime.driver import DeviceInfo

sys.path[:0] = [str(Path(__file__).parent)]
from test_programs import task  # noqa: E402

pytest.importorskip("cupy", reason="NVRTC comes with CuPy")


class LostError(Exception):
    pass


class FullError(Exception):
    pass


class Gpu:
    """A GPU, its stream, graphs and driver in one; every graph takes 160 us. `launches` are the addresses of the first tensor of
    each launch, `lost` and `full` how it fails."""

    def __init__(self) -> None:
        self.launches: list[int] = []
        self.buffers: list[Any] = []
        self.replays, self.lost, self.full = 0, False, False
        runtime = SimpleNamespace(deviceSynchronize=lambda: None, CUDARuntimeError=LostError)
        self.cupy = SimpleNamespace(
            empty=self.empty,
            asnumpy=lambda buffer: buffer.bytes.copy(),
            cuda=SimpleNamespace(
                Stream=lambda non_blocking: self,
                Event=lambda: SimpleNamespace(record=lambda stream: None),
                get_elapsed_time=lambda start, end: 0.160,
                runtime=runtime,
                memory=SimpleNamespace(OutOfMemoryError=FullError),
                function=SimpleNamespace(Module=self.module),
                driver=SimpleNamespace(CUDADriverError=LostError),
            ),
        )
        self.ptr = 1  # of the stream

    def empty(self, size: int, dtype: Any) -> Any:
        if self.full:
            raise FullError
        made = SimpleNamespace(bytes=np.zeros(size, dtype), data=SimpleNamespace(ptr=4096 * (len(self.buffers) + 1)))
        made.set = lambda host: made.bytes.__setitem__(slice(None), host)
        self.buffers.append(made)
        return made

    def module(self) -> Any:
        return SimpleNamespace(load=lambda cubin: None, get_function=lambda name: SimpleNamespace(ptr=7))

    # The stream.

    def synchronize(self) -> None:
        if self.lost:
            raise LostError("an illegal memory access")

    def begin_capture(self) -> None: ...

    def end_capture(self) -> Any:
        return self

    def launch(self, *given: Any, **attributes: Any) -> None:
        """Of a graph, on a stream, or of a kernel, by the driver."""
        if len(given) == 1:
            self.replays += 1
        else:
            self.launches.append(ctypes.c_uint64.from_address(given[5].pointers[0]).value)

    def version(self) -> int:
        return 13000

    def allow_dynamic_shared(self, function: int, size: int) -> None: ...

    def encode_tensor_map(self, spec: Any, pointer: int) -> bytes:
        return bytes(128)


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Gpu:
    made = Gpu()
    monkeypatch.setitem(sys.modules, "cupy", made.cupy)
    monkeypatch.setattr(cuda, "get_driver", lambda: made)
    monkeypatch.setattr(cuda, "nvrtc_version", lambda: (13, 0))
    return made


def timer(l2_bytes: int) -> cuda.CudaTimer:
    return cuda.CudaTimer(DeviceInfo(0, "A GPU", (9, 0), 132, 232448, l2_bytes))


def built_for(timed: cuda.CudaTimer) -> tuple[Any, Any, Any]:
    """One candidate of a small product, loaded, its tensors of some 40 KB, and the symbols."""
    made = task()
    choice = made.candidates[0].choice
    programs = [Program(each.info, each.entry, b"") for each in _lowered(made.chosen(choice))]
    built = [(program, *timed._load(program)) for program in programs]
    return built, made.tensors(choice, made.inputs(np.random.default_rng(0))), made.symbols


def test_what_fits_the_cache_stays_in_it(gpu: Gpu) -> None:
    timed = timer(1 << 20)
    built, tensors, symbols = built_for(timed)
    assert timed.time(built, tensors, symbols) == pytest.approx(10.0), "one of 16 runs"
    assert len(gpu.launches) == 16 and len(set(gpu.launches)) == 1 and gpu.replays == 23


def test_larger_tensors_take_turns(gpu: Gpu) -> None:
    timed = timer(64 << 10)
    built, tensors, symbols = built_for(timed)
    timed.time(built, tensors, symbols)
    size = sum(tensor.flat.nbytes for tensor in tensors)
    sets = len(set(gpu.launches))
    assert 1 < sets <= 16 and sets * size >= 2 * (64 << 10)
    assert gpu.launches[:sets] == gpu.launches[sets : 2 * sets], "in turns"


def test_a_run_copies_back_what_is_on_the_gpu(gpu: Gpu) -> None:
    timed = timer(1 << 20)
    built, tensors, symbols = built_for(timed)
    before = [tensor.flat.tobytes() for tensor in tensors]
    timed.run(built, tensors, symbols)
    assert [tensor.flat.tobytes() for tensor in tensors] == before and len(gpu.launches) == len(built)


def test_a_lost_gpu_and_full_memory_are_no_fault_of_a_candidate(gpu: Gpu) -> None:
    timed = timer(1 << 20)
    built, tensors, symbols = built_for(timed)
    gpu.lost = True
    with pytest.raises(TimerError, match="'an illegal memory access' from matmul_relu"):
        timed.run(built, tensors, symbols)
    gpu.full = True
    with pytest.raises(TimerError, match=r"A GPU has no \d+ bytes free"):
        timed.run(built, tensors, symbols)
