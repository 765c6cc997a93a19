"""The five models of tests, demos and benchmarks: each function returns a `Model`, a `ModelProto` with typical inputs.

`ppocr_cls` and `open_nsfw` are trained convnets, `minilm` is a trained BERT with int8 weights and dynamic batch and
sequence, `inception_v1` has seeded weights, and `qdq_convnet` is `ppocr_cls` quantized by ONNX Runtime. Inputs are
drawn from a seed, never constant: two seeds must give different outputs (`assert_input_matters`).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import ModelProto, TensorProto, helper

from trtc.compiler.tools.fetch_models import fetch

sys.path.insert(0, str(Path(__file__).parent))
import seeding

Array = np.ndarray[Any, Any]
Inputs = dict[str, Array]
SEQUENCES = 8
"""The largest batch of which ONNX Runtime computes each sequence in a thread of its own."""


@dataclass(frozen=True)
class Model:
    """A model with what a test needs to build and run it."""

    name: str
    proto: ModelProto
    make_inputs: Callable[..., Inputs]
    profiles: dict[str, tuple[int, ...]] = field(default_factory=dict[str, "tuple[int, ...]"])
    static_shapes: dict[str, tuple[int, ...]] = field(default_factory=dict[str, tuple[int, ...]])
    constants: dict[str, Any] = field(default_factory=dict[str, Any])
    """Values that a build binds inputs to (`BuildOptions.constants`); `make_inputs` leaves these inputs out."""
    sizes: tuple[dict[str, int], ...] = ({},)
    """The sizes to compare at, all in one engine: three where a dim is dynamic."""
    quantized: bool = False
    """Whether activations are quantized by what the data is: a value near a tie may then come out one step off."""

    def inputs(self, seed: int = 0, **sizes: int) -> Inputs:
        """Typical inputs drawn from `seed`; `sizes` chooses dynamic dims (`batch=4`, `sequence=33`)."""
        return self.make_inputs(np.random.default_rng(seed), **sizes)

    @property
    def compare(self) -> str:
        """The output to compare models by: the logits where the softmax would hide errors."""
        return self.outputs[-1]

    @property
    def outputs(self) -> list[str]:
        return [value.name for value in self.proto.graph.output]


def images(rng: np.random.Generator, batch: int, channels: int, height: int, width: int) -> Array:
    """Smooth image-like tensors in [-1, 1], [batch, channels, height, width]: coarse noise scaled up and fine noise."""
    image = np.zeros((batch, channels, height, width), np.float32)
    for cells, weight in ((4, 1.0), (8, 0.5), (16, 0.25)):
        rows, columns = min(cells, height), min(cells, width)
        coarse = rng.standard_normal((batch, channels, rows, columns), np.float32)
        rows_at = np.linspace(0, rows - 1, height)
        columns_at = np.linspace(0, columns - 1, width)
        image += weight * _bilinear(coarse, rows_at, columns_at)
    image += 0.05 * rng.standard_normal(image.shape, np.float32)
    return np.tanh(image).astype(np.float32)


def _bilinear(grid: Array, rows: Array, columns: Array) -> Array:
    top, left = np.floor(rows).astype(int), np.floor(columns).astype(int)
    bottom, right = np.minimum(top + 1, grid.shape[2] - 1), np.minimum(left + 1, grid.shape[3] - 1)
    down, across = (rows - top)[:, None], columns - left
    upper = grid[:, :, top][..., left] * (1 - across) + grid[:, :, top][..., right] * across
    lower = grid[:, :, bottom][..., left] * (1 - across) + grid[:, :, bottom][..., right] * across
    return upper * (1 - down) + lower * down


@cache
def ppocr_cls() -> Model:
    """PP-OCR's text direction classifier (MobileNetV3-like): x f32 [N, 3, H, W], typically 1x3x48x192."""

    def inputs(rng: np.random.Generator, batch: int = 1, height: int = 48, width: int = 192) -> Inputs:
        return {"x": images(rng, batch, 3, height, width)}

    profiles = {"x_d0": (1, 1, 8), "x_d2": (32, 48, 64), "x_d3": (64, 192, 320)}
    return Model("ppocr_cls", onnx.load(str(fetch("ppocr_cls"))), inputs, profiles)


@cache
def open_nsfw() -> Model:
    """A ResNet-50 with trained weights: input:0 f32 [N, 224, 224, 3], mean-subtracted BGR in 0..255.

    The logits are an output too: the published softmax saturates and would hide errors.
    """

    def inputs(rng: np.random.Generator, batch: int = 1) -> Inputs:
        image = images(rng, batch, 3, 224, 224).transpose(0, 2, 3, 1)
        # Pictures differ in contrast and colour too: the network says much the same of all that differ in shapes alone.
        contrast, colour = rng.uniform(20, 120, (batch, 1, 1, 1)), rng.uniform(-80, 80, (batch, 1, 1, 3))
        return {"input:0": np.ascontiguousarray((image * contrast + colour).clip(-117, 138), np.float32)}

    model = onnx.load(str(fetch("open_nsfw")))
    softmax = next(node for node in model.graph.node if node.op_type == "Softmax")
    model.graph.output.append(helper.make_tensor_value_info(softmax.input[0], TensorProto.FLOAT, ("unk__653", 2)))
    return Model("open_nsfw", model, inputs, {"unk__653": (1, 1, 32)})


