"""What `trtc.build`, `load`, `save`, `create_context` and `run` are given: what they take they take right, and anything else is a
TrtcError that says what was expected, whatever foreign objects do."""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import trtc
from trtc.compiler.garbage import garbage_frozen
from trtc.runtime.contexts.simulator import SimulatorContext

W = np.arange(12, dtype=np.float32).reshape(4, 3) - 5
X = np.random.default_rng(0).standard_normal((6, 4), np.float32)


class Raising:
    """Whatever is asked of it, it raises."""

    def __init__(self, error: Exception, device: Any = (1, 0)):
        self.error, self.device = error, device

    def __dlpack_device__(self) -> Any:
        return self.device

    def __dlpack__(self, **_: Any) -> Any:
        raise self.error


class RaisingArray:
    def __array__(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("boom")


class OnGpu:
    __cuda_array_interface__ = {"shape": (6, 4), "typestr": "<f4", "data": (0xDEAD0000, False), "version": 3}  # noqa: RUF012


def unaligned(array: np.ndarray) -> np.ndarray:
    raw = np.frombuffer(bytearray(array.nbytes + 1), np.uint8)[1:].view(array.dtype).reshape(array.shape)
    raw[...] = array
    return raw


@pytest.fixture(scope="module")
def engine(handmade_engine: Callable[..., Any]) -> Any:
    return handmade_engine(W)


@pytest.fixture
def context(engine: Any, handmade_network: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(SimulatorContext, "_run", handmade_network[1])
    return engine.create_context("simulator")


TAKEN: dict[str, Callable[[], tuple[Any, np.ndarray]]] = {
    "every second row": lambda: (X[::2], X[::2]),
    "Fortran order": lambda: (np.asfortranarray(X), X),
    "negative strides": lambda: (X[::-1], X[::-1]),
    "one number everywhere": lambda: (np.broadcast_to(np.float32(2), (3, 4)), np.full((3, 4), 2, np.float32)),
    "misaligned": lambda: (unaligned(X), X),
    "a record array": lambda: (X.view(np.recarray), X),
    "lists": lambda: (X.tolist(), X),
    "whole numbers": lambda: ([[1, 2, 3, 4]], np.array([[1, 2, 3, 4]], np.float32)),
}


@pytest.mark.parametrize("kind", TAKEN)
def test_what_is_taken_is_computed_right(context: Any, handmade_network: Any, kind: str) -> None:
    given, array = TAKEN[kind]()
    np.testing.assert_allclose(context.run({"x": given})["y"], handmade_network[0](array, W), rtol=1e-5, atol=1e-4)


INPUTS: list[tuple[Any, str]] = [
    (None, "expected a dict of arrays"), ([1], "expected a dict of arrays"), ({}, "expected x, got none"),
    ({1: X}, "expected x, got 1"), ({"x": X, 1: X}, "expected x, got 1, x"), ({"x": None}, "got NoneType"),
    ({"x": "abc"}, "got str"), ({"x": b"ab"}, "got bytes"), ({"x": [["1"] * 4]}, "no plain numbers"),
    ({"x": X.astype(">f4")}, "got >f4"), ({"x": X.astype(object)}, "got object"), ({"x": X.astype("F")}, "got complex64"),
    ({"x": np.zeros((6, 4), "M8[s]")}, "got datetime64"), ({"x": np.zeros((6, 4), [("a", "f4")])}, "expected dtype float32"),
    ({"x": np.ma.masked_array(X, mask=True)}, "without a mask"), ({"x": X[0]}, "expected 2 dims"), ({"x": X[:0]}, "within the profile"),
    ({"x": np.zeros((9, 4), np.float32)}, "within the profile"), ({"x": [[1, 2], [3]]}, "got list: "), ({"x": [[10**400] * 4]}, "got list"),
    ({"x": [[1e300] * 4]}, "got list: overflow"), ({"x": [[1j] * 4]}, "no plain numbers"), ({"x": (i for i in X)}, "got generator"),
    ({"x": {}}, "got dict"), ({"x": RaisingArray()}, "boom"), ({"x": Raising(BufferError("no"))}, "got Raising: no"),
    ({"x": Raising(BufferError("no"), 7)}, "does not say where it lies"), ({"x": Raising(OSError("no"), None)}, "where it lies"),
    ({"x": OnGpu()}, "expected an array on the host for the simulator"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "message"), INPUTS, ids=[m for _, m in INPUTS])
def test_wrong_inputs_are_refused(context: Any, given: Any, message: str) -> None:
    with pytest.raises(trtc.InputError) as caught:
        context.run(given)
    assert message in str(caught.value) and len(str(caught.value)) < 500


OUT = np.zeros(6, np.float32)
OUTPUTS: list[tuple[Any, str]] = [
    (5, "expected a dict of arrays"), ({"z": OUT}, "expected some of y"), ({1: OUT}, "expected some of y"),
    ({"y": [1]}, "expected a NumPy or CuPy array"), ({"y": np.float32(1)}, "expected a NumPy or CuPy array"),
    ({"y": np.zeros(5, np.float32)}, r"expected shape (6,)"), ({"y": np.zeros(6)}, "expected dtype float32"),
    ({"y": np.zeros(12, np.float32)[::2]}, "row-major"), ({"y": np.broadcast_to(np.float32(0), 6)}, "row-major"),
    ({"y": np.frombuffer(bytes(24), np.float32)}, "read-only"), ({"y": np.ma.masked_array(OUT)}, "NumPy or CuPy array"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "message"), OUTPUTS, ids=[m for _, m in OUTPUTS])
def test_wrong_outputs_are_refused(context: Any, given: Any, message: str) -> None:
    with pytest.raises(trtc.InputError) as caught:
        context.run({"x": X}, given)
    assert message in str(caught.value)


def test_outputs_that_share_memory_are_refused() -> None:
    from trtc.runtime.arrays import given_outputs
    from trtc.runtime.program.memory import TensorSpec

    memory = np.zeros(8, np.float32)
    specs = [TensorSpec(name, np.dtype(np.float32), ()) for name in "ab"]
    assert given_outputs(specs, {"a": memory[:4], "b": memory[4:]}).keys() == {"a", "b"}
    with pytest.raises(trtc.InputError, match="'a' and 'b' share memory"):
        given_outputs(specs, {"a": memory[:5], "b": memory[4:]})


def test_an_output_may_lie_over_an_input(context: Any, handmade_network: Any) -> None:
    x = X.copy()
    y = x.reshape(-1)[:6]
    np.testing.assert_allclose(context.run({"x": x}, {"y": y})["y"], handmade_network[0](X, W), rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("device", ["gpu", "cuda:0", -1, 99, 1.5, "0", [], True, False, "²"])
def test_wrong_devices_are_refused(engine: Any, device: Any) -> None:
    with pytest.raises(trtc.TargetError):
        engine.create_context(device)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"foo": 1}, "option foo: expected one of arch, poison"),
        ({"poison": 1}, "option poison: expected True or False, got 1"),
        ({"arch": 5}, "option arch: expected a text, got 5"),
        ({"arch": "sm_12"}, "holds kernels for sm_80, not for 'sm_12'"),
    ],
)
def test_wrong_options_of_a_context_are_refused(engine: Any, options: Any, message: str) -> None:
    with pytest.raises(trtc.TrtcError, match=message):
        engine.create_context("simulator", **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(static_shapes={}), "option static_shapes: expected one of precision, target"),
        *((dict(precision=p), "option precision") for p in ("fp4", None, np.array(["fp16", "x"]), [])),
        *((dict(target=t), "option target") for t in ("sm_", 80, "sm_８0", "sm_80\n")),
        *((dict(memory_limit=m), "option memory_limit") for m in (0, -1, "x", True, 1.5, 2**64, 10**5000)),
        *((dict(schedules=s), "option schedules") for s in ("x", [1], (), 5)),
        *((dict(verify_each=v), "option verify_each") for v in (1, "no", None)),
        *((dict(profiles=p), "option profiles") for p in (
            None, [1], {1: (1, 2, 3)}, {"N": "abc"}, {"N": (1, 2)}, {"N": (8, 4, 2)}, {"N": (-1, 1, 2)}, {"N": (1.5, 2, 3)},
            {"N": (1, 2, 2**70)}, {"N": (True, True, True)}, {"N": ((1,), (2,), (3, 4))}, {"N": [10**5000] * 3},
            {"N": (32, 64, 96, 0)}, {"N": (32, 48, 96, 32)}, {"N": (64, 32, 96, 32)}, {"N": (1, 2, 3, 4, 5)},
        )),
    ],
)  # fmt: skip
def test_wrong_build_options_are_refused(options: Any, message: str) -> None:
    with pytest.raises(trtc.OptionError, match=message) as caught:
        trtc.BuildOptions(**options)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    "model", [5, None, "/tmp", "/nope", b"", b"junk", "a\0b", "x" * 5000, bytearray(b"x"), "\udcff\ud800", [], "/dev/null", "/dev/zero"]
)  # fmt: skip
def test_what_is_no_model_is_refused(model: Any) -> None:
    with pytest.raises(trtc.TrtcError) as caught:
        trtc.build(model)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    "arguments", [dict(targets="sm_80"), dict(targets=5), dict(targets=[5]), dict(cache=5), dict(progress="x"), dict(observers=[1]),
                  dict(options={"precision": "fp16"})]
)  # fmt: skip
def test_wrong_arguments_of_a_build_are_refused(arguments: Any) -> None:
    with pytest.raises(trtc.OptionError):
        trtc.build(b"", **arguments)


