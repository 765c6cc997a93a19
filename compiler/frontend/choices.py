"""Axes that are data: a row is run once for each choice of them, in a branch of its own, and the host takes the branch.

Which dims a result keeps, and so every kernel, hangs on the axes; but of a tensor of a known rank there are few choices. Ones that a row
finds invalid for the shapes are left out, and an operand that names one at run is an error of the host.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import wraps
from itertools import combinations
from math import comb

import numpy as np
from xdsl.ir import Attribute, SSAValue

from ...dialects import dims, nn
from ...dialects.errors import InvalidModelError
from ...passes.remarks import remark_nodes
from ..network import Network
from .computed import front_axes, is_computed
from .node import Node
from .packing import Packing, differing
from .problems import InvalidNode
from .registry import Result, Row
from .value import Value

MOST_CHOICES = 20
"""Each choice has kernels of its own."""


def by_axes(index: int, *, inserted: bool = False) -> Callable[[Row], Row]:
    """Gives a row branches where operand `index`, axes of the first operand, is data. `inserted` axes are those of the result."""

    def decorated(row: Row) -> Row:
        @wraps(row)
        def chosen(node: Node) -> Result:
            if not is_computed(node, index):
                return row(node)
            count = dims.product(node.shape(index)).as_int() or 0
            rank = node.rank(0) + (count if inserted else 0)
            if not 0 < count <= rank or comb(rank, count) > MOST_CHOICES:
                return row(node)
            return _branches(node, row, index, rank, list(combinations(range(rank), count)))

        return chosen

    return decorated


def _branches(node: Node, row: Row, index: int, rank: int, choices: Sequence[tuple[int, ...]]) -> list[SSAValue]:
    net, label = node.net, node.graph_node.label
    operands = [None if value is None or i == index else value for i, value in enumerate(node.inputs)]
    captured = [value for value in operands if value is not None and not _is_known(value)]
    axes = net.add_reshape(node.data(index), [dims.product(node.shape(index))])
    # The set of axes as a number, whose bits are the axes.
    bits = net.add_gather(net.add_constant(1 << np.arange(rank)), front_axes(net, axes, rank), 0)
    code = net.add_reduce("sum", bits, [0])
    captures = [code, *(value.materialise(net) for value in captured)]
    leaves: list[tuple[int, Network, list[SSAValue]]] = []
    wrong: InvalidNode | InvalidModelError | None = None
    for choice in choices:
        inner = net.branch()
        arguments = [inner.argument(value.type) for value in captures]
        inside = {id(value): Value("", ssa=argument) for value, argument in zip(captured, arguments[1:], strict=True)}
        inputs = [None if value is None else inside.get(id(value)) or _again(value) for value in operands]
        inputs[index] = Value("", array=np.array(choice if node.rank(index) else choice[0]))
        copy = replace(node, inputs=inputs, net=inner)
        try:
            made = [value.materialise(inner) for value in copy.results(row(copy))]
        except (InvalidNode, InvalidModelError) as error:
            wrong = error
        else:
            leaves.append((sum(1 << axis for axis in choice), inner, made))
    if not leaves:
        assert wrong is not None
        raise wrong
    _check(net, code, [number for number, _, _ in leaves], label)
    remark_nodes([label], "missed", "import-onnx", f"its axes are data: each of {len(leaves)} choices has kernels")
    packings = [_packing(node, k, [made[k] for _, _, made in leaves]) for k in range(len(leaves[0][2]))]
    functions: list[str] = []
    types: list[Attribute] = []
    for number, inner, made in leaves:
        packed = [
            part for value, p in zip(made, packings, strict=True) for part in (p.pack(inner, value) if p else (value,))
        ]
        types = [value.type for value in packed]
        functions.append(net.function(f"{label}_axes_{number}", inner, packed))
    found = _chosen(net, captures, [number for number, _, _ in leaves], functions, types, label)
    return [p.unpack(net, found.pop(0), found.pop(0)) if p else found.pop(0) for p in packings]


def _is_known(value: Value) -> bool:
    return value.array is not None or value.exprs is not None


def _again(value: Value) -> Value:
    """A constant or shape arithmetic, to become an op in another network."""
    return Value(value.name, array=value.array, exprs=value.exprs, dtype=value.dtype)


def _check(net: Network, code: SSAValue, numbers: Sequence[int], label: str) -> None:
    """The host refuses axes that are none of the choices."""
    known = [net.add_compare("eq", code, number) for number in numbers]
    valid = known[0]
    for each in known[1:]:
        valid = net.add_binary("logical_or", valid, each)
    net.read(net.add_cast(valid, "i32"), f"{label}_axes_are_valid", (1, 1, 1))


def _packing(node: Node, output: int, made: Sequence[SSAValue]) -> Packing | None:
    """How a result is passed on whose shape hangs on the choice; None where all have one."""
    open_: set[int] = set()
    for value in made[1:]:
        found = differing(made[0], value)
        assert found is not None, "the number of axes decides the rank of the result, and is known"
        open_.update(found)
    if not open_:
        return None
    ranges, shapes = node.net.ranges, [nn.shape_of(value) for value in made]
    most = [max(shape[axis].bounds(ranges)[1] for shape in shapes) for axis in range(len(shapes[0]))]
    return Packing(node, output, shapes[0], tuple(sorted(open_)), most)


def _chosen(
    net: Network,
    captures: Sequence[SSAValue],
    numbers: Sequence[int],
    functions: Sequence[str],
    types: Sequence[Attribute],
    label: str,
) -> list[SSAValue]:
    """The results of the function whose number the first capture is; of the last one where it is none of the others."""
    if len(functions) == 1:
        otherwise = functions[0]
    elif len(functions) == 2:
        otherwise = functions[1]
    else:
        rest = net.branch()
        arguments = [rest.argument(value.type) for value in captures]
        results = _chosen(rest, arguments, numbers[1:], functions[1:], types, label)
        otherwise = net.function(f"{label}_axes", rest, results)
    return net.choose(net.add_compare("eq", captures[0], numbers[0]), (functions[0], otherwise), captures, types)
