"""The narrow float types that a network can be stored and multiplied in, and what they hold."""

from __future__ import annotations

import ml_dtypes
from xdsl.dialects.builtin import bf16, f16
from xdsl.ir import Attribute

from ...dialects.dtypes import numpy_dtype
from ...dialects.errors import OptionError

NARROW_TYPES: dict[str, Attribute] = {"fp16": f16, "bf16": bf16}
"""The narrow type of each mode."""
MODES = ("fp32", "tf32", *NARROW_TYPES)


def check_mode(name: str, mode: str) -> None:
    """Raises OptionError, which names the pass, unless `mode` is one of `MODES`."""
    if mode not in MODES:
        raise OptionError(f"{name}: expected mode to be one of {', '.join(MODES)}, got {mode!r}")


def limits(narrow: Attribute) -> tuple[float, float, int]:
    """(greatest finite number, least normal number, greatest integer up to which all integers are exact) of a narrow float type."""
    info = ml_dtypes.finfo(numpy_dtype(narrow))
    return float(info.max), float(info.smallest_normal), 2 ** (info.nmant + 1)
