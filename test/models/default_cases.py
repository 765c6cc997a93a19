"""For each operator of the importer's tables a node without any optional attribute, at each version of its schema."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx.defs
from models.random import graphs
from onnx import ModelProto, helper, numpy_helper

from trtc.compiler.frontend.opsets import OLDEST_OPSET
from trtc.compiler.frontend.registry import load_tables

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Const:
    """An operand that the model holds."""

    array: Array


@dataclass(frozen=True)
class Form:
    """Operands (None: left out), required attributes, and how many results."""

    operands: Sequence[Array | Const | None]
    attributes: dict[str, Any] = field(default_factory=dict[str, Any])
    results: int = 1


@dataclass(frozen=True)
class Case:
    """One operator at one version of its schema."""

    op: str
    domain: str
    opset: int
    form: Form
    defaults: dict[str, Any]
    """The optional attributes that the schema, or ONNX's documentation of it, gives a value."""

    def __str__(self) -> str:
        return f"{self.op}-{self.opset}"

    @property
    def inputs(self) -> dict[str, Array]:
        return {f"x{i}": x for i, x in enumerate(self.form.operands) if isinstance(x, np.ndarray)}

    def model(self, **attributes: Any) -> ModelProto:
        """The model of one node, with these attributes and the required ones."""
        names = ["" if x is None else f"x{i}" for i, x in enumerate(self.form.operands)]
        results = [f"y{i}" for i in range(self.form.results)]
        given = {**self.form.attributes, **attributes}
        node = helper.make_node(self.op, names, results, "node", domain=self.domain, **given)
        inputs = [
            helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(x.dtype), x.shape)
            for name, x in self.inputs.items()
        ]
        held = [
            numpy_helper.from_array(x.array, f"x{i}") for i, x in enumerate(self.form.operands) if isinstance(x, Const)
        ]
        outputs = [helper.make_empty_tensor_value_info(name) for name in results]
        model = graphs.make_model(helper.make_graph([node], "g", inputs, outputs, held), self.opset)
        if self.domain:
            model.opset_import.append(helper.make_opsetid(self.domain, 1))
        return model


_RNG = np.random.default_rng(0)
X = (_RNG.standard_normal((2, 3, 4, 6)) * 2).astype(np.float32)
Y = (_RNG.standard_normal((2, 3, 4, 6)) * 2).astype(np.float32)
SIX = np.concatenate([X, Y], 1)
"""Six channels, for groups of them."""
POSITIVE = np.abs(X) + np.float32(0.1)
BITS, OTHER_BITS = X > 0, Y > 0
ODD = np.float32([[np.nan, np.inf, -np.inf, 1.0, 0.0, -2.0]])
CHANNELS = np.float32([0.5, 1.0, 2.0])
WHOLE = _RNG.integers(-9, 10, (2, 3)).astype(np.int32)
DIVISORS = _RNG.integers(1, 5, (2, 3)).astype(np.int32)

BYTES = _RNG.integers(0, 256, (2, 3, 4)).astype(np.uint8)


def longs(*values: int) -> Const:
    return Const(np.array(values, np.int64))


def scalar(value: int) -> Const:
    return Const(np.array(value, np.int64))


ELSEWHERE = (
    "Compress", "ConcatFromSequence", "GlobalLpPool", "If", "Loop", "MaxRoiPool", "NonMaxSuppression", "NonZero", "Scan",
    "SequenceAt", "SequenceConstruct", "SequenceEmpty", "SequenceErase", "SequenceInsert", "SequenceLength", "SequenceMap",
    "SimplifiedLayerNormalization", "SplitToSequence", "Unique",
)  # fmt: skip
"""Operators with tests of their own: with subgraphs or sequences, of sizes that data decides, or whose newest version no peer computes."""
DRAWN = ("Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike")
"""Operators whose numbers ONNX leaves open, which have test_drawn_numbers.py."""
PLACES = np.broadcast_to(np.arange(3)[:, None, None] % 2, (3, 2, 6))[None].astype(np.int64).copy()
"""Indices into the first of two dims, each place once."""
SCALED = (Const(np.float32(0.5)), Const(np.uint8(3)))
"""A scale and a zero point."""


