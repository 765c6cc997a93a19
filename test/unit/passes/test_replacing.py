"""Values are replaced without rewriting a wide op for each of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from xdsl.dialects.builtin import f32
from xdsl.ir import Block, OpOperands

import trtc
from trtc.compiler.interpret.module import execute
from trtc.compiler.pipeline import run_pipeline
from trtc.compiler.targets import set_target
from trtc.dialects import nn
from trtc.passes.graph.cse import merge_equal_ops
from trtc.passes.replacing import WIDE, Replacements

TYPE = nn.tensor_type([4], f32)
BRANCHES = WIDE + 8


@pytest.fixture
def wide_changes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The widths of the ops of which one operand was changed alone, which makes all of them anew."""
    found: list[int] = []
    single = OpOperands.__setitem__

    def counted(self: OpOperands, index: int, operand: Any) -> None:
        if len(self) > WIDE:
            found.append(len(self))
        single(self, index, operand)

    monkeypatch.setattr(OpOperands, "__setitem__", counted)
    return found


def wide_concat() -> trtc.Network:
    """A concat of branches of which every fourth is the same, and which are outputs in part."""
    net = trtc.Network()
    x = net.add_input("x", "f32", (1, 4, 4, 8))
    kinds = ("relu", "sigmoid", "tanh", "exp")
    branches = [net.add_unary(kinds[number % 4], net.add_unary("abs", x)) for number in range(BRANCHES)]
    net.mark_output(net.add_concat(branches, 3), "y")
    weight = net.add_constant(np.random.default_rng(0).standard_normal((8, 1, 1, 8), np.float32))
    convs = [net.insert(nn.ConvOp(x, weight, (1, 1), (0, 0, 0, 0), (1, 1), 1)) for _ in range(2)]
    scaled = [
        net.add_unary("relu", net.add_binary("mul", convs[number % 2], net.add_constant(np.float32(number))))
        for number in range(BRANCHES)
    ]
    net.mark_output(net.add_concat(scaled, 3), "z")
    for number in range(BRANCHES):
        net.mark_output(net.add_binary("add", x, net.add_constant(np.float32(number))), f"o{number}")
    return net


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_no_pass_changes_the_operands_of_a_wide_op_one_by_one(wide_changes: list[int], precision: str) -> None:
    module = wide_concat().module()
    set_target(module, "sm_80")
    run_pipeline(module, trtc.BuildOptions(target="sm_80", precision=precision, verify_each=False), stop_after="memory")
    assert wide_changes == []


def test_wide_ops_read_the_new_values_at_the_end_and_others_at_once() -> None:
    block = Block(arg_types=[TYPE])
    first, second, third = (nn.AbsOp(block.args[0]) for _ in range(3))
    narrow = nn.AddOp(first.result, second.result)
    wide = nn.ConcatOp([first.result, second.result] * WIDE, 0)
    block.add_ops([first, second, third, narrow, wide])
    second.result.name_hint = "b"
    replaced = Replacements()
    replaced.replace_op(first, second.results)
    replaced.replace_op(second, third.results)
    assert list(narrow.operands) == [third.result] * 2
    assert first.parent is None and replaced.of(first.result) is third.result
    assert third.result.name_hint == "b"
    replaced.apply()
    assert list(wide.operands) == [third.result] * 2 * WIDE
    assert first.result.first_use is None and second.result.first_use is None


def test_an_op_that_others_read_does_not_go() -> None:
    block = Block(arg_types=[TYPE])
    first = nn.AbsOp(block.args[0])
    block.add_ops([first, nn.AbsOp(first.result)])
    with pytest.raises(ValueError, match=r"nn\.abs is to go, and other ops read its results"):
        Replacements().erase(first)


def test_equal_wide_ops_are_merged_though_their_operands_are_replaced_late() -> None:
    block = Block(arg_types=[TYPE])
    first, second = nn.AbsOp(block.args[0]), nn.AbsOp(block.args[0])
    concats = [nn.ConcatOp([op.result] * 2 * WIDE, 0) for op in (first, second)]
    last = nn.AddOp(concats[0].result, concats[1].result)
    block.add_ops([first, second, *concats, last])
    replaced = Replacements()
    assert merge_equal_ops(block, replaced) == 2
    replaced.apply()
    assert list(block.ops) == [first, concats[0], last]
    assert list(last.operands) == [concats[0].result] * 2 and set(concats[0].operands) == {first.result}


def test_what_stands_for_a_value_may_be_replaced_before_a_wide_op_reads_it() -> None:
    block = Block(arg_types=[TYPE])
    first, second, third = (nn.ReluOp(block.args[0]) for _ in range(3))
    wide = nn.ConcatOp([first.result] * (WIDE + 1), 0)
    block.add_ops([first, second, third, wide])
    replaced = Replacements()
    replaced.replace_op(first, [second.result])
    replaced.replace_op(second, [third.result])
    replaced.apply()
    assert set(wide.inputs) == {third.result} and list(block.ops) == [third, wide]


def test_launches_by_element_of_a_wide_concat_are_merged() -> None:
    """Three at a time, which read one value: the concat is changed once, at the end."""
    net = trtc.Network()
    made = net.add_input("x", "f32", (4, 8))
    parts = []
    for number in range(BRANCHES):
        made = net.add_softmax(made, 1) if number % 3 == 0 else made
        parts.append(net.add_unary(("neg", "exp", "relu")[number % 3], made))
    net.mark_output(net.add_concat(parts, 0), "y")
    module = net.module()
    set_target(module, "sm_80")
    run_pipeline(module, trtc.BuildOptions(target="sm_80"), stop_after="memory")
    given = np.random.default_rng(0).standard_normal((4, 8)).astype(np.float32)
    found = execute(module, {"x": given})["y"].reshape(BRANCHES, 4, 8)
    value = given
    for number in range(BRANCHES):
        if number % 3 == 0:
            grown = np.exp(value - value.max(1, keepdims=True))
            value = grown / grown.sum(1, keepdims=True)
        wanted = (np.negative, np.exp, lambda v: np.maximum(v, 0))[number % 3](value)
        np.testing.assert_allclose(found[number], wanted, rtol=1e-5, atol=1e-6)
