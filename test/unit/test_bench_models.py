"""`bench_models` with stand-ins for torch and the GPU: what it times, what it records, and that a peer that fails is named."""

from __future__ import annotations

import json
import sys
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "bench"))
import bench_models
import records

ASKED = {
    *("resnet50", "googlenet", "mobilenet_v2", "efficientnet_b0", "densenet121", "convnext_tiny", "vit_b_16", "swin_t"),
    *("bert_base", "minilm", "gpt2", "llama", "whisper_encoder"),
}
"""The models with targets that torch has."""


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Torch that computes with NumPy, an engine that takes 10 us and is off by 1 in 1,000, and a folder for records."""
    nothing: Any = lambda: None  # noqa: E731
    torch = SimpleNamespace(
        no_grad=nullcontext,
        cuda=SimpleNamespace(synchronize=nothing, empty_cache=nothing),
        compiler=SimpleNamespace(reset=nothing),
    )
    monkeypatch.setitem(sys.modules, "torch", torch)
    engine = SimpleNamespace(stats=SimpleNamespace(as_dict=lambda: {"launches_per_run": 7}))
    monkeypatch.setattr(bench_models.trtc, "build", lambda model, options: engine)
    x = np.ones(3, np.float32)
    monkeypatch.setattr(bench_models, "engine_time", lambda engine, inputs: ({"out": x * 1.001}, 10.0))
    monkeypatch.setattr(bench_models, "torch_graph_time", lambda run: float(run().sum()))

    def case(batch: int) -> bench_models.Case:
        reference = SimpleNamespace(cpu=lambda: SimpleNamespace(numpy=lambda: x))
        return bench_models.Case(b"", {"x": x}, "out", reference, lambda x: batch * x, (x,), {})

    monkeypatch.setitem(bench_models.CASES, "case", case)
    monkeypatch.setattr(records, "_gpu", lambda: {"gpu": "G", "driver": 1})
    monkeypatch.setattr(records, "_versions", lambda **_: {})
    monkeypatch.setenv("TRTC_RESULTS", str(tmp_path))
    return tmp_path


def cases(folder: Path) -> list[dict[str, Any]]:
    (path,) = folder.glob("*-models.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines()][1:]


def test_both_peers_are_recorded(stand_in: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_models, "torch_compiled_time", lambda net, given: 2 * float(net(*given).sum()))
    bench_models.main(["case", "--batch", "1", "4"])
    found = cases(stand_in)
    assert [(each["batch"], each["ours"], each["peers"]) for each in found] == [
        (1, 10.0, {"torch eager": 3.0, "torch.compile": 6.0}),
        (4, 10.0, {"torch eager": 12.0, "torch.compile": 24.0}),
    ]
    assert all(each["error"] == pytest.approx(1e-3, rel=1e-2) and each["note"] == "7 launches" for each in found)


def test_a_peer_that_fails_is_named(stand_in: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(net: Any, given: Any) -> float:
        raise ValueError("no")

    monkeypatch.setattr(bench_models, "torch_compiled_time", fail)
    bench_models.main(["case", "--batch", "1"])
    bench_models.main(["case", "--batch", "1", "--no-compile"])
    (last,) = cases(stand_in)
    assert (last["peers"], last["note"]) == ({"torch eager": 3.0}, "7 launches")
    bench_models.main(["case", "--batch", "1"])
    (last,) = cases(stand_in)
    assert (last["peers"], last["note"]) == ({"torch eager": 3.0}, "7 launches; torch.compile failed: ValueError")


def test_an_unknown_case_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        bench_models.main(["resnet51"])
    assert "there is no case resnet51" in capsys.readouterr().err


def test_every_model_that_was_asked_for_is_a_case() -> None:
    assert bench_models.CASES.keys() >= ASKED
