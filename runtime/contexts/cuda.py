"""The execution context on a GPU: cubins, launches, CUDA graphs, the arena on the device."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from ...dialects.errors import TargetError
from ...dialects.host.control import run_steps
from ..arrays import as_host, check_dtype, check_names, check_output, given_outputs, on_device
from ..contents import EngineContents
from ..driver import KernelArguments, check_device, get_driver, pack_arguments
from ..program.bound import BoundPlan, BoundSegment
from ..program.memory import InputError, MemoryRef, Root, Shape, TensorSpec
from ..program.steps import Launch, Read, Work
from .base import ExecutionContext

_POINTER_ALIGNMENT = 16
_WEIGHT_ALIGNMENT = 256


@dataclass(frozen=True)
class _Loaded:
    """A variant on a GPU: handles of functions, addresses of weights, and the objects that keep them alive."""

    functions: dict[str, int]
    weights: dict[str, int]
    sections: dict[str, Any]
    """The device memory of each section."""
    alive: tuple[Any, ...]


@dataclass(frozen=True)
class Packed:
    """One launch, ready for the driver."""

    function: int
    grid: tuple[int, int, int]
    block: tuple[int, int, int]
    shared_bytes: int
    arguments: KernelArguments
    cluster: tuple[int, int, int] | None
    programmatic: bool
    cooperative: bool = False


@dataclass
class PreparedSegment:
    """A segment bound to addresses. `graph` is the CUDA graph, captured at the second run."""

    bound: BoundSegment
    launches: list[Packed]
    graph: Any = None
    used: bool = False


@dataclass
class Prepared:
    """A plan bound to addresses, segment by segment; segments that depend on values read at run time are bound once these are known."""

    plan: BoundPlan
    addresses: Mapping[tuple[Root, str], int]
    segments: OrderedDict[tuple[int, ...], PreparedSegment]

    @property
    def launches(self) -> list[tuple[Launch, Packed]]:
        """The launches of all segments bound so far; without control flow, all launches in order."""
        pairs = ((s.bound.launches, s.launches) for s in self.segments.values())
        return [pair for launches, packed in pairs for pair in zip(launches, packed, strict=True)]


class CudaContext(ExecutionContext):
    """Runs an engine on GPU `ordinal`.

    - `graphs`: replay the launches of a segment as a CUDA graph from the second run with the same shapes and addresses on; `graph_limit`
      bounds the number of shapes and addresses that are kept, and, for segments that depend on values read at run time, of such values.
    - `poison`: fill the arena and the outputs with NaN bytes before each run (for tests).

    Arrays on the host are copied through buffers of the context, so that addresses stay the same and graphs can be replayed. Arrays on the
    GPU are read in place, unless misaligned, not row-major or overwritten by an output (`engine.stats.staged_inputs` counts those copies).
    Work is queued on CuPy's current stream, or on the context's own where every array is on the host. Where any array is on the host, `run`
    returns once all work is done, so the caller may reuse such arrays. The host waits for a program that decides by what it computes only
    where the program reads.
    """

    def __init__(
        self,
        engine: EngineContents,
        ordinal: int = 0,
        *,
        graphs: bool = True,
        graph_limit: int = 16,
        poison: bool = False,
    ):
        import cupy

        self.cupy: Any = cupy
        self._driver = get_driver()
        self.info = self._driver.device_info(ordinal)
        check_device(self.info, self._driver.version(), engine.nvrtc_major)
        super().__init__(engine, engine.variant_for(self.info))
        self.graphs, self.graph_limit, self.poison = graphs, graph_limit, poison
        self._prepared: OrderedDict[tuple[Any, ...], Prepared] = OrderedDict()
        self._buffers: dict[str, Any] = {}
        with cupy.cuda.Device(ordinal):
            self.stream = cupy.cuda.Stream(non_blocking=True)
            self._done = cupy.cuda.Event(disable_timing=True)
            self._arena_bytes = max(1, self.variant.program.arena_bytes)
            self._arena = self._alloc(self._arena_bytes, "arena")
            with engine.weights_lock:
                self._loaded = self._load(ordinal)
                engine.contexts.add(self)

    def __del__(self) -> None:
        # The arena returns to CuPy's pool, which may reuse it at once: no queued work may still use it.
        try:
            self._done.synchronize()
            self.stream.synchronize()
        except Exception:
            pass

    @property
    def device(self) -> str:
        return f"{self.info.name} ({self.variant.arch})"

    def run(
        self, inputs: Mapping[str, Any], outputs: Mapping[str, Any] | None = None, *, stream: Any = None
    ) -> dict[str, Any]:
        """As `Engine.run`; `stream` is the CuPy stream to queue the work on."""
        with self._lock, self._chosen():
            check_names(self.variant.program.inputs, inputs)
            given = given_outputs(self.variant.program.outputs, outputs)
            places = [on_device(array) for array in (*inputs.values(), *given.values())]
            host = not any(places)
            queue = stream if stream is not None else self.stream if host else self.cupy.cuda.get_current_stream()
            queue.wait_event(self._done)
            try:
                # Copies that binding makes, and their memory, must be on the same queue as the kernels that read them.
                with queue:
                    prepared, results = self._bind(inputs, given, host, queue)
                values = self.launch(prepared, queue)
                self._fetch(results, prepared.plan, queue)
            finally:
                self._done.record(queue)  # also of what an error leaves queued
            if host or not all(places):
                queue.synchronize()
            specs = self.variant.program.outputs
            return {spec.name: self._result(spec, results[spec.name][0], values) for spec in specs}

    def prepare(self, inputs: Mapping[str, Any]) -> Prepared:
        """Copies inputs to the GPU and binds their plan, for running it many times with `launch`."""
        with self._lock, self._chosen():
            check_names(self.variant.program.inputs, inputs)
            self.stream.wait_event(self._done)
            prepared, _ = self._bind(inputs, {}, True, self.stream)
            self.stream.synchronize()
            return prepared

    def launch(self, prepared: Prepared, queue: Any) -> dict[str, int]:
        """Queues a bound plan on a CuPy stream, segments as CUDA graphs where captured; waits where the host reads a value. Returns the
        values of all symbols at the end.

        Raises HostValueError where a value that is read is beyond its range.
        """
        program, count = self.variant.program, 0

        def step(work: Work, env: dict[str, int]) -> None:
            nonlocal count
            if isinstance(work, Read):
                env[work.symbol] = work.value(self._read(work.where(env), prepared.addresses, queue), program.symbols)
                return
            segment = self._segment(prepared, prepared.plan.bound(work, env))
            self._launch_segment(segment, queue)
            count += len(segment.launches)

        values = dict(prepared.plan.symbols)
        with self._chosen():
            run_steps(program.steps, values, program.symbols, step)
        self._count(count)
        return values

    def _launch_segment(self, segment: PreparedSegment, queue: Any) -> None:
        if self.graphs and segment.launches and segment.graph is None and segment.used:
            segment.graph = self.capture(segment.launches)
            self.engine.stats.graph_captures += 1
        if segment.graph is not None:
            segment.graph.launch(queue)
            self.engine.stats.graph_replays += 1
        else:
            self.issue(segment.launches, queue)
        segment.used = True

    def _read(self, ref: MemoryRef, addresses: Mapping[tuple[Root, str], int], queue: Any) -> np.ndarray:
        """The bytes of a scalar, once all previously queued work is done."""
        runtime = self.cupy.cuda.runtime
        landed = np.empty(ref.dtype.itemsize, np.uint8)
        source = self._address(ref, addresses)
        runtime.memcpyAsync(landed.ctypes.data, source, landed.nbytes, runtime.memcpyDeviceToHost, queue.ptr)
        queue.synchronize()
        return landed

    def issue(self, launches: Sequence[Packed], queue: Any) -> None:
        """Queues single launches on a CuPy stream."""
        with self._chosen():
            for launch in launches:
                self._driver.launch(
                    launch.function, launch.grid, launch.block, launch.shared_bytes, queue.ptr, launch.arguments,
                    cluster=launch.cluster, programmatic=launch.programmatic, cooperative=launch.cooperative,
                )  # fmt: skip

    def capture(self, launches: Sequence[Packed]) -> Any:
        """A CUDA graph of launches, one after the other."""
        with self._chosen():
            self.stream.begin_capture()
            try:
                self.issue(launches, self.stream)
            finally:
                graph = self.stream.end_capture()
            graph.upload(self.stream)
            return graph

    def _chosen(self) -> Any:
        """Makes this context's GPU the current one, in a `with`."""
        return self.cupy.cuda.Device(self.info.ordinal)

    # Addresses.

    def _bind(
        self, inputs: Mapping[str, Any], given: Mapping[str, Any], host: bool, queue: Any
    ) -> tuple[Prepared, dict[str, tuple[Any, int]]]:
        program = self.variant.program
        arrays = {spec.name: self._input(spec, inputs[spec.name], given) for spec in program.inputs}
        plan = self.plan({name: tuple(array.shape) for name, array in arrays.items()})
        addresses: dict[tuple[Root, str], int] = {("arena", ""): self._arena.ptr}
        for spec in program.inputs:
            addresses["input", spec.name] = self._upload(spec, arrays[spec.name], queue)
        results: dict[str, tuple[Any, int]] = {}
        for spec in program.outputs:
            results[spec.name] = self._output(spec, plan.shapes[spec.name], given.get(spec.name), host)
            addresses["output", spec.name] = results[spec.name][1]
        if self.poison:
            self._poison(plan, addresses, queue)
        return self._prepare(plan, addresses), results

    def _input(self, spec: TensorSpec, array: Any, outputs: Mapping[str, Any]) -> Any:
        if not on_device(array):
            return as_host(array, spec)
        cupy = self.cupy
        found = cupy.asarray(array) if hasattr(array, "__cuda_array_interface__") else cupy.from_dlpack(array)
        check_dtype(spec, np.dtype(found.dtype))
        if found.device.id != self.info.ordinal:
            raise InputError(
                f"input '{spec.name}': expected an array on GPU {self.info.ordinal}, got one on GPU {found.device.id}."
            )
        # An output may overwrite an input: the kernels, which may read it after that, then get a copy.
        written = [given for given in outputs.values() if isinstance(given, cupy.ndarray)]
        overwritten = any(cupy.may_share_memory(found, given) for given in written)
        if found.flags.c_contiguous and found.data.ptr % _POINTER_ALIGNMENT == 0 and not overwritten:
            return found
        self.engine.stats.staged_inputs += 1
        return cupy.array(found, order="C", copy=True)

    def _upload(self, spec: TensorSpec, array: Any, queue: Any) -> int:
        if not isinstance(array, np.ndarray):
            return array.data.ptr
        buffer = self._buffer(f"input {spec.name}", spec)
        if array.nbytes:
            buffer.copy_from_host_async(array.ctypes.data, array.nbytes, queue)
        return buffer.ptr

    def _output(self, spec: TensorSpec, shape: Shape, given: Any, host: bool) -> tuple[Any, int]:
        """The array that the caller gets, and the address that kernels write to."""
        if given is not None:
            check_output(spec, shape, given)
            if on_device(given) and given.data.ptr % _POINTER_ALIGNMENT == 0:
                return given, given.data.ptr
        buffer = self._buffer(f"output {spec.name}", spec)
        if given is None:
            given = np.empty(shape, spec.dtype) if host else self.cupy.empty(shape, spec.dtype)
        return given, buffer.ptr

    def _fetch(self, results: Mapping[str, tuple[Any, int]], plan: BoundPlan, queue: Any) -> None:
        for name, (array, address) in results.items():
            buffer = self._buffers.get(f"output {name}")
            if buffer is None or buffer.ptr != address or not array.nbytes:
                continue
            if isinstance(array, np.ndarray):
                buffer.copy_to_host_async(array.ctypes.data, array.nbytes, queue)
            else:
                array.data.copy_from_device_async(buffer, array.nbytes, queue)

    def _buffer(self, key: str, spec: TensorSpec) -> Any:
        """A device buffer that holds this tensor at the largest shape of the profile."""
        if key not in self._buffers:
            ranges = self.variant.program.symbols
            elements = 1
            for extent in spec.dims:
                elements *= max(0, extent.bounds(ranges)[1])
            self._buffers[key] = self._alloc(max(1, elements * spec.dtype.itemsize), f"buffer for {key}")
        return self._buffers[key]

    def _alloc(self, size: int, what: str) -> Any:
        """Allocates `size` bytes of device memory. Raises TargetError where the GPU has less."""
        _, total = self.cupy.cuda.runtime.memGetInfo()
        try:
            if size <= total:
                return self.cupy.cuda.alloc(size)
            have = f"and {self.info.name} has {total}"
        except self.cupy.cuda.memory.OutOfMemoryError:
            have = f"more than {self.info.name} has free"
        raise TargetError(
            f"engine: its {what} takes {size} bytes, {have}; free memory, or build with lower maxima of profiles."
        )

    def _poison(self, plan: BoundPlan, addresses: Mapping[tuple[Root, str], int], queue: Any) -> None:
        self._arena.memset_async(255, self._arena_bytes, queue)
        runtime = self.cupy.cuda.runtime
        for spec in self.variant.program.outputs:
            size = int(np.prod(plan.shapes[spec.name], dtype=np.int64)) * spec.dtype.itemsize
            if size:
                runtime.memsetAsync(addresses["output", spec.name], 255, size, queue.ptr)

    def _prepare(self, plan: BoundPlan, addresses: Mapping[tuple[Root, str], int]) -> Prepared:
        key = (id(plan), *addresses.values())
        found = self._prepared.get(key)
        if found is None or found.plan is not plan:
            found = Prepared(plan, addresses, OrderedDict())
            for bound in plan.fixed.values():
                self._segment(found, bound)
            self._prepared[key] = found
            if len(self._prepared) > self.graph_limit:
                self._prepared.popitem(last=False)
        self._prepared.move_to_end(key)
        return found

    def _segment(self, prepared: Prepared, bound: BoundSegment) -> PreparedSegment:
        """A segment bound to addresses. Of a segment that depends on values, those least recently used are dropped beyond `graph_limit`."""
        found = prepared.segments.get(bound.key)
        if found is None or found.bound is not bound:
            packed = [self._pack(launch, bound.symbols, prepared.addresses) for launch in bound.launches]
            found = prepared.segments[bound.key] = PreparedSegment(bound, packed)
            late = [key for key in prepared.segments if key[0] == bound.key[0]]
            if len(late) > self.graph_limit:
                del prepared.segments[late[0]]
        if len(bound.key) > 1:
            prepared.segments.move_to_end(bound.key)
        return found

    def _pack(self, launch: Launch, symbols: Mapping[str, int], addresses: Mapping[tuple[Root, str], int]) -> Packed:
        kernel = launch.kernel
        if kernel.cooperative and prod(launch.grid) > self.info.sms:
            raise TargetError(
                f"kernel {kernel.name}: its {prod(launch.grid)} blocks wait for each other and must run at once, and {self.info.name} has "
                f"{self.info.sms} SMs; build the engine on this GPU."
            )
        pointers = [self._address(ref, addresses) for ref in launch.arguments]
        for position, pointer in enumerate(pointers):
            kernel.check_address(position, pointer, "GPU memory")
        maps = [
            self._driver.encode_tensor_map(m.evaluate(symbols), pointers[m.argument] + m.offset_bytes(symbols))
            for m in kernel.tensor_maps
        ]
        return Packed(
            self._loaded.functions[kernel.name],
            launch.grid,
            (kernel.threads, 1, 1),
            kernel.shared_bytes,
            pack_arguments(pointers, launch.scalars, maps),
            (kernel.cluster, 1, 1) if kernel.cluster > 1 else None,
            launch.dependent,
            kernel.cooperative,
        )

    def _address(self, ref: MemoryRef, addresses: Mapping[tuple[Root, str], int]) -> int:
        base = self._loaded.weights[ref.name] if ref.root == "weight" else addresses[ref.root, ref.name]
        return base + ref.offset

    # Code and weights.

    def _load(self, ordinal: int) -> _Loaded:
        """Loads cubins and weights once for each engine and GPU."""
        key = (self.variant.arch, ordinal)
        cached = self.engine.loaded
        if key not in cached:
            functions, modules = self._load_functions()
            sections = self._load_weights()
            weights = {name: sections[section].ptr for name, section in self.variant.manifest["weights"].items()}
            cached[key] = _Loaded(functions, weights, sections, tuple(modules))
        return cached[key]

    def _load_functions(self) -> tuple[dict[str, int], list[Any]]:
        functions: dict[str, int] = {}
        modules: dict[str, Any] = {}
        for name, unit in self.variant.units.items():
            if unit.cubin not in modules:
                modules[unit.cubin] = self._load_module(name, bytes(self.variant.sections[unit.cubin].data))
            functions[name] = modules[unit.cubin].get_function(unit.entry).ptr
            if unit.info.shared_bytes:
                self._driver.allow_dynamic_shared(functions[name], unit.info.shared_bytes)
            if unit.info.cluster > 8:
                self._driver.allow_large_cluster(functions[name])
        return functions, list(modules.values())

    def _load_module(self, kernel: str, cubin: bytes) -> Any:
        module = self.cupy.cuda.function.Module()
        try:
            module.load(cubin)
        except self.cupy.cuda.driver.CUDADriverError as error:
            raise TargetError(
                f"engine: kernel {kernel} cannot be loaded on {self.info.name}: {error}; rebuild the engine, or update the driver."
            ) from error
        return module

    def wait(self) -> None:
        with self._chosen():
            self.cupy.cuda.runtime.deviceSynchronize()  # plans may run on any stream

    def take_weights(self, changed: Collection[str]) -> tuple[str, int] | None:
        """Overwrites the weights on the GPU in place, for graphs and other contexts too; a second context writes them once more."""
        with self._chosen():
            for section in sorted(self._loaded.sections.keys() & set(changed)):
                self._copy(section, self._loaded.sections[section])
            self.stream.synchronize()
        return self.variant.arch, self.info.ordinal

    def _copy(self, section: str, place: Any) -> None:
        data = np.frombuffer(self.variant.sections[section].data, np.uint8)
        if data.nbytes:
            place.copy_from_host_async(data.ctypes.data, data.nbytes, self.stream)

    def _load_weights(self) -> dict[str, Any]:
        """Puts all weights into one device allocation, equal ones once; returns the pointer of each section."""
        sections = self.variant.manifest["weights"]
        offsets: dict[str, int] = {}
        total = 0
        for section in dict.fromkeys(sections.values()):
            offsets[section] = total
            total += -(-len(self.variant.sections[section].data) // _WEIGHT_ALIGNMENT) * _WEIGHT_ALIGNMENT
        memory = self._alloc(max(1, total), "weights")
        places = {section: memory + offset for section, offset in offsets.items()}
        for section, place in places.items():
            self._copy(section, place)
        # A copy from pageable memory may return before it is complete, and contexts run on streams that do not wait for it.
        self.stream.synchronize()
        return places
