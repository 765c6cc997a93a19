"""Attention with every form of mask and cache, grouped queries, rotary embedding."""

from __future__ import annotations

from typing import Any

import numpy as np

from .node import Array, Case, floats, scalar

BATCH, LENGTH, HEADS, SIZE = 2, 5, 4, 16
WIDTH = HEADS * SIZE
COS, SIN = floats(20, SIZE // 2), floats(1, 20, SIZE // 2)[0]
MASKS: dict[str, Array | None] = {
    "no mask": None,
    "lengths": np.array([3, 5], np.int32),
    "keys": np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]], np.int32),
    "queries and keys": (np.arange(50).reshape(2, 5, 5) % 3 > 0).astype(np.int32),
}
PROJECTED: dict[str, Array | None] = {
    "x": floats(BATCH, LENGTH, 8),
    "w": floats(8, 3 * WIDTH) * 0.3,
    "b": floats(3 * WIDTH),
}
APART: dict[str, Array | None] = {
    "q": floats(BATCH, LENGTH, WIDTH), "k": floats(BATCH, 7, WIDTH), "v": floats(1, BATCH, 7, WIDTH)[0],
}  # fmt: skip
SELF: dict[str, Array | None] = {
    "q": APART["q"],
    "k": floats(1, BATCH, LENGTH, WIDTH)[0],
    "v": floats(2, BATCH, LENGTH, WIDTH)[1],
}
SPLIT: dict[str, Array | None] = {
    "q": APART["q"], "k": floats(BATCH, HEADS, 7, SIZE), "v": floats(2, BATCH, HEADS, 7, SIZE)[1],
}  # fmt: skip
CACHE = floats(2, BATCH, HEADS, 4, SIZE)
NUMBER: dict[str, Any] = {"num_heads": HEADS}


def packed_heads() -> list[Array]:
    q, k, v = np.moveaxis(floats(BATCH, LENGTH, HEADS, 3, SIZE).astype(np.float64), 3, 0)
    scores = np.einsum("bqhd,bkhd->bhqk", q, k) / np.sqrt(SIZE)
    probs = np.exp(scores - scores.max(-1, keepdims=True))
    probs /= probs.sum(-1, keepdims=True)
    return [np.einsum("bhqk,bkhd->bqhd", probs, v).reshape(BATCH, LENGTH, WIDTH).astype(np.float32)]


def grouped(
    length: int, past: int, *, batch: int = 1, packed: bool = False, rotary: bool = False, **attributes: Any
) -> Case:
    """GroupQueryAttention with 2 key heads; `past` keys in the cache."""
    q, k, v = floats(batch, length, WIDTH), floats(batch, length, 2 * SIZE), floats(1, batch, length, 2 * SIZE)[0]
    cache = (floats(batch, 2, past, SIZE), floats(2, batch, 2, past, SIZE)[1]) if past else (None, None)
    operands: dict[str, Array | None] = {
        "q": np.concatenate([q, k, v], -1) if packed else q, "k": None if packed else k, "v": None if packed else v,
        "past_k": cache[0], "past_v": cache[1], "seen": np.array([past + length - 1] * batch, np.int32),
        "total": scalar(past + length, np.int32), "cos": COS if rotary else None, "sin": SIN if rotary else None,
    }  # fmt: skip
    return Case(
        "GroupQueryAttention", operands, {**NUMBER, "kv_num_heads": 2, "do_rotary": int(rotary), **attributes}, ["total"],
        ["y", "k_out", "v_out"],
    )  # fmt: skip


CASES: dict[str, Case] = {
    **{
        f"Attention, {name}, {'causal' if causal else 'all'}": Case(
            "Attention", {**PROJECTED, "mask": mask}, {**NUMBER, "unidirectional": causal}
        )
        for name, mask in MASKS.items()
        for causal in (0, 1)
    },
    "Attention, past": Case(
        "Attention", {**PROJECTED, "mask": None, "past": floats(2, BATCH, HEADS, 3, SIZE)}, {**NUMBER, "unidirectional": 1},
        results=["y", "present"],
    ),
    "MultiHeadAttention": Case("MultiHeadAttention", APART, {**NUMBER, "scale": 0.3}),
    "MultiHeadAttention, bias and lengths": Case(
        "MultiHeadAttention", {**APART, "bias": floats(3 * WIDTH), "mask": np.array([7, 3], np.int32)}, NUMBER
    ),
    "MultiHeadAttention, mask and score bias": Case(
        "MultiHeadAttention",
        {**APART, "bias": None, "mask": np.array([[1, 0, 1, 1, 0, 1, 1]] * 2, np.int32), "scores": floats(1, HEADS, LENGTH, 7)},
        {**NUMBER, "mask_filter_value": -50.0},
    ),
    "MultiHeadAttention, past": Case(
        "MultiHeadAttention",
        {**SELF, **dict.fromkeys(("bias", "mask", "scores")), "k0": CACHE[0], "v0": CACHE[1]},
        {**NUMBER, "unidirectional": 1}, results=["y", "k_out", "v_out"],
    ),
    "MultiHeadAttention, heads apart": Case("MultiHeadAttention", {**SPLIT, "bias": floats(3 * WIDTH)}, NUMBER),
    "MultiHeadAttention, packed": Case(
        "MultiHeadAttention", {"q": floats(BATCH, LENGTH, HEADS, 3, SIZE)}, NUMBER, reference=packed_heads
    ),
    **{
        f"RotaryEmbedding, {name}, {'pairs' if pairs else 'halves'}": Case(
            "RotaryEmbedding", {"x": x, "at": at, "cos": COS, "sin": SIN}, {"interleaved": pairs}
        )
        for pairs in (0, 1)
        for name, x, at in (
            ("from a position", floats(BATCH, LENGTH, WIDTH), np.array([3])),
            ("at positions", floats(BATCH, HEADS, LENGTH, SIZE), np.array([[3, 1, 4, 1, 5], [9, 2, 6, 5, 3]])),
        )
    },
    "RotaryEmbedding, a part": Case(
        "RotaryEmbedding", {"x": floats(BATCH, LENGTH, WIDTH), "at": np.array([3]), "cos": COS[:, :3], "sin": SIN[:, :3]},
        {"num_heads": HEADS, "rotary_embedding_dim": 6},
    ),
    "GroupQueryAttention": grouped(5, 0, batch=2),
    "GroupQueryAttention, packed": grouped(5, 0, packed=True, rotary=True),
    "GroupQueryAttention, past": grouped(2, 3, rotary=True, rotary_interleaved=1),
    "GroupQueryAttention, two sequences": grouped(1, 3, batch=2, rotary=True),
    "GroupQueryAttention, window": grouped(5, 3, local_window_size=2),
    "GroupQueryAttention, softcap": grouped(5, 0, softcap=2.0),
    "GroupQueryAttention, smooth": grouped(5, 3, smooth_softmax=1),
}  # fmt: skip
