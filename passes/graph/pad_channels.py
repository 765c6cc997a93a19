"""`pad-channels`: a first conv, of three or four channels, reads vectors.

Channels are padded to four; an even stride reads pairs of pixels.

    %0 = nn.cast %image : 32x3x224x224xf32 -> f16
    %1 = nn.transpose %0 {permutation = array<i64: 0, 2, 3, 1>}
    %2 = nn.conv %1, %w {strides = 2, 2, pads = 3, 3, 3, 3}                   // w: 64x7x7x3
  becomes
    %0 = nn.transpose %image {permutation = array<i64: 0, 2, 3, 1>}
    %1 = nn.pad %0 {high = 0, 0, 0, 1}
    %2 = nn.cast %1 : 32x224x224x4xf32 -> f16
    %3 = nn.reshape %2 : 32x224x112x8xf16
    %4 = nn.conv %3, %w' {strides = 2, 1, pads = 3, 2, 3, 1}                  // w': 64x7x4x8, zeros where w has nothing

Tensor-core kernels copy A in pieces of 16 bytes where 8 f16 channels lie side by side; 3 channels they copy one by one. Transpose, pad and
cast are one launch, which small images and windows do not repay: it is a decision between the prices of both (`cost/decision.py`, at the
profile's opt sizes). Where the conv stays, a cast moves after the transpose, next to the conv, so that the conv can fuse it. Only
f16 and bf16, one group, and weights known at build time. Zeros join the sums, so results may differ in the order of summation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, bf16, f16, f32
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern, op_type_rewrite_pattern

from ...dialects import nn, quant
from ...dialects.nn import element_of, rank_of, shape_of
from ..kernels.cost.decision import decide
from ..kernels.schedules.competition import Prices
from ..remarks import remark
from ..rewriting import apply_patterns
from .editing import depends_on_constants_only
from .image_prices import PADDED, image_prices

NAME = "pad-channels"
FEW = (3, 4)
CHANNELS = 4
TARGET = "kernel.target"


@dataclass(frozen=True)
class Image:
    """What a conv reads, before a narrowing cast: `cast(transpose(source))` or `transpose(cast(source))`; either op may be missing."""

    source: SSAValue
    permutation: tuple[int, ...] | None
    casts: bool
    shared: bool
    """Whether others read the cast image too."""


def image_of(conv: nn.ConvOp) -> Image:
    """The conv's x, seen through a transpose and a cast from f32."""
    value, permutation, casts, shared = conv.x, None, False, not conv.x.has_one_use()
    if isinstance(value.owner, nn.TransposeOp):
        permutation, value = nn.values_of(value.owner.permutation), value.owner.x
    if isinstance(value.owner, nn.CastOp) and element_of(value.owner.x) == f32:
        casts, shared, value = True, shared or not value.has_one_use(), value.owner.x
    return Image(value, permutation, casts, shared)


@dataclass(frozen=True)
class Pairing:
    """A conv over groups of `factor` neighbouring pixels, their channels side by side. `factor` 1: the conv as it is."""

    factor: int
    odd: int
    """Columns of zeros after the image, for a whole number of groups."""
    before: int
    """Columns of zeros before the window, so that it starts with a group."""
    window: int
    stride: int
    left: int
    right: int


