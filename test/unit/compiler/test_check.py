"""check-numerics: clean passes pass, and a planted bug is named by pass, value and ONNX node."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.parser import Parser
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern, op_type_rewrite_pattern

from trtc.compiler.debug.check_numerics import (
    NumericsError,
    NumericsObserver,
    random_rounding,
    relative_error,
    tolerance,
    widened,
)
from trtc.compiler.pipeline import run_passes
from trtc.compiler.universe import load_pass, make_context
from trtc.dialects import nn
from trtc.dialects.errors import PassError
from trtc.dialects.provenance import get_names, set_names
from trtc.passes.rewriting import apply_patterns

MODEL = """
func.func @main(%x: tensor<8x16xf32>) -> tensor<8x16xf32> attributes {nn.inputs = ["x"], nn.outputs = ["y"]} {
  %0 = nn.sigmoid %x {nn.names = ["gate"]} : tensor<8x16xf32> loc("gate"("Sigmoid#0"))
  %1 = nn.sub %x, %0 {nn.names = ["gated"]} : (tensor<8x16xf32>, tensor<8x16xf32>) -> tensor<8x16xf32> loc("mix"("Sub#1"))
  %2 = nn.relu %1 {nn.names = ["y"]} : tensor<8x16xf32> loc("act"("Relu#2"))
  func.return %2 : tensor<8x16xf32>
}
"""


class SwapSub(RewritePattern):
    """The planted bug: `a - b` becomes `b - a`, once."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.SubOp, rewriter: PatternRewriter) -> None:
        new = nn.SubOp(op.rhs, op.lhs)
        set_names(new, get_names(op))
        rewriter.replace(op, new)


@dataclass(frozen=True)
class BuggyPass(ModulePass):
    """Declares to be exact, and is not."""

    name = "buggy"
    numerics: ClassVar[str] = "exact"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        apply_patterns(op, [SwapSub()], recursive=False)


def parse(text: str) -> ModuleOp:
    return Parser(make_context(), text).parse_module()


def run(tmp_path: Path, *passes: ModulePass, model: str = MODEL) -> NumericsObserver:
    observer = NumericsObserver(seed=3, directory=tmp_path, command=["trtc-opt", "model.onnx"])
    run_passes(parse(model), passes, make_context(), observers=[observer])
    return observer


def test_clean_passes_are_clean(tmp_path: Path) -> None:
    observer = run(tmp_path, load_pass("cse")(), load_pass("dce")())
    assert observer.checked == {"1-cse": (3, 0.0), "2-dce": (3, 0.0)}, "three named values compared after each pass"
    assert list(tmp_path.iterdir()) == []


def test_a_planted_bug_is_named_by_pass_value_and_node(tmp_path: Path) -> None:
    with pytest.raises(NumericsError) as caught:
        run(tmp_path, load_pass("cse")(), BuggyPass())
    message = str(caught.value)
    assert message.startswith(
        "check-numerics: pass 'buggy' (exact) changed value 'gated', computed by nn.sub (from mix)"
    )
    error = float(re.search(r"relative error ([0-9.e+-]+)", message).group(1))  # type: ignore[union-attr]
    assert error == pytest.approx(2.0), "b - a differs from a - b by twice itself"
    assert "trtc-opt model.onnx -p cse,buggy --check-numerics --seed 3" in message


def test_the_tensors_of_a_failure_are_saved(tmp_path: Path) -> None:
    with pytest.raises(NumericsError, match=r"02-buggy-gated\.npz"):
        run(tmp_path, load_pass("cse")(), BuggyPass())
    saved = np.load(tmp_path / "02-buggy-gated.npz")
    assert sorted(saved.files) == ["after", "before", "input:x"]
    np.testing.assert_array_equal(saved["after"], -saved["before"])
    assert np.abs(saved["before"]).max() > 0


