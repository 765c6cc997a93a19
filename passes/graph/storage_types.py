"""The narrow float types that a network can be stored and multiplied in, and what they hold."""

from __future__ import annotations

import ml_dtypes
import numpy as np
from xdsl.dialects.builtin import bf16, f16
from xdsl.ir import Attribute

NARROW_TYPES: dict[str, Attribute] = {"fp16": f16, "bf16": bf16}
"""By mode."""
MODES = ("fp32", "tf32", *NARROW_TYPES)


def limits(narrow: Attribute) -> tuple[float, float, int]:
    """The greatest finite number, the least that all digits are held of, and the greatest integer up to which all are held."""
    info = ml_dtypes.finfo(np.float16 if narrow == f16 else ml_dtypes.bfloat16)
    return float(info.max), float(info.smallest_normal), 2 ** (info.nmant + 1)
