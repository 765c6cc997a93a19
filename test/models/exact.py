"""A module evaluated in float64: what its network computes in exact arithmetic, for judging which of two float32 results moved."""

from __future__ import annotations

import numpy as np
from xdsl.dialects.builtin import FunctionType, ModuleOp, TensorType, f32, f64
from xdsl.dialects.func import FuncOp
from xdsl.ir import SSAValue
from xdsl.rewriter import Rewriter

from trtc.compiler.execute import execute
from trtc.dialects import nn
from trtc.dialects.nn import element_of


def run_in_float64(module: ModuleOp, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The outputs of an imported module (`nn` and `quant` ops in `@main`) with every f32 tensor as f64. Changes the module."""
    for func in module.walk():
        if not isinstance(func, FuncOp):
            continue
        for op in list(func.walk()):
            if isinstance(op, nn.ConstantOp) and element_of(op.result) == f32:
                array = nn.constant_of(op.result)
                assert array is not None
                Rewriter.replace_op(op, nn.ConstantOp(array.astype(np.float64)))
        for value in (*func.body.block.args, *(result for op in func.walk() for result in op.results)):
            _widen(value)
        types = [value.type for value in func.body.block.args], [v.type for v in func.body.block.last_op.operands]  # type: ignore[union-attr]
        func.properties["function_type"] = FunctionType.from_lists(*types)
    wide = {name: array.astype(np.float64) if array.dtype == np.float32 else array for name, array in inputs.items()}
    return execute(module, wide)


def _widen(value: SSAValue) -> None:
    if isinstance(value.type, TensorType) and element_of(value) == f32:
        Rewriter.replace_value_with_new_type(value, nn.with_element(value, f64))
