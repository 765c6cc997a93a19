"""What attention computes: exactly what its decomposition into products, pointwise ops and a softmax computes."""

from __future__ import annotations

from collections.abc import Sequence

import ml_dtypes
import numpy as np
from xdsl.dialects.builtin import f16

from .. import nn
from .linear import factors
from .registry import Env, defines, result_dtype, widen


@defines(nn.AttentionOp)
def attention(op: nn.AttentionOp, operands: Sequence[np.ndarray], env: Env) -> list[np.ndarray]:
    q, k, v = operands[:3]
    batch, heads, queries, size = q.shape
    shared = k.shape[1]
    left, right = factors((q.reshape(batch, shared, -1, queries, size), k[:, :, None]), size, op.math)
    scores = np.matmul(left, np.swapaxes(right, -1, -2)).reshape(batch, heads, queries, -1)
    scores = scores * scores.dtype.type(op.scale.value.data)
    if op.softcap is not None:
        cap = scores.dtype.type(op.softcap.value.data)
        scores = np.tanh(scores / cap) * cap
    mask = operands[3] if op.mask is not None else None
    if mask is not None and len(mask) not in (1, batch):
        mask = np.tile(mask, (batch // len(mask), 1, 1, 1))
    added, allowed = _mask(op, mask, queries, k.shape[2])
    if added is not None:
        scores = scores + added.astype(scores.dtype)
    if allowed is not None:
        scores = np.where(allowed, scores, scores.dtype.type(-np.inf))
    if op.scores is not None:
        scores = scores.astype(np.float16 if op.scores == f16 else ml_dtypes.bfloat16).astype(scores.dtype)
    e = np.exp(scores - np.max(scores, axis=-1, keepdims=True, initial=-np.inf))
    probs = e / np.sum(e, axis=-1, keepdims=True)
    if op.zero_masked is not None:
        probs = np.where(np.isnan(probs), probs.dtype.type(0), probs)
    probs = probs.astype(v.dtype, copy=False).reshape(batch, shared, -1, queries, k.shape[2])
    left, right = factors((probs, v[:, :, None]), k.shape[2], op.math)
    return [np.matmul(left, right).reshape(batch, heads, queries, -1).astype(result_dtype(op), copy=False)]


def _mask(
    op: nn.AttentionOp, mask: np.ndarray | None, queries: int, keys: int
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """What is added to the scores, and which of them count; None for nothing, and for all."""
    added = None if mask is None or mask.dtype == bool else widen(mask)
    allowed = mask if mask is not None and mask.dtype == bool else None
    place = np.arange(queries)[:, None] + (keys - queries if op.causal and op.causal.data is nn.Causal.END else 0)
    bounds: list[np.ndarray] = [] if allowed is None else [allowed]
    if op.causal is not None:
        bounds.append(np.arange(keys) <= place)
    if op.window is not None:
        bounds.append(np.arange(keys) > place - op.window.value.data)
    return added, np.logical_and.reduce(np.broadcast_arrays(*bounds)) if bounds else None
