"""What all `nn` ops share: dim expressions on types, shape arithmetic, attribute conversions and the base class.

Import these names from `trtc.dialects.nn`.
"""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeAlias, TypeGuard, cast

from xdsl.dialects.builtin import (
    DYNAMIC_INDEX,
    AnyTensorType,
    DenseArrayBase,
    DictionaryAttr,
    Float64Type,
    FloatAttr,
    IntegerAttr,
    IntegerType,
    ModuleOp,
    NoneAttr,
    TensorType,
    bf16,
    f16,
    f32,
    f64,
    i64,
)
from xdsl.ir import Attribute, AttributeInvT, Data, Operation, SSAValue
from xdsl.irdl import BaseAttr, IRDLOperation, ParsePropInAttrDict, irdl_attr_definition
from xdsl.parser import AttrParser
from xdsl.printer import Printer
from xdsl.traits import OpTrait
from xdsl.utils.exceptions import VerifyException
from xdsl.utils.hints import isa

from ..dims import Expr, ExprLike, as_expr, const, parse_exprs
from ..dims.solving import solved, sources
from ..errors import InvalidModelError, TrtcError, UnequalDimsError

Value: TypeAlias = SSAValue | Operation
SYMBOLS = "nn.symbols"
DYNAMIC = DYNAMIC_INDEX
Tensor: BaseAttr[AnyTensorType] = BaseAttr(TensorType)
Ints = DenseArrayBase.constr(i64)
"""The constraint of `array<i64: ...>` properties."""


class Qualified(BaseAttr[AttributeInvT]):
    """A constraint to one attribute class that prints with its full name (`#nn.dims<N>`), not just its parameters (`<N>`)."""

    def get_bases(self) -> None:
        return None


@irdl_attr_definition
class DimsAttr(Data[tuple[Expr, ...]]):
    """A list of dim expressions; as the encoding of a tensor type with a `?`, one expression per dim."""

    name = "nn.dims"

    @staticmethod
    def get(exprs: Iterable[ExprLike]) -> DimsAttr:  # pyright: ignore[reportIncompatibleMethodOverride]
        return DimsAttr(tuple(as_expr(e) for e in exprs))

    @property
    def exprs(self) -> tuple[Expr, ...]:
        return self.data

    @classmethod
    def parse_parameter(cls, parser: AttrParser) -> tuple[Expr, ...]:
        with parser.in_angle_brackets():
            words: list[str] = []
            start = parser.pos
            while (word := parser._current_token.span.text) not in (">", ""):  # pyright: ignore[reportPrivateUsage]
                words.append(word)
                parser._consume_token()  # pyright: ignore[reportPrivateUsage]
            try:
                return parse_exprs(" ".join(words))
            except ValueError as error:
                parser.raise_error(str(error), start, parser.pos)

    def print_parameter(self, printer: Printer) -> None:
        with printer.in_angle_brackets():
            printer.print_string(", ".join(map(str, self.data)))


# Types.


def tensor_type(dims: Iterable[ExprLike], element_type: Attribute) -> AnyTensorType:
    """The tensor type with these dims: a static one has no encoding, any other carries all dims as `#nn.dims`."""
    exprs = [as_expr(d) for d in dims]
    sizes = [e.as_int() for e in exprs]
    if None not in sizes:
        return TensorType(element_type, cast("list[int]", sizes))
    return TensorType(element_type, [DYNAMIC if s is None else s for s in sizes], DimsAttr(tuple(exprs)))


def plain(ty: Attribute) -> AnyTensorType:
    """The tensor type of these dims and elements: the type itself, where it says no more than they, which is quick."""
    known = as_tensor(ty)
    if isinstance(known.encoding, NoneAttr) and DYNAMIC not in known.get_shape():
        return known
    return tensor_type(shape_of(known), known.element_type)


def is_tensor(ty: Attribute) -> TypeGuard[AnyTensorType]:
    """Whether a type is a (ranked) tensor type."""
    return isinstance(ty, TensorType)


def as_tensor(of: Attribute | SSAValue) -> AnyTensorType:
    """The tensor type of a value or the type itself. Raises InvalidModelError for anything else."""
    ty = of.type if isinstance(of, SSAValue) else of
    if not is_tensor(ty):
        raise InvalidModelError(f"expected a tensor type, got {ty}")
    return ty


