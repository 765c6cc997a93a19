"""A refit makes of an engine what a build with the new weights makes: to the byte."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import numpy_helper, parser

import trtc
from trtc import BuildOptions
from trtc.dialects.errors import EngineFormatError, InvalidModelError, OptionError
from trtc.runtime.container import Section, read_container, write_container
from trtc.runtime.contents import SIMULATOR
from trtc.runtime.program.memory import InputError

HEAD = '<ir_version: 8, opset_import: ["" : 17]>\n'
CONV = """g (float[N, 2, 4, 4] x) => (float[N, 3, 4, 4] y)
  <float[3, 2, 3, 3] w, float[3] b, float[3] scale, float[3] shift, float[3] mean, float[3] variance, float[1, 3, 1, 1] each> {
  a = Conv<pads = [1, 1, 1, 1]>(x, w, b)
  c = BatchNormalization(a, scale, shift, mean, variance)
  d = Mul(c, each)
  y = Relu(d)
}"""
LINEAR = """g (float[N, 32] x) => (float[N, 32] y)
  <float[32, 32] w, float[32] b, float[1] half, float[32, 32] v, float[32] gamma, float[32] beta> {
  a = MatMul(x, w)
  c = Add(a, b)
  d = Mul(c, half)
  e = MatMul(d, v)
  y = LayerNormalization(e, gamma, beta)
}"""
FLAT = """g (float[N, 3, 8] x) => (float[N, 4, 8] y)
  <float[4, 3, 3] w, float[8, 8] mask, float[4, 1] slope> {
  a = Conv<pads = [1, 1]>(x, w)
  c = PRelu(a, slope)
  d = MatMul(c, mask)
  k = Constant<value = float[8] {1, 2, 3, 4, 5, 6, 7, 8}>()
  y = Add(d, k)
}"""
PINNED = """g (float[N, 4] x) => (float[N, 8] y)
  <float low, float high, float[1] two, float[2] scales, float[4] b> {
  a = Clip(x, low, high)
  c = Pow(a, two)
  d = Add(c, b)
  y = Resize<mode = "nearest", coordinate_transformation_mode = "asymmetric", nearest_mode = "floor">(d, , scales)
}"""
QUANTIZED = """g (float[N, 4, 4, 4] x) => (float[N, 4, 2, 2] y)
  <float[1] s, float t, int8 zero = {0}, int8[4, 4, 1, 1] w, float[4] ws> {
  a = QuantizeLinear(x, s, zero)
  b = DequantizeLinear(a, s, zero)
  v = DequantizeLinear<axis = 0>(w, ws)
  c = Conv(b, v)
  d = QuantizeLinear(c, t, zero)
  e = DequantizeLinear(d, t, zero)
  y = MaxPool<kernel_shape = [2, 2], strides = [2, 2]>(e)
}"""
SHAPED = """g (float[N, 4] x) => (float[M, 4] y)
  <float[1] factor, float[4] b, int64[1] zero = {0}, int64[1] one = {1}, int64[1] four = {4}> {
  s = Shape(x)
  n = Slice(s, zero, one)
  f = Cast<to = 1>(n)
  g = Mul(f, factor)
  h = Cast<to = 7>(g)
  t = Concat<axis = 0>(h, four)
  c = Concat<axis = 0>(x, x)
  d = Reshape(c, t)
  y = Add(d, b)
}"""


def numbers(text: str, seed: int) -> dict[str, np.ndarray]:
    """Seeded arrays for the initializers that a text declares without numbers; a variance is positive."""
    rng = np.random.default_rng(seed)
    declared = text[text.index("<", text.index("=>")) + 1 : text.index("> {")]
    found: dict[str, np.ndarray] = {}
    for entry in declared.replace(", float", "; float").replace(", int", "; int").split(";"):
        kind, name = entry.split()[0], entry.strip().split("]")[-1].split()[-1]
        if "=" in entry:
            continue
        shape = (
            [int(extent) for extent in entry[entry.index("[") + 1 : entry.index("]")].split(",")]
            if "[" in entry
            else []
        )
        if kind == "int8" or kind.startswith("int8["):
            found[name] = rng.integers(-100, 100, shape).astype(np.int8)
        else:
            found[name] = np.asarray(np.abs(rng.standard_normal(shape)) + 0.5, np.float32)
    return found


FIXED = {"factor": 2.0, "low": 0.25, "high": 2.0, "two": 2.0, "scales": [1.0, 2.0], "t": 0.05, "s": 0.05}
"""What decides what is built: the same in every refit."""


def model(text: str, arrays: dict[str, np.ndarray]) -> bytes:
    """The model with these numbers."""
    i, j = text.index("<", text.index("=>")), text.index("> {")
    kept = [e for e in text[i + 1 : j].split(", ") if "=" in e]
    proto = parser.parse_model(HEAD + text[:i] + (f"<{', '.join(kept)}>" if kept else "") + text[j + 1 :])
    for name, array in arrays.items():
        proto.graph.initializer.append(numpy_helper.from_array(array, name))
    return proto.SerializeToString()


def arrays_of(text: str, seed: int) -> dict[str, np.ndarray]:
    found = numbers(text, seed)
    return {
        name: np.asarray(FIXED[name], np.float32).reshape(a.shape) if name in FIXED else a for name, a in found.items()
    }


def built(text: str, seed: int, **options: Any) -> trtc.Engine:
    options = {"target": "sm_80", "refit": True, "profiles": {"N": (1, 2, 4)}, **options}
    targets = options.pop("targets", ())
    return trtc.build(model(text, arrays_of(text, seed)), BuildOptions(**options), targets=targets)


def file_of(engine: trtc.Engine, path: Path) -> bytes:
    engine.save(path)
    return path.read_bytes()


CASES = [
    (CONV, {}), (CONV, {"precision": "fp16"}), (CONV, {"targets": ["sm_90a"]}), (LINEAR, {}), (LINEAR, {"precision": "bf16"}),
    (FLAT, {}), (PINNED, {}), (QUANTIZED, {}), (SHAPED, {}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "options"), CASES)
def test_a_refit_is_a_build(text: str, options: dict[str, Any], tmp_path: Path) -> None:
    engine, wanted = built(text, 0, **options), built(text, 1, **options)
    before = file_of(engine, tmp_path / "a")
    assert before != file_of(wanted, tmp_path / "b")
    loaded = trtc.load(tmp_path / "a")
    engine.refit(arrays_of(text, 1))
    loaded.refit(arrays_of(text, 1))
    assert file_of(engine, tmp_path / "a") == file_of(wanted, tmp_path / "b") == file_of(loaded, tmp_path / "c")
    engine.refit(arrays_of(text, 0))
    assert file_of(engine, tmp_path / "a") == before
    trtc.load(tmp_path / "c")


@pytest.mark.parametrize("text", [CONV, LINEAR, FLAT, PINNED, QUANTIZED, SHAPED])
def test_it_computes_what_a_build_without_refit_computes(text: str) -> None:
    engine, plain = built(text, 0), built(text, 0, refit=False)
    (spec,) = engine.inputs
    x = np.random.default_rng(5).standard_normal([extent.evaluate({"N": 2}) for extent in spec.dims]).astype(np.float32)
    results = [e.create_context(SIMULATOR).run({"x": x})["y"] for e in (engine, plain)]
    np.testing.assert_allclose(*results, rtol=1e-5, atol=1e-5)


def test_contexts_take_the_new_weights_between_runs() -> None:
    engine = built(LINEAR, 0)
    first, second = engine.create_context(SIMULATOR), engine.create_context(SIMULATOR)
    x = {"x": np.random.default_rng(0).standard_normal((2, 32)).astype(np.float32)}
    old = first.run(x)["y"]
    np.testing.assert_array_equal(second.run(x)["y"], old)
    engine.refit(arrays_of(LINEAR, 1))
    new = built(LINEAR, 1).create_context(SIMULATOR).run(x)["y"]
    assert not np.allclose(old, new)
    for context in (first, second, engine.create_context(SIMULATOR)):
        np.testing.assert_array_equal(context.run(x)["y"], new)


def test_a_refit_waits_for_a_run() -> None:
    from threading import Event, Thread

    engine = built(LINEAR, 0)
    context, other = engine.create_context(SIMULATOR), engine.create_context(SIMULATOR)
    x = {"x": np.ones((2, 32), np.float32)}
    began, go, results = Event(), Event(), list[np.ndarray]()

    def observe(name: str, array: np.ndarray) -> None:
        began.set()
        assert go.wait(60)

    run = Thread(target=lambda: results.append(context.run(x, observe=observe)["y"]))
    old = other.run(x)["y"]
    run.start()
    assert began.wait(60)
    refit = Thread(target=lambda: engine.refit(arrays_of(LINEAR, 1)))
    refit.start()
    refit.join(0.2)
    assert refit.is_alive(), "a run is under way"
    go.set()
    run.join()
    refit.join()
    np.testing.assert_array_equal(results[0], old)
    assert not np.array_equal(context.run(x)["y"], old)


def test_equal_weights_may_part(tmp_path: Path) -> None:
    text = "g (float[N, 4] x) => (float[N, 4] y) <float[4] a, float[4] b> {\n"
    text += " p = Neg(a)\n q = Neg(b)\n c = Mul(x, p)\n e = Softmax(c)\n y = Mul(e, q)\n}"
    same = dict.fromkeys(("a", "b"), np.ones(4, np.float32))
    options = BuildOptions(target="sm_80", refit=True, profiles={"N": (1, 2, 4)})
    engine = trtc.build(model(text, same), options)
    other = {**same, "b": np.arange(4, dtype=np.float32)}
    engine.refit({"b": other["b"]})
    wanted = trtc.build(model(text, other), options)
    assert file_of(engine, tmp_path / "a") == file_of(wanted, tmp_path / "b")


def test_what_belongs_together_is_missing() -> None:
    engine = built(CONV, 0)
    assert engine.missing(["w"]) == ("scale", "variance"), "the factors of its filters"
    assert engine.missing(["b"]) == ("mean", "scale", "shift", "variance"), "what one addition became of"
    assert engine.missing(["scale", "variance"]) == ("b", "mean", "shift", "w")
    assert engine.missing(engine.weights) == ()


def test_pins_are_listed_and_kept() -> None:
    engine = built(PINNED, 0)
    assert engine.pins.keys() == {"low", "high", "two", "scales"}
    assert engine.pins["high"].startswith("the bounds of Clip") and engine.weights == ("b",)
    engine.refit({"high": np.float32(2.0)})  # the same number
    with pytest.raises(InputError, match="'high' cannot change: its numbers decided the bounds of Clip"):
        engine.refit({"b": np.zeros(4, np.float32), "high": np.float32(3.0)})
    assert built(QUANTIZED, 0).pins.keys() == {"s", "t"} and "shape arithmetic" in built(SHAPED, 0).pins["factor"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"nothing": np.ones(3, np.float32)}, "no refittable tensor 'nothing'; its 7 are"),
        ({"b": np.ones(4, np.float32)}, r"weight 'b': expected shape \(3,\), got \(4,\)"),
        ({"b": np.ones(3, np.float64)}, "weight 'b': expected dtype float32, got float64"),
        ({"b": "text"}, "weight 'b': expected an array of float32, got str"),
        ({"scale": np.full(3, 3e38, np.float32), "variance": np.zeros(3, np.float32)}, r"fold-batch-norm makes of"),
    ],
)
def test_what_does_not_fit_is_refused_and_changes_nothing(given: dict[str, Any], said: str, tmp_path: Path) -> None:
    engine = built(CONV, 0)
    before = file_of(engine, tmp_path / "a")
    with pytest.raises(InputError, match=said):
        engine.refit({"w": np.zeros((3, 2, 3, 3), np.float32), **given})
    assert file_of(engine, tmp_path / "a") == before


class Foreign:
    """An array that speaks DLPack and nothing else."""

    def __init__(self, array: np.ndarray):
        self.array = array

    def __dlpack__(self, **options: Any) -> Any:
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self.array.__dlpack_device__()


def test_foreign_arrays_are_taken(tmp_path: Path) -> None:
    engine = built(LINEAR, 0)
    engine.refit({name: Foreign(array) for name, array in arrays_of(LINEAR, 1).items()})
    assert file_of(engine, tmp_path / "a") == file_of(built(LINEAR, 1), tmp_path / "b")


def test_what_a_caller_writes_later_changes_nothing(tmp_path: Path) -> None:
    engine, arrays = built(LINEAR, 0), arrays_of(LINEAR, 1)
    engine.refit(arrays)
    before = file_of(engine, tmp_path / "a")
    for array in arrays.values():
        array[...] = 0
    assert file_of(engine, tmp_path / "a") == before


def test_numbers_need_not_be_finite() -> None:
    engine = built(CONV, 0)
    engine.refit({"w": np.full((3, 2, 3, 3), np.nan, np.float32)})
    assert np.isnan(engine.create_context(SIMULATOR).run({"x": np.ones((1, 2, 4, 4), np.float32)})["y"]).any()


def test_numbers_that_do_not_fold_are_refused_by_the_build_too() -> None:
    arrays = {**arrays_of(CONV, 0), "scale": np.full(3, 3e38, np.float32), "variance": np.zeros(3, np.float32)}
    options = BuildOptions(target="sm_80", refit=True, profiles={"N": (1, 2, 4)})
    with pytest.raises(InvalidModelError, match=r"fold-batch-norm makes of .* is not finite"):
        trtc.build(model(CONV, arrays), options)
    trtc.build(model(CONV, arrays), BuildOptions(target="sm_80", profiles={"N": (1, 2, 4)}))


def test_an_engine_without_refit_says_so() -> None:
    engine = built(LINEAR, 0, refit=False)
    for use in (lambda: engine.refit({}), lambda: engine.missing([]), lambda: engine.pins, lambda: engine.weights):
        with pytest.raises(OptionError, match="built without refit"):
            use()


def test_initializers_of_a_network(tmp_path: Path) -> None:
    def network(scale: float) -> trtc.Network:
        net = trtc.Network()
        x = net.add_input("x", "f32", (2, 4))
        net.mark_output(net.add_binary("mul", x, net.add_initializer("scale", np.full(4, scale, np.float32))), "y")
        return net

    options = BuildOptions(target="sm_80", refit=True)
    engine, wanted = trtc.build(network(1.0), options), trtc.build(network(2.0), options)
    engine.refit({"scale": [2.0] * 4})
    assert file_of(engine, tmp_path / "a") == file_of(wanted, tmp_path / "b")
    assert not trtc.build(network(1.0), BuildOptions(target="sm_80")).refittable


def _changed(change: Callable[[dict[str, Any], dict[str, Section]], None], path: Path) -> Path:
    built(CONV, 0).save(path)
    manifest, sections = read_container(path)
    change(manifest, sections)
    write_container(path, manifest, sections)
    return path


def _text(old: str, new: str) -> Callable[[dict[str, Any], dict[str, Section]], None]:
    def change(manifest: dict[str, Any], sections: dict[str, Section]) -> None:
        name = manifest["variants"]["sm_80"]["function"]
        text = bytes(sections[name].data).decode()
        assert old in text
        sections[name] = Section(text.replace(old, new, 1).encode(), sections[name].align)

    return change


def _entry(name: str, key: str, value: Any) -> Callable[[dict[str, Any], dict[str, Section]], None]:
    return lambda manifest, _: manifest["refit"]["initializers"][name].update({key: value})


@pytest.mark.parametrize(
    "change",
    [
        _entry("w", "shape", [1]), _entry("w", "shape", [3, 2, 9]), _entry("w", "dtype", "int32"), _entry("w", "dtype", "object"),
        _entry("w", "sha256", "0" * 64), _entry("w", "section", "nowhere"), _entry("w", "section", ""), _entry("w", "more", 1),
        _entry("w", "pin", None), _text("func.func @weights", "func.func @main"), _text("nn.transpose", "nn.weight"),
        _text("nn.export", "nn.exports"), _text("tensor<3x2x3x3xf32>", "tensor<900000x900000xf32>"),
        _text('nn.initializer "w"', 'nn.initializer "b"'), _text('nn.export "', 'nn.export "x'), _text("func.return", "func.call"),
        lambda manifest, _: manifest["refit"].update(structure="another"),
        lambda manifest, _: manifest["model"].update(sha256="another"),
        lambda manifest, _: manifest["variants"]["sm_80"].update(function=manifest["variants"]["sm_80"]["host"]),
        lambda manifest, _: manifest["refit"]["blobs"].update({"0" * 64: manifest["variants"]["sm_80"]["host"]}),
    ],
)  # fmt: skip
def test_an_engine_whose_refit_does_not_hold_is_refused(change: Any, tmp_path: Path) -> None:
    with pytest.raises(EngineFormatError):
        trtc.load(_changed(change, tmp_path / "a.engine"))


def test_the_unchanged_engine_is_taken(tmp_path: Path) -> None:
    engine = trtc.load(_changed(lambda manifest, sections: None, tmp_path / "a.engine"))
    assert engine.refittable
