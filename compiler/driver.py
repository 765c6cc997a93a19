"""`build(model, options) -> Engine`: import, pipeline, CUDA C, cubins, weights, and all of it put into one engine."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.passes import ModulePass
from xdsl.printer import Printer

from ..dialects import kernel
from ..dialects.errors import EngineFormatError, OptionError, PassError, got
from ..dialects.nn.base import set_symbol_ranges, symbol_ranges
from ..dialects.provenance import join_names
from ..passes.remarks import Remark, collecting
from ..runtime.container import Section, decode_manifest, encode_manifest
from ..runtime.contents import TEXT_ALIGNMENTS, WEIGHT_ALIGNMENTS, spec_to_json
from ..runtime.engine import Engine
from ..runtime.files import check_readable
from ..runtime.kernels import KernelInfo, interface
from ..runtime.manifest import KIND
from ..runtime.plan import HostProgram
from ..runtime.verify_plan import describe
from .buildable import check_extents, check_kernel_types
from .codegen.cuda.cubin_cache import CubinCache
from .codegen.cuda.nvrtc import Compiled, Job, check_arch, compile_all, nvrtc_version
from .environment import cache_directory, cache_limit
from .options import BuildOptions, dim_ranges
from .pipeline import Observer, run_pipeline
from .targets import detect_arch, set_target

if TYPE_CHECKING:
    from onnx import ModelProto

    from .network import Network

Progress = Callable[[str, int, int], None]
"""Called with a stage ("pass canonicalize-nn", "compile sm_90a"), how many of its steps are done, and of how many."""


def build(
    model: str | Path | bytes | ModelProto | Network | ModuleOp,
    options: BuildOptions | None = None,
    *,
    targets: Sequence[str] = (),
    cache: CubinCache | str | Path | None = "",
    progress: Progress | None = None,
    observers: Sequence[Observer] = (),
) -> Engine:
    """Builds an engine. Needs no GPU.

    - `model`: an ONNX file, its bytes or proto, a `Network`, or an imported module (which is not changed).
    - `targets`: further architectures that the engine shall hold kernels for, beside `options.target`.
    - `cache`: where compiled kernels are kept; a directory, None for no cache, by default `cache_directory()`.
    - `progress`, `observers`: see `Progress` and `pipeline.Observer`.

    Raises UnsupportedOpError and InvalidModelError for the model, OptionError and TargetError for what is asked, PassError for a
    defect of the compiler.
    """
    options = BuildOptions() if options is None else options
    if not isinstance(options, BuildOptions):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise OptionError(f"options: expected trtc.BuildOptions, got {type(options).__name__}.")
    _check_arguments(targets, cache, progress, observers)
    archs = list(dict.fromkeys([options.target or detect_arch(), *targets]))
    for arch in archs:
        check_arch(arch)
    toolchain = _toolchain()  # before anything that takes long: it says when NVRTC is not there
    with collecting() as found:
        imported, digest = _import(model, options)
    check_kernel_types(imported)
    check_extents(imported)
    store = _Store()
    variants: dict[str, Any] = {}
    compiles = 0
    programs: dict[str, HostProgram] = {}
    for arch in archs:
        made = _build_variant(
            imported.clone(), replace(options, target=arch), store, _cache(cache), progress, observers, found
        )
        variants[arch], programs[arch] = made.manifest, made.program
        compiles += made.compiles
    program = programs[archs[-1]]
    manifest = {
        "kind": KIND,
        "toolchain": toolchain,
        "model": {"sha256": digest, "name": Path(model).name if isinstance(model, str | Path) else ""},
        "options": _options(options),
        "inputs": [spec_to_json(spec) for spec in program.inputs],
        "outputs": [spec_to_json(spec) for spec in program.outputs],
        "symbols": {name: list(values) for name, values in sorted(program.symbols.items())},
        "variants": variants,
    }
    return _read_back(manifest, store.sections, programs, compiles)


def _read_back(
    manifest: dict[str, Any], sections: Mapping[str, Section], programs: Mapping[str, HostProgram], compiles: int
) -> Engine:
    """The engine as one reads it from a file, weights left where they are. Raises PassError where that is not what was built."""
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


def _check_arguments(targets: Any, cache: Any, progress: Any, observers: Any) -> None:
    """Raises OptionError for an argument of `build` that is of another kind than it takes."""
    if isinstance(targets, str):
        raise OptionError(f"targets: expected a list such as ['{targets:.100}'], got a text.")
    for name, given, kind in (("targets", targets, str), ("observers", observers, Observer)):
        if not isinstance(given, Sequence) or not all(isinstance(entry, kind) for entry in cast(Sequence[Any], given)):
            raise OptionError(f"{name}: expected a list of {kind.__name__}, got {got(given)}.")
    if not (cache is None or isinstance(cache, str | Path | CubinCache)):
        raise OptionError(f"cache: expected a folder, or None for no cache, got {got(cache)}.")
    if not (progress is None or callable(progress)):
        raise OptionError(f"progress: expected a function of (stage, done, total), got {got(progress)}.")


@dataclass(frozen=True)
class _Made:
    """One architecture of an engine."""

    manifest: dict[str, Any]
    program: HostProgram
    compiles: int


class _Store:
    """Sections by name; equal bytes are stored once."""

    def __init__(self) -> None:
        self.sections: dict[str, Section] = {}
        self._by_digest: dict[tuple[str, int], str] = {}

    def add(self, name: str, data: bytes | memoryview, align: int = TEXT_ALIGNMENTS[0]) -> str:
        """Keeps bytes and returns the section's name, which is an older one where the bytes are known already."""
        key = (hashlib.sha256(data).hexdigest(), align)
        if key not in self._by_digest:
            self._by_digest[key] = name
            self.sections[name] = Section(data, align)
        return self._by_digest[key]

    def add_text(self, name: str, text: str) -> str:
        return self.add(name, text.encode())


