"""Reads and writes IR text from outside: files given to tools, and the texts inside engines.

`read_module` parses and verifies within bounds that are checked before the work: size, nesting, the length of numbers, elements of
constants. Any defect of the text, and any exception of a parser or verifier of an attribute, becomes one `IRTextError` with line and
column. Strings are Unicode: xDSL's lexer reads one with escapes above 0x7E as bytes, and takes exponential time for one that is not
closed; `_Lexer` reads both in linear time.

Ops of a `kernel.func` that say no location are where the kernel is: `KernelPrinter` leaves out what `read_module` puts back, since
nearly all ops of a kernel share one location, which may lead to hundreds of nodes.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable
from math import prod
from typing import Any, cast

from xdsl.context import Context
from xdsl.dialects import scf
from xdsl.dialects.builtin import UNKNOWN_LOC, ArrayAttr, DictionaryAttr, ModuleOp
from xdsl.ir import Attribute, Block, BlockArgument, Operation, ParametrizedAttribute
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.utils.exceptions import ParseError, VerifyException
from xdsl.utils.lexer import Input, Position, Span, Token
from xdsl.utils.mlir_lexer import MLIRLexer, MLIRToken, MLIRTokenKind, StringLiteral

from .errors import InvalidModelError, TrtcError
from .text import LITERAL, unquoted
from .verify import verify_ops

MAXIMUM_SIZE = 1 << 26
"""Characters of one text."""
MAXIMUM_DEPTH = 64
"""Brackets of one kind within each other; what trtc prints has about ten."""
_MAXIMUM_NUMBER = 400
_MAXIMUM_ELEMENTS = 1 << 22
_MAXIMUM_BLOCKS = 256
"""Of a region: xDSL's verifier takes their number squared."""
_MAXIMUM_ALIASED = 1 << 20
"""Attributes that aliases stand for, counted at each use: aliases of aliases grow exponentially when they are printed."""
_KERNEL = "kernel.func"
_STRING = re.compile(LITERAL)
_BRACKETS = re.compile(rf'{LITERAL}|//[^\n]*|->|["\[\](){{}}<>]')
_PAIRS = {"(": ")", "[": "]", "{": "}", "<": ">"}


class IRTextError(InvalidModelError):
    """IR text that cannot be read: `file:line:column: what is wrong`."""

    place: tuple[int, int] | None = None
    """Line and column, from 1, where they are known."""
    said: str | None = None
    """What is wrong, without the place."""


class OpPlaces:
    """The places of ops in a text. `read_module` notes those that it parses where a tool passes this in, to show errors."""

    def __init__(self) -> None:
        self._begins: dict[Operation, int] = {}
        self._lines: list[int] = []
        """Where each line begins."""
        self._first_line = 1

    def start(self, content: str, first_line: int) -> None:
        """Note the lines of a text, and forget the previous text."""
        self._begins, self._first_line = {}, first_line
        self._lines = [0, *(match.end() for match in re.finditer("\n", content))]

    def note(self, op: Operation, begin: int) -> None:
        """Note that an op begins at this character."""
        self._begins[op] = begin

    def of(self, op: Operation | None) -> tuple[int, int] | None:
        """Line and column of an op, or of the innermost op around it that was in the text; from 1. None where there is none."""
        while op is not None and op not in self._begins:
            op = op.parent_op()
        if op is None:
            return None
        begin = self._begins[op]
        line = bisect_right(self._lines, begin) - 1
        return line + self._first_line, begin - self._lines[line] + 1


class IRPrinter(Printer):
    """xDSL's printer, but `scf.while` gets its location after its regions only: xDSL also prints one before them, which its parser does not
    read."""

    def print_operation_type(self, op: Operation) -> None:
        if isinstance(op, scf.WhileOp) and not self.print_generic_format:
            self.print_function_type(op.operand_types, op.result_types)
        else:
            super().print_operation_type(op)


