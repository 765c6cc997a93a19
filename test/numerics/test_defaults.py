"""Each operator of the importer's tables with every optional attribute left out, at each version of its schema, and each such
attribute alone set to what the schema says that leaving it out means."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx.reference
import pytest
from onnx import ModelProto

from trtc.compiler.frontend import import_onnx
from trtc.compiler.frontend.registry import load_tables
from trtc.dialects.meaning import run_module

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "models"))
import default_cases
from default_cases import DRAWN, ELSEWHERE, Case
from models.random import graphs

Array = np.ndarray[Any, Any]
CASES = list(default_cases.cases())
TOLERANCE = 1e-5


def expected(model: ModelProto, inputs: dict[str, Array]) -> list[Array]:
    """By ONNX Runtime, or by ONNX's own evaluator for versions that it has no kernels of."""
    try:
        return graphs.run_onnxruntime(model, inputs)
    except Exception:
        return [np.asarray(result) for result in onnx.reference.ReferenceEvaluator(model).run(None, inputs)]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_left_out_attributes(case: Case) -> None:
    module = import_onnx(case.model())
    got = run_module(module, list(case.inputs.values()))
    for result, want in zip(got, expected(case.model(), case.inputs), strict=True):
        graphs.assert_close(result, want, TOLERANCE, str(case))


@pytest.mark.parametrize("case", [case for case in CASES if case.defaults], ids=str)
def test_defaults_written_out(case: Case) -> None:
    left_out = str(import_onnx(case.model()))
    for name, value in case.defaults.items():
        assert str(import_onnx(case.model(**{name: value}))) == left_out, f"{name} = {value}"


def test_every_operator_has_a_case() -> None:
    defined = {(domain, op) for domain, op in load_tables() if not domain and op not in DRAWN + ELSEWHERE}
    assert {(case.domain, case.op) for case in CASES if not case.domain} == defined
    assert len(CASES) > 300
