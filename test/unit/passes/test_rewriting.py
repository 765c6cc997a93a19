"""The pattern driver carries provenance and comes to an end."""

import numpy as np
import pytest
from xdsl.dialects.builtin import UNKNOWN_LOC, FunctionType, ModuleOp
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Block, Region
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern, op_type_rewrite_pattern

from trtc.dialects import nn
from trtc.dialects.errors import InvalidModelError, PassError
from trtc.dialects.fusion import GroupOp, YieldOp
from trtc.dialects.provenance import fuse, get_names, onnx_location, onnx_names, set_names
from trtc.passes.remarks import collecting, remark
from trtc.passes.rewriting import apply_patterns

F32 = nn.tensor_type([4], nn.ConstantOp(np.zeros(1, np.float32)).result.type.element_type)


class AbsTwice(RewritePattern):
    """neg(relu(x)) -> abs(abs(x)): wrong mathematics, right plumbing."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.NegOp, rewriter: PatternRewriter, /) -> None:
        if not isinstance(op.x.owner, nn.ReluOp):
            return
        relu = op.x.owner
        inner = nn.AbsOp(relu.x)
        rewriter.replace(op, [inner, nn.AbsOp(inner)])
        rewriter.erase(relu)


class FlipFlop(RewritePattern):
    """abs -> sign -> abs ..., for ever."""

    def match_and_rewrite(self, op, rewriter: PatternRewriter, /) -> None:
        if isinstance(op, nn.AbsOp):
            rewriter.replace(op, nn.SignOp(op.x))
        elif isinstance(op, nn.SignOp):
            rewriter.replace(op, nn.AbsOp(op.x))


def module_of_relu_neg() -> ModuleOp:
    block = Block(arg_types=[F32])
    relu = nn.ReluOp(block.args[0])
    neg = nn.NegOp(relu)
    relu.location = onnx_location("r", "Relu", 0)
    neg.location = onnx_location("", "Neg", 1, "y")
    set_names(neg, ["y"])
    block.add_ops([relu, neg, ReturnOp(neg)])
    return ModuleOp([FuncOp("main", FunctionType.from_lists([F32], [F32]), Region(block))])


def test_new_ops_get_fused_locations_and_names() -> None:
    module = module_of_relu_neg()
    assert apply_patterns(module, [AbsTwice()])
    ops = [op for op in module.walk() if isinstance(op, nn.AbsOp)]
    assert len(ops) == 2
    for op in ops:
        assert onnx_names(op.location) == ["Neg#1:y", "r"]
    assert [get_names(op) for op in ops] == [[""], ["y"]]


class Grouped(RewritePattern):
    """relu(x) -> a group that holds it."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.ReluOp, rewriter: PatternRewriter, /) -> None:
        group = GroupOp("pointwise", [op.x], [F32])
        inner = nn.AbsOp(group.block.args[0])
        group.block.add_ops([inner, YieldOp(inner.result)])
        rewriter.replace(op, group)


def test_ops_inside_a_new_op_get_its_location() -> None:
    module = module_of_relu_neg()
    assert apply_patterns(module, [Grouped()])
    (inner,) = (op for op in module.walk() if isinstance(op, nn.AbsOp))
    assert onnx_names(inner.location) == ["r"]


class Unwrap(RewritePattern):
    """neg(x) -> x."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.NegOp, rewriter: PatternRewriter, /) -> None:
        rewriter.replace(op, [], [op.x])


@pytest.mark.parametrize("own,expected", [("", "y"), ("r", "r")])
def test_a_value_that_takes_another_place_takes_its_name_unless_it_has_one(own: str, expected: str) -> None:
    module = module_of_relu_neg()
    (relu,) = (op for op in module.walk() if isinstance(op, nn.ReluOp))
    set_names(relu, [own])
    assert apply_patterns(module, [Unwrap()])
    assert get_names(relu) == [expected]


def test_nothing_to_do_changes_nothing() -> None:
    module = module_of_relu_neg()
    before = str(module)
    assert not apply_patterns(module, [FlipFlop()])
    assert str(module) == before


def test_patterns_that_undo_each_other_are_an_error() -> None:
    module = module_of_relu_neg()
    apply_patterns(module, [AbsTwice()])
    with pytest.raises(PassError, match="FlipFlop alone has made"):
        apply_patterns(module, [FlipFlop()], limit=20)


class Raises(RewritePattern):
    def match_and_rewrite(self, op, rewriter: PatternRewriter, /) -> None:
        if isinstance(op, nn.ReluOp):
            raise InvalidModelError("expected more, got less")


def test_an_error_in_a_pattern_names_pattern_and_node_and_prints_no_module() -> None:
    with pytest.raises(PassError, match=r"^Raises on nn.relu \(from r\): expected more, got less$") as caught:
        apply_patterns(module_of_relu_neg(), [Raises()])
    assert caught.value.__notes__ == []


def test_locations_fuse_flat_and_without_duplicates() -> None:
    a, b = onnx_location("a", "Add", 0), onnx_location("", "Mul", 1, "t")
    assert fuse() == UNKNOWN_LOC and fuse(UNKNOWN_LOC, a) == a
    assert onnx_names(fuse(fuse(a, b), a, UNKNOWN_LOC)) == ["a", "Mul#1:t"]
    assert fuse(fuse(a, b), b) == fuse(a, b)
    with pytest.raises(ValueError, match="expected 1, one per result"):
        set_names(nn.ReluOp(Block(arg_types=[F32]).args[0]), ["a", "b"])


def test_remarks_are_collected_with_nodes_only_while_collecting() -> None:
    op = nn.ReluOp(Block(arg_types=[F32]).args[0])
    op.location = onnx_location("r", "Relu", 0)
    remark(op, "missed", "p", "lost")
    with collecting() as remarks:
        remark(op, "missed", "p", "no room")
    assert [str(r) for r in remarks] == ["missed: p: nn.relu [r]: no room"]


def test_a_remark_without_a_node_names_what_the_op_makes_and_outer_collectors_hear_inner_ones() -> None:
    op = nn.ReluOp(Block(arg_types=[F32]).args[0])
    set_names(op, ["y"])
    with collecting() as outer:
        with collecting() as inner:
            remark(op, "applied", "p", "done")
        remark(op, "applied", "p", "again")
    assert [str(r) for r in inner] == ["applied: p: nn.relu [y]: done"]
    assert [r.message for r in outer] == ["done", "again"]
