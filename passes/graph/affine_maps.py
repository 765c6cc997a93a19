"""What `fold-batch-norm` asks of affine ops: which constants they have, and whether a factor would reach the weights of a conv or matmul.

Where it would not, there is a reason, for the remark of the pattern that asked.
"""

from __future__ import annotations

from xdsl.ir import Operation, SSAValue

from ...dialects import nn
from ...dialects.dtypes import is_float
from ...dialects.nn import element_of, rank_of, shape_of
from .editing import depends_on_constants_only, per_channel

LONGEST_CHAIN = 16
"""Affine ops between a factor and the weights that take it in. Those behind a conv merge as they are met, so that a longer chain has
none before it: to look for its end from each of its ops would take the square of their number."""


def constant_operand(op: Operation) -> tuple[SSAValue, SSAValue] | None:
    """(data, factor) of an op with two operands of which one, per channel of the result, depends on constants only."""
    result = op.results[0]
    if not is_float(element_of(result)) or rank_of(result) == 0:
        return None
    for data, factor in ((op.operands[0], op.operands[1]), (op.operands[1], op.operands[0])):
        if (
            shape_of(data) == shape_of(result)
            and depends_on_constants_only(factor)
            and not depends_on_constants_only(data)
        ):
            return (data, factor) if per_channel(factor, shape_of(result)[-1]) else None
    return None


def product_of(value: SSAValue) -> nn.ConvOp | nn.MatmulOp | None:
    """The conv or matmul of floats that defines a value."""
    owner = value.owner
    return owner if isinstance(owner, nn.ConvOp | nn.MatmulOp) and is_float(element_of(value)) else None


def weights_blocker(product: nn.ConvOp | nn.MatmulOp) -> str | None:
    """Why a product has no weights that could take in a factor, or None."""
    if not depends_on_constants_only(product.operands[1]):
        return "its second operand is computed at run time"
    if isinstance(product, nn.MatmulOp) and rank_of(product.b) != 2:
        return "its weights are not one matrix"
    return None


def is_uneven(op: Operation) -> bool:
    """Whether an op of floats has a constant operand that does not lie along the channels of its result."""
    result = op.results[0]
    if not is_float(element_of(result)) or rank_of(result) == 0 or constant_operand(op) is not None:
        return False
    constant = [depends_on_constants_only(operand) for operand in op.operands]
    return any(constant) and not all(constant)


def absorbs_factor(value: SSAValue) -> bool:
    """Whether a factor on the value would reach the weights of a conv or matmul."""
    product, why = way_to_weights(value)
    return product is not None and why is None


def way_to_weights(value: SSAValue) -> tuple[nn.ConvOp | nn.MatmulOp | None, str | None]:
    """The conv or matmul before a value, past at most `LONGEST_CHAIN` affine ops, and why a factor would not reach its weights."""
    if not _may_lead_to_weights(value):
        return None, None
    shared = None
    for _ in range(LONGEST_CHAIN + 1):
        if not value.has_one_use():
            shared = "what it multiplies has other users"
        if (product := product_of(value)) is not None:
            return product, shared or weights_blocker(product)
        owner = value.owner
        if not isinstance(owner, nn.AddOp | nn.MulOp):
            break
        parts = constant_operand(owner)
        if parts is None:
            products = [found for operand in owner.operands if (found := product_of(operand)) is not None]
            uneven = "not one per channel" if is_uneven(owner) else "computed at run time"
            return (
                (products[0], f"an operand of the {owner.name} between them is {uneven}") if products else (None, None)
            )
        value = parts[0]
    return None, None


def _may_lead_to_weights(value: SSAValue) -> bool:
    """False where a chain of ops with constants, which is quick to follow, ends at something else than a conv or matmul."""
    for _ in range(LONGEST_CHAIN):
        if not isinstance(value.owner, nn.AddOp | nn.MulOp):
            return isinstance(value.owner, nn.ConvOp | nn.MatmulOp)
        computed = [operand for operand in value.owner.operands if not isinstance(operand.owner, nn.ConstantOp)]
        if len(computed) != 1:
            return True  # which of them is the data takes longer to say
        value = computed[0]
    return isinstance(value.owner, nn.ConvOp | nn.MatmulOp)


def input_blocker(product: nn.ConvOp | nn.MatmulOp) -> str | None:
    """Why a factor per channel on a product's input does not go into its weights, or None."""
    if not product.operands[0].has_one_use():
        return "the scaled input has other users"
    if isinstance(product, nn.ConvOp) and product.groups.value.data != 1:
        return "it has groups"
    return weights_blocker(product)
