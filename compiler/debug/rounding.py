"""A module with the roundings that `nn.stored` stands for: what a pass that makes casts of them is compared with."""

from __future__ import annotations

from xdsl.dialects.builtin import ModuleOp, f32
from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation

from ...dialects import nn
from ...dialects.provenance import NAMES


def stores_narrow(module: ModuleOp) -> bool:
    """Whether some value of a function is stored in a narrower type than it has."""
    return any(nn.STORED in op.attributes for func in _functions(module) for op in func.body.block.ops)


def with_roundings(module: ModuleOp) -> ModuleOp:
    """A clone in which every value between groups that is stored narrow is rounded to that type where it is made."""
    clone = module.clone()
    for func in _functions(clone):
        for op in list(func.body.block.ops):
            if nn.STORED in op.attributes:
                _round(op)
    return clone


def _functions(module: ModuleOp) -> list[FuncOp]:
    return [op for op in module.body.block.ops if isinstance(op, FuncOp) and op.body.blocks]


def _round(op: Operation) -> None:
    """Let all users of an op's result read it rounded; its ONNX name goes with what they read."""
    (result,) = op.results
    narrow = nn.CastOp(result, nn.stored_of(result))
    wide = nn.CastOp(narrow.result, f32)
    assert op.parent is not None
    op.parent.insert_ops_after([narrow, wide], op)
    result.replace_uses_with_if(wide.result, lambda use: use.operation is not narrow)
    if NAMES in op.attributes:
        wide.attributes[NAMES] = op.attributes.pop(NAMES)
