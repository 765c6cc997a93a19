"""The names of a model's dims: any text, expressions of such names, and dims without a name.

`past + 1` beside `past` is an expression of the same symbol; `16*H` alone is 16 times a symbol H. A text that is no expression, such as
`batch size`, is a symbol named by the whole text, and so is an expression whose symbols cannot be solved from the dims, such as `a*b`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...dialects import dims
from ...dialects.dims import Expr
from ...dialects.dims.solving import sources
from ...dialects.errors import TrtcError

if TYPE_CHECKING:
    from onnx import ValueInfoProto

_MAX_TEXT = 512
"""Longer texts are names and are not parsed."""


@dataclass
class DimNames:
    """The dims of all inputs of a model."""

    shapes: dict[str, list[Expr]] = field(default_factory=dict[str, "list[Expr]"])
    """By input."""
    texts: dict[str, Expr] = field(default_factory=dict[str, Expr])
    """The model's texts with their expressions; not for dims without a name."""
    unnamed: dict[str, list[str]] = field(default_factory=dict[str, "list[str]"])
    """Texts that name nothing (`?`, `-1`), with the symbols of the dims that have them."""


def read_dims(inputs: Sequence[ValueInfoProto]) -> DimNames:
    """The dims of the inputs as expressions, every symbol of which some dim determines."""
    names = DimNames()
    written = {d.dim_param: parsed(d.dim_param) for value in inputs for d in _dims(value) if is_name(d.dim_param)}
    bare = {extent.as_symbol() for extent in written.values()} - {None}
    known = {**written, **_shifted(written, bare)}
    known = _solvable(known)
    names.texts = known
    taken = {name for extent in known.values() for name in extent.symbols()}
    for value in inputs:
        names.shapes[value.name] = [
            _extent(value.name, axis, dim, names, taken) for axis, dim in enumerate(_dims(value))
        ]
    return names


def _dims(value: ValueInfoProto) -> Iterable[Any]:
    return value.type.tensor_type.shape.dim


def is_name(text: str) -> bool:
    """Whether a text names a dim: `?`, `-1` and the like mean an unknown one."""
    return re.search(r"\w", text) is not None and not re.fullmatch(r"\s*-\s*\d+\s*", text)


def parsed(text: str) -> Expr:
    """A dim's text as an expression; a symbol named by the text where it is no expression, or one that is always negative."""
    if len(text) <= _MAX_TEXT:
        try:
            extent = dims.parse_expr(re.sub(r"//", " floordiv ", text).replace("%", " mod "))
        except (ValueError, TrtcError):
            return dims.symbol(text)
        if (extent.as_int() or 0) >= 0:
            return extent
    return dims.symbol(text)


def _shifted(written: Mapping[str, Expr], bare: set[str | None]) -> dict[str, Expr]:
    """`N + 1` where no dim is N itself: the symbol of that text, and other dims relative to it."""
    moved: dict[str, Expr] = {}
    for text, extent in written.items():
        for name in extent.symbols() - bare - moved.keys():
            rest = (extent - dims.symbol(name)).as_int()
            if rest is not None:
                moved[name] = dims.symbol(text) - rest
    return {text: extent.substitute(moved) for text, extent in written.items() if extent.symbols() & moved.keys()}


def _solvable(known: Mapping[str, Expr]) -> dict[str, Expr]:
    """The dims, each whose symbols no dim determines replaced by a symbol of its own."""
    solved = sources(list(known.values())).keys()
    return {text: e if e.symbols() <= solved else dims.symbol(text) for text, e in known.items()}


def _extent(name: str, axis: int, dim: Any, names: DimNames, taken: set[str]) -> Expr:
    """A static extent, the expression of the model's text, or a fresh symbol for an unnamed dim."""
    if dim.HasField("dim_value") and dim.dim_value >= 0:
        return dims.const(dim.dim_value)
    text = dim.dim_param
    if is_name(text):
        return names.texts[text]
    symbol = f"{name}_d{axis}"
    while symbol in taken:
        symbol += "_"
    taken.add(symbol)
    names.unnamed.setdefault(text, []).append(symbol)
    return dims.symbol(symbol)
