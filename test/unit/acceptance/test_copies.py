"""No group of a usual network only moves elements: reshapes, transposes, slices and concats are views. What is copied all the same is a
line of the manifest, with the reason."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import ModelProto, TensorProto, helper
from xdsl.dialects.builtin import StringAttr

import trtc
from trtc.compiler.frontend import import_onnx
from trtc.compiler.pipeline import run_pipeline
from trtc.compiler.targets import set_target
from trtc.dialects import buffer
from trtc.dialects.fusion import COPIED, CallOp
from trtc.dialects.provenance import origins

sys.path.insert(0, str(Path(__file__).parents[2] / "models"))
import architectures
import attention_models
import encoders
import exported

Profiles = dict[str, tuple[int, int, int]]
BATCH: Profiles = {"batch": (1, 2, 4)}
TEXTS: Profiles = {**BATCH, "sequence": (1, 16, 64)}


class Net(encoders.Graph):
    """Convolutions with drawn weights; a method takes the name of a value and gives that of its result."""

    def __init__(self) -> None:
        super().__init__()
        self.rng = np.random.default_rng(0)

    def drawn(self, *shape: int) -> str:
        return self.weight(f"weight_{len(self.weights)}", self.rng.standard_normal(shape).astype(np.float32) / 4)

    def conv(self, x: str, inputs: int, outputs: int, size: int = 1, groups: int = 1, stride: int = 1) -> str:
        weights = self.drawn(outputs, inputs // groups, size, size), self.drawn(outputs)
        return self.node("Conv", x, *weights, pads=[size // 2] * 4, group=groups, strides=[stride] * 2)

    def relu(self, x: str) -> str:
        return self.node("Relu", x)

    def finish(self, x: str) -> ModelProto:
        image = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 16, 32, 32])
        return self.model("net", [image], {"y": (x, ("batch", None, None, None))})


def unet() -> ModelProto:
    """Two steps down and up, with skips that are concats; one step up is a transposed convolution, one a resize."""
    g = Net()
    first = g.relu(g.conv("x", 16, 16, 3))
    second = g.relu(g.conv(g.node("MaxPool", first, kernel_shape=[2, 2], strides=[2, 2]), 16, 32, 3))
    bottom = g.relu(g.conv(g.node("MaxPool", second, kernel_shape=[2, 2], strides=[2, 2]), 32, 64, 3))
    up = g.node("ConvTranspose", bottom, g.drawn(64, 32, 2, 2), g.drawn(32), strides=[2, 2])
    joined = g.relu(g.conv(g.node("Concat", second, up, axis=1), 64, 32, 3))
    up = g.node("ConvTranspose", joined, g.drawn(32, 16, 2, 2), g.drawn(16), strides=[2, 2])
    return g.finish(g.relu(g.conv(g.node("Concat", up, first, axis=1), 32, 16, 3)))


def inverted_bottlenecks() -> ModelProto:
    """As MobileNetV2 has them."""
    g = Net()
    x = "x"
    for _ in range(2):
        wide = g.node("Clip", g.conv(x, 16, 64), g.constant(0, np.float32), g.constant(6, np.float32))
        deep = g.node("Clip", g.conv(wide, 64, 64, 3, 64), g.constant(0, np.float32), g.constant(6, np.float32))
        x = g.node("Add", x, g.conv(deep, 64, 16))
    return g.finish(x)


def dense_block() -> ModelProto:
    """As torch exports DenseNet: each layer joins the results of all layers before it."""
    g = Net()
    results, width = [g.relu(g.conv("x", 16, 16))], 16
    for _ in range(4):
        joined = g.node("Concat", *results, axis=1) if len(results) > 1 else results[0]
        results.append(g.conv(g.relu(g.conv(g.relu(joined), width, 32)), 32, 16, 3))
        width += 16
    return g.finish(g.relu(g.node("Concat", *results, axis=1)))


def split_blocks() -> ModelProto:
    """As YOLOv8 has them: halves of a tensor are joined with what becomes of one of them."""
    g = Net()
    x = g.relu(g.conv("x", 16, 32))
    left, right = (g.node("Slice", x, *(g.constant([n]) for n in (first, first + 16, 1))) for first in (0, 16))
    made = g.relu(g.conv(right, 16, 16, 3))
    return g.finish(g.conv(g.node("Concat", left, right, made, g.conv(made, 16, 16, 3), axis=1), 64, 16))


def diffusion() -> ModelProto:
    """Blocks of a diffusion model's U-Net: group norms as torch exports them between convs, a step that is added, attention of pixels."""
    g = Net()

    def normed(x: str) -> str:
        parted = g.node("Reshape", x, g.constant([0, 8, -1]))
        ones, zeros = (g.constant([number] * 8, np.float32) for number in (1, 0))
        whole = g.node("Reshape", g.node("InstanceNormalization", parted, ones, zeros), g.node("Shape", x))
        return g.node("Add", g.node("Mul", whole, g.drawn(64, 1, 1)), g.drawn(64, 1, 1))

    def silu(x: str) -> str:
        return g.node("Mul", x, g.node("Sigmoid", x))

    def residual(x: str, step: str) -> str:
        made = g.node("Add", g.conv(silu(normed(x)), 64, 64, 3), g.node("Unsqueeze", step, g.constant([2, 3])))
        return g.node("Add", x, g.conv(silu(normed(made)), 64, 64, 3))

    def attend(x: str) -> str:
        pixels = g.node("Transpose", g.node("Reshape", normed(x), g.constant([0, 64, -1])), perm=[0, 2, 1])
        heads = [
            g.node("Reshape", g.node("MatMul", pixels, g.drawn(64, 64)), g.constant([0, -1, 2, 32])) for _ in "qkv"
        ]
        q, k, v = (
            g.node("Transpose", t, perm=p)
            for t, p in zip(heads, ([0, 2, 1, 3], [0, 2, 3, 1], [0, 2, 1, 3]), strict=True)
        )
        mixed = g.node("MatMul", g.node("Softmax", g.node("MatMul", q, k), axis=-1), v)
        mixed = g.node("Reshape", g.node("Transpose", mixed, perm=[0, 2, 1, 3]), g.constant([0, -1, 64]))
        turned = g.node("Transpose", g.node("MatMul", mixed, g.drawn(64, 64)), perm=[0, 2, 1])
        return g.node("Add", x, g.node("Reshape", turned, g.node("Shape", x)))

    x = g.conv("x", 16, 64, 3)
    step = g.node("MatMul", g.node("ReduceMean", "x", axes=[2, 3], keepdims=0), g.drawn(16, 64))
    x = attend(residual(x, step))
    return g.finish(g.conv(silu(normed(residual(x, step))), 64, 16, 3))


