"""`nn.attention` against NumPy in float64, over masks, bounds, windows, caps, grouped heads and rows without a key; its decomposition bit
for bit."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
from xdsl.dialects.builtin import FunctionType, ModuleOp, f16
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Block, Region

from trtc.compiler.pipeline import verify_module
from trtc.dialects import nn
from trtc.dialects.dtypes import element_type_of
from trtc.dialects.meaning import run_module
from trtc.passes.fusion.decompose_attention import rewrite
from trtc.passes.graph.amplified import CoarseSums
from trtc.passes.graph.known_numbers import KnownNumbers

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Shape:
    """B, H, G, S, T, D, E, and the properties of one attention."""

    dims: tuple[int, int, int, int, int, int, int] = (2, 4, 4, 7, 9, 8, 8)
    mask: str | None = None
    """Its kind: added, repeated (three batches in turn), lowest (rows that are all the lowest float), hidden (rows of -inf), allowed, of
    one row, none (no key at all)."""
    properties: dict[str, Any] = field(default_factory=dict[str, Any])
    keys_batch: int | None = None


CASES = {
    "plain": Shape(),
    "one key": Shape((1, 2, 2, 3, 1, 4, 5)),
    "grouped": Shape((2, 6, 2, 5, 11, 16, 8)),
    "multi-query": Shape((2, 6, 1, 5, 11, 16, 8), "row"),
    "keys of one batch": Shape(keys_batch=1),
    "causal": Shape(properties={"causal": "start"}),
    "causal with a past": Shape((2, 4, 2, 3, 11, 8, 8), properties={"causal": "end"}),
    "more queries than keys": Shape((2, 4, 2, 9, 5, 8, 8), properties={"causal": "end", "zero_masked": True}),
    "window": Shape((2, 4, 2, 9, 9, 8, 8), properties={"causal": "start", "window": 3}),
    "window with a past": Shape((2, 4, 2, 3, 9, 8, 8), properties={"causal": "end", "window": 4}),
    "window alone": Shape(properties={"window": 2}),
    "softcap": Shape((2, 4, 2, 5, 9, 8, 8), "added", {"softcap": 1.5}),
    "added": Shape(mask="added"),
    "lowest": Shape(mask="lowest"),
    "hidden": Shape(mask="hidden"),
    "hidden, zero": Shape(mask="hidden", properties={"zero_masked": True}),
    "repeated": Shape((6, 4, 2, 7, 9, 8, 8), "repeated"),
    "allowed": Shape(mask="allowed"),
    "allowed, zero": Shape((2, 4, 2, 7, 9, 8, 8), "allowed", {"zero_masked": True, "causal": "start", "window": 4}),
    "all": Shape((2, 6, 3, 7, 9, 8, 8), "added", {"causal": "end", "window": 5, "softcap": 3.0, "zero_masked": True}),
}


def operands(shape: Shape, dtype: Any, seed: int = 0) -> list[Array]:
    """Random q, k, v and the mask."""
    rng = np.random.default_rng(seed)
    b, h, g, s, t, d, e = shape.dims
    kb = b if shape.keys_batch is None else shape.keys_batch
    q, k, v = (rng.standard_normal(size).astype(dtype) for size in ((b, h, s, d), (kb, g, t, d), (kb, g, t, e)))
    masks = {
        "added": lambda: rng.standard_normal((b, h, s, t)).astype(dtype),
        "repeated": lambda: rng.standard_normal((3, 1, s, t)).astype(dtype),
        "row": lambda: rng.standard_normal((b, 1, 1, t)).astype(dtype),
        "lowest": lambda: _where(rng.random((b, 1, s, t)) < 0.6, float(np.finfo(dtype).min), dtype),
        "hidden": lambda: _where(rng.random((b, 1, s, t)) < 0.6, -np.inf, dtype),
        "allowed": lambda: _without_rows(rng.random((b, 1, s, t)) < 0.6),
    }
    return [q, k, v] if shape.mask is None else [q, k, v, masks[shape.mask]()]


def _where(kept: Array, hidden: float, dtype: Any) -> Array:
    return np.where(_without_rows(kept), 0.0, hidden).astype(dtype)


def _without_rows(kept: Array) -> Array:
    """The first query has no key at all."""
    kept[:, :, 0] = False
    return kept


def module_of(shape: Shape, arrays: list[Array], **more: Any) -> ModuleOp:
    block = Block(arg_types=[nn.tensor_type(a.shape, element_type_of(a.dtype)) for a in arrays])
    properties = {"scale": 1.0 / np.sqrt(shape.dims[5]), **shape.properties, **more}
    op = nn.AttentionOp(*block.args, **properties)
    block.add_ops([op, ReturnOp(op.result)])
    function = FunctionType.from_lists([a.type for a in block.args], [op.result.type])
    module = ModuleOp([FuncOp("main", function, Region(block))])
    verify_module(module, "the test's module")
    return module


def in_float64(shape: Shape, arrays: list[Array]) -> Array:
    """The definition, query by query."""
    b, h, g, s, t, _, e = shape.dims
    q, k, v = (a.astype(np.float64) for a in arrays[:3])
    k, v = (np.broadcast_to(a, (b, *a.shape[1:])) for a in (k, v))
    mask = np.broadcast_to(arrays[3][np.arange(b) % len(arrays[3])], (b, h, s, t)) if len(arrays) > 3 else None
    p, result = shape.properties, np.empty((b, h, s, e))
    offset = t - s if p.get("causal") == "end" else 0
    for n, head, i in np.ndindex(b, h, s):
        row = k[n, head // (h // g)] @ q[n, head, i] / np.sqrt(shape.dims[5])
        if "softcap" in p:
            row = p["softcap"] * np.tanh(row / p["softcap"])
        if mask is not None:
            row = np.where(mask[n, head, i], row, -np.inf) if mask.dtype == bool else row + mask[n, head, i]
            row = np.where(row < -1e30, -1e30, row) if shape.mask == "lowest" else row  # one number, as in f32
        for j in range(t):
            if ("causal" in p and j > i + offset) or ("window" in p and j <= i + offset - p["window"]):
                row[j] = -np.inf
        if p.get("zero_masked") and np.max(row) == -np.inf:
            result[n, head, i] = 0
            continue
        with np.errstate(invalid="ignore"):
            weight = np.exp(row - np.max(row))
        result[n, head, i] = weight @ v[n, head // (h // g)] / np.sum(weight)
    return result


def assert_close(got: Array, want: Array, tolerance: float) -> None:
    np.testing.assert_array_equal(np.isnan(got), np.isnan(want))
    a, b = np.nan_to_num(got.astype(np.float64)), np.nan_to_num(want)
    assert np.linalg.norm(a - b) <= tolerance * np.linalg.norm(b) > 0


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.float64])
@pytest.mark.parametrize("name", CASES)
def test_meaning_is_the_definition(name: str, dtype: Any) -> None:
    shape = CASES[name]
    arrays = operands(shape, dtype)
    more = {"scores": f16} if shape.mask == "lowest" and dtype == np.float16 else {}
    want = in_float64(shape, arrays)
    if shape.mask == "lowest":
        want[:, :, 0] = np.mean(np.repeat(arrays[2].astype(np.float64), shape.dims[1] // shape.dims[2], 1), 2)
    (got,) = run_module(module_of(shape, arrays, **more), arrays)
    assert got.dtype == dtype
    assert_close(got, want, {np.float32: 1e-6, np.float16: 2e-3, np.float64: 1e-14}[dtype])


@pytest.mark.parametrize("more", [{}, {"math": "f16"}, {"math": "tf32"}, {"scores": f16}], ids=str)
@pytest.mark.parametrize("name", CASES)
def test_decomposition_gives_the_same_bits(name: str, more: dict[str, Any]) -> None:
    shape = CASES[name]
    for dtype in (np.float32, np.float16):
        arrays = operands(shape, dtype, seed=1)
        module = module_of(shape, arrays, **({} if "math" in more and dtype == np.float16 else more))
        (want,) = run_module(module, arrays)
        for op in [op for op in module.walk() if isinstance(op, nn.AttentionOp)]:
            rewrite(op, {}, CoarseSums(KnownNumbers("a test"), ()))
        verify_module(module, "the decomposition")
        assert not any(isinstance(op, nn.AttentionOp) for op in module.walk())
        (got,) = run_module(module, arrays)
        np.testing.assert_array_equal(got, want)


def test_another_mask_changes_the_result() -> None:
    shape = CASES["added"]
    arrays = operands(shape, np.float32)
    module = module_of(shape, arrays)
    (one,) = run_module(module, arrays)
    arrays[3] = arrays[3] * 2
    (other,) = run_module(module, arrays)
    assert np.linalg.norm(one - other) > 1e-2 * np.linalg.norm(one)
    (capped,) = run_module(module_of(replace(shape, properties={"softcap": 0.1}), arrays), arrays)
    assert np.linalg.norm(capped - other) > 1e-2 * np.linalg.norm(one)
