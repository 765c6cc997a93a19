"""`nn.rnn`: the recurrence of LSTM, GRU and RNN layers, whose input projections are a matmul outside."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import (
    AnyTensorType,
    ArrayAttr,
    DenseArrayBase,
    FloatAttr,
    StringAttr,
    UnitAttr,
    bf16,
    f16,
    f32,
    f64,
    i32,
    i64,
)
from xdsl.dialects.utils import EnumAttribute
from xdsl.ir import Attribute, SpacedOpaqueSyntaxAttribute, SSAValue
from xdsl.irdl import (
    AttrSizedOperandSegments,
    ParsePropInAttrDict,
    irdl_attr_definition,
    irdl_op_definition,
    operand_def,
    opt_operand_def,
    opt_prop_def,
    prop_def,
    result_def,
    traits_def,
)
from xdsl.traits import Pure
from xdsl.utils.str_enum import StrEnum

from ..dims import Expr, ExprLike, as_expr
from .base import NnOp, Tensor, Value, double, element_of, require, same_dim, shape_of, tensor_type, ty
from .linear import Math, MathAttr


class RnnKind(StrEnum):
    """The cell of a recurrence."""

    LSTM = "lstm"
    GRU = "gru"
    RNN = "rnn"


@irdl_attr_definition
class RnnKindAttr(EnumAttribute[RnnKind], SpacedOpaqueSyntaxAttribute):
    name = "nn.rnn_kind"


class RnnDirection(StrEnum):
    """In which order a recurrence takes its steps; `bidirectional` has one of each."""

    FORWARD = "forward"
    REVERSE = "reverse"
    BIDIRECTIONAL = "bidirectional"


@irdl_attr_definition
class RnnDirectionAttr(EnumAttribute[RnnDirection], SpacedOpaqueSyntaxAttribute):
    name = "nn.rnn_direction"


RNN_GATES = {RnnKind.LSTM: 4, RnnKind.GRU: 3, RnnKind.RNN: 1}
"""Gates of a cell, in ONNX's order: input, output, forget, cell; update, reset, hidden; hidden."""
RNN_FUNCTIONS = {RnnKind.LSTM: 3, RnnKind.GRU: 2, RnnKind.RNN: 1}
"""Activation functions of a cell, in ONNX's order: f, g, h."""
RNN_ACTIVATIONS = (
    "affine", "elu", "hard_sigmoid", "leaky_relu", "relu", "scaled_tanh", "sigmoid", "softplus", "softsign", "tanh", "thresholded_relu",
)  # fmt: skip
"""What `activations` may name; ONNX defines them, with the parameters alpha and beta."""
_COMPUTED_IN_F32 = {f16, bf16, f32}