def _recurrent(gates: int, columns: int) -> Array:
    """Weights [1, 2 gates, columns] of two units."""
    return np.random.default_rng(gates + columns).standard_normal((1, 2 * gates, columns)).astype(np.float32)


_UNARY = (
    "Abs Asinh Atan Ceil Celu Clip Cos Cosh Dropout Elu Erf Exp Flatten Floor Gelu GlobalAveragePool GlobalMaxPool HardSigmoid "
    "HardSwish Identity LeakyRelu LogSoftmax LpNormalization MeanVarianceNormalization Mish Neg Reciprocal ReduceL1 ReduceL2 ReduceMax "
    "ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu Round Selu Shape Shrink Sigmoid Sign Sin Sinh Size Softmax Softplus "
    "Softsign Swish Tan Tanh ThresholdedRelu Transpose Trilu com.microsoft.Gelu com.microsoft.FastGelu"
)
UNIT = np.float32(0.9) * X / np.abs(X).max()
_BINARY = "Add Div Equal Greater GreaterOrEqual Less LessOrEqual Max Mean Min Mul Sub Sum"

NEWEST: dict[str, Form] = {
    **{name: Form([X]) for name in _UNARY.split()},
    **{name: Form([POSITIVE]) for name in ("Log", "Sqrt", "ReduceLogSum", "ReduceLogSumExp")},
    **{name: Form([UNIT]) for name in ("Acos", "Asin", "Atanh")},
    "Acosh": Form([POSITIVE + 1]),
    **{name: Form([WHOLE, DIVISORS]) for name in ("BitwiseAnd", "BitwiseOr", "BitwiseXor")},
    "BitwiseNot": Form([WHOLE]),
    "Hardmax": Form([X]),
    "EyeLike": Form([WHOLE]),
    "Det": Form([X[..., :4].copy()]),
    "DFT": Form([X[..., :2].copy()]),
    "STFT": Form([_RNG.standard_normal((2, 60, 1)).astype(np.float32), scalar(7), Const(np.hanning(16).astype(np.float32))]),
    **{name: Form([scalar(9)]) for name in ("BlackmanWindow", "HammingWindow", "HannWindow")},
    "MelWeightMatrix": Form([scalar(8), scalar(64), scalar(8000), *(Const(np.float32(edge)) for edge in (50, 3000))]),
    "BitShift": Form([DIVISORS.astype(np.uint32), DIVISORS.astype(np.uint32)], {"direction": "LEFT"}),
    "BitCast": Form([X], {"to": int(onnx.TensorProto.INT32)}),
    **{name: Form([ODD]) for name in ("IsInf", "IsNaN")},
    **{name: Form([X, Y]) for name in _BINARY.split()},
    **{name: Form([BITS, OTHER_BITS]) for name in ("And", "Or", "Xor")},
    "Not": Form([BITS]),
    "Pow": Form([POSITIVE, Y]),
    "PRelu": Form([X, np.float32(0.3) * np.abs(Y)]),
    "Mod": Form([WHOLE, DIVISORS]),
    "Where": Form([BITS, X, Y]),
    "Cast": Form([X], {"to": int(onnx.TensorProto.INT32)}),
    "CastLike": Form([X, WHOLE]),
    "Constant": Form([], {"value": numpy_helper.from_array(CHANNELS)}),
    "ConstantOfShape": Form([longs(2, 3)]),
    "Range": Form([Const(np.array(v, np.float32)) for v in (1.0, 9.0, 2.5)]),
    "Gemm": Form([X[0, 0], Y[0, 0].T.copy(), X[0, 1, :, :4].copy()]),
    "MatMul": Form([X, Y.swapaxes(-1, -2).copy()]),
    "Conv": Form([X, Const(Y[:, :, :3, :2].copy())]),
    "ConvTranspose": Form([X, Const(Y[:1, :, :3, :2].swapaxes(0, 1).copy())]),
    "DeformConv": Form([X, Const(Y[:, :, :3, :2].copy()), _RNG.standard_normal((2, 12, 2, 5)).astype(np.float32)]),
    "LpPool": Form([X], {"kernel_shape": [2, 3]}),
    "MaxUnpool": Form([X[:1, :1, :2, :3].copy(), np.int64([[[[0, 3, 5], [12, 15, 16]]]])], {"kernel_shape": [2, 2], "strides": [2, 2]}),
    "RoiAlign": Form([X, np.float32([[0, 0, 3, 2], [1, 1, 5, 3]]), np.int64([0, 1])]),
    "GridSample": Form([X, _RNG.uniform(-1.2, 1.2, (2, 3, 5, 2)).astype(np.float32)]),
    "AffineGrid": Form([X[:, 0, :2, :3].copy(), longs(2, 3, 4, 5)]),
    "Col2Im": Form([X.reshape(2, 12, 6), longs(3, 4), longs(2, 2)]),
    "CenterCropPad": Form([X, longs(1, 5, 2, 7)]),
    "ArgMax": Form([X]),
    "ArgMin": Form([X]),
    "TopK": Form([X, longs(2)], results=2),
    "OneHot": Form([WHOLE, scalar(5), Const(np.float32([0, 2]))]),
    "ReverseSequence": Form([X[:, :, 0].copy(), np.int64([1, 2, 2])]),
    "Einsum": Form([X, Y], {"equation": "abij,abkj->aik"}),
    "ScatterElements": Form([X, PLACES, Y[:1, :, :2].copy()]),
    "Scatter": Form([X, PLACES, Y[:1, :, :2].copy()]),
    "ScatterND": Form([X, np.int64([[0, 2], [1, 0]]), Y[:, 0].copy()]),
    "TensorScatter": Form([X, Y[:, :, :2].copy(), np.int64([0, 2])]),
    "CumProd": Form([X, scalar(1)]),
    "AveragePool": Form([X], {"kernel_shape": [2, 3]}),
    "MaxPool": Form([X], {"kernel_shape": [2, 3]}),
    "Resize": Form([X, None, Const(np.float32([1, 1, 2, 3]))]),
    "Upsample": Form([X, Const(np.float32([1, 1, 2, 3]))]),
    "BatchNormalization": Form([X, *(Const(CHANNELS + np.float32(i)) for i in range(4))]),
    "InstanceNormalization": Form([X, Const(CHANNELS), Const(CHANNELS - 1)]),
    "GroupNormalization": Form([SIX, Const(SIX[0, :, 0, 0]), Const(SIX[1, :, 0, 0])], {"num_groups": 3}),
    "LayerNormalization": Form([X, Const(np.arange(6, dtype=np.float32))]),
    "RMSNormalization": Form([X, Const(np.arange(6, dtype=np.float32))]),
    "LRN": Form([X], {"size": 3}),
    "CumSum": Form([X, Const(np.array(1, np.int64))]),
    "Concat": Form([X, Y], {"axis": 1}),
    "DepthToSpace": Form([_RNG.standard_normal((1, 8, 2, 3)).astype(np.float32)], {"blocksize": 2}),
    "SpaceToDepth": Form([X], {"blocksize": 2}),
    "Expand": Form([X[:, :1].copy(), longs(2, 3, 4, 6)]),
    "Pad": Form([X, longs(0, 0, 1, 2, 0, 1, 0, 3)]),
    "Reshape": Form([X, longs(0, -1, 8)]),
    "Split": Form([X, longs(1, 1)], results=2),
    "Squeeze": Form([X[:, :1, :, :1].copy()]),
    "Unsqueeze": Form([X, longs(0, -1)]),
    "Tile": Form([X, longs(1, 2, 1, 3)]),
    "Gather": Form([X, Const(np.array([[1, 0], [0, 1]], np.int64))]),
    "GatherElements": Form([X, _RNG.integers(0, 2, (1, 3, 2, 6)).astype(np.int64)]),
    "GatherND": Form([X, np.array([[0, 2], [1, -1]], np.int64)]),
    "Slice": Form([X, longs(0, 1), longs(2, 3)]),
    **{name: Form([X[0], Const(_recurrent(gates, 6)), Const(_recurrent(gates, 2))], {"hidden_size": 2})
       for name, gates in (("LSTM", 4), ("GRU", 3), ("RNN", 1))},
    "DequantizeLinear": Form([_RNG.integers(-99, 99, (2, 3, 4)).astype(np.int8), Const(CHANNELS)]),
    "QuantizeLinear": Form([X, Const(CHANNELS / 50), Const(np.zeros(3, np.int8))]),
    "Attention": Form([X, Y, SIX[:, :3].copy()]),
    "DynamicQuantizeLinear": Form([X], results=3),
    "MatMulInteger": Form([BYTES[0], Const(BYTES[1].T.copy())]),
    "ConvInteger": Form([BYTES[:, :, None].copy(), Const(BYTES[:, :, None, :2].copy())]),
    "QLinearMatMul": Form([BYTES[0], *SCALED, Const(BYTES[1].T.copy()), *SCALED, Const(np.float32(20)), *SCALED[1:]]),
    "QLinearConv": Form(
        [BYTES[:, :, None].copy(), *SCALED, Const(BYTES[:, :, None, :2].copy()), *SCALED, Const(np.float32(20)), *SCALED[1:]]
    ),
    ".SimplifiedLayerNormalization": Form([X, Const(np.arange(6, dtype=np.float32))]),
}  # fmt: skip
"""What each operator of the tables reads in its newest form."""