def pairing_of(conv: nn.ConvOp) -> Pairing:
    """The pairing of a conv whose horizontal stride is even, where it has one; else that of factor 1."""
    width, out, window = shape_of(conv.x)[2], shape_of(conv.result)[2], shape_of(conv.w)[2].as_int()
    assert window is not None
    stride, (_, left, _, right) = nn.values_of(conv.strides)[1], nn.values_of(conv.pads)
    alone = Pairing(1, 0, 0, window, stride, left, right)
    odd = (width % 2).as_int()
    if stride % 2 or nn.values_of(conv.dilations)[1] != 1 or odd is None:
        return alone
    before = left % 2
    groups = (before + window + 1) // 2
    new_left = (left + before) // 2
    # As many groups on the right as the last window reaches.
    new_right = ((out - 1) * (stride // 2) + groups - (width + odd) // 2 - new_left).as_int()
    if new_right is None or new_right < 0:
        return alone
    return Pairing(2, odd, before, groups, stride // 2, new_left, new_right)


class PadChannels(RewritePattern):
    """conv of 3 or 4 channels -> conv of 4 (or, on pairs of pixels, 8) channels."""

    def __init__(self, prices: Prices, always: bool):
        self.prices, self.always = prices, always

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: nn.ConvOp, rewriter: PatternRewriter, /) -> None:
        channels = shape_of(op.x)[-1].as_int()
        if channels not in FEW:
            return
        if rank_of(op.x) != 4:
            remark(op, "missed", NAME, f"its {channels} channels stay: it has {rank_of(op.x) - 2} spatial dims")
            return
        if op.groups.value.data != 1 or nn.multiplied_in(op) not in (f16, bf16):
            why = "it has groups" if op.groups.value.data != 1 else f"it multiplies in {nn.multiplied_in(op)}"
            remark(op, "missed", NAME, f"its {channels} channels stay: {why}")
            return
        if any(d.as_int() is None for d in shape_of(op.w)) or not depends_on_constants_only(op.w):
            remark(op, "missed", NAME, "the weights are computed at run time")
            return
        pairing, image = pairing_of(op), image_of(op)
        if channels == CHANNELS and pairing.factor == 1:
            return
        if isinstance(image.source.owner, quant.DequantizeOp):
            why = "its image is quantized: a pad after the dequantize would keep the conv from computing on integers"
            remark(op, "missed", NAME, why)
            return
        made = self._padded(op, image, pairing, channels)
        if isinstance(made, str):
            remark(op, "missed", NAME, made)
            return
        conv = made[-1]
        assert isinstance(conv, nn.ConvOp)
        if not self.always:
            decision = decide("image of a first conv", image_prices(op, conv, image.source, self.prices))
            if decision.chosen != PADDED:
                remark(op, "missed", NAME, str(decision))
                _drop(made)
                _sink_cast(op, image, rewriter)
                return
            remark(op, "analysis", NAME, str(decision))
        remark(
            op, "applied", NAME,
            f"{channels} channels read as {shape_of(conv.x)[3]} in groups of {pairing.factor} pixels",
        )  # fmt: skip
        rewriter.replace(op, made, [conv.result])

    @staticmethod
    def _padded(op: nn.ConvOp, image: Image, pairing: Pairing, channels: int) -> list[Operation] | str:
        """What replaces a conv, the new conv last; or why it cannot."""
        new: list[Operation] = []

        def add(made: Operation) -> SSAValue:
            new.append(made)
            return made.results[0]

        def padded(value: SSAValue, low: list[int], high: list[int]) -> SSAValue:
            return add(kept(nn.PadOp(value, low, high))) if any((*low, *high)) else value

        def grouped(value: SSAValue) -> SSAValue:
            if pairing.factor == 1:
                return value
            a, b, c, d = shape_of(value)
            grown = nn.ReshapeOp(value, [a, b, c // pairing.factor, d * pairing.factor])
            return add(kept(grown) if nn.stored_of(value) != element_of(value) else grown)

        def kept(made: Operation) -> Operation:
            """What is made for the conv lies in memory in the type that it multiplies."""
            if op.math is not None:
                nn.set_stored(made, nn.multiplied_in(op))
            return made

        x = image.source if image.permutation is None else add(nn.TransposeOp(image.source, image.permutation))
        x = padded(x, [0] * 4, [0, 0, pairing.odd, CHANNELS - channels])
        x = grouped(add(nn.CastOp(x, element_of(op.x))) if image.casts else x)
        columns = shape_of(op.w)[2].as_int() or 0
        after = pairing.window * pairing.factor - columns - pairing.before
        w = grouped(padded(op.w, [0, 0, pairing.before, 0], [0, 0, after, CHANNELS - channels]))
        top, _, bottom, _ = nn.values_of(op.pads)
        conv = nn.ConvOp(
            x, w, [nn.values_of(op.strides)[0], pairing.stride], [top, pairing.left, bottom, pairing.right],
            nn.values_of(op.dilations), math=op.math.data.value if op.math is not None else None, element_type=element_of(op.result),
        )  # fmt: skip
        nn.copy_stored(op, conv)
        new.append(conv)
        if shape_of(conv.result) == shape_of(op.result):
            return new
        written = conv.result.type
        _drop(new)
        return f"the padded conv would give {written}: expected {op.result.type}"


def _drop(made: list[Operation]) -> None:
    for op in reversed(made):
        op.erase()


def _sink_cast(op: nn.ConvOp, image: Image, rewriter: PatternRewriter) -> None:
    """transpose(cast(x)) -> cast(transpose(x))."""
    if not image.casts or image.permutation is None or image.shared:
        return
    moved = nn.TransposeOp(image.source, image.permutation)
    narrowed = nn.CastOp(moved, element_of(op.x))
    assert isinstance(op.x.owner, Operation)
    rewriter.replace(op.x.owner, [moved, narrowed], [narrowed.result])


@dataclass(frozen=True)
class PadChannelsPass(ModulePass):
    """Pad the three or four channels of a first conv, so that it reads vectors, where that costs less.

    `always`: wherever it can be done, whatever it costs.
    """

    name = NAME
    numerics: ClassVar[str] = "reassociates"
    always: bool = False

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        apply_patterns(op, [PadChannels(Prices(op.attributes.get(TARGET)), self.always)], recursive=False)
