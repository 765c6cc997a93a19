"""`nn.attention`: scaled dot-product attention, softmax(scale * q k^T + mask) v, of grouped heads, with a causal bound and a window."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import (
    AnyTensorType,
    BFloat16Type,
    Float16Type,
    FloatAttr,
    IntegerAttr,
    UnitAttr,
    bf16,
    f16,
    f32,
    f64,
    i1,
)
from xdsl.dialects.utils import EnumAttribute
from xdsl.ir import Attribute, SSAValue
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
from xdsl.parser import AttrParser
from xdsl.printer import Printer
from xdsl.traits import Pure
from xdsl.utils.str_enum import StrEnum

from ..dims import Expr, const
from .base import NnOp, Tensor, Value, double, element_of, integer, require, same_dim, shape_of, tensor_type, ty
from .linear import Math, MathAttr, product_element


class Causal(StrEnum):
    """Which query counts as the one of the first key: the first one, or, where keys of the past come before, so that both end together."""

    START = "start"
    END = "end"


@irdl_attr_definition
class CausalAttr(EnumAttribute[Causal]):
    """`#nn.causal<end>`."""

    name = "nn.causal"

    @classmethod
    def parse_parameter(cls, parser: AttrParser) -> Causal:
        with parser.in_angle_brackets():
            return parser.parse_str_enum(Causal)

    def print_parameter(self, printer: Printer) -> None:
        with printer.in_angle_brackets():
            printer.print_string(self.data.value)


_NARROW = (f16, bf16)
_FLOATS = (f16, bf16, f32, f64)


@irdl_op_definition
class AttentionOp(NnOp):
    """
    Attention of q [B, H, S, D] to k [B or 1, G, T, D] and v [B or 1, G, T, E], where H is a multiple of G and query head h has the key
    head `h floordiv (H / G)`. The result is [B, H, S, E].

        scores = scale * (q k^T)                          softcap: scores = softcap * tanh(scores / softcap)
        scores = scores + mask, or where(mask, scores, -inf) for a mask of i1, which broadcasts to [B, H, S, T], or, where it has as
                 many batches as divide B (the windows of an image, of several images), repeats
        scores = where(key j is in bounds for query i, scores, -inf)
        result = softmax(scores) v

    `causal`: j <= i + offset, where offset is 0 for `start` and T - S for `end`. `window`: j > i + offset - window, with the offset of
    `causal`, or 0. A query for which these leave no key, all its scores being -inf, gives NaN, as the softmax of such a row is, and with
    `zero_masked` zeros: probabilities that are NaN count as 0. A row of equal finite numbers, such as a mask of the lowest float makes,
    gives the mean of v.

    q, k and v are of one type. Products are of that type, or of `math` for f32, softmax(scores) being rounded to it too, and their
    sums f32. All else is f32 (f64 for f64), and rounded once to the result's type, that of q or f32. `scores` is the type, f16 or bf16,
    to which scores are rounded before the softmax, where a model adds its mask in such a type: next to -65504 f16 has no other number.
    """

    name = "nn.attention"

    q = operand_def(Tensor)
    k = operand_def(Tensor)
    v = operand_def(Tensor)
    mask = opt_operand_def(Tensor)
    scale = prop_def(FloatAttr)
    causal = opt_prop_def(CausalAttr)
    window = opt_prop_def(IntegerAttr)
    softcap = opt_prop_def(FloatAttr)
    zero_masked = opt_prop_def(UnitAttr)
    scores = opt_prop_def(Float16Type | BFloat16Type)
    math = opt_prop_def(MathAttr)
    result = result_def(Tensor)

    traits = traits_def(Pure())
    irdl_options = (AttrSizedOperandSegments(as_property=True), ParsePropInAttrDict())
    assembly_format = (
        "$q `,` $k `,` $v (`mask` $mask^)? attr-dict "
        "`:` type($q) `,` type($k) `,` type($v) (`mask` type($mask)^)? `->` type($result)"
    )

    def __init__(
        self,
        q: Value,
        k: Value,
        v: Value,
        mask: Value | None = None,
        *,
        scale: float,
        causal: str | None = None,
        window: int | None = None,
        softcap: float | None = None,
        zero_masked: bool = False,
        scores: Attribute | None = None,
        math: str | None = None,
        element_type: Attribute | None = None,
    ):
        super().__init__(
            operands=[q, k, v, mask],
            properties={
                "scale": double(scale),
                "causal": None if causal is None else CausalAttr(Causal(causal)),
                "window": None if window is None else integer(window),
                "softcap": None if softcap is None else double(softcap),
                "zero_masked": UnitAttr() if zero_masked else None,
                "scores": scores,
                "math": None if math is None else MathAttr(Math(math)),
            },
            result_types=[self.infer(ty(q), ty(k), ty(v), element_type)],
        )

    @classmethod
    def infer(cls, q: Attribute, k: Attribute, v: Attribute, element_type: Attribute | None = None) -> AnyTensorType:
        queries, keys, values = shape_of(q), shape_of(k), shape_of(v)
        require(
            len(queries) == len(keys) == len(values) == 4,
            lambda: f"{cls.name}: expected q [B, H, S, D], k [B, G, T, D] and v [B, G, T, E], got {q}, {k} and {v}",
        )
        require(
            element_of(q) == element_of(k) == element_of(v) and element_of(q) in _FLOATS,
            lambda: f"{cls.name}: expected q, k and v of one of f16, bf16, f32 and f64, got {q}, {k} and {v}",
        )
        require(
            same_dim(queries[3], keys[3]) and same_dim(keys[2], values[2]) and same_dim(keys[1], values[1]),
            lambda: (
                f"{cls.name}: expected q and k of one head size, and k and v of one number of heads and keys, got {q}, {k} and {v}"
            ),
        )
        require(
            all(x[0].as_int() == 1 or same_dim(x[0], queries[0]) for x in (keys, values)),
            lambda: f"{cls.name}: expected k and v of the batch of q, or of 1, got {q}, {k} and {v}",
        )
        heads, shared = queries[1].as_int(), keys[1].as_int()
        require(
            heads is None or shared is None or (shared > 0 and heads % shared == 0),
            lambda: (
                f"{cls.name}: expected a number of heads that is a multiple of that of k and v, got {heads} and {shared}"
            ),
        )
        element = product_element(cls.name, element_of(q), element_of(k), element_type)
        return tensor_type([*queries[:3], values[3]], element)

    def inferred(self) -> list[Attribute]:
        return [self.infer(self.q.type, self.k.type, self.v.type, element_of(self.result))]

    @property
    def computed_in(self) -> Attribute:
        """The type of scores and sums."""
        return f64 if element_of(self.q) == f64 else f32

    @property
    def score_dims(self) -> tuple[Expr, ...]:
        """B, H, S and T."""
        return (*shape_of(self.q)[:3], shape_of(self.k)[2])

    @property
    def heads_per_key(self) -> Expr:
        """H / G: the query heads that share a head of k and v."""
        heads, shared = shape_of(self.q)[1], shape_of(self.k)[1]
        return const(1) if heads == shared else heads // shared

    @property
    def offset(self) -> Expr:
        """How far the key of a query's own position lies behind the query's index."""
        ends = self.causal is not None and self.causal.data is Causal.END
        return self.score_dims[3] - self.score_dims[2] if ends else const(0)

    def check(self) -> None:
        if self.mask is not None:
            self._check_mask(self.mask)
        window, softcap = self.window, self.softcap
        require(
            window is None or window.value.data > 0,
            lambda: f"{self.name}: expected a window of 1 key or more, got {window}",
        )
        require(
            softcap is None or softcap.value.data > 0.0, lambda: f"{self.name}: expected a softcap > 0, got {softcap}"
        )
        require(
            self.math is None or element_of(self.q) == f32,
            lambda: f"{self.name}: expected math on f32 operands only, got {self.q.type}",
        )
        require(
            self.scores is None or self.computed_in == f32,
            lambda: f"{self.name}: expected scores that are rounded with operands of up to f32 only, got {self.q.type}",
        )

    @property
    def mask_repeats(self) -> bool:
        """Whether batch b has batch `b mod P` of a mask of P batches, which is fewer than those of q and not one for all."""
        if self.mask is None:
            return False
        (period, *_), (batch, *_) = shape_of(self.mask), self.score_dims
        known = period.as_int()
        return known is not None and known > 1 and period != batch and (batch % known).as_int() == 0

    def _check_mask(self, mask: SSAValue) -> None:
        dims, element = shape_of(mask), element_of(mask)
        fits = len(dims) == 4 and (dims[0].as_int() == 1 or same_dim(dims[0], self.score_dims[0]) or self.mask_repeats)
        require(
            fits
            and all(
                d.as_int() == 1 or same_dim(d, full) for d, full in zip(dims[1:], self.score_dims[1:], strict=True)
            ),
            lambda: f"{self.name}: expected a mask that broadcasts to [{_text(self.score_dims)}], got {mask.type}",
        )
        floats = (f64,) if self.computed_in == f64 else (*_NARROW, f32)
        require(
            element == i1 or element in floats,
            lambda: f"{self.name}: expected a mask of i1 or {', '.join(map(str, floats))}, got {mask.type}",
        )


def _text(dims: Sequence[Expr]) -> str:
    return ", ".join(map(str, dims))


ATTENTION: tuple[type[NnOp], ...] = (AttentionOp,)

__all__ = ["ATTENTION", "AttentionOp", "Causal", "CausalAttr"]
