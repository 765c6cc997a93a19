"""Every flag has an effect that can be seen: each is run with and without, and what comes out differs. A flag without a case fails."""

from __future__ import annotations

import argparse
import gc
import re
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from xdsl.ir import Attribute
from xdsl.utils.diagnostic import Diagnostic

from trtc.compiler.tools import trtc, trtc_opt
from trtc.compiler.tools.opt.tool import TrtcOptMain

sys.path.insert(0, str(Path(__file__).parents[2]))
from stub_timer import StubTimer

ADD = """func.func @main(%x: tensor<2x3xf32>) -> tensor<2x3xf32> attributes {nn.inputs = ["x"], nn.outputs = ["y"]} {
  %0 = nn.relu %x : tensor<2x3xf32>
  %1 = nn.relu %x : tensor<2x3xf32>
  %2 = nn.add %0, %1 : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  func.return %2 : tensor<2x3xf32>
}
"""
ENGINE = ["net.engine", "--device", "simulator"]
MODEL = ["model.onnx", "--device", "simulator"]
PROFILE = ["--profile", "N=1,2,8"]

TUNED = ["--opt-level", "1", "--timing-cache", "new.jsonl"]

Case = tuple[list[str], list[str]]
"""Arguments without and with a flag."""


def building(command: str, model: list[str]) -> dict[tuple[str, str], Case]:
    """The flags of a build, on a command that builds."""
    base = [command, *model, *PROFILE]
    return {
        (command, "--precision"): (base, [*base, "--precision", "fp16"]),
        (command, "--target"): ([*base, "--target", "sm_80"], [*base, "--target", "sm_90a"]),
        (command, "--profile"): (base, [command, *model, "--profile", "N=2,4,8"]),
        (command, "--constant"): (base, [*base, "--constant", "x=1"]),
        (command, "--bound"): (base, [*base, "--bound", "nonzero=4"]),
        (command, "--memory-limit"): (base, [*base, "--memory-limit", "1"]),
        (command, "--no-cache"): (base, [*base, "--no-cache"]),
        (command, "--quiet"): (base, [*base, "--quiet"]),
        (command, "--opt-level"): (base, [*base, "--opt-level", "4"]),
        (command, "--timing-cache"): ([*base, *TUNED[:2]], [*base, *TUNED]),
        (command, "--time-limit"): ([*base, *TUNED], [*base, *TUNED, "--time-limit", "1"]),
        (command, "--locked"): (base, [*base, "--locked", "w.npz"]),
    }


def choosing(command: str, *extra: str) -> dict[tuple[str, str], Case]:
    """The flags of a build on a command that only chooses schedules."""
    base = [command, "model.onnx", *PROFILE, *extra, *TUNED]
    compiling = (
        "--no-cache",
        "--memory-limit",
        "--locked",
        "--timing-cache",
        "--opt-level",
        "--time-limit",
        "--profile",
    )
    others = {key: case for key, case in building(command, [*base[1:2], *base[4:]]).items() if key[1] not in compiling}
    return {
        **others,
        (command, "--profile"): (base, [command, "model.onnx", "--profile", "N=2,4,8", *extra, *TUNED]),
        (command, "--opt-level"): (base, [*base, "--opt-level", "2"]),
        (command, "--timing-cache"): (base, [*base, "--timing-cache", "others.jsonl"]),
        (command, "--time-limit"): (base, [*base, "--time-limit", "1"]),
    }


def running(command: str, *extra: str) -> dict[tuple[str, str], Case]:
    base = [command, *ENGINE, *extra]
    return {
        (command, "--device"): (base, [command, "net.engine", *extra, "--device", "9"]),
        (command, "--inputs"): (base, [*base, "--inputs", "x.npz"]),
        (command, "--shape"): (base, [*base, "--shape", "N=3"]),
        (command, "--seed"): (base, [*base, "--seed", "1"]),
    }


