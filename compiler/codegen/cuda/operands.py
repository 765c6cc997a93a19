"""How the operands of an instruction are written in CUDA C, by their roles (`dialects/kernel/instruction.py`)."""

from __future__ import annotations

from collections.abc import Mapping

from xdsl.dialects.builtin import IntegerAttr, MemRefType
from xdsl.ir import Attribute, Operation, SSAValue

from ....dialects.errors import TrtcError
from ....dialects.kernel.instruction import (
    Access,
    Constant,
    Elements,
    GlobalAddress,
    Guard,
    Instruction,
    Map,
    MatrixRows,
    Predicate,
    Registers,
    Role,
    SharedAddress,
    SharedByte,
    Value,
    Values,
)
from ....dialects.kernel.scalars.wrappers import VEC8, VEC16
from ....dialects.kernel.thread.copies import SMEM_ADDRESS
from ....dialects.kernel.types import GlobalType, bitwidth
from ....dialects.provenance import describe
from .statements import StatementPrinter

_VECTORS = {2: "unsigned short", 4: "unsigned", 8: VEC8, 16: VEC16}


class Operands(Mapping[str, str]):
    """The C texts of an op's operands by the names of their roles, made when the C form asks for them."""

    def __init__(self, printer: StatementPrinter, op: Operation, row: Instruction):
        self.printer, self.op, self.row = printer, op, row

    def __getitem__(self, name: str) -> str:
        return self._text(self.row.roles[name])

    def __iter__(self):
        return iter(self.row.roles)

    def __len__(self) -> int:
        return len(self.row.roles)

    def _text(self, role: Role) -> str:
        printer = self.printer
        match role:
            case Value(operand):
                return printer.bare(getattr(self.op, operand))
            case Values(operand):
                return ", ".join(printer.bare(value) for value in getattr(self.op, operand))
            case Constant(name):
                return str(self._constant(name))
            case Guard(operand):
                predicate = getattr(self.op, operand)
                return "" if predicate is None else f"if ({printer.bare(predicate)}) "
            case Predicate(operand):
                predicate = getattr(self.op, operand)
                return "true" if predicate is None else printer.bare(predicate)
            case Elements():
                return self._elements(role)
            case Registers():
                return self._registers(role)
            case MatrixRows(array, at) | SharedAddress(array, at):
                return f"{printer.needs(SMEM_ADDRESS)}(&{self._element(array, at)})"
            case GlobalAddress(array, at):
                return f"&{self._element(array, at)}"
            case SharedByte(operand):
                return f"shared_base + {printer.name(getattr(self.op, operand))}"
            case Map(operand):
                return f"&{printer.name(getattr(self.op, operand))}"

    def _constant(self, name: str) -> int:
        attribute = self.op.properties[name]
        assert isinstance(attribute, IntegerAttr)
        return attribute.value.data

    def _element(self, array: str, at: str) -> str:
        return f"{self.printer.name(getattr(self.op, array))}[{self.printer.bare(getattr(self.op, at))}]"

    def _elements(self, role: Elements) -> str:
        """An element, or 4, 8 or 16 bytes reinterpreted."""
        element, count = self._element(role.array, role.at), self._constant("count")
        if count == 1:
            return element
        array: SSAValue = getattr(self.op, role.array)
        const = "const " if role.access is Access.READ else ""
        return f"*reinterpret_cast<{const}{self._vector(count, array.type)}*>(&{element})"

    def _vector(self, count: int, type_: Attribute) -> str:
        assert isinstance(type_, MemRefType | GlobalType)
        width = count * bitwidth(type_.element_type) // 8
        if width not in _VECTORS:
            raise TrtcError(
                f"CUDA C, {describe(self.op)}: expected an access of 1, 2, 4, 8 or 16 bytes, got {width}; split it"
            )
        vector = _VECTORS[width]
        return vector if isinstance(vector, str) else self.printer.needs(vector)

    def _registers(self, role: Registers) -> str:
        """A pointer to 32-bit registers of an array."""
        array: SSAValue = getattr(self.op, role.array)
        assert isinstance(array.type, MemRefType)
        c_type = role.c_type if isinstance(role.c_type, str) else role.c_type(self.op)
        text = f"&{self._element(role.array, role.at)}"
        same = self.printer.type(array.type.element_type) == c_type
        return text if same else f"reinterpret_cast<{c_type}*>({text})"
