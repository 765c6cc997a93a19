"""The commands of `trtc` that choose schedules: `tune` times candidates, `lock` writes choices down."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ...dialects.errors import OptionError
from ...runtime.files import check_apart, check_writable, replacing
from ..options import BuildOptions
from .commands import Progress, options_of
from .failures import note

if TYPE_CHECKING:
    from ..tune.trial import Record


def tune_command(args: argparse.Namespace) -> int:
    from ..tune import cuda
    from ..tune.choosers import timing_cache

    options = options_of(args)
    if not options.opt_level:
        raise OptionError("--opt-level 0: it chooses by price and times nothing; give 1, 2 or 3.")
    if args.export is not None:
        check_writable(args.export, "--export")
        check_apart(args.export, "--export", (args.model, options.timing_cache, *args.take))
    cache = timing_cache(options)
    read = len(cache.problems)  # which the tuner warns of
    for path in args.take:
        print(f"{path}: {cache.take(path)} timings taken over")
    for problem in cache.problems[read:]:
        note(f"trtc: warning: {problem}")
    records = _choose(args, options, cuda.timer_for(_arch(options), args.workers))
    if args.export is not None:
        with replacing(args.export, "--export") as stream:
            stream.write(timing_cache(options).lines(records).encode())
    trials = [trial for record in records.values() for trial in record.trials]
    out = sum(trial.us is None for trial in trials)
    print(f"{cache.path}: {len(records)} groups, {len(trials)} candidates known, {out} of them out")
    if untimed := sum(bool(record.untimed) for record in records.values()):
        note(
            f"trtc: note: {untimed} groups have candidates that were not timed; run it again to go on, or raise --time-limit"
        )
    return 0


def lock_command(args: argparse.Namespace) -> int:
    from ..tune.lock import write_lock

    check_writable(args.output, "-o")
    check_apart(args.output, "-o", (args.model,))
    records = _choose(args, options_of(args))
    write_lock(args.output, records)
    print(f"{args.output}: the choices of {len(records)} groups")
    return 0


def _arch(options: BuildOptions) -> str:
    from ..targets import detect_arch

    return options.target or detect_arch()


def _choose(args: argparse.Namespace, options: BuildOptions, timer: object = None) -> Mapping[str, Record]:
    from ..driver import choose

    progress = Progress(args.quiet)
    try:
        return choose(args.model, options, targets=(args.target or [])[1:], progress=progress, timer=timer)  # type: ignore[arg-type]
    finally:
        progress.finish()