class _Tiles(Observer):
    """Keeps the kernels as they are before `lower-to-threads`: the tile-level IR that the engine stores."""

    def __init__(self, progress: Progress | None):
        self.progress = progress
        self.text = ""

    def before_pass(self, index: int, step: ModulePass, module: ModuleOp) -> None:
        if self.progress is not None:
            self.progress(f"pass {step.name}", 0, 1)
        if step.name == "lower-to-threads":
            self.text = _print(_kernels(module), locations=False)

    def after_pass(self, index: int, step: ModulePass, module: ModuleOp, seconds: float) -> None:
        if self.progress is not None:
            self.progress(f"pass {step.name}", 1, 1)


def _import(model: Any, options: BuildOptions) -> tuple[ModuleOp, str]:
    """The module to build and a digest of what it was made from."""
    if isinstance(model, ModuleOp):
        module = _with_profiles(model, options)
        return module, hashlib.sha256(str(module).encode()).hexdigest()
    from .network import Network

    if isinstance(model, Network):
        module = model.module(dim_ranges(options.profiles))
        return module, hashlib.sha256(str(module).encode()).hexdigest()
    from onnx import ModelProto

    from .frontend import import_graph, load

    if isinstance(model, str | Path):
        check_readable(model, "model")
    elif not isinstance(model, bytes | ModelProto):
        raise OptionError(
            f"model: expected the path, bytes or ModelProto of an ONNX model, a trtc.Network or a module, got {type(model).__name__}."
        )
    graph = load(model)
    imported = import_graph(graph, profiles=dict(options.profiles), require_profiles=True)
    return imported, graph.digest()


def _with_profiles(module: ModuleOp, options: BuildOptions) -> ModuleOp:
    """The module with the ranges that the options give; a copy, where there are any."""
    if not options.profiles:
        return module
    known = symbol_ranges(module)
    ranges = dim_ranges(options.profiles)
    if unknown := sorted(ranges.keys() - known.keys()):
        raise OptionError(
            f"option profiles: there is no dynamic dim '{unknown[0]}'; dynamic dims: {join_names(known) or 'none'}."
        )
    module = module.clone()
    set_symbol_ranges(module, {**known, **ranges})
    return module


