"""The result of every group of each network that fusion is about, on a GPU against ONNX Runtime, at two shapes of one engine, the second
odd, and texts of which one is masked as a whole.

`pytest -m gpu test/gpu/test_groups.py -n 14`. The outputs at three shapes are what `test_zoo.py` compares.
"""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

import pytest

from trtc import TrtcError

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))
import architectures
import attention_models
import comparing
import convnets
import encoders
import group_values
import zoo

pytestmark = pytest.mark.gpu
LEAST = {"swin_t": 0.35}
"""The share of launches whose result is a tensor of the model, by default half: not those of stacked siblings, whose parts are, and not
those of windows, whose rows lie in another order. What has no name goes into one that has (`group_values.check_reach`)."""
TEXTS = ("bert_base", "gpt2", "minilm_fp32", "llama")
NAMES = (
    "densenet121_torch", "swin_t", "bert_base", "vit_b16", "gpt2", "efficientnet_b0", "googlenet", "inception_v1", "resnet50", "llama",
    "resnet50_torch", "mobilenet_v2", "whisper_encoder", "minilm_fp32", "unet",
)  # fmt: skip
"""The longest builds first."""


@cache
def model(name: str) -> zoo.Model:
    if name in encoders.NAMES:
        try:
            return encoders.model(name, download=False)
        except TrtcError as problem:
            pytest.skip(str(problem))
    if name in architectures.NAMES:
        return architectures.model(name)
    if name == "inception_v1":
        return zoo.inception_v1()
    return (convnets if name in convnets.NAMES else attention_models).model(name)


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize("name", NAMES)
def test_every_group_matches_onnxruntime(name: str, precision: str) -> None:
    """One test for each model, since building it is what takes long."""
    made = model(name)
    context = comparing.build(made, precision).create_context(poison=True)
    ceiling = comparing.CEILING[precision]
    for seed, size in enumerate(made.sizes[:2]):
        given = made.inputs(21 + seed, **size)
        rounded = (
            group_values.rounded_alone(made, precision, given) if precision == "fp16" and name not in TEXTS else None
        )
        least = LEAST.get(name, 0.5)
        group_values.check_against_onnxruntime(made, precision, context, given, ceiling, least=least, rounded=rounded)
    if name in TEXTS:
        group_values.check_a_text_without_a_word(made, precision, context, ceiling)