def sentences(rng: np.random.Generator, batch: int = 2, sequence: int = 16) -> Inputs:
    """Token ids of BERT, the mask of each sentence's length, and types, i64 [batch, sequence]; the first sentence is the longest."""
    lengths = rng.integers(max(1, sequence // 2), sequence + 1, batch)
    lengths[0] = sequence
    mask = (np.arange(sequence) < lengths[:, None]).astype(np.int64)
    ids = rng.integers(1000, 30000, (batch, sequence)) * mask
    return {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}


@cache
def minilm() -> Model:
    """MiniLM-L6 (BERT) with int8 weights that pass through Cast and Mul: ids, mask and types i64 [batch, sequence]."""
    return Model("minilm", onnx.load(str(fetch("minilm"))), sentences, {"batch": (1, 2, 8), "sequence": (1, 64, 256)})


@cache
def inception_v1(seed: int = 0) -> Model:
    """Inception v1 (GoogLeNet) with seeded weights: data_0 f32 [1, 3, 224, 224]; outputs `prob_1` and its logits.

    The architecture comes from the onnx package, where all weights are one constant; seeding.py says how they are seeded.
    Compare logits, not softmax.
    """
    folder = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
    model = onnx.load(str(folder / "light_inception_v1.onnx"))

    def inputs(rng: np.random.Generator, batch: int = 1) -> Inputs:
        return {"data_0": images(rng, batch, 3, 224, 224)}

    seeding.seed_weights(model, np.random.default_rng(seed))
    seeding.calibrate_layers(model, [inputs(np.random.default_rng(1000 * (seed + 1) + i)) for i in range(4)])
    gemm = next(node for node in model.graph.node if node.op_type == "Gemm")
    model.graph.output.append(helper.make_tensor_value_info(gemm.output[0], TensorProto.FLOAT, (1, 1000)))
    return Model("inception_v1", model, inputs)


@cache
def qdq_convnet() -> Model:
    """`ppocr_cls` quantized by ONNX Runtime: Q/DQ around convolutions and the matmul, int8, symmetric, per channel.

    As `quantize_convnet.py` wrote it down once, since its numbers depend on ONNX Runtime's version. Compare with `ORT_DISABLE_ALL`: ONNX
    Runtime's optimizer moves Q/DQ pairs and changes results.
    """
    base = ppocr_cls()
    return Model(
        "qdq_convnet", onnx.load(str(Path(__file__).parent / "qdq_convnet.onnx")), base.make_inputs, base.profiles
    )


ALL: dict[str, Callable[[], Model]] = {
    "ppocr_cls": ppocr_cls,
    "open_nsfw": open_nsfw,
    "inception_v1": inception_v1,
    "minilm": minilm,
    "qdq_convnet": qdq_convnet,
}


def run_onnxruntime(model: ModelProto, inputs: Inputs, names: list[str] | None = None) -> dict[str, Array]:
    """The values `names` (default: the outputs) by ONNX Runtime on the CPU without optimizations."""
    if names is not None:
        model = _copy_without_outputs(model)
        model.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in names)
    made = session(model)
    wanted = [output.name for output in made.get_outputs()]
    return dict(zip(wanted, made.run(wanted, inputs), strict=True))


def session(model: ModelProto, *, quantized: bool = False) -> Any:
    """
    ONNX Runtime's session of a model, on the CPU without optimizations.

    `quantized`: of one that quantizes what it computes. Its optimizer then makes int8 weights uint8, since on CPUs without VNNI sums of
    pairs of uint8 by int8 saturate at 16 bits; and there is a thread for each sequence of a batch, since the states of sequences that
    one thread computes share a range.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    levels = onnxruntime.GraphOptimizationLevel
    options.graph_optimization_level = levels.ORT_ENABLE_EXTENDED if quantized else levels.ORT_DISABLE_ALL
    options.log_severity_level = 3
    options.intra_op_num_threads = SEQUENCES if quantized else 1
    if quantized:
        options.add_session_config_entry("session.x64quantprecision", "1")
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def _copy_without_outputs(model: ModelProto) -> ModelProto:
    copy = ModelProto()
    copy.CopyFrom(model)
    del copy.graph.output[:]
    return copy


def relative_error(got: Array, expected: Array) -> float:
    """|got - expected| / |expected|, Euclidean norms in float64."""
    difference = np.linalg.norm(got.astype(np.float64) - expected.astype(np.float64))
    return float(difference / max(float(np.linalg.norm(expected.astype(np.float64))), 1e-30))


def assert_input_matters(one: Array, other: Array, least: float = 0.01) -> None:
    """Guard of every comparison: outputs for two inputs differ by at least `least` in relative norm."""
    change = relative_error(one, other)
    assert change >= least, f"another input changes the output by {change:.1e} only, expected at least {least}"
