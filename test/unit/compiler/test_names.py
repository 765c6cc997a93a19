"""Any Unicode name works, from the model to the engine's file and back, and nothing that prints names hands a terminal more than text."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

import trtc
from trtc.compiler import engine_writer
from trtc.compiler.tools.trtc import main
from trtc.dialects.dims import symbol
from trtc.dialects.provenance import describe
from trtc.passes.remarks import Remark
from trtc.runtime.profiler import LaunchTime, table
from trtc.runtime.program.memory import TensorSpec

NAMES = [
    "é",
    "日本語",
    "😀",
    'a"b',
    "a\\",
    "a\nb",
    "a\0b",
    " ",
    "\t",
    "\r",
    "\x1b[31mred",
    "\x85",
    "\u2028",
    "\u202e",
    "*/",
    "%x",
    "@main",
]
NAMES += [
    "#1",
    "a.b",
    "a_b",
    "a/b",
    "x",
    "X",
    "1",
    "v1",
    "int",
    "int_",
    "main",
    "arena",
    "weights",
    "nullptr",
    "threadIdx",
    "n" * 70_000,
]
SM_80 = trtc.BuildOptions(target="sm_80")


def model() -> ModelProto:
    """For each name a node, an input, an output, a weight and a value that are called so."""
    nodes, inputs, outputs, weights = [], [], [], []
    for name in NAMES:
        nodes.append(helper.make_node("Softmax", [f"{name}i"], [f"{name}m"], name=name, axis=1))
        nodes.append(helper.make_node("Sub", [f"{name}m", f"{name}w"], [name], name=f"{name}2"))
        weights.append(numpy_helper.from_array(np.full(20, len(weights) + 1, np.float32), f"{name}w"))
        inputs.append(helper.make_tensor_value_info(f"{name}i", TensorProto.FLOAT, [2, 20]))
        outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, [2, 20]))
    graph = helper.make_graph(nodes, "g", inputs, outputs, weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, trtc.Engine]:
    path = tmp_path_factory.mktemp("names") / "e.engine"
    trtc.build(model(), SM_80).save(path)
    return path, trtc.load(path)


def test_names_of_nodes_and_tensors_are_the_models_own(engine: tuple[Path, trtc.Engine]) -> None:
    _, loaded = engine
    assert [spec.name for spec in loaded.inputs] == [f"{name}i" for name in NAMES]
    assert [spec.name for spec in loaded.outputs] == NAMES
    launches = loaded.variant().program.launches
    assert {node for launch in launches for node in launch.nodes} == {n for name in NAMES for n in (name, f"{name}2")}
    rng = np.random.default_rng(0)
    given = {f"{name}i": rng.standard_normal((2, 20), np.float32) for name in NAMES}
    got = loaded.run(given)
    for index, name in enumerate(NAMES):
        wanted = np.exp(given[f"{name}i"])
        np.testing.assert_allclose(got[name], wanted / wanted.sum(1, keepdims=True) - index - 1, rtol=1e-5)


def test_names_of_dims_are_any_text(tmp_path: Path) -> None:
    names = [*NAMES[1:19:2], "int", "n" * 70_000]
    net = trtc.Network()
    for index, name in enumerate(names):
        x = net.add_input(f"x{index}", "f32", [symbol(name) * 1, 4])
        net.mark_output(net.add_unary("neg", x), f"y{index}")
    profiles = dict.fromkeys(names, (1, 2, 3))
    trtc.build(net, trtc.BuildOptions(target="sm_80", profiles=profiles)).save(tmp_path / "e")
    loaded = trtc.load(tmp_path / "e")
    assert loaded.symbols == profiles
    given = {f"x{index}": np.full((1 + index % 3, 4), index, np.float32) for index in range(len(names))}
    got = loaded.run(given)
    assert all(np.array_equal(got[f"y{index}"], -given[f"x{index}"]) for index in range(len(names)))
    with pytest.raises(trtc.InputError, match=r"expected 日本語 within the profile \[1, 3\], got 9"):
        loaded.run({**given, f"x{names.index('日本語')}": np.zeros((9, 4), np.float32)})


def test_a_name_must_be_unicode() -> None:
    net = trtc.Network()
    with pytest.raises(
        trtc.InvalidModelError, match=r"input: expected a name, a Unicode text that is not empty, got 'a\\ud800'"
    ):
        net.add_input("a\ud800", "f32", [4])
    x = net.add_input("x", "f32", [4])
    for add in (lambda n: net.mark_output(x, n), lambda n: net.name(x, n), lambda n: net.add_constant(np.ones(4), n)):
        with pytest.raises(trtc.InvalidModelError, match=r"expected (a )?name.* Unicode"):
            add("\udfff")


@pytest.mark.parametrize(
    "word, where",
    [
        ("INP", "model.graph.input[0].name"), ("OUT", "model.graph.output[0].name"), ("NOD", "model.graph.node[0].name"),
        ("Relu", "model.graph.node[0].op_type"), ("DIM", "shape.dim[0].dim_param"), ("WEI", "model.graph.initializer[0].name"),
        ("ATT", "model.graph.node[0].attribute[0].name"),
    ],
)  # fmt: skip
def test_texts_of_a_model_that_are_not_utf8_are_named(word: str, where: str) -> None:
    made = helper.make_model(
        helper.make_graph(
            [helper.make_node("Relu", ["INP"], ["OUT"], name="NOD", ATT=1)],
            "GRA",
            [helper.make_tensor_value_info("INP", TensorProto.FLOAT, ["DIM"])],
            [helper.make_tensor_value_info("OUT", TensorProto.FLOAT, ["DIM"])],
            [helper.make_tensor("WEI", TensorProto.FLOAT, [1], [1.0])],
        ),
        producer_name="\xff",
    )
    data = made.SerializeToString().replace(word.encode(), b"\xff\xfe" + word[2:].encode())
    with pytest.raises(trtc.InvalidModelError) as caught:
        trtc.build(data, SM_80)
    assert "expected texts in UTF-8" in str(caught.value) and where in str(caught.value)


EVIL = "\x1b]0;title\x07\r\u202e\nnext"


def test_nothing_that_prints_names_prints_what_a_terminal_acts_upon(
    engine: tuple[Path, trtc.Engine], capsys: pytest.CaptureFixture[str]
) -> None:
    path, loaded = engine
    (op,) = trtc_op()
    lines = [
        describe(op),
        str(Remark("missed", "p", "nn.relu", (EVIL,), EVIL)),
        repr(loaded),
        str(TensorSpec(EVIL, np.dtype("f4"), ())),
    ]
    lines += table([LaunchTime("k", (EVIL,), (1, 1, 1), 1.0)]).split("\n")
    assert all(line.isprintable() for line in lines) and len(lines) == 7
    assert (
        len(describe(op)) < 100 and len(str(trtc.TrtcError(f"a {'n' * 70_000} b"))) < 300 and len(repr(loaded)) < 5000
    )
    error = trtc.TrtcError(f"first {EVIL}", 3)
    assert str(error.args[0]) == "first \\x1b]0;title\\x07\\r\\u202e\nnext" and error.args[1] == 3
    for flags in ([], ["--ir"], ["--json"], ["--cuda", next(iter(loaded.variant().units))]):
        assert main(["inspect", str(path), *flags]) == 0
        printed = capsys.readouterr().out
        assert printed.strip() and printed.replace("\n", "").isprintable()
    assert main(["run", str(path), "--device", "simulator"]) == 0
    assert capsys.readouterr().out.replace("\n", "").isprintable()


def trtc_op() -> list[object]:
    from trtc.dialects import nn
    from trtc.dialects.provenance import onnx_location

    op = nn.ConstantOp(np.ones(2, np.float32))
    op.location = onnx_location(EVIL, "Relu", 0)
    return [op]


def small() -> trtc.Network:
    net = trtc.Network()
    net.mark_output(net.add_unary("neg", net.add_input("x", "f32", [2, 4])), "y")
    return net


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda text: text.replace('nn.inputs = ["x"]', 'nn.inputs = ["z"]'), "build: the inputs of the host function for sm_80"),
        (lambda text: text.replace("buffer.launch", "buffer.lunch"), "build: the engine cannot be read back: .*host IR"),
        (lambda text: text.replace('"neg_0"', '"other"'), "build: the engine cannot be read back: .*the facts of kernels"),
    ],
)  # fmt: skip
def test_a_build_reads_its_own_bytes_back(monkeypatch: pytest.MonkeyPatch, change, message: str) -> None:
    printed = engine_writer.print_module
    monkeypatch.setattr(engine_writer, "print_module", lambda module, **options: change(printed(module, **options)))
    with pytest.raises(trtc.PassError, match=message):
        trtc.build(small(), SM_80)


def test_a_list_of_names_in_an_error_is_one_line() -> None:
    engine = trtc.build(small(), SM_80)
    with pytest.raises(trtc.InputError) as caught:
        engine.run({EVIL: np.zeros((2, 4), np.float32)})
    assert str(caught.value).isprintable()
