"""Large initializers are read past protobuf, and nobody sees a difference but in time and memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from trtc.compiler.frontend import import_graph, load
from trtc.compiler.frontend.embedded_data import LARGE
from trtc.dialects.errors import InvalidModelError

ROWS = LARGE // 64


def product(weight: TensorProto, opset: int = 17) -> onnx.ModelProto:
    """x @ weight + bias: one large initializer between small ones."""
    rows, columns = weight.dims[0], weight.dims[-1]
    bias = numpy_helper.from_array(np.arange(columns, dtype=np.float32), "bias")
    scale = numpy_helper.from_array(np.array([2.0], np.float32), "scale")
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["w"], ["cast"], to=TensorProto.FLOAT),
            helper.make_node("MatMul", ["x", "cast"], ["product"]),
            helper.make_node("Mul", ["product", "scale"], ["scaled"]),
            helper.make_node("Add", ["scaled", "bias"], ["y"]),
        ],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, rows])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, columns])],
        [scale, weight, bias],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def numbers(dtype: Any = np.float32) -> np.ndarray:
    return np.random.default_rng(0).integers(-7, 7, (ROWS, 64)).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float16, ml_dtypes.bfloat16, np.int8, np.float64])
def test_a_file_its_bytes_and_its_proto_are_one_model(tmp_path: Path, dtype: Any) -> None:
    proto = product(numpy_helper.from_array(numbers(dtype), "w"))
    path = tmp_path / "model.onnx"
    path.write_bytes(proto.SerializeToString())
    graphs = [load(each) for each in (path, path.read_bytes(), proto)]
    assert [len(graph.external.embedded) for graph in graphs] == [1, 1, 0]
    assert len({graph.digest() for graph in graphs}) == 1
    assert len({str(import_graph(graph)) for graph in graphs}) == 1
    for graph in graphs:
        for name, expected in (("w", numbers(dtype)), ("bias", np.arange(64, dtype=np.float32))):
            assert graph.weight(name).dtype == expected.dtype
            np.testing.assert_array_equal(graph.weight(name), expected)


def test_the_digest_is_of_the_data_too(tmp_path: Path) -> None:
    found: set[str] = set()
    for last in (1, 2):
        changed = numbers()
        changed[-1, -1] = last
        found.add(load(product(numpy_helper.from_array(changed, "w")).SerializeToString()).digest())
    assert len(found) == 2


def test_the_weight_is_where_it_was_read() -> None:
    graph = load(product(numpy_helper.from_array(numbers(), "w")).SerializeToString())
    (data,) = graph.external.embedded.values()
    assert np.shares_memory(graph.weight("w"), np.frombuffer(data, np.uint8))


def test_packed_elements_are_unpacked() -> None:
    weight = numpy_helper.from_array(numbers(ml_dtypes.int4).repeat(4, 0), "w")
    graph = load(product(weight).SerializeToString())
    assert len(graph.external.embedded) == 1
    np.testing.assert_array_equal(graph.weight("w").astype(np.int8), numbers(np.int8).repeat(4, 0))


def test_data_of_a_wrong_length_is_reported() -> None:
    model = product(numpy_helper.from_array(numbers(), "w"))
    model.graph.initializer[1].raw_data += b"\0"
    with pytest.raises(InvalidModelError, match="initializer 'w' is damaged"):
        import_graph(load(model.SerializeToString()))


def test_a_model_of_an_old_opset_is_converted_with_its_data() -> None:
    model = product(numpy_helper.from_array(numbers(), "w"), opset=6)
    model.ir_version = 3
    for tensor in model.graph.initializer:
        model.graph.input.append(helper.make_tensor_value_info(tensor.name, tensor.data_type, list(tensor.dims)))
    for node in model.graph.node[2:]:
        node.attribute.append(helper.make_attribute("broadcast", 1))
    graph = load(model.SerializeToString())
    np.testing.assert_array_equal(graph.weight("w"), numbers())
    assert graph.digest() == load(model).digest()


def encoded(number: int, content: bytes) -> bytes:
    """A field of bytes, as protobuf writes it."""
    length, lengths = len(content), bytearray()
    while length >= 128:
        lengths.append(length % 128 + 128)
        length //= 128
    return bytes([number * 8 + 2, *lengths, length]) + content


def test_parts_of_a_file_that_protobuf_merges() -> None:
    model = product(numpy_helper.from_array(numbers(), "w"))
    weight = model.graph.initializer[1].SerializeToString()
    del model.graph.initializer[1]
    rest = model.SerializeToString()
    apart = load(rest + encoded(7, encoded(5, weight)))  # a second graph, with an initializer more
    assert len(apart.external.embedded) == 1
    np.testing.assert_array_equal(apart.weight("w"), numbers())
    twice = load(rest + encoded(7, encoded(5, weight + encoded(9, (numbers() + 1).tobytes()))))
    np.testing.assert_array_equal(twice.weight("w"), numbers() + 1)


@pytest.mark.parametrize("offset", ["", "0", "100000", "-1", "x", "9" * 5000])
def test_no_model_points_into_its_own_file(offset: str) -> None:
    model = product(numpy_helper.from_array(numbers(), "w"))
    forged = TensorProto(name="bias", data_type=TensorProto.FLOAT, dims=[64], data_location=TensorProto.EXTERNAL)
    forged.external_data.add(key="location", value="")
    forged.external_data.add(key="offset", value=offset)
    model.graph.initializer[2].CopyFrom(forged)
    with pytest.raises(InvalidModelError, match="bias"):
        import_graph(load(model.SerializeToString()))


@pytest.mark.parametrize("kept", [1, 30, 200, 1000, ROWS, LARGE, -80, -10, -1])
def test_a_model_that_is_cut_off_is_reported(kept: int) -> None:
    data = product(numpy_helper.from_array(numbers(), "w")).SerializeToString()
    with pytest.raises(InvalidModelError, match=r"do not parse|holds no graph"):
        load(data[:kept])
