"""Values whose rounding is amplified by what reads them: `analyze-ranges` marks them, whatever their size.

A logarithm makes absolute errors of relative ones. What a product of a signal and a filter rounds is relative to its largest terms: in the
faint part of a spectrum, which a logarithm brings up, nothing else would be left. So filters, sums and squares before a logarithm stay
wide, back to an activation function: in features a network bears noise.

A sine or cosine sees the absolute error of its angle. Angles of Fourier features are some multiples of a turn, by a product of coordinates
and frequencies: what the product rounds is then a visible part of a turn. So a matmul of coordinates and constants whose angles are read
stays wide. Coordinates are inputs, and what pointwise ops but activation functions make of them: of features a network bears noise.

A softmax sees the absolute error of a score. A constant mask may be the sum of a bias and of numbers of some thousands that hide keys: in
a row whose keys are all hidden, rounding takes the bias away. So such a mask stays wide, and so does the sum of scores and a mask that may
hide all keys of a row by finite numbers: f16 holds -1000 and 0.3, but not both in one number.

A recurrence that carries its state between runs adds up what its gates read, over thousands of steps where a gate is near 1: a bias that is
rounded once adds its error in each of them. So what such a recurrence reads stays wide, back to what is bounded or a mean, and so does the
state. Within a run the steps are few, and errors of one layer are of the size of those of a product. Such a recurrence is an `nn.rnn` or a
cell of single ops, which adds something to its state times a sigmoid.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

import ml_dtypes
import numpy as np
from xdsl.dialects.builtin import TensorType, f32
from xdsl.dialects.func import ReturnOp
from xdsl.ir import Attribute, Block, BlockArgument, Operation, SSAValue

from ...dialects import nn
from ...dialects.dtypes import numpy_dtype
from ...dialects.nn import element_of, rank_of, shape_of
from .editing import fed_by_constants_only
from .known_numbers import KnownNumbers

LOGARITHM = "a logarithm amplifies its rounding"
ANGLE = "a sine or cosine reads it as an angle"
ADDED_UP = "a state that is carried between runs adds up its rounding"
STATE = "a state that is carried between runs"
COARSE = "a mask: rounding would take away how the scores of a row differ"
_MOVES = (
    nn.ReshapeOp, nn.TransposeOp, nn.SliceOp, nn.BroadcastToOp, nn.ConcatOp, nn.PadOp, nn.RollOp, nn.GatherOp, nn.GatherNdOp,
    nn.MaxPoolOp,
)  # fmt: skip
_PRODUCTS = (nn.ConvOp, nn.MatmulOp, nn.AttentionOp)
_BOUNDED = (
    nn.TanhOp, nn.SigmoidOp, nn.HardSigmoidOp, nn.ErfOp, nn.SinOp, nn.CosOp, nn.SignOp, nn.SoftmaxOp, nn.LayerNormOp,
    nn.NormalizeOp, nn.L2NormalizeOp, nn.LrnOp, nn.RnnOp,
)  # fmt: skip
_ACTIVATIONS = (*_BOUNDED, *nn.ACTIVATIONS, nn.ReluOp, nn.ExpOp)
_TERMS = (nn.AddOp, nn.SubOp, nn.DivOp)
_SEEN = 20.0
"""How far below the greatest of its row a score still matters: exp(-20) is 2e-9."""
_USUAL = 16
"""Scores up to this size may be rounded as all values are."""
_STATE_RANK = 3
"""The most dims of a cell's state: layers, batch and hidden units. What has more is an image, which a mask may blend with another one."""


def amplified_values(block: Block) -> dict[SSAValue, str]:
    """The f32 values of a block whose rounding is amplified, and by what; constants that are added to such values too. Linear."""
    constants = fed_by_constants_only(block)
    read: set[SSAValue] = set()
    """What logarithms read."""
    added_up: set[SSAValue] = set()
    """What recurrences that carry their state read."""
    gates: set[SSAValue] = set()
    """What single ops compute in a cell, between its products and its state."""
    states: set[SSAValue] = set()
    outputs = [value for op in block.ops if isinstance(op, ReturnOp) for value in op.operands]
    returned = set(outputs)
    for op in reversed(list(block.ops)):
        if len(op.results) != 1 or op.regions or not op.operands:
            continue
        (result,) = op.results
        if isinstance(op, nn.LogOp):
            read.update(_f32(op.operands))
        elif isinstance(op, nn.RnnOp) and result in returned and _carries_state(op, outputs):
            states.update(_f32(op.results))
            added_up.update(_f32([v for v in (op.inputs, op.bias, op.peepholes) if v is not None]))
        elif isinstance(op, nn.AddOp) and result in returned and _adds_to_state(op, outputs):
            states.update(_f32(op.results))
            gates.update(_f32(op.operands))
        if result in returned and (nn.is_pointwise(op) or isinstance(op, _MOVES)):
            returned.update(op.operands)
        if result in read:
            read.update(_f32(_before_logarithm(op, constants)))
        if result in gates and isinstance(op, _PRODUCTS):
            added_up.add(result)
        elif result in gates and (nn.is_pointwise(op) or isinstance(op, _MOVES)):
            gates.update(_f32(op.operands))
        if result in added_up:
            added_up.update(_f32(_before_state(op, constants)))
    angles = _angles(block, constants)
    return (
        dict.fromkeys(angles, ANGLE)
        | dict.fromkeys((*added_up, *gates), ADDED_UP)
        | dict.fromkeys(read, LOGARITHM)
        | dict.fromkeys(states, STATE)
    )


