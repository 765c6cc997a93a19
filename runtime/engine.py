"""An engine: everything that a built network needs to run, as one object and one file.

The file (layout in `container.py`) holds for each architecture the host function and the tile-level kernels as IR text, the CUDA C,
the cubins, the memory plan, the choices and the weights; the manifest says what is where. Nothing of it is executed on load but
cubins on a GPU.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import asdict, dataclass, field
from functools import cached_property
from math import prod
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from ..dialects.dims import parse_expr
from ..dialects.errors import EngineFormatError, OptionError, TargetError, TrtcError, got
from ..dialects.ir_text import IRTextError, read_module
from ..dialects.kernel import FuncOp
from .container import PAGE, Section, read_container, write_container
from .driver import DeviceInfo, find_device
from .files import as_path
from .kernels import KernelInfo
from .manifest import check_manifest, malformed
from .plan import HostProgram, TensorSpec
from .verify_plan import Interfaces, verify_plan, verify_tiles

if TYPE_CHECKING:
    from xdsl.dialects.builtin import ModuleOp

    from .context import ExecutionContext

TEXT_ALIGNMENTS = (64,)
WEIGHT_ALIGNMENTS = (PAGE, 256)
"""Bytes: of the first weight in a file, and of the others."""
SIMULATOR = "simulator"


@dataclass
class EngineStats:
    """Counters of one engine in this process. `compiles` counts NVRTC runs: 0 for a loaded engine or one built from the cache."""

    compiles: int = 0
    arena_bytes: int = 0
    weight_bytes: int = 0
    kernels: int = 0
    launches_per_run: int = 0
    runs: int = 0
    launches: int = 0
    plans: int = 0
    graph_captures: int = 0
    graph_replays: int = 0
    staged_inputs: int = 0

    def as_dict(self) -> dict[str, int]:
        return asdict(self)


@dataclass(frozen=True)
class Unit:
    """One translation unit of a variant: its kernel, the kernel's name in the cubin, and the names of its sections."""

    info: KernelInfo
    entry: str
    source: str
    cubin: str


@dataclass(frozen=True)
class Variant:
    """What an engine holds for one architecture. Texts and bytes stay in the engine's sections until they are asked for."""

    arch: str
    manifest: Mapping[str, Any] = field(repr=False)
    sections: Mapping[str, Section] = field(repr=False)

    @cached_property
    def units(self) -> dict[str, Unit]:
        """The kernels, by name."""
        units: dict[str, Unit] = {}
        for stored in self.manifest["kernels"]:
            info = KernelInfo.from_json(stored["facts"])
            units[info.name] = Unit(info, str(stored["entry"]), str(stored["source"]), str(stored["cubin"]))
        return units

    @property
    def program(self) -> HostProgram:
        """The host function, read, verified and ready to bind. EngineFormatError when it does not hold, or does not fit the kernels or
        the weights."""
        return self._plan[0]

    @cached_property
    def _plan(self) -> tuple[HostProgram, Interfaces]:
        module = self.parse("host")
        try:
            program = HostProgram.read(module, {name: unit.info for name, unit in self.units.items()})
            return program, verify_plan(self, module, program)
        except EngineFormatError:
            raise
        except (TrtcError, ArithmeticError, LookupError, ValueError) as error:
            reason = str(error) if isinstance(error, TrtcError) else f"{error!r}."
            raise EngineFormatError(
                f"engine: its host function for {self.arch} cannot be used: {reason} Rebuild the engine."
            ) from error

    @cached_property
    def tiles(self) -> dict[str, FuncOp]:
        """The tile-level kernels by name, which the simulator runs. EngineFormatError when they are not those of the host function."""
        module = self.parse("tiles")
        verify_tiles(module, self._plan[1])
        return {op.sym_name.data: op for op in module.walk() if isinstance(op, FuncOp)}

    def parse(self, which: str) -> ModuleOp:
        """Parses the IR text of the `host` function or of the `tiles`, the tile-level kernels. EngineFormatError when it is not IR."""
        from xdsl.context import Context
        from xdsl.dialects import get_all_dialects

        context = Context(allow_unregistered=False)
        for name, load in {**get_all_dialects(), **_dialects()}.items():
            context.register_dialect(name, load)
        try:
            return read_module(context, self.sections[self.manifest[which]].data, which)
        except IRTextError as error:
            raise EngineFormatError(
                f"engine: its {which} IR for {self.arch} cannot be read: {error}; rebuild the engine."
            ) from error

    def text(self, section: str) -> str:
        """The text of a section."""
        return str(self.sections[section].data, "utf-8")

    def weight(self, name: str) -> np.ndarray:
        """A weight as a read-only view of the engine's bytes."""
        return self.weight_of(self.program, name)

    def weight_of(self, program: HostProgram, name: str) -> np.ndarray:
        """A weight as a program says that it is. EngineFormatError where its section has another size."""
        shape, dtype = program.weights[name]
        data = self.sections[self.manifest["weights"][name]].data
        if len(data) != dtype.itemsize * prod(shape):
            raise EngineFormatError(
                f"engine: weight '{name}' has {len(data)} bytes, which do not fit {dtype}{list(shape)}; rebuild the engine."
            )
        return np.frombuffer(data, np.uint8).view(dtype).reshape(shape)

    @property
    def weight_bytes(self) -> int:
        return sum(len(self.sections[name].data) for name in sorted(set(self.manifest["weights"].values())))


