"""The dominance check: linear, and right where blocks branch. Cases in IR: test/filecheck/tools/dominance.mlir."""

from __future__ import annotations

import pytest
from xdsl.dialects.arith import AddiOp
from xdsl.dialects.builtin import ModuleOp, i32
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Block, Region
from xdsl.parser import Parser
from xdsl.utils.exceptions import VerifyException

from trtc.compiler.universe import make_context
from trtc.dialects.dominance import verify_dominance


def parse(text: str) -> ModuleOp:
    return Parser(make_context(), text).parse_module()


LOOP = """
func.func @loop(%n: i32, %c: i1) -> i32 {
  cf.br ^head(%n : i32)
^head(%i: i32):
  %next = arith.addi %i, %n : i32
  cf.cond_br %c, ^body, ^exit
^body:
  %twice = arith.addi %next, %next : i32
  cf.br ^head(%twice : i32)
^exit:
  func.return %next : i32
}
"""


def test_a_loop_of_blocks_is_valid() -> None:
    verify_dominance(parse(LOOP))


def test_a_value_of_the_loop_body_does_not_reach_the_exit() -> None:
    with pytest.raises(
        VerifyException, match=r"operand #0 of 'func.return' uses %twice \(the result of 'arith.addi'\)"
    ):
        verify_dominance(parse(LOOP.replace("func.return %next", "func.return %twice")))


def test_isolation_hides_outer_values() -> None:
    module = parse(
        "func.func @f(%x: i32) {\n  func.return\n}\nfunc.func @g(%y: i32) {\n  %0 = arith.addi %y, %y : i32\n  func.return\n}"
    )
    first, second = module.body.block.ops
    add = second.regions[0].block.first_op
    assert add is not None
    add.operands[0] = first.regions[0].block.args[0]
    with pytest.raises(VerifyException, match=r"operand #0 of 'arith.addi' uses %x \(a block argument\)"):
        verify_dominance(module)


def test_the_body_of_an_isolated_op_sees_nothing_of_what_encloses_it() -> None:
    block = Block(arg_types=[i32])
    inner = AddiOp(block.args[0], block.args[0])
    block.add_ops([ModuleOp([inner]), ReturnOp()])
    module = ModuleOp([FuncOp("f", ((i32,), ()), Region(block))])
    with pytest.raises(VerifyException, match=r"operand #0 of 'arith.addi'"):
        verify_dominance(module)


def test_xdsl_does_not_check_this_itself() -> None:
    """When this fails, xDSL has learnt it and trtc's check can go."""
    late = "func.func @f(%x: i32) -> i32 {\n  %0 = arith.addi %late, %x : i32\n  %late = arith.addi %x, %x : i32\n  func.return %0 : i32\n}"
    parse(late).verify()
    with pytest.raises(VerifyException, match="%late"):
        verify_dominance(parse(late))
