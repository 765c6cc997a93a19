"""The thread op that combines a value with an element of a global tensor, atomically."""

from __future__ import annotations

from xdsl.dialects.builtin import (
    BFloat16Type,
    Float16Type,
    Float32Type,
    Float64Type,
    IntegerType,
    Signedness,
    StringAttr,
)
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.irdl import irdl_op_definition, operand_def, prop_def

from ...errors import TrtcError
from ...provenance import describe
from ..base import index
from ..instruction import FUNCTION, Access, Elements, GlobalAddress, Guard, PreludeSection, Wrapper, instruction
from ..scalars.wrappers import (
    BF16_TO_F32,
    F16_TO_F32,
    F32_TO_BF16,
    F32_TO_F16,
    MAX_NAN,
    MAX_NAN_F64,
    MIN_NAN,
    MIN_NAN_F64,
)
from ..types import GlobalType, bitwidth
from .arrays import Local, Move

__all__ = ["ATOMICS", "AtomicOp"]

KINDS = ("add", "mul", "max", "min")


@irdl_op_definition
class AtomicOp(Move):
    """global[offset] = global[offset] `kind` local[position], atomically: add, mul, max or min. `count` is 1."""

    name = "kernel.atomic"
    kind = prop_def(StringAttr)
    source = operand_def(Local)
    position = operand_def(index)
    target = operand_def(GlobalType)
    offset = operand_def(index)
    assembly_format = (
        "$kind $source `[` $position `]` `to` $target `[` $offset `]` `count` $count (`if` $predicate^)? attr-dict "
        "`:` type($source) `,` type($target)"
    )

    def __init__(
        self,
        kind: str,
        source: SSAValue,
        of: SSAValue,
        target: SSAValue,
        to: SSAValue,
        predicate: SSAValue | None = None,
    ):
        super().__init__(source, of, target, to, 1, predicate)
        self.properties["kind"] = StringAttr(kind)


_NAMES: dict[type[Attribute], str] = {
    Float64Type: "f64",
    Float32Type: "f32",
    Float16Type: "f16",
    BFloat16Type: "bf16",
}
_C = {
    "f64": "double", "f32": "float", "f16": "unsigned short", "bf16": "unsigned short",
    "i64": "long long", "i32": "int", "i16": "short", "i8": "signed char",
    "ui64": "unsigned long long", "ui32": "unsigned", "ui16": "unsigned short", "ui8": "unsigned char",
}  # fmt: skip
_UNSIGNED = {64: "unsigned long long", 32: "unsigned", 16: "unsigned short"}
_NATIVE = {
    ("add", "f64"),
    ("add", "f32"),
    ("add", "i32"),
    ("max", "i32"),
    ("min", "i32"),
    ("max", "i64"),
    ("min", "i64"),
}
"""What the hardware combines in one instruction; i64 adds as unsigned numbers do."""
_NARROW = {"f16": (F16_TO_F32, F32_TO_F16), "bf16": (BF16_TO_F32, F32_TO_BF16)}
_EXTREMA = {("max", "f64"): MAX_NAN_F64, ("min", "f64"): MIN_NAN_F64, ("max", "f32"): MAX_NAN, ("min", "f32"): MIN_NAN}


def _combined(kind: str, name: str, a: str = "a", b: str = "b") -> tuple[str, tuple[Wrapper, ...]]:
    """The C expression that combines two values, and what it calls."""
    if name in _NARROW:
        widen, narrow = _NARROW[name]
        wide, needs = _combined(kind, "f32", f"{widen.name}({a})", f"{widen.name}({b})")
        return f"{narrow.name}({wide})", (widen, narrow, *needs)
    if (kind, name) in _EXTREMA:
        return f"{_EXTREMA[kind, name].name}({a}, {b})", (_EXTREMA[kind, name],)
    if kind in ("max", "min"):
        return f"{a} {'<' if kind == 'max' else '>'} {b} ? {b} : {a}", ()
    sign, unsigned = "+" if kind == "add" else "*", {"i64": "unsigned long long", "i32": "unsigned"}.get(name)
    if unsigned is not None:  # which wrap around
        return f"({_C[name]})(({unsigned}){a} {sign} ({unsigned}){b})", ()
    return f"{a} {sign} {b}" if name in ("f32", "f64") else f"({_C[name]})({a} {sign} {b})", ()


