"""The command line `trtc` on an engine file: what it prints, and that errors are one sentence and an exit code."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trtc.compiler.tools.trtc import main
from trtc.runtime.contexts.simulator import SimulatorContext

W = np.arange(12, dtype=np.float32).reshape(4, 3) - 5


@pytest.fixture(scope="module")
def engine_bytes(handmade_engine: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("engine") / "net.engine"
    handmade_engine(W).save(path)
    return path.read_bytes()


@pytest.fixture
def file(engine_bytes: bytes, handmade_network: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    monkeypatch.setattr(SimulatorContext, "_run", handmade_network[1])
    path = tmp_path / "net.engine"
    path.write_bytes(engine_bytes)
    return str(path)


def test_run_prints_and_saves_outputs(
    file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], handmade_network: Any
) -> None:
    x = np.random.default_rng(0).standard_normal((3, 4), np.float32)
    np.savez(tmp_path / "in.npz", x=x)
    code = main(
        [
            "run",
            file,
            "--device",
            "simulator",
            "--inputs",
            str(tmp_path / "in.npz"),
            "--save",
            str(tmp_path / "out.npz"),
        ]
    )
    printed = capsys.readouterr().out
    assert code == 0 and "device: simulator" in printed and "y: float32[3] mean" in printed
    np.testing.assert_allclose(np.load(tmp_path / "out.npz")["y"], handmade_network[0](x, W), rtol=1e-5)


def test_random_inputs_follow_the_seed_and_the_shape(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    printed: list[str] = []
    for extra in ([], [], ["--seed", "1"], ["--shape", "N=5"]):
        assert main(["run", file, "--device", "simulator", *extra]) == 0
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1] and len(set(printed)) == 3
    assert "float32[2]" in printed[0] and "float32[5]" in printed[3]


def test_bench_prints_percentiles_and_exports(file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "times.json"
    assert main(["bench", file, "--device", "simulator", "--iterations", "10", "--export", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "p50" in printed and "p99" in printed and "says nothing about a GPU" in printed
    record = json.loads(out.read_text())
    assert len(record["milliseconds"]) == 10
    assert record["min"] <= record["p50"] <= record["p99"] == max(record["milliseconds"])


def test_inspect_shows_kernels_sources_and_ir(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", file]) == 0
    printed = capsys.readouterr().out
    assert "dim N: 1 to 8, built for 2" in printed and "sum: grid N x 1 x 1, 32 threads" in printed
    assert main(["inspect", file, "--cuda", "relu"]) == 0
    assert "__global__ void relu" in capsys.readouterr().out
    assert main(["inspect", file, "--ir"]) == 0
    assert "buffer.launch @relu" in capsys.readouterr().out
    assert main(["inspect", file, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["kind"] == "trtc engine"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["run", "{tmp}/missing.engine"], 1, "No such file"),
        (["run", "{tmp}/text.engine"], 1, "not a trtc engine; check the path"),
        (["inspect", "{file}", "--cuda", "nothing"], 2, "expected a kernel of this engine: fc, "),
        (["inspect", "{file}", "--arch", "sm_120"], 1, "holds kernels for sm_80, not for 'sm_120'"),
        (
            ["run", "{file}", "--device", "simulator", "--shape", "Q=3"],
            2,
            "--shape 'Q=3': expected <dimension>=<size> with one of N",
        ),
        (["run", "{file}", "--device", "simulator", "--shape", "N=99"], 1, "expected N within the profile"),
        (["run", "{file}", "--device", "tpu"], 1, "device 'tpu'"),
        (["run", "{file}", "--device", "simulator", "--inputs", "{tmp}/none.npz"], 2, "--inputs"),
        (["build", "{tmp}/missing.onnx", "--quiet"], 2, "No such file"),
        (["build", "{tmp}/missing.onnx", "--quiet", "--target", "sm_75"], 1, "expected sm_80 or newer"),
        (["build", "{tmp}/missing.onnx", "--profile", "N"], 2, "expected <dimension>=<min>,<opt>,<max>"),
        (["build", "{tmp}/missing.onnx", "--profile", "N=2", "--profile", "N=3"], 2, "N has another profile already"),
        (["build", "{tmp}/missing.onnx", "-o", "{tmp}"], 2, "expected the name of a file, got a directory"),
        (["build", "{tmp}/missing.onnx", "-o", "{tmp}/no/x.engine"], 2, "does not exist; create it first"),
        (["build", "{tmp}/missing.onnx", "-o", "{tmp}/text.engine"], 2, "it exists and is not an engine"),
        (["run", "{file}", "--device", "simulator", "--shape", "N=2", "--shape", "N=3"], 2, "N has the size 2 already"),
        (["run", "{file}", "--device", "simulator", "--save", "{tmp}"], 2, "--save"),
        (["run", "{file}", "--device", "simulator", "--inputs", "{tmp}/text.engine"], 2, "expected an .npz file"),
        (["run", "{file}", "--precision", "fp16"], 2, "--precision: it belongs to building"),
        (["bench", "{file}", "--memory-limit", "5"], 2, "--memory-limit: it belongs to building"),
        (["bench", "{file}", "--export", "{tmp}/no/times.json"], 2, "--export"),
    ],
)
def test_errors_are_one_sentence(
    file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, message: str
) -> None:
    (tmp_path / "text.engine").write_text("hello " * 50)
    filled = [argument.format(file=file, tmp=tmp_path) for argument in arguments]
    assert main(filled) == code
    printed = capsys.readouterr().err
    assert printed.startswith("trtc: error: ") and printed.count("\n") == 1
    assert message in printed


@pytest.mark.parametrize(
    "arguments",
    [
        *(
            [flag, text]
            for flag in ("--seed", "--warmup")
            for text in ("-1", "x", "²", "１", "1e3", "9" * 5000, "nan", "")
        ),
        *(["--iterations", text] for text in ("1.5", "0", "²")),
        ["--memory-limit", "1GB"],
    ],
)
def test_numbers_of_flags_are_whole(file: str, capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["bench", file, *arguments])
    assert caught.value.code == 2
    least = 1 if arguments[0] == "--iterations" else 0
    assert f"expected a whole number from {least} on, got '{arguments[1][:40]}'" in capsys.readouterr().err


def test_a_build_never_overwrites_what_is_no_engine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = tmp_path / "model.onnx"
    model.write_bytes(b"weights of years")
    assert main(["build", str(model), "-o", str(model), "--quiet"]) == 2
    assert "it exists and is not an engine; delete it" in capsys.readouterr().err
    assert model.read_bytes() == b"weights of years"


def test_an_interrupt_is_one_line(
    file: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(SimulatorContext, "_run", interrupt)
    assert main(["run", file, "--device", "simulator"]) == 130
    assert capsys.readouterr().err.strip() == "trtc: interrupted"


def test_the_simulator_says_that_it_profiles_no_launches(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", file, "--device", "simulator", "--iterations", "2", "--profile-launches"]) == 0
    captured = capsys.readouterr()
    assert "--profile-launches does nothing on the simulator" in captured.err
    assert "run 22/22" in captured.err, "progress of the 20 runs to warm up and the 2 timed ones"


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0 and capsys.readouterr().out.startswith("trtc 0.")
