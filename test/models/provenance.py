"""The invariant of provenance: each ONNX node is in a launch, or in a remark that says why it is in none."""

from __future__ import annotations

from collections.abc import Iterable, Set

from onnx import ModelProto

from trtc.dialects.provenance import onnx_location
from trtc.passes.lost_nodes import NO_OP_LEFT
from trtc.passes.remarks import Remark


def silent_nodes(model: ModelProto, launched: Set[str], remarks: Iterable[Remark]) -> list[str]:
    """The nodes of a model that neither a launch nor a remark names, or of which a remark does not say why they went."""
    told = {name for remark in remarks if remark.message != NO_OP_LEFT for name in remark.nodes}
    nodes = enumerate(model.graph.node)
    names = [onnx_location(n.name, n.op_type, i, n.output[0]).desc.data for i, n in nodes]
    return [name for name in names if name not in launched and name not in told]
