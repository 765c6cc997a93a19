"""What TMA can address of a product: the matrices of its operands, or the image of a conv pixel by pixel."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.ir import Block, BlockArgument, SSAValue

from .....dialects import kernel, nn
from .....dialects.kernel.types import TMA_ALIGNMENT
from .....dialects.strided import collapse, space_axes
from ...building.group import Access, GroupView
from ...building.tiling import item_bytes
from .problem import GemmProblem, operand_views


def fits_tma(group: GroupView, access: Access, groups: Sequence[Sequence[int]]) -> str | None:
    """Why TMA cannot address an access with one dimension per coordinate, or None."""
    size = item_bytes(group, access.owner)
    _, s, g = collapse(access.dims, access.strides, groups)
    if any(len(group) > 1 for group in g):
        return "expected each coordinate to advance by one stride"
    if not g[-1] or s[g[-1][0]].as_int() != 1:
        return "expected neighbouring elements along the last dimension"
    for stride in s:
        if stride.as_int() != 1 and (stride * size % TMA_ALIGNMENT).as_int() != 0:
            return f"expected strides of a multiple of {TMA_ALIGNMENT} bytes, got {stride * size}"
        if stride.as_int() == 0:
            return "expected no broadcast dimension"
    if group.align(access.owner) % TMA_ALIGNMENT:
        return f"expected an address of a multiple of {TMA_ALIGNMENT} bytes, got one of {group.align(access.owner)}"
    if (access.offset * size % TMA_ALIGNMENT).as_int() != 0:
        return f"expected an offset of a multiple of {TMA_ALIGNMENT} bytes, got {access.offset * size}"
    return None


def _is_plain(conv: nn.ConvOp) -> bool:
    """A 1 x 1 window, unstrided and unpadded: A is the image itself."""
    window = {d.as_int() for d in nn.shape_of(conv.w)[1:-1]}
    return window == {1} and set(nn.values_of(conv.strides)) == {1} and not any(nn.values_of(conv.pads))


def a_matrix(problem: GemmProblem) -> Access | None:
    """A of a plain conv as a tensor over (n, h, w, c)."""
    anchor, group = problem.anchor, problem.group
    if not isinstance(anchor, nn.ConvOp) or not _is_plain(anchor):
        return None
    dims = nn.shape_of(anchor.x)
    return group.access(anchor.x, space_axes(dims, dims), dims)


def refuse_tma(problem: GemmProblem) -> str | None:
    group, anchor = problem.group, problem.anchor
    if isinstance(anchor, nn.ConvOp):
        channels, rank = nn.shape_of(anchor.x)[-1], nn.rank_of(anchor.x)
        plain = a_matrix(problem)
        if plain is None:
            if rank > 5:
                return f"im2col TMA: expected at most three spatial dims, got {rank - 2}"
            if (channels % 64).as_int() != 0:
                return f"im2col TMA: expected a multiple of 64 channels, got {channels}"
            if max(nn.values_of(anchor.strides)) > 8 or anchor.groups.value.data != 1:
                return "im2col TMA: expected strides of at most 8 and one group"
            # A descriptor holds the corners of all spatial dims in 16 bits.
            reach = 1 << (16 // (rank - 2) - 1)
            if any(not -reach <= p < reach for p in _corners(anchor)):
                return f"im2col TMA: expected pads and windows below {reach}"
            reasons = [fits_tma(group, _whole(group, anchor.x), [[axis] for axis in range(rank)])]
        else:
            reasons = [fits_tma(group, plain, [[], list(range(rank - 1)), [rank - 1]])]
        reasons.append(fits_tma(group, _whole(group, anchor.w), [[], [0], list(range(1, rank))]))
    else:
        reasons = []
        for view in operand_views(problem, _placeholders(problem)):
            assert isinstance(view, kernel.ViewOp)
            access = view.view.of(argument_of(view.source))
            reasons.append(fits_tma(group, access, view.group_dims()))
    for name, reason in zip("AB", reasons, strict=True):
        if reason:
            return f"operand {name}: {reason}"
    return None


def _whole(group: GroupView, operand: SSAValue) -> Access:
    """An operand over its own dims."""
    tensor = group.operand_index(operand)
    assert tensor is not None
    return group.whole(tensor)


def _placeholders(problem: GemmProblem) -> list[SSAValue]:
    """Values of the kernel's tensor types, to ask for views before there is a kernel."""
    return list(Block(arg_types=problem.group.global_types()).args)


def argument_of(value: SSAValue) -> int:
    assert isinstance(value, BlockArgument)
    return value.index


def view_of_map(tensor_map: SSAValue) -> kernel.ViewOp:
    """The view that a map of an operand in rows is of."""
    assert isinstance(tensor_map.owner, kernel.TensorMapOp)
    view = tensor_map.owner.view.owner
    assert isinstance(view, kernel.ViewOp)
    return view


def _corners(conv: nn.ConvOp) -> list[int]:
    """The im2col box corners that the tensor map encodes."""
    pads, dilations = nn.values_of(conv.pads), nn.values_of(conv.dilations)
    window = [int(d.as_int() or 0) for d in nn.shape_of(conv.w)[1:-1]]
    before, after = pads[: len(window)], pads[len(window) :]
    return [*(-p for p in before), *(p - (w - 1) * d for p, w, d in zip(after, window, dilations, strict=True))]
