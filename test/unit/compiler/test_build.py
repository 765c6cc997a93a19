"""`trtc.build` from a network to an engine that runs, on the simulator, with everything in between real."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import trtc
from trtc.compiler.codegen.cuda.cubin_cache import CubinCache
from trtc.compiler.engine_writer import Store
from trtc.compiler.pipeline import phase_steps
from trtc.dialects.meaning import run_module

pytest.importorskip("cupy", reason="NVRTC comes with CuPy")

RNG = np.random.default_rng(0)
W1 = RNG.standard_normal((64, 96), np.float32) / 8
B1 = RNG.standard_normal(96).astype(np.float32)
W2 = RNG.standard_normal((96, 32), np.float32) / 10


def network() -> trtc.Network:
    """Two layers with a dynamic batch; the output is a concat of a matmul's result and its sigmoid."""
    net = trtc.Network()
    x = net.add_input("x", "f32", ("N", 64))
    hidden = net.add_unary("relu", net.add_binary("add", net.add_matmul(x, W1), B1))
    y = net.add_matmul(hidden, W2)
    net.mark_output(net.add_concat([y, net.add_unary("sigmoid", y)], 1), "y")
    net.symbols(N=(1, 4, 33))
    return net


def expected(x: np.ndarray) -> np.ndarray:
    y = np.maximum(x @ W1 + B1, 0) @ W2
    return np.concatenate([y, 1 / (1 + np.exp(-y))], axis=1)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> CubinCache:
    return CubinCache(tmp_path_factory.mktemp("cubins"))


@pytest.fixture(scope="module")
def engine(cache: CubinCache) -> trtc.Engine:
    return trtc.build(network(), trtc.BuildOptions(target="sm_80"), cache=cache)


@pytest.mark.parametrize("n", [1, 4, 33])
def test_a_built_engine_computes_what_the_network_says(engine: trtc.Engine, n: int) -> None:
    context, compiles = engine.create_context("simulator"), engine.stats.compiles
    for seed in (0, 1):
        x = np.random.default_rng(seed).standard_normal((n, 64), np.float32)
        y = context.run({"x": x})["y"]
        assert np.linalg.norm(y - expected(x)) <= 1e-4 * np.linalg.norm(expected(x))
    assert engine.stats.compiles == compiles


def test_a_saved_engine_is_the_same_engine(engine: trtc.Engine, tmp_path: Path) -> None:
    engine.save(tmp_path / "e")
    loaded = trtc.load(tmp_path / "e")
    x = np.ones((2, 64), np.float32)
    outputs = [e.create_context("simulator").run({"x": x})["y"] for e in (engine, loaded)]
    np.testing.assert_array_equal(*outputs)
    assert loaded.stats.compiles == 0


@pytest.mark.parametrize("refit", [False, True])
def test_the_plan_of_a_build_is_the_one_that_is_read(cache: CubinCache, tmp_path: Path, refit: bool) -> None:
    """A build keeps the plan that it made, and reads it back from its text only under `verify_each`."""
    options = {each: trtc.BuildOptions(target="sm_80", refit=refit, verify_each=each) for each in (False, True)}
    kept, read = (trtc.build(network(), options[each], cache=cache) for each in (False, True))
    kept.save(tmp_path / "kept.engine")
    loaded = trtc.load(tmp_path / "kept.engine")
    assert kept.variant("sm_80").program == read.variant("sm_80").program == loaded.variant("sm_80").program
    assert kept.variant("sm_80").tiles.keys() == loaded.variant("sm_80").tiles.keys()
    x = RNG.standard_normal((5, 64), np.float32)
    outputs = [e.create_context("simulator").run({"x": x})["y"] for e in (kept, loaded)]
    np.testing.assert_array_equal(*outputs)


def test_builds_are_reproducible_to_the_byte(engine: trtc.Engine, cache: CubinCache, tmp_path: Path) -> None:
    """From the cache and from NVRTC alike."""
    engine.save(tmp_path / "first")
    for number, chosen in enumerate((cache, None)):
        again = trtc.build(network(), trtc.BuildOptions(target="sm_80"), cache=chosen)
        again.save(tmp_path / f"again{number}")
        assert (tmp_path / f"again{number}").read_bytes() == (tmp_path / "first").read_bytes()
        assert (again.stats.compiles == 0) == (chosen is cache)


