"""Sums of index values: how far two positions of a ring are apart."""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.dialects import arith
from xdsl.dialects.builtin import IntegerAttr
from xdsl.ir import SSAValue


@dataclass(frozen=True)
class Sum:
    """A constant plus values times coefficients that are not 0."""

    const: int
    terms: dict[SSAValue, int]

    def __add__(self, other: Sum) -> Sum:
        terms = dict(self.terms)
        for value, factor in other.terms.items():
            terms[value] = terms.get(value, 0) + factor
        return Sum(self.const + other.const, {value: factor for value, factor in terms.items() if factor})

    def __mul__(self, factor: int) -> Sum:
        terms = {value: c * factor for value, c in self.terms.items()} if factor else {}
        return Sum(self.const * factor, terms)

    def __sub__(self, other: Sum) -> Sum:
        return self + other * -1


def sum_of(value: SSAValue) -> Sum:
    """The sum that an index is, as far as additions, subtractions and multiplications by constants show it."""
    match value.owner:
        case arith.ConstantOp(value=IntegerAttr() as constant):
            return Sum(constant.value.data, {})
        case arith.AddiOp() as op:
            return sum_of(op.lhs) + sum_of(op.rhs)
        case arith.SubiOp() as op:
            return sum_of(op.lhs) - sum_of(op.rhs)
        case arith.MuliOp() as op:
            left, right = sum_of(op.lhs), sum_of(op.rhs)
            if not right.terms:
                return left * right.const
            if not left.terms:
                return right * left.const
        case _:
            pass
    return Sum(0, {value: 1})
