"""Operators that find, pick and write at computed places, on the simulator: special values, empty tensors, dynamic dims."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import ml_dtypes
import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

import trtc

Array = np.ndarray[Any, Any]
RNG = np.random.default_rng(5)
INF, NAN = np.inf, np.nan


def model(
    op: str,
    inputs: Mapping[str, Array],
    known: Mapping[str, Array] | None = None,
    *,
    outputs: int = 1,
    opset: int = 20,
    shapes: Mapping[str, Sequence[int | str]] | None = None,
    order: Sequence[str] | None = None,
    **attributes: Any,
) -> onnx.ModelProto:
    """One node; `known` are its constant operands, `shapes` declare dynamic dims."""
    known = known or {}
    names = [f"y{i}" for i in range(outputs)]
    node = helper.make_node(op, order or [*inputs, *known], names, **attributes)
    given = [
        helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(a.dtype), (shapes or {}).get(n, a.shape))
        for n, a in inputs.items()
    ]
    results = [onnx.ValueInfoProto(name=name) for name in names]
    graph = helper.make_graph([node], "g", given, results, [numpy_helper.from_array(a, n) for n, a in known.items()])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)


def run(made: onnx.ModelProto, *feeds: Mapping[str, Array], **profiles: tuple[int, int, int]) -> list[list[Array]]:
    """The results for each set of inputs, by one engine."""
    engine = trtc.build(made, trtc.BuildOptions(target="sm_90a", profiles=profiles))
    found: list[list[Array]] = []
    for feed in feeds:
        got = engine.run(dict(feed))
        found.append([np.asarray(got[output.name]) for output in made.graph.output])
    return found


def against_reference(made: onnx.ModelProto, *feeds: Mapping[str, Array], **profiles: tuple[int, int, int]) -> None:
    """The same numbers as ONNX's reference implementation has, within the suite's tolerance."""
    reference = ReferenceEvaluator(made)
    for feed, got in zip(feeds, run(made, *feeds, **profiles), strict=True):
        for a, b in zip(got, reference.run(None, dict(feed)), strict=True):
            want = np.asarray(b)
            assert a.shape == want.shape
            np.testing.assert_allclose(a.astype(np.float64), want.astype(np.float64), rtol=1e-4, atol=1e-5)


def floats(*shape: int) -> Array:
    return RNG.standard_normal(shape).astype(np.float32)


SPECIAL = np.array([1, NAN, INF, -0.0, 0.0, -INF, NAN, 1, -1, INF], np.float32)


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.float64, ml_dtypes.bfloat16])
@pytest.mark.parametrize("largest", [0, 1])
def test_top_k_orders_nan_and_infinities_and_keeps_equal_elements_in_order(largest: int, dtype: Any) -> None:
    x = SPECIAL.astype(dtype)
    made = model("TopK", {"x": x}, {"k": np.array([10])}, outputs=2, largest=largest)
    ((values, order),) = run(made, {"x": x})
    want = np.argsort(SPECIAL, kind="stable")
    if largest:
        want = 9 - np.argsort(SPECIAL[::-1], kind="stable")[::-1]
    np.testing.assert_array_equal(order, want)
    np.testing.assert_array_equal(values.astype(np.float32), SPECIAL[want])


@pytest.mark.parametrize("n", [1, 2, 31, 33, 64, 100, 515, 2049])
def test_top_k_of_dynamic_rows(n: int) -> None:
    x = (floats(2, n) * 3).round()
    made = model("TopK", {"x": x}, {"k": np.array([1])}, outputs=2, shapes={"x": ["B", "N"]}, axis=-1)
    against_reference(made, {"x": x}, B=(1, 2, 2), N=(1, 100, 3000))


def test_top_k_of_more_than_the_profile_allows_is_refused() -> None:
    x = floats(4)
    made = model("TopK", {"x": x}, {"k": np.array([3])}, outputs=2, shapes={"x": ["N"]})
    with pytest.raises(trtc.UnsupportedOpError, match="raise the minimum of the profile"):
        trtc.build(made, trtc.BuildOptions(target="sm_90a", profiles={"N": (1, 4, 8)}))


@pytest.mark.parametrize("op,last", [("ArgMax", 0), ("ArgMax", 1), ("ArgMin", 0), ("ArgMin", 1)])
def test_arg_extrema_find_the_first_nan_or_the_asked_one_of_equal_elements(op: str, last: int) -> None:
    rows = np.array([[1, 3, 3, -2, -2], [NAN, 1, NAN, 0, 2], [INF, -INF, INF, -INF, 0]], np.float32)
    ((got,),) = run(model(op, {"x": rows}, axis=1, keepdims=0, select_last_index=last), {"x": rows})
    find = np.argmax if op == "ArgMax" else np.argmin
    want = 4 - find(rows[:, ::-1], 1) if last else find(rows, 1)
    np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.int64, np.float16])
@pytest.mark.parametrize("reduction", ["none", "add", "mul", "max", "min"])
def test_scatter_combines_every_type(reduction: str, dtype: Any) -> None:
    x, updates = (RNG.integers(0, 4, shape).astype(dtype) for shape in ((4, 5), (6, 5)))
    indices = np.array([0, 2, -1, 1, 2, 2])
    indices = (indices[:4] if reduction == "none" else indices)[:, None] * np.ones((1, 5), int)
    updates = updates[: len(indices)]
    made = model("ScatterElements", {"x": x, "i": indices, "u": updates}, opset=18, reduction=reduction)
    against_reference(made, {"x": x, "i": indices, "u": updates})


def test_scatter_takes_nan_and_infinities_as_they_are() -> None:
    x, updates = np.zeros(6, np.float32), np.array([NAN, INF, -INF, 1, NAN], np.float32)
    feed = {"x": x, "i": np.array([0, 1, 1, 2, 2]), "u": updates}
    ((got,),) = run(model("ScatterElements", feed, opset=18, reduction="max"), feed)
    np.testing.assert_array_equal(got, np.array([NAN, INF, NAN, 0, 0, 0], np.float32))
    ((got,),) = run(model("ScatterElements", feed, opset=18, reduction="add"), feed)
    np.testing.assert_array_equal(got, np.array([NAN, NAN, NAN, 0, 0, 0], np.float32))


def test_an_index_out_of_range_writes_and_reads_nothing() -> None:
    """ONNX leaves it open; nothing but 0 is read, and nothing is overwritten."""
    x = floats(3, 4)
    indices = np.array([[3, -4, 2**32], [1, -1, -(2**63)]])
    feed = {"x": x, "i": indices, "u": np.ones((2, 3), np.float32)}
    ((got,),) = run(model("ScatterElements", feed, opset=18), feed)
    want = x.copy()
    want[1, 0] = want[-1, 1] = 1
    np.testing.assert_array_equal(got, want)
    ((got,),) = run(model("GatherElements", {"x": x, "i": indices}), {"x": x, "i": indices})
    np.testing.assert_array_equal(got, np.array([[0, 0, 0], [x[1, 0], x[-1, 1], 0]], np.float32))


def test_a_gather_from_a_vector_reads_nothing_beyond_it() -> None:
    """Also at an index whose low 32 bits lie in the range."""
    x = floats(5)
    indices = np.array([0, 4, -1, -5, 5, -6, 2**32, 2**32 + 1, -(2**32), 2**63 - 1, -(2**63), -(2**63) + 3])
    ((got,),) = run(model("Gather", {"x": x, "i": indices}), {"x": x, "i": indices})
    np.testing.assert_array_equal(got, np.concatenate([x[[0, 4, 4, 0]], np.zeros(8, np.float32)]))


@pytest.mark.parametrize("sizes", [(0, 3), (3, 0), (2, 5)])
def test_empty_tensors(sizes: tuple[int, int]) -> None:
    x = floats(*sizes)
    for op in ("CumSum", "CumProd"):
        if op == "CumSum" or onnx.defs.onnx_opset_version() >= 26:
            opset = 14 if op == "CumSum" else 26
            against_reference(model(op, {"x": x}, {"a": np.array(1)}, opset=opset), {"x": x})
    indices = np.zeros((0, 3) if sizes[1] else (0, 0), np.int64)
    feed = {"x": x, "i": indices, "u": np.zeros(indices.shape, np.float32)}
    ((got,),) = run(model("ScatterElements", feed, opset=18), feed)
    np.testing.assert_array_equal(got, x)
    ((got,),) = run(model("GatherElements", {"x": x, "i": indices}), {"x": x, "i": indices})
    assert got.shape == indices.shape
    ((_, order),) = run(model("TopK", {"x": x}, {"k": np.array([0])}, outputs=2), {"x": x})
    assert order.shape == (sizes[0], 0)


@pytest.mark.parametrize("attributes", [{}, {"exclusive": 1}, {"reverse": 1}, {"exclusive": 1, "reverse": 1}])
def test_cumulative_sums_of_dynamic_lines_along_an_axis_that_data_chooses(attributes: dict[str, Any]) -> None:
    feeds = [
        {"x": floats(n, 3, m).round(), "a": np.array(axis)} for n, m, axis in ((1, 70, 2), (40, 1, -3), (2, 1500, -1))
    ]
    made = model("CumSum", feeds[0], opset=14, shapes={"x": ["N", 3, "M"]}, **attributes)
    against_reference(made, *feeds, N=(1, 2, 40), M=(1, 70, 2000))


def test_a_running_sum_does_not_pass_on_what_comes_later() -> None:
    x = np.array([1, 2, INF, 3, NAN, 4], np.float32)
    ((got,),) = run(model("CumSum", {"x": x}, {"a": np.array(0)}, opset=14), {"x": x})
    np.testing.assert_array_equal(got, np.array([1, 3, INF, INF, NAN, NAN], np.float32))


EQUATIONS = {
    "ij,jk->ik": [(3, 4), (4, 5)], "bij,bkj->bik": [(2, 3, 4), (2, 5, 4)], "ii->i": [(4, 4)], "iji->j": [(3, 2, 3)],
    "...ij,...jk->...ik": [(2, 1, 3, 4), (5, 4, 2)], "ij,jk,kl->li": [(2, 3), (3, 4), (4, 2)], "i,j": [(2,), (3,)], "ab,ab->": [(2, 3)] * 2,
    "b...,b...->...": [(3, 2, 2), (3, 2, 2)], " i j -> j i ": [(2, 3)], "abc,cd,abd->a": [(2, 3, 4), (4, 2), (2, 3, 2)], "ij->": [(3, 4)],
}  # fmt: skip


@pytest.mark.parametrize("equation", EQUATIONS)
@pytest.mark.parametrize("dtype", [np.float32, np.int64])
def test_einsum(equation: str, dtype: Any) -> None:
    feed = {f"x{i}": (floats(*shape) * 3).astype(dtype) for i, shape in enumerate(EQUATIONS[equation])}
    ((got,),) = run(model("Einsum", feed, opset=12, equation=equation), feed)
    want = np.einsum(equation.replace(" ", ""), *feed.values())
    assert got.shape == want.shape
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
@pytest.mark.parametrize(
    "transform", ["half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric"]
)
def test_resize_of_dynamic_images(mode: str, transform: str) -> None:
    feeds = [{"x": floats(n, 2, h, w)} for n, h, w in ((1, 5, 8), (2, 9, 3))]
    made = model(
        "Resize", feeds[0], {"s": np.array([1, 1, 1.7, 2.5], np.float32)}, shapes={"x": ["N", 2, "H", "W"]}, opset=19,
        order=["x", "", "s"], mode=mode, coordinate_transformation_mode=transform, nearest_mode="round_prefer_ceil",
    )  # fmt: skip
    against_reference(made, *feeds, N=(1, 1, 2), H=(2, 5, 10), W=(2, 8, 10))


@pytest.mark.parametrize("mode", ["linear", "cubic"])
def test_resize_far_down_with_antialias_sums_many_taps(mode: str) -> None:
    x = floats(1, 2, 40, 50)
    made = model(
        "Resize", {"x": x}, {"s": np.array([0.1, 0.13], np.float32)}, opset=19, order=["x", "", "s"], axes=[2, 3],
        mode=mode, antialias=1,
    )  # fmt: skip
    against_reference(made, {"x": x})


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int32])
def test_resize_of_integers_rounds_and_holds_the_range(dtype: Any) -> None:
    info = np.iinfo(np.int8 if dtype == np.int32 else dtype)
    x = RNG.choice([info.min, info.max, 0], (1, 1, 4, 5)).astype(dtype)
    sizes = {"s": np.array([1, 1, 9, 7])}
    against_reference(model("Resize", {"x": x}, sizes, opset=19, order=["x", "", "", "s"], mode="cubic"), {"x": x})


@pytest.mark.parametrize("policy", ["not_larger", "not_smaller"])
def test_resize_keeps_the_ratio_of_dynamic_dims_and_of_sizes_that_are_data(policy: str) -> None:
    feeds = [
        {"x": floats(1, 2, h, w), "s": np.array(s)} for h, w, s in [(5, 7, (8, 9)), (9, 3, (4, 2)), (2, 2, (11, 3))]
    ]
    made = model(
        "Resize", feeds[0], shapes={"x": [1, 2, "H", "W"]}, opset=19, order=["x", "", "", "s"], axes=[2, 3],
        mode="linear", keep_aspect_ratio_policy=policy,
    )  # fmt: skip
    against_reference(made, *feeds, H=(1, 5, 9), W=(1, 7, 9), s=(1, 8, 12))


def test_resize_by_scales_and_a_part_that_are_data() -> None:
    feeds = [{"x": floats(1, 2, 6, 5), "s": np.array(s, np.float32)} for s in [(1.7, 2.5), (0.5, 1), (0.7, 0.21)]]
    scaled = model("Resize", feeds[0], opset=19, order=["x", "", "s"], axes=[2, 3], mode="cubic")
    against_reference(scaled, *feeds)
    feeds = [
        {"x": floats(1, 1, 5, 6), "r": np.array(r, np.float32)}
        for r in [(0.2, 0.1, 0.9, 1.3), (0, 0, 1, 1), (1, 0, 0, 0.5)]
    ]
    cut = model(
        "Resize", feeds[0], {"s": np.array([4, 7])}, opset=19, order=["x", "r", "", "s"], axes=[2, 3],
        mode="linear", coordinate_transformation_mode="tf_crop_and_resize", extrapolation_value=7.0,
    )  # fmt: skip
    against_reference(cut, *feeds)


@pytest.mark.parametrize("samples,mode", [(0, "avg"), (1, "max"), (3, "avg")])
def test_roi_align_of_regions_of_all_sizes(samples: int, mode: str) -> None:
    x = floats(2, 3, 9, 12)
    rois = np.array([[0, 0, 11, 8], [-3, -2, 30, 20], [2.5, 3.5, 2.6, 3.6], [5, 5, 1, 1]], np.float32)
    for half, count in (
        ("half_pixel", 3),
        ("output_half_pixel", 4),
    ):  # a malformed region has a size in the latter only
        feed = {"x": x, "r": rois[:count], "b": np.array([0, 1, 1, 0])[:count]}
        made = model(
            "RoiAlign", feed, opset=16, output_height=3, output_width=2, sampling_ratio=samples, mode=mode,
            coordinate_transformation_mode=half,
        )  # fmt: skip
        against_reference(made, feed)


def test_max_roi_pool() -> None:
    x = floats(2, 3, 6, 8)
    rois = np.array([[0, 0, 0, 7, 5], [1, 2, 1, 3, 9], [0, 6, 5, 6, 5], [1, -4, -4, -2, -2]], np.float32)
    ((got,),) = run(model("MaxRoiPool", {"x": x, "r": rois}, pooled_shape=[2, 3]), {"x": x, "r": rois})
    want = np.zeros((4, 3, 2, 3), np.float32)
    for r, (image, left, top, right, bottom) in enumerate(rois.astype(int)):
        height, width = max(bottom - top + 1, 1) / 2, max(right - left + 1, 1) / 3
        for i in range(2):
            for j in range(3):
                rows = slice(*np.clip([top + int(np.floor(i * height)), top + int(np.ceil((i + 1) * height))], 0, 6))
                columns = slice(*np.clip([left + int(np.floor(j * width)), left + int(np.ceil((j + 1) * width))], 0, 8))
                part = x[image, :, rows, columns]
                want[r, :, i, j] = part.max((1, 2)) if part.size else 0
    np.testing.assert_array_equal(got, want)


def test_one_hot_of_a_dynamic_batch_with_floats_as_indices() -> None:
    x = np.array([0, 2, -1, 3, -4, 1.7], np.float32)
    made = model(
        "OneHot", {"x": x}, {"d": np.array(3), "v": np.array([5, 7], np.int32)}, shapes={"x": ["N"]}, axis=0, opset=11
    )
    (((got,)),) = run(made, {"x": x}, N=(1, 6, 8))
    np.testing.assert_array_equal(got, np.where(np.array([0, 2, 2, 9, 9, 1]) == np.arange(3)[:, None], 7, 5))


def test_grid_sample_at_coordinates_that_are_no_numbers_reads_the_image_only() -> None:
    x = floats(1, 1, 3, 3)
    grid = np.array([NAN, INF, -INF, 1e30, 0], np.float32)
    grid = np.stack([grid, np.zeros(5, np.float32)], axis=-1).reshape(1, 1, 5, 2)
    for padding in ("zeros", "border", "reflection"):
        made = model("GridSample", {"x": x, "g": grid}, padding_mode=padding, opset=20)
        ((got,),) = run(made, {"x": x, "g": grid})
        np.testing.assert_allclose(got[0, 0, 0, 4], x[0, 0, 1, 1], rtol=1e-6)