ONNX = ["model.onnx", *PROFILE]
BENCH = ["bench", *ENGINE, "--iterations", "2", "--warmup", "1"]
TUNE = ["tune", *ONNX, *TUNED]
TRTC: dict[tuple[str, str], Case] = {
    ("build", "--output"): (["build", "model.onnx", *PROFILE], ["build", "model.onnx", *PROFILE, "-o", "other.engine"]),
    **building("build", ["model.onnx"]),
    ("build", "--refit"): (["build", "model.onnx", *PROFILE], ["build", "model.onnx", *PROFILE, "--refit"]),
    **building("run", MODEL),
    **building("bench", [*MODEL, "--iterations", "1", "--warmup", "0", "--export", "times.json"]),
    **running("run"),
    **running("bench", "--iterations", "1", "--warmup", "0", "--export", "times.json"),
    ("run", "--save"): (["run", *ENGINE], ["run", *ENGINE, "--save", "y.npz"]),
    ("bench", "--iterations"): (BENCH, [*BENCH, "--iterations", "3"]),
    ("bench", "--warmup"): (BENCH, [*BENCH, "--warmup", "3"]),
    ("bench", "--profile-launches"): (BENCH, [*BENCH, "--profile-launches"]),
    ("bench", "--export"): (BENCH, [*BENCH, "--export", "times.json"]),
    ("refit", "--weights"): (
        ["refit", "refit.engine", "--weights", "w.npz"],
        ["refit", "refit.engine", "--weights", "model.onnx"],
    ),
    ("refit", "--output"): (
        ["refit", "refit.engine", "--weights", "w.npz"],
        ["refit", "refit.engine", "--weights", "w.npz", "-o", "o.engine"],
    ),
    **building("inspect", ["model.onnx"]),
    **choosing("tune"),
    ("tune", "--workers"): (TUNE, [*TUNE, "--workers", "3"]),
    ("tune", "--import"): (TUNE, [*TUNE, "--import", "times.jsonl"]),
    ("tune", "--export"): (TUNE, [*TUNE, "--export", "own.jsonl"]),
    **choosing("lock", "-o", "new.lock"),
    ("lock", "--output"): (["lock", *ONNX, "-o", "new.lock"], ["lock", *ONNX, "-o", "other.lock"]),
    ("inspect", "--choices"): (["inspect", "net.engine"], ["inspect", "net.engine", "--choices"]),
    ("inspect", "--html"): (["inspect", *ONNX], ["inspect", *ONNX, "--html", "page.html"]),
    ("inspect", "--arch"): (["inspect", "net.engine"], ["inspect", "net.engine", "--arch", "sm_90a"]),
    ("inspect", "--json"): (["inspect", "net.engine"], ["inspect", "net.engine", "--json"]),
    ("inspect", "--ir"): (["inspect", "net.engine"], ["inspect", "net.engine", "--ir"]),
    ("inspect", "--cuda"): (["inspect", "net.engine"], ["inspect", "net.engine", "--cuda", "softmax"]),
}
GRAPH = [*ONNX, "--stop-after=graph"]
CSE = ["add.mlir", "-p", "cse"]
OPT: dict[str, Case] = {
    "--frontend": (["model.bin", *PROFILE], ["model.bin", *PROFILE, "-f", "onnx"]),
    "--disable-verify": (["invalid.mlir"], ["invalid.mlir", "--disable-verify"]),
    "--allow-unregistered-dialect": (["unknown.mlir"], ["unknown.mlir", "--allow-unregistered-dialect"]),
    "--no-implicit-module": (["add.mlir"], ["add.mlir", "--no-implicit-module"]),
    "--target": ([*ONNX, "--stop-after=threads"], [*ONNX, "--stop-after=threads", "-t", "cuda"]),
    "--output-file": (["add.mlir"], ["add.mlir", "-o", "out.mlir"]),
    "--passes": (["add.mlir"], CSE),
    "--print-between-passes": (CSE, [*CSE, "--print-between-passes"]),
    "--time-passes": (CSE, [*CSE, "--time-passes"]),
    "--verify-diagnostics": (["invalid.mlir"], ["invalid.mlir", "--verify-diagnostics"]),
    "--parsing-diagnostics": (["broken.mlir"], ["broken.mlir", "--parsing-diagnostics"]),
    "--split-input-file": (["two.mlir"], ["two.mlir", "--split-input-file"]),
    "--print-op-generic": (["add.mlir"], ["add.mlir", "--print-op-generic"]),
    "--print-no-properties": (["add.mlir", "--print-op-generic"], ["add.mlir", "--print-op-generic", "--print-no-properties"]),
    "--print-debuginfo": (ONNX, [*ONNX, "--print-debuginfo"]),
    "--syntax-highlight": (["add.mlir"], ["add.mlir", "--syntax-highlight"]),
    "--shrink": (["add.mlir"], ["add.mlir", "--shrink"]),
    "--print-ir-before": (CSE, [*CSE, "--print-ir-before=cse"]),
    "--print-ir-after": (CSE, [*CSE, "--print-ir-after=cse"]),
    "--dump-dir": (CSE, [*CSE, "--dump-dir", "dump"]),
    "--stop-after": (ONNX, GRAPH),
    "--start-after": (["start.mlir", "--stop-after=graph"], ["start.mlir", "--stop-after=graph", "--start-after=11-fold-constants"]),
    "--precision": (GRAPH, [*GRAPH, "--precision", "fp16"]),
    "--arch": ([*ONNX, "--stop-after=fuse"], [*ONNX, "--stop-after=fuse", "--arch", "sm_90a"]),
    "--profile": (GRAPH, ["model.onnx", "--profile", "N=2,4,8", "--stop-after=graph"]),
    "--constant": (ONNX, [*ONNX, "--constant", "x=1"]),
    "--bound": (ONNX, [*ONNX, "--bound", "nonzero=4"]),
    "--shape": ([*ONNX, "--run"], [*ONNX, "--run", "--shape", "x=3x64"]),
    "--refit": (ONNX, [*ONNX, "--refit"]),
    "--memory-limit": ([*ONNX, "--stop-after=memory"], [*ONNX, "--stop-after=memory", "--memory-limit", "1"]),
    "--timing": (CSE, [*CSE, "--timing"]),
    "--remarks": ([*ONNX, "--stop-after=fuse"], [*ONNX, "--stop-after=fuse", "--remarks"]),
    "--list-passes": (["add.mlir"], ["add.mlir", "--list-passes"]),
    "--list-schedules": (["add.mlir"], ["add.mlir", "--list-schedules"]),
    "--run": (["add.mlir"], ["add.mlir", "--run"]),
    "--check-numerics": (CSE, [*CSE, "--check-numerics"]),
    "--seed": (["add.mlir", "--run"], ["add.mlir", "--run", "--seed", "1"]),
    "--inputs": (["add.mlir", "--run"], ["add.mlir", "--run", "--inputs", "two.npz"]),
    "--save-outputs": (["add.mlir", "--run"], ["add.mlir", "--run", "--save-outputs", "y.npz"]),
    "--references": (["zeros.mlir", "--run"], ["zeros.mlir", "--run", "--references"]),
    "--save-blobs": (ONNX, [*ONNX, "--save-blobs", "blobs.npz"]),
    "--blobs": (["graph.mlir", "--run"], ["graph.mlir", "--run", "--blobs", "graph.npz"]),
    "--traceback": (["invalid.mlir"], ["invalid.mlir", "--traceback"]),
    "--failures": ([*CSE, "--check-numerics"], [*CSE, "--check-numerics", "--failures", "elsewhere"]),
}  # fmt: skip


