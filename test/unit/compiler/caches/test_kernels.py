"""The cache of lowered groups: the same bytes with and without it, and a miss wherever anything else could come out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

import trtc
from trtc.compiler.caches import kernels as kernel_cache
from trtc.compiler.codegen.cuda.cubin_cache import CubinCache
from trtc.compiler.pipeline import Observer
from trtc.dialects import kernel
from trtc.dialects.provenance import onnx_names
from trtc.passes.kernels import lower_fragments

pytest.importorskip("cupy", reason="NVRTC comes with CuPy")
onnx = pytest.importorskip("onnx")

MODEL = """<ir_version: 8, opset_import: ["" : 17]>
g (float[N, 4, 8, 8] x) => (float[N, 8] y)
<float[8, 4, 3, 3] w, float[8, 8] m> {
  [conv] c = Conv<pads = [1, 1, 1, 1]>(x, w)
  [relu] r = Relu(c)
  [pool] p = GlobalAveragePool(r)
  [flat] f = Flatten(p)
  [fc] l = MatMul(f, m)
  [prob] y = Softmax(l)
}"""


@pytest.fixture
def cache(tmp_path: Path) -> CubinCache:
    return CubinCache(tmp_path / "cache")


@pytest.fixture
def lowered(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the kernels that are lowered to threads, as they are."""
    names: list[str] = []
    real = lower_fragments.lower_func

    def counted(func: kernel.FuncOp, *given: Any) -> None:
        names.append(func.sym_name.data)
        real(func, *given)

    monkeypatch.setattr(lower_fragments, "lower_func", counted)
    return names


def build(path: Path, cache: CubinCache | None, *, text: str = MODEL, batch: int = 4, **given: Any) -> bytes:
    """The engine's file, for weights that every call draws alike."""
    model = onnx.parser.parse_model(text)
    rng = np.random.default_rng(0)
    for name, shape in (("w", (8, 4, 3, 3)), ("m", (8, 8))):
        model.graph.initializer.append(onnx.numpy_helper.from_array(rng.standard_normal(shape, np.float32), name))
    del model.graph.value_info[:]
    target = given.pop("target", "sm_80")
    options = trtc.BuildOptions(target=target, profiles={"N": (1, 2, batch)})
    trtc.build(model, options, cache=cache, **given).save(path / "engine")
    return (path / "engine").read_bytes()


@pytest.mark.parametrize("target", ["sm_80", "sm_90a"])
def test_the_bytes_are_those_of_a_build_without_a_cache(
    target: str, tmp_path: Path, cache: CubinCache, lowered: list[str]
) -> None:
    without = build(tmp_path, None, target=target)
    kernels = list(lowered)
    assert kernels
    assert build(tmp_path, cache, target=target) == without
    assert lowered == kernels * 2
    assert build(tmp_path, cache, target=target) == without
    assert lowered == kernels * 2, "the second build with the cache lowers none"


def test_kernels_that_are_found_again_are_dependent_launches(
    tmp_path: Path, cache: CubinCache, lowered: list[str]
) -> None:
    build(tmp_path, cache, target="sm_90a")
    count = len(lowered)
    build(tmp_path, cache, target="sm_90a")
    assert len(lowered) == count
    launches = trtc.load(tmp_path / "engine").variant("sm_90a").program.launches
    assert [launch.dependent for launch in launches] == [False] + [True] * (len(launches) - 1)


def test_kernels_whose_blocks_meet_are_found_again(tmp_path: Path, cache: CubinCache, lowered: list[str]) -> None:
    rng = np.random.default_rng(0)
    net = trtc.Network()
    x = net.add_input("x", "float32", [3, 4, 16])
    w, r = (rng.standard_normal((1, 2048, width), np.float32) for width in (16, 512))
    net.mark_output(net.add_rnn("lstm", x, w, r).hidden, "y")

    def made() -> bytes:
        engine = trtc.build(net, trtc.BuildOptions(target="sm_80"), cache=cache)
        assert any(unit.info.cooperative for unit in engine.variants["sm_80"].units.values())
        engine.save(tmp_path / "engine")
        return (tmp_path / "engine").read_bytes()

    first, kernels = made(), list(lowered)
    assert made() == first
    assert lowered == kernels


@pytest.mark.parametrize("damage", [lambda b: b[:-1], lambda b: b[:-1] + b"?", lambda _: b"", lambda b: b[:8]])
def test_a_damaged_entry_is_a_miss(
    damage: Callable[[bytes], bytes], tmp_path: Path, cache: CubinCache, lowered: list[str]
) -> None:
    whole = build(tmp_path, cache)
    kernels = list(lowered)
    for path in (cache.directory / "cubin").rglob("*"):
        if path.is_file():
            path.write_bytes(damage(path.read_bytes()))
    assert build(tmp_path, cache) == whole
    assert lowered == kernels * 2


