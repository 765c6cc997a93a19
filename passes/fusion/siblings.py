"""Sibling convs and matmuls: which products over one value may become one, and how far what follows them is alike (`merge-siblings`).

A sibling is a product with the ops after it that its group would fuse, in steps: each step ends with one result. Two steps are alike if
they have the same ops, read the same way, and differ in numbers per channel only, which are then stacked. Where some siblings add or
multiply by numbers and the others do not, these add zeros or multiply by ones; a relu of some is a maximum with 0 or -inf.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Hashable, Sequence
from dataclasses import dataclass
from math import inf
from typing import TypeAlias

import numpy as np
from xdsl.ir import Operation, SSAValue

from ...dialects import nn, quant
from ...dialects.dtypes import is_float, numpy_dtype
from ...dialects.nn import element_of, rank_of, shape_of
from ...dialects.provenance import NAMES
from ..graph.editing import per_channel
from .regions import Growth, Region, anchor_kind

Anchor: TypeAlias = nn.ConvOp | nn.MatmulOp
_NEUTRAL: dict[type[Operation], float] = {nn.AddOp: 0, nn.SubOp: 0, nn.MulOp: 1, nn.DivOp: 1, nn.MaxOp: -inf}
"""The number that changes nothing, as the operand after the first or, of those that commute, as either."""
_COMMUTE = (nn.AddOp, nn.MulOp, nn.MaxOp, nn.MinOp)
HEAD = "head"
"""How a step reads the result of the step before."""


@dataclass(frozen=True)
class Step:
    """Ops after a product, in block order, that leave one result."""

    ops: tuple[Operation, ...]
    head: SSAValue
    """The result of the step before, or of the product."""
    result: SSAValue


@dataclass(frozen=True)
class Sibling:
    """One product, and the group that it would have."""

    anchor: Anchor
    region: Region
    steps: tuple[Step, ...]

    @property
    def channels(self) -> int:
        found = shape_of(self.anchor.result)[-1].as_int()
        assert found is not None
        return found

    def result(self, steps: int) -> SSAValue:
        """What is left to read after so many steps."""
        return self.steps[steps - 1].result if steps else self.anchor.result

    def rest(self, steps: int) -> list[Operation]:
        """The ops of its group after so many steps."""
        return [op for step in self.steps[steps:] for op in step.ops]


Row: TypeAlias = tuple["Step | None", ...]
"""The step that each sibling takes in one step of all; None where it has none, and neutral numbers stand for it."""


def weights_of(anchor: Anchor) -> SSAValue:
    return anchor.operands[1]


def refuse(anchor: Anchor, constants: Collection[SSAValue]) -> str | None:
    """Why an anchor cannot be merged with any other, or None."""
    weights = weights_of(anchor)
    if isinstance(anchor, nn.ConvOp) and anchor.groups.value.data != 1:
        return f"it has {anchor.groups.value.data} groups"
    if weights not in constants:
        return "its weights are computed at run time"
    quantized = quantized_of(weights)
    if quantized is not None and quantized.axis not in (None, weight_axis(anchor)):
        return "the scales of its weights do not lie along output channels"
    if isinstance(anchor, nn.MatmulOp) and rank_of(weights) != 2:
        return f"its weights are {rank_of(weights) - 2} dims of matrices"
    return None


@dataclass(frozen=True)
class Quantized:
    """Weights that are dequantized, and then perhaps transposed."""

    dequantize: quant.DequantizeOp
    transpose: nn.TransposeOp | None

    @property
    def axis(self) -> int | None:
        """The axis of the weights along which scales lie; None for one scale."""
        if self.dequantize.axis is None:
            return None
        axis = self.dequantize.axis.value.data
        return axis if self.transpose is None else nn.values_of(self.transpose.permutation).index(axis)


def quantized_of(weights: SSAValue) -> Quantized | None:
    """How weights are dequantized, or None."""
    transpose = weights.owner if isinstance(weights.owner, nn.TransposeOp) else None
    owner = weights.owner if transpose is None else transpose.x.owner
    return Quantized(owner, transpose) if isinstance(owner, quant.DequantizeOp) else None


def form_of(anchor: Anchor) -> Hashable:
    """What siblings over one value must share."""
    weights = list(shape_of(weights_of(anchor)))
    del weights[weight_axis(anchor)]
    attributes = frozenset((k, v) for k, v in anchor.attributes.items() if k != NAMES)
    elements = tuple(map(element_of, (*anchor.operands, anchor.result)))
    quantized = quantized_of(weights_of(anchor))
    stored = None if quantized is None else tuple(map(element_of, quantized.dequantize.operands))
    return anchor.name, frozenset(anchor.properties.items()), attributes, elements, tuple(weights), stored


def difference(a: Anchor, b: Anchor) -> str:
    """In which way the forms of two anchors over one value differ."""
    if type(a) is not type(b):
        return f"it is {a.name}, the other {b.name}"
    for key in sorted(a.properties.keys() | b.properties.keys()):
        if a.properties.get(key) != b.properties.get(key):
            return f"their {key} differ"
    if shape_of(weights_of(a))[1:] != shape_of(weights_of(b))[1:] and isinstance(a, nn.ConvOp):
        return "their windows differ"
    return "their types, in memory or in registers, differ"


def weight_axis(anchor: Anchor) -> int:
    """The axis of the weights along which output channels lie."""
    return 1 if isinstance(anchor, nn.MatmulOp) and anchor.transpose_b is None else 0


def sibling_of(anchor: Anchor, growth: Growth) -> Sibling:
    """An anchor with the steps of its group."""
    region = Region(anchor_kind(anchor), anchor)
    growth.grow(region)
    steps: list[Step] = []
    (start, head), *cuts = region.cuts
    for end, result in cuts:
        steps.append(Step(tuple(growth.in_order(region.epilogue[start:end])), head, result))
        start, head = end, result
    return Sibling(anchor, region, tuple(steps))


def aligned(siblings: Sequence[Sibling], constants: Collection[SSAValue]) -> list[Row]:
    """The longest run of steps that all siblings can take as one."""
    rows: list[Row] = []
    taken = [0] * len(siblings)
    while True:
        following = [s.steps[t] if t < len(s.steps) else None for s, t in zip(siblings, taken, strict=True)]
        row = _row(siblings, following, constants)
        if row is None:
            return rows
        rows.append(row)
        taken = [t + (step is not None) for t, step in zip(taken, row, strict=True)]


def steps_taken(rows: Sequence[Row], sibling: int) -> int:
    return sum(row[sibling] is not None for row in rows)


def _row(siblings: Sequence[Sibling], steps: Sequence[Step | None], constants: Collection[SSAValue]) -> Row | None:
    """The next steps as one; None where they are not alike."""
    keys = [_key(step, s.channels, constants) if step else None for s, step in zip(siblings, steps, strict=True)]
    if keys[0] is not None and all(key == keys[0] for key in keys):
        return tuple(steps)
    for kind in (*_NEUTRAL, nn.ReluOp):
        own = [_is_neutral(step, kind) and key is not None for step, key in zip(steps, keys, strict=True)]
        found = [key for key, chosen in zip(keys, own, strict=True) if chosen]
        if found and all(key == found[0] for key in found):
            return tuple(step if chosen else None for step, chosen in zip(steps, own, strict=True))
    return None


def _is_neutral(step: Step | None, kind: type[Operation]) -> bool:
    """Whether a step is one op of this kind on numbers, for which there is a neutral number."""
    if step is None or len(step.ops) != 1 or type(step.ops[0]) is not kind:
        return False
    (op,) = step.ops
    if isinstance(op, nn.ReluOp):
        return is_float(element_of(op.result))
    numbers = [i for i, operand in enumerate(op.operands) if operand is not step.head]
    return is_float(element_of(op.results[0])) and len(numbers) == 1 and (numbers == [1] or isinstance(op, _COMMUTE))


def _key(step: Step, channels: int, constants: Collection[SSAValue]) -> Hashable | None:
    """What two steps must share to be alike; None for a step that cannot be one with another."""
    width = nn.shape_of(step.head)[-1]
    made = {step.head: HEAD}
    ops: list[Hashable] = []
    for op in step.ops:
        if not nn.is_pointwise(op) or len(op.results) != 1:
            return None
        scaled = isinstance(op, quant.ScaledOp)
        reads: list[Hashable] = []
        for operand in reads_of(op, made):
            if operand in made:
                reads.append(made[operand])
            elif scaled and (rank_of(operand) or operand not in constants):
                return None
            elif scaled:  # one scale of all: quantized values have no scale per channel
                reads.append(operand)
            elif operand in constants and per_channel(operand, width):
                reads.append(("numbers", element_of(operand)))
            else:
                return None
        made[op.results[0]] = f"result {len(ops)}"
        attributes = frozenset((k, v) for k, v in op.attributes.items() if k != NAMES)
        element = element_of(op.results[0])
        ops.append((op.name, frozenset(op.properties.items()), attributes, tuple(reads), element))
    return tuple(ops)


def reads_of(op: Operation, made: Container[SSAValue]) -> Sequence[SSAValue]:
    """The operands of an op, those that a step made before the others where the op commutes."""
    return sorted(op.operands, key=lambda v: v not in made) if isinstance(op, _COMMUTE) else op.operands


def neutral_numbers(op: Operation, channels: int, like: SSAValue) -> np.ndarray:
    """The numbers by which an op of `_NEUTRAL` changes nothing."""
    return np.full(channels, _NEUTRAL[type(op)], numpy_dtype(element_of(like)))
