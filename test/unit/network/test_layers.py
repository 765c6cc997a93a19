"""The layer API: shapes and types are checked at the call, and what it builds computes what NumPy computes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from xdsl.ir import Operation

from trtc.compiler.network import Network
from trtc.dialects import nn
from trtc.dialects.errors import InvalidModelError, OptionError
from trtc.dialects.meaning import run_module
from trtc.dialects.provenance import is_unknown, onnx_names

Array = np.ndarray[Any, Any]


def normal(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def ops_of(network_module: Operation) -> list[Operation]:
    return [op for op in network_module.walk() if op.name.startswith(("nn.", "quant."))]


def reference_conv(x: Array, w: Array, stride: int, pad: int) -> Array:
    """N,C,H,W convolution by explicit sums over the window."""
    padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    _, _, rows, columns = w.shape
    height = (padded.shape[2] - rows) // stride + 1
    width = (padded.shape[3] - columns) // stride + 1
    result = np.zeros((x.shape[0], w.shape[0], height, width), np.float64)
    for r in range(rows):
        for s in range(columns):
            patch = padded[:, :, r : r + stride * height : stride, s : s + stride * width : stride]
            result += np.einsum("nchw,oc->nohw", patch.astype(np.float64), w[:, :, r, s].astype(np.float64))
    return result


def test_a_network_by_hand() -> None:
    net = Network()
    x = net.add_input("x", "f32", ("N", 3, 9, 12))
    w, bias = normal(5, 3, 3, 3, seed=1), normal(5, seed=2)
    y = net.add_unary("relu", net.add_convolution(x, w, bias, strides=(2, 2), pads=(1, 1, 1, 1)))
    net.mark_output(y, "y")
    net.symbols(N=(1, 4, 8))
    module = net.module()

    assert nn.symbol_ranges(module) == {"N": (1, 4, 8)}
    for batch in (1, 3):
        image = normal(batch, 3, 9, 12, seed=batch)
        (got,) = run_module(module, [image])
        expected = np.maximum(reference_conv(image, w, 2, 1) + bias[:, None, None], 0)
        assert got.shape == (batch, 5, 5, 6)
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)


def test_channels_last_has_no_transposes() -> None:
    x, w = normal(2, 6, 7, 4), normal(5, 3, 3, 4, seed=1)
    results: list[Array] = []
    for layout, image, filters in (("NHWC", x, w), ("NCHW", x.transpose(0, 3, 1, 2), w.transpose(0, 3, 1, 2))):
        net = Network()
        value = net.add_convolution(net.add_input("x", "f32", image.shape), filters, layout=layout)  # type: ignore[arg-type]
        net.mark_output(net.add_max_pool(value, (2, 2), strides=(2, 2), layout=layout), "y")  # type: ignore[arg-type]
        module = net.module()
        transposes = [op for op in ops_of(module) if isinstance(op, nn.TransposeOp)]
        assert len(transposes) == (0 if layout == "NHWC" else 4)
        results += run_module(module, [np.ascontiguousarray(image)])
    np.testing.assert_allclose(results[0], results[1].transpose(0, 2, 3, 1), rtol=1e-5)


def test_numbers_take_the_type_of_the_other_operand() -> None:
    net = Network()
    x = net.add_input("x", "f16", (4,))
    net.mark_output(net.add_binary("mul", net.add_binary("sub", 1.0, x), 0.5), "y")
    (got,) = run_module(net.module(), [np.array([0, 1, 2, 3], np.float16)])
    assert got.dtype == np.float16
    assert got.tolist() == [0.5, 0.0, -0.5, -1.0]


def test_small_equal_constants_are_shared_and_large_ones_are_the_networks_own() -> None:
    net = Network()
    x = net.add_input("x", "f32", (64,))
    weights = normal(64)
    y = net.add_binary("add", net.add_binary("mul", x, 2.0), net.add_binary("mul", weights, 2.0))
    net.mark_output(y, "y")
    constants = [op for op in ops_of(net.module()) if isinstance(op, nn.ConstantOp)]
    assert len(constants) == 2
    weights[...] = 0
    assert any(op.array().any() and op.array().size == 64 for op in constants)


def test_every_layer_has_a_location() -> None:
    net = Network()
    x = net.add_input("x", "f32", (2, 8))
    net.mark_output(net.add_softmax(net.add_unary("exp", x)), "y")
    ops = ops_of(net.module())
    assert not any(is_unknown(op.location) for op in ops)
    assert [onnx_names(op.location) for op in ops] == [["exp_0"], ["softmax_1"]]


def test_dynamic_dims_stay_expressions() -> None:
    net = Network()
    x = net.add_input("x", "f32", ("N", "H", "W", 8))
    y = net.add_max_pool(x, (3, 3), strides=(2, 2), pads=(1, 1, 1, 1), layout="NHWC")
    assert [str(extent) for extent in net.shape(y)] == ["N", "(H + 1) floordiv 2", "(W + 1) floordiv 2", "8"]


def matmul_of_3_and_4(net: Network) -> None:
    net.add_matmul(net.add_input("x", "f32", (2, 3)), np.zeros((4, 5), np.float32))


def mixed_types(net: Network) -> None:
    net.add_binary("add", net.add_input("x", "f32", (2,)), np.zeros(2, np.int64))


def unknown_unary(net: Network) -> None:
    net.add_unary("gelu", net.add_input("x", "f32", (2,)))


def sqrt_of_integers(net: Network) -> None:
    net.add_unary("sqrt", net.add_input("x", "i64", (2,)))


def half_an_integer(net: Network) -> None:
    net.add_binary("add", net.add_input("x", "i64", (2,)), 0.5)


def two_inputs_of_one_name(net: Network) -> None:
    net.add_input("x", "f32", (2,))
    net.add_input("x", "f32", (2,))


def no_such_type(net: Network) -> None:
    net.add_input("x", "f31", (2,))


def bad_dim(net: Network) -> None:
    net.add_input("x", "f32", ("N ** 2",))


def no_output(net: Network) -> None:
    net.add_input("x", "f32", (2,))
    net.module()


def no_range(net: Network) -> None:
    net.mark_output(net.add_unary("relu", net.add_input("x", "f32", ("N",))), "y")
    net.module()


def falling_range(net: Network) -> None:
    net.symbols(N=(4, 2, 8))


def image(net: Network) -> Any:
    return net.add_input("x", "f32", (1, 3, 8, 8))


FILTERS = np.zeros((8, 3, 3, 3), np.float32)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda net: net.add_input("x", "f32", (1, -1)), "input 'x': expected extents of 0 or more, got -1"),
        (lambda net: net.add_input("x", "f32", (1.5, 2)), "input 'x': expected an integer, .* got 1.5"),
        (lambda net: net.add_input("x", "f32", "NC"), "input 'x': expected a shape such as"),
        (lambda net: net.add_input("x", "f32", 5), "input 'x': expected a shape such as"),
        (lambda net: net.add_input("x", None, (1,)), "element type: expected one of"),
        (lambda net: net.add_input("", "f32", (1,)), "input: expected a name"),
        (lambda net: net.mark_output(image(net), 3), "output: expected a name"),
        (lambda net: net.mark_output(FILTERS, "y"), "output 'y': expected a tensor that add_input or a layer returned"),
        (
            lambda net: net.add_unary("relu", image(Network())),
            "unary: x: expected a tensor of this network, got one of another",
        ),
        (
            lambda net: net.add_unary("relu", FILTERS),
            "unary: x: expected a tensor that add_input or a layer returned, got an array",
        ),
        (
            lambda net: net.add_binary("add", image(net), "1"),
            "binary: expected b as a tensor, a NumPy array or a number, got '1'",
        ),
        (lambda net: net.add_compare("is", image(net), 1.0), "compare: expected one of eq, .*, got 'is'"),
        (
            lambda net: net.add_convolution(image(net), FILTERS, strides=2),
            "convolution: expected strides as a list of integers",
        ),
        (
            lambda net: net.add_convolution(image(net), FILTERS, strides=(1.5, 1)),
            "convolution: expected strides in integers",
        ),
        (
            lambda net: net.add_convolution(image(net), FILTERS, pads="SAME"),
            "convolution: expected pads as a list of integers",
        ),
        (lambda net: net.add_convolution(image(net), FILTERS, pads=(-1, 0, 0, 0)), "4 pads .* of 0 or more"),
        (
            lambda net: net.add_convolution(image(net), FILTERS.tolist()),
            "convolution: expected weights as a tensor or a NumPy",
        ),
        (
            lambda net: net.add_convolution(image(net), FILTERS, layout="NCWH"),
            "layout: expected one of NCHW, NHWC, got 'NCWH'",
        ),
        (lambda net: net.add_max_pool(image(net), 3), "max pool: expected kernel as a list of integers, got 3"),
        (lambda net: net.add_reduce("median", image(net), [1]), "reduce: expected one of sum, .*, got 'median'"),
        (lambda net: net.add_reduce("sum", image(net), 1), "reduce: expected axes as a list of integers, got 1"),
        (lambda net: net.add_softmax(image(net), "1"), "softmax: expected axis in integers, got '1'"),
        (lambda net: net.add_concat([], 0), "concat: expected at least one tensor"),
        (lambda net: net.symbols(N=4), r"dim 'N': expected \(min, opt, max\) as 3 integers, got 4"),
        (lambda net: net.symbols(N="abc"), r"dim 'N': expected \(min, opt, max\) as 3 integers, got 'abc'"),
        (matmul_of_3_and_4, "expected equal inner dims, got 3 and 4"),
        (mixed_types, "expected operands of one element type, got f32 and i64"),
        (unknown_unary, "unary layer: expected one of .*, got 'gelu'"),
        (sqrt_of_integers, "nn.sqrt: expected a floating-point tensor"),
        (half_an_integer, "the number 0.5 does not fit the element type i64"),
        (two_inputs_of_one_name, "input 'x': the network has an input of this name already"),
        (no_such_type, "element type: expected one of .*, got 'f31'"),
        (bad_dim, "input 'x': dim expression"),
        (no_output, "the network has no output; call mark_output"),
        (no_range, r"dynamic dims N: no range is known; call symbols\(N="),
        (falling_range, "dim 'N': expected 0 <= min <= opt <= max"),
    ],
)
def test_mistakes_are_named_at_the_call(build: Any, message: str) -> None:
    with pytest.raises(InvalidModelError, match=message):
        build(Network())


def test_a_network_gives_its_module_again_and_is_closed() -> None:
    net = Network()
    y = net.add_unary("relu", net.add_input("x", "f32", ("N", 4)))
    net.mark_output(y, "y")
    first = net.module({"N": (1, 2, 4)})
    second = net.module({"N": (1, 8, 16)})
    assert nn.symbol_ranges(first) == {"N": (1, 2, 4)}
    assert nn.symbol_ranges(second) == {"N": (1, 8, 16)}
    for add in (
        lambda: net.add_unary("relu", y),
        lambda: net.add_input("z", "f32", (1,)),
        lambda: net.mark_output(y, "again"),
    ):
        with pytest.raises(InvalidModelError, match="the network is finished, since it was built"):
            add()
    with pytest.raises(OptionError, match="there is no dynamic dim 'M'; dynamic dims: N"):
        net.module({"N": (1, 2, 4), "M": (1, 2, 4)})


@pytest.mark.parametrize(("kind", "expected"), [("sum", [-2, 3]), ("mean", [-2, 3]), ("sumsq", [4, 9])])
def test_a_reduction_over_no_axes_takes_each_element_alone(kind: str, expected: list[float]) -> None:
    """ONNX's reductions of a scalar come to this, and no kernel reduces nothing."""
    net = Network()
    net.mark_output(net.add_reduce(kind, net.add_input("x", "f32", (2,)), []), "y")
    module = net.module()
    assert not [op for op in module.walk() if op.name == "nn.reduce"]
    (y,) = run_module(module, [np.array([-2, 3], np.float32)])
    np.testing.assert_array_equal(y, expected)


