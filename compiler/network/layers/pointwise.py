"""Layers that compute each element alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from xdsl.ir import Attribute, SSAValue

from ....dialects import nn
from ....dialects.dims import Expr, const
from ....dialects.dtypes import numpy_dtype
from ..arguments import check_kind, checked
from ..graph import Operand, element_type
from .control import ControlLayers

_ACTIVATIONS = (nn.SoftplusOp, nn.MishOp, nn.HardSwishOp)
_UNARY: dict[str, type[nn.NnOp]] = {
    op.name.removeprefix("nn."): op for op in (*nn.UNARY, *_ACTIVATIONS, nn.BitNotOp, nn.IsNanOp)
}
_BINARY: dict[str, type[nn.NnOp]] = {op.name.removeprefix("nn."): op for op in (*nn.BINARY, *nn.BITS)}


def _kind(what: str, kind: str, table: Mapping[str, type[nn.NnOp]]) -> Any:
    check_kind(f"{what} layer", kind, tuple(table))
    return table[kind]


class PointwiseLayers(ControlLayers):
    """Pointwise layers, with NumPy broadcasting."""

    @checked
    def add_unary(self, kind: str, x: SSAValue) -> SSAValue:
        """One of `neg abs exp log sqrt rsqrt reciprocal erf tanh sigmoid relu floor ceil round sign sin cos asin acos atan asinh acosh
        atanh softplus mish hard_swish`, and `logical_not bit_not isnan`."""
        return self.insert(_kind("unary", kind, _UNARY)(x))

    @checked
    def add_binary(self, kind: str, a: Operand, b: Operand) -> SSAValue:
        """`add sub mul div pow min max mod logical_and logical_or logical_xor bit_and bit_or bit_xor shift_left shift_right`, with NumPy
        broadcasting."""
        return self.insert(_kind("binary", kind, _BINARY)(*self._pair(a, b)))

    @checked
    def add_compare(self, predicate: str, a: Operand, b: Operand) -> SSAValue:
        """`eq ne lt le gt ge`; the result is i1."""
        check_kind("compare", predicate, tuple(nn.Predicate))
        return self.insert(nn.CompareOp(*self._pair(a, b), predicate))

    @checked
    def add_where(self, condition: SSAValue, on_true: Operand, on_false: Operand) -> SSAValue:
        """Elements of `on_true` where `condition` (i1) holds, else of `on_false`."""
        branches = self._pair(on_true, on_false)
        for branch in branches:
            condition = self._like(condition, branch)
        return self.insert(nn.WhereOp(condition, *branches))

    def _pair(self, a: Operand, b: Operand) -> tuple[SSAValue, SSAValue]:
        left = self.operand(a, b if isinstance(b, SSAValue) else None)
        right = self._like(self.operand(b, left), left)
        return self._like(left, right), right

    def _like(self, value: SSAValue, other: SSAValue) -> SSAValue:
        """A value with dims written as those of another that it is to broadcast with, where both agree."""
        dims, others = nn.shape_of(value), nn.shape_of(other)
        rank = min(len(dims), len(others))
        if not rank or dims[-rank:] == others[-rank:]:
            return value
        same = [self._dim_like(a, b) for a, b in zip(dims[-rank:], others[-rank:], strict=True)]
        wanted = (*dims[: len(dims) - rank], *same)
        return value if wanted == dims else self.with_dims(value, wanted)

    def _dim_like(self, dim: Expr, other: Expr) -> Expr:
        """A dim that is to broadcast with another: this one where both agree, 1 where data decides between none and one."""
        if dim == other or dim.as_int() == 1 or other.as_int() == 1:
            return dim
        if self.agree(dim, other):
            return other
        one = dim.symbols() <= self.ranges.keys() and dim.bounds(self.ranges)[1] == 1 and self.agree(dim, const(1))
        return const(1) if one else dim

    @checked
    def add_clip(self, x: SSAValue, low: float = -np.inf, high: float = np.inf) -> SSAValue:
        """`min(max(x, low), high)`."""
        return self.insert(nn.ClipOp(x, low, high))

    @checked
    def add_leaky_relu(self, x: SSAValue, alpha: float = 0.01) -> SSAValue:
        """`x` where `x >= 0`, else `alpha * x`."""
        return self.insert(nn.LeakyReluOp(x, alpha))

    @checked
    def add_gelu(self, x: SSAValue, approximate: str = "none") -> SSAValue:
        """`0.5 x (1 + erf(x / sqrt(2)))`; with `approximate` "tanh" the form that approximates it by tanh."""
        check_kind("gelu", approximate, tuple(nn.GeluForm))
        return self.insert(nn.GeluOp(x, approximate))

    @checked
    def add_silu(self, x: SSAValue, alpha: float = 1.0) -> SSAValue:
        """`x sigmoid(alpha x)`: SiLU, Swish or QuickGELU."""
        return self.insert(nn.SiluOp(x, alpha))

    @checked
    def add_hard_sigmoid(self, x: SSAValue, alpha: float = 0.2, beta: float = 0.5) -> SSAValue:
        """`min(max(alpha x + beta, 0), 1)`."""
        return self.insert(nn.HardSigmoidOp(x, alpha, beta))

    @checked
    def add_cast(self, x: SSAValue, dtype: str | Attribute | np.dtype[Any] | type) -> SSAValue:
        """`x` with another element type; `x` itself where it has that type."""
        wanted = element_type(dtype)
        return x if nn.element_of(x) == wanted else self.insert(nn.CastOp(x, wanted))

    @checked
    def add_bitcast(self, x: SSAValue, dtype: str | Attribute | np.dtype[Any] | type) -> SSAValue:
        """The bits of `x` as another element type of the same size; `x` itself where it has that type."""
        wanted = element_type(dtype)
        return x if nn.element_of(x) == wanted else self.insert(nn.BitcastOp(x, wanted))

    def as_signed(self, x: SSAValue, *, ordered: bool) -> SSAValue:
        """The bits of unsigned integers as signed ones of the same width, with `ordered` in the same order: the sign bit inverted."""
        bits = numpy_dtype(nn.element_of(x)).itemsize * 8
        signed = self.add_bitcast(x, f"i{bits}")
        return self.add_binary("bit_xor", signed, -(1 << (bits - 1))) if ordered else signed

    def as_unsigned(self, x: SSAValue, *, ordered: bool) -> SSAValue:
        """The inverse of `as_signed`."""
        bits = numpy_dtype(nn.element_of(x)).itemsize * 8
        restored = self.add_binary("bit_xor", x, -(1 << (bits - 1))) if ordered else x
        return self.add_bitcast(restored, f"ui{bits}")
