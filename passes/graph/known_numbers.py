"""What values that depend on constants only are made of, for rewrites that must not make infinities or lose small numbers.

A rewrite makes the ops that compute its new constants and asks whether they are fit before it puts them into the module:

    merged = nn.MulOp(a, b)
    if not numbers.fit(op, [merged], "factors not merged"):
        return

Numbers that are computed from initializers may change and are not read: such a rewrite is made, and its op is marked (`nn.KEEPS_FINITE`),
so that the evaluation of `@weights` refuses finite numbers that it makes infinite, be it in this build or in a refit.

Each op is evaluated once, however often it is asked for, and what was refused once is not tried again on the same operands: linear.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import ml_dtypes
import numpy as np
from xdsl.dialects.builtin import StringAttr
from xdsl.ir import Operation, SSAValue

from ...dialects import nn
from ...dialects.meaning import evaluate, has_meaning
from ..remarks import remark
from .editing import depends_on_initializers, is_static


@dataclass
class KnownNumbers:
    """The numbers of a module's constant values, evaluated when first asked for."""

    pass_name: str
    refittable: bool = False
    """Whether the module has initializers."""
    _arrays: dict[SSAValue, np.ndarray] = field(default_factory=dict[SSAValue, np.ndarray])
    _refused: set[tuple[Operation | SSAValue, ...]] = field(default_factory=set[tuple[Operation | SSAValue, ...]])

    def of(self, value: SSAValue, unknown: set[SSAValue] | None = None) -> np.ndarray | None:
        """The numbers of a value that depends on constants only; None where it depends on an `nn.weight`, the size of a dim, or the
        like. `unknown` are values of which that was found before, so that each is looked at once."""
        unknown = set() if unknown is None else unknown
        if value in unknown:
            return None
        found = self._of(value, unknown)
        if found is None:
            unknown.add(value)
        return found

    def _of(self, value: SSAValue, unknown: set[SSAValue]) -> np.ndarray | None:
        constant = nn.value_of(value, "whether numbers made anew fit their type")
        if constant is not None:
            return constant
        if value not in self._arrays:
            op = value.owner
            if not isinstance(op, Operation) or not op.operands or op.regions:
                return None
            if not has_meaning(type(op)) or not is_static(op):
                return None
            operands = [self.of(operand, unknown) for operand in op.operands]
            known = [array for array in operands if array is not None]
            if len(known) < len(operands):
                return None
            self._arrays.update(zip(op.results, evaluate(op, known), strict=True))
        return self._arrays[value]

    def forget(self, value: SSAValue) -> None:
        """Free the numbers of a value that has lost its readers."""
        self._arrays.pop(value, None)

    def fit(
        self,
        op: Operation,
        made: Sequence[Operation],
        otherwise: str,
        *,
        addend: bool = False,
        summed: tuple[int, ...] = (),
    ) -> bool:
        """Whether the result of the last of the ops made for a rewrite of `op` can stand for what it is computed from.

        It must be finite. Unless it is an addend, whose last digits the rounding of the sum drops anyway, no number may become too
        small for its type: it would lose digits, or be zero. Along the dims `summed` that is allowed next to one of normal
        size, in whose rounding it is lost. If not fit, the ops are erased, with a remark on `op`.
        What depends on initializers always fits.
        """
        if self.refittable and depends_on_initializers(made[-1].results[0]):
            made[-1].attributes[nn.KEEPS_FINITE] = StringAttr(self.pass_name)
            return True
        attempt = (op, *op.operands)
        why = "" if attempt in self._refused else self._flaw(made[-1], addend, summed)
        if why is None:
            return True
        if why:
            remark(op, "missed", self.pass_name, f"{otherwise}: {why}")
        self._refused.add(attempt)
        for new in reversed(made):
            for result in new.results:
                self.forget(result)
            new.erase()
        return False

    def _flaw(self, op: Operation, addend: bool, summed: tuple[int, ...]) -> str | None:
        result = self.of(op.results[0])
        if result is None:
            return "its numbers are not known at build time"
        if not np.isfinite(result).all():
            return "a number would not be finite"
        lost = ~_normal(result)
        if addend or not lost.any():
            return None
        for operand in op.operands:
            array = self.of(operand)
            assert array is not None
            lost &= _normal(array)
        if summed:
            lost &= ~_normal(result).any(summed, keepdims=True)
        return "a number would be too small for its type" if lost.any() else None


def _normal(array: np.ndarray) -> np.ndarray:
    """Which numbers are neither zero nor denormal in their type."""
    return np.abs(array) >= ml_dtypes.finfo(array.dtype).tiny
