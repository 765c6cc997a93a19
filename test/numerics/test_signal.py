"""Fourier transforms against NumPy's, of every kind of length: one product, two products, a prime, padded, cut, half a spectrum."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnx.parser
import pytest
from onnx import helper
from onnx.reference import ReferenceEvaluator

import trtc
from trtc.compiler.frontend import import_onnx
from trtc.dialects.errors import UnsupportedOpError
from trtc.dialects.meaning import run_module

Array = np.ndarray[Any, Any]


def model(
    size: int, parts: int, length: int | None, inverse: int, onesided: int, kind: str = "double"
) -> onnx.ModelProto:
    given = "" if length is None else f"<int64 n = {{{length}}}>"
    operands = "x" if length is None else "x, n"
    return onnx.parser.parse_model(
        f'<ir_version: 8, opset_import: ["" : 20]> g ({kind}[B, {size}, {parts}] x) => ({kind}[B, A, C] y) {given} '
        f"{{ y = DFT<inverse = {inverse}, onesided = {onesided}>({operands}) }}"
    )


def expected(x: Array, length: int, inverse: int, onesided: int) -> Array:
    signal = x[..., 0] + (1j * x[..., 1] if x.shape[-1] == 2 else 0)
    if inverse and onesided:
        return np.fft.irfft(signal, length, axis=1)[..., None]
    made = (np.fft.ifft if inverse else np.fft.fft)(signal, length, axis=1)
    made = made[:, : length // 2 + 1] if onesided else made
    return np.stack([made.real, made.imag], -1)


@pytest.mark.parametrize("parts", [1, 2])
@pytest.mark.parametrize(("inverse", "onesided"), [(0, 0), (0, 1), (1, 0), (1, 1)])
@pytest.mark.parametrize(
    ("size", "length"),
    [(1, None), (7, None), (256, None), (257, None), (300, None), (6, 10), (10, 5), (350, 512), (600, 384)],
)
def test_transforms_in_double(size: int, length: int | None, inverse: int, onesided: int, parts: int) -> None:
    if onesided and (inverse != (parts == 2) or size == 1):
        return  # half a spectrum is that of real values, and has two numbers at least
    x = np.random.default_rng(size).standard_normal((3, size, parts))
    taken = length or (2 * (size - 1) if inverse and onesided else size)
    (got,) = run_module(import_onnx(model(size, parts, length, inverse, onesided)), [x])
    np.testing.assert_allclose(got, expected(x, taken, inverse, onesided), rtol=0, atol=1e-11)


def test_a_long_transform_on_an_engine() -> None:
    pytest.importorskip("cupy", reason="NVRTC comes with CuPy")
    x = np.random.default_rng(0).standard_normal((2, 400, 1)).astype(np.float32)
    engine = trtc.build(model(400, 1, None, 0, 1, "float"), trtc.BuildOptions(profiles={"B": (1, 2, 4)}))
    got = np.asarray(engine.create_context("simulator", poison=True).run({"x": x})["y"])
    want = expected(x, 400, 0, 1)
    assert got.dtype == np.float32 and np.linalg.norm(got - want) < 1e-6 * np.linalg.norm(want)


def test_a_long_prime_is_refused() -> None:
    with pytest.raises(UnsupportedOpError, match="its length 8191 takes a matrix of more than"):
        import_onnx(model(8191, 1, None, 0, 0))


@pytest.mark.parametrize("frames", ["w", "n", "wn"])
def test_stft_of_a_dynamic_length(frames: str) -> None:
    operands = {"w": "x, s, w", "n": 'x, s, "", n', "wn": "x, s, w, n"}[frames]
    text = (
        '<ir_version: 8, opset_import: ["" : 17]> g (double[B, L, 1] x) => (double[B, F, K, 2] y) '
        f"<int64 s = {{5}}, int64 n = {{16}}, double[16] w = {{{', '.join(str(0.1 * i) for i in range(16))}}}> {{ y = STFT({operands}) }}"
    )
    made = onnx.parser.parse_model(text)
    x = np.random.default_rng(1).standard_normal((2, 48, 1))
    (want,) = ReferenceEvaluator(made).run(None, {"x": x})
    (got,) = run_module(import_onnx(made, profiles={"L": (16, 48, 64), "B": (1, 2, 4)}), [x])
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-11)


@pytest.mark.parametrize("name", ["HannWindow", "HammingWindow", "BlackmanWindow"])
@pytest.mark.parametrize("periodic", [0, 1])
@pytest.mark.parametrize("size", [0, 2, 17])
def test_windows(name: str, periodic: int, size: int) -> None:
    node = helper.make_node(name, ["n"], ["y"], periodic=periodic)
    held = onnx.numpy_helper.from_array(np.array(size, np.int64), "n")
    made = helper.make_model(
        helper.make_graph([node], "g", [], [helper.make_empty_tensor_value_info("y")], [held]),
        opset_imports=[helper.make_opsetid("", 17)],
    )
    (got,) = run_module(import_onnx(made), [])
    (want,) = ReferenceEvaluator(made).run(None, {})
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-6)
