"""Damaged and unsupported models: one error in words, naming every offending node; never a traceback."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from trtc.compiler.frontend import DEFAULT_RANGE, import_onnx
from trtc.dialects import nn
from trtc.dialects.errors import InvalidModelError, OptionError, UnsupportedOpError
from trtc.dialects.meaning import run_module
from trtc.passes.remarks import collecting


def parsed(body: str, opset: int = 17) -> onnx.ModelProto:
    """A model from ONNX text: `g (inputs) => (outputs) <weights> { nodes }`."""
    return onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : {opset}]>\n{body}')


ADD = "g (float[N, 3] x) => (float[N, 3] y) <float[3] w = {1, 2, 3}> { y = Add(x, w) }"


def invalid(body: str, message: str) -> None:
    with pytest.raises(InvalidModelError, match=message):
        import_onnx(parsed(body))


# Files


@pytest.mark.parametrize("cut", [0.1, 0.5, 0.9])
def test_a_truncated_file(tmp_path: Path, cut: float) -> None:
    model = parsed(ADD)
    model.graph.initializer.append(numpy_helper.from_array(np.ones(1000, np.float32), "more"))
    data = model.SerializeToString()
    path = tmp_path / "model.onnx"
    path.write_bytes(data[: int(len(data) * cut)])
    with pytest.raises(InvalidModelError, match=r"model\.onnx"):
        import_onnx(path)


@pytest.mark.parametrize("data", [b"", b"not a model", bytes(range(256))])
def test_bytes_that_are_no_model(data: bytes) -> None:
    with pytest.raises(InvalidModelError):
        import_onnx(data)


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(InvalidModelError, match=r"there is no model file 'nowhere\.onnx'"):
        import_onnx("nowhere.onnx")


def test_text_that_does_not_parse(tmp_path: Path) -> None:
    path = tmp_path / "model.onnxtxt"
    path.write_text("g (float[N] x) => {")
    with pytest.raises(InvalidModelError, match=r"model\.onnxtxt is not ONNX text"):
        import_onnx(path)


def test_path_bytes_text_and_proto_give_one_module(tmp_path: Path) -> None:
    model = parsed(ADD)
    binary, text = tmp_path / "model.onnx", tmp_path / "model.onnxtxt"
    binary.write_bytes(model.SerializeToString())
    text.write_text(onnx.printer.to_text(model))
    modules = {str(import_onnx(each)) for each in (model, model.SerializeToString(), binary, str(binary), text)}
    assert len(modules) == 1


def test_an_opset_out_of_range() -> None:
    with pytest.raises(UnsupportedOpError, match="uses opset 999; trtc reads 7 to"):
        import_onnx(parsed(ADD, 999))


def test_an_old_opset_that_onnx_does_not_convert() -> None:
    model = parsed(ADD, 6)
    model.graph.node[0].op_type = "Upsample"
    with pytest.raises(
        UnsupportedOpError, match=r"uses opset 6, and onnx\.version_converter does not bring it to opset 7"
    ):
        import_onnx(model)


def test_a_tensor_of_the_wrong_length() -> None:
    model = parsed(ADD)
    model.graph.initializer[0].dims[0] = 4
    with pytest.raises(InvalidModelError, match="initializer 'w' is damaged"):
        import_onnx(model)


def external(model: onnx.ModelProto, location: str) -> onnx.ModelProto:
    tensor = model.graph.initializer[0]
    del tensor.float_data[:]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    return model


def test_external_data_is_read(tmp_path: Path) -> None:
    np.array([1, 2, 3], np.float32).tofile(tmp_path / "weights.bin")
    path = tmp_path / "model.onnx"
    path.write_bytes(external(parsed(ADD), "weights.bin").SerializeToString())
    (got,) = run_module(import_onnx(path), [np.zeros((2, 3), np.float32)])
    assert got.tolist() == [[1, 2, 3], [1, 2, 3]]


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("../secret.bin", "outside the model's folder"),
        ("short.bin", "needs 12 bytes"),
        ("gone.bin", "lies in 'gone.bin', and there is no such file"),
    ],
)
def test_external_data_that_cannot_be_used(tmp_path: Path, location: str, message: str) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "secret.bin").write_bytes(b"0" * 100)
    (tmp_path / "models" / "short.bin").write_bytes(b"0" * 8)
    path = tmp_path / "models" / "model.onnx"
    path.write_bytes(external(parsed(ADD), location).SerializeToString())
    with pytest.raises(InvalidModelError, match=message):
        import_onnx(path)


def test_a_pointer_of_git_lfs_is_named(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n")
    with pytest.raises(InvalidModelError, match=r"model\.onnx is a pointer of Git LFS, not the model"):
        import_onnx(path)


def test_initializers_of_one_name() -> None:
    model = parsed(ADD)
    model.graph.initializer.append(numpy_helper.from_array(np.zeros(3, np.float32), "w"))
    with pytest.raises(InvalidModelError, match="several initializers of one name; export it again:\n  - w"):
        import_onnx(model)


# What ONNX says of an operator


@pytest.mark.parametrize(
    ("node", "message"),
    [
        ("y = Relu(x, x)", "expected at most 1 operands of Relu of opset 17, got 2"),
        ("y, z = Relu(x)", "expected at most 1 results of Relu of opset 17, got 2"),
        (
            "y = LeakyRelu<slope: float = 0.5>(x)",
            "LeakyRelu of opset 17 has no attribute 'slope'; its attributes are: alpha",
        ),
        ("y = LeakyRelu<alpha: float = 0.5, alpha: float = 0.1>(x)", "attribute 'alpha' is given twice"),
    ],
)
def test_nothing_of_a_node_is_ignored_silently(node: str, message: str) -> None:
    """A misspelt attribute would otherwise compute with the default."""
    invalid(f"g (float[2, 3] x) => (float[2, 3] y) {{ {node} }}", message)


def test_an_output_of_another_type_than_declared() -> None:
    invalid(
        "g (float[2] x) => (int64[2] y) { y = Relu(x) }", "graph output 'y' is declared as i64, and its node makes f32"
    )
    invalid("g (float[2] x) => (string[2] y) { y = Relu(x) }", "graph output 'y' is declared as type 8 of ONNX")


@pytest.mark.parametrize(("declared", "remarked"), [("2, 3", False), ("N, 3", False), ("2, 4", True), ("6", True)])
def test_an_output_of_another_shape_than_declared_is_a_remark(declared: str, remarked: bool) -> None:
    with collecting() as remarks:
        module = import_onnx(parsed(f"g (float[2, 3] x) => (float[{declared}] y) {{ y = Relu(x) }}"))
    assert [str(r) for r in remarks] == [
        f"analysis: import-onnx: builtin.module: output y is declared as [{declared}], and its shape is [2, 3]"
    ] * remarked
    (y,) = run_module(module, [np.ones((2, 3), np.float32)])
    assert y.shape == (2, 3)


# Graphs


def test_nodes_out_of_order_are_sorted() -> None:
    model = parsed("g (float[N] x) => (float[N] y) { b = Relu(a)\n y = Neg(b)\n a = Abs(x) }")
    names = [op.name for op in import_onnx(model).walk() if op.name.startswith("nn.")]
    assert names == ["nn.abs", "nn.relu", "nn.neg"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            "g (float[N] x) => (float[N] y) { a = Relu(b)\n b = Neg(a)\n y = Add(x, b) }",
            r"has a cycle.*\n  - #0:a \(Relu\)",
        ),
        ("g (float[N] x) => (float[N] y) { y = Add(x, ghost) }", r"#0:y \(Add\) reads 'ghost', which nothing"),
        ("g (float[N] x) => (float[N] y, float[N] z) { y = Relu(x) }", "graph output 'z' is made by no node"),
        ("g (float[N] x) => (float[N] y) { y = Relu(x)\n y = Neg(x) }", r"#1:y \(Neg\) makes 'y', which already"),
        ("g (float[N] x) => (float[N] y) { y = Relux(x) }", "ONNX has no operator of this name"),
        ("g (float[N] x) => (float[N] y) { y = Add(x) }", "operand 1 is missing"),
        ("g (float[N, 4] x) => (float[N, 4] y) { y = Softmax<axis = 2>(x) }", "axis 2 is out of range for rank 2"),
        (
            'g (float[N, 4] x) => (float[N, 4] y) { y = Softmax<axis = "one">(x) }',
            "'axis' should be of type INT, got STRING",
        ),
        (
            "g (float[2, 3] x, float[4, 5] w) => (float[A, B] y) { y = MatMul(x, w) }",
            "expected equal inner dims, got 3 and 4",
        ),
        ("g (float[2, 3] x, int64[2, 3] w) => (float[A, B] y) { y = Add(x, w) }", "operands of one element type"),
        ("g (float[2, 3] x) => (float[A] y) <int64[1] s = {5}> { y = Reshape(x, s) }", "as many elements"),
        ("g (float[2, 3] x) => (float[A] y) <int64[2] s = {-1, -1}> { y = Reshape(x, s) }", "more than one -1"),
        ("g (float[2, 3] x) => (float[A] y) <int64[1] s = {1}> { y = Squeeze(x, s) }", "squeezes dims of extent 3"),
    ],
)
def test_broken_graphs(body: str, message: str) -> None:
    invalid(body, message)


def test_unsupported_and_broken_nodes_are_reported_together() -> None:
    body = (
        "g (float[2, 3] x) => (float[A] y, float[B] z) { [s] t = Optional(x)\n y = Relu(t)\n z = Softmax<axis = 7>(x) }"
    )
    with pytest.raises(UnsupportedOpError) as caught:
        import_onnx(parsed(body))
    lines = str(caught.value).splitlines()
    assert "2 of 3 nodes are not supported" in lines[0]
    assert lines[1].startswith("  - s (Optional, opset 17): trtc has no import of this operator")
    assert lines[2].startswith("  - #2:z (Softmax, opset 17): axis 7 is out of range")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            "g (float[2, 3] x, int64[N] s) => (float[A] y) { y = Reshape(x, s) }",
            "its shape \\('s'\\) is computed from data",
        ),
        ("g (float[3] x) => (float[3] y) { y = If(x) }", "it has no graph in its attributes"),
        ("g (string[3] x) => (float[3] y) { y = Cast<to = 1>(x) }", "input 'x': element type STRING is not supported"),
        ("g (float[3] x) => (complex64[3] y) { y = Cast<to = 14>(x) }", "element type COMPLEX64 is not supported"),
        ("g (float[N] x, float[M] z) => (float[N] y) { y = Add(x, z) }", "which differ in dim 0"),
        (
            "g (float[1, 5, 5] x, int64[2] n) => (float[A] y) { y = Col2Im(x, n, n) }",
            "its image shape \\('n'\\) is computed from data; make the image shape a constant of the model, or bind",
        ),
    ],
)
def test_unsupported_nodes(body: str, message: str) -> None:
    with pytest.raises((UnsupportedOpError, InvalidModelError), match=message):
        import_onnx(parsed(body))


# Profiles


def test_profiles_by_symbol_and_by_input() -> None:
    by_symbol = import_onnx(parsed(ADD), profiles={"N": (1, 2, 4)})
    by_input = import_onnx(parsed(ADD), profiles={"x": ((1, 3), (2, 3), (4, 3))})
    assert nn.symbol_ranges(by_symbol) == nn.symbol_ranges(by_input) == {"N": (1, 2, 4)}


def test_a_dim_without_a_profile_gets_the_default_and_a_remark() -> None:
    with collecting() as remarks:
        module = import_onnx(parsed(ADD))
    assert nn.symbol_ranges(module) == {"N": DEFAULT_RANGE}
    assert any("dim N has no profile" in str(remark) for remark in remarks)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"require_profiles": True}, r"the dynamic dims N have no \(min, opt, max\)"),
        ({"profiles": {"M": (1, 2, 3)}}, "there is no dynamic dim or input 'M'; dynamic dims: N"),
        ({"profiles": {"N": (3, 2, 1)}}, "expected 0 <= min <= opt <= max"),
        ({"profiles": {"x": ((1, 3), (2, 3), (4, 4))}}, "has the static dim 3"),
        ({"profiles": {"x": ((1,), (2,), (4,))}}, "shapes of rank 2"),
        ({"static_shapes": {"z": (1, 3)}}, "the model has no input 'z'; its inputs are x"),
        ({"static_shapes": {"x": (1, 4)}}, r"input 'x' has shape \[N, 3\], got \[1, 4\]"),
    ],
)
def test_profiles_that_do_not_fit(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        import_onnx(parsed(ADD), **arguments)


def test_unnamed_dims_get_names_of_their_own() -> None:
    model = parsed("g (float[N, 4, 4] x) => (float[N, 4, 4] y) { y = Relu(x) }")
    for dim, (param, value) in zip(
        model.graph.input[0].type.tensor_type.shape.dim, [("?", 0), ("?", 0), ("", -1)], strict=True
    ):
        dim.Clear()
        if param:
            dim.dim_param = param
        else:
            dim.dim_value = value
    assert set(nn.symbol_ranges(import_onnx(model))) == {"x_d0", "x_d1", "x_d2"}


# Weights


def test_an_initializer_is_referred_to_not_copied() -> None:
    from trtc.compiler.frontend.model import load

    weight = np.random.default_rng(0).standard_normal((64, 64)).astype(np.float32)
    model = parsed("g (float[N, 64] x) => (float[N, 64] y) <float[64, 64] w = {}> { y = MatMul(x, w) }")
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(weight, "w"))
    array = load(model).weight("w")
    assert not array.flags.owndata
    (constant,) = [op for op in import_onnx(model).walk() if isinstance(op, nn.ConstantOp)]
    np.testing.assert_array_equal(constant.array(), weight)


def test_initializers_listed_as_inputs_are_weights() -> None:
    model = parsed(ADD)
    model.graph.input.append(helper.make_tensor_value_info("w", TensorProto.FLOAT, (3,)))
    module = import_onnx(model)
    main = next(iter(module.body.block.ops))
    assert len(main.regions[0].block.args) == 1


# Profiles that leave one size


def test_a_profile_of_one_size_makes_the_dim_static() -> None:
    module = import_onnx(parsed(ADD), profiles={"N": (4, 4, 4)})
    assert nn.symbol_ranges(module) == {}
    assert "tensor<4x3xf32>" in str(module)


def test_a_static_dim_by_profile_must_agree_between_inputs() -> None:
    body = "g (float[N, 3] x, float[N, 3] y) => (float[N, 3] z) { z = Add(x, y) }"
    both = {"x": ((4, 3), (4, 3), (4, 3)), "y": ((5, 3), (5, 3), (5, 3))}
    with pytest.raises(OptionError, match=r"dim 'N' has the ranges \(4, 4, 4\) and \(5, 5, 5\)"):
        import_onnx(parsed(body), profiles=both)
    module = import_onnx(parsed(body), profiles={"N": (4, 4, 4)})
    assert str(module).count("tensor<4x3xf32>") >= 3
