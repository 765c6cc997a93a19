"""
The `kernel` dialect: types (`kernel_types.py`), fragment layouts (`layouts.py`), tile ops (`kernel_tile.py`) and thread ops
(`kernel_thread.py`), gathered here. Schedules make tile ops; `lower-to-threads` turns them into thread ops; the CUDA C printer
prints those. What the ops guarantee: docs/reference/kernel-semantics.md.
"""

from xdsl.ir import Dialect

from .kernel_thread import *  # noqa: F403
from .kernel_thread import THREAD_OPS
from .kernel_tile import *  # noqa: F403
from .kernel_tile import TILE_OPS
from .kernel_types import *  # noqa: F403
from .kernel_types import Choice, FragType, GlobalType, RingType, SharedType, Target, TensorMapType, ViewType
from .layouts import *  # noqa: F403
from .layouts import LAYOUTS

ATTRIBUTES = (Target, Choice, GlobalType, ViewType, SharedType, FragType, RingType, TensorMapType, *LAYOUTS)

Kernel = Dialect("kernel", [*TILE_OPS, *THREAD_OPS], [*ATTRIBUTES])
