"""Steps of a small Llama with a cache (test/models/llamas.py) against ONNX Runtime: prompts, single tokens after a past, odd sizes, in one
module; and how many launches its layers take."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp

from trtc.compiler.interpret.module import execute

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))
import comparing
import launches
import llamas
import zoo

SIZES = ({"batch": 1, "step": 1, "past": 16}, {"batch": 2, "step": 7, "past": 0}, {"batch": 3, "step": 5, "past": 9})
BESIDE = 3
"""Launches beside the layers: the mask, the last norm, the logits. The embedding is part of the first norm."""


@cache
def lowered(gate: str, precision: str, arch: str) -> ModuleOp:
    return launches.lowered(llamas.proto(gate, dtype(precision)), llamas.PROFILES, precision=precision, arch=arch)


def dtype(precision: str) -> type:
    return np.float16 if precision == "fp16" else np.float32


def labels(gate: str, precision: str, arch: str) -> Sequence[str]:
    return [launch.label for launch in launches.launches(lowered(gate, precision, arch))]


@pytest.mark.parametrize(
    ("gate", "precision", "arch"),
    [
        *((gate, "fp16", "sm_90a") for gate in llamas.GATES),
        ("silu", "fp16", "sm_80"),
        ("gelu", "fp32", "sm_80"),
    ],
)
def test_steps_equal_onnxruntime_at_each_size(gate: str, precision: str, arch: str) -> None:
    proto, module = llamas.proto(gate, dtype(precision)), lowered(gate, precision, arch)
    for sizes in SIZES:
        one, other = (llamas.inputs(seed, **sizes, dtype=dtype(precision)) for seed in (1, 2))
        want, got = zoo.run_onnxruntime(proto, one), execute(module, one)
        for name, array in want.items():
            error = zoo.relative_error(got[name], array)
            assert error <= comparing.CEILING[precision], f"{name} at {sizes}: {error:.1e}"
        zoo.assert_input_matters(got["logits"], execute(module, other)["logits"], 0.1)


def test_a_step_after_a_prompt_gives_what_the_longer_prompt_gives() -> None:
    """The keys and values that a step writes are those that the next one reads."""
    module = lowered("silu", "fp16", "sm_90a")
    whole = llamas.inputs(3, batch=2, step=6, past=0, dtype=np.float16)
    first = execute(module, {**whole, "ids": whole["ids"][:, :5]})
    caches = {key.replace("present", "past"): array for key, array in first.items() if key != "logits"}
    last = execute(module, {"ids": whole["ids"][:, 5:], **caches})
    wanted = execute(module, whole)
    for key, array in last.items():
        expected = wanted[key][:, 5:] if key == "logits" else wanted[key]
        assert zoo.relative_error(array, expected) <= comparing.CEILING["fp16"], key
    forgotten = {key: np.zeros_like(array) for key, array in caches.items()}
    without = execute(module, {"ids": whole["ids"][:, 5:], **forgotten})["logits"]
    zoo.assert_input_matters(without, last["logits"], 0.1)


@pytest.mark.parametrize("gate", llamas.GATES)
@pytest.mark.parametrize("arch", ["sm_80", "sm_90a"])
def test_a_layer_is_eight_launches_with_its_cache(gate: str, arch: str) -> None:
    """Two norms, four products, the attention, and one that rotates queries and keys and writes both caches."""
    found = labels(gate, "fp16", arch)
    assert len(found) == 8 * llamas.LAYERS + BESIDE, found
    activation = "silu" if gate == "packed" else gate
    assert sum(label.startswith(f"matmul+matmul+{activation}") for label in found) == llamas.LAYERS
    assert sum("slice" in label and "concat" in label for label in found) == llamas.LAYERS
    assert "copy" not in found