def slow_timer(arch: str, workers: int = 1) -> StubTimer:
    """In the place of a GPU's; six candidates take longer than a second."""

    def times(candidate: Any) -> float:
        time.sleep(0.3)
        return candidate.price

    print(f"{workers} workers")
    return StubTimer(times)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that the cases name."""
    folder = tmp_path_factory.mktemp("flags")
    rng = np.random.default_rng(0)
    first, second = (rng.standard_normal((64, 64)).astype(np.float32) for _ in range(2))
    nodes = [
        helper.make_node("MatMul", ["x", "first"], ["a"]), helper.make_node("Softmax", ["a"], ["b"]),
        helper.make_node("MatMul", ["b", "second"], ["y"]),
    ]  # fmt: skip
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 64]) for name in ("x", "y"))
    weights = [numpy_helper.from_array(first, "first"), numpy_helper.from_array(second, "second")]
    graph = helper.make_graph(nodes, "g", [x], [y], weights)
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10), folder / "model.onnx"
    )
    shutil.copy(folder / "model.onnx", folder / "model.bin")
    shutil.copy(Path(__file__).parents[2] / "filecheck" / "tools" / "references.mlir", folder / "zeros.mlir")
    (folder / "times.jsonl").write_text("")
    np.savez(folder / "x.npz", x=np.ones((5, 64), np.float32))
    np.savez(folder / "two.npz", x=np.ones((2, 3), np.float32))
    texts = {
        "add": ADD, "two": ADD + "// -----\n" + ADD, "invalid": "func.func @main(%x: i32) -> i64 {\n  func.return %x : i32\n}\n",
        "start": "func.func @main() -> tensor<2xf32> {\n  %0 = nn.constant dense<[0.0, 1.0]> : tensor<2xf32>\n"
        "  %1 = nn.exp %0 : tensor<2xf32>\n  func.return %1 : tensor<2xf32>\n}\n",
        "broken": "func.func @main() {\n  func.return %0 %1\n}\n", "unknown": '"nowhere.op"() : () -> ()\n',
    }  # fmt: skip
    for name, text in texts.items():
        (folder / f"{name}.mlir").write_text(text)
    model, engine = str(folder / "model.onnx"), str(folder / "net.engine")
    assert trtc.main(["build", model, *PROFILE, "--target=sm_80", "--target=sm_90a", "-o", engine, "--quiet"]) == 0
    refittable = str(folder / "refit.engine")
    assert trtc.main(["build", model, *PROFILE, "--target=sm_80", "--refit", "-o", refittable, "--quiet"]) == 0
    np.savez(folder / "w.npz", second=np.ones((64, 64), np.float32))
    with pytest.raises(SystemExit):
        trtc_opt.main([model, *PROFILE, f"--save-blobs={folder / 'graph.npz'}", f"-o={folder / 'graph.mlir'}"])
    return folder


@pytest.fixture
def observe(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[Any, ...]]:
    """What a command shows: its exit code, what it prints, without times, and the files that are new or changed."""
    # Two flags of xDSL change its classes.
    monkeypatch.setattr(Attribute, "__post_init__", Attribute.__post_init__)
    monkeypatch.setattr(Diagnostic, "colored", Diagnostic.colored)
    monkeypatch.setattr("trtc.compiler.tune.cuda.timer_for", slow_timer)

    def look(main: Callable[[list[str]], Any], arguments: list[str], cold: bool = False) -> tuple[Any, ...]:
        place = tmp_path / "place"
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(folder, place)
        monkeypatch.chdir(place)
        capsys.readouterr()
        gc.collect()  # weights of the run before are gone
        if cold:
            monkeypatch.setenv("TRTC_CACHE", str(place / "cache"))
        try:
            code = main(arguments)
        except SystemExit as exit_:
            code = exit_.code
        printed = capsys.readouterr()
        new = {str(p.relative_to(place)): p.read_bytes() for p in sorted(place.rglob("*")) if p.is_file()}
        changed = {
            name: b""
            if name.startswith("cache")
            else re.sub(rb"\d+\.\d+", b"#", data)
            if name.endswith(".json")
            else data
            for name, data in new.items()
            if not (folder / name).exists() or (folder / name).read_bytes() != data
        }
        times = r"\d+\.\d+" if "bench" in arguments else r" *\d+\.\d+ m?s"
        return code, *(re.sub(times, "#", text) for text in printed), changed

    return look


def flags_of(parser: argparse.ArgumentParser) -> set[str]:
    """The long names of a parser's flags, without those that only print."""
    actions = [a for a in parser._actions if a.option_strings and a.dest not in ("help", "version")]
    return {max(action.option_strings, key=len) for action in actions}