def test_what_is_no_engine_is_refused_and_never_printed(engine: Any, tmp_path: Path) -> None:
    path = tmp_path / "net.engine"
    engine.save(path)
    os.mkfifo(tmp_path / "pipe")
    content = path.read_bytes()
    for given in (
        5,
        None,
        content,
        bytes(path),
        bytearray(b"x"),
        tmp_path,
        tmp_path / "pipe",
        "/dev/zero",
        "a\0b",
        "x" * 5000,
        "\ud800",
    ):
        with pytest.raises(trtc.TrtcError) as caught:
            trtc.load(given)  # type: ignore[arg-type]
        assert len(str(caught.value)) < 500 and "TRTC" not in str(caught.value)


def test_saving_where_nothing_can_be_saved_is_refused(engine: Any, tmp_path: Path) -> None:
    for given in (
        5,
        None,
        b"x",
        tmp_path,
        tmp_path / "no" / "x",
        "a\0b",
        tmp_path / ("x" * 300),
        "/dev/full",
        "\ud800",
    ):
        with pytest.raises(trtc.OptionError):
            engine.save(given)
    engine.save(tmp_path / ("x" * 250))
    assert os.listdir(tmp_path) == ["x" * 250], "a name as long as the file system takes, and no temporary file"


def test_threads_share_an_engine(engine: Any, context: Any, handmade_network: Any) -> None:
    inputs = [X[: 1 + i % 6] + i for i in range(24)]
    fresh = trtc.Engine(engine._manifest, engine._sections)
    with ThreadPoolExecutor(8) as pool:
        for run in (context.run, fresh.run, engine.run):
            for x, outputs in zip(inputs, pool.map(lambda x, run=run: run({"x": x}), inputs), strict=True):
                np.testing.assert_allclose(outputs["y"], handmade_network[0](x, W), rtol=1e-5, atol=1e-3)
    assert fresh.stats.runs == len(inputs)


def test_threads_leave_the_garbage_collector_as_it_was() -> None:
    before = gc.get_threshold()
    inside, outside = threading.Barrier(2, timeout=10), threading.Event()

    def first() -> None:
        with garbage_frozen():
            inside.wait()

    def second() -> None:
        with garbage_frozen():
            inside.wait()
            outside.wait(10)

    threads = [threading.Thread(target=first), threading.Thread(target=second)]
    for thread in threads:
        thread.start()
    threads[0].join()
    assert gc.get_threshold() != before, "the second thread still builds"
    outside.set()
    threads[1].join()
    assert gc.get_threshold() == before
