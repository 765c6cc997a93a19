"""What must not be narrowed in fp16 and bf16, kind by kind: built whole, run on the simulator (or a GPU if $TRTC_TEST_GPU is set) and
compared with ONNX Runtime in f32, on several inputs.

Each model is one that overflows, underflows or reads a wrong row if all of its values are stored in a narrow type.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto

import trtc
from trtc.compiler.options import PRECISIONS

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "models"))
import where
from models.random.graphs import assert_close
from typed_models import Feeds, model, node

LOWEST = np.finfo(np.float32).min
TOLERANCE = {"fp16": 1e-2, "bf16": 5e-2}
FLOAT, INTEGER = TensorProto.FLOAT, TensorProto.INT64
Made: TypeAlias = tuple[onnx.ModelProto, list[Feeds]]


def random(seed: int = 5) -> np.random.Generator:
    return np.random.default_rng(seed)


def normal(*shape: int, seed: int = 5, scale: float = 1.0) -> np.ndarray:
    return (random(seed).standard_normal(shape) * scale).astype(np.float32)


def number(value: float) -> np.ndarray:
    return np.array(value, np.float32)


AXIS = np.array([-1], np.int64)


def halved_index() -> Made:
    nodes = [
        node("Cast", "i", "f", to=FLOAT), node("Div", "f two", "d"), node("Floor", "d", "e"), node("Cast", "e", "j", to=INTEGER),
        node("Gather", "table j", "g"), node("MatMul", "g w", "y"),
    ]  # fmt: skip
    table = (np.arange(6000).reshape(3000, 2) / 6000).astype(np.float32)
    proto = model(
        nodes, {"i": ("i64", [4])}, {"y": ("f32", [4, 3])}, {"two": number(2), "table": table, "w": normal(2, 3)}
    )
    return proto, [{"i": np.array(i, np.int64)} for i in ([1, 4097, 4101, 5999], [5, 2049, 3001, 5997])]


def shifted_index() -> Made:
    """A position that a product computes: x w is 0 to 5, so that 1000 times it rounds to an index."""
    nodes = [
        node("MatMul", "x w", "a"), node("Mul", "a k", "b"), node("Round", "b", "c"), node("Cast", "c", "j", to=INTEGER),
        node("Gather", "table j", "y"),
    ]  # fmt: skip
    table = (np.arange(6000) / 6000).astype(np.float32)
    proto = model(
        nodes, {"x": ("f32", [1, 2])}, {"y": ("f32", [1, 1])},
        {"w": np.array([[1], [0.25]], np.float32), "k": number(1000), "table": table},
    )  # fmt: skip
    return proto, [{"x": np.array([x], np.float32)} for x in ([5.0, 3.75], [3.0, 0.5], [2.0, 0.25])]


def position_embeddings() -> Made:
    nodes = [
        node("Cast", "i", "f", to=FLOAT), node("MatMul", "f rates", "a"), node("Sin", "a", "s"), node("Cos", "a", "c"),
        node("Concat", "s c", "e", axis=1), node("MatMul", "e w", "y"),
    ]  # fmt: skip
    rates = np.array([[1, 0.1, 0.01, 0.001]], np.float32)
    proto = model(nodes, {"i": ("i64", [4, 1])}, {"y": ("f32", [4, 3])}, {"rates": rates, "w": normal(8, 3)})
    return proto, [{"i": np.array(i, np.int64)[:, None]} for i in ([0, 1000, 3001, 5999], [7, 2049, 4097, 100001])]


def scaled_sum() -> Made:
    nodes = [
        node("MatMul", "x w", "h"), node("ReduceSum", "h axis", "s"), node("Mul", "s k", "t"), node("MatMul", "t v", "y"),
    ]  # fmt: skip
    weights = {"w": np.full((512, 512), 0.5, np.float32), "axis": AXIS, "k": number(1e-4), "v": normal(1, 4)}
    proto = model(nodes, {"x": ("f32", [2, 512])}, {"y": ("f32", [2, 4])}, weights)
    return proto, [{"x": np.ones((2, 512), np.float32)}, {"x": np.abs(normal(2, 512)) * 3}]


def multiplied_sum() -> Made:
    """The sum itself, 131072, is what a product reads."""
    nodes = [node("MatMul", "x w", "h"), node("ReduceSum", "h axis", "s"), node("MatMul", "s v", "y")]
    weights = {"w": np.full((512, 512), 0.5, np.float32), "axis": AXIS, "v": normal(1, 4)}
    return model(nodes, {"x": ("f32", [2, 512])}, {"y": ("f32", [2, 4])}, weights), scaled_sum()[1]


def root_mean_square() -> Made:
    nodes = [
        node("MatMul", "x w", "h"), node("Mul", "h h", "q"), node("ReduceMean", "q", "m", axes=[-1]), node("Add", "m eps", "e"),
        node("Sqrt", "e", "r"), node("Div", "h r", "n"), node("MatMul", "n v", "y"),
    ]  # fmt: skip
    weights = {"w": normal(16, 64), "eps": number(1e-6), "v": normal(64, 4)}
    proto = model(nodes, {"x": ("f32", [2, 16])}, {"y": ("f32", [2, 4])}, weights)
    return proto, [{"x": normal(2, 16, scale=scale)} for scale in (200.0, 1.0, 1e-2)]


def small_epsilon() -> Made:
    nodes = [
        node("MatMul", "x w", "h"), node("Abs", "h", "a"), node("Add", "a eps", "d"), node("Div", "h d", "n"), node("MatMul", "n v", "y"),
    ]  # fmt: skip
    w = normal(16, 16)
    w[:, ::2] = 0
    proto = model(
        nodes, {"x": ("f32", [2, 16])}, {"y": ("f32", [2, 4])}, {"w": w, "eps": number(1e-8), "v": normal(16, 4)}
    )
    return proto, [{"x": normal(2, 16, seed=seed)} for seed in (1, 2)]


def attention(
    nodes: list[onnx.NodeProto], inputs: dict[str, tuple[str, list[int]]], weights: Feeds, feeds: list[Feeds]
) -> Made:
    """Scores of x, to which `nodes` add a mask: `s` to `b`."""
    around = [node("MatMul", "x kt", "s"), *nodes, node("Softmax", "b", "p", axis=-1), node("MatMul", "p v", "y")]
    weights = {"kt": normal(8, 5), "v": normal(2, 5, 8), **weights}
    proto = model(around, {"x": ("f32", [2, 5, 8]), **inputs}, {"y": ("f32", [2, 5, 8])}, weights)
    return proto, [{"x": normal(2, 5, 8, seed=seed), **given} for seed, given in enumerate(feeds)]


def masks(value: float) -> list[Feeds]:
    """A mask of some keys of the first row and of all of the second, and one of none."""
    mask = np.zeros((2, 1, 5), np.float32)
    mask[0, 0, 3:] = mask[1] = value
    return [{"mask": mask}, {"mask": np.zeros((2, 1, 5), np.float32)}]


def lowest_mask() -> Made:
    return attention([node("Add", "s mask", "b")], {"mask": ("f32", [2, 1, 5])}, {}, masks(float(LOWEST)))


def large_mask() -> Made:
    return attention([node("Add", "s mask", "b")], {"mask": ("f32", [2, 1, 5])}, {}, masks(-1e4))


def biased_mask() -> Made:
    """All keys of a row are hidden by a number beside which a narrow type has no digit left for the bias."""
    hidden = np.zeros((2, 5, 5), np.float32)
    hidden[0, 1] = hidden[1, :, 3:] = -1000
    weights: Feeds = {"hidden": hidden, "bias": normal(5, 5)}
    return attention([node("Add", "hidden bias", "m"), node("Add", "s m", "b")], {}, weights, [{}, {}])


def biased_mask_of_attention() -> Made:
    hidden = np.zeros((5, 5), np.float32)
    hidden[1] = hidden[3, 3:] = -1000
    nodes = [
        node("MatMul", "x w", "h"), node("Transpose", "h", "ht", perm=[0, 2, 1]), node("MatMul", "h ht", "s"),
        node("Add", "hidden bias", "m"), node("Add", "s m", "b"), node("Softmax", "b", "p", axis=-1), node("MatMul", "p h", "a"),
        node("MatMul", "a v", "y"),
    ]  # fmt: skip
    weights: Feeds = {"hidden": hidden, "bias": normal(5, 5), "w": normal(8, 8, scale=0.2), "v": normal(8, 4)}
    proto = model(nodes, {"x": ("f32", [2, 5, 8])}, {"y": ("f32", [2, 5, 4])}, weights)
    return proto, [{"x": normal(2, 5, 8, seed=seed)} for seed in (1, 2)]


def mask_of_integers() -> Made:
    nodes = [
        node("Cast", "m", "f", to=FLOAT),
        node("Sub", "one f", "g"),
        node("Mul", "g low", "h"),
        node("Add", "s h", "b"),
    ]
    feeds = [{"m": (given["mask"] == 0).astype(np.int64)} for given in masks(-1.0)]
    return attention(nodes, {"m": ("i64", [2, 1, 5])}, {"one": number(1), "low": number(float(LOWEST))}, feeds)


def mask_of_booleans() -> Made:
    nodes = [
        node("Cast", "m", "f", to=FLOAT),
        node("Sub", "one f", "g"),
        node("Mul", "g low", "h"),
        node("Add", "s h", "b"),
    ]
    feeds = [{"m": given["mask"] == 0} for given in masks(-1.0)]
    return attention(nodes, {"m": ("i1", [2, 1, 5])}, {"one": number(1), "low": number(-1e4)}, feeds)


def chosen_mask() -> Made:
    feeds = [{"m": given["mask"] == 0} for given in masks(-1.0)]
    return attention([node("Where", "m s low", "b")], {"m": ("i1", [2, 1, 5])}, {"low": number(float(LOWEST))}, feeds)


def hidden_by_finite_numbers() -> Made:
    """Rows of which all keys are hidden, where probabilities are read twice, so that no attention is recognised."""
    nodes = [
        node("Tanh", "x", "t"), node("MatMul", "t kt", "s"), node("Where", "m zero low", "h"), node("Add", "s h", "r"),
        node("Add", "r low", "b"), node("Softmax", "b", "p", axis=-1), node("Abs", "p", "q"), node("Add", "p q", "a"),
        node("MatMul", "a v", "y"),
    ]  # fmt: skip
    weights: Feeds = {"kt": normal(8, 5), "zero": number(0), "low": number(-1000), "v": normal(5, 4)}
    proto = model(nodes, {"x": ("f32", [2, 5, 8]), "m": ("i1", [2, 1, 5])}, {"y": ("f32", [2, 5, 4])}, weights)
    feeds = [{"m": given["mask"] == 0} for given in masks(-1.0)]
    return proto, [{"x": normal(2, 5, 8, seed=seed), **given} for seed, given in enumerate(feeds)]


def of_any_size(nodes: list[onnx.NodeProto], weights: Feeds) -> Made:
    proto = model(
        nodes, {"x": ("f32", [4, 16])}, {"y": ("f32", [4, 3])}, {"w": normal(16, 16), "v": normal(16, 3), **weights}
    )
    return proto, [{"x": normal(4, 16, seed=seed, scale=scale)} for seed, scale in enumerate((1e6, 1.0))]


def scaled_input() -> Made:
    return of_any_size(
        [node("Mul", "x k", "a"), node("MatMul", "a w", "h"), node("MatMul", "h v", "y")], {"k": number(1e-6)}
    )


def multiplied_input() -> Made:
    return of_any_size(
        [node("MatMul", "x u", "h"), node("Relu", "h", "a"), node("MatMul", "a v", "y")],
        {"u": normal(16, 16, scale=1e-3)},
    )


def normalised_input() -> Made:
    nodes = [node("LayerNormalization", "x g", "a"), node("MatMul", "a w", "h"), node("MatMul", "h v", "y")]
    return of_any_size(nodes, {"g": np.ones(16, np.float32)})


def residual_input() -> Made:
    nodes = [
        node("LayerNormalization", "x g", "a"), node("MatMul", "a w", "h"), node("Add", "x h", "r"), node("LayerNormalization", "r g", "n"),
        node("MatMul", "n v", "y"),
    ]  # fmt: skip
    return of_any_size(nodes, {"g": np.ones(16, np.float32)})


CASES = (
    halved_index, shifted_index, position_embeddings, scaled_sum, multiplied_sum, root_mean_square, small_epsilon, lowest_mask, large_mask,
    biased_mask, biased_mask_of_attention, mask_of_integers, mask_of_booleans, chosen_mask, hidden_by_finite_numbers,
    scaled_input, multiplied_input, normalised_input, residual_input,
)  # fmt: skip


@pytest.mark.parametrize("precision", TOLERANCE)
@pytest.mark.parametrize("make", CASES, ids=lambda make: make.__name__)
def test_what_must_stay_wide(make: Callable[[], Made], precision: str) -> None:
    proto, feeds = make()
    engine = trtc.build(proto, trtc.BuildOptions(precision=precision, target=where.targets("sm_80")[0]))
    context = engine.create_context(where.DEVICE, poison=True)
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    results: list[np.ndarray] = []
    for given in feeds:
        results.append(np.array(context.run(given)["y"]))
        assert_close(results[-1], session.run(None, given)[0], TOLERANCE[precision], "y")
    assert not np.array_equal(results[0], results[1])


def test_what_stays_wide_is_a_line_of_the_manifest() -> None:
    engine = trtc.build(scaled_sum()[0], trtc.BuildOptions(precision="fp16", target="sm_80"))
    remarks = engine.inspect()["variants"]["sm_80"]["remarks"]
    assert any(r["pass_name"] == "analyze-ranges" and r["message"] == "stays wide: a sum" for r in remarks), remarks


@pytest.mark.parametrize("precision", PRECISIONS)
def test_sums_of_a_half_precision_model_may_pass_its_range(precision: str) -> None:
    """Each element is divided by the sum of its row, about 80000, beyond f16; ONNX Runtime gives 0, so NumPy is the reference."""
    nodes = [node("ReduceSum", "x axis", "s"), node("Div", "x s", "y")]
    proto = model(nodes, {"x": ("f16", [2, 4096])}, {"y": ("f16", [2, 4096])}, {"axis": AXIS})
    engine = trtc.build(proto, trtc.BuildOptions(precision=precision, target=where.targets("sm_80")[0]))
    for seed, scale in enumerate((1.0, 0.01)):
        x = (random(seed).uniform(10, 30, (2, 4096)) * scale).astype(np.float16)
        wide = x.astype(np.float32)
        got = np.asarray(engine.create_context(where.DEVICE, poison=True).run({"x": x})["y"])
        assert_close(got, (wide / wide.sum(-1, keepdims=True)).astype(np.float16), 1e-2, "y")
