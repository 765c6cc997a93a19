"""The `nn` dialect: a network as mathematics on tensors, one op per mathematical function.

Invariants: value semantics; NHWC for windows; NumPy broadcasting on pointwise ops; every `?` of a type has a dim expression in
the type's encoding; numbers are `nn.constant`s or refittable `nn.initializer`s, `#nn.blob`s from a size on. The importer and
`trtc.Network` produce it; graph passes rewrite it; `fuse-groups` moves its ops into `fusion.group`.

    %y = nn.conv %x, %w {strides = array<i64: 2, 2>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>,
        groups = 1 : i64} : (tensor<?x224x224x3xf32, #nn.dims<N, 224, 224, 3>>, tensor<64x3x3x3xf32>)
        -> tensor<?x112x112x64xf32, #nn.dims<N, 112, 112, 64>>
    %z = nn.relu %y : tensor<?x112x112x64xf32, #nn.dims<N, 112, 112, 64>>

The ops are defined by family: `pointwise`, `linear`, `pools`, `rows`, `moments`, `attention`, `rnn`, `data`, `padding`, `rolls`,
`positions`, `weights`, `control`; import them from here.
"""

from __future__ import annotations

from xdsl.ir import Dialect, Operation

from ..blob import BlobAttr
from .attention import *  # noqa: F403
from .attention import ATTENTION, CausalAttr
from .base import *  # noqa: F403
from .base import DimsAttr, Pointwise, rank_of
from .control import *  # noqa: F403
from .control import CONTROL
from .data import *  # noqa: F403
from .data import DATA, GatherOp
from .equal import equal_dims as equal_dims
from .equal import set_equal_dims as set_equal_dims
from .helpers import mark_helpers as mark_helpers
from .helpers import rearranges as rearranges
from .linear import *  # noqa: F403
from .linear import LINEAR, MathAttr
from .moments import *  # noqa: F403
from .moments import MOMENTS
from .padding import *  # noqa: F403
from .padding import PADDING, PadModeAttr
from .pointwise import *  # noqa: F403
from .pointwise import POINTWISE, GeluFormAttr, PredicateAttr
from .pools import *  # noqa: F403
from .pools import POOLS
from .positions import *  # noqa: F403
from .positions import POSITIONS, CumulativeKindAttr, ScatterKindAttr
from .rnn import *  # noqa: F403
from .rnn import RECURRENT, RnnDirectionAttr, RnnKindAttr
from .rolls import *  # noqa: F403
from .rolls import ROLLS
from .rows import *  # noqa: F403
from .rows import ROWS, ReduceKindAttr
from .storage import *  # noqa: F403
from .weights import *  # noqa: F403
from .weights import WEIGHTS


def is_pointwise(op: Operation) -> bool:
    """Whether each result element depends only on the operands' elements at the same broadcast coordinates."""
    return op.has_trait(Pointwise)


def is_lookup(op: Operation) -> bool:
    """Whether an op is an `nn.gather` from a tensor of one dim, a table: each result element depends only on the index at the same
    coordinates, so that kernels compute the index where they need the element."""
    return isinstance(op, GatherOp) and rank_of(op.x) == 1


def gathers_rows(op: Operation) -> bool:
    """Whether an op is an `nn.gather` of whole rows, along the first dim of a table that has more: kernels that work on rows of that size
    read them where they lie in the table."""
    return isinstance(op, GatherOp) and op.axis.value.data == 0 and rank_of(op.x) > 1


NN = Dialect(
    "nn",
    [
        *POINTWISE,
        *LINEAR,
        *POOLS,
        *ROWS,
        *MOMENTS,
        *ATTENTION,
        *RECURRENT,
        *DATA,
        *PADDING,
        *ROLLS,
        *POSITIONS,
        *WEIGHTS,
        *CONTROL,
    ],
    [
        DimsAttr,
        BlobAttr,
        MathAttr,
        PredicateAttr,
        GeluFormAttr,
        ReduceKindAttr,
        CausalAttr,
        RnnKindAttr,
        RnnDirectionAttr,
        PadModeAttr,
        CumulativeKindAttr,
        ScatterKindAttr,
    ],
)
