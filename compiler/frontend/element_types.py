"""The element types of ONNX as those of `nn`, and those that no tensor may have, with the reason and what can replace them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...dialects.dtypes import element_type_of
from ...dialects.errors import InvalidModelError
from .problems import UnsupportedNode

if TYPE_CHECKING:
    from xdsl.ir import Attribute


@dataclass(frozen=True)
class Refusal:
    """Why something is refused, and what can take its place."""

    why: str
    instead: str


STRINGS = Refusal("strings are no numbers", "numbers, made of the text before the model")
_COMPLEX = Refusal("no kernel computes with complex numbers", "a last dim of two, as DFT has it")
_FNUZ = Refusal("no NVIDIA GPU has this format", "FLOAT8E4M3FN or FLOAT8E5M2")

TYPES: dict[str, Refusal] = {
    "STRING": STRINGS,
    "COMPLEX64": _COMPLEX,
    "COMPLEX128": _COMPLEX,
    "FLOAT8E4M3FNUZ": _FNUZ,
    "FLOAT8E5M2FNUZ": _FNUZ,
    "FLOAT8E8M0": Refusal("it is a format of block scales", "FLOAT scales"),
    "FLOAT4E2M1": Refusal("no kernel reads it", "INT4 with scales, or FLOAT8E4M3FN"),
    "INT2": Refusal("no kernel reads it", "INT4"),
    "UINT2": Refusal("no kernel reads it", "UINT4"),
}


def why_refused(name: str) -> tuple[str, str]:
    """The reason and the advice of a message about an element type."""
    refusal = TYPES.get(name)
    if refusal is None:
        return f"element type {name} is not supported", "use a tensor of numbers or booleans"
    return f"element type {name} is not supported ({refusal.why})", f"use {refusal.instead}"


def onnx_element_type(code: int) -> Attribute:
    """The element type of an ONNX data type code. Raises `UnsupportedNode` for those that no tensor of `nn` has."""
    import onnx

    known = code in onnx.TensorProto.DataType.values()
    name = onnx.TensorProto.DataType.Name(code) if known else str(code)
    if name in ("STRING", "UNDEFINED") or not known:
        raise UnsupportedNode(*why_refused(name))
    return tensor_element_type(np.dtype(onnx.helper.tensor_dtype_to_np_dtype(code)), name)


def tensor_element_type(dtype: np.dtype[Any], name: str) -> Attribute:
    """The element type of a NumPy dtype, which messages call `name`. Raises `UnsupportedNode` for those that no tensor of `nn` has."""
    try:
        return element_type_of(dtype)
    except InvalidModelError:
        raise UnsupportedNode(*why_refused(name)) from None
