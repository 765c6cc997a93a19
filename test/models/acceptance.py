"""What every way of running the five models has to show, on a GPU and on the simulator: shared by the tests of both."""

from __future__ import annotations

from functools import cache
from typing import Any

import exact
import numpy as np
import zoo
from group_values import Lowered, check_reach, compare_groups, group_results, launches_of

import trtc
from trtc.compiler.debug.check_numerics import trace
from trtc.compiler.frontend import import_onnx
from trtc.compiler.pipeline import run_pipeline
from trtc.compiler.targets import set_target

Array = np.ndarray[Any, Any]

CEILING = {"fp32": 1e-4, "fp16": 1e-2}
LAUNCHES = {"inception_v1": 57, "open_nsfw": 53}
LEAST_CHANGE = 0.3
"""What another input changes the compared output by, in relative norm: a result that hardly depends on the input proves nothing."""
DECIDED_MARGIN = 5.0
"""Roundings of float32 that a quantized value keeps from a tie in an input that implementations must agree on."""
DECIDED_SIZES = {"height": 48, "width": 64}
"""Small images: the chance that no value is near a tie falls with their number."""


@cache
def model(name: str) -> zoo.Model:
    return zoo.ALL[name]()


@cache
def inputs(name: str, seed: int) -> zoo.Inputs:
    return model(name).inputs(seed, **(DECIDED_SIZES if name == "qdq_convnet" else {}))


@cache
def reference(name: str, seed: int) -> dict[str, Array]:
    """Every value that a node of the model makes, by ONNX Runtime."""
    made = model(name)
    names = [output for node in made.proto.graph.node for output in node.output if output]
    return zoo.run_onnxruntime(made.proto, inputs(name, seed), names)


@cache
def decided_inputs(name: str, count: int = 2, draws: int = 24) -> list[tuple[zoo.Inputs, dict[str, Array]]]:
    """Inputs of a quantized model, drawn from fresh seeds, on which no value is near a rounding tie (exact.py), with ONNX
    Runtime's outputs, which agree with float64 there: the first `count` of `draws` seeds. Fails where there are fewer."""
    made = model(name)
    module = import_onnx(made.proto, profiles=made.profiles)
    found: list[tuple[zoo.Inputs, dict[str, Array]]] = []
    for seed in range(draws):
        given = made.inputs(seed, **DECIDED_SIZES)
        judged = exact.run_in_float64(module, given)
        if judged.margin < DECIDED_MARGIN:
            continue
        want = zoo.run_onnxruntime(made.proto, given)
        error = zoo.relative_error(want[made.compare], judged.outputs[made.compare])
        assert error <= 1e-5, f"seed {seed}: ONNX Runtime differs from float64 by {error:.1e} on a decided input"
        found.append((given, want))
        if len(found) == count:
            break
    assert len(found) >= count, f"{len(found)} of {draws} inputs are decided, expected at least {count}"
    return found


@cache
def rounded_values(name: str, precision: str, seed: int) -> dict[str, Array]:
    """Every named value by the meaning of the groups, which round where the engine rounds."""
    made = model(name)
    module = import_onnx(made.proto, profiles=made.profiles)
    set_target(module, "sm_80")
    run_pipeline(module, trtc.BuildOptions(precision=precision, profiles=made.profiles), stop_after="fuse")
    return {key: traced.array for key, traced in trace(module, inputs(name, seed)).values.items()}


def compared_cases(name: str) -> list[tuple[zoo.Inputs, dict[str, Array]]]:
    """Inputs and what ONNX Runtime makes of them: two fresh seeds, or the decided inputs of a quantized model."""
    if name == "qdq_convnet":
        return decided_inputs(name)
    return [(inputs(name, seed), reference(name, seed)) for seed in (11, 12)]


def check_outputs(name: str, precision: str, context: Any, repeats: int = 1) -> None:
    """The output to compare by of every case, the last of `repeats` runs each, and that another input changes it."""
    output = model(name).compare
    results: list[Array] = []
    for given, want in compared_cases(name):
        got = [context.run(given) for _ in range(repeats)][-1][output]
        error = zoo.relative_error(got, want[output])
        print(f"{name} {precision} {output}: {error:.2e}")
        assert error <= CEILING[precision], f"{output}: relative error {error:.2e}"
        results.append(got)
    change = max(zoo.relative_error(other, results[0]) for other in results[1:])
    print(f"{name} {precision} {output}: another input changes it by {change:.2f}")
    assert change >= LEAST_CHANGE, f"another input changes {output} by {change:.1e} only, expected {LEAST_CHANGE}"


def check_groups(name: str, precision: str, context: Any, seed: int = 11) -> None:
    """Every named result of a launch against ONNX Runtime, or where values are rounded against the meaning of the groups, which round
    alike, and that most launches have one. The softmax is left out where the logits are an output: saturated it hides errors, else it
    adds some."""
    made = model(name)
    rounds = name == "qdq_convnet" or precision == "fp16"
    want = rounded_values(name, precision, seed) if rounds else reference(name, seed)
    skip = set(made.outputs) - {made.compare}
    found = {key: array for key, array in group_results(context, inputs(name, seed)).items() if key not in skip}
    compare_groups(f"{name} {precision}", found, want, launches_of(context), CEILING[precision], least=0.8)
    if not isinstance(context, Lowered):
        check_reach(context, inputs(name, seed), found.keys() & want.keys())
