"""`assign-precision{mode=fp32|tf32|fp16|bf16}`: which float type the network computes in.

    %1 = nn.conv %x, %w : (tensor<...xf32>, ...)           %0 = nn.cast %x : f32 -> f16
    func.return %1                                 ->      %1 = nn.conv %0, %w' : (tensor<...xf16>, ...)
                                                           %2 = nn.cast %1 : f16 -> f32
                                                           func.return %2

fp16 and bf16: every f32 and f64 tensor between the graph's inputs and outputs becomes f16 or bf16, with casts at its edges: inputs and
outputs keep the model's types, and constants are cast (`fold-constants` evaluates that). Sums, softmax and normalisations still accumulate
in f32, by the meaning of the ops. Numbers beyond fp16's range, such as a mask of -3.4e38, are clamped to the finite range, with a
remark. tf32: convs and matmuls on f32 get `math = #nn.math<tf32>`. fp32: nothing changes. Integer tensors and values behind
`quant` ops' i8 stay; scales stay f32. Every downcast is a remark. Linear.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, bf16, f16, f32, f64
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import Rewriter

from ...dialects import nn, quant
from ...dialects.errors import OptionError
from ...dialects.nn import element_of
from ...dialects.provenance import get_names, set_names
from ..remarks import remark
from . import editing

NAME = "assign-precision"
_NARROW: dict[str, Attribute] = {"fp16": f16, "bf16": bf16}
MODES = ("fp32", "tf32", *_NARROW)
_FINITE = {"fp16": 65504.0, "bf16": float(np.finfo(np.float32).max)}
_WIDE = (f32, f64)


@dataclass
class _Narrowing:
    """One function's change to a narrow float type."""

    mode: str
    narrow: Attribute

    def run(self, func: FuncOp) -> None:
        block = func.body.block
        ops = list(block.ops)
        for argument in block.args:
            self._cast_input(argument, ops[0])
        for op in ops:
            if isinstance(op, ReturnOp):
                self._cast_outputs(op, func)
            elif isinstance(op, nn.ConstantOp):
                self._constant(op)
            else:
                self._retype(op)

    def _is_wide(self, value: SSAValue) -> bool:
        return element_of(value) in _WIDE

    def _cast_input(self, argument: SSAValue, first: Operation) -> None:
        if not self._is_wide(argument) or argument.first_use is None:
            return
        users = [use.operation for use in argument.uses]
        if all(isinstance(user, ReturnOp) for user in users):
            return
        cast = editing.insert_before(first, nn.CastOp(argument, self.narrow), location=editing.location_of([argument]))
        argument.replace_uses_with_if(
            cast.results[0], lambda use: use.operation is not cast and not isinstance(use.operation, ReturnOp)
        )
        remark(cast, "applied", NAME, f"downcast: a graph input from {element_of(argument)} to {self.narrow}")

    def _cast_outputs(self, op: ReturnOp, func: FuncOp) -> None:
        for index, (value, wanted) in enumerate(zip(op.operands, func.function_type.outputs.data, strict=True)):
            if element_of(value) == element_of(wanted):
                continue
            location = editing.location_of([value])
            cast = editing.insert_before(op, nn.CastOp(value, element_of(wanted)), location=location)
            if isinstance(value.owner, Operation):
                set_names(cast, [get_names(value.owner)[value.owner.results.index(value)]])
            op.operands[index] = cast.results[0]

    def _constant(self, op: nn.ConstantOp) -> None:
        """Cast a constant for all its users but scales, clamped to what the narrow type can hold."""
        if not self._is_wide(op.result) or all(_reads_scale(use.operation, op.result) for use in op.result.uses):
            return
        source: SSAValue = op.result
        array, limit = op.array(), _FINITE[self.mode]
        beyond = int(np.count_nonzero((np.abs(array) > limit) & np.isfinite(array))) if array.size else 0
        following = op.next_op
        assert following is not None
        new: list[Operation] = []
        if beyond:
            remark(
                op,
                "applied",
                NAME,
                f"clamped: {beyond} of {array.size} numbers beyond {self.mode}'s range to +-{limit}",
            )
            clamped = np.where(np.isfinite(array), np.clip(array, -limit, limit), array).astype(array.dtype)
            new.append(
                editing.insert_before(
                    following, nn.ConstantOp(clamped, editing.label_of(op.result)), location=op.location
                )
            )
            source = new[-1].results[0]
        new.append(editing.insert_before(following, nn.CastOp(source, self.narrow), location=op.location))
        cast = new[-1].results[0]
        op.result.replace_uses_with_if(
            cast, lambda use: use.operation is not new[-1] and not _reads_scale(use.operation, op.result)
        )

    def _retype(self, op: Operation) -> None:
        """Make the op's float results narrow; its operands are already."""
        if isinstance(op, nn.CastOp) and not self._is_wide(op.result):
            return
        for result in op.results:
            if self._is_wide(result):
                Rewriter.replace_value_with_new_type(result, nn.with_element(result, self.narrow))
        if (
            isinstance(op, nn.PadOp)
            and abs(op.value.value.data) > _FINITE[self.mode]
            and np.isfinite(op.value.value.data)
        ):
            value = float(np.copysign(_FINITE[self.mode], op.value.value.data))
            op.properties["value"] = nn.double(value)
            remark(op, "applied", NAME, f"clamped: a padding value beyond {self.mode}'s range to {value}")


def _reads_scale(user: Operation, value: SSAValue) -> bool:
    return isinstance(user, quant.ScaledOp) and user.scale == value and user.x != value


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
                _Narrowing(self.mode, _NARROW[self.mode]).run(func)
