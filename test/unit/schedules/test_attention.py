"""The attention schedules against `nn.attention`'s meaning: every candidate, at odd sizes, with masks that hide whole rows and tiles."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))
from attention_text import CAUSAL, START, attention, packed

Check = Callable[..., list[Any]]
SCHEDULES = ("attention_sm90", "attention_mma")
LOWEST = float(np.finfo(np.float32).min)


def texts(schedule: str, *sizes: Any, **more: Any) -> str:
    return attention(*sizes, hopper=schedule == "attention_sm90", **more)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize(("queries", "keys"), [(128, 128), (200, 200), (70, 300), (8, 3), (1, 513)])
def test_sizes(check_group: Check, schedule: str, queries: int, keys: int) -> None:
    check_group(
        texts(schedule, queries, keys, heads=2, batch=2, mask=f"tensor<2x1x1x{keys}xf16>"), schedule, tolerance=1e-3
    )


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("head", [8, 16, 24, 32, 48, 72, 80, 96, 112, 128, 160, 192, 256])
def test_head_sizes(check_group: Check, schedule: str, head: int) -> None:
    check_group(texts(schedule, 70, 150, head), schedule, tolerance=1e-3, threads=False)


@pytest.mark.parametrize("head", [3, 7, 20, 65])
def test_head_sizes_that_tma_cannot_address(check_group: Check, refusal: Callable[[str, str], str], head: int) -> None:
    check_group(attention(20, 50, head, hopper=True), "attention_mma", tolerance=1e-3, threads=False)
    assert "strides of a multiple of 16 bytes" in refusal(attention(20, 50, head, hopper=True), "attention_sm90")


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("flags", [CAUSAL, START, f"{CAUSAL}, window = 33 : i64", f"{START}, window = 1 : i64"])
@pytest.mark.parametrize(("queries", "keys"), [(300, 300), (70, 300), (300, 90), (1, 200)])
def test_bounds(check_group: Check, schedule: str, flags: str, queries: int, keys: int) -> None:
    """Queries without any key give zeros as asked; where they are NaN, below."""
    text = texts(schedule, queries, keys, flags=f"{flags}, zero_masked")
    check_group(text, schedule, tolerance=1e-3, threads=False)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("flags", ["", ", zero_masked"])
@pytest.mark.parametrize("element", ["f16", "i1"])
def test_masked_tiles_and_rows(check_group: Check, schedule: str, flags: str, element: str) -> None:
    """Hidden keys in the first tile, the middle, the last one; a row of nothing else is NaN, or zeros."""
    spans = [(0, 128), (0, 200), (128, 256), (100, 280), (256, 300), (1, 300), (0, 299), (0, 300)]
    seen = np.ones((2, 1, 8, 300), bool)
    for row, (start, stop) in enumerate(spans):
        seen[:, :, row, start:stop] = False
    mask = seen if element == "i1" else np.where(seen, np.float16(0), np.float16(-np.inf))
    text = texts(schedule, 8, 300, batch=2, heads=2, mask=f"tensor<2x1x8x300x{element}>", flags=flags)
    check_group(text, schedule, inputs={3: mask}, tolerance=1e-3, threads=False)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize(
    ("element", "value", "flags"),
    [
        ("f32", LOWEST, ""),
        ("f16", -65504.0, ", scores = f16"),
        ("f16", -65504.0, ""),
        ("bf16", -3.3e38, ", scores = bf16"),
    ],
)
def test_rows_of_the_lowest_number_give_the_mean(
    check_group: Check, schedule: str, element: str, value: float, flags: str
) -> None:
    dtype = {"f32": np.float32, "f16": np.float16, "bf16": ml_dtypes.bfloat16}[element]
    mask = np.zeros((1, 1, 9, 150), np.float32)
    mask[:, :, 3:6], mask[:, :, 6:, 20:] = value, value
    text = texts(schedule, 9, 150, mask=f"tensor<1x1x9x150x{element}>", flags=flags)
    check_group(text, schedule, inputs={3: mask.astype(dtype)}, tolerance=1e-3, threads=False)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("size", [30.0, 3000.0])
def test_large_scores(check_group: Check, schedule: str, size: float) -> None:
    """One key takes nearly all."""
    rng = np.random.default_rng(5)
    q = (rng.standard_normal((1, 1, 20, 64)) * size).astype(np.float16)
    check_group(texts(schedule, 20, 150, scale=1.0), schedule, inputs={0: q}, tolerance=2e-3, threads=False)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("scale", [1.0, 0.0, -0.5, 4.0])
def test_scales(check_group: Check, schedule: str, scale: float) -> None:
    check_group(texts(schedule, 20, 150, scale=scale), schedule, tolerance=1e-3, threads=False)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_numbers_that_are_none_stay_where_they_belong(check_group: Check, schedule: str) -> None:
    """NaN in a query makes its row NaN, an infinite score too; other rows do not see them."""
    rng = np.random.default_rng(5)
    q = rng.standard_normal((1, 1, 20, 64)).astype(np.float16)
    q[0, 0, 3, 5], q[0, 0, 7, 5] = np.nan, np.inf
    check_group(texts(schedule, 20, 150), schedule, inputs={0: q}, tolerance=1e-3, threads=False)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize(
    "more",
    [
        {"softcap": 2.0}, {"softcap": 50.0}, {"key_heads": 1}, {"key_heads": 2}, {"key_batch": 1}, {"element": "bf16"}, {"result": "f32"},
        {"transposed": True}, {"transposed": True, "epilogue": "relu"}, {"epilogue": "sigmoid"}, {"value_head": 40},
        {"head": 32, "value_head": 136},
    ],
)  # fmt: skip
def test_features(check_group: Check, schedule: str, more: dict[str, Any]) -> None:
    more = dict(more)
    softcap, head = more.pop("softcap", None), more.pop("head", 64)
    flags = "" if softcap is None else f", softcap = {softcap} : f64"
    text = texts(schedule, 70, 150, head, batch=2, heads=4, flags=flags, **more)
    check_group(text, schedule, tolerance=1e-2 if more.get("element") == "bf16" else 1e-3, threads=False)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_one_buffer_of_queries_keys_and_values(check_group: Check, schedule: str) -> None:
    text = packed(2, 150, 3, 32, hopper=schedule == "attention_sm90", gap=1)
    check_group(text, schedule, tolerance=1e-3)


RANGES = "nn.symbols = {B = array<i64: 1, 2, 4>, S = array<i64: 1, 64, 400>, P = array<i64: 0, 100, 400>}"


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("sizes", [(1, 1, 0), (2, 70, 0), (1, 1, 300), (3, 130, 77)])
def test_dynamic_sizes(check_group: Check, schedule: str, sizes: tuple[int, int, int]) -> None:
    batch, queries, past = sizes
    text = texts(schedule, "S", "P + S", batch="B", heads=4, key_heads=2, flags=CAUSAL, ranges=RANGES)
    check_group(text, schedule, tolerance=1e-3, threads=False, B=batch, S=queries, P=past)
    plain = texts(schedule, "S", "S", batch="B", heads=2, ranges=RANGES)
    check_group(plain, schedule, tolerance=1e-3, threads=False, B=batch, S=queries, P=past)


@pytest.mark.parametrize("math", ["f16", "bf16"])
def test_f32_in_memory(check_group: Check, refusal: Callable[[str, str], str], math: str) -> None:
    text = attention(70, 150, hopper=True, element="f32", flags=f", math = #nn.math<{math}>")
    check_group(text, "attention_mma", tolerance=1e-3 if math == "f16" else 1e-2)
    assert f"stored as {math}, got f32" in refusal(text, "attention_sm90")


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"element": "f32"}, "expected products of f16 or bf16, got f32"),
        ({"element": "f32", "flags": ", math = #nn.math<tf32>"}, "got f32 multiplied as tf32"),
        ({"element": "f64"}, "expected products of f16 or bf16, got f64"),
        ({"head": 264}, "expected a head size of q and k of at most 256, got 264"),
        ({"value_head": 264}, "expected a head size of v of at most 256, got 264"),
    ],
)
def test_refusals(refusal: Callable[[str, str], str], more: dict[str, Any], expected: str) -> None:
    for schedule in SCHEDULES:
        assert expected in refusal(texts(schedule, 20, 50, **{"head": 64, **more}), schedule)
