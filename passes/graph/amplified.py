"""Values whose rounding is amplified by what reads them: `analyze-ranges` marks them, whatever their size.

A logarithm makes absolute errors of relative ones. What a product of a signal and a filter rounds is relative to its largest terms: in the
faint part of a spectrum, which a logarithm brings up, nothing else would be left. So filters, sums and squares before a logarithm stay
wide, back to an activation function: in features a network bears noise.

A recurrence that carries its state between runs adds up what its gates read, over thousands of steps where a gate is near 1: a bias that is
rounded once adds its error in each of them. So what such a recurrence reads stays wide, back to what is bounded or a mean, and so does the
state. Within a run the steps are few, and errors of one layer are of the size of those of a product.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from xdsl.dialects.builtin import TensorType, f32
from xdsl.dialects.func import ReturnOp
from xdsl.ir import Block, BlockArgument, Operation, SSAValue

from ...dialects import nn
from ...dialects.nn import element_of, shape_of
from .editing import fed_by_constants_only

LOGARITHM = "a logarithm amplifies its rounding"
ADDED_UP = "a state that is carried between runs adds up its rounding"
STATE = "a state that is carried between runs"
_MOVES = (
    nn.ReshapeOp, nn.TransposeOp, nn.SliceOp, nn.BroadcastToOp, nn.ConcatOp, nn.PadOp, nn.GatherOp, nn.GatherNdOp, nn.MaxPoolOp,
)  # fmt: skip
_PRODUCTS = (nn.ConvOp, nn.MatmulOp)
_BOUNDED = (
    nn.TanhOp, nn.SigmoidOp, nn.ErfOp, nn.SinOp, nn.CosOp, nn.SignOp, nn.SoftmaxOp, nn.LayerNormOp, nn.LrnOp, nn.RnnOp,
)  # fmt: skip
_ACTIVATIONS = (*_BOUNDED, nn.ReluOp, nn.ExpOp)
_TERMS = (nn.AddOp, nn.SubOp, nn.DivOp)


def amplified_values(block: Block) -> dict[SSAValue, str]:
    """The f32 values of a block whose rounding is amplified, and by what; constants that are added to such values too. Linear."""
    constants = fed_by_constants_only(block)
    read: set[SSAValue] = set()
    """What logarithms read."""
    added_up: set[SSAValue] = set()
    """What recurrences that carry their state read."""
    states: set[SSAValue] = set()
    outputs = [value for op in block.ops if isinstance(op, ReturnOp) for value in op.operands]
    returned = set(outputs)
    for op in reversed(list(block.ops)):
        if len(op.results) != 1 or op.regions or not op.operands:
            continue
        (result,) = op.results
        if isinstance(op, nn.LogOp):
            read.update(_f32(op.operands))
        elif isinstance(op, nn.RnnOp) and result in returned and _starts_from_input(op, outputs):
            states.update(_f32(op.results))
            added_up.update(_f32([v for v in (op.inputs, op.bias, op.peepholes) if v is not None]))
        if result in returned and (nn.is_pointwise(op) or isinstance(op, _MOVES)):
            returned.update(op.operands)
        if result in read:
            read.update(_f32(_before_logarithm(op, constants)))
        if result in added_up:
            added_up.update(_f32(_before_state(op, constants)))
    return dict.fromkeys(added_up, ADDED_UP) | dict.fromkeys(read, LOGARITHM) | dict.fromkeys(states, STATE)


def _f32(values: Sequence[SSAValue]) -> list[SSAValue]:
    return [value for value in values if isinstance(value.type, TensorType) and element_of(value) == f32]


def _starts_from_input(op: nn.RnnOp, outputs: Sequence[SSAValue]) -> bool:
    """Whether an initial state is, or is part of, an input that an output may be given as in the next run."""
    for state in (op.hidden, op.cell):
        while state is not None and isinstance(state.owner, _MOVES):
            state = state.owner.operands[0]
        if isinstance(state, BlockArgument) and any(_may_have_one_type(state, output) for output in outputs):
            return True
    return False


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
    if isinstance(op, (*_MOVES, *_PRODUCTS, nn.ReduceOp)):
        return [value for value in op.operands if value not in constants]
    return op.operands if nn.is_pointwise(op) else ()
