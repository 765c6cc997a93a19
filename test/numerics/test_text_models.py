"""Small BERT, GPT-2, Llama and ViT as kernels on the simulator: every group's result and the outputs against ONNX Runtime, at three shapes
of one module, with odd lengths, padding, causal masks, heads that share keys, and a text that is masked as a whole. And check-numerics
through the whole pipeline, to threads."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from onnx import TensorProto, helper

import trtc
from trtc.compiler.debug.check_numerics import NumericsObserver
from trtc.compiler.frontend import import_onnx
from trtc.compiler.pipeline import phase_steps, run_pipeline
from trtc.compiler.targets import set_target

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))
import attention_models
import comparing
import encoders
import group_values
import zoo

SIZES = ({"batch": 1, "sequence": 20}, {"batch": 3, "sequence": 33}, {"batch": 4, "sequence": 1})
LEAST = 0.5
"""The share of launches whose result is a tensor of the model: not those of stacked siblings, whose parts are."""
COMPARED = {"bert": 12, "gpt2": 10, "llama": 13, "vit": 12}
"""How many of a model's tensors check-numerics finds at least, down to the launches: those of GPT-2 have four norms in their products."""
MADE = {
    "gpt2": lambda g: attention_models.gpt2(g, layers=2, width=64, heads=4),
    "llama": lambda g: attention_models.llama(g, layers=2, width=64, heads=4, kept=2, inner=128),
}


def small(name: str) -> zoo.Model:
    """The model with two layers, 64 wide."""
    if name == "bert":
        weights = encoders._bert_weights(0, 2, 64, 30522)  # pyright: ignore[reportPrivateUsage]
        return zoo.Model(name, encoders.bert(name, weights, 2, 4), **encoders._TEXTS)  # pyright: ignore[reportPrivateUsage]
    if name == "vit":
        proto = encoders.vit(name, 0, 2, 64, 4, 16, 64)
        return zoo.Model(
            name, proto, lambda rng, batch=1: {"pixels": zoo.images(rng, batch, 3, 64, 64)}, {"batch": (1, 1, 4)}
        )
    g = attention_models.Net()
    out = MADE[name](g)
    inputs = [
        helper.make_tensor_value_info(key, TensorProto.INT64, ("batch", "sequence"))
        for key in ("input_ids", "attention_mask")
    ]
    proto = g.model(name, inputs, {"out": (out, ("batch", "sequence", attention_models.VOCABULARY))})
    texts, profiles = attention_models._texts, attention_models.PROFILES[name]  # pyright: ignore[reportPrivateUsage]
    return zoo.Model(name, proto, texts, profiles)


def test_a_vision_transformer_matches_at_three_batches() -> None:
    made = small("vit")
    context = group_values.Lowered(made, "fp16", "sm_90a")
    group_values.check_against_onnxruntime(made, "fp16", context, made.inputs(21, batch=3), 1e-2, least=LEAST)
    comparing.compare(made, "fp16", context, ({"batch": 1}, {"batch": 3}, {"batch": 4}))


@pytest.mark.slow
@pytest.mark.parametrize("name", COMPARED)
def test_every_pass_keeps_the_numbers(name: str, tmp_path: Path) -> None:
    made = small(name)
    sizes = {key: (1, 2, 2) if key == "batch" else (1, 5, 8) for key in made.profiles}
    module = import_onnx(made.proto, profiles=sizes)
    set_target(module, "sm_90a")
    observer = NumericsObserver(seed=0, directory=tmp_path)
    options = trtc.BuildOptions(precision="fp16", target="sm_90a", profiles=sizes)
    run_pipeline(module, options, observers=[observer])
    assert len(observer.checked) == sum(len(steps) for steps in phase_steps(options).values())
    assert min(compared for compared, _ in observer.checked.values()) >= COMPARED[name]
    assert list(tmp_path.iterdir()) == []


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
