"""Pages: every op and launch of a model is on its page, what the mouse shows is right, and names of a model are text."""

from __future__ import annotations

import re
import sys
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import trtc
from trtc.compiler.frontend import import_onnx
from trtc.compiler.picture.dot import dot_text
from trtc.compiler.picture.graph import END, VIEW, Graph, collapsed, graph_of
from trtc.compiler.picture.page import Pictures, html_page
from trtc.compiler.pipeline import run_pipeline
from trtc.compiler.targets import set_target
from trtc.compiler.tools.trtc import main

sys.path.insert(0, str(Path(__file__).parents[2] / "models"))
import launches

HOSTILE = '</svg><script>alert("1")</script>\\"'
SVG = "{http://www.w3.org/2000/svg}"


@cache
def graphs(name: str) -> tuple[Graph, Graph, Graph]:
    """Before fusion, after it, and the launches."""
    subject = launches.SUBJECTS[name]
    module = import_onnx(launches.fixed(subject.make(), subject.sizes))
    set_target(module, "sm_90a")
    pictures = Pictures()
    options = trtc.BuildOptions(precision="fp16", target="sm_90a", verify_each=False)
    run_pipeline(module, options, stop_after="memory", observers=[pictures])
    return pictures.graphs["before"], pictures.graphs["fuse"], pictures.graphs["memory"]


def hostile_model(folder: Path) -> str:
    """A model whose nodes, tensors and file have names that are markup."""
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [4, 8]) for name in (f"x{HOSTILE}", f"y{HOSTILE}"))
    weights = [numpy_helper.from_array(np.ones((8, 8), np.float32), "w")]
    nodes = [
        helper.make_node("MatMul", [x.name, "w"], ["a"], HOSTILE),
        helper.make_node("Relu", ["a"], [y.name], f"r{HOSTILE}"),
    ]
    graph = helper.make_graph(nodes, "g", [x], [y], weights)
    path = folder / "<b>.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return str(path)


def pictures_of(page: str) -> list[ElementTree.Element]:
    return [ElementTree.fromstring(text) for text in re.findall(r"<svg.*?</svg>", page, re.DOTALL)]


def texts(picture: ElementTree.Element) -> dict[str, str]:
    """What stands in a picture, and what the mouse over it shows."""
    return {(each.text or "").strip(): each.findtext(f"{SVG}title", "") for each in picture.iter(f"{SVG}text")}


@pytest.mark.parametrize("name", ["squeezenet", "inception_v1", "gpt2_small"])
def test_a_model_is_drawn_whole(name: str) -> None:
    before, after, run = graphs(name)
    page = html_page(before, after, run, name)
    first, second = pictures_of(page)
    assert len(list(first.iter(f"{SVG}rect"))) == len(before.nodes)
    assert len(list(second.iter(f"{SVG}rect"))) == len(collapsed(after)[0].nodes)
    assert page.count("<tr>") == 1 + sum(node.kind != END for node in run.nodes)
    # What computes is in a group, and every launch has one; views are outside.
    assert all(node.cluster is not None or node.kind in (VIEW, END) for node in after.nodes)
    assert len(after.clusters) <= sum(node.kind != END for node in run.nodes)
    for graph in (before, after, run):
        reached = {number for edge in graph.edges for number in edge}
        assert reached == set(range(len(graph.nodes))), "a node without an edge"
        assert all(source < target for source, target in graph.edges)


def test_the_branches_of_an_inception_module_are_drawn_as_four() -> None:
    before, after, _ = graphs("inception_v1")
    for graph in (before, collapsed(after)[0]):
        concats = [node.number for node in graph.nodes if node.label == "concat"]
        assert len(concats) == 9
        for number in concats:
            assert sum(target == number for _, target in graph.edges) == 4


def test_the_mouse_shows_shapes_and_nodes() -> None:
    before, after, run = graphs("inception_v1")
    shown = texts(pictures_of(html_page(before, after, run, "x"))[1])
    assert re.fullmatch(r"nn\.lrn\nmakes 1x\d+x\d+x\d+ f\d+\nfrom \w+", shown["lrn"])


def test_names_of_a_model_are_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.html"
    assert main(["inspect", hostile_model(tmp_path), "--html", str(page), "--quiet"]) == 0
    assert f"{page}: " in capsys.readouterr().out
    text = page.read_text()
    assert "<script" not in text and "<b>" not in text.replace("<body>", "")
    assert "http" not in text.replace('xmlns="http://www.w3.org/2000/svg"', ""), "a page loads nothing"
    first, _ = pictures_of(text)
    assert texts(first)[f"x{HOSTILE}"] == f"input x{HOSTILE}\n4x8 f32"


def test_names_in_graphviz_text_are_quoted(tmp_path: Path) -> None:
    text = dot_text(graph_of(import_onnx(onnx.load(hostile_model(tmp_path)))))
    for line in text.splitlines():
        assert len(re.sub(r"\\.", "", line).split('"')) % 2 == 1, line


def test_what_has_no_picture_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "net.engine").write_bytes(b"")
    assert main(["inspect", str(tmp_path / "net.engine"), "--html", str(tmp_path / "page.html")]) == 2
    assert "give the ONNX file" in capsys.readouterr().err
    two = ["--target", "sm_80", "--target", "sm_90a"]
    assert main(["inspect", hostile_model(tmp_path), "--html", str(tmp_path / "page.html"), *two]) == 2
    assert "expected one --target" in capsys.readouterr().err
    assert not (tmp_path / "page.html").exists()