def test_a_dim_beside_a_constant_has_that_size_throughout_its_range() -> None:
    net = Network()
    x = net.add_input("x", "f32", ("N", 4))
    net.mark_output(net.add_binary("add", x, np.ones((2, 4), np.float32)), "y")
    for low, high in ((1, 2), (2, 3)):  # at 1 it would be broadcast, which the result's type does not say
        with pytest.raises(
            InvalidModelError, match=rf"got \[N, 4\] and \[2, 4\], .* the profile allows N in {low}..{high}"
        ):
            net.module({"N": (low, 2, high)})
    assert nn.symbol_ranges(net.module({"N": (2, 2, 2)})) == {"N": (2, 2, 2)}


def test_initializers_have_names_of_their_own() -> None:
    net = Network()
    x = net.add_input("x", "f32", (2,))
    w = net.add_initializer("w", np.ones(2, np.float32))
    assert net.add_initializer("w", np.ones(2, np.float32)) is w
    with pytest.raises(InvalidModelError, match="the network has other numbers of this name"):
        net.add_initializer("w", np.zeros(2, np.float32))
    with pytest.raises(InvalidModelError, match="expected a name"):
        net.add_initializer("", np.ones(2, np.float32))
    net.mark_output(net.add_binary("mul", x, w), "y")
    assert [op.name for op in net.module().walk()].count("nn.initializer") == 1
