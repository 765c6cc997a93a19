"""Builder options, checked when the object is made."""

from __future__ import annotations

import json
import operator
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Self, TypeAlias, cast

from ..dialects.errors import OptionError, got
from .environment import verify_each_wanted

_LARGEST = 2**63 - 1
"""The largest number that users may give: dims and sizes are 64-bit integers in the IR."""
PRECISIONS = ("fp32", "tf32", "fp16", "bf16")

Shape: TypeAlias = tuple[int, ...]
Profile: TypeAlias = tuple[int, int, int]
"""The least, typical and greatest value of a dynamic dimension: (min, opt, max)."""
SteppedProfile: TypeAlias = tuple[int, int, int, int]
"""The same, of a dimension whose sizes are multiples of the fourth number: (min, opt, max, step)."""
ShapeProfile: TypeAlias = tuple[Shape, Shape, Shape]
"""The same for a whole input: three shapes."""
Profiles: TypeAlias = Mapping[str, Profile | SteppedProfile | ShapeProfile]


def _no_profiles() -> Profiles:
    return MappingProxyType({})


def _none() -> Mapping[str, Any]:
    return MappingProxyType({})


@dataclass(frozen=True)
class BuildOptions:
    """Options of one build.

    - `precision`: what becomes of the model's f32. `fp32`, the default, keeps it; `tf32` allows TF32 in convolutions and matmuls;
      `fp16` and `bf16` store and multiply in that type and accumulate in fp32. Tensors of the model in f16, bf16 or f64 keep their type.
    - `target`: the GPU to compile for, such as `sm_90a`; None takes the GPU of this machine, or `sm_80` where there is none.
    - `profiles`: for each dynamic dimension, by symbol, its (min, opt, max), or for an input, by name, its (min, opt, max) shapes.
      Memory is planned for max, schedules for opt. A fourth number says that all sizes are its multiples: (min, opt, max, step).
      An input of integers that says sizes has the (min, opt, max) of its numbers: one for all, `(1, 8, 32)`, or one of each,
      `((1, 64), (8, 64), (32, 64))`. They are read once, so that what is computed from them agrees.
    - `constants`: for each input, by name, the value to bind it to: a number, or nested lists or an array of its shape. The engine then no
      longer has that input.
    - `bounds`: the most elements, or iterations, that data may decide: by the name of the node that decides, or by its operator in lower
      case (`{"nonzero": 4096}`). By default what the shapes allow, else what the model declares, else 1024.
    - `memory_limit`: bytes that the arena of one context may take; None is no limit.
    - `schedules`: names of the schedules that may be chosen; None allows all.
    - `opt_level`: how schedules are chosen. 0, the default: by price. 1, 2 and 3: by the times of at most 3, at most 8, and all candidates
      of each group on this machine's GPU, which must be the target.
    - `timing_cache`: the file that keeps times; None is `timings.jsonl` in the cache directory.
    - `time_limit`: seconds after which no further candidate is timed; the rest is chosen by price.
    - `locked`: a lock file, whose choices are taken. Needs no GPU.
    - `refit`: the weights can be replaced in the finished engine (`Engine.refit`): its kernels depend on the values of none but those that
      are pinned. Scalars of the model are then read from memory, and the engine holds the model's weights beside what kernels read.
    - `check_boundaries`: check the legality spec at each phase boundary.
    - `verify_each`: verify types, traits, dominance and locations after each pass, not only types, traits and dominance at each phase
      boundary: slower, but an error names the pass. The default is `$TRTC_VERIFY_EACH`, which the tests set.

    Raises `OptionError` naming the option, what was expected and what was given.
    """

    precision: str = "fp32"
    target: str | None = None
    profiles: Profiles = field(default_factory=_no_profiles)
    constants: Mapping[str, Any] = field(default_factory=_none)
    bounds: Mapping[str, int] = field(default_factory=_none)
    memory_limit: int | None = None
    schedules: tuple[str, ...] | None = None
    opt_level: int = 0
    timing_cache: str | None = None
    time_limit: float = 60.0
    locked: str | None = None
    refit: bool = False
    check_boundaries: bool = True
    verify_each: bool = field(default_factory=verify_each_wanted)

    def __new__(cls, *_: Any, **given: Any) -> Self:
        for name in given.keys() - cls.__dataclass_fields__.keys():
            raise OptionError(f"option {name}: expected one of {', '.join(cls.__dataclass_fields__)}.")
        return super().__new__(cls)

    def __post_init__(self) -> None:
        precision: Any = self.precision
        if not isinstance(precision, str) or precision not in PRECISIONS:
            raise OptionError(f"option precision: expected one of {', '.join(PRECISIONS)}, got {got(precision)}")
        for name in ("refit", "check_boundaries", "verify_each"):
            if not isinstance(getattr(self, name), bool):
                raise OptionError(f"option {name}: expected True or False, got {got(getattr(self, name))}")
        target: Any = self.target
        if target is not None and not (isinstance(target, str) and re.fullmatch(r"sm_[0-9]+[af]?", target)):
            raise OptionError(
                f"option target: expected a GPU architecture such as 'sm_80' or 'sm_90a', got {got(target)}"
            )
        limit = _integer(self.memory_limit)
        if self.memory_limit is not None and (limit is None or limit <= 0):
            raise OptionError(
                f"option memory_limit: expected a positive number of bytes or None, got {got(self.memory_limit)}"
            )
        self._check_tuning()
        # Copied into plain values: later changes by the caller have no effect, and a manifest can hold them.
        object.__setattr__(self, "memory_limit", limit)
        object.__setattr__(self, "schedules", _names(self.schedules))
        object.__setattr__(self, "profiles", MappingProxyType(_profiles(self.profiles)))
        object.__setattr__(self, "constants", MappingProxyType(_constants(self.constants)))
        object.__setattr__(self, "bounds", MappingProxyType(_bounds(self.bounds)))

    def _check_tuning(self) -> None:
        if isinstance(self.opt_level, bool) or _integer(self.opt_level) not in range(4):
            raise OptionError(f"option opt_level: expected 0, 1, 2 or 3, got {got(self.opt_level)}")
        seconds: Any = self.time_limit
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not seconds > 0:
            raise OptionError(f"option time_limit: expected a positive number of seconds, got {got(seconds)}")
        for name in ("timing_cache", "locked"):
            path = getattr(self, name)
            if path is not None and not isinstance(path, str | os.PathLike):
                raise OptionError(f"option {name}: expected the path of a file or None, got {got(path)}")
            object.__setattr__(self, name, None if path is None else os.fspath(cast("str", path)))
        if self.locked is not None and self.opt_level:
            raise OptionError(
                "option locked: a lock file has the choices of all groups; leave opt_level out, or the file"
            )


