"""`assign-precision{mode=fp32|tf32|fp16|bf16}`: which float type the network computes in.

    %0 = nn.conv %x, %w : (tensor<...xf32>, ...)           %c = nn.cast %x : f32 -> f16
    %1 = nn.relu %0                                 ->     %0 = nn.conv %c, %w' : (tensor<...xf16>, ...)
    ...                                                    %1 = nn.relu %0 : tensor<...xf16>

fp16 and bf16: f32 tensors become f16 or bf16; what the model has in another type keeps it, be it f64 or narrow already. Sums,
softmax and normalisations still accumulate in f32, by the meaning of the ops. What stays wide (precision_regions.py): inputs and
outputs keep the model's types; what only outputs read, behind the last conv or matmul, is computed in f32; so is what stands between
a dequantize and the next quantize, which lives in registers. Casts stand where the two meet; constants are cast too, and
`fold-constants` evaluates that. Numbers beyond the range, such as a mask of -3.4e38, are clamped to half of it, with a remark.
tf32: convs and matmuls on f32 get `math = #nn.math<tf32>`. fp32: nothing changes.
Linear in the number of ops.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import ml_dtypes
import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, bf16, f16, f32
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import Rewriter

from ...dialects import nn, quant
from ...dialects.errors import OptionError
from ...dialects.nn import element_of
from ...dialects.provenance import get_names, helper_location, is_unknown, set_names
from ..remarks import remark
from . import editing
from .precision_regions import wide_ops, wide_products

NAME = "assign-precision"
_NARROW: dict[str, Attribute] = {"fp16": f16, "bf16": bf16}
MODES = ("fp32", "tf32", *_NARROW)
_FINITE = {"fp16": 65504.0, "bf16": float(ml_dtypes.finfo(ml_dtypes.bfloat16).max)}


def _is_wide(value: SSAValue) -> bool:
    return element_of(value) == f32


@dataclass
class _Narrowing:
    """One function's change to a narrow float type."""

    mode: str
    initialized: set[SSAValue] = field(default_factory=set[SSAValue])
    """What is computed at build time beside initializers, and so in the model's own types."""
    casts: dict[tuple[SSAValue, Attribute], SSAValue] = field(default_factory=dict)
    """Values in another float type, by value and type."""
    narrowed: set[SSAValue] = field(default_factory=set[SSAValue])
    """Results that were f32 in the model: those of the model's own narrow types stay as they are."""

    @property
    def narrow(self) -> Attribute:
        return _NARROW[self.mode]

    def run(self, func: FuncOp) -> None:
        block = func.body.block
        wide = wide_ops(block)
        products = wide_products(block, wide)
        self.initialized = editing.kept_for_weights(block)
        remark(
            func,
            "analysis",
            NAME,
            f"{len(wide)} ops stay wide: behind the last products, or between quantization marks",
        )
        for op in list(block.ops):
            if isinstance(op, ReturnOp):
                self._outputs(op, func)
            elif op in wide:
                self._read(op, narrow=False)
            elif isinstance(op, nn.CastOp) and op.result not in self.initialized:
                self._cast(op)
            elif not isinstance(op, nn.ConstantOp | quant.ScaledOp) and not self.initialized.intersection(op.results):
                self._read(op, narrow=True)
                if op not in products:
                    self._narrow_results(op)

    def _read(self, op: Operation, *, narrow: bool) -> None:
        """Let an op read its float operands in the narrow type, or in f32 where they have become narrow."""
        for index, operand in enumerate(op.operands):
            scale = isinstance(op, quant.ScaledOp) and index == 1
            if narrow and _is_wide(operand):
                op.operands[index] = self._as_type(operand, self.narrow, op)
            elif not narrow and not scale and operand in self.narrowed:
                op.operands[index] = self._as_type(operand, f32, op)

    def _as_type(self, value: SSAValue, element: Attribute, user: Operation) -> SSAValue:
        key = (value, element)
        if key not in self.casts:
            location = editing.location_of([value])
            location = user.location if is_unknown(location) else location
            source = self._within_range(value, user) if element == self.narrow else value
            cast = editing.insert_before(user, nn.CastOp(source, element), location=helper_location("cast", location))
            self.casts[key] = cast.results[0]
            if element == self.narrow and not isinstance(value.owner, Operation):
                remark(cast, "applied", NAME, f"downcast: a graph input from {element_of(value)} to {element}")
        return self.casts[key]

    def _within_range(self, value: SSAValue, user: Operation) -> SSAValue:
        """A constant with its finite numbers clamped to what the narrow type can hold.

        They are clamped to half of the range where the others are smaller still: a mask of the lowest float to which a
        negative score is added must not become -inf, which makes NaN of a row that is masked as a whole.
        """
        largest = _FINITE[self.mode]
        if value in self.initialized:
            clamp = nn.ClampRangeOp(value, largest)
            return editing.insert_before(user, clamp, location=editing.location_of([value])).results[0]
        array = nn.value_of(value, "which numbers are beyond the range of a narrow type")
        if array is None or not isinstance(value.owner, Operation):
            return value
        size = np.abs(array)
        beyond = int(np.count_nonzero((size > largest) & np.isfinite(array)))
        if not beyond:
            return value
        limit = max(largest / 2, float(size.max(where=size <= largest, initial=0.0)))
        remark(
            value.owner,
            "applied",
            NAME,
            f"clamped: {beyond} of {array.size} numbers beyond {self.mode}'s range to +-{limit}",
        )
        clamped = np.where(np.isfinite(array), np.clip(array, -limit, limit), array).astype(array.dtype)
        constant = nn.ConstantOp(clamped, editing.label_of(value))
        return editing.insert_before(user, constant, location=value.owner.location).results[0]

    def _narrow_results(self, op: Operation) -> None:
        for result in op.results:
            if _is_wide(result):
                self.narrowed.add(Rewriter.replace_value_with_new_type(result, nn.with_element(result, self.narrow)))
        if isinstance(op, nn.PadOp) and _FINITE[self.mode] < abs(op.value.value.data) < float("inf"):
            value = float(np.copysign(_FINITE[self.mode], op.value.value.data))
            op.properties["value"] = nn.double(value)
            remark(op, "applied", NAME, f"clamped: a padding value beyond {self.mode}'s range to {value}")

    def _cast(self, op: nn.CastOp) -> None:
        """A cast reads what is there; one to a wide type makes the narrow one instead."""
        if _is_wide(op.result):
            self._narrow_results(op)

    def _outputs(self, op: ReturnOp, func: FuncOp) -> None:
        """Casts back to the types of the model's outputs."""
        for index, (value, wanted) in enumerate(zip(op.operands, func.function_type.outputs.data, strict=True)):
            if element_of(value) == element_of(wanted):
                continue
            cast = nn.CastOp(value, element_of(wanted))
            editing.insert_before(op, cast, location=helper_location("cast", editing.location_of([value])))
            if isinstance(value.owner, Operation):
                set_names(cast, [get_names(value.owner)[value.owner.results.index(value)]])
            op.operands[index] = cast.result


def _allow_tf32(func: FuncOp) -> None:
    for op in func.body.block.ops:
        if isinstance(op, nn.ConvOp | nn.MatmulOp) and element_of(op.operands[0]) == f32:
            op.properties["math"] = nn.MathAttr(nn.Math.TF32)
            remark(op, "applied", NAME, f"{op.name} may round its operands to TF32")


@dataclass(frozen=True)
class AssignPrecisionPass(ModulePass):
    """Choose the float type that the network computes in."""

    name = NAME
    numerics: ClassVar[str] = "changes-precision"

    mode: str = "fp32"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        if self.mode not in MODES:
            raise OptionError(f"{NAME}: expected mode to be one of {', '.join(MODES)}, got {self.mode!r}")
        for func in editing.functions(op):
            if self.mode == "tf32":
                _allow_tf32(func)
            elif self.mode in _NARROW:
                _Narrowing(self.mode).run(func)
