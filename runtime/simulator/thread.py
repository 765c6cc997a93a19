"""
The adversarial simulator: executes a `kernel.func` of thread ops, vectorised over the threads of a strand, and checks the rules of
docs/reference/kernel-semantics.md at every access. Blocks run one after the other, those of a cluster together; the order in which roles
run and asynchronous copies land comes from the seed.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from math import prod

import numpy as np
from xdsl.dialects.builtin import MemRefType

from ...dialects import kernel
from ...dialects.errors import SimulationError
from ...dialects.kernel.scalars.numerics import dtype_of
from ...dialects.kernel.types import GlobalType
from .clocks import Clocks
from .memory import TMA, ShadowedTensor
from .steps import decode
from .strands import BlockState, Cluster, Code, Strand

Coords = tuple[int, int, int]


def run_kernel_threads(
    func: kernel.FuncOp,
    arrays: Sequence[np.ndarray],
    symbols: Mapping[str, int],
    *,
    blocks: Sequence[Sequence[int]] | None = None,
    seed: int = 0,
    early: Collection[int] | None = None,
) -> None:
    """
    Executes the blocks with these coordinates (None: the whole grid; a cluster runs whole) on flat arrays, one per tensor, written in
    place. `symbols` binds the dim symbols; `early` as in `run_kernel`. Raises SimulationError naming the rule, the op and its location.
    """
    grid = tuple(extent.evaluate(symbols) for extent in func.grid.exprs)
    tensors = _tensors(func, arrays)
    with np.errstate(all="ignore"):
        code = decode(func.body.block)
        granule = _granule(func)
        clusters = list(_clusters(func, grid, blocks))
        order = random.Random(seed)
        order.shuffle(clusters)
        for first in clusters:
            _run_cluster(func, code, tensors, dict(symbols), grid, first, granule, order.randrange(2**31), early)


def _tensors(func: kernel.FuncOp, arrays: Sequence[np.ndarray]) -> dict[object, ShadowedTensor]:
    where = f"kernel @{func.sym_name.data}"
    if len(arrays) != len(func.tensors):
        raise SimulationError(f"{where}: expected {len(func.tensors)} arrays, one per tensor, got {len(arrays)}")
    tensors: dict[object, ShadowedTensor] = {}
    updated = _updated(func)
    for i, (value, array) in enumerate(zip(func.tensors, arrays, strict=True)):
        type_ = value.type
        assert isinstance(type_, GlobalType)
        dtype = dtype_of(type_.element_type)
        if array.dtype != dtype or array.ndim != 1:
            raise SimulationError(
                f"{where}, tensor {i}: expected a flat array of {dtype}, got {array.dtype} with {array.ndim} axes"
            )
        tensors[value] = ShadowedTensor(array, type_.align.data, value.name_hint or str(i), updated=value in updated)
    return tensors


def _updated(func: kernel.FuncOp) -> set[object]:
    """The tensors that a kernel reads and writes."""
    read: set[object] = set()
    written: set[object] = set()
    for op in func.walk():
        if isinstance(op, kernel.StGlobalOp):
            written.add(op.target)
        elif isinstance(op, kernel.LdGlobalOp | kernel.CpAsyncOp):
            read.add(op.source)
    return read & written


def _meets(func: kernel.FuncOp) -> bool:
    """Whether blocks of the whole grid wait for each other: they run together."""
    return any(isinstance(op, kernel.GridSyncOp) for op in func.walk())


def _granule(func: kernel.FuncOp) -> int:
    """Bytes of the smallest element that the kernel keeps in shared memory, at most 4."""
    sizes = [4]
    for op in func.walk():
        if isinstance(op, kernel.SmemOp):
            assert isinstance(op.result.type, MemRefType)
            sizes.append(dtype_of(op.result.type.element_type).itemsize)
        elif isinstance(op, kernel.TensorMapOp):
            sizes.append(dtype_of(op.result.type.element_type).itemsize)  # pyright: ignore[reportAttributeAccessIssue]
    return min(sizes)


def _clusters(func: kernel.FuncOp, grid: Sequence[int], blocks: Sequence[Sequence[int]] | None) -> Iterator[Coords]:
    """The coordinates of the first block of each cluster to run."""
    size = func.cluster.value.data
    if _meets(func):
        if size > 1:
            raise SimulationError(f"kernel @{func.sym_name.data}: expected a grid barrier or clusters, got both")
        yield (0, 0, 0)
        return
    if grid[0] % size:
        raise SimulationError(
            f"kernel @{func.sym_name.data}: expected a grid that its clusters of {size} divide, got {grid[0]} blocks along x"
        )
    if blocks is None:
        blocks = [(x, y, z) for z in range(grid[2]) for y in range(grid[1]) for x in range(grid[0])]
    firsts: dict[Coords, None] = {}
    for x, y, z in blocks:
        if not (0 <= x < grid[0] and 0 <= y < grid[1] and 0 <= z < grid[2]):
            raise SimulationError(f"kernel @{func.sym_name.data}: block {(x, y, z)} is not in the grid {tuple(grid)}")
        firsts[x - x % size, y, z] = None
    yield from firsts


def _run_cluster(
    func: kernel.FuncOp,
    code: Code,
    tensors: dict[object, ShadowedTensor],
    symbols: dict[str, int],
    grid: Sequence[int],
    first: Coords,
    granule: int,
    seed: int,
    early: Collection[int] | None,
) -> None:
    threads = func.threads
    size = prod(grid) if _meets(func) else func.cluster.value.data
    cluster = Cluster(Clocks(size * threads // 32), tensors, symbols, random.Random(seed), np.random.default_rng(seed))  # type: ignore[arg-type]
    for rank in range(size):
        x, y, z = _beside(first, rank, grid)
        number = (z * grid[1] + y) * grid[0] + x
        block = BlockState(cluster, rank, (x, y, z), number, threads, func.smem.value.data, granule)
        cluster.blocks.append(block)
        strand = Strand(block, np.arange(threads))
        strand.env.update(zip(func.coords, (np.int64(x), np.int64(y), np.int64(z)), strict=True))
        cluster.spawn(strand.execute(code), strand)
    cluster.early = early
    cluster.run()
    for block in cluster.blocks:
        _check_ended(func, block)


def _beside(first: Coords, rank: int, grid: Sequence[int]) -> Coords:
    """The coordinates of a block that runs together with the first: the next along x, then y, then z."""
    x = first[0] + rank
    y = first[1] + x // grid[0]
    return x % grid[0], y % grid[1], first[2] + y // grid[1]


def _check_ended(func: kernel.FuncOp, block: BlockState) -> None:
    """Raises SimulationError where an operation on shared memory is still in progress when its block ends."""
    where = f"kernel @{func.sym_name.data}, block {block.coords}"
    if block.cluster.early is not None and not block.waited.any():
        raise SimulationError(f"{where} ended without waiting for the previous launch; a grid_wait is missing")
    seen = block.cluster.clocks.vc[block.first_warp : block.first_warp + block.threads // 32].max(axis=0)
    writer = block.shared.writer
    unseen = (writer >= block.cluster.clocks.warps) & (seen[writer] < block.shared.written)
    if unseen.any() or (block.shared.landing == TMA).any():
        raise SimulationError(
            f"{where} may end while a TMA load is landing in its shared memory; an mbar_wait is missing"
        )
    if any(seen[warp] < step for warp, step in block.remote_accesses):
        raise SimulationError(
            f"{where} may end before another block has arrived at its mbarriers; a last cluster_sync is missing"
        )
    if any(block.bulk_open.values()):
        raise SimulationError(f"{where} ended with a TMA store that no bulk_commit covers")
    if any(group for groups in block.bulk_groups.values() for group in groups):
        raise SimulationError(f"{where} ended while a TMA store may still read its shared memory; bulk_wait is missing")
    if any(block.wgmma_open.values()) or any(group for groups in block.wgmma_groups.values() for group in groups):
        raise SimulationError(f"{where} ended while wgmma was under way; wgmma_commit or wgmma_wait is missing")
