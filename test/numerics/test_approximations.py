"""Ops that are `fast` are within one unit in the last place of the type in which they are stored, over all 65,536 numbers of that type.

The bound holds with what a GPU's instructions may be off by: each is tried at both ends of its documented error (PTX ISA, `ex2.approx.ftz`,
`rcp.approx.ftz` and `tanh.approx`).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from xdsl.dialects import math
from xdsl.dialects.builtin import bf16, f16, f32
from xdsl.ir import Attribute, Block

from trtc.dialects import kernel, nn
from trtc.dialects.dtypes import numpy_dtype
from trtc.dialects.kernel.scalars.numerics import approximate
from trtc.dialects.kernel.scalars.table import evaluate
from trtc.passes.kernels.building.approximations import APPROXIMATIONS
from trtc.passes.kernels.building.builder import Emitter
from trtc.passes.kernels.building.pointwise import scalar_form

sys.path.insert(0, str(Path(__file__).parent))
from exact_functions import EXACT

Array = np.ndarray[Any, Any]
ERRORS = {math.Exp2Op: 2.0**-22, kernel.ReciprocalOp: 2.0**-23, math.TanhOp: 2.0**-11}
"""Greatest relative errors of the instructions."""
DIVISOR = 7.0


CASES: dict[str, tuple[Callable[[Any], nn.NnOp], Callable[[Array], Array]]] = {
    "exp": (nn.ExpOp, EXACT["nn.exp"]),
    "tanh": (nn.TanhOp, EXACT["nn.tanh"]),
    "sigmoid": (nn.SigmoidOp, EXACT["nn.sigmoid"]),
    "silu": (nn.SiluOp, EXACT["nn.silu 1.0"]),
    "quick gelu": (lambda x: nn.SiluOp(x, 1.702), EXACT["nn.silu 1.702"]),
    "gelu": (nn.GeluOp, EXACT["nn.gelu none"]),
    "gelu by tanh": (
        lambda x: nn.GeluOp(x, "tanh"),
        EXACT["nn.gelu tanh"],
    ),
    "softplus": (nn.SoftplusOp, EXACT["nn.softplus"]),
    "mish": (nn.MishOp, EXACT["nn.mish"]),
    "quotient": (lambda x: nn.DivOp(x, nn.ConstantOp(np.array(DIVISOR, np.float32))), lambda x: x / DIVISOR),
}


def all_numbers(stored: Attribute) -> Array:
    return np.arange(1 << 16, dtype=np.uint16).view(numpy_dtype(stored))


def computed(make: Callable[[Any], nn.NnOp], stored: Attribute, x: Array, off: int) -> Array:
    """What the scalars of a fast op compute in f32; instructions are off by their greatest error, up or down."""
    op = make(Block(arg_types=[nn.tensor_type([1], f32)]).args[0])
    op.properties["fast"] = stored
    block = Block(arg_types=[f32])
    result = scalar_form(Emitter(block), op, [block.args[0], *op.operands[1:]])
    values: dict[Any, Any] = {block.args[0]: x.astype(np.float32)}
    with np.errstate(all="ignore"):
        for inner in block.ops:
            value = evaluate(inner, [values[v] for v in inner.operands])
            if isinstance(inner, kernel.ReciprocalOp) or approximate(inner):
                value = np.float32(value * (1 + off * ERRORS[type(inner)]))
            values[inner.results[0]] = value
    return values[result]


def units(stored: Attribute, got: Array, wanted: Array) -> Array:
    """The distance of results of a type from real numbers, in units in the last place of these; 0 where both are no finite numbers."""
    info = ml_dtypes.finfo(numpy_dtype(stored))
    with np.errstate(all="ignore"):
        exponent = np.floor(np.log2(np.maximum(np.abs(wanted), float(info.tiny))))
        distance = np.abs(got - wanted) / 2.0 ** (exponent - info.nmant)
    beyond = np.abs(wanted) > float(info.max)
    same = (np.isnan(got) & np.isnan(wanted)) | (got == wanted)
    at_the_end = beyond & (np.sign(got) == np.sign(wanted)) & (np.abs(got) >= float(info.max))
    return np.where(same | at_the_end, 0.0, np.where(np.isfinite(wanted) & ~beyond, distance, np.inf))


def test_every_approximation_is_measured() -> None:
    assert {type(make(Block(arg_types=[nn.tensor_type([1], f32)]).args[0])) for make, _ in CASES.values()} == {
        *APPROXIMATIONS,
        nn.DivOp,
    }


@pytest.mark.parametrize("off", [-1, 0, 1])
@pytest.mark.parametrize("stored", [f16, bf16], ids=str)
@pytest.mark.parametrize("name", CASES)
def test_within_one_unit_in_the_last_place(name: str, stored: Attribute, off: int) -> None:
    make, function = CASES[name]
    x = all_numbers(stored)
    with np.errstate(all="ignore"):
        got = computed(make, stored, x, off).astype(numpy_dtype(stored)).astype(np.float64)
        wanted = function(x.astype(np.float64))
    error = units(stored, got, wanted)
    worst = int(np.argmax(np.where(np.isnan(error), np.inf, error)))
    assert error[worst] <= 1, f"{name} of {x[worst]}: got {got[worst]}, expected {wanted[worst]}"


def test_units_notice_a_wrong_number() -> None:
    assert units(f16, np.array([1.0, 2.0, np.inf]), np.array([1 + 2.0**-9, 2.0, 1.0])).tolist() == [2, 0, np.inf]
