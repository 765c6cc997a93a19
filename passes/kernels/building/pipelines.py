"""
Builds loops whose operands come through a ring of shared tiles, in the words of the algorithm:

    ring, tile = b.ring(3, "cp_async"), b.alloc((3, 64, 32), f16, swizzle=64)

    def fetch(b, step, fill):
        b.insert(kernel.LoadAsyncOp(view, [b.mul(step, 32)], b.slot(tile, fill)))
        return 0

    def compute(b, step, fill, values):
        return [b.emit(kernel.MmaOp(b.slot(tile, fill), ...))]

    (acc,) = b.pipelined(ring, steps, fetch, compute, [acc])

What the steps of a ring promise: docs/reference/kernel-semantics.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Self, TypeAlias

from xdsl.ir import Attribute, SSAValue

from ....dialects import kernel
from ....dialects.errors import PassError
from ....dialects.kernel.types import RingType, SharedType
from .control import ControlBuilder
from .emitter import Index, constant_value

Carried: TypeAlias = Sequence[SSAValue] | Callable[[], Sequence[SSAValue]]


def _made(carried: Carried) -> Sequence[SSAValue]:
    return carried() if callable(carried) else carried


class PipelineBuilder(ControlBuilder):
    """Shared tiles, rings, and loops over what comes through them."""

    def alloc(
        self, extents: Sequence[int], element: Attribute, *, swizzle: int = 0, pad: int = 0, name: str | None = None
    ) -> SSAValue:
        """A shared tile of (stages,) rows, columns; `swizzle` in bytes, `pad` elements after each row."""
        return self.emit(kernel.AllocOp(SharedType.of(extents, element, swizzle, pad)), name)

    def ring(self, stages: int, kind: str, name: str | None = None) -> SSAValue:
        """A ring of `stages` free slots; `kind`: cp_async or mbarrier."""
        return self.emit(kernel.RingOp(RingType.of(stages, kind)), name)

    def slot(self, tile: SSAValue, fill: Index, name: str | None = None) -> SSAValue:
        """The stage of a shared tile that fill number `fill` is in."""
        return self.emit(kernel.SlotOp(tile, self.index(fill)), name)

    def acquire(self, ring: SSAValue, fill: Index) -> None:
        """Producer: waits until the slot of this fill is free."""
        self.insert(kernel.AcquireOp(ring, self.index(fill)))

    def commit(self, ring: SSAValue, fill: Index, bytes: int = 0) -> None:
        """Producer: all copies of this fill have been started; TMA delivers `bytes`."""
        self.insert(kernel.CommitOp(ring, self.index(fill), bytes))

    def wait(self, ring: SSAValue, fill: Index, later: int = 0) -> None:
        """Consumer: waits until this fill is visible; up to `later` fills may have been committed after it."""
        self.insert(kernel.WaitOp(ring, self.index(fill), later))

    def release(self, ring: SSAValue, fill: Index) -> None:
        """Consumer: has done with this fill."""
        self.insert(kernel.ReleaseOp(ring, self.index(fill)))

    def pipelined(
        self,
        ring: SSAValue,
        steps: Index,
        fetch: Callable[[Self, Index, Index], int] | None,
        compute: Callable[[Self, Index, Index, Sequence[SSAValue]], Sequence[SSAValue]] | None,
        carried: Carried = (),
        *,
        start: Index = 0,
        overlapped: bool = False,
        name: str | None = "k",
    ) -> list[SSAValue]:
        """
        What `carried` has become after `steps` steps; step k has fill `start + k` of the ring. `fetch(b, step, fill)` starts the copies of
        a step and gives the bytes that TMA delivers (0 for cp.async); `compute(b, step, fill, values)` gives the values of the next step.
        `carried` may be a function that makes the values once the first copies are under way.

        On a cp_async ring the same threads do both: copies run stages - 1 fills ahead. On an mbarrier ring a role does one half, with None
        for the other. `overlapped`: `compute` gives accumulators whose product is still under way when the next one starts.
        Raises PassError where the ring cannot be used so.
        """
        type_ = ring.type
        assert isinstance(type_, RingType)
        if type_.kind.data == "cp_async":
            if fetch is None or compute is None or start != 0 or overlapped:
                raise PassError(
                    "pipelined: expected fetch and compute from fill 0 on, one after the other, on a cp_async ring"
                )
            return self._fetch_ahead(ring, type_.stages.data, steps, fetch, compute, carried, name)
        if (fetch is None) == (compute is None):
            raise PassError("pipelined: expected fetch or compute on an mbarrier ring, whose roles do one half each")
        if fetch is not None:
            self._produce(ring, steps, fetch, start, name)
            return []
        assert compute is not None
        if overlapped:
            return self._consume_overlapped(ring, steps, compute, _made(carried), start, name)

        def step(b: Self, k: SSAValue, values: Sequence[SSAValue]) -> Sequence[SSAValue]:
            fill = b.add(start, k)
            b.wait(ring, fill)
            results = compute(b, k, fill, values)
            b.release(ring, fill)
            return results

        return self.loop(0, steps, 1, _made(carried), step, name)

    def _fetch_ahead(
        self,
        ring: SSAValue,
        stages: int,
        steps: Index,
        fetch: Callable[[Self, Index, Index], int],
        compute: Callable[[Self, Index, Index, Sequence[SSAValue]], Sequence[SSAValue]],
        carried: Carried,
        name: str | None,
    ) -> list[SSAValue]:
        def fetch_at(b: Self, fill: Index) -> None:
            b.acquire(ring, fill)
            b.commit(ring, fill, fetch(b, fill, fill))

        for fill in range(stages - 1):
            fetch_at(self, fill)

        def step(b: Self, k: SSAValue, values: Sequence[SSAValue]) -> Sequence[SSAValue]:
            b.wait(ring, k, stages - 2)
            fetch_at(b, b.add(k, stages - 1))
            results = compute(b, k, k, values)
            b.release(ring, k)
            return results

        return self.loop(0, steps, 1, _made(carried), step, name)

    def _produce(
        self,
        ring: SSAValue,
        steps: Index,
        fetch: Callable[[Self, Index, Index], int],
        start: Index,
        name: str | None,
    ) -> None:
        def step(b: Self, k: SSAValue, _: Sequence[SSAValue]) -> Sequence[SSAValue]:
            fill = b.add(start, k)
            b.acquire(ring, fill)
            b.commit(ring, fill, fetch(b, k, fill))
            return []

        self.loop(0, steps, 1, [], step, name)

    def _consume_overlapped(
        self,
        ring: SSAValue,
        steps: Index,
        compute: Callable[[Self, Index, Index, Sequence[SSAValue]], Sequence[SSAValue]],
        carried: Sequence[SSAValue],
        start: Index,
        name: str | None,
    ) -> list[SSAValue]:
        """
        One product stays under way, so a step releases the fill before its own. The last step stands alone and waits for everything: the
        first wait after a product must be the one that completes it, for ptxas moves reads of the accumulators above a second one
        (docs/design/learned.md).
        """

        def multiply(b: Self, k: Index, fill: Index, values: Sequence[SSAValue], pending: int) -> list[SSAValue]:
            b.wait(ring, fill)
            return [b.emit(kernel.MmaWaitOp(acc, pending)) for acc in compute(b, k, fill, values)]

        def release_before(b: Self, fill: Index) -> None:
            b.release(ring, b.sub(fill, 1))

        def step(b: Self, k: SSAValue, values: Sequence[SSAValue]) -> Sequence[SSAValue]:
            fill = b.add(start, k)
            results = multiply(b, k, fill, values, 1)
            b.when(b.compare(k, "sgt", 0), lambda b: release_before(b, fill))
            return results

        before = self.sub(steps, 1)
        results = self.loop(0, before, 1, carried, step, name)
        last = self.sub(self.add(start, steps), 1)
        results = multiply(self, before, last, results, 0)
        if (known := constant_value(steps)) is None:
            self.when(self.compare(steps, "sgt", 1), lambda b: release_before(b, last))
        elif known > 1:
            release_before(self, last)
        self.release(ring, last)
        return results
