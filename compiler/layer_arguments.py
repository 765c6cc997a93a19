"""What layers are given, checked at the call: kinds, names, shapes and integers, each as plain Python values or one sentence."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias, cast

from ..dialects import dims
from ..dialects.dims import Expr
from ..dialects.errors import InvalidModelError
from ..dialects.text import is_unicode

Integers: TypeAlias = tuple[int, ...]


def check_kind(what: str, kind: Any, known: Sequence[str]) -> None:
    """Raise InvalidModelError unless `kind` is one of the known ones."""
    if kind not in known:
        raise InvalidModelError(f"{what}: expected one of {', '.join(known)}, got {kind!r}")


def check_name(what: str, name: Any) -> None:
    """Raise InvalidModelError unless `name` is a text of Unicode that is not empty."""
    if not isinstance(name, str) or not name or not is_unicode(name):
        raise InvalidModelError(f"{what}: expected a name, a Unicode text that is not empty, got {name!r}")


def extents_of(what: str, shape: Any) -> tuple[Expr, ...]:
    """A shape as dim expressions. Raises InvalidModelError for what is none, and for negative extents."""
    if isinstance(shape, str) or not isinstance(shape, Iterable):
        raise InvalidModelError(f"{what}: expected a shape such as ('N', 3, 224, 224), got {shape!r}")
    try:
        extents = tuple(dims.as_expr(extent) for extent in cast(Iterable[Any], shape))
    except ValueError as error:
        raise InvalidModelError(f"{what}: {error}") from None
    for extent in extents:
        size = extent.as_int()
        if size is not None and size < 0:
            raise InvalidModelError(
                f"{what}: expected extents of 0 or more, got {size}; name a dynamic dim, such as 'N'"
            )
    return extents


def window(
    what: str, kernel: Any, strides: Any, pads: Any, dilations: Any
) -> tuple[Integers, Integers, Integers, Integers]:
    """The four parameters of a sliding window as tuples of plain integers."""
    return (
        integers(what, "kernel", kernel),
        integers(what, "strides", strides),
        integers(what, "pads", pads),
        integers(what, "dilations", dilations),
    )


def integers(what: str, name: str, given: Any, count: int | None = None) -> Integers:
    """`given` as a tuple of plain integers. Raises InvalidModelError, naming the parameter, for anything else."""
    listed = list(cast(Iterable[Any], given)) if isinstance(given, Iterable) and not isinstance(given, str) else None
    if listed is None or (count is not None and len(listed) != count):
        raise InvalidModelError(f"{what}: expected {name} as {count or 'a list of'} integers, got {given!r}")
    return tuple(integer(what, name, entry) for entry in listed)


def integer(what: str, name: str, given: Any) -> int:
    """`given` as a plain integer. Raises InvalidModelError, naming the parameter, for anything else."""
    try:
        return operator.index(given)
    except TypeError:
        raise InvalidModelError(f"{what}: expected {name} in integers, got {given!r}") from None
