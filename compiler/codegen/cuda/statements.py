"""The base of the CUDA C printer: C names of values, the wrappers used, and statements; it knows no op.

Text from outside (names of ONNX nodes, of values and kernels in IR text) enters generated code through `comment` and `c_word` only.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from xdsl.ir import Attribute, SSAValue
from xdsl.utils.base_printer import BasePrinter

from ....dialects.kernel.instruction import Wrapper
from ....dialects.kernel.scalars.ctext import c_type
from ....dialects.kernel.scalars.parentheses import bare
from ....dialects.text import identifier

_COMMENT_LENGTH = 400


def comment(text: str) -> str:
    """The text as a comment that ends with its line, whatever it holds: plain ASCII without backslashes and question marks, which
    could join lines (also as the trigraph ??/), everything else as an escape."""
    cut = f"{text[:_COMMENT_LENGTH]}..." if len(text) > _COMMENT_LENGTH else text
    return "// " + "".join(c if " " <= c <= "~" and c not in "\\?" else f"\\u{ord(c):04x}" for c in cut)


def c_word(text: str, ending: str = "_") -> str:
    """The text as a C identifier. It begins with a letter and has an ending that no keyword, macro or function of C++ and CUDA has, and no
    name of the printer's own."""
    return f"{identifier(text) or 'v'}{ending}"


@dataclass(eq=False, repr=False)
class StatementPrinter(BasePrinter):
    """Prints the statements of one kernel; `wrappers` collects the prelude entries that it uses, by name."""

    wrappers: dict[str, Wrapper] = field(default_factory=dict[str, Wrapper], init=False)
    names: dict[SSAValue, str] = field(default_factory=dict[SSAValue, str], init=False)
    taken: set[str] = field(default_factory=set[str], init=False)
    unnamed: int = field(default=0, init=False)

    # Names.

    def needs(self, wrapper: Wrapper) -> str:
        """Adds an entry of the prelude to the wrappers used; returns its name."""
        self.wrappers[wrapper.name] = wrapper
        return wrapper.name

    def unique(self, word: str, ending: str = "") -> str:
        """`word`, a word of the printer's own or a `c_word` without its ending, as a name that no other value of the kernel has."""
        name, count = f"{word}{ending}", 0
        while name in self.taken:
            count += 1
            name = f"{word}_{count}{ending}"
        self.taken.add(name)
        return name

    def from_outside(self, text: str) -> str:
        """A unique name in the kernel that resembles the text."""
        return self.unique(c_word(text, ""), "_")

    def declare(self, value: SSAValue, fallback: str | None = None) -> str:
        """Names a value: by its hint, else `fallback`, else v0, v1, ..."""
        if value.name_hint is not None:
            name = self.from_outside(value.name_hint)
        elif fallback is not None:
            name = self.unique(fallback)
        else:
            name = self.unique(f"v{self.unnamed}")
            self.unnamed += 1
        self.names[value] = name
        return name

    def name(self, value: SSAValue) -> str:
        """The C text of a value as a part of an expression: its name, its literal, or its inlined expression."""
        return self.names[value]

    def bare(self, value: SSAValue) -> str:
        """The C text of a value where it needs no parentheses: between commas or brackets, or after `=`."""
        return bare(self.names[value])

    def type(self, type_: Attribute) -> str:
        return c_type(type_, self.needs)

    # Statements.

    def statement(self, text: str) -> None:
        self.print_string("\n" + text)

    def assign(self, value: SSAValue, expression: str) -> None:
        """`const T name = expression;`"""
        type_ = self.type(value.type)
        self.statement(f"const {type_} {self.declare(value)} = {expression};")
