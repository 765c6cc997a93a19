"""Random operators draw from the distributions that they should, the same in each run, others for another seed or node."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx.parser
import pytest

import trtc
from trtc.compiler.frontend import import_onnx
from trtc.dialects.meaning import run_module

Array = np.ndarray[Any, Any]
COUNT = 20000
HEAD = '<ir_version: 8, opset_import: ["" : 22]> g '


def draw(body: str, x: Array | None = None, kind: str = "float") -> Array:
    """What a model makes; the sizes of `x` are dynamic."""
    given = "" if x is None else f"{'double' if x.dtype == np.float64 else 'float'}[{', '.join('AB'[: x.ndim])}] x"
    made = onnx.parser.parse_model(f"{HEAD}({given}) => ({kind}[C] y) {{ {body} }}")
    (got,) = run_module(import_onnx(made), [] if x is None else [x])
    return got


def uniformity(values: Array, buckets: int = 50) -> float:
    """The chi-squared statistic of numbers in [0, 1), in standard deviations from its mean."""
    counts = np.bincount((values.reshape(-1) * buckets).astype(int), minlength=buckets)
    assert len(counts) == buckets
    even = values.size / buckets
    return (np.sum((counts - even) ** 2) / even - (buckets - 1)) / np.sqrt(2 * (buckets - 1))


@pytest.mark.parametrize(("dtype", "kind"), [(1, "float"), (11, "double"), (10, "float16")])
@pytest.mark.parametrize("seed", [0.0, 1.5, -3.0])
def test_uniform(dtype: int, kind: str, seed: float) -> None:
    got = draw(
        f"y = RandomUniform<shape = [{COUNT}], low = -2.0, high = 6.0, dtype = {dtype}, seed = {seed}>()", kind=kind
    )
    scaled = (got.astype(np.float64) + 2) / 8
    assert scaled.min() >= 0 and scaled.max() <= 1 and abs(uniformity(np.minimum(scaled, 1 - 1e-9))) < 5
    assert abs(np.corrcoef(scaled[:-1], scaled[1:])[0, 1]) < 0.03


@pytest.mark.parametrize("x", [np.zeros((100, 200), np.float32), np.zeros((100, 200))])
def test_normal(x: Array) -> None:
    kind = "double" if x.dtype == np.float64 else "float"
    got = draw("y = RandomNormalLike<mean = 3.0, scale = 2.0, seed = 7.0>(x)", x, kind).astype(np.float64)
    z = (got - 3) / 2
    assert got.shape == x.shape and np.isfinite(got).all()
    assert (
        abs(z.mean()) < 0.04 and abs(z.std() - 1) < 0.03 and abs((z**3).mean()) < 0.1 and abs((z**4).mean() - 3) < 0.2
    )


def test_bernoulli() -> None:
    p = np.linspace(0, 1, COUNT, dtype=np.float32)
    got = draw("y = Bernoulli<seed = 1.0>(x)", p)
    assert set(np.unique(got)) == {0, 1} and got[0] == 0 and got[-1] == 1
    means = got.reshape(10, -1).mean(1)
    np.testing.assert_allclose(means, p.reshape(10, -1).mean(1), atol=0.04)


def test_multinomial() -> None:
    p = np.array([[0.5, 0.0, 0.25, 0.25], [0.0, 0.1, 0.2, 0.7]], np.float32)
    with np.errstate(divide="ignore"):
        logits = np.log(p)
    got = draw(f"y = Multinomial<sample_size = {COUNT}, seed = 2.0>(x)", logits, "int32")
    counts = np.stack([np.bincount(row, minlength=4) for row in got]) / COUNT
    np.testing.assert_allclose(counts, p, atol=0.015)


def test_seeds_and_nodes_differ_and_runs_agree() -> None:
    text = f"a = RandomUniform<shape = [{COUNT}]>() b = RandomUniform<shape = [{COUNT}]>() y = Sub(a, b)"
    assert np.count_nonzero(draw(text) == 0) < 10
    one, two = (draw(f"y = RandomNormal<shape = [{COUNT}], seed = {seed}>()") for seed in (1.0, 2.0))
    assert abs(np.corrcoef(one, two)[0, 1]) < 0.03
    np.testing.assert_array_equal(one, draw(f"y = RandomNormal<shape = [{COUNT}], seed = 1.0>()"))


def test_an_engine_draws_the_same() -> None:
    pytest.importorskip("cupy", reason="NVRTC comes with CuPy")
    made = onnx.parser.parse_model(f"{HEAD}(float[A] x) => (float[A] y) {{ r = RandomUniformLike(x) y = Add(r, x) }}")
    x = np.arange(300, dtype=np.float32)
    context = trtc.build(made, trtc.BuildOptions(profiles={"A": (1, 300, 400)})).create_context(
        "simulator", poison=True
    )
    (want,) = run_module(import_onnx(made), [x])
    for _ in range(2):
        np.testing.assert_array_equal(np.asarray(context.run({"x": x})["y"]), want)
    np.testing.assert_array_equal(np.asarray(context.run({"x": x[:7]})["y"]), want[:7])


DROPPED = """g (float[A, B] x, float ratio, bool training) => (float[A, B] y, bool[A, B] mask) {
    y, mask = Dropout<seed = 7>(x, ratio, training)
}"""


def test_dropout_drops_a_share_and_scales_the_rest_where_data_says_so() -> None:
    module = import_onnx(onnx.parser.parse_model(HEAD.removesuffix("g ") + DROPPED))
    x = np.random.default_rng(0).standard_normal((100, 200)).astype(np.float32)
    y, mask = run_module(module, [x, np.array(0.3, np.float32), np.array(True)])
    assert abs((~mask).mean() - 0.3) < 0.02
    np.testing.assert_array_equal(y[~mask], 0)
    np.testing.assert_allclose(y[mask], x[mask] / 0.7, rtol=1e-6)
    again, same = run_module(module, [x, np.array(0.0, np.float32), np.array(True)])
    np.testing.assert_array_equal(again, x)
    assert same.all()
    for ratio in (0.3, 0.9):
        kept, mask = run_module(module, [x, np.array(ratio, np.float32), np.array(False)])
        np.testing.assert_array_equal(kept, x)
        assert mask.all()


def test_dropout_by_constants_draws_what_data_draws() -> None:
    x = np.ones((30, 40), np.float32)
    by_data = onnx.parser.parse_model(HEAD.removesuffix("g ") + DROPPED)
    constants = {"ratio": np.array(0.6, np.float32), "training": np.array(True)}
    one = run_module(import_onnx(by_data), [x, *constants.values()])
    other = run_module(import_onnx(by_data, constants=constants), [x])
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)
