"""
Thread ops for the thread's number, symbols, arrays in registers and in shared memory, and loads and stores between them.

Code at this level is that of one thread: arith, scf and math on scalars; arrays in registers are `memref<Nxf32, "local">` made by
`kernel.local` and indexed by constants or unrolled loops; shared memory is `memref<Nxf16, "shared">` made by `kernel.smem` at a byte
offset; global tensors stay `!kernel.global` block arguments, addressed by an element offset. `index` is a 32-bit int. Each op is one PTX
instruction or C construct, printed as one statement; its row of the table of instructions (`../instruction.py`) is beside it, except for
declarations, which the printer makes itself.
"""

from __future__ import annotations

from xdsl.dialects.builtin import MemRefType, NoneAttr, StringAttr, i1
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.irdl import (
    AnyAttr,
    AttrSizedOperandSegments,
    EqAttrConstraint,
    IRDLOperation,
    MessageConstraint,
    ParamAttrConstraint,
    ParsePropInAttrDict,
    irdl_op_definition,
    operand_def,
    opt_operand_def,
    prop_def,
    result_def,
    traits_def,
)
from xdsl.traits import Pure

from ..base import I64Attr, IndexOp, index, int_attr
from ..instruction import Access, Elements, Guard, instruction
from ..types import GlobalType

__all__ = [
    "ARRAYS",
    "LOCAL",
    "SHARED",
    "LdGlobalOp",
    "LdSharedOp",
    "Local",
    "LocalOp",
    "Move",
    "ParamOp",
    "Shared",
    "SmemOp",
    "StGlobalOp",
    "StSharedOp",
    "ThreadIdOp",
    "local_type",
    "shared_type",
]

LOCAL, SHARED = StringAttr("local"), StringAttr("shared")


def local_type(length: int, element: Attribute) -> MemRefType[Attribute]:
    """An array of `length` elements in registers."""
    return MemRefType(element, [length], NoneAttr(), LOCAL)


def shared_type(length: int, element: Attribute) -> MemRefType[Attribute]:
    """An array of `length` elements in shared memory."""
    return MemRefType(element, [length], NoneAttr(), SHARED)


def _memref(space: StringAttr):
    pattern = ParamAttrConstraint(MemRefType, (AnyAttr(), AnyAttr(), AnyAttr(), EqAttrConstraint(space)))
    return MessageConstraint(pattern, f"expected a memref in {space.data} memory")


Local, Shared = _memref(LOCAL), _memref(SHARED)


@irdl_op_definition
class ThreadIdOp(IndexOp):
    """Thread within the block."""

    name = "kernel.thread_id"


instruction(ThreadIdOp, "threadIdx.x", runs="control")


@irdl_op_definition
class ParamOp(IRDLOperation):
    """A symbol's value, passed as a kernel parameter."""

    name = "kernel.param"
    symbol = prop_def(StringAttr)
    result = result_def(index)
    traits = traits_def(Pure())
    assembly_format = "$symbol attr-dict"

    def __init__(self, symbol: str):
        super().__init__(properties={"symbol": StringAttr(symbol)}, result_types=[index])


@irdl_op_definition
class LocalOp(IRDLOperation):
    """An array in registers, its contents undefined."""

    name = "kernel.local"
    result = result_def(Local)
    assembly_format = "attr-dict `:` type($result)"

    def __init__(self, length: int, element: Attribute):
        super().__init__(result_types=[local_type(length, element)])


@irdl_op_definition
class SmemOp(IRDLOperation):
    """The block's dynamic shared memory from a byte offset on, as an array."""

    name = "kernel.smem"
    offset = prop_def(I64Attr)
    result = result_def(Shared)
    traits = traits_def(Pure())
    assembly_format = "$offset attr-dict `:` type($result)"

    def __init__(self, offset: int, length: int, element: Attribute):
        super().__init__(properties={"offset": int_attr(offset)}, result_types=[shared_type(length, element)])


# Moving data. `count` elements at once (4, 8 or 16 bytes as one access); `predicate` false: nothing moves.


class Move(IRDLOperation):
    irdl_options = (AttrSizedOperandSegments(as_property=True), ParsePropInAttrDict())
    count = prop_def(I64Attr)
    predicate = opt_operand_def(i1)

    def __init__(
        self,
        source: SSAValue,
        of: SSAValue,
        target: SSAValue,
        to: SSAValue,
        count: int,
        predicate: SSAValue | None = None,
    ):
        """`of` and `to`: the offset in the source and in the target, in elements. Every move declares its operands in this order."""
        super().__init__(operands=[source, of, target, to, predicate], properties={"count": int_attr(count)})


def move_format(of: str, to: str) -> str:
    """The syntax of a move whose offsets in source and target are the operands `of` and `to`."""
    places = f"$source `[` ${of} `]` `to` $target `[` ${to} `]`"
    return f"{places} `count` $count (`if` $predicate^)? attr-dict `:` type($source) `,` type($target)"


@irdl_op_definition
class LdGlobalOp(Move):
    """local[position ..] = global[offset ..]; with a false predicate the array keeps its contents."""

    name = "kernel.ld_global"
    source = operand_def(GlobalType)
    offset = operand_def(index)
    target = operand_def(Local)
    position = operand_def(index)
    assembly_format = move_format("offset", "position")


@irdl_op_definition
class StGlobalOp(Move):
    """global[offset ..] = local[position ..]."""

    name = "kernel.st_global"
    source = operand_def(Local)
    position = operand_def(index)
    target = operand_def(GlobalType)
    offset = operand_def(index)
    assembly_format = move_format("position", "offset")


@irdl_op_definition
class LdSharedOp(Move):
    """local[position ..] = shared[offset ..]."""

    name = "kernel.ld_shared"
    source = operand_def(Shared)
    offset = operand_def(index)
    target = operand_def(Local)
    position = operand_def(index)
    assembly_format = move_format("offset", "position")


@irdl_op_definition
class StSharedOp(Move):
    """shared[offset ..] = local[position ..]."""

    name = "kernel.st_shared"
    source = operand_def(Local)
    position = operand_def(index)
    target = operand_def(Shared)
    offset = operand_def(index)
    assembly_format = move_format("position", "offset")


def _elements_move(op: type[Operation], at: str, to: str) -> None:
    """A row of one access: `target[to ..] = source[at ..]`, where the predicate holds."""
    roles = {
        "guard": Guard("predicate"),
        "target": Elements("target", to, Access.WRITE),
        "source": Elements("source", at, Access.READ),
    }
    instruction(op, "{guard}{target} = {source}", roles, numpy=lambda op, source: source)


_elements_move(LdGlobalOp, "offset", "position")
_elements_move(StGlobalOp, "position", "offset")
_elements_move(LdSharedOp, "offset", "position")
_elements_move(StSharedOp, "position", "offset")

ARRAYS: tuple[type[Operation], ...] = (
    ThreadIdOp,
    ParamOp,
    LocalOp,
    SmemOp,
    LdGlobalOp,
    StGlobalOp,
    LdSharedOp,
    StSharedOp,
)
