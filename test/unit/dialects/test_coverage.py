"""Every op of the tensor-level dialects is in a round-trip test."""

from pathlib import Path

import pytest

from trtc.compiler.universe import UNIVERSE

LIT = Path(__file__).parents[2] / "filecheck"


def absent(ops: list[str], texts: list[str]) -> list[str]:
    """The ops that no text prints, in a line that is not a comment."""
    words = {
        word
        for text in texts
        for line in text.splitlines()
        if not line.strip().startswith("//")
        for word in line.split()
    }
    return [op for op in ops if op not in words]


@pytest.mark.parametrize("dialect", ["nn", "quant", "fusion"])
def test_every_op_round_trips(dialect: str) -> None:
    ops = [op.name for op in UNIVERSE.all_dialects[dialect]().operations]
    texts = [path.read_text() for path in sorted((LIT / dialect).glob("ops*.mlir"))]
    assert absent(ops, texts) == []


def test_the_search_finds_an_absent_op() -> None:
    assert absent(["nn.add", "nn.sub"], ["// nn.sub\n%0 = nn.add %x, %y"]) == ["nn.sub"]