def shape_of(of: Attribute | SSAValue) -> tuple[Expr, ...]:
    """The dims of a tensor type or value as expressions. Raises InvalidModelError for a `?` that has no expression."""
    ty = as_tensor(of)
    if _DIMS not in vars(ty):
        if not isinstance(ty.encoding, DimsAttr) and DYNAMIC in ty.get_shape():
            raise InvalidModelError(f"{ty}: expected an encoding #nn.dims<...> that names every `?`, got none")
        known = ty.encoding.exprs if isinstance(ty.encoding, DimsAttr) else tuple(map(const, ty.get_shape()))
        vars(ty)[_DIMS] = known  # no parameter: it is neither compared nor printed
    return vars(ty)[_DIMS]


_DIMS = "nn_dims"
"""Where a tensor type keeps its dims as expressions, for which passes and verifiers ask again and again."""


def element_of(of: Attribute | SSAValue) -> Attribute:
    """The element type of a tensor type or value."""
    return as_tensor(of).element_type


def rank_of(of: Attribute | SSAValue) -> int:
    """The number of dims of a tensor type or value."""
    return as_tensor(of).get_num_dims()


def with_element(of: Attribute | SSAValue, element_type: Attribute) -> AnyTensorType:
    """The same shape with another element type."""
    ty = as_tensor(of)
    return TensorType(element_type, ty.shape.data, ty.encoding)


def verify_tensor_type(ty: AnyTensorType) -> None:
    """Raise VerifyException unless the encoding has one dim expression per dim, agreeing with the static sizes."""
    sizes = ty.get_shape()
    if isinstance(ty.encoding, NoneAttr):
        if DYNAMIC in sizes:
            raise VerifyException(f"{ty}: expected an encoding #nn.dims<...> that names every `?`, got none")
        return
    if not isinstance(ty.encoding, DimsAttr):
        raise VerifyException(f"{ty}: expected an encoding #nn.dims<...>, got {ty.encoding}")
    values = [e.as_int() for e in ty.encoding.exprs]
    if [DYNAMIC if v is None else v for v in values] != list(sizes) or DYNAMIC not in sizes:
        raise VerifyException(
            f"{ty}: expected one dim expression per dim, constant exactly where the size is static and only on types with a "
            f"`?`, got {ty.encoding}"
        )


_VERIFIED: ContextVar[Operation | None] = ContextVar("trtc_verified", default=None)
"""The op that is being verified: the module around it has the ranges of its dims."""


_ASSUMED: ContextVar[dict[tuple[Expr, Expr], None] | None] = ContextVar("trtc_assumed", default=None)


@contextmanager
def assumptions() -> Generator[dict[tuple[Expr, Expr], None]]:
    """Collects, as keys, the dims that `same_dim` took for equal inside."""
    found: dict[tuple[Expr, Expr], None] = {}
    outer = _ASSUMED.set(found)
    try:
        yield found
    finally:
        _ASSUMED.reset(outer)


def same_dim(a: Expr, b: Expr) -> bool:
    """Whether two dims may be equal: False only if they provably differ, at least at one end of their symbols' ranges."""
    if a is b or (gap := (a - b).as_int()) == 0:
        return True
    if gap is not None or any(_differ(a, b, sizes) for sizes in _sizes_in_range()):
        return False
    if (found := _ASSUMED.get()) is not None:
        found[a, b] = None
    return True


def _differ(a: Expr, b: Expr, sizes: dict[str, int]) -> bool:
    if not a.symbols() | b.symbols() <= sizes.keys():
        return False
    try:
        return a.evaluate(sizes) != b.evaluate(sizes)
    except ZeroDivisionError:
        return False


def _sizes_in_range() -> list[dict[str, int]]:
    """All dim symbols at their min, opt and max, while an op of a module with ranges is verified; else none."""
    op = _VERIFIED.get()
    while op is not None and not isinstance(op, ModuleOp):
        op = op.parent_op()
    ranges = {} if op is None else symbol_ranges(op)
    return [{name: entries[which] for name, entries in ranges.items()} for which in range(3)] if ranges else []


def compatible(a: Attribute, b: Attribute) -> bool:
    """Whether two types agree: same element type and rank, and no two dims that provably differ."""
    if not is_tensor(a) or not is_tensor(b):
        return a == b
    left, right = shape_of(a), shape_of(b)
    return a.element_type == b.element_type and len(left) == len(right) and all(map(same_dim, left, right))


