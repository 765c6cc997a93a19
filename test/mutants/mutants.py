"""Mutations: small, realistic mistakes, one at a time, that the tests should notice. Tables in TOML, one for each area.

tests = ["test/filecheck/graph/cse*.mlir"]       # what should notice, for mutations that do not say; files, nodes, patterns

[[mutant]]
file = "passes/graph/cse.py"
mistake = "cse takes pow for commutative."       # one sentence
old = '"nn.add", "nn.mul"'                       # occurs once in the file, or the table is stale
new = '"nn.add", "nn.pow", "nn.mul"'
tests = ["test/unit/passes/test_tensor_passes.py"]             # only where others than the area's should notice
unnoticed = true                                 # only where no test notices it yet: it counts, and is not tried in CI
"""

from __future__ import annotations

import random
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

ROOT = Path(__file__).parents[2]
TABLES = Path(__file__).parent / "tables"


class StaleTableError(Exception):
    """A mutation that no longer fits the code: its table must follow the change."""


@dataclass(frozen=True)
class Mutant:
    """One mistake: in `file`, `old` becomes `new`; `tests` (lit files, pytest files or nodes) should fail."""

    area: str
    file: str
    mistake: str
    old: str
    new: str
    tests: tuple[str, ...]
    unnoticed: bool = False

    def mutated(self, source: str) -> str:
        """The file's text with the mistake in it. Raises StaleTableError unless `old` occurs exactly once."""
        count = source.count(self.old)
        if count != 1:
            raise StaleTableError(
                f"mutants: {self.area}: '{self.mistake}': expected its old text once in {self.file}, found it {count} times; "
                f"update test/mutants/tables/{self.area}.toml."
            )
        return source.replace(self.old, self.new)


def areas(folder: Path = TABLES) -> list[str]:
    """The areas that have a table."""
    return sorted(path.stem for path in folder.glob("*.toml"))


def read_table(area: str, folder: Path = TABLES) -> list[Mutant]:
    """The mutations of one area."""
    table = tomllib.loads((folder / f"{area}.toml").read_text())
    default = table.get("tests", [])
    return [
        Mutant(
            area,
            m["file"],
            m["mistake"],
            m["old"],
            m["new"],
            _files(m.get("tests", default)),
            m.get("unnoticed", False),
        )
        for m in table["mutant"]
    ]


def _files(tests: Sequence[str]) -> tuple[str, ...]:
    """The tests by name: `*` stands for any files; such a pattern without one stays, and is found missing."""
    found = [sorted(str(path.relative_to(ROOT)) for path in ROOT.glob(t)) if "*" in t else [t] for t in tests]
    return tuple(file for test, files in zip(tests, found, strict=True) for file in files or [test])


def read_tables(folder: Path = TABLES) -> list[Mutant]:
    """All mutations."""
    return [mutant for area in areas(folder) for mutant in read_table(area, folder)]


def of_the_day(mutants: Sequence[Mutant], day: date, count: int) -> list[Mutant]:
    """`count` mutations for a day; days in a row go through all that are noticed, in an order that mixes the areas."""
    order = [mutant for mutant in mutants if not mutant.unnoticed]
    random.Random(0).shuffle(order)
    start = day.toordinal() * count
    return [order[(start + i) % len(order)] for i in range(count)]