OLDER: dict[str, list[tuple[int, Form]]] = {
    "TopK": [(9, Form([X], {"k": 2}, results=2))],
    "Slice": [(9, Form([X], {"starts": [0, 1], "ends": [2, 3]}))],
    "Pad": [(10, Form([X], {"pads": [0, 0, 1, 2, 0, 1, 0, 3]}))],
    "Split": [(12, Form([X], results=2))],
    "Unsqueeze": [(12, Form([X], {"axes": [0, 1]}))],
    "Upsample": [(8, Form([X], {"scales": [1.0, 1.0, 2.0, 3.0]}))],
    "Resize": [(10, Form([X, Const(np.float32([1, 1, 2, 3]))]))],
    "GroupNormalization": [(20, Form([SIX, Const(CHANNELS), Const(CHANNELS - 1)], {"num_groups": 3}))],
    "QuantizeLinear": [(12, Form([X, Const(np.float32(0.02)), Const(np.int8(0))]))],
    "DequantizeLinear": [(12, Form([_RNG.integers(-99, 99, (2, 3, 4)).astype(np.int8), Const(np.float32(0.5))]))],
    "GatherND": [(11, Form([X, np.array([[0, 2], [1, -1]], np.int64)]))],
}  # fmt: skip
"""Forms of older versions, each with the last opset that has it."""

