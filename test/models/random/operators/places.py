"""Operators that find, pick and write at computed places: sorting, scatters, scans, resampling."""

from __future__ import annotations

import numpy as np

from ..graphs import Maker
from .shared import first


def _indices(g: Maker, shape: tuple[int, ...], extent: int, *, unique: bool = False) -> str:
    """Indices into a dim, some of them negative; as data or as a constant. `unique`: each occurs once along the first axis."""
    if unique:
        rows = np.stack([g.rng.permutation(extent)[: shape[0]] for _ in range(int(np.prod(shape[1:])))], axis=-1)
        array = rows.reshape(shape)
    else:
        array = g.rng.integers(0, extent, shape)
    array = np.where(g.rng.random(shape) < 0.3, array - extent, array).astype(np.int64)
    return g.constant(array)


def find(g: Maker) -> None:
    """ArgMax, ArgMin, TopK, OneHot."""
    x = g.float_value(least=1)
    shape = g.values[x].shape
    axis = g.number(0, len(shape) - 1)
    given = axis - len(shape) if g.chance(0.4) else axis
    kind = g.choice(("ArgMax", "ArgMin", "TopK", "TopK", "OneHot"))
    if kind == "OneHot":
        depth = g.number(2, 5)
        indices = g.rng.integers(-depth - 1, depth + 1, (g.number(1, 3), 2)).astype(np.int64)
        values = g.constant(np.array([-0.5, 1.5], np.float32))
        g.emit(kind, [g.constant(indices), g.constant([depth], np.int64), values], axis=g.number(-3, 2))
    elif kind == "TopK":
        k = g.number(0, shape[axis])
        values = g.emit(kind, [x, g.constant([k], np.int64)], 2, axis=given, largest=g.number(0, 1))
        if values:
            g.emit("Cast", [values[1]], to=1)
    else:
        found = first(g.emit(kind, [x], axis=given, keepdims=g.number(0, 1), select_last_index=g.number(0, 1)))
        if found:
            g.emit("Cast", [found], to=1)


def rearrange(g: Maker) -> None:
    """ReverseSequence and GatherElements, of any rank."""
    x = g.pick(lambda v: v.rank >= 2 and v.static and min(v.shape) > 0 and not v.constant) or g.input(3)
    shape = g.values[x].shape
    if not g.values[x].static:
        return
    if g.chance(0.5):
        time = g.number(0, 1)
        lengths = g.rng.integers(1, shape[time] + 1, shape[1 - time]).astype(np.int64)
        g.emit("ReverseSequence", [x, g.constant(lengths)], time_axis=time, batch_axis=1 - time)
        return
    axis = g.number(0, len(shape) - 1)
    taken = tuple(g.number(1, n) for n in shape)
    g.emit("GatherElements", [x, _indices(g, taken, shape[axis])], axis=axis - len(shape) if g.chance(0.4) else axis)


def scatter(g: Maker) -> None:
    """ScatterElements and ScatterND: any reduction, with places that repeat where one is asked for."""
    x = g.pick(lambda v: v.rank >= 1 and v.static and v.dtype == np.float32 and min(v.shape) > 0) or g.input(2)
    value = g.values[x]
    if not value.static:
        return
    reduction = g.choice(("none", "add", "mul", "max", "min"))
    attributes = {"reduction": reduction} if reduction != "none" and g.opset >= 18 else {}
    axis = g.number(0, value.rank - 1)
    if g.chance(0.5):
        taken = tuple(g.number(1, n) for n in value.shape)
        order = (axis, *(i for i in range(value.rank) if i != axis))
        spread = tuple(taken[i] for i in order)
        name = _indices(g, spread, value.shape[axis], unique=not attributes)
        moved = g.constant(np.moveaxis(g.values[name].arrays[0], 0, axis))
        g.emit("ScatterElements", [x, moved, g.constant(g.data(taken, np.float32))], axis=axis, **attributes)
        return
    depth, count = g.number(1, value.rank), g.number(1, 4)
    places = np.stack([g.rng.integers(-n, n, count) for n in value.shape[:depth]], axis=-1).astype(np.int64)
    if not attributes:
        places = places[:1]
    updates = g.data((len(places), *value.shape[depth:]), np.float32)
    g.emit("ScatterND", [x, g.constant(places), g.constant(updates)], **attributes)


