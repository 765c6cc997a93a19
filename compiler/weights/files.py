"""New weights for an engine from a file: .npz, .safetensors, or the ONNX model that was trained on."""

from __future__ import annotations

import json
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import ml_dtypes
import numpy as np

from ...dialects.errors import OptionError
from ...runtime.files import check_readable
from ..npz import load_arrays

if TYPE_CHECKING:
    from ...runtime.engine import Engine

_MAXIMUM_HEADER = 100 << 20
"""Bytes of a .safetensors header, as its format allows."""
_DTYPES: dict[str, Any] = {
    "F64": np.float64, "F32": np.float32, "F16": np.float16, "BF16": ml_dtypes.bfloat16, "F8_E4M3": ml_dtypes.float8_e4m3fn,
    "F8_E5M2": ml_dtypes.float8_e5m2, "I64": np.int64, "I32": np.int32, "I16": np.int16, "I8": np.int8, "U8": np.uint8, "BOOL": np.bool_,
}  # fmt: skip


def read_weights(path: Path, engine: Engine) -> dict[str, np.ndarray]:
    """The arrays of a file by name. Raises OptionError for a file of another kind, and for a model that the engine was not built from."""
    check_readable(path, "weights")
    if path.suffix in (".onnx", ".onnxtxt"):
        return _of_model(path, engine)
    return _of_safetensors(path) if path.suffix == ".safetensors" else load_arrays(path)


def _of_model(path: Path, engine: Engine) -> dict[str, np.ndarray]:
    """The refittable tensors of a model that differs from the engine's only in their values."""
    from ..frontend import import_graph, load
    from ..refittable import Structure

    said = engine.inspect()
    options = said["options"]
    profiles = {name: _profile(profile) for name, profile in options["profiles"].items()}
    imported = import_graph(
        load(path),
        profiles=profiles,
        constants=options["constants"],
        bounds=options["bounds"],
        require_profiles=True,
        refit=True,
    )
    structure = Structure.of(imported)
    if structure.sha256 != said["refit"]["structure"]:
        raise OptionError(
            f"{path}: it is not the model of the engine with other weights: its nodes, shapes, or numbers that decided something in the "
            f"build (trtc inspect lists them) differ; build it anew."
        )
    return {name: op.array() for name, op in structure.initializers.items()}


def _profile(stored: Any) -> Any:
    """A profile as `BuildOptions` take it, from JSON."""
    return tuple(map(_profile, cast(list[Any], stored))) if isinstance(stored, list) else stored


def _of_safetensors(path: Path) -> dict[str, np.ndarray]:
    """The tensors of a .safetensors file: a JSON header, whose offsets are checked before they are used, then the bytes."""
    data = path.read_bytes()
    try:
        size = int.from_bytes(data[:8], "little")
        if not 2 <= size <= min(_MAXIMUM_HEADER, len(data) - 8):
            raise ValueError(f"its header of {size} bytes does not fit the file")
        header: Any = json.loads(data[8 : 8 + size])
        if not isinstance(header, dict):
            raise ValueError("its header is not an object")
        body = memoryview(data)[8 + size :]
        entries = cast(dict[str, Any], header).items()
        return {name: _tensor(name, entry, body) for name, entry in entries if name != "__metadata__"}
    except (ValueError, RecursionError) as error:
        raise OptionError(
            f"{path}: expected a .safetensors file with one tensor per weight: {' '.join(str(error).split())[:200]}"
        ) from error


def _tensor(name: str, entry: Any, body: memoryview) -> np.ndarray:
    match entry:
        case {"dtype": str(kind), "shape": list(shape), "data_offsets": [int(begin), int(end)]} if kind in _DTYPES:
            extents, dtype = cast(list[Any], shape), np.dtype(_DTYPES[kind])
        case _:
            raise ValueError(f"its entry '{name:.100}' is malformed, or of a type that no weight has")
    if any(type(extent) is not int or extent < 0 for extent in (*extents, begin, end)):
        raise ValueError(f"its entry '{name:.100}' is malformed")
    if not begin <= end <= len(body) or end - begin != dtype.itemsize * prod(extents):
        raise ValueError(f"its tensor '{name:.100}' of {kind}{extents} does not lie at bytes {begin} to {end}")
    return np.frombuffer(body[begin:end], np.uint8).view(dtype).reshape(extents)
