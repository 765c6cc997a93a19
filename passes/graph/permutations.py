"""Permutations of tensor dims as tuples of ints; `apply(p, dims)[i] == dims[p[i]]`, as in `numpy.transpose`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from xdsl.ir import Operation

from ...dialects import nn
from ...dialects.dims import Expr
from ...dialects.provenance import get_names, set_names, split_order

T = TypeVar("T")
Permutation = tuple[int, ...]


def identity(rank: int) -> Permutation:
    """The permutation that moves nothing."""
    return tuple(range(rank))


def is_identity(p: Permutation) -> bool:
    """Whether the permutation moves nothing."""
    return all(i == k for i, k in enumerate(p))


def inverse(p: Permutation) -> Permutation:
    """The permutation that undoes `p`."""
    result = [0] * len(p)
    for i, k in enumerate(p):
        result[k] = i
    return tuple(result)


def apply(p: Permutation, dims: Sequence[T]) -> list[T]:
    """What `dims` become under a transpose by `p`."""
    return [dims[k] for k in p]


def compose(f: Permutation, g: Permutation) -> Permutation:
    """The map k -> f[g[k]]; a transpose by `f` followed by one by `g` is one transpose by `compose(f, g)`."""
    return tuple(f[k] for k in g)


def moves_only_units(shape: Sequence[Expr], p: Permutation) -> bool:
    """Whether a transpose of a tensor of this shape moves nothing but dims of size 1, so that it is a reshape."""
    moved = [k for k in p if shape[k].as_int() != 1]
    return moved == sorted(moved)


def ordered_name(name: str, s: Permutation) -> str:
    """The name of a value that is the ONNX tensor `name` transposed by `s`: `relu_0@0,2,3,1`; suffixes compose and cancel."""
    plain, order = split_order(name, len(s))
    s = compose(order, s)
    return plain if not plain or is_identity(s) else f"{plain}@{','.join(map(str, s))}"


def name_source(transpose: Operation) -> None:
    """Call before a transpose is removed: its operand, if it has no name yet, takes the name of the ONNX tensor with the order undone."""
    assert isinstance(transpose, nn.TransposeOp)
    source = transpose.x.owner
    (name,) = get_names(transpose)
    if name and isinstance(source, Operation) and len(source.results) == 1 and not get_names(source)[0]:
        set_names(source, [ordered_name(name, inverse(nn.values_of(transpose.permutation)))])
