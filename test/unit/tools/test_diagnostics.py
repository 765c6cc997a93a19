"""`--verify-diagnostics` fails where an error is missing, unexpected, elsewhere or another one; errors have lines and columns."""

from __future__ import annotations

from pathlib import Path

import pytest

from trtc.compiler.tools import trtc_opt
from trtc.compiler.universe import make_context
from trtc.dialects.ir_text import OpPlaces, read_module

GOOD = "func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> {{\n{0}  func.return %x : tensor<4xf32>\n}}\n"
BAD = "func.func @f(%x: tensor<4xf32>) -> tensor<8xf32> {{\n{0}  func.return %x : tensor<4xf32>\n}}\n"
TEXT = "{{Expected arguments to have the same types}}"


def run(path: Path, *args: str) -> int:
    with pytest.raises(SystemExit) as exit_:
        trtc_opt.main([str(path), "--split-input-file", "--verify-diagnostics", *args])
    assert isinstance(exit_.value.code, int)
    return exit_.value.code


@pytest.mark.parametrize(
    "case",
    [
        BAD.format(f"  // expected-error@+1 {TEXT}\n"),
        BAD.format(f"  // expected-error@below {TEXT}\n"),
        BAD.format("") + f"// expected-error@-2 {TEXT}\n",
        BAD.format(f"  // expected-error@3 {TEXT}\n"),
        BAD.format("").replace("4xf32>\n}", f"4xf32> // expected-error {TEXT}\n}}"),
        GOOD.format("") + "// -----\n" + BAD.format(f"  // expected-error@+1 {TEXT}\n"),
    ],
)
def test_what_is_expected_passes(tmp_path: Path, capsys: pytest.CaptureFixture[str], case: str) -> None:
    path = tmp_path / "case.mlir"
    path.write_text(case)
    assert run(path) == 0
    captured = capsys.readouterr()
    assert captured.err == "" and "error" not in captured.out


@pytest.mark.parametrize(
    ("case", "message"),
    [
        (GOOD.format(f"  // expected-error@+1 {TEXT}\n"), "expected error at line 3 with 'Expected arguments"),
        (BAD.format("  // expected-error@+1 {{another}}\n"), "expected error at line 3 with 'another', got at line 3: the input"),
        (BAD.format("  // expected-error@+1 {{another}}\n"), "unexpected error at line 3: the input is not valid"),
        (BAD.format(f"  // expected-error {TEXT}\n"), "expected error at line 2 with 'Expected arguments to have the same types', got at"),
        (BAD.format(f"  // expected-error@unknown {TEXT}\n"), "expected error at no line with"),
        (BAD.format(f"  // expected-error@+1 {TEXT}\n") + "// -----\n" + BAD.format(""), "unexpected error at line 7: the input"),
        (BAD.format(f"  // expected-error@+1 {TEXT} expected-error@+1 {TEXT}\n"), "expected error at line 3 with"),
        (BAD.format(f"  // expected-remark@+1 {TEXT}\n"), "expected remark at line 3 with 'Expected arguments"),
        (BAD.format("  // expected-error@+1 {Expected}\n"), "line 2: expected a comment such as expected-error@+1 {{text}}"),
        (BAD.format(f"  // expected-warning@+1 {TEXT}\n"), "line 2: expected a comment such as"),
    ],
)  # fmt: skip
def test_what_differs_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str], case: str, message: str) -> None:
    path = tmp_path / "case.mlir"
    path.write_text(case)
    assert run(path) == 1
    assert f"error: {path}: {message}" in capsys.readouterr().err


def test_an_error_of_a_pass_without_an_op_is_at_no_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from trtc.passes.graph.cse import CsePass

    def crash(self: CsePass, ctx: object, op: object) -> None:
        raise KeyError("gone")

    monkeypatch.setattr(CsePass, "apply", crash)
    path = tmp_path / "case.mlir"
    path.write_text(GOOD.format("  // expected-error@unknown {{pass 'cse' failed: KeyError: 'gone'}}\n"))
    assert run(path, "-p", "cse") == 0
    path.write_text(GOOD.format("  // expected-error@+1 {{pass 'cse' failed: KeyError: 'gone'}}\n"))
    assert run(path, "-p", "cse") == 1


def test_a_remark_has_the_line_of_its_op(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    big = "func.func @f() -> tensor<4097xf32> {{\n  %0 = nn.constant dense<1.0> : tensor<f32>\n{0}"
    big += "  %1 = nn.broadcast_to %0 : (tensor<f32>) -> tensor<4097xf32>\n  func.return %1 : tensor<4097xf32>\n}}\n"
    path = tmp_path / "case.mlir"
    for where, code in (("@+1", 0), ("@+2", 1), ("@unknown", 1)):
        path.write_text(big.format(f"  // expected-remark{where} {{{{not folded: its result}}}}\n"))
        assert run(path, "-p", "fold-constants") == code
        printed = capsys.readouterr().err.splitlines()
        assert not [line for line in printed if line.startswith("missed: ")], "only --remarks prints remarks"


def test_an_error_names_line_and_column_also_in_a_later_case(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "cases.mlir"
    path.write_text(GOOD.format("") + "// -----\n" + BAD.format(""))
    with pytest.raises(SystemExit) as exit_:
        trtc_opt.main([str(path), "--split-input-file"])
    assert exit_.value.code == 1
    assert capsys.readouterr().err.startswith(f"{path}:6:3: error: the input is not valid: func.return: ")


def test_places_of_ops() -> None:
    text = GOOD.format('  %0 = nn.relu %x : tensor<4xf32>\n  %1 = "nn.relu"(%0) : (tensor<4xf32>) -> tensor<4xf32>\n')
    places = OpPlaces()
    module = read_module(make_context(), text, first_line=11, places=places)
    function = module.body.block.first_op
    assert function is not None
    ops = list(function.regions[0].block.ops)
    assert [places.of(op) for op in (function, *ops)] == [(11, 1), (12, 3), (13, 3), (14, 3)]
    made = ops[0].clone()
    function.regions[0].block.insert_op_before(made, ops[0])
    assert places.of(made) == (11, 1), "an op that was not in the text has the place of the one around it"
    assert places.of(None) is None and places.of(module) is None
