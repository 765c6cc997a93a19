"""Flags of the command lines that choose what is built: each changes what comes out."""

from __future__ import annotations

from pathlib import Path

import pytest

import trtc
from trtc.compiler.tools import trtc_opt
from trtc.compiler.tools.trtc import main
from trtc.dialects.errors import TrtcError

pytest.importorskip("cupy", reason="NVRTC comes with CuPy")

WEIGHTS = ", ".join(f"{i % 7 - 3}.0" for i in range(64 * 64))
TWO_LAYERS = """<ir_version: 10, opset_import: ["" : 20]>
two_layers (float[n, 64] x) => (float[n, 64] y)
<float[64, 64] w = {WEIGHTS}> {
  h = MatMul(x, w)
  s = Sigmoid(h)
  y = MatMul(s, w)
}
""".replace("WEIGHTS", WEIGHTS)
PROFILE = ["--profile", "n=1,4,16"]


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "model.onnxtxt"
    path.write_text(TWO_LAYERS)
    monkeypatch.setenv("TRTC_CACHE", str(tmp_path / "cache"))
    return path


def build(model: Path, *flags: str) -> trtc.Engine:
    output = model.with_suffix(".engine")
    assert main(["build", str(model), "-o", str(output), "--quiet", *flags]) == 0
    return trtc.load(output)


def opt(*arguments: object) -> int:
    with pytest.raises(SystemExit) as exit_:
        trtc_opt.main([str(argument) for argument in arguments])
    assert isinstance(exit_.value.code, int)
    return exit_.value.code


def test_targets_and_which_of_them_inspect_shows(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert list(build(model, "--target", "sm_80", *PROFILE).variants) == ["sm_80"]
    assert set(build(model, "--target", "sm_90a", "--target", "sm_80", *PROFILE).variants) == {"sm_90a", "sm_80"}
    capsys.readouterr()
    for arch in ("sm_80", "sm_90a"):
        assert main(["inspect", str(model.with_suffix(".engine")), "--arch", arch]) == 0
        assert f"kernels for {arch}:" in capsys.readouterr().out
        assert main(["inspect", str(model.with_suffix(".engine")), "--arch", arch, "--ir"]) == 0
        assert f'"{arch}"' in capsys.readouterr().out


def test_precision_and_profile(model: Path) -> None:
    single, half = (build(model, "--target", "sm_80", "--precision", p, *PROFILE) for p in ("fp32", "fp16"))
    assert half.stats.weight_bytes == single.stats.weight_bytes / 2
    assert single.symbols == {"n": (1, 4, 16)}
    assert [str(spec) for spec in build(model, "--target", "sm_80", "--profile", "n=2").inputs] == ["x: float32[2, 64]"]


def test_no_cache_keeps_nothing(model: Path, tmp_path: Path) -> None:
    build(model, "--target", "sm_80", "--no-cache", *PROFILE)
    assert not (tmp_path / "cache" / "cubin").exists()
    build(model, "--target", "sm_80", *PROFILE)
    assert any((tmp_path / "cache" / "cubin").rglob("*"))


def test_a_memory_limit(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["build", str(model), "-o", str(model.with_suffix(".engine")), "--quiet", "--target", "sm_80", *PROFILE]
    assert main([*arguments, "--memory-limit", "1024"]) != 0
    assert "more than the limit of 1024" in capsys.readouterr().err
    assert main([*arguments, "--memory-limit", "1000000"]) == 0


def test_trtc_opt_has_the_same_ones(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    to_plan = [model, "--stop-after=memory", "--profile=n=1,4,16"]
    assert opt(*to_plan, "--memory-limit=1024") != 0
    assert "more than the limit of 1024" in capsys.readouterr().err
    assert opt(*to_plan, "--memory-limit=1000000") == 0
    for arch in ("sm_80", "sm_90a"):
        capsys.readouterr()
        assert opt(*to_plan, f"--arch={arch}") == 0
        assert f'"{arch}"' in capsys.readouterr().out
    assert opt(*to_plan, "--precision=fp16") == 0
    assert "xf16" in capsys.readouterr().out


def test_only_allowed_schedules_are_chosen(model: Path) -> None:
    profiles = {"n": (1, 4, 16)}
    with pytest.raises(TrtcError, match="pointwise"):
        trtc.build(model, trtc.BuildOptions(target="sm_80", profiles=profiles, schedules=("pointwise",)))
