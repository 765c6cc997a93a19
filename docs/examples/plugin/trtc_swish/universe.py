"""What this package adds. The loaders import on first use, so that installing it costs trtc-opt no start-up time."""

from xdsl.ir import Dialect
from xdsl.passes import ModulePass
from xdsl.universe import Universe


def _dialect() -> Dialect:
    from .dialect import Swish

    return Swish


def _expand_swish() -> type[ModulePass]:
    from .expand_swish import ExpandSwishPass

    return ExpandSwishPass


UNIVERSE = Universe(all_dialects={"swish": _dialect}, all_passes={"expand-swish": _expand_swish})