def _build_variant(
    module: ModuleOp,
    options: BuildOptions,
    store: _Store,
    cache: CubinCache | None,
    progress: Progress | None,
    observers: Sequence[Observer],
    found: Sequence[Remark],
) -> _Made:
    """One architecture; `found` are the remarks of the import, which lead its own."""
    from .codegen.cuda.printer import entry_name, print_kernel

    arch = cast(str, options.target)
    set_target(module, arch)
    tiles = _Tiles(progress)
    with collecting() as remarks:
        run_pipeline(module, options, observers=[*observers, tiles])
    kernels = [op for op in module.body.block.ops if isinstance(op, kernel.FuncOp)]
    facts = {func.sym_name.data: KernelInfo.read(func) for func in kernels}
    program = HostProgram.read(module, facts)
    sources = {func.sym_name.data: print_kernel(func) for func in kernels}
    jobs = [
        Job(text, arch, name=f"{entry_name(func)}.cu") for func, text in zip(kernels, sources.values(), strict=True)
    ]
    report = None if progress is None else lambda done, total: progress(f"compile {arch}", done, total)
    compiled = dict(zip(sources, compile_all(jobs, cache, progress=report), strict=True))
    host = _host(module)
    manifest = {
        "host": store.add_text(f"{arch}/host.mlir", _print(host)),
        "tiles": store.add_text(f"{arch}/kernels.mlir", tiles.text),
        "kernels": [_kernel(store, arch, facts[name], sources[name], compiled[name]) for name in sources],
        "weights": _weights(store, arch, module, program),
        **describe(host, program),
        "remarks": [_remark(r) for r in (*found, *remarks)],
    }
    return _Made(
        manifest, program, len({job for job, made in zip(jobs, compiled.values(), strict=True) if not made.cached})
    )


def _kernel(store: _Store, arch: str, facts: KernelInfo, source: str, compiled: Compiled) -> dict[str, Any]:
    """What the manifest says of a kernel; its CUDA C and cubin become sections."""
    entries = list(compiled.resources)
    if len(entries) != 1:
        raise PassError(
            f"codegen: expected one kernel in the CUDA C of @{facts.name}, got {', '.join(entries) or 'none'}."
        )
    return {
        "facts": facts.to_json(),
        "entry": entries[0],
        "source": store.add_text(f"{arch}/{facts.name}.cu", source),
        "cubin": store.add(f"{arch}/{facts.name}.cubin", compiled.cubin),
        "resources": asdict(compiled.resources[entries[0]]),
        "problems": compiled.problems(),
    }


def _weights(store: _Store, arch: str, module: ModuleOp, program: HostProgram) -> dict[str, str]:
    """Evaluates `@weights`; for each weight that `@main` reads, the section that holds it."""
    from ..dialects.meaning.execute import run_weights

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


def _remark(remark: Remark) -> dict[str, Any]:
    return _json(asdict(remark))


def _host(module: ModuleOp) -> ModuleOp:
    """The host function and the interfaces of the kernels that it launches, with the module's symbols and target."""
    ops = list(module.body.block.ops)
    main = [op.clone() for op in ops if isinstance(op, FuncOp) and op.sym_name.data == "main"]
    kernels = [interface(op) for op in ops if isinstance(op, kernel.FuncOp)]
    return ModuleOp([*kernels, *main], attributes=dict(module.attributes))


def _kernels(module: ModuleOp) -> ModuleOp:
    """The kernels alone, likewise."""
    kernels = [op.clone() for op in module.body.block.ops if isinstance(op, kernel.FuncOp)]
    return ModuleOp(kernels, attributes=dict(module.attributes))


def _print(module: ModuleOp, *, locations: bool = True) -> str:
    """IR text, with the locations that lead to the ONNX nodes."""
    text = StringIO()
    Printer(stream=text, print_debuginfo=locations).print_op(module)
    return text.getvalue() + "\n"


def _cache(chosen: CubinCache | str | Path | None) -> CubinCache | None:
    if chosen is None or isinstance(chosen, CubinCache):
        return chosen
    return CubinCache(Path(chosen) if chosen else cache_directory(), cache_limit())


def _options(options: BuildOptions) -> dict[str, Any]:
    """The options as JSON values, without `target`, which the variants say."""
    listed = {name: getattr(options, name) for name in options.__dataclass_fields__ if name != "target"}
    return {name: _json(value) for name, value in sorted(listed.items())}


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