def test_one_file_for_many_architectures(cache: CubinCache) -> None:
    engine = trtc.build(network(), trtc.BuildOptions(target="sm_80"), targets=["sm_89", "sm_90a"], cache=cache)
    assert list(engine.variants) == ["sm_80", "sm_89", "sm_90a"]
    x = np.ones((3, 64), np.float32)
    for arch in engine.variants:
        y = engine.create_context("simulator", arch=arch).run({"x": x})["y"]
        assert np.linalg.norm(y - expected(x)) <= 1e-4 * np.linalg.norm(expected(x))


def test_the_concat_costs_no_launch(engine: trtc.Engine) -> None:
    names = [unit.info.name for unit in engine.variant("sm_80").units.values()]
    assert engine.stats.launches_per_run == 2, names


def test_the_manifest_explains_the_build(engine: trtc.Engine) -> None:
    stored = engine.inspect()["variants"]["sm_80"]
    assert stored["choices"].keys() == {kernel["facts"]["name"] for kernel in stored["kernels"]}
    assert stored["plan"]["buffers"] and stored["plan"]["arena_bytes"] == engine.stats.arena_bytes
    assert any(remark["pass_name"] == "plan-arena" for remark in stored["remarks"])


def test_a_memory_limit_is_held(cache: CubinCache) -> None:
    with pytest.raises(trtc.OptionError, match=r"option memory_limit: the arena needs .* more than the limit of 1024"):
        trtc.build(network(), trtc.BuildOptions(target="sm_80", memory_limit=1024), cache=cache)


def test_progress_names_passes_and_compiles(cache: CubinCache) -> None:
    seen: list[tuple[str, int, int]] = []
    trtc.build(network(), trtc.BuildOptions(target="sm_80"), cache=cache, progress=lambda *step: seen.append(step))
    named = [(stage.removeprefix("pass "), done) for stage, done, _ in seen if stage.startswith("pass ")]
    passes = [name for name, done in named if done]
    assert named == [(name, done) for name in passes for done in (0, 1)], (
        "each is named when it begins, and when it is done"
    )
    assert passes == [step.name for steps in phase_steps(trtc.BuildOptions()).values() for step in steps]
    assert seen[-1] == ("compile sm_80", 2, 2)


def test_models_that_are_not_there_are_refused() -> None:
    with pytest.raises(trtc.OptionError, match="No such file or directory; check the path"):
        trtc.build("/nowhere/model.onnx", trtc.BuildOptions(target="sm_80"))
    with pytest.raises(trtc.TargetError, match="expected sm_80 or newer"):
        trtc.build(network(), trtc.BuildOptions(target="sm_75"))


@pytest.mark.parametrize("model", [None, 5, [], np.zeros(3)])
def test_what_is_no_model_is_refused_by_its_type(model: Any) -> None:
    with pytest.raises(trtc.OptionError, match=rf"model: expected the path, .*, got {type(model).__name__}"):
        trtc.build(model)


def test_options_and_targets_of_other_types_are_refused() -> None:
    with pytest.raises(trtc.OptionError, match=r"options: expected trtc\.BuildOptions, got dict"):
        trtc.build(network(), {"precision": "fp16"})  # type: ignore[arg-type]
    with pytest.raises(trtc.OptionError, match=r"targets: expected a list such as \['sm_90a'\]"):
        trtc.build(network(), targets="sm_90a")


def test_the_profiles_of_the_options_hold_for_networks_and_modules(cache: CubinCache) -> None:
    def relu() -> trtc.Network:
        net = trtc.Network()
        net.mark_output(net.add_unary("relu", net.add_input("x", "f32", ("N", 4))), "y")
        net.symbols(N=(1, 2, 4))
        return net

    options = trtc.BuildOptions(target="sm_80", profiles={"N": (1, 8, 16)})
    for model in (relu(), relu().module()):
        assert trtc.build(model, options, cache=cache).symbols == {"N": (1, 8, 16)}
        with pytest.raises(trtc.OptionError, match="there is no dynamic dim 'M'; dynamic dims: N"):
            trtc.build(model, trtc.BuildOptions(profiles={"M": (1, 2, 3)}), cache=cache)


