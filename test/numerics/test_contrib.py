"""Operators of com.microsoft and of quantized tensors against ONNX Runtime: the imported graph, and through generated kernels a part."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto

import trtc
from trtc.compiler.frontend import import_onnx
from trtc.compiler.frontend.registry import load_tables
from trtc.compiler.interpret.module import execute
from trtc.dialects.errors import TrtcError

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))
pytest.importorskip("onnxruntime")
from contrib import CASES
from contrib.quantized import DIVIDED

FIRST = {case.op: name for name, case in reversed(CASES.items())}
"""The first case of each operator."""
OF_INTEGERS = {
    case.op for case in CASES.values() if case.op.startswith(("QLinear", "QGemm", "MatMulInteger", "ConvInteger", "QuantizeLinear"))
}  # fmt: skip
"""Operators whose results are integers, or always f32."""


@pytest.mark.parametrize("name", CASES)
def test_imported_graph(name: str) -> None:
    case = CASES[name]
    case.check(execute(import_onnx(case.model()), case.inputs))


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.op not in OF_INTEGERS])
def test_halves(name: str) -> None:
    """Operands of f16 give results of f16, as near as it holds those of f32."""
    case = CASES[name]
    results = execute(import_onnx(case.halves().model()), case.halves().inputs)
    for result, wanted in zip(filter(None, case.results), case.wanted(), strict=True):
        if wanted.dtype == np.float32:
            assert results[result].dtype == np.float16
            error = np.linalg.norm(results[result].astype(np.float64) - wanted) / np.linalg.norm(wanted)
            assert error <= 1e-2, f"{result}: relative error {error}"


@pytest.mark.parametrize("name", [*FIRST.values(), *DIVIDED], ids=[*FIRST, *DIVIDED])
def test_kernels_on_the_simulator(name: str) -> None:
    case = CASES[name]
    engine = trtc.build(case.model(), trtc.BuildOptions(target="sm_90a"))
    case.check(engine.run(case.inputs))


@pytest.mark.parametrize("name", DIVIDED)
def test_divisions_differ(name: str) -> None:
    """The same division in f32, or in f16 where it is in f32, gives other integers for more than one of a thousand numbers."""
    case = DIVIDED[name]
    asked = case.attributes.get("precision")
    other = TensorProto.FLOAT16 if asked == TensorProto.FLOAT else TensorProto.FLOAT
    changed = replace(case, attributes={**case.attributes, "precision": other})
    (got,) = execute(import_onnx(changed.model()), case.inputs).values()
    assert 0.001 < np.mean(got != case.wanted()[0]) < 0.2


def test_a_precision_that_is_none() -> None:
    case = next(iter(DIVIDED.values()))
    wrong = replace(case, attributes={**case.attributes, "precision": TensorProto.DOUBLE})
    with pytest.raises(TrtcError, match="'precision' is 11; expected 1"):
        import_onnx(wrong.model())


def test_every_operator_has_a_case() -> None:
    operators = {op for domain, op in load_tables() if domain == "com.microsoft"}
    assert not operators - {case.op for case in CASES.values()}
