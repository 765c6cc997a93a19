"""LSTM, GRU and RNN from ONNX: random attributes and operands against ONNX Runtime, by meaning and as engines on the simulator."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

import trtc
from trtc.compiler.frontend import import_onnx
from trtc.dialects.errors import TrtcError
from trtc.dialects.meaning import run_module

sys.path.insert(0, str(Path(__file__).parents[1]))
from models.random import graphs

Array = np.ndarray[Any, Any]
GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
FUNCTIONS = {"LSTM": 3, "GRU": 2, "RNN": 1}
PLAIN = ("Relu", "Tanh", "Sigmoid", "Softsign", "Softplus")
WITH_ALPHA = ("LeakyRelu", "Elu", "ThresholdedRelu")
WITH_BOTH = ("HardSigmoid", "Affine", "ScaledTanh")


class Draw:
    """A random node with its operands."""

    def __init__(self, seed: int, *, batch_first: bool = False):
        rng = self.rng = np.random.default_rng(seed)
        self.op = str(rng.choice(list(GATES)))
        self.direction = str(rng.choice(["forward", "reverse", "bidirectional"]))
        self.d = 2 if self.direction == "bidirectional" else 1
        self.h, self.i = (int(rng.choice([1, 2, 5, 8, 16, 33])) for _ in range(2))
        self.t, self.n = int(rng.integers(1, 6)), int(rng.choice([1, 2, 3, 9]))
        self.attributes: dict[str, Any] = {"hidden_size": self.h, "direction": self.direction}
        if batch_first:
            self.attributes["layout"] = 1
        self.activations()
        if rng.random() < 0.3:
            self.attributes["clip"] = float(rng.choice([0.2, 0.7, 3.0]))
        if self.op == "GRU":
            self.attributes["linear_before_reset"] = int(rng.integers(2))
        if self.op == "LSTM" and rng.random() < 0.3:
            self.attributes["input_forget"] = 1
        g, h, d = GATES[self.op], self.h, self.d
        states = (self.n, d, h) if batch_first else (d, self.n, h)
        shape = (self.n, self.t, self.i) if batch_first else (self.t, self.n, self.i)
        self.weights = {"W": self.floats((d, g * h, self.i)), "R": self.floats((d, g * h, h))}
        self.inputs = {"X": self.floats(shape)}
        if rng.random() < 0.7:
            self.weights["B"] = self.floats((d, 2 * g * h))
        if rng.random() < 0.5:
            self.inputs["sequence_lens"] = rng.integers(1, self.t + 1, self.n).astype(np.int32)
        if rng.random() < 0.5:
            self.inputs["initial_h"] = self.floats(states)
        if self.op == "LSTM":
            if rng.random() < 0.5:
                self.inputs["initial_c"] = self.floats(states)
            if rng.random() < 0.4:
                self.weights["P"] = self.floats((d, 3 * h))

    def floats(self, shape: tuple[int, ...]) -> Array:
        return (0.6 * self.rng.standard_normal(shape)).astype(np.float32)

    def activations(self) -> None:
        if self.rng.random() < 0.4:
            return
        names: list[str] = []
        alphas: list[float] = []
        betas: list[float] = []
        for _ in range(FUNCTIONS[self.op] * self.d):
            name = str(self.rng.choice([*PLAIN, *WITH_ALPHA, *WITH_BOTH]))
            names.append(name)
            if name in (*WITH_ALPHA, *WITH_BOTH):
                alphas.append(float(self.rng.uniform(0.1, 0.9)))
            if name in WITH_BOTH:
                betas.append(float(self.rng.uniform(0.1, 0.9)))
        self.attributes["activations"] = names
        if alphas:
            self.attributes["activation_alpha"] = alphas
        if betas:
            self.attributes["activation_beta"] = betas

    def model(self, *, dynamic: bool = False) -> ModelProto:
        order = ["X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P"][: 8 if self.op == "LSTM" else 6]
        names = [name if name in {**self.inputs, **self.weights} else "" for name in order]
        results = ["Y", "Y_h", "Y_c"][: 3 if self.op == "LSTM" else 2]
        inputs = [
            helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(x.dtype), self.dims(name, x, dynamic))
            for name, x in self.inputs.items()
        ]
        held = [numpy_helper.from_array(x, name) for name, x in self.weights.items()]
        outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in results]
        node = helper.make_node(self.op, names, results, "node", **self.attributes)
        return graphs.make_model(helper.make_graph([node], "g", inputs, outputs, held), 17)

    @staticmethod
    def dims(name: str, x: Array, dynamic: bool) -> list[int | str]:
        if not dynamic:
            return list(x.shape)
        return {"X": ["T", "N", x.shape[-1]], "sequence_lens": ["N"]}.get(name, [x.shape[0], "N", x.shape[-1]])


def sane(draw: Draw, model: ModelProto) -> list[Array]:
    """What ONNX Runtime computes; skips unbounded activations whose values explode, where each rounding error does too."""
    results = graphs.run_onnxruntime(model, draw.inputs)
    if not all(np.isfinite(want).all() and np.abs(want).max(initial=0) < 30 for want in results):
        pytest.skip("unbounded")
    return results


def close(got: Array, want: Array, what: object) -> None:
    assert got.shape == want.shape, what
    error = float(np.linalg.norm(got.astype(np.float64) - want) / max(float(np.linalg.norm(want)), 1e-3))
    assert error < 2e-5, f"{what}: relative error {error}"


@pytest.mark.parametrize("seed", range(150))
def test_meaning(seed: int) -> None:
    draw = Draw(seed)
    got = run_module(import_onnx(draw.model()), list(draw.inputs.values()))
    for result, want in zip(got, sane(draw, draw.model()), strict=True):
        close(result, want, draw.attributes)


@pytest.mark.parametrize("seed", range(150, 174))
def test_engines_with_dynamic_dims(seed: int) -> None:
    """One engine for every number of steps and sequences."""
    draw = Draw(seed)
    model = draw.model(dynamic=True)
    engine = trtc.build(model, trtc.BuildOptions(target="sm_90a", profiles={"T": (1, 3, 8), "N": (1, 2, 9)}))
    got = engine.run(draw.inputs)
    for name, want in zip(got, sane(draw, model), strict=True):
        close(np.asarray(got[name]), want, draw.attributes)


@pytest.mark.parametrize("seed", range(200, 212))
def test_batch_first(seed: int) -> None:
    """As the same node with its operands and results transposed, which ONNX Runtime does not do."""
    first, last = Draw(seed, batch_first=True), Draw(seed)
    last.weights = first.weights
    turn = {"X", "initial_h", "initial_c"}
    last.inputs = {name: x.swapaxes(0, 1).copy() if name in turn else x for name, x in first.inputs.items()}
    got = run_module(import_onnx(first.model()), list(first.inputs.values()))
    y, *states = graphs.run_onnxruntime(last.model(), last.inputs)
    for result, want in zip(got, [y.transpose(2, 0, 1, 3), *(s.swapaxes(0, 1) for s in states)], strict=True):
        close(result, want, first.attributes)


@pytest.mark.parametrize("precision", ["fp16", "bf16", "tf32"])
@pytest.mark.parametrize("op", GATES)
def test_precisions(op: str, precision: str) -> None:
    draw = next(d for d in map(Draw, range(1000)) if d.op == op and d.h >= 16 and "activations" not in d.attributes)
    engine = trtc.build(draw.model(), trtc.BuildOptions(target="sm_90a", precision=precision))
    got = engine.run(draw.inputs)
    for name, want in zip(got, graphs.run_onnxruntime(draw.model(), draw.inputs), strict=True):
        error = float(np.linalg.norm(np.asarray(got[name], np.float64) - want) / np.linalg.norm(want))
        assert error < {"fp16": 1e-2, "bf16": 3e-2, "tf32": 5e-3}[precision], name


def test_a_stream_with_its_state_in_and_out() -> None:
    """One step at a time gives what the whole sequence gives, as in voice detection by Silero's models."""
    rng = np.random.default_rng(0)
    t, n, i, h = 12, 2, 24, 128
    weights = {
        name: (0.1 * rng.standard_normal(shape)).astype(np.float32)
        for name, shape in {"W": (1, 4 * h, i), "R": (1, 4 * h, h), "B": (1, 8 * h)}.items()
    }
    x = rng.standard_normal((t, n, i)).astype(np.float32)

    def model(steps: int) -> ModelProto:
        names = ["X", "W", "R", "B", "", "h", "c"]
        node = helper.make_node("LSTM", names, ["Y", "hn", "cn"], "lstm", hidden_size=h)
        value = lambda name, shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)  # noqa: E731
        inputs = [value("X", [steps, n, i]), value("h", [1, n, h]), value("c", [1, n, h])]
        outputs = [value("Y", [steps, 1, n, h]), value("hn", [1, n, h]), value("cn", [1, n, h])]
        held = [numpy_helper.from_array(w, name) for name, w in weights.items()]
        return graphs.make_model(helper.make_graph([node], "g", inputs, outputs, held), 17)

    zero = np.zeros((1, n, h), np.float32)
    want, hn, cn = graphs.run_onnxruntime(model(t), {"X": x, "h": zero, "c": zero})
    engine = trtc.build(model(1), trtc.BuildOptions(target="sm_90a"))
    state = {"h": zero, "c": zero}
    for step in range(t):
        got = engine.run({"X": x[step : step + 1], **state})
        close(np.asarray(got["Y"])[0], want[step], step)
        state = {"h": np.asarray(got["hn"]), "c": np.asarray(got["cn"])}
    close(state["h"], hn, "h")
    close(state["c"], cn, "c")


