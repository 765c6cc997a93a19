"""
The `kernel` dialect: types (`types.py`), fragment layouts (`layouts.py`, `grouped.py`), the ops that both levels have (`structure.py`),
tile ops (`tile/`) and thread ops (`thread/`), gathered here. Schedules make tile ops, and the passes of phase `threads` turn them into
thread ops, which the CUDA C printer prints and the simulator runs by the tables of instructions (`instruction.py`) and of scalar ops
(`scalars/`). What the ops guarantee: docs/reference/kernel-semantics.md.
"""

from xdsl.ir import Dialect, Operation

from .grouped import *  # noqa: F403
from .grouped import Grouped
from .layouts import *  # noqa: F403
from .layouts import LAYOUTS
from .structure import *  # noqa: F403
from .structure import STRUCTURE
from .thread.arrays import *  # noqa: F403
from .thread.arrays import ARRAYS
from .thread.atomics import *  # noqa: F403
from .thread.atomics import ATOMICS
from .thread.barriers import *  # noqa: F403
from .thread.barriers import BARRIERS
from .thread.cluster import *  # noqa: F403
from .thread.cluster import CLUSTERS
from .thread.copies import *  # noqa: F403
from .thread.copies import COPIES
from .thread.mma import *  # noqa: F403
from .thread.mma import MMA
from .thread.tma import *  # noqa: F403
from .thread.tma import TMA
from .thread.wgmma import *  # noqa: F403
from .thread.wgmma import WARPGROUPS
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
THREAD_OPS: tuple[type[Operation], ...] = (*ARRAYS, *ATOMICS, *COPIES, *CLUSTERS, *BARRIERS, *MMA, *WARPGROUPS, *TMA)
ATTRIBUTES = (Target, Choice, GlobalType, ViewType, SharedType, FragType, RingType, TensorMapType, *LAYOUTS, Grouped)

Kernel = Dialect("kernel", [*TILE_OPS, *THREAD_OPS], [*ATTRIBUTES])
