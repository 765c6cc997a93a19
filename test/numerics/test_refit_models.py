"""Refit equals rebuild, byte for byte, on real models with new weights."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from onnx import ModelProto, numpy_helper

import trtc
from trtc import BuildOptions

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))
import zoo


def with_new_weights(proto: ModelProto, names: tuple[str, ...], seed: int) -> tuple[ModelProto, dict[str, np.ndarray]]:
    """A copy of the model with other numbers in its refittable initializers, and these."""
    rng = np.random.default_rng(seed)
    copy = ModelProto()
    copy.CopyFrom(proto)
    new: dict[str, np.ndarray] = {}
    for tensor in copy.graph.initializer:
        if tensor.name in names:
            old = numpy_helper.to_array(tensor)
            if old.dtype == np.int8:
                changed = np.roll(old, 1, axis=-1)
            else:
                with np.errstate(over="ignore"):  # of a mask of the lowest float, which becomes infinite
                    changed = (old * (1 + 0.1 * rng.standard_normal(old.shape))).astype(old.dtype)
            tensor.CopyFrom(numpy_helper.from_array(changed, tensor.name))
            new[tensor.name] = changed
    return copy, new


@pytest.mark.network
@pytest.mark.parametrize(("name", "precision"), [("open_nsfw", "fp32"), ("open_nsfw", "fp16"), ("minilm", "fp16")])
def test_refit_is_rebuild(name: str, precision: str, tmp_path: Path) -> None:
    model = getattr(zoo, name)()
    options = BuildOptions(precision=precision, target="sm_80", refit=True, profiles=model.profiles)
    engine = trtc.build(model.proto, options)
    assert len(engine.weights) > 100
    other, weights = with_new_weights(model.proto, engine.weights, 1)
    assert weights.keys() == set(engine.weights)
    engine.save(tmp_path / "old")
    engine.refit(weights)
    engine.save(tmp_path / "new")
    trtc.build(other, options).save(tmp_path / "wanted")
    assert (tmp_path / "new").read_bytes() == (tmp_path / "wanted").read_bytes() != (tmp_path / "old").read_bytes()
    # A part of them, and back.
    some = dict(list(weights.items())[::7])
    loaded = trtc.load(tmp_path / "old")
    loaded.refit(some)
    loaded.refit({name: array for name, array in weights.items() if name not in some})
    loaded.save(tmp_path / "parts")
    assert (tmp_path / "parts").read_bytes() == (tmp_path / "wanted").read_bytes()
