"""Convolutional networks as torch's exporter writes torchvision's, with seeded weights: `model("mobilenet_v2")` gives a `zoo.Model`.

Each is built node by node at its full size: images f32 [batch, 3, 224, 224] to 1,000 logits, batch norms as nodes of their own where the
network has them. `proto` draws weights; `model` calibrates them too (seeding.py), so that outputs depend on the input as trained ones do.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from onnx import ModelProto, TensorProto, helper

sys.path.insert(0, str(Path(__file__).parent))
import seeding
import zoo
from encoders import Graph
from zoo import Inputs, Model


class Net(Graph):
    """A network under construction; a method takes the name of a value and gives that of its result."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        self.rng = np.random.default_rng(seed)

    def drawn(self, *shape: int, scale: float = 1.0, mean: float = 0.0) -> str:
        array = (mean + scale * self.rng.standard_normal(shape)).astype(np.float32)
        return self.weight(f"weight_{len(self.weights)}", array)

    def conv(
        self, x: str, inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1,
        *, bias: bool = False, pad: int | None = None,
    ) -> str:  # fmt: skip
        """He-normal weights; by default padded so that a stride of 1 keeps the size."""
        fan_in = inputs // groups * kernel**2
        weights = [self.drawn(outputs, inputs // groups, kernel, kernel, scale=float(np.sqrt(2 / fan_in)))]
        weights += [self.drawn(outputs, scale=0.1)] if bias else []
        around = kernel // 2 if pad is None else pad
        return self.node(
            "Conv", x, *weights, kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[around] * 4, group=groups,
            dilations=[1, 1],
        )  # fmt: skip

    def norm(self, x: str, channels: int, epsilon: float = 1e-5) -> str:
        drawn = [self.drawn(channels, scale=0.1, mean=mean) for mean in (1.0, 0.0, 0.0)]
        variance = self.weight(f"weight_{len(self.weights)}", self.rng.uniform(0.8, 1.2, channels).astype(np.float32))
        return self.node("BatchNormalization", x, *drawn, variance, epsilon=epsilon)

    def normed(
        self,
        x: str,
        inputs: int,
        outputs: int,
        kernel: int = 1,
        stride: int = 1,
        groups: int = 1,
        pad: int | None = None,
    ) -> str:
        return self.norm(self.conv(x, inputs, outputs, kernel, stride, groups, pad=pad), outputs)

    def relu(self, x: str) -> str:
        return self.node("Relu", x)

    def relu6(self, x: str) -> str:
        return self.node("Clip", x, self.constant(0.0, np.float32), self.constant(6.0, np.float32))

    def silu(self, x: str) -> str:
        return self.node("Mul", x, self.node("Sigmoid", x))

    def max_pool(self, x: str, kernel: int, stride: int, pad: int = 0, ceil: bool = False) -> str:
        return self.node(
            "MaxPool", x, kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[pad] * 4, ceil_mode=int(ceil)
        )

    def concat(self, *parts: str) -> str:
        return self.node("Concat", *parts, axis=1)

    def classifier(self, x: str, channels: int) -> str:
        """Global average pool, Flatten, Gemm."""
        flat = self.node("Flatten", self.node("GlobalAveragePool", x), axis=1)
        weight = self.drawn(1000, channels, scale=channels**-0.5)
        return self.node("Gemm", flat, weight, self.drawn(1000, scale=0.1), transB=1)


def googlenet(g: Net) -> str:
    def cbr(x: str, inputs: int, outputs: int, kernel: int = 1, stride: int = 1) -> str:
        conv = g.conv(x, inputs, outputs, kernel, stride)
        return g.relu(g.norm(conv, outputs, 1e-3))

    def inception(x: str, inputs: int, one: int, three: tuple[int, int], five: tuple[int, int], pool: int) -> str:
        """torchvision's third branch has a kernel of 3 too."""
        branches = [cbr(x, inputs, one)]
        branches += [cbr(cbr(x, inputs, narrow), narrow, wide, 3) for narrow, wide in (three, five)]
        return g.concat(*branches, cbr(g.max_pool(x, 3, 1, 1, ceil=True), inputs, pool))

    x = g.max_pool(cbr("x", 3, 64, 7, 2), 3, 2, ceil=True)
    x = g.max_pool(cbr(cbr(x, 64, 64), 64, 192, 3), 3, 2, ceil=True)
    x = inception(x, 192, 64, (96, 128), (16, 32), 32)
    x = inception(x, 256, 128, (128, 192), (32, 96), 64)
    x = g.max_pool(x, 3, 2, ceil=True)
    x = inception(x, 480, 192, (96, 208), (16, 48), 64)
    x = inception(x, 512, 160, (112, 224), (24, 64), 64)
    x = inception(x, 512, 128, (128, 256), (24, 64), 64)
    x = inception(x, 512, 112, (144, 288), (32, 64), 64)
    x = inception(x, 528, 256, (160, 320), (32, 128), 128)
    x = g.max_pool(x, 2, 2, ceil=True)
    x = inception(x, 832, 256, (160, 320), (32, 128), 128)
    x = inception(x, 832, 384, (192, 384), (48, 128), 128)
    return g.classifier(x, 1024)


def resnet50(g: Net) -> str:
    x, channels = g.max_pool(g.relu(g.normed("x", 3, 64, 7, 2)), 3, 2, 1), 64
    for stage, count in enumerate((3, 4, 6, 3)):
        width = 64 << stage
        for number in range(count):
            stride = 2 if stage and not number else 1
            inner = g.relu(g.normed(g.relu(g.normed(x, channels, width)), width, width, 3, stride))
            inner = g.normed(inner, width, 4 * width)
            shortcut = x if number else g.normed(x, channels, 4 * width, 1, stride)
            x, channels = g.relu(g.node("Add", inner, shortcut)), 4 * width
    return g.classifier(x, channels)


def mobilenet_v2(g: Net) -> str:
    x, channels = g.relu6(g.normed("x", 3, 32, 3, 2)), 32
    blocks = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
    for expand, outputs, count, first in blocks:
        for number in range(count):
            width, stride = channels * expand, 1 if number else first
            inner = g.relu6(g.normed(x, channels, width)) if expand > 1 else x
            inner = g.relu6(g.normed(inner, width, width, 3, stride, width))
            inner = g.normed(inner, width, outputs)
            x, channels = g.node("Add", x, inner) if stride == 1 and channels == outputs else inner, outputs
    return g.classifier(g.relu6(g.normed(x, channels, 1280)), 1280)


def efficientnet_b0(g: Net) -> str:
    def scaled(x: str, width: int, narrow: int) -> str:
        """Squeeze and excitation."""
        squeezed = g.silu(g.conv(g.node("GlobalAveragePool", x), width, narrow, bias=True))
        return g.node("Mul", g.node("Sigmoid", g.conv(squeezed, narrow, width, bias=True)), x)

    x, channels = g.silu(g.normed("x", 3, 32, 3, 2)), 32
    blocks = (
        *((1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 5, 2, 40, 2), (6, 3, 2, 80, 3)),
        *((6, 5, 1, 112, 3), (6, 5, 2, 192, 4), (6, 3, 1, 320, 1)),
    )
    for expand, kernel, first, outputs, count in blocks:
        for number in range(count):
            width, stride = channels * expand, 1 if number else first
            inner = g.silu(g.normed(x, channels, width)) if expand > 1 else x
            inner = g.silu(g.normed(inner, width, width, kernel, stride, width))
            inner = g.normed(scaled(inner, width, channels // 4), width, outputs)
            x, channels = g.node("Add", inner, x) if stride == 1 and channels == outputs else inner, outputs
    return g.classifier(g.silu(g.normed(x, channels, 1280)), 1280)


def densenet121(g: Net) -> str:
    """Every layer concatenates what all before it made; torchvision writes these concats side by side, none within another."""
    x, channels = g.max_pool(g.relu(g.normed("x", 3, 64, 7, 2)), 3, 2, 1), 64
    for stage, count in enumerate((6, 12, 24, 16)):
        made = [x]
        for _ in range(count):
            together = g.concat(*made) if len(made) > 1 else x
            inner = g.conv(g.relu(g.norm(together, channels)), channels, 128)
            made.append(g.conv(g.relu(g.norm(inner, 128)), 128, 32, 3))
            channels += 32
        x = g.relu(g.norm(g.concat(*made), channels))
        if stage < 3:
            x, channels = g.conv(x, channels, channels // 2), channels // 2
            x = g.node("AveragePool", x, kernel_shape=[2, 2], strides=[2, 2], pads=[0] * 4, count_include_pad=1)
    return g.classifier(x, channels)


def convnext_tiny(g: Net) -> str:
    def across(x: str, channels: int) -> str:
        """Layer norm over channels of [batch, channels, height, width]."""
        last = g.node("Transpose", x, perm=[0, 2, 3, 1])
        return g.node("Transpose", layer_norm(last, channels), perm=[0, 3, 1, 2])

    def layer_norm(x: str, channels: int) -> str:
        drawn = (g.drawn(channels, scale=0.1, mean=mean) for mean in (1.0, 0.0))
        return g.node("LayerNormalization", x, *drawn, axis=-1, epsilon=1e-6)

    def linear(x: str, inputs: int, outputs: int) -> str:
        product = g.node("MatMul", x, g.drawn(inputs, outputs, scale=inputs**-0.5))
        return g.node("Add", g.drawn(outputs, scale=0.1), product)

    x, channels = across(g.conv("x", 3, 96, 4, 4, bias=True, pad=0), 96), 96
    for stage, count in enumerate((3, 3, 9, 3)):
        if stage:
            x = g.conv(across(x, channels), channels, 2 * channels, 2, 2, bias=True, pad=0)
            channels *= 2
        for _ in range(count):
            inner = g.conv(x, channels, channels, 7, groups=channels, bias=True)
            inner = layer_norm(g.node("Transpose", inner, perm=[0, 2, 3, 1]), channels)
            inner = linear(g.gelu(linear(inner, channels, 4 * channels)), 4 * channels, channels)
            inner = g.node("Transpose", inner, perm=[0, 3, 1, 2])
            gamma = g.drawn(channels, 1, 1, scale=0.05, mean=0.3)
            x = g.node("Add", g.node("Mul", gamma, inner), x)
    flat = g.node("Flatten", across(g.node("GlobalAveragePool", x), channels), axis=1)
    return g.node("Gemm", flat, g.drawn(1000, channels, scale=channels**-0.5), g.drawn(1000, scale=0.1), transB=1)


def unet(g: Net) -> str:
    """Ronneberger's with padded convolutions and batch norms, 32 channels wide at the top; the logits of two classes per pixel."""

    def double(x: str, inputs: int, outputs: int) -> str:
        return g.relu(g.normed(g.relu(g.normed(x, inputs, outputs, 3)), outputs, outputs, 3))

    x, skips = double("x", 3, 32), list[str]()
    for width in (32, 64, 128, 256):
        skips.append(x)
        x = double(g.max_pool(x, 2, 2), width, 2 * width)
    for width in (256, 128, 64, 32):
        weights = (g.drawn(2 * width, width, 2, 2, scale=(2 * width) ** -0.5), g.drawn(width, scale=0.1))
        up = g.node("ConvTranspose", x, *weights, kernel_shape=[2, 2], strides=[2, 2], pads=[0] * 4)
        x = double(g.concat(skips.pop(), up), 2 * width, width)
    return g.conv(x, 32, 2, bias=True)


_MAKERS: dict[str, Callable[[Net], str]] = {
    "googlenet": googlenet,
    "resnet50_torch": resnet50,
    "mobilenet_v2": mobilenet_v2,
    "efficientnet_b0": efficientnet_b0,
    "densenet121_torch": densenet121,
    "convnext_tiny": convnext_tiny,
    "unet": unet,
}
NAMES = tuple(_MAKERS)
PROFILES: dict[str, tuple[int, ...]] = {"batch": (1, 1, 4)}
MEANS = {"resnet50_torch": (1.0, -0.05)}
"""`norm_mean` and `residual_mean` of `seeding.calibrate_layers`, for the reason that architectures.py has."""


def proto(name: str, seed: int = 0) -> ModelProto:
    """One of `NAMES` with drawn weights: x f32 [batch, 3, 224, 224] to `logits`."""
    g = Net(seed)
    logits = _MAKERS[name](g)
    shape: tuple[Any, ...] = ("batch", 2, 224, 224) if name == "unet" else ("batch", 1000)
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ("batch", 3, 224, 224))
    return g.model(name, [x], {"logits": (logits, shape)})


def _inputs(rng: np.random.Generator, batch: int = 1) -> Inputs:
    return {"x": zoo.images(rng, batch, 3, 224, 224)}


@cache
def model(name: str, seed: int = 0) -> Model:
    """One of `NAMES`, calibrated. ConvNeXt normalises every block itself and needs none."""
    made = proto(name, seed)
    if name != "convnext_tiny":
        samples = [_inputs(np.random.default_rng(1000 * (seed + 1) + i)) for i in range(4)]
        seeding.calibrate_layers(made, samples, *MEANS.get(name, ()))
    return Model(name, made, _inputs, PROFILES, sizes=({"batch": 1}, {"batch": 3}, {"batch": 4}))
