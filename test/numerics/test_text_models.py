"""Small BERT, GPT-2 and Llama as kernels on the simulator: every group's result and the outputs against ONNX Runtime, at three shapes of one
module, with odd lengths, padding, causal masks, heads that share keys, and a text that is masked as a whole."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from onnx import TensorProto, helper

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))
import attention_models
import comparing
import encoders
import group_values
import zoo

SIZES = ({"batch": 1, "sequence": 20}, {"batch": 3, "sequence": 33}, {"batch": 4, "sequence": 1})
LEAST = 0.5
"""The share of launches whose result is a tensor of the model: not those of stacked siblings, whose parts are."""
MADE = {
    "gpt2": lambda g: attention_models.gpt2(g, layers=2, width=64, heads=4),
    "llama": lambda g: attention_models.llama(g, layers=2, width=64, heads=4, kept=2, inner=128),
}


def small(name: str) -> zoo.Model:
    """The model with two layers, 64 wide."""
    if name == "bert":
        weights = encoders._bert_weights(0, 2, 64, 30522)  # pyright: ignore[reportPrivateUsage]
        return zoo.Model(name, encoders.bert(name, weights, 2, 4), **encoders._TEXTS)  # pyright: ignore[reportPrivateUsage]
    g = attention_models.Net()
    out = MADE[name](g)
    inputs = [
        helper.make_tensor_value_info(key, TensorProto.INT64, ("batch", "sequence"))
        for key in ("input_ids", "attention_mask")
    ]
    proto = g.model(name, inputs, {"out": (out, ("batch", "sequence", attention_models.VOCABULARY))})
    texts, profiles = attention_models._texts, attention_models.PROFILES[name]  # pyright: ignore[reportPrivateUsage]
    return zoo.Model(name, proto, texts, profiles)


@pytest.mark.parametrize("name", ["bert", "gpt2", "llama"])
@pytest.mark.parametrize(("precision", "arch"), [("fp16", "sm_90a"), ("fp32", "sm_80")])
def test_every_group_at_three_shapes(name: str, precision: str, arch: str) -> None:
    made, ceiling = small(name), comparing.CEILING[precision]
    context = group_values.Lowered(made, precision, arch)
    for seed, size in enumerate(SIZES):
        given = made.inputs(21 + seed, **size)
        group_values.check_against_onnxruntime(made, precision, context, given, ceiling, least=LEAST)
    comparing.compare(made, precision, context, SIZES)
    group_values.check_a_text_without_a_word(made, precision, context, ceiling)


def test_a_wrong_group_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The guard of this file: one value of one group is off by a few percents."""
    made = small("bert")
    context, given = group_values.Lowered(made, "fp16"), made.inputs(21, batch=1, sequence=5)
    right = group_values.group_results(context, given)
    name = next(name for name, array in right.items() if array.size > 64)
    monkeypatch.setattr(group_values, "group_results", lambda *_: right | {name: right[name] * 1.05})
    with pytest.raises(AssertionError, match=f"{name}: relative error"):
        group_values.check_against_onnxruntime(made, "fp16", context, given, 1e-2, least=LEAST)
