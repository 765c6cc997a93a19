"""The exported models of test/models/exports, whole: their weights are drawn where export.py took them out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import ModelProto, helper, numpy_helper

Array = np.ndarray[Any, Any]
HERE = Path(__file__).parent / "exports"


def load(name: str, seed: int = 0) -> ModelProto:
    """The model with weights drawn from `seed`."""
    model = onnx.load(str(HERE / f"{name}.onnx"))
    rng = np.random.default_rng(seed)
    inputs = list(model.graph.input)
    del model.graph.input[:]
    for value in inputs:
        words = value.doc_string.split()
        if words[:1] != ["normal"]:
            model.graph.input.append(value)
            continue
        shape = [dim.dim_value for dim in value.type.tensor_type.shape.dim]
        array = rng.normal(float(words[1]), float(words[2]), shape)
        dtype = helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
        model.graph.initializer.append(numpy_helper.from_array(array.astype(dtype), value.name))
    return model


def draw(model: ModelProto, seed: int) -> dict[str, Array]:
    """Token ids, and a mask that hides the start of the first row, as batched generation does, and the end of the others."""
    rng = np.random.default_rng(seed)
    drawn: dict[str, Array] = {}
    for value in model.graph.input:
        batch, length = (dim.dim_value for dim in value.type.tensor_type.shape.dim)
        if value.name == "attention_mask":
            lengths = rng.integers(length // 2, length, (batch, 1))
            mask = (np.arange(length) < lengths).astype(np.int64)
            mask[0] = mask[0, ::-1]
            drawn[value.name] = mask
        else:
            drawn[value.name] = rng.integers(3, 128, (batch, length))
    return drawn
