"""Dims that a network needs to be equal, though nothing says so: `nn.equal`, an attribute of the module.

    builtin.module attributes {nn.equal = [#nn.dims<past + step, total>], nn.symbols = {...}}

An op whose operands must agree in a dim accepts two expressions that may be equal. What it takes for granted is collected when the network
is finished; the runtime checks it for the shapes of each run, since kernels rely on it.
"""

from __future__ import annotations

from collections.abc import Iterable

from xdsl.dialects.builtin import ArrayAttr, ModuleOp

from ..dims import Expr
from ..errors import InvalidModelError
from .base import DimsAttr

EQUAL = "nn.equal"


def equal_dims(module: ModuleOp) -> list[tuple[Expr, Expr]]:
    """The pairs of dims that must be equal. Raises InvalidModelError for an attribute that does not list pairs."""
    found: list[tuple[Expr, Expr]] = []
    attribute = module.attributes.get(EQUAL, ArrayAttr([]))
    pairs = attribute.data if isinstance(attribute, ArrayAttr) else (attribute,)
    for pair in pairs:
        if not isinstance(pair, DimsAttr) or len(pair.exprs) != 2:
            raise InvalidModelError(f"{EQUAL}: expected a list of #nn.dims<a, b>, got {attribute}")
        found.append((pair.exprs[0], pair.exprs[1]))
    return found


def set_equal_dims(module: ModuleOp, pairs: Iterable[tuple[Expr, Expr]]) -> None:
    """Write the pairs; none removes the attribute."""
    if listed := [DimsAttr(pair) for pair in pairs]:
        module.attributes[EQUAL] = ArrayAttr(listed)
    else:
        module.attributes.pop(EQUAL, None)
