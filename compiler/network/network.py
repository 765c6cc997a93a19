"""The layer API: build a network by hand, TensorRT's way. The ONNX importer uses the same builder.

    net = Network()
    x = net.add_input("x", "f32", ("N", 3, 48, 192))
    y = net.add_unary("relu", net.add_convolution(x, weights, bias, strides=(2, 2), pads=(1, 1, 1, 1)))
    net.mark_output(y, "y")
    net.symbols(N=(1, 4, 8))
    module = net.module()

Every `add_...` appends one layer and returns its result, an SSA value of the `nn` dialect. Operands are such values; parameters may be
arrays, and one operand of a binary layer may be a number: arrays and numbers become constants. Windows and batch norm take channels-first
tensors (`layout="NCHW"`, as ONNX and TensorRT do) and add transposes to `nn`'s channels-last layout and back; graph passes cancel them.
With `layout="NHWC"` there are none. Shapes may name dynamic dims: `"N"`, `"H + 1"`, a `dims.Expr`. Wrong shapes and types raise
`InvalidModelError` at the call. A network can be built any number of times; layers can be added only before the first build.
"""

from __future__ import annotations

from .layers.positions import PositionLayers
from .layers.recurrent import RecurrentLayers
from .layers.rows import RowLayers
from .layers.transposed import TransposedLayers


class Network(TransposedLayers, RecurrentLayers, RowLayers, PositionLayers):
    """A network under construction. See the module's docstring for the conventions."""
