"""
The effect of each thread op on a strand: a table from op class to a decoder, which reads an op once and returns a function over strands.

Structured ops (scf) and ops that block are generator functions. The cluster counts executed ops, so that "written since the last fence"
is a comparison.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from xdsl.dialects import scf
from xdsl.ir import Block, Operation, SSAValue

from ....dialects import kernel
from ....dialects.errors import SimulationError
from ....dialects.kernel.instruction import INSTRUCTIONS
from ....dialects.kernel.scalars.table import SCALARS, evaluate
from ....dialects.provenance import describe
from ..strands import Code, Step, Strand
from .instructions import step_of

__all__ = ["Step", "decode", "decodes"]

_DECODERS: dict[type[Operation], Callable[[Any], Step]] = {}


def decodes(*classes: type[Operation]) -> Callable[[Callable[[Any], Step]], Callable[[Any], Step]]:
    """Registers a decoder."""

    def register(decoder: Callable[[Any], Step]) -> Callable[[Any], Step]:
        _DECODERS.update(dict.fromkeys(classes, decoder))
        return decoder

    return register


def decode(block: Block) -> Code:
    """The code of a block. Raises SimulationError for an op that is not a thread op."""
    steps: list[tuple[Operation, Step, bool]] = []
    yields: list[SSAValue] = []
    for op in block.ops:
        if isinstance(op, scf.YieldOp):
            yields = list(op.operands)
        elif not isinstance(op, kernel.ReturnOp | kernel.ViewOp | kernel.Im2colOp | kernel.TensorMapOp):
            blocking = any(_suspends(inner) for inner in op.walk())
            steps.append((op, _decode_op(op, blocking), blocking))
    return Code(steps, any(blocking for *_, blocking in steps), yields)


def _suspends(op: Operation) -> bool:
    row = INSTRUCTIONS.get(type(op))
    return row is not None and row.suspends


def _decode_op(op: Operation, blocking: bool) -> Step:
    decoder, row = _DECODERS.get(type(op)), INSTRUCTIONS.get(type(op))
    if decoder is None and row is not None:
        return step_of(row, op)
    if decoder is None and type(op) in SCALARS:
        decoder = _scalar
    if decoder is None:
        raise SimulationError(
            f"the simulator does not know {describe(op)}; expected thread ops (run the passes of phase threads first)"
        )
    step = decoder(op)
    if not isinstance(op, scf.ForOp | scf.IfOp) or blocking:
        return step

    def run_through(s: Strand) -> None:
        deque(step(s), 0)

    return run_through


def _scalar(op: Operation) -> Step:
    operands, result = tuple(op.operands), op.results[0]

    def step(s: Strand) -> None:
        s.env[result] = evaluate(op, [s[o] for o in operands])

    return step
