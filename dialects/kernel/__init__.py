"""
The `kernel` dialect: types (`types.py`), fragment layouts (`layouts.py`), what both levels have (`structure.py`), tile ops (`tile/`) and
thread ops (`thread/`), gathered here. Schedules make tile ops; `lower-to-threads` turns them into thread ops; the CUDA C printer prints
those. What the ops guarantee: docs/reference/kernel-semantics.md.
"""

from xdsl.ir import Dialect, Operation

from .layouts import *  # noqa: F403
from .layouts import LAYOUTS
from .structure import *  # noqa: F403
from .structure import STRUCTURE
from .thread.ops import *  # noqa: F403
from .thread.ops import THREAD
from .thread.sm90 import *  # noqa: F403
from .thread.sm90 import THREAD_SM90
from .tile.compute import *  # noqa: F403
from .tile.compute import COMPUTE
from .tile.memory import *  # noqa: F403
from .tile.memory import MEMORY
from .tile.staging import *  # noqa: F403
from .tile.staging import STAGING
from .tile.sync import *  # noqa: F403
from .tile.sync import SYNC
from .types import *  # noqa: F403
from .types import Choice, FragType, GlobalType, RingType, SharedType, Target, TensorMapType, ViewType

TILE_OPS: tuple[type[Operation], ...] = (*STRUCTURE, *MEMORY, *STAGING, *SYNC, *COMPUTE)
THREAD_OPS: tuple[type[Operation], ...] = (*THREAD, *THREAD_SM90)
ATTRIBUTES = (Target, Choice, GlobalType, ViewType, SharedType, FragType, RingType, TensorMapType, *LAYOUTS)

Kernel = Dialect("kernel", [*TILE_OPS, *THREAD_OPS], [*ATTRIBUTES])
