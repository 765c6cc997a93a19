"""How many launches a run of each model takes, without a GPU: no more than today, beside the targets of fusion."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import trtc

sys.path.insert(0, str(Path(__file__).parents[2] / "models"))
import launches

CEILINGS = {
    "inception_v1": 57,
    "inception_v2": 66,
    "resnet50": 53,
    "densenet121": 173,
    "squeezenet": 31,
    "shufflenet": 59,
    "googlenet": 53,
    "resnet50_torch": 51,
    "mobilenet_v2": 53,
    "efficientnet_b0": 66,
    "densenet121_torch": 156,
    "convnext_tiny": 83,
    "unet": 31,
    "bert_base": 88,
    "vit_b16": 88,
    "gpt2": 87,
    "llama": 35,
    "whisper_encoder": 31,
    "swin_t": 94,
    "clip_text": 85,
    "t5_encoder": 44,
    "detr": 124,
    "minilm": 46,
    "gpt2_small": 16,
    "llama_small": 19,
    "bart_small": 37,
}
"""What fp16 for sm_90a took when this was last lowered; `launches.SUBJECTS` has the targets."""
FETCHED = ("minilm",)
"""Models whose weights are downloaded."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.network) if name in FETCHED else name for name in CEILINGS]
)
def test_no_more_launches_than_before(name: str) -> None:
    found = launches.count(name)
    print(f"{name}: {len(found)} launches of {CEILINGS[name]}, target {launches.SUBJECTS[name].target}")
    print("\n".join(f"  {launch}" for launch in launches.left(found)))
    assert len(found) <= CEILINGS[name]
    assert not [launch for launch in found if launch.kind == "copy"]
    # A model that lost its layers on the way would be below every ceiling.
    assert sum(launch.kind in launches.PRODUCTS for launch in found) >= CEILINGS[name] // 8


def test_every_model_has_a_ceiling() -> None:
    assert CEILINGS.keys() == launches.SUBJECTS.keys()


@pytest.mark.parametrize("kind", ["copy", "cast", "pointwise"])
def test_what_computes_nothing_is_a_copy(kind: str) -> None:
    """And what changes types on the way is a cast."""
    net = trtc.Network()
    x = net.add_input("x", "f32", (4, 6, 8))
    made = {
        "copy": lambda: net.add_transpose(x, (2, 0, 1)),
        "cast": lambda: net.add_cast(x, "f16"),
        "pointwise": lambda: net.add_leaky_relu(x),
    }
    net.mark_output(made[kind](), "y")
    found = launches.launches(launches.lowered(net.module(), {}, precision="fp32"))
    assert [launch.kind for launch in found] == [kind]
