"""Every clause of a verifier has a case in a lit file of invalid modules that reaches it.

A clause is a `raise VerifyException(...)` or `raise InvalidModelError(...)` in dialects/, or a call that raises unless a condition
holds. Which clauses a case reaches is read off the traceback of its error; that the message is the right one, lit checks.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path

import pytest
from xdsl.parser import Parser

from trtc.compiler.pipeline import verify_module
from trtc.compiler.universe import make_context

ROOT = Path(__file__).parents[3]
DIALECTS = ROOT / "dialects"
LIT = ROOT / "test" / "filecheck"

RAISED = ("VerifyException", "InvalidModelError")
CHECKS = ("require", "require_axis", "_require_float", "expect")

NO_TEXT_REACHES = {
    "blob.array": "reads the bytes of a blob: the verifier looks at types only",
    "dtypes.numpy_dtype": "asked by what runs, builds or folds",
    "dtypes.element_type_of": "asked about NumPy arrays",
    "fusion.yield_op": "xDSL's verifier of terminators comes first",
    "ir_text.__setitem__": "a limit of the reader of text from outside, which has tests of its own",
    "ir_text.__getitem__": "a limit of the reader of text from outside, which has tests of its own",
    "nn.base.as_tensor": "asked by constructors: in text the constraint of the operand comes first",
    "nn.base.shape_of": "asked by constructors: in text verify_tensor_type comes first",
    "nn.base.normalize_axis": "asked by constructors, which count axes from the end; in text they count from the front",
    "nn.base.symbol_ranges": "asked by passes and by what runs",
    "nn.base.bind_symbols": "asked by what runs, about arrays",
    "nn.equal.equal_dims": "asked by what runs",
    "nn.rnn.infer": "asked by constructors: in text the ranks are checked with the extents",
    "nn.weights.array": "asked by what runs or pins: in text an initializer may stand without numbers, as in the @weights of an engine",
    "nn.base.ty": "asked by constructors, about values from Python",
}
"""Functions whose clauses no module in text reaches, and why."""


def verifying() -> list[Path]:
    """The modules of the dialects but for `meaning`, which runs what was verified."""
    return [path for path in sorted(DIALECTS.rglob("*.py")) if path.parent.name != "meaning"]


def module_of(path: Path) -> str:
    """`nn.base` for dialects/nn/base.py."""
    return ".".join(path.relative_to(DIALECTS).with_suffix("").parts)


Clause = tuple[str, int, int]
"""Module and function, first and last line."""


def clauses(path: Path) -> list[Clause]:
    found: list[Clause] = []
    for function in ast.walk(ast.parse(path.read_text())):
        if not isinstance(function, ast.FunctionDef) or function.name in CHECKS:
            continue
        for node in ast.walk(function):
            call = node.exc if isinstance(node, ast.Raise) else node.value if isinstance(node, ast.Expr) else None
            names = RAISED if isinstance(node, ast.Raise) else CHECKS
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in names:
                found.append((f"{module_of(path)}.{function.name}", node.lineno, node.end_lineno or node.lineno))
    return found


def lines_of(error: BaseException | None) -> set[tuple[str, int]]:
    """(module, line) of the dialects on the way to an error and to what caused it."""
    lines: set[tuple[str, int]] = set()
    while error is not None:
        traceback = error.__traceback__
        while traceback is not None:
            path = Path(traceback.tb_frame.f_code.co_filename)
            if path.is_relative_to(DIALECTS):
                lines.add((module_of(path), traceback.tb_lineno))
            traceback = traceback.tb_next
        error = error.__cause__ or error.__context__
    return lines


def reached(cases: Iterable[str]) -> set[tuple[str, int]]:
    lines: set[tuple[str, int]] = set()
    for case in cases:
        try:
            verify_module(Parser(make_context(), case).parse_module(), "the input")
        except Exception as error:
            lines |= lines_of(error)
    return lines


@pytest.fixture(scope="module")
def lines() -> set[tuple[str, int]]:
    files = [*LIT.rglob("invalid*.mlir"), LIT / "tools" / "dominance.mlir"]
    return reached(case for path in files for case in path.read_text().split("// -----"))


def without_case(path: Path, lines: set[tuple[str, int]]) -> list[str]:
    return [
        f"{name}, line {first}"
        for name, first, last in clauses(path)
        if name not in NO_TEXT_REACHES and not any((module_of(path), line) in lines for line in range(first, last + 1))
    ]


@pytest.mark.parametrize("path", [p for p in verifying() if clauses(p)], ids=module_of)
def test_every_clause_of_a_verifier_has_its_case(path: Path, lines: set[tuple[str, int]]) -> None:
    assert without_case(path, lines) == [], "write a case into test/filecheck/<dialect>/invalid*.mlir"


def test_exceptions_are_still_needed(lines: set[tuple[str, int]]) -> None:
    """What the list excuses exists, and no case reaches all of it."""
    found = [clause for path in verifying() for clause in clauses(path)]
    for excused in NO_TEXT_REACHES:
        spans = [(name.rpartition(".")[0], a, b) for name, a, b in found if name == excused]
        assert spans, excused
        assert not all(any((module, line) in lines for line in range(a, b + 1)) for module, a, b in spans), excused


def test_the_guard_of_clauses_fires() -> None:
    path = DIALECTS / "quant.py"
    assert "quant.check" in {name for name, _, _ in clauses(path)}
    missing = without_case(path, set())
    assert len(missing) == len(clauses(path)) > 5
    case = """func.func @f(%x: tensor<4xi32>, %s: tensor<f32>) {
      %0 = quant.quantize %x, %s : (tensor<4xi32>, tensor<f32>) -> tensor<4xi8>
      func.return
    }"""
    assert len(without_case(path, reached([case]))) == len(missing) - 1
