"""Bounds and equalities of dim expressions, against every size that the ranges allow."""

from __future__ import annotations

import random

import pytest

from trtc.dialects.dims import Expr, ceildiv, const, maximum, minimum, parse_expr, symbol
from trtc.dialects.dims.proofs import always_equal, exact_bounds

RANGES = {"H": (0, 3, 9), "W": (2, 5, 11)}


def _random(rng: random.Random, depth: int) -> Expr:
    if depth == 0:
        return rng.choice([symbol("H"), symbol("W"), const(rng.randint(-3, 7))])
    a, b, divisor = _random(rng, depth - 1), _random(rng, depth - 1), rng.randint(1, 5)
    return rng.choice(
        [a + b, a - b, a * b, a // divisor, a % divisor, ceildiv(a, divisor), minimum(a, b), maximum(a, b)]
    )


def _values(expr: Expr) -> list[int]:
    sizes = [(h, w) for h in range(10) for w in range(2, 12)]
    return [expr.evaluate({"H": h, "W": w}) for h, w in sizes]


@pytest.mark.parametrize("seed", range(200))
def test_bounds_hold_every_value_and_are_those_of_the_interval_at_most(seed: int) -> None:
    expr = _random(random.Random(seed), 3)
    low, high = exact_bounds(expr, RANGES)
    values = _values(expr)
    assert low <= min(values) and max(values) <= high
    wide = expr.bounds(RANGES)
    assert wide[0] <= low and high <= wide[1]


@pytest.mark.parametrize("seed", range(100))
def test_what_is_said_to_be_equal_is(seed: int) -> None:
    rng = random.Random(seed)
    a, b = _random(rng, 2), _random(rng, 2)
    if always_equal(a, b, RANGES):
        assert _values(a) == _values(b)


@pytest.mark.parametrize(
    ("a", "b", "equal"),
    [
        ("H + (7 - H mod 7) mod 7", "(H + 6) floordiv 7 * 7", True),
        ("min(H, H floordiv 2 * 2)", "H floordiv 2 * 2", True),
        ("max(0, (H + 1) floordiv 2 - H floordiv 4)", "(H + 1) floordiv 2 - H floordiv 4", True),
        ("H + (7 - H mod 7) mod 7", "(H + 7) floordiv 7 * 7", False),
        ("H", "W", False),
        ("H", "Z", False),
    ],
)
def test_equalities_that_models_need(a: str, b: str, equal: bool) -> None:
    assert always_equal(parse_expr(a), parse_expr(b), {"H": (0, 200, 1333), "W": (0, 200, 1333)}) == equal


def test_a_sum_over_two_dims_is_tried_dim_by_dim() -> None:
    expr = parse_expr("(H + 1) floordiv 2 - H floordiv 4 + (W + 1) floordiv 2 - W floordiv 4")
    assert exact_bounds(expr, {"H": (64, 200, 1333), "W": (64, 200, 1333)}) == (32, 668)