def test_an_entry_of_other_text_is_a_miss(tmp_path: Path, cache: CubinCache, lowered: list[str]) -> None:
    """An entry that is whole but says nothing of kernels: what a future version may write."""
    whole = build(tmp_path, cache)
    kernels = list(lowered)
    for path in list((cache.directory / "cubin").rglob("*")):
        if path.is_file() and cache.get_text(path.name) is not None:
            cache.put_text(path.name, '[{"interface": "kernel.func", "tiles": "", "source": ""}]')
    assert build(tmp_path, cache) == whole
    assert lowered == kernels * 2


def test_another_name_profile_or_compiler_is_a_miss(
    tmp_path: Path, cache: CubinCache, lowered: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    build(tmp_path, cache)
    kernels = list(lowered)
    lowered.clear()
    other = MODEL.replace("[fc]", "[classifier]")
    assert b"MatMul classifier" in build(tmp_path, cache, text=other)
    assert len(lowered) == 1, "the group of the node with the new name"
    lowered.clear()
    build(tmp_path, cache, batch=8)
    assert lowered == kernels
    lowered.clear()
    monkeypatch.setattr(kernel_cache, "code_digest", lambda: "another compiler")
    build(tmp_path, cache)
    assert lowered == kernels


def locations(engine: bytes, path: Path) -> dict[str, set[tuple[str, ...]]]:
    """The ONNX nodes that the tile IR of an engine's file names, for each kernel."""
    path.write_bytes(engine)
    tiles = trtc.load(path).variant().tiles
    return {name: {tuple(onnx_names(op.location)) for op in func.walk()} for name, func in tiles.items()}


def test_stored_kernels_lead_to_the_nodes_of_their_own_model(
    tmp_path: Path, cache: CubinCache, lowered: list[str]
) -> None:
    """Each op of the tile IR does, also where the lowering came from the cache, which another model with equal layers has filled."""
    names = {"conv": "stem", "relu": "act", "fc": "classifier"}
    text = MODEL
    for old, new in names.items():
        text = text.replace(f"[{old}]", f"[{new}]")
    first = locations(build(tmp_path, cache), tmp_path / "a")
    lowered.clear()
    second = locations(build(tmp_path, cache, text=text), tmp_path / "b")
    assert 0 < len(lowered) < len(second), "some groups are found"
    known = locations(build(tmp_path, cache, text=text), tmp_path / "c")
    assert second == known == locations(build(tmp_path, None, text=text), tmp_path / "d")
    assert {node for found in first.values() for nodes in found for node in nodes} == {
        "conv",
        "relu",
        "pool",
        "flat",
        "fc",
        "prob",
    }
    assert [{tuple(names.get(node, node) for node in nodes) for nodes in found} for found in first.values()] == list(
        second.values()
    )
    assert all(len(nodes) > 0 for found in second.values() for nodes in found)


def test_a_schedule_of_another_package_is_not_remembered(
    tmp_path: Path, cache: CubinCache, lowered: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernel_cache, "SCHEDULES", {})
    build(tmp_path, cache)
    kernels = list(lowered)
    build(tmp_path, cache)
    assert lowered == kernels * 2


class Bodies(Observer):
    """Counts the ops of kernels when they are lowered to threads."""

    def __init__(self) -> None:
        self.ops = 0

    def after_pass(self, index: int, step: ModulePass, module: ModuleOp, seconds: float) -> None:
        if step.name == "lower-fragments":
            kernels = [op for op in module.body.block.ops if isinstance(op, kernel.FuncOp)]
            self.ops = sum(1 for func in kernels for _ in func.walk())


def test_observers_see_whole_kernels(tmp_path: Path, cache: CubinCache) -> None:
    first, second = Bodies(), Bodies()
    build(tmp_path, cache, observers=[first])
    build(tmp_path, cache)
    build(tmp_path, cache, observers=[second])
    assert first.ops == second.ops > 100


def test_the_code_digest_reads_the_code(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for part in ("dialects", "passes"):
        (tmp_path / part).mkdir()
        (tmp_path / part / "a.py").write_text("one")
    monkeypatch.setattr(kernel_cache, "_ROOT", tmp_path)
    monkeypatch.setattr(kernel_cache, "_CODE", ("dialects", "passes/a.py"))
    digests: set[str] = set()
    for part in ("dialects", "passes", "dialects"):
        (tmp_path / part / "a.py").write_text(f"other {len(digests)}")
        digests.add(kernel_cache.code_digest.__wrapped__())
    assert len(digests) == 3
