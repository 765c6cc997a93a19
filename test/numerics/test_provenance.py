"""Every ONNX node is in a launch, or in a remark that says why it is in none, and no group claims a node whose op is elsewhere: on
exports and random graphs.

`test_passes_models.py` asks the same of the five models.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from onnx import ModelProto, TensorProto, helper
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp

import trtc
from trtc.compiler.frontend import import_onnx
from trtc.compiler.pipeline import Observer, run_pipeline
from trtc.compiler.targets import set_target
from trtc.dialects import buffer, nn
from trtc.dialects.provenance import onnx_location, onnx_names
from trtc.passes.graph.fold_batch_norm import FoldBatchNormPass
from trtc.passes.remarks import Remark, collecting

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "models"))
import exported
from models.random.graphs import random_graph
from provenance import GroupsClaim, silent_nodes

Profiles = dict[str, tuple[int, int, int]]
RANDOM = range(24)


def lowered(model: ModelProto, profiles: Profiles, observers: Sequence[Observer] = ()) -> tuple[set[str], list[Remark]]:
    """The nodes that launches name, and the remarks."""
    with collecting() as remarks:
        module = import_onnx(model, profiles=profiles)
        set_target(module, "sm_80")
        run_pipeline(module, trtc.BuildOptions(profiles=profiles), stop_after="memory", observers=observers)
    launches = [op for op in module.walk() if isinstance(op, buffer.LaunchOp)]
    return {name for op in launches for name in onnx_names(op.location)}, remarks


def check(model: ModelProto, profiles: Profiles) -> int:
    """How many claims of groups there were to check."""
    claims = GroupsClaim(model)
    launched, remarks = lowered(model, profiles, [claims])
    assert silent_nodes(model, launched, remarks) == []
    assert claims.foreign == []
    return claims.claims


@pytest.mark.parametrize("name", sorted(path.stem for path in exported.HERE.glob("*.onnx")))
def test_exports(name: str) -> None:
    check(exported.load(name), {})


def test_random_graphs() -> None:
    checked = claims = 0
    for seed in RANDOM:
        case = random_graph(seed)
        try:
            claims += check(case.model, case.profiles)
        except (trtc.UnsupportedOpError, trtc.InvalidModelError):
            continue
        except AssertionError as error:
            raise AssertionError(f"{error}\n{case}") from error
        checked += 1
    assert checked >= len(RANDOM) * 3 // 4 and claims >= len(RANDOM)


def chain() -> ModelProto:
    """relu(x + 0) of x, transposed and back, by way of a constant that is computed."""
    nodes = [
        helper.make_node("Constant", [], ["c"], "constant", value_float=2.0),
        helper.make_node("Identity", ["x"], ["i"], "identity"),
        helper.make_node("Mul", ["i", "one"], ["m"], "by_one"),
        helper.make_node("Transpose", ["m"], ["t"], "there", perm=[1, 0]),
        helper.make_node("Transpose", ["t"], ["u"], "back", perm=[1, 0]),
        helper.make_node("Exp", ["u"], ["unread"], "unread"),
        helper.make_node("Exp", ["w"], ["e"], "of_weights"),
        helper.make_node("MatMul", ["u", "e"], ["p"], "product"),
        helper.make_node("Add", ["p", "b"], ["q"], "bias"),
        helper.make_node("Mul", ["q", "c"], ["r"], "factor"),
        helper.make_node("Tanh", ["r"], ["s"], "tanh"),
        helper.make_node("Reshape", ["s", "shape"], ["y"], "view"),
    ]
    constants = [
        helper.make_tensor("one", TensorProto.FLOAT, [], [1.0]),
        helper.make_tensor("w", TensorProto.FLOAT, [3, 4], [0.1 * i for i in range(12)]),
        helper.make_tensor("b", TensorProto.FLOAT, [4], [1.0, 2.0, 3.0, 4.0]),
        helper.make_tensor("shape", TensorProto.INT64, [1], [8]),
    ]
    x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in (("x", [2, 3]), ("y", [8])))
    return helper.make_model(
        helper.make_graph(nodes, "g", [x], [y], constants), opset_imports=[helper.make_opsetid("", 17)]
    )


def test_each_reason() -> None:
    launched, remarks = lowered(chain(), {})
    assert launched == {"product", "bias", "factor", "tanh"}, "what is merged into another op is there with it"
    reasons = {node: f"{remark.pass_name}: {remark.message}" for remark in remarks for node in remark.nodes}
    expected = {
        "constant": "import-onnx: known at import",
        "identity": "import-onnx: an identity",
        "by_one": "canonicalize-nn: NeutralOperand",
        "there": "canonicalize-nn: nothing reads",
        "back": "canonicalize-nn: MergeTransposes",
        "unread": "import-onnx: no output needs",
        "of_weights": "import-onnx: known at import",
        "view": "bufferize: a view",
    }
    assert {node: reasons[node][: len(start)] for node, start in expected.items()} == expected


def test_a_pass_that_drops_a_node_in_silence_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    right = FoldBatchNormPass.apply

    def apply(self: FoldBatchNormPass, ctx: Context, op: ModuleOp) -> None:
        right(self, ctx, op)
        tanh = next(inner for inner in op.walk() if isinstance(inner, nn.TanhOp))
        tanh.location = onnx_location("elsewhere", "Tanh", 0)

    monkeypatch.setattr(FoldBatchNormPass, "apply", apply)
    launched, remarks = lowered(chain(), {})
    assert silent_nodes(chain(), launched, remarks) == ["tanh"]
