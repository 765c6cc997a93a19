"""`bench_fusion` without a GPU: what it records of a network at two batches, and of one whose batch cannot change."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "bench"))
import bench_fusion
import records


def test_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "_versions", lambda **_: {})
    monkeypatch.setenv("TRTC_RESULTS", str(tmp_path))
    bench_fusion.main(["mobilenet_v2", "squeezenet", "--batch", "1", "32", "--arch", "sm_90a"])
    (path,) = tmp_path.glob("*-fusion.jsonl")
    run, *cases = (json.loads(line) for line in path.read_text().splitlines())
    assert run["suite"] == "fusion"
    found: dict[Any, Any] = {(case["case"], case["batch"]): case for case in cases}
    assert found.keys() == {("mobilenet_v2", 1), ("mobilenet_v2", 32), ("squeezenet", 1)}
    one = found["mobilenet_v2", 1]
    assert (one["unit"], one["peers"]) == ("kernels", {"target": 53.0})
    assert one["ours"] >= 20
    assert "conv" in one["note"] and "left: " in one["note"]
    assert found["squeezenet", 1]["peers"] == {}
