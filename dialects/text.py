"""Escapes for text from outside, above all names of models, wherever it is printed or becomes part of IR.

`printable` is for people: errors, remarks, tables. `quoted` and `unquoted` are the string literals of the IR and of dim
expressions. `identifier` makes the plain words that value names of the IR must be. What CUDA C needs is in
`compiler/codegen/cuda/statements.py`.
"""

from __future__ import annotations

import re

LITERAL = r'"[^"\\\n\v\f]*(?:\\(?:["\\nt]|[0-9A-Fa-f]{2})[^"\\\n\v\f]*)*"'
"""A string literal of the IR, matched in linear time: each character alone decides which alternative applies."""
_ESCAPE = re.compile(r'\\(["\\nt]|[0-9A-Fa-f]{2})')
_NAMED = {'"': '"', "\\": "\\", "n": "\n", "t": "\t"}
_IDENTIFIER_LENGTH = 40
_SHOWN = 200


def printable(text: str) -> str:
    """The text on one line, with everything that a terminal would act upon (control characters, bidirectional overrides, lone
    surrogates) written as an escape."""
    return text if text.isprintable() else "".join(c if c.isprintable() else _escaped(c) for c in text)


def printable_lines(text: str) -> str:
    """The same for a message of several lines; long names are cut."""
    lines = text if text.isprintable() else "\n".join(map(printable, text.split("\n")))
    return re.sub(rf"(?<!\S)(\S{{{_SHOWN}}})\S{{{_SHOWN},}}", r"\1...", lines) if len(lines) > 2 * _SHOWN else lines


def shown(name: str) -> str:
    """A name in a line of text: printable, and cut where it is long."""
    return printable(name if len(name) <= 2 * _SHOWN else f"{name[:_SHOWN]}...")


def _escaped(character: str) -> str:
    code = ord(character)
    if character in "\n\r\t":
        return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}[character]
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def is_unicode(text: str) -> bool:
    """Whether the text has no lone surrogates, so that it can be written as UTF-8."""
    return text.isascii() or not re.search("[\ud800-\udfff]", text)


def quoted(text: str) -> str:
    """The text as a string literal of the IR, readable: printable characters stay, whatever their alphabet."""
    return '"' + "".join(c if c.isprintable() and c not in '"\\' else _bytes_of(c) for c in text) + '"'


def _bytes_of(character: str) -> str:
    return "".join(f"\\{byte:02X}" for byte in character.encode())


def unquoted(literal: str) -> str:
    """The text of a string literal. Raises ValueError where its escapes are not UTF-8."""
    inner = literal[1:-1]
    if "\\" not in inner:
        return inner
    found = bytearray()
    end = 0
    for match in _ESCAPE.finditer(inner):
        found += inner[end : match.start()].encode()
        escape = match[1]
        found += _NAMED[escape].encode() if escape in _NAMED else bytes([int(escape, 16)])
        end = match.end()
    found += inner[end:].encode()
    try:
        return found.decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"string {literal[:40]}: expected escapes of UTF-8 text, got other bytes") from error


def identifier(text: str) -> str | None:
    """A short ASCII word like the text, for value names, which only people read; None where no such character is left."""
    word = re.sub(r"[^A-Za-z0-9]+", "_", text[: 4 * _IDENTIFIER_LENGTH]).strip("_")[:_IDENTIFIER_LENGTH]
    if not word:
        return None
    return f"v{word}" if word[0].isdigit() else word
