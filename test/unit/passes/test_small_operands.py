"""`fuse-groups` where a launch of its own would be cheaper for the small operands of a group: prices are set here."""

from __future__ import annotations

import numpy as np
import pytest
from xdsl.parser import Parser

from trtc.compiler.universe import load_pass, make_context
from trtc.dialects.fusion import GroupOp
from trtc.dialects.meaning import run_module
from trtc.passes.fusion import fuse_groups
from trtc.passes.fusion.small_operands import APART, INSIDE
from trtc.passes.kernels.cost.decision import Decision, decide

SHARED = """func.func @main(%x: tensor<4x6xf32>) -> tensor<4x1xf32> {
  %0 = nn.exp %x : tensor<4x6xf32>
  %1 = nn.reduce sum %0 {axes = array<i64: 1>, keepdims = true} : (tensor<4x6xf32>) -> tensor<4x1xf32>
  %2 = nn.reduce max %0 {axes = array<i64: 1>, keepdims = true} : (tensor<4x6xf32>) -> tensor<4x1xf32>
  %3 = nn.div %1, %2 : (tensor<4x1xf32>, tensor<4x1xf32>) -> tensor<4x1xf32>
  func.return %3 : tensor<4x1xf32>
}"""
"""Both reductions read what only the group computes: apart, the second one would need it, and the division after the first one needs the
second."""
MASK = """func.func @main(%x: tensor<4x6xf32>, %m: tensor<6xf32>) -> tensor<4x6xf32> {
  %0 = nn.exp %m : tensor<6xf32>
  %1 = nn.add %x, %0 : (tensor<4x6xf32>, tensor<6xf32>) -> tensor<4x6xf32>
  func.return %1 : tensor<4x6xf32>
}"""


def _apart(*_: object) -> Decision:
    return decide("small operand", {INSIDE: 2.0, APART: 1.0})


@pytest.mark.parametrize(("text", "groups"), [(SHARED, 1), (MASK, 2)])
def test_what_a_group_alone_computes_stays_with_its_readers(
    text: str, groups: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fuse_groups, "decide_small", _apart)
    module = Parser(make_context(), text).parse_module()
    inputs = [np.full((4, 6), 0.5, np.float32)] + ([np.arange(6, dtype=np.float32)] if text is MASK else [])
    expected = run_module(module, inputs)
    load_pass("fuse-groups")().apply(make_context(), module)
    module.verify()
    assert sum(isinstance(op, GroupOp) for op in module.walk()) == groups
    np.testing.assert_allclose(run_module(module, inputs)[0], expected[0], rtol=1e-6)