def _angles(block: Block, constants: Collection[SSAValue]) -> list[SSAValue]:
    """What matmuls make of coordinates and constants, and what follows from it, where a sine or cosine reads it."""
    coordinates: set[SSAValue] = set(block.args)
    turned: dict[SSAValue, None] = {}
    """The products, and what pointwise ops make of them."""
    for op in block.ops:
        if len(op.results) != 1 or op.regions:
            continue
        read_from = op.operands[:1] if isinstance(op, nn.GatherOp | nn.GatherNdOp) else op.operands
        variable = [value for value in read_from if value not in constants]
        follows = (
            bool(variable) and (isinstance(op, _MOVES) or nn.is_pointwise(op)) and not isinstance(op, _ACTIVATIONS)
        )
        if follows and any(value in turned for value in variable):
            turned.update(dict.fromkeys(_f32(op.results)))
        elif follows or isinstance(op, nn.ScatterOp):
            coordinates.update(op.results if all(value in coordinates for value in variable) else ())
        elif isinstance(op, nn.MatmulOp) and len(variable) == 1 and variable[0] in coordinates:
            turned.update(dict.fromkeys(_f32(op.results)))
    read: dict[SSAValue, None] = {}
    for op in reversed(list(block.ops)):
        if isinstance(op, nn.SinOp | nn.CosOp) or (len(op.results) == 1 and op.results[0] in read):
            read.update(dict.fromkeys(value for value in op.operands if value in turned))
    return list(read)


def coarse_masks(block: Block, narrow: Attribute, numbers: KnownNumbers) -> Iterator[SSAValue]:
    """The constant f32 masks of attentions and of softmaxes over the last dim, rows of which `narrow` rounds by more than it rounds scores
    of the usual size, and the sums of scores and such masks."""
    most = _USUAL / 2 * float(ml_dtypes.finfo(numpy_dtype(narrow)).eps)
    known: dict[SSAValue, bool] = {}
    constants = fed_by_constants_only(block)
    sums = CoarseSums(numbers, constants)
    seen: set[Operation] = set()

    def is_coarse(mask: SSAValue) -> bool:
        if mask not in known:
            array = numbers.of(mask) if mask in constants and element_of(mask) == f32 and rank_of(mask) else None
            known[mask] = array is not None and array.size > 0 and _row_error(array, narrow) > most
        return known[mask]

    for op in block.ops:
        if isinstance(op, nn.AttentionOp) and op.mask is not None and is_coarse(op.mask):
            yield op.mask
        elif isinstance(op, nn.SoftmaxOp) and op.axis.value.data == rank_of(op.x) - 1:
            for sum_ in _sums(op.x, seen):
                coarse = [term for term in sum_.operands if is_coarse(term)]
                yield from [*coarse, sum_.result] if coarse or any(map(sums.hides_rows, sum_.operands)) else []


@dataclass
class CoarseSums:
    """Which masks make sums with scores that must not be rounded. Linear, however many masks it is asked about."""

    numbers: KnownNumbers
    constants: Collection[SSAValue]
    """The values of the block that depend on constants and weights only."""
    _large: dict[SSAValue, bool] = field(default_factory=dict[SSAValue, bool])

    def hides_rows(self, mask: SSAValue) -> bool:
        """Whether a row of it may have no finite number of the size of a score: a constant has such a row; what is computed from inputs
        may, where it adds or multiplies by a number beyond that size, or is a model's input."""
        array = self.numbers.of(mask) if mask in self.constants and nn.is_float(element_of(mask)) else None
        if array is not None:
            finite = np.where(np.isfinite(array), np.abs(array.astype(np.float64)), np.inf)
            least = finite.min(-1, initial=np.inf) if array.ndim else finite
            return bool(np.any((least > _USUAL) & np.isfinite(least)))
        return self._has_large(mask)

    def _has_large(self, value: SSAValue) -> bool:
        """Whether pointwise ops and views make a value of finite numbers beyond the usual size, or of float inputs."""
        pending = [value]
        while pending:
            last = pending[-1]
            owner = last.owner
            if last in self._large:
                pending.pop()
            elif not nn.is_float(element_of(last)):
                self._large[last] = False
            elif isinstance(owner, Block):
                self._large[last] = True
            elif last in self.constants and (array := self.numbers.of(last)) is not None:
                finite = np.abs(array.astype(np.float64))
                self._large[last] = bool(np.any((finite > _USUAL) & np.isfinite(finite)))
            elif not (nn.is_pointwise(owner) or isinstance(owner, _MOVES)):
                self._large[last] = False
            elif unknown := [operand for operand in owner.operands if operand not in self._large]:
                pending += unknown
            else:
                self._large[last] = any(self._large[operand] for operand in owner.operands)
        return self._large[value]