def swin() -> ModelProto:
    """Two stages of windows, the first of which are shifted in one block of two."""
    g = attention_models.Net(0)
    pixels = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["batch", 3, 56, 56])
    return g.model("swin", [pixels], {"y": (attention_models.swin_t(g, (2, 2), 32, 14), ("batch", 1000))})


def light(name: str) -> ModelProto:
    return onnx.load(str(architectures.FOLDER / f"light_{name}.onnx"))


MODELS: dict[str, tuple[Callable[[], ModelProto], Profiles]] = {
    "inception_v1": (lambda: light("inception_v1"), {}),
    "resnet50": (lambda: light("resnet50"), {}),
    "squeezenet": (lambda: light("squeezenet"), {}),
    "densenet121": (lambda: light("densenet121"), {}),
    "dense block of torch": (dense_block, BATCH),
    "inverted bottlenecks": (inverted_bottlenecks, BATCH),
    "split blocks": (split_blocks, BATCH),
    "unet": (unet, BATCH),
    "bert": (lambda: encoders.bert("bert", encoders._bert_weights(0, 2, 64, 100), 2, 4), TEXTS),  # pyright: ignore[reportPrivateUsage]
    "vit": (lambda: encoders.vit("vit", 0, 2, 64, 4, 16, 224), BATCH),
    "gpt2": (lambda: exported.load("gpt2"), {}),
    "swin": (swin, BATCH),
    "diffusion": (diffusion, BATCH),
}


@pytest.mark.parametrize("arch", ["sm_80", "sm_90a"])
@pytest.mark.parametrize("name", MODELS)
def test_no_group_only_moves_elements(name: str, arch: str) -> None:
    make, profiles = MODELS[name]
    module = import_onnx(make(), profiles=profiles)
    set_target(module, arch)
    run_pipeline(module, trtc.BuildOptions(precision="fp16", target=arch, profiles=profiles), stop_after="fuse")
    calls = [op for op in module.walk() if isinstance(op, CallOp)]
    copies = {tuple(origins(op.location)): op.attributes[COPIED] for op in calls if COPIED in op.attributes}
    assert calls and not copies


def test_the_manifest_lists_what_is_copied_and_why() -> None:
    """A cache that is an input, joined with what is added to it: the launch that writes beside it copies it."""
    net = trtc.Network()
    past, x = net.add_input("past", "f32", ("N", 4)), net.add_input("x", "f32", (1, 4))
    net.mark_output(net.add_concat([past, net.add_unary("neg", x)], 0), "present")
    net.mark_output(net.add_unary("relu", x), "y")
    engine = trtc.build(net, trtc.BuildOptions(target="sm_80", profiles={"N": (1, 2, 4)}))
    (copy,) = engine.variant("sm_80").manifest["plan"]["copies"]
    assert copy["why"] == "into a concat: it is a graph input" and copy["kernel"] == "neg_relu"
    assert engine.variant("sm_80").manifest["plan"]["launches"] == 1


def test_copies_are_told_by_their_ops() -> None:
    """What the model asks for as an op of its own is a copy too."""
    module = import_onnx(
        onnx.parser.parse_model(
            '<ir_version: 8, opset_import: ["" : 18]> g (float[4, 4] x) => (float[6, 4] y)'
            " <int64[4] p = {1, 0, 1, 0}> { y = Pad(x, p) }"
        )
    )
    set_target(module, "sm_80")
    run_pipeline(module, trtc.BuildOptions(target="sm_80"), stop_after="memory")
    (launch,) = (op for op in module.walk() if isinstance(op, buffer.LaunchOp))
    assert launch.attributes[COPIED] == StringAttr("nn.pad of the model, which nothing reads or writes in its place")
