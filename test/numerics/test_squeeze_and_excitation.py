"""Squeeze-and-excitation and the pools at the end of networks, after a conv and before one, against ONNX Runtime: how many launches, and
the numbers at three batches of one engine."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import trtc
from trtc.compiler.codegen.cuda.cubin_cache import CubinCache

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "models"))
import launches
import where
from models.random import graphs

pytest.importorskip("cupy", reason="NVRTC comes with CuPy")

C, NARROW, SIDE = 40, 12, 7
PROFILES = {"N": (1, 3, 32)}


class Graph:
    """An ONNX graph under construction; `map` is what a conv makes of its input, [N, 40, 7, 7]."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng(0)
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self.map = self.node("Relu", self.conv("x", C, C))

    def scaled(self, scale: str) -> tuple[str, list[Any]]:
        """The next conv, of the map and its scales."""
        return self.conv(self.node("Mul", self.map, scale), 24, C), ["N", 24, SIDE, SIDE]

    def node(self, kind: str, *inputs: str, **attributes: Any) -> str:
        name = f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], name=name, **attributes))
        return name

    def constant(self, array: Any) -> str:
        name = f"weight_{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def drawn(self, *shape: int) -> str:
        return self.constant((self.rng.standard_normal(shape) / np.sqrt(max(shape[1:], default=9))).astype(np.float32))

    def conv(self, x: str, rows: int, columns: int) -> str:
        return self.node("Conv", x, self.drawn(rows, columns, 1, 1), self.drawn(rows))

    def gemm(self, x: str, rows: int, columns: int) -> str:
        return self.node("Gemm", x, self.drawn(rows, columns), self.drawn(rows), transB=1)

    def model(self, y: str, dims: list[Any]) -> onnx.ModelProto:
        x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", C, SIDE, SIDE])
        self.nodes.append(helper.make_node("Identity", [y], ["y"]))
        out = helper.make_tensor_value_info("y", TensorProto.FLOAT, dims)
        graph = helper.make_graph(self.nodes, "g", [x], [out], self.weights)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def torch_silu(g: Graph) -> tuple[str, list[Any]]:
    """EfficientNet."""
    h = g.conv(g.node("GlobalAveragePool", g.map), NARROW, C)
    s = g.node("Sigmoid", g.conv(g.node("Mul", h, g.node("Sigmoid", h)), C, NARROW))
    return g.scaled(s)


def hard(g: Graph) -> tuple[str, list[Any]]:
    """MobileNetV3."""
    h = g.node("Relu", g.conv(g.node("GlobalAveragePool", g.map), NARROW, C))
    s = g.node("HardSigmoid", g.conv(h, C, NARROW), alpha=1 / 6, beta=0.5)
    return g.scaled(s)


def relu(g: Graph) -> tuple[str, list[Any]]:
    """RegNetY, its mean as ReduceMean."""
    mean = g.node("ReduceMean", g.map, g.constant(np.array([2, 3])), keepdims=1)
    s = g.node("Sigmoid", g.conv(g.node("Relu", g.conv(mean, NARROW, C)), C, NARROW))
    return g.scaled(s)


def keras(g: Graph) -> tuple[str, list[Any]]:
    """A mean without its dims, a reshape, 1x1 convs."""
    mean = g.node("ReduceMean", g.map, g.constant(np.array([2, 3])), keepdims=0)
    h = g.conv(g.node("Reshape", mean, g.constant(np.array([-1, C, 1, 1]))), NARROW, C)
    s = g.node("Sigmoid", g.conv(g.node("Mul", h, g.node("Sigmoid", h)), C, NARROW))
    return g.scaled(s)


def dense(g: Graph) -> tuple[str, list[Any]]:
    """SENet as Gemms, with a reshape before the scale."""
    flat = g.node("Flatten", g.node("GlobalAveragePool", g.map), axis=1)
    s = g.node("Sigmoid", g.gemm(g.node("Relu", g.gemm(flat, NARROW, C)), C, NARROW))
    return g.scaled(g.node("Reshape", s, g.constant(np.array([-1, C, 1, 1]))))


def classifier(g: Graph) -> tuple[str, list[Any]]:
    """The end of MobileNetV2, ResNet and others."""
    return g.gemm(g.node("Flatten", g.node("GlobalAveragePool", g.map), axis=1), 30, C), ["N", 30]


def mobilenet_v3_head(g: Graph) -> tuple[str, list[Any]]:
    """A pool and two products, the second after a flatten."""
    h = g.node("HardSwish", g.conv(g.node("GlobalAveragePool", g.map), 60, C))
    return g.gemm(g.node("Flatten", h, axis=1), 30, 60), ["N", 30]


FORMS = (torch_silu, hard, relu, keras, dense, classifier, mobilenet_v3_head)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> CubinCache:
    return CubinCache(tmp_path_factory.mktemp("cubins"))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("target", "precision", "bound"), [("sm_90a", "fp16", 1e-2), ("sm_80", "fp32", 1e-4)])
def test_forms(form: Callable[[Graph], Any], target: str, precision: str, bound: float, cache: CubinCache) -> None:
    graph = Graph()
    model = graph.model(*form(graph))
    onnx.checker.check_model(model, full_check=True)
    (arch,) = where.targets(target)
    options = trtc.BuildOptions(target=arch, precision=precision, profiles=PROFILES)
    context = trtc.build(model, options, cache=cache).create_context(where.DEVICE, poison=True)
    rng, seen = np.random.default_rng(1), list[np.ndarray[Any, Any]]()
    for n in (1, 3, 32, 1):
        x = rng.standard_normal((n, C, SIDE, SIDE)).astype(np.float32) + 0.2
        (expected,) = graphs.run_onnxruntime(model, {"x": x})
        got = np.asarray(context.run({"x": x})["y"])
        graphs.assert_close(got, expected, bound, f"{form.__name__} at {n}")
        seen.append(got)
    assert not np.array_equal(seen[0], seen[-1]), "another input, another result"


@pytest.mark.parametrize("form", FORMS)
def test_one_launch(form: Callable[[Graph], Any]) -> None:
    """Beside the convs before and after."""
    graph = Graph()
    model = graph.model(*form(graph))
    found = launches.launches(launches.lowered(model, PROFILES, arch="sm_90a"))
    print("\n".join(map(str, found)))
    (chain,) = [launch for launch in found if launch.schedule == "gemv_chain"]
    assert "nn.reduce" in chain.ops
    assert len(found) == (2 if form in (classifier, mobilenet_v3_head) else 3)