class Engine:
    """A built network. Make one with `trtc.build` or `trtc.load`; run it with `run` or, for more control, a context."""

    def __init__(self, manifest: dict[str, Any], sections: Mapping[str, Section], *, compiles: int = 0):
        self._manifest = manifest
        self._sections = dict(sections)
        check_manifest(manifest)
        _check_sections(manifest, self._sections)
        for stored in (*manifest["inputs"], *manifest["outputs"]):
            _spec(stored)
        self.variants = {arch: Variant(arch, stored, self._sections) for arch, stored in manifest["variants"].items()}
        self.stats = EngineStats(compiles=compiles)
        self._default: ExecutionContext | None = None
        self._lock = Lock()
        self.loaded: dict[tuple[str, int], Any] = {}
        """What contexts have put on GPUs, by architecture and GPU: they share it."""
        variant = self._preferred()
        self.stats.kernels = len(variant.manifest["kernels"])
        self.stats.arena_bytes = int(variant.manifest["plan"]["arena_bytes"])
        self.stats.launches_per_run = int(variant.manifest["plan"]["launches"])
        self.stats.weight_bytes = variant.weight_bytes

    def __repr__(self) -> str:
        """What goes in and out, and for which architectures: `<Engine x: float32[N, 4] -> y: float32[N, 4] for sm_80>`."""
        ends = " -> ".join(", ".join(map(str, specs)) or "nothing" for specs in (self.inputs, self.outputs))
        return f"<Engine {ends} for {', '.join(self.variants)}>"

    # The public facts.

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """Inputs in order: ONNX name, dtype and dims."""
        return tuple(_spec(stored) for stored in self._manifest["inputs"])

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """Outputs in order: ONNX name, dtype and dims."""
        return tuple(_spec(stored) for stored in self._manifest["outputs"])

    @property
    def symbols(self) -> dict[str, tuple[int, int, int]]:
        """(min, opt, max) of each dynamic dim."""
        return {name: (low, opt, high) for name, (low, opt, high) in self._manifest["symbols"].items()}

    @property
    def nvrtc_major(self) -> int:
        """The major version of the CUDA toolkit that compiled its kernels."""
        return int(self._manifest["toolchain"]["nvrtc"][0])

    @property
    def device(self) -> str:
        """Where `run` runs: the GPU's name and architecture, or "simulator" on a machine without a GPU."""
        info = find_device()
        return SIMULATOR if info is None else f"{info.name} ({info.arch})"

    def inspect(self) -> dict[str, Any]:
        """Everything the manifest says, with the sizes of sections and this process's counters: JSON values, of the caller's own."""
        sizes = {name: len(section.data) for name, section in self._sections.items()}
        return {**deepcopy(self._manifest), "sections": sizes, "device": self.device, "stats": self.stats.as_dict()}

    def variant(self, arch: str | None = None) -> Variant:
        """What the engine holds for `arch`; without one, for this machine's GPU, else the first."""
        if arch is None:
            return self._preferred()
        if arch not in self.variants:
            raise TargetError(
                f"engine: it holds kernels for {', '.join(self.variants)}, not for '{arch}'; rebuild it for that target."
            )
        return self.variants[arch]

    def variant_for(self, info: DeviceInfo) -> Variant:
        """The variant that runs best on a GPU; TargetError when none runs on it."""
        chosen = best_arch(list(self.variants), info.compute_capability)
        if chosen is None:
            wanted = f"{info.arch}a" if info.compute_capability >= (9, 0) else info.arch
            raise TargetError(
                f"engine: it holds kernels for {', '.join(self.variants)}, but {info.name} is {info.arch}; "
                f"rebuild it with target '{wanted}'."
            )
        return self.variants[chosen]

    # Running and keeping.

    def create_context(self, device: str | int | None = None, **options: Any) -> ExecutionContext:
        """A context to run in: an arena of its own on a GPU (by ordinal) or on the "simulator"; None takes GPU 0 if there is one.

        Options: see `CudaContext` and `SimulatorContext`. Raises TargetError, in a sentence, for a GPU or driver that cannot
        run the engine, and OptionError for options that there are not.
        """
        if isinstance(device, bool) or not (device is None or device == SIMULATOR or isinstance(device, int)):
            raise TargetError(f"device {got(device)}: expected '{SIMULATOR}' or the number of a GPU such as 0.")
        if device == SIMULATOR or (device is None and find_device() is None):
            from .simulated import SimulatorContext

            _check_options(options, {"arch": str, "poison": bool})
            return SimulatorContext(self, **options)
        from .context import CudaContext

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

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the engine file, atomically. Equal engines write equal bytes."""
        write_container(as_path(path, "engine file"), self._manifest, self._sections)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Engine:
        """Reads an engine file; EngineFormatError for a file that is damaged or not an engine, or whose plan does not hold."""
        engine = cls(*read_container(as_path(path, "engine file")))
        engine.verify()
        return engine

    def verify(self) -> None:
        """Raises EngineFormatError unless the plan of every architecture holds, and fits the inputs and outputs."""
        said = [self.inputs, self.outputs, {name: tuple(values) for name, values in self._manifest["symbols"].items()}]
        for variant in self.variants.values():
            program = variant.program
            if said != [program.inputs, program.outputs, program.symbols]:
                raise EngineFormatError(
                    f"engine: its manifest and its host function for {variant.arch} differ in inputs, outputs or symbols; "
                    f"rebuild the engine."
                )

    def _preferred(self) -> Variant:
        info = find_device()
        chosen = best_arch(list(self.variants), info.compute_capability) if info is not None else None
        return self.variants[chosen] if chosen is not None else next(iter(self.variants.values()))


def load(path: str | os.PathLike[str]) -> Engine:
    """Loads an engine file that `Engine.save` wrote."""
    return Engine.load(path)


def best_arch(archs: list[str], capability: tuple[int, int]) -> str | None:
    """The architecture, of those a file holds, whose cubins run best on a GPU of this compute capability; None when none runs.

    A cubin runs on its own major version from its minor version on; `sm_90a` on 9.0 alone; `sm_100f` like a plain one.
    """
    best: tuple[tuple[int, int], str] | None = None
    for arch in archs:
        matched = re.fullmatch(r"sm_(\d+)(\d)([af]?)", arch)
        if matched is None:
            continue
        major, minor, suffix = int(matched[1]), int(matched[2]), matched[3]
        runs = (major, minor) == capability if suffix == "a" else major == capability[0] and minor <= capability[1]
        rank = (minor, {"": 0, "f": 1, "a": 2}[suffix])
        if runs and (best is None or rank > best[0]):
            best = (rank, arch)
    return None if best is None else best[1]


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


def _check_sections(manifest: Mapping[str, Any], sections: Mapping[str, Section]) -> None:
    """Raises EngineFormatError unless the manifest names all sections, those that exist, and each is aligned as what it holds is."""
    weights = {name for stored in manifest["variants"].values() for name in stored["weights"].values()}
    texts: set[str] = set()
    for stored in manifest["variants"].values():
        texts |= {stored["host"], stored["tiles"]}
        texts |= {kernel[part] for kernel in stored["kernels"] for part in ("source", "cubin")}
    if missing := sorted((texts | weights) - sections.keys()):
        raise EngineFormatError(f"engine manifest: section '{missing[0]}' does not exist; rebuild the engine.")
    if unknown := sorted(sections.keys() - texts - weights):
        raise EngineFormatError(f"engine manifest: nothing uses section '{unknown[0]}'; rebuild the engine.")
    for names, allowed in ((texts, TEXT_ALIGNMENTS), (weights, WEIGHT_ALIGNMENTS)):
        if wrong := sorted(name for name in names if sections[name].align not in allowed):
            raise EngineFormatError(f"engine manifest: section '{wrong[0]}' has a wrong alignment; rebuild the engine.")


def _spec(stored: Mapping[str, Any]) -> TensorSpec:
    try:
        return TensorSpec(stored["name"], dtype_of(stored["dtype"]), tuple(parse_expr(text) for text in stored["dims"]))
    except ValueError as error:
        raise malformed(str(error)) from error


def spec_to_json(spec: TensorSpec) -> dict[str, Any]:
    """An input or output as the manifest keeps it."""
    return {"name": spec.name, "dtype": spec.dtype.name, "dims": [str(extent) for extent in spec.dims]}


def dtype_of(name: str) -> np.dtype[Any]:
    """The dtype of this name, NumPy's or ml_dtypes'. Raises ValueError for any other."""
    import ml_dtypes

    special = {"bfloat16", "float8_e4m3fn", "float8_e5m2"}
    plain = {"float64", "float32", "float16", "bool", "int8", "int16", "int32", "int64", "uint8"}
    if name not in special | plain:
        raise ValueError(f"dtype '{name}'")
    return np.dtype(getattr(ml_dtypes, name)) if name in special else np.dtype(name)


def _dialects() -> dict[str, Any]:
    from ..dialects import buffer, fusion, kernel, nn, quant

    return {
        dialect.name: (lambda dialect=dialect: dialect)
        for dialect in (nn.NN, quant.QUANT, fusion.FUSION, buffer.Buffer, kernel.Kernel)
    }
