"""Transposed convolutions."""

from __future__ import annotations

from .node import Node
from .registry import Result, onnx_op


@onnx_op("ConvTranspose", note="any number of spatial dims; groups, dilations, auto_pad, output_padding, output_shape")
def conv_transpose(node: Node) -> Result:
    if all(node.value(i).constant() is not None for i in (0, 1)):
        node.in_f32()
    weights = node.shape(1)
    if node.rank(0) < 3 or len(weights) != node.rank(0):
        node.invalid(
            f"its operand has rank {node.rank(0)} and its weights {len(weights)}; expected one rank of 3 or more"
        )
    if weights[1].as_int() == 0 or weights[0].as_int() == 0:
        node.unsupported("its weights have no channels", "take a sum of nothing, its bias, instead")
    kernel = [extent.as_int() for extent in weights[2:]]
    sizes = [size for size in kernel if size is not None]
    if len(sizes) != len(kernel):
        node.unsupported("its kernel size is dynamic", "use weights of a fixed shape")
    if node.has("kernel_shape") and node.ints("kernel_shape") != sizes:
        node.invalid(f"attribute 'kernel_shape' is {node.ints('kernel_shape')}, but the weights have {sizes}")
    ones = [1] * len(sizes)
    strides, dilations = node.ints("strides", ones), node.ints("dilations", ones)
    extra = node.ints("output_padding", [0] * len(sizes))
    for name, values in (("strides", strides), ("dilations", dilations), ("output_padding", extra)):
        if len(values) != len(sizes):
            node.invalid(f"attribute {name!r} should have {len(sizes)} entries, got {values}")
    reach = [(size - 1) * dilation + 1 for size, dilation in zip(sizes, dilations, strict=True)]
    return node.net.add_transposed_convolution(
        node.data(0), node.data(1), node.data(2) if node.has_input(2) else None,
        strides=strides, pads=_pads(node, strides, reach, extra), output_padding=extra, dilations=dilations,
        groups=node.int("group", 1),
    )  # fmt: skip


def _pads(node: Node, strides: list[int], reach: list[int], extra: list[int]) -> list[int]:
    """What is cut off before and after each dim: `pads`, or what leaves `output_shape`, or `stride` times the extent (SAME)."""
    mode, count = node.string("auto_pad", "NOTSET"), len(strides)
    if mode not in ("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER", ""):
        node.invalid(f"attribute 'auto_pad' should be NOTSET, VALID, SAME_UPPER or SAME_LOWER, got {mode!r}")
    same = mode in ("SAME_UPPER", "SAME_LOWER")
    if node.has("output_shape"):
        wanted = node.ints("output_shape")
        if len(wanted) not in (count, count + 2):
            node.invalid(f"attribute 'output_shape' should have {count} entries, got {wanted}")
        totals = [_total(node, axis, size, strides, reach, extra) for axis, size in enumerate(wanted[-count:])]
    elif same:
        totals = [r - s + e for s, r, e in zip(strides, reach, extra, strict=True)]
    else:
        pads = node.ints("pads", [0] * 2 * count) if mode != "VALID" else [0] * 2 * count
        if len(pads) != 2 * count:
            node.invalid(f"attribute 'pads' should have {2 * count} entries, got {pads}")
        return pads
    # A result that reaches further than the windows ends in zeros.
    before = [max(total, 0) // 2 if mode == "SAME_UPPER" else (max(total, 0) + 1) // 2 for total in totals]
    return before + [total - half for total, half in zip(totals, before, strict=True)]


def _total(node: Node, axis: int, size: int, strides: list[int], reach: list[int], extra: list[int]) -> int:
    extent = node.shape(0)[2 + axis].as_int()
    if extent is None:
        node.unsupported(
            f"its output_shape {size} is fixed and its operand's dim {node.shape(0)[2 + axis]} is not",
            "use pads, or fix the dim in the profile (min = opt = max)",
        )
    return strides[axis] * (extent - 1) + extra[axis] + reach[axis] - size