class KernelPrinter(IRPrinter):
    """Prints kernels with their locations, and of the ops inside only those that are elsewhere than their kernel."""

    def __init__(self, stream: Any) -> None:
        super().__init__(stream=stream)
        self._kernel: Attribute = UNKNOWN_LOC

    def print_op(self, op: Operation) -> None:
        before = self._kernel, self.print_debuginfo
        if op.name == _KERNEL:
            self._kernel = op.location
        located = op.location is not UNKNOWN_LOC and (op.name == _KERNEL or op.location is not self._kernel)
        self.print_debuginfo = located and (op.name == _KERNEL or op.location not in (UNKNOWN_LOC, self._kernel))
        super().print_op(op)
        self._kernel, self.print_debuginfo = before

    def print_block_argument(self, arg: BlockArgument, print_type: bool = True) -> None:
        """An argument, without its location, which trtc gives to none of a kernel."""
        before, self.print_debuginfo = self.print_debuginfo, False
        super().print_block_argument(arg, print_type)
        self.print_debuginfo = before


def read_module(
    context: Context,
    text: str | bytes | memoryview,
    name: str = "IR",
    *,
    first_line: int = 1,
    implicit_module: bool = True,
    verify: bool = True,
    places: OpPlaces | None = None,
) -> ModuleOp:
    """The module that a text from outside holds. Raises IRTextError. `first_line` is the number of the text's first line in its file; the
    places of the parsed ops are added to `places`."""
    content = _decoded(text, name)
    where = _Places(content, name, first_line)
    _check_bounds(content, where)
    parser: _Parser | None = None
    try:
        if places is not None:
            places.start(content, first_line)
        parser = _Parser(context, content, name, places)
        module = parser.parse_module(implicit_module)
    except ParseError as error:
        raise where.error(error.span.start, error.msg) from error
    except (
        Exception
    ) as error:  # parsers of attributes raise what Python raises: overflows, divisions by zero, deep recursion
        raise where.error(0 if parser is None else parser.pos, _reason(error)) from error
    if verify:
        try:
            verify_ops(module)
        except Exception as error:
            raise IRTextError(f"{name}: {_reason(error)}") from error
    return module


def _decoded(text: str | bytes | memoryview, name: str) -> str:
    if len(text) > MAXIMUM_SIZE:
        raise IRTextError(f"{name}: expected at most {MAXIMUM_SIZE >> 20} MiB of IR text, got {len(text) >> 20} MiB")
    try:
        return text if isinstance(text, str) else str(text, "utf-8")
    except UnicodeDecodeError as error:
        raise IRTextError(f"{name}: expected IR as UTF-8 text, got other bytes at {error.start}") from error


def _reason(error: BaseException) -> str:
    """The message of an exception on one line, with its type where it is neither trtc's nor xDSL's."""
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    lines = str(error).strip().splitlines() or [""]
    said = lines[-1].strip() if isinstance(error, VerifyException) else " ".join(" ".join(lines).split())
    text = (
        said if isinstance(error, TrtcError | VerifyException) and said else f"{said} ({type(error).__name__})".strip()
    )
    return text if len(text) <= 400 else f"{text[:400]}..."


class _Places:
    """From positions to lines and columns."""

    def __init__(self, content: str, name: str, first_line: int):
        self.content, self.name, self.first_line = content, name, first_line

    def error(self, position: int, message: str) -> IRTextError:
        line = self.content.count("\n", 0, position) + self.first_line
        column = position - self.content.rfind("\n", 0, position)
        error = IRTextError(f"{self.name}:{line}:{column}: {message}")
        error.place, error.said = (line, column), message
        return error


def _check_bounds(content: str, where: _Places) -> None:
    """Check that every string is closed and no bracket is nested too deeply, in one linear scan."""
    depth = dict.fromkeys(_PAIRS, 0)
    opening = {close: open_ for open_, close in _PAIRS.items()}
    for match in _BRACKETS.finditer(content):
        token = match[0]
        if token in depth:
            depth[token] += 1
            if depth[token] > MAXIMUM_DEPTH:
                raise where.error(
                    match.start(), f"expected '{token}' at most {MAXIMUM_DEPTH} within each other, got more"
                )
        elif token in opening:
            depth[opening[token]] = max(0, depth[opening[token]] - 1)
        elif token == '"':
            raise where.error(
                match.start(), 'expected a string that ends on its line, with \\n, \\t, \\\\, \\" or \\hh as escapes'
            )


