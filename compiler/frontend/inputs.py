"""The inputs of an imported model: their dims, the profiles of these, and shapes that a user fixes."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np
from xdsl.dialects.builtin import ModuleOp

from ...dialects import dims
from ...dialects.dims import Expr
from ...dialects.dims.solving import is_linear, solved
from ...dialects.dtypes import is_integer, numpy_dtype
from ...dialects.errors import InvalidModelError, OptionError
from ...dialects.limits import MAX_READS
from ...dialects.provenance import join_names
from ..network import Network, Range
from .constant_inputs import constant_inputs
from .dim_names import DimNames, read_dims
from .element_types import onnx_element_type
from .folding import elements
from .problems import UnsupportedNode
from .value import Value

if TYPE_CHECKING:
    from onnx import ValueInfoProto
    from xdsl.ir import Attribute

DEFAULT_RANGE: Range = (1, 8, 512)
"""(min, opt, max) of a dynamic dim that no profile names."""

Shape: TypeAlias = tuple[int, ...]
Profiles: TypeAlias = "Mapping[str, Range | tuple[int, int, int, int] | tuple[Shape, Shape, Shape]]"


@dataclass
class Inputs:
    """Adds a model's inputs to a network, with the ranges of their dynamic dims."""

    net: Network
    profiles: dict[str, Any]
    static_shapes: dict[str, Sequence[int]]
    constants: dict[str, Any]
    """The values that the user binds inputs to."""
    require_profiles: bool
    same: Mapping[str, str]
    """Symbols that stand for another one, which the model needs to be equal."""
    ranges: dict[str, Range] = field(default_factory=dict[str, Range])
    """The ranges that the user gave, by symbol; min = max makes a dim static."""
    defaulted: list[str] = field(default_factory=list[str])
    """The dims without a profile."""
    limits: dict[str, list[Range]] = field(default_factory=dict[str, list[Range]])
    """The (min, opt, max) of each number of the inputs that say sizes, or one for all numbers of an input."""
    integers: set[str] = field(default_factory=set[str])
    """The inputs of integers."""
    symbols: list[str] = field(default_factory=list[str])
    """The symbols of dims, in the order of the inputs."""
    refused: list[str] = field(default_factory=list[str])
    """What is wrong with the inputs that cannot be imported, one sentence per input."""

    def add(self, inputs: Sequence[ValueInfoProto]) -> dict[str, Value]:
        """Add the inputs to the network and return their values by name."""
        types = {value.name: kind for value in inputs if (kind := self._element_type(value)) is not None}
        self.integers = {name for name, kind in types.items() if is_integer(kind)}
        names = read_dims([value for value in inputs if value.name in types])
        self.symbols = _symbols(names)
        self._unite(names)
        self._take_steps(names)
        bound = constant_inputs(inputs, self.constants)
        self._pin([value.name for value in inputs], names.shapes)
        self._fit(bound, names.shapes)
        self._read_profiles([value.name for value in inputs], names)
        self._default(names)
        values = {value.name: Value(value.name, poisoned=True) for value in inputs}
        sizes = {name: low for name, (low, _, high) in self.ranges.items() if low == high}
        for value in inputs:
            if value.name in types:
                shape = [extent.substitute(sizes) for extent in names.shapes[value.name]]
                if value.name in bound:
                    values[value.name] = Value(value.name, array=bound[value.name])
                    continue
                self._check_extents(value.name, shape)
                values[value.name] = Value(value.name, ssa=self.net.add_input(value.name, types[value.name], shape))
        for name, limits in self.limits.items():
            self._read(values[name], limits)
        return values

    def _read(self, value: Value, limits: Sequence[Range]) -> None:
        """Read the numbers of an input that says sizes as symbols: once, so that all that is computed from them agrees."""
        ssa = value.materialise(self.net)
        count = dims.product(value.shape).as_int()
        if count is None or count > MAX_READS:
            raise OptionError(
                f"profiles: input {value.name!r} has the shape [{', '.join(map(str, value.shape))}], and a range is of at most "
                f"{MAX_READS} numbers; fix its dims"
            )
        flat, read = self.net.add_reshape(ssa, [count]), list[Expr]()
        for k, entries in enumerate(limits if len(limits) == count else list(limits) * count):
            name = f"{value.name}_{k}" if count > 1 else value.name
            symbol = self.net.read(self.net.add_slice(flat, [k], [1]), name, entries)
            read.append(symbol if entries[0] < entries[2] else dims.const(entries[0]))
        value.exprs = elements(read, tuple(extent.as_int() or 0 for extent in value.shape))
        value.dtype = numpy_dtype(value.element_type)

    def _element_type(self, value: ValueInfoProto) -> Attribute | None:
        """The element type of an input; None, and a note, where it cannot be imported."""
        if not value.type.HasField("tensor_type"):
            self.refused.append(f"input {value.name!r} is not a tensor; pass tensors, not sequences or optionals")
            return None
        if not value.type.tensor_type.HasField("shape"):
            raise InvalidModelError(f"input {value.name!r} has no shape; declare its dims (names for dynamic ones)")
        try:
            return onnx_element_type(value.type.tensor_type.elem_type)
        except UnsupportedNode as problem:
            self.refused.append(f"input {value.name!r}: {problem.why}; {problem.fix}")
            return None

    def _pin(self, inputs: Sequence[str], shapes: dict[str, list[Expr]]) -> None:
        """Fix the sizes that a user gave, which hold for every use of their symbols."""
        if unknown := sorted(self.static_shapes.keys() - set(inputs)):
            raise OptionError(
                f"static_shapes: the model has no input {unknown[0]!r}; its inputs are {join_names(inputs)}"
            )
        for name, pinned in self.static_shapes.items():
            declared = shapes.get(name, [])
            try:
                if len(pinned) != len(declared) or not all(size >= 0 for size in pinned):
                    raise OptionError
                for extent, size in zip(declared, pinned, strict=True):
                    self._ask(str(extent), extent, (size, size, size))
            except OptionError:
                raise OptionError(
                    f"static_shapes: input {name!r} has shape [{', '.join(map(str, declared))}], got {list(pinned)}"
                ) from None

    def _fit(self, bound: Mapping[str, np.ndarray[Any, Any]], shapes: dict[str, list[Expr]]) -> None:
        """Fix the sizes of inputs that are bound to constants, which hold for every use of their symbols."""
        for name, array in bound.items():
            for extent, size in zip(shapes[name], array.shape, strict=True):
                if extent.as_int() is None:
                    self._ask(str(extent), extent, (size, size, size))

    def _unite(self, names: DimNames) -> None:
        """Puts one symbol in the place of all that must be equal, everywhere. Their profiles agree, else none of this was found out."""
        for name, other in self.same.items():
            symbols = {name: dims.symbol(other)}
            for key, shape in names.shapes.items():
                names.shapes[key] = [extent.substitute(symbols) for extent in shape]
            names.texts.update({text: extent.substitute(symbols) for text, extent in names.texts.items()})
            self.profiles.pop(name, None)

    def _take_steps(self, names: DimNames) -> None:
        """Where a profile has a step, its dim becomes that multiple of a symbol, everywhere: `32*"H/32"` in place of `H`."""
        symbols = {name for shape in names.shapes.values() for extent in shape for name in extent.symbols()}
        for key, profile in list(self.profiles.items()):
            if len(profile) != 4:
                continue
            *entries, step = profile
            if (names.texts[key] if key in names.texts else dims.symbol(key)).as_symbol() not in symbols:
                raise OptionError(
                    f"profiles: a step needs a dynamic dim that is one name, got {key!r}; dynamic dims: "
                    f"{join_names(sorted(symbols)) or 'none'}"
                )
            multiple = {key: step * dims.symbol(f"{key}/{step}")}
            for name, shape in names.shapes.items():
                names.shapes[name] = [extent.substitute(multiple) for extent in shape]
            names.texts.update({text: extent.substitute(multiple) for text, extent in names.texts.items()})
            names.texts.setdefault(key, multiple[key])
            self.profiles[key] = tuple(entries)

    def _read_profiles(self, inputs: Sequence[str], names: DimNames) -> None:
        symbols = {name for shape in names.shapes.values() for extent in shape for name in extent.symbols()}
        asked: list[tuple[str, Expr, Sequence[int]]] = []
        for key, profile in self.profiles.items():
            if self._is_of_numbers(key, names, profile):
                self.limits[key] = [cast(Range, entries) for entries in zip(*profile, strict=True)]
            elif key in names.shapes and all(isinstance(entry, Sequence) for entry in profile):
                columns = self._columns(key, names.shapes[key], profile)
                asked += [(str(e), e, column) for e, column in zip(names.shapes[key], columns, strict=True)]
            elif key in names.texts or key in symbols:
                asked.append((key, names.texts[key] if key in names.texts else dims.symbol(key), profile))
            elif key and key in names.unnamed:
                asked += [(symbol, dims.symbol(symbol), profile) for symbol in names.unnamed[key]]
            elif key in names.shapes and key in self.integers:
                self.limits[key] = [cast(Range, tuple(profile))]
            else:
                raise OptionError(
                    f"profiles: there is no dynamic dim or input {key!r}; "
                    f"dynamic dims: {join_names(sorted(symbols)) or 'none'}; inputs: {join_names(inputs)}"
                )
        # Dims that are symbols come first: expressions are solved with their values.
        for what, extent, entries in sorted(asked, key=lambda each: len(each[1].symbols()) + (not each[1].as_symbol())):
            self._ask(what, extent, entries)

    def _is_of_numbers(self, key: str, names: DimNames, profile: Sequence[Any]) -> bool:
        """Whether a profile gives (min, opt, max) numbers of an input of integers, not shapes: there are as many as it has elements."""
        if key not in self.integers or not all(isinstance(entry, Sequence) for entry in profile):
            return False
        shape = names.shapes[key]
        count = dims.product(shape).as_int()
        return count != len(shape) and all(len(entry) == count for entry in profile)

    def _columns(self, name: str, shape: Sequence[Expr], profile: Sequence[Sequence[int]]) -> list[tuple[int, ...]]:
        """(min, opt, max) of each dim of an input."""
        if len(profile) != 3 or any(len(entry) != len(shape) for entry in profile):
            raise OptionError(
                f"profiles: input {name!r} needs (min, opt, max) shapes of rank {len(shape)}, got {profile}"
            )
        columns = [(int(low), int(opt), int(high)) for low, opt, high in zip(*profile, strict=True)]
        for extent, entries in zip(shape, columns, strict=True):
            if extent.as_int() is not None and set(entries) != {extent.as_int()}:
                raise OptionError(
                    f"profiles: input {name!r} has the static dim {extent}, got (min, opt, max) = {entries}"
                )
        return columns

    def _ask(self, what: str, extent: Expr, entries: Sequence[int]) -> None:
        """Give a dim this (min, opt, max): sets the range of its symbol, or checks the range that the symbol has."""
        open_ = extent.symbols() - self.ranges.keys()
        known = [{name: self.ranges[name][i] for name in extent.symbols() - open_} for i in range(3)]
        if len(open_) == 1 and len(entries) == 3 and is_linear(extent, name := next(iter(open_))):
            values = [solved(extent, name, size, env) for size, env in zip(entries, known, strict=True)]
            if None in values:
                raise OptionError(f"profiles: expected sizes that are {extent}, got {tuple(entries)} for {what!r}")
            self.ranges[name] = cast(Range, tuple(value for value in values if value is not None))
            self._check_range(name, self.ranges[name])
        elif not open_:
            have = tuple(extent.evaluate(env) for env in known)
            if have != tuple(entries):
                raise OptionError(
                    f"profiles: dim {what!r} has the ranges {have} and {tuple(entries)}; inputs that share it must agree"
                )
        else:
            raise OptionError(f"profiles: {what!r} is {extent}; give (min, opt, max) of {', '.join(sorted(open_))}")

    def _check_range(self, name: str, entries: Range) -> None:
        if len(set(entries)) == 1 and entries[0] >= 0:
            return
        try:
            self.net.symbols(**{name: entries})
        except InvalidModelError as error:
            raise OptionError(f"profiles: {error}") from None

    def _default(self, names: DimNames) -> None:
        """Set the default range for every dim without a profile, or raise an error that shows the profiles to pass."""
        self.defaulted = [name for name in _symbols(names) if name not in self.ranges]
        if self.require_profiles and self.defaulted:
            given = ", ".join(f"{name!r}: (1, 8, 32)" for name in self.defaulted)
            flags = " ".join(f"--profile {shlex.quote(f'{name}=1,8,32')}" for name in self.defaulted)
            raise OptionError(
                f"profiles: the dynamic dims {join_names(self.defaulted)} have no (min, opt, max); "
                f"pass profiles={{{given}}} (trtc build: {flags}), equal numbers for a fixed size"
            )
        self.net.ranges.update(dict.fromkeys(self.defaulted, DEFAULT_RANGE))

    def _check_extents(self, name: str, shape: Sequence[Expr]) -> None:
        for extent in shape:
            low = extent.bounds(self.net.ranges)[0]
            if low < 0:
                raise OptionError(
                    f"profiles: input {name!r} has a dim {extent}, which would be {low}; raise its minimum"
                )

    def united(self, pairs: Sequence[tuple[Expr, Expr]]) -> dict[str, str]:
        """`same` with the symbols that these dims must be equal by: the first of each set, in the order of the inputs, stands for all."""
        found = dict(self.same)
        for a, b in ((left.as_symbol(), right.as_symbol()) for left, right in pairs):
            if a in self.symbols and b in self.symbols:
                first, second = sorted((found.get(a, a), found.get(b, b)), key=self.symbols.index)
                found = {name: first if other == second else other for name, other in found.items()}
                if first != second:
                    found[second] = first
        return found

    def remark_dims(self, module: ModuleOp) -> None:
        """An analysis remark for every dim that got the default range, or that equals another one."""
        from ...passes.remarks import remark

        for name, other in self.same.items():
            remark(
                module,
                "analysis",
                "import-onnx",
                f"dim {name} is called {other}, since the model needs them to be equal",
            )
        for symbol in self.defaulted:
            remark(
                module,
                "analysis",
                "import-onnx",
                f"dim {symbol} has no profile; its range is {DEFAULT_RANGE} by default",
            )


def _symbols(names: DimNames) -> list[str]:
    """The symbols of dims, in the order of the inputs."""
    shapes = names.shapes.values()
    return list(dict.fromkeys(name for shape in shapes for extent in shape for name in sorted(extent.symbols())))
