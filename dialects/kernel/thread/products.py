"""What mma.sync and wgmma compute, over whole warps as NumPy arrays; fragments by the tables of `../layouts.py`."""

from __future__ import annotations

from functools import cache

import ml_dtypes
import numpy as np

from ..layouts import MmaA, MmaAcc, MmaB

# kind -> (elements in a 32-bit register, NumPy dtype of an operand, of the accumulator).
KINDS: dict[str, tuple[int, np.dtype, np.dtype]] = {
    "f16": (2, np.dtype(np.float16), np.dtype(np.float32)),
    "bf16": (2, np.dtype(ml_dtypes.bfloat16), np.dtype(np.float32)),
    "tf32": (1, np.dtype(np.float32), np.dtype(np.float32)),
    "s8": (4, np.dtype(np.int8), np.dtype(np.int32)),
}


def round_tf32(values: np.ndarray) -> np.ndarray:
    """cvt.rna.tf32.f32: to 10 bits of mantissa, ties away from zero."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    rounded = (bits + np.uint32(0x1000)) & np.uint32(0xFFFFE000)
    return np.where(np.isfinite(values), rounded.view(np.float32), values)


def truncate_tf32(values: np.ndarray) -> np.ndarray:
    """f32 values as wgmma reads them from shared memory: the low 13 bits are ignored."""
    return (np.ascontiguousarray(values, np.float32).view(np.uint32) & np.uint32(0xFFFFE000)).view(np.float32)


@cache
def _places(operand: str, e: int) -> np.ndarray:
    """Flat indices [32, registers] of a warp's registers in A (16 x 8e), B (8 x 8e) or the accumulator (16 x 8)."""
    layout, shape = {
        "a": (MmaA.of(1, 1, e), (16, 8 * e)),
        "b": (MmaB.of(1, 1, e), (8, 8 * e)),
        "acc": (MmaAcc.of(1, 1), (16, 8)),
    }[operand]
    row, column = layout.table(shape)
    return np.ascontiguousarray(row * shape[1] + column)


def gather(operand: str, e: int, registers: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Matrices [warps, *shape] from registers [32 * warps, r]."""
    warps = registers.shape[0] // 32
    matrix = np.empty((warps, shape[0] * shape[1]), registers.dtype)
    matrix[:, _places(operand, e).reshape(-1)] = registers.reshape(warps, -1)
    return matrix.reshape(warps, *shape)


def mma_sync(kind: str, acc: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The new accumulators [32 * warps, 4]; `a` [32 * warps, 4e], `b` [32 * warps, 2e] in the operand's dtype."""
    e, _, acc_dtype = KINDS[kind]
    wide_a, wide_b = (x.astype(np.float32) for x in (a, b))
    if kind == "tf32":
        wide_a, wide_b = round_tf32(wide_a), round_tf32(wide_b)
    product = gather("a", e, wide_a, (16, 8 * e)) @ gather("b", e, wide_b, (8, 8 * e)).transpose(0, 2, 1)
    spread = product.reshape(len(product), -1)[:, _places("acc", 1).reshape(-1)].reshape(-1, 4)
    return acc + spread.astype(acc_dtype)


@cache
def wgmma_places(n: int) -> np.ndarray:
    """Flat indices [128, n / 2] of a warpgroup's accumulators in 64 x n."""
    thread, register = np.arange(128)[:, None], np.arange(n // 2)[None, :]
    row = thread // 32 * 16 + thread % 32 // 4 + register // 2 % 2 * 8
    return row * n + register // 4 * 8 + thread % 4 * 2 + register % 2


def wgmma(kind: str, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Products [128, n / 2] in accumulator order from A [64, k] and B [n, k] in the operand's dtype."""
    if kind == "tf32":
        a, b = truncate_tf32(a), truncate_tf32(b)
    product = a.astype(np.float32) @ b.astype(np.float32).T
    return product.reshape(-1)[wgmma_places(len(b))].astype(KINDS[kind][2])
