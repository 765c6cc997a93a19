"""Every operator of the importer's tables against ONNX's own node tests: cases with stored outputs, executed by meaning.

A case is either refused with a named reason or computes what ONNX says. Operands that trtc wants at import (axes, shapes,
pads) are given to it as constants.
"""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.parser
import pytest
from onnx import numpy_helper
from onnx.backend.test.case.node import collect_testcases

from trtc.compiler.frontend import import_onnx
from trtc.compiler.frontend.registry import load_tables
from trtc.dialects.errors import UnsupportedOpError
from trtc.dialects.meaning import run_module

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[2] / "models"))
import default_cases

Array = np.ndarray[Any, Any]
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning:onnx")
TOLERANCE = {np.dtype(np.float64): 1e-6, np.dtype(np.float32): 1e-4}
"""Relative error of norms; narrower floats get 1e-2."""

NO_CASE = {"GlobalLpPool", "MaxRoiPool", "SimplifiedLayerNormalization"}
"""Operators without a case of one node, which are compared with ONNX Runtime: test_windows.py, test_places.py, test_contrib.py."""

SKIPPED = re.compile(
    "empty_set|_1d_empty"  # NumPy has no maximum of nothing; ONNX gives -inf
    "|starts_on_pad"  # the stored outputs have four digits
    "|^test_(sequence|split_to_sequence|identity_sequence)|_seq(_none)?$"  # test_odd_models.py has them
    "|bernoulli|training_dropout"  # ONNX leaves the numbers open: test_drawn_numbers.py
)


@cache
def cases() -> dict[str, list[Any]]:
    """The node tests with one node, by operator."""
    found: dict[str, list[Any]] = defaultdict(list)
    for case in collect_testcases(None):
        nodes = case.model.graph.node
        if case.name.startswith("test_not_"):
            case.model.opset_import[0].version = 7  # Not is the same since opset 1, which is too old to read
        if len(nodes) == 1 and nodes[0].domain == "" and not SKIPPED.search(case.name):
            found[nodes[0].op_type].append(case)
    return found


def as_array(value: Any) -> Array:
    return numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else np.asarray(value)


def constant_operands(case: Any) -> onnx.ModelProto:
    """The model with all vectors and scalars among its inputs as initializers."""
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    for value, given in zip(case.model.graph.input, case.data_sets[0][0], strict=False):
        array = as_array(given)
        if array.ndim <= 1 and array.dtype.kind in "iufb":
            model.graph.initializer.append(numpy_helper.from_array(array, value.name))
    return model


def outputs_of(case: Any) -> list[tuple[Array, Array]] | None:
    """(ours, ONNX's) for every output and data set, or None where the case is refused."""
    try:
        module = import_onnx(case.model)
    except UnsupportedOpError as refusal:
        if not isinstance(case.data_sets[0][0], list | tuple):
            return None
        try:
            module = import_onnx(constant_operands(case))
        except UnsupportedOpError:
            named = (case.model.graph.node[0].op_type, "input", "Sequence", "Optional")  # the latter in graphs of nodes
            assert any(name in str(refusal) for name in named)
            return None
    main = next(iter(module.body.block.ops))
    names = [name.data for name in main.attributes["nn.inputs"].data]  # type: ignore[attr-defined]
    pairs: list[tuple[Array, Array]] = []
    for inputs, outputs in case.data_sets:
        given = {value.name: array for value, array in zip(case.model.graph.input, inputs, strict=False)}
        results = run_module(module, [as_array(given[name]) for name in names])
        pairs += [(ours, as_array(theirs)) for ours, theirs in zip(results, outputs, strict=True)]
    return pairs


def assert_close(ours: Array, theirs: Array, case: str) -> None:
    assert ours.shape == theirs.shape and ours.dtype == theirs.dtype, case
    if ours.dtype.kind in "biu":
        np.testing.assert_array_equal(ours, theirs, err_msg=case)
        return
    a, b = ours.astype(np.float64), theirs.astype(np.float64)
    special = ~np.isfinite(b)
    np.testing.assert_array_equal(a[special], b[special], err_msg=case)
    error = np.linalg.norm(a[~special] - b[~special]) / max(float(np.linalg.norm(b[~special])), 1e-6)
    assert error <= TOLERANCE.get(ours.dtype, 1e-2), f"{case}: relative error {error:.1e}"


OPERATORS = sorted(
    name
    for domain, name in load_tables()
    if domain == "" and name not in default_cases.DRAWN and ("Sequence" not in name or name == "ReverseSequence")
)


@pytest.mark.parametrize("operator", OPERATORS)
def test_operator_computes_what_onnx_says(operator: str) -> None:
    computed = 0
    for case in cases()[operator]:
        pairs = outputs_of(case)
        for ours, theirs in pairs or ():
            assert_close(ours, theirs, case.name)
        computed += pairs is not None
    assert computed or operator in NO_CASE, f"all {len(cases()[operator])} cases are refused"


def test_most_node_tests_are_computed() -> None:
    """A regression of many cases from computed to refused shows here."""
    computed = sum(outputs_of(case) is not None for operator in OPERATORS for case in cases()[operator])
    assert computed >= 560


def test_valid_models_are_never_called_invalid() -> None:
    """Each node test of ONNX is valid by definition: the operators without a row of their own are refused as unsupported."""
    for operator in sorted(cases().keys() - set(OPERATORS)):
        for case in cases()[operator]:
            try:
                import_onnx(case.model)
            except UnsupportedOpError:
                continue


@pytest.mark.parametrize("operator", ["Attention", "RotaryEmbedding", "HannWindow"])
def test_operators_that_onnx_defines_by_others(operator: str) -> None:
    computed = 0
    for case in cases()[operator]:
        if "causal" in case.name and ("fp16" in case.name or "bf16" in case.name):
            continue  # the stored outputs round at other points than the definition says
        pairs = outputs_of(case)
        for ours, theirs in pairs or ():
            assert_close(ours, theirs, case.name)
        computed += pairs is not None
    assert computed


@pytest.mark.parametrize(
    "call",
    [
        "Concat<axis = {}>(x, x)", "Flatten<axis = {}>(x)", "Gather<axis = {}>(x, i)", "GatherElements<axis = {}>(x, i)",
        "LayerNormalization<axis = {}>(x, s)", "LogSoftmax<axis = {}>(x)", "Softmax<axis = {}>(x)",
    ],
)  # fmt: skip
def test_a_negative_axis_counts_from_the_end(call: str) -> None:
    head = (
        '<ir_version: 10, opset_import: ["" : 20]> g (float[2, 3] x, int64[2, 3] i, float[3] s) => (float[A] y) { y = '
    )
    texts = [str(import_onnx(onnx.parser.parse_model(f"{head}{call.format(axis)} }}"))) for axis in (-1, 1)]
    assert texts[0] == texts[1]
