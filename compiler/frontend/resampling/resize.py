"""Resize and Upsample: every mode as weighted sums of elements picked along each axis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import TypeAlias

import numpy as np
from xdsl.dialects.builtin import bf16, f16, f64, i1
from xdsl.ir import SSAValue

from ....dialects import dims
from ....dialects.dims import Expr
from ....dialects.dtypes import is_float
from ..node import Node
from ..places import along
from ..registry import Result, onnx_op
from .formulas import Number, size_of
from .taps import Axis, Rule, resampled, taps_of

_TRANSFORMS = (
    "half_pixel", "pytorch_half_pixel", "half_pixel_symmetric", "align_corners", "asymmetric", "tf_half_pixel_for_nn",
    "tf_crop_and_resize",
)  # fmt: skip
_ROUNDINGS = ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")


@onnx_op(
    "Resize",
    "Upsample",
    note="scales, sizes and roi may be data; antialias needs scales that are constant or computed from fixed sizes",
)
def resize(node: Node) -> Result:
    net, shape = node.net, node.shape(0)
    rule = _rule(node)
    axes = _axes(node, shape, rule)
    if not axes:
        return node.value(0)
    if (repeats := _repeats(rule, axes)) is not None:
        return _repeated(node, shape, repeats)
    taps = [taps_of(net, axis, rule) for axis in axes]
    if rule.mode == "nearest":
        result = resampled(net, node.data(0), taps)
    else:
        result = _in_floats(node, lambda x: resampled(net, x, taps))
    outside = [along(net, t.outside, t.axis, len(shape)) for t in taps if t.outside is not None]
    if outside:
        value = node.float("extrapolation_value", 0.0)
        for mask in outside:
            result = net.add_where(mask, value if is_float(net.element(result)) else int(value), result)
    return result


def _in_floats(node: Node, compute: Callable[[SSAValue], SSAValue]) -> SSAValue:
    """What `compute` makes of the operand as f32 or f64; of integers rounded and held in the type."""
    element = node.element_type(0)
    if element in (f16, bf16):
        node.in_f32()
    net, x = node.net, node.data(0)
    if is_float(element):
        return compute(x)
    if element == i1:
        node.unsupported("it interpolates booleans", "use mode=nearest")
    dtype = node.numpy_dtype(element)
    wide = f64 if dtype.itemsize > 2 else "f32"
    result = net.add_unary("round", compute(net.add_cast(x, wide)))
    limits = np.iinfo(dtype)
    return net.add_cast(net.add_clip(result, float(limits.min), float(limits.max)), element)


def _rule(node: Node) -> Rule:
    mode = node.string("mode", "nearest")
    mode = {"bilinear": "linear"}.get(mode, mode)
    if mode not in ("nearest", "linear", "cubic"):
        node.invalid(f"attribute 'mode' should be nearest, linear or cubic, got {mode!r}")
    if node.op_type == "Upsample" or node.opset < 11:
        return Rule(mode, "asymmetric", "floor")
    transform = node.string("coordinate_transformation_mode", "half_pixel")
    rounding = node.string("nearest_mode", "round_prefer_floor")
    if transform not in _TRANSFORMS or rounding not in _ROUNDINGS:
        node.invalid(
            f"its coordinate_transformation_mode is {transform!r} and its nearest_mode {rounding!r}; expected one of "
            f"{', '.join(_TRANSFORMS)} and one of {', '.join(_ROUNDINGS)}"
        )
    antialias = bool(node.int("antialias", 0)) and mode != "nearest"
    return Rule(
        mode, transform, rounding, antialias, bool(node.int("exclude_outside", 0)), node.float("cubic_coeff_a", -0.75)
    )


def _axes(node: Node, shape: Sequence[Expr], rule: Rule) -> list[Axis]:
    """The axes that change, or whose part is cut out."""
    rank = len(shape)
    numbers = [node.axis(axis, rank) for axis in node.ints("axes", list(range(rank)))]
    extents = [shape[axis] for axis in numbers]
    scales, targets = _scales(node, extents, numbers)
    rois = _rois(node, len(numbers)) if rule.transform == "tf_crop_and_resize" else [(0.0, 1.0)] * len(numbers)
    found: list[Axis] = []
    for axis, source, target, scale, roi in zip(numbers, extents, targets, scales, rois, strict=True):
        same = source == target and (scale == 1.0 or scale is None)
        if same and roi == (0.0, 1.0):
            continue
        if scale is None:
            net = node.net
            scale = (size_of(net, target) / size_of(net, source)).of
        if rule.antialias and not isinstance(scale, float):
            node.unsupported(
                f"it antialiases dim {axis} by a scale that is not known at import", "give it as constant scales"
            )
        found.append(Axis(axis, source, target, scale, roi))
    return found


_Scale: TypeAlias = float | SSAValue | None
"""The scale of an axis; None where the sizes give it, and they depend on dynamic dims."""


def _rois(node: Node, count: int) -> list[tuple[float | SSAValue, float | SSAValue]]:
    """The (start, end) of each axis."""
    given = _numbers(node, 1, "roi", 2 * count)
    return list(zip(given[:count], given[count:], strict=True))


def _numbers(node: Node, index: int, what: str, count: int) -> list[float | SSAValue]:
    """The elements of an operand of floats, as f64 scalars where data decides them."""
    if not node.value(index).is_open:
        given = [float(number) for number in node.constant(index, what).reshape(-1)]
        if len(given) != count:
            node.invalid(f"its {what} has {len(given)} entries, expected {count}")
        return list(given)
    net = node.net
    if node.shape(index) != (dims.const(count),):
        node.invalid(f"its {what} has the shape [{', '.join(map(str, node.shape(index)))}], expected [{count}]")
    wide = net.add_cast(node.value(index).materialise(net), f64)
    return [net.add_reshape(net.add_slice(wide, [k], [1]), ()) for k in range(count)]


# An operand must be a constant where it would decide the number of taps, which it does with `antialias`.


def _scales(node: Node, extents: Sequence[Expr], axes: Sequence[int]) -> tuple[list[_Scale], list[Expr]]:
    """The scale of each axis, and its new extent."""
    old = node.op_type == "Upsample" or node.opset < 11
    if node.op_type == "Upsample" and node.opset < 9:
        scales: list[float | SSAValue] = list(node.floats("scales"))
    elif old or (node.has_input(2) and node.shape(2) != (dims.const(0),)):
        index = 1 if old else 2
        if node.int("antialias", 0):
            node.constant(index, "scales")
        scales = _numbers(node, index, "scales", len(extents))
    else:
        return _by_sizes(node, extents, axes)
    known = [scale for scale in scales if isinstance(scale, float)]
    if len(scales) != len(extents) or any(not 0 < scale < float("inf") for scale in known):
        node.invalid(f"its scales are {known}, expected {len(extents)} positive numbers")
    targets = [_scaled(node, *each) for each in zip(extents, scales, axes, strict=True)]
    return list(scales), targets


def _scaled(node: Node, extent: Expr, scale: float | SSAValue, axis: int) -> Expr:
    """The extent times the scale, rounded down, which the host reads where data decides the scale."""
    if isinstance(scale, float):
        factor = Fraction(scale)
        return extent * factor.numerator // factor.denominator
    net = node.net
    count = (size_of(net, extent) * Number(net, scale)).unary("floor").value()
    (target,) = node.read_sizes(
        net.add_reshape(net.add_cast(count, "i64"), [1]), node.most_along([axis]), f"size_{axis}"
    )
    return target


def _by_sizes(node: Node, extents: Sequence[Expr], axes: Sequence[int]) -> tuple[list[_Scale], list[Expr]]:
    policy = node.string("keep_aspect_ratio_policy", "stretch")
    if policy not in ("stretch", "not_larger", "not_smaller"):
        node.invalid(f"its keep_aspect_ratio_policy is {policy!r}; expected stretch, not_larger or not_smaller")
    if node.value(3).is_open and node.int("antialias", 0):
        node.constant(3, "sizes")
    if policy == "stretch":
        most = node.most_along(axes)
    else:  # what the model declares are the results, which the sizes may exceed
        most = [node.bounds.most(node.graph_node.label, node.op_type)] * len(axes)
    sizes = [dims.as_expr(size) for size in node.known(3, "sizes", most).reshape(-1)]
    if len(sizes) != len(extents):
        node.invalid(f"it has {len(sizes)} sizes for {len(extents)} dims")
    known = [(s.as_int(), e.as_int()) for s, e in zip(sizes, extents, strict=True)]
    scales = [size / extent if size is not None and extent else None for size, extent in known]
    if policy == "stretch":
        return list(scales), sizes
    return _keeping_ratio(node, sizes, extents, smallest=policy == "not_larger")


def _keeping_ratio(
    node: Node, sizes: Sequence[Expr], extents: Sequence[Expr], *, smallest: bool
) -> tuple[list[_Scale], list[Expr]]:
    """All axes by the smallest or the largest of their scales: axis i gets extent_i * size_k / extent_k elements, halves rounded up, where
    k is the axis of that scale, and so the least or the most of these over all k."""
    net, pick = node.net, dims.minimum if smallest else dims.maximum
    scale, *others = (size_of(net, size) / size_of(net, extent) for size, extent in zip(sizes, extents, strict=True))
    for other in others:
        scale = scale.least(other) if smallest else scale.greatest(other)
    targets: list[Expr] = []
    for i, extent in enumerate(extents):
        target = sizes[i]
        for k, (size, whole) in enumerate(zip(sizes, extents, strict=True)):
            if k != i:
                target = pick(target, (2 * extent * size + whole) // (2 * whole))
        targets.append(target)
    return [scale.of] * len(extents), targets


def _repeats(rule: Rule, axes: Sequence[Axis]) -> dict[int, int] | None:
    """How often each element occurs along axes, where the nearest ones are these: a copy that reads in order."""
    plain = (rule.transform == "asymmetric" and rule.rounding == "floor") or (
        rule.transform == "half_pixel" and rule.rounding.startswith("round_prefer")
    )
    factors: dict[int, int] = {}
    for axis in axes:
        factor = (axis.target // axis.source).as_int()
        if (
            rule.mode != "nearest"
            or not plain
            or not factor
            or axis.source * factor != axis.target
            or axis.scale != factor
        ):
            return None
        factors[axis.axis] = factor
    return factors


def _repeated(node: Node, shape: Sequence[Expr], factors: dict[int, int]) -> SSAValue:
    net = node.net
    wide: list[Expr] = []
    repeated: list[Expr] = []
    for axis, extent in enumerate(shape):
        wide += [extent, dims.const(1)] if axis in factors else [extent]
        repeated += [extent, dims.const(factors[axis])] if axis in factors else [extent]
    result = net.add_broadcast_to(net.add_reshape(node.data(0), wide), repeated)
    return net.add_reshape(result, [extent * factors.get(axis, 1) for axis, extent in enumerate(shape)])