def _names(given: Any) -> tuple[str, ...] | None:
    if given is None:
        return None
    if isinstance(given, str) or not isinstance(given, Sequence) or not all(isinstance(name, str) for name in given):
        raise OptionError(
            f"option schedules: expected names of schedules such as ('gemm_mma', 'pointwise') or None, got {got(given)}"
        )
    if not given:
        raise OptionError("option schedules: expected at least one schedule name, got none; leave it out to allow all")
    return tuple(cast(Sequence[str], given))


def _constants(given: Any) -> dict[str, Any]:
    """The values as numbers, or nested tuples of such."""
    if not isinstance(given, Mapping) or not all(isinstance(name, str) for name in cast(Mapping[Any, Any], given)):
        raise OptionError(f"option constants: expected a dict such as {{'sr': 16000}}, got {got(given)}")
    return {name: _constant(name, value) for name, value in cast(Mapping[str, Any], given).items()}


def _constant(name: str, given: Any) -> Any:
    if hasattr(given, "tolist"):  # arrays and scalars of NumPy
        given = given.tolist()
    if isinstance(given, tuple | list):
        return tuple(_constant(name, each) for each in cast(Sequence[Any], given))
    if isinstance(given, bool | float):
        return given
    number = _integer(given)
    if number is None:
        raise OptionError(
            f"option constants: expected a number, nested lists of numbers or an array for input {name!r}, got {got(given)}"
        )
    return number


def _bounds(given: Any) -> dict[str, int]:
    if not isinstance(given, Mapping) or not all(isinstance(name, str) for name in cast(Mapping[Any, Any], given)):
        raise OptionError(f"option bounds: expected a dict such as {{'nonzero': 4096}}, got {got(given)}")
    bounds: dict[str, int] = {}
    for name, value in cast(Mapping[str, Any], given).items():
        number = _integer(value)
        if number is None or number < 0:
            raise OptionError(f"option bounds: expected an integer from 0 on for {name!r}, got {got(value)}")
        bounds[name] = number
    return bounds


def _profiles(given: Any) -> dict[str, Profile | SteppedProfile | ShapeProfile]:
    if not isinstance(given, Mapping) or not all(isinstance(name, str) for name in cast(Mapping[Any, Any], given)):
        raise OptionError(f"option profiles: expected a dict such as {{'N': (1, 8, 32)}}, got {got(given)}")
    return {name: _profile(name, profile) for name, profile in cast(Mapping[str, Any], given).items()}


def _profile(name: str, given: Any) -> Profile | SteppedProfile | ShapeProfile:
    """(min, opt, max) as plain integers, of a dimension, with a step or without, or of all dimensions of an input."""
    entries = list(cast(Sequence[Any], given)) if isinstance(given, tuple | list) else []
    if entries and all(isinstance(entry, tuple | list) for entry in entries):
        shapes = [tuple(map(_integer, cast(Sequence[Any], shape))) for shape in entries]
        if (
            len(shapes) != 3
            or len({len(shape) for shape in shapes}) != 1
            or not all(map(_ordered, zip(*shapes, strict=True)))
        ):
            raise OptionError(
                f"option profiles: expected three shapes of one rank for input {name!r}, each 0 <= min <= opt <= max, "
                f"got {got(given)}; write profiles={{{name!r}: ((1, 64), (8, 64), (32, 64))}}"
            )
        return cast(ShapeProfile, tuple(shapes))
    profile = tuple(map(_integer, entries))
    if len(profile) == 4 and _ordered(profile[:3]) and profile[3] is not None and profile[3] > 0:
        if any(entry is not None and entry % profile[3] for entry in profile):
            raise OptionError(
                f"option profiles: expected multiples of the step {profile[3]} for dimension {name!r}, got {got(given)}"
            )
        return cast(SteppedProfile, profile)
    if len(profile) != 3 or not _ordered(profile):
        raise OptionError(
            f"option profiles: expected 0 <= min <= opt <= max for dimension {name!r}, got {got(given)}; "
            f"write profiles={{{name!r}: (1, 8, 32)}}"
        )
    return cast(Profile, profile)