def einsum(g: Maker) -> None:
    """Products, sums, diagonals and transposes of one to three small tensors."""
    equation = g.choice((
        "ij,jk->ik", "bij,bjk->bik", "ij,ij->", "ii->i", "ii", "ij->ji", "bhid,bhjd->bhij", "i,j->ij", "ij,jk,kl->il", "...ij,...jk->...ik",
        "b...->b", "ijk->k", "ij,kj", "iij->j", "abc,cd,ad->bd",
    ))  # fmt: skip
    sizes = {label: g.number(1, 4) for label in "abcdhijkl"}
    operands: list[str] = []
    for term in equation.partition("->")[0].split(","):
        lead = [2, 3] if "..." in term else []
        operands.append(g.input(0, shape=[*lead, *(sizes[label] for label in term.replace("...", ""))]))
    if any(not g.values[name].static for name in operands):
        return
    g.emit("Einsum", operands, equation=equation)


def resample(g: Maker) -> None:
    """Resize in all modes, and GridSample."""
    shape = [g.number(1, 2), g.number(1, 3), g.number(2, 6), g.number(2, 6)]
    x = g.input(4, shape=shape)
    if g.opset >= 16 and g.chance(0.4):
        spots = [g.values[x].shape[0], g.number(1, 4), g.number(1, 4), 2]
        grid = g.constant((g.rng.random(spots) * 2.6 - 1.3).astype(np.float32))
        modes = ("bilinear", "nearest", "bicubic") if g.opset < 20 else ("linear", "nearest", "cubic")
        padding = g.choice(("zeros", "border", "reflection"))
        g.emit("GridSample", [x, grid], mode=g.choice(modes), padding_mode=padding, align_corners=g.number(0, 1))
        return
    mode = g.choice(("nearest", "linear", "cubic"))
    transforms = ["half_pixel", "align_corners", "asymmetric", "pytorch_half_pixel"]
    attributes = {
        "mode": mode,
        "coordinate_transformation_mode": g.choice(transforms),
        "nearest_mode": g.choice(("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")),
    }
    if mode == "cubic":
        attributes |= {"cubic_coeff_a": g.choice((-0.75, -0.5)), "exclude_outside": g.number(0, 1)}
    # ONNX Runtime maps corners to the whole extent of a result, ONNX to that of the scaled image.
    whole = attributes["coordinate_transformation_mode"] != "align_corners"
    if whole and g.chance(0.5):
        # Binary fractions: of others some coordinates are whole or half but for a rounding, where ONNX Runtime takes the other element.
        scales = [1.0, 1.0, g.choice((0.625, 1.3125, 2.0, 2.5)), g.choice((0.6875, 1.0, 1.75, 3.0))]
        # Where the size stays, ONNX Runtime copies whatever the scale; ONNX resamples.
        scales = [1.0 if int(size * scale) == size else scale for size, scale in zip(shape, scales, strict=True)]
        g.emit("Resize", [x, "", g.constant(scales, np.float32)], **attributes)
    elif g.values[x].static:
        sizes = [*shape[:2], g.number(1, 9), g.number(1, 9)]
        g.emit("Resize", [x, "", "", g.constant(sizes, np.int64)], **attributes)


def region(g: Maker) -> None:
    """RoiAlign over regions in and partly outside the image."""
    if g.opset < 16:
        return
    x = g.input(4, shape=[2, 2, g.number(4, 7), g.number(4, 7)])
    corners = np.sort(g.rng.random((3, 2, 2)) * 9 - 1, axis=1).reshape(3, 4).astype(np.float32)
    batch = g.constant(g.rng.integers(0, g.values[x].shape[0], 3).astype(np.int64))
    g.emit(
        "RoiAlign", [x, g.constant(corners), batch], output_height=g.number(1, 3), output_width=g.number(1, 3),
        sampling_ratio=g.number(0, 2), spatial_scale=g.choice((1.0, 0.5)),
        coordinate_transformation_mode=g.choice(("half_pixel", "output_half_pixel")),
    )  # fmt: skip
