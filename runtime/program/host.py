"""The host function in executable form: a tree of steps, and the launches for given shapes. Needs no GPU.

`read_program` (reader.py) reads `@main` and the facts of its kernels once; `bind` evaluates every dim expression for one set of input
shapes, except in segments that depend on values read or counted at run time, which are bound when they are reached. The result, a
`BoundPlan`, gives each pointer as an offset into a root (the arena, a weight, an input or an output): the GPU context adds device
addresses, the simulator takes NumPy views.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from ...dialects.dims import Expr
from ...dialects.dims.solving import solved
from ...dialects.errors import EngineFormatError
from ...dialects.host.control import Step, leaves
from ...dialects.provenance import join_names
from .bound import BoundPlan, BoundSegment
from .memory import InputError, Shape, TensorSpec
from .steps import PlannedLaunch, Segment, Work


@dataclass(frozen=True)
class HostProgram:
    """The host function of an engine, read once. `symbols` gives (min, opt, max) of each dynamic dim."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    symbols: dict[str, tuple[int, int, int]]
    arena_bytes: int
    weights: dict[str, tuple[Shape, np.dtype[Any]]]
    sources: dict[str, tuple[str, int]]
    """For each symbol the input and the axis that it is read from."""
    equal: tuple[tuple[Expr, Expr], ...]
    """Dims that the network needs to be equal."""
    steps: tuple[Step[Work], ...] = field(repr=False)
    """Launches that follow each other without control flow are one segment."""

    @cached_property
    def segments(self) -> tuple[Segment, ...]:
        """All segments, by number."""
        return tuple(work for work in leaves(self.steps) if isinstance(work, Segment))

    @property
    def launches(self) -> tuple[PlannedLaunch, ...]:
        """All launches in the order of the text; those of a function once per call, those of a loop once."""
        return tuple(launch for segment in self.segments for launch in segment.launches)

    def bind(self, shapes: Mapping[str, Sequence[int]]) -> BoundPlan:
        """The launches for these input shapes. Raises InputError for missing, unknown or unfitting shapes."""
        return self.bind_values(self.bind_symbols(shapes))

    def bind_values(self, env: dict[str, int]) -> BoundPlan:
        """The launches for these values of the symbols that shapes determine. Raises EngineFormatError where the plan is not valid for
        them."""
        fixed = {
            segment.number: BoundSegment((segment.number,), segment.bind(env), env)
            for segment in self.segments
            if not segment.varying
        }
        return BoundPlan(env, self.shapes(env), fixed)

    def shapes(self, env: Mapping[str, int]) -> dict[str, Shape]:
        """The shapes of inputs and outputs for these values of the symbols; the largest, where a value is known only at run time."""
        try:
            return {spec.name: self._shape(spec, env) for spec in (*self.inputs, *self.outputs)}
        except (ArithmeticError, LookupError) as error:
            raise EngineFormatError(
                f"engine: its shapes have no meaning for {env}: {error!r}; rebuild the engine."
            ) from error

    def _shape(self, spec: TensorSpec, env: Mapping[str, int]) -> Shape:
        if any(not extent.symbols() <= env.keys() for extent in spec.dims):
            return tuple(max(0, extent.substitute(env).bounds(self.symbols)[1]) for extent in spec.dims)
        return tuple(extent.evaluate(env) for extent in spec.dims)

    def is_open(self, spec: TensorSpec) -> bool:
        """Whether the size of an output is known only at run time."""
        return any(not extent.symbols() <= self.sources.keys() for extent in spec.dims)

    def bind_symbols(self, shapes: Mapping[str, Sequence[int]]) -> dict[str, int]:
        """The value of every symbol for these input shapes, checked against the dims and the profile."""
        self._check_names(shapes)
        for spec in self.inputs:
            if len(shape := shapes[spec.name]) != len(spec.dims):
                raise InputError(
                    f"input '{spec.name}': expected {len(spec.dims)} dims as in {spec}, got shape {tuple(shape)}."
                )
        env = self._solved(shapes)
        for spec in self.inputs:
            shape = tuple(int(extent) for extent in shapes[spec.name])
            for axis, (extent, size) in enumerate(zip(spec.dims, shape, strict=True)):
                self._check_dim(spec, axis, extent, size, env)
        for symbol, (low, _, high) in self.symbols.items():
            if symbol in env and not low <= env[symbol] <= high:
                name, axis = self.sources[symbol]
                raise InputError(
                    f"input '{name}', dim {axis}: expected {symbol} within the profile [{low}, {high}], got {env[symbol]}; "
                    f"rebuild with a wider profile for {symbol}."
                )
        for pair in self.equal:
            left, right = pair
            a, b = _values(pair, env)
            if a != b:
                sizes = ", ".join(f"{name} = {env[name]}" for name in sorted(left.symbols() | right.symbols()))
                raise InputError(f"inputs: expected sizes with {left} = {right}, got {a} and {b}, for {sizes}.")
        return env

    def fits(self, env: Mapping[str, int]) -> bool:
        """Whether dims that must be equal are, for these values of the symbols."""
        return all(len(set(_values(pair, env))) == 1 for pair in self.equal)

    def _solved(self, shapes: Mapping[str, Sequence[int]]) -> dict[str, int]:
        """Every symbol from the dim that it is read from; those before it are known."""
        dims = {spec.name: spec.dims for spec in self.inputs}
        env: dict[str, int] = {}
        for symbol, (name, axis) in self.sources.items():
            extent, size = dims[name][axis], int(shapes[name][axis])
            value = solved(extent, symbol, size, env)
            if value is None:
                raise InputError(f"input '{name}', dim {axis}: expected a size that is {extent}, got {size}.")
            env[symbol] = value
        return env

    def _check_names(self, given: Mapping[str, Any]) -> None:
        expected = [spec.name for spec in self.inputs]
        if set(given) != set(expected):
            raise InputError(f"inputs: expected {join_names(expected)}, got {join_names(sorted(given)) or 'none'}.")

    def _check_dim(self, spec: TensorSpec, axis: int, extent: Expr, size: int, env: Mapping[str, int]) -> None:
        expected = extent.evaluate(env)
        if size != expected:
            meaning = "" if extent.as_int() is not None else f" (= {extent})"
            raise InputError(f"input '{spec.name}', dim {axis}: expected {expected}{meaning} as in {spec}, got {size}.")


def _values(pair: tuple[Expr, Expr], env: Mapping[str, int]) -> tuple[int, int]:
    try:
        return pair[0].evaluate(env), pair[1].evaluate(env)
    except ArithmeticError as error:
        raise EngineFormatError(
            f"engine: {pair[0]} or {pair[1]} has no meaning for {dict(env)}: {error!r}; rebuild the engine."
        ) from error
