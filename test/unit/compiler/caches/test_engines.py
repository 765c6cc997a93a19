"""The cache of whole builds: the same bytes as a build, and a miss wherever anything else could come out."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import trtc
from trtc.compiler import driver
from trtc.compiler.caches import engines
from trtc.compiler.caches.engines import EngineCache
from trtc.compiler.codegen.cuda.cubin_cache import CubinCache
from trtc.compiler.pipeline import Observer
from trtc.runtime.container import Section, write_container

pytest.importorskip("cupy", reason="NVRTC comes with CuPy")
onnx = pytest.importorskip("onnx")

MODEL = """<ir_version: 8, opset_import: ["" : 17]>
g (float[N, 8] x) => (float[N, 8] y) <float[8, 8] w> { l = MatMul(x, w)
 y = Relu(l) }"""
PROFILES = {"N": (1, 2, 4)}


def write_model(path: Path, seed: int = 0, *, external: bool = False) -> Path:
    model = onnx.parser.parse_model(MODEL)
    weight = np.random.default_rng(seed).standard_normal((8, 8), np.float32)
    model.graph.initializer.append(onnx.numpy_helper.from_array(weight, "w"))
    onnx.save(model, path, save_as_external_data=external, location="w.bin", size_threshold=0)
    return path


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_model(tmp_path / "m.onnx")


@pytest.fixture
def cache(tmp_path: Path) -> CubinCache:
    return CubinCache(tmp_path / "cache")


@pytest.fixture
def driven(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The models that `driver.build` was called with."""
    models: list[Any] = []
    real = driver.build

    def build(model: Any, *given: Any, **options: Any) -> trtc.Engine:
        models.append(model)
        return real(model, *given, **options)

    monkeypatch.setattr(driver, "build", build)
    return models


def options(**given: Any) -> trtc.BuildOptions:
    return trtc.BuildOptions(**{"target": "sm_80", "profiles": PROFILES, "verify_each": False, **given})


def saved(engine: trtc.Engine, folder: Path) -> bytes:
    engine.save(folder / "saved.engine")
    return (folder / "saved.engine").read_bytes()


def place(model: Path, cache: CubinCache) -> Path:
    """The file of a build's engine in the cache."""
    found = EngineCache.of(model, options(), ("sm_80",), cache)
    assert found is not None
    return cache.directory / "cubin" / found.key[:2] / found.key


def test_the_second_build_is_the_first(model: Path, cache: CubinCache, driven: list[Any], tmp_path: Path) -> None:
    stages: list[str] = []
    first = trtc.build(model, options(), cache=cache, targets=["sm_90a"])
    again = trtc.build(model, options(), cache=cache, targets=["sm_90a"], progress=lambda *s: stages.append(s[0]))
    assert driven == [model] and stages == ["engine from the cache"]
    assert first.stats.compiles > 0 and again.stats.compiles == 0
    assert saved(first, tmp_path) == saved(again, tmp_path)
    x = np.random.default_rng(1).standard_normal((3, 8), np.float32)
    assert np.array_equal(first.run({"x": x})["y"], again.run({"x": x})["y"]) and again.run({"x": x})["y"].any()


