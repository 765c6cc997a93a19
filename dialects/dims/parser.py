"""The text of dim expressions: what `str(expr)` prints and anything else written with its operators."""

from __future__ import annotations

import operator
import re
from typing import TypeAlias

from ..text import LITERAL, unquoted
from .expr import DIVISIONS, NAME, RESERVED, Expr, ceildiv, const, maximum, minimum, symbol

ExprLike: TypeAlias = "Expr | int | str"
"""A dim, as it may be given where a network is built."""

_TOKEN = re.compile(rf"\s*(?:[0-9]+|[A-Za-z_][A-Za-z0-9_]*|[-+*(),]|{LITERAL})")
_MAXIMUM_DEPTH = 100


class ExprParser:
    """Recursive descent over the grammar of affine expressions, with products of symbols and min/max."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[str] = []
        self.depth = 0
        position, end = 0, len(text.rstrip())
        while position < end:
            match = _TOKEN.match(text, position)
            if match is None:
                raise self.error(f"got {text[position:].strip()[:12]!r}")
            self.tokens.append(match.group(0).strip())
            position = match.end()
        self.index = 0

    def error(self, got: str) -> ValueError:
        text = self.text if len(self.text) <= 80 else f"{self.text[:80]}..."
        return ValueError(
            f"dim expression {text!r}: expected integers, names, + - * floordiv ceildiv mod min max, {got}"
        )

    @property
    def peek(self) -> str:
        return self.tokens[self.index] if self.index < len(self.tokens) else ""

    def take(self) -> str:
        token = self.peek
        if not token:
            raise self.error("got the end of the text")
        self.index += 1
        return token

    def expect(self, token: str) -> None:
        got = self.take()
        if got != token:
            raise self.error(f"got {got!r} where {token!r} should be")

    def parse_list(self) -> tuple[Expr, ...]:
        exprs = [self.parse_sum()]
        while self.peek == ",":
            self.take()
            exprs.append(self.parse_sum())
        if self.peek:
            raise self.error(f"got {self.peek!r} after a complete expression")
        return tuple(exprs)

    def parse_sum(self) -> Expr:
        value = self.parse_product()
        while self.peek in ("+", "-"):
            value = value + self.parse_product() if self.take() == "+" else value - self.parse_product()
        return value

    def parse_product(self) -> Expr:
        value = self.parse_unary()
        while self.peek in ("*", *DIVISIONS):
            operator, right = self.take(), self.parse_unary()
            if operator == "*":
                value = value * right
            elif operator == "floordiv":
                value = value // right
            else:
                value = ceildiv(value, right) if operator == "ceildiv" else value % right
        return value

    def parse_unary(self) -> Expr:
        self.depth += 1
        if self.depth > _MAXIMUM_DEPTH:
            raise self.error(f"got more than {_MAXIMUM_DEPTH} of them within each other")
        value = self._parse_unary(self.take())
        self.depth -= 1
        return value

    def _parse_unary(self, token: str) -> Expr:
        if token == "-":
            return -self.parse_unary()
        if token == "(":
            value = self.parse_sum()
            self.expect(")")
            return value
        if token.isdigit():
            return const(int(token))
        if token in ("min", "max"):
            self.expect("(")
            values = [self.parse_sum()]
            while self.peek == ",":
                self.take()
                values.append(self.parse_sum())
            self.expect(")")
            return minimum(*values) if token == "min" else maximum(*values)
        if token[0] == '"':
            return symbol(unquoted(token))
        if NAME.fullmatch(token) and token not in RESERVED:
            return symbol(token)
        raise self.error(f"got {token!r}")


def as_expr(value: ExprLike) -> Expr:
    """An int, an expression's text or an `Expr` as an `Expr`; ValueError for anything else, floats included."""
    if isinstance(value, Expr):
        return value
    if isinstance(value, str):
        return parse_expr(value)
    try:
        return const(operator.index(value))
    except TypeError:
        raise ValueError(f"dim: expected an integer, a text such as 'N' or an Expr, got {value!r}") from None


def parse_expr(text: str) -> Expr:
    """Parse what `str(expr)` prints, and anything written with `+ - * floordiv ceildiv mod min(..) max(..)` and parentheses. Raises
    ValueError for other text."""
    exprs = parse_exprs(text)
    if len(exprs) != 1:
        raise ValueError(f"dim expression: expected one expression, got {text!r}")
    return exprs[0]


def parse_exprs(text: str) -> tuple[Expr, ...]:
    """Parse a comma separated list of expressions, possibly empty. Raises ValueError for other text."""
    return ExprParser(text).parse_list() if text.strip() else ()
