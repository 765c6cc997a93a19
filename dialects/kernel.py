"""
The `kernel` dialect: types (`kernel_types.py`), fragment layouts (`layouts.py`), tile ops (`kernel_structure.py`, `kernel_memory.py`,
`kernel_staging.py`, `kernel_sync.py`, `kernel_compute.py`) and thread ops (`kernel_thread.py`, `kernel_thread_sm90.py`), gathered
here. Schedules make tile ops; `lower-to-threads` turns them into thread ops; the CUDA C printer prints those. What the ops guarantee:
docs/reference/kernel-semantics.md.
"""

from xdsl.ir import Dialect, Operation

from .kernel_compute import *  # noqa: F403
from .kernel_compute import COMPUTE
from .kernel_memory import *  # noqa: F403
from .kernel_memory import MEMORY
from .kernel_staging import *  # noqa: F403
from .kernel_staging import STAGING
from .kernel_structure import *  # noqa: F403
from .kernel_structure import STRUCTURE
from .kernel_sync import *  # noqa: F403
from .kernel_sync import SYNC
from .kernel_thread import *  # noqa: F403
from .kernel_thread import THREAD
from .kernel_thread_sm90 import *  # noqa: F403
from .kernel_thread_sm90 import THREAD_SM90
from .kernel_types import *  # noqa: F403
from .kernel_types import Choice, FragType, GlobalType, RingType, SharedType, Target, TensorMapType, ViewType
from .layouts import *  # noqa: F403
from .layouts import LAYOUTS

TILE_OPS: tuple[type[Operation], ...] = (*STRUCTURE, *MEMORY, *STAGING, *SYNC, *COMPUTE)
THREAD_OPS: tuple[type[Operation], ...] = (*THREAD, *THREAD_SM90)
ATTRIBUTES = (Target, Choice, GlobalType, ViewType, SharedType, FragType, RingType, TensorMapType, *LAYOUTS)

Kernel = Dialect("kernel", [*TILE_OPS, *THREAD_OPS], [*ATTRIBUTES])
