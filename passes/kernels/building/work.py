"""
What a launch does, counted: the answer of a schedule's `work`. It holds no time; `passes/kernels/cost/` prices it for a GPU.

A block works in serial steps: it fetches, waits, computes. What follows the last step is its epilogue. A persistent block takes
one tile after another; such a launch counts a block for each tile.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import ceil

from xdsl.dialects.builtin import bf16, f16
from xdsl.ir import Attribute, Operation

from ....dialects import nn
from ....dialects.dims import product
from ....dialects.errors import PassError
from ....dialects.kernel.types import bitwidth
from .group import GroupView
from .table_rows import gathers_of

ISSUE = "issue"
"""The pipe of all instructions that have none of their own, counted per thread."""


@dataclass(frozen=True)
class Work:
    """One launch at the usual sizes of its dims."""

    blocks: int
    threads: int
    """Per block."""
    registers: int
    """Per thread, an estimate."""
    dram_bytes: float
    """What the launch reads and writes, each tensor counted once."""
    l2_bytes: float
    """What a block moves between L2 and its SM in one step."""
    smem: int = 0
    """Bytes of shared memory per block."""
    steps: int = 1
    """Serial steps per block."""
    ahead: float = 1.0
    """Steps whose waits overlap, thanks to a ring or to several loads per thread: only one in this many is waited for in full."""
    operations: Mapping[str, float] = field(default_factory=dict[str, float])
    """Per block and step, by pipe: multiply-adds of a matrix or FMA pipe, instructions of `ISSUE`."""
    tma: bool = False
    """Whether TMA moves the bytes."""
    epilogue: float = 0.0
    """Instructions of single threads per block, after its last step."""
    refill: float = 0.0
    """Waits (`Gpu.wait`) between one block and the next in its place: the last stores, then the first loads. 0 where blocks are
    persistent or so short that others fill the gap."""
    latency: float = 0.0
    """Waits (`Gpu.wait`) of each step that neither its own operations nor other steps overlap: blocks that meet, a value that the next step
    needs."""
    start: float = 0.0
    """Waits (`Gpu.wait`) of the launch before its first step, while barriers, tensor maps and roles are set up."""
    whole_waves: bool = False
    """Whether blocks are so long that a wave of few takes as long as one of many."""

    def __post_init__(self) -> None:
        if min(self.blocks, self.threads, self.registers, self.steps) < 1 or self.ahead <= 0:
            raise PassError(f"work of a launch: expected at least one block, thread, register and step, got {self}")


def usual_bytes(group: GroupView) -> list[int]:
    """The bytes of each tensor in launch order, at the usual sizes; of a table whose rows are gathered beside an anchor those of these
    rows, where they are fewer."""
    elements = [group.usual(product(group.dims(i))) for i in range(len(group.tensors))]
    gathered: dict[int, int] = {}
    for op in gathers_of(group):
        if (table := group.operand_index(op.x)) is not None:
            gathered[table] = gathered.get(table, 0) + group.usual(product(nn.shape_of(op.result)))
    elements = [min(count, gathered.get(i, count)) for i, count in enumerate(elements)]
    return [ceil(count * bitwidth(nn.element_of(v)) / 8) for count, v in zip(elements, group.tensors, strict=True)]


def cut(size: int, tile: int) -> int:
    """Tiles that cover a size; one where it is 0."""
    return max(1, -(-size // tile))


ACCESS_INSTRUCTIONS = 12.0
"""Per thread and load or store of a vector: address, bounds, the access, and conversions."""
_INSTRUCTIONS: Mapping[type[Operation], float] = {
    nn.ExpOp: 6, nn.LogOp: 8, nn.SqrtOp: 8, nn.RsqrtOp: 4, nn.SigmoidOp: 16, nn.TanhOp: 20, nn.ErfOp: 20, nn.DivOp: 10,
    nn.PowOp: 30, nn.ModOp: 30, nn.ReciprocalOp: 8, nn.SinOp: 20, nn.CosOp: 20, nn.AsinOp: 20, nn.AcosOp: 20, nn.AtanOp: 20,
    nn.AsinhOp: 30, nn.AcoshOp: 30, nn.AtanhOp: 30, nn.SiluOp: 20, nn.SoftplusOp: 30, nn.MishOp: 55, nn.HardSigmoidOp: 3,
    nn.HardSwishOp: 4,
}  # fmt: skip
"""Instructions per element, of the ops that take more than one: exact divisions branch, functions are polynomials."""


_GELU = {nn.GeluForm.NONE: 25, nn.GeluForm.TANH: 27}
_FAST: Mapping[type[Operation], Mapping[Attribute, float]] = {
    nn.ExpOp: {f16: 2, bf16: 3}, nn.SigmoidOp: {f16: 5, bf16: 5}, nn.TanhOp: {f16: 10, bf16: 1}, nn.SiluOp: {f16: 6, bf16: 6},
    nn.SoftplusOp: {f16: 9, bf16: 10}, nn.MishOp: {f16: 9, bf16: 10}, nn.DivOp: {f16: 1, bf16: 1},
}  # fmt: skip
"""The same where the result may be off by one unit in the last place of a type."""
_FAST_GELU = {nn.GeluForm.NONE: 14, nn.GeluForm.TANH: 8}


def _instructions(op: Operation) -> float:
    stored = nn.fast_of(op)
    if isinstance(op, nn.GeluOp):
        return (_GELU if stored is None else _FAST_GELU)[op.approximate.data]
    if stored is not None and (
        not isinstance(op, nn.DivOp) or nn.splat_of(op.rhs, "what a quotient costs") is not None
    ):
        return _FAST[type(op)][stored]
    return _INSTRUCTIONS.get(type(op), 1.0)


def arithmetic(ops: Iterable[Operation]) -> float:
    """Instructions per element of the pointwise ops among `ops`."""
    return sum(_instructions(op) for op in ops if nn.is_pointwise(op))
