"""Operators of com.microsoft and of quantized tensors on a GPU against ONNX Runtime."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import trtc

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))
from contrib import CASES

pytestmark = pytest.mark.gpu


@pytest.mark.parametrize("name", CASES)
def test_kernels(name: str) -> None:
    case = CASES[name]
    engine = trtc.build(case.model(), trtc.BuildOptions())
    case.check(engine.create_context(poison=True).run(case.inputs))
