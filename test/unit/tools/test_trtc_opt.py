"""The command line of trtc-opt: every flag does what it says, and misuse is one sentence."""

from __future__ import annotations

import gc
import io
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from trtc.compiler.tools import trtc_opt

ADD = """func.func @main(%x: tensor<2x3xf32>) -> tensor<2x3xf32> attributes {nn.inputs = ["x"], nn.outputs = ["y"]} {
  %0 = nn.relu %x : tensor<2x3xf32>
  %1 = nn.relu %x : tensor<2x3xf32>
  %2 = nn.add %0, %1 : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  func.return %2 : tensor<2x3xf32>
}
"""
INVALID = "func.func @main(%x: i32) -> i64 {\n  func.return %x : i32\n}\n"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.mlir"
    path.write_text(ADD)
    return path


def run(*args: object) -> int:
    """The exit code of trtc-opt, in this process."""
    with pytest.raises(SystemExit) as exit_:
        trtc_opt.main([str(arg) for arg in args])
    assert isinstance(exit_.value.code, int)
    return exit_.value.code


def test_a_pipeline_changes_the_module(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(model) == 0
    assert capsys.readouterr().out.count("nn.relu") == 2
    assert run(model, "-p", "cse") == 0
    assert capsys.readouterr().out.count("nn.relu") == 1


def test_printing_before_and_after_a_named_pass(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(model, "-p", "cse,canonicalize", "--print-ir-before=cse", "--print-ir-after=cse") == 0
    captured = capsys.readouterr()
    err = captured.err
    before, after = err.index("IR before cse"), err.index("IR after cse")
    assert err[before:after].count("nn.relu") == 2
    assert err[after:].count("nn.relu") == 1
    assert "canonicalize" not in err
    assert captured.out.startswith("builtin.module") and "IR" not in captured.out, (
        "stdout is the result and nothing else"
    )


def test_printing_after_every_pass(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("-p", "cse,canonicalize", "--print-ir-after", "--", model) == 0
    assert re.findall(r"IR (\w+) ([\w-]+)", capsys.readouterr().err) == [("after", "cse"), ("after", "canonicalize")]


def test_the_flags_of_xdsl_for_printing_and_timing_work(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(model, "-p", "cse,canonicalize", "--print-between-passes", "--time-passes") == 0
    err = capsys.readouterr().err
    assert "IR after cse" in err and re.search(r" ms +\d+ ops  cse\n", err)


def test_parsing_diagnostics_go_to_the_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "broken.mlir"
    path.write_text("func.func @main() {\n  func.return %0 %1\n}\n")
    assert run(path, "--parsing-diagnostics") == 0
    captured = capsys.readouterr()
    assert captured.out.startswith(f"{path}:2:18: error: Expected") and captured.err == ""


def test_dump_dir_has_the_input_and_one_file_per_pass(model: Path, tmp_path: Path) -> None:
    assert run(model, "-p", "cse,canonicalize", "--dump-dir", tmp_path / "dump") == 0
    files = sorted(path.name for path in (tmp_path / "dump").iterdir())
    assert files == ["00-input.mlir", "01-cse.mlir", "02-canonicalize.mlir"]
    assert (tmp_path / "dump" / "00-input.mlir").read_text().count("nn.relu") == 2
    assert (tmp_path / "dump" / "01-cse.mlir").read_text().count("nn.relu") == 1


def test_timing_goes_to_stderr(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(model, "-p", "cse", "--timing") == 0
    captured = capsys.readouterr()
    assert re.search(r"\d+\.\d+ ms +\d+ ops  cse\n", captured.err)
    assert " ms " not in captured.out


def test_run_prints_statistics_and_saves(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    x = np.array([[1, -2, 3], [-4, 5, -6]], np.float32)
    np.savez(tmp_path / "in.npz", x=x)
    assert run(model, "--run", "--inputs", tmp_path / "in.npz", "--save-outputs", tmp_path / "out.npz") == 0
    assert capsys.readouterr().out == "y: float32[2x3] min 0 max 10 mean 3 norm 11.8322\n"
    np.testing.assert_array_equal(np.load(tmp_path / "out.npz")["y"], 2 * np.maximum(x, 0))


def test_run_depends_on_the_seed(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    outputs = []
    for seed in (1, 1, 2):
        assert run(model, "--run", "--seed", seed) == 0
        outputs.append(capsys.readouterr().out)
    assert outputs[0] == outputs[1] != outputs[2]


def test_an_invalid_module_fails_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "invalid.mlir"
    path.write_text(INVALID)
    assert run(path) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"{path}:2:3: error: the input is not valid: func.return: ")
    assert captured.err.count("\n") == 1


def test_an_invalid_module_is_output_where_a_test_asks_for_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "invalid.mlir"
    path.write_text(INVALID + "// -----\n" + ADD)
    assert run(path, "--verify-diagnostics", "--split-input-file") == 0
    captured = capsys.readouterr()
    assert captured.out.startswith(f"{path}:2:3: error: the input is not valid: func.return: ")
    assert "nn.add" in captured.out, "the case after an invalid one is still processed"
    assert captured.err == ""


def test_a_syntax_error_names_file_line_and_column(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "broken.mlir"
    path.write_text("func.func @main() {\n  func.return %0 %1\n}\n")
    assert run(path) == 1
    err = capsys.readouterr().err
    assert re.match(rf"{re.escape(str(path))}:2:18: error: Expected", err), err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["-p", "no-such-pass"], "there is no pass 'no-such-pass'"),
        (["-p", "foldd-constants"], "did you mean 'fold-constants'?"),
        (["-p", "cse{nosuch=1}"], "wrong options for pass 'cse'"),
        (["-p", "cse{"], "Expected argument name here"),
        (["-p", "cse{flag=}"], "Unknown argument value"),
        (["--no-such-flag"], "unrecognized arguments"),
        (["--stop-after=nowhere"], "invalid choice: 'nowhere'"),
        (["-p", "cse", "--print-ir-after=nowhere"], "--print-ir-after: there is no pass 'nowhere'"),
        (["-p", "cse", "--print-ir-before=canonicalize"], "pass 'canonicalize' does not run here; these do: cse"),
        (["-p", "cse", "--print-ir-after", "other.mlir"], "'other.mlir' is no pass; name the file first"),
        (
            ["--remarks=mist"],
            "--remarks=mist: expected KIND:REGEX with one of applied, missed, analysis, or :REGEX, got 'mist'",
        ),
        (["--remarks=missed:("], "'(' is no regular expression: missing )"),
        (["--remarks", "other.mlir"], "--remarks: 'other.mlir' is no kind of remark; name the file first"),
        (["--print-ir-after"], "--print-ir-after does nothing without -p or --stop-after"),
        (["--dump-dir=ir"], "--dump-dir does nothing without -p or --stop-after"),
        (["--timing"], "--timing does nothing without -p or --stop-after"),
        (["--check-numerics"], "--check-numerics does nothing without -p or --stop-after"),
        (["--run", "-t", "cuda"], "-t cuda does nothing with --run"),
        (["--run", "--seed=-1"], "expected a whole number from 0 on, got '-1'"),
        (["-o", "/nowhere/out.mlir"], "the directory '/nowhere' does not exist; create it first"),
        (["--run", "--inputs=/nowhere.npz"], "array file '/nowhere.npz': No such file or directory"),
        (["--profile=N=4", "--profile=N=5", "--stop-after=graph"], "N has another profile already"),
        (["--precision=fp16"], "--precision does nothing without --stop-after"),
        (["--save-outputs=y.npz"], "--save-outputs does nothing without --run"),
        (["--shape=x=1x2"], "an .mlir file itself has the types of its inputs"),
        (["--arch=volta", "--stop-after=graph"], "expected a GPU architecture such as 'sm_80'"),
        (["--profile=N=4,2,8"], "expected 0 <= min <= opt <= max"),
        (["--profile=M=4"], "there is no dynamic dimension 'M'; there are none"),
        (["--profile=N"], "expected <dimension>=<min>,<opt>,<max>"),
        (["-t", "nowhere"], "invalid choice: 'nowhere'"),
    ],
)
def test_misuse_is_one_sentence_and_exit_code_2(
    model: Path, capsys: pytest.CaptureFixture[str], args: list[str], message: str
) -> None:
    assert run(model, *args) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err
    assert "Traceback" not in captured.err
    last = [line for line in captured.err.splitlines() if line.startswith("trtc-opt: error: ") or ": error: " in line]
    assert len(last) == 1


def test_kernels_are_wanted_for_cuda(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(model, "-t", "cuda") == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert (
        captured.err == "error: CUDA C: the module has no kernel; lower it to thread ops first (--stop-after=threads)\n"
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "is empty; expected IR"), (b"\xff\xfe\x00", "expected IR as UTF-8 text, got other bytes")],
)
def test_what_is_no_text_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, message: str
) -> None:
    path = tmp_path / "model.mlir"
    path.write_bytes(content)
    assert run(path) == 1
    err = capsys.readouterr().err
    assert message in err and err.startswith("error: ") and err.count("\n") == 1


def test_the_output_may_be_the_input(model: Path) -> None:
    assert run(model, "-p", "cse", "-o", model) == 0
    assert model.read_text().count("nn.relu") == 1


def test_a_failure_leaves_the_output_as_it_was(model: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.mlir"
    output.write_text("of yesterday")
    (tmp_path / "cases.mlir").write_text(ADD + "// -----\n" + INVALID)
    assert run(tmp_path / "cases.mlir", "--split-input-file", "-o", output) == 1
    assert output.read_text() == "of yesterday"


def test_dump_dir_has_a_folder_for_each_case(tmp_path: Path) -> None:
    cases = tmp_path / "cases.mlir"
    cases.write_text(ADD + "// -----\n" + ADD.replace("relu", "neg"))
    assert run(cases, "--split-input-file", "-p", "cse", "--dump-dir", tmp_path / "ir") == 0
    for case, op in (("1", "nn.relu"), ("2", "nn.neg")):
        assert op in (tmp_path / "ir" / case / "00-input.mlir").read_text()
        assert op in (tmp_path / "ir" / case / "01-cse.mlir").read_text()


def test_dump_dir_of_a_phase_without_passes_has_its_input(model: Path, tmp_path: Path) -> None:
    assert run(model, "--stop-after=import", "--dump-dir", tmp_path / "ir") == 0
    assert [path.name for path in (tmp_path / "ir").iterdir()] == ["00-input.mlir"]


def test_an_interrupt_is_one_line(
    model: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from trtc.passes.graph.cse import CsePass

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(CsePass, "apply", interrupt)
    assert run(model, "-p", "cse", "-o", model) == 130
    assert capsys.readouterr().err.strip() == "trtc-opt: interrupted"
    assert model.read_text() == ADD


def test_the_version_is_of_trtc(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--version") == 0
    assert re.match(r"trtc-opt 0\.\S+ built on xDSL 0\.", capsys.readouterr().out)


def test_a_missing_file_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path / "nowhere.mlir") == 2
    assert "nowhere.mlir" in capsys.readouterr().err
    (tmp_path / "model.txt").write_text(ADD)
    assert run(tmp_path / "model.txt") == 2
    assert "Unrecognized file extension 'txt'; expected .mlir or .onnx" in capsys.readouterr().err


def test_a_pass_that_breaks_dominance_is_named(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from trtc.passes.graph.cse import CsePass

    def move_the_return_first(self: CsePass, ctx: object, op: object) -> None:
        block = op.body.block.first_op.body.block  # type: ignore[attr-defined]
        add = block.last_op.prev_op
        add.detach()
        block.insert_op_before(add, block.first_op)

    monkeypatch.setattr(CsePass, "apply", move_the_return_first)
    assert run(model, "-p", "cse", f"--failures={tmp_path / 'failures'}") == 1
    err = capsys.readouterr().err
    assert err.startswith(f"{model}:4:3: error: the result of pass 'cse' is not valid: operand #0 of 'nn.add' uses")


def test_a_pass_that_crashes_is_one_line_unless_asked(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from trtc.passes.graph.cse import CsePass

    def crash(self: CsePass, ctx: object, op: object) -> None:
        raise KeyError("gone")

    monkeypatch.setattr(CsePass, "apply", crash)
    failures = f"--failures={tmp_path / 'failures'}"
    assert run(model, "-p", "cse", failures) == 1
    assert capsys.readouterr().err.startswith("error: pass 'cse' failed: KeyError: 'gone'; the module before it, ")
    assert run(model, "-p", "cse", failures, "--traceback") == 1
    assert "Traceback" in capsys.readouterr().err


def test_a_pass_at_the_wrong_level_is_named(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(model, "--stop-after=memory", "-p", "bufferize") == 1
    assert capsys.readouterr().err == "error: pass 'bufferize': expected a tensor type, got memref<2x3xf32>\n"


def test_reads_standard_input(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    class Stdin:
        buffer: io.BytesIO

    for name in ((), ("-",)):
        Stdin.buffer = io.BytesIO(ADD.encode())
        monkeypatch.setattr("sys.stdin", Stdin())
        assert run(*name, "-p", "cse", "-o", "-") == 0
        assert capsys.readouterr().out.count("nn.relu") == 1


def test_starting_up_imports_nothing_heavy() -> None:
    code = "import sys, trtc.compiler.tools.trtc_opt; print(*sorted({m.split('.')[0] for m in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"onnx", "onnxruntime", "cupy"} & set(loaded)


@pytest.fixture
def onnx_model(tmp_path: Path) -> Path:
    """`y = relu(x)` with a dynamic first dimension `batch`."""
    import onnx
    from onnx import TensorProto, helper

    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 4]) for name in ("x", "y"))
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"], name="act")], "g", [x], [y])
    path = tmp_path / "model.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10), path)
    return path


def test_reads_onnx(onnx_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(onnx_model, "--stop-after=import", "--profile=batch=1,2,8", "--print-debuginfo") == 0
    out = capsys.readouterr().out
    assert "nn.relu" in out
    assert "batch = array<i64: 1, 2, 8>" in out
    assert 'loc("act"' in out
    assert run(onnx_model, "--run", "--shape=x=3x4") == 0
    assert capsys.readouterr().out.startswith("y: float32[3x4] min 0 ")


@pytest.fixture
def weighted_model(tmp_path: Path) -> Path:
    """`y = x + w` with `w` too large for the text."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [2, 64]) for name in ("x", "y"))
    w = numpy_helper.from_array(np.arange(64, dtype=np.float32), "w")
    graph = helper.make_graph([helper.make_node("Add", ["x", "w"], ["y"])], "g", [x], [y], [w])
    path = tmp_path / "weighted.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10), path)
    return path


def test_printed_ir_runs_with_the_blobs_that_were_saved(
    weighted_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text, blobs, ir = tmp_path / "graph.mlir", tmp_path / "graph.npz", tmp_path / "ir"
    assert run(weighted_model, "--stop-after=fuse", "-o", text, "--save-blobs", blobs, "--dump-dir", ir) == 0
    assert run(weighted_model, "--run") == 0
    expected = capsys.readouterr().out
    for path, saved in (
        (text, blobs),
        (ir / "00-input.mlir", ir / "blobs.npz"),
        (ir / "01-canonicalize-nn.mlir", ir / "blobs.npz"),
    ):
        gc.collect()  # after which no module holds the bytes, as in a new process
        assert run(path, "--run") == 1
        assert "give trtc-opt --blobs what --save-blobs or --dump-dir wrote" in capsys.readouterr().err
        assert run(path, "--run", "--blobs", saved) == 0
        assert capsys.readouterr().out == expected


def test_blobs_are_verified(tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.savez(tmp_path / "wrong.npz", **{"0" * 64: np.zeros(4, np.uint8)})
    assert run(model, "--blobs", tmp_path / "wrong.npz") == 2
    assert "expected blobs by their SHA-256, as --save-blobs writes them" in capsys.readouterr().err


def test_a_broken_onnx_file_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes(b"not a model")
    assert run(path) == 1
    err = capsys.readouterr().err
    assert err.startswith("error: ")
    assert "Traceback" not in err


@pytest.mark.parametrize("text", ["x", "x=", "=1x2", "x=1x", "x=0x4", "x=axb"])
def test_a_wrong_shape_is_one_sentence(onnx_model: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    assert run(onnx_model, "--shape", text) == 2
    assert f"--shape '{text}': expected <input>=<extent>x<extent>" in capsys.readouterr().err


def test_a_failure_in_the_pipeline_is_reproduced_by_the_pipeline(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message repeats the flags that were given, and does not list the passes that --stop-after runs."""
    from trtc.passes.graph.cse import CsePass

    def swap(self: CsePass, ctx: object, op: object) -> None:
        add = op.body.block.first_op.body.block.last_op.prev_op  # type: ignore[attr-defined]
        add.operands[0] = op.body.block.first_op.body.block.args[0]  # type: ignore[attr-defined]

    monkeypatch.setattr(CsePass, "apply", swap)
    code = run(model, "--stop-after=graph", "--precision=fp32", "--check-numerics", "--failures", tmp_path / "failures")
    err = capsys.readouterr().err
    assert code == 1
    assert "pass 'cse' (exact) changed value 'y'" in err
    assert f"reproduce with: trtc-opt {model} --stop-after=graph --precision=fp32 --check-numerics --seed 0\n" in err


def test_numbers_have_no_verdict_where_the_run_failed(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither where a pass changed numbers nor where one crashed: what was compared before says nothing of the result."""
    from trtc.passes.graph.cse import CsePass

    def swap(self: CsePass, ctx: object, op: object) -> None:
        add = op.body.block.first_op.body.block.last_op.prev_op  # type: ignore[attr-defined]
        add.operands[0] = op.body.block.first_op.body.block.args[0]  # type: ignore[attr-defined]

    def crash(self: CsePass, ctx: object, op: object) -> None:
        raise KeyError("gone")

    command = [model, "-p", "dce,cse", "--check-numerics", f"--failures={tmp_path / 'failures'}"]
    assert run(*command) == 0
    assert "check-numerics: 2 passes, " in capsys.readouterr().err
    for broken in (swap, crash):
        monkeypatch.setattr(CsePass, "apply", broken)
        assert run(*command) == 1
        err = capsys.readouterr().err
        assert "values compared" not in err and err.count("\n") == 1