def test_every_flag_has_a_case() -> None:
    (commands,) = [a for a in trtc._parser()._actions if isinstance(a, argparse._SubParsersAction)]
    walked = {(name, flag) for name, parser in commands.choices.items() for flag in flags_of(parser)}
    assert walked == TRTC.keys()

    class Probe(TrtcOptMain):
        def register_all_arguments(self, arg_parser: argparse.ArgumentParser) -> None:
            super().register_all_arguments(arg_parser)
            self.flags = flags_of(arg_parser)

    assert Probe([]).flags == OPT.keys()


@pytest.mark.parametrize(("command", "flag"), TRTC)
def test_a_flag_of_trtc_has_an_effect(observe: Any, command: str, flag: str) -> None:
    without, given = TRTC[command, flag]
    cold = flag == "--no-cache"  # a cache in the folder that is looked at
    first = observe(trtc.main, without, cold)
    assert first != observe(trtc.main, given, cold)
    if cold or "net.engine" in without:  # a build takes long, and test_build.py has that it does the same again
        assert first == observe(trtc.main, without, cold), "what differs comes from the flag"


@pytest.mark.parametrize("flag", OPT)
def test_a_flag_of_trtc_opt_has_an_effect(observe: Any, flag: str, monkeypatch: pytest.MonkeyPatch) -> None:
    without, given = OPT[flag]
    if flag == "--failures":  # a pass that changes numbers, so that there are failures to save
        from trtc.passes.graph.cse import CsePass

        def swap(self: CsePass, ctx: object, op: Any) -> None:
            add = op.body.block.first_op.body.block.last_op.prev_op
            add.operands[0] = op.body.block.first_op.body.block.args[0]

        monkeypatch.setattr(CsePass, "apply", swap)
    first = observe(trtc_opt.main, without)
    assert first == observe(trtc_opt.main, without), "what differs comes from the flag"
    assert first != observe(trtc_opt.main, given)


