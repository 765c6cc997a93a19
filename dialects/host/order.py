"""Which launches and reads of a host function end before which others begin, and which have to.

Two relations. `requires` follows from what nodes access: of two that touch the same bytes, one of which writes, the later one in the text
requires the earlier. `order` is what is realised. The launches between two things that the host does (a read, a branch, an iteration) are
a *segment*, which a CUDA graph can hold; segments follow each other. In a segment the launches of a stream follow each other, and after a
`buffer.wait` its stream continues when all the work has ended that its event's stream had at the `buffer.record`. Stream 0 exists for the
whole segment: another stream begins by waiting for an event that leads back to stream 0 (a fork), and its work ends before an event that
stream 0 waits for (a join). A dependent launch waits for its predecessor in each of its blocks, and so counts like any other.

`read_order` refuses steps where `order` does not contain what is required. The arena planner then asks `order` only whether every use of
one buffer comes before every use of another, as does the simulator. A segment of one stream is in the order of its text and needs no data;
a segment of several has one bitset per launch, and at most `MAX_STREAM_LAUNCHES` launches.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NoReturn

from xdsl.ir import SSAValue

from .. import buffer
from ..errors import PassError
from ..limits import MAX_STREAM_LAUNCHES
from ..provenance import describe
from ..strided import Elements, View, share_bytes
from .control import If, Loop, Step
from .structure import EventNode, LaunchNode, Node, Place, ReadNode, Touched


@dataclass(frozen=True)
class Parallel:
    """The order of the launches of a segment of several streams, which are numbered in the order of its text."""

    before: tuple[int, ...]
    """For each launch a bitset: the launches that end before it begins."""

    @cached_property
    def until(self) -> tuple[int, ...]:
        """For each launch the last one that may run at the same time; itself where no later one may."""
        found = list(range(len(self.before)))
        unknown = (1 << len(found)) - 1
        for later in reversed(found.copy()):
            for launch in _bits(unknown & ~self.before[later] & ((1 << later) - 1)):
                found[launch] = later
                unknown ^= 1 << launch
        return tuple(found)


@dataclass
class Order:
    """`order` over the launches and reads of a host function, which are numbered in the order of its text."""

    first: list[int] = field(default_factory=list[int])
    """For each segment of several streams the number of its first launch."""
    parallel: list[Parallel] = field(default_factory=list[Parallel])
    """For each of these segments the order of its launches."""

    def add(self, first: int, segment: Parallel) -> None:
        """Appends a segment of several streams."""
        self.first.append(first)
        self.parallel.append(segment)

    def until(self, node: int) -> int:
        """The last node that may run at the same time as this one; itself where no later one may."""
        begin, segment = self._segment(node)
        return node if segment is None else begin + segment.until[node - begin]

    def all_before(self, some: Sequence[int], others: Sequence[int]) -> bool:
        """Whether each of `some` has ended when any of `others` begins, in every run that reaches both. Both ascend, and all of `some` come
        before all of `others` in the text."""
        begin, segment = self._segment(others[0])
        if segment is None:
            return True
        ended = sum(1 << node - begin for node in set(some) if node >= begin)
        end = begin + len(segment.before)
        return not any(ended & ~segment.before[node - begin] for node in others if node < end)

    def _segment(self, node: int) -> tuple[int, Parallel | None]:
        number = bisect_right(self.first, node) - 1
        if number < 0 or node >= self.first[number] + len(self.parallel[number].before):
            return 0, None
        return self.first[number], self.parallel[number]


def _bits(number: int) -> Iterator[int]:
    """The positions of a number's set bits, ascending."""
    while number:
        lowest = number & -number
        yield lowest.bit_length() - 1
        number ^= lowest


def read_order(steps: Sequence[Step[Node]]) -> Order:
    """The order that the streams and events of a host function realise. Raises PassError where its accesses require a pair that it
    lacks."""
    order = Order()
    _read(steps, order, 0)
    return order


def _read(steps: Sequence[Step[Node]], order: Order, position: int) -> int:
    """Adds the segments of steps whose first node has the number `position`; returns the number after the last node."""
    nodes: list[LaunchNode | EventNode] = []

    def close() -> int:
        launches = sum(isinstance(node, LaunchNode) for node in nodes)
        if (segment := parallel(nodes)) is not None:
            order.add(position, segment)
        nodes.clear()
        return position + launches

    for step in steps:
        if isinstance(step, LaunchNode | EventNode):
            nodes.append(step)
            continue
        position = close()
        match step:
            case ReadNode():
                position += 1
            case If():
                position = _read(step.otherwise, order, _read(step.then, order, position))
            case Loop():
                position = _read(step.body, order, _read(step.before, order, position))
    return close()


