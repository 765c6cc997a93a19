"""
Schedule `gemv_chain`: a reduction over the pixels of an image, then one or two products of its vector with weights, in one launch.

That is squeeze-and-excitation (global average pool, two 1x1 convs), and the pool and classifier at the end of a network. A step's vector
lies in shared memory, whole, for the product that reads it. `blocks` blocks work on an image, in clusters of `cluster`: those of a cluster
share the channels of each step but the last, write them into one another's shared memory, and meet; all blocks share the channels of the
last step. So a cluster computes what comes before the last step for itself, and so does a block alone, on GPUs without clusters.

The reduction: threads hold neighbouring channels, 16 bytes, of some of the pixels, and these partial results meet in shared memory. A
product: lanes share a row of the weights, [N, K], and sum over shuffles. Sums are f32; a vector is stored as what the product multiplies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from .....dialects import kernel
from .....dialects.kernel.types import Choice, Target, bitwidth
from ...building.group import Anchors, GroupView
from ...building.schedule import Refusal, choice_of
from ...building.work import ACCESS_INSTRUCTIONS, ISSUE, Work, arithmetic, cut, usual_bytes
from ...cost.price import RESERVED_SMEM
from .kernel import ChainKernel
from .problem import GROUPS, ChainProblem, problem_of
from .steps import Products, Reduce, Vector

NAME = "gemv_chain"
THREADS = 256
LARGEST_CLUSTER = 8
"""Blocks of a cluster that every GPU with clusters can place."""
MOST_BLOCKS = 128
"""Blocks of an image."""
MEETING = {False: 0.5, True: 1.8}
"""Waits (`Gpu.wait`) from the last write of a vector to its first read, in a block and across a cluster (as of `rnn_resident`)."""
LOAD_WAITS = 1.0
"""Waits of the first loads: of the vector, where no reduction makes it."""
REMOTE_STORE = 24.0
"""Instructions that a store to another block of a cluster counts as."""


@dataclass(frozen=True)
class ChainTile:
    """`blocks` blocks for each image, in clusters."""

    cluster: int
    blocks: int
    threads: int

    @classmethod
    def of(cls, choice: Choice) -> ChainTile:
        return cls(*(int(choice.values[key]) for key in ("cluster", "blocks", "threads")))

    def reduce(self, problem: ChainProblem) -> Reduce | None:
        return None if problem.reduction is None else Reduce.of(problem, self.cluster, self.threads)

    def products(self, problem: ChainProblem) -> list[Products]:
        """Of each layer: the blocks of a cluster share the rows of all but the last."""
        last = len(problem.layers) - 1
        return [
            Products.of(layer, self.blocks if number == last else self.cluster, self.threads)
            for number, layer in enumerate(problem.layers)
        ]

    def vectors(self, problem: ChainProblem) -> list[Vector]:
        """What each layer reads: its channels, what the step before writes, and what the tiles of the product read beyond these."""
        reduce, products = self.reduce(problem), self.products(problem)
        read = cut(problem.layers[0].columns, self.threads) * self.threads
        written = [read if reduce is None else reduce.written]
        written += [p.share * self.cluster for p in products[:-1]]
        return [
            Vector(p.layer.element, p.layer.columns, size, p.padded, self.threads)
            for size, p in zip(written, products, strict=True)
        ]

    def smem(self, problem: ChainProblem) -> int:
        """Bytes of the vectors and of the partial results of the reduction."""
        reduce = self.reduce(problem)
        return sum(v.bytes for v in self.vectors(problem)) + (0 if reduce is None else reduce.smem)


@dataclass(frozen=True)
class GemvChain:
    """The schedule; see the module."""

    name: str = NAME
    anchors: Sequence[Anchors] = GROUPS

    def match(self, view: GroupView, target: Target) -> ChainProblem | Refusal:
        problem = problem_of(view)
        if isinstance(problem, Refusal):
            return problem
        if not self._tiles(problem, target):
            why = f"expected vectors that fit {target.smem.data} bytes of shared memory, got {problem.layers[0].columns} channels"
            return Refusal(why, problem.last)
        return problem

    def _tiles(self, problem: ChainProblem, target: Target) -> list[ChainTile]:
        clusters = [c for c in (8, 4, 2, 1) if c == 1 or target.capability >= 90]
        found: list[ChainTile] = []
        for cluster in clusters:
            blocks = cluster
            while blocks <= MOST_BLOCKS:
                tile = ChainTile(cluster, blocks, THREADS)
                # A cluster that has no rows of the last step has nothing to do.
                if blocks > cluster and tile.products(problem)[-1].share * (blocks - 1) >= problem.layers[-1].rows:
                    break
                if tile.smem(problem) + RESERVED_SMEM <= target.smem.data:
                    found.append(tile)
                blocks *= 2
        return found

    def configs(self, problem: ChainProblem, target: Target) -> list[Choice]:
        return [choice_of(self, problem, asdict(tile)) for tile in self._tiles(problem, target)]

    def work(self, problem: ChainProblem, config: Choice, target: Target) -> list[Work]:
        """One step, whose waits are those of all steps of the chain."""
        group, tile = problem.group, ChainTile.of(config)
        reduce, products = tile.reduce(problem), tile.products(problem)
        stores = REMOTE_STORE * tile.cluster if tile.cluster > 1 else 1.0
        moved = instructions = waits = 0.0
        if reduce is None:
            waits += LOAD_WAITS + MEETING[False]
        else:
            pixels = max(1, group.usual(problem.pixels))
            moved += reduce.bytes(pixels)
            instructions += reduce.instructions(pixels) + reduce.share * stores
            waits += reduce.waits(pixels) + MEETING[tile.cluster > 1]
        for number, (layer, product) in enumerate(zip(problem.layers, products, strict=True)):
            moved += product.share * layer.columns * bitwidth(layer.element) / 8
            instructions += product.instructions
            waits += product.waits
            if number + 1 < len(products):
                instructions += product.share * stores
                waits += MEETING[tile.cluster > 1]
        instructions += products[-1].share * arithmetic(group.ops)
        return [
            Work(
                blocks=max(1, group.usual(problem.images)) * tile.blocks,
                threads=tile.threads,
                registers=64,
                smem=tile.smem(problem),
                latency=waits,
                operations={ISSUE: instructions + ACCESS_INSTRUCTIONS * tile.threads},
                l2_bytes=moved,
                dram_bytes=sum(usual_bytes(group)),
            )
        ]

    def lower(self, problem: ChainProblem, config: Choice, target: Target) -> list[kernel.FuncOp]:
        tile = ChainTile.of(config)
        made = ChainKernel(
            problem,
            tile.blocks,
            tile.cluster,
            tile.reduce(problem),
            tile.products(problem),
            tile.vectors(problem),
        )
        return [made.build()]


SCHEDULE = GemvChain()
