"""Layouts and aliases of groups."""

import pytest
from xdsl.dialects.builtin import f32
from xdsl.ir import Block, Region
from xdsl.utils.exceptions import VerifyException

from trtc.dialects import fusion, nn
from trtc.dialects.dims import const, parse_expr, symbol
from trtc.dialects.strided import View

TYPE = nn.tensor_type(["N", 8], f32)


def group() -> fusion.GroupOp:
    inner = Block(arg_types=[TYPE])
    relu = nn.ReluOp(inner.args[0])
    inner.add_ops([relu, fusion.YieldOp(relu.result)])
    return fusion.GroupOp("pointwise", [Block(arg_types=[TYPE]).args[0]], [TYPE], Region(inner))


def test_a_group_lists_its_ops_without_the_yield() -> None:
    op = group()
    op.verify()
    assert [o.name for o in op.ops()] == ["nn.relu"]
    assert op.yield_op.arguments[0].owner is op.ops()[0]


def test_layouts_default_to_row_major_and_can_be_set() -> None:
    op = group()
    assert fusion.layouts_of(op) == [fusion.LayoutAttr.get()] * 2
    strided = fusion.LayoutAttr.get(["2*N", 1], align=4)
    fusion.set_layouts(op, [strided, fusion.LayoutAttr.get()])
    op.verify()
    assert fusion.layouts_of(op)[0].strides == (2 * symbol("N"), const(1))
    assert fusion.layouts_of(op)[1].strides is None
    assert fusion.LayoutAttr.get().strides_for(nn.shape_of(TYPE)) == (const(8), const(1))
    fusion.set_layouts(op, [strided])
    with pytest.raises(VerifyException, match=r"with 2 #fusion\.layout"):
        op.verify()


@pytest.mark.parametrize(
    ("offset", "strides", "align"),
    [
        ("0", ("3", "1"), 64), ("3", ("3", "1"), 1), ("8", ("3", "1"), 8), ("0", ("12", "1"), 4), ("6", ("12", "1"), 2),
        ("8*N", ("12", "1"), 4), ("N", ("12", "1"), 1),
    ],
)  # fmt: skip
def test_alignment_is_what_divides_offset_and_strides(offset: str, strides: tuple[str, str], align: int) -> None:
    view = View("x", (const(2), const(3)), tuple(map(parse_expr, strides)), parse_expr(offset))
    layout = fusion.LayoutAttr.of(view)
    assert layout.align == align
    assert layout.strides == (None if strides == ("3", "1") else view.strides)


def test_a_group_without_a_yield_does_not_verify() -> None:
    op = group()
    op.yield_op.detach()
    with pytest.raises(VerifyException):
        op.verify()


def test_alias_is_read_from_the_attribute() -> None:
    op = nn.ReshapeOp(Block(arg_types=[TYPE]).args[0], ["2*N", 4])
    assert fusion.alias_of(op) is None
    op.attributes[fusion.ALIAS] = fusion.AliasAttr(fusion.Alias.DEST)
    assert fusion.alias_of(op) is fusion.Alias.DEST
