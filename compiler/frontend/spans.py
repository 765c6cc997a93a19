"""Where the windows of convolutions and pools lie: kernel sizes, strides and dilations, `pads`, `auto_pad` and `ceil_mode`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from xdsl.ir import SSAValue

from ...dialects import dims
from ...dialects.dims import Expr
from .node import Node


@dataclass(frozen=True)
class Windows:
    """The windows of a node, with an entry per spatial dim in each list."""

    kernel: list[int]
    strides: list[int]
    dilations: list[int]
    before: list[int]
    """The op's own padding, before and after the image."""
    after: list[int]
    grown: list[tuple[Expr, Expr]]
    """Padding that depends on the sizes of dynamic dims, and is to be put around the image before the op."""
    keep: list[Expr | None]
    """How many windows count, where there are more in the padding."""

    @property
    def pads(self) -> list[int]:
        return self.before + self.after

    @property
    def reach(self) -> list[int]:
        """The elements from a window's first to its last."""
        return [(size - 1) * dilation + 1 for size, dilation in zip(self.kernel, self.dilations, strict=True)]

    @property
    def is_grown(self) -> bool:
        return any(count.as_int() != 0 for pair in self.grown for count in pair)

    def around(self, node: Node, x: SSAValue, value: float) -> SSAValue:
        """The image in the padding that depends on its size."""
        if not self.is_grown:
            return x
        none = [dims.const(0)] * 2
        low, high = ([pair[side] for pair in self.grown] for side in (0, 1))
        return node.net.add_pad(x, [*none, *low], [*none, *high], value)

    def kept(self, node: Node, result: SSAValue) -> SSAValue:
        """The results of the windows that count."""
        shape = list(node.net.shape(result))
        sizes = [*shape[:2], *(size if keep is None else keep for size, keep in zip(shape[2:], self.keep, strict=True))]
        return result if sizes == shape else node.net.add_slice(result, [0] * len(shape), sizes)


def windows_of(node: Node, kernel: Sequence[int]) -> Windows:
    """The windows that a node's attributes describe."""
    count = len(kernel)
    ones = [1] * count
    strides, dilations = node.ints("strides", ones), node.ints("dilations", ones)
    if len(strides) != count or len(dilations) != count:
        node.invalid(f"strides {strides} and dilations {dilations} should have {count} entries each")
    if min((*strides, *dilations, *kernel), default=1) < 1:
        node.invalid(f"kernel {list(kernel)}, strides {strides} and dilations {dilations} should be positive")
    none = [(dims.const(0), dims.const(0))] * count
    windows = Windows(list(kernel), strides, dilations, [0] * count, [0] * count, none, [None] * count)
    mode = node.string("auto_pad", "NOTSET")
    if mode in ("NOTSET", "VALID", ""):
        pads = node.ints("pads", [0] * 2 * count) if mode != "VALID" else [0] * 2 * count
        if len(pads) != 2 * count:
            node.invalid(f"attribute 'pads' should have {2 * count} entries, got {pads}")
        if min(pads) < 0:
            node.unsupported(f"its pads {pads} are negative", "slice the input instead")
        return replace(windows, before=pads[:count], after=pads[count:])
    if mode not in ("SAME_UPPER", "SAME_LOWER"):
        node.invalid(f"attribute 'auto_pad' should be NOTSET, VALID, SAME_UPPER or SAME_LOWER, got {mode!r}")
    return _same(node, windows, upper=mode == "SAME_UPPER")


def _same(node: Node, windows: Windows, *, upper: bool) -> Windows:
    """Padding that makes each dim of the result `ceil(extent / stride)` long."""
    before, after, grown = list(windows.before), list(windows.after), list(windows.grown)
    for axis, extent in enumerate(node.shape(0)[2:]):
        total = _same_padding(node, extent, windows.reach[axis], windows.strides[axis])
        less, more = total // 2, total - total // 2
        first, last = (less, more) if upper else (more, less)
        fixed = first.as_int(), last.as_int()
        if fixed[0] is not None and fixed[1] is not None:
            before[axis], after[axis] = fixed[0], fixed[1]
        else:
            grown[axis] = first, last
    return replace(windows, before=before, after=after, grown=grown)


def _same_padding(node: Node, extent: Expr, reach: int, stride: int) -> Expr:
    if stride == 1:
        return dims.const(reach - 1)
    total = (dims.ceildiv(extent, stride) - 1) * stride + reach - extent
    # The last window starts at most stride - 1 elements before the end.
    return total if reach >= stride and extent.bounds(node.net.ranges)[0] > 0 else dims.maximum(total, 0)


def with_ceil_mode(node: Node, windows: Windows) -> Windows:
    """With the windows that ceil_mode adds at the end, none of which starts in the padding there."""
    after, keep = list(windows.after), list(windows.keep)
    for axis, extent in enumerate(node.shape(0)[2:]):
        stride, reach = windows.strides[axis], windows.reach[axis]
        if stride == 1 or any(count.as_int() != 0 for count in windows.grown[axis]):
            continue
        before = extent + windows.before[axis]
        span = before + windows.after[axis] - reach
        static = span.as_int()
        if static is not None:
            count = -(-static // stride) + 1
            if (count - 1) * stride >= static - windows.after[axis] + reach:
                count -= 1
            after[axis] += max((count - 1) * stride - static, 0)
            continue
        after[axis] += stride - 1
        if windows.after[axis] + stride > reach:
            keep[axis] = dims.minimum(dims.ceildiv(span, stride) + 1, dims.ceildiv(before, stride))
    return replace(windows, after=after, keep=keep)
