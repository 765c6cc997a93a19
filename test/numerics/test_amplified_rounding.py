"""What must not be rounded to 11 bits because what reads it amplifies the error: before a logarithm, in the angle of a sine, and before a
state that is carried between runs. Small models run on the simulator (or a GPU if $TRTC_TEST_GPU is set), trained ones by the reference
semantics of their groups, with their tensors stored as the engine stores them; all are compared with ONNX Runtime in f32.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnx import ModelProto, helper

import trtc
from trtc.compiler.frontend import import_onnx
from trtc.compiler.interpret.module import execute
from trtc.compiler.pipeline import run_pipeline
from trtc.compiler.targets import set_target

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "models"))
import comparing
import wheels
import where
import zoo
from typed_models import model, node

TOLERANCE = {"tf32": 1e-2, "fp16": 1e-2, "bf16": 1e-2}
STEPS, HIDDEN, FRAMES = 60, 8, 165


def built(proto: ModelProto, precision: str) -> comparing.Run:
    engine = trtc.build(proto, trtc.BuildOptions(precision=precision, target=where.targets("sm_80")[0]))
    return engine.create_context(where.DEVICE, poison=True).run


def reference(proto: ModelProto) -> comparing.Run:
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return lambda given: dict(zip(names, session.run(names, given), strict=True))


def log_spectrum() -> ModelProto:
    """Log power of a signal [1, 1, 512] in frames of 128 samples, weighted by a window that hides a loud tone from most of its bins, less
    the least of them: a product ends it, so that all of it may be stored narrow."""
    time, bins = np.arange(128), np.arange(1, 33)[:, None]
    phase = 2 * np.pi * bins * time / 128
    window = np.blackman(128) / 64
    basis = np.concatenate([np.cos(phase) * window, -np.sin(phase) * window])[:, None].astype(np.float32)
    weights = {
        "basis": basis, "shape": np.array([1, 2, 32, 7], np.int64), "axis": np.array([1], np.int64),
        "eps": np.array(1e-10, np.float32), "v": np.eye(7, dtype=np.float32),
    }  # fmt: skip
    nodes = [
        node("Conv", "x basis", "f", strides=[64]), node("Reshape", "f shape", "z"), node("Mul", "z z", "q"),
        node("ReduceSum", "q axis", "p", keepdims=0), node("Add", "p eps", "e"), node("Log", "e", "l"),
        node("ReduceMin", "l", "m", axes=[1, 2]), node("Sub", "l m", "s"), node("MatMul", "s v", "y"),
    ]  # fmt: skip
    return model(nodes, {"x": ("f32", [1, 1, 512])}, {"y": ("f32", [1, 32, 7])}, weights)


def tone(seed: int) -> np.ndarray:
    """A loud tone and a faint one, f32 [1, 1, 512]."""
    rng, time = np.random.default_rng(seed), np.arange(512)
    loud, faint = (np.sin(2 * np.pi * rate * time / 128 + rng.uniform(0, 6)) for rate in (3 + 4 * seed, 25 - 4 * seed))
    return (0.9 * loud + 1e-4 * faint)[None, None].astype(np.float32)


@pytest.mark.parametrize("precision", TOLERANCE)
def test_faint_parts_of_a_log_spectrum(precision: str) -> None:
    proto = log_spectrum()
    run, wanted = built(proto, precision), reference(proto)
    results = [wanted({"x": tone(seed)})["y"] for seed in (1, 2)]
    zoo.assert_input_matters(*results, least=0.1)
    for seed, want in zip((1, 2), results, strict=True):
        assert zoo.relative_error(np.asarray(run({"x": tone(seed)})["y"]), want) <= TOLERANCE[precision]


@pytest.mark.parametrize("precision", TOLERANCE)
def test_fourier_features_of_coordinates(precision: str) -> None:
    """Angles of many turns, as the prompt encoder of SAM has them: rounded to 11 bits they are some percents of a radian off."""
    rng = np.random.default_rng(0)
    weights = {
        "one": np.array(1, np.float32), "turn": np.array(2 * np.pi, np.float32),
        "w": rng.normal(0, 16, (2, 16)).astype(np.float32), "v": rng.normal(0, 1, (32, 8)).astype(np.float32),
    }  # fmt: skip
    nodes = [
        node("Sub", "x one", "c"), node("MatMul", "c w", "f"), node("Mul", "f turn", "a"), node("Sin", "a", "s"),
        node("Cos", "a", "o"), node("Concat", "s o", "j", axis=-1), node("MatMul", "j v", "y"),
    ]  # fmt: skip
    proto = model(nodes, {"x": ("f32", [24, 2])}, {"y": ("f32", [24, 8])}, weights)
    run, wanted = built(proto, precision), reference(proto)
    inputs = [{"x": np.random.default_rng(seed).uniform(0, 2, (24, 2)).astype(np.float32)} for seed in (1, 2)]
    results = [wanted(given)["y"] for given in inputs]
    zoo.assert_input_matters(*results, least=0.1)
    for given, want in zip(inputs, results, strict=True):
        assert zoo.relative_error(np.asarray(run(given)["y"]), want) <= TOLERANCE[precision]


def slow_cells() -> ModelProto:
    """An LSTM whose forget gates are near 1 behind a layer of large biases, which the next one takes away again; its states are inputs
    and outputs."""
    rng = np.random.default_rng(4)
    u = (rng.standard_normal((HIDDEN, 64)) / 16).astype(np.float32)
    b = rng.uniform(8, 16, 64).astype(np.float32)
    w = (rng.standard_normal((1, 4 * HIDDEN, 64)) / 2).astype(np.float32)
    gates = np.repeat([1.0, 1.0, 6.0, 0.0], HIDDEN).astype(np.float32)  # input, output, forget, cell
    bias = np.concatenate([gates - w[0] @ b, np.zeros(4 * HIDDEN)])[None].astype(np.float32)
    recurrent = (rng.standard_normal((1, 4 * HIDDEN, HIDDEN)) * 0.05).astype(np.float32)
    nodes = [
        node("MatMul", "x u", "a"), node("Add", "a b", "s"), node("Relu", "s", "f"), node("Unsqueeze", "f axis", "t"),
        helper.make_node("LSTM", ["t", "w", "r", "bias", "", "h", "c"], ["all", "hn", "cn"], hidden_size=HIDDEN),
        node("MatMul", "hn v", "y"),
    ]  # fmt: skip
    weights = {
        "u": u, "b": b, "w": w, "r": recurrent, "bias": bias, "axis": np.array([0], np.int64), "v": np.ones((HIDDEN, 1), np.float32),
    }  # fmt: skip
    state = ("f32", [1, 1, HIDDEN])
    return model(
        nodes, {"x": ("f32", [1, HIDDEN]), "h": state, "c": state}, {"y": ("f32", [1, 1, 1]), "hn": state, "cn": state}, weights
    )  # fmt: skip


def last_state(run: comparing.Run, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    state: dict[str, Any] = {name: np.zeros((1, 1, HIDDEN), np.float32) for name in "hc"}
    for _ in range(STEPS):
        made = run({"x": rng.standard_normal((1, HIDDEN)).astype(np.float32), **state})
        state = {"h": made["hn"], "c": made["cn"]}
    return np.concatenate([np.asarray(array) for array in state.values()])


@pytest.mark.parametrize("precision", TOLERANCE)
def test_a_state_that_is_carried_between_runs(precision: str) -> None:
    proto = slow_cells()
    run, wanted = built(proto, precision), reference(proto)
    want = last_state(wanted, 1)
    zoo.assert_input_matters(want, last_state(wanted, 2), least=0.1)
    assert zoo.relative_error(last_state(run, 1), want) <= TOLERANCE[precision]


def engine_semantics(made: zoo.Model, profiles: dict[str, tuple[int, int, int]]) -> comparing.Run:
    """The model in fp16 by the reference semantics of its groups."""
    target = "sm_90a"
    module = import_onnx(made.proto, profiles=profiles, constants=made.constants)
    set_target(module, target)
    options = trtc.BuildOptions(precision="fp16", target=target, profiles=profiles, constants=made.constants)
    run_pipeline(module, options, stop_after="fuse")
    return lambda inputs: execute(module, inputs, references=True)


@pytest.mark.network
def test_basic_pitch_normalises_a_log_spectrum() -> None:
    made = wheels.model("basic_pitch")
    given, other = made.inputs(7), made.inputs(8)
    wanted = comparing.onnxruntime_of(made)
    want, got = wanted(given), engine_semantics(made, {"unk__749": (1, 1, 1)})(given)
    for name, array in want.items():
        zoo.assert_input_matters(array, wanted(other)[name], 0.1)
        assert zoo.relative_error(np.asarray(got[name]), array) <= comparing.CEILING["fp16"], name


@pytest.mark.network
@pytest.mark.parametrize("name", ["silero_16k", "silero_ifless"])
def test_silero_hands_on_its_state(name: str) -> None:
    """Of an LSTM, and of a cell of single ops."""
    made = wheels.model(name)
    windows = comparing.speech_windows(FRAMES)
    want, left = comparing.stream(comparing.onnxruntime_of(made), windows, np.asarray)
    run = engine_semantics(made, {"batch": (1, 1, 1), "sequence": (576, 576, 576)})
    got, state = comparing.stream(run, windows, np.asarray)
    assert np.std(want) >= 0.05, "the stream is all speech or none"
    assert zoo.relative_error(np.concatenate(got), np.concatenate(want)) <= comparing.CEILING["fp16"]
    assert zoo.relative_error(state, left) <= comparing.CEILING["fp16"]
