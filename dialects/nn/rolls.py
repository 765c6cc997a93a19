"""`nn.roll`: the elements of a tensor moved round along dims."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.ir import Attribute
from xdsl.irdl import irdl_op_definition, operand_def, prop_def, result_def, traits_def
from xdsl.traits import Pure

from .base import Ints, NnOp, Tensor, Value, ints, rank_of, require, ty, values_of


@irdl_op_definition
class RollOp(NnOp):
    """NumPy's roll: along dim i element `j` of the result is element `(j - shifts[i]) mod size` of `x`."""

    name = "nn.roll"

    x = operand_def(Tensor)
    shifts = prop_def(Ints)
    result = result_def(Tensor)

    traits = traits_def(Pure())
    assembly_format = "$x attr-dict `:` functional-type(operands, results)"

    def __init__(self, x: Value, shifts: Sequence[int]):
        super().__init__(
            operands=[x], properties={"shifts": ints(shifts)}, result_types=[self.infer(ty(x), tuple(shifts))]
        )

    @classmethod
    def infer(cls, x: Attribute, shifts: Sequence[int]) -> Attribute:
        require(
            len(shifts) == rank_of(x),
            lambda: f"{cls.name}: expected {rank_of(x)} shifts for {x}, got {list(shifts)}",
        )
        return x

    def inferred(self) -> list[Attribute]:
        return [self.infer(self.x.type, values_of(self.shifts))]


ROLLS: tuple[type[NnOp], ...] = (RollOp,)