def parallel(nodes: Sequence[LaunchNode | EventNode]) -> Parallel | None:
    """The order of a segment's launches; None where there is one stream, whose order is that of the text. PassError as `read_order`."""
    if not any(isinstance(node, EventNode) or node.op.stream_number for node in nodes):
        return None
    segment = _Segment()
    for node in nodes:
        if isinstance(node, LaunchNode):
            segment.launch(node)
        else:
            segment.event(node)
    segment.end()
    return Parallel(tuple(segment.before))


class _Segment:
    """One walk over the nodes of a segment of several streams. Sets of launches are bits."""

    def __init__(self) -> None:
        self.launches: list[LaunchNode] = []
        self.before: list[int] = []
        self.ended: dict[int, int] = {0: 0}
        """For each stream that has begun, the launches that have ended when its next op begins."""
        self.events: dict[SSAValue, int] = {}
        self.touched: dict[SSAValue, list[tuple[int, Touched]]] = {}
        """For each owner the launches that touch it, and how."""

    def launch(self, node: LaunchNode) -> None:
        """Adds a launch, which begins when its stream's previous op has ended."""
        stream, number = node.op.stream_number, len(self.launches)
        if number >= MAX_STREAM_LAUNCHES:
            _refuse(f"more than {MAX_STREAM_LAUNCHES} launches of several streams follow each other")
        if stream not in self.ended:
            _refuse(
                f"{_named(node)}: stream {stream} begins with a launch: expected a buffer.wait on it before, for an event that leads "
                "back to stream 0"
            )
        ended = self.ended[stream]
        for touched in node.touched:
            for earlier, other in self.touched.get(touched.place.owner, ()):
                free = ended >> earlier & 1 or not (touched.writes or other.writes)
                if not free and may_overlap(touched.place, other.place):
                    _refuse(
                        f"{_named(node)} requires that {_named(self.launches[earlier])} has ended, which its stream and events do not "
                        f"ensure: expected a buffer.record after the latter and a buffer.wait before the former"
                    )
        for touched in node.touched:
            self.touched.setdefault(touched.place.owner, []).append((number, touched))
        self.launches.append(node)
        self.before.append(ended)
        self.ended[stream] = ended | 1 << number

    def event(self, node: EventNode) -> None:
        """A record keeps which launches have ended on its stream; a wait adds them to those that have ended on its own stream."""
        stream = node.op.stream_number
        if isinstance(node.op, buffer.RecordOp):
            if stream not in self.ended:
                _refuse(f"{describe(node.op)}: stream {stream} has not begun: expected a buffer.wait on it before")
            self.events[node.op.event] = self.ended[stream]
        elif node.op.event not in self.events:
            _refuse(f"{describe(node.op)}: expected an event that is recorded with no read, branch or loop in between")
        else:
            self.ended[stream] = self.ended.get(stream, 0) | self.events[node.op.event]

    def end(self) -> None:
        """Checks that stream 0 has waited for all launches: what follows waits for stream 0 only."""
        missing = ~self.ended[0] & (1 << len(self.launches)) - 1
        if missing:
            late = self.launches[missing.bit_length() - 1]
            _refuse(
                f"{_named(late)} may still run when its segment ends: expected stream 0 to wait for an event recorded after it"
            )


def may_overlap(a: Place, b: Place) -> bool:
    """Whether two places of one owner may have an element in common. True where symbolic dims leave it open."""
    views = [_view(place) for place in (a, b) if place.views]
    if len(views) < 2 or any(e.as_int() is None for view in views for e in (view.offset, *view.dims, *view.strides)):
        return True
    one, other = (view.bind({}) for view in views)
    return share_bytes(
        Elements(one.offset, one.dims, one.strides, 1), Elements(other.offset, other.dims, other.strides, 1)
    )


def _view(place: Place) -> View[SSAValue]:
    """A place as one view of its owner."""
    offset = sum((view.offset.exprs[0] for view in place.views[:-1]), place.views[-1].offset.exprs[0])
    last = place.views[-1].view
    return View(place.owner, last.dims, last.strides, offset)


def _named(node: LaunchNode) -> str:
    return f"launch of {node.op.callee}"


def _refuse(reason: str) -> NoReturn:
    raise PassError(f"host program: {reason}.")
