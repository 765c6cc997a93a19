"""Signals: DFT, STFT, window functions, MelWeightMatrix.

A Fourier transform is a product with a matrix of cosines and sines, which is computed in float64 at import; a long one is two such products
(Cooley and Tukey, 1965) with a complex factor in between. The real and the imaginary part of a value are the last dim.
"""

from __future__ import annotations

from math import isqrt

import numpy as np
from xdsl.dialects.builtin import f64
from xdsl.ir import SSAValue

from ...dialects import dims
from ...dialects.dims import Expr
from ..network import Network
from .choices import by_axes
from .node import Node
from .registry import Result, onnx_op
from .value import Array, Value

_DIRECT = 256
"""The longest transform that is one product: two take fewer operations from there on."""
_LARGEST = 1 << 24
"""Elements of the largest matrix of one product."""

# Window functions.

_WINDOWS = {
    "HannWindow": (0.5, 0.5, 0.0),
    "HammingWindow": (25 / 46, 21 / 46, 0.0),
    "BlackmanWindow": (0.42, 0.5, 0.08),
}
"""The terms of a - b cos(turn) + c cos(2 turn)."""


@onnx_op(*_WINDOWS)
def window(node: Node) -> Result:
    size = _sizes(node, 0, "size", 1)[0]
    a, b, c = _WINDOWS[node.op_type]
    wanted, static = node.onnx_type(node.int("output_datatype", 1)), size.as_int()
    if static is not None:
        if static < 0:
            node.invalid(f"its size should be 0 or more, got {static}")
        node.net.budget.spend(8 * static)
        with np.errstate(all="ignore"):
            turn = 2 * np.pi * np.arange(static) / (static if node.int("periodic", 1) else static - 1)
        values = a - b * np.cos(turn) + c * np.cos(2 * turn)
        return Value("", array=values.astype(node.numpy_dtype(wanted)))
    net = node.net
    period = net.add_size(size if node.int("periodic", 1) else size - 1, f64)
    turn = net.add_binary("div", net.add_binary("mul", net.add_iota([size], 0, f64), 2 * np.pi), period)
    first, second = (net.add_unary("cos", net.add_binary("mul", turn, float(k))) for k in (1, 2))
    values = net.add_binary("sub", a, net.add_binary("mul", first, b))
    return net.add_cast(net.add_binary("add", values, net.add_binary("mul", second, c)), wanted)


