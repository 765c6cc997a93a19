"""The nine architectures of the onnx package, with seeded weights: `model("densenet121")` gives a `zoo.Model`.

`onnx/backend/test/data/light` has them with constant weights, whose outputs are one repeated number; seeding.py says how they are drawn.
Opset 9, images [1, 3, 224, 224]; the logits, which reach the last softmax, are an output too.
"""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

sys.path.insert(0, str(Path(__file__).parent))
import seeding
import zoo
from zoo import Inputs, Model

FOLDER = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
LARGE = ("bvlc_alexnet", "vgg19", "zfnet512")
"""Over 200 MB of weights each."""
NAMES = (
    *("densenet121", "inception_v1", "inception_v2", "resnet50", "shufflenet", "squeezenet"),
    *LARGE,
)


MEANS = {"resnet50": (1.0, -0.05)}
"""`norm_mean` and `residual_mean` of `seeding.calibrate_layers`. At its defaults products rounded to TF32 alone move the logits of this
network by 1%, as those of no trained one: ResNet-50 of open-nsfw is 0.14% off in fp16."""


def seeded(name: str, seed: int = 0) -> onnx.ModelProto:
    """The network with drawn matrices, and vectors of ones and zeros that nothing has calibrated yet."""
    proto = onnx.load(str(FOLDER / f"light_{name}.onnx"))
    constants = {tensor.name for tensor in proto.graph.initializer}
    used = {name for node in proto.graph.node for name in node.input}
    for value in [value for value in proto.graph.input if value.name not in used and value.name not in constants]:
        proto.graph.input.remove(value)
    seeding.seed_weights(proto, np.random.default_rng(seed))
    return proto


def uncalibrated(name: str, seed: int = 0) -> onnx.ModelProto:
    """The network with drawn vectors too, so that none is folded away: its structure is that of `model`, its outputs say little."""
    proto, rng = seeded(name, seed), np.random.default_rng(seed)
    for tensor in proto.graph.initializer:
        if len(tensor.dims) == 1 and tensor.data_type == TensorProto.FLOAT:
            array = numpy_helper.to_array(tensor) + rng.uniform(0.05, 0.15, tensor.dims).astype(np.float32)
            tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
    return proto


@cache
def model(name: str, seed: int = 0) -> Model:
    proto = seeded(name, seed)
    constants = {tensor.name for tensor in proto.graph.initializer}
    made = {output for node in proto.graph.node for output in node.output}
    image = next(value for value in proto.graph.input if len(value.type.tensor_type.shape.dim) == 4)
    assert image.name not in made | constants

    def inputs(rng: np.random.Generator, batch: int = 1) -> Inputs:
        return {image.name: zoo.images(rng, batch, 3, 224, 224)}

    samples = [inputs(np.random.default_rng(1000 * (seed + 1) + i)) for i in range(4)]
    seeding.calibrate_layers(proto, samples, *MEANS.get(name, ()))
    softmax = next((node for node in proto.graph.node if node.op_type == "Softmax"), None)
    if softmax is not None:
        (logits,) = zoo.run_onnxruntime(proto, inputs(np.random.default_rng(seed)), [softmax.input[0]]).values()
        proto.graph.output.append(helper.make_tensor_value_info(softmax.input[0], TensorProto.FLOAT, logits.shape))
    return Model(name, proto, inputs)
