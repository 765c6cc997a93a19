"""The kernels of the handmade network on the stand-in for a GPU, its inputs, and what tests read off a run."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[3]))

from stand_in_gpu import Device, World

W = np.arange(12, dtype=np.float32).reshape(4, 3) - 5


def _strided(device: Device, address: int, rows: int, stride: int) -> np.ndarray:
    """Rows of three elements."""
    flat = device.floats(address, (rows - 1) * stride + 3)
    return np.lib.stride_tricks.as_strided(flat, (rows, 3), (4 * stride, 4))


def _fc(stride: int) -> Callable[..., None]:
    def kernel(device: Device, x: int, w: int, y: int, n: int) -> None:
        product = device.floats(x, 4 * n).reshape(n, 4) @ device.floats(w, 12).reshape(4, 3)
        _strided(device, y, n, stride)[...] = product

    return kernel


def _relu(device: Device, x: int, y: int, n: int) -> None:
    _strided(device, y, n, 6)[...] = np.maximum(_strided(device, x, n, 3), 0)


def _sum(device: Device, x: int, y: int, n: int) -> None:
    device.floats(y, n)[...] = device.floats(x, 6 * n).reshape(n, 6).sum(axis=1)


KERNELS = {"fc": ("PPPi", _fc(3)), "relu": ("PPi", _relu), "fc_cat": ("PPPi", _fc(6)), "sum": ("PPi", _sum)}


def inputs(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, 4), np.float32)


def launches(world: World) -> list[str]:
    return [entry[2] for entry in world.counts("launch")]


def close(got: np.ndarray, wanted: np.ndarray) -> None:
    np.testing.assert_allclose(got, wanted, rtol=1e-5)
