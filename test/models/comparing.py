"""Whole models against ONNX Runtime at several sizes, for tests on a GPU and on the simulator: `compare(model, "fp16", engine)`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from onnx import ModelProto, helper, numpy_helper

import trtc

sys.path.insert(0, str(Path(__file__).parent))
import samples
import zoo
from zoo import Array, Model

Run = Callable[[dict[str, Any]], dict[str, Any]]
CEILING = {"fp32": 1e-4, "fp16": 1e-2}
MOVED, DRAWS = 2.0**-11, 3
"""A network that quantizes its activations may be off by what ONNX Runtime's own results change where all float weights move by f16's
rounding, the most of so many draws: a value near a tie rounds the other way, be it by an ulp, and in a recurrence others follow it. Single
steps agree to 1e-5 (test/numerics/test_recurrent_quantized.py)."""
MARGIN = {"fp32": 1.0, "fp16": 2.0}
"""How often; f16 rounds activations as well as weights."""
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
    nearby = [_moved(model, seed) for seed in range(DRAWS)] if model.quantized else []
    for number, size in enumerate(model.sizes if sizes is None else sizes):
        given, other = (model.inputs(seed, **size) for seed in (7 + number, 70 + number))
        want, changed = reference(given), reference(other)
        change = max(difference(changed[name], array) for name, array in want.items())
        assert change >= LEAST_CHANGE, f"{size}: another input changes the outputs by {change:.1e} only"
        around = [run(given) for run in nearby]
        got = context.run(given)
        for name, array in want.items():
            found = np.asarray(got[name])
            assert (found.shape, found.dtype) == (array.shape, array.dtype), f"{name} {size}"
            off, limit = difference(found, array), ceiling(precision, array, [near[name] for near in around])
            other_off = difference(changed[name], array)
            assert not around or 2 * limit <= change, (
                f"{size}: {limit:.1e} is no limit where an input changes {change:.1e}"
            )
            print(
                f"{model.name} {precision} {size} {name}: {off:.1e} of {limit:.1e} allowed, another input {other_off:.1e}"
            )
            assert off <= limit, f"{name} {size}: differs by {off:.2e}, more than {limit:.2e}"


def ceiling(precision: str, want: Array, around: list[Array]) -> float:
    """What an output may be off by; `around`: what ONNX Runtime makes of a network that quantizes its activations, moved a little."""
    if want.dtype.kind != "f":
        return 1 - LEAST_AGREEMENT if around else 0.0
    return max([CEILING[precision], *(MARGIN[precision] * difference(near, want) for near in around)])


def _moved(model: Model, seed: int) -> Run:
    """ONNX Runtime on the model with its float weights moved up or down."""
    moved, rng = ModelProto(), np.random.default_rng(seed)
    moved.CopyFrom(model.proto)
    for weight in moved.graph.initializer:
        array = numpy_helper.to_array(weight)
        if array.dtype == np.float32:
            factor = 1 + MOVED * rng.choice([-1, 1], array.shape)
            weight.CopyFrom(numpy_helper.from_array((array * factor).astype(np.float32), weight.name))
    return onnxruntime_of(replace(model, proto=moved))


def difference(got: Array, want: Array) -> float:
    """The relative error of norms, or the share of integers that differ."""
    return zoo.relative_error(got, want) if want.dtype.kind == "f" else float(np.mean(got != want))


def onnxruntime_of(model: Model) -> Run:
    """The model by ONNX Runtime, as a function that knows what is bound."""
    session = zoo.session(model.proto, quantized=model.quantized)
    wanted = [output.name for output in session.get_outputs()]
    bound = {
        value.name: np.asarray(
            model.constants[value.name], helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
        )
        for value in model.proto.graph.input
        if value.name in model.constants
    }
    return lambda inputs: dict(zip(wanted, session.run(wanted, {**inputs, **bound}), strict=True))


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