def test_a_second_target_is_built_for(observe: Any) -> None:
    one = ["build", "model.onnx", *PROFILE, "--target", "sm_80"]
    engines = [observe(trtc.main, a)[3]["model.engine"] for a in (one, [*one, "--target", "sm_90a"])]
    # A remark may name the architecture that a schedule asks for; a section of it is there only if it was built for.
    assert b"sm_90a/host.mlir" not in engines[0] and b"sm_90a/host.mlir" in engines[1]


def test_a_memory_limit_is_kept_to_the_byte(observe: Any) -> None:
    base = ["build", "model.onnx", *PROFILE, "--quiet"]
    code, _, error, _ = observe(trtc.main, [*base, "--memory-limit", "1"])
    assert code == 2
    needed = int(re.search(r"the arena needs (\d+) bytes, more than the limit of 1", error)[1])  # type: ignore[index]
    codes = [observe(trtc.main, [*base, "--memory-limit", str(needed - less)])[0] for less in (0, 1)]
    assert codes == [0, 2]


@pytest.mark.parametrize("arch", ["sm_80", "sm_90a"])
def test_the_ir_of_the_chosen_architecture_is_shown(observe: Any, arch: str) -> None:
    assert f'"{arch}"' in observe(trtc.main, ["inspect", "net.engine", "--ir", "--arch", arch])[1]
