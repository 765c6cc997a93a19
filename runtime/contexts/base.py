"""Execution contexts: an arena, the plans of the shapes seen so far, and how to run them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Collection, Generator, Mapping, Sequence
from contextlib import contextmanager
from math import prod
from threading import Lock
from typing import Any

from ..contents import EngineContents
from ..program.bound import BoundPlan
from ..program.memory import Shape, TensorSpec
from ..variant import Variant

_PLAN_LIMIT = 64


class ExecutionContext(ABC):
    """One arena over which an engine runs, one inference at a time: calls are serialized by a lock. Several contexts of
    one engine share its weights."""

    def __init__(self, engine: EngineContents, variant: Variant):
        self.engine = engine
        self.variant = variant
        self._lock = Lock()
        self._plans: OrderedDict[tuple[tuple[str, Shape], ...], BoundPlan] = OrderedDict()

    @property
    @abstractmethod
    def device(self) -> str:
        """Where the context runs, in words."""

    @abstractmethod
    def run(self, inputs: Mapping[str, Any], outputs: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Runs once; see `Engine.run`. Arrays in `outputs`, by name, are written to instead of new ones."""

    @contextmanager
    def paused(self) -> Generator[None]:
        """Waits until all runs so far are done; no run begins inside the `with`."""
        with self._lock:
            self.wait()
            yield

    def wait(self) -> None:
        """Returns when all work that the context has queued is done."""

    @abstractmethod
    def take_weights(self, changed: Collection[str]) -> tuple[str, int] | None:
        """Loads the weights of these sections from the engine again, while the context is paused; returns the key in `engine.loaded` of the
        memory that it shares with other contexts, or None."""

    def plan(self, shapes: Mapping[str, Sequence[int]]) -> BoundPlan:
        """The launches for these input shapes, cached for the last 64 of them. Raises InputError for shapes that do not fit."""
        key = tuple((name, tuple(shapes[name])) for name in sorted(shapes))
        if key not in self._plans:
            self._plans[key] = self.variant.program.bind(shapes)
            self.engine.stats.plans += 1
            if len(self._plans) > _PLAN_LIMIT:
                self._plans.popitem(last=False)
        self._plans.move_to_end(key)
        return self._plans[key]

    def _result(self, spec: TensorSpec, array: Any, values: Mapping[str, int]) -> Any:
        """An output in its true shape, of which `array` holds the elements first."""
        if not self.variant.program.is_open(spec):
            return array
        shape = tuple(extent.evaluate(values) for extent in spec.dims)
        return array.reshape(-1)[: prod(shape)].reshape(shape)

    def _count(self, launches: int) -> None:
        self.engine.stats.runs += 1
        self.engine.stats.launches += launches
