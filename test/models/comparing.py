"""Whole models against ONNX Runtime at several sizes, for tests on a GPU and on the simulator: `compare(model, "fp16", engine)`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper

import trtc

sys.path.insert(0, str(Path(__file__).parent))
import samples
import zoo
from zoo import Array, Model

Run = Callable[[dict[str, Any]], dict[str, Any]]
CEILING = {"fp32": 1e-4, "fp16": 1e-2}
QUANTIZED = 3e-2
"""Ceiling for networks that round activations to 8 bits by their range at run time, which differs with the order of sums: ONNX Runtime
rounds the states of an LSTM too, trtc does not. A wrong scale or zero point is an error of 0.1 and more."""
LEAST_AGREEMENT = 0.98
"""The share of labels that such a network gives alike."""
LEAST_CHANGE = 0.02
"""What another input changes some output by, in relative norm: at least twice what fp16 may be off by."""


def build(model: Model, precision: str, target: str | None = None) -> Any:
    options = trtc.BuildOptions(precision=precision, target=target, profiles=model.profiles, constants=model.constants)
    return trtc.build(model.proto, options)


def compare(model: Model, precision: str, context: Any, sizes: tuple[dict[str, int], ...] | None = None) -> None:
    """Every output at each of the sizes, and that another input changes one of them."""
    reference = onnxruntime_of(model)
    for number, size in enumerate(model.sizes if sizes is None else sizes):
        given, other = (model.inputs(seed, **size) for seed in (7 + number, 70 + number))
        want, changed = reference(given), reference(other)
        change = max(difference(changed[name], array) for name, array in want.items())
        assert change >= LEAST_CHANGE, f"{size}: another input changes the outputs by {change:.1e} only"
        got = context.run(given)
        for name, array in want.items():
            found = np.asarray(got[name])
            assert (found.shape, found.dtype) == (array.shape, array.dtype), f"{name} {size}"
            off = difference(found, array)
            print(
                f"{model.name} {precision} {size} {name}: {off:.1e}, another input {difference(changed[name], array):.1e}"
            )
            assert off <= ceiling(model, precision, array), f"{name} {size}: differs by {off:.2e}"


def ceiling(model: Model, precision: str, array: Array) -> float:
    if not model.quantized:
        return CEILING[precision] if array.dtype.kind == "f" else 0.0
    return QUANTIZED if array.dtype.kind == "f" else 1 - LEAST_AGREEMENT


def difference(got: Array, want: Array) -> float:
    """The relative error of norms, or the share of integers that differ."""
    return zoo.relative_error(got, want) if want.dtype.kind == "f" else float(np.mean(got != want))


def onnxruntime_of(model: Model) -> Run:
    """The model by ONNX Runtime, as a function that knows what is bound."""
    session = zoo.session(with_unsigned_weights(model.proto))
    wanted = [output.name for output in session.get_outputs()]
    bound = {
        value.name: np.asarray(
            model.constants[value.name], helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
        )
        for value in model.proto.graph.input
        if value.name in model.constants
    }
    return lambda inputs: dict(zip(wanted, session.run(wanted, {**inputs, **bound}), strict=True))


_WEIGHTS = {"MatMulInteger": ((1, 3),), "ConvInteger": ((1, 3),), "DynamicQuantizeLSTM": ((1, 9), (2, 11))}
"""The operands of integer products that are weights, each with its zero point."""


def with_unsigned_weights(model: ModelProto) -> ModelProto:
    """The same model with int8 weights as uint8, 128 more like their zero points: on CPUs without VNNI ONNX Runtime adds products of uint8
    and int8 in pairs in 16 bits, which saturates."""
    made = ModelProto()
    made.CopyFrom(model)
    tensors = {tensor.name: tensor for tensor in made.graph.initializer}

    def shifted(name: str) -> str:
        unsigned = f"{name}_unsigned"
        if unsigned not in tensors:
            array = numpy_helper.to_array(tensors[name]).astype(np.int16) + 128 if name else np.array(128)
            tensors[unsigned] = numpy_helper.from_array(array.astype(np.uint8), unsigned)
            made.graph.initializer.append(tensors[unsigned])
        return unsigned

    for node in made.graph.node:
        for weight, zero in _WEIGHTS.get(node.op_type, ()):
            tensor = tensors.get(node.input[weight])
            if tensor is not None and tensor.data_type == TensorProto.INT8:
                node.input.extend([""] * (zero + 1 - len(node.input)))
                node.input[weight], node.input[zero] = shifted(node.input[weight]), shifted(node.input[zero])
    return made


def speech_windows(frames: int, seed: int = 6, rate: int = samples.RATE) -> Array:
    """Silero's windows of speech and silence, [frames, 1, 576] at 16 kHz and half as many at 8 kHz: each begins with the last ninth of the
    one before."""
    step, context = 512 * rate // samples.RATE, 64 * rate // samples.RATE
    sound = samples.audio(np.random.default_rng(seed), 1, step * frames + context, rate)[0]
    sound *= np.repeat(np.arange(frames + 1) // 40 % 2 == 0, step)[: len(sound)]
    return np.stack([sound[None, step * i : step * (i + 1) + context] for i in range(frames)])


def stream(run: Run, windows: Array, place: Callable[[Array], Any], rate: int | None = None) -> tuple[list[Any], Any]:
    """Silero over windows of samples, [frames, 1, samples]: each run gets the state that the one before left where it is, and the rate
    where it reads one. Returns the probabilities and the last state, as `run` made them."""
    given = {"state": place(np.zeros((2, 1, 128), np.float32))}
    if rate is not None:
        given["sr"] = place(np.array(rate))
    found: list[Any] = []
    for window in windows:
        made = run({**given, "input": place(window)})
        given["state"] = made["stateN"]
        found.append(made["output"])
    return found, given["state"]