def test_profiles_under_which_a_window_does_not_fit(cache: CubinCache) -> None:
    net = trtc.Network()
    pooled = net.add_max_pool(net.add_input("x", "f32", (1, 3, "H", 8)), (5, 5), strides=(2, 2))
    net.mark_output(net.add_unary("exp", pooled), "y")
    with pytest.raises(trtc.InvalidModelError) as raised:
        trtc.build(net, trtc.BuildOptions(target="sm_80", profiles={"H": (1, 8, 16)}), cache=cache)
    assert str(raised.value).splitlines() == [
        "the profiles allow sizes at which dims are negative; raise their minimum:",
        "  - nn.max_pool (from max_pool_1): its result has a dim ((H + 1) floordiv 2) - 2, which is -1 for H = 1",
    ]
    engine = trtc.build(net, trtc.BuildOptions(target="sm_80", profiles={"H": (3, 8, 16)}), cache=cache)
    assert engine.run({"x": np.zeros((1, 3, 3, 8), np.float32)})["y"].shape == (1, 3, 0, 2)


def test_a_network_is_built_twice(cache: CubinCache) -> None:
    net = network()
    first, second = (trtc.build(net, trtc.BuildOptions(target=arch), cache=cache) for arch in ("sm_80", "sm_89"))
    assert (list(first.variants), list(second.variants)) == (["sm_80"], ["sm_89"])


def test_an_output_may_be_written_over_an_input(cache: CubinCache) -> None:
    net = trtc.Network()
    x = net.add_input("x", "f32", (4, 4))
    net.mark_output(net.add_softmax(net.add_matmul(x, np.eye(4, dtype=np.float32)[::-1].copy())), "y")
    engine = trtc.build(net, trtc.BuildOptions(target="sm_80"), cache=cache)
    array = np.random.default_rng(0).standard_normal((4, 4), np.float32)
    apart = engine.create_context("simulator").run({"x": array.copy()})["y"]
    engine.create_context("simulator").run({"x": array}, {"y": array})
    np.testing.assert_array_equal(array, apart)


def test_a_missing_compiler_is_said_before_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(name: str) -> Any:
        raise ImportError(f"no module {name},\nnor its library")

    monkeypatch.setattr("trtc.compiler.codegen.cuda.nvrtc.import_module", gone)
    with pytest.raises(trtc.TargetError, match=r"NVRTC was not found .*pip install -e") as caught:
        trtc.build("/nowhere/model.onnx", trtc.BuildOptions(target="sm_80"))
    assert "\n" not in str(caught.value)


def matmul(net: trtc.Network, x: Any, rows: int) -> Any:
    return net.add_matmul(x, np.ones((rows, 3), np.float32))


@pytest.mark.parametrize(
    ("shape", "layer"),
    [
        ((0, 4), lambda net, x: net.add_unary("relu", x)),
        ((0, 4), lambda net, x: net.add_softmax(x)),
        ((4, 0), lambda net, x: net.add_reduce("sum", x, [1])),
        ((4, 0), lambda net, x: matmul(net, x, 0)),
        ((0, 4), lambda net, x: matmul(net, x, 4)),
        ((0, 4), lambda net, x: net.add_concat([x, net.add_constant(np.ones((2, 4), np.float32))], 0)),
    ],
)
@pytest.mark.parametrize("arch", ["sm_80", "sm_90a"])
def test_tensors_without_elements(
    cache: CubinCache, arch: str, shape: tuple[int, ...], layer: Callable[[trtc.Network, Any], Any]
) -> None:
    net = trtc.Network()
    net.mark_output(layer(net, net.add_input("x", "f32", shape)), "y")
    x = np.zeros(shape, np.float32)
    (expected,) = run_module(net.module(), [x])
    engine = trtc.build(net, trtc.BuildOptions(target=arch), cache=cache)
    np.testing.assert_array_equal(engine.create_context("simulator").run({"x": x})["y"], expected)


