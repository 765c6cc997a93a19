"""The kernel of a chain: its steps one after the other, with the vectors between them in shared memory."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects import arith
from xdsl.dialects.builtin import f32, i32
from xdsl.ir import SSAValue

from .....dialects import kernel, nn
from .....dialects.kernel.layouts import Blocked
from .....dialects.kernel.types import FragType
from ...building.builder import Emitter, Index, KernelBuilder, named
from ...building.pointwise import add, convert, div, maximum, minimum, mul, select
from ...building.space import Space
from ..row.tiles import Reduction, number_in
from .problem import ChainProblem, Layer, Part
from .steps import AHEAD, Products, Reduce, Vector

UNROLLED = 4
"""Tiles of a product up to which the loop over them is unrolled, so that their loads overlap."""


class ChainKernel:
    """Builds the kernel."""

    def __init__(
        self,
        problem: ChainProblem,
        blocks: int,
        cluster: int,
        threads: int,
        reduce: Reduce | None,
        products: Sequence[Products],
        vectors: Sequence[Vector],
    ):
        self.problem, self.group, self.threads = problem, problem.group, threads
        self.reduce, self.products = reduce, products
        b = self.b = KernelBuilder.for_group(
            problem.group, [problem.images * blocks, 1, 1], threads // 32, cluster=cluster
        )
        self.together = cluster > 1
        self.image = named(b.div(b.coords[0], blocks), "image")
        self.block = named(b.rem(b.coords[0], blocks), "block")
        self.rank = named(b.rem(b.coords[0], cluster), "rank")
        self.kinds = vectors
        self.vectors = [b.emit(kernel.AllocOp(v.type), f"vector{number}") for number, v in enumerate(vectors)]

    def build(self) -> kernel.FuncOp:
        self._clear()
        if self.together:
            # A block's shared memory is there once it has begun.
            self._meet(self.b)
        if self.reduce is None:
            self._load()
        else:
            self._reduce(self.reduce)
        for number, product in enumerate(self.products):
            self._multiply(number, product)
        return self.b.finish()

    @property
    def _lanes(self) -> FragType:
        """A row for each thread."""
        return FragType.of((self.threads, 1), f32, Blocked.of(self.threads, 1, 1, 1)).rows

    def _meet(self, b: KernelBuilder) -> None:
        b.insert(kernel.ClusterBarrierOp() if self.together else kernel.BarrierOp())

    # What makes a vector.

    def _clear(self) -> None:
        """Zeros where tiles of a product read beyond a vector, visible once the vector is."""
        b = self.b
        for kind, vector in zip(self.kinds, self.vectors, strict=True):
            frag = self._lanes.with_element(kind.element)
            for number in range(kind.zeros):
                row = b.index(kind.written + number * self.threads)
                b.insert(kernel.StoreSharedOp(b.fill(0.0, frag), vector, row, b.index(0)))

    def _load(self) -> None:
        """The first vector from memory: each block has all of it."""
        layer, frag = self.problem.layers[0], self._lanes

        def some(b: KernelBuilder, channel: Index, _: Sequence[SSAValue]) -> list[SSAValue]:
            self._hand_on(b, 0, None, frag, channel, everywhere=False)
            return []

        if layer.columns > self.threads:
            self.b.loop(0, layer.columns, self.threads, [], some, "channel")
        else:
            some(self.b, 0, [])
        self.b.insert(kernel.BarrierOp())

    def _reduce(self, reduce: Reduce) -> None:
        b, op = self.b, self.problem.reduction
        assert op is not None
        how, dims = Reduction.of(op), nn.shape_of(op.x)
        combine = {"sum": add, "prod": mul, "max": maximum, "min": minimum}[how.kind]
        identity = number_in(how.identity, f32)
        partial = b.emit(kernel.AllocOp(reduce.partial), "partial")
        pixels, zero = b.expr(self.problem.pixels), b.index(0)

        def tile(b: KernelBuilder, channel: Index, _: Sequence[SSAValue]) -> list[SSAValue]:
            def some(b: KernelBuilder, pixel: SSAValue, carried: Sequence[SSAValue]) -> list[SSAValue]:
                terms: list[SSAValue] = []
                for number in range(AHEAD):
                    at = (self.image, b.add(pixel, number * reduce.down), channel)
                    space = Space(b, self.group, dims, self.problem.map_groups, at, reduce.frag)
                    terms.append(self._term(space, op, identity))

                def body(s: Emitter, total: SSAValue, *values: SSAValue) -> list[SSAValue]:
                    for value in values:
                        total = combine(s, total, mul(s, value, value) if how.squares else value)
                    return [total]

                return b.map([*carried, *terms], [reduce.frag], body)

            (parts,) = b.loop(0, pixels, reduce.down * AHEAD, [b.fill(identity, reduce.frag)], some, "pixel")
            b.insert(kernel.StoreSharedOp(parts, partial, zero, zero))
            b.insert(kernel.BarrierOp())
            total = b.reduce(how.kind, b.emit(kernel.LoadSharedOp(partial, zero, zero, reduce.summed, transposed=True)))
            if op.kind.data.value == "mean":
                average = lambda s, a, n: [div(s, a, convert(s, n, a.type))]  # noqa: E731
                (total,) = b.map([total, b.cast(pixels, i32)], [reduce.summed.rows], average)
            self._hand_on(b, 0, total, reduce.summed.rows, channel, everywhere=self.together)
            if reduce.tiles > 1:
                b.insert(kernel.BarrierOp())
            return []

        first = b.mul(self.rank, reduce.share)
        if reduce.tiles > 1:
            b.loop(first, b.add(first, reduce.share), reduce.tile, [], tile, "channel")
        else:
            tile(b, first, [])
        self._meet(b)

    def _term(self, space: Space, op: nn.ReduceOp, identity: float) -> SSAValue:
        """What is reduced, the identity beyond the last pixel."""
        if space.is_loaded(op.x):
            return space.wide(op.x, f32, identity)
        b = space.b

        def body(s: Emitter, x: SSAValue, pixel: SSAValue, extent: SSAValue) -> list[SSAValue]:
            inside = s.emit(arith.CmpiOp(pixel, extent, "slt"))
            return [select(s, inside, x, s.constant(identity, x.type))]

        extent = b.cast(b.expr(self.problem.pixels), i32)
        return b.map([space.wide(op.x, f32), space.row(), extent], [space.frag], body)[0]

    def _multiply(self, number: int, product: Products) -> None:
        b, layer = self.b, product.layer
        last = number + 1 == len(self.products)
        first = b.mul(self.block if last else self.rank, product.share)
        view = b.view_of(layer.access, layer.groups)

        def some(b: KernelBuilder, row: Index, _: Sequence[SSAValue]) -> list[SSAValue]:
            def step(b: KernelBuilder, column: Index, carried: Sequence[SSAValue]) -> list[SSAValue]:
                return [self._partial_sums(b, number, product, view, row, column, carried)]

            if product.padded == product.width:
                (parts,) = step(b, 0, [])
            else:
                start = [b.fill(0.0, product.frag)]
                few = product.padded // product.width <= UNROLLED
                (parts,) = b.loop(0, product.padded, product.width, start, step, "column", unroll=few)
            total = b.reduce("sum", parts)
            if last:
                self._store(b, layer, total, row)
            else:
                self._hand_on(b, number + 1, total, product.frag.rows, row, everywhere=self.together)
            return []

        if product.share > product.down:
            few = product.share // product.down <= UNROLLED
            b.loop(first, b.add(first, product.share), product.down, [], some, "row", unroll=few)
        else:
            some(b, first, [])
        if not last:
            self._meet(b)

    def _partial_sums(
        self,
        b: KernelBuilder,
        number: int,
        product: Products,
        view: SSAValue,
        row: Index,
        column: Index,
        carried: Sequence[SSAValue],
    ) -> SSAValue:
        """The products of a tile of weights, added to what a thread has. Both factors are zero beyond the last column."""
        layer, frag = product.layer, product.frag
        weights = b.load(view, [row, column], frag)
        vector = kernel.LoadSharedOp(
            self.vectors[number], b.index(0), b.index(column), frag.with_element(layer.element), transposed=True
        )

        def body(s: Emitter, w: SSAValue, x: SSAValue, *before: SSAValue) -> list[SSAValue]:
            made = mul(s, convert(s, w, f32), convert(s, x, f32))
            return [add(s, *before, made) if before else made]

        return b.map([weights, b.emit(vector), *carried], [frag], body)[0]

    # What is made of a step's result.

    def _hand_on(
        self, b: KernelBuilder, number: int, made: SSAValue | None, frag: FragType, channel: Index, *, everywhere: bool
    ) -> None:
        """Channels from `channel` on of the vector that layer `number` reads, computed of the result of the step before it."""
        layer = self.problem.layers[number]
        for part in layer.before:
            known = {part.known: made} if part.known is not None and made is not None else {}
            (made,) = self._space(b, part, channel, frag).emit([part.value], known)
        assert made is not None
        kind, zero = self.kinds[number], b.index(0)
        if kind.written > kind.channels:
            made = self._zero_beyond(b, made, channel, kind.channels)
        b.insert(kernel.StoreSharedOp(made, self.vectors[number], b.index(channel), zero, everywhere=everywhere))

    def _zero_beyond(self, b: KernelBuilder, value: SSAValue, first: Index, channels: int) -> SSAValue:
        """A rows fragment of channels from `first` on, zero after the last channel."""
        type_ = value.type
        assert isinstance(type_, FragType)

        def body(s: Emitter, x: SSAValue, channel: SSAValue, extent: SSAValue) -> list[SSAValue]:
            inside = s.emit(arith.CmpiOp(channel, extent, "slt"))
            return [select(s, inside, x, s.constant(0.0, x.type))]

        return b.map([value, b.coord(first, 0, type_), b.scalar(channels, i32)], [type_], body)[0]

    def _space(self, b: KernelBuilder, part: Part, channel: Index, frag: FragType) -> Space:
        dims = nn.shape_of(part.value)
        rank = len(dims)
        return Space(b, self.group, dims, (list(range(rank - 1)), [rank - 1], []), (self.image, channel, 0), frag)

    def _store(self, b: KernelBuilder, layer: Layer, total: SSAValue, row: Index) -> None:
        result = layer.anchor.result
        rows = total.type
        assert isinstance(rows, FragType)
        self._space(b, Part(result, None), row, rows).store_results({result: total})
