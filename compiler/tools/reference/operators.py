"""Writes docs/reference/supported-onnx-ops.md from the importer's tables.

python -m trtc.compiler.tools.reference.operators            # write the page
python -m trtc.compiler.tools.reference.operators --check    # exit 1 if the page is out of date
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping
from importlib import import_module
from pathlib import Path

from ...frontend.opsets import OLDEST_OPSET
from ...frontend.refused import FORMS, TYPES, Refusal, refused_operators
from ...frontend.registry import FOLDS, TABLES, load_tables

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "supported-onnx-ops.md"

_HEAD = f"""# Supported ONNX operators

Generated from the tables in `compiler/frontend/` by `python -m trtc.compiler.tools.reference.operators`; do not edit.

Models of opset {OLDEST_OPSET} and newer are read, older ones by way of `onnx.version_converter`. "Folds" says that the operator is
also computed at import when it works on shapes: `Shape -> Gather -> Concat -> Reshape` and its like leave no op behind. An operator
without a row that ONNX itself defines by others (Attention, RotaryEmbedding, ...) is imported by that definition. Every other
operator is refused, with one error that names every offending node: [what is refused](#refused), and what can replace it.
"""

_REFUSED = """## Refused

Found in the tables too, and compared with what the importer refuses of ONNX's own test suite (`make conformance`).

"""


def page() -> str:
    """The text of the page."""
    parts = [_HEAD]
    rows = load_tables()
    for table in TABLES:
        family = sorted((domain, name) for (domain, name), entry in rows.items() if entry.family == table)
        summary = (import_module(f"...frontend.{table}", __package__).__doc__ or "").strip().split("\n\n")[0]
        title = table.replace("_", " ").replace(".", ": ").capitalize()
        parts.append(f"## {title}\n\n{' '.join(summary.split())}\n\n| operator | folds | notes |\n|---|---|---|")
        for domain, name in family:
            folds = "yes" if (domain, name) in FOLDS else ""
            parts[-1] += f"\n| {f'{domain}.{name}' if domain else name} | {folds} | {rows[domain, name].note} |"
        parts[-1] += "\n"
    return "\n".join([*parts, _refused()])


def _refused() -> str:
    """The tables of refused operators, element types and forms."""
    forms = [(op, f"{words} ...", instead) for op, words, instead in sorted(FORMS)]
    tables = (
        _table("operator", "reason", _grouped(refused_operators())),
        _table("element type", "reason", _grouped(TYPES)),
        _table("operator that is otherwise read", "words of the refusal", forms),
    )
    return _REFUSED + "\n".join(tables)


def _grouped(refused: Mapping[str, Refusal]) -> list[tuple[str, str, str]]:
    """One row for all names that share a refusal."""
    groups: dict[Refusal, list[str]] = {}
    for name in sorted(refused):
        groups.setdefault(refused[name], []).append(name)
    return [(", ".join(names), refusal.why, refusal.instead) for refusal, names in groups.items()]


def _table(what: str, why: str, rows: Iterable[tuple[str, str, str]]) -> str:
    lines = [f"| {what} | {why} | what can replace it |", "|---|---|---|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)]) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Write the page, or compare it with `--check`."""
    parser = argparse.ArgumentParser(
        prog="python -m trtc.compiler.tools.reference.operators",
        description="Write the page of supported ONNX operators.",
    )
    parser.add_argument("--check", action="store_true", help="only say whether the page is up to date")
    check = parser.parse_args(arguments).check
    text = page()
    if not check:
        PAGE.write_text(text)
        return 0
    if not PAGE.is_file() or PAGE.read_text() != text:
        print(f"{PAGE.name} is out of date: run python -m trtc.compiler.tools.reference.operators", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
