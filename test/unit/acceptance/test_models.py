"""The five models without a GPU: on the simulator at the output and at every group, accuracy in fp16, and launches."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp

import trtc
from trtc.compiler.debug.check_numerics import relative_error
from trtc.compiler.frontend import import_onnx
from trtc.compiler.interpret.module import execute, main_function
from trtc.compiler.pipeline import run_pipeline
from trtc.compiler.targets import set_target
from trtc.dialects import buffer, fusion, nn
from trtc.passes.remarks import collecting

sys.path.insert(0, str(Path(__file__).parents[2] / "models"))
import acceptance
import exact
import group_values
import zoo

pytestmark = pytest.mark.network
ON_THE_SIMULATOR = [("ppocr_cls", "fp32"), ("ppocr_cls", "fp16"), ("minilm", "fp16"), ("qdq_convnet", "fp32")]
"""MiniLM in fp16 for its mask, whose lowest float fp16 cannot hold; the others are large or much like these."""


BUILT = [("ppocr_cls", "fp32"), ("minilm", "fp16")]
"""Built whole; the others differ in kernels, which NVRTC is not needed to run."""


@cache
def context(name: str, precision: str) -> Any:
    if (name, precision) not in BUILT:
        return group_values.Lowered(acceptance.model(name), precision)
    pytest.importorskip("cupy", reason="NVRTC comes with CuPy")
    made = acceptance.model(name)
    options = trtc.BuildOptions(precision=precision, target="sm_80", profiles=made.profiles)
    return trtc.build(made.proto, options).create_context("simulator", poison=True)


@pytest.mark.parametrize(("name", "precision"), ON_THE_SIMULATOR)
def test_the_output_and_every_group_match(name: str, precision: str) -> None:
    """ONNX Runtime, within what the precision allows, and another input changes the result."""
    acceptance.check_outputs(name, precision, context(name, precision))
    acceptance.check_groups(name, precision, context(name, precision))


def test_a_row_that_is_masked_as_a_whole_is_finite_in_fp16() -> None:
    """-inf in every entry would be NaN after the softmax."""
    made = acceptance.model("minilm")
    given = made.inputs(3, batch=2, sequence=5)
    given["attention_mask"][1] = 0
    got = context("minilm", "fp16").run(given)[made.compare]
    want = zoo.run_onnxruntime(made.proto, given)[made.compare]
    assert zoo.relative_error(got[0], want[0]) <= acceptance.CEILING["fp16"]
    assert np.isfinite(got).all()


@cache
def lowered(name: str, precision: str, phase: str) -> tuple[ModuleOp, list[str]]:
    """A model after a phase of the pipeline, and the messages of all remarks."""
    made = acceptance.model(name)
    module = import_onnx(made.proto, profiles=made.profiles)
    set_target(module, "sm_80")
    with collecting() as remarks:
        options = trtc.BuildOptions(precision=precision, profiles=made.profiles)
        run_pipeline(module, options, stop_after=phase)
    return module, [remark.message for remark in remarks]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_inception_is_accurate_in_fp16_and_depends_on_its_input(seed: int) -> None:
    """The network is made to be (seeding.py): else a comparison within 1e-2 says little."""
    made = zoo.inception_v1(seed)
    module = import_onnx(made.proto)
    set_target(module, "sm_80")
    run_pipeline(module, trtc.BuildOptions(precision="fp16"), stop_after="graph")
    wanted: list[np.ndarray] = []
    for number in (31, 32, 33):
        given = made.inputs(number)
        want = zoo.run_onnxruntime(made.proto, given)[made.compare]
        error = zoo.relative_error(execute(module, given)[made.compare], want)
        print(f"seed {seed}, input {number}: {error:.1e}")
        assert error <= 7e-3
        wanted.append(want)
    for index, other in enumerate(wanted):
        zoo.assert_input_matters(wanted[index - 1], other, acceptance.LEAST_CHANGE)


@pytest.mark.parametrize("name", zoo.ALL)
def test_another_input_changes_the_result(name: str) -> None:
    """By as much as a comparison needs to mean something; it is a property of the models and their inputs."""
    made = acceptance.model(name)
    results = [want[made.compare] for _, want in acceptance.compared_cases(name)]
    change = max(zoo.relative_error(other, results[0]) for other in results[1:])
    print(f"{name}: {change:.2f}")
    assert change >= acceptance.LEAST_CHANGE


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize("name", acceptance.LAUNCHES)
def test_launches(name: str, precision: str) -> None:
    module, messages = lowered(name, precision, "fuse")
    ops = list(main_function(module).body.block.ops)
    # A group may take several launches, which stand there once its kernels do.
    kernels, _ = lowered(name, precision, "memory")
    launches = sum(isinstance(op, buffer.LaunchOp) for op in main_function(kernels).body.block.ops)
    print(f"{name} {precision}: {launches} launches")
    assert 20 <= launches <= acceptance.LAUNCHES[name]
    concats = [op for op in ops if isinstance(op, nn.ConcatOp)]
    assert {fusion.alias_of(op) for op in concats} <= {fusion.Alias.DEST}
    assert len(concats) == {"inception_v1": 9, "open_nsfw": 0}[name]
    assert not [message for message in messages if "copied" in message]


def test_ties_are_found() -> None:
    """A value in the middle between two steps has no margin, one well between has a large one."""
    net = trtc.Network()
    x = net.add_input("x", "f32", (2,))
    scale = np.array(0.5, np.float32)
    net.mark_output(net.add_dequantize(net.add_quantize(x, scale), scale), "y")
    module = net.module()
    tie = exact.run_in_float64(module, {"x": np.float32([1.25, 1.0])})
    assert tie.margin == 0.0
    near = exact.run_in_float64(module, {"x": np.float32([1.25 + 2**-21, 1.0])})
    assert near.margin == pytest.approx(6.4)
    clear = exact.run_in_float64(module, {"x": np.float32([1.0, 1.6])})
    assert clear.margin > 1e5
    np.testing.assert_array_equal(clear.outputs["y"], [1.0, 1.5])


def test_a_shifted_network_is_noticed() -> None:
    """The comparison fires on a result that is off by little, and on an infinity in the place of a clamped number."""
    expected = np.float32([[1.0, 2.0, -3.4e38]])
    assert relative_error(np.float16([[1.0, 2.0, -32000.0]]), expected) == 0.0
    assert relative_error(np.float16([[1.0, 2.1, -32000.0]]), expected) > acceptance.CEILING["fp16"]
    assert relative_error(np.float16([[1.0, 2.0, -np.inf]]), expected) == np.inf