@irdl_op_definition
class RnnOp(NnOp):
    """
    The steps of an LSTM, GRU or RNN layer over a sequence of T steps and a batch of N, in D directions, with H hidden units and G gates.

    `inputs` [T, N, D, G H] are the projected inputs with their biases (input and recurrent ones, but for `bias`), `weights` [D, G H, H] the
    recurrent ones. `hidden` and `cell` [D, N, H] are the initial states, zero if not given. `lengths` [N] (i32 or i64): step t of
    a sequence counts while t < length; later steps leave the state alone and give zeros. The reverse direction goes from step T - 1 to 0.
    `bias` [D, H] with `reset_after`: the recurrent bias of the hidden gate. `peepholes` [D, 3 H]: input, output, forget (LSTM).

    The result [T + 1, N, D, H] (LSTM: T + 2) has the hidden states of all steps, then the last hidden state, then the last cell state;
    with `without_last` only the first T.

    LSTM: i = f(x_i + R_i h + p_i c), u = f(x_f + R_f h + p_f c), c' = u c + i g(x_c + R_c h), o = f(x_o + R_o h + p_o c'), h' = o h(c').
    GRU: z = f(x_z + R_z h), r = f(x_r + R_r h), h' = (1 - z) g(x_h + R_h (r h)) + z h; with `reset_after` g(x_h + r (R_h h + bias)).
    RNN: h' = f(x + R h). `clip` bounds what the activations of gates read (not h of an LSTM) to [-clip, clip]. `coupled`: u = 1 - i (LSTM).

    `scales` [D, 4 H] (LSTM) of `weights` that are integers, in f16: h is quantized too. Of the least and the greatest number l and u of a
    sequence's h and 0, s = (u - l) / 255, or 1 if that is 0, and z = round(-l / s); q = clip(round(h / s), -z, 255 - z) are integers,
    halves to even, and R h is q R^T (s scales).

    h is rounded to the element type of `weights`, or to `math` where they are f32, when it is multiplied, and products are summed in
    f32. All else, states included, is computed in f32 (f64 for f64) and rounded once to the result's type, that of `inputs` or another.
    """

    name = "nn.rnn"

    inputs = operand_def(Tensor)
    weights = operand_def(Tensor)
    hidden = opt_operand_def(Tensor)
    cell = opt_operand_def(Tensor)
    lengths = opt_operand_def(Tensor)
    bias = opt_operand_def(Tensor)
    peepholes = opt_operand_def(Tensor)
    scales = opt_operand_def(Tensor)
    kind = prop_def(RnnKindAttr)
    direction = prop_def(RnnDirectionAttr)
    activations = prop_def(ArrayAttr[StringAttr])
    alphas = prop_def(DenseArrayBase.constr(f64))
    betas = prop_def(DenseArrayBase.constr(f64))
    clip = opt_prop_def(FloatAttr)
    reset_after = opt_prop_def(UnitAttr)
    coupled = opt_prop_def(UnitAttr)
    without_last = opt_prop_def(UnitAttr)
    math = opt_prop_def(MathAttr)
    result = result_def(Tensor)

    traits = traits_def(Pure())
    irdl_options = (AttrSizedOperandSegments(as_property=True), ParsePropInAttrDict())
    assembly_format = (
        "$kind $direction $inputs `,` $weights (`hidden` $hidden^)? (`cell` $cell^)? (`lengths` $lengths^)? (`bias` $bias^)? "
        "(`peepholes` $peepholes^)? (`scales` $scales^)? attr-dict `:` type($inputs) `,` type($weights) (`hidden` type($hidden)^)? "
        "(`cell` type($cell)^)? (`lengths` type($lengths)^)? (`bias` type($bias)^)? (`peepholes` type($peepholes)^)? "
        "(`scales` type($scales)^)? `->` type($result)"
    )

    def __init__(
        self,
        kind: str,
        direction: str,
        inputs: Value,
        weights: Value,
        *,
        hidden: Value | None = None,
        cell: Value | None = None,
        lengths: Value | None = None,
        bias: Value | None = None,
        peepholes: Value | None = None,
        scales: Value | None = None,
        activations: Sequence[str],
        alphas: Sequence[float],
        betas: Sequence[float],
        clip: float | None = None,
        reset_after: bool = False,
        coupled: bool = False,
        math: str | None = None,
        element_type: Attribute | None = None,
    ):
        """`alphas` and `betas`: the parameters of each activation, 0 where it has none."""
        known = RnnKind(kind)
        super().__init__(
            operands=[inputs, weights, hidden, cell, lengths, bias, peepholes, scales],
            properties={
                "kind": RnnKindAttr(known),
                "direction": RnnDirectionAttr(RnnDirection(direction)),
                "activations": ArrayAttr(StringAttr(name) for name in activations),
                "alphas": DenseArrayBase.from_list(f64, list(alphas)),
                "betas": DenseArrayBase.from_list(f64, list(betas)),
                "clip": None if clip is None else double(clip),
                "reset_after": UnitAttr() if reset_after else None,
                "coupled": UnitAttr() if coupled else None,
                "math": None if math is None else MathAttr(Math(math)),
            },
            result_types=[self.infer(known, ty(inputs), ty(weights), element_type)],
        )

    @classmethod
    def infer(
        cls,
        kind: RnnKind,
        inputs: Attribute,
        weights: Attribute,
        element_type: Attribute | None = None,
        *,
        last: bool = True,
    ) -> AnyTensorType:
        x, w = shape_of(inputs), shape_of(weights)
        require(len(x) == 4, lambda: f"{cls.name}: expected inputs [T, N, D, {RNN_GATES[kind]} H], got {inputs}")
        require(len(w) == 3, lambda: f"{cls.name}: expected weights [D, {RNN_GATES[kind]} H, H], got {weights}")
        steps, batch, directions, _ = x
        rows = steps + (0 if not last else 2 if kind is RnnKind.LSTM else 1)
        return tensor_type([rows, batch, directions, w[-1]], element_type or element_of(inputs))

    def inferred(self) -> list[Attribute]:
        own, last = element_of(self.result), self.without_last is None
        return [self.infer(self.cell_kind, self.inputs.type, self.weights.type, own, last=last)]

    @property
    def cell_kind(self) -> RnnKind:
        return self.kind.data

    @property
    def gates(self) -> int:
        return RNN_GATES[self.cell_kind]

    @property
    def steps(self) -> Expr:
        """T."""
        return shape_of(self.inputs)[0]

    @property
    def batch(self) -> Expr:
        """N."""
        return shape_of(self.inputs)[1]

    @property
    def directions(self) -> int:
        """D."""
        return 2 if self.direction.data is RnnDirection.BIDIRECTIONAL else 1

    @property
    def units(self) -> Expr:
        """H."""
        return shape_of(self.weights)[-1]

    @property
    def functions(self) -> list[tuple[str, float, float]]:
        """Name, alpha and beta of each activation."""
        names = [name.data for name in self.activations]
        return list(zip(names, self.alphas.get_values(), self.betas.get_values(), strict=True))

    def check(self) -> None:
        d, h, g = self.directions, self.units, self.gates
        lstm, gru = self.cell_kind is RnnKind.LSTM, self.cell_kind is RnnKind.GRU
        self._expect("inputs", self.inputs, [self.steps, self.batch, d, h * g])
        self._expect("weights", self.weights, [d, h * g, h])
        for name, value, shape, allowed in (
            ("hidden", self.hidden, [d, self.batch, h], True),
            ("cell", self.cell, [d, self.batch, h], lstm),
            ("bias", self.bias, [d, h], gru and self.reset_after is not None),
            ("peepholes", self.peepholes, [d, h * 3], lstm),
            ("scales", self.scales, [d, h * g], lstm),
        ):
            if value is not None:
                require(allowed, lambda name=name: f"{self.name}: expected no {name} for this kind of cell, got one")
                self._expect(name, value, shape)
        if self.lengths is not None:
            lengths = self.lengths
            dims = shape_of(lengths)
            require(
                len(dims) == 1 and same_dim(dims[0], self.batch) and element_of(lengths) in (i32, i64),
                lambda: f"{self.name}: expected lengths [{self.batch}] of i32 or i64, got {lengths.type}",
            )
        require(
            (self.coupled is None or lstm) and (self.reset_after is None or gru),
            lambda: f"{self.name}: expected coupled gates of an LSTM only and reset_after of a GRU only",
        )
        require(
            self.math is None or element_of(self.weights) == f32,
            lambda: f"{self.name}: expected math with weights of f32 only, got {self.weights.type}",
        )
        require(
            self.scales is None or element_of(self.weights) == f16,
            lambda: f"{self.name}: expected scales with weights of f16 only, got {self.weights.type}",
        )
        self._check_functions()
        self._element(self.result)

    def _check_functions(self) -> None:
        count, names = RNN_FUNCTIONS[self.cell_kind], [name.data for name in self.activations]
        require(
            len(names) == len(self.alphas) == len(self.betas) == count and {*names} <= {*RNN_ACTIVATIONS},
            lambda: (
                f"{self.name}: expected {count} activations of {', '.join(RNN_ACTIVATIONS)} with an alpha and a beta each, got "
                f"{', '.join(names)} with {len(self.alphas)} and {len(self.betas)}"
            ),
        )

    def _expect(self, what: str, value: SSAValue, shape: Sequence[ExprLike]) -> None:
        dims, wanted = shape_of(value), [as_expr(extent) for extent in shape]
        require(
            len(dims) == len(wanted) and all(map(same_dim, dims, wanted)),
            lambda: f"{self.name}: expected {what} [{', '.join(map(str, wanted))}], got {value.type}",
        )
        self._element(value)

    def _element(self, value: SSAValue) -> None:
        own, element = element_of(self.inputs), element_of(value)
        require(
            {own, element} <= _COMPUTED_IN_F32 or own == element == f64,
            lambda: (
                f"{self.name}: expected operands and a result all of f64 or each of f16, bf16 or f32, got {value.type} with {own}"
            ),
        )


RECURRENT: tuple[type[NnOp], ...] = (RnnOp,)

__all__ = [
    "RECURRENT",
    "RNN_ACTIVATIONS",
    "RNN_FUNCTIONS",
    "RNN_GATES",
    "RnnDirection",
    "RnnDirectionAttr",
    "RnnKind",
    "RnnKindAttr",
    "RnnOp",
]
