"""Remarks: what passes did, did not do and why, attached to ops.

    with collecting() as remarks:
        pipeline.apply(ctx, module)
    for r in remarks:
        print(r)

Outside `collecting()` a remark costs nothing and goes nowhere.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal, TypeAlias

from xdsl.ir import Operation

from ..dialects.provenance import get_names, listed, onnx_names
from ..dialects.text import printable

Kind: TypeAlias = Literal["applied", "missed", "analysis"]

_COLLECTED: ContextVar[list[Remark] | None] = ContextVar("trtc_remarks", default=None)


@dataclass(frozen=True)
class Remark:
    """One thing a pass did (`applied`), declined with its blocker (`missed`) or found (`analysis`)."""

    kind: Kind
    pass_name: str
    op_name: str
    nodes: tuple[str, ...]
    """The ONNX nodes that the op comes from, or the ONNX names of its results where it has no location."""
    message: str

    def __str__(self) -> str:
        nodes = f" [{listed(self.nodes)}]" if self.nodes else ""
        return f"{self.kind}: {self.pass_name}: {self.op_name}{nodes}: {printable(self.message)}"


def remark(op: Operation, kind: Kind, pass_name: str, message: str) -> None:
    """Attach a remark to an op, if somebody collects."""
    collected = _COLLECTED.get()
    if collected is None:
        return
    nodes = onnx_names(op.location) or [name for name in get_names(op) if name]
    collected.append(Remark(kind, pass_name, op.name, tuple(nodes), message))


@contextmanager
def collecting() -> Generator[list[Remark], None, None]:
    """Collect the remarks made inside the block; an outer collector gets them too."""
    remarks: list[Remark] = []
    outer = _COLLECTED.get()
    token = _COLLECTED.set(remarks)
    try:
        yield remarks
    finally:
        _COLLECTED.reset(token)
        if outer is not None:
            outer.extend(remarks)
