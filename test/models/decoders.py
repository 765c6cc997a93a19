"""Greedy generation with a cache, by the decoders of test/models/exports/decoders: `generate(run, name, count)`.

A step is a function from arrays by name to arrays by name; the cache that it returns is handed to the next step as it is, so on a GPU it
stays there. Lengths start at 0 and grow by what each step reads.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from onnx import ModelProto

sys.path.insert(0, str(Path(__file__).parent))
import exported
import zoo

Array = np.ndarray[Any, Any]
Step = Callable[[dict[str, Any]], dict[str, Any]]
NAMES = ("gpt2", "t5", "whisper")
PROFILES = {"batch": (1, 2, 4), "step": (1, 1, 8), "past": (0, 32, 96), "source": (1, 20, 40)}
BATCH, PROMPT, SOURCE = 2, 4, 20
LEAST_MARGIN = 1e-3
"""What the greatest logit is above the next one in every step of the reference, of a spread of about 1: rounding changes no token."""


@cache
def model(name: str) -> ModelProto:
    return exported.load(f"decoders/{name}")


def profiles(name: str) -> dict[str, tuple[int, int, int]]:
    wanted = {dim.dim_param for value in model(name).graph.input for dim in value.type.tensor_type.shape.dim}
    return {symbol: entries for symbol, entries in PROFILES.items() if symbol in wanted}


def first_inputs(name: str, seed: int) -> dict[str, Array]:
    """The prompt, what the encoder made, and a cache of length 0."""
    rng = np.random.default_rng(seed)
    given: dict[str, Array] = {}
    for value in model(name).graph.input:
        if value.name == "ids":
            given["ids"] = rng.integers(3, 256, (BATCH, PROMPT))
        elif value.name == "encoded":
            given["encoded"] = rng.standard_normal((BATCH, SOURCE, 64), np.float32)
        else:
            heads, size = (value.type.tensor_type.shape.dim[axis].dim_value for axis in (1, 3))
            given[value.name] = np.zeros((BATCH, heads, 0, size), np.float32)
    return given


def generate(
    run: Step, name: str, count: int, seed: int = 0, place: Callable[[Array], Any] = np.asarray
) -> tuple[Array, Array]:
    """The next `count` tokens, [batch, count], and the logits that they were chosen by, [batch, count, vocabulary]. `place` puts an array
    where the steps run."""
    given: dict[str, Any] = {key: place(array) for key, array in first_inputs(name, seed).items()}
    tokens: list[Array] = []
    logits: list[Array] = []
    for _ in range(count):
        made = run(given)
        last = made["logits"][:, -1]
        logits.append(last.get() if hasattr(last, "get") else np.array(last))
        tokens.append(logits[-1].argmax(-1))
        given = {
            **given,
            "ids": place(tokens[-1][:, None]),
            **{key.replace("present", "past"): array for key, array in made.items() if key.startswith("present")},
        }
    return np.stack(tokens, 1), np.stack(logits, 1)


@cache
def reference(name: str, count: int, seed: int = 0) -> tuple[Array, Array]:
    """By ONNX Runtime, checked to be no matter of rounding: no two logits in the lead are close, and tokens vary."""
    session = zoo.session(model(name))
    wanted = [output.name for output in session.get_outputs()]
    tokens, logits = generate(
        lambda given: dict(zip(wanted, session.run(wanted, given), strict=True)), name, count, seed
    )
    ordered = np.sort(logits, -1)
    assert (ordered[..., -1] - ordered[..., -2]).min() >= LEAST_MARGIN, "a token hangs on rounding: take another seed"
    assert len(np.unique(tokens)) >= min(count // 2, 12), "the tokens repeat, so that a lost cache may not show"
    return tokens, logits
