"""The page of supported operators is generated from the importer's tables and up to date."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import onnx.defs
import pytest

from trtc.compiler.frontend.refused import FORMS, TYPES, is_listed, refused_operators
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


SOURCES = (
    "compiler/frontend",
    "compiler/network",
    "compiler/budget.py",
    "compiler/buildable.py",
    "dialects/nn",
    "dialects/dims",
)
"""What refuses models: folders and files of the repository."""
RAISING = ("unsupported", "UnsupportedNode", "UnsupportedOpError", "UnequalDimsError")
LISTED_ELSEWHERE = ("trtc has no import of this operator", "ONNX defines it by", "element type ")
"""The first words of refusals that the lists of operators and types have."""
HOLE = "\0"
"""What a message has of the model, in the place of which it says nothing to a reader of the source."""


def test_every_refusal_in_the_source_is_listed_with_what_can_replace_it() -> None:
    said = refusals_in_the_source()
    assert len(said) > 70
    missing = [f"{where}: {text!r}" for where, text in said if text.strip(f"{HOLE}: ") and not is_in_a_list(text)]
    assert not missing, "add a row to FORMS in compiler/frontend/refused.py:\n" + "\n".join(missing)


def test_every_listed_form_is_refused_somewhere_and_names_an_operator() -> None:
    strings = {text for tree in trees().values() for text in map(text_of, ast.walk(tree)) if text != HOLE}
    operators = {f"{domain}.{name}" if domain else name for domain, name in load_tables()} | {"any", "model"}
    for operator, words, instead in FORMS:
        assert instead and operator in operators, (operator, words)
        assert any(words in text for text in strings), f"nothing says {words!r} of {operator}"


def test_what_can_replace_a_refused_operator_or_type_is_said() -> None:
    refused = refused_operators()
    assert len(refused) > 20 and all(
        refusal.why and refusal.instead for refusal in [*refused.values(), *TYPES.values()]
    )
    assert not [name for name, refusal in refused.items() if refusal.why == "not written yet"]


def test_a_refusal_is_listed_by_its_own_words_alone() -> None:
    assert is_listed("Resize", "it interpolates booleans") and not is_listed("Add", "it interpolates booleans")
    assert is_listed("", "m.onnx has sparse initializers") and not is_listed("Add", "it has sparse initializers")
    assert not is_listed("Add", "nn.add: expected shapes that broadcast, got [2] and [3]")


def test_the_guard_fires() -> None:
    assert is_in_a_list(f"its pads {HOLE} are negative") and not is_in_a_list(f"its pads {HOLE} are odd")


def is_in_a_list(text: str) -> bool:
    return text.startswith(LISTED_ELSEWHERE) or any(words in text for _, words, _ in FORMS)


def refusals_in_the_source() -> list[tuple[str, str]]:
    """(file:line, message) of everything that refuses a part of a model; what comes of the model is a HOLE."""
    return [
        (f"{path}:{node.lineno}", text_of(node.args[0]))
        for path, tree in trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and node.args and name_of(node.func) in RAISING
    ]


@cache
def trees() -> dict[Path, ast.Module]:
    root = Path(supported_ops.__file__).parents[3]
    paths = [
        path
        for source in SOURCES
        for path in ([root / source] if source.endswith(".py") else (root / source).rglob("*.py"))
    ]
    return {path.relative_to(root): ast.parse(path.read_text()) for path in sorted(paths) if path.name != "refused.py"}


def name_of(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def text_of(node: ast.AST) -> str:
    """A string as the source has it."""
    if isinstance(node, ast.JoinedStr):
        return "".join(map(text_of, node.values))
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else HOLE
