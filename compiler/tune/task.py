"""
A group alone, to be built and run with one candidate after the other: its function in a module of its own, inputs, and what it computes.

The reference is what the group's ops mean (`dialects/meaning/`), with all float arithmetic in float64. Memory is laid out as the group's
layouts say, and what no operand fills is poisoned, so that an element that a kernel does not write, or one that it writes between the
rows of a result, is found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import numpy as np
from xdsl.dialects.builtin import FunctionType, ModuleOp, bf16, f16, f32, f64
from xdsl.dialects.func import FuncOp
from xdsl.ir import SSAValue

from ...dialects import nn
from ...dialects.dtypes import i8, is_float, numpy_dtype, ui8
from ...dialects.kernel.types import CHOICE, Choice, GlobalType, Target
from ...dialects.meaning import run_function
from ...dialects.nn.linear import MathAttr
from ...passes.kernels.building.group import GroupView
from ...passes.kernels.schedules.choosing import Contest
from ...passes.kernels.schedules.competition import Candidate
from .signatures import signature

TARGET = "kernel.target"
STRICT, NARROW = 1e-4, 1e-2
"""Largest relative error of norms, of groups that compute in f32 or wider, and of those that store or multiply narrower floats."""
_ELEMENT = 10
"""Times that error, relative to the root mean square, is the largest error of one element."""
_WIDENED = (f16, bf16, f32)

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Tensor:
    """Memory of a kernel's tensor: `flat` elements, which `array` shows in the tensor's shape."""

    flat: Array
    array: Array

    @classmethod
    def poisoned(cls, type_: GlobalType, symbols: dict[str, int]) -> Tensor:
        """Undefined memory: NaN, or the bytes 0xA5 where there is none."""
        dtype = numpy_dtype(type_.element_type)
        shape = tuple(extent.evaluate(symbols) for extent in type_.dims.exprs)
        strides = tuple(stride.evaluate(symbols) for stride in type_.strides.exprs)
        reach = sum((extent - 1) * stride for extent, stride in zip(shape, strides, strict=True))
        flat = np.frombuffer(bytearray(b"\xa5" * (dtype.itemsize * (0 if 0 in shape else 1 + reach))), np.uint8).view(
            dtype
        )
        if is_float(type_.element_type):
            flat.fill(np.nan)
        array = np.lib.stride_tricks.as_strided(flat, shape, [s * dtype.itemsize for s in strides])
        return cls(flat, array)

    def between(self) -> bytes:
        """The bytes of the elements that are not the tensor's: those between its rows."""
        outside = np.ones(self.flat.shape, np.bool_)
        np.lib.stride_tricks.as_strided(
            outside, self.array.shape, [s // self.flat.itemsize for s in self.array.strides]
        )[...] = False
        return self.flat[outside].tobytes()


@dataclass(frozen=True)
class Task:
    """A group alone, with the candidates to try."""

    signature: str
    func: FuncOp
    """The group's function, in a module of its own that has the symbols and the target."""
    target: Target
    candidates: tuple[Candidate, ...]
    """In order of preference where times are near: the winner by price, then by rising price."""

    @classmethod
    def of(cls, contest: Contest, target: Target, candidates: Sequence[Candidate]) -> Task:
        """The task of a contest."""
        func = contest.func.clone()
        module = ModuleOp([func])
        nn.set_symbol_ranges(module, contest.view.ranges)
        module.attributes[TARGET] = target
        return cls(signature(contest.view, target), func, target, tuple(candidates))

    def chosen(self, choice: Choice) -> ModuleOp:
        """A copy of the module, whose group has a choice."""
        module = cast(ModuleOp, self.func.parent_op()).clone()
        (func,) = module.body.block.ops
        func.attributes[CHOICE] = choice
        return module

    @cached_property
    def view(self) -> GroupView:
        return GroupView.of(self.func)

    @property
    def symbols(self) -> dict[str, int]:
        """The symbols at their usual sizes."""
        return {name: usual for name, (_, usual, _) in self.view.ranges.items()}

    def inputs(self, rng: np.random.Generator) -> list[Array]:
        """Random operands at the usual sizes: floats of a normal distribution, bytes of any value, other integers 0 or 1, which are indices
        of any dim. Elements that share memory, which a stride of 0 gives them, are equal."""
        made: list[Array] = []
        for value, type_ in zip(self.view.operands, self.view.global_types(), strict=False):
            element = nn.element_of(value)
            shape, dtype = [d.evaluate(self.symbols) for d in nn.shape_of(value)], numpy_dtype(element)
            if is_float(element):
                numbers = rng.standard_normal(shape)
            elif element in (i8, ui8):
                numbers = rng.integers(np.iinfo(dtype).min, np.iinfo(dtype).max, shape, endpoint=True)
            else:
                numbers = rng.integers(0, 2, shape)
            held = Tensor.poisoned(type_, self.symbols).array
            held[...] = np.asarray(numbers).astype(dtype)
            made.append(held.copy())
        return made

    def tensors(self, choice: Choice, inputs: Sequence[Array]) -> list[Tensor]:
        """The memory of a launch: the operands, then the results and the workspace of the choice, which are poisoned."""
        types = [*self.view.global_types(), *choice.workspace]
        tensors = [Tensor.poisoned(type_, self.symbols) for type_ in types]
        for tensor, operand in zip(tensors, inputs, strict=False):
            tensor.array[...] = operand
        return tensors

    def results(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """Those of the memory that are results."""
        return list(tensors[len(self.view.operands) : len(self.view.tensors)])

    def reference(self, inputs: Sequence[Array]) -> list[Array]:
        """What the group computes, floats in float64."""
        func = widened(self.func)
        types = [numpy_dtype(nn.element_of(value)) for value in func.body.block.args]
        given = [operand.astype(dtype) for operand, dtype in zip(inputs, types, strict=True)]
        return run_function(func, given, env=self.symbols)

    @cached_property
    def tolerance(self) -> float:
        """The largest relative error of norms."""
        values = (*self.view.operands, *(result for op in self.view.ops for result in op.results))
        multiplies = any(isinstance(a, MathAttr) for op in self.view.ops for a in op.properties.values())
        narrow = any(is_float(e) and e not in (f32, f64) for e in map(nn.element_of, values))
        return NARROW if narrow or multiplies else STRICT

    def refuse(self, results: Sequence[Tensor], expected: Sequence[Array]) -> str | None:
        """Why results are wrong, or None. Integers that quantize may be one step off where the reference rounds a tie."""
        quantizes = any(op.name.startswith("quant.") for op in self.view.ops)
        for number, (tensor, want) in enumerate(zip(results, expected, strict=True)):
            if (reason := _differ(tensor.array, want, self.tolerance, quantizes)) is not None:
                return f"result {number}: {reason}"
        return None


def widened(func: FuncOp) -> FuncOp:
    """A copy of a function that computes floats in float64: it rounds only where an op says that it multiplies narrower operands."""
    copy = func.clone()
    block = copy.body.block
    for op in block.ops:
        if isinstance(op, nn.ConstantOp) and nn.element_of(op.result) in _WIDENED:
            op.properties["value"] = nn.constant_attribute(op.array().astype(np.float64))
    for value in (*block.args, *(result for op in block.walk() for result in op.results)):
        _widen(value)
    last = block.last_op
    assert last is not None
    copy.function_type = FunctionType.from_lists([a.type for a in block.args], [v.type for v in last.operands])
    return copy


def _widen(value: SSAValue) -> None:
    tensor = nn.as_tensor(value)
    if tensor.element_type in _WIDENED:
        value._type = type(tensor)(f64, tensor.get_shape(), tensor.encoding)  # pyright: ignore[reportPrivateUsage]


def _differ(got: Array, want: Array, tolerance: float, quantizes: bool) -> str | None:
    """How a result differs from its reference by more than it may, or None."""
    if got.dtype.kind == "b" or (got.dtype.kind in "iu" and not quantizes):
        wrong = int((got != want).sum())
        return f"{wrong} of {want.size} elements are not what they should be" if wrong else None
    if not want.size:
        return None
    with np.errstate(all="ignore"):
        a, b = got.astype(np.float64), want.astype(got.dtype).astype(np.float64)
    finite = np.isfinite(b)
    wrong = int((np.isfinite(a) != finite).sum() + (np.isnan(a) != np.isnan(b)).sum())
    if wrong:
        return f"{wrong} of {want.size} elements are not finite, or should not be"
    a, b = a[finite], want.astype(np.float64)[finite]
    step = 1.0 if got.dtype.kind in "iu" else 0.0
    off = np.maximum(np.abs(a - b) - step, 0)
    error = float(np.linalg.norm(off) / max(float(np.linalg.norm(b)), np.finfo(np.float64).tiny))
    if error > tolerance:
        return f"relative error {error:.2g}, expected at most {tolerance:g}"
    largest = float((off / (np.sqrt(np.mean(b * b)) + np.abs(b) + np.finfo(np.float64).tiny)).max(initial=0))
    if largest > _ELEMENT * tolerance:
        return f"an element is off by {largest:.2g} of the root mean square, expected at most {_ELEMENT * tolerance:g}"
    return None
