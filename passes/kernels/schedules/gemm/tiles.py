"""
Tile shapes of the GEMM schedules and the model that ranks them.

The model counts cycles of one SM: a block's step over `bk` costs the largest of tensor-core time, the time its operands take from L2 and
the instructions that copies of under 16 bytes add, and no less than a latency that only more resident blocks hide; blocks run in waves.
It is meant to order a dozen tiles, not to predict.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import ceil

# Multiply-adds per cycle and SM that mma.sync reaches on sm_80 to sm_90 (about 63% of Hopper's peak, arXiv 2501.12084); FMA units: 128.
RATE = {"f16": 1300.0, "bf16": 1300.0, "tf32": 600.0, "s8": 2600.0, "fma": 100.0}
ELEMENT_BYTES = {"f16": 2, "bf16": 2, "tf32": 4, "s8": 1, "fma": 4}
L2_BYTES_PER_CYCLE = 48.0
STEP_LATENCY = 450.0
COPY_INSTRUCTIONS = 40.0
"""Of one thread for one piece of an operand: address, bounds, copy and its share of memory transactions, fitted to a 7 x 7 conv of three
channels on an H100. Those of 16-byte pieces hide behind L2_BYTES_PER_CYCLE."""
INSTRUCTIONS_PER_CYCLE = 128.0
"""Of single threads, an SM."""
BLOCK_OVERHEAD = 2500.0
REGISTERS_PER_SM = 65536
MAX_THREADS_PER_SM = 2048
BLOCK_RESERVED_SMEM = 1024
SCRATCH_PAD = 4
"""f32 elements after each row of a staged epilogue's tile, against bank conflicts."""


