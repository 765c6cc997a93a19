"""The cases of `onnx.backend.test`: models with stored inputs, outputs and tolerances.

Three other suites than `node` keep theirs in files; `node` makes them when it is loaded, from seeds.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

Array = np.ndarray[Any, Any]
GROUPS = ("node", "simple", "pytorch-converted", "pytorch-operator")
LOADED = (onnx.TensorProto, onnx.SequenceProto, onnx.OptionalProto)

EXCLUDED: dict[str, str] = {
    **dict.fromkeys(
        ("node/test_attention_4d_causal_fp16", "node/test_attention_4d_causal_fp16_expanded"),
        "its outputs are of arithmetic in f16, two units in the last place from the exact ones",
    ),
    "node/test_attention_4d_fp16": "its outputs are of arithmetic in f16, 1.4 units in the last place from the exact ones, trtc's 0.9",
    **dict.fromkeys(
        ("node/test_dft_inverse", "node/test_dft_inverse_opset19"),
        "its outputs have the rounding of an FFT in float32 where 0 is right, beyond its own tolerance",
    ),
}
"""Cases that are not run, by `group/name`, with the reason."""


@dataclass(frozen=True, eq=False)
class Case:
    """One case of the suite; `test` is onnx's own record of it."""

    group: str
    name: str
    test: Any

    @property
    def key(self) -> str:
        return f"{self.group}/{self.name}"

    def model(self) -> onnx.ModelProto:
        return self.test.model or onnx.load(Path(self.test.model_dir) / "model.onnx")

    def data_sets(self) -> Iterator[tuple[list[Any], list[Any]]]:
        """Inputs and expected outputs, in the model's order: arrays, lists for sequences, None for an absent optional."""
        if self.test.data_sets is not None:
            for inputs, outputs in self.test.data_sets:
                yield [plain(value) for value in inputs], [plain(value) for value in outputs]
            return
        model = self.model()
        for folder in sorted(Path(self.test.model_dir).glob("test_data_set_*")):
            yield _stored(folder, "input", model.graph.input), _stored(folder, "output", model.graph.output)

    def compare(self, expected: list[Any], got: Sequence[Any]) -> None:
        """Raises AssertionError or TypeError where outputs differ by more than the suite's own tolerances."""
        from onnx.backend.test.runner import Runner

        Runner.assert_similar_outputs(expected, got, self.test.rtol, self.test.atol)


def load(text: str = "", groups: Sequence[str] = GROUPS) -> list[Case]:
    """The cases of these groups whose name holds `text`, without the excluded ones."""
    from onnx.backend.test.loader import load_model_tests

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # the suite computes infinities on purpose
        found = [Case(group, test.name, test) for group in groups for test in load_model_tests(kind=group)]
    return [case for case in found if text in case.name and case.key not in EXCLUDED]


def plain(value: Any) -> Any:
    """A tensor, sequence or optional of ONNX as Python has it."""
    if isinstance(value, onnx.TensorProto):
        return numpy_helper.to_array(value)
    if isinstance(value, onnx.SequenceProto):
        return numpy_helper.to_list(value)
    if isinstance(value, onnx.OptionalProto):
        return numpy_helper.to_optional(value)
    return np.asarray(value) if isinstance(value, np.generic) else value


def _stored(folder: Path, what: str, declared: Sequence[onnx.ValueInfoProto]) -> list[Any]:
    """The values of files `input_0.pb`, `input_1.pb`, ... of the kinds that the graph declares."""
    values: list[Any] = []
    for index in range(len(list(folder.glob(f"{what}_*.pb")))):
        kind = declared[index].type.WhichOneof("value")
        proto = {"sequence_type": onnx.SequenceProto, "optional_type": onnx.OptionalProto}.get(kind, onnx.TensorProto)()
        proto.ParseFromString((folder / f"{what}_{index}.pb").read_bytes())
        values.append(plain(proto))
    return values
