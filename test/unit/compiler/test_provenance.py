"""The check of locations: it passes what the pipeline makes, and names the pass, the op and the node where a location lies."""

from __future__ import annotations

import pytest
from onnx import ModelProto, TensorProto, helper
from xdsl.context import Context
from xdsl.dialects.builtin import UNKNOWN_LOC, LocationAttr, ModuleOp
from xdsl.parser import Parser

import trtc
from trtc.compiler.frontend import import_onnx
from trtc.compiler.pipeline import run_pipeline
from trtc.compiler.provenance import ProvenanceCheck, provenance_problem
from trtc.compiler.targets import set_target
from trtc.compiler.universe import make_context
from trtc.dialects import fusion, nn
from trtc.dialects.errors import PassError
from trtc.dialects.provenance import fuse, helper_location, onnx_location, onnx_names, origins
from trtc.passes.fusion.fuse_groups import FuseGroupsPass
from trtc.passes.graph.eliminate_transposes import EliminateTransposesPass

CONV, RELU = onnx_location("c", "Conv", 0), onnx_location("r", "Relu", 1)


def model() -> ModelProto:
    """A softmax over channels, between two convs: the transposes of the convs stay next to it."""
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"], "conv1"),
        helper.make_node("Softmax", ["a"], ["b"], "softmax", axis=2),
        helper.make_node("Reshape", ["b", "shape"], ["c"], "reshape"),
        helper.make_node("Relu", ["c"], ["d"], "relu"),
        helper.make_node("Conv", ["d", "w"], ["y"], "conv2"),
    ]
    x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 4, 8, 8]) for n in "xy")
    w = helper.make_tensor("w", TensorProto.FLOAT, [4, 4, 1, 1], [0.1] * 16)
    shape = helper.make_tensor("shape", TensorProto.INT64, [4], [1, 4, 8, 8])
    graph = helper.make_graph(nodes, "g", [x], [y], [w, shape])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])


def build(verify_each: bool = True) -> ModuleOp:
    module = import_onnx(model())
    set_target(module, "sm_80")
    run_pipeline(module, trtc.BuildOptions(verify_each=verify_each), stop_after="fuse")
    return module


def claims(module: ModuleOp) -> dict[str, list[str]]:
    return {op.callee.string_value(): onnx_names(op.location) for op in module.walk() if isinstance(op, fusion.CallOp)}


def test_a_group_claims_its_own_nodes_and_no_others() -> None:
    found = claims(build())
    named = [name for names in found.values() for name in names]
    assert {"conv1", "softmax", "relu", "conv2"} <= set(named)
    assert len(named) == len(set(named)), f"each node is in one group: {found}"


def test_nodes_win_over_helpers() -> None:
    helper_of_relu = helper_location("transpose", RELU)
    assert onnx_names(helper_of_relu) == []
    assert origins(helper_of_relu) == ["transpose for r"]
    assert fuse(helper_of_relu, CONV) == CONV
    assert origins(fuse(helper_of_relu, helper_location("cast", CONV))) == ["transpose for r", "cast for c"]
    assert helper_location("cast", helper_of_relu) == helper_of_relu
    assert helper_location("cast", UNKNOWN_LOC) == UNKNOWN_LOC


def planted(monkeypatch: pytest.MonkeyPatch, step: type, where: type, location: LocationAttr) -> str:
    """The error of a build in which a pass gives the first op of a class this location; without the check the build passes."""
    right = step.apply

    def apply(self: object, ctx: Context, op: ModuleOp) -> None:
        right(self, ctx, op)
        next(inner for inner in op.walk() if isinstance(inner, where)).location = location

    monkeypatch.setattr(step, "apply", apply)
    build(verify_each=False)
    with pytest.raises(PassError) as error:
        build()
    return str(error.value)


def test_a_transpose_that_claims_a_conv_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    location = onnx_location("conv1", "Conv", 0)
    error = planted(monkeypatch, EliminateTransposesPass, nn.TransposeOp, location)
    assert error.startswith("provenance after pass 'eliminate-transposes': nn.transpose and nn.conv are both 'conv1'")


def test_a_group_that_claims_a_node_of_another_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    location = fuse(onnx_location("conv1", "Conv", 0), onnx_location("relu", "Relu", 3))
    error = planted(monkeypatch, FuseGroupsPass, fusion.GroupOp, location)
    assert "provenance after pass 'fuse-groups': fusion.group (from conv1, relu) claims" in error


def test_a_lost_location_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    error = planted(monkeypatch, FuseGroupsPass, fusion.GroupOp, UNKNOWN_LOC)
    assert error.startswith("provenance after pass 'fuse-groups': fusion.group has no location")


def test_text_without_locations_needs_none() -> None:
    text = """func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
      %0 = nn.exp %x : tensor<4xf32>
      func.return %0 : tensor<4xf32>
    }"""
    module = Parser(make_context(), text).parse_module()
    assert not ProvenanceCheck(module).located
    assert provenance_problem(module, located=False) is None
    assert provenance_problem(module) is not None
