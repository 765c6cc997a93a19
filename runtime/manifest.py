"""The manifest of an engine: its fields and their types, checked before anything else reads them.

`verify_plan` compares the fields that repeat the host function with it. The others are records for people, and running an engine does
not read them: `model`, `options`, the versions of `toolchain`, `remarks`, `resources` and `problems`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from ..dialects.errors import EngineFormatError

KIND = "trtc engine"
FORMAT = 5
"""The version of manifest and host function. It is raised where an older trtc would misread a newer engine, or where trtc can no longer
read an older one; manifests without it are of format 1."""
_ARCH = re.compile(r"sm_[0-9]{2,3}[af]?")


@dataclass(frozen=True)
class Table:
    """A JSON object with any names, whose values all have one shape."""

    values: Any


@dataclass(frozen=True)
class Record:
    """A JSON object with these fields and possibly others."""

    fields: Mapping[str, Any]


@dataclass(frozen=True)
class Optional:
    """A value of this shape, or null."""

    shape: Any


class Count:
    """An integer of at least 0."""


_SPEC = {"name": str, "dtype": str, "dims": [str]}
_TENSOR_MAP = {
    "argument": Count,
    "element_type": str,
    "dims": [str],
    "strides": [str],
    "offset": str,
    "box": [Count],
    "swizzle": Count,
    "lower": [str],
    "upper": [str],
    "steps": [Count],
}
_FACTS = {
    "name": str,
    "grid": [str],
    "threads": Count,
    "cluster": Count,
    "shared_bytes": Count,
    "params": [str],
    "arguments": Count,
    "programmatic": bool,
    "cooperative": bool,
    "tensor_maps": [_TENSOR_MAP],
    "nodes": [str],
    "alignments": [Count],
}
_KERNEL = {
    "facts": Record(_FACTS),
    "entry": str,
    "source": str,
    "cubin": str,
    "resources": Table(Count),
    "problems": [str],
}
_VARIANT = {
    "host": str,
    "tiles": str,
    "kernels": [_KERNEL],
    "weights": Table(str),
    "function": str,
    "target": {"sms": Count, "smem": Count},
    "plan": {
        "arena_bytes": Count,
        "sum_bytes": Count,
        "launches": Count,
        "copies": [{"kernel": str, "nodes": [str], "why": str}],
        "buffers": [{"offset": Count, "size": Count, "type": str, "nodes": [str]}],
    },
    "choices": Table(str),
    "remarks": [{"kind": str, "message": str, "nodes": [str], "op_name": str, "pass_name": str}],
}
_REFIT = {
    "structure": str,
    "initializers": Table({"dtype": str, "shape": [Count], "sha256": str, "section": str, "pin": str}),
    "blobs": Table(str),
}
_MANIFEST = {
    "kind": str,
    "format": Count,
    "toolchain": Record({"nvrtc": [Count]}),
    "model": Record({"sha256": str, "name": str}),
    "options": Record({}),
    "inputs": [_SPEC],
    "outputs": [_SPEC],
    "symbols": Table([Count]),
    "refit": Optional(_REFIT),
    "variants": Table(_VARIANT),
}


def check_manifest(manifest: Any) -> None:
    """Raises EngineFormatError unless a manifest has the fields of an engine, each of its type, and no others."""
    kind = cast(dict[str, Any], manifest).get("kind") if isinstance(manifest, dict) else None
    if kind != KIND:
        raise EngineFormatError(f"engine: the file holds {_shown(kind)}, not a '{KIND}'; check the path.")
    _check_format(cast(dict[str, Any], manifest).get("format", 1))
    _check(manifest, _MANIFEST, "manifest")
    if not manifest["variants"]:
        raise EngineFormatError("engine manifest: it holds no architecture; rebuild the engine.")
    for arch in manifest["variants"]:
        if not _ARCH.fullmatch(arch):
            raise malformed(f"variants: expected architectures such as sm_90a, got {_shown(arch)}")
    if len(manifest["toolchain"]["nvrtc"]) != 2:
        raise malformed(f"toolchain.nvrtc: expected two numbers, got {_shown(manifest['toolchain']['nvrtc'])}")


def _check_format(number: Any) -> None:
    """Raises EngineFormatError unless this version of trtc reads engines of a format. Called before other fields are checked, since these
    depend on the format."""
    if type(number) is not int or number < 1:
        raise malformed(f"format: expected a number from 1 on, got {_shown(number)}")
    if number > FORMAT:
        raise EngineFormatError(
            f"engine: the file has format {number}, and this version of trtc reads format {FORMAT}: it was built by a newer one; "
            f"update trtc, or rebuild the engine with this version."
        )
    if number < FORMAT:
        raise EngineFormatError(
            f"engine: the file has format {number}, and this version of trtc reads format {FORMAT}: it was built by an older one; "
            f"rebuild the engine with this version."
        )


def malformed(where: str) -> EngineFormatError:
    return EngineFormatError(f"engine manifest: malformed at {where}; rebuild the engine with this version of trtc.")


def _check(value: Any, shape: Any, where: str) -> None:
    if isinstance(shape, Optional):
        if value is not None:
            _check(value, shape.shape, where)
    elif shape is Count:
        if type(value) is not int or value < 0:
            raise malformed(f"{where}: expected a count, got {_shown(value)}")
    elif isinstance(shape, type):
        if type(value) is not shape:
            raise malformed(f"{where}: expected {shape.__name__}, got {_shown(value)}")
    elif isinstance(shape, list):
        if not isinstance(value, list):
            raise malformed(f"{where}: expected a list, got {_shown(value)}")
        for index, item in enumerate(cast(list[Any], value)):
            _check(item, cast(list[Any], shape)[0], f"{where}[{index}]")
    else:
        _check_object(value, shape, where)


def _check_object(value: Any, shape: Any, where: str) -> None:
    if not isinstance(value, dict):
        raise malformed(f"{where}: expected an object, got {_shown(value)}")
    given = cast(dict[str, Any], value)
    if isinstance(shape, Table):
        fields = dict.fromkeys(given, shape.values)
    else:
        fields = cast(Mapping[str, Any], shape.fields if isinstance(shape, Record) else shape)
        if missing := sorted(fields.keys() - given.keys()):
            raise malformed(f"{where}: expected a field '{missing[0]}'")
        if unknown := sorted(given.keys() - fields.keys()) if isinstance(shape, dict) else []:
            raise malformed(f"{where}: expected no field {_shown(unknown[0])}")
    for name, inner in fields.items():
        _check(given[name], inner, f"{where}.{name}"[:200])


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}..."
