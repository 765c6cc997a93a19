"""Remarks: what passes did, did not do and why, attached to ops.

    with collecting() as remarks:
        pipeline.apply(ctx, module)
    for r in remarks:
        print(r)

Outside `collecting()` a remark is dropped, at no cost.

What an ONNX node became is never silent: where a pass leaves no op of one, `lost_nodes.py` makes a remark of it.
`removing` records why an op is removed, where the code that removes it knows more than the name of the pass says.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

from xdsl.ir import Attribute, Operation

from ..dialects.provenance import get_names, join_names, onnx_names, origins
from ..dialects.text import printable

Kind: TypeAlias = Literal["applied", "missed", "analysis"]
KINDS: tuple[Kind, ...] = get_args(Kind)

_COLLECTED: ContextVar[list[Remark] | None] = ContextVar("trtc_remarks", default=None)


PlaceOf: TypeAlias = Callable[[Operation], "tuple[int, int] | None"]
"""Line and column of an op in the text that it was read from."""
_PLACES: ContextVar[PlaceOf | None] = ContextVar("trtc_places", default=None)
_SAID: ContextVar[set[tuple[Operation, str, str]] | None] = ContextVar("trtc_said", default=None)
_REASONS: ContextVar[dict[str, str] | None] = ContextVar("trtc_reasons", default=None)


@dataclass(frozen=True)
class Remark:
    """One thing a pass did (`applied`), declined with its blocker (`missed`) or found (`analysis`)."""

    kind: Kind
    pass_name: str
    op_name: str
    nodes: tuple[str, ...]
    """The ONNX nodes that the op comes from or serves, or the ONNX names of its results where it has no location."""
    message: str
    place: tuple[int, int] | None = field(default=None, compare=False)
    """Line and column of the op in the text that was read, where the collector knows them."""

    def __str__(self) -> str:
        nodes = f" [{join_names(self.nodes)}]" if self.nodes else ""
        return f"{self.kind}: {self.pass_name}: {self.op_name}{nodes}: {printable(self.message)}"


def remark(op: Operation, kind: Kind, pass_name: str, message: str) -> None:
    """Attach a remark to an op, if remarks are collected."""
    collected = _COLLECTED.get()
    if collected is None:
        return
    said = _SAID.get()
    if kind == "missed" and said is not None:
        if (op, pass_name, message) in said:
            return
        said.add((op, pass_name, message))
    nodes = origins(op.location) or [name for name in get_names(op) if name]
    place_of = _PLACES.get()
    place = place_of(op) if place_of is not None else None
    collected.append(Remark(kind, pass_name, op.name, tuple(nodes), message, place))


@contextmanager
def saying_once() -> Generator[None]:
    """Inside the block a missed remark is made once for each op and message: greedy drivers look at an op until nothing changes."""
    token = _SAID.set(set())
    try:
        yield
    finally:
        _SAID.reset(token)


def remark_nodes(nodes: Iterable[str], kind: Kind, pass_name: str, message: str) -> None:
    """One remark on ONNX nodes of which there is no op, if remarks are collected."""
    collected, named = _COLLECTED.get(), tuple(nodes)
    if collected is not None and named:
        collected.append(Remark(kind, pass_name, "builtin.module", named, message))


def remark_count() -> int:
    """How many remarks were collected so far."""
    return len(_COLLECTED.get() or ())


def forget_remarks(count: int) -> None:
    """Forgets those collected since there were `count`, of work that is done once more."""
    if (collected := _COLLECTED.get()) is not None:
        del collected[count:]


def is_collecting() -> bool:
    """Whether remarks are collected."""
    return _COLLECTED.get() is not None


def removing(location: Attribute, why: str) -> None:
    """Record why an op with this location is removed, for the remark on those of its ONNX nodes without other ops. The first counts."""
    reasons = _REASONS.get()
    if reasons is not None:
        for node in onnx_names(location):
            reasons.setdefault(node, why)


def removal_reasons() -> dict[str, str]:
    """By ONNX node, the reasons that `removing` was given since the last call."""
    reasons = _REASONS.get() or {}
    taken = dict(reasons)
    reasons.clear()
    return taken


@contextmanager
def collecting(place_of: PlaceOf | None = None) -> Generator[list[Remark], None, None]:
    """Collect the remarks made inside the block; an outer collector gets them too. `place_of` says where ops stand in a text."""
    remarks: list[Remark] = []
    outer = _COLLECTED.get()
    token, reasons = _COLLECTED.set(remarks), _REASONS.set({})
    places = _PLACES.set(place_of or _PLACES.get())
    try:
        yield remarks
    finally:
        _COLLECTED.reset(token)
        _REASONS.reset(reasons)
        _PLACES.reset(places)
        if outer is not None:
            outer.extend(remarks)
