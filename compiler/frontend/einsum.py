"""Einsum: any equation, as diagonals, sums, and one batched matrix product for each further operand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from xdsl.dialects.builtin import bf16, f16, f32, f64
from xdsl.ir import SSAValue

from ...dialects import dims
from ...dialects.dims import Expr
from ..network import Network
from .node import Node
from .registry import Result, onnx_op

_MULTIPLIED = (f32, f16, bf16, f64)
"""Element types of matrix products; products of others are summed one by one."""


@dataclass(frozen=True)
class Factor:
    """A tensor with one label for each of its dims, all different."""

    value: SSAValue
    labels: tuple[str, ...]


@onnx_op("Einsum", note="any number of operands, ellipses, repeated indices, implicit outputs")
def einsum(node: Node) -> Result:
    net = node.net
    if len(node.inputs) > 2:
        node.in_f32()
    inputs, output = _labels(node)
    operands = [_factor(net, node.data(i), labels) for i, labels in enumerate(inputs)]
    extents = _extents(node, operands)
    total = operands[0]
    for i, factor in enumerate(operands[1:], 1):
        later = set(chain(output, *(other.labels for other in operands[i + 1 :])))
        total = _product(net, total, factor, later, extents)
    total = _summed(net, total, set(output))
    return net.add_transpose(total.value, [total.labels.index(label) for label in output])


def _labels(node: Node) -> tuple[list[list[str]], list[str]]:
    """The labels of each operand's dims and of the result's; a dim of the ellipsis is a number, counted from the last one."""
    equation = "".join(node.string("equation").split())
    left, arrow, right = equation.partition("->")
    terms = left.split(",")
    if len(terms) != len(node.inputs):
        node.invalid(f"its equation {equation!r} has {len(terms)} terms for {len(node.inputs)} operands")
    inputs = [_term(node, term, node.rank(i)) for i, term in enumerate(terms)]
    widest = max((sum(label.isdigit() for label in labels) for labels in inputs), default=0)
    dots = [str(i) for i in reversed(range(widest))]
    if arrow:
        before, ellipsis, after = right.partition("...")
        output = [*before, *(dots if ellipsis else ()), *after]
    else:
        once = sorted(label for label in set(left) if label.isalpha() and left.count(label) == 1)
        output = [*dots, *once]
    known = set(chain(*inputs))
    if wrong := [label for label in output if label not in known or output.count(label) > 1]:
        node.invalid(
            f"its equation {equation!r} has {wrong[0]!r} in the result; expected each label of a term at most once"
        )
    return inputs, output


def _term(node: Node, term: str, rank: int) -> list[str]:
    before, ellipsis, after = term.partition("...")
    spare = rank - len(before) - len(after)
    if not all(label.isalpha() for label in before + after) or spare < 0 or (spare and not ellipsis):
        node.invalid(f"its term {term!r} does not fit an operand of rank {rank}")
    return [*before, *(str(i) for i in reversed(range(spare))), *after]


def _factor(net: Network, value: SSAValue, labels: Sequence[str]) -> Factor:
    """An operand, of which each repeated label keeps the diagonal."""
    different = list(dict.fromkeys(labels))
    if len(different) == len(labels):
        return Factor(value, tuple(labels))
    shape = [net.shape(value)[labels.index(label)] for label in different]
    spread = net.shape(value)
    counts = {label: net.add_iota(shape, axis, "i32") for axis, label in enumerate(different)}
    strides = [dims.product(spread[i + 1 :]) for i in range(len(labels))]
    index: SSAValue | None = None
    for label in different:
        step = sum((strides[i] for i, other in enumerate(labels) if other == label), dims.const(0))
        size = step.as_int()
        factor = size if size is not None else net.add_size(step, "i32")
        term = net.add_binary("mul", counts[label], factor)
        index = term if index is None else net.add_binary("add", index, term)
    assert index is not None
    return Factor(net.add_gather(net.add_reshape(value, [dims.product(spread)]), index, 0), tuple(different))


def _extents(node: Node, factors: Sequence[Factor]) -> dict[str, Expr]:
    """The extent of each label: that of any operand whose dim is not 1."""
    found: dict[str, Expr] = {}
    for factor in factors:
        for label, extent in zip(factor.labels, node.net.shape(factor.value), strict=True):
            if found.get(label, dims.const(1)).as_int() == 1:
                found[label] = extent
            elif extent.as_int() != 1 and (gap := (found[label] - extent).as_int()) not in (0, None):
                node.invalid(f"its label {label!r} stands for dims of {found[label]} and of {extent}, {gap} apart")
    return found


def _summed(net: Network, factor: Factor, kept: set[str]) -> Factor:
    """The factor summed over the labels that nothing needs any more."""
    axes = [i for i, label in enumerate(factor.labels) if label not in kept]
    labels = tuple(label for label in factor.labels if label in kept)
    return Factor(net.add_reduce("sum", factor.value, axes), labels) if axes else factor


def _product(net: Network, a: Factor, b: Factor, later: set[str], extents: dict[str, Expr]) -> Factor:
    """The product of two factors, summed over what neither the result nor another factor has."""
    a, b = (_summed(net, mine, later | set(other.labels)) for mine, other in ((a, b), (b, a)))
    shared = [label for label in a.labels if label in b.labels]
    summed = [label for label in shared if label not in later]
    batch = [label for label in shared if label in later]
    rows = [label for label in a.labels if label not in shared]
    columns = [label for label in b.labels if label not in shared]
    labels = (*batch, *rows, *columns)
    sizes = [extents[label] for label in labels]
    if not summed or net.element(a.value) not in _MULTIPLIED:
        wide = [*labels, *summed]
        product = net.add_binary("mul", *(_aligned(net, factor, wide) for factor in (a, b)))
        product = net.add_broadcast_to(product, [extents[label] for label in wide])
        return Factor(net.add_reduce("sum", product, list(range(len(labels), len(wide)))), labels)
    left = _matrix(net, a, (batch, rows, summed), extents)
    right = _matrix(net, b, (batch, summed, columns), extents)
    return Factor(net.add_reshape(net.add_matmul(left, right), sizes), labels)


def _aligned(net: Network, factor: Factor, labels: Sequence[str]) -> SSAValue:
    """The factor with one dim for each label, 1 where it has none."""
    order = [factor.labels.index(label) for label in labels if label in factor.labels]
    moved = net.add_transpose(factor.value, order)
    extents = iter(net.shape(moved))
    return net.add_reshape(moved, [next(extents) if label in factor.labels else dims.const(1) for label in labels])


def _matrix(net: Network, factor: Factor, groups: Sequence[Sequence[str]], extents: dict[str, Expr]) -> SSAValue:
    """The factor with one dim for each group of labels."""
    labels = list(chain(*groups))
    full = net.add_broadcast_to(_aligned(net, factor, labels), [extents[label] for label in labels])
    return net.add_reshape(full, [dims.product([extents[label] for label in group]) for group in groups])
