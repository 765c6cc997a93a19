"""The report page from records: the newest file of a suite wins, ratios are ours over the best peer, bad lines are named."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

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
