"""Values as polynomials of others, for passes that recognise what exporters write in many ways.

    %1 = nn.mul %x, %half                  the result is 0.5 x + 0.5 x e: {(1, 0): 0.5, (1, 1): 0.5} of (x, e), in whatever order
    %2 = nn.add %e, %one                   the ops multiply and add
    %3 = nn.mul %1, %2

First the ops between a value and the variables are found (`between`), then their numbers are read (`polynomial`): a number that is an
initializer is pinned only where the ops around it are of the form that a pass looks for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isfinite
from typing import TypeAlias

import ml_dtypes
from xdsl.ir import Operation, SSAValue

from ...dialects import nn
from ...dialects.dtypes import is_float, numpy_dtype
from ...dialects.nn import element_of, shape_of

Polynomial: TypeAlias = dict[tuple[int, ...], float]
"""Coefficients by the powers of the variables, none of them 0."""
MOST_OPS = 16
"""Ops between a value and its variables: no form that is looked for has more, and a walk stays short."""
_DEGREE = 4
_TERMS = (nn.AddOp, nn.SubOp, nn.MulOp, nn.NegOp, nn.DivOp, nn.PowOp)


def is_number(value: SSAValue) -> bool:
    """Whether a value is one number that is known when a network is built, or an initializer of one number."""
    if isinstance(value.owner, nn.InitializerOp):
        return all(extent.as_int() == 1 for extent in shape_of(value))
    return isinstance(value.owner, nn.ConstantOp) and nn.splat_of(value, "a number of a polynomial") is not None


def number_of(value: SSAValue, why: str) -> float:
    """The number of a value that is one; an initializer is pinned."""
    array = nn.value_of(value, why, pin=True)
    assert array is not None
    return float(array.reshape(-1)[0])


def is_term(op: object) -> bool:
    """Whether an op of floats adds or multiplies, or divides by or takes a power of a number."""
    if not isinstance(op, _TERMS) or not is_float(element_of(op.results[0])):
        return False
    return not isinstance(op, nn.DivOp | nn.PowOp) or is_number(op.rhs)


def between(value: SSAValue, variables: Sequence[SSAValue]) -> list[Operation] | None:
    """The ops that compute a value from all of the variables and numbers, in the order of a walk back; None where they take others too."""
    found: dict[Operation, None] = {}
    reached: set[SSAValue] = set()
    pending = [value]
    while pending:
        current = pending.pop()
        owner = current.owner
        if current in variables:
            reached.add(current)
        elif not is_number(current):
            if not isinstance(owner, Operation) or not is_term(owner) or len(found) == MOST_OPS:
                return None
            if owner not in found:
                found[owner] = None
                pending.extend(owner.operands)
    return list(found) if len(reached) == len(variables) else None


def below(value: SSAValue, most: int = 8) -> Iterator[SSAValue]:
    """The value, and those that terms compute it from, nearest first: candidates for a variable."""
    pending, seen = [value], set[SSAValue]()
    while pending and len(seen) < most:
        current = pending.pop(0)
        if current in seen or is_number(current):
            continue
        seen.add(current)
        yield current
        if is_term(current.owner):
            assert isinstance(current.owner, Operation)
            pending.extend(current.owner.operands)


def above(value: SSAValue, most: int = 12) -> Iterator[Operation]:
    """The terms that are computed from a value, nearest first."""
    pending, seen = [value], set[Operation]()
    while pending and len(seen) < most:
        for user in [use.operation for use in pending.pop(0).uses][:most]:
            if user not in seen and is_term(user):
                seen.add(user)
                yield user
                pending.append(user.results[0])


def polynomial(value: SSAValue, variables: Sequence[SSAValue], why: str) -> Polynomial | None:
    """The value, of which `between` holds, as a polynomial of the variables; None beyond degree 4, and for powers that are not whole."""
    known: dict[SSAValue, Polynomial] = {}
    for index, variable in enumerate(variables):
        known[variable] = {tuple(int(i == index) for i in range(len(variables))): 1.0}
    one = (0,) * len(variables)
    pending = [value]
    while pending:
        current = pending[-1]
        if current in known:
            pending.pop()
        elif is_number(current):
            number = number_of(current, why)
            if not isfinite(number):
                return None
            known[current] = _without_zeros({one: number})
        else:
            op = current.owner
            assert isinstance(op, Operation)
            missing = [operand for operand in op.operands if operand not in known]
            if missing:
                pending += missing
                continue
            computed = _computed(op, [known[operand] for operand in op.operands], one)
            if computed is None or any(sum(powers) > _DEGREE for powers in computed):
                return None
            known[current] = computed
    return known[value]


def _computed(op: Operation, operands: Sequence[Polynomial], one: tuple[int, ...]) -> Polynomial | None:
    a, b = operands[0], operands[-1]
    match op:
        case nn.AddOp():
            return _sum(a, b, 1.0)
        case nn.SubOp():
            return _sum(a, b, -1.0)
        case nn.MulOp():
            return _product(a, b)
        case nn.NegOp():
            return {powers: -number for powers, number in a.items()}
        case nn.DivOp():
            return _product(a, {one: 1 / b[one]}) if one in b else None
        case _:
            exponent = b.get(one, 0.0)
            if exponent not in range(1, _DEGREE + 1):
                return None
            result = a
            for _ in range(int(exponent) - 1):
                result = _product(result, a)
            return result


def _sum(a: Polynomial, b: Polynomial, sign: float) -> Polynomial:
    return _without_zeros({powers: a.get(powers, 0.0) + sign * b.get(powers, 0.0) for powers in {**a, **b}})


def _product(a: Polynomial, b: Polynomial) -> Polynomial:
    made: Polynomial = {}
    for left, x in a.items():
        for right, y in b.items():
            powers = tuple(i + j for i, j in zip(left, right, strict=True))
            made[powers] = made.get(powers, 0.0) + x * y
    return _without_zeros(made)


def _without_zeros(a: Polynomial) -> Polynomial:
    return {powers: number for powers, number in a.items() if number}


def tolerance_of(value: SSAValue) -> float:
    """By how much a number that was rounded to the type of a value, or printed with seven digits, may differ from what it stands for."""
    return max(2e-6, float(ml_dtypes.finfo(numpy_dtype(element_of(value))).eps))


def is_near(number: float, wanted: float, tolerance: float) -> bool:
    return abs(number - wanted) <= tolerance * abs(wanted)


def are_near(found: Polynomial, wanted: Polynomial, tolerance: float) -> bool:
    """Whether two polynomials have the same terms, with coefficients that differ by rounding only."""
    return found.keys() == wanted.keys() and all(is_near(found[p], wanted[p], tolerance) for p in wanted)
