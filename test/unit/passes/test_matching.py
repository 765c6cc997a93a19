"""Asking schedules about groups: views without copies, answers remembered, final refusals, schedules of other packages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from xdsl.dialects.builtin import IntAttr, ModuleOp, StringAttr
from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation
from xdsl.parser import Parser

from trtc.compiler.universe import make_context
from trtc.dialects import kernel, nn
from trtc.dialects.errors import OptionError
from trtc.passes.fusion import realize_integer
from trtc.passes.fusion.building import build_group
from trtc.passes.fusion.fuse_groups import FuseGroupsPass
from trtc.passes.fusion.realize_integer import (
    IntegerForm,
    Product,
    as_integers,
    as_realized,
    find_product,
    integer_group,
)
from trtc.passes.kernels.building.group import GroupView
from trtc.passes.kernels.building.schedule import Refusal
from trtc.passes.kernels.schedules import matching, registry
from trtc.passes.kernels.schedules.matching import Answer, Matcher, first_match
from trtc.passes.kernels.schedules.pointwise import Pointwise

LAYERS = """
func.func @main(%x: tensor<8x16xf32>, %w: tensor<16x16xf32>) -> (tensor<8x16xf32>, tensor<8x16xf32>) {
  %s = nn.constant dense<2.0> : tensor<f32>
  %t = nn.constant dense<3.0> : tensor<f32>
  %0 = nn.mul %x, %s : (tensor<8x16xf32>, tensor<f32>) -> tensor<8x16xf32>
  %1 = nn.relu %0 : tensor<8x16xf32>
  %2 = nn.matmul %1, %w : (tensor<8x16xf32>, tensor<16x16xf32>) -> tensor<8x16xf32>
  %3 = nn.mul %2, %SCALE : (tensor<8x16xf32>, tensor<f32>) -> tensor<8x16xf32>
  %4 = nn.relu %3 : tensor<8x16xf32>
  func.return %2, %4 : tensor<8x16xf32>, tensor<8x16xf32>
}
"""

PRODUCT = """
func.func @main(%x: tensor<16x32xi8>, %w: tensor<32x32xi8>, %v: tensor<32xf32>) -> tensor<16x32xf32> {
  %s = nn.constant dense<0.5> : tensor<f32>
  %0 = quant.dequantize %x, %s : (tensor<16x32xi8>, tensor<f32>) -> tensor<16x32xf32>
  %1 = quant.dequantize %w, %v {axis = 0 : i64} : (tensor<32x32xi8>, tensor<32xf32>) -> tensor<32x32xf32>
  %2 = nn.matmul %0, %1 {transpose_b} : (tensor<16x32xf32>, tensor<32x32xf32>) -> tensor<16x32xf32>
  %3 = nn.relu %2 : tensor<16x32xf32>
  func.return %3 : tensor<16x32xf32>
}
"""


WINDOW = "strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>"


def parsed(text: str) -> tuple[ModuleOp, list[Operation]]:
    """A module, and the ops of its function that are neither constants nor the return."""
    module = Parser(make_context(), text).parse_module()
    module.verify()
    func = module.body.block.first_op
    assert isinstance(func, FuncOp)
    return module, [op for op in func.body.block.ops if op.results and not isinstance(op, nn.ConstantOp)]


def region(ops: Sequence[Operation], kind: str = "pointwise") -> GroupView:
    return GroupView.of_region(kind, ops, ops[-1].results[0])


@pytest.fixture
def matches(monkeypatch: pytest.MonkeyPatch) -> list[GroupView]:
    """The views that the schedule `pointwise` is asked about."""
    asked: list[GroupView] = []
    match: Callable[..., Any] = Pointwise.match

    def counting(self: Pointwise, view: GroupView, target: Any) -> Any:
        asked.append(view)
        return match(self, view, target)

    monkeypatch.setattr(Pointwise, "match", counting)
    return asked


def test_equal_groups_ask_once(matches: list[GroupView]) -> None:
    _, ops = parsed(LAYERS.replace("SCALE", "s"))
    matcher = Matcher(None)
    assert matcher.answer(region(ops[:2])) == matcher.answer(region(ops[3:])) == Answer("pointwise")
    assert len(matches) == 1


@pytest.mark.parametrize("other", ["number", "length", "target"])
def test_what_differs_asks_again(matches: list[GroupView], other: str) -> None:
    _, ops = parsed(LAYERS.replace("SCALE", "t" if other == "number" else "s"))
    matcher = Matcher(None)
    matcher.answer(region(ops[:2]))
    if other == "target":
        matcher = Matcher(kernel.Target(StringAttr("sm_90a"), IntAttr(132), IntAttr(232448)))
    matcher.answer(region(ops[3:4] if other == "length" else ops[3:]))
    assert len(matches) == 2


def test_a_model_of_equal_layers_asks_once_per_run(matches: list[GroupView]) -> None:
    layers, shape = 20, "tensor<8x16xf32>"
    body = "".join(
        f"%a{i} = nn.exp %{'b' if i else 'x'}{i - 1 if i else ''} : {shape}\n"
        f"%b{i} = nn.softmax %a{i} {{axis = 1 : i64}} : ({shape}) -> {shape}\n%c{i} = nn.transpose %a{i} "
        f"{{permutation = array<i64: 0, 1>}} : ({shape}) -> {shape}\n"
        for i in range(layers)
    )
    returned = ", ".join(f"%c{i}" for i in range(layers))
    types = ", ".join([shape] * layers)
    module, _ = parsed(f"func.func @main(%x: {shape}) -> ({types}) {{\n{body}func.return {returned} : {types}\n}}")
    FuseGroupsPass().apply(make_context(), module)
    assert len(matches) == 1  # every exp is a group of its own, as its transpose reads it too


def test_the_memo_is_bounded(matches: list[GroupView]) -> None:
    _, ops = parsed(LAYERS.replace("SCALE", "t"))
    first, second = region(ops[:2]), region(ops[3:])
    matcher = Matcher(None, most=1)
    for view in (first, first, second, first):
        matcher.answer(view)
    assert [v.ops[-1] for v in matches] == [first.ops[-1], second.ops[-1], first.ops[-1]]


def test_a_remembered_refusal_is_about_an_op_of_the_group_that_asks() -> None:
    text = """
    func.func @main(%x: tensor<1x8x8x16xf64>, %w: tensor<8x3x3x16xf16>) -> (tensor<1x6x6x8xf16>, tensor<1x6x6x8xf16>) {
      %0 = nn.cast %x : (tensor<1x8x8x16xf64>) -> tensor<1x8x8x16xf16>
      %1 = nn.conv %0, %w {WINDOW, groups = 1 : i64} : (tensor<1x8x8x16xf16>, tensor<8x3x3x16xf16>) -> tensor<1x6x6x8xf16>
      %2 = nn.cast %x : (tensor<1x8x8x16xf64>) -> tensor<1x8x8x16xf16>
      %3 = nn.conv %2, %w {WINDOW, groups = 1 : i64} : (tensor<1x8x8x16xf16>, tensor<8x3x3x16xf16>) -> tensor<1x6x6x8xf16>
      func.return %1, %3 : tensor<1x6x6x8xf16>, tensor<1x6x6x8xf16>
    }"""
    _, ops = parsed(text.replace("WINDOW", WINDOW))
    matcher = Matcher(None)
    for pair in (ops[:2], ops[2:]):
        answer = matcher.answer(region(pair, "conv"))
        about = {d.schedule: d.refusal.op for d in answer.declined}
        assert about == {"gemm_sm90": None, "gemm_mma": pair[0], "window": pair[1]}
        assert not answer.final  # without the cast gemm_mma takes it


def test_a_region_in_place_is_the_group_that_is_built_from_it() -> None:
    _, ops = parsed(LAYERS.replace("SCALE", "t"))
    for view in (region(ops[:2]), region(ops[2:3], "matmul"), region(ops[2:], "matmul")):
        before = [tuple(op.results[0].uses) for op in view.ops]
        group = build_group(view)
        assert GroupView.of(group).signature == view.signature
        assert len(group.block.args) == len(view.operands)
        group.erase()
        assert [tuple(op.results[0].uses) for op in view.ops] == before


def test_an_operand_is_not_what_makes_it() -> None:
    """A constant tensor outside is an operand, although its numbers are known; a number is a constant of the group."""
    _, ops = parsed("""
    func.func @main(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
      %b = nn.constant dense<1.0> : tensor<8xf32>
      %s = nn.constant dense<2.0> : tensor<f32>
      %0 = nn.add %x, %b : (tensor<4x8xf32>, tensor<8xf32>) -> tensor<4x8xf32>
      %1 = nn.mul %0, %s : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
      func.return %1 : tensor<4x8xf32>
    }""")
    view = region(ops)
    add, mul = ops
    assert view.operands == (add.operands[0], add.operands[1])
    assert view.constants == (mul.operands[1].owner,)
    assert view.maker(add.operands[1]) is None and view.maker(mul.operands[1]) is view.constants[0]
    alone = region([mul])
    assert alone.operands == (add.results[0],) and alone.maker(add.results[0]) is None


def test_the_integer_form_is_looked_at_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    module, ops = parsed(PRODUCT)
    text = str(module)
    view = region(ops, "matmul")

    def cloned(self: Operation, *_: Any, **__: Any) -> Any:
        raise AssertionError(f"{self.name} is copied")

    with monkeypatch.context() as patch:
        patch.setattr(Operation, "clone", cloned)
        assert Matcher(None).answer(view, as_integers).schedule == "gemm_mma"
        assert Matcher(None).answer(view, as_realized).schedule == "gemm_mma"
        assert Matcher(None).answer(view).schedule is None
    assert str(module) == text
    module.verify()
    assert all(len(tuple(v.uses)) == 1 for v in view.operands)  # what was looked at reads nothing any more


def test_the_integer_form_in_place_is_what_realize_integer_makes() -> None:
    _, ops = parsed(PRODUCT)
    group = build_group(region(ops, "matmul"))
    ops[-1].parent_block().insert_op_after(group, ops[-1])  # type: ignore[union-attr]
    view = GroupView.of(group)
    product = find_product(view)
    assert isinstance(product, Product)
    form = IntegerForm.of(product)
    seen = form.seen_in(view)
    made, _ = integer_group(group, product)
    assert seen.signature == GroupView.of(made).signature
    form.erase()


def test_final_refusals_leave_the_anchor_alone_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    i8, shape = "tensor<16x16xi8>", "tensor<16x16xi32>"  # B is stored [K, N], which no schedule takes of bytes
    chain = "".join(f"%{i + 1} = nn.neg %{i} : {shape}\n" for i in range(5))
    _, ops = parsed(f"""
    func.func @main(%x: {i8}, %w: {i8}) -> {shape} {{
      %0 = nn.matmul %x, %w : ({i8}, {i8}) -> {shape}
      {chain}
      func.return %5 : {shape}
    }}""")
    sizes: list[int] = []
    ask = realize_integer.first_match

    def counting(view: GroupView, *args: Any) -> Any:
        sizes.append(len(view.ops))
        return ask(view, *args)

    monkeypatch.setattr(realize_integer, "first_match", counting)
    FuseGroupsPass().apply(make_context(), ops[0].parent_op().parent_op())  # type: ignore[union-attr]
    assert sizes == [6, 1, 5]  # all, the matmul alone, and what is after it


WIDE = """
func.func @main(%x: IMAGE, %w: FILTER, %b: tensor<8x8xELEMENT>) -> TENSOR {
  %0 = nn.relu %x : IMAGE
  %1 = nn.conv %0, %w {WINDOW, groups = GROUPS : i64} : (IMAGE, FILTER) -> TENSOR
  %2 = nn.exp %1 : TENSOR
  %3 = nn.add %2, %1 : (TENSOR, TENSOR) -> TENSOR
  %4 = nn.matmul %3, %b : (TENSOR, tensor<8x8xELEMENT>) -> TENSOR
  %5 = nn.erf %4 : TENSOR
  %6 = nn.neg %5 : TENSOR
  %7 = nn.layer_norm %6, %b0, %b0 {axis = 3 : i64, epsilon = 1.0e-5 : f64} : (TENSOR, ROW, ROW) -> TENSOR
  func.return %7 : TENSOR
}
"""


def test_what_is_final_changes_no_group(monkeypatch: pytest.MonkeyPatch) -> None:
    """The claim behind `final`, tried: without it every shorter prefix is asked too, and the groups are the same."""
    bias = '  %b0 = nn.weight "b0" : tensor<8xELEMENT>\n  %0 ='
    cases = [PRODUCT, PRODUCT.replace("{transpose_b} ", "").replace("axis = 0", "axis = 1")]
    for element in ("f16", "f32", "f64"):
        for groups, depth in (("1", "8"), ("8", "1"), ("2", "4")):
            text = WIDE.replace("  %0 =", bias, 1).replace("GROUPS", groups).replace("WINDOW", WINDOW)
            text = text.replace("TENSOR", "tensor<4x4x4x8xELEMENT>").replace("IMAGE", "tensor<4x6x6x8xELEMENT>")
            text = text.replace("FILTER", f"tensor<8x3x3x{depth}xELEMENT>").replace("ROW", "tensor<8xELEMENT>")
            cases.append(text.replace("ELEMENT", element))
    asked = [0, 0]

    def fused(text: str, target: kernel.Target, honoured: bool) -> str:
        def ask(view: GroupView, *args: Any) -> Any:
            asked[honoured] += 1
            match, answer = first_match(view, *args)
            return match, answer if honoured else replace(answer, final=False)

        monkeypatch.setattr(realize_integer, "first_match", ask)
        module, _ = parsed(text)
        module.attributes["kernel.target"] = target
        FuseGroupsPass().apply(make_context(), module)
        return str(module)

    for target in (("sm_75", 40, 65536), ("sm_80", 108, 166912), ("sm_90a", 132, 232448)):
        attribute = kernel.Target(StringAttr(target[0]), *map(IntAttr, target[1:]))
        for text in cases:
            assert fused(text, attribute, True) == fused(text, attribute, False)
    assert asked[True] < asked[False]


def test_what_counts_as_final() -> None:
    final, other = Refusal("a", final=True), Refusal("b")

    def of(*refusals: Refusal) -> bool:
        view = region(parsed(LAYERS.replace("SCALE", "s"))[1][:1])
        found = [SimpleNamespace(name="s", match=lambda *_, r=r: r) for r in refusals]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(matching, "taking", lambda *_: found)
            return first_match(view, None)[1].final

    assert of(final) and of(final, final)
    assert not of(final, other) and not of(other)


def test_only_schedules_of_the_anchor_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in registry.SCHEDULES:
        if name != "pointwise":
            monkeypatch.setattr(type(registry.schedule(name)), "match", None)
    _, ops = parsed(LAYERS.replace("SCALE", "s"))
    assert Matcher(None).answer(region(ops[:2])).schedule == "pointwise"


def test_without_a_schedule_for_the_anchor_the_answer_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    _, ops = parsed(LAYERS.replace("SCALE", "s"))
    view = region(ops[2:3], "matmul")
    _, answer = first_match(view, None, ["row"])
    assert answer.why == "allowed are row; groups of nn.matmul are for gemm_sm90, gemm_mma"
    monkeypatch.setattr(registry, "_by_anchors", dict)
    assert first_match(view, None)[1].why == "there is none for groups of nn.matmul"
    with pytest.raises(OptionError, match="schedule 'none': expected one of"):
        first_match(view, None, ["none"])


def test_a_schedule_of_another_package_must_be_one(monkeypatch: pytest.MonkeyPatch) -> None:
    old = SimpleNamespace(name="old", accepts=None, lower=None)
    monkeypatch.setattr(registry, "_external", lambda: {"old": SimpleNamespace(load=lambda: old)})
    with pytest.raises(
        OptionError, match=r"schedule 'old': expected .* without anchors, match, configs, work; update the package"
    ):
        registry.schedule("old")