def broadcast_dims(what: str, *shapes: Sequence[Expr]) -> tuple[Expr, ...]:
    """The NumPy broadcast of shapes. A dim whose size is unknown broadcasts only against 1, a constant, or the same expression.

    Against a constant it is taken as that constant: its range must allow no other size, not even 1.
    Raises InvalidModelError for dims that differ, UnequalDimsError for dims that are not known to be equal.
    """
    rank = max(map(len, shapes), default=0)
    padded = [(const(1),) * (rank - len(s)) + tuple(s) for s in shapes]
    dims: list[Expr] = []
    for axis, column in enumerate(zip(*padded, strict=True)):
        wide = list(dict.fromkeys(d for d in column if d.as_int() != 1))
        constants = [d for d in wide if d.as_int() is not None]
        fits = all(same_dim(d, constants[0]) for d in wide) if constants else len(wide) <= 1
        if not fits:
            got = " and ".join(_shape_text(s) for s in shapes)
            text = f"{what}: expected shapes that broadcast, got {got}, which differ in dim {axis}"
            if len(constants) > 1:
                raise InvalidModelError(text)
            raise _unequal(text, wide)
        dims.append((constants or wide or [const(1)])[0])
    return tuple(dims)


def _unequal(text: str, wide: Sequence[Expr]) -> UnequalDimsError:
    """The error for dims that nothing says are equal: two names, or an expression that trtc cannot show to be another."""
    constants = any(d.as_int() is not None for d in wide)
    named = "" if constants else "give them one name in the model, or "
    rounded = any(d.as_int() is None and d.as_symbol() is None for d in wide)
    step = ", or say there that sizes are multiples: (min, opt, max, step)" if rounded else ""
    error = UnequalDimsError(
        f"{text}; if {' and '.join(map(str, wide))} are always equal, {named}fix their sizes in the profile "
        f"(min = opt = max){step}"
    )
    error.symbols = frozenset(name for extent in wide for name in extent.symbols())
    return error


def _shape_text(dims: Sequence[Expr]) -> str:
    return f"[{', '.join(map(str, dims))}]"


def normalize_axis(what: str, axis: int, rank: int) -> int:
    """The axis counted from the front. Raises InvalidModelError if it is out of range."""
    if not -rank <= axis < rank:
        raise InvalidModelError(f"{what}: expected an axis in [{-rank}, {rank}), got {axis}")
    return axis % rank


# Attributes.


def ints(values: Iterable[int]) -> DenseArrayBase[IntegerType]:
    """`array<i64: ...>`."""
    return DenseArrayBase.from_list(i64, list(values))


def integer(value: int) -> IntegerAttr[IntegerType]:
    """An i64 attribute."""
    return IntegerAttr(value, i64)


def double(value: float) -> FloatAttr[Float64Type]:
    """An f64 attribute."""
    return FloatAttr(value, f64)


def values_of(attribute: DenseArrayBase[IntegerType]) -> tuple[int, ...]:
    """The integers of `array<i64: ...>`."""
    return attribute.get_values()


def symbol_ranges(module: ModuleOp) -> dict[str, tuple[int, int, int]]:
    """The dim symbols of a module with their (min, opt, max), from its attribute `nn.symbols`."""
    symbols = module.attributes.get(SYMBOLS)
    if symbols is None:
        return {}
    if not isinstance(symbols, DictionaryAttr):
        raise InvalidModelError(f"{SYMBOLS}: expected a dictionary of array<i64: min, opt, max>, got {symbols}")
    ranges: dict[str, tuple[int, int, int]] = {}
    for name, value in symbols.data.items():
        entries = values_of(value) if isa(value, DenseArrayBase[IntegerType]) else ()
        if len(entries) != 3 or not 0 <= entries[0] <= entries[1] <= entries[2]:
            raise InvalidModelError(
                f"{SYMBOLS}: expected {name} = array<i64: min, opt, max> in rising order from 0, got {value}"
            )
        ranges[name] = (entries[0], entries[1], entries[2])
    return ranges


def set_symbol_ranges(module: ModuleOp, ranges: dict[str, tuple[int, int, int]]) -> None:
    """Write the ranges (min, opt, max) of the module's dim symbols; none removes the attribute."""
    if ranges:
        module.attributes[SYMBOLS] = DictionaryAttr({name: ints(ranges[name]) for name in sorted(ranges)})
    else:
        module.attributes.pop(SYMBOLS, None)


def symbols_inside(root: Operation) -> set[str]:
    """The symbols that the ops of a group or function compute with, besides those of its operands and results: starts of slices, sizes."""
    exprs = {
        expr
        for op in root.walk()
        for attribute in op.properties.values()
        if isinstance(attribute, DimsAttr)
        for expr in attribute.exprs
    }
    return {name for expr in exprs for name in expr.symbols()}


