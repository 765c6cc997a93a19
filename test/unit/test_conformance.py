"""A part of ONNX's backend suite, drawn by the date so that it moves, and the harness on every kind of case."""

from __future__ import annotations

import re
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import onnx.parser
import pytest
from onnx.backend.test.case.test_case import TestCase
from onnx.backend.test.loader import load_model_tests

sys.path.insert(0, str(Path(__file__).parents[1] / "conformance"))
import cases
import failing
import judge
import pool
import suite

SCRIPT = Path(suite.__file__)
SECONDS = 60
pytest.importorskip("cupy", reason="NVRTC comes with CuPy")


def test_a_sample_of_the_suite() -> None:
    """On a failure the output names each case, and the seed to draw them again."""
    command = [sys.executable, str(SCRIPT), "--sample", str(SECONDS), "--seconds", "120"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    print(result.stdout)
    assert result.returncode == 0, result.stdout + result.stderr
    counts = re.search(r"^all +(\d+) cases: (\d+) passed", result.stdout, re.MULTILINE)
    assert counts is not None and int(counts[1]) >= 20 and 3 * int(counts[2]) > int(counts[1]), result.stdout


def made(name: str, expected: float, text: str = "g (float[2] x) => (float[2] y) { y = Neg(x) }") -> cases.Case:
    model = onnx.parser.parse_model('<ir_version: 8, opset_import: ["" : 18]>\n' + text)
    x = np.array([1, 2], np.float32)
    data = [([x], [np.array([-1, expected], np.float32)])]
    return cases.Case("node", name, TestCase(name, name, None, None, model, data, "node", 1e-3, 1e-7))


def test_every_status_is_told_apart_and_the_run_goes_on() -> None:
    given = [
        made("right", -2),
        made("wrong", -2.01),
        made("hang", -2, "hangs (float[2] x) => (float[2] y) { y = Neg(x) }"),
        made("crash", -2, "crashes (float[2] x) => (float[2] y) { y = Neg(x) }"),
        made("invalid", -2, "g (float[2] x) => (float[2] y) { y = Neg<axis = 1>(x) }"),
        made("refused", -2, "g (float[2] x) => (float[2] y) { y = Bernoulli2<a = 1>(x) }"),
        made("types", -2, "g (string[2] x) => (string[2] y) { y = Identity(x) }"),
        made("right too", -2),
    ]
    verdicts = dict(pool.run_cases(given, failing.trtc, jobs=2, seconds=20))
    assert {case.name: verdict.status for case, verdict in verdicts.items()} == {
        "right": "passed",
        "right too": "passed",
        "wrong": "wrong",
        "hang": "crash",
        "crash": "crash",
        "invalid": "crash",
        "refused": "crash",
        "types": "refused",
    }
    reasons = {case.name: verdict.reason for case, verdict in verdicts.items()}
    assert "no result in 20 s" in reasons["hang"] and "status -9" in reasons["crash"] and "Mismatch" in reasons["wrong"]


def test_its_processes_share_no_state_with_this_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """CUDA does not survive a fork of a process that has used it."""
    monkeypatch.delattr(judge, "draws")  # without which no case is judged
    ((_, verdict),) = pool.run_cases([made("right", -2)], judge.onnxruntime, jobs=1)
    assert verdict.status == "passed", verdict.reason


def test_an_input_that_must_be_a_constant_is_bound() -> None:
    case = made("axis", 3)
    text = "g (float[2] x, int64 axis) => (float[2] y) { y = CumSum(x, axis) }"
    case.test.model = onnx.parser.parse_model('<ir_version: 8, opset_import: ["" : 18]>\n' + text)
    case.test.data_sets = [([np.array([1, 2], np.float32), np.array(0)], [np.array([1, 3], np.float32)])]
    verdict = judge.judge(case, judge.trtc)
    assert verdict.status == "passed" and set(verdict.bound) <= {"axis"}


def test_a_refusal_that_the_page_does_not_list_is_told() -> None:
    text = "model: a node is not supported:\n  - #0:y (Neg, opset 18): it is a novelty; use another\n"
    assert suite.unexplained(judge.Verdict("refused", text)) == ["Neg: it is a novelty; use another"]
    listed = text.replace("Neg", "ai.onnx.ml.TreeEnsemble")
    assert judge.refusals(listed)[0][0] == "ai.onnx.ml.TreeEnsemble" and not suite.unexplained(
        judge.Verdict("refused", listed)
    )


def test_the_whole_suite_is_there_and_few_cases_are_excluded() -> None:
    found = cases.load(groups=("simple", "pytorch-converted", "pytorch-operator"))
    assert len(found) > 130 and len(cases.EXCLUDED) <= 5 and all(len(why) > 40 for why in cases.EXCLUDED.values())
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        names = {f"node/{test.name}" for test in load_model_tests(kind="node")}
    assert {case.key for case in cases.load(groups=("node",))} == names - cases.EXCLUDED.keys()
    assert cases.EXCLUDED.keys() <= names
    assert {len(outputs) > 0 for case in found for _, outputs in case.data_sets()} == {True}
