"""`trtc.build`: an engine from the cache of whole builds, or else from the driver. Nothing heavy is imported before the cache has
missed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .caches.engines import EngineCache
from .codegen.cuda.cubin_cache import CubinCache
from .environment import cache_directory, cache_limit
from .options import BuildOptions
from .targets import detect_arch

if TYPE_CHECKING:
    from onnx import ModelProto
    from xdsl.dialects.builtin import ModuleOp

    from ..runtime.engine import Engine
    from .driver import Progress
    from .network import Network
    from .pipeline import Observer
    from .tune.timer import Timer


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
    """Builds an engine. Needs no GPU.

    - `model`: an ONNX file, its bytes or proto, a `Network`, or an imported module (which is not changed).
    - `targets`: further architectures to build kernels for, beside `options.target`.
    - `cache`: where compiled kernels and engines are kept; a directory, None for no cache, by default `cache_directory()`.
    - `timer`: what times candidates at `opt_level` 1 to 3, by default this machine's GPU (`tune.timer.Timer`).
    - `progress`, `observers`: see `driver.Progress` and `pipeline.Observer`.

    The same file or bytes built again by the same trtc with the same options gives the engine of the first build, unless there are
    observers or each pass is to be verified (`caches/engines.py`).

    Raises UnsupportedOpError and InvalidModelError for the model, OptionError and TargetError for what is asked, PassError for a
    defect of the compiler.
    """
    known = None if observers else _known(model, options, targets, cache)
    engine = None if known is None else known.get()
    if engine is not None:
        if progress is not None:
            progress("engine from the cache", 1, 1)
        return engine
    from .driver import build as compile_model

    engine = compile_model(
        model, options, targets=targets, cache=cache, progress=progress, observers=observers, timer=timer
    )
    if known is not None:
        known.put(engine)
    return engine


def _known(
    model: object, options: BuildOptions | None, targets: Sequence[str], cache: CubinCache | str | Path | None
) -> EngineCache | None:
    """The place of an earlier build of the same model; None where there cannot be one. The driver reports wrong arguments."""
    options = BuildOptions() if options is None else options
    given = isinstance(options, BuildOptions) and isinstance(targets, Sequence) and not isinstance(targets, str)  # pyright: ignore[reportUnnecessaryIsInstance]
    if not given or not isinstance(cache, str | Path | CubinCache) or not isinstance(model, str | Path | bytes):
        return None
    if not all(isinstance(arch, str) for arch in targets):  # pyright: ignore[reportUnnecessaryIsInstance]
        return None
    store = cache if isinstance(cache, CubinCache) else CubinCache(Path(cache or cache_directory()), cache_limit())
    archs = dict.fromkeys([options.target or detect_arch(), *targets])
    return EngineCache.of(model, options, tuple(archs), store)
