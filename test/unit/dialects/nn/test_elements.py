"""The text of small constants gives the same elements back: infinities, NaN, -0.0, denormals and floats of many digits."""

from __future__ import annotations

import math
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from xdsl.parser import Parser

from trtc.compiler.universe import make_context
from trtc.dialects import kernel, nn

FLOATS = [-np.inf, np.nan, np.inf, -0.0, 1e-45, 6e-8, 1 / 3, 16777217.0, np.pi * 1e7, 3.4e38, 65504.0]


def reparsed(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    op = Parser(make_context(), str(nn.ConstantOp(array))).parse_op()
    assert isinstance(op, nn.ConstantOp)
    return op.array()


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.float64, ml_dtypes.bfloat16])
def test_floats_survive_their_text(dtype: type) -> None:
    with np.errstate(all="ignore"):
        array = np.array(FLOATS).astype(dtype)
    for given in (array, array[:1], array[1:2].reshape(()), array[:4].reshape(2, 2), array[8:9]):
        assert reparsed(given).tobytes() == given.tobytes(), str(nn.ConstantOp(given))


@pytest.mark.parametrize("dtype", [np.int64, np.int8, np.uint8, np.bool_])
def test_integers_survive_their_text(dtype: type) -> None:
    array = np.array([-128, -1, 0, 1, 127, 255]).astype(dtype)
    assert reparsed(array).tobytes() == array.tobytes()


def test_plain_floats_stay_readable() -> None:
    assert str(nn.ConstantOp(np.float32([0.5, -1]))).endswith("dense<[5.000000e-01, -1.000000e+00]> : tensor<2xf32>")


@pytest.mark.parametrize("number", [0.1, -(2.0**31), 1e300, 16777217.0, math.inf, -math.inf])
def test_fills_of_kernels_survive_their_text(number: float) -> None:
    """xDSL prints numbers of many digits as bits, which need a type after them to be read."""
    digits = repr(number).replace("1e+300", "1.0e+300")
    text = f"builtin.module {{ %f = kernel.fill {digits} : !kernel.frag<4x64xf64, #kernel.blocked<4, 32, 1, 2>> }}"
    for _ in range(2):
        module = Parser(make_context(), text).parse_module()
        (fill,) = (op for op in module.walk() if isinstance(op, kernel.FillOp))
        assert fill.value.value.data == number
        text = str(module)
