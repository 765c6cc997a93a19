"""Elements picked at computed places: how rows of the tables say `y[i, j] = x[i, f(i, j)]`.

`pick` gathers from the flat tensor at an index that pointwise ops compute from `nn.iota` and the given places, which fuse with the gather
into one kernel. An index is 32 bits wide, as the indices of kernels are.
"""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.ir import SSAValue

from ...dialects import dims
from ...dialects.dims import Expr
from ..network import Network

NOWHERE = -(2**31)
"""An index that is outside every tensor: what is gathered there is 0, and what is scattered there is dropped."""


def extent(net: Network, size: Expr, element: str = "i32") -> SSAValue | int:
    """A dim as an operand of pointwise layers."""
    static = size.as_int()
    return static if static is not None else net.add_size(size, element)


def along(net: Network, value: SSAValue, axis: int, rank: int) -> SSAValue:
    """A 1-D tensor as one that broadcasts along `axis` of tensors of this rank."""
    shape = [dims.const(1)] * rank
    shape[axis] = net.shape(value)[0]
    return net.add_reshape(value, shape)


def spread(net: Network, value: SSAValue, rank: int) -> SSAValue:
    """The value with leading dims of 1 up to a rank."""
    shape = net.shape(value)
    return net.add_reshape(value, [*[dims.const(1)] * (rank - len(shape)), *shape])


def from_front(net: Network, index: SSAValue, size: Expr) -> tuple[SSAValue, SSAValue]:
    """Indices into a dim, negative ones counted from its end, as i32, and which of them lie in the dim."""
    element = str(net.element(index))
    wide = index if element in ("i32", "i64") else net.add_cast(index, "i32")
    limit = extent(net, size, "i64" if element == "i64" else "i32")
    place = net.add_where(net.add_compare("lt", wide, 0), net.add_binary("add", wide, limit), wide)
    inside = net.add_binary("logical_and", net.add_compare("ge", place, 0), net.add_compare("lt", place, limit))
    return net.add_cast(place, "i32"), inside


def linear(
    net: Network,
    shape: Sequence[Expr],
    source: Sequence[Expr],
    places: Sequence[SSAValue | None],
    inside: SSAValue | None = None,
) -> SSAValue:
    """
    The row-major index in a tensor of dims `source` for each element of a result of dims `shape`, i32. `places` has one entry per dim of
    `source`: an i32 tensor of the result's rank that broadcasts to its shape, or None where the element keeps its own coordinate. Where
    `inside` (i1) does not hold, the index is `NOWHERE`.
    """
    strides = [dims.product(source[d + 1 :]) for d in range(len(source))]
    total: SSAValue | None = None
    counted = [d for d, place in enumerate(places) if place is None and source[d].as_int() != 1]
    for d in (*counted, *(d for d in range(len(source)) if places[d] is not None)):
        place = places[d]
        place = net.add_iota(shape, d, "i32") if place is None else place
        stride = extent(net, strides[d])
        term = place if stride == 1 else net.add_binary("mul", place, stride)
        total = term if total is None else net.add_binary("add", total, term)
    if total is None:
        total = net.add_full(0, shape, "i32")
    return total if inside is None else net.add_where(inside, total, NOWHERE)


def pick(
    net: Network,
    x: SSAValue,
    shape: Sequence[Expr],
    places: Sequence[SSAValue | None],
    inside: SSAValue | None = None,
) -> SSAValue:
    """Elements of `x`, one for each of a result of dims `shape`, at `places` as in `linear`; 0 where `inside` does not hold."""
    source = net.shape(x)
    index = linear(net, shape, source, places, inside)
    found = net.add_gather(net.add_reshape(x, [dims.product(source)]), index, 0)
    return net.add_broadcast_to(found, shape)
