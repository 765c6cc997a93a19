"""Launches of a host function, what they do with memory, and the events that order those of several streams."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import (
    I64,
    ArrayAttr,
    IndexType,
    IntegerAttr,
    MemRefType,
    StringAttr,
    SymbolRefAttr,
    UnitAttr,
    i64,
)
from xdsl.ir import ParametrizedAttribute, SSAValue, TypeAttribute
from xdsl.irdl import (
    AttrSizedOperandSegments,
    IRDLOperation,
    ParsePropInAttrDict,
    irdl_attr_definition,
    irdl_op_definition,
    operand_def,
    opt_prop_def,
    prop_def,
    result_def,
    var_operand_def,
)
from xdsl.utils.exceptions import VerifyException
from xdsl.utils.str_enum import StrEnum

from .memory import ARG_DIMS, INDEX, WeightOp, host_value, owner_of

OUT_NAMES = "buffer.out_names"
"""On a launch: the ONNX names of the tensors in its `outs`, "" where there is none."""


class Access(StrEnum):
    """What a launch does with a memref, or an instruction with the memory of an operand."""

    NONE = "none"
    READ = "read"
    WRITE = "write"
    UPDATE = "update"
    """Both."""

    @classmethod
    def of(cls, reads: bool, writes: bool) -> Access:
        return (cls.UPDATE if writes else cls.READ) if reads else (cls.WRITE if writes else cls.NONE)

    @property
    def reads(self) -> bool:
        return self in (Access.READ, Access.UPDATE)

    @property
    def writes(self) -> bool:
        return self in (Access.WRITE, Access.UPDATE)


@irdl_op_definition
class LaunchOp(IRDLOperation):
    """Runs a kernel: parameters are `ins`, `outs`, then `workspace`, and the symbols that it reads, by name. `accesses` has for each of the
    memrefs "read", "write", both ("update") or "none"; it is needed where one of several launches of a group does not read all `ins`, write
    all `outs` and update all of `workspace`. The launch runs after earlier work of its `stream` (default 0). A `dependent` launch
    (programmatic dependent launch) may begin before the previous launch on its stream has ended: each of its blocks waits for that by
    `kernel.grid_wait`, and touches only weights before."""

    name = "buffer.launch"

    callee = prop_def(SymbolRefAttr)
    symbols = var_operand_def(IndexType())
    ins = var_operand_def(MemRefType)
    outs = var_operand_def(MemRefType)
    workspace = var_operand_def(MemRefType)
    accesses = opt_prop_def(ArrayAttr[StringAttr])
    stream = opt_prop_def(IntegerAttr[I64])
    dependent = opt_prop_def(UnitAttr)

    assembly_format = (
        "$callee (`[` $symbols^ `]`)? (`ins` `(` $ins^ `:` type($ins) `)`)? (`outs` `(` $outs^ `:` type($outs) `)`)?"
        " (`workspace` `(` $workspace^ `:` type($workspace) `)`)? attr-dict"
    )
    irdl_options = (AttrSizedOperandSegments(as_property=True), ParsePropInAttrDict())

    def __init__(
        self,
        callee: str,
        symbols: Sequence[SSAValue],
        ins: Sequence[SSAValue],
        outs: Sequence[SSAValue],
        workspace: Sequence[SSAValue] = (),
        accesses: Sequence[Access] | None = None,
    ):
        super().__init__(
            operands=[symbols, ins, outs, workspace],
            properties={
                "callee": SymbolRefAttr(callee),
                "accesses": None if accesses is None else ArrayAttr(StringAttr(access) for access in accesses),
            },
        )

    @property
    def memrefs(self) -> tuple[SSAValue, ...]:
        """The pointer parameters of the kernel, in order."""
        return (*self.ins, *self.outs, *self.workspace)

    @property
    def stream_number(self) -> int:
        """The stream that it runs on."""
        return 0 if self.stream is None else self.stream.value.data

    @property
    def access_list(self) -> tuple[Access, ...]:
        """What the kernel does with each of `memrefs`."""
        if self.accesses is not None:
            return tuple(Access(access.data) for access in self.accesses)
        parts = ((self.ins, Access.READ), (self.outs, Access.WRITE), (self.workspace, Access.UPDATE))
        return tuple(access for values, access in parts for _ in values)

    @property
    def symbol_names(self) -> tuple[str, ...]:
        """The names of the symbols that the launch binds."""
        values = [host_value(value) for value in self.symbols]
        return tuple((value.as_symbol() if value is not None else None) or "" for value in values)

    def verify_(self) -> None:
        if "" in self.symbol_names:
            raise VerifyException(
                f"launch of {self.callee}: expected symbols between the brackets: results of buffer.symbol or buffer.read, the "
                f"variable of a loop with {INDEX}, or an index argument that {ARG_DIMS} names"
            )
        if not self.outs:
            raise VerifyException(f"launch of {self.callee}: expected at least one output, got none")
        self._verify_accesses()
        _verify_stream(self.stream_number)
        for value in (*self.outs, *self.workspace):
            if isinstance(owner_of(value).owner, WeightOp):
                raise VerifyException(f"launch of {self.callee}: expected outputs that may be written, got a weight")

    def _verify_accesses(self) -> None:
        if self.accesses is None:
            return
        words = [access.data for access in self.accesses]
        if len(words) != len(self.memrefs) or not {*words} <= {*Access}:
            raise VerifyException(
                f"launch of {self.callee}: expected `accesses` to say {', '.join(Access)} for each of {len(self.memrefs)} memrefs, "
                f"got {self.accesses}"
            )
        if any(access.writes for access in self.access_list[: len(self.ins)]):
            raise VerifyException(
                f"launch of {self.callee}: expected no writes to what it takes as ins, got {self.accesses}"
            )


@irdl_attr_definition
class EventType(ParametrizedAttribute, TypeAttribute):
    """The work that a stream was given before a `buffer.record`."""

    name = "buffer.event"


@irdl_op_definition
class RecordOp(IRDLOperation):
    """An event: the work that the stream has been given so far."""

    name = "buffer.record"

    stream = prop_def(IntegerAttr[I64])
    event = result_def(EventType)

    assembly_format = "`stream` $stream attr-dict"
    irdl_options = (ParsePropInAttrDict(),)

    def __init__(self, stream: int):
        super().__init__(properties={"stream": IntegerAttr(stream, i64)}, result_types=[EventType()])

    @property
    def stream_number(self) -> int:
        return self.stream.value.data

    def verify_(self) -> None:
        _verify_stream(self.stream_number)


@irdl_op_definition
class WaitOp(IRDLOperation):
    """Work that the stream is given from here on begins when the event's launches have ended. The first op of a stream other than 0."""

    name = "buffer.wait"

    event = operand_def(EventType)
    stream = prop_def(IntegerAttr[I64])

    assembly_format = "$event `stream` $stream attr-dict"
    irdl_options = (ParsePropInAttrDict(),)

    def __init__(self, event: SSAValue, stream: int):
        super().__init__(operands=[event], properties={"stream": IntegerAttr(stream, i64)})

    @property
    def stream_number(self) -> int:
        return self.stream.value.data

    def verify_(self) -> None:
        _verify_stream(self.stream_number)


def _verify_stream(number: int) -> None:
    if number < 0:
        raise VerifyException(f"expected a stream of 0 or more, got {number}")
