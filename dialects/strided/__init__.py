"""Where elements lie in memory: strides (`strides.py`), views of an owner (`view.py`), the effect of view-like `nn` ops on views
(`ops.py`), and overlap (`overlap.py`). Offsets and strides count elements, in dim expressions; overlap counts bytes."""

from .ops import VIEW_OPS, operand_views, result_view, through
from .overlap import Elements, share_bytes
from .strides import (
    Dim,
    collapse,
    is_row_major,
    merged,
    refined,
    reshaped_strides,
    row_major_strides,
    same_strides,
    split_runs,
)
from .view import Axes, BoundView, View, broadcast_axes, space_axes

__all__ = [
    "VIEW_OPS", "Axes", "BoundView", "Dim", "Elements", "View", "broadcast_axes", "collapse", "is_row_major", "merged", "operand_views",
    "refined", "reshaped_strides", "result_view", "row_major_strides", "same_strides", "share_bytes", "space_axes", "split_runs",
    "through",
]  # fmt: skip