_WINDOW = {"strides": [1, 1], "pads": [0, 0, 0, 0], "dilations": [1, 1]}
DOCUMENTED: dict[str, dict[str, Any]] = {
    "Conv": {**_WINDOW, "kernel_shape": [3, 2]},
    "MaxPool": _WINDOW,
    "AveragePool": _WINDOW,
    "Transpose": {"perm": [3, 2, 1, 0]},
    "ConstantOfShape": {"value": numpy_helper.from_array(np.zeros(1, np.float32))},
}
"""Defaults that depend on the operand's rank, or that the schema gives only in its text."""


def cases() -> Iterator[Case]:
    """Every operator of the tables at every version of its schema that trtc reads. `contrib` has those that ONNX does not define."""
    versions: dict[tuple[str, str], list[Any]] = {}
    for schema in onnx.defs.get_all_schemas_with_history():
        versions.setdefault((schema.domain, schema.name), []).append(schema)
    for domain, name in sorted(load_tables()):
        if name in DRAWN + ELSEWHERE:
            continue
        if (domain, name) not in versions and (form := NEWEST.get(f"{domain}.{name}")) is not None:
            yield Case(name, domain, 17, form, {})
        for schema in versions.get((domain, name), []):
            opset = max(schema.since_version, OLDEST_OPSET)
            if schema.deprecated or onnx.defs.get_schema(name, opset, domain).since_version != schema.since_version:
                continue
            form = next((form for last, form in OLDER.get(name, []) if opset <= last), NEWEST[name])
            yield Case(name, domain, opset, form, _defaults(schema, name, form))


def _defaults(schema: Any, name: str, form: Form) -> dict[str, Any]:
    known = {
        attribute.name: helper.get_attribute_value(attribute.default_value)
        for attribute in schema.attributes.values()
        if attribute.default_value.type
    }
    documented = {key: value for key, value in DOCUMENTED.get(name, {}).items() if key in schema.attributes}
    return {key: value for key, value in (known | documented).items() if key not in form.attributes}
