"""Functions that kernels may approximate, in float64, exact where they are small too."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def erfc(x: Array) -> Array:
    return np.vectorize(math.erfc, otypes=[np.float64])(x)


def logistic(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def softplus(x: Array) -> Array:
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def mish(x: Array) -> Array:
    small = np.exp(np.minimum(x, 40.0))
    return x * (small * (small + 2) / (small * (small + 2) + 2))


EXACT: dict[str, Callable[[Array], Array]] = {
    "nn.exp": np.exp,
    "nn.tanh": np.tanh,
    "nn.sigmoid": logistic,
    "nn.silu 1.0": lambda x: x * logistic(x),
    "nn.silu 1.702": lambda x: x * logistic(1.702 * x),
    "nn.gelu none": lambda x: 0.5 * x * erfc(-x / np.sqrt(2)),
    "nn.gelu tanh": lambda x: x * logistic(2 * np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)),
    "nn.softplus": softplus,
    "nn.mish": mish,
}
"""By the name of the op and its variant."""
