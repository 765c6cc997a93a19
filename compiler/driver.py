"""`build(model, options) -> Engine`: import, pipeline, CUDA C, cubins; `engine_writer.py` makes an engine of the results."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from ..dialects import kernel
from ..dialects.errors import OptionError, got
from ..dialects.kernel.marks import LOWERED
from ..dialects.nn.base import set_symbol_ranges, symbol_ranges
from ..dialects.provenance import join_names
from ..passes.kernels.lower_fragments import reporting
from ..passes.kernels.lower_groups import remembering
from ..passes.kernels.schedules.choosing import choosing
from ..passes.remarks import Remark, collecting
from ..runtime.engine import Engine
from ..runtime.files import check_readable
from ..runtime.kernels import KernelInfo
from .buildable import check_extents, check_kernel_types
from .caches.kernels import KernelCache, kernel_text, module_text
from .codegen.cuda.cubin_cache import CubinCache
from .codegen.cuda.nvrtc import Compiler, Job, check_arch, nvrtc_version, without_comments
from .engine_writer import CompiledKernel, EngineWriter
from .environment import cache_directory, cache_limit
from .garbage import collect_after, garbage_frozen, keep_freed_memory
from .options import BuildOptions, dim_ranges
from .pipeline import Observer, phase_steps, run_pipeline
from .refittable import Structure, model_of, without_initializers
from .targets import detect_arch, set_target
from .tune.choosers import chooser_of
from .tune.lock import ByPrice
from .tune.timer import Timer
from .tune.trial import Record
from .universe import make_context

if TYPE_CHECKING:
    from onnx import ModelProto

    from .network import Network

_COLLECTED_AT_ONCE = 64 << 20
"""Bytes of weights above which the IR that holds them is collected at once, not at the next run of the garbage collector."""

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
    timer: Timer | None = None,
) -> Engine:
    """Builds an engine without asking the cache of engines, as `build.build` does, which documents arguments and errors."""
    options = BuildOptions() if options is None else options
    if not isinstance(options, BuildOptions):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise OptionError(f"options: expected trtc.BuildOptions, got {type(options).__name__}.")
    _check_arguments(targets, cache, progress, observers)
    archs = list(dict.fromkeys([options.target or detect_arch(), *targets]))
    for arch in archs:
        check_arch(arch)
    nvrtc_version()  # raises where NVRTC is missing, before anything that takes long
    keep_freed_memory()
    start = time.thread_time()
    with garbage_frozen():
        engine = _build(model, options, archs, _cache(cache), progress, observers, timer)
    collect_after(time.thread_time() - start, now=engine.stats.weight_bytes > _COLLECTED_AT_ONCE)
    return engine


def _build(
    model: Any,
    options: BuildOptions,
    archs: Sequence[str],
    cache: CubinCache | None,
    progress: Progress | None,
    observers: Sequence[Observer],
    timer: Timer | None,
) -> Engine:
    with collecting() as found:
        imported, read = _import(model, options)
    check_kernel_types(imported)
    check_extents(imported)
    name = Path(model).name if isinstance(model, str | Path) else ""
    structure = Structure.of(imported) if options.refit else None
    if structure is not None:
        read["sha256"] = model_of(structure)
    writer = EngineWriter({**read, "name": name}, options, structure)
    compiles = 0
    for arch in archs:
        own = replace(options, target=arch)
        # Of the last one nobody else needs the import: a second module would hold every weight that a pass replaces.
        module = imported if arch == archs[-1] and structure is None else imported.clone()
        compiles += _add_variant(writer, module, own, cache, progress, observers, timer, found)
    return writer.engine(compiles)


def choose(
    model: str | Path | bytes | ModelProto | Network | ModuleOp,
    options: BuildOptions | None = None,
    *,
    targets: Sequence[str] = (),
    progress: Progress | None = None,
    timer: Timer | None = None,
) -> dict[str, Record]:
    """Chooses the schedules of all groups as `build` does with the same arguments, and compiles no kernel but those that are timed: the
    choices by signature, for a lock file."""
    options = BuildOptions() if options is None else options
    _check_arguments(targets, None, progress, ())
    imported, _ = _import(model, options)
    check_kernel_types(imported)
    check_extents(imported)
    records: dict[str, Record] = {}
    for arch in dict.fromkeys([options.target or detect_arch(), *targets]):
        check_arch(arch)
        module = imported.clone()
        set_target(module, arch)
        chooser = chooser_of(options, arch, timer, progress) or ByPrice()
        with garbage_frozen(), choosing(chooser):
            run_pipeline(module, replace(options, target=arch), stop_after="kernels")
        records |= chooser.records
    return records


def _check_arguments(targets: Any, cache: Any, progress: Any, observers: Any) -> None:
    """Raises OptionError for an argument of `build` of a wrong type."""
    if isinstance(targets, str):
        raise OptionError(f"targets: expected a list such as ['{targets:.100}'], got a text.")
    for name, given, kind in (("targets", targets, str), ("observers", observers, Observer)):
        if not isinstance(given, Sequence) or not all(isinstance(entry, kind) for entry in cast(Sequence[Any], given)):
            raise OptionError(f"{name}: expected a list of {kind.__name__}, got {got(given)}.")
    if not (cache is None or isinstance(cache, str | Path | CubinCache)):
        raise OptionError(f"cache: expected a folder, or None for no cache, got {got(cache)}.")
    if not (progress is None or callable(progress)):
        raise OptionError(f"progress: expected a function of (stage, done, total), got {got(progress)}.")


class _Tiles(Observer):
    """Keeps the kernels as they are before phase `threads`: the tile-level IR that the engine stores."""

    def __init__(self, progress: Progress | None, known: KernelCache | None, first: str):
        """`first` is the first pass of phase `threads`."""
        self.progress = progress
        self.known = known
        self.first = first
        self.text = ""

    def before_pass(self, index: int, step: ModulePass, module: ModuleOp) -> None:
        if self.progress is not None:
            self.progress(f"pass {step.name}", 0, 1)
        if step.name == self.first:
            tiles = kernel_text if self.known is None else self.known.tiles
            self.text = module_text(
                module, [tiles(op) for op in module.body.block.ops if isinstance(op, kernel.FuncOp)]
            )

    def after_pass(self, index: int, step: ModulePass, module: ModuleOp, seconds: float) -> None:
        if self.progress is not None:
            self.progress(f"pass {step.name}", 1, 1)


def _import(model: Any, options: BuildOptions) -> tuple[ModuleOp, dict[str, Any]]:
    """The module to build, and fields of the manifest's `model`: a digest, and the files beside the model's own."""
    from .network import Network

    if isinstance(model, ModuleOp | Network):
        _check_imported_only(options)
    if isinstance(model, ModuleOp):
        return _prepared(_with_profiles(model, options).clone(), options)
    if isinstance(model, Network):
        module = model.module(dim_ranges(options.profiles))
        return _prepared(module, options)
    from onnx import ModelProto

    from .frontend import import_graph, load

    if isinstance(model, str | Path):
        check_readable(model, "model")
    elif not isinstance(model, bytes | ModelProto):
        raise OptionError(
            f"model: expected the path, bytes or ModelProto of an ONNX model, a trtc.Network or a module, got {type(model).__name__}."
        )
    graph = load(model)
    imported = import_graph(
        graph,
        profiles=dict(options.profiles),
        constants=options.constants,
        bounds=options.bounds,
        require_profiles=True,
        refit=options.refit,
    )
    files = {"files": sorted(graph.external.files)} if graph.external.files else {}
    return imported, {"sha256": "" if options.refit else graph.digest(), **files}


def _check_imported_only(options: BuildOptions) -> None:
    """Raises OptionError for options that only the import of a model follows."""
    for name, fix in (
        ("constants", "add a constant in place of the input"),
        ("bounds", "give them as the ranges of dims"),
    ):
        if given := getattr(options, name):
            raise OptionError(f"option {name}: expected it with an ONNX model only, got {join_names(given)}; {fix}.")


def _prepared(module: ModuleOp, options: BuildOptions) -> tuple[ModuleOp, dict[str, Any]]:
    """A module of the caller's, and its digest; without `refit` its initializers become constants."""
    if options.refit:
        return module, {}
    without_initializers(module)
    return module, {"sha256": hashlib.sha256(str(module).encode()).hexdigest()}


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


