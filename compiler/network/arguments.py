"""Checks the arguments of layers at the call: each against the annotation of its parameter, converted to plain Python values or refused in
one sentence. The decorator `checked` adds the checks to a layer; a new kind of annotation needs a row in `_RULES`."""

from __future__ import annotations

import functools
import inspect
import operator
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any, Protocol, TypeAlias, TypeVar, cast

import numpy as np
from xdsl.ir import Attribute, SSAValue

from ...dialects import dims
from ...dialects.dims import Expr
from ...dialects.dtypes import element_type_of, numpy_dtype
from ...dialects.errors import InvalidModelError, got
from ...dialects.text import is_unicode

Integers: TypeAlias = tuple[int, ...]
_LONGEST = 100_000
"""Entries of a list that a parameter may have: more are a mistake, and an endless iterator ends."""


class _Owner(Protocol):
    def check_own(self, what: str, value: Any) -> None: ...


_Method = TypeVar("_Method", bound=Callable[..., Any])
_Rule: TypeAlias = Callable[[_Owner, str, str, Any], Any]


def checked(method: _Method) -> _Method:
    """Decorates a layer's method: its arguments are converted as its annotations say, or InvalidModelError is raised before it runs."""
    signature = inspect.signature(method)
    rules = {name: _RULES[str(p.annotation)] for name, p in signature.parameters.items() if name != "self"}
    layer = method.__name__.removeprefix("add_").replace("_", " ")

    @functools.wraps(method)
    def call(self: _Owner, *args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(self, *args, **kwargs)
        for name, rule in rules.items():
            if name in bound.arguments:
                bound.arguments[name] = rule(self, layer, name, bound.arguments[name])
        return method(*bound.args, **bound.kwargs)

    return cast(_Method, call)


def check_kind(what: str, kind: Any, known: Sequence[str]) -> None:
    """Raise InvalidModelError unless `kind` is one of the known ones."""
    if not isinstance(kind, str) or kind not in known:
        raise InvalidModelError(f"{what}: expected one of {', '.join(known)}, got {got(kind)}")


def check_name(what: str, name: Any) -> None:
    """Raise InvalidModelError unless `name` is a Unicode text that is not empty."""
    if not isinstance(name, str) or not name or not is_unicode(name):
        raise InvalidModelError(f"{what}: expected a name, a Unicode text that is not empty, got {got(name)}")


def extents_of(what: str, shape: Any) -> tuple[Expr, ...]:
    """A shape as dim expressions. Raises InvalidModelError for anything else, and for negative extents."""
    extents = _expressions(what, shape, "a shape such as ('N', 3, 224, 224)")
    for extent in extents:
        size = extent.as_int()
        if size is not None and size < 0:
            raise InvalidModelError(
                f"{what}: expected extents of 0 or more, got {size}; name a dynamic dim, such as 'N'"
            )
    return extents


def _expressions(what: str, given: Any, wanted: str) -> tuple[Expr, ...]:
    return tuple(_expression(what, entry) for entry in _entries(what, given, wanted))


def _expression(what: str, entry: Any) -> Expr:
    if not isinstance(entry, str | Expr):
        return dims.const(_integer(f"{what}: expected an integer, a text such as 'N' or an Expr", entry))
    try:
        return dims.as_expr(entry)
    except ValueError as error:
        raise InvalidModelError(
            f"{what}: {error if len(str(error)) < 400 else 'no dim expression: ' + got(entry)}"
        ) from None


def _entries(what: str, given: Any, wanted: str) -> list[Any]:
    """The entries of a list. Raises InvalidModelError for texts, tensors, what cannot be iterated over, and endless iterators."""
    if isinstance(given, str | bytes | SSAValue) or not isinstance(given, Iterable):
        raise InvalidModelError(f"{what}: expected {wanted}, got {got(given)}")
    try:
        entries = list(islice(cast(Iterable[Any], given), _LONGEST + 1))
    except TypeError:  # an array without dims
        entries = None
    if entries is None or len(entries) > _LONGEST:
        raise InvalidModelError(f"{what}: expected {wanted}, got {got(given)}")
    return entries


def integers(what: str, name: str, given: Any, count: int | None = None) -> Integers:
    """`given` as a tuple of plain integers. Raises InvalidModelError, naming the parameter, for anything else."""
    wanted = f"{name} as {count or 'a list of'} integers"
    listed = _entries(what, given, wanted)
    if count is not None and len(listed) != count:
        raise InvalidModelError(f"{what}: expected {wanted}, got {got(given)}")
    return tuple(integer(what, name, entry) for entry in listed)


def integer(what: str, name: str, given: Any) -> int:
    """`given` as a plain integer of 64 bits. Raises InvalidModelError, naming the parameter, for anything else."""
    return _integer(f"{what}: expected {name} in integers", given)


def _integer(wanted: str, given: Any) -> int:
    try:
        number = None if isinstance(given, SSAValue) else operator.index(given)
    except Exception:  # of a foreign __index__
        number = None
    if number is None or abs(number) >= 2**63:
        raise InvalidModelError(f"{wanted}, got {got(given)}")
    return number


def _number(layer: str, name: str, given: Any) -> float:
    try:
        return float(given) if isinstance(given, int | float | np.number) else _refuse(layer, name, "a number", given)
    except (OverflowError, TypeError):  # an integer beyond floats, a complex number
        return _refuse(layer, name, "a number", given)


def as_array(what: str, given: Any) -> np.ndarray[Any, Any]:
    """Numbers as an array of a dtype that tensors have. Raises InvalidModelError, also for arrays with masked elements."""
    if isinstance(given, np.ma.MaskedArray):
        raise InvalidModelError(f"{what}: expected an array without a mask; fill it first, with .filled(value)")
    if not isinstance(given, np.ndarray | np.generic | int | float | list | tuple):
        raise InvalidModelError(f"{what}: expected a NumPy array, got {got(given)}")
    try:
        array = np.asarray(cast(Any, given))
    except Exception as error:  # of entries that make no array, or of foreign ones
        raise InvalidModelError(f"{what}: expected a NumPy array, got {got(given)}: {error}") from None
    element_type_of(array.dtype)
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def _refuse(layer: str, name: str, wanted: str, given: Any) -> Any:
    raise InvalidModelError(f"{layer}: expected {name} as {wanted}, got {got(given)}")


def _tensor(owner: _Owner, layer: str, name: str, given: Any) -> Any:
    owner.check_own(f"{layer}: {name}", given)
    return given


def _tensor_or_array(owner: _Owner, layer: str, name: str, given: Any) -> Any:
    if isinstance(given, np.ndarray):
        return as_array(f"{layer}: {name}", given)
    if not isinstance(given, SSAValue):
        _refuse(layer, name, "a tensor or a NumPy array", given)
    return _tensor(owner, layer, name, given)


def _operand(owner: _Owner, layer: str, name: str, given: Any) -> Any:
    if isinstance(given, np.generic):
        return as_array(f"{layer}: {name}", given)[()]
    if isinstance(given, int | float):
        return given
    if not isinstance(given, SSAValue | np.ndarray):
        _refuse(layer, name, "a tensor, a NumPy array or a number", given)
    return _tensor_or_array(owner, layer, name, given)


def _flag(owner: _Owner, layer: str, name: str, given: Any) -> bool:
    return bool(given) if isinstance(given, bool | np.bool_) else _refuse(layer, name, "True or False", given)


def _text(owner: _Owner, layer: str, name: str, given: Any) -> str:
    return given if isinstance(given, str) and is_unicode(given) else _refuse(layer, name, "a text in Unicode", given)


def _element_type(owner: _Owner, layer: str, name: str, given: Any) -> Any:
    if isinstance(given, Attribute):
        numpy_dtype(given)
    return given


def _tensors(owner: _Owner, layer: str, name: str, given: Any) -> list[Any]:
    return [_tensor(owner, layer, name, entry) for entry in _entries(layer, given, f"{name} as a list of tensors")]


def _optional(rule: _Rule) -> _Rule:
    return lambda owner, layer, name, given: None if given is None else rule(owner, layer, name, given)


_RULES: dict[str, _Rule] = {
    "SSAValue": _tensor,
    "SSAValue | Array": _tensor_or_array,
    "SSAValue | Array | None": _optional(_tensor_or_array),
    "Operand": _operand,
    "Array": lambda _, layer, name, given: as_array(f"{layer}: {name}", given),
    "Sequence[SSAValue]": _tensors,
    "Sequence[int]": lambda _, layer, name, given: integers(layer, name, given),
    "Sequence[int] | None": _optional(lambda _, layer, name, given: integers(layer, name, given)),
    "ExprLike": lambda _, layer, name, given: _expression(layer, given),
    "Iterable[ExprLike]": lambda _, layer, name, given: _expressions(
        f"{layer}: {name}", given, "a list such as ('N', 3)"
    ),
    "int": lambda _, layer, name, given: integer(layer, name, given),
    "int | None": _optional(lambda _, layer, name, given: integer(layer, name, given)),
    "Sequence[str]": lambda _, layer, name, given: [
        _text(_, layer, name, entry) for entry in _entries(layer, given, f"{name} as a list of texts")
    ],
    "Sequence[float]": lambda _, layer, name, given: [
        _number(layer, name, entry) for entry in _entries(layer, given, f"{name} as a list of numbers")
    ],
    "float": lambda _, layer, name, given: _number(layer, name, given),
    "float | None": _optional(lambda _, layer, name, given: _number(layer, name, given)),
    "bool": _flag,
    "str": _text,
    "Layout": _text,
    "str | Attribute | np.dtype[Any] | type": _element_type,
}
