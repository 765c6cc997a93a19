"""Builder options: what a user asks of a build, checked when the object is made."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from ..dialects.errors import OptionError

PRECISIONS = ("fp32", "tf32", "fp16", "bf16")

Profile = tuple[int, int, int]
"""The least, most usual and greatest value of a dynamic dimension: (min, opt, max)."""


def _no_profiles() -> Mapping[str, Profile]:
    return MappingProxyType({})


@dataclass(frozen=True)
class BuildOptions:
    """Options of one build.

    - `precision`: `fp32` computes in fp32 and nothing else; `tf32` allows TF32 in convolutions and matmuls; `fp16` and `bf16`
      store and multiply in that type and accumulate in fp32.
    - `target`: the GPU to compile for, such as `sm_90a`; None takes the GPU of this machine, or `sm_80` where there is none.
    - `profiles`: for each dynamic dimension, by symbol, its (min, opt, max). Memory is planned for max, schedules for opt.
    - `memory_limit`: bytes that the arena of one context may take; None is no limit.
    - `schedules`: names of the schedules that may be chosen; None allows all.
    - `check_boundaries`: check the legality spec at each phase boundary.
    - `verify_each`: verify types, traits and dominance after each pass.

    Raises `OptionError` naming the option, what was expected and what was given.
    """

    precision: str = "fp32"
    target: str | None = None
    profiles: Mapping[str, Profile] = field(default_factory=_no_profiles)
    memory_limit: int | None = None
    schedules: tuple[str, ...] | None = None
    check_boundaries: bool = True
    verify_each: bool = True

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise OptionError(f"option precision: expected one of {', '.join(PRECISIONS)}, got {self.precision!r}")
        if self.target is not None and re.fullmatch(r"sm_\d+[af]?", self.target) is None:
            raise OptionError(
                f"option target: expected a GPU architecture such as 'sm_80' or 'sm_90a', got {self.target!r}"
            )
        if self.memory_limit is not None and self.memory_limit <= 0:
            raise OptionError(
                f"option memory_limit: expected a positive number of bytes or None, got {self.memory_limit!r}"
            )
        if self.schedules is not None and not self.schedules:
            raise OptionError(
                "option schedules: expected at least one schedule name, got none; leave it out to allow all"
            )
        for symbol, profile in self.profiles.items():
            _check_profile(symbol, profile)


def _check_profile(symbol: str, profile: Profile) -> None:
    if len(profile) != 3 or not 1 <= profile[0] <= profile[1] <= profile[2]:
        raise OptionError(
            f"option profiles: expected 1 <= min <= opt <= max for dimension {symbol!r}, got {tuple(profile)}; "
            f"write profiles={{{symbol!r}: (1, 8, 32)}}"
        )


def parse_profile(text: str) -> tuple[str, Profile]:
    """Read `N=1,8,32` (min, opt, max), or `N=8` for a fixed size, as command lines write profiles."""
    match = re.fullmatch(r"\s*([^=\s]+)\s*=\s*(\d+)(?:,(\d+),(\d+))?\s*", text)
    if match is None:
        raise OptionError(
            f"profile {text!r}: expected <dimension>=<min>,<opt>,<max> such as N=1,8,32, or N=8 for a fixed size"
        )
    symbol, low = match.group(1), int(match.group(2))
    profile = (low, int(match.group(3)), int(match.group(4))) if match.group(3) else (low, low, low)
    _check_profile(symbol, profile)
    return symbol, profile
