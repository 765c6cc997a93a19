"""The folding of shape arithmetic: integer operators over object arrays of `int | Expr`.

`Shape -> Cast -> Slice -> Concat -> Reshape` and similar chains never become ops: each node here maps the known elements
of its operands to known elements of its result, with NumPy's own indexing and broadcasting. A fold returns None or
raises `Undecidable` where it cannot decide, such as a comparison of two symbols; the node is then imported as an op on
data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import prod
from typing import Any, TypeAlias

import ml_dtypes
import numpy as np

from ...dialects import dims
from ...dialects.dims import Expr
from ...dialects.dims.proofs import exact_bounds
from ...dialects.limits import MAX_FOLDED

Array = np.ndarray[Any, Any]
Element: TypeAlias = "int | Expr"
Ranges: TypeAlias = "dict[str, tuple[int, int, int]]"


def as_int(element: Element) -> int | None:
    """The value of a constant element, None for one that depends on symbols."""
    return element.as_int() if isinstance(element, Expr) else int(element)


def simplified(element: Element) -> Element:
    """Constant expressions as plain integers, so that NumPy sees one kind of constant."""
    value = as_int(element)
    return element if value is None else value


def elements(values: Iterable[Element], shape: tuple[int, ...] | None = None) -> Array:
    """An object array of elements; NumPy never looks into them."""
    items = [simplified(value) for value in values]
    array = np.empty(len(items), object)
    array[:] = items
    return array if shape is None else array.reshape(shape)


def map_elements(function: Callable[..., Element], *operands: Array) -> Array:
    """`function` over the broadcast operands."""
    check_size(np.broadcast_shapes(*(operand.shape for operand in operands)))
    operands = tuple(np.broadcast_arrays(*operands))
    values = [function(*items) for items in zip(*(operand.reshape(-1) for operand in operands), strict=True)]
    return elements(values, operands[0].shape)


def holds(dtype: np.dtype[Any], element: Element, ranges: Ranges) -> bool:
    """Whether a type holds an element exactly, for all sizes of the dynamic dims: arithmetic on symbols never wraps or rounds."""
    low, high = dims.as_expr(element).bounds(ranges)
    if dtype.kind in "iu":
        return np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max
    limit = 1 if dtype.kind == "b" else 2 ** (ml_dtypes.finfo(dtype).nmant + 1)
    return -limit <= low and high <= limit


class Undecidable(Exception):
    """A fold met expressions whose order it cannot decide, or too many elements."""


def check_size(shape: tuple[int, ...]) -> None:
    """Raise `Undecidable` for a result of more than `MAX_FOLDED` elements, which is data and not a shape."""
    if prod(shape) > MAX_FOLDED:
        raise Undecidable


def fold_div(a: Element, b: Element, ranges: Ranges) -> Element:
    """Integer division, which ONNX truncates towards zero. Raises `Undecidable` for a divisor that may be 0 or of either sign."""
    low, high = dims.as_expr(b).bounds(ranges)
    if high < 0:
        return fold_div(-a, -b, ranges)
    if low <= 0:
        raise Undecidable
    if dims.as_expr(a).bounds(ranges)[0] >= 0:
        return dims.as_expr(a) // b
    return dims.maximum(a, 0) // b - dims.maximum(-a, 0) // b


def fold_exact_div(a: Element, b: Element, ranges: Ranges) -> Element:
    """Division of whole numbers held in floats. Raises `Undecidable` where there is a remainder."""
    quotient = fold_div(a, b, ranges)
    if (dims.as_expr(quotient) * b - a).as_int() != 0:
        raise Undecidable
    return quotient


def fold_power(base: Element, exponent: Element) -> Element:
    """A product of equal factors. Raises `Undecidable` for an exponent that is not known, negative or large."""
    times = as_int(exponent)
    if times is None or not 0 <= times <= _MOST_FACTORS:
        raise Undecidable
    return dims.product([dims.as_expr(base)] * times)


_MOST_FACTORS = 8


def fold_mod(a: Element, b: Element, ranges: Ranges) -> Element:
    """The remainder with the sign of the divisor, which must be positive."""
    if dims.as_expr(b).bounds(ranges)[0] <= 0:
        raise Undecidable
    return dims.as_expr(a) % b


def fold_fmod(a: Element, b: Element, ranges: Ranges) -> Element:
    """The remainder with the sign of the dividend."""
    return a - dims.as_expr(fold_div(a, b, ranges)) * b


def fold_min(a: Element, b: Element) -> Element:
    return dims.minimum(a, b)


def fold_max(a: Element, b: Element) -> Element:
    return dims.maximum(a, b)


def compare(predicate: str, ranges: Ranges) -> Callable[[Element, Element], Element]:
    """A comparison that is decided by the ranges of the symbols, or raises `Undecidable`."""

    def decide(a: Element, b: Element) -> Element:
        low, high = exact_bounds(dims.as_expr(a) - b, ranges)
        if predicate == "eq":
            verdict = _if_settled(low == high == 0, high < 0 or low > 0)
        elif predicate == "ne":
            verdict = _if_settled(high < 0 or low > 0, low == high == 0)
        elif predicate in ("lt", "le"):
            verdict = _if_settled(high < 0, low >= 0) if predicate == "lt" else _if_settled(high <= 0, low > 0)
        else:
            verdict = _if_settled(low > 0, high <= 0) if predicate == "gt" else _if_settled(low >= 0, high < 0)
        return verdict

    return decide


def _if_settled(true: bool, false: bool) -> bool:
    if not (true or false):
        raise Undecidable
    return true


def clamp(element: Element, low: Element, high: Element, ranges: Ranges) -> Element:
    """`min(max(element, low), high)`, without bounds that the ranges of the symbols make redundant."""
    value = dims.as_expr(element)
    least, greatest = exact_bounds(value - low, ranges)
    if least < 0:
        value = dims.as_expr(low) if greatest <= 0 else dims.maximum(value, low)
    least, greatest = exact_bounds(value - high, ranges)
    if greatest > 0:
        value = dims.as_expr(high) if least >= 0 else dims.minimum(value, high)
    return simplified(value)
