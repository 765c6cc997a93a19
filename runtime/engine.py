"""An engine: everything that a built network needs to run, as one object and one file.

The file (layout in `container.py`) holds for each architecture the host function and the tile-level kernels as IR text, the CUDA C,
the cubins, the memory plan, the choices and the weights; the manifest lists them. Nothing of a file is executed but its kernels.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from threading import Lock
from typing import TYPE_CHECKING, Any

from ..dialects.errors import OptionError, TargetError, got
from .container import Buffer, Section, encode_container, read_container, write_container
from .contents import SIMULATOR, EngineContents
from .driver import find_device
from .files import as_path

if TYPE_CHECKING:
    from .contexts.base import ExecutionContext


class Engine(EngineContents):
    """A built network. Make one with `trtc.build` or `trtc.load`; run it with `run` or, for more control, a context."""

    def __init__(self, manifest: dict[str, Any], sections: Mapping[str, Section], *, compiles: int = 0):
        super().__init__(manifest, sections, compiles=compiles)
        self._default: ExecutionContext | None = None
        self._lock = Lock()

    def create_context(self, device: str | int | None = None, **options: Any) -> ExecutionContext:
        """A context to run in: an arena of its own on a GPU (by ordinal) or on the "simulator"; None takes GPU 0 if there is one.

        Options: see `CudaContext` and `SimulatorContext`. Raises TargetError, in a sentence, for a GPU or driver that cannot run the
        engine, and OptionError for unknown options.
        """
        if isinstance(device, bool) or not (device is None or device == SIMULATOR or isinstance(device, int)):
            raise TargetError(f"device {got(device)}: expected '{SIMULATOR}' or the number of a GPU such as 0.")
        if device == SIMULATOR or (device is None and find_device() is None):
            from .contexts.simulator import SimulatorContext

            _check_options(options, {"arch": str, "poison": bool})
            return SimulatorContext(self, **options)
        from .contexts.cuda import CudaContext

        _check_options(options, {"graphs": bool, "graph_limit": int, "poison": bool})
        return CudaContext(self, device or 0, **options)

    def run(self, inputs: Mapping[str, Any], outputs: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Runs once in a context that the engine keeps: arrays by input name in, arrays by output name out.

        Arrays may be NumPy, CuPy, or anything with DLPack or `__cuda_array_interface__`; results are NumPy when every input
        is on the host, else CuPy. Raises InputError for arrays that do not fit.
        """
        with self._lock:
            if self._default is None:
                self._default = self.create_context()
        return self._default.run(inputs, outputs)

    def refit(self, weights: Mapping[str, Any]) -> None:
        """Replaces weights: arrays by ONNX name, of the dtype and shape that the model has; the other weights stay.

        Runs that have begun end with the old weights, and every later run of every context has all the new ones: `refit` waits for the
        contexts of this engine. The engine is then byte for byte what a build with these weights makes. Arrays may be NumPy, CuPy, or
        anything with DLPack or `__cuda_array_interface__`. Where an array is refused nothing has changed.

        Raises OptionError for an engine that was built without `refit`, and InputError for names and arrays that do not fit, for tensors
        whose numbers decided something in the build (`pins`), and for finite numbers that the build's rewrites make infinite.
        """
        if not isinstance(weights, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise OptionError(f"weights: expected a dict of arrays by name, got {got(weights)}.")
        with self.weights_lock, ExitStack() as held:
            update = self.refitter.update(weights)
            contexts = sorted(self.contexts, key=id)
            for context in contexts:
                held.enter_context(context.paused())
            self._sections.update(update.sections)
            for name, digest in update.digests.items():
                self._manifest["refit"]["initializers"][name]["sha256"] = digest
            self._manifest["model"]["sha256"] = update.model
            live = {key for context in contexts if (key := context.take_weights(update.sections.keys())) is not None}
            for key in self.loaded.keys() - live:  # memory that no context uses is loaded again on demand
                del self.loaded[key]

    def missing(self, names: Iterable[str]) -> tuple[str, ...]:
        """The tensors that a refit of `names` leaves unchanged although weights are computed from both, such as those of a batch
        normalization that was folded into a convolution. After training, pass them too. Raises OptionError and InputError as `refit` does
        for names."""
        return self.refitter.missing(names)

    @property
    def weights(self) -> tuple[str, ...]:
        """The names of the tensors that `refit` takes, without `pins`."""
        return tuple(name for name, each in self.refitter.table.items() if not each.pin)

    @property
    def pins(self) -> dict[str, str]:
        """The tensors that cannot change any more, by name, and what their numbers decided in the build."""
        return {name: each.pin for name, each in self.refitter.table.items() if each.pin}

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the engine file, atomically. Equal engines write equal bytes."""
        with self.weights_lock:
            write_container(as_path(path, "engine file"), self._manifest, self._sections)

    def encode(self, extra: Mapping[str, Any]) -> Iterator[Buffer]:
        """The bytes of the engine file in parts, with further fields in its manifest, which no longer is that of an engine."""
        return encode_container("", {**self._manifest, **extra}, self._sections)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Engine:
        """Reads and verifies an engine file. Raises EngineFormatError for a file that is damaged or not an engine, or whose plan is
        invalid."""
        engine = cls(*read_container(as_path(path, "engine file")))
        engine.verify()
        return engine


def load(path: str | os.PathLike[str]) -> Engine:
    """Loads an engine file that `Engine.save` wrote. Raises EngineFormatError for any other file."""
    return Engine.load(path)


def _check_options(given: Mapping[str, Any], known: Mapping[str, type]) -> None:
    """Raises OptionError for an option of a context that is not known, or is of another type; None is the default of each."""
    for name, value in given.items():
        if name not in known:
            raise OptionError(f"option {name}: expected one of {', '.join(known)} on this device.")
        wanted = known[name]
        fits = isinstance(value, wanted) and (wanted is not int or (not isinstance(value, bool) and value > 0))
        if not fits and (value is not None or name != "arch"):
            kind = {bool: "True or False", int: "a whole number from 1 on", str: "a text"}[wanted]
            raise OptionError(f"option {name}: expected {kind}, got {got(value)}.")
