"""The index sums of `lower-fragments` against plain integers."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from xdsl.dialects import arith
from xdsl.dialects.builtin import IntegerAttr
from xdsl.ir import Block, Operation, SSAValue

from trtc.dialects.kernel.layouts import Layout, swizzled
from trtc.passes.kernels.threads.context import register_of_row
from trtc.passes.kernels.threads.emitter import Emitter, Ix

sys.path.insert(0, str(Path(__file__).parent))
from kernel_maker import IDS, LAYOUTS, index

MEANING: dict[type[Operation], Callable[[int, int], int]] = {
    arith.AddiOp: lambda x, y: x + y,
    arith.SubiOp: lambda x, y: x - y,
    arith.MuliOp: lambda x, y: x * y,
    arith.DivUIOp: lambda x, y: x % 2**32 // y,
    arith.RemUIOp: lambda x, y: x % 2**32 % y,
    arith.XOrIOp: lambda x, y: x ^ y,
    arith.MinSIOp: min,
    arith.MaxSIOp: max,
}


def evaluate(em: Emitter, x: Ix, given: dict[SSAValue, int]) -> int:
    """What the ops that an index sum makes compute; checks the range and the divisor that the sum claims."""
    values = dict(given)
    result = em.value(x)
    for op in em.scopes[0].block.ops:
        if isinstance(op, arith.ConstantOp):
            assert isinstance(op.value, IntegerAttr)
            values[op.result] = op.value.value.data
        else:
            values[op.results[0]] = MEANING[type(op)](*(values[o] for o in op.operands))
    got = values[result]
    assert (x.lo is None or x.lo <= got) and (x.hi is None or got <= x.hi)
    assert got == 0 if x.multiple == 0 else got % x.multiple == 0
    return got


def atoms(*bounds: tuple[int | None, int | None, int]) -> tuple[Emitter, list[SSAValue], list[Ix]]:
    """An emitter and one index value for each (least, greatest, divisor)."""
    block = Block(arg_types=[index] * len(bounds))
    em = Emitter(block)
    return em, list(block.args), [em.atom(v, *b) for v, b in zip(block.args, bounds, strict=True)]


@pytest.mark.parametrize(
    "formula",
    [
        lambda a, b: (a * 8 + b) // 8,
        lambda a, b: (a * 8 + b) % 8,
        lambda a, b: (a * 12 + b + 5) // 8,
        lambda a, b: (a * 12 + b + 5) % 8,
        lambda a, b: (a * 128 - b + 64) // 32 * 3 + a,
        lambda a, b: (a * 4 + b) // 16 % 3,
        lambda a, b: (a * 64 + b * 8) ^ (a % 8 * 8),
        lambda a, b: (b + 16) ^ (a % 8),
        lambda a, b: (a * b + 3) * 4 // 2,
        lambda a, b: (a + 1) * (b + 2) % 7,
        lambda a, b: swizzled(a * 128 + b * 16, 128),
        lambda a, b: swizzled(a * 64 + b * 2, 64),
        lambda a, b: (b * 3) // (a + 1) + (b * 3) % (a + 1),
    ],
)
def test_index_arithmetic_is_that_of_integers(formula: Callable[[Any, Any], Any]) -> None:
    for a, b in itertools.product(range(24), range(8)):
        em, values, (x, y) = atoms((0, 23, 1), (0, 7, 1))
        assert evaluate(em, formula(x, y), dict(zip(values, (a, b), strict=True))) == formula(a, b)


@pytest.mark.parametrize("formula", [lambda a: (a + 7) // 7, lambda a: (a + 7) % 7, lambda a: (a * 3 + 25) // 6 % 2])
def test_parts_of_a_sum_may_be_negative_without_a_known_bound(formula: Callable[[Any], Any]) -> None:
    for a in range(-7, 20):
        em, values, (x,) = atoms((None, None, 1))
        assert evaluate(em, formula(x), {values[0]: a}) == formula(a)


def test_known_divisors_remove_divisions() -> None:
    em, _, (k, lane) = atoms((0, 512, 32), (0, 31, 1))
    assert ((k + lane) // 64).terms == (k // 64).terms
    assert ((k + lane) % 64 - k % 64 - lane).terms == {}
    made = len(list(em.scopes[0].block.ops))
    for zero in (lane // 32, k % 32, (k * 2) % 64):
        assert zero.terms == {} and zero.const == 0
    assert len(list(em.scopes[0].block.ops)) == made


@pytest.mark.parametrize(("layout", "shape"), LAYOUTS, ids=IDS)
def test_a_layout_on_ir_values_is_its_table(layout: Layout, shape: tuple[int, int]) -> None:
    rows, columns = layout.table(shape)
    registers = layout.registers(shape)
    rng = np.random.default_rng(0)
    for _ in range(40):
        t, r = int(rng.integers(layout.threads())), int(rng.integers(registers))
        em, values, (thread, register) = atoms((0, layout.threads() - 1, 1), (0, registers - 1, 1))
        given = dict(zip(values, (t, r), strict=True))
        row, column = layout.index(shape, thread, register)
        assert evaluate(em, row, given) == rows[t, r]
        assert evaluate(em, column, given) == columns[t, r]


@pytest.mark.parametrize(("layout", "shape"), LAYOUTS, ids=IDS)
def test_a_formula_gives_the_first_register_of_each_row(layout: Layout, shape: tuple[int, int]) -> None:
    representatives = layout.representatives(shape)
    for i, register in enumerate(representatives):
        em, values, (n,) = atoms((0, max(1, len(representatives) - 1), 1))
        formula = register_of_row(representatives, n)
        assert formula is not None
        assert evaluate(em, formula, {values[0]: i}) == register


def test_conditions_that_always_hold_are_left_out() -> None:
    em, _, (x, n) = atoms((0, 15, 1), (16, 64, 1))
    assert em.below(x, 16) is None and em.below(x, n) is None
    assert em.below(x, 15) is not None and em.below(x - 1, 16) is not None
