"""The `swish` dialect: one op, `swish.swish`, which is `x * sigmoid(x)`. `expand-swish` lowers it to `nn`.

%y = swish.swish %x : tensor<1x4xf32>

Its reference semantics stand below the op: `@defines` adds them to the table by which trtc executes modules (`--run`,
`--check-numerics`) and folds constants.
"""

from collections.abc import Sequence

import numpy as np
from xdsl.ir import Dialect
from xdsl.irdl import irdl_op_definition

from trtc.dialects.meaning import Env, defines, widen
from trtc.dialects.nn.pointwise import FloatUnaryOp


@irdl_op_definition
class SwishOp(FloatUnaryOp):
    """`x * sigmoid(x)`, element by element, on a floating-point tensor; the sigmoid is rounded to its type."""

    name = "swish.swish"


@defines(SwishOp)
def _swish(op: SwishOp, operands: Sequence[np.ndarray], env: Env) -> list[np.ndarray]:
    """The results, one array each; `env` has the sizes of the dynamic dims of the op's types."""
    (x,) = operands
    sigmoid = (1 / (1 + np.exp(-widen(x)))).astype(x.dtype)
    return [(widen(x) * widen(sigmoid)).astype(x.dtype)]


Swish = Dialect("swish", [SwishOp], [])