def _add_variant(
    writer: EngineWriter,
    module: ModuleOp,
    options: BuildOptions,
    cache: CubinCache | None,
    progress: Progress | None,
    observers: Sequence[Observer],
    timer: Timer | None,
    found: Sequence[Remark],
) -> int:
    """Builds for one architecture and returns how many kernels were compiled; `found` are the remarks of the import, which lead its own."""
    arch = cast(str, options.target)
    set_target(module, arch)
    context = make_context()
    chooser = chooser_of(options, arch, timer, progress)
    known = KernelCache(cache, context) if cache is not None and not observers else None
    tiles = _Tiles(progress, known, phase_steps(options)["threads"][0].name)
    report = None if progress is None else lambda done, total: progress(f"compile {arch}", done, total)
    with Compiler(cache) as compiler:
        units = _Units(arch, compiler, known)
        with collecting() as remarks, choosing(chooser), remembering(known), reporting(units.add):
            run_pipeline(module, options, observers=[*observers, tiles], context=context)
        kernels = [op for op in module.body.block.ops if isinstance(op, kernel.FuncOp)]
        for func in kernels:
            units.add(func)
            func.attributes.pop(LOWERED, None)
        jobs = [units.jobs[func] for func in kernels]
        sources = [units.sources[func] for func in kernels]
        compiled = compiler.results(jobs, report)
    made = [
        CompiledKernel(KernelInfo.read(func), source, result)
        for func, (_, source), result in zip(kernels, sources, compiled, strict=True)
    ]
    if known is not None:
        known.keep(units.sources)
    writer.add(arch, module, tiles.text, made, [*found, *remarks])
    return len({job for job, result in zip(jobs, compiled, strict=True) if not result.cached})


@dataclass(eq=False)
class _Units:
    """The translation units of a module's kernels, which compile from the moment that they are added."""

    arch: str
    compiler: Compiler
    known: KernelCache | None
    sources: dict[kernel.FuncOp, tuple[str, str]] = field(default_factory=dict[kernel.FuncOp, "tuple[str, str]"])
    """The name and the CUDA C of each kernel."""
    jobs: dict[kernel.FuncOp, Job] = field(default_factory=dict[kernel.FuncOp, Job])
    """The same code without comments, so that kernels that compute the same for other nodes are one job."""

    def add(self, func: kernel.FuncOp) -> None:
        """Begin to compile a kernel in thread ops, or one that an earlier build lowered."""
        from .codegen.cuda.printer import print_unit

        if func not in self.jobs:
            known = None if self.known is None else self.known.unit(func)
            self.sources[func] = name, source = print_unit(func) if known is None else known
            self.jobs[func] = job = Job(without_comments(source), self.arch, name=f"{name}.cu")
            self.compiler.add(job)


def _cache(chosen: CubinCache | str | Path | None) -> CubinCache | None:
    if chosen is None or isinstance(chosen, CubinCache):
        return chosen
    return CubinCache(Path(chosen) if chosen else cache_directory(), cache_limit())