@dataclass(frozen=True)
class Tile:
    """Block tile bm x bn, warps wm x wn, reduction step bk (elements), ring stages; `staged`: the epilogue goes through shared memory."""

    bm: int
    bn: int
    bk: int
    wm: int
    wn: int
    stages: int
    staged: int = 0

    @property
    def threads(self) -> int:
        return 32 * self.wm * self.wn

    def smem(self, element_bytes: int, pad: int = 0) -> int:
        """Bytes of the ring, and of the f32 tile that a staged epilogue needs."""
        ring = self.stages * (self.bm + self.bn) * (self.bk + pad) * element_bytes
        return ring + (self.bm * (self.bn + SCRATCH_PAD) * 4 if self.staged else 0)

    def registers(self) -> int:
        """A guess at registers per thread: accumulators, one step's fragments, addresses."""
        per_thread = self.bm * self.bn // self.threads
        fragments = (self.bm // self.wm + self.bn // self.wn) // 2
        return min(255, per_thread + fragments + 48)

    def tunables(self) -> dict[str, int | str]:
        return {
            "bm": self.bm, "bn": self.bn, "bk": self.bk, "wm": self.wm, "wn": self.wn, "stages": self.stages, "staged": self.staged,
        }  # fmt: skip


# (bm, bn, wm, wn): warps of 64 x 32 to 32 x 16, so that a fragment is used several times once loaded.
MMA_SHAPES = (
    (128, 256, 2, 4), (256, 128, 4, 2), (128, 128, 2, 2), (128, 128, 2, 4), (128, 64, 2, 2), (64, 128, 2, 2), (64, 64, 2, 2),
    (128, 32, 4, 1), (64, 32, 2, 2), (32, 64, 2, 2), (32, 32, 2, 2), (16, 64, 1, 4), (16, 128, 1, 4), (64, 16, 4, 1),
    (32, 16, 2, 1), (16, 32, 1, 4),
)  # fmt: skip
FMA_SHAPES = (
    (128, 64, 4, 2),
    (64, 64, 2, 2),
    (64, 32, 2, 2),
    (32, 64, 2, 2),
    (32, 32, 2, 2),
    (16, 64, 2, 2),
    (16, 32, 2, 2),
    (64, 16, 2, 2),
)


def tiles(kind: str, k: int) -> Iterable[Tile]:
    """All tiles for an operand kind (a key of RATE) and a reduction of k."""
    element = ELEMENT_BYTES[kind]
    if kind == "fma":
        for bm, bn, wm, wn in FMA_SHAPES:
            yield Tile(bm, bn, 16, wm, wn, 3)
        return
    # Rows of 128 bytes fill a 128-byte swizzle, 64 halve the waste of a short reduction.
    for row_bytes in (128, 64):
        bk = row_bytes // element
        if row_bytes == 128 and k <= bk // 2:
            continue
        for bm, bn, wm, wn in MMA_SHAPES:
            for stages in (3, 4):
                yield Tile(bm, bn, bk, wm, wn, stages)


Pieces = tuple[int, int]
"""Elements of A and of B that one copy moves."""


def widest_pieces(kind: str) -> Pieces:
    """Copies of 16 bytes."""
    return 16 // ELEMENT_BYTES[kind], 16 // ELEMENT_BYTES[kind]


def cycles(
    tile: Tile, kind: str, m: int, n: int, k: int, batch: int, sms: int, smem: int, pieces: Pieces | None = None
) -> float:
    """Estimated cycles of the launch; infinity where the tile does not fit. `pieces`: by default the widest."""
    element, widest = ELEMENT_BYTES[kind], widest_pieces(kind)
    need = tile.smem(element, 4 if kind == "fma" else 0) + BLOCK_RESERVED_SMEM
    if need > smem:
        return float("inf")
    resident = min(
        (smem + BLOCK_RESERVED_SMEM) // need,
        REGISTERS_PER_SM // (tile.registers() * tile.threads),
        MAX_THREADS_PER_SM // tile.threads,
    )
    if resident < 1:
        return float("inf")
    blocks = max(1, ceil(m / tile.bm) * ceil(n / tile.bn) * batch)  # none where the result is empty
    steps = ceil(k / tile.bk)
    # Fewer than eight warps on an SM do not keep its tensor cores busy.
    together = min(resident, ceil(blocks / sms))
    busy = min(1.0, tile.wm * tile.wn * together / 8)
    compute = tile.bm * tile.bn * tile.bk / (RATE[kind] * busy)
    loads = (tile.bm + tile.bn) * tile.bk * element / L2_BYTES_PER_CYCLE
    a_more, b_more = (1 / piece - 1 / wide for piece, wide in zip(pieces or widest, widest, strict=True))
    copies = (tile.bm * a_more + tile.bn * b_more) * tile.bk * COPY_INSTRUCTIONS / (INSTRUCTIONS_PER_CYCLE * busy)
    step = max(together * max(compute, loads, copies), STEP_LATENCY * 3 / (tile.stages))
    epilogue = tile.bm * tile.bn * (0.10 if tile.staged else 0.15) * together
    waves = ceil(blocks / (sms * together))
    return waves * (steps * step + epilogue + BLOCK_OVERHEAD)


def rank(
    kind: str,
    m: int,
    n: int,
    k: int,
    batch: int,
    sms: int,
    smem: int,
    limit: int = 8,
    *,
    pieces: Pieces | None = None,
) -> list[Tile]:
    """The best tiles first, at most `limit`. Sizes are those of the profile's optimum; those of an empty product count as 1."""
    m, n, k, batch = (max(size, 1) for size in (m, n, k, batch))
    scored = [(cycles(t, kind, m, n, k, batch, sms, smem, pieces), t) for t in tiles(kind, k)]
    fitting = sorted((c for c in scored if c[0] != float("inf")), key=lambda c: c[0])
    return [_staged(t, kind, n, smem) for _, t in fitting[:limit]]


def _staged(tile: Tile, kind: str, n: int, smem: int) -> Tile:
    """The tile with a staged epilogue where whole 16-byte stores result and it fits."""
    staged = replace(tile, staged=1)
    if kind == "fma" or n % 8 or tile.bn < 32 or staged.smem(ELEMENT_BYTES[kind]) + BLOCK_RESERVED_SMEM > smem:
        return tile
    return staged
