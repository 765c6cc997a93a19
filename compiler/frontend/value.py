"""What the importer knows about one ONNX tensor: `Value`.

It is a constant array, an integer tensor whose elements are dim expressions (the shape arithmetic of the model), an SSA value of `nn`, or
several of these. Constants and expressions become ops only when something uses them as data. The numbers of a refittable initializer, and
what a few nodes compute from it, are held back: `Value.value_of` is the only way to them, and pins the initializer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from xdsl.dialects.builtin import i8
from xdsl.ir import SSAValue

from ...dialects import dims, nn
from ...dialects.dtypes import element_type_of, is_float
from ...dialects.errors import InvalidModelError
from ...dialects.limits import MAX_FOLDED, MAX_FOLDED_FLOATS
from .element_types import tensor_element_type
from .folding import as_int
from .problems import UnsupportedNode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xdsl.ir import Attribute

    from ...dialects.dims import Expr
    from ..network import Network

Array = np.ndarray[Any, Any]
Sizes: TypeAlias = "Mapping[Expr, int]"
"""Dims that are one number in a branch, by what its condition says."""


@dataclass(frozen=True)
class Quantized:
    """What DequantizeLinear read: 8-bit numbers, their scale and zero point (None for 0), and the axis of these where they are vectors."""

    values: Value
    scale: Value
    zero: Value | None
    axis: int | None

    def of(self, originals: Mapping[int, Value]) -> Quantized:
        """The same, each value replaced by that of its id."""
        zero = None if self.zero is None else originals[id(self.zero)]
        return Quantized(originals[id(self.values)], originals[id(self.scale)], zero, self.axis)


@dataclass
class Value:
    """One ONNX tensor. Only what is known is set; `poisoned` marks the result of a node that failed."""

    name: str
    array: Array | None = None
    """The elements of a constant."""
    exprs: Array | None = None
    """The elements (`int | Expr`, an object array) of an integer tensor computed from shapes."""
    dtype: np.dtype[Any] | None = None
    """Element type of `exprs`."""
    ssa: SSAValue | None = None
    poisoned: bool = False
    held: Array | None = None
    """The elements where they come from refittable initializers, which `sources` lists: for `value_of` alone."""
    sources: tuple[Value, ...] = ()
    items: list[Value] | None = None
    """The tensors of a sequence, which has nothing else than these and a stack."""
    stack: Value | None = None
    """The tensors that iterations of a loop appended to a sequence, joined along a new first dim."""
    quantized: Quantized | None = None
    """Where DequantizeLinear made it: a product may then compute with the integers."""

    def value_of(self, net: Network, why: str) -> Array | None:
        """The elements where all are known numbers, or None. The initializers that they come from are pinned, with the reason `why`."""
        for source in self.sources:
            source.pin(net, why)
        self._show()
        return self.constant()

    def hold_back(self) -> None:
        """Make a constant of the model refittable, where it is a weight. A single number of a Constant node is not: exporters write the
        constants of their own formulas so."""
        if self.array is not None and is_refittable(self.array) and (self.name or self.array.size > 1):
            self.array, self.held, self.sources = None, self.array, (self,)

    def pin(self, net: Network, why: str) -> None:
        """Make an initializer's numbers structural from here on, whatever has been computed from them so far."""
        net.pin(self.name, why)
        if self.held is not None:
            net.add_initializer(self.name, self.held)  # so that the module has its name, type and digest, used or not
            self._show()

    def _show(self) -> None:
        if self.held is not None:
            self.array, self.held, self.sources = self.held, None, ()

    def constant(self) -> Array | None:
        """The elements where all are known numbers, or None."""
        if self.array is not None or self.exprs is None:
            return self.array
        ints = [as_int(element) for element in self.exprs.reshape(-1)]
        return None if None in ints else np.array(ints, self.dtype).reshape(self.exprs.shape)

    def small_constant(self) -> Array | None:
        """`constant()`, where shape arithmetic may need it: a few thousand integers, or a scale in floats."""
        array = self.constant()
        if array is None or array.size > (MAX_FOLDED if array.dtype.kind in "iub" else MAX_FOLDED_FLOATS):
            return None
        return array

    def known(self) -> Array | None:
        """The elements as `int | Expr` in an object array, or None where they are data, not shape arithmetic."""
        if self.exprs is not None:
            return self.exprs
        array = self.small_constant()
        if array is None:
            return None
        if array.dtype.kind in "iub":
            return array.astype(object)
        # Shape arithmetic may pass through floats (a scale of 2.0); whole numbers in them stay exact.
        if array.dtype.kind == "f":
            wide = array.astype(np.float64)
            whole = (np.abs(wide) < 2**24) & (wide == np.rint(wide))
            return wide.astype(np.int64).astype(object) if whole.all() else None
        return None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is known: an initializer that has not been read yet."""
        known = (self.ssa, self.array, self.held, self.exprs, self.items)
        return not self.poisoned and all(each is None for each in known)

    @property
    def is_open(self) -> bool:
        """Whether an op makes the value, and its elements are not known."""
        return self.ssa is not None and self.array is None and self.held is None and self.exprs is None

    @property
    def shape(self) -> tuple[Expr, ...]:
        if self.ssa is not None:
            return nn.shape_of(self.ssa)
        self._check_tensor()
        held = next((known for known in (self.array, self.held, self.exprs) if known is not None), None)
        assert held is not None
        return tuple(map(dims.const, held.shape))

    @property
    def element_type(self) -> Attribute:
        if self.ssa is not None:
            return nn.element_of(self.ssa)
        self._check_tensor()
        known = self.array if self.array is not None else self.held
        dtype = known.dtype if known is not None else self.dtype
        assert dtype is not None
        return tensor_element_type(dtype, str(dtype).upper())

    def materialise(self, net: Network) -> SSAValue:
        """The value as data: a constant or an `nn.shape_value` made on first use. Raises `UnsupportedNode` for a sequence."""
        self._check_tensor()
        if self.ssa is None:
            if self.array is not None:
                tensor_element_type(self.array.dtype, str(self.array.dtype).upper())
                self.ssa = net.add_constant(self.array, self.name)
            elif self.held is not None:
                self.ssa = net.add_initializer(self.name, self.held)
            else:
                assert self.exprs is not None
                self.ssa = self._from_exprs(net, self.exprs)
            if self.name:  # what is made on the way to a result has none
                net.name(self.ssa, self.name)
        return self.ssa

    def _check_tensor(self) -> None:
        if self.items is not None:
            raise UnsupportedNode(*self.why_no_tensor)

    @property
    def why_no_tensor(self) -> tuple[str, str]:
        """Why a sequence cannot be data, and what to do."""
        if self.stack is not None:
            shape = ", ".join(map(str, self.stack.shape[1:]))
            return (
                f"{self.name!r} is a sequence of the tensors [{shape}] that the iterations of a loop appended",
                "join them by ConcatFromSequence, or take one by SequenceAt",
            )
        return (
            f"{self.name!r} is a sequence of {len(self.items or ())} tensors, which only exists at import",
            "use a tensor with one more dim, Split, or Concat",
        )

    def _from_exprs(self, net: Network, exprs: Array) -> SSAValue:
        constant = self.constant()
        if constant is not None:
            return net.add_constant(constant, self.name)
        value = net.add_shape_value(exprs.reshape(-1), None if exprs.ndim == 1 else exprs.shape)
        return net.add_cast(value, self.element_type)


def is_refittable(array: Array) -> bool:
    """Whether a tensor of a model is a weight: floats of a type that `nn` has, or i8 matrices, which are quantized weights. Shapes, axes,
    indices and zero points are none."""
    try:
        element = element_type_of(array.dtype)
    except InvalidModelError:
        return False
    return is_float(element) or (element == i8 and array.ndim > 1)