def _bits_of(name: str, value: str) -> str:
    return {"f64": f"__double_as_longlong({value})", "f32": f"__float_as_uint({value})"}.get(name, value)


def _value_of(name: str, bits: str) -> str:
    return {"f64": f"__longlong_as_double({bits})", "f32": f"__uint_as_float({bits})"}.get(name, f"({_C[name]}){bits}")


def _wrapper(kind: str, name: str) -> Wrapper:
    """The function for a kind and an element type: one instruction, or a loop that compares and swaps the word around the element."""
    c, size = _C[name], int(name.strip("uibf"))
    function = f"atomic_{kind}_{name}"
    head = f"{FUNCTION}void {function}({c}* p, {c} b) {{\n"
    if (kind, name) in _NATIVE:
        return Wrapper(function, f"{head}  atomic{kind.capitalize()}(p, b);\n}}", section=PreludeSection.SCALARS)
    expression, requires = _combined(kind, name)
    if size == 8:
        body = (
            "  unsigned* word = (unsigned*)((unsigned long long)p & ~3ull);\n"
            "  int shift = ((unsigned long long)p & 3) * 8;\n"
            "  unsigned seen = *word, expected;\n"
            "  do {\n    expected = seen;\n"
            f"    {c} a = ({c})(expected >> shift);\n"
            f"    unsigned made = ((unsigned)({expression}) & 255u) << shift;\n"
            "    seen = atomicCAS(word, expected, (expected & ~(255u << shift)) | made);\n"
            "  } while (seen != expected);\n}"
        )
    else:
        word = _UNSIGNED[size]
        body = (
            f"  {word}* word = ({word}*)p;\n  {word} seen = *word, expected;\n"
            "  do {\n    expected = seen;\n"
            f"    {c} a = {_value_of(name, 'expected')};\n"
            f"    seen = atomicCAS(word, expected, ({word}){_bits_of(name, f'({expression})')});\n"
            "  } while (seen != expected);\n}"
        )
    return Wrapper(function, head + body, requires, section=PreludeSection.SCALARS)


_WRAPPERS = {(kind, name): _wrapper(kind, name) for kind in KINDS for name in _C}


def _name(type_: Attribute) -> str | None:
    """The name of an element type that atomics combine, or None."""
    if isinstance(type_, IntegerType):
        name = f"{'u' if type_.signedness.data == Signedness.UNSIGNED else ''}i{type_.width.data}"
        return name if name in _C else None
    return _NAMES.get(type(type_))


def _wrapper_of(op: Operation) -> Wrapper:
    assert isinstance(op, AtomicOp) and isinstance(op.target.type, GlobalType)
    name = _name(op.target.type.element_type)
    found = _WRAPPERS.get((op.kind.data, name or ""))
    if found is None:
        raise TrtcError(
            f"CUDA C, {describe(op)}: expected {', '.join(KINDS)} of {', '.join(_C)}, got {op.kind.data} of "
            f"{op.target.type.element_type} ({bitwidth(op.target.type.element_type)} bits)"
        )
    return found


instruction(
    AtomicOp,
    lambda op: f"{{guard}}{_wrapper_of(op).name}({{target}}, {{source}})",
    {
        "guard": Guard("predicate"),
        "target": GlobalAddress("target", "offset"),
        "source": Elements("source", "position", Access.READ),
    },
    runs="moves",
    wrapper=_wrapper_of,
    forms=lambda: tuple(_WRAPPERS.values()),
)

ATOMICS: tuple[type[Operation], ...] = (AtomicOp,)
