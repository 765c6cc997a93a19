"""A quantized network in float64, and how near its values come to a rounding tie: which inputs two implementations must agree on.

A quantize rounds to the nearest step. Where a value lies within float32's rounding error of the middle between two steps, a
sum taken in another order decides which, and one i8 step there moves the outputs by percents: both results are right, and
comparing them says nothing. With a million quantized values an inference such inputs are common. Perturbing the input does not
find them: the first quantize swallows the perturbation. So the network is evaluated in float64, and an input counts as *decided* when
every value that is quantized keeps a margin of several units in float32's last place to the nearest tie.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from xdsl.dialects.builtin import FunctionType, ModuleOp, TensorType, f32, f64
from xdsl.dialects.func import FuncOp
from xdsl.ir import SSAValue
from xdsl.rewriter import Rewriter

from trtc.compiler.interpret.module import io_names, main_function
from trtc.dialects import nn, quant
from trtc.dialects.meaning import run_module
from trtc.dialects.nn import element_of

Array = np.ndarray[Any, Any]
EPSILON = 2.0**-24
"""Largest relative error of one rounding to float32."""


@dataclass(frozen=True)
class Exact:
    """Outputs by ONNX name, and the least distance to a rounding tie in float32 roundings of the value (`EPSILON`)."""

    outputs: dict[str, Array]
    margin: float


def run_in_float64(module: ModuleOp, inputs: dict[str, Array]) -> Exact:
    """Execute an imported module (`nn` and `quant` ops in `@main`) with every f32 tensor as f64; the module stays as it is."""
    module = module.clone()
    main = main_function(module)
    for op in list(main.walk()):
        if isinstance(op, nn.ConstantOp) and element_of(op.result) == f32:
            array = nn.value_of(op.result, "a test")
            assert array is not None
            Rewriter.replace_op(op, nn.ConstantOp(array.astype(np.float64)))
    for value in (*main.body.block.args, *(result for op in main.walk() for result in op.results)):
        _widen(value)
    _update_type(main)
    scaled = {op.x: op for op in main.walk() if isinstance(op, quant.QuantizeOp)}
    margins = [np.inf]

    def see(value: SSAValue, array: Array) -> None:
        if value in scaled:
            margins.append(_margin(array, scaled[value]))

    names, outputs = io_names(module)
    arrays = [inputs[name].astype(np.float64) if inputs[name].dtype == np.float32 else inputs[name] for name in names]
    for argument, array in zip(main.body.block.args, arrays, strict=True):
        see(argument, array)
    results = run_module(module, arrays, on_result=lambda op, index, array: see(op.results[index], array))
    return Exact(dict(zip(outputs, results, strict=True)), min(margins))


def _margin(x: Array, op: quant.QuantizeOp) -> float:
    """The least distance of x / scale to a half, where it does not saturate anyway, in roundings of the value."""
    scale = nn.value_of(op.scale, "a test")
    assert scale is not None, "expected a constant scale"
    along = [-1 if op.axis is not None and axis == op.axis.value.data else 1 for axis in range(x.ndim)]
    steps = np.abs(x / scale.reshape(along if scale.size > 1 else [1] * x.ndim))
    steps = steps[steps < 128]
    distance = np.abs(steps - np.floor(steps) - 0.5)
    return float((distance / np.maximum(steps, 1.0)).min(initial=np.inf) / EPSILON)


def _update_type(func: FuncOp) -> None:
    block = func.body.block
    assert block.last_op is not None
    inputs, outputs = [value.type for value in block.args], [value.type for value in block.last_op.operands]
    func.properties["function_type"] = FunctionType.from_lists(inputs, outputs)


def _widen(value: SSAValue) -> None:
    if isinstance(value.type, TensorType) and element_of(value) == f32:
        Rewriter.replace_value_with_new_type(value, nn.with_element(value, f64))
