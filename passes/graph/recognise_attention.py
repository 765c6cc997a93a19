"""`recognise-attention`: two products with a softmax between them become one `nn.attention`.

    %s = nn.matmul %q, %k {transpose_b}
    %t = nn.mul %s, %scale                       ->   %r = nn.attention %q, %k, %v mask %m {scale = 0.125 : f64}
    %u = nn.add %t, %m
    %p = nn.softmax %u {axis = 3}
    %r = nn.matmul %p, %v

Scores may be scaled (also in their factors, and by a number of each head, which the queries take), capped by tanh, masked by sums and
selections, cast, and reshaped before their last two dims (attention/scores.py). Dims before these become batch and heads, and heads of
keys and values that were repeated are read as they were (attention/heads.py). Masks become one mask and bounds (attention/masks.py,
attention/bounds.py); next to a mask that is added in a narrow type, scores keep that type (`scores`). What other ops read, and what is
quantized between or before, is left; so are products with weights, which are no keys. Each softmax between two products that stays is a
remark. One walk, each op looked at a bounded number of times: linear.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import LocationAttr, ModuleOp, bf16, f16, f32, f64
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.passes import ModulePass

from ...dialects import nn, quant
from ...dialects.nn import element_of, rank_of, shape_of
from ...dialects.provenance import fuse, get_names, helper_location, set_names
from ..remarks import remark, removing
from ..rewriting import apply_patterns
from . import editing
from .attention.heads import Factor, Heads, Lead, ScaleAfterTranspose, folded, heads_of
from .attention.masks import Masks, mask_operand, masks_of, of_rank_4
from .attention.scores import Below, Scores, leads_to_product, product_below, scores_above
from .permutations import Permutation, compose, is_identity

NAME = "recognise-attention"
_VIEWS = (nn.ReshapeOp, nn.TransposeOp, nn.BroadcastToOp, nn.SliceOp, nn.ConcatOp, nn.CastOp)
Ranges = dict[str, tuple[int, int, int]]


@dataclass
class Attention:
    """One attention of single ops."""

    softmax: nn.SoftmaxOp
    above: Scores
    below: Below
    q: Factor
    k: Factor
    v: Factor
    masks: Masks = field(default_factory=Masks)
    heads: Heads | None = None

    @property
    def ops(self) -> list[Operation]:
        """All that it replaces, each after what it reads."""
        scaling = [*self.q.ops, *self.k.ops]
        return [*scaling, *reversed(self.above.ops), self.softmax, *self.v.ops, *self.below.ops]

    @property
    def scale(self) -> float:
        return self.above.scale * self.q.scale * self.k.scale


def check(softmax: nn.SoftmaxOp, ranges: Ranges) -> Attention | str | None:
    """The attention around a softmax, or why it is none; None where no two products are around it."""
    below = product_below(softmax)
    if below is None or not leads_to_product(softmax.x, near=True):
        return None
    if isinstance(below, str):
        return below
    if softmax.axis.value.data != rank_of(softmax.x) - 1:
        return "the softmax is not over the last dim"
    above = scores_above(softmax)
    if isinstance(above, str):
        return above
    product = above.product
    assert product is not None
    level, after = shape_of(product.result)[:-2], shape_of(below.product.result)[:-2]
    q, k = Factor(product.a, level), Factor(product.b, level, product.transpose_b is None)
    v = Factor(below.product.b, after, below.product.transpose_b is not None)
    found = Attention(softmax, above, below, q, k, v)
    return _elements(found) or _form(found) or _masks(found, ranges) or found


def _elements(found: Attention) -> str | None:
    elements = [element_of(factor.value) for factor in (found.q, found.k, found.v)]
    if len({*elements}) > 1 or elements[0] not in (f16, bf16, f32, f64):
        return f"its factors are of {', '.join(map(str, elements))}"
    for name, factor in zip(("queries", "keys", "values"), (found.q, found.k, found.v), strict=True):
        if _is_dequantized(factor.value):
            return f"its {name} are dequantized: their product may be one of integers"
        if name != "queries" and editing.depends_on_constants_only(factor.value):
            return f"its {name} are weights"
    return None


def _is_dequantized(value: SSAValue) -> bool:
    for _ in range(8):
        op = value.owner
        if isinstance(op, quant.ScaledOp):
            return True
        if not isinstance(op, _VIEWS):
            return False
        value = op.operands[0]
    return False


def _form(found: Attention) -> str | None:
    """Bring the factors to batch and heads; or why they have none."""
    q = found.q.before(scales=True)
    heads = found.heads = heads_of(found.k.value, found.q.level, q.level)
    found.q = q if folded(q.dims, q.level, heads.lead) is not None else found.q
    plain = [found.k.before(repeats=True, scales=True), found.v.before(repeats=True)]
    own = _shared(plain, heads)
    if own is not None and own[0][1] == own[1][1]:
        found.k, found.v = plain
    leads = _shared([found.k, found.v], heads)
    if folded(found.q.dims, found.q.level, heads.lead) is None or leads is None:
        types = ", ".join(str(factor.value.type) for factor in (found.q, found.k, found.v))
        return f"its dims before the last two are no batch and heads: {types}"
    if leads[0][1] != leads[1][1]:
        return f"keys have {leads[0][1]} heads, and values {leads[1][1]}"
    for lead in leads:
        if lead[0] != heads.batch and lead[0].as_int() != 1:
            return f"keys or values have a batch of {lead[0]}, queries one of {heads.batch}"
    shared = leads[0][1]
    return (
        None
        if (heads.heads % shared).as_int() == 0
        else f"{heads.heads} heads are no multiple of the {shared} of the keys"
    )


def _shared(factors: list[Factor], heads: Heads) -> list[Lead] | None:
    """Batch and heads of keys and values."""
    leads = [folded(x.dims, x.level, heads.lead, key=True) for x in factors]
    return None if None in leads else [lead for lead in leads if lead is not None]


def _masks(found: Attention, ranges: Ranges) -> str | None:
    queries, keys = shape_of(found.softmax.x)[-2:]
    masks = masks_of(found.above.terms, queries, keys, ranges)
    if isinstance(masks, Masks):
        found.masks = masks
    return masks if isinstance(masks, str) else None


@dataclass
class _Rewriter:
    """Puts one op in the place of an attention of single ops."""

    found: Attention

    def __post_init__(self) -> None:
        self.last = self.found.below.product
        self.location = fuse(*(op.location for op in self.found.ops if not nn.rearranges(op)))
        terms = [term.op.location for term in self.found.above.terms]
        self.mask_location = fuse(*terms) if terms else self.location

    def add(self, op: Operation, location: LocationAttr | None = None) -> SSAValue:
        where = location or self.location
        where = helper_location(op.name.partition(".")[2], where) if nn.rearranges(op) else where
        return editing.insert_before(self.last, op, location=where).results[0]

    def add_mask(self, op: Operation) -> SSAValue:
        return self.add(op, self.mask_location)

    def rewrite(self) -> nn.AttentionOp:
        found, heads = self.found, self.found.heads
        assert heads is not None
        sizes = shape_of(found.softmax.x)[-2:]
        causal, window = found.masks.bounds.properties(sizes[0], sizes[1]) or (None, None)
        mask = mask_operand(found.masks, self.add_mask, heads.lead)
        queries = self._operand(found.q, heads, widened=True)
        for factor in found.above.factors:
            queries = self.add(nn.MulOp(queries, of_rank_4(factor.value, factor.lead, self.add, heads.lead)))
        op = nn.AttentionOp(
            queries, self._operand(found.k, heads), self._operand(found.v, heads), mask,
            scale=found.scale, causal=causal, window=window, softcap=found.above.softcap, zero_masked=found.below.zero_masked,
            scores=self._rounded(), element_type=element_of(self.last.result),
        )  # fmt: skip
        result = self.add(op)
        if shape_of(result) != shape_of(self.last.result):
            result = self.add(nn.ReshapeOp(result, shape_of(self.last.result)))
        owner = result.owner
        assert isinstance(owner, Operation)
        set_names(owner, get_names(self.last))
        self.last.result.replace_all_uses_with(result)
        _skip_reshape(op, owner)
        for each in found.ops:
            if nn.rearranges(each):
                removing(each.location, "it moved scores of an attention, which is one op")
        editing.erase_unused(found.ops)
        return op

    def _operand(self, factor: Factor, heads: Heads, *, widened: bool = False) -> SSAValue:
        """A factor [batch, heads, length, size]; `widened`: repeated where it is the same for all of a batch or all heads."""
        lead = folded(factor.dims, factor.level, heads.lead, key=not widened)
        assert lead is not None
        value, dims = factor.value, (*lead, *shape_of(factor.value)[-2:])
        if shape_of(value) != dims:
            made = value.owner
            value = made.x if isinstance(made, nn.ReshapeOp) else value
            value = value if shape_of(value) == dims else self.add(nn.ReshapeOp(value, dims))
        if widened and lead != heads.lead:
            value = self.add(nn.BroadcastToOp(value, (*heads.lead, *dims[2:])))
        return self._exchanged(value) if factor.exchanged else value

    def _exchanged(self, value: SSAValue) -> SSAValue:
        """A tensor of rank 4 with its last two dims exchanged."""
        made = value.owner
        permutation: Permutation = (0, 1, 3, 2)
        if isinstance(made, nn.TransposeOp):
            value, permutation = made.x, compose(nn.values_of(made.permutation), permutation)
        return value if is_identity(permutation) else self.add(nn.TransposeOp(value, permutation))

    def _rounded(self) -> Attribute | None:
        """The type of scores next to a mask that is added."""
        rounded = self.found.above.rounded
        return (
            rounded
            if self.found.masks.added and rounded in nn.NARROW and element_of(self.found.q.value) != f64
            else None
        )


def _skip_reshape(op: nn.AttentionOp, reshape: Operation) -> None:
    """Reshapes of the result read the op itself."""
    if reshape is op:
        return
    for user in [use.operation for use in reshape.results[0].uses if isinstance(use.operation, nn.ReshapeOp)]:
        user.operands[0] = op.result
        if user.results[0].type == op.result.type:
            set_names(op, get_names(user))
            user.results[0].replace_all_uses_with(op.result)
            removing(user.location, "the attention gives its dims apart")
            editing.erase_unused([user])
    editing.erase_unused([reshape])


@dataclass(frozen=True)
class RecogniseAttentionPass(ModulePass):
    """Make one op of what computes scores, their softmax, and the sums of values that it weighs."""

    name = NAME
    numerics: ClassVar[str] = "reassociates"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        ranges = nn.symbol_ranges(op)
        apply_patterns(op, [ScaleAfterTranspose()], recursive=False)
        for func in editing.functions(op):
            for softmax in [inner for inner in func.body.block.ops if isinstance(inner, nn.SoftmaxOp)]:
                found = check(softmax, ranges)
                if isinstance(found, str):
                    remark(softmax, "missed", NAME, f"not an attention: {found}")
                elif found is not None:
                    made = _Rewriter(found).rewrite()
                    remark(made, "applied", NAME, _said(made))


def _said(op: nn.AttentionOp) -> str:
    """What an attention is, in words."""
    heads, shared = shape_of(op.q)[1], shape_of(op.k)[1]
    parts = [f"an attention of {heads} heads" + ("" if heads == shared else f", {shared} of keys")]
    parts += [] if op.causal is None else [f"causal from the {op.causal.data}"]
    parts += [] if op.window is None else [f"a window of {op.window.value.data}"]
    parts += [] if op.mask is None else [f"a mask of {element_of(op.mask)}"]
    return ", ".join(parts)
