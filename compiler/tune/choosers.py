"""Who chooses the schedules of a build, from its options."""

from __future__ import annotations

import warnings

from ...dialects.errors import OptionError
from ..environment import cache_directory
from ..options import BuildOptions
from . import cuda
from .lock import Lock
from .timer import Timer
from .timings import TimingCache
from .tuner import Report, Tuner


def chooser_of(
    options: BuildOptions, arch: str, timer: Timer | None = None, report: Report | None = None
) -> Lock | Tuner | None:
    """A lock file, or the tuner with `timer`, by default that of this machine's GPU; None where prices choose. Lines of the timing cache
    that cannot be read are warnings. Raises TargetError where there is no such GPU."""
    if options.locked is not None:
        return Lock(options.locked)
    if options.opt_level == 0:
        return None
    cache = timing_cache(options)
    for problem in cache.problems:
        warnings.warn(problem, stacklevel=2)
    return Tuner(timer or cuda.timer_for(arch), cache, options.opt_level, options.time_limit, report)


def timing_cache(options: BuildOptions) -> TimingCache:
    """The cache of timings that the options name, by default `timings.jsonl` in the cache directory."""
    if options.timing_cache is not None:
        return TimingCache(options.timing_cache)
    folder = cache_directory()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OptionError(
            f"timing cache: '{folder}' cannot be made: {error.strerror}; name a file (timing_cache)."
        ) from error
    return TimingCache(folder / "timings.jsonl")
