"""Every ONNX node is in a launch or in a remark that says why not: nodes of which a pass leaves no op get their remark here.

    lost = LostNodes(module)
    step.apply(ctx, module)
    lost.remark(step, module)    # applied: fold-constants: [Transpose_3]: computed at build time

The module is scanned before and after each pass, only while remarks are collected; patterns need no code for it. An op
counts where it may still become a launch: not a constant, nothing in `@weights`, and of a host function its launches. The reason is
what `removing` recorded, else the one that the pass gives for all that it removes (a class variable `LOSES`).
"""

from __future__ import annotations

from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.ir import Attribute, Operation
from xdsl.passes import ModulePass

from ..dialects import buffer, nn
from ..dialects.provenance import onnx_names
from .remarks import is_collecting, remark_nodes, removal_reasons

LOSES = "LOSES"
NO_OP_LEFT = "no op of it is left"


class LostNodes:
    """The ONNX nodes of a module, from pass to pass."""

    def __init__(self, module: ModuleOp) -> None:
        self.nodes = _nodes(module) if is_collecting() else {}

    def remark(self, step: ModulePass, module: ModuleOp) -> None:
        """One remark for each reason why the pass that just ran left no op of some nodes."""
        if not is_collecting():
            return
        left, known = _nodes(module), removal_reasons()
        default = str(getattr(step, LOSES, NO_OP_LEFT))
        lost: dict[str, list[str]] = {}
        for node in self.nodes:
            if node not in left:
                lost.setdefault(known.get(node, default), []).append(node)
        for why, nodes in lost.items():
            remark_nodes(nodes, "applied", step.name, why)
        self.nodes = left


def _nodes(module: ModuleOp) -> dict[str, None]:
    """The ONNX nodes that ops of the public functions come from, in order."""
    locations: dict[int, Attribute] = {}
    for func in module.body.block.ops:
        if isinstance(func, FuncOp) and func.sym_name.data != "weights" and func.sym_visibility is None:
            for op in func.walk():
                if op is not func and _counts(op):
                    locations.setdefault(id(op.location), op.location)
    return {name: None for location in locations.values() for name in onnx_names(location)}


def _counts(op: Operation) -> bool:
    if isinstance(op, nn.ConstantOp | nn.InitializerOp | nn.WeightOp):
        return False
    return not op.name.startswith("buffer.") or isinstance(op, buffer.LaunchOp)
