"""The invariants of provenance: each ONNX node is in a launch, or in a remark that says why it is in none; and no group claims a node
whose op is elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Set

from onnx import ModelProto
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation
from xdsl.passes import ModulePass

from trtc.compiler.pipeline import Observer
from trtc.dialects import fusion, nn
from trtc.dialects.provenance import onnx_location, onnx_names
from trtc.passes.lost_nodes import NO_OP_LEFT
from trtc.passes.remarks import Remark


def silent_nodes(model: ModelProto, launched: Set[str], remarks: Iterable[Remark]) -> list[str]:
    """The nodes of a model that neither a launch nor a remark names, or of which no remark says why they were removed."""
    explained = {name for remark in remarks if remark.message != NO_OP_LEFT for name in remark.nodes}
    nodes = enumerate(model.graph.node)
    names = [onnx_location(n.name, n.op_type, i, n.output[0]).desc.data for i, n in nodes]
    return [name for name in names if name not in launched and name not in explained]


_MADE_OF: dict[str, type[Operation] | tuple[type[Operation], ...]] = {
    "Conv": nn.ConvOp,
    "MatMul": nn.MatmulOp,
    "Gemm": nn.MatmulOp,
    "MaxPool": (nn.MaxPoolOp, nn.ArgMaxPoolOp),
    "AveragePool": nn.AvgPoolOp,
    "Softmax": nn.SoftmaxOp,
    "LRN": nn.LrnOp,
    "Tanh": (nn.TanhOp, nn.GeluOp, nn.MishOp),
    "Erf": (nn.ErfOp, nn.GeluOp),
    "Sin": nn.SinOp,
    "Cos": nn.CosOp,
    "Floor": nn.FloorOp,
    "Ceil": nn.CeilOp,
    **dict.fromkeys(("CumSum", "CumProd"), nn.CumulativeOp),
    "ReduceMax": (nn.ReduceOp, nn.SoftmaxOp),
    **dict.fromkeys(("ReduceMin", "ReduceProd"), nn.ReduceOp),
}
"""Operators of one op, and the kinds that passes leave of it."""


_MADE_INTO = dict.fromkeys((nn.MatmulOp, nn.SoftmaxOp, nn.TanhOp), (nn.AttentionOp,))
"""But for those that an attention is made of."""


class GroupsClaim(Observer):
    """Nodes that a group names in its location and has no op of, by the kinds of its ops: `foreign`. `claims` counts all nodes checked."""

    def __init__(self, model: ModelProto) -> None:
        nodes = enumerate(model.graph.node)
        self.kinds = {onnx_location(n.name, n.op_type, i, n.output[0]).desc.data: n.op_type for i, n in nodes}
        self.claims = 0
        self.foreign: list[str] = []

    def after_pass(self, index: int, step: ModulePass, module: ModuleOp, seconds: float) -> None:
        if step.name != "fuse-groups":
            return
        for group in (op for op in module.walk() if isinstance(op, fusion.GroupOp)):
            for name in onnx_names(group.location):
                kind = _MADE_OF.get(self.kinds.get(name, ""))
                if kind is None:
                    continue
                self.claims += 1
                if not any(isinstance(op, (kind, *_MADE_INTO.get(kind, ()))) for op in group.walk()):
                    self.foreign.append(f"a group of {[op.name for op in group.block.ops]} claims {name}")
