"""An execution context without a GPU: the simulator runs the kernel IR of the launch plan on views of one arena."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np

from ...dialects.errors import TargetError
from ..arrays import as_host, bytes_of, check_names, check_output, given_outputs, on_device
from ..contents import EngineContents
from ..machine import memory_bytes
from ..program.execute import execute
from ..program.memory import InputError, Root
from ..program.steps import Launch
from .base import ExecutionContext

Observer = Callable[[str, np.ndarray], None]


class SimulatorContext(ExecutionContext):
    """Runs an engine's tile-level kernels on the simulator. `arch` picks the variant; `poison` fills the arena and the outputs
    with NaN bytes before each run; `seed` draws the order of launches on several streams."""

    def __init__(self, engine: EngineContents, *, arch: str | None = None, poison: bool = True, seed: int = 0):
        super().__init__(engine, engine.variant(arch))
        self.poison = poison
        self.seed = seed
        size, have = self.variant.program.arena_bytes, memory_bytes()
        if size > have:
            raise TargetError(
                f"simulator: the engine's arena takes {size} bytes, and this machine has {have}; build with lower maxima of profiles."
            )
        self._arena = np.zeros(size, np.uint8)
        self._kernels = self.variant.tiles
        self._weights: dict[str, np.ndarray] = {}
        with engine.weights_lock:
            self.take_weights(())
            engine.contexts.add(self)

    @property
    def device(self) -> str:
        return "simulator"

    def take_weights(self, changed: Collection[str]) -> None:
        self._weights = {name: bytes_of(self.variant.weight(name)) for name in self.variant.program.weights}

    def run(
        self, inputs: Mapping[str, Any], outputs: Mapping[str, Any] | None = None, *, observe: Observer | None = None
    ) -> dict[str, Any]:
        """As `Engine.run`, for arrays on the host. `observe(name, array)` is called with each launch's results that have an ONNX name."""
        with self._lock:
            return self._run_alone(inputs, outputs, observe)

    def _run_alone(self, inputs: Mapping[str, Any], outputs: Any, observe: Observer | None) -> dict[str, Any]:
        program = self.variant.program
        check_names(program.inputs, inputs)
        held: dict[str, np.ndarray] = {}
        for spec in program.inputs:
            if on_device(inputs[spec.name]):
                raise InputError(
                    f"input '{spec.name}': expected an array on the host for the simulator, got one on a GPU."
                )
            held[spec.name] = as_host(inputs[spec.name], spec)
        plan = self.plan({name: array.shape for name, array in held.items()})
        results = given_outputs(program.outputs, outputs)
        for spec in program.outputs:
            if spec.name in results:
                check_output(spec, plan.shapes[spec.name], results[spec.name])
            else:
                results[spec.name] = np.empty(plan.shapes[spec.name], spec.dtype)
        # An output may overwrite an input: the kernels, which may read it after that, then get a copy.
        for name, array in held.items():
            if any(np.may_share_memory(array, result) for result in results.values()):
                held[name] = array.copy()
        if self.poison:
            self._arena[...] = 255
            for result in results.values():
                bytes_of(result)[...] = 255
        roots: dict[tuple[Root, str], np.ndarray] = {("arena", ""): self._arena}
        roots.update({("input", name): bytes_of(array) for name, array in held.items()})
        roots.update({("output", name): bytes_of(array) for name, array in results.items()})
        roots.update({("weight", name): array for name, array in self._weights.items()})
        count, values = execute(program, plan, roots, self._run, _observer(observe), self.seed)
        self._count(count)
        return {spec.name: self._result(spec, results[spec.name], values) for spec in program.outputs}

    def _run(self, launch: Launch, bases: list[np.ndarray], symbols: Mapping[str, int]) -> None:
        from ..simulator import run_kernel

        arrays = [ref.flat(base) for ref, base in zip(launch.arguments, bases, strict=True)]
        offsets = [ref.offset for ref in launch.arguments]
        run_kernel(self._kernels[launch.kernel.name], arrays, dict(symbols), offsets=offsets, early=launch.early)


def _observer(observe: Observer | None) -> Callable[[Launch, list[np.ndarray]], None] | None:
    if observe is None:
        return None

    def after(launch: Launch, bases: list[np.ndarray]) -> None:
        for name, position in zip(launch.names, launch.written, strict=True):
            if name:
                observe(name, launch.arguments[position].array(bases[position]))

    return after
