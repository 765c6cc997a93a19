"""A GPU, its driver and CuPy for tests of the CUDA context on machines without one: what is queued is done as late as it may be.

Streams keep their work until something waits for it, and `World.finish` does the rest in an unhelpful order: a copy, an event or a
wait that is missing shows as wrong numbers. Copies read and write host memory when they are done, as with pinned memory. Memory goes
back when its last owner does, in the order of the stream that it was taken on, and touching it then is an error.
"""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import prod
from types import SimpleNamespace
from typing import Any

import numpy as np

BASE = 1 << 40
CODES = {"P": ctypes.c_uint64, "i": ctypes.c_int32}

Kernel = Callable[..., None]
"""Called with the device and the values of its parameters."""


class Device:
    """Global memory: every access must lie in an allocation that is alive."""

    def __init__(self, size: int = 1 << 22) -> None:
        self.bytes = np.full(size, 0xAB, np.uint8)
        self.live: dict[int, int] = {}
        self._next = 512

    def allocate(self, size: int) -> int:
        if self._next + size > self.bytes.size:
            raise OutOfMemoryError(f"{size} bytes")
        address = BASE + self._next
        self.live[address] = size
        self._next += -(-max(size, 1) // 512) * 512 + 512
        return address

    def free(self, address: int) -> None:
        size = self.live.pop(address)
        self.bytes[address - BASE :][:size] = 0xCD

    def view(self, address: int, size: int) -> np.ndarray:
        """The bytes at an address. They need no alignment."""
        if not any(begin <= address and address + size <= begin + length for begin, length in self.live.items()):
            raise AssertionError(f"{size} bytes at {address:#x} are in no live allocation")
        return self.bytes[address - BASE :][:size]

    def floats(self, address: int, count: int) -> np.ndarray:
        return self.view(address, 4 * count).view(np.float32)


class OutOfMemoryError(MemoryError):
    pass


@dataclass
class Mark:
    """What `record` leaves in a stream."""

    stream: Stream
    passed: bool = False


class Stream:
    """Work that waits."""

    def __init__(self, world: World, name: str) -> None:
        self.world, self.name, self.ptr = world, name, 0x1000 + len(world.streams)
        self.work: list[Callable[[], None] | Mark | tuple[str, Mark]] = []
        self.captured: list[Callable[[], None]] | None = None
        world.streams.append(self)

    def add(self, work: Callable[[], None]) -> None:
        (self.work if self.captured is None else self.captured).append(work)

    def wait_event(self, event: Event) -> None:
        self.world.log.append(("wait", self.name))
        if event.mark is not None:
            self.work.append(("until", event.mark))

    def synchronize(self) -> None:
        self.world.log.append(("synchronize", self.name))
        self.drain()

    def drain(self, mark: Mark | None = None) -> None:
        """Does the work in order, up to a mark."""
        while self.work and not (mark is not None and mark.passed):
            match self.work.pop(0):
                case Mark() as passed:
                    passed.passed = True
                case (_, Mark() as other):
                    other.stream.drain(other)
                case work:
                    work()  # type: ignore[operator]

    def begin_capture(self) -> None:
        self.captured = []

    def end_capture(self) -> Graph:
        captured, self.captured = self.captured, None
        assert captured is not None
        return Graph(self.world, captured)

    def __enter__(self) -> Stream:
        self.world.current.append(self)
        return self

    def __exit__(self, *_: object) -> None:
        self.world.current.pop()


@dataclass
class Event:
    world: World
    mark: Mark | None = None

    def record(self, stream: Stream) -> None:
        self.world.log.append(("record", stream.name))
        self.mark = Mark(stream)
        stream.work.append(self.mark)

    def synchronize(self) -> None:
        if self.mark is not None:
            self.mark.stream.drain(self.mark)


@dataclass
class Graph:
    world: World
    work: list[Callable[[], None]]

    def upload(self, stream: Stream) -> None:
        self.world.log.append(("upload", stream.name))

    def launch(self, stream: Stream) -> None:
        self.world.log.append(("graph", stream.name))
        for work in self.work:
            stream.add(work)


class Memory:
    """An address, and its allocation, which it keeps alive."""

    def __init__(self, world: World, ptr: int, owner: object) -> None:
        self.world, self.ptr, self.owner = world, ptr, owner

    def __add__(self, offset: int) -> Memory:
        return Memory(self.world, self.ptr + offset, self.owner)

    def copy_from_host_async(self, source: int, size: int, stream: Stream) -> None:
        self.world.log.append(("to device", stream.name, size))
        stream.add(lambda: self._write(np.frombuffer((ctypes.c_ubyte * size).from_address(source), np.uint8)))

    def copy_to_host_async(self, target: int, size: int, stream: Stream) -> None:
        self.world.log.append(("to host", stream.name, size))
        stream.add(lambda: ctypes.memmove(target, self.world.device.view(self.ptr, size).tobytes(), size) and None)

    def copy_from_device_async(self, source: Memory, size: int, stream: Stream) -> None:
        self.world.log.append(("on device", stream.name, size))
        stream.add(lambda: self._write(self.world.device.view(source.ptr, size).copy()))

    def memset_async(self, value: int, size: int, stream: Stream) -> None:
        self.world.log.append(("fill", stream.name, size))
        stream.add(lambda: self.world.device.view(self.ptr, size).fill(value))

    def _write(self, data: np.ndarray) -> None:
        self.world.device.view(self.ptr, data.size)[...] = data


class Array:
    """A CuPy array."""

    def __init__(
        self, memory: Memory, shape: tuple[int, ...], dtype: Any, strides: tuple[int, ...] | None = None
    ) -> None:
        self.data, self.shape, self.dtype = memory, shape, np.dtype(dtype)
        row_major = tuple(self.dtype.itemsize * prod(shape[i + 1 :]) for i in range(len(shape)))
        self.strides = row_major if strides is None else strides
        self.flags = SimpleNamespace(c_contiguous=self.strides == row_major)
        self.nbytes = self.dtype.itemsize * prod(shape)
        self.device = SimpleNamespace(id=0)
        self.__cuda_array_interface__ = {"data": (memory.ptr, False), "shape": shape, "typestr": self.dtype.str}

    def numpy(self) -> np.ndarray:
        """Its values, once the work that writes them is done."""
        base = self.data.world.device.bytes
        offset = self.data.ptr - BASE
        return np.ndarray(self.shape, self.dtype, base.data, offset, self.strides).copy()


@dataclass
class World:
    """The stand-ins of one test: `cupy` and `library` (libcuda), and `log`, in which all that the context asks for stands in order."""

    kernels: Mapping[str, tuple[str, Kernel]]
    capability: tuple[int, int] = (8, 0)
    total_memory: int = 1 << 30
    log: list[tuple[Any, ...]] = field(default_factory=list[tuple[Any, ...]])
    streams: list[Stream] = field(default_factory=list[Stream])
    devices: list[int] = field(default_factory=list[int])
    fail: dict[str, int] = field(default_factory=dict[str, int])

    def __post_init__(self) -> None:
        self.device = Device()
        self.names = list(self.kernels)
        self.current: list[Stream] = [Stream(self, "default")]
        self.cupy = self._cupy()
        self.library = Library(self)

    def allocate(self, size: int) -> Memory:
        address, stream = self.device.allocate(size), self.current[-1]
        self.log.append(("alloc", stream.name, size))
        owner = SimpleNamespace()
        memory = Memory(self, address, owner)
        weakref.finalize(_Finalized(owner).anchor, lambda: stream.work.append(lambda: self.device.free(address)))
        return memory

    def array(self, values: np.ndarray, *, offset: int = 0) -> Array:
        """An array on the device, whose values are there."""
        memory = self.allocate(values.nbytes + offset) + offset
        self.device.view(memory.ptr, values.nbytes)[...] = np.frombuffer(values.tobytes(), np.uint8)
        return Array(memory, values.shape, values.dtype)

    def finish(self) -> None:
        """Does all work that is left, the newest stream first."""
        for stream in reversed(self.streams):
            stream.drain()

    def synchronize(self) -> None:
        """Waits for all streams."""
        self.log.append(("device synchronize",))
        self.finish()

    def counts(self, *kinds: str) -> list[tuple[Any, ...]]:
        return [entry for entry in self.log if entry[0] in kinds]

    def _cupy(self) -> Any:
        def copied(array: Array, order: str, copy: bool) -> Array:
            assert order == "C" and copy
            made = Array(self.allocate(array.nbytes), array.shape, array.dtype)
            stream = self.current[-1]
            self.log.append(("copy", stream.name, array.nbytes))

            def work() -> None:
                made.data._write(np.frombuffer(array.numpy().tobytes(), np.uint8))

            stream.add(work)
            return made

        def fill(address: int, value: int, size: int, stream: int) -> None:
            queue = next(s for s in self.streams if s.ptr == stream)
            Memory(self, address, None).memset_async(value, size, queue)

        def copy(target: int, source: int, size: int, kind: int, stream: int) -> None:
            assert kind == 2, "from the device to the host"
            Memory(self, source, None).copy_to_host_async(
                target, size, next(s for s in self.streams if s.ptr == stream)
            )

        def shared(a: Array, b: Array) -> bool:
            return a.data.ptr < b.data.ptr + b.nbytes and b.data.ptr < a.data.ptr + a.nbytes

        cuda = SimpleNamespace(
            Device=lambda ordinal: _Chosen(self, ordinal),
            Stream=lambda non_blocking: Stream(self, f"stream {len(self.streams)}") if non_blocking else None,
            Event=lambda disable_timing: Event(self),
            alloc=self.allocate,
            get_current_stream=lambda: self.current[-1],
            function=SimpleNamespace(Module=lambda: Module(self)),
            runtime=SimpleNamespace(
                deviceSynchronize=self.synchronize,
                memsetAsync=fill,
                memcpyAsync=copy,
                memcpyDeviceToHost=2,
                memGetInfo=lambda: (self.total_memory // 2, self.total_memory),
            ),
            memory=SimpleNamespace(OutOfMemoryError=OutOfMemoryError),
            driver=SimpleNamespace(CUDADriverError=DriverError),
        )
        return SimpleNamespace(
            cuda=cuda, ndarray=Array, asarray=lambda a: a, array=copied, may_share_memory=shared,
            empty=lambda shape, dtype: Array(self.allocate(np.dtype(dtype).itemsize * prod(shape)), shape, dtype),
        )  # fmt: skip


class DriverError(RuntimeError):
    pass


class _Finalized:
    """Ties what finalizers want, something that weak references can name, to a plain owner."""

    def __init__(self, owner: SimpleNamespace) -> None:
        self.anchor = owner.anchor = _Anchor()


class _Anchor:
    pass


@dataclass
class _Chosen:
    world: World
    ordinal: int

    def __enter__(self) -> None:
        self.world.devices.append(self.ordinal)

    def __exit__(self, *_: object) -> None:
        self.world.devices.pop()


@dataclass
class Module:
    world: World

    def load(self, cubin: bytes) -> None:
        if cubin[:4] != b"\x7fELF" or "load" in self.world.fail:
            raise DriverError("CUDA_ERROR_INVALID_IMAGE")
        assert self.world.devices, "a device was chosen"
        self.world.log.append(("load", len(cubin)))

    def get_function(self, name: str) -> Any:
        return SimpleNamespace(ptr=0xF000 + self.world.names.index(name))


@dataclass
class Library:
    """libcuda."""

    world: World

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("cu"):
            raise AttributeError(name)
        return lambda *arguments: self._call(name, *arguments)

    def _call(self, name: str, *arguments: Any) -> int:
        match name:
            case "cuDriverGetVersion":
                arguments[0]._obj.value = 13000
            case "cuDeviceGetCount":
                arguments[0]._obj.value = 2
            case "cuDeviceGetName":
                arguments[0].value = b"Stand-in"
            case "cuDeviceGetAttribute":
                major, minor = self.world.capability
                known = {75: major, 76: minor, 16: 108, 97: 166912, 38: 40 << 20}
                arguments[0]._obj.value = known[arguments[1].value]
            case "cuGetErrorString":
                arguments[1]._obj.value = b"something is wrong"
            case "cuFuncSetAttribute":
                self.world.log.append(("attribute", self._name(arguments[0]), arguments[1].value, arguments[2].value))
            case "cuLaunchKernelEx":
                self._launch(*arguments)
            case _:
                pass
        return self.world.fail.get(name, 0)

    def _name(self, function: Any) -> str:
        return self.world.names[function.value - 0xF000]

    def _launch(self, config: Any, function: Any, parameters: Any, extra: Any) -> None:
        assert extra is None and self.world.devices
        name, raw = self._name(function), config._obj
        signature, kernel = self.world.kernels[name]
        values = [
            CODES[code].from_address(parameters[i]).value for i, code in enumerate(signature)
        ]  # copied now, as CUDA does
        stream = next(s for s in self.world.streams if s.ptr == raw.stream)
        grid, block = tuple(raw.grid), tuple(raw.block)
        self.world.log.append(("launch", stream.name, name, grid, block, raw.shared_bytes, tuple(values)))
        stream.add(lambda: kernel(self.world.device, *values))
