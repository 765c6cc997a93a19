"""`nn.stored` has a meaning that check-numerics can execute: what `materialise-storage` makes of it is held to that, closely."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp, f16
from xdsl.ir import Operation

from trtc.compiler.debug.check_numerics import TOLERANCES, NumericsError, NumericsObserver
from trtc.compiler.debug.rounding import stores_narrow, with_roundings
from trtc.compiler.interpret.module import execute, random_inputs
from trtc.compiler.pipeline import run_passes
from trtc.compiler.universe import load_pass, make_context
from trtc.dialects import nn
from trtc.dialects.ir_text import read_module

TEXT = """
builtin.module {
  func.func @main(%x: tensor<8x16xf32>) -> tensor<8x16xf32> attributes {nn.inputs = ["x"], nn.outputs = ["y"]} {
    %w = nn.constant {nn.stored = f16} dense<0.3> : tensor<16x16xf32>
    %0 = nn.exp %x {nn.stored = f16, nn.names = ["e"]} : tensor<8x16xf32>
    %1 = nn.matmul %0, %w {math = #nn.math<f16>} : (tensor<8x16xf32>, tensor<16x16xf32>) -> tensor<8x16xf32>
    %2 = nn.add %1, %0 {nn.names = ["y"]} : (tensor<8x16xf32>, tensor<8x16xf32>) -> tensor<8x16xf32>
    func.return %2 : tensor<8x16xf32>
  }
}
"""


def grouped() -> ModuleOp:
    module = read_module(make_context(), TEXT.encode(), "the module")
    run_passes(module, [load_pass("fuse-groups")()], make_context())
    return module


def output(module: ModuleOp) -> np.ndarray:
    return execute(module, random_inputs(grouped(), 3))["y"]


def test_the_roundings_of_an_attribute_are_those_of_the_casts_that_it_becomes() -> None:
    module = grouped()
    assert stores_narrow(module)
    plain, rounded = output(module), output(with_roundings(module))
    run_passes(module, [load_pass("materialise-storage")()], make_context())
    assert not stores_narrow(module)
    np.testing.assert_allclose(output(module), rounded, rtol=1e-6)
    assert np.linalg.norm(plain - rounded) > 5 * TOLERANCES["reassociates"] * np.linalg.norm(plain)


def test_a_pass_that_rounds_elsewhere_is_named(tmp_path: object) -> None:
    """An attribute that is removed without a cast leaves numbers that are closer to the model's, and not what was asked for."""

    class Forgets(load_pass("materialise-storage")):  # type: ignore[misc]
        name = "forgets"

        def apply(self, ctx: object, op: ModuleOp) -> None:
            for inner in op.walk():
                inner.attributes.pop(nn.STORED, None)

    observer = NumericsObserver(seed=3, directory=tmp_path, command=["trtc-opt", "FILE"])  # type: ignore[arg-type]
    try:
        run_passes(grouped(), [Forgets()], make_context(), observers=[observer])
    except NumericsError as error:
        assert "pass 'forgets' (changes-precision) changed value" in str(error)
    else:
        raise AssertionError("expected a NumericsError")


def test_only_what_is_stored_narrow_is_rounded() -> None:
    module = grouped()

    def clear(op: Operation) -> None:
        op.attributes.pop(nn.STORED, None)

    for op in module.walk():
        assert op.attributes.get(nn.STORED) in (None, f16)
        clear(op)
    np.testing.assert_array_equal(output(module), output(with_roundings(module)))


def test_a_pass_that_decides_what_products_multiply_changes_nothing_else(tmp_path: object) -> None:
    """A weight that grows by a thousandth on the way is within what rounding does, and not within what the pass says."""

    class Grows(load_pass("assign-precision")):  # type: ignore[misc]
        name = "grows"

        def apply(self, ctx: object, op: ModuleOp) -> None:
            for inner in op.walk():
                if isinstance(inner, nn.ConstantOp):
                    inner.properties["value"] = nn.ConstantOp(np.full((16, 16), 0.3 * 1.001, np.float32)).value
                elif isinstance(inner, nn.MatmulOp):
                    inner.properties["math"] = nn.MathAttr(nn.Math.TF32)

    module = read_module(
        make_context(), re.sub(r"nn.stored = f16(, )?|math = #nn.math<f16>", "", TEXT).encode(), "the module"
    )
    observer = NumericsObserver(seed=3, directory=tmp_path, command=["trtc-opt", "FILE"])  # type: ignore[arg-type]
    with pytest.raises(NumericsError, match="beside the module before it with the same products"):
        run_passes(module, [Grows()], make_context(), observers=[observer])


def test_moments_of_rows_are_those_of_the_rows_as_they_are_stored() -> None:
    """A constant row that f16 does not hold has no variance, and its mean is what a product of it is less."""
    text = """
    func.func @main(%x: tensor<4x64xf32>) -> (tensor<4x64xf32>, tensor<2x4x1xf32>) attributes {nn.inputs = ["x"], nn.outputs = ["y", "m"]} {
      %w = nn.constant {nn.stored = f16} dense<0.3> : tensor<64x64xf32>
      %0 = nn.matmul %x, %w {nn.stored = f16, nn.names = ["y"], math = #nn.math<f16>}
        : (tensor<4x64xf32>, tensor<64x64xf32>) -> tensor<4x64xf32>
      %1 = nn.row_moments %0 {nn.names = ["m"], columns = 64 : i64} : (tensor<4x64xf32>) -> tensor<2x4x1xf32>
      func.return %0, %1 : tensor<4x64xf32>, tensor<2x4x1xf32>
    }"""
    module = read_module(make_context(), text.encode(), "the module")
    inputs = random_inputs(module, 3)
    run_passes(module, [load_pass("fuse-groups")()], make_context())
    rounded = execute(with_roundings(module), inputs)
    run_passes(module, [load_pass("materialise-storage")()], make_context())
    got = execute(module, inputs)
    np.testing.assert_allclose(got["m"], rounded["m"], rtol=1e-6)
    np.testing.assert_array_equal(got["m"][0, :, 0], got["y"][:, 0].astype(np.float16))
    assert not got["m"][1].any()


def test_views_of_constants_are_rounded_where_they_are_stored_narrow(tmp_path: Path) -> None:
    """Of one table a part that is stored narrow, of which a view is taken, and a part that stays wide."""
    text = """
    builtin.module attributes {nn.symbols = {N = array<i64: 1, 4, 8>}} {
      func.func @main(%x: tensor<?x8xf32, #nn.dims<N, 8>>) -> (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<?x8xf32, #nn.dims<N, 8>>)
        attributes {nn.inputs = ["x"], nn.outputs = ["y", "z"]} {
        %t = nn.constant {nn.stored = f16} dense<0.3> : tensor<32x8xf32>
        %0 = nn.slice %t {starts = #nn.dims<0, 0>, steps = array<i64: 1, 1>, nn.stored = f16, nn.names = ["narrow"]}
          : (tensor<32x8xf32>) -> tensor<?x8xf32, #nn.dims<N, 8>>
        %1 = nn.reshape %0 {nn.stored = f16} : (tensor<?x8xf32, #nn.dims<N, 8>>) -> tensor<?x2x4xf32, #nn.dims<N, 2, 4>>
        %2 = nn.slice %t {starts = #nn.dims<0, 0>, steps = array<i64: 1, 1>, nn.names = ["wide"]}
          : (tensor<32x8xf32>) -> tensor<?x8xf32, #nn.dims<N, 8>>
        %3 = nn.reshape %x : (tensor<?x8xf32, #nn.dims<N, 8>>) -> tensor<?x2x4xf32, #nn.dims<N, 2, 4>>
        %4 = nn.mul %3, %1
          : (tensor<?x2x4xf32, #nn.dims<N, 2, 4>>, tensor<?x2x4xf32, #nn.dims<N, 2, 4>>) -> tensor<?x2x4xf32, #nn.dims<N, 2, 4>>
        %5 = nn.reshape %4 {nn.names = ["y"]} : (tensor<?x2x4xf32, #nn.dims<N, 2, 4>>) -> tensor<?x8xf32, #nn.dims<N, 8>>
        %6 = nn.mul %x, %2 {nn.names = ["z"]}
          : (tensor<?x8xf32, #nn.dims<N, 8>>, tensor<?x8xf32, #nn.dims<N, 8>>) -> tensor<?x8xf32, #nn.dims<N, 8>>
        func.return %5, %6 : tensor<?x8xf32, #nn.dims<N, 8>>, tensor<?x8xf32, #nn.dims<N, 8>>
      }
    }"""
    module = read_module(make_context(), text.encode(), "the module")
    inputs = random_inputs(module, 3)
    run_passes(module, [load_pass("fuse-groups")()], make_context())
    observer = NumericsObserver(seed=3, directory=tmp_path)
    run_passes(module, [load_pass("materialise-storage")()], make_context(), observers=[observer])
    assert min(compared for compared, _ in observer.checked.values()) == 4
    got = execute(module, inputs)
    table = np.float32(np.float16(0.3))
    np.testing.assert_array_equal(got["y"], inputs["x"] * table)
    np.testing.assert_array_equal(got["z"], inputs["x"] * np.float32(0.3))
