"""`trtc`: build engines from ONNX models, run them, inspect them, time them, and give them other weights.

Results go to stdout, progress to stderr; a failure is one sentence and an exit code (see `failures`). This file has only the flags:
`commands` and `tuning` have the commands, and are imported once failures are handled.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from ..options import PRECISIONS
from .failures import guarded
from .flags import check_words, count, positive


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="trtc", description="Build, run, inspect, time, tune and refit engines.")
    parser.add_argument("--version", action="version", version=f"trtc {version('trtc')}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="{build,run,inspect,bench,tune,lock,refit}")
    build = commands.add_parser("build", help="compile an ONNX model into an engine file")
    build.add_argument("model", help="the ONNX file")
    build.add_argument("-o", "--output", metavar="FILE", help="the engine file (default: beside the model, .engine)")
    build.add_argument("--refit", action="store_true", help="let the weights be replaced later, by trtc refit")
    _add_build_options(build)
    run = commands.add_parser("run", help="run an engine, or a model, once")
    bench = commands.add_parser("bench", help="time an engine, or a model")
    for command in (run, bench):
        command.add_argument("model", help="an engine file, or an ONNX file to build first")
        command.add_argument(
            "--device", metavar="GPU", help="the number of a GPU, or 'simulator' (default: GPU 0 if there is one)"
        )
        command.add_argument(
            "--inputs", type=Path, metavar="NPZ", help="inputs by name (default, and for the rest: random)"
        )
        command.add_argument(
            "--shape",
            action="append",
            default=[],
            metavar="DIM=SIZE",
            help="size of a dynamic dim (default: opt of its profile); may be repeated",
        )
        command.add_argument("--seed", type=count, default=0, metavar="N", help="seed of random inputs (default 0)")
        _add_build_options(command)
    run.add_argument("--save", type=Path, metavar="NPZ", help="save the outputs")
    bench.add_argument("--warmup", type=count, default=20, metavar="N", help="runs before timing (default 20)")
    bench.add_argument("--iterations", type=positive, default=200, metavar="N", help="timed runs (default 200)")
    bench.add_argument(
        "--profile-launches", action="store_true", help="time each launch, with its ONNX nodes (GPU only)"
    )
    bench.add_argument("--export", type=Path, metavar="JSON", help="write all times to a file")
    inspect = commands.add_parser("inspect", help="show what an engine file holds, or a picture of a model")
    inspect.add_argument("model", help="an engine file, or an ONNX file to build first")
    inspect.add_argument("--arch", metavar="SM", help="the architecture to show (default: this GPU's, else the first)")
    show = inspect.add_mutually_exclusive_group()
    show.add_argument("--json", action="store_true", help="everything, as JSON")
    show.add_argument("--choices", action="store_true", help="why each group has its schedule: prices, times, rivals")
    show.add_argument("--ir", action="store_true", help="the host function and the tile-level kernels")
    show.add_argument("--cuda", metavar="KERNEL", help="the CUDA C of a kernel")
    show.add_argument(
        "--html", type=Path, metavar="FILE",
        help="write a page with an ONNX file's graph before and after fusion and its launches; needs no GPU and compiles nothing",
    )  # fmt: skip
    _add_build_options(inspect)
    tune = commands.add_parser("tune", help="time the candidates of a model's groups on this GPU, and keep the times")
    tune.add_argument("model", help="the ONNX file")
    tune.add_argument("--workers", type=positive, default=1, metavar="N", help="processes that compile (default 1)")
    tune.add_argument(
        "--import", dest="take", action="append", default=[], metavar="FILE",
        help="take over the times of another cache first; may be repeated",
    )  # fmt: skip
    tune.add_argument("--export", type=Path, metavar="FILE", help="write the times of this model's groups to a file")
    _add_build_options(tune, "--cache", compiles=False)
    tune.set_defaults(opt_level=2)
    lock = commands.add_parser("lock", help="write down the choices of a build, to make the same engine elsewhere")
    lock.add_argument("model", help="the ONNX file")
    lock.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="the lock file")
    _add_build_options(lock, compiles=False)
    refit = commands.add_parser("refit", help="give an engine other weights")
    refit.add_argument("engine", help="an engine file that was built with --refit")
    refit.add_argument(
        "--weights", type=Path, required=True, metavar="FILE",
        help="tensors by ONNX name, as .npz or .safetensors, or the model itself with other weights (.onnx)",
    )  # fmt: skip
    refit.add_argument("-o", "--output", type=Path, metavar="FILE", help="the new engine file (default: the old one)")
    return parser


def _add_build_options(parser: argparse.ArgumentParser, *cache_flags: str, compiles: bool = True) -> None:
    """`cache_flags` are further names of `--timing-cache`; `compiles`: with the flags of what comes after the choice of schedules."""
    group = parser.add_argument_group("building")
    group.add_argument("--precision", choices=PRECISIONS, help="what the model's f32 becomes (default fp32: stays)")
    group.add_argument(
        "--target", action="append", metavar="SM",
        help="architecture such as sm_90a; may be repeated (default: this GPU's, or sm_80 without one)",
    )  # fmt: skip
    group.add_argument(
        "--profile", action="append", metavar="DIM=MIN,OPT,MAX",
        help="range of a dynamic dim, or of all dims of an input as INPUT=1x64,8x64,32x64; may be repeated",
    )  # fmt: skip
    group.add_argument(
        "--constant", action="append", metavar="INPUT=VALUE",
        help="bind an input to a number, as sr=16000, or to numbers, as x=1,2 or x=[[1, 2], [3, 4]]; may be repeated",
    )  # fmt: skip
    group.add_argument(
        "--bound", action="append", metavar="NAME=MOST",
        help="most elements or iterations that data may decide, for a node or an operator, as nonzero=4096; may be repeated",
    )  # fmt: skip
    group.add_argument(
        "--opt-level", type=int, choices=range(4), metavar="N",
        help="choose schedules by price (0), or by the times of at most 3, at most 8, or all candidates on this GPU (1, 2, 3)",
    )  # fmt: skip
    group.add_argument(
        "--timing-cache", *cache_flags, metavar="FILE", help="where times are kept (default: in the cache directory)"
    )
    group.add_argument("--time-limit", type=positive, metavar="SECONDS", help="begin no timing after this (default 60)")
    if compiles:
        group.add_argument("--locked", metavar="FILE", help="take the choices of a lock file; needs no GPU")
        group.add_argument("--memory-limit", type=count, metavar="BYTES", help="most that the arena may take")
        group.add_argument("--no-cache", action="store_true", help="compile every kernel, keep none")
    group.add_argument("--quiet", action="store_true", help="no progress")


def main(arguments: Sequence[str] | None = None) -> int:
    """The console script: the exit code."""
    return guarded("trtc", lambda: _run(arguments), script=arguments is None)


def _run(arguments: Sequence[str] | None) -> int:
    check_words(sys.argv[1:] if arguments is None else arguments)
    args = _parser().parse_args(arguments)
    if args.command in ("tune", "lock"):
        from . import tuning as commands
    else:
        from . import commands

    return getattr(commands, f"{args.command}_command")(args)


if __name__ == "__main__":
    raise SystemExit(main())
