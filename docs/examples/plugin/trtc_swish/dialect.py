"""The `swish` dialect: one op, `swish.swish`, which is `x * sigmoid(x)`. `expand-swish` lowers it to `nn`.

%y = swish.swish %x : tensor<1x4xf32>
"""

from xdsl.ir import Dialect
from xdsl.irdl import irdl_op_definition

from trtc.dialects.nn.pointwise import FloatUnaryOp


@irdl_op_definition
class SwishOp(FloatUnaryOp):
    """`x * sigmoid(x)`, element by element, on a floating-point tensor."""

    name = "swish.swish"


Swish = Dialect("swish", [SwishOp], [])
