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
from .steps import Products, Reduce, Vector, threads_of

NAME = "gemv_chain"
CLUSTERS = (8, 4, 1)
"""Blocks of a cluster; every GPU with clusters can place 8."""
MOST_BLOCKS = 128
"""Blocks of an image, at most."""
LEAST_ROWS = 4
"""Channels of the last step that a block of many has, at least."""
MEETING = {False: 0.5, True: 1.8}
"""Waits (`Gpu.wait`) from the last write of a vector to its first read, in a block and across a cluster (as of `rnn_resident`)."""
REGISTERS = 96
"""Per thread, an estimate."""
REMOTE_STORE = 24.0
"""Instructions that a store to another block of a cluster counts as."""


@dataclass(frozen=True)
class ChainTile:
    """`blocks` blocks for each image, in clusters, of whose blocks `pixel_blocks` share the pixels of a channel."""

    cluster: int
    blocks: int
    pixel_blocks: int
    threads: int

    @classmethod
    def of(cls, choice: Choice) -> ChainTile:
        return cls(*(int(choice.values[key]) for key in ("cluster", "blocks", "pixel_blocks", "threads")))

    def reduce(self, problem: ChainProblem) -> Reduce | None:
        if problem.reduction is None:
            return None
        return Reduce.of(problem, self.cluster // self.pixel_blocks, self.pixel_blocks, self.threads)

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
        if ChainTile(1, 1, 1, threads_of(problem, 1)).smem(problem) + RESERVED_SMEM > target.smem.data:
            why = f"expected vectors that fit {target.smem.data} bytes of shared memory, got {problem.layers[0].columns} channels"
            return Refusal(why, problem.last)
        return problem

    def _tiles(self, problem: ChainProblem, target: Target) -> list[ChainTile]:
        found: list[ChainTile] = []
        for cluster in CLUSTERS if target.capability >= 90 else (1,):
            for blocks in (cluster, 4 * cluster, 16 * cluster, 64 * cluster):
                rows = cut(problem.layers[-1].rows, blocks)
                # More blocks would have next to nothing to do.
                if blocks > MOST_BLOCKS or (blocks > cluster and rows < LEAST_ROWS):
                    break
                for by in _powers_of_two(cluster, problem):
                    found.append(ChainTile(cluster, blocks, by, threads_of(problem, cluster // by)))
        return [tile for tile in found if tile.smem(problem) + RESERVED_SMEM <= target.smem.data]

    def configs(self, problem: ChainProblem, target: Target) -> list[Choice]:
        return [choice_of(self, problem, asdict(tile)) for tile in self._tiles(problem, target)]

    def work(self, problem: ChainProblem, config: Choice, target: Target) -> list[Work]:
        """Steps are the rounds of loads of the reduction, whose bytes overlap with their waits; the other waits are one after the other."""
        group, tile = problem.group, ChainTile.of(config)
        reduce, products = tile.reduce(problem), tile.products(problem)
        together = tile.cluster > 1
        stores = REMOTE_STORE * tile.cluster if together else 1.0
        moved = sum(p.share * p.layer.columns * bitwidth(p.layer.element) / 8 for p in products)
        instructions = sum(p.instructions for p in products) + products[-1].share * arithmetic(group.ops)
        handed = sum(p.share for p in products[:-1])
        waits = sum(p.waits for p in products) + MEETING[together] * len(products)
        rounds = 1
        if reduce is not None:
            pixels = max(1, group.usual(problem.pixels))
            rounds = reduce.rounds(pixels)
            moved += reduce.bytes(pixels)
            instructions += reduce.instructions(pixels)
            handed += reduce.share
            waits += reduce.waits
        return [
            Work(
                blocks=max(1, group.usual(problem.images)) * tile.blocks,
                threads=tile.threads,
                registers=REGISTERS,
                smem=tile.smem(problem),
                steps=rounds,
                operations={ISSUE: (instructions + handed * stores + ACCESS_INSTRUCTIONS * tile.threads) / rounds},
                l2_bytes=moved / rounds,
                dram_bytes=sum(usual_bytes(group)),
                start=waits,
                refill=waits,
                whole_waves=True,
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


def _powers_of_two(cluster: int, problem: ChainProblem) -> list[int]:
    """How many blocks of a cluster may share the pixels."""
    if problem.reduction is None:
        return [1]
    return [1 << power for power in range(cluster.bit_length())]


SCHEDULE = GemvChain()
