"""Engines as objects and as files, run here by a stand-in for the simulator's kernels."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import trtc
from trtc.dialects.errors import EngineFormatError, OptionError, TargetError
from trtc.runtime.arrays import as_host
from trtc.runtime.container import read_container, write_container
from trtc.runtime.contexts.simulator import SimulatorContext
from trtc.runtime.driver import DeviceInfo
from trtc.runtime.program.memory import InputError, TensorSpec

W = np.arange(12, dtype=np.float32).reshape(4, 3) - 5


@pytest.fixture(scope="module")
def engine(handmade_engine: Callable[..., Any]) -> Any:
    return handmade_engine(W, ("sm_80", "sm_90a"))


@pytest.fixture
def run(engine: Any, handmade_network: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """Runs a context whose kernels are NumPy functions."""
    _, kernels = handmade_network
    monkeypatch.setattr(SimulatorContext, "_run", kernels)
    context = engine.create_context("simulator")
    return context.run


@pytest.mark.parametrize("n", [1, 3, 8])
def test_an_engine_computes_what_the_network_says(run: Callable[..., Any], handmade_network: Any, n: int) -> None:
    expected, _ = handmade_network
    for seed in (0, 1):
        x = np.random.default_rng(seed).standard_normal((n, 4), np.float32)
        np.testing.assert_allclose(run({"x": x})["y"], expected(x, W), rtol=1e-5)


def test_poison_covers_the_arena_before_each_run(
    engine: Any, handmade_network: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected, kernels = handmade_network
    context = engine.create_context("simulator", poison=True)
    found: list[set[int]] = []

    def run_and_look(self: Any, launch: Any, bases: list[np.ndarray], symbols: dict[str, int]) -> None:
        if launch.kernel.name == "fc":
            found.append(set(context._arena.tolist()))
        kernels(self, launch, bases, symbols)

    monkeypatch.setattr(SimulatorContext, "_run", run_and_look)
    x = np.ones((8, 4), np.float32)
    for _ in range(2):
        np.testing.assert_allclose(context.run({"x": x})["y"], expected(x, W), rtol=1e-5)
    assert found == [{255}] * 2


def test_a_weight_of_another_size_is_refused(handmade_engine: Callable[..., Any]) -> None:
    with pytest.raises(EngineFormatError, match=r"weight 'w' has 64 bytes, which do not fit float32\[4, 3\]"):
        handmade_engine(np.zeros((4, 4), np.float32)).create_context("simulator")


def test_arrays_that_are_not_row_major_and_lists_are_taken(run: Callable[..., Any], handmade_network: Any) -> None:
    expected, _ = handmade_network
    x = np.random.default_rng(0).standard_normal((4, 8)).astype(np.float32)
    np.testing.assert_allclose(run({"x": x.T})["y"], expected(x.T, W), rtol=1e-5)
    np.testing.assert_allclose(run({"x": [[1, 2, 3, 4]]})["y"], expected(np.array([[1, 2, 3, 4]], np.float32), W))


def test_dlpack_on_the_host_is_taken(run: Callable[..., Any], handmade_network: Any) -> None:
    class Foreign:
        def __init__(self, array: np.ndarray):
            self.array = array

        def __dlpack__(self, **options: Any) -> Any:
            return self.array.__dlpack__(**options)

        def __dlpack_device__(self) -> Any:
            return self.array.__dlpack_device__()

    expected, _ = handmade_network
    x = np.ones((2, 4), np.float32)
    np.testing.assert_allclose(run({"x": Foreign(x)})["y"], expected(x, W))


def test_given_outputs_are_written(run: Callable[..., Any], handmade_network: Any) -> None:
    expected, _ = handmade_network
    x, y = np.ones((2, 4), np.float32), np.zeros(2, np.float32)
    assert run({"x": x}, {"y": y})["y"] is y
    np.testing.assert_allclose(y, expected(x, W))
    with pytest.raises(InputError, match=r"output 'y': expected shape \(2,\) for these inputs, got \(3,\)"):
        run({"x": x}, {"y": np.zeros(3, np.float32)})
    with pytest.raises(InputError, match="output 'y': expected a row-major array"):
        run({"x": x}, {"y": np.zeros(4, np.float32)[::2]})


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        ({"q": np.zeros(2, np.float32)}, "outputs: expected some of y, got 'q'"),
        ({"y": [0.0, 0.0]}, "output 'y': expected a NumPy or CuPy array to write to, got list"),
        (
            {"y": np.broadcast_to(np.float32(0), (2,))[:0]},
            r"output 'y': expected shape \(2,\) for these inputs, got \(0,\)",
        ),
        (np.zeros(2, np.float32), "outputs: expected a dict of arrays by name"),
    ],
)
def test_outputs_that_do_not_fit_are_one_clear_error(run: Callable[..., Any], outputs: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        run({"x": np.ones((2, 4), np.float32)}, outputs)


def test_a_read_only_output_is_refused(run: Callable[..., Any]) -> None:
    y = np.zeros(2, np.float32)
    y.setflags(write=False)
    with pytest.raises(InputError, match="output 'y': expected an array to write to, got a read-only one"):
        run({"x": np.ones((2, 4), np.float32)}, {"y": y})


def test_fractions_are_not_cut_off_for_an_integer_input() -> None:
    spec = TensorSpec("ids", np.dtype(np.int64), ())
    assert as_host([1, 2], spec).tolist() == [1, 2]
    with pytest.raises(InputError, match="input 'ids': expected an array of int64, got list with fractions"):
        as_host([1.7], spec)
    with pytest.raises(InputError, match="input 'ids': expected an array of int8, got list"):
        as_host([300], TensorSpec("ids", np.dtype(np.int8), ()))


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"x": np.zeros((2, 4))}, "input 'x': expected dtype float32, got float64; convert it"),
        ({"x": np.zeros((9, 4), np.float32)}, r"expected N within the profile \[1, 8\], got 9"),
        ({"z": np.zeros((2, 4), np.float32)}, "inputs: expected x, got z"),
        ({"x": "text"}, "input 'x': expected an array of float32, got str"),
        ({"x": None}, "input 'x': expected an array of float32, got NoneType"),
        ({"x": [[1, 2], [3]]}, "input 'x': expected an array of float32, got list"),
        ({1: np.zeros((2, 4), np.float32)}, "inputs: expected x, got 1"),
        (None, "inputs: expected a dict of arrays by name, such as {'x': array}, got NoneType"),
        (np.zeros((2, 4), np.float32), "inputs: expected a dict of arrays by name"),
    ],
)
def test_inputs_that_do_not_fit_are_one_clear_error(run: Callable[..., Any], inputs: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        run(inputs)


def test_named_results_can_be_observed(run: Callable[..., Any]) -> None:
    seen: dict[str, np.ndarray] = {}
    run({"x": np.eye(4, dtype=np.float32)}, observe=lambda name, array: seen.update({name: array.copy()}))
    np.testing.assert_array_equal(seen["hidden"], W)


def test_many_shapes_compile_nothing(engine: Any, run: Callable[..., Any]) -> None:
    before, plans = engine.stats.compiles, engine.stats.plans
    for n in (1, 2, 3, 2, 1):
        run({"x": np.zeros((n, 4), np.float32)})
    assert engine.stats.compiles == before
    assert engine.stats.plans - plans == 3
    assert engine.stats.launches_per_run == 4 and engine.stats.arena_bytes > 0


def test_save_and_load_keep_everything(engine: Any, tmp_path: Path, run: Callable[..., Any]) -> None:
    engine.save(tmp_path / "e")
    loaded = trtc.load(tmp_path / "e")
    assert loaded.inputs == engine.inputs and loaded.outputs == engine.outputs and loaded.symbols == engine.symbols
    assert loaded.variants.keys() == engine.variants.keys()
    assert loaded.variants["sm_80"].units == engine.variants["sm_80"].units
    np.testing.assert_array_equal(loaded.variants["sm_90a"].weight("w"), W)
    x = np.ones((2, 4), np.float32)
    np.testing.assert_array_equal(loaded.create_context("simulator").run({"x": x})["y"], run({"x": x})["y"])
    loaded.save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "e").read_bytes()


def test_equal_engines_are_equal_files(handmade_engine: Callable[..., Any], tmp_path: Path) -> None:
    for name in ("a", "b"):
        handmade_engine(W).save(tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_provenance_survives_the_file(engine: Any, tmp_path: Path) -> None:
    engine.save(tmp_path / "e")
    launches = trtc.load(tmp_path / "e").variant("sm_80").program.bind({"x": (1, 4)}).launches
    assert [launch.nodes for launch in launches] == [("fc1",), ("relu1",), ("fc2",), ("sum1",)]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda m: m.update(kind="other"), "holds 'other', not a 'trtc engine'"),
        (lambda m: m.pop("inputs"), "malformed at manifest: expected a field 'inputs'"),
        (lambda m: m["inputs"][0].update(dtype="object"), "malformed at dtype: expected one of .*, got 'object'"),
        (lambda m: m["inputs"][0].update(dims=["N +"]), "malformed at dim expression"),
        (lambda m: m.update(variants={}), "holds no architecture"),
        (lambda m: m["variants"]["sm_80"].update(host="nowhere"), "section 'nowhere' does not exist"),
        (lambda m: m["variants"]["sm_80"]["kernels"][0]["facts"].pop("grid"), "expected a field 'grid'"),
        (lambda m: m["variants"]["sm_80"].update(kernels=7), "malformed at"),
    ],
)
def test_manifests_that_are_not_an_engine_are_refused(
    engine: Any, tmp_path: Path, damage: Callable[[Any], Any], message: str
) -> None:
    engine.save(tmp_path / "e")
    manifest, sections = read_container(tmp_path / "e")
    damage(manifest)
    write_container(tmp_path / "f", manifest, sections)
    with pytest.raises(EngineFormatError, match=message):
        trtc.load(tmp_path / "f")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda v: v.update(weights={"v": "w"}), "its manifest and its host function name different weights"),
        (
            lambda v: v["kernels"][0]["facts"].update(grid=["M", "1", "1"]),
            "'M' is used before it is known: expected a buffer.symbol, buffer.read or loop that gives it first. Rebuild the engine",
        ),
        (lambda v: v["kernels"].append(v["kernels"].pop(0)), "differ in the facts of kernels"),
    ],
)
def test_parts_that_do_not_fit_each_other_are_refused(
    engine: Any, tmp_path: Path, damage: Callable[[Any], Any], message: str
) -> None:
    engine.save(tmp_path / "e")
    manifest, sections = read_container(tmp_path / "e")
    damage(manifest["variants"]["sm_80"])
    write_container(tmp_path / "f", manifest, sections)
    with pytest.raises(EngineFormatError, match=re.escape(message)):
        trtc.load(tmp_path / "f").create_context("simulator", arch="sm_80")


def test_ir_that_does_not_parse_is_refused(engine: Any, tmp_path: Path) -> None:
    from trtc.runtime.container import Section

    engine.save(tmp_path / "e")
    manifest, sections = read_container(tmp_path / "e")
    write_container(tmp_path / "f", manifest, {**sections, "sm_80/host": Section(b"func.func @main(")})
    with pytest.raises(EngineFormatError, match="its host IR for sm_80 cannot be read"):
        trtc.load(tmp_path / "f")


def test_no_gpu_means_the_simulator_and_says_so(engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trtc.runtime.contents.find_device", lambda ordinal=0: None)
    assert engine.device == "simulator"
    assert engine.create_context().device == "simulator"


def test_a_gpu_without_kernels_is_refused(engine: Any) -> None:
    with pytest.raises(
        TargetError, match="holds kernels for sm_80, sm_90a, but B200 is sm_100; rebuild it with target 'sm_100a'"
    ):
        engine.variant_for(DeviceInfo(0, "B200", (10, 0), 148, 232448, 1))
    with pytest.raises(TargetError, match="device 'tpu': expected 'simulator' or the number of a GPU"):
        engine.create_context("tpu")


def test_inspection_is_json(engine: Any) -> None:
    import json

    found = json.loads(json.dumps(engine.inspect()))
    assert found["variants"]["sm_80"]["kernels"][0]["resources"]["registers"] > 0
    assert found["stats"]["launches_per_run"] == 4
    assert found["sections"]["w"] == W.nbytes


def test_an_engine_says_what_it_is(engine: Any) -> None:
    assert repr(engine) == "<Engine x: float32[N, 4] -> y: float32[N] for sm_80, sm_90a>"


@pytest.mark.parametrize("path", ["", "a\0b", "/nowhere/net.engine"])
def test_paths_that_name_no_engine_are_one_sentence(path: str) -> None:
    with pytest.raises((EngineFormatError, OptionError), match="check the path"):
        trtc.load(path)


def test_threads_that_share_a_context_take_turns(
    engine: Any, handmade_network: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected, kernels = handmade_network

    def slowly(*arguments: Any) -> None:
        kernels(*arguments)
        time.sleep(0.002)  # another thread would go on, over the same arena

    monkeypatch.setattr(SimulatorContext, "_run", slowly)
    context = engine.create_context("simulator")
    inputs = [np.random.default_rng(seed).standard_normal((3, 4), np.float32) for seed in range(16)]
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda x: context.run({"x": x})["y"], inputs))
    for x, result in zip(inputs, results, strict=True):
        np.testing.assert_allclose(result, expected(x, W), rtol=1e-5)
