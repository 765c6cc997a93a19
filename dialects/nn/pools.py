"""`nn` pools that give places, not values."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import AnyTensorType, i64
from xdsl.ir import Attribute
from xdsl.irdl import irdl_op_definition

from .base import NnOp, shape_of, tensor_type
from .linear import PoolOp


@irdl_op_definition
class ArgMaxPoolOp(PoolOp):
    """Where `nn.max_pool` finds the maximum of each window: its place in the image, counted row-major over the spatial dims without
    padding, as i64. The first of equal ones in the window's row-major order; NaN counts as the greatest. A window without an element of the
    image gives 0.
    """

    name = "nn.arg_max_pool"

    @classmethod
    def infer(
        cls,
        x: Attribute,
        kernel: Sequence[int],
        strides: Sequence[int],
        pads: Sequence[int],
        dilations: Sequence[int],
    ) -> AnyTensorType:
        return tensor_type(shape_of(super().infer(x, kernel, strides, pads, dilations)), i64)


POOLS: tuple[type[NnOp], ...] = (ArgMaxPoolOp,)
