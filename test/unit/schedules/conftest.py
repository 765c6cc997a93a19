"""`check_group`: a group as text, through a schedule and the simulator, against its meaning."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.parser import Parser

from trtc.compiler.pipeline import run_phase
from trtc.compiler.universe import make_context
from trtc.dialects import nn
from trtc.dialects.dtypes import numpy_dtype
from trtc.dialects.kernel.types import Choice
from trtc.dialects.meaning import run_function
from trtc.passes.kernels.building.group import GroupView
from trtc.passes.kernels.building.schedule import Refusal, choice_of, target_of
from trtc.passes.kernels.lower_groups import lower
from trtc.passes.kernels.schedules.registry import schedule
from trtc.passes.kernels.select_schedule import CHOICE, TARGET, outlined
from trtc.runtime.simulator import run_kernel

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[2] / "numerics"))
from gpu_kernel import run_on_gpu
from special_values import same

TOLERANCE = {"float64": 1e-6, "float32": 2e-6, "float16": 2e-3, "bfloat16": 1e-2}
"""Relative error of norms for one kernel; f16 and bf16 round once at the end."""


def random_array(rng: np.random.Generator, shape: Sequence[int], dtype: np.dtype[Any], high: int = 100) -> np.ndarray:
    """Normal floats, integers in [-high, high), random booleans."""
    if dtype.kind == "b":
        return rng.random(shape) < 0.5
    if dtype.kind == "i":
        return rng.integers(-high, high, shape).astype(dtype)
    return rng.standard_normal(shape).astype(np.float32).astype(dtype)


def strided(array: np.ndarray, strides: Sequence[int]) -> np.ndarray:
    """The flat memory of an array with these strides; what lies between is poison."""
    size = 1 + sum((d - 1) * s for d, s in zip(array.shape, strides, strict=True))
    flat = np.full(size, 0x7F, np.uint8).repeat(array.dtype.itemsize).view(array.dtype)
    places(flat, array.shape, strides)[...] = array
    return flat


def places(flat: np.ndarray, shape: Sequence[int], strides: Sequence[int]) -> np.ndarray:
    """The elements of a tensor in its flat memory."""
    return np.lib.stride_tricks.as_strided(flat, shape, [s * flat.dtype.itemsize for s in strides])


def difference(got: np.ndarray, want: np.ndarray) -> float:
    """Relative error of norms; infinite where not-numbers or infinities differ."""
    a, b = got.astype(np.float64), want.astype(np.float64)
    if not np.array_equal(np.isfinite(a), np.isfinite(b)) or not np.array_equal(
        a[~np.isfinite(a)], b[~np.isfinite(b)], equal_nan=True
    ):
        return float("inf")
    a, b = np.where(np.isfinite(a), a, 0), np.where(np.isfinite(b), b, 0)
    return float(np.linalg.norm(a - b) / max(float(np.linalg.norm(b)), 1e-30))


def run_group(
    func: FuncOp, choice: Choice, inputs: Sequence[np.ndarray], symbols: Mapping[str, int], mode: str
) -> list[np.ndarray]:
    """The results of a group's kernels for one choice."""
    group = GroupView.of(func)
    func.attributes[CHOICE] = choice
    assert group.module is not None
    target = group.module.attributes.get(TARGET)
    kernels = lower(func, target)
    module = ModuleOp(kernels, dict(group.module.attributes))
    module.verify()
    strides = [[e.evaluate(symbols) for e in group.strides(i)] for i in range(len(group.tensors))]
    outputs = [
        np.full([d.evaluate(symbols) for d in nn.shape_of(r)], 0x55, numpy_dtype(nn.element_of(r)))
        for r in group.results
    ]
    arrays = [strided(a, s) for a, s in zip([*inputs, *outputs], strides, strict=True)]
    for t in choice.workspace:
        arrays.append(np.full(prod(d.evaluate(symbols) for d in t.dims.exprs), 0x55, numpy_dtype(t.element_type)))
    if mode in ("thread", "gpu"):
        run_phase(module, "threads")
        module.verify()
    for made in kernels:
        if mode == "gpu":
            run_on_gpu(made, arrays, symbols)
        else:
            run_kernel(made, arrays, symbols, mode="thread" if mode == "thread" else "tile")
    first = len(inputs)
    return [places(arrays[first + i], o.shape, strides[first + i]) for i, o in enumerate(outputs)]