def test_a_dynamic_dim_may_leave_nothing(cache: CubinCache) -> None:
    net = trtc.Network()
    rest = net.add_slice(net.add_input("x", "f32", ("N", 4)), (1, 0), ("N - 1", 4))
    net.mark_output(net.add_unary("neg", rest), "y")
    net.symbols(N=(1, 2, 4))
    context = trtc.build(net, trtc.BuildOptions(target="sm_80"), cache=cache).create_context("simulator")
    for n in (1, 3):
        x = np.arange(4 * n, dtype=np.float32).reshape(n, 4)
        np.testing.assert_array_equal(context.run({"x": x})["y"], -x[1:])
        assert all(all(launch.grid) for launch in context.plan({"x": (n, 4)}).launches), "CUDA refuses a grid of none"


def test_what_the_import_remarked_stands_in_the_engine(cache: CubinCache) -> None:
    onnx = pytest.importorskip("onnx")
    text = '<ir_version: 8, opset_import: ["" : 17]> g (float[2, 3] x) => (float[9] y) { y = Relu(x) }'
    engine = trtc.build(onnx.parser.parse_model(text), trtc.BuildOptions(target="sm_80"), cache=cache)
    messages = [remark["message"] for remark in engine.variant().manifest["remarks"]]
    assert "output y is declared as [9], and its shape is [2, 3]" in messages


def test_equal_bytes_are_stored_once_for_each_alignment() -> None:
    store = Store()
    assert store.add("text", b"same") == store.add("other text", b"same") == "text"
    assert store.add("weight", b"same", 4096) == store.add("other weight", b"same", 4096) == "weight"
    assert {name: section.align for name, section in store.sections.items()} == {"text": 64, "weight": 4096}


def test_only_allowed_schedules_are_chosen(cache: CubinCache) -> None:
    with pytest.raises(
        trtc.TrtcError, match=r"no schedule accepts it: allowed are pointwise; groups of nn\.\w+ are for "
    ):
        trtc.build(network(), trtc.BuildOptions(target="sm_80", schedules=("pointwise",)), cache=cache)


def test_equal_kernels_of_two_models_compile_once(tmp_path: Path) -> None:
    """A kernel's name is made from its code: the second group of one model is the first of another, with other nodes and names."""

    def two(first: int, second: int, prefix: str) -> trtc.Network:
        net = trtc.Network()
        for name, extent in ((f"{prefix}a", first), (f"{prefix}b", second)):
            net.mark_output(net.add_softmax(net.add_input(name, "f32", (extent, 48))), f"{name}_result")
        return net

    cache, options = CubinCache(tmp_path), trtc.BuildOptions(target="sm_80")
    engine, again = (trtc.build(net, options, cache=cache) for net in (two(1000, 7, "left_"), two(7, 1000, "right_")))
    assert engine.stats.compiles == 2 and again.stats.compiles == 0
    x = np.random.default_rng(3).standard_normal((7, 48)).astype(np.float32)
    for built, long, short in ((engine, "left_a", "left_b"), (again, "right_b", "right_a")):
        results = built.create_context("simulator").run({short: x, long: np.zeros((1000, 48), np.float32)})
        assert np.allclose(results[f"{short}_result"], np.exp(x) / np.exp(x).sum(1, keepdims=True), rtol=1e-5)


def test_kernels_compile_while_others_are_lowered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first kernel's job begins before the last kernel is lowered."""
    from trtc.compiler.codegen.cuda import nvrtc
    from trtc.passes.kernels import lower_fragments

    steps: list[str] = []
    lower, add = lower_fragments.lower_func, nvrtc.Compiler.add
    monkeypatch.setattr(lower_fragments, "lower_func", lambda *given: (steps.append("lower"), lower(*given)))
    monkeypatch.setattr(nvrtc.Compiler, "add", lambda *given: (steps.append("compile"), add(*given)))
    trtc.build(network(), trtc.BuildOptions(target="sm_80"), cache=None)
    assert steps.count("lower") > 1
    assert steps == ["lower", "compile"] * steps.count("lower")
