"""Run a module at any level on a CPU: tensor levels by the reference semantics of ops, memory levels launch by launch. At both, a group
that has kernels runs by them, on the simulator.

The entry point of `trtc-opt --run` and `--check-numerics`. Values are reported by the ONNX tensor names that they stand for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from xdsl.dialects.builtin import ArrayAttr, MemRefType, ModuleOp, StringAttr, TensorType
from xdsl.dialects.func import FuncOp
from xdsl.ir import Attribute, Operation

from ...dialects.buffer import argument_dims
from ...dialects.dtypes import is_float, numpy_dtype
from ...dialects.errors import InvalidModelError, OptionError
from ...dialects.meaning import Perturb
from ...dialects.nn.base import shape_of, symbol_ranges
from ...dialects.provenance import get_names, join_names
from .kernels import kernel_calls

Array = np.ndarray[Any, np.dtype[Any]]
OnValue = Callable[[str, Array, Operation], None]
"""Called with the ONNX name of a value, its array and the op that computed it, each time one is computed."""


def main_function(module: ModuleOp) -> FuncOp:
    """`@main` of a module; raises `InvalidModelError` where there is none."""
    for op in module.body.block.ops:
        if isinstance(op, FuncOp) and op.sym_name.data == "main":
            return op
    raise InvalidModelError("the module has no function @main to execute: expected func.func @main")


def level(module: ModuleOp) -> str:
    """`memory` where `@main` is a host function over memrefs, else `tensor`."""
    inputs = main_function(module).function_type.inputs.data
    if any(isinstance(type_, MemRefType) for type_ in inputs):
        return "memory"
    return "tensor"


def io_names(module: ModuleOp) -> tuple[list[str], list[str]]:
    """The ONNX names of inputs and outputs; numbered (`input0`, `output0`) in modules without names."""
    main = main_function(module)
    inputs = _strings(main, "nn.inputs")
    outputs = _strings(main, "nn.outputs")
    arguments, results = main.function_type.inputs.data, main.function_type.outputs.data
    if not outputs:
        count = len(results) if level(module) == "tensor" else len(arguments) - len(inputs)
        outputs = [f"output{index}" for index in range(count)]
    if not inputs:
        count = len(arguments) if level(module) == "tensor" else len(arguments) - len(outputs)
        inputs = [f"input{index}" for index in range(count)]
    return inputs, outputs


def _strings(op: Operation, name: str) -> list[str]:
    attribute = op.attributes.get(name)
    return (
        [item.data for item in attribute.data if isinstance(item, StringAttr)]
        if isinstance(attribute, ArrayAttr)
        else []
    )


def execute(
    module: ModuleOp,
    inputs: Mapping[str, Array],
    on_value: OnValue | None = None,
    perturb: Perturb | None = None,
    *,
    references: bool = False,
) -> dict[str, Array]:
    """The outputs of `@main` by ONNX name. `on_value` is called with every named intermediate value; `perturb` may change the results of
    each op and kernel before they are used.

    With `references` groups that have kernels compute by their reference functions instead: a result that is wrong then is not the kernels'
    fault.

    At tensor level every value with an `nn.names` entry is reported; at memory level every buffer that a launch wrote.
    Raises `InvalidModelError` for a missing input, `SimulationError` where the simulator finds a defect of a kernel.
    """
    names, output_names = io_names(module)
    missing = [name for name in names if name not in inputs]
    if missing:
        raise InvalidModelError(
            f"inputs of @main: expected {join_names(names)}, but {join_names(missing)} is not given"
        )
    if level(module) == "memory":
        return _execute_memory(module, {name: inputs[name] for name in names}, on_value, perturb, references)
    return _execute_tensors(module, [inputs[name] for name in names], output_names, on_value, perturb, references)


def _execute_tensors(
    module: ModuleOp,
    inputs: list[Array],
    output_names: list[str],
    on_value: OnValue | None,
    perturb: Perturb | None,
    references: bool,
) -> dict[str, Array]:
    from ...dialects.meaning import run_module

    def report(op: Operation, index: int, array: Array) -> None:
        if on_value is not None and (name := get_names(op)[index]):
            on_value(name, array, op)

    calls = None if references else kernel_calls(module)
    results = run_module(module, inputs, on_result=report, perturb=perturb, calls=calls)
    return dict(zip(output_names, results, strict=True))


def _execute_memory(
    module: ModuleOp, inputs: dict[str, Array], on_value: OnValue | None, perturb: Perturb | None, references: bool
) -> dict[str, Array]:
    from .host import run_host

    def report(op: Operation, names: Sequence[str], arrays: Sequence[Array]) -> None:
        for name, array in zip(names, arrays, strict=True):
            if on_value is not None and name:
                on_value(name, array, op)

    return run_host(module, inputs, report, perturb, references=references)


def input_shapes(
    module: ModuleOp, symbols: Mapping[str, int] | None = None
) -> dict[str, tuple[tuple[int, ...], Attribute]]:
    """Shape and element type of each input by name; symbols take the given value, else the `opt` of their range.

    Raises `OptionError` naming the symbols that have neither.
    """
    env = {name: opt for name, (_, opt, _) in symbol_ranges(module).items()} | dict(symbols or {})
    main = main_function(module)
    arguments = main.function_type.inputs.data
    listed = argument_dims(main)
    shapes: dict[str, tuple[tuple[int, ...], Attribute]] = {}
    for index, name in enumerate(io_names(module)[0]):
        type_ = arguments[index]
        if not isinstance(type_, TensorType | MemRefType):
            raise InvalidModelError(f"input {name} of @main: expected a tensor or memref, got {type_}")
        dims = listed[index] if index < len(listed) else shape_of(type_)
        unknown = sorted({symbol for dim in dims for symbol in dim.symbols()} - set(env))
        if unknown:
            raise OptionError(
                f"input {name} has dimensions without a value: {join_names(unknown)}; give them with --profile {unknown[0]}=8"
            )
        shapes[name] = (tuple(dim.evaluate(env) for dim in dims), type_.get_element_type())
    return shapes


def random_inputs(module: ModuleOp, seed: int = 0, symbols: Mapping[str, int] | None = None) -> dict[str, Array]:
    """Seeded inputs for `@main`: standard normal for floats, the whole range for i8, 0 or 1 for other integers and booleans.

    Wider integers are most often masks, types and indices, for which 0 and 1 are in range whatever the table's size.
    """
    generator = np.random.default_rng(seed)
    inputs: dict[str, Array] = {}
    for name, (shape, element_type) in input_shapes(module, symbols).items():
        dtype = numpy_dtype(element_type)
        if is_float(element_type):
            inputs[name] = generator.standard_normal(shape).astype(dtype)
        elif dtype == np.int8:
            inputs[name] = generator.integers(-128, 128, shape).astype(dtype)
        else:
            inputs[name] = generator.integers(0, 2, shape).astype(dtype)
    return inputs
