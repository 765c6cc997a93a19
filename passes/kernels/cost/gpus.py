"""
What the cost model knows of a GPU, by architecture.

The description of sm_90a is fitted to the records of an H100 (test/bench/results, docs/design/cost-model.md; test_cost.py holds it to
them). For the others there are no records yet: clock and bandwidths are those of datasheets, and what an SM does in a cycle is assumed to
be as on the H100, except for the instructions that they lack.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ....dialects.kernel.types import Target
from ..building.work import ISSUE


@dataclass(frozen=True)
class Pipe:
    """Operations per cycle and SM, and the warps on an SM that it takes to reach them; fewer warps reach proportionally less."""

    rate: float
    warps: int = 8


PIPES: Mapping[str, Pipe] = {
    # Multiply-adds that mma.sync reaches on an H100 (about 63% of its peak, arXiv 2501.12084), and FMA units with their loads.
    "mma_f16": Pipe(1300.0),
    "mma_bf16": Pipe(1300.0),
    "mma_tf32": Pipe(600.0),
    "mma_s8": Pipe(2600.0),
    "mma_fma": Pipe(100.0, 4),
    # Datasheets: half as many of f64. GPUs that are not for data centers have 2; only one schedule takes f64, so no choice depends on it.
    "mma_fma64": Pipe(50.0),
    ISSUE: Pipe(128.0),
}


@dataclass(frozen=True)
class Gpu:
    """Rates of one GPU; the SMs and their shared memory are in the target."""

    name: str
    clock: float
    """Cycles per microsecond. Fitted: under load, and with what the model leaves out."""
    dram: float
    """Bytes per microsecond."""
    l2: float
    """Bytes per microsecond, for what fits `l2_bytes`."""
    l2_bytes: float = 40e6
    """Tensors up to this size stay in L2 from one launch to the next."""
    source: str = "datasheet"
    pipes: Mapping[str, Pipe] = field(default_factory=lambda: PIPES)
    copy_rate: float = 48.0
    """Bytes per cycle that one SM moves from L2 by loads and cp.async."""
    tma_rate: float = 56.0
    """Bytes per cycle that one SM moves by TMA."""
    wait: float = 450.0
    """Cycles of one step that nothing overlaps: load, wait, compute, barrier. A ring of three stages waits so long once in three steps."""
    launch: float = 1.0
    """Microseconds of one more launch in a CUDA graph."""
    replay: float = 1.3
    """Microseconds that replaying a graph of one launch adds: part of what benchmarks measure, not of prices."""
    threads: int = 2048
    """Threads that an SM holds."""
    registers: int = 65536
    """32-bit registers of an SM."""
    blocks: int = 32
    """Blocks that an SM holds."""


H100 = Gpu(
    "NVIDIA H100",
    clock=1462.0,
    dram=2.9e6,
    l2=6.0e6,
    source="records of 2026-11-23",
    pipes={**PIPES, "wgmma_f16": Pipe(2048.0, 4), "wgmma_bf16": Pipe(2048.0, 4)},
)
_A100 = Gpu("NVIDIA A100", clock=1410.0, dram=1.9e6, l2=4.0e6, l2_bytes=32e6)

GPUS: Mapping[int, Gpu] = {
    # compute capability -> the GPU that its usual target stands for (compiler/targets.py)
    75: Gpu("NVIDIA T4", clock=1590.0, dram=0.3e6, l2=1.3e6, l2_bytes=3e6, threads=1024, blocks=16),
    80: _A100,
    86: Gpu("NVIDIA RTX 3090 Ti", clock=1860.0, dram=0.9e6, l2=2.5e6, l2_bytes=5e6, threads=1536, blocks=16),
    89: Gpu("NVIDIA L40S", clock=2520.0, dram=0.8e6, l2=4.0e6, l2_bytes=70e6, threads=1536, blocks=24),
    90: H100,
    100: replace(H100, name="NVIDIA B200", clock=1850.0, dram=7.5e6, l2=10e6, l2_bytes=90e6, source="datasheet"),
    120: Gpu("NVIDIA RTX 5090", clock=2410.0, dram=1.7e6, l2=6.0e6, l2_bytes=70e6, threads=1536, blocks=24),
}


def gpu_of(target: Target) -> Gpu:
    """The description for a target: that of its compute capability, else that of the nearest older one, else the oldest."""
    known = [capability for capability in GPUS if capability <= target.capability]
    return GPUS[max(known, default=min(GPUS))]