def test_a_pass_that_loses_the_outputs_names_is_caught(tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class RenamePass(ModulePass):
        name = "rename"
        numerics: ClassVar[str] = "exact"

        def apply(self, ctx: Context, op: ModuleOp) -> None:
            main: Any = op.body.block.first_op
            main.attributes["nn.outputs"] = main.attributes["nn.inputs"]
            for inner in main.walk():
                inner.attributes.pop("nn.names", None)

    with pytest.raises(NumericsError, match="pass 'rename' lost output 'y'"):
        run(tmp_path, RenamePass())


def test_what_a_pass_declares_sets_the_tolerance() -> None:
    def declares(what: str) -> type[ModulePass]:
        return type("P", (ModulePass,), {"name": "p", "numerics": what})

    module = parse(MODEL)
    values = [tolerance(declares(what), module)[1] for what in ("exact", "reassociates", "changes-precision")]
    assert values == [1e-6, 1e-5, 1e-2]
    half = parse(MODEL.replace("f32", "f16"))
    assert tolerance(declares("reassociates"), half)[1] > tolerance(declares("reassociates"), module)[1]
    with pytest.raises(PassError, match="numerics is 'roughly', expected one of exact"):
        tolerance(declares("roughly"), module)


def test_half_precision_counts_at_memory_level_too() -> None:
    """After bufferize the types are those of memrefs: a narrow type must not be lost from sight."""
    module = parse(GROUPS.replace("f32", "f16"))
    step = type("P", (ModulePass,), {"name": "p", "numerics": "reassociates"})
    before = tolerance(step, module)
    run_passes(module, [load_pass("bufferize")()], make_context())
    assert tolerance(step, module) == before != tolerance(step, parse(GROUPS))


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda a: a, 0.0),
        (lambda a: a * 1.5, 0.5),
        (lambda a: a[:-1], np.inf),
        (lambda a: np.where(a > 2, np.nan, a), np.inf),
        (lambda a: np.where(a > 2, np.inf, a), np.inf),
    ],
)
def test_relative_error(change: Callable[[Any], Any], error: float) -> None:
    expected = np.arange(1.0, 5.0)
    assert relative_error(change(expected), expected) == error


def test_relative_error_where_both_are_not_finite() -> None:
    a = np.array([1.0, np.nan, np.inf])
    assert relative_error(a, a) == 0.0
    assert relative_error(np.array([1.0, np.nan, -np.inf]), a) == np.inf
    assert relative_error(np.zeros(3), np.zeros(3)) == 0.0
    assert relative_error(np.ones(4), np.zeros(4)) == 2.0, "nothing to divide by: the norm itself"


def test_numbers_beyond_a_narrow_type_have_to_stay_far() -> None:
    """A mask's lowest float in fp16: large and finite will do, an infinity or a small number will not."""
    expected = np.float32([-3.4e38, 3.4e38, 2.0])
    assert relative_error(np.float16([-32752, 32000, 2.0]), expected) == 0.0
    assert relative_error(np.float16([-32752, 32000, 3.0]), expected) == 0.5
    for wrong in ([-np.inf, 32000, 2.0], [32752, 32000, 2.0], [-5.0, 32000, 2.0]):
        assert relative_error(np.float16(wrong), expected) == np.inf
    assert relative_error(np.float32([-32752, 32000, 2.0]), expected) > 0.9, "f32 can hold them"


def test_outputs_without_a_finite_entry_prove_nothing(tmp_path: Path) -> None:
    empty = MODEL.replace("8x16", "0x16")
    with pytest.raises(
        PassError, match=r"output 'y' of shape \[0, 16\] has no finite entry to compare; choose larger dimensions"
    ):
        run(tmp_path, load_pass("cse")(), model=empty)


GROUPS = """
builtin.module {
  func.func private @mix(%a: tensor<8x16xf32>, %b: tensor<8x16xf32>) -> tensor<8x16xf32> {
    %0 = nn.sub %a, %b : (tensor<8x16xf32>, tensor<8x16xf32>) -> tensor<8x16xf32>
    func.return %0 : tensor<8x16xf32>
  }
  func.func @main(%x: tensor<8x16xf32>, %z: tensor<8x16xf32>) -> tensor<8x16xf32>
      attributes {nn.inputs = ["x", "z"], nn.outputs = ["y"]} {
    %0 = fusion.call @mix(%x, %z) {nn.names = ["mixed"]} : (tensor<8x16xf32>, tensor<8x16xf32>) -> tensor<8x16xf32> loc("mix"("Sub#1"))
    %1 = fusion.call @mix(%0, %x) {nn.names = ["y"]} : (tensor<8x16xf32>, tensor<8x16xf32>) -> tensor<8x16xf32> loc("out"("Sub#2"))
    func.return %1 : tensor<8x16xf32>
  }
}
"""


@dataclass(frozen=True)
class SwapLaunchPass(ModulePass):
    """The planted bug at memory level: the operands of the first launch change places."""

    name = "swap-launch"
    numerics: ClassVar[str] = "exact"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        launch: Any = next(inner for inner in op.walk() if inner.name == "buffer.launch")
        launch.operands[0], launch.operands[1] = launch.operands[1], launch.operands[0]


def test_values_are_matched_by_name_across_levels(tmp_path: Path) -> None:
    observer = run(tmp_path, load_pass("bufferize")(), load_pass("plan-arena")(), model=GROUPS)
    assert observer.checked == {"1-bufferize": (2, 0.0), "2-plan-arena": (2, 0.0)}


