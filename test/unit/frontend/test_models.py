"""The five models of the zoo, imported and executed, against ONNX Runtime: the outputs and every named tensor."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.ir import Operation

from trtc.compiler.frontend import import_onnx
from trtc.dialects import nn
from trtc.dialects.meaning import run_module
from trtc.dialects.provenance import get_names, is_unknown

sys.path.insert(0, str(Path(__file__).parents[2] / "models"))
import zoo

CASES = [
    ("ppocr_cls", {}),
    ("ppocr_cls", {"batch": 2, "height": 37, "width": 101}),
    ("open_nsfw", {"batch": 1}),
    ("inception_v1", {}),
    ("minilm", {}),
    ("minilm", {"batch": 1, "sequence": 5}),
    ("minilm", {"batch": 3, "sequence": 33}),
    ("qdq_convnet", {}),
]
TOLERANCE = 1e-4
pytestmark = pytest.mark.network


def imported(model: zoo.Model) -> ModuleOp:
    return import_onnx(model.proto, profiles=model.profiles, static_shapes=model.static_shapes)


def input_names(module: ModuleOp) -> list[str]:
    main = next(iter(module.body.block.ops))
    return [name.data for name in main.attributes["nn.inputs"].data if isinstance(name, StringAttr)]  # type: ignore[attr-defined]


@pytest.mark.parametrize(("name", "sizes"), CASES, ids=lambda value: str(value))
def test_model_matches_onnxruntime(name: str, sizes: dict[str, int]) -> None:
    model = zoo.ALL[name]()
    module = imported(model)
    inputs, others = model.inputs(1, **sizes), model.inputs(2, **sizes)
    expected = zoo.run_onnxruntime(model.proto, inputs)
    got = run_module(module, [inputs[each] for each in input_names(module)])
    other = run_module(module, [others[each] for each in input_names(module)])
    for output, ours, moved in zip(model.outputs, got, other, strict=True):
        assert zoo.relative_error(ours, expected[output]) <= TOLERANCE, output
        if output == model.compare:
            zoo.assert_input_matters(ours, moved)


@pytest.mark.parametrize(("name", "least"), [("ppocr_cls", 440), ("minilm", 340), ("qdq_convnet", 480)])
def test_every_named_tensor_matches_onnxruntime(name: str, least: int) -> None:
    model = zoo.ALL[name]()
    module, inputs = imported(model), model.inputs(3)
    named: dict[str, np.ndarray] = {}

    def record(op: Operation, index: int, array: np.ndarray) -> None:
        if tensor := get_names(op)[index]:
            named[tensor] = array

    run_module(module, [inputs[each] for each in input_names(module)], on_result=record)
    wanted = [tensor for node in model.proto.graph.node for tensor in node.output if tensor in named]
    assert len(wanted) >= least
    expected = zoo.run_onnxruntime(model.proto, inputs, wanted)
    for tensor in wanted:
        assert named[tensor].shape == expected[tensor].shape, tensor
        assert zoo.relative_error(named[tensor], expected[tensor]) <= TOLERANCE, tensor


@pytest.mark.parametrize("name", list(zoo.ALL))
def test_every_op_has_a_location_and_shapes_need_no_data(name: str) -> None:
    ops = [op for op in imported(zoo.ALL[name]()).walk() if op.name.startswith(("nn.", "quant."))]
    assert not [op.name for op in ops if is_unknown(op.location)]
    # All shape arithmetic of these models is folded: no reshape gets its shape from an op.
    assert not [op for op in ops if isinstance(op, nn.ShapeValueOp)]


def test_dynamic_dims_are_named_after_the_input_and_keep_their_profile() -> None:
    model = zoo.ppocr_cls()
    module = imported(model)
    assert nn.symbol_ranges(module) == model.profiles
    main = next(iter(module.body.block.ops))
    (x,) = main.regions[0].block.args
    assert [str(extent) for extent in nn.shape_of(x)] == ["x_d0", "3", "x_d2", "x_d3"]


def test_static_shapes_leave_no_dynamic_dim() -> None:
    module = import_onnx(zoo.ppocr_cls().proto, static_shapes={"x": (1, 3, 48, 192)})
    assert nn.symbol_ranges(module) == {}
    assert "nn.dims" not in str(module)
