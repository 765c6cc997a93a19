"""The inputs of an imported model: named and unnamed dynamic dims, profiles, and shapes that a user pins."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from xdsl.dialects.builtin import ModuleOp

from ...dialects import dims
from ...dialects.dims import Expr
from ...dialects.errors import InvalidModelError, OptionError, UnsupportedOpError
from ..network import Network, Range
from .node import UnsupportedNode, Value, onnx_element_type

if TYPE_CHECKING:
    from onnx import ValueInfoProto

DEFAULT_RANGE: Range = (1, 8, 512)
"""(min, opt, max) of a dynamic dim that no profile names."""

Shape: TypeAlias = tuple[int, ...]
Profiles: TypeAlias = "Mapping[str, Range | tuple[Shape, Shape, Shape]]"


@dataclass
class Inputs:
    """Adds a model's inputs to a network, with the ranges of their dynamic dims."""

    net: Network
    profiles: dict[str, Any]
    static_shapes: dict[str, Sequence[int]]
    require_profiles: bool
    defaulted: list[str] = field(default_factory=list[str])
    """The dims without a profile."""
    fixed: dict[str, int] = field(default_factory=dict[str, int])
    """The dims whose profile leaves one size: they are static."""
    refused: list[str] = field(default_factory=list[str])
    """What is wrong with the inputs that cannot be imported, a sentence each."""

    def add(self, inputs: Sequence[ValueInfoProto]) -> dict[str, Value]:
        """Add the inputs to the network and return their values by name."""
        names = [value.name for value in inputs]
        if unknown := sorted(self.static_shapes.keys() - set(names)):
            raise OptionError(
                f"static_shapes: the model has no input {unknown[0]!r}; its inputs are {', '.join(names)}"
            )
        values: dict[str, Value] = {}
        for value in inputs:
            try:
                values[value.name] = self._add_input(value)
            except UnsupportedOpError as error:
                self.refused.append(str(error))
                values[value.name] = Value(value.name, poisoned=True)
        symbols = self.net.ranges
        if unknown := sorted(self.profiles.keys() - set(names) - symbols.keys() - self.fixed.keys()):
            raise OptionError(
                f"profiles: there is no dynamic dim or input {unknown[0]!r}; "
                f"dynamic dims: {', '.join(symbols) or 'none'}; inputs: {', '.join(names)}"
            )
        if self.require_profiles and self.defaulted:
            first = self.defaulted[0]
            raise OptionError(
                f"profiles: the dynamic dims {', '.join(self.defaulted)} have no (min, opt, max); "
                f"pass profiles={{{first!r}: (1, 8, 32)}} (trtc build: --profile {first}=1,8,32), equal numbers for a fixed size"
            )
        return values

    def _add_input(self, value: ValueInfoProto) -> Value:
        if not value.type.HasField("tensor_type"):
            raise UnsupportedOpError(f"input {value.name!r} is not a tensor; pass tensors, not sequences or optionals")
        if not value.type.tensor_type.HasField("shape"):
            raise InvalidModelError(f"input {value.name!r} has no shape; declare its dims (names for dynamic ones)")
        tensor = value.type.tensor_type
        try:
            element_type = onnx_element_type(tensor.elem_type)
        except UnsupportedNode as problem:
            raise UnsupportedOpError(f"input {value.name!r}: {problem.why}; {problem.fix}") from None
        declared = [self._declared_dim(value.name, axis, dim) for axis, dim in enumerate(tensor.shape.dim)]
        shape = self._ranged(value.name, self._pinned(value.name, declared))
        return Value(value.name, ssa=self.net.add_input(value.name, element_type, shape))

    def _declared_dim(self, name: str, axis: int, dim: Any) -> Expr:
        """A static extent, a named dim as that symbol, or a fresh symbol for an unnamed one."""
        if dim.HasField("dim_value") and dim.dim_value > 0:
            return dims.const(dim.dim_value)
        if dim.dim_param:
            symbol = re.sub(r"\W+", "_", dim.dim_param, flags=re.ASCII).strip("_")
            if symbol and not symbol[0].isdigit() and symbol not in dims.RESERVED:
                return dims.symbol(symbol)
        stem = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_")
        return dims.symbol(f"{stem if stem and not stem[0].isdigit() else f'input_{stem}'}_d{axis}")

    def _pinned(self, name: str, declared: list[Expr]) -> list[Expr]:
        pinned = self.static_shapes.get(name)
        if pinned is None:
            return declared
        fits = len(pinned) == len(declared) and all(size > 0 for size in pinned)
        fits = fits and all(d.as_int() in (None, size) for d, size in zip(declared, pinned, strict=False))
        if not fits:
            raise OptionError(
                f"static_shapes: input {name!r} has shape [{', '.join(map(str, declared))}], got {list(pinned)}"
            )
        return [dims.const(size) for size in pinned]

    def _ranged(self, name: str, shape: list[Expr]) -> list[Expr]:
        """The shape with the range of every dynamic dim noted; a dim whose profile leaves one size becomes that size."""
        by_axis = self._profile_of_input(name, shape)
        ranged = list(shape)
        for axis, extent in enumerate(shape):
            symbol = extent.as_symbol()
            if symbol is None:
                continue
            asked = self.profiles.get(symbol) if by_axis is None else by_axis[axis]
            if asked is not None:
                self._set_range(symbol, tuple(asked))
            elif symbol not in self.net.ranges and symbol not in self.fixed:
                self.net.ranges[symbol] = DEFAULT_RANGE
                self.defaulted.append(symbol)
            if symbol in self.fixed:
                ranged[axis] = dims.const(self.fixed[symbol])
        return ranged

    def _profile_of_input(self, name: str, shape: list[Expr]) -> list[Range] | None:
        profile = self.profiles.get(name)
        if profile is None or not all(isinstance(entry, Sequence) for entry in profile):
            return None
        if len(profile) != 3 or any(len(entry) != len(shape) for entry in profile):
            raise OptionError(
                f"profiles: input {name!r} needs (min, opt, max) shapes of rank {len(shape)}, got {profile}"
            )
        ranges = [(int(low), int(opt), int(high)) for low, opt, high in zip(*profile, strict=True)]
        for extent, entries in zip(shape, ranges, strict=True):
            if extent.as_int() is not None and set(entries) != {extent.as_int()}:
                raise OptionError(
                    f"profiles: input {name!r} has the static dim {extent}, got (min, opt, max) = {entries}"
                )
        return ranges

    def _set_range(self, symbol: str, entries: tuple[int, ...]) -> None:
        size = self.fixed.get(symbol)
        known = self.net.ranges.get(symbol) if size is None else (size, size, size)
        if symbol in self.defaulted:
            self.defaulted.remove(symbol)
        elif known is not None and known != entries:
            raise OptionError(
                f"profiles: dim {symbol!r} has the ranges {known} and {entries}; inputs that share it must agree"
            )
        if len(set(entries)) == 1 and len(entries) == 3 and entries[0] > 0 and symbol not in self.net.ranges:
            self.fixed[symbol] = entries[0]
            return
        try:
            self.net.symbols(**{symbol: entries})  # type: ignore[arg-type]
        except InvalidModelError as error:
            raise OptionError(f"profiles: {error}") from None

    def remark_defaults(self, module: ModuleOp) -> None:
        """An analysis remark for every dim that got the default range."""
        from ...passes.remarks import remark

        for symbol in self.defaulted:
            remark(
                module,
                "analysis",
                "import-onnx",
                f"dim {symbol} has no profile; its range is {DEFAULT_RANGE} by default",
            )
