"""The report page from records: the newest file of a suite wins, ratios are ours over the best peer, bad lines are named."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import onnx
import pytest

from trtc.compiler.frontend.refused import refused_operators

sys.path.insert(0, str(Path(__file__).parents[1] / "bench"))
import report

RUN = {"suite": "gemm", "gpu": "G", "driver": 1, "date": "2026-01-02", "commit": "abc", "versions": {"trtc": "0"}}


def case(ours: float, **peers: float) -> dict[str, object]:
    return {
        "case": "a<b",
        "batch": 1,
        "dtype": "f16",
        "unit": "us",
        "ours": ours,
        "peers": peers,
        "error": 1e-3,
        "note": "",
    }


def write(folder: Path, name: str, *records: object) -> None:
    (folder / name).write_text("".join(json.dumps(r) + "\n" for r in records))


def test_newest_file_of_each_suite(tmp_path: Path) -> None:
    write(tmp_path, "2026-01-01-g-gemm.jsonl", RUN, case(9.0, x=1.0))
    write(tmp_path, "2026-01-02-g-gemm.jsonl", RUN, case(3.0, x=2.0, y=4.0))
    (suite,) = report.newest(tmp_path)
    text = report.page([suite])
    assert "3 us" in text and "9 us" not in text
    assert "1.50 <svg" in text  # 3 over the best peer, 2
    assert "a&lt;b" in text


def test_case_without_a_peer_has_no_ratio(tmp_path: Path) -> None:
    write(tmp_path, "2026-01-02-g-gemm.jsonl", RUN, case(3.0))
    assert "<svg" not in report.page(report.newest(tmp_path))


@pytest.mark.parametrize("text", ['{"no": "run"}\n', json.dumps(RUN) + "\nnot json\n"])
def test_bad_records_are_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "2026-01-02-g-gemm.jsonl").write_text(text)
    with pytest.raises(ValueError, match=r"2026-01-02-g-gemm\.jsonl:[12]: expected"):
        report.newest(tmp_path)


def test_the_repository_s_records_make_a_page() -> None:
    assert "<table>" in report.page(report.newest(report.HERE / "results"))


def test_readme_has_the_newest_speed() -> None:
    text = report.README.read_text()
    assert text == report.with_speed(text, report.speed(report.newest(report.HERE / "results"))), "run `make report`"


def test_speed_has_each_peer_and_its_ratio() -> None:
    run = {**RUN, "suite": "models", "versions": {"torch": "2.9"}}
    suites = [report.Suite(Path(), run, [case(2.0, x=3.0)]), report.Suite(Path(), RUN, [case(7.0, x=1.0)])]
    table = report.speed(suites)
    assert (
        "G, 2026-01-02, torch 2.9" in table and "| a<b | 1 | f16 | 2 us | 3 us (1.50x) |" in table and "7" not in table
    )
    again = report.with_speed(report.with_speed(f"a {report.BEGIN} old {report.END} b", "one"), table)
    assert again.startswith("a ") and again.endswith(" b") and "old" not in again and "one" not in again
    with pytest.raises(ValueError, match="around the table of speed"):
        report.with_speed("no marks", table)


def test_readme_s_list_of_what_is_missing_is_true() -> None:
    """README.md names the operators of ONNX that are refused in every form: all of them, and no other."""
    section = report.README.read_text().partition("## What trtc does not do yet")[2].partition("\n## ")[0]
    named = {word for word in re.findall(r"[A-Z]\w+", section) if onnx.defs.has(word)}
    assert named == {name for name in refused_operators() if onnx.defs.has(name)}
