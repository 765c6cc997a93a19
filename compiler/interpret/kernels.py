"""Computes groups by their kernels, on the simulator, in a module that is still one of tensors (after `lower-groups`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, cast

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp

from ...dialects import kernel
from ...dialects.dtypes import numpy_dtype
from ...dialects.kernel.marks import launches_of
from ...dialects.kernel.types import GlobalType
from ...dialects.meaning.execute import Calls
from ...passes.kernels.threads.placed import is_lowered

Array = np.ndarray[Any, np.dtype[Any]]


def kernel_calls(module: ModuleOp) -> Calls:
    """A function that runs the kernels of a group in place of its ops."""
    kernels = {op.sym_name.data: op for op in module.body.block.ops if isinstance(op, kernel.FuncOp)}

    def call(function: FuncOp, operands: Sequence[Array], symbols: Mapping[str, int]) -> list[Array] | None:
        launches = [kernels[name] for name in launches_of(function)]
        if not launches:
            return None
        from ...runtime.simulator import run_kernel

        tensors = [_Tensor(cast(GlobalType, tensor.type), symbols) for tensor in launches[0].tensors]
        for tensor, operand in zip(tensors, operands, strict=False):
            tensor.array[...] = operand
        for launch in launches:
            run_kernel(launch, [tensor.flat for tensor in tensors], symbols, mode=kernel_mode(launch))
        results = tensors[len(operands) :][: len(function.function_type.outputs)]
        return [tensor.array.copy() for tensor in results]  # ascontiguousarray would give a scalar a dim

    return call


class _Tensor:
    """The poisoned memory of a kernel's tensor, as `flat` elements and as an `array` of its shape."""

    def __init__(self, type_: GlobalType, symbols: Mapping[str, int]):
        from ...runtime.simulator.views import poison

        dtype = numpy_dtype(type_.element_type)
        shape = tuple(extent.evaluate(symbols) for extent in type_.dims.exprs)
        strides = tuple(stride.evaluate(symbols) for stride in type_.strides.exprs)
        reach = sum((extent - 1) * stride for extent, stride in zip(shape, strides, strict=True))
        self.flat = np.full(0 if 0 in shape else 1 + reach, poison(dtype), dtype)
        self.array = np.lib.stride_tricks.as_strided(self.flat, shape, [s * dtype.itemsize for s in strides])


def kernel_mode(function: kernel.FuncOp) -> Literal["tile", "thread"]:
    """`thread` for a kernel that `lower-fragments` has lowered, else `tile`."""
    return "thread" if is_lowered(function) else "tile"
