"""Symbolic integers for shapes, offsets and grids: expressions (`expr.py`), their text (`parser.py`), the values that they take
(`values.py`), and equations between them (`solving.py`)."""

from .expr import Atom, Expr, ceildiv, const, maximum, minimum, product, symbol
from .parser import ExprLike, as_expr, parse_expr, parse_exprs
from .values import corners, divisor_of

__all__ = [
    "Atom", "Expr", "ExprLike", "as_expr", "ceildiv", "const", "corners", "divisor_of", "maximum", "minimum", "parse_expr", "parse_exprs",
    "product", "symbol",
]  # fmt: skip
