"""Where ops come from: locations that lead to ONNX nodes, and the ONNX tensor names that results stand for.

An ONNX node becomes `loc("conv1"("Conv#12"))`: its name (or `op#index:first output` if it has none), then its op type and
original index. Merged ops carry `loc(fused[...])`. A helper op, which only prepares a node's operands or passes on its results, such as the
transpose to another layout, carries `loc(callsite("transpose" at "conv1"("Conv#12")))` and is not the node: a group that contains it
does not name the node for that. The discardable attribute `nn.names` holds one string per result.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

import numpy as np
from xdsl.dialects.builtin import (
    UNKNOWN_LOC,
    ArrayAttr,
    CallSiteLoc,
    FusedLoc,
    LocationAttr,
    NameLoc,
    NoneAttr,
    StringAttr,
    UnknownLoc,
    UnregisteredOp,
)
from xdsl.ir import Attribute, Operation

from .text import shown

NAMES = "nn.names"


def onnx_location(name: str, op_type: str, index: int, first_output: str = "") -> NameLoc:
    """The location of an ONNX node: `index` is its position in the original graph; an unnamed node is called by op, index and
    first output."""
    node = f"{op_type}#{index}"
    return NameLoc(StringAttr(name or f"{node}:{first_output}"), NameLoc(StringAttr(node), NoneAttr()))


def is_unknown(location: Attribute) -> bool:
    """Whether a location is the unknown one."""
    return isinstance(location, UnknownLoc)


def fuse(*locations: LocationAttr) -> LocationAttr:
    """One location that leads to all the given ones: flat, without duplicates and without unknown ones. Locations of helpers are left out
    where there are locations of nodes. A single location stays as it is."""
    apart = {id(location): location for location in locations}.values()
    if len(apart) == 1:
        return locations[0]  # it may have thousands of parts, each of which is hashed below
    parts: dict[Attribute, None] = {}
    for location in apart:
        if isinstance(location, FusedLoc):
            parts.update(dict.fromkeys(location_parts(location)))
        elif not is_unknown(location):
            parts[location] = None
    nodes = {part: None for part in parts if not isinstance(part, CallSiteLoc)}
    parts = nodes or parts
    if not parts:
        return UNKNOWN_LOC
    if len(parts) == 1:
        (only,) = parts
        return only  # pyright: ignore[reportReturnType]
    return FusedLoc(ArrayAttr(parts), NoneAttr())


def location_parts(location: Attribute) -> tuple[Attribute, ...]:
    """The locations that a fused one holds; none of any other."""
    if not isinstance(location, FusedLoc) or not isinstance(location.locations, ArrayAttr):
        return ()  # each part is an attribute: asking them all would take as long as there are parts
    return cast(ArrayAttr[Attribute], location.locations).data


def helper_location(kind: str, location: LocationAttr) -> LocationAttr:
    """The location of a helper op of this kind (`transpose`, `cast`, `copy`) that serves the nodes of `location`."""
    if is_unknown(location) or isinstance(location, CallSiteLoc):
        return location  # what serves a helper serves the same nodes
    return CallSiteLoc(NameLoc(StringAttr(kind), NoneAttr()), location)


def onnx_names(location: Attribute) -> list[str]:
    """The names of the ONNX nodes (outermost names) that a location leads to, in order, without duplicates; none for a helper."""
    if isinstance(location, NameLoc):
        return [location.desc.data]
    return list(dict.fromkeys(name for part in location_parts(location) for name in onnx_names(part)))


def op_type(location: Attribute) -> str:
    """The operator of the ONNX node that a location is; empty for any other location."""
    inner = location.location if isinstance(location, NameLoc) else None
    return inner.desc.data.rpartition("#")[0] if isinstance(inner, NameLoc) else ""


def origins(location: Attribute) -> list[str]:
    """A location in words: its ONNX nodes, or the helpers with the nodes that they serve, as `transpose for conv1`."""
    if names := onnx_names(location):
        return names
    if isinstance(location, CallSiteLoc):
        return [f"{kind} for {name}" for kind in onnx_names(location.callee) for name in onnx_names(location.caller)]
    return list(dict.fromkeys(text for part in location_parts(location) for text in origins(part)))


def get_names(op: Operation) -> list[str]:
    """The ONNX tensor names of the op's results, "" where there is none; always one per result."""
    attribute = op.attributes.get(NAMES)
    listed = cast(Iterable[Attribute], attribute) if isinstance(attribute, ArrayAttr) else ()
    names = [each.data for each in listed if isinstance(each, StringAttr)]
    return (names + [""] * len(op.results))[: len(op.results)]


def set_names(op: Operation, names: Sequence[str]) -> None:
    """Set the ONNX tensor names of the op's results; all empty removes the attribute."""
    if len(names) != len(op.results):
        raise ValueError(f"names of {op.name}: expected {len(op.results)}, one per result, got {list(names)}")
    if any(names):
        op.attributes[NAMES] = ArrayAttr([StringAttr(n) for n in names])
    else:
        op.attributes.pop(NAMES, None)


def name_of(op: Operation) -> str:
    """The name of an op, as it was written where its dialect is not known."""
    return op.op_name.data if isinstance(op, UnregisteredOp) else op.name


def describe(op: Operation) -> str:
    """An op in an error message: its name and the ONNX nodes that it comes from."""
    names = origins(op.location)
    return f"{name_of(op)} (from {join_names(names)})" if names else name_of(op)


def join_names(names: Iterable[str]) -> str:
    """Names of a model in a line of text."""
    return ", ".join(map(shown, names))


def split_order(name: str, rank: int) -> tuple[str, tuple[int, ...]]:
    """A name and the order of dims in its suffix, the identity without one; ONNX names may contain `@` themselves."""
    plain, _, suffix = name.rpartition("@")
    axes = tuple(int(axis) for axis in suffix.split(",") if axis.isdigit())
    if plain and sorted(axes) == list(range(rank)) and rank > 1:
        return plain, axes
    return name, tuple(range(rank))


def as_onnx_orders(name: str, array: np.ndarray) -> tuple[str, np.ndarray]:
    """A named value as the ONNX tensor itself: `relu_0@0,2,3,1` is `relu_0` transposed by (0, 2, 3, 1), which is undone."""
    plain, order = split_order(name, array.ndim)
    return plain, array.transpose(np.argsort(order)) if array.ndim else array
