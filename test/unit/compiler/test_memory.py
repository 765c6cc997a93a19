"""What a build holds of a model's weights, and how often it reads them."""

from __future__ import annotations

import gc
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

import trtc
from trtc.compiler import garbage
from trtc.compiler.frontend import external_data, import_graph, import_onnx, load
from trtc.compiler.pipeline import Observer
from trtc.dialects import blob
from trtc.dialects.blob import BlobAttr, digest_of
from trtc.dialects.errors import InvalidModelError

DEPTH, COLUMNS = 512, 640
SIZE = DEPTH * COLUMNS * 4


@pytest.fixture
def products(tmp_path: Path) -> Path:
    """Two matmuls, whose weights lie beside the model and are transposed for sm_90a."""
    rng = np.random.default_rng(0)
    tensors: list[TensorProto] = []
    with (tmp_path / "weights.bin").open("wb") as file:
        for name, shape in (("a", (DEPTH, COLUMNS)), ("b", (COLUMNS, DEPTH))):
            tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=shape)
            tensor.data_location = TensorProto.EXTERNAL
            for key, value in (("location", "weights.bin"), ("offset", file.tell()), ("length", SIZE)):
                tensor.external_data.add(key=key, value=str(value))
            file.write(rng.standard_normal(shape, np.float32).tobytes())
            tensors.append(tensor)
    nodes = [helper.make_node("MatMul", ["x", "a"], ["h"]), helper.make_node("MatMul", ["h", "b"], ["y"])]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [16, DEPTH]) for name in ("x", "y")]
    graph = helper.make_graph(nodes, "products", ends[:1], ends[1:], tensors)
    path = tmp_path / "products.onnx"
    path.write_bytes(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()
    )
    return path


class _Held(Observer):
    """Bytes of weights that the process holds before each pass, and those of the module's own constants."""

    def __init__(self) -> None:
        gc.collect()  # what other tests left
        self.before = sum(array.nbytes for array in blob._STORE.values())
        self.held: dict[str, int] = {}
        self.digests: dict[str, set[str]] = {}

    def before_pass(self, index: int, step: ModulePass, module: ModuleOp) -> None:
        self.held[f"{index} {step.name}"] = sum(array.nbytes for array in blob._STORE.values()) - self.before
        values = (value for op in module.walk() for value in op.properties.values())
        self.digests[step.name] = {value.digest.data for value in values if isinstance(value, BlobAttr)}


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_no_weight_outlives_the_pass_that_replaces_it(products: Path, precision: str) -> None:
    """Nor does a second module keep it alive, with the garbage collector left alone."""
    held = _Held()
    options = trtc.BuildOptions(target="sm_90a", precision=precision, verify_each=False)
    engine = trtc.build(str(products), options, cache=None, observers=[held])
    assert max(held.held.values()) == 2 * SIZE
    assert not held.digests["canonicalize-nn"] & held.digests["dce"], "weights should have been transposed"
    assert engine.stats.weight_bytes <= 2 * SIZE


def test_each_weight_is_read_and_hashed_once(products: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[int] = []
    sha256 = hashlib.sha256

    def counted(data: Any = b"") -> Any:
        hashed.append(memoryview(data).nbytes)
        return sha256(data)

    monkeypatch.setattr(blob.hashlib, "sha256", counted)
    monkeypatch.setattr(blob, "_LARGE", SIZE)
    graph = load(products)
    module = import_graph(graph)
    graph.digest()
    assert [size for size in hashed if size >= SIZE] == [SIZE] * 2
    assert len({value for op in module.walk() for value in op.properties.values() if isinstance(value, BlobAttr)}) == 2


def test_a_build_hashes_each_constant_once(products: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two as they are read, two as they are transposed; the sections of the engine are the latter."""
    gc.collect()  # equal bytes that other tests left lie elsewhere
    hashed: list[int] = []
    sha256 = hashlib.sha256

    def counted(data: Any = b"", **how: Any) -> Any:
        hashed.append(memoryview(data).nbytes)
        return sha256(data, **how)

    monkeypatch.setattr(blob.hashlib, "sha256", counted)
    engine = trtc.build(str(products), trtc.BuildOptions(target="sm_90a", verify_each=False), cache=None)
    assert [size for size in hashed if size == SIZE] == [SIZE] * 4
    monkeypatch.undo()
    sections = [section for name, section in engine._sections.items() if "/weights/" in name]
    assert [section.sha256 for section in sections] == [sha256(section.data).hexdigest() for section in sections]


def test_a_digest_is_forgotten_with_its_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blob, "_LARGE", 1)
    known = len(blob._DIGESTS)
    array = np.arange(4096, dtype=np.uint8)
    digest, held = blob.store(array)
    assert len(blob._DIGESTS) == known + 1
    assert digest_of(held) == digest == hashlib.sha256(array.tobytes()).hexdigest()
    array[0] = 1  # the stored bytes are a copy
    assert digest_of(array) != digest
    del held
    assert len(blob._DIGESTS) == known


def test_a_file_that_becomes_shorter_while_it_is_read(products: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = external_data._open

    def cut(path: Path) -> Any:
        found = opened(path)
        with path.open("r+b") as file:
            file.truncate(SIZE)
        return found

    monkeypatch.setattr(external_data, "_open", cut)
    with pytest.raises(InvalidModelError, match=r"'weights\.bin', which became shorter while it was read"):
        import_onnx(products)


def test_builds_leave_no_weights_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(garbage, "_due", garbage._Due())
    gc.collect()
    before = len(blob._STORE)
    net = trtc.Network()
    x = net.add_input("x", "f32", (8, 64))
    net.mark_output(net.add_matmul(x, net.add_constant(np.full((64, 64), 2.5, np.float32))), "y")
    trtc.build(net, trtc.BuildOptions(target="sm_80"), cache=None)
    del net, x
    net = trtc.Network()
    net.mark_output(net.add_unary("relu", net.add_input("x", "f32", (8, 64))), "y")
    garbage._due.cost = 0.0
    trtc.build(net, trtc.BuildOptions(target="sm_80"), cache=None)
    assert len(blob._STORE) == before


def test_the_collector_runs_in_proportion_to_the_builds(monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[int] = []
    monkeypatch.setattr(garbage, "_due", garbage._Due(cost=1.0))
    monkeypatch.setattr(garbage.gc, "collect", lambda: runs.append(1))
    for _ in range(19):
        garbage.collect_after(1.0)
    assert not runs
    garbage.collect_after(1.0)
    assert len(runs) == 1 and garbage._due.cost < 1.0
    garbage.collect_after(0.0, now=True)
    assert len(runs) == 2
