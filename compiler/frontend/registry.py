"""The operator tables: which function imports which ONNX op.

A table module holds one family of ops. A *row* builds `nn` ops for a node; a *fold* computes the result of a node whose
operands are all known integers (shape arithmetic), and comes first. Adding an op is adding a row:

    @onnx_op("Relu")
    def relu(node: Node) -> Result:
        return node.net.add_unary("relu", node.data(0))

A row that makes several rounding ops begins with `node.in_f32()`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TypeAlias

from xdsl.ir import SSAValue

from .folding import Array
from .node import Node
from .value import Value

Result: TypeAlias = "SSAValue | Value | Sequence[SSAValue | Value]"
Row: TypeAlias = Callable[[Node], Result]
Fold: TypeAlias = "Callable[[Node, list[Array]], Array | list[Array] | None]"

TABLES = (
    "constants",
    "pointwise",
    "bits",
    "linear",
    "matrices",
    "signal",
    "random",
    "windows",
    "transposed",
    "pools",
    "normalization",
    "attention",
    "reductions",
    "recurrent",
    "shapes",
    "padding",
    "indexing",
    "selection",
    "einsum",
    "scatter",
    "scans",
    "resampling.resize",
    "resampling.grids",
    "resampling.regions",
    "quantization",
    "integer_products",
    "contrib.fused",
    "contrib.norms",
    "contrib.attention",
    "contrib.qlinear",
    "contrib.quantized_products",
    "contrib.recurrent",
    "contrib.others",
    "sequences",
    "branches",
    "control",
    "scan",
    "compaction",
    "suppression",
)
"""The table modules, one family of ops each."""


@dataclass(frozen=True)
class Entry:
    """A supported op: its row, the family it belongs to, and limits in words for the reference page."""

    row: Row
    family: str
    note: str


ROWS: dict[tuple[str, str], Entry] = {}
FOLDS: dict[tuple[str, str], Fold] = {}


def onnx_op(*names: str, domain: str = "", note: str = "") -> Callable[[Row], Row]:
    """Register a row for the named ops. `note` states limits for the reference page."""

    def register(row: Row) -> Row:
        for name in names:
            if (domain, name) in ROWS:
                raise ValueError(f"operator {name!r} of domain {domain!r} has two rows")
            ROWS[domain, name] = Entry(row, row.__module__.removeprefix(f"{__package__}."), note)
        return row

    return register


def onnx_fold(*names: str) -> Callable[[Fold], Fold]:
    """Register a fold for the named ops of the default domain."""

    def register(fold: Fold) -> Fold:
        for name in names:
            FOLDS["", name] = fold
        return fold

    return register


@cache
def load_tables() -> dict[tuple[str, str], Entry]:
    """All rows; the table modules are imported on the first call."""
    for table in TABLES:
        import_module(f".{table}", __package__)
    return ROWS