class _Lexer(MLIRLexer):
    """Strings in linear time and as Unicode, numbers of a bounded length."""

    def _lex_string_literal(self, start_pos: Position) -> MLIRToken:
        match = _STRING.match(self.input.content, start_pos)
        if match is None:
            raise ParseError(Span(start_pos, start_pos + 1, self.input), "expected a string")
        self.pos = match.end()
        literal = StringLiteral(start_pos, self.pos, self.input)
        try:
            unquoted(match[0])
        except ValueError:
            return Token(MLIRTokenKind.BYTES_LIT, literal)
        return Token(MLIRTokenKind.STRING_LIT, literal)

    def _lex_number(self, start_pos: Position) -> MLIRToken:
        token = super()._lex_number(start_pos)
        if len(token.span) > _MAXIMUM_NUMBER:
            raise ParseError(
                token.span, f"expected a number of at most {_MAXIMUM_NUMBER} digits, got {len(token.span)}"
            )
        return token


class _Aliases(dict[str, Attribute]):
    """Aliases by name, with a limit on the attributes that their uses stand for in all."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: dict[int, tuple[int, int]] = {}
        """For each alias's attribute, by identity, the number of attributes in it, and how deep they nest."""
        self.used = 0

    def __setitem__(self, name: str, value: Attribute) -> None:
        size, depth = self._size(value)
        if depth > MAXIMUM_DEPTH:
            raise InvalidModelError(
                f"alias {name}: expected attributes at most {MAXIMUM_DEPTH} within each other, got {depth}"
            )
        self.sizes[id(value)] = size, depth
        super().__setitem__(name, value)

    def __getitem__(self, name: str) -> Attribute:
        value = super().__getitem__(name)
        self.used += self.sizes[id(value)][0]
        if self.used > _MAXIMUM_ALIASED:
            raise InvalidModelError(f"alias {name}: the aliases used stand for more than {_MAXIMUM_ALIASED} attributes")
        return value

    def _size(self, value: Attribute) -> tuple[int, int]:
        if id(value) in self.sizes:
            return self.sizes[id(value)]
        parts: Iterable[Attribute] = ()
        if isinstance(value, ParametrizedAttribute):
            parts = value.parameters
        elif isinstance(value, ArrayAttr):
            parts = cast(Iterable[Attribute], value.data)
        elif isinstance(value, DictionaryAttr):
            parts = value.data.values()
        sizes = [self._size(part) for part in parts]
        return 1 + sum(size for size, _ in sizes), 1 + max((depth for _, depth in sizes), default=0)


class _Parser(Parser):
    """xDSL's parser over `_Lexer`."""

    def __init__(self, context: Context, text: str, name: str, places: OpPlaces | None = None):
        super().__init__(context, "", name)
        self._places = places
        self.attribute_aliases = _Aliases()
        self._parser_state.lexer = _Lexer(Input(text, name))
        self._resume_from(0)

    def parse_operation(self) -> Operation:
        begin = self._current_token.span.start
        op = super().parse_operation()
        if op.name == _KERNEL and op.location != UNKNOWN_LOC:
            for inner in op.walk():
                if inner.location == UNKNOWN_LOC:
                    inner.location = op.location
        if self._places is not None:
            self._places.note(op, begin)
        return op

    def _parse_block(self) -> Block:
        if len(self.blocks) > _MAXIMUM_BLOCKS:
            self.raise_error(f"expected at most {_MAXIMUM_BLOCKS} blocks in a region, got more")
        return super()._parse_block()

    def _parse_dense_literal_type(self) -> Any:
        type_ = super()._parse_dense_literal_type()
        if prod(type_.get_shape()) > _MAXIMUM_ELEMENTS:
            self.raise_error(f"expected a constant of at most {_MAXIMUM_ELEMENTS} elements, got {type_}; use a blob")
        return type_
