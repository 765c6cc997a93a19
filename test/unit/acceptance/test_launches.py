"""How many launches a run of each model takes, without a GPU: no more than today, beside what issue 9 asks for."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "models"))
import launches

CEILINGS = {
    "inception_v1": 75,
    "inception_v2": 84,
    "resnet50": 57,
    "densenet121": 187,
    "squeezenet": 31,
    "shufflenet": 75,
    "minilm": 77,
    "bert_base": 143,
    "vit_b16": 139,
    "gpt2_small": 29,
    "llama_small": 51,
    "bart_small": 68,
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
    print("\n".join(f"  {launch}" for launch in found if launch.kind not in launches.PRODUCTS))
    assert len(found) <= CEILINGS[name]
    # A model that lost its layers on the way would be below every ceiling.
    assert len(found) >= CEILINGS[name] // 4


def test_every_model_has_a_ceiling() -> None:
    assert CEILINGS.keys() == launches.SUBJECTS.keys()
