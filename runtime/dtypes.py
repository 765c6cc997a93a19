"""Element types as manifests name them."""

from __future__ import annotations

from typing import Any

import numpy as np


def dtype_of(name: str) -> np.dtype[Any]:
    """The dtype of this name, NumPy's or ml_dtypes'. Raises ValueError for any other."""
    import ml_dtypes

    special = {"bfloat16", "float8_e4m3fn", "float8_e5m2", "int4", "uint4"}
    plain = {
        "float64", "float32", "float16", "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
    }  # fmt: skip
    if name not in special | plain:
        raise ValueError(f"dtype: expected one of {', '.join(sorted(special | plain))}, got '{name}'")
    return np.dtype(getattr(ml_dtypes, name)) if name in special else np.dtype(name)