def modes(first: bool) -> Sequence[str]:
    """Where a choice runs: in the simulator, the first one also thread by thread; on the GPU where $TRTC_TEST_GPU asks for it."""
    if os.environ.get("TRTC_TEST_GPU"):
        return ("gpu",)
    return ("tile", "thread") if first else ("tile",)


@pytest.fixture
def check_group() -> Callable[..., list[Choice]]:
    """
    `check_group(text, schedule=..., N=3)`: parses a module with one outlined group, runs it with random operands for every candidate of the
    schedule, in tile mode (and the first one in thread mode), and compares with its meaning, bit for bit where `exact`. Keyword
    arguments bind dim symbols.
    """

    def check(
        text: str,
        schedule_name: str,
        *,
        inputs: Mapping[int, np.ndarray] | None = None,
        seed: int = 0,
        tolerance: float | None = None,
        threads: bool = True,
        high: int = 100,
        tunables: Mapping[str, int] | None = None,
        exact: bool = False,
        **symbols: int,
    ) -> list[Choice]:
        module = Parser(make_context(), text).parse_module()
        module.verify()
        (func,) = outlined(module)
        target = module.attributes.get(TARGET)
        found = schedule(schedule_name)
        problem = found.match(GroupView.of(func), target_of(target))
        assert not isinstance(problem, Refusal), problem
        rng = np.random.default_rng(seed)
        operands = [
            random_array(rng, [d.evaluate(symbols) for d in nn.shape_of(t)], numpy_dtype(nn.element_of(t)), high)
            for t in func.function_type.inputs.data
        ]
        for index, array in (inputs or {}).items():
            operands[index] = array
        want = run_function(func, operands, env=symbols)
        choices = found.configs(problem, target_of(target))
        assert choices
        if tunables is not None:
            choices = [choice_of(found, problem, {**choices[0].values, **tunables})]
        for number, choice in enumerate(choices):
            for mode in modes(number == 0 and threads):
                got = run_group(func, choice, operands, symbols, mode)
                for a, b in zip(got, want, strict=True):
                    assert a.shape == b.shape and a.dtype == b.dtype
                    if exact:
                        places = np.argwhere(~same(a, b))
                        assert not places.size, (
                            f"{mode} {choice}: at {places[0]} got {a[*places[0]]}, want {b[*places[0]]}"
                        )
                        continue
                    if a.dtype.kind in "bi":
                        np.testing.assert_array_equal(a, b, err_msg=f"{mode} {choice}")
                        continue
                    limit = tolerance or TOLERANCE[str(a.dtype)]
                    assert difference(a, b) <= limit, f"{mode} {choice}: {difference(a, b)} > {limit}"
        return choices

    return check


@pytest.fixture
def computed() -> Callable[..., list[list[np.ndarray]]]:
    """`computed(text, schedule, inputs)`: what each candidate computes, tile by tile and thread by thread; for what has no meaning."""

    def compute(text: str, schedule_name: str, inputs: Sequence[np.ndarray]) -> list[list[np.ndarray]]:
        module = Parser(make_context(), text).parse_module()
        (func,) = outlined(module)
        found, target = schedule(schedule_name), target_of(module.attributes.get(TARGET))
        choices = found.configs(found.match(GroupView.of(func), target), target)
        return [run_group(func, choice, inputs, {}, mode) for choice in choices for mode in modes(True)]

    return compute


@pytest.fixture
def refusal() -> Callable[[str, str], str]:
    """`refusal(text, schedule)`: why the schedule refuses the group; fails if it does not."""

    def refuse(text: str, schedule_name: str) -> str:
        module = Parser(make_context(), text).parse_module()
        (func,) = outlined(module)
        refusal = schedule(schedule_name).match(GroupView.of(func), target_of(module.attributes.get(TARGET)))
        assert isinstance(refusal, Refusal)
        return refusal.why

    return refuse