def test_a_hit_imports_nothing_heavy(model: Path, cache: CubinCache) -> None:
    built = trtc.build(str(model), options(), cache=cache)
    assert built.stats.compiles > 0
    program = f"""
import sys, trtc
options = trtc.BuildOptions(target="sm_80", profiles={PROFILES}, verify_each=False)
assert trtc.build({str(model)!r}, options, cache={str(cache.directory)!r}).stats.compiles == 0
print(sorted({{"xdsl", "onnx", "cupy"}} & sys.modules.keys()))
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "change",
    [
        lambda path: trtc.build(path, options(precision="fp16"), cache=path.parent / "cache"),
        lambda path: trtc.build(path, options(profiles={"N": (1, 2, 8)}), cache=path.parent / "cache"),
        lambda path: trtc.build(path, options(memory_limit=1 << 20), cache=path.parent / "cache"),
        lambda path: trtc.build(path, options(target="sm_90a"), cache=path.parent / "cache"),
        lambda path: trtc.build(path, options(), targets=["sm_90a"], cache=path.parent / "cache"),
        lambda path: trtc.build(path.read_bytes(), options(), cache=path.parent / "cache"),
        lambda path: trtc.build(shutil.copy(path, path.parent / "n.onnx"), options(), cache=path.parent / "cache"),
        lambda path: trtc.build(write_model(path, seed=1), options(), cache=path.parent / "cache"),
        lambda path: trtc.build(path, options(), cache=path.parent / "cache", observers=[Observer()]),
        lambda path: trtc.build(path, options(verify_each=True), cache=path.parent / "cache"),
        lambda path: trtc.build(path, options(), cache=None),
    ],
    ids=["precision", "profile", "limit", "target", "targets", "bytes", "name", "model", "observed", "verified", "no cache"],
)  # fmt: skip
def test_another_build_is_a_miss(
    change: Callable[[Path], trtc.Engine], model: Path, cache: CubinCache, driven: list[Any]
) -> None:
    trtc.build(model, options(), cache=cache)
    trtc.build(model, options(), cache=cache)
    assert len(driven) == 1
    change(model)
    assert len(driven) == 2


def test_another_trtc_is_a_miss(model: Path, cache: CubinCache, monkeypatch: pytest.MonkeyPatch) -> None:
    place_of = place(model, cache)
    monkeypatch.setattr(engines, "builder", lambda: "another")
    assert place(model, cache) != place_of
    monkeypatch.setattr(engines, "builder", lambda: None)
    assert EngineCache.of(model, options(), ("sm_80",), cache) is None


def test_the_builder_is_its_code_and_its_packages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "runtime").mkdir()
    monkeypatch.setattr(engines, "_ROOT", tmp_path)
    fresh: Callable[[], str | None] = engines.builder.__wrapped__
    found = {fresh()}
    (tmp_path / "runtime" / "a.py").write_text("one")
    found.add(fresh())
    (tmp_path / "runtime" / "a.py").write_text("two")
    found.add(fresh())
    monkeypatch.setattr(engines, "_version", lambda _: "0")
    found.add(fresh())
    monkeypatch.setattr(engines, "_version", lambda _: None)
    found.add(fresh())
    assert len(found) == 5 and None not in found

    class Entry:
        class dist:
            name = "plugin"

    monkeypatch.setattr(engines, "entry_points", lambda group: [Entry] if group == "trtc.schedules" else [])
    assert fresh() is None


def test_every_damage_of_an_entry_is_a_miss(model: Path, cache: CubinCache, driven: list[Any], tmp_path: Path) -> None:
    whole = saved(trtc.build(model, options(), cache=cache), tmp_path)
    path = place(model, cache)
    entry = path.read_bytes()
    for at in (0, 20, 70, len(entry) // 2, len(entry) - 1):
        path.write_bytes(entry[:at] + bytes([entry[at] ^ 1]) + entry[at + 1 :])
        assert saved(trtc.build(model, options(), cache=cache), tmp_path) == whole
    path.write_bytes(entry[:-1])
    assert saved(trtc.build(model, options(), cache=cache), tmp_path) == whole
    assert len(driven) == 7
    assert path.read_bytes() == entry, "each time it was put back"


def test_an_entry_of_another_build_is_a_miss(model: Path, cache: CubinCache, driven: list[Any], tmp_path: Path) -> None:
    """Whole engines under a name that is not theirs: of another model, without a key, and one that lies about what it is."""
    other = write_model(tmp_path / "other.onnx", seed=1)
    trtc.build(other, options(), cache=cache)
    path = place(model, cache)
    path.parent.mkdir(exist_ok=True)
    shutil.copy(place(other, cache), path)
    whole = saved(trtc.build(model, options(), cache=cache), tmp_path)
    path.write_bytes(whole)
    assert saved(trtc.build(model, options(), cache=cache), tmp_path) == whole
    write_container(path, {"build": path.name, "kind": "trtc engine"}, {"a": Section(b"b")})
    path.chmod(0o600)
    assert saved(trtc.build(model, options(), cache=cache), tmp_path) == whole
    assert len(driven) == 4


def test_what_others_can_write_is_not_used(model: Path, cache: CubinCache, driven: list[Any]) -> None:
    trtc.build(model, options(), cache=cache)
    place(model, cache).chmod(0o666)
    with pytest.warns(UserWarning, match="kernel cache: '.*' is not used"):
        trtc.build(model, options(), cache=cache)
    assert len(driven) == 2


def test_a_model_of_several_files_is_not_kept(tmp_path: Path, cache: CubinCache, driven: list[Any]) -> None:
    model = write_model(tmp_path / "m.onnx", external=True)
    engine = trtc.build(model, options(), cache=cache)
    assert engine.external_files == ("w.bin",) and engine.inspect()["model"]["files"] == ["w.bin"]
    trtc.build(model, options(), cache=cache)
    assert len(driven) == 2 and not place(model, cache).exists()


def test_an_engine_of_more_than_half_of_the_cache_is_not_kept(model: Path, cache: CubinCache) -> None:
    engine = trtc.build(model, options(), cache=CubinCache(cache.directory, limit=2 * 8 * 8 * 4))
    assert engine.stored_bytes > 8 * 8 * 4 and not place(model, cache).exists()
    trtc.build(model, options(), cache=CubinCache(cache.directory, limit=3 * engine.stored_bytes))
    assert place(model, cache).exists()


def test_a_model_that_changes_while_it_is_built_is_not_kept(
    model: Path, cache: CubinCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, real = place(model, cache), driver.build

    def build(*given: Any, **more: Any) -> trtc.Engine:
        write_model(model, seed=1)
        return real(*given, **more)

    monkeypatch.setattr(driver, "build", build)
    trtc.build(model, options(), cache=cache)
    assert not path.exists() and not place(model, cache).exists()


def test_wrong_arguments_are_said_by_the_driver(model: Path, cache: CubinCache) -> None:
    wrong: list[dict[str, Any]] = [{"targets": "sm_80"}, {"targets": [80]}, {"cache": 1}, {"options": {}}]
    for given in wrong:
        with pytest.raises(trtc.OptionError):
            trtc.build(model, **{"options": options(), "cache": cache, **given})
    with pytest.raises(trtc.TrtcError, match="nothing"):
        trtc.build(model.with_name("nothing.onnx"), options(), cache=cache)


def test_a_key_is_json_of_what_was_asked(model: Path, cache: CubinCache) -> None:
    """Options that JSON cannot write would end a build: all kinds of them, in one; their order says nothing."""
    profiles = {"N": (1, 2, 4), "x": ((1, 8), (2, 8), (4, 8))}
    asked = options(profiles=profiles, schedules=("gemm_mma", "pointwise"), memory_limit=1 << 30)
    turned = options(profiles=dict(reversed(profiles.items())), schedules=asked.schedules, memory_limit=1 << 30)
    found = [EngineCache.of(model, given, ("sm_80",), cache) for given in (asked, turned)]
    assert found[0] is not None and found[0] == found[1]
