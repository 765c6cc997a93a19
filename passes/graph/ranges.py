"""What is known about the magnitude of f32 values, op by op, for `analyze-ranges`.

A value that is found here need not fit a narrow type. Findings pass through ops by their kind: of `Kind.ANY` a pointwise op passes on
what one of its operands has, since a sum with a number of any size is of any size; of the others (sums, integers) only what all operands
have that are not constants, since x times 1 / sum is of the size of x. A finding ends at what is bounded (softmax, tanh, clip) and at
convs and matmuls.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

import numpy as np
from xdsl.dialects.builtin import IntegerType, TensorType, bf16, f16, f32
from xdsl.ir import Attribute, Block, BlockArgument, Operation, SSAValue

from ...dialects import nn, quant
from ...dialects.nn import element_of, shape_of
from .storage_types import limits

IMAGE_CHANNELS = 4
"""The most channels of what is taken for an image."""
_VIEWS = (nn.ReshapeOp, nn.TransposeOp, nn.SliceOp, nn.BroadcastToOp, nn.PadOp, nn.RollOp, nn.CastOp)
_BOUNDED = (
    nn.TanhOp, nn.SigmoidOp, nn.HardSigmoidOp, nn.ErfOp, nn.SinOp, nn.CosOp, nn.SignOp, nn.SoftmaxOp, nn.LayerNormOp,
    nn.NormalizeOp, nn.L2NormalizeOp, nn.RnnOp,
)  # fmt: skip
_INTEGRAL = (nn.FloorOp, nn.CeilOp, nn.RoundOp)
_REDUCED = (nn.ReduceKind.SUM, nn.ReduceKind.SUMSQ, nn.ReduceKind.PROD)
_ADDITIVE = (nn.AddOp, nn.SubOp, nn.WhereOp, nn.MinOp, nn.MaxOp)


class Kind(Enum):
    """How a finding passes through ops."""

    ANY = "a number of any size"
    INTEGER = "an integer in a float"
    LARGE = "a number that grows with the network, or small compared with others"


@dataclass(frozen=True)
class Found:
    """Why a value may not fit."""

    kind: Kind
    reason: str


class Ranges:
    """Findings about the values of one block, filled op by op in order."""

    def __init__(self, narrow: Attribute):
        self.narrow = narrow
        self.largest, self.least, self.integers = limits(narrow)
        self.found: dict[SSAValue, Found] = {}
        self.constants: set[SSAValue] = set()
        self.small: set[SSAValue] = set()
        """Integers in floats that fit: what booleans and bytes become, and what arithmetic with constants makes of them."""
        self.scalars: dict[SSAValue, tuple[float, float]] = {}
        """Least and greatest magnitude, zeros and infinities left out, of the constants."""
        self.unknown: set[SSAValue] = set()
        """Initializers of one number, which a refit may change: an epsilon, say."""

    def argument(self, value: BlockArgument) -> None:
        """A graph input of f32 may be of any size, unless it is an image."""
        if isinstance(value.type, TensorType) and element_of(value) == f32 and not is_image(value):
            self.found[value] = Found(Kind.ANY, "a graph input, which may be of any size")

    def visit(self, op: Operation) -> None:
        """Record what is known about the result of an op."""
        if isinstance(op, nn.SOURCES):
            self._source(op.result)
            return
        if len(op.results) != 1 or not isinstance(op.results[0].type, TensorType) or op.regions:
            return
        (result,) = op.results
        if op.operands and all(operand in self.constants for operand in op.operands):
            self.constants.add(result)
        if element_of(result) != f32:
            return
        if self._is_small(op):
            self.small.add(result)
        found = self._of(op)
        if found is not None and not (found.kind == Kind.ANY and is_image(result)):
            self.found[result] = found

    def _source(self, value: SSAValue) -> None:
        self.constants.add(value)
        if element_of(value) != f32:
            return
        array = nn.value_of(value, "which numbers a narrow type holds")
        if array is None:
            if all(extent.as_int() == 1 for extent in shape_of(value)):
                self.unknown.add(value)
            return
        if not array.size:
            return
        low, high = float(np.min(array)), float(np.max(array))
        greatest = max(abs(low), abs(high))
        if not np.isfinite(greatest) or not np.isfinite(low + high):
            finite = np.abs(array[np.isfinite(array)])
            greatest = float(finite.max(initial=0.0))
        self.scalars[value] = self._least(array) if array.size == 1 else np.inf, greatest
        if greatest > self.largest:
            self.found[value] = Found(Kind.ANY, f"numbers beyond {self.narrow}'s range")
        elif greatest > self.integers and array.size > 1 and bool(np.all(array == np.rint(array))):
            self.found[value] = Found(Kind.INTEGER, self._beyond_integers())

    @staticmethod
    def _least(array: np.ndarray) -> float:
        size = abs(float(array.reshape(-1)[0]))
        return size or np.inf

    def _is_small(self, op: Operation) -> bool:
        if isinstance(op, nn.CastOp) and isinstance(element_of(op.x), IntegerType):
            return True
        variable = [operand for operand in op.operands if operand not in self.constants]
        passes = nn.is_pointwise(op) or isinstance(op, _VIEWS)
        return passes and bool(variable) and all(operand in self.small for operand in variable)

    def _beyond_integers(self) -> str:
        return f"integers, which {self.narrow} holds up to {self.integers} only"

    def _of(self, op: Operation) -> Found | None:
        match op:
            case nn.ConvOp() | nn.MatmulOp():
                return next((f for f in self._findings(op.operands) if f.kind == Kind.INTEGER), None)
            case nn.AttentionOp():
                return next((f for f in self._findings([op.v]) if f.kind == Kind.INTEGER), None)
            case nn.ReduceOp():
                return self._reduced(op)
            case nn.CastOp():
                return self._cast(op)
            case nn.BitcastOp():
                return Found(Kind.ANY, "the bits of integers")
            case nn.ClipOp():
                low, high = nn.clip_bounds(op)
                return None if max(abs(low), abs(high)) <= self.integers else self._passed(op)
            case nn.GatherOp() | nn.GatherNdOp():
                return self.found.get(op.operands[0])
            case nn.PadOp() if self.largest < abs(op.value.value.data) < np.inf:
                return Found(Kind.ANY, f"padding beyond {self.narrow}'s range")
            case nn.ConcatOp():
                return next(iter(self._findings(op.operands)), None)
            case nn.IotaOp() | nn.ShapeValueOp() | nn.SizeOp():
                return Found(Kind.INTEGER, self._beyond_integers())
            case quant.ScaledOp():
                return None
            case _ if isinstance(op, _BOUNDED):
                return None
            case _ if isinstance(op, _INTEGRAL):
                return Found(Kind.INTEGER, self._beyond_integers())
            case _ if nn.is_pointwise(op):
                return self._pointwise(op)
            case _:
                return self._passed(op)

    def _findings(self, values: Iterable[SSAValue]) -> list[Found]:
        return [self.found[value] for value in values if value in self.found]

    def _passed(self, op: Operation) -> Found | None:
        """What the operands pass on."""
        findings = self._findings(op.operands)
        of_any_size = next((f for f in findings if f.kind == Kind.ANY), None)
        if of_any_size is not None:
            return of_any_size
        variable = [operand for operand in op.operands if operand not in self.constants]
        floats = [operand for operand in variable if element_of(operand) == f32]
        if floats and all(operand in self.found for operand in floats):
            return self.found[floats[0]]
        return None

    def _reduced(self, op: nn.ReduceOp) -> Found | None:
        kind = op.kind.data
        inherited = self.found.get(op.x)
        if kind in _REDUCED:
            reason = {
                nn.ReduceKind.SUM: "a sum",
                nn.ReduceKind.PROD: "a product of many",
                nn.ReduceKind.SUMSQ: "a sum of squares",
            }[kind]
            return inherited or Found(Kind.LARGE, reason)
        if kind == nn.ReduceKind.MEAN and inherited is not None:
            return Found(inherited.kind, "a mean of values that stay wide")
        return inherited

    def _cast(self, op: nn.CastOp) -> Found | None:
        source = element_of(op.x)
        if isinstance(source, IntegerType) and source.width.data > 8:
            return Found(Kind.INTEGER, self._beyond_integers())
        if source in (f16, bf16) or isinstance(source, IntegerType):
            return None
        return self.found.get(op.x) or (Found(Kind.ANY, f"a cast from {source}") if source != f32 else None)

    def _pointwise(self, op: Operation) -> Found | None:
        passed = self._passed(op)
        if passed is not None and passed.kind == Kind.ANY:
            return passed
        for operand in op.operands:
            if (found := self._beside(op, operand)) is not None:
                return found
        if passed is not None:
            return passed
        if isinstance(op, nn.ExpOp) and not _below_zero(op.x):
            return Found(Kind.LARGE, "an exponential")
        square = isinstance(op, nn.MulOp) and op.lhs == op.rhs
        power = isinstance(op, nn.PowOp) and (
            self.scalars.get(op.rhs, (0.0, 0.0))[1] > 1 or op.rhs not in self.constants
        )
        return Found(Kind.LARGE, "a square" if square else "a power") if square or power else None

    def _beside(self, op: Operation, operand: SSAValue) -> Found | None:
        """What a constant operand makes of a result."""
        if operand in self.unknown and isinstance(op, _ADDITIVE):
            return Found(Kind.LARGE, f"its operand of one number may underflow in {self.narrow} after a refit")
        if operand not in self.scalars or isinstance(op, nn.PowOp):
            return None
        least, greatest = self.scalars[operand]
        if least < self.least:
            return Found(Kind.LARGE, f"its operand {least:.3g} underflows in {self.narrow}")
        integral = any(other in self.small for other in op.operands)
        masks = isinstance(op, nn.WhereOp) or (integral and isinstance(op, nn.MulOp))
        if greatest >= self.integers / 2 and (masks or isinstance(op, _ADDITIVE)):
            kind = Kind.ANY if masks else Kind.LARGE
            return Found(kind, f"next to its operand {greatest:.6g} {self.narrow} loses digits")
        return None


def _below_zero(value: SSAValue) -> bool:
    """Whether a value is x minus the maximum of x, as a softmax of single ops has it."""
    if not isinstance(value.owner, nn.SubOp):
        return False
    largest = value.owner.rhs
    while isinstance(largest.owner, nn.ReshapeOp | nn.BroadcastToOp):
        largest = largest.owner.operands[0]
    reduced = largest.owner
    return isinstance(reduced, nn.ReduceOp) and reduced.kind.data == nn.ReduceKind.MAX and reduced.x == value.owner.lhs


def is_image(value: SSAValue, depth: int = 6) -> bool:
    """Whether only convs of a few channels read a value, through views at most."""
    if value.first_use is None or depth == 0:
        return False
    for use in value.uses:
        user = use.operation
        if isinstance(user, nn.ConvOp) and use.index == 0:
            channels = shape_of(user.x)[-1].as_int()
            if channels is None or channels > IMAGE_CHANNELS:
                return False
        elif not (
            isinstance(user, _VIEWS) and element_of(user.results[0]) == f32 and is_image(user.results[0], depth - 1)
        ):
            return False
    return True


def _is_integer(element: Attribute) -> bool:
    return isinstance(element, IntegerType) and element.width.data > 1


def exact_values(block: Block) -> set[SSAValue]:
    """The f32 values that decide integers: floor, round, a cast or a bitcast reads them, through pointwise ops and views."""
    exact: set[SSAValue] = set()
    for op in reversed(list(block.ops)):
        if len(op.results) != 1:
            continue
        (result,) = op.results
        to_integers = isinstance(op, nn.CastOp) and _is_integer(element_of(result))
        decides = to_integers or isinstance(op, (*_INTEGRAL, nn.ModOp, nn.BitcastOp))
        if decides or (result in exact and (nn.is_pointwise(op) or isinstance(op, _VIEWS))):
            exact.update(o for o in op.operands if isinstance(o.type, TensorType) and element_of(o) == f32)
    return exact
