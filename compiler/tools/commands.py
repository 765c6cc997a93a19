"""The commands of `trtc`, given their flags.

Output paths are checked before long work begins, and files are replaced only by complete ones.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...dialects.errors import OptionError
from ...dialects.provenance import join_names
from ...dialects.text import shown
from ...runtime.container import MAGIC
from ...runtime.files import check_apart, check_writable, replacing
from ..environment import cache_directory
from ..options import BuildOptions, parse_bounds, parse_constants, parse_profiles, whole_number
from .failures import note

if TYPE_CHECKING:
    from ...runtime.contexts.base import ExecutionContext
    from ...runtime.engine import Engine

_PERCENTILES = (50.0, 90.0, 95.0, 99.0)


class Progress:
    """Reports long work on stderr: one line that is rewritten on a terminal, one line per stage elsewhere."""

    def __init__(self, quiet: bool = False):
        self.start = time.perf_counter()
        self.quiet = quiet
        self.live = sys.stderr.isatty()
        self.pending = False

    def __call__(self, stage: str, done: int, total: int) -> None:
        if self.quiet:
            return
        text = f"[{time.perf_counter() - self.start:6.1f} s] {stage}" + (f" {done}/{total}" if total > 1 else "")
        if self.live:
            note(f"\r\x1b[K{text}", end="")
            self.pending = True
        elif done == total:
            note(text)

    def finish(self) -> None:
        """Ends the line that is being rewritten."""
        if self.pending:
            note("")
            self.pending = False


def build_command(args: argparse.Namespace) -> int:
    output = Path(os.path.splitext(args.model)[0] + ".engine" if args.output is None else args.output)
    _check_engine_output(output)
    engine = _build(args)
    engine.save(output)
    print(f"{output}: {output.stat().st_size} bytes for {', '.join(engine.variants)}; {_summary(engine)}")
    return 0


def run_command(args: argparse.Namespace) -> int:
    from ..npz import save_arrays

    _check_result(args.save, "--save", args)
    engine = _engine(args)
    context = engine.create_context(_device(args.device))
    outputs = context.run(_inputs(engine, context, args))
    print(f"device: {context.device}")
    for name, array in outputs.items():
        print(f"{shown(name)}: {_statistics(array)}")
    if args.save is not None:
        save_arrays(args.save, {name: _plain(array) for name, array in outputs.items()})
        print(f"saved to {args.save}")
    return 0


def inspect_command(args: argparse.Namespace) -> int:
    if args.html is not None:
        return _write_page(args)
    engine = _engine(args)
    variant = engine.variant(args.arch)
    if args.cuda is not None:
        print(_section(variant.units, args.cuda, lambda unit: variant.text(unit.source)))
    elif args.ir:
        print(variant.text(variant.manifest["host"]) + variant.text(variant.manifest["tiles"]), end="")
    elif args.choices:
        _print_choices(variant.manifest["remarks"])
    elif args.json:
        json.dump(engine.inspect(), sys.stdout, indent=2)
        print()
    else:
        _print_engine(engine, args.arch)
    return 0


def _write_page(args: argparse.Namespace) -> int:
    """`inspect --html`: an engine has no ops any more, so that it takes a model."""
    from ..picture.page import page_of_model

    if not _is_model(args.model):
        raise OptionError(
            f"--html: an engine holds kernels and no graph; give the ONNX file that '{args.model}' was built from."
        )
    if len(args.target or []) > 1:
        raise OptionError("--html: expected one --target, whose launches the page shows.")
    check_writable(args.html, "--html")
    check_apart(args.html, "--html", (args.model,))
    page = page_of_model(args.model, options_of(args))
    with replacing(args.html, "--html") as stream:
        stream.write(page.encode())
    print(f"{args.html}: {len(page.encode())} bytes")
    return 0


def bench_command(args: argparse.Namespace) -> int:
    from ...runtime.contexts.cuda import CudaContext
    from ...runtime.profiler import measure, profile, table

    _check_result(args.export, "--export", args)
    engine = _engine(args)
    context = engine.create_context(_device(args.device))
    inputs = _inputs(engine, context, args)
    if args.profile_launches and not isinstance(context, CudaContext):
        note("trtc: note: --profile-launches does nothing on the simulator; it needs a GPU")
    if isinstance(context, CudaContext):
        times = measure(context, inputs, warmup=args.warmup, iterations=args.iterations)
        milliseconds = times.milliseconds
        kind = "GPU time of a run, inputs and outputs on the GPU"
    else:
        milliseconds = _wall_times(context, inputs, args.warmup, args.iterations, Progress(args.quiet))
        kind = "wall time on the simulator, which says nothing about a GPU"
    record = _latencies(milliseconds)
    print(f"device: {context.device}\n{kind}, milliseconds, {len(milliseconds)} runs:")
    print("  ".join(f"{name} {value:.4f}" for name, value in record.items()))
    if args.profile_launches and isinstance(context, CudaContext):
        print(table(profile(context, inputs)))
    if args.export is not None:
        shapes = {name: list(array.shape) for name, array in inputs.items()}
        times_record = {
            "device": context.device,
            "kind": kind,
            "shapes": shapes,
            "seed": args.seed,
            **record,
            "milliseconds": list(milliseconds),
        }
        with replacing(args.export, "--export") as stream:
            stream.write((json.dumps(times_record, indent=2) + "\n").encode())
    return 0


def refit_command(args: argparse.Namespace) -> int:
    from ..weights.files import read_weights

    output = Path(args.engine) if args.output is None else args.output
    _check_engine_output(output)
    check_apart(output, "-o", (args.weights,))
    engine = _load(args.engine)
    names = engine.weights  # before the file is read: an engine without refit says so
    given = read_weights(args.weights, engine)
    engine.refit(given)
    engine.save(output)
    left = [name for name in names if name not in given]
    print(f"{output}: {len(given)} tensors given, {len(left)} as they were")
    if missing := engine.missing(given):
        note(
            f"trtc: note: {join_names(missing[:5])}{', ...' if len(missing) > 5 else ''} stay as they were, although weights are "
            f"computed from them and from tensors that were given"
        )
    return 0


# Engines from arguments.


def options_of(args: argparse.Namespace) -> BuildOptions:
    """The options that the flags of a build say."""
    targets: list[str] = args.target or []
    return BuildOptions(
        precision=args.precision or "fp32",
        target=targets[0] if targets else None,
        profiles=parse_profiles(args.profile or ()),
        constants=parse_constants(args.constant or ()),
        bounds=parse_bounds(args.bound or ()),
        memory_limit=getattr(args, "memory_limit", None),
        opt_level=args.opt_level or 0,
        timing_cache=args.timing_cache,
        time_limit=60.0 if args.time_limit is None else float(args.time_limit),
        locked=getattr(args, "locked", None),
        refit=getattr(args, "refit", False),
    )


def _build(args: argparse.Namespace) -> Engine:
    from ..build import build

    targets: list[str] = args.target or []
    progress = Progress(args.quiet)
    try:
        engine = build(
            args.model, options_of(args), targets=targets[1:], cache=None if args.no_cache else "", progress=progress
        )
    finally:
        progress.finish()
    if engine.stats.compiles and not args.no_cache and not os.access(kept := cache_directory(), os.W_OK | os.X_OK):
        note(
            f"trtc: note: the next build compiles all kernels again: '{kept}' cannot be written; set TRTC_CACHE to another folder"
        )
    return engine


def _check_engine_output(path: Path) -> None:
    """Raises OptionError for a path that cannot be written, and for a file that is not an engine: it may be the model."""
    check_writable(path, "engine file")
    if not path.is_file():
        return
    with path.open("rb") as stream:
        start = stream.read(len(MAGIC))
    if start not in (b"", MAGIC):
        raise OptionError(
            f"engine file '{path}': it exists and is not an engine; delete it, or choose another name with -o."
        )


def _check_result(path: Path | None, flag: str, args: argparse.Namespace) -> None:
    """Raises OptionError for a path that cannot be written, or that is read as well."""
    if path is not None:
        check_writable(path, flag)
        check_apart(path, flag, (args.model, args.inputs))


def _is_model(path: str) -> bool:
    return Path(path).suffix in (".onnx", ".onnxtxt")


def _engine(args: argparse.Namespace) -> Engine:
    """The engine of a file, or one built from a model."""
    if _is_model(args.model):
        return _build(args)
    for flag in ("precision", "target", "profile", "constant", "bound", "memory_limit", "opt_level", "timing_cache", "time_limit",
                 "locked", "no_cache"):  # fmt: skip
        if getattr(args, flag):
            raise OptionError(
                f"--{flag.replace('_', '-')}: it belongs to building, and '{args.model}' is built already; "
                f"leave it out, or give the ONNX file."
            )
    return _load(args.model)


def _load(path: str) -> Engine:
    from ...runtime.engine import load

    return load(path)


def _device(text: str | None) -> str | int | None:
    number = None if text is None else whole_number(text)
    return text if number is None else number


def _inputs(engine: Engine, context: ExecutionContext, args: argparse.Namespace) -> dict[str, np.ndarray]:
    """The inputs: arrays from `--inputs`, and for the rest seeded random ones at the opt shapes of the profile or those of `--shape`."""
    sizes = {name: opt for name, (_, opt, _) in engine.symbols.items()}
    sizes.update(_sizes(args.shape, engine.symbols))
    shapes = {spec.name: tuple(extent.evaluate(sizes) for extent in spec.dims) for spec in engine.inputs}
    context.plan(shapes)  # sizes outside the profile are found before arrays of them are made
    given = {} if args.inputs is None else _given(engine, args.inputs)
    rng = np.random.default_rng(args.seed)
    for spec in engine.inputs:
        if spec.name not in given:
            given[spec.name] = _random(rng, shapes[spec.name], spec.dtype)
    return given


def _given(engine: Engine, path: Path) -> dict[str, np.ndarray]:
    """The arrays of `--inputs`. Raises OptionError where they are larger than the largest inputs that the engine takes."""
    from ..npz import load_arrays

    most = 0
    for spec in engine.inputs:
        extents = [max(0, extent.bounds(engine.symbols)[1]) for extent in spec.dims]
        most += math.prod(extents) * max(8, spec.dtype.itemsize)
    try:
        return load_arrays(path, most=most)
    except OptionError as error:
        raise OptionError(f"--inputs: {error}") from error


def _sizes(texts: Sequence[str], known: Mapping[str, Any]) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for text in texts:
        name, _, value = text.rpartition("=")
        size = whole_number(value)
        if not known:
            raise OptionError(f"--shape '{text}': every dimension of this engine is fixed; leave it out.")
        if name not in known or size is None:
            raise OptionError(f"--shape '{text}': expected <dimension>=<size> with one of {', '.join(known)}.")
        if sizes.setdefault(name, size) != size:
            raise OptionError(f"--shape '{text}': {name} has the size {sizes[name]} already; give one.")
    return sizes


def _random(rng: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray:
    if dtype.kind == "b":
        return rng.integers(0, 2, shape).astype(dtype)
    if dtype.kind in "iu":
        return rng.integers(0, 2, shape).astype(dtype)
    return rng.standard_normal(shape, np.float32).astype(dtype)


# Reports.


def _summary(engine: Engine) -> str:
    stats = engine.stats
    return (
        f"{stats.launches_per_run} launches of {stats.kernels} kernels, arena {stats.arena_bytes} bytes, "
        f"weights {stats.weight_bytes} bytes"
    )


def _print_engine(engine: Engine, arch: str | None) -> None:
    for title, specs in (("inputs", engine.inputs), ("outputs", engine.outputs)):
        print(f"{title}: " + ", ".join(map(str, specs)))
    for name, (low, opt, high) in engine.symbols.items():
        print(f"dim {shown(name)}: {low} to {high}, built for {opt}")
    for name, value in engine.inspect()["options"].get("constants", {}).items():
        print(f"input {shown(name)} is bound to {shown(str(value)[:100])}")
    print(_summary(engine))
    if engine.refittable:
        print(f"refittable: {len(engine.weights)} tensors")
        for name, why in sorted(engine.pins.items()):
            print(f"  pinned {shown(name)}: {shown(why)}")
    variant = engine.variant(arch)
    print(f"kernels for {variant.arch}:")
    for stored in variant.manifest["kernels"]:
        used, facts = stored["resources"], stored["facts"]
        grid = " x ".join(facts["grid"])
        print(f"  {shown(facts['name'])}: grid {grid}, {facts['threads']} threads, {used['registers']} registers, "
              f"{facts['shared_bytes']} bytes shared [{join_names(facts['nodes'])}]")  # fmt: skip
        for problem in stored["problems"]:
            print(f"    {problem}")


def _print_choices(remarks: Sequence[Mapping[str, Any]]) -> None:
    """What `select-schedule` said of each group: the choice with its price or time, and below it the rivals."""
    for remark in remarks:
        if remark["pass_name"] != "select-schedule":
            continue
        if remark["kind"] == "analysis":
            print(f"{shown(remark['message'])} [{join_names(remark['nodes'])}]")
        else:
            print(f"  {shown(remark['message'])}")


def _section(units: Mapping[str, Any], name: str, text: Any) -> str:
    if name not in units:
        raise OptionError(f"--cuda '{name}': expected a kernel of this engine: {', '.join(units)}.")
    return text(units[name])


def _statistics(array: Any) -> str:
    flat = _plain(array).astype(np.float64).reshape(-1)
    if not flat.size:
        return f"{array.dtype}{list(array.shape)}"
    with np.errstate(all="ignore"):  # infinities and NaN are printed, not warned of
        mean = flat.mean()
    return f"{array.dtype}{list(array.shape)} mean {mean:.6g} min {flat.min():.6g} max {flat.max():.6g} at {int(flat.argmax())}"


def _plain(array: Any) -> np.ndarray:
    """A NumPy array of a dtype that files know."""
    host = array if isinstance(array, np.ndarray) else array.get()
    return host if host.dtype.kind in "biuf" else host.astype(np.float32)


def _wall_times(
    context: Any, inputs: Mapping[str, Any], warmup: int, iterations: int, progress: Progress
) -> tuple[float, ...]:
    times: list[float] = []
    for done in range(warmup + iterations):
        start = time.perf_counter()
        context.run(inputs)
        times.append(1e3 * (time.perf_counter() - start))
        progress("run", done + 1, warmup + iterations)
    progress.finish()
    return tuple(times[warmup:])


def _latencies(milliseconds: Sequence[float]) -> dict[str, float]:
    from ...runtime.profiler import Latencies

    times = Latencies(tuple(milliseconds))
    return {"mean": times.mean, "min": min(milliseconds), **{f"p{p:g}": times.percentile(p) for p in _PERCENTILES}}
