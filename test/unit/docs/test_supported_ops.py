"""The page of supported operators is generated from the importer's tables and up to date."""

from pathlib import Path

import onnx.defs
import pytest

from trtc.compiler.frontend.registry import FOLDS, TABLES, load_tables
from trtc.compiler.tools.reference import operators as supported_ops


def test_the_page_is_up_to_date() -> None:
    assert supported_ops.main(["--check"]) == 0, "run `python -m trtc.compiler.tools.reference.operators`"


def test_the_check_fires_on_a_stale_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "page.md"
    monkeypatch.setattr(supported_ops, "PAGE", page)
    assert supported_ops.main(["--check"]) == 1
    assert supported_ops.main([]) == 0
    assert supported_ops.main(["--check"]) == 0
    page.write_text(page.read_text().replace("| Conv |", "| Convolution |"))
    assert supported_ops.main(["--check"]) == 1


OF_ONNXRUNTIME = {"SimplifiedLayerNormalization"}
"""Operators that ONNX Runtime adds to ONNX's own domain."""


def test_every_row_is_an_onnx_operator_of_a_listed_family() -> None:
    rows = load_tables()
    assert not [name for domain, name in rows if not domain and name not in OF_ONNXRUNTIME and not onnx.defs.has(name)]
    assert {entry.family for entry in rows.values()} == set(TABLES)
    assert FOLDS.keys() <= rows.keys()
