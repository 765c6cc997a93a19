"""Evaluates nodes of small constants by the reference semantics, so that folding a node and running it agree.

The node's row builds its ops in a separate network, which `dialects/meaning` then evaluates. There is no other arithmetic on
constants: the folds of `folding.py` compute with the symbols of dynamic dims only.
"""

from __future__ import annotations

from dataclasses import replace

from xdsl.ir import Operation, SSAValue

from ...dialects import dims, meaning, nn, quant
from ...dialects.limits import MAX_FOLDED, MAX_FOLDED_FLOATS
from ..network import Network
from .node import Node
from .registry import Row
from .value import Array, Value


def evaluated(node: Node, row: Row) -> list[Value] | None:
    """The node's results as constants; None where an operand is not a small constant, or a result would be large."""
    constants = [None if value is None else value.small_constant() for value in node.inputs]
    if not node.inputs or any((c is None) != (v is None) for c, v in zip(constants, node.inputs, strict=True)):
        return None
    copies = [None if v is None else replace(v, array=c, ssa=None) for c, v in zip(constants, node.inputs, strict=True)]
    alone = replace(node, net=Network(), inputs=copies)
    results = alone.results(row(alone))
    arrays = None if any(value.items is not None for value in results) else _run(alone.net)
    if arrays is None:
        return None
    originals = {id(copy): value for copy, value in zip(copies, node.inputs, strict=True) if value is not None}
    found = [
        originals.get(id(value)) or (value if value.ssa is None else Value("", array=arrays[value.ssa]))
        for value in results
    ]
    for made, value in zip(results, found, strict=True):
        if made.quantized is not None:
            value.quantized = made.quantized.of(originals)
    new = (value.array for value in found if value.array is not None and not value.name)
    node.net.budget.spend(sum(array.nbytes for array in new))
    return found


def hold_results(node: Node, row: Row, values: list[Value]) -> None:
    """Also evaluates a node of small refittable initializers, beside making its ops; `Value.value_of` returns the results and pins
    these."""
    if not any(value is not None and value.held is not None for value in node.inputs):
        return
    sources: dict[int, Value] = {}
    copies: list[Value | None] = []
    for value in node.inputs:
        if value is None:
            copies.append(None)
            continue
        held = value.held if value.held is not None and value.held.size <= MAX_FOLDED_FLOATS else None
        array = held if held is not None else value.small_constant()
        if array is None:
            return
        copies.append(Value("", array=array))
        sources.update((id(source), source) for source in value.sources)
    computed = evaluated(replace(node, inputs=copies), row)
    for value, known in zip(values, computed or (), strict=False):
        if value.is_open and known.array is not None:
            value.held, value.sources = known.array, tuple(sources.values())


def _run(net: Network) -> dict[SSAValue, Array] | None:
    """Every value of a network without inputs; None where one is large, a size is out of its range, or there is a `quant` op or
    control flow."""
    if any(
        isinstance(op, quant.ScaledOp | nn.IfOp | nn.LoopOp) or _elements(op, net) > MAX_FOLDED for op in net.operations
    ):
        return None
    arrays: dict[SSAValue, Array] = {}
    sizes: dict[str, int] = {}
    for op in net.operations:
        if isinstance(op, nn.ReadOp):
            name, value = op.symbol.data, int(arrays[op.x].item())
            if not net.ranges[name][0] <= value <= net.ranges[name][2]:
                return None
            sizes[name] = value
        else:
            arrays.update(zip(op.results, meaning.evaluate(op, [arrays[v] for v in op.operands], sizes), strict=True))
    return arrays


def _elements(op: Operation, net: Network) -> int:
    """The most elements of an op's results; no dim here depends on inputs."""
    return max((dims.product(nn.shape_of(result)).bounds(net.ranges)[1] for result in op.results), default=0)
