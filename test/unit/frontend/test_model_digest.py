"""What identifies a model in a manifest: all that the build reads, whatever way it came, of any size."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper, parser

import trtc
from trtc.compiler.frontend import load
from trtc.compiler.frontend.digest import model_digest

ADD = """<ir_version: 8, opset_import: ["" : 17]>
g (float[2, 3] x) => (float[2, 3] y) <float[3] w = {1, 2, 3}> { t = LeakyRelu<alpha = 0.5>(x)
 k = Constant<value = float[3] {4, 5, 6}>()
 s = Add(t, k)
 y = Add(s, w) }"""


def built(model: Any) -> str:
    return trtc.build(model, trtc.BuildOptions(target="sm_80"), cache=None).inspect()["model"]["sha256"]


def test_a_file_its_bytes_and_its_proto_have_one_digest(tmp_path: Path) -> None:
    proto = parser.parse_model(ADD)
    path = tmp_path / "model.onnx"
    path.write_bytes(proto.SerializeToString())
    (tmp_path / "model.onnxtxt").write_text(ADD)
    digests = {load(each).digest() for each in (proto, proto.SerializeToString(), path, tmp_path / "model.onnxtxt")}
    assert len(digests) == 1
    assert built(path) == built(proto) == digests.pop()


def change(path: str, value: Any) -> onnx.ModelProto:
    """ADD with one field set."""
    model = parser.parse_model(ADD)
    exec(f"model.{path} = value", {"model": model, "value": value})
    return model


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("graph.initializer[0].float_data[1]", 2.5),
        ("graph.initializer[0].name", "v"),
        ("graph.node[0].attribute[0].f", 0.25),
        ("graph.node[0].op_type", "Elu"),
        ("graph.node[1].attribute[0].t.float_data[2]", 7.0),
        ("graph.node[2].input[1]", "x"),
        ("graph.input[0].type.tensor_type.shape.dim[0].dim_value", 4),
        ("opset_import[0].version", 16),
    ],
)
def test_every_part_of_a_model_counts(path: str, value: Any) -> None:
    assert model_digest(change(path, value)) != model_digest(parser.parse_model(ADD))


def test_data_beside_the_model_counts(tmp_path: Path) -> None:
    model = parser.parse_model(ADD)
    tensor = model.graph.initializer[0]
    del tensor.float_data[:]
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="weights.bin")
    path = tmp_path / "model.onnx"
    path.write_bytes(model.SerializeToString())
    digests: list[str] = []
    for last in (3, 3, 4):
        np.array([1, 2, last], np.float32).tofile(tmp_path / "weights.bin")
        digests.append(built(path))
    assert digests[0] == digests[1] != digests[2]


def test_a_proto_that_cannot_be_serialised_builds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over 2 GB protobuf serialises no message; small parts it does."""
    model = helper.make_model(
        helper.make_graph(
            [helper.make_node("MatMul", ["x", "w"], ["y"])],
            "g",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 8])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, 4])],
            [numpy_helper.from_array(np.ones((8, 4), np.float32), "w")],
        ),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )

    class Large:
        """The proto, with the two methods that a large one fails in."""

        def __getattr__(self, name: str) -> Any:
            if name in ("SerializeToString", "ByteSize"):
                raise AssertionError(f"{name} of a model that may be larger than 2 GB")
            return getattr(model, name)

    graph = load(Large())  # pyright: ignore[reportArgumentType]
    assert graph.digest() == model_digest(model)
    from trtc.compiler.frontend import import_graph

    assert "nn.matmul" in str(import_graph(graph))