def _sums(scores: SSAValue, seen: set[Operation]) -> Iterator[nn.AddOp | nn.SubOp]:
    """The sums that scores are made by, one of another, before a softmax reads them; without those `seen` before."""
    pending = [scores]
    while pending:
        owner = pending.pop().owner
        if not isinstance(owner, Operation) or owner in seen:
            continue
        seen.add(owner)
        if isinstance(owner, nn.AddOp | nn.SubOp):
            yield owner
        if isinstance(owner, nn.AddOp | nn.SubOp | nn.WhereOp):
            pending += owner.operands


def _row_error(mask: np.ndarray, narrow: Attribute) -> float:
    """The greatest rounding error of a number that the softmax of its row sees, less the error of the greatest number of that row: what
    moves all scores alike changes nothing."""
    greatest = mask.max(-1, keepdims=True)
    with np.errstate(all="ignore"):
        error = mask.astype(numpy_dtype(narrow)).astype(np.float64) - mask
        shifted = np.abs(error - np.take_along_axis(error, mask.argmax(-1)[..., None], -1))
    return float(np.max(shifted, initial=0.0, where=(mask >= greatest - _SEEN) & np.isfinite(shifted)))


def _f32(values: Sequence[SSAValue]) -> list[SSAValue]:
    return [value for value in values if isinstance(value.type, TensorType) and element_of(value) == f32]


def _carries_state(op: nn.RnnOp, outputs: Sequence[SSAValue]) -> bool:
    return any(state is not None and _is_from_input(state, outputs) for state in (op.hidden, op.cell))


def _adds_to_state(op: nn.AddOp, outputs: Sequence[SSAValue]) -> bool:
    """Whether one term is a state times a sigmoid, or times 1 less a sigmoid: u c + i g, z h + (1 - z) n, or n + z (h - n)."""
    if len(shape_of(op.result)) > _STATE_RANK:
        return False
    for term in op.operands:
        if not isinstance(term.owner, nn.MulOp):
            continue
        for gate, state in (term.owner.operands, reversed(term.owner.operands)):
            gate = _moved(gate)
            if isinstance(gate.owner, nn.SubOp):
                gate = _moved(gate.owner.rhs)
            if isinstance(state.owner, nn.SubOp):
                state = state.owner.lhs
            if isinstance(gate.owner, nn.SigmoidOp) and _is_from_input(state, outputs):
                return True
    return False


def _is_from_input(state: SSAValue, outputs: Sequence[SSAValue]) -> bool:
    """Whether a value is, or is part of, an input that an output may be given as in the next run."""
    state = _moved(state)
    return isinstance(state, BlockArgument) and any(_may_have_one_type(state, output) for output in outputs)


def _moved(value: SSAValue) -> SSAValue:
    """What a value is a view, or part, of."""
    while isinstance(value.owner, _MOVES):
        value = value.owner.operands[0]
    return value


def _may_have_one_type(one: SSAValue, other: SSAValue) -> bool:
    """Whether two tensors have one element type, and extents that differ at most in their symbols."""
    extents = [[extent.as_int() for extent in shape_of(value)] for value in (one, other)]
    return element_of(one) == element_of(other) and extents[0] == extents[1]


def _before_logarithm(op: Operation, constants: Collection[SSAValue]) -> Sequence[SSAValue]:
    """The operands whose relative errors become those of the result: not those of activation functions, x sigmoid(x) among them."""
    variable = [value for value in _f32(op.operands) if value not in constants]
    if isinstance(op, _PRODUCTS):
        return variable if len(variable) == 1 else ()
    if isinstance(op, (*_MOVES, nn.ReduceOp, nn.AvgPoolOp)):
        return variable
    terms = len(set(variable)) <= 1 or isinstance(op, _TERMS)
    return op.operands if nn.is_pointwise(op) and terms and not isinstance(op, _ACTIVATIONS) else ()


def _before_state(op: Operation, constants: Collection[SSAValue]) -> Sequence[SSAValue]:
    """The operands whose errors become those of the result, which is not bounded, nor a mean, in which they cancel."""
    mean = isinstance(op, nn.ReduceOp) and op.kind.data == nn.ReduceKind.MEAN
    if isinstance(op, _BOUNDED) or mean:
        return ()
    if isinstance(op, nn.AttentionOp):  # a softmax bounds what it makes of the others
        return [op.v] if op.v not in constants else []
    if isinstance(op, (*_MOVES, *_PRODUCTS, nn.ReduceOp)):
        return [value for value in op.operands if value not in constants]
    return op.operands if nn.is_pointwise(op) else ()