def _ordered(entries: Sequence[int | None]) -> bool:
    """Whether the entries are integers from 0 on, in ascending order."""
    low = 0
    for entry in entries:
        if entry is None or entry < low:
            return False
        low = entry
    return True


def _integer(value: Any) -> int | None:
    """A plain integer of 64 bits from any integer type; None for anything else, truth values included."""
    try:
        number = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        return None
    return None if number is None or abs(number) > _LARGEST else number


def whole_number(text: str) -> int | None:
    """The number of at most 18 ASCII digits; None for any other text."""
    return int(text) if re.fullmatch(r"[0-9]{1,18}", text) else None


def dim_ranges(profiles: Profiles) -> dict[str, Profile]:
    """The profiles as ranges of dims. Raises OptionError for that of a whole input, or with a step, which only ONNX models support."""
    ranges: dict[str, Profile] = {}
    for name, profile in profiles.items():
        low, opt, high, *step = profile
        if step or not (isinstance(low, int) and isinstance(opt, int) and isinstance(high, int)):
            what = "a step" if step else "shapes"
            raise OptionError(f"option profiles: expected the (min, opt, max) of a dimension, got {what} for {name!r}")
        ranges[name] = (low, opt, high)
    return ranges


def parse_profiles(texts: Sequence[str]) -> dict[str, Profile | SteppedProfile | ShapeProfile]:
    """Read profiles as command lines write them. Raises OptionError, also for two different profiles of one name."""
    parsed: dict[str, Profile | SteppedProfile | ShapeProfile] = {}
    for text in texts:
        name, profile = parse_profile(text)
        if parsed.setdefault(name, profile) != profile:
            raise OptionError(f"profile {text!r}: {name} has another profile already; give one")
    return parsed


def parse_profile(text: str) -> tuple[str, Profile | SteppedProfile | ShapeProfile]:
    """Read `N=1,8,32` (min, opt, max of a dimension), `N=32,64,128,32` (with a step) or `x=1x64,8x64,32x64` (those of an input), or one
    entry for a fixed size."""
    name, _, value = text.strip().rpartition("=")
    entries = [[whole_number(extent) for extent in entry.split("x")] for entry in value.strip().split(",")]
    if not name.strip() or len(entries) not in (1, 3, 4) or any(None in extents for extents in entries):
        raise OptionError(
            f"profile {text[:200]!r}: expected <dimension>=<min>,<opt>,<max> such as N=1,8,32, or N=8 for a fixed size, "
            f"N=32,64,128,32 for multiples of 32, or shapes of an input such as x=1x64,8x64,32x64"
        )
    given = [extents[0] if len(extents) == 1 else tuple(extents) for extents in entries]
    return name.strip(), _profile(name.strip(), given * 3 if len(given) == 1 else given)


def parse_constants(texts: Sequence[str]) -> dict[str, Any]:
    """Read constants as command lines write them: `sr=16000`, `scales=1,2.5` or `flags=[[true, false]]`. Raises OptionError, also for two
    values of one name."""
    parsed: dict[str, Any] = {}
    for text in texts:
        name, _, value = text.partition("=")
        try:
            given = json.loads(value if "," not in value or value.lstrip().startswith("[") else f"[{value}]")
        except (ValueError, RecursionError):
            given = None
        if not name.strip() or given is None:
            raise OptionError(
                f"constant {text[:200]!r}: expected <input>=<number> such as sr=16000, or numbers such as x=1,2 or x=[[1, 2], [3, 4]]"
            )
        if name.strip() in parsed:
            raise OptionError(f"constant {text[:200]!r}: {name.strip()} has a value already; give one")
        parsed[name.strip()] = given
    return parsed


def parse_bounds(texts: Sequence[str]) -> dict[str, int]:
    """Read bounds as command lines write them: `nonzero=4096`. Raises OptionError, also for two bounds of one name."""
    parsed: dict[str, int] = {}
    for text in texts:
        name, _, value = text.strip().rpartition("=")
        number = whole_number(value.strip())
        if not name.strip() or number is None:
            raise OptionError(f"bound {text[:200]!r}: expected <node or operator>=<number> such as nonzero=4096")
        if parsed.setdefault(name.strip(), number) != number:
            raise OptionError(f"bound {text[:200]!r}: {name.strip()} has another bound already; give one")
    return parsed
