"""A module with the roundings of another one, with which the result of a pass that decides roundings, or makes casts, is compared."""

from __future__ import annotations

from collections.abc import Collection

from xdsl.dialects.builtin import ModuleOp, f32
from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation, SSAValue, Use

from ...dialects import nn
from ...dialects.fusion import GroupOp
from ...dialects.provenance import get_names, set_names
from ...passes.graph.editing import fed_by_constants_only


def stores_narrow(module: ModuleOp) -> bool:
    """Whether some value of a function is stored in a narrower type than it has."""
    return any(nn.STORED in op.attributes for func in _functions(module) for op in func.body.block.ops)


def with_roundings(module: ModuleOp) -> ModuleOp:
    """A clone in which every value between groups that is stored narrow is rounded to that type where it is made, and what moments of rows
    are taken of in groups, which is the rows as they are stored."""
    clone = module.clone()
    for func in _functions(clone):
        constants = fed_by_constants_only(func.body.block)
        for op in list(func.body.block.ops):
            if isinstance(op, GroupOp):
                for moments in [inner for inner in op.ops() if isinstance(inner, nn.RowMomentsOp)]:
                    _read_rounded(moments)
            if nn.STORED in op.attributes:
                _round(op, constants)
    return clone


def with_products_of(module: ModuleOp, after: ModuleOp) -> ModuleOp | None:
    """A clone in which convs, matmuls and attentions multiply what those of `after` do; None where `after` has other ops."""
    clone = module.clone()
    mine, theirs = ([op for func in _functions(each) for op in func.body.block.ops] for each in (clone, after))
    if [op.name for op in mine] != [op.name for op in theirs]:
        return None
    for op, other in zip(mine, theirs, strict=True):
        if isinstance(op, nn.ConvOp | nn.MatmulOp | nn.AttentionOp | nn.RnnOp) and "math" in other.properties:
            op.properties["math"] = other.properties["math"]
    return clone


def _functions(module: ModuleOp) -> list[FuncOp]:
    return [op for op in module.body.block.ops if isinstance(op, FuncOp) and op.body.blocks]


def _round(op: Operation, constants: Collection[SSAValue]) -> None:
    """Let the users of an op's results read them rounded, and move their ONNX names to the rounded values. A constant keeps its name:
    computations at build time still read it unrounded, and so do views of it that stay wide."""
    names = get_names(op)
    for number, result in enumerate(op.results):
        if nn.stored_of(result) == nn.element_of(result):
            continue
        wide = _rounded(op, result, constants)
        if result not in constants and names[number]:
            set_names(wide, [names[number]])
            names[number] = ""
    set_names(op, names)


def _read_rounded(op: nn.RowMomentsOp) -> None:
    """Let an op read its operand as it is stored."""
    if nn.stored_of(op.x) == nn.element_of(op.x):
        return
    narrow = nn.CastOp(op.x, nn.stored_of(op.x))
    wide = nn.CastOp(narrow.result, f32)
    assert op.parent is not None
    op.parent.insert_ops_before([narrow, wide], op)
    op.operands[0] = wide.result


def _rounded(op: Operation, result: SSAValue, constants: Collection[SSAValue]) -> nn.CastOp:
    """Lets the users of one result read it rounded: the cast that gives it."""

    def reads_memory(use: Use) -> bool:
        reader = use.operation
        if reader is narrow or (reader.results and reader.results[0] in constants):
            return False
        return result not in constants or isinstance(reader, GroupOp) or nn.STORED in reader.attributes

    narrow = nn.CastOp(result, nn.stored_of(result))
    wide = nn.CastOp(narrow.result, f32)
    assert op.parent is not None
    op.parent.insert_ops_after([narrow, wide], op)
    result.replace_uses_with_if(wide.result, reads_memory)
    return wide
