"""The refittable initializers of an engine, as its manifest lists them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from ...dialects.errors import EngineFormatError
from ..container import Section
from ..dtypes import dtype_of
from ..manifest import malformed


@dataclass(frozen=True)
class Initializer:
    """A tensor of the model that a refit may replace, by its ONNX name."""

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    sha256: str
    """The SHA-256 of its bytes, row-major, in hex."""
    section: str
    """The section of its bytes; "" where no weight is computed from it."""
    pin: str
    """What its values decided in the build, so that they cannot change any more; "" for nothing."""

    @property
    def nbytes(self) -> int:
        return self.dtype.itemsize * prod(self.shape)

    def to_json(self) -> dict[str, Any]:
        """As the manifest keeps it, under its name."""
        return {
            "dtype": self.dtype.name,
            "shape": list(self.shape),
            "sha256": self.sha256,
            "section": self.section,
            "pin": self.pin,
        }

    def array(self, sections: Mapping[str, Section]) -> np.ndarray:
        """Its numbers, read-only."""
        return np.frombuffer(sections[self.section].data, np.uint8).view(self.dtype).reshape(self.shape)


def initializers(manifest: Mapping[str, Any], sections: Mapping[str, Section]) -> dict[str, Initializer]:
    """The initializers of a refittable engine, by name. Raises EngineFormatError for one whose bytes do not fit its type."""
    found: dict[str, Initializer] = {}
    for name, stored in manifest["refit"]["initializers"].items():
        try:
            dtype = dtype_of(stored["dtype"])
        except ValueError as error:
            raise malformed(str(error)) from error
        each = Initializer(name, dtype, tuple(stored["shape"]), stored["sha256"], stored["section"], stored["pin"])
        if each.section and len(sections[each.section].data) != each.nbytes:
            raise EngineFormatError(
                f"engine: initializer '{name:.100}' has {len(sections[each.section].data)} bytes, which do not fit "
                f"{each.dtype}{list(each.shape)}; rebuild the engine."
            )
        found[name] = each
    return found


def model_digest(structure: str, digests: Mapping[str, str]) -> str:
    """The digest of a model from that of its structure and those of its initializers, by name."""
    text = "".join(f"{len(name)};{name}{digests[name]};" for name in sorted(digests))
    return hashlib.sha256(f"{structure};{text}".encode("utf-8", "surrogatepass")).hexdigest()