@onnx_op("MelWeightMatrix", note="all operands are constant")
def mel_weight_matrix(node: Node) -> Result:
    """A triangle per band, whose corners are bins of the spectrum at even steps of the mel scale."""
    bands, length, rate = (
        _whole(node, i, what) for i, what in enumerate(("num_mel_bins", "dft_length", "sample_rate"))
    )
    lower, upper = (float(node.constant(i, what).reshape(-1)[0]) for i, what in ((3, "lower_edge"), (4, "upper_edge")))
    if min(bands, length, rate) < 1:
        node.invalid(f"its sizes should be positive, got {bands} bands, length {length}, rate {rate}")
    bins = length // 2 + 1
    node.net.budget.spend(8 * bands * bins)
    low, high = (2595 * np.log10(1 + edge / 700) for edge in (lower, upper))
    mel = np.linspace(low, high, bands + 2, endpoint=False)
    corners = ((length + 1) * (700 * (10 ** (mel / 2595) - 1)) // rate).astype(np.int64)
    left, centre, right = corners[:-2], corners[1:-1], corners[2:]
    if corners.min() < 0 or centre.max() >= bins:
        node.invalid(f"its bands reach beyond the {bins} bins of the spectrum")
    at = np.arange(bins)[:, None]
    with np.errstate(all="ignore"):
        rising = np.where((at >= left) & (at <= centre), (at - left) / (centre - left), 0.0)
        falling = np.where((at >= centre) & (at < right), (right - at) / (right - centre), rising)
    matrix = np.where((centre == left) & (at == centre) & (right == centre), 1.0, falling)
    return Value("", array=matrix.astype(node.numpy_dtype(node.onnx_type(node.int("output_datatype", 1)))))


# Fourier transforms.


@onnx_op("DFT", note="the transformed dim and the length are constant")
@by_axes(2)
def dft(node: Node) -> Result:
    node.in_f32()
    net, x, rank = node.net, node.data(0), node.rank(0)
    inverse, onesided = bool(node.int("inverse", 0)), bool(node.int("onesided", 0))
    if node.opset < 20:
        axis = node.axis(node.int("axis", 1), rank)
    else:
        axis = node.axis(_whole(node, 2, "axis") if node.has_input(2) else -2, rank)
    size = node.shape(0)[axis].as_int()
    if axis == rank - 1 or node.shape(0)[-1].as_int() not in (1, 2):
        node.invalid("its last dim should be one of real or of real and imaginary parts, and not its axis")
    if size is None:
        node.unsupported(f"it transforms the dynamic dim {node.shape(0)[axis]}", "fix this dim in the profile")
    default = 2 * (size - 1) if inverse and onesided else size
    length = _whole(node, 1, "dft_length") if node.has_input(1) else default
    order = [*(i for i in range(rank - 1) if i != axis), axis, rank - 1]
    made = _transformed(node, net.add_transpose(x, order), length, inverse, onesided)
    return net.add_transpose(made, [order.index(i) for i in range(rank)])


@onnx_op("STFT", note="frame_step and frame_length are constant")
def stft(node: Node) -> Result:
    """Frames are gathered by their positions, weighted by the window, and transformed."""
    node.in_f32()
    net, x = node.net, node.data(0)
    if node.rank(0) == 2:
        x = net.add_reshape(x, (*node.shape(0), 1))
    signal, step = net.shape(x)[1], _whole(node, 1, "frame_step")
    if node.has_input(3):
        length = _whole(node, 3, "frame_length")
    else:
        found = node.shape(2)[0] if node.has_input(2) else signal
        length = found.as_int() or node.unsupported(f"its frames have the dynamic length {found}", "fix that dim")
    if step < 1 or length < 1:
        node.invalid(f"expected a positive frame_step and frame_length, got {step} and {length}")
    frames = (signal - length) // step + 1
    positions = net.add_binary(
        "add", net.add_binary("mul", net.add_iota((frames, 1), 0, "i64"), step), net.add_iota((1, length), 1, "i64")
    )
    framed = net.add_gather(x, positions, 1)
    if node.has_input(2):
        framed = net.add_binary("mul", framed, net.add_reshape(node.data(2), (length, 1)))
    return _transformed(node, framed, length, False, bool(node.int("onesided", 1)))


def _transformed(node: Node, x: SSAValue, length: int, inverse: bool, onesided: bool) -> SSAValue:
    """The transform of [..., n, 1 or 2] over n, taken as `length` long, as [..., length, 2]; half of it where `onesided`, of which the
    inverse makes [..., length, 1]."""
    net = node.net
    *outer, size, parts = net.shape(x)
    given, parts = size.as_int(), parts.as_int()
    assert given is not None and parts is not None
    if length < 1:
        node.invalid(f"expected a positive length, got {length}")
    real = inverse and onesided
    read = min(given, length // 2 + 1 if real else length)
    x = net.add_slice(x, [0] * (len(outer) + 2), [*outer, read, parts])
    first = next((n for n in range(isqrt(length), 7, -1) if length % n == 0), None)
    if length > _DIRECT and first is not None and not real:
        x = net.add_pad(x, [0] * (len(outer) + 2), [*[0] * len(outer), length - read, 0])
        full = _in_two_steps(net, x, first, length // first, inverse)
        return net.add_slice(full, [0] * (len(outer) + 2), [*outer, length // 2 + 1 if onesided else length, 2])
    written = length // 2 + 1 if onesided and not inverse else length
    if read * parts * written * 2 > _LARGEST:
        node.unsupported(
            f"its length {length} takes a matrix of more than {_LARGEST} elements", "use a length with small factors"
        )
    matrix = _real_inverse(length, read, parts) if real else _matrix(length, read, parts, written, inverse)
    product = _product(net, x, matrix)
    return net.add_reshape(product, (*outer, written, 1 if real else 2))


def _product(net: Network, x: SSAValue, matrix: Array) -> SSAValue:
    """[..., n, parts] times a matrix from n * parts."""
    *outer, size, parts = net.shape(x)
    rows = net.add_reshape(x, (dims.product(outer), size * parts))
    return net.add_reshape(net.add_matmul(rows, matrix.astype(net.dtype(x))), (*outer, matrix.shape[1]))


def _in_two_steps(net: Network, x: SSAValue, first: int, second: int, inverse: bool) -> SSAValue:
    """For n = second * i + j and k = p + first * q: transforms over i for each j, times e ** (-2 pi i j p / N), then over j for each p."""
    *outer, size, parts = net.shape(x)
    rank, length = len(outer), first * second
    apart = net.add_reshape(x, (*outer, first, second, parts))
    turned = net.add_transpose(apart, [*range(rank), rank + 1, rank, rank + 2])
    inner = _product(net, turned, _matrix(first, first, parts.as_int() or 1, first, inverse))
    inner = net.add_reshape(inner, (*outer, second, first, 2))
    angle = 2 * np.pi * np.outer(np.arange(second), np.arange(first)) / length
    cos, sin = (f(angle).astype(net.dtype(x))[..., None] for f in (np.cos, np.sin))
    low, high = [0] * (rank + 3), [*outer, second, first]
    re = net.add_slice(inner, low, [*high, 1])
    im = net.add_slice(inner, [*low[:-1], 1], [*high, 1])
    sin = sin if inverse else -sin
    turned_re = net.add_binary("sub", net.add_binary("mul", re, cos), net.add_binary("mul", im, sin))
    turned_im = net.add_binary("add", net.add_binary("mul", re, sin), net.add_binary("mul", im, cos))
    pair = net.add_concat([turned_re, turned_im], rank + 2)
    last = _product(
        net,
        net.add_transpose(pair, [*range(rank), rank + 1, rank, rank + 2]),
        _matrix(second, second, 2, second, inverse),
    )
    made = net.add_transpose(
        net.add_reshape(last, (*outer, first, second, 2)), [*range(rank), rank + 1, rank, rank + 2]
    )
    return net.add_reshape(made, (*outer, size, 2))


def _matrix(length: int, read: int, parts: int, written: int, inverse: bool) -> Array:
    """From `read` values, of `parts` parts each, to (real, imaginary) of `written` ones; the inverse divides by the length."""
    angle = 2 * np.pi / length * (np.outer(np.arange(read), np.arange(written)) % length)
    cos, sin = np.cos(angle), np.sin(angle) if inverse else -np.sin(angle)
    made = np.stack([np.stack([cos, sin], -1), np.stack([-sin, cos], -1)], 1)[:, :parts]
    return made.reshape(read * parts, written * 2) / (length if inverse else 1)


def _real_inverse(length: int, read: int, parts: int) -> Array:
    """From the first half of a spectrum to real values: the other half is its conjugate, without the first and a middle one."""
    k = np.arange(read)
    angle = 2 * np.pi / length * (np.outer(k, np.arange(length)) % length)
    weight = np.where((k == 0) | (2 * k == length), 1.0, 2.0)[:, None] / length
    alone = ((k == 0) | (2 * k == length))[:, None]
    made = np.stack([weight * np.cos(angle), np.where(alone, 0.0, -weight * np.sin(angle))], 1)[:, :parts]
    return made.reshape(read * parts, length)


def _sizes(node: Node, index: int, what: str, count: int) -> list[Expr]:
    """The numbers of an operand that says sizes, which the host reads where they are data."""
    values = [dims.as_expr(value) for value in node.known(index, what).reshape(-1)]
    if len(values) != count:
        node.invalid(f"its {what} should have {count} numbers, got {len(values)}")
    return values


def _whole(node: Node, index: int, what: str) -> int:
    values = node.known_ints(index, what)
    if len(values) != 1:
        node.invalid(f"its {what} should be one number, got {len(values)}")
    return values[0]