@pytest.mark.parametrize(("steps", "batch"), [(0, 2), (3, 0)])
def test_no_step_and_no_sequence(steps: int, batch: int) -> None:
    """Without a step the last states are the first ones."""
    rng, net = np.random.default_rng(0), trtc.Network()
    x, h = net.add_input("x", "float32", [steps, batch, 3]), net.add_input("h", "float32", [1, batch, 16])
    w, r = (rng.standard_normal((1, 48, columns)).astype(np.float32) for columns in (3, 16))
    states = net.add_rnn("gru", x, w, r, hidden=h)
    net.mark_output(states.hidden, "y")
    net.mark_output(states.last_hidden, "last")
    given = rng.standard_normal((1, batch, 16)).astype(np.float32)
    engine = trtc.build(net, trtc.BuildOptions(target="sm_90a"))
    got = engine.run({"x": np.zeros((steps, batch, 3), np.float32), "h": given})
    assert np.asarray(got["y"]).shape == (steps, batch, 1, 16)
    np.testing.assert_array_equal(np.asarray(got["last"]), given.swapaxes(0, 1))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda node: node.attribute.append(helper.make_attribute("activations", ["Gelu"])), "activation 'Gelu' is none that ONNX defines"),
        (lambda node: node.attribute.append(helper.make_attribute("direction", "sideways")), "sideways"),
        (lambda node: node.attribute.append(helper.make_attribute("hidden_size", 7)), "hidden_size is 7, and R has 2 units"),
        (lambda node: node.attribute.append(helper.make_attribute("direction", "bidirectional")), "expected weights [2, .., ..]"),
    ],
)  # fmt: skip
def test_invalid_nodes(change: Any, message: str) -> None:
    node = helper.make_node("RNN", ["X", "W", "R"], ["Y"], "rnn")
    change(node)
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [node], "g", [value("X", TensorProto.FLOAT, [3, 1, 2])], [value("Y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.ones((1, 2, 2), np.float32), name) for name in "WR"],
    )  # fmt: skip
    with pytest.raises(TrtcError) as error:
        import_onnx(graphs.make_model(graph, 17))
    assert message in str(error.value)


def test_directions_with_activations_of_their_own() -> None:
    """Two ops, joined; else one for both directions."""
    draw = next(
        d
        for d in map(Draw, range(1000))
        if d.op == "RNN" and d.d == 2 and len(set(d.attributes.get("activations", []))) == 2
    )
    assert str(import_onnx(draw.model())).count("nn.rnn") == 2
    draw.attributes["activations"] = ["Tanh", "Tanh"]
    assert str(import_onnx(draw.model())).count("nn.rnn") == 1
