"""What convolutions and matrix products compute: im2col and BLAS, fast enough to run whole networks.

f16 and bf16 operands, and f32 ones that are rounded to what `math` says, multiply and accumulate in f32, which rounds once. i8 products
are summed exactly: in f32 as long as no partial sum passes 2**24, else in f64.
TF32 rounds operands to 10 mantissa bits, halves away from zero (`cvt.rna.tf32`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import ml_dtypes
import numpy as np
from numpy.lib.stride_tricks import as_strided

from .. import nn
from .registry import Env, defines, result_dtype

IM2COL_ELEMENTS = 1 << 24
"""Images are taken in chunks whose im2col matrices have about this many elements."""


def round_tf32(x: np.ndarray) -> np.ndarray:
    """f32 values rounded to 10 mantissa bits, halves away from zero; infinities and NaN stay."""
    bits = np.ascontiguousarray(x).view(np.uint32)
    rounded = ((bits + np.uint32(0x1000)) & np.uint32(0xFFFFE000)).view(np.float32)
    return np.where(np.isfinite(x), rounded, x)


def rounded(x: np.ndarray, math: nn.Math) -> np.ndarray:
    """An f32 array rounded as a product of this type rounds its operands."""
    if math == nn.Math.TF32:
        return round_tf32(x)
    return x.astype(np.float16 if math == nn.Math.F16 else ml_dtypes.bfloat16).astype(np.float32)


def factors(operands: Sequence[np.ndarray], depth: int, math: nn.MathAttr | None) -> list[np.ndarray]:
    """The operands in a type in which BLAS sums `depth` products exactly as the op's semantics say."""
    if operands[0].dtype.kind in "iu":
        largest = [128 if x.dtype == np.int8 else 255 for x in operands]
        wide = np.float32 if depth * largest[0] * largest[1] <= 1 << 24 else np.float64
        return [x.astype(wide) for x in operands]
    wide = [x if x.dtype == np.float64 else x.astype(np.float32, copy=False) for x in operands]
    return wide if math is None else [rounded(x, math.data) for x in wide]


@defines(nn.MatmulOp)
def matmul(op: nn.MatmulOp, operands: Sequence[np.ndarray], env: Env) -> list[np.ndarray]:
    a, b = factors(operands, operands[0].shape[-1], op.math)
    if op.transpose_b is not None:
        b = np.swapaxes(b, -1, -2)
    return [np.matmul(a, b).astype(result_dtype(op), copy=False)]


@defines(nn.ConvOp)
def conv(op: nn.ConvOp, operands: Sequence[np.ndarray], env: Env) -> list[np.ndarray]:
    strides, pads, dilations = (nn.values_of(a) for a in (op.strides, op.pads, op.dilations))
    x, w = factors(operands, int(np.prod(operands[1].shape[1:])), op.math)
    groups = op.groups.value.data
    result = (
        _depthwise(x, w, strides, pads, dilations)
        if groups > 1 and w.shape[-1] == 1
        else _im2col_conv(x, w, strides, pads, dilations, groups)
    )
    return [result.astype(result_dtype(op), copy=False)]


def pad_image(x: np.ndarray, pads: Sequence[int], value: float) -> np.ndarray:
    """[N, H, W, C], of any number of spatial dims, with a border; negative pads crop."""
    count = x.ndim - 2
    pairs = list(zip(pads[:count], pads[count:], strict=True))
    grown = [(max(before, 0), max(after, 0)) for before, after in pairs]
    if any(map(any, grown)):
        x = np.pad(x, ((0, 0), *grown, (0, 0)), constant_values=value)
    inside = [
        slice(max(-before, 0), size - max(-after, 0))
        for (before, after), size in zip(pairs, x.shape[1:-1], strict=True)
    ]
    return x[(slice(None), *inside)]


def windows(x: np.ndarray, kernel: Sequence[int], strides: Sequence[int], dilations: Sequence[int]) -> np.ndarray:
    """A view [N, OH, OW, R, S, C] of the windows of a padded image [N, H, W, C], of any number of spatial dims."""
    n, *spatial, c = x.shape
    out = [(size - d * (k - 1) - 1) // s + 1 for size, k, s, d in zip(spatial, kernel, strides, dilations, strict=True)]
    first, *steps, last = x.strides
    moved = [step * stride for step, stride in zip(steps, strides, strict=True)]
    taps = [step * dilation for step, dilation in zip(steps, dilations, strict=True)]
    return as_strided(x, (n, *out, *kernel, c), (first, *moved, *taps, last), writeable=False)


def each_tap(view: np.ndarray, kernel: Sequence[int]) -> Iterator[tuple[tuple[int, ...], np.ndarray]]:
    """The taps of windows [N, OH, OW, R, S, C] in row-major order, each with its elements [N, OH, OW, C]."""
    before = (slice(None),) * (1 + len(kernel))
    for tap in np.ndindex(*kernel):
        yield tap, view[(*before, *tap)]


def _im2col_conv(
    x: np.ndarray,
    w: np.ndarray,
    strides: Sequence[int],
    pads: Sequence[int],
    dilations: Sequence[int],
    groups: int,
) -> np.ndarray:
    o, *kernel, depth = w.shape
    size = int(np.prod(kernel)) * depth
    view = windows(pad_image(x, pads, 0), kernel, strides, dilations)
    n, *out = view.shape[: 1 + len(kernel)]
    filters = w.reshape(groups, o // groups, size).transpose(0, 2, 1)
    result = np.empty((n, *out, o), x.dtype)
    chunk = max(1, IM2COL_ELEMENTS // max(1, int(np.prod(out)) * size * groups))
    for first in range(0, n, chunk):
        part = view[first : first + chunk]
        if groups == 1:
            columns = part.reshape(-1, size)
            result[first : first + chunk] = (columns @ filters[0]).reshape(-1, *out, o)
            continue
        split = part.reshape(*part.shape[:-1], groups, depth)
        columns = np.moveaxis(split, -2, 0).reshape(groups, -1, size)
        product = np.matmul(columns, filters)
        result[first : first + chunk] = product.transpose(1, 0, 2).reshape(-1, *out, o)
    return result


def _depthwise(
    x: np.ndarray, w: np.ndarray, strides: Sequence[int], pads: Sequence[int], dilations: Sequence[int]
) -> np.ndarray:
    """One input channel per group: a sum over filter taps of image times weight, no matrix product."""
    o, *kernel, _ = w.shape
    multiplier = o // x.shape[-1]
    if multiplier > 1:
        x = np.repeat(x, multiplier, axis=-1)
    view = windows(pad_image(x, pads, 0), kernel, strides, dilations)
    result = np.zeros((*view.shape[: 1 + len(kernel)], o), x.dtype)
    for tap, part in each_tap(view, kernel):
        result += part * w[(slice(None), *tap, 0)]
    return result
