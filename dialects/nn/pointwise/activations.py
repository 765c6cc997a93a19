"""Pointwise `nn` ops that networks call activations: one op each, whose meaning is the decomposition in its docstring.

    %y = nn.gelu %x {approximate = #nn.gelu_form<none>, fast = f16} : tensor<?x3072xf32, #nn.dims<N, 3072>>

The importer makes them of operators, `recognise-activations` of the ops that exporters write instead, and `decompose-activations` makes
these ops again.
"""

from __future__ import annotations

from xdsl.dialects.builtin import FloatAttr
from xdsl.dialects.utils import EnumAttribute
from xdsl.irdl import irdl_attr_definition, irdl_op_definition, prop_def
from xdsl.parser import AttrParser
from xdsl.printer import Printer
from xdsl.utils.str_enum import StrEnum

from ..base import Value, double, ty
from .unary import ApproximableOp, FloatUnaryOp, UnaryOp


class GeluForm(StrEnum):
    """Which function of `x` weighs it in `nn.gelu`: the error function, or the hyperbolic tangent that approximates it."""

    NONE = "none"
    TANH = "tanh"


@irdl_attr_definition
class GeluFormAttr(EnumAttribute[GeluForm]):
    """As ONNX names them: `none` for the error function."""

    name = "nn.gelu_form"

    @classmethod
    def parse_parameter(cls, parser: AttrParser) -> GeluForm:
        with parser.in_angle_brackets():
            return parser.parse_str_enum(GeluForm)

    def print_parameter(self, printer: Printer) -> None:
        with printer.in_angle_brackets():
            printer.print_string(self.data.value)


@irdl_op_definition
class GeluOp(ApproximableOp):
    """
    `0.5 x (1 + erf(x / sqrt(2)))`; with `approximate` `tanh`, `0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x**3)))`. +inf stays; -inf is NaN
    in the first form.
    """

    name = "nn.gelu"

    approximate = prop_def(GeluFormAttr)

    def __init__(self, x: Value, approximate: str = "none"):
        super(UnaryOp, self).__init__(
            operands=[x],
            properties={"approximate": GeluFormAttr(GeluForm(approximate))},
            result_types=[self.infer(ty(x))],
        )


@irdl_op_definition
class SiluOp(ApproximableOp):
    """`x sigmoid(alpha x)`: SiLU or Swish; QuickGELU for an `alpha` of 1.702."""

    name = "nn.silu"

    alpha = prop_def(FloatAttr)

    def __init__(self, x: Value, alpha: float = 1.0):
        super(UnaryOp, self).__init__(
            operands=[x], properties={"alpha": double(alpha)}, result_types=[self.infer(ty(x))]
        )


@irdl_op_definition
class SoftplusOp(ApproximableOp):
    """`log(1 + e ** x)`, as `max(x, 0) + log1p(e ** -|x|)`, which neither overflows nor loses digits."""

    name = "nn.softplus"


@irdl_op_definition
class MishOp(ApproximableOp):
    """`x tanh(softplus(x))`."""

    name = "nn.mish"


@irdl_op_definition
class HardSigmoidOp(FloatUnaryOp):
    """`min(max(alpha x + beta, 0), 1)`; NaN stays NaN."""

    name = "nn.hard_sigmoid"

    alpha = prop_def(FloatAttr)
    beta = prop_def(FloatAttr)

    def __init__(self, x: Value, alpha: float = 0.2, beta: float = 0.5):
        properties = {"alpha": double(alpha), "beta": double(beta)}
        super(UnaryOp, self).__init__(operands=[x], properties=properties, result_types=[self.infer(ty(x))])


@irdl_op_definition
class HardSwishOp(FloatUnaryOp):
    """`x min(max(x / 6 + 1 / 2, 0), 1)`, with 1 / 6 as a factor."""

    name = "nn.hard_swish"


ACTIVATIONS = (GeluOp, SiluOp, SoftplusOp, MishOp, HardSigmoidOp, HardSwishOp)
