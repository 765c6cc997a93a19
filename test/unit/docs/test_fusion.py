"""Executes docs/tutorials/fusion.md: its commands run on its files, print what it shows, and write the pictures."""

from __future__ import annotations

import sys
from pathlib import Path

import onnx
import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[2] / "models"))
import architectures
import pages

PAGE = pages.DOCS / "tutorials" / "fusion.md"


@pytest.mark.slow
def test_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    onnx.save(architectures.uncalibrated("squeezenet"), tmp_path / "model.onnx")
    monkeypatch.chdir(tmp_path)
    printed, _ = pages.run_page(PAGE, tmp_path)
    shown = [line for block in pages.blocks(PAGE) if block.language == "text" for line in block.text.splitlines()]
    assert len(shown) > 12
    for line in shown:
        assert any(holds(got, line) for got in printed.splitlines()), f"the page shows what is not printed: {line}"
    assert (tmp_path / "inception.dot").read_text().startswith("digraph")
    assert "<svg" in (tmp_path / "model.html").read_text()


def holds(got: str, shown: str) -> bool:
    """Whether a line has the parts of one of the page, in order; `...` on the page stands for anything."""
    at = 0
    for part in shown.strip().split("..."):
        at = got.find(part, at)
        if at < 0:
            return False
        at += len(part)
    return True


def test_a_line_that_differs_is_noticed() -> None:
    assert holds("  %1 = nn.relu %0 : tensor<4xf32>", "%1 = nn.relu ... : tensor<4xf32>")
    assert not holds("%1 = nn.relu %0", "nn.relu ... nn.relu")
    assert not holds("%1 = nn.relu %0", "%1 = nn.exp")
