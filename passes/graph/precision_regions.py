"""Which ops `assign-precision` leaves in f32: the tail of the network, and what lies between a dequantize and a quantize."""

from __future__ import annotations

from xdsl.dialects.builtin import f32
from xdsl.dialects.func import ReturnOp
from xdsl.ir import Block, Operation

from ...dialects import nn, quant
from ...dialects.nn import element_of
from .editing import fed_by_constants_only

_VIEWS = (nn.ReshapeOp, nn.TransposeOp, nn.SliceOp, nn.BroadcastToOp, nn.RollOp)
_TAIL = (
    nn.MaxPoolOp,
    nn.AvgPoolOp,
    nn.SoftmaxOp,
    nn.LogSoftmaxOp,
    nn.LayerNormOp,
    nn.NormalizeOp,
    nn.L2NormalizeOp,
    nn.ReduceOp,
    *_VIEWS,
)
_PRODUCTS = (nn.ConvOp, nn.MatmulOp, nn.AttentionOp, nn.RnnOp)


def wide_ops(block: Block) -> set[Operation]:
    """The ops of a block that compute in f32 in every mode."""
    constants = fed_by_constants_only(block)
    ops = [op for op in block.ops if op.results and op.results[0] not in constants]
    return _tail(ops) | _between_marks(list(block.ops))


def _tail(ops: list[Operation]) -> set[Operation]:
    """Row ops, pointwise ops and views whose results reach nothing but outputs and quantize ops through such ops."""
    tail: set[Operation] = set()
    for op in reversed(ops):
        if not (nn.is_pointwise(op) or isinstance(op, _TAIL)) or isinstance(op, quant.ScaledOp):
            continue
        users = [use.operation for result in op.results for use in result.uses]
        if users and all(isinstance(user, ReturnOp | quant.QuantizeOp) or user in tail for user in users):
            tail.add(op)
    return tail


def _between_marks(ops: list[Operation]) -> set[Operation]:
    """Dequantize ops and what follows them pointwise or by a view, products of two of them, up to the next quantize."""
    wide: set[Operation] = set()
    for op in ops:
        if isinstance(op, quant.ScaledOp):
            if not isinstance(op, quant.QuantizeOp):
                wide.add(op)
            continue
        factors = op.operands[:3] if isinstance(op, nn.AttentionOp) else op.operands
        from_wide = [operand.owner in wide for operand in factors]
        follows = any(from_wide) and (nn.is_pointwise(op) or isinstance(op, _VIEWS))
        if follows or (isinstance(op, _PRODUCTS) and all(from_wide)):
            wide.add(op)
    return wide


def wide_products(block: Block, wide: set[Operation]) -> set[Operation]:
    """Convs, matmuls and attentions that read narrow operands and give their f32 sums unrounded to wide ops and outputs only."""
    found: set[Operation] = set()
    for op in block.ops:
        if isinstance(op, _PRODUCTS) and op not in wide and element_of(op.results[0]) == f32:
            users = [use.operation for use in op.results[0].uses]
            if users and all(user in wide or isinstance(user, ReturnOp) for user in users):
                found.add(op)
    return found
