"""Writes an engine: a compiled module becomes the manifest and the sections of one, which are read again before they are given out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from io import StringIO
from typing import Any

import numpy as np
from xdsl.dialects.builtin import ModuleOp

from ..dialects import kernel
from ..dialects.errors import EngineFormatError, PassError
from ..dialects.host.structure import called_by, functions_of
from ..dialects.ir_text import IRPrinter
from ..dialects.meaning.execute import run_weights
from ..passes.remarks import Remark
from ..runtime.container import Section, decode_manifest, encode_manifest
from ..runtime.contents import TEXT_ALIGNMENTS, WEIGHT_ALIGNMENTS, spec_to_json
from ..runtime.engine import Engine
from ..runtime.kernels import KernelInfo, interface
from ..runtime.manifest import FORMAT, KIND
from ..runtime.program.host import HostProgram
from ..runtime.program.reader import read_program
from ..runtime.verify_plan import describe
from .codegen.cuda.nvrtc import Compiled, nvrtc_version
from .options import BuildOptions


@dataclass(frozen=True)
class CompiledKernel:
    """A kernel on its way into an engine."""

    facts: KernelInfo
    source: str
    """Its CUDA C."""
    compiled: Compiled


class Store:
    """Sections by name; equal bytes are stored once."""

    def __init__(self) -> None:
        self.sections: dict[str, Section] = {}
        self._by_digest: dict[tuple[str, int], str] = {}

    def add(self, name: str, data: bytes | memoryview, align: int = TEXT_ALIGNMENTS[0]) -> str:
        """Keeps bytes and returns the section's name, which is an older one where the bytes are known already."""
        section = Section(data, align)
        key = (section.sha256, align)
        if key not in self._by_digest:
            self._by_digest[key] = name
            self.sections[name] = section
        return self._by_digest[key]

    def add_text(self, name: str, text: str) -> str:
        return self.add(name, text.encode())


@dataclass
class EngineWriter:
    """Collects the architectures of one engine."""

    model: Mapping[str, Any]
    """The manifest's `model`: a digest of what the build read, a name, and the files beside the model's own."""
    options: BuildOptions
    store: Store = field(default_factory=Store)
    _variants: dict[str, Any] = field(default_factory=dict[str, Any])
    _programs: dict[str, HostProgram] = field(default_factory=dict[str, HostProgram])

    def add(
        self, arch: str, module: ModuleOp, tiles: str, kernels: Sequence[CompiledKernel], remarks: Sequence[Remark]
    ) -> None:
        """Adds what was built for `arch`: the module with its host function, and the text of the kernels in tile ops."""
        host = _host(module)
        program = read_program(module, {made.facts.name: made.facts for made in kernels})
        self._programs[arch] = program
        self._variants[arch] = {
            "host": self.store.add_text(f"{arch}/host.mlir", print_module(host)),
            "tiles": self.store.add_text(f"{arch}/kernels.mlir", tiles),
            "kernels": [_kernel(self.store, arch, made) for made in kernels],
            "weights": _weights(self.store, arch, module, program),
            **describe(host, program),
            "remarks": [_remark(remark) for remark in remarks],
        }

    def engine(self, compiles: int) -> Engine:
        """The engine as one reads it from a file, weights left where they are. Raises PassError where that is not what was built."""
        program = list(self._programs.values())[-1]
        manifest = {
            "kind": KIND,
            "format": FORMAT,
            "toolchain": _toolchain(),
            "model": dict(self.model),
            "options": _options(self.options),
            "inputs": [spec_to_json(spec) for spec in program.inputs],
            "outputs": [spec_to_json(spec) for spec in program.outputs],
            "symbols": {name: list(values) for name, values in sorted(program.symbols.items())},
            "variants": self._variants,
        }
        return _read_back(manifest, self.store.sections, self._programs, compiles)


def _read_back(
    manifest: dict[str, Any], sections: Mapping[str, Section], programs: Mapping[str, HostProgram], compiles: int
) -> Engine:
    try:
        engine = Engine(decode_manifest(encode_manifest(manifest)), sections, compiles=compiles)
        for arch, built in programs.items():
            read = engine.variant(arch).program
            for part in fields(HostProgram):
                expected, got = getattr(built, part.name), getattr(read, part.name)
                if expected != got:
                    raise PassError(
                        f"build: the {part.name} of the host function for {arch} do not read back: expected {expected!r:.200}, "
                        f"got {got!r:.200}."
                    )
    except (EngineFormatError, ValueError) as error:
        raise PassError(f"build: the engine cannot be read back: {error}") from error
    return engine


def _kernel(store: Store, arch: str, made: CompiledKernel) -> dict[str, Any]:
    """What the manifest says of a kernel; its CUDA C and cubin become sections."""
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


def _weights(store: Store, arch: str, module: ModuleOp, program: HostProgram) -> dict[str, str]:
    """Evaluates `@weights`; for each weight that `@main` reads, the section that holds it."""
    exports = run_weights(module)
    named: dict[str, str] = {}
    for name, (shape, dtype) in sorted(program.weights.items()):
        if name not in exports:
            raise PassError(f"weights: @main reads '{name}', which @weights does not export.")
        array = np.asarray(exports[name], order="C")
        if array.dtype != dtype or array.shape != shape:
            raise PassError(
                f"weights: expected '{name}' as {dtype}{list(shape)}, got {array.dtype}{list(array.shape)}."
            )
        data = array.reshape(-1).view(np.uint8).data.toreadonly() if array.size else b""
        align = WEIGHT_ALIGNMENTS[1 if named else 0]
        named[name] = store.add(f"{arch}/weights/{name}", data, align)
    return named


def _host(module: ModuleOp) -> ModuleOp:
    """The host function, the bodies that it calls, and the interfaces of the kernels that they launch, with the module's symbols and
    target."""
    functions = functions_of(module)
    host = [op.clone() for op in (functions["main"], *called_by(functions["main"], functions))]
    kernels = [interface(op) for op in module.body.block.ops if isinstance(op, kernel.FuncOp)]
    return ModuleOp([*kernels, *host], attributes=dict(module.attributes))


def print_module(module: ModuleOp, *, locations: bool = True) -> str:
    """IR text, with the locations that lead to the ONNX nodes."""
    text = StringIO()
    IRPrinter(stream=text, print_debuginfo=locations).print_op(module)
    return text.getvalue() + "\n"


def _options(options: BuildOptions) -> dict[str, Any]:
    """The options as JSON values, without `target`, which the variants say, and the checks, which decide nothing of an engine."""
    unsaid = ("target", "check_boundaries", "verify_each")
    listed = {name: getattr(options, name) for name in options.__dataclass_fields__ if name not in unsaid}
    return {name: _json(value) for name, value in sorted(listed.items())}


def _remark(remark: Remark) -> dict[str, Any]:
    """A remark without its place, which is in a text that the engine does not hold."""
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
