"""`trtc refit` and the files that weights come from."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper, parser

import trtc
from trtc.compiler.tools.trtc import main

MODEL = """<ir_version: 8, opset_import: ["" : 17]>
g (float[N, 4] x) => (float[N, 4] y) <float high = {2}> {
  a = Mul(x, w)
  c = Add(a, b)
  y = Clip(c, , high)
}"""
OPTIONS = trtc.BuildOptions(target="sm_80", refit=True, profiles={"N": (1, 2, 4)})


def model(seed: int, path: Path, text: str = MODEL) -> dict[str, np.ndarray]:
    """Writes the model with seeded weights, and returns these."""
    rng = np.random.default_rng(seed)
    arrays = {name: rng.standard_normal(4).astype(np.float32) for name in ("w", "b")}
    proto = parser.parse_model(text)
    proto.graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in arrays.items())
    onnx.save(proto, path)
    return arrays


def safetensors(path: Path, arrays: dict[str, np.ndarray], **change: object) -> Path:
    """Writes tensors in that format; `change` replaces fields of the entry of `w`."""
    header: dict[str, dict[str, object]] = {"__metadata__": {"format": "pt"}}
    body = b""
    for name, array in arrays.items():
        offsets = [len(body), len(body) + array.nbytes]
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": offsets}
        body += array.tobytes()
    header["w"].update(change)
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + body)
    return path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`net.engine`, built from `model.onnx` (seed 0), and `wanted.engine` from `other/model.onnx` (seed 1)."""
    (tmp_path / "other").mkdir()
    for seed, name, engine in ((0, "model.onnx", "net.engine"), (1, "other/model.onnx", "wanted.engine")):
        model(seed, tmp_path / name)
        trtc.build(tmp_path / name, OPTIONS).save(tmp_path / engine)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("kind", ["npz", "safetensors", "onnx"])
def test_weights_come_from_a_file(folder: Path, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    arrays = model(1, folder / "new.onnx")
    np.savez(folder / "new.npz", **arrays)
    safetensors(folder / "new.safetensors", arrays)
    assert main(["refit", "net.engine", "--weights", f"new.{kind}", "-o", "out.engine"]) == 0
    assert f"out.engine: {3 if kind == 'onnx' else 2} tensors given" in capsys.readouterr().out
    assert (folder / "out.engine").read_bytes() == (folder / "wanted.engine").read_bytes()
    assert main(["refit", "net.engine", "--weights", f"new.{kind}"]) == 0
    assert (folder / "net.engine").read_bytes() == (folder / "wanted.engine").read_bytes()


def test_what_stays_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.savez(folder / "w.npz", w=np.ones(4, np.float32))
    assert main(["refit", "net.engine", "--weights", "w.npz"]) == 0
    assert "1 tensors given, 1 as they were" in capsys.readouterr().out
    assert main(["inspect", "net.engine"]) == 0
    shown = capsys.readouterr().out
    assert "refittable: 2 tensors" in shown and "pinned high: the bounds of Clip" in shown


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Mul(x, w)", "Div(x, w)"),
        ("high = {2}", "high = {3}"),
        ("float[N, 4] y", "float[N, 4] z"),
        ("Add(a, b)", "Add(b, a)"),
    ],
)
def test_another_model_is_refused(folder: Path, old: str, new: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = MODEL.replace(old, new).replace("y = Clip", "z = Clip" if new.endswith("z") else "y = Clip")
    model(1, folder / "new.onnx", text)
    assert main(["refit", "net.engine", "--weights", "new.onnx"]) == 2
    assert "it is not the model of the engine with other weights" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"dtype": "F33"}, "is malformed, or of a type"),
        ({"shape": [5]}, "does not lie at bytes 0 to 16"),
        ({"shape": [-4]}, "is malformed"),
        ({"data_offsets": [0, 1 << 60]}, "does not lie"),
        ({"data_offsets": [-16, 0]}, "is malformed"),
        ({"data_offsets": [True, 16]}, "is malformed"),
    ],
)
def test_a_damaged_safetensors_file_is_refused(
    folder: Path, change: dict[str, object], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    safetensors(folder / "new.safetensors", {"w": np.ones(4, np.float32)}, **change)
    before = (folder / "net.engine").read_bytes()
    assert main(["refit", "net.engine", "--weights", "new.safetensors"]) == 2
    assert said in capsys.readouterr().err and (folder / "net.engine").read_bytes() == before


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff" * 8,
        (1 << 40).to_bytes(8, "little") + b"{}",
        (2).to_bytes(8, "little") + b"[]",
        b"\2" + b"\0" * 7 + b"{x",
    ],
)
def test_a_file_that_is_no_safetensors_is_refused(
    folder: Path, data: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "new.safetensors").write_bytes(data)
    assert main(["refit", "net.engine", "--weights", "new.safetensors"]) == 2
    assert "expected a .safetensors file with one tensor per weight" in capsys.readouterr().err


def test_an_engine_without_refit_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trtc.build(folder / "model.onnx", trtc.BuildOptions(target="sm_80", profiles={"N": (1, 2, 4)})).save("plain.engine")
    assert main(["refit", "plain.engine", "--weights", "model.onnx"]) == 2
    assert "built without refit" in capsys.readouterr().err