def bind_symbols(types: Iterable[Attribute], shapes: Iterable[Sequence[int]]) -> dict[str, int]:
    """The values of all symbols that the dims of the types determine, read from actual shapes.

    Raises InvalidModelError where a shape does not fit its type.
    """
    pairs = [(as_tensor(t), shape_of(t), tuple(s)) for t, s in zip(types, shapes, strict=True)]
    for ty, dims, shape in pairs:
        if len(dims) != len(shape):
            raise InvalidModelError(f"expected a tensor of type {ty}, got one of shape {shape}")
    extents = [extent for _, dims, _ in pairs for extent in dims]
    sizes = [size for _, _, shape in pairs for size in shape]
    env: dict[str, int] = {}
    for name, position in sources(extents).items():
        value = solved(extents[position], name, sizes[position], env)
        if value is None:
            raise InvalidModelError(f"expected a dim {extents[position]}, got {sizes[position]}, which no {name} gives")
        env[name] = value
    for ty, dims, shape in pairs:
        for dim, size in zip(dims, shape, strict=True):
            if dim.symbols() <= env.keys() and dim.evaluate(env) != size:
                raise InvalidModelError(f"expected a tensor of type {ty} with {env}, got one of shape {shape}")
    return env


# Ops.


class Pointwise(OpTrait):
    """Each result element depends on the operands' elements at the same (broadcast) coordinates only."""


class NnOp(IRDLOperation, ABC):
    """Base of tensor ops: properties print in the attribute dictionary, and the verifier compares with shape inference."""

    irdl_options = (ParsePropInAttrDict(),)

    def inferred(self) -> Sequence[Attribute] | None:
        """The result types that the operands and properties imply; None where the result types themselves are the parameter."""
        return None

    def check(self) -> None:
        """Further checks; raise InvalidModelError saying expected and got."""

    def verify_(self) -> None:
        for value in (*self.operands, *self.results):
            if is_tensor(value.type):
                verify_tensor_type(value.type)
        outer = _VERIFIED.set(self)
        try:
            self.check()
            inferred = self.inferred()
            for index, (want, got) in enumerate(zip(inferred or (), self.result_types, strict=False)):
                if not compatible(want, got):
                    raise InvalidModelError(f"{self.name}: expected result {index} of type {want}, got {got}")
        except TrtcError as error:
            raise VerifyException(str(error)) from error
        finally:
            _VERIFIED.reset(outer)


class SameTypeOp(NnOp):
    """Base of ops whose result has the type of their first operand."""

    @classmethod
    def infer(cls, x: Attribute) -> AnyTensorType:
        return plain(x)

    def inferred(self) -> list[Attribute]:
        return [self.infer(self.operands[0].type)]


def unrounded(inferred: Attribute, result: SSAValue) -> Attribute:
    """The type of a result that may stay in f32, as it was computed, where `inferred`, the operand's type, is f16 or bf16."""
    if element_of(inferred) in (f16, bf16) and element_of(result) == f32:
        return with_element(inferred, f32)
    return inferred


def require(condition: bool, message: Callable[[], str]) -> None:
    """Raise InvalidModelError with the message unless the condition holds; types are slow to print, so only then."""
    if not condition:
        raise InvalidModelError(message())


def require_axis(name: str, axis: int, rank: int) -> None:
    """Raise InvalidModelError unless the axis counts from the front and is in range."""
    require(0 <= axis < rank, lambda: f"{name}: expected an axis in [0, {rank}), got {axis}")


def ty(value: Value) -> AnyTensorType:
    """The tensor type of a value or of an op's only result. Raises InvalidModelError for anything else, such as an array."""
    if not isinstance(value, SSAValue | Operation):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidModelError(f"expected a tensor that add_input or a layer returned, got {type(value).__name__}")
    return as_tensor(SSAValue.get(value))


__all__ = [
    "DYNAMIC",
    "SYMBOLS",
    "DimsAttr",
    "Ints",
    "NnOp",
    "Pointwise",
    "Qualified",
    "SameTypeOp",
    "Tensor",
    "Value",
    "as_tensor",
    "assumptions",
    "bind_symbols",
    "broadcast_dims",
    "compatible",
    "double",
    "element_of",
    "integer",
    "ints",
    "is_tensor",
    "normalize_axis",
    "rank_of",
    "require",
    "require_axis",
    "same_dim",
    "set_symbol_ranges",
    "shape_of",
    "symbol_ranges",
    "symbols_inside",
    "tensor_type",
    "ty",
    "unrounded",
    "values_of",
    "verify_tensor_type",
    "with_element",
]  # fmt: skip
