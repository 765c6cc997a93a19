"""
The kernel of a chain: its steps one after the other, with the vectors between them in shared memory.

Weights and biases that few registers hold are loaded before the first step, so that one wait for memory serves all steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from xdsl.dialects import arith
from xdsl.dialects.builtin import f32, i32
from xdsl.ir import SSAValue

from .....dialects import kernel, nn
from .....dialects.kernel.layouts import Blocked
from .....dialects.kernel.types import FragType
from .....dialects.strided import Axes
from ...building.builder import Emitter, Index, KernelBuilder, named
from ...building.maps import Leaf, emit_pointwise, leaves_of, table_view
from ...building.pointwise import add, convert, div, maximum, minimum, mul, select
from ...building.space import Space
from ..row.tiles import number_in
from .problem import ChainProblem, Part
from .steps import Products, Reduce, Vector

Loaded = Sequence[dict[Leaf, SSAValue]]
"""What pointwise ops read beside a step's result, by part."""


@dataclass(frozen=True)
class Rows:
    """Rows of the weights from `first` on; `weights` and what follows the product where they are loaded already."""

    first: Index
    weights: Sequence[SSAValue] = ()
    loaded: Loaded = ()


class ChainKernel:
    """Builds the kernel: `blocks` blocks for each image, in clusters of `cluster`."""

    def __init__(
        self,
        problem: ChainProblem,
        blocks: int,
        cluster: int,
        reduce: Reduce | None,
        products: Sequence[Products],
        vectors: Sequence[Vector],
    ):
        self.problem, self.group = problem, problem.group
        self.reduce, self.products, self.kinds = reduce, products, vectors
        self.threads = vectors[0].threads
        b = self.b = KernelBuilder.for_group(
            problem.group, [problem.images * blocks, 1, 1], self.threads // 32, cluster=cluster, min_blocks=2
        )
        self.together = cluster > 1
        self.image = named(b.div(b.coords[0], blocks), "image")
        self.block = named(b.rem(b.coords[0], blocks), "block")
        self.rank = named(b.rem(b.coords[0], cluster), "rank") if self.together else b.index(0)
        self.vectors = [b.emit(kernel.AllocOp(v.type), f"vector{number}") for number, v in enumerate(vectors)]
        self.views = [b.view_of(p.layer.access, p.layer.groups) for p in products]

    def build(self) -> kernel.FuncOp:
        held = [self._held(number, product) for number, product in enumerate(self.products)]
        self._clear()
        if self.reduce is None:
            self._load()
        else:
            self._reduce(self.reduce)
        for number, product in enumerate(self.products):
            self._multiply(number, product, held[number])
        return self.b.finish()

    def _is_last(self, number: int) -> bool:
        return number + 1 == len(self.products)

    def _meet(self, b: KernelBuilder) -> None:
        b.insert(kernel.ClusterBarrierOp() if self.together else kernel.BarrierOp())

    @property
    def _lanes(self) -> FragType:
        """A row for each thread."""
        return FragType.of((self.threads, 1), f32, Blocked.of(self.threads, 1, 1, 1)).rows

    # What makes the first vector.

    def _clear(self) -> None:
        """Zeros where tiles of a product read beyond a vector, visible once the vector is."""
        b = self.b
        for kind, vector in zip(self.kinds, self.vectors, strict=True):
            frag = self._lanes.with_element(kind.element)
            for number in range(kind.zeros):
                row = b.index(kind.written + number * self.threads)
                b.insert(kernel.StoreSharedOp(b.fill(0.0, frag), vector, row, b.index(0)))

    def _load(self) -> None:
        """From memory: each block has all of it."""
        layer = self.problem.layers[0]

        def some(b: KernelBuilder, channel: Index, _: Sequence[SSAValue]) -> list[SSAValue]:
            self._hand_on(b, 0, None, self._lanes, channel, everywhere=False)
            return []

        if layer.columns > self.threads:
            self.b.loop(0, layer.columns, self.threads, [], some, "channel")
        else:
            some(self.b, 0, [])
        # A block's shared memory is there for the others of its cluster once it has begun.
        self._meet(self.b)

    def _reduce(self, reduce: Reduce) -> None:
        b, cluster = self.b, reduce.channel_blocks
        partial_results = b.emit(kernel.AllocOp(reduce.partial), "partial")
        gathered = None
        if reduce.pixel_blocks > 1:
            gathered, zeros = b.emit(kernel.AllocOp(reduce.gathered), "gathered"), b.fill(0.0, reduce.parts)
            for row in range(reduce.channels, reduce.gathered.extents[0], reduce.parts.extents[0]):
                b.insert(kernel.StoreSharedOp(zeros, gathered, b.index(row), b.index(0)))
        first = b.mul(b.rem(self.rank, cluster), reduce.share)
        # A block's shared memory is there for the others of its cluster once it has begun.
        begins = self.together and reduce.tiles == 1
        if self.together and not begins:
            self._meet(b)

        def tile(b: KernelBuilder, channel: Index, _: Sequence[SSAValue]) -> list[SSAValue]:
            parts, zero = self._over_pixels(b, reduce, channel), b.index(0)
            b.insert(kernel.StoreSharedOp(parts, partial_results, zero, zero))
            b.insert(kernel.ClusterBarrierOp() if begins else kernel.BarrierOp())
            load = kernel.LoadSharedOp(partial_results, zero, zero, reduce.summed, transposed=True)
            total = b.reduce(reduce.how.kind, b.emit(load))
            if gathered is None:
                self._finish_reduction(b, total, reduce.summed.rows, channel, everywhere=self.together)
            else:
                place = b.div(self.rank, cluster)
                b.insert(kernel.StoreSharedOp(total, gathered, b.index(channel), place, everywhere=True))
            if reduce.tiles > 1:
                b.insert(kernel.BarrierOp())
            return []

        if reduce.tiles > 1:
            b.loop(0, reduce.share, reduce.tile, [], lambda b, at, _: tile(b, b.add(first, at), []), "channel")
        else:
            tile(b, first, [])
        if self.together or reduce.tiles == 1:  # the block has met after the last of several tiles
            self._meet(b)
        if gathered is not None:
            self._gather(reduce, gathered)

    def _gather(self, reduce: Reduce, gathered: SSAValue) -> None:
        """Each block combines what the blocks of its cluster made of their pixels, of all channels."""

        def some(b: KernelBuilder, channel: Index, _: Sequence[SSAValue]) -> list[SSAValue]:
            load = kernel.LoadSharedOp(gathered, b.index(channel), b.index(0), reduce.parts)
            total = b.reduce(reduce.how.kind, b.emit(load))
            self._finish_reduction(b, total, reduce.parts.rows, channel, everywhere=False)
            return []

        step = reduce.parts.extents[0]
        if reduce.written > step:
            self.b.loop(0, reduce.written, step, [], some, "channel")
        else:
            some(self.b, 0, [])
        self.b.insert(kernel.BarrierOp())

    def _over_pixels(self, b: KernelBuilder, reduce: Reduce, channel: Index) -> SSAValue:
        """What each thread makes of its pixels."""
        how, frag = reduce.how, reduce.frag
        combine = {"sum": add, "prod": mul, "max": maximum, "min": minimum}[how.kind]
        identity = number_in(how.identity, f32)
        # The blocks of a cluster take as many rounds each: those of the last one may find nothing.
        span = b.expr(reduce.span if reduce.pixel_blocks > 1 else self.problem.pixels)
        first = b.mul(b.div(self.rank, reduce.channel_blocks), span) if reduce.pixel_blocks > 1 else b.index(0)

        def some(b: KernelBuilder, pixel: Index, carried: Sequence[SSAValue]) -> list[SSAValue]:
            terms = [
                self._term(b, reduce, (self.image, b.add(b.add(first, pixel), number * reduce.down), channel), identity)
                for number in range(reduce.ahead)
            ]

            def body(s: Emitter, total: SSAValue, *values: SSAValue) -> list[SSAValue]:
                for value in values:
                    total = combine(s, total, mul(s, value, value) if how.squares else value)
                return [total]

            return b.map([*carried, *terms], [frag], body)

        return b.loop(0, span, reduce.down * reduce.ahead, [b.fill(identity, frag)], some, "pixel")[0]

    def _term(self, b: KernelBuilder, reduce: Reduce, at: tuple[Index, ...], identity: float) -> SSAValue:
        """What is reduced, the identity beyond the last pixel."""
        op = reduce.op
        space = Space(b, self.group, nn.shape_of(op.x), self.problem.map_groups, at, reduce.frag)
        if space.is_loaded(op.x):
            return space.wide(op.x, f32, identity)

        def body(s: Emitter, x: SSAValue, pixel: SSAValue, extent: SSAValue) -> list[SSAValue]:
            inside = s.emit(arith.CmpiOp(pixel, extent, "slt"))
            return [select(s, inside, x, s.constant(identity, x.type))]

        extent = b.cast(b.expr(self.problem.pixels), i32)
        return b.map([space.wide(op.x, f32), space.row(), extent], [space.frag], body)[0]

    def _finish_reduction(
        self, b: KernelBuilder, total: SSAValue, frag: FragType, channel: Index, *, everywhere: bool
    ) -> None:
        assert self.reduce is not None
        if self.reduce.op.kind.data.value == "mean":
            average = lambda s, a, n: [div(s, a, convert(s, n, a.type))]  # noqa: E731
            (total,) = b.map([total, b.cast(b.expr(self.problem.pixels), i32)], [frag], average)
        self._hand_on(b, 0, total, frag, channel, everywhere=everywhere)

    # Products.

    def _first_row(self, number: int, product: Products) -> SSAValue:
        return self.b.mul(self.block if self._is_last(number) else self.rank, product.share)

    def _held(self, number: int, product: Products) -> list[Rows]:
        """All that a product reads from memory, loaded; nothing where it is too much."""
        b = self.b
        if not product.is_held:
            return []
        first, held = self._first_row(number, product), list[Rows]()
        for tile in range(product.row_tiles):
            row = b.add(first, tile * product.down)
            columns = range(0, product.padded, product.width)
            weights = [b.load(self.views[number], [row, column], product.frag) for column in columns]
            held.append(Rows(row, weights, self._loads(b, number, product.frag.rows, row)))
        return held

    def _multiply(self, number: int, product: Products, held: Sequence[Rows]) -> None:
        b = self.b
        for rows in held:
            self._multiply_rows(b, number, product, rows)
        if not held:
            first = self._first_row(number, product)

            def some(b: KernelBuilder, row: Index, _: Sequence[SSAValue]) -> list[SSAValue]:
                self._multiply_rows(b, number, product, Rows(row))
                return []

            if product.row_tiles > 1:
                b.loop(0, product.share, product.down, [], lambda b, at, _: some(b, b.add(first, at), []), "row")
            else:
                some(b, first, [])
        if not self._is_last(number):
            self._meet(b)

    def _multiply_rows(self, b: KernelBuilder, number: int, product: Products, rows: Rows) -> None:
        def step(b: KernelBuilder, column: Index, carried: Sequence[SSAValue]) -> list[SSAValue]:
            weights = b.load(self.views[number], [rows.first, column], product.frag)
            return [self._products(b, number, weights, column, carried)]

        if rows.weights:
            sums = list[SSAValue]()
            for tile, weights in enumerate(rows.weights):
                sums = [self._products(b, number, weights, tile * product.width, sums)]
        elif product.padded == product.width:
            sums = step(b, 0, [])
        else:
            sums = b.loop(0, product.padded, product.width, [b.fill(0.0, product.frag)], step, "column")
        total, frag = b.reduce("sum", sums[0]), product.frag.rows
        if self._is_last(number):
            parts = self._parts(number + 1)
            made = self._apply(b, parts, total, frag, rows.first, rows.loaded)
            space = self._space(b, parts[-1], frag, rows.first)
            for result, value in enumerate(made):
                space.store(result, value)
        else:
            self._hand_on(b, number + 1, total, frag, rows.first, everywhere=self.together, loaded=rows.loaded)

    def _products(
        self, b: KernelBuilder, number: int, weights: SSAValue, column: Index, sums: Sequence[SSAValue]
    ) -> SSAValue:
        """The products of a tile of weights, added to what a thread has. Both factors are zero beyond the last column."""
        frag, element = self.products[number].frag, self.products[number].layer.element
        load = kernel.LoadSharedOp(
            self.vectors[number], b.index(0), b.index(column), frag.with_element(element), transposed=True
        )

        def body(s: Emitter, w: SSAValue, x: SSAValue, *before: SSAValue) -> list[SSAValue]:
            made = mul(s, convert(s, w, f32), convert(s, x, f32))
            return [add(s, before[0], made) if before else made]

        return b.map([weights, b.emit(load), *sums], [frag], body)[0]

    # What is made of a step's result.

    def _parts(self, number: int) -> Sequence[Part]:
        """What makes the vector of a layer, or after the last one the results."""
        if number < len(self.problem.layers):
            return self.problem.layers[number].before
        return [Part(self.group.results, (self.problem.last.result,))]

    def _hand_on(
        self,
        b: KernelBuilder,
        number: int,
        made: SSAValue | None,
        frag: FragType,
        channel: Index,
        *,
        everywhere: bool,
        loaded: Loaded = (),
    ) -> None:
        """Channels from `channel` on of the vector that layer `number` reads, computed of the result of the step before it."""
        (value,) = self._apply(b, self._parts(number), made, frag, channel, loaded)
        kind, zero = self.kinds[number], b.index(0)
        if kind.written > kind.channels:
            value = self._zero_beyond(b, value, channel, kind.channels)
        b.insert(kernel.StoreSharedOp(value, self.vectors[number], b.index(channel), zero, everywhere=everywhere))

    def _zero_beyond(self, b: KernelBuilder, value: SSAValue, first: Index, channels: int) -> SSAValue:
        """A rows fragment of channels from `first` on, zero after the last channel."""
        type_ = value.type
        assert isinstance(type_, FragType)

        def body(s: Emitter, x: SSAValue, channel: SSAValue, extent: SSAValue) -> list[SSAValue]:
            inside = s.emit(arith.CmpiOp(channel, extent, "slt"))
            return [select(s, inside, x, s.constant(0.0, x.type))]

        return b.map([value, b.coord(first, 0, type_), b.scalar(channels, i32)], [type_], body)[0]

    def _loads(self, b: KernelBuilder, number: int, frag: FragType, channel: Index) -> Loaded:
        """What the pointwise ops after product `number` read from memory."""
        found: list[dict[Leaf, SSAValue]] = []
        for part in self._parts(number + 1):
            space = self._space(b, part, frag, channel)
            leaves = leaves_of(
                [(v, space.axes(v)) for v in part.values], dict.fromkeys(part.known, part.values[0]), self.group.maker
            )
            found.append({leaf: space.load(*leaf) for leaf in leaves if leaf[0] not in part.known})
        return found

    def _apply(
        self,
        b: KernelBuilder,
        parts: Sequence[Part],
        made: SSAValue | None,
        frag: FragType,
        channel: Index,
        loaded: Loaded,
    ) -> list[SSAValue]:
        """The values of the last part, in their types, given a step's result."""
        values = [] if made is None else [made]
        for number, part in enumerate(parts):
            space = self._space(b, part, frag, channel)
            there = loaded[number] if loaded else {}

            def load(
                value: SSAValue, axes: Axes, space: Space = space, there: dict[Leaf, SSAValue] = there
            ) -> SSAValue:
                return there[value, axes] if there else space.load(value, axes)

            wanted = [(value, space.axes(value)) for value in part.values]
            known = dict(zip(part.known, values, strict=True))
            values = emit_pointwise(b, wanted, frag, load, known=known, table=partial(table_view, b, self.group))
        return values

    def _space(self, b: KernelBuilder, part: Part, frag: FragType, channel: Index) -> Space:
        dims = nn.shape_of(part.values[0])
        rank = len(dims)
        return Space(b, self.group, dims, (list(range(rank - 1)), [rank - 1], []), (self.image, channel, 0), frag)
