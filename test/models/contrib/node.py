"""A model of one node with its inputs, and the numbers that its results must have."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from onnx import ModelProto, ValueInfoProto, helper, numpy_helper

Array = np.ndarray[Any, Any]
MICROSOFT = "com.microsoft"


@dataclass(frozen=True)
class Case:
    """One node; every operand but the constant ones is an input."""

    op: str
    operands: Mapping[str, Array | None]
    """By name, in order; None is left out."""
    attributes: Mapping[str, Any] = field(default_factory=dict[str, Any])
    constants: Sequence[str] = ()
    results: Sequence[str] = ("y",)
    domain: str = MICROSOFT
    opset: int = 21
    steps: int = 0
    """By how much integers may differ."""
    tolerance: float = 1e-5
    """Relative error of norms for floats."""
    reference: Callable[[], Sequence[Array]] | None = None
    """What the results are, where ONNX Runtime has no kernel on a CPU."""

    @property
    def inputs(self) -> dict[str, Array]:
        return {name: a for name, a in self.operands.items() if a is not None and name not in self.constants}

    def model(self) -> ModelProto:
        names = ["" if array is None else name for name, array in self.operands.items()]
        node = helper.make_node(self.op, names, list(self.results), domain=self.domain, **self.attributes)
        values = [
            helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
            for name, array in self.inputs.items()
        ]
        held = {name: self.operands[name] for name in self.constants}
        constants = [numpy_helper.from_array(array, name) for name, array in held.items() if array is not None]
        outputs = [ValueInfoProto(name=name) for name in self.results if name]
        opsets = [helper.make_opsetid("", self.opset), helper.make_opsetid(MICROSOFT, 1)]
        graph = helper.make_graph([node], "g", values, outputs, constants)
        return helper.make_model(graph, opset_imports=opsets, ir_version=10)

    def halves(self) -> Case:
        """The node with operands of f16 in place of f32."""
        narrow = {
            name: None if array is None else array.astype(np.float16) if array.dtype == np.float32 else array
            for name, array in self.operands.items()
        }
        return replace(self, operands=narrow)

    def wanted(self) -> list[Array]:
        """The results in order, by the reference or else by ONNX Runtime without its optimizer."""
        if self.reference is not None:
            return list(self.reference())
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(
            self.model().SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        return session.run(None, self.inputs)

    def check(self, results: Mapping[str, Array]) -> None:
        """Raises AssertionError where results are not the wanted ones."""
        for name, wanted in zip(filter(None, self.results), self.wanted(), strict=True):
            got = np.asarray(results[name])
            assert (got.dtype, got.shape) == (wanted.dtype, wanted.shape), name
            if wanted.dtype.kind == "f":
                size = np.linalg.norm(wanted.astype(np.float64))
                assert size > 0
                error = np.linalg.norm(got.astype(np.float64) - wanted.astype(np.float64)) / size
                assert error <= self.tolerance, f"{name}: relative error {error}"
            else:
                difference = np.abs(got.astype(np.int64) - wanted.astype(np.int64)).max(initial=0)
                assert difference <= self.steps, f"{name}: differs by {difference}"


def floats(*shape: int) -> Array:
    """Distinct numbers of both signs, the same for a shape."""
    rng = np.random.default_rng(len(shape) * 1000 + sum(shape))
    return rng.standard_normal(shape).astype(np.float32)


def scalar(number: float, dtype: Any = np.float32) -> Array:
    return np.array(number, dtype)


def integers(dtype: Any, *shape: int) -> Array:
    """Numbers of the whole range of a type, both ends among them."""
    info, rng = np.iinfo(dtype), np.random.default_rng(len(shape) * 100 + sum(shape))
    drawn = rng.integers(info.min, info.max + 1, shape).astype(dtype)
    drawn.reshape(-1)[:2] = (info.min, info.max)
    return drawn
