"""A node of ONNX makes the same numbers of constants, where it is folded, as of inputs, where it runs: every operator of the tables
in several element types.

Rows that make several ops of `nn` are what this is about: a fused kernel rounds to f16 or bf16 only where it stores, so such a row
has to ask for f32 in between. Operands are large enough for their squares and exponentials to leave f16's range.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from onnx import ModelProto, helper, numpy_helper
from xdsl.context import Context

import trtc
from trtc.compiler.frontend import import_onnx
from trtc.dialects.errors import TrtcError
from trtc.dialects.meaning import run_module
from trtc.passes.graph.fold_constants import FoldConstantsPass

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[2] / "models"))
import default_cases
import where
from default_cases import Case, Const
from models.random import graphs
from special_values import Array, same

pytest.importorskip("cupy", reason="NVRTC comes with CuPy")

OPSET = 22
TYPES = {
    "f32": np.dtype(np.float32),
    "f16": np.dtype(np.float16),
    "bf16": np.dtype(ml_dtypes.bfloat16),
    "i32": np.dtype(np.int32),
}
SUMS = {
    "BatchNormalization", "Col2Im", "Conv", "ConvTranspose", "CumSum", "DFT", "Einsum", "Gemm", "GroupNormalization", "GRU",
    "InstanceNormalization", "LayerNormalization", "LogSoftmax", "LpNormalization", "LSTM", "MatMul", "MeanVarianceNormalization",
    "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMean", "ReduceSum", "ReduceSumSquare", "RMSNormalization",
    "RNN", "RoiAlign", "Softmax", "STFT",
}  # fmt: skip
"""In f32 the order of their additions shows, in f16 and bf16, whose sums are f32, it does not."""
FAST = {"Exp", "Gelu", "Mish", "Sigmoid", "Softplus", "Swish", "Tanh"}
"""What kernels may approximate within one unit in the last place of f16 or bf16."""
ATTRIBUTES: dict[str, list[dict[str, Any]]] = {
    "Gemm": [{"alpha": 0.3, "beta": 1.7}, {"beta": 0.0}],
    "Gelu": [{"approximate": "tanh"}],
    "LpNormalization": [{"p": 1}],
    "AveragePool": [{"count_include_pad": 1, "pads": [1, 1, 1, 1]}],
    "CumSum": [{"reverse": 1}],
}
"""What makes a row take another way."""
QUANT = ("quant.quantize", "quant.dequantize")


def as_type(operand: Array | Const | None, dtype: np.dtype[Any]) -> Array | Const | None:
    """An operand of floats in another type: data larger by 30, what the model holds as it is."""
    if isinstance(operand, Const):
        return Const(operand.array.astype(dtype)) if operand.array.dtype == np.float32 else operand
    return operand if operand is None or operand.dtype != np.float32 else (operand * np.float32(30)).astype(dtype)


def cases(dtype: np.dtype[Any]) -> Iterator[Case]:
    """Each operator at its newest version, in the types that trtc imports."""
    newest = {(case.domain, case.op): case for case in default_cases.cases() if case.opset <= OPSET}
    for case in newest.values():
        if case.op in ("Upsample", "Resize"):  # their scales are f32 whatever the data is
            continue
        with np.errstate(all="ignore"):
            operands = [as_type(operand, dtype) for operand in case.form.operands]
        for attributes in ({}, *ATTRIBUTES.get(case.op, [])):
            form = replace(case.form, operands=operands, attributes={**case.form.attributes, **attributes})
            chosen = replace(case, form=form)
            try:
                import_onnx(chosen.model())
            except TrtcError:
                continue  # not defined on this type
            yield chosen


def merged(cases: list[Case], *, constant: bool) -> ModelProto:
    """One model of the nodes of all cases, on inputs, or on initializers alone."""
    nodes, inputs, held, outputs = [], [], [], []
    for number, case in enumerate(cases):
        names = ["" if operand is None else f"x{number}_{i}" for i, operand in enumerate(case.form.operands)]
        for name, operand in zip(names, case.form.operands, strict=True):
            if isinstance(operand, Const) or (constant and operand is not None):
                held.append(numpy_helper.from_array(operand.array if isinstance(operand, Const) else operand, name))
            elif operand is not None:
                code = helper.np_dtype_to_tensor_dtype(operand.dtype)
                inputs.append(helper.make_tensor_value_info(name, code, operand.shape))
        results = [f"y{number}_{index}" for index in range(case.form.results)]
        nodes.append(helper.make_node(case.op, names, results, domain=case.domain, **case.form.attributes))
        outputs += [helper.make_empty_tensor_value_info(name) for name in results]
    model = graphs.make_model(helper.make_graph(nodes, "g", inputs, outputs, held), OPSET)
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    return model


def folded(model: ModelProto) -> list[Array]:
    module = import_onnx(model)
    FoldConstantsPass().apply(Context(), module)
    left = {op.name for op in module.walk() if op.operands} - {"func.return", *QUANT}
    assert not left, f"not folded: {left}"
    return run_module(module, [])


def ran(model: ModelProto, cases: list[Case]) -> list[Array]:
    (target,) = where.targets("sm_80")
    engine = trtc.build(model, trtc.BuildOptions(target=target, verify_each=False))
    inputs = {
        f"x{number}_{i}": operand
        for number, case in enumerate(cases)
        for i, operand in enumerate(case.form.operands)
        if isinstance(operand, np.ndarray)
    }
    return [np.asarray(y) for y in engine.create_context(where.DEVICE, poison=True).run(inputs).values()]


def agree(case: Case, got: Array, want: Array) -> Array:
    """Where two results are the same, or differ by the order of additions, or on a GPU by transcendental functions."""
    if case.op in FAST and want.dtype.itemsize == 2 and where.DEVICE == "simulator":
        wanted = want.astype(np.float64)
        unit = float(ml_dtypes.finfo(want.dtype).eps) * np.abs(wanted)
        with np.errstate(all="ignore"):
            return same(got, want) | (np.isfinite(wanted) & (np.abs(got.astype(np.float64) - wanted) <= unit))
    if want.dtype.kind in "biu" or (where.DEVICE == "simulator" and not (case.op in SUMS and want.dtype == np.float32)):
        return same(got, want)
    a, b = got.astype(np.float64), want.astype(np.float64)
    finite = np.isfinite(b)
    size = np.maximum(
        np.abs(b), 0.1 * np.abs(b[finite]).max(initial=0.0)
    )  # what sums cancel to is as imprecise as they were
    with np.errstate(all="ignore"):
        limit = 16 * float(np.finfo(np.float32).eps) + float(ml_dtypes.finfo(want.dtype).eps)
        return same(got, want) | (finite & (np.abs(a - b) <= limit * size))


@pytest.mark.parametrize("kind", TYPES)
def test_folding_and_running_agree(kind: str) -> None:
    chosen = list(cases(TYPES[kind]))
    assert len(chosen) > (60 if kind != "i32" else 30)
    want = folded(merged(chosen, constant=True))
    got = ran(merged(chosen, constant=False), chosen)
    owners = [case for case in chosen for _ in range(case.form.results)]
    wrong: list[str] = []
    for case, a, b in zip(owners, got, want, strict=True):
        for at in np.argwhere(~agree(case, a, b))[:1]:
            place = tuple(at.tolist())
            wrong.append(f"{case} {case.form.attributes}: at {place} ran {a[place]}, folded {b[place]}")
    assert not wrong, "\n".join(wrong)
