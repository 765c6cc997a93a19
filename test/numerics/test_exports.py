"""Language models as torch's TorchScript exporter writes them (test/models/exports) against ONNX Runtime, and that their masks hide
what they should: an export computes its masks from constants and ids, and a mask that vanishes leaves plausible numbers."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import trtc
from trtc.compiler.frontend import import_onnx
from trtc.compiler.interpret.module import execute
from trtc.compiler.pipeline import run_pipeline
from trtc.compiler.targets import set_target

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))
import exported
import where
import zoo

Array = np.ndarray[Any, Any]
Runner = Callable[[dict[str, Array]], Array]
NAMES = sorted(path.stem for path in exported.HERE.glob("*.onnx"))
BUILT = "gpt2"
"""Built whole, cubins included; of the others the simulator runs the kernels alone, which spares NVRTC's seconds."""
TOLERANCE = 1e-4
LATER = 7
"""The position of the token that changes in the tests of masks."""


@cache
def runner(name: str) -> Runner:
    """A function from inputs to logits."""
    model = exported.load(name)
    (target,) = where.targets("sm_80")
    options = trtc.BuildOptions(target=target)
    if name == BUILT or where.DEVICE != "simulator":
        pytest.importorskip("cupy", reason="NVRTC comes with CuPy")
        context = trtc.build(model, options).create_context(where.DEVICE, poison=True)
        return lambda inputs: np.asarray(context.run(inputs)["logits"])
    module = import_onnx(model)
    set_target(module, target)
    run_pipeline(module, options, stop_after="memory")
    return lambda inputs: execute(module, inputs)["logits"]


def with_another_token(inputs: dict[str, Array], name: str) -> dict[str, Array]:
    """The inputs with one token changed in every row."""
    ids = inputs[name].copy()
    ids[:, LATER] = np.where(ids[:, LATER] == 5, 6, 5)
    return {**inputs, name: ids}


def test_there_are_models() -> None:
    assert {"bart", "gpt2", "llama"} <= set(NAMES)
    assert all((exported.HERE / f"{name}.onnx").stat().st_size < 100_000 for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_exports_equal_onnxruntime(name: str) -> None:
    model = exported.load(name)
    results: list[Array] = []
    for seed in (1, 2):
        inputs = exported.draw(model, seed)
        got, want = runner(name)(inputs), zoo.run_onnxruntime(model, inputs)["logits"]
        error = zoo.relative_error(got, want)
        print(f"{name} {seed}: {error:.1e}")
        assert error <= TOLERANCE
        np.testing.assert_array_equal(got.argmax(-1), want.argmax(-1))
        results.append(got)
    zoo.assert_input_matters(*results, least=0.3)


@pytest.mark.parametrize("name", NAMES)
def test_a_later_token_does_not_change_earlier_logits(name: str) -> None:
    inputs = exported.draw(exported.load(name), 3)
    inputs["attention_mask"][...] = 1
    changed = with_another_token(inputs, "decoder_input_ids" if name == "bart" else "input_ids")
    before, after = runner(name)(inputs), runner(name)(changed)
    np.testing.assert_array_equal(before[:, :LATER], after[:, :LATER])
    zoo.assert_input_matters(after[:, LATER], before[:, LATER])
    assert np.abs(after[:, LATER + 1 :] - before[:, LATER + 1 :]).max(-1).min() > 1e-3, "attention looks back"


@pytest.mark.parametrize("name", NAMES)
def test_a_hidden_token_changes_no_visible_logits(name: str) -> None:
    """A decoder's own position may change; what attends to it may not. Unhidden the token does matter."""
    inputs = exported.draw(exported.load(name), 4)
    mask = inputs["attention_mask"]
    mask[...] = 1
    mask[:, LATER] = 0
    before, after = runner(name)(inputs), runner(name)(with_another_token(inputs, "input_ids"))
    others = [i for i in range(mask.shape[1]) if name == "bart" or i != LATER]
    np.testing.assert_array_equal(before[:, others], after[:, others])
    mask[...] = 1
    before, after = runner(name)(inputs), runner(name)(with_another_token(inputs, "input_ids"))
    assert np.abs(after[:, LATER + 1 :] - before[:, LATER + 1 :]).max(-1).min() > 1e-3
