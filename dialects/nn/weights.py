"""`nn` ops that say where a network's numbers come from, and the one way to look at them.

A *structural* number is an `nn.constant`: what is built may depend on it. A *refittable* one is an `nn.initializer`: a refit may replace it
in a finished engine (`Engine.refit`), so only what `@weights` computes may depend on it. `value_of` keeps the two apart; code that needs
an initializer's numbers nevertheless pins it, and a refit then refuses other ones.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from xdsl.dialects.builtin import DenseIntOrFPElementsAttr, DictionaryAttr, FloatAttr, ModuleOp, StringAttr
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.irdl import (
    VarConstraint,
    irdl_op_definition,
    operand_def,
    opt_prop_def,
    prop_def,
    result_def,
    traits_def,
)
from xdsl.traits import ConstantLike, Pure

from ..blob import BlobAttr
from ..dtypes import is_float
from ..errors import InvalidModelError, PassError
from .base import NnOp, Tensor, Value, double, element_of, require, ty
from .data import ConstantOp, array_of, constant_attribute
from .elements import InitialValue

PINS = "nn.pins"
"""Attribute of a module: the initializers whose numbers decided something, with the first reason of each."""

KEEPS_FINITE = "nn.keeps_finite"
"""Attribute, with a pass's name, of an op that the pass made for a rewrite of numbers that it may not look at: where the initializers that
the op is computed from are finite, its result must be finite, or the rewrite does not hold."""


@irdl_op_definition
class InitializerOp(NnOp):
    """
    A refittable tensor of the model, by name. Its current value comes after `=`, and is missing in the `@weights` that an engine stores;
    passes read it only through `value_of`.
    """

    name = "nn.initializer"

    label = prop_def(StringAttr)
    value = opt_prop_def(Attribute)
    result = result_def(Tensor)

    traits = traits_def(Pure(), ConstantLike())
    assembly_format = "$label attr-dict `:` type($result) custom<InitialValue>($value)"
    custom_directives = (InitialValue,)

    def __init__(self, label: str, value: np.ndarray | BlobAttr | DenseIntOrFPElementsAttr):
        """From its name and its current value."""
        attribute = constant_attribute(value, label) if isinstance(value, np.ndarray) else value
        super().__init__(properties={"label": StringAttr(label), "value": attribute}, result_types=[attribute.type])

    def check(self) -> None:
        value = self.value
        fits = value is None or (
            isinstance(value, BlobAttr | DenseIntOrFPElementsAttr) and value.type == self.result.type
        )
        require(fits, lambda: f"{self.name}: expected numbers of type {self.result.type}, got {value}")

    def array(self) -> np.ndarray:
        """The current value, read-only. Raises InvalidModelError where there is none."""
        if self.value is None:
            raise InvalidModelError(f"{self.name} {self.label}: expected its numbers, got none")
        return array_of(self.value)


@irdl_op_definition
class WeightOp(NnOp):
    """Reads a value that `@weights` exports under this name."""

    name = "nn.weight"

    label = prop_def(StringAttr)
    result = result_def(Tensor)

    traits = traits_def(Pure())
    assembly_format = "$label attr-dict `:` type($result)"

    def __init__(self, label: str, result_type: Attribute):
        super().__init__(properties={"label": StringAttr(label)}, result_types=[result_type])


@irdl_op_definition
class ExportOp(NnOp):
    """In `@weights`: makes a value available to `nn.weight` of the same name. Not pure, so that it keeps its operand alive."""

    name = "nn.export"

    label = prop_def(StringAttr)
    x = operand_def(Tensor)

    assembly_format = "$label $x attr-dict `:` type($x)"

    def __init__(self, label: str, x: Value):
        super().__init__(operands=[x], properties={"label": StringAttr(label)})


@irdl_op_definition
class ClampRangeOp(NnOp):
    """
    Finite numbers beyond +-`largest` become +-l, where l is `largest` / 2, or the greatest of the other magnitudes if that is greater.
    Infinities and NaN stay. `materialise-storage` applies it to weights before a cast to a type whose greatest number is `largest`.
    """

    name = "nn.clamp_range"

    T: ClassVar = VarConstraint("T", Tensor)

    x = operand_def(T)
    largest = prop_def(FloatAttr)
    result = result_def(T)

    traits = traits_def(Pure())
    assembly_format = "$x attr-dict `:` type($x)"

    def __init__(self, x: Value, largest: float):
        super().__init__(operands=[x], properties={"largest": double(largest)}, result_types=[ty(x)])

    def check(self) -> None:
        number = self.largest.value.data
        require(
            is_float(element_of(self.x)) and 0 < number < float("inf"),
            lambda: f"{self.name}: expected floats and a finite bound above 0, got {self.x.type} and {number}",
        )


SOURCES = (ConstantOp, InitializerOp)
"""The ops that bring numbers into a module."""


def value_of(value: SSAValue, why: str, *, pin: bool = False) -> np.ndarray | None:
    """The numbers of a constant, read-only; None for what is computed, and for an initializer unless it is pinned.

    `why` says what they decide. With `pin`, an initializer's numbers are returned too, and it is pinned for that reason.
    """
    owner = value.owner
    if isinstance(owner, ConstantOp):
        return owner.array()
    if isinstance(owner, InitializerOp) and pin:
        _pin(owner, why)
        return owner.array()
    return None


def splat_of(value: SSAValue, why: str) -> float | int | None:
    """The number that all elements of a constant are, NaN and the sign of zeros included; None for other values."""
    array = value_of(value, why)
    if array is None or array.size == 0:
        return None
    first = array.reshape(-1)[:1]
    if array.size > 1 and np.ascontiguousarray(array).tobytes() != first.tobytes() * array.size:
        return None
    return first[0].item()


def _pin(op: InitializerOp, why: str) -> None:
    root: Operation | None = op
    while root is not None and not isinstance(root, ModuleOp):
        root = root.parent_op()
    if root is None:
        raise PassError(
            f"{op.name} {op.label}: expected an initializer in a module to pin, got one without a module around it"
        )
    known = pins_of(root)
    if op.label.data not in known:
        set_pins(root, {**known, op.label.data: why})


def pins_of(module: ModuleOp) -> dict[str, str]:
    """The pinned initializers of a module, each with the first reason."""
    found = module.attributes.get(PINS)
    entries = found.data.items() if isinstance(found, DictionaryAttr) else ()
    return {name: why.data for name, why in entries if isinstance(why, StringAttr)}


def set_pins(module: ModuleOp, pins: dict[str, str]) -> None:
    """Let these be the pinned initializers of a module."""
    module.attributes[PINS] = DictionaryAttr({name: StringAttr(why) for name, why in pins.items()})


WEIGHTS: tuple[type[NnOp], ...] = (InitializerOp, ClampRangeOp, WeightOp, ExportOp)
