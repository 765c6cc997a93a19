"""`assign-precision{mode=fp32|tf32|fp16|bf16}`: what tensor cores multiply, and what is stored.

    %0 = nn.matmul %a, %w : f32                    %0 = nn.matmul %a, %w {math = #nn.math<f16>, nn.stored = f16}
    %1 = nn.relu %0 : f32                  ->      %1 = nn.relu %0 {nn.stored = f16}
    %2 = nn.reduce sum %1 {nn.wide = "a sum"}      %2 = nn.reduce sum %1

Two decisions, and no type of a value changes: arithmetic stays in f32 (f64 in f64). `math` says what a product (conv, matmul, attention)
rounds its f32 operands to before it multiplies them. `nn.stored` says in which type a value crosses memory, if it does;
`materialise-storage` makes casts of it when it is known which values these are. A model's own f16, bf16 and f64 stay as they are.

fp16 and bf16: everything is stored narrow except what `analyze-ranges` marked, what only outputs read after the last product, and what
stands between a dequantize and the next quantize (precision_regions.py). A product of narrow operands multiplies in the narrow type; where
one of them stays wide it multiplies in TF32, which has the mantissa of f16 and the range of f32, and where its result does, in f32. tf32:
products of f32 get `math = #nn.math<tf32>`, unless their result is marked. fp32: nothing changes. Linear in the number of ops.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, TypeAlias

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, StringAttr, TensorType, bf16, f32
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.passes import ModulePass

from ...dialects import nn, quant
from ...dialects.nn import element_of
from ..remarks import remark
from . import editing
from .precision_regions import wide_ops, wide_products
from .ranges import is_image
from .storage_types import NARROW_TYPES, check_mode

NAME = "assign-precision"
_STORABLE = (
    nn.SoftmaxOp, nn.LogSoftmaxOp, nn.LayerNormOp, nn.NormalizeOp, nn.L2NormalizeOp, nn.ReduceOp, nn.LrnOp, nn.ConvOp, nn.MatmulOp,
    nn.MaxPoolOp, nn.AvgPoolOp, nn.GatherOp, nn.GatherNdOp, nn.PadOp, nn.ConstantOp, nn.RnnOp, nn.AttentionOp,
)  # fmt: skip
_PRODUCTS = (nn.ConvOp, nn.MatmulOp, nn.AttentionOp)
_Product: TypeAlias = nn.ConvOp | nn.MatmulOp | nn.AttentionOp
_VIEWS = (nn.SliceOp, nn.ConcatOp, nn.TransposeOp, nn.ReshapeOp, nn.BroadcastToOp, nn.RollOp)


@dataclass
class _Narrowing:
    """The two decisions for one function."""

    narrow: Attribute
    marked: dict[SSAValue, str] = field(default_factory=dict[SSAValue, str])
    """Values that `analyze-ranges` keeps wide, and why."""

    def run(self, func: FuncOp) -> None:
        block = func.body.block
        self.constants = editing.fed_by_constants_only(block)
        self.wide = wide_ops(block)
        self.sums = wide_products(block, self.wide)
        stored = 0
        for op in block.ops:
            reason = op.attributes.pop(nn.WIDE, None)
            if isinstance(reason, StringAttr):
                self.marked[op.results[0]] = reason.data
            if isinstance(op, _PRODUCTS) and op not in self.wide:
                self._multiply(op)
            elif isinstance(op, nn.RnnOp):
                self._recur(op)
            if self._is_stored_narrow(op):
                nn.set_stored(op, self.narrow)
                stored += 1
        where = "after the last conv or matmul, or between a dequantize and a quantize"
        remark(
            func,
            "analysis",
            NAME,
            f"{stored} values are stored as {self.narrow}; {len(self.wide)} ops stay wide: {where}",
        )

    def _is_stored_narrow(self, op: Operation) -> bool:
        if len(op.results) != 1 or op.regions or not isinstance(op.results[0].type, TensorType):
            return False
        (result,) = op.results
        if element_of(result) != f32 or result in self.marked:
            return False
        users = [use.operation for use in result.uses]
        if op in self.wide:  # dequantized, and read outside the quantized part of the network
            return bool(users) and not any(
                user in self.wide or isinstance(user, ReturnOp | quant.ScaledOp) for user in users
            )
        if result in self.constants:
            if isinstance(op, nn.InitializerOp) and all(extent.as_int() == 1 for extent in nn.shape_of(result)):
                return False  # perhaps an epsilon: what a refit brings may not fit
            scale = any(isinstance(user, quant.ScaledOp) or _scales(user, result) for user in users)
            return not (scale or isinstance(op, quant.ScaledOp) or all(user in self.wide for user in users))
        if isinstance(op, _VIEWS):  # in the buffer of what they read
            return all(nn.stored_of(operand) == self.narrow for operand in op.operands)
        return op not in self.sums and (nn.is_pointwise(op) or isinstance(op, _STORABLE))

    def _multiply(self, op: _Product) -> None:
        """Decide which type a conv, matmul or attention multiplies in."""
        if element_of(op.operands[0]) != f32:
            return
        if op.result in self.marked:
            _stays_f32(op, self.marked[op.result])
            return
        narrow = [self._fits(operand) for operand in op.operands[:3]]  # a mask is added
        if all(narrow):
            op.properties["math"] = nn.MathAttr(nn.Math.BF16 if self.narrow == bf16 else nn.Math.F16)
            return
        image = isinstance(op, nn.ConvOp) and narrow[1] and is_image(op.x)
        if image:
            op.properties["math"] = nn.MathAttr(nn.Math.BF16 if self.narrow == bf16 else nn.Math.F16)
            remark(
                op, "applied", NAME, f"downcast: an image from f32 to {self.narrow}, whose range it is assumed to fit"
            )
            return
        op.properties["math"] = nn.MathAttr(nn.Math.TF32)
        side = ("first", "second", "third")[narrow.index(False)]
        remark(op, "missed", NAME, f"{op.name} multiplies in TF32: its {side} operand stays wide")

    def _recur(self, op: nn.RnnOp) -> None:
        """Decide which type the steps of a recurrence multiply in: states fit it, as activations bound them."""
        if element_of(op.weights) != f32:
            return
        if self._fits(op.weights):
            op.properties["math"] = nn.MathAttr(nn.Math.BF16 if self.narrow == bf16 else nn.Math.F16)
            return
        op.properties["math"] = nn.MathAttr(nn.Math.TF32)
        remark(op, "missed", NAME, f"{op.name} multiplies in TF32: its weights stay wide")

    def _fits(self, value: SSAValue) -> bool:
        return nn.stored_of(value) == self.narrow or (value in self.constants and value not in self.marked)


def _stays_f32(op: _Product, reason: str) -> None:
    remark(op, "missed", NAME, f"{op.name} multiplies in f32: {reason}")


def _scales(user: Operation, value: SSAValue) -> bool:
    return isinstance(user, nn.RnnOp) and user.scales == value


def _allow_tf32(func: FuncOp) -> None:
    for op in func.body.block.ops:
        reason = op.attributes.pop(nn.WIDE, None)
        if isinstance(reason, StringAttr) and isinstance(op, _PRODUCTS):
            _stays_f32(op, reason.data)
            continue
        weighted = op.weights if isinstance(op, nn.RnnOp) else op.operands[0] if isinstance(op, _PRODUCTS) else None
        if weighted is not None and element_of(weighted) == f32:
            op.properties["math"] = nn.MathAttr(nn.Math.TF32)
            remark(op, "applied", NAME, f"{op.name} may round its operands to TF32")


@dataclass(frozen=True)
class AssignPrecisionPass(ModulePass):
    """Choose what is multiplied and what is stored in a narrow float type."""

    name = NAME
    numerics: ClassVar[str] = "changes-precision"

    mode: str = "fp32"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        check_mode(NAME, self.mode)
        for func in editing.functions(op):
            if self.mode == "tf32":
                _allow_tf32(func)
            elif self.mode in NARROW_TYPES:
                _Narrowing(NARROW_TYPES[self.mode]).run(func)
