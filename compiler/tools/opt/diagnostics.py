"""`--verify-diagnostics`: errors and remarks are compared with what the comments of a case expect, as mlir-opt does it.

    // expected-error@+1 {{expected 2 operands}}
    %0 = nn.add %x : ...

The text in braces is part of the message. `@+N`, `@-N` and `@N` name a line, counted from the comment's or from the file's first;
`@above` and `@below` the lines beside it, none its own line, and `@unknown` what has no line: an error that a pass raises without an op.
In a file with such comments every error of every case must be expected, and everything expected must occur. Remarks that no comment expects
are ignored.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ....passes.remarks import Remark

_EXPECTED = re.compile(r"expected-(error|remark)(?:@(\+\d+|-\d+|\d+|above|below|unknown))?\s*\{\{(.*?)\}\}")
_MARK = re.compile(r"//.*\bexpected-(?:error|remark|warning|note)\b")


@dataclass(frozen=True)
class Diagnostic:
    """An error or remark, expected or made. `line` is None where it has none."""

    kind: str
    line: int | None
    text: str

    @property
    def where(self) -> str:
        return "at no line" if self.line is None else f"at line {self.line}"


def expected_in(text: str, first_line: int) -> tuple[list[Diagnostic], list[str]]:
    """What the comments of a case expect, and messages about malformed comments. `first_line` is the number of its first line."""
    found: list[Diagnostic] = []
    wrong: list[str] = []
    for number, line in enumerate(text.splitlines(), first_line):
        comments = list(_EXPECTED.finditer(line)) if _MARK.search(line) else []
        if _MARK.search(line) and not comments:
            wrong.append(
                f"line {number}: expected a comment such as expected-error@+1 {{{{text}}}}, got {line.strip()}"
            )
        found += [Diagnostic(kind, _line(where, number), said) for kind, where, said in (c.groups() for c in comments)]
    return found, wrong


def has_expectations(text: bytes) -> bool:
    """Whether a text has comments that expect something."""
    return any(_MARK.search(line) for line in text.decode(errors="replace").splitlines())


def _line(where: str | None, number: int) -> int | None:
    relative = {None: number, "above": number - 1, "below": number + 1, "unknown": None}
    if where in relative:
        return relative[where]
    assert where is not None
    return number + int(where) if where[0] in "+-" else int(where)


def as_diagnostic(remark: Remark) -> Diagnostic:
    """A remark, by the line of the op that it is about."""
    return Diagnostic("remark", None if remark.place is None else remark.place[0], str(remark))


def mismatches(expected: Iterable[Diagnostic], made: Iterable[Diagnostic]) -> list[str]:
    """A sentence for everything expected that did not occur, and for every error that was not expected."""
    left = list(made)
    problems: list[str] = []
    for want in expected:
        hit = next(
            (got for got in left if (got.kind, got.line) == (want.kind, want.line) and want.text in got.text), None
        )
        if hit is not None:
            left.remove(hit)
            continue
        others = [
            f"{got.where}: {got.text}"
            for got in left
            if got.kind == want.kind and (want.text in got.text or got.line == want.line)
        ]
        problems.append(f"expected {want.kind} {want.where} with '{want.text}', got {'; '.join(others) or 'none'}")
    unexpected = [f"unexpected error {got.where}: {got.text}" for got in left if got.kind == "error"]
    return problems + unexpected
