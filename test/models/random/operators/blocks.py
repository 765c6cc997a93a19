"""Blocks of convolutional networks: branches that are joined, concats within concats, skips, squeeze and excitation, shortcuts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .chain import Chain


def _image(n: Chain) -> str:
    """[batch, channels, height, width], of even sides."""
    found = n.g.pick(
        lambda v: v.dtype == np.float32 and v.rank == 4 and v.shape[1] in (4, 8, 12, 16) and v.shape[2:] > (1, 1)
    )
    if found is not None and n.g.chance(0.6):
        return found
    shape = [n.g.number(1, 2), n.g.choice((4, 8, 16)), n.g.choice((4, 6, 7)), n.g.choice((4, 5, 6))]
    return n.open_input(shape, np.float32, (0,))


def conv(n: Chain, x: str, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1, bias: float = 0.7) -> str:
    inputs = n.shape(x)[1] // groups
    weight = n.g.weight([outputs, inputs, kernel, kernel], float(inputs * kernel**2) ** -0.5)
    operands = [x, weight, n.g.weight([outputs])] if n.g.chance(bias) else [x, weight]
    more = {"strides": [stride] * 2} if stride > 1 else {}
    return n.several("Conv", operands, 1, pads=[kernel // 2] * 4, group=groups, **more)[0]


def batch_norm(n: Chain, x: str) -> str:
    channels = n.shape(x)[1]
    vectors = [n.g.weight([channels]) for _ in range(3)]
    variance = n.g.constant(np.abs(n.g.data([channels], np.float32)) + np.float32(0.3))
    return n.several("BatchNormalization", [x, *vectors, variance], 1)[0]


def cbr(n: Chain, x: str, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> str:
    """A convolution, mostly with a batch norm and an activation."""
    made = conv(n, x, outputs, kernel, stride, groups, bias=0.5)
    made = batch_norm(n, made) if n.g.chance(0.4) else made
    return n.act(made, "Relu Relu silu hard none")


def pool(n: Chain, x: str, kind: str = "") -> str:
    """Of three by three, which keeps the size."""
    kind = kind or n.g.word("MaxPool AveragePool")
    return n(kind, x, kernel_shape=[3, 3], strides=[1, 1], pads=[1] * 4)


def inception(n: Chain) -> None:
    """Branches over one value; some are concats themselves."""
    x = _image(n)
    joined = n("Concat", *(_branch(n, x) for _ in range(n.g.number(2, 4))), axis=1)
    if n.g.chance(0.5):
        cbr(n, joined, 8)
    elif n.g.chance(0.5):
        n("Concat", joined, cbr(n, x, 4), axis=1)


def _branch(n: Chain, x: str) -> str:
    width = n.g.choice((4, 8, 8, 3))
    match n.g.word("one one three pool itself nested"):
        case "one":
            return cbr(n, x, width)
        case "three":
            return cbr(n, cbr(n, x, 4), width, 3)
        case "pool":
            return cbr(n, pool(n, x), width)
        case "nested":
            narrow = cbr(n, x, 4)
            return n("Concat", cbr(n, narrow, 4, 3), narrow if n.g.chance(0.3) else cbr(n, narrow, width), axis=1)
        case _:
            return x if n.g.chance(0.5) else pool(n, x)


def dense(n: Chain) -> None:
    """Each layer reads all results before it, joined."""
    made = [_image(n)]
    for _ in range(n.g.number(2, 3)):
        joined = n("Concat", *made, axis=1) if len(made) > 1 else made[0]
        if n.g.chance(0.7):
            joined = n("Relu", batch_norm(n, joined))
        inner = cbr(n, joined, 8) if n.g.chance(0.5) else joined
        made.append(conv(n, inner, 4, 3))
        if n.g.chance(0.2):
            made = [n("Concat", *made, axis=1)]
    n.act(n("Concat", *made, axis=1), "Relu none")


def skip(n: Chain) -> None:
    """Down and up again beside a skip."""
    x = cbr(n, _image(n), 8)
    height, width = n.shape(x)[2:]
    if height % 2 or width % 2:
        return
    down = n("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2]) if n.g.chance(0.5) else cbr(n, x, 8, 3, 2)
    bottom = cbr(n, down, 8)
    if n.g.chance(0.5):
        weight = n.g.weight([8, 4, 2, 2], 8**-0.5)
        up = n("ConvTranspose", bottom, weight, n.g.weight([4]), strides=[2, 2], kernel_shape=[2, 2])
    else:
        scales = n.g.constant([1, 1, 2, 2], np.float32)
        up = n.several("Resize", [bottom, n.g.constant([], np.float32), scales], 1, mode="nearest")[0]
    parts = [up, x] if n.g.chance(0.5) else [x, up]
    cbr(n, n("Concat", *parts, axis=1), 8, n.g.choice((1, 3)))


def halves(n: Chain) -> None:
    """Halves of a tensor joined with what becomes of one of them."""
    x = cbr(n, _image(n), 8)
    left, right = n.split(x, [4, 4], 1)
    made = cbr(n, right, 4, 3)
    made = n("Add", made, right) if n.g.chance(0.5) else made
    parts = [left, right, made, conv(n, made, 4)][n.g.number(0, 1) :]
    joined = n("Concat", *parts, axis=1)
    if n.g.chance(0.4):
        joined = _shuffled(n, joined)
    cbr(n, joined, 8)


def _shuffled(n: Chain, x: str) -> str:
    """Channels of two groups, one after the other in turn."""
    _, channels, height, width = n.shape(x)
    parted = n.turn(n.reshape(x, -1, 2, channels // 2, height, width), 0, 2, 1, 3, 4)
    return n.reshape(parted, -1, channels, height, width)


def excited(n: Chain) -> None:
    """Squeeze and excitation of a depthwise or plain convolution, and a product after it."""
    x = _image(n)
    channels = n.shape(x)[1]
    inner = cbr(n, x, channels, 3, groups=channels if n.g.chance(0.5) else 1)
    if n.g.chance(0.7):
        squeezed = n("GlobalAveragePool", inner)
    elif n.g.opset < 18:
        squeezed = n("ReduceMean", inner, axes=[2, 3])
    else:
        squeezed = n("ReduceMean", inner, n.whole(2, 3))
    narrow = n.act(conv(n, squeezed, 4), "Relu silu hard")
    gate = n(n.g.word("Sigmoid Sigmoid HardSigmoid"), conv(n, narrow, channels))
    scaled = n("Mul", inner, gate)
    if n.g.chance(0.7):
        made = cbr(n, scaled, channels)
        n("Add", made, x) if n.g.chance(0.6) else None


def shortcut(n: Chain) -> None:
    """Two ways that meet in a sum: a bottleneck, and x or a convolution of it; often pooled at the end."""
    x = _image(n)
    channels, stride = n.shape(x)[1], n.g.choice((1, 1, 2))
    main = conv(n, cbr(n, x, 4, 3, stride), channels)
    beside = x if stride == 1 and n.g.chance(0.5) else conv(n, x, channels, stride=stride)
    main, beside = (batch_norm(n, each) if n.g.chance(0.3) else each for each in (main, beside))
    total = n.act(n("Add", main, beside), "Relu none silu")
    match n.g.word("pool classify classify no"):
        case "pool":
            pool(n, total)
        case "classify":
            flat = n("Flatten", n("GlobalAveragePool", total), axis=1)
            n.several("Gemm", [flat, n.g.weight([5, channels]), n.g.weight([5])], 1, transB=1)
        case _:
            pass


def grouped_norm(n: Chain) -> None:
    """A group norm by an instance norm of other shape, as torch exports it, and what reads it."""
    x = _image(n)
    batch, channels, height, width = n.shape(x)
    groups = n.g.choice((2, 4))
    ones, zeros = n.g.constant(np.ones(groups, np.float32)), n.g.constant(np.zeros(groups, np.float32))
    flat = n.several("InstanceNormalization", [n.reshape(x, 0, groups, -1), ones, zeros], 1, epsilon=1e-2)[0]
    varies = len({array.shape for array in n.g.values[x].arrays}) > 1
    back = n.reshape(flat, -1 if varies else batch, channels, height, width)
    scaled = n("Add", n("Mul", back, n.g.weight([channels, 1, 1])), n.g.weight([channels, 1, 1]))
    cbr(n, n.act(scaled, "silu Relu none"), 8, 3)


def windows(n: Chain) -> None:
    """An image as windows of positions, with a product over each, and back; rolled before or not."""
    rows, columns, channels = n.g.choice((4, 6)), n.g.choice((4, 6)), 8
    x = n.open_input([n.g.number(1, 2), rows, columns, channels], np.float32, (0,))
    x = n.act(x, "Relu none")
    given = _rolled(n, x, 1) if n.g.chance(0.4) else x
    parted = n.reshape(given, -1, rows // 2, 2, columns // 2, 2, channels)
    flat = n.reshape(n.turn(parted, 0, 1, 3, 2, 4, 5), -1, 4, channels)
    made = n.act(n.dense(flat, channels))
    if n.g.chance(0.4):
        made = n("MatMul", n("Softmax", n("MatMul", made, n.turn(made, 0, 2, 1)), axis=-1), made)
    back = n.turn(n.reshape(made, -1, rows // 2, columns // 2, 2, 2, channels), 0, 1, 3, 2, 4, 5)
    back = n.reshape(back, -1, rows, columns, channels)
    n("Add", _rolled(n, back, 1) if n.g.chance(0.4) else back, x)


def _rolled(n: Chain, x: str, by: int) -> str:
    for axis in (1, 2):
        size = n.shape(x)[axis]
        x = n("Concat", n.slice(x, axis, by, size), n.slice(x, axis, 0, by), axis=axis)
    return x


def patches(n: Chain) -> None:
    """An image as tokens, by a convolution of patches or by pixels beside one another, with a token in front."""
    x = _image(n)
    _, channels, height, width = n.shape(x)
    if n.g.chance(0.5) and not (height % 2 or width % 2):
        weight = n.g.weight([8, channels, 2, 2], float(4 * channels) ** -0.5)
        x = n("Conv", x, weight, n.g.weight([8]), strides=[2, 2])
    flat = n.turn(n.reshape(x, 0, n.shape(x)[1], -1), 0, 2, 1)
    width = n.shape(flat)[-1]
    token = n.g.weight([1, 1, width])
    token = n("Expand", token, n("Concat", n.extent(flat, 0), n.whole(1, width), axis=0))
    flat = n("Concat", token, flat, axis=1)
    n.norm(n("Add", flat, n.g.weight([1, n.shape(flat)[1], width])))


BLOCKS: tuple[Callable[[Chain], None], ...] = (
    inception, inception, dense, skip, halves, excited, shortcut, grouped_norm, windows, patches,
)  # fmt: skip