def test_a_bug_at_memory_level_is_named_by_pass_value_and_node(tmp_path: Path) -> None:
    with pytest.raises(NumericsError) as caught:
        run(tmp_path, load_pass("bufferize")(), load_pass("plan-arena")(), SwapLaunchPass(), model=GROUPS)
    message = str(caught.value)
    assert "pass 'swap-launch' (exact) changed value 'mixed', computed by buffer.launch (from mix)" in message
    assert "relative error 2, allowed 1e-06" in message


VARIANCE = """
func.func @main(%x: tensor<8x4096xf32>) -> tensor<8xf32> attributes {nn.inputs = ["x"], nn.outputs = ["variance"]} {
  %c = nn.constant dense<300.0> : tensor<f32>
  %0 = nn.add %x, %c : (tensor<8x4096xf32>, tensor<f32>) -> tensor<8x4096xf32>
  %1 = nn.mul %0, %0 : (tensor<8x4096xf32>, tensor<8x4096xf32>) -> tensor<8x4096xf32>
  %2 = nn.reduce mean %0 {axes = array<i64: 1>, keepdims = false, nn.names = ["mean"]} : (tensor<8x4096xf32>) -> tensor<8xf32>
  %3 = nn.reduce mean %1 {axes = array<i64: 1>, keepdims = false, nn.names = ["square"]} : (tensor<8x4096xf32>) -> tensor<8xf32>
  %4 = nn.mul %2, %2 : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  %5 = nn.sub %3, %4 {nn.names = ["variance"]} : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  func.return %5 : tensor<8xf32>
}
"""
"""E[x^2] - E[x]^2 of numbers near 300: the difference, about 1, of two numbers near 90000, as in the layer norms of Flax models."""


class SplitMean(RewritePattern):
    """A mean of rows of 4096 becomes one of 64 means of every 64th."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.ReduceOp, rewriter: PatternRewriter) -> None:
        if op.x.type.get_shape() == (8, 4096):  # type: ignore[attr-defined]
            parts = nn.ReshapeOp(op.x, (8, 64, 64))
            inner = nn.ReduceOp(parts.result, "mean", [1], keepdims=False)
            new = nn.ReduceOp(inner.result, "mean", [1], keepdims=False)
            set_names(new, get_names(op))
            rewriter.replace(op, [parts, inner, new])


class ScaleMean(RewritePattern):
    """The planted bug: the mean of squares is off by 1e-5, far less than the variance then is."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.SubOp, rewriter: PatternRewriter) -> None:
        wrong = nn.MulOp(op.lhs, nn.ConstantOp(np.array(1 + 1e-5, np.float32)).result)
        new = nn.SubOp(wrong.result, op.rhs)
        set_names(new, get_names(op))
        rewriter.replace(op, [wrong.operands[1].owner, wrong, new])


@dataclass(frozen=True)
class SumsPass(ModulePass):
    """Takes sums in another order, as it declares; with `wrong` it also scales a number that a difference is made of."""

    name = "sums"
    numerics: ClassVar[str] = "reassociates"
    wrong: bool = False

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        apply_patterns(op, [ScaleMean() if self.wrong else SplitMean()], recursive=False)


def test_the_order_of_sums_is_not_blamed_where_rounding_alone_does_as_much(tmp_path: Path) -> None:
    observer = run(tmp_path, SumsPass(), load_pass("cse")(), model=VARIANCE)
    compared, worst = observer.checked["1-sums"]
    assert compared == 3 and worst <= 1e-5, "means and squares are compared as ever"
    assert 1e-4 < observer.explained["1-sums"] < 0.1, "the variance differs by far more than 1e-5"
    report = io.StringIO()
    observer.report(report)
    assert (
        "1-sums: errors of up to " in report.getvalue()
        and " in values that rounding alone moves as far" in report.getvalue()
    )


def test_what_is_beyond_rounding_is_blamed_also_in_a_sensitive_value(tmp_path: Path) -> None:
    with pytest.raises(NumericsError, match="pass 'sums' \\(reassociates\\) changed value 'variance'"):
        run(tmp_path, SumsPass(wrong=True), model=VARIANCE.replace("300.0", "30.0"))


def test_a_value_that_is_not_sensitive_keeps_its_tolerance() -> None:
    x = np.random.default_rng(0).standard_normal((64, 64)).astype(np.float32)
    noisy = random_rounding(1)(x)
    assert 0 < relative_error(noisy, x) <= 2**-23
    assert widened(1e-6, x, noisy) == 1e-6
    assert widened(1e-6, x, x + np.float32(1e-3)) > 1e-4
    indices = np.arange(4)
    assert random_rounding(1)(indices) is indices
    assert widened(1e-6, indices, indices) == 1e-6
    assert 1 < widened(1e-6, indices, indices[::-1]) < 10
