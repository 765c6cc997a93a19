"""A cache of whole builds: the engine that an earlier build made of the same model, so that building it again reads one file.

A build's key is everything that decides an engine: the model's bytes and file name, the options and architectures, and the builder, which
is trtc as a digest of its code, the packages that it imports, Python, and NVRTC. An entry is an engine file (`runtime/container.py`) in
the `CubinCache`, under its rules; the key is a field of the manifest, whose digest covers all sections, so an entry under another's name,
or a damaged one, is a miss.

Not kept are engines of models that read further files, whose content is not part of the key, those whose schedules times or a lock file
chose, for the same reason, engines that would take more than half of the cache, and those of a trtc that other packages extend. Builds that
verify each pass never use this cache.
"""

from __future__ import annotations

import hashlib
import json
import platform
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, entry_points, version
from pathlib import Path
from typing import TYPE_CHECKING

from ...dialects.errors import TrtcError
from ..codegen.cuda.cubin_cache import CubinCache
from ..options import BuildOptions

if TYPE_CHECKING:
    from ...runtime.engine import Engine

_ROOT = Path(__file__).parents[2]
_CODE = ("compiler", "dialects", "passes", "runtime")
_PACKAGES = ("xdsl", "numpy", "ml_dtypes", "onnx", "protobuf", "cupy", "cupy-cuda12x", "cupy-cuda13x")
_NVRTC = ("nvidia-cuda-nvrtc", "nvidia-cuda-nvrtc-cu12", "nvidia-cuda-nvrtc-cu13")
"""Wheels with NVRTC, which CuPy prefers to any other NVRTC."""
_FIELD = "build"
"""The field of an entry's manifest that holds its key; an engine has none of this name."""


@cache
def builder() -> str | None:
    """A digest of the code that builds engines; None where other packages extend trtc, whose code the digest does not cover."""
    groups = ("xdsl.universe", "trtc.schedules")
    entries = [entry for group in groups for entry in entry_points(group=group)]
    if any(entry.dist is None or entry.dist.name not in ("trtc", "xdsl") for entry in entries):
        return None
    digest = hashlib.sha256(f"{platform.python_version()} {platform.machine()}".encode())
    for package in (*_PACKAGES, *_NVRTC):
        digest.update(f"{package} {_version(package)};".encode())
    if all(_version(package) is None for package in _NVRTC):
        from ..codegen.cuda.nvrtc import nvrtc_version

        digest.update(f"NVRTC {nvrtc_version()};".encode())
    for file in sorted(file for folder in _CODE for file in (_ROOT / folder).rglob("*.py")):
        content = file.read_bytes()
        digest.update(f"{file.relative_to(_ROOT)} {len(content)};".encode() + content)
    return digest.hexdigest()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _written(file: Path) -> int:
    """When a file was last modified, in nanoseconds. Raises OSError for anything but a plain file: a pipe can be read only once."""
    status = file.stat()
    if not stat.S_ISREG(status.st_mode):
        raise OSError
    return status.st_mtime_ns


@dataclass(frozen=True)
class EngineCache:
    """The place of one build in a cache."""

    store: CubinCache
    key: str
    file: Path | None = None
    """The model, where it is a file."""
    written: int = 0
    """When that file had last been modified when the key was made, in nanoseconds."""

    @classmethod
    def of(
        cls, model: str | Path | bytes, options: BuildOptions, archs: Sequence[str], store: CubinCache
    ) -> EngineCache | None:
        """The place of the build of a model for `archs`; None where such a build must not use the cache."""
        if options.verify_each or options.opt_level or options.locked is not None or (built_by := builder()) is None:
            return None
        file = None if isinstance(model, bytes) else Path(model)
        try:
            written = 0 if file is None else _written(file)
            content = hashlib.sha256(model).hexdigest() if isinstance(model, bytes) else _digest(Path(model))
        except (OSError, ValueError):
            return None  # the driver reports what is wrong with it
        name = None if file is None else file.name
        said = {field: getattr(options, field) for field in options.__dataclass_fields__}
        said |= {field: sorted(getattr(options, field).items()) for field in ("profiles", "constants", "bounds")}
        described = [built_by, name, list(archs), said, content]
        return cls(store, hashlib.sha256(json.dumps(described).encode()).hexdigest(), file, written)

    def get(self) -> Engine | None:
        """The engine of an earlier build, or None where there is none, or a damaged one."""
        from ...runtime.container import read_stream
        from ...runtime.engine import Engine

        try:
            with self.store.open(self.key) as file:
                manifest, sections = read_stream("cache", file)
            return Engine(manifest, sections) if manifest.pop(_FIELD, None) == self.key else None
        except (OSError, TrtcError):
            return None

    def put(self, engine: Engine) -> None:
        """Keeps the engine of a new build, unless it is one that is not kept (see the module's docstring)."""
        size = engine.stored_bytes
        if not engine.external_files and 2 * size <= self.store.limit and self._is_as_it_was():
            self.store.write(self.key, engine.encode({_FIELD: self.key}), size)

    def _is_as_it_was(self) -> bool:
        """Whether the model file has not changed since the key was made, so that the driver read what the key is of."""
        try:
            return self.file is None or _written(self.file) == self.written
        except OSError:
            return False
