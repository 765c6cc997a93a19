"""Executing modules at tensor and memory level, and the random inputs for them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation
from xdsl.parser import Parser

from trtc.compiler.interpret.module import execute, input_shapes, io_names, level, random_inputs
from trtc.compiler.pipeline import run_passes
from trtc.compiler.universe import load_pass, make_context
from trtc.dialects.errors import InvalidModelError, OptionError

TENSORS = """
builtin.module attributes {nn.symbols = {N = array<i64: 1, 3, 8>}} {
  func.func private @scale(%a: tensor<?x4xf32, #nn.dims<N, 4>>, %b: tensor<4xf32>) -> tensor<?x4xf32, #nn.dims<N, 4>> {
    %0 = nn.mul %a, %b : (tensor<?x4xf32, #nn.dims<N, 4>>, tensor<4xf32>) -> tensor<?x4xf32, #nn.dims<N, 4>>
    func.return %0 : tensor<?x4xf32, #nn.dims<N, 4>>
  }
  func.func private @act(%a: tensor<?x4xf32, #nn.dims<N, 4>>) -> tensor<?x4xf32, #nn.dims<N, 4>> {
    %0 = nn.relu %a : tensor<?x4xf32, #nn.dims<N, 4>>
    func.return %0 : tensor<?x4xf32, #nn.dims<N, 4>>
  }
  func.func @main(%x: tensor<?x4xf32, #nn.dims<N, 4>>) -> tensor<?x8xf32, #nn.dims<N, 8>>
      attributes {nn.inputs = ["x"], nn.outputs = ["y"]} {
    %w = nn.weight "w" : tensor<4xf32>
    %0 = fusion.call @scale(%x, %w) {nn.names = ["scaled"]} : (tensor<?x4xf32, #nn.dims<N, 4>>, tensor<4xf32>) -> tensor<?x4xf32, #nn.dims<N, 4>>
    %1 = fusion.call @act(%x) {nn.names = ["positive"]} : (tensor<?x4xf32, #nn.dims<N, 4>>) -> tensor<?x4xf32, #nn.dims<N, 4>>
    %2 = nn.concat %0, %1 {axis = 1 : i64, fusion.alias = #fusion.alias<dest>} : (tensor<?x4xf32, #nn.dims<N, 4>>, tensor<?x4xf32, #nn.dims<N, 4>>) -> tensor<?x8xf32, #nn.dims<N, 8>>
    func.return %2 : tensor<?x8xf32, #nn.dims<N, 8>>
  }
  func.func @weights() {
    %w = nn.constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>
    nn.export "w" %w : tensor<4xf32>
    func.return
  }
}
"""  # noqa: E501


def parse(text: str) -> ModuleOp:
    return Parser(make_context(), text).parse_module()


def lowered(*passes: str) -> ModuleOp:
    module = parse(TENSORS)
    run_passes(module, [load_pass(name)() for name in passes], make_context())
    return module


def expected(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.concatenate([x * np.float32([1, 2, 3, 4]), np.maximum(x, 0)], axis=1)


STATES = [(), ("bufferize",), ("bufferize", "plan-arena")]


@pytest.mark.parametrize("passes", STATES, ids=["tensors", "buffers", "arena"])
@pytest.mark.parametrize("batch", [1, 3, 8])
def test_each_state_computes_the_same(passes: tuple[str, ...], batch: int) -> None:
    module = lowered(*passes)
    assert level(module) == ("memory" if passes else "tensor")
    x = np.random.default_rng(batch).standard_normal((batch, 4)).astype(np.float32)
    np.testing.assert_array_equal(execute(module, {"x": x})["y"], expected(x))


@pytest.mark.parametrize("passes", STATES, ids=["tensors", "buffers", "arena"])
def test_named_values_are_reported(passes: tuple[str, ...]) -> None:
    seen: dict[str, np.ndarray[Any, Any]] = {}

    def see(name: str, array: np.ndarray[Any, Any], op: Operation) -> None:
        seen[name] = array.copy()

    x = np.arange(-4, 4, dtype=np.float32).reshape(2, 4)
    execute(lowered(*passes), {"x": x}, see)
    np.testing.assert_array_equal(seen["scaled"], x * np.float32([1, 2, 3, 4]))
    np.testing.assert_array_equal(seen["positive"], np.maximum(x, 0))


def test_memory_that_no_launch_wrote_shows() -> None:
    """A launch that is removed leaves poison in its half of the output."""
    module = lowered("bufferize")
    launch = next(op for op in module.walk() if op.name == "buffer.launch")
    launch.detach()
    launch.erase()
    y = execute(module, {"x": np.ones((2, 4), np.float32)})["y"]
    assert np.isnan(y[:, :4]).all()
    assert not np.isnan(y[:, 4:]).any()


def test_a_missing_input_and_a_missing_main_are_named() -> None:
    with pytest.raises(InvalidModelError, match=r"expected x, but x is not given"):
        execute(parse(TENSORS), {"z": np.ones(4, np.float32)})
    with pytest.raises(InvalidModelError, match="no function @main"):
        execute(ModuleOp([]), {})


@pytest.mark.parametrize("passes", STATES, ids=["tensors", "buffers", "arena"])
def test_shapes_of_inputs_follow_the_symbols(passes: tuple[str, ...]) -> None:
    module = lowered(*passes)
    assert io_names(module) == (["x"], ["y"])
    assert input_shapes(module)["x"][0] == (3, 4), "the usual value of the range"
    assert input_shapes(module, {"N": 7})["x"][0] == (7, 4)
    del module.attributes["nn.symbols"]
    with pytest.raises(OptionError, match=r"input x has dimensions without a value: N; give them with --profile N=8"):
        input_shapes(module)


def test_random_inputs_are_seeded_and_in_range() -> None:
    text = "func.func @main(%f: tensor<99xf16>, %i: tensor<99xi64>, %b: tensor<99xi1>, %q: tensor<99xi8>) {\n  func.return\n}"
    module = parse(text)
    values = random_inputs(module, 1)
    assert [values[f"input{index}"].dtype for index in range(4)] == [np.float16, np.int64, np.bool_, np.int8]
    assert set(values["input1"]) == {0, 1}
    assert values["input3"].min() < -64 < 64 < values["input3"].max()
    again, other = random_inputs(module, 1), random_inputs(module, 2)
    for name in values:
        np.testing.assert_array_equal(values[name], again[name])
        assert (values[name] != other[name]).any()
