"""One page from the newest records, and the table of README.md: `python test/bench/report.py [FOLDER] [-o build/report.html]`.

For each suite the newest file (by the date in its name), as a table with the ratio to every peer and a bar for each case: the bar is our
time over the best peer's, the line is 1. README.md gets the models, between the two comments that mark the place.
"""

from __future__ import annotations

import argparse
import html
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
NAME = re.compile(r"(?P<date>\d{4}-\d{2}-\d{2})-(?P<gpu>.+)-(?P<suite>[a-z0-9_]+)\.jsonl")
README = HERE.parent.parent / "README.md"
BEGIN, END = "<!-- speed: written by `make report` -->", "<!-- end of speed -->"
WIDTH, ONE = 240, 120
"""Pixels of a bar's field, and where ratio 1 stands in it."""
STYLE = """
body { font: 14px/1.45 sans-serif; margin: 2em auto; max-width: 70em; color: #222 } table { border-collapse: collapse; margin-bottom: 2em }
td, th { padding: .2em .7em; text-align: right; border-bottom: 1px solid #ddd } td:first-child, th:first-child { text-align: left }
td.note { color: #666; font-size: 12px; text-align: left } .facts { color: #666; font-size: 12px }
"""


@dataclass(frozen=True)
class Suite:
    """One file of records."""

    path: Path
    run: dict[str, Any]
    cases: list[dict[str, Any]]


def newest(folder: Path) -> list[Suite]:
    """The newest file of each suite and GPU. Raises ValueError for a line that is no record, naming file and line."""
    latest: dict[tuple[str, str], Path] = {}
    for path in sorted(folder.glob("*.jsonl")):
        if match := NAME.fullmatch(path.name):
            latest[match["suite"], match["gpu"]] = path  # dates sort
    return [_read(path) for _, path in sorted(latest.items())]


def _read(path: Path) -> Suite:
    records: list[dict[str, Any]] = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        try:
            records.append(json.loads(line))
        except json.JSONDecodeError as error:
            raise ValueError(
                f"{path}:{number}: expected a JSON object on each line, got {line[:40]!r} ({error})"
            ) from error
    if not records or "suite" not in records[0]:
        raise ValueError(f"{path}:1: expected the run (suite, gpu, date, ...) on the first line")
    return Suite(path, records[0], records[1:])


def bar(ratio: float) -> str:
    """A bar of our time over the best peer's, as inline SVG."""
    length = min(WIDTH, ratio * ONE)
    colour = "#2f855a" if ratio <= 1 else "#b7791f" if ratio <= 1.5 else "#c53030"
    return (
        f'<svg width="{WIDTH}" height="12" role="img" aria-label="{ratio:.2f} of the best peer">'
        f'<rect width="{length:.0f}" height="12" fill="{colour}"/>'
        f'<line x1="{ONE}" x2="{ONE}" y1="0" y2="12" stroke="#222"/></svg>'
    )


def rows(suite: Suite) -> Iterable[str]:
    peers = sorted({name for case in suite.cases for name in case["peers"]})
    heads = ["case", "batch", "dtype", "ours", *peers, "ratio to the best", "error", "note"]
    yield "<tr>" + "".join(f"<th>{html.escape(h)}</th>" for h in heads) + "</tr>"
    for case in suite.cases:
        ours, known = case["ours"], [v for v in case["peers"].values() if v]
        cells = [
            case["case"],
            case["batch"] if case["batch"] is not None else "",
            case["dtype"],
            f"{ours:.4g} {case['unit']}",
        ]
        cells += [f"{case['peers'][p]:.4g}" if p in case["peers"] else "" for p in peers]
        ratio = ours / min(known) if known else None
        shown = f"{ratio:.2f} {bar(ratio)}" if ratio is not None else ""
        error = f"{case['error']:.1e}" if case["error"] is not None else ""
        plain = "".join(f"<td>{html.escape(str(c))}</td>" for c in cells)
        yield f'<tr>{plain}<td>{shown}</td><td>{error}</td><td class="note">{html.escape(case["note"])}</td></tr>'


def page(suites: Iterable[Suite]) -> str:
    """The report as HTML."""
    parts = [
        f'<!doctype html><meta charset="utf-8"><title>trtc: measurements</title><style>{STYLE}</style><h1>Measurements</h1>'
    ]
    for suite in suites:
        run = suite.run
        facts = [
            run["gpu"],
            run["date"],
            f"commit {run['commit'][:10]}",
            *(f"{k} {v}" for k, v in run["versions"].items()),
        ]
        parts.append(
            f"<h2>{html.escape(run['suite'])}</h2><p class='facts'>{html.escape(', '.join(map(str, facts)))}</p>"
        )
        parts.append("<table>" + "\n".join(rows(suite)) + "</table>")
    return "\n".join(parts) + "\n"


def speed(suites: Iterable[Suite]) -> str:
    """The newest records of suite `models` as Markdown: a table for each GPU."""
    parts: list[str] = []
    for suite in suites:
        if suite.run["suite"] != "models":
            continue
        peers = sorted({name for case in suite.cases for name in case["peers"]})
        heads = ["model", "batch", "dtype", "trtc", *peers]
        lines = ["| " + " | ".join(heads) + " |", "|---" * 3 + "|---:" * (1 + len(peers)) + "|"]
        for case in suite.cases:
            cells = [case["case"], case["batch"], case["dtype"], f"{case['ours']:.4g} {case['unit']}"]
            for name in peers:
                time = case["peers"].get(name)
                cells.append("" if time is None else f"{time:.4g} {case['unit']} ({time / case['ours']:.2f}x)")
            lines.append("| " + " | ".join(map(str, cells)) + " |")
        versions = ", ".join(
            f"{name} {suite.run['versions'][name]}" for name in ("torch", "nvrtc") if name in suite.run["versions"]
        )
        facts = f"{suite.run['gpu']}, {suite.run['date']}, {versions}; in brackets a peer's time over trtc's."
        parts.append(facts + "\n\n" + "\n".join(lines))
    return "\n\n".join(parts)


def with_speed(text: str, table: str) -> str:
    """The text of README.md with this table between its marks. Raises ValueError where they are missing."""
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise ValueError(f"README.md: expected {BEGIN} and {END} once each, around the table of speed")
    head, _, rest = text.partition(BEGIN)
    return f"{head}{BEGIN}\n\n{table}\n\n{END}{rest.partition(END)[2]}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=HERE / "results")
    parser.add_argument("-o", "--output", type=Path, default=Path("build/report.html"))
    arguments = parser.parse_args()
    suites = newest(arguments.folder)
    if not suites:
        raise SystemExit(
            f"report: expected records (*.jsonl) in {arguments.folder}, found none; `make bench` writes them"
        )
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(page(suites))
    print(f"{arguments.output}: {', '.join(s.path.name for s in suites)}")
    if arguments.folder == HERE / "results":
        README.write_text(with_speed(README.read_text(), speed(suites)))


if __name__ == "__main__":
    main()
