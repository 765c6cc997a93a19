"""ConvTranspose beside ONNX Runtime: kernels, strides, dilations, pads, groups, output shapes, one to three dims."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
import onnx
import onnx.helper as helper
import onnxruntime
import pytest

import trtc
from trtc.compiler.frontend import import_onnx
from trtc.dialects.errors import InvalidModelError, UnsupportedOpError
from trtc.dialects.meaning import run_module

RNG = np.random.default_rng(23)


def model(
    shape: Sequence[int | str], weights: Sequence[int], *, bias: bool = True, **attributes: Any
) -> onnx.ModelProto:
    """One node with random weights over a tensor of this shape."""
    arrays = {"w": RNG.standard_normal(weights).astype(np.float32)}
    if bias:
        arrays["b"] = RNG.standard_normal(weights[1] * attributes.get("group", 1)).astype(np.float32)
    node = helper.make_node("ConvTranspose", ["x", *arrays], ["y"], **attributes)
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)],
        [onnx.numpy_helper.from_array(array, name) for name, array in arrays.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)


def check(made: onnx.ModelProto, shapes: Sequence[Sequence[int]], *, simulate: bool, **profiles: Any) -> None:
    """A model against ONNX Runtime, by meaning or by its kernels."""
    session = onnxruntime.InferenceSession(made.SerializeToString())
    engine = trtc.build(made, trtc.BuildOptions(target="sm_90a", profiles=profiles)) if simulate else None
    module = import_onnx(made, profiles=profiles)
    for shape in shapes:
        x = RNG.standard_normal(shape).astype(np.float32)
        (want,) = session.run(None, {"x": x})
        got = run_module(module, [x])[0] if engine is None else np.asarray(engine.run({"x": x})["y"])
        assert got.shape == want.shape
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("kernel", [1, 2, 3, 4, 5])
def test_all_windows_of_one_dim(kernel: int, stride: int) -> None:
    for dilation, before, after, extra in product((1, 2, 3), (0, 1, 3), (0, 2), (0, 1)):
        reach = (kernel - 1) * dilation + 1
        if 4 * stride + reach - before - after + extra < 1 or extra >= stride:  # ONNX Runtime: less than the stride
            continue
        window = {"strides": [stride], "dilations": [dilation], "pads": [before, after], "output_padding": [extra]}
        check(model([2, 4, 5], [4, 3, kernel], **window), [[2, 4, 5]], simulate=False)


@pytest.mark.parametrize("group", [1, 2, 4])
@pytest.mark.parametrize(
    ("shape", "kernel", "window"),
    [
        ([4, 5, 6], [3, 4], {"strides": [2, 2], "pads": [1, 1, 1, 1]}),
        ([4, 5, 6], [4, 4], {"strides": [2, 2], "pads": [1, 1, 1, 1]}),
        ([4, 5, 6], [3, 3], {"strides": [2, 3], "output_padding": [1, 0]}),
        ([4, 5, 6], [3, 2], {"dilations": [2, 1], "pads": [0, 1, 2, 0]}),
        ([4, 3, 4, 5], [2, 3, 2], {"strides": [2, 1, 3], "pads": [1, 0, 0, 0, 1, 1]}),
        ([4, 7], [5], {"strides": [2], "dilations": [2]}),
    ],
)
@pytest.mark.parametrize("outputs", [1, 3])
def test_kernels(shape: list[int], kernel: list[int], window: dict[str, Any], outputs: int, group: int) -> None:
    made = model([2, *shape], [4, outputs, *kernel], group=group, bias=outputs == 3, **window)
    check(made, [[2, *shape]], simulate=True)


@pytest.mark.parametrize("group", [1, 2, 4])
@pytest.mark.parametrize(("kernel", "stride"), [(3, 2), (1, 2), (2, 3), (4, 3)])
def test_infinities_stay_where_they_belong(kernel: int, stride: int, group: int) -> None:
    """No product with a zero that stands for a tap: inf * 0 is NaN."""
    made = model([1, 4, 4, 5], [4, 1, kernel, kernel], strides=[stride, stride], group=group)
    x = RNG.standard_normal((1, 4, 4, 5)).astype(np.float32)
    x[0, 0, 1, 2], x[0, 3, 3, 4], x[0, 2, 0, 0] = np.inf, -np.inf, np.nan
    (want,) = onnxruntime.InferenceSession(made.SerializeToString()).run(None, {"x": x})
    assert np.isnan(want).any() and np.isinf(want).any() and np.isfinite(want).any()
    got = np.asarray(trtc.build(made, trtc.BuildOptions(target="sm_90a")).run({"x": x})["y"])
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("kernel", "stride"), [(8, 4), (7, 6), (5, 6)])
def test_many_remainders_are_channels_of_one_convolution(kernel: int, stride: int) -> None:
    made = model([1, 3, 3, 4], [3, 2, kernel, kernel], strides=[stride, stride], pads=[1, 0, 1, 2])
    convolutions = [op for op in import_onnx(made).walk() if op.name == "nn.conv"]
    assert len(convolutions) == (4 if stride == 4 else 1)
    check(made, [[1, 3, 3, 4]], simulate=True)


@pytest.mark.parametrize("mode", ["NOTSET", "SAME_UPPER", "SAME_LOWER"])
def test_output_shapes(mode: str) -> None:
    shape, weights = [1, 2, 4, 5], [2, 3, 3, 4]
    for wanted in ([9, 11], [10, 12], [8, 12]):
        made = model(shape, weights, strides=[2, 2], output_shape=wanted, auto_pad=mode)
        check(made, [shape], simulate=False)
    for extra in ([0, 0], [1, 2]):
        made = model(shape, weights, strides=[2, 3], auto_pad=mode, output_padding=extra)
        check(made, [shape], simulate=False)


@pytest.mark.parametrize("group", [1, 2, 4])
@pytest.mark.parametrize("simulate", [False, True])
def test_dynamic_dims(simulate: bool, group: int) -> None:
    made = model(
        ["N", 4, "H", "W"],
        [4, 2 if group < 4 else 1, 4, 3],
        group=group,
        strides=[2, 2],
        pads=[1, 0, 1, 1],
        auto_pad="NOTSET",
    )
    sizes = {"N": (1, 2, 3), "H": (1, 5, 9), "W": (1, 6, 9)}
    check(made, [[1, 4, 1, 1], [3, 4, 9, 4], [2, 4, 5, 6]], simulate=simulate, **sizes)
    same = model(["N", 4, "H", "W"], [4, 2, 3, 3], strides=[2, 2], auto_pad="SAME_UPPER")
    check(same, [[1, 4, 1, 1], [3, 4, 9, 4]], simulate=simulate, **sizes)


def test_a_refit_equals_a_fresh_build() -> None:
    """The rearranged weights are computed anew from those of the model."""
    first, second = (model([1, 4, 5, 6], [4, 3, 4, 4], strides=[2, 2], pads=[1, 1, 1, 1]) for _ in range(2))
    options = trtc.BuildOptions(target="sm_90a", refit=True)
    engine = trtc.build(first, options)
    x = RNG.standard_normal((1, 4, 5, 6)).astype(np.float32)
    before = np.asarray(engine.run({"x": x})["y"])
    engine.refit({w.name: onnx.numpy_helper.to_array(w) for w in second.graph.initializer})
    fresh = np.asarray(trtc.build(second, options).run({"x": x})["y"])
    got = np.asarray(engine.run({"x": x})["y"])
    assert got.tobytes() == fresh.tobytes() and got.tobytes() != before.tobytes()


@pytest.mark.parametrize("group", [1, 4])
@pytest.mark.parametrize("refit", [False, True])
def test_a_batch_norm_and_an_activation_become_part_of_the_convs(group: int, refit: bool) -> None:
    """All computing is in the convs' launches; a copy is to the layout of the output."""
    made = model([1, 4, 5, 6], [4, 4 // group, 4, 4], group=group, strides=[2, 2], pads=[1, 1, 1, 1])
    for name in ("scale", "shift", "mean", "variance"):
        numbers = np.abs(RNG.standard_normal(4)).astype(np.float32) + 0.5
        made.graph.initializer.append(onnx.numpy_helper.from_array(numbers, name))
    made.graph.node.append(helper.make_node("BatchNormalization", ["y", "scale", "shift", "mean", "variance"], ["n"]))
    made.graph.node.append(helper.make_node("LeakyRelu", ["n"], ["r"], alpha=0.1))
    made.graph.output[0].name = "r"
    (want,) = onnxruntime.InferenceSession(made.SerializeToString()).run(
        None, {"x": (x := np.ones((1, 4, 5, 6), np.float32))}
    )
    engine = trtc.build(made, trtc.BuildOptions(target="sm_90a", refit=refit))
    np.testing.assert_allclose(np.asarray(engine.run({"x": x})["r"]), want, rtol=1e-4, atol=1e-5)
    launches = engine.inspect()["variants"]["sm_90a"]["choices"]
    assert all(name == "copy" or (name.startswith("conv") and "leaky_relu" in name) for name in launches), launches


def test_what_is_refused() -> None:
    with pytest.raises(InvalidModelError, match="'output_padding' should have 2 entries"):
        import_onnx(model([1, 2, 4, 4], [2, 3, 3, 3], output_padding=[1]))
    with pytest.raises(InvalidModelError, match="expected weights"):
        import_onnx(model([1, 2, 4, 4], [3, 3, 3, 3]))
    with pytest.raises(UnsupportedOpError, match="its output_shape 9 is fixed and its operand's dim W is not"):
        import_onnx(model([1, 2, 4, "W"], [2, 3, 3, 3], output_shape=[6, 9]), profiles={"W": (1, 4, 8)})
