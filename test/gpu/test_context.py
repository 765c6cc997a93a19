"""The GPU runtime by itself: an engine of hand-written CUDA C, so that only loading, launching and copying are under test."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from trtc.runtime.program.memory import InputError

pytestmark = pytest.mark.gpu
W = np.arange(12, dtype=np.float32).reshape(4, 3) - 5


@pytest.fixture(scope="module")
def engine(handmade_engine: Callable[..., Any]) -> Any:
    from trtc.compiler.targets import detect_arch

    return handmade_engine(W, (detect_arch(),))


@pytest.fixture
def expected(handmade_network: Any) -> Callable[..., np.ndarray]:
    return handmade_network[0]


def inputs(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, 4), np.float32)


@pytest.mark.parametrize("graphs", [False, True])
def test_numpy_in_numpy_out(engine: Any, expected: Callable[..., np.ndarray], graphs: bool) -> None:
    context = engine.create_context(graphs=graphs, poison=True)
    assert "simulator" not in context.device
    for round_ in range(4):
        for n in (1, 5, 8):
            x = inputs(n, 10 * round_ + n)
            result = context.run({"x": x})["y"]
            assert isinstance(result, np.ndarray)
            np.testing.assert_allclose(result, expected(x, W), rtol=1e-5)


def test_graphs_are_captured_once_for_each_shape(engine: Any) -> None:
    context = engine.create_context()
    before = engine.stats.as_dict()
    for _ in range(5):
        for n in (2, 3):
            context.run({"x": inputs(n)})
    after = engine.stats.as_dict()
    assert after["graph_captures"] - before["graph_captures"] == 2
    assert after["graph_replays"] - before["graph_replays"] == 8
    assert after["compiles"] == before["compiles"]
    assert after["launches"] - before["launches"] == 40


def test_the_graph_cache_is_bounded(engine: Any, expected: Callable[..., np.ndarray]) -> None:
    context = engine.create_context(graph_limit=2)
    for _ in range(3):
        for n in range(1, 9):
            x = inputs(n)
            np.testing.assert_allclose(context.run({"x": x})["y"], expected(x, W), rtol=1e-5)
    assert len(context._prepared) == 2


def test_cupy_in_cupy_out(engine: Any, expected: Callable[..., np.ndarray]) -> None:
    import cupy

    context = engine.create_context(poison=True)
    arrays = [inputs(4, seed) for seed in range(6)]
    on_gpu = [cupy.asarray(x) for x in arrays]
    results = [context.run({"x": x})["y"] for x in on_gpu]
    assert all(isinstance(result, cupy.ndarray) for result in results)
    for x, result in zip(arrays, results, strict=True):
        np.testing.assert_allclose(cupy.asnumpy(result), expected(x, W), rtol=1e-5)


def test_given_outputs_on_the_gpu_are_written(engine: Any, expected: Callable[..., np.ndarray]) -> None:
    import cupy

    context = engine.create_context()
    x, y = cupy.asarray(inputs(3)), cupy.zeros(3, cupy.float32)
    for seed in range(3):
        x.set(inputs(3, seed))
        assert context.run({"x": x}, {"y": y})["y"] is y
        np.testing.assert_allclose(cupy.asnumpy(y), expected(inputs(3, seed), W), rtol=1e-5)


@pytest.mark.parametrize("graphs", [False, True])
def test_an_output_may_be_written_over_an_input(engine: Any, expected: Callable[..., np.ndarray], graphs: bool) -> None:
    """The input is copied first: poison, and kernels that read it after writing, would destroy it."""
    import cupy

    context = engine.create_context(graphs=graphs, poison=True)
    for seed in range(4):
        x = inputs(4, seed)
        memory = cupy.asarray(x)
        staged = engine.stats.staged_inputs
        result = context.run({"x": memory}, {"y": memory.reshape(-1)[:4]})["y"]
        np.testing.assert_allclose(cupy.asnumpy(result), expected(x, W), rtol=1e-5)
        assert engine.stats.staged_inputs == staged + 1


def test_copies_of_inputs_are_made_on_the_stream_of_the_kernels(
    engine: Any, expected: Callable[..., np.ndarray]
) -> None:
    import cupy

    context = engine.create_context(graphs=False)
    stream = cupy.cuda.Stream(non_blocking=True)
    for seed in range(20):
        x = inputs(8, seed)
        strided = cupy.asarray(np.repeat(x, 2, axis=1))[:, ::2]
        cupy.cuda.get_current_stream().synchronize()
        result = context.run({"x": strided}, stream=stream)["y"]
        stream.synchronize()
        np.testing.assert_allclose(cupy.asnumpy(result), expected(x, W), rtol=1e-5)


def test_foreign_arrays_are_taken(engine: Any, expected: Callable[..., np.ndarray]) -> None:
    import cupy

    class Interface:
        def __init__(self, array: Any):
            self.array, self.__cuda_array_interface__ = array, array.__cuda_array_interface__

    class Capsule:
        def __init__(self, array: Any):
            self.array = array

        def __dlpack__(self, **options: Any) -> Any:
            return self.array.__dlpack__(**options)

        def __dlpack_device__(self) -> Any:
            return self.array.__dlpack_device__()

    x = inputs(4)
    for wrap in (Interface, Capsule):
        result = engine.run({"x": wrap(cupy.asarray(x))})["y"]
        np.testing.assert_allclose(cupy.asnumpy(result), expected(x, W), rtol=1e-5)


def test_misaligned_and_strided_arrays_are_copied(engine: Any, expected: Callable[..., np.ndarray]) -> None:
    import cupy

    whole = cupy.asarray(np.random.default_rng(0).standard_normal(41).astype(np.float32))
    context = engine.create_context()
    before = engine.stats.staged_inputs
    for x in (whole[1:17].reshape(4, 4), whole[:16].reshape(4, 4).T, whole[:32].reshape(4, 8)[:, ::2]):
        np.testing.assert_allclose(cupy.asnumpy(context.run({"x": x})["y"]), expected(cupy.asnumpy(x), W), rtol=1e-5)
    assert engine.stats.staged_inputs - before == 3


def test_streams_are_ordered(engine: Any, expected: Callable[..., np.ndarray]) -> None:
    """Two streams share one context: the second run waits for the first to be done with the arena."""
    import cupy

    context = engine.create_context()
    streams = [cupy.cuda.Stream(non_blocking=True) for _ in range(2)]
    arrays = [inputs(8, seed) for seed in range(20)]
    on_gpu = [cupy.asarray(x) for x in arrays]
    cupy.cuda.Device().synchronize()
    results = []
    for index, x in enumerate(on_gpu):
        with streams[index % 2]:
            results.append(context.run({"x": x})["y"])
    cupy.cuda.Device().synchronize()
    for x, result in zip(arrays, results, strict=True):
        np.testing.assert_allclose(cupy.asnumpy(result), expected(x, W), rtol=1e-5)


def test_poison_reaches_what_no_kernel_writes(engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    context = engine.create_context(poison=True, graphs=False)
    monkeypatch.setattr(context, "issue", lambda launches, queue: None)
    assert np.isnan(context.run({"x": inputs(3)})["y"]).all()


def test_inputs_that_do_not_fit_are_one_clear_error(engine: Any) -> None:
    import cupy

    with pytest.raises(InputError, match="expected dtype float32, got float64"):
        engine.run({"x": cupy.zeros((2, 4))})
    with pytest.raises(InputError, match=r"expected N within the profile \[1, 8\], got 9"):
        engine.run({"x": cupy.zeros((9, 4), cupy.float32)})


def test_times_come_with_onnx_names(engine: Any) -> None:
    from trtc.runtime.profiler import measure, profile, table

    context = engine.create_context()
    times = profile(context, {"x": inputs(8)})
    assert [time.nodes for time in times] == [("fc1",), ("relu1",), ("fc2",), ("sum1",)]
    assert all(0 < time.microseconds < 1000 for time in times)
    assert "relu [relu1]" in table(times)
    latencies = measure(context, {"x": inputs(8)}, iterations=50)
    assert len(latencies.milliseconds) == 50
    assert 0 < latencies.percentile(50) <= latencies.percentile(99) < 10


def test_files_run_like_what_they_were_saved_from(engine: Any, tmp_path: Any) -> None:
    import trtc

    engine.save(tmp_path / "e")
    x = inputs(6)
    np.testing.assert_array_equal(trtc.load(tmp_path / "e").run({"x": x})["y"], engine.run({"x": x})["y"])


def test_tensor_maps_can_be_encoded(engine: Any) -> None:
    import cupy

    from trtc.runtime.driver import TensorMapSpec, get_driver

    context = engine.create_context()
    if context.info.compute_capability < (9, 0):
        pytest.skip("TMA needs sm_90")
    memory = cupy.zeros((256, 64), cupy.float16)
    encoded = [
        get_driver().encode_tensor_map(TensorMapSpec("f16", (64, 256), (128,), (64, rows), 128), memory.data.ptr)
        for rows in (64, 128)
    ]
    assert len(encoded[0]) == 128 and encoded[0] != encoded[1]


def test_the_first_run_sees_all_weights() -> None:
    """Weights travel from pageable memory: a run that starts at once must not overtake them. Some tens of MB, loaded anew each time."""
    import trtc

    rng = np.random.default_rng(3)
    network = trtc.Network()
    x = network.add_input("x", "f32", (64, 2048))
    for _ in range(4):
        weights = (rng.standard_normal((2048, 2048)) / 45).astype(np.float32)
        x = network.add_matmul(x, weights)
    network.mark_output(x, "y")
    engine = trtc.build(network, trtc.BuildOptions(precision="fp16"))
    given = {"x": inputs(64 * 512).reshape(64, 2048)}
    settled = engine.create_context()
    settled.run(given)
    expected = settled.run(given)["y"]
    for _ in range(8):
        engine.loaded.clear()
        np.testing.assert_array_equal(engine.create_context(poison=True).run(given)["y"], expected)


@pytest.mark.parametrize("graphs", [False, True])
def test_contexts_in_use_take_the_weights_of_a_refit(
    handmade_engine: Callable[..., Any], handmade_network: Any, graphs: bool
) -> None:
    from trtc.compiler.targets import detect_arch

    compute, _ = handmade_network
    w = np.random.default_rng(3).standard_normal((4, 3)).astype(np.float32)
    engine = handmade_engine(w, (detect_arch(),), refit=True)
    contexts = [engine.create_context(0, graphs=graphs) for _ in range(2)]
    x = inputs(5)
    for weights in (w, w + 1, w - 2):
        engine.refit({"w": weights})
        for context in contexts:
            for _ in range(3):
                np.testing.assert_allclose(context.run({"x": x})["y"], compute(x, weights), rtol=1e-4, atol=1e-5)
