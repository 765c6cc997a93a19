"""Models with branches, loops and sizes that data says, built and run on the simulator against NumPy; what inputs bound to constants do."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

import trtc
from trtc import BuildOptions, HostValueError, OptionError

sys.path.insert(0, str(Path(__file__).parents[2]))

from control_models import MODELS, engine


@pytest.mark.parametrize("name", MODELS)
def test_it_computes_what_numpy_does(name: str) -> None:
    model, context = MODELS[name], engine(name, "sm_90a").create_context("simulator")
    for seed in range(4):
        inputs = model.inputs(seed)
        found, expected = context.run(inputs), model.reference(**inputs)
        for output, array in expected.items():
            assert found[output].shape == array.shape, (seed, output)
            np.testing.assert_allclose(found[output], array, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", [name for name in MODELS if MODELS[name].beyond is not None])
def test_beyond_its_bound_a_size_is_refused_and_the_context_goes_on(name: str) -> None:
    model, context = MODELS[name], engine(name, "sm_90a").create_context("simulator")
    assert model.beyond is not None
    with pytest.raises(HostValueError, match=r"rebuild with a wider range|valid for these shapes"):
        context.run(model.beyond)
    inputs = model.inputs(0)
    found = context.run(inputs)
    for output, array in model.reference(**inputs).items():
        np.testing.assert_allclose(found[output], array, rtol=1e-5, atol=1e-6)


def test_an_open_output_can_be_given() -> None:
    model, context = MODELS["range"], engine("range", "sm_90a").create_context("simulator")
    inputs = model.inputs(0)
    given = np.full(16, -1, np.int64)
    found = context.run(inputs, {"y": given})["y"]
    np.testing.assert_array_equal(found, np.arange(5))
    assert np.shares_memory(found, given)


def test_an_input_is_bound_to_a_constant() -> None:
    model = MODELS["branch"]
    built = trtc.build(model.proto, BuildOptions(target="sm_90a", constants={"c": True}), cache=None)
    assert [spec["name"] for spec in built.inspect()["inputs"]] == ["x"]
    assert built.inspect()["options"]["constants"] == {"c": True}
    x = model.inputs(0)["x"]
    np.testing.assert_allclose(built.run({"x": x})["y"], model.reference(x=x, c=True)["y"], rtol=1e-6)


@pytest.mark.parametrize(
    ("constants", "message"),
    [
        ({"d": 1}, "the model has no input 'd'; its inputs are x, c"),
        ({"c": 2.5}, "input 'c' takes bool numbers, got 2.5"),
        ({"c": [True, False]}, r"input 'c' has shape \[\], got a value of shape \[2\]"),
        ({"x": [1.0, 2.0]}, r"input 'x' has shape \[4, 6\], got a value of shape \[2\]"),
        ({"x": [[1.0], [2.0, 3.0]]}, "in lists of equal lengths"),
        ({"c": "yes"}, "expected a number, nested lists of numbers or an array"),
    ],
)
def test_constants_that_do_not_fit_are_refused(constants: dict[str, object], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        trtc.build(MODELS["branch"].proto, BuildOptions(target="sm_90a", constants=constants), cache=None)


def test_bounds_of_no_node_are_refused() -> None:
    with pytest.raises(OptionError, match="no size of 'topk' depends on data"):
        trtc.build(MODELS["range"].proto, BuildOptions(target="sm_90a", bounds={"topk": 4}), cache=None)


def test_the_numbers_of_an_input_have_a_profile() -> None:
    """A shape input has (min, opt, max) of its values, as a dim has of its sizes."""
    model = MODELS["counted"]
    profiles = {"n": (1, 2, 4)}
    made = trtc.build(model.proto, BuildOptions(target="sm_90a", profiles=profiles), cache=None)
    context = made.create_context("simulator")
    for count in (1, 4):
        inputs = {"x": model.inputs(0)["x"], "n": np.array(count)}
        np.testing.assert_allclose(context.run(inputs)["r"], model.reference(**inputs)["r"], rtol=1e-5)
    for count in (0, 5):
        with pytest.raises(HostValueError, match=r"within \[1, 4\]"):
            context.run({"x": model.inputs(0)["x"], "n": np.array(count)})


def test_a_branch_that_no_shape_of_the_profile_fits_is_refused_when_it_is_chosen() -> None:
    """A model that one branch fits for some sizes, the other for others, is built for either: the host checks the condition."""
    from onnx import parser

    text = """<ir_version: 8, opset_import: ["" : 18]> g (float[N] x, bool c) => (float[A] y) {
      y = If(c) <then_branch = p () => (float[A] u) { k = Constant<value = float[4] {1.0, 2.0, 3.0, 4.0}>()  u = Mul(x, k) },
                 else_branch = q () => (float[A] v) { k = Constant<value = float[3] {1.0, 2.0, 3.0}>()  v = Add(x, k) }>
    }"""
    x = np.arange(4, dtype=np.float32)
    for size, chosen in ((4, True), (3, False)):
        options = BuildOptions(target="sm_90a", profiles={"N": (size, size, size)})
        context = trtc.build(parser.parse_model(text), options, cache=None).create_context("simulator")
        given, k = x[:size], np.arange(1, size + 1, dtype=np.float32)
        found = context.run({"x": given, "c": np.array(chosen)})["y"]
        np.testing.assert_allclose(found, given * k if chosen else given + k)
        with pytest.raises(HostValueError, match="condition"):
            context.run({"x": given, "c": np.array(not chosen)})
