"""
Microseconds of a launch from what it does (`Work`) and what a GPU can do (`Gpu`).

Blocks run in waves: as many on an SM as its shared memory, registers and threads hold, but no more than there are. One step of them takes
as long as its busiest pipe or the transfer of its bytes, and at least the latency that loads ahead of time leave. What a launch sets up
comes before its first step. The time of the SMs and the time of DRAM or L2 overlap almost fully: the price is their soft maximum, plus the
launch's node in the graph.

The model must rank candidates and tell one microsecond from two; docs/design/cost-model.md states how far it is from the records.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil, inf

from ....dialects.errors import PassError
from ....dialects.kernel.types import Target
from ..building.work import ISSUE, Work
from .gpus import Gpu, gpu_of

RESERVED_SMEM = 1024
"""Bytes of shared memory that the driver reserves for each block."""
SHARPNESS = 6
"""Exponent of the soft maximum: two equal terms make 12% more than one."""


def resident(work: Work, gpu: Gpu, smem: int) -> int:
    """Blocks that one SM holds at a time, where a block may use `smem` bytes of shared memory; 0 where one needs more."""
    need = work.smem + RESERVED_SMEM
    if need > smem:
        return 0
    if work.threads > gpu.threads:
        return 0
    # The compiler keeps one block within the registers of an SM.
    registers = gpu.registers // (min(work.registers, gpu.registers // work.threads) * work.threads)
    return min((smem + RESERVED_SMEM) // need, registers, gpu.threads // work.threads, gpu.blocks)


def _busy(work: Work, gpu: Gpu, sms: int, smem: int) -> float:
    """Cycles from the first block to the last; infinity where a block does not fit."""
    fitting = resident(work, gpu, smem)
    if fitting < 1:
        return inf
    together = min(fitting, ceil(work.blocks / sms))
    warps = work.threads / 32 * together
    step = work.l2_bytes / (gpu.tma_rate if work.tma else gpu.copy_rate)
    for name, count in work.operations.items():
        pipe = gpu.pipes.get(name)
        if pipe is None:
            raise PassError(f"cost model: expected operations of {', '.join(gpu.pipes)} on {gpu.name}, got {name}")
        step = max(step, count / (pipe.rate * min(1.0, warps / pipe.warps)))
    in_a_row = together * step + work.latency * gpu.wait
    step = max(together * step, gpu.wait / work.ahead)
    if work.latency:
        step = in_a_row
    wave = work.steps * step + together * work.epilogue / gpu.pipes[ISSUE].rate
    start = work.start * gpu.wait
    if not work.whole_waves:
        return start + ceil(work.blocks / sms) / together * wave
    waves = ceil(work.blocks / (sms * together))
    return start + waves * wave + (waves - 1) * work.refill * gpu.wait


def launch_price(work: Work, target: Target) -> float:
    """Microseconds of one launch inside a CUDA graph; infinity where a block does not fit the SM."""
    gpu = gpu_of(target)
    busy = _busy(work, gpu, target.sms.data, target.smem.data) / gpu.clock
    if busy == inf:
        return inf
    memory = work.dram_bytes / (gpu.dram if work.dram_bytes > gpu.l2_bytes else gpu.l2)
    longest = max(busy, memory)
    share = min(busy, memory) / longest if longest else 0.0
    return gpu.launch + longest * (1.0 + share**SHARPNESS) ** (1.0 / SHARPNESS)


def price(launches: Iterable[Work], target: Target) -> float:
    """Microseconds of launches that run one after the other."""
    return sum(launch_price(work, target) for work in launches)
