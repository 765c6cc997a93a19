"""Writes an engine: a compiled module becomes the manifest and the sections of one, which are read back before they are returned."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from xdsl.dialects.builtin import ModuleOp

from ..dialects import kernel, nn
from ..dialects.errors import EngineFormatError, PassError
from ..dialects.host.structure import called_by, functions_of
from ..passes.remarks import Remark
from ..runtime.container import decode_manifest, encode_manifest
from ..runtime.contents import spec_to_json
from ..runtime.engine import Engine
from ..runtime.kernels import KernelInfo, interface
from ..runtime.manifest import FORMAT, KIND
from ..runtime.program.host import HostProgram
from ..runtime.program.reader import read_program
from ..runtime.verify.plan import describe
from .codegen.cuda.nvrtc import Compiled, nvrtc_version
from .options import BuildOptions
from .refittable import Structure
from .weights.sections import Store, WeightSections, print_module


@dataclass(frozen=True)
class CompiledKernel:
    """A compiled kernel, to be written into an engine."""

    facts: KernelInfo
    source: str
    """Its CUDA C."""
    compiled: Compiled


@dataclass
class EngineWriter:
    """Collects the architectures of one engine."""

    model: Mapping[str, Any]
    """The manifest's `model`: a digest of what the build read, a name, and the files beside the model's own."""
    options: BuildOptions
    structure: Structure | None = None
    """What of the model cannot change, of a refittable engine."""
    store: Store = field(default_factory=Store)
    weights: WeightSections = field(init=False)
    _variants: dict[str, Any] = field(default_factory=dict[str, Any])
    _programs: dict[str, tuple[ModuleOp, HostProgram]] = field(default_factory=dict[str, tuple[ModuleOp, HostProgram]])

    def __post_init__(self) -> None:
        initializers = {} if self.structure is None else self.structure.initializers
        self.weights = WeightSections(self.store, initializers)

    def add(
        self, arch: str, module: ModuleOp, tiles: str, kernels: Sequence[CompiledKernel], remarks: Sequence[Remark]
    ) -> None:
        """Adds what was built for `arch`: the module with its host function, and the text of the kernels in tile ops."""
        host = _host(module)
        program = read_program(module, {made.facts.name: made.facts for made in kernels})
        self._programs[arch] = (host, program)
        self._variants[arch] = {
            "host": self.store.add_text(f"{arch}/host.mlir", print_module(host)),
            "tiles": self.store.add_text(f"{arch}/kernels.mlir", tiles),
            "kernels": [_kernel(self.store, arch, made) for made in kernels],
            **self.weights.add(arch, module, program, refittable=self.structure is not None),
            **describe(host, program),
            "remarks": [_remark(remark) for remark in remarks],
        }

    def engine(self, compiles: int) -> Engine:
        """
        The engine; its weights are not copied. Its plan is verified as one from a file is; under `verify_each` it is also read back from
        its text. Raises PassError where the plan is invalid or differs from what was built.
        """
        _, program = list(self._programs.values())[-1]
        manifest = {
            "kind": KIND,
            "format": FORMAT,
            "toolchain": _toolchain(),
            "model": dict(self.model),
            "options": _options(self.options),
            "inputs": [spec_to_json(spec) for spec in program.inputs],
            "outputs": [spec_to_json(spec) for spec in program.outputs],
            "symbols": {name: list(values) for name, values in sorted(program.symbols.items())},
            "refit": None if self.structure is None else self.weights.refit(self.structure),
            "variants": self._variants,
        }
        try:
            engine = Engine(decode_manifest(encode_manifest(manifest)), self.store.sections, compiles=compiles)
            if engine.refittable:
                engine.verify()
            if self.options.verify_each:
                _read_back(engine, self._programs)
            else:
                for arch, (host, built) in self._programs.items():
                    engine.variant(arch).hold(host, built)
        except (EngineFormatError, ValueError) as error:
            raise PassError(f"build: the engine cannot be read back: {error}") from error
        return engine


def _read_back(engine: Engine, programs: Mapping[str, tuple[ModuleOp, HostProgram]]) -> None:
    for arch, (_, built) in programs.items():
        read = engine.variant(arch).program
        for part in fields(HostProgram):
            expected, got = getattr(built, part.name), getattr(read, part.name)
            if expected != got:
                raise PassError(
                    f"build: the {part.name} of the host function for {arch} do not read back: expected {expected!r:.200}, "
                    f"got {got!r:.200}."
                )


def _kernel(store: Store, arch: str, made: CompiledKernel) -> dict[str, Any]:
    """The manifest's entry of a kernel; its CUDA C and cubin become sections."""
    facts, compiled = made.facts, made.compiled
    entries = list(compiled.resources)
    if len(entries) != 1:
        raise PassError(
            f"codegen: expected one kernel in the CUDA C of @{facts.name}, got {', '.join(entries) or 'none'}."
        )
    return {
        "facts": facts.to_json(),
        "entry": entries[0],
        "source": store.add_text(f"{arch}/{facts.name}.cu", made.source),
        "cubin": store.add(f"{arch}/{facts.name}.cubin", compiled.cubin),
        "resources": asdict(compiled.resources[entries[0]]),
        "problems": compiled.problems(),
    }


def _host(module: ModuleOp) -> ModuleOp:
    """The host function, the bodies that it calls, and the interfaces of the kernels that they launch, with the module's symbols and
    target."""
    functions = functions_of(module)
    host = [op.clone() for op in (functions["main"], *called_by(functions["main"], functions))]
    kernels = [interface(op) for op in module.body.block.ops if isinstance(op, kernel.FuncOp)]
    attributes = {name: each for name, each in module.attributes.items() if name != nn.PINS}
    return ModuleOp([*kernels, *host], attributes=attributes)


def _options(options: BuildOptions) -> dict[str, Any]:
    """The options as JSON values, without `target`, which the variants have, those that decide choices alone, so that a locked build is the
    same bytes, and the checks, which do not affect an engine."""
    choosing = ("opt_level", "timing_cache", "time_limit", "locked")
    unsaid = ("target", *choosing, "check_boundaries", "verify_each")
    listed = {name: getattr(options, name) for name in options.__dataclass_fields__ if name not in unsaid}
    return {name: _json(value) for name, value in sorted(listed.items())}


def _remark(remark: Remark) -> dict[str, Any]:
    """A remark as JSON values, without its place in a text, which the engine does not hold."""
    return _json({name: value for name, value in asdict(remark).items() if name != "place"})


def _json(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _json(item) for key, item in sorted(value.items())}
    return [_json(item) for item in value] if isinstance(value, tuple | list) else value


def _toolchain() -> dict[str, Any]:
    from importlib.metadata import PackageNotFoundError, version

    found: dict[str, Any] = {"nvrtc": list(nvrtc_version())}
    for package in ("trtc", "xdsl", "numpy"):
        try:
            found[package] = re.split(r"[+]", version(package))[0]
        except PackageNotFoundError:
            found[package] = ""
    return found
