"""`canonicalize-nn`: rewrites that only make the graph smaller or plainer.

    %0 = nn.add %x, %zero                        func.return %c
    %1 = nn.max %0, %c0                   ->     with
    %2 = nn.min %1, %c6                          %c = nn.clip %x {min = 0.0 : f64, max = 6.0 : f64}

Identities (identities.py): x - 0, x * 1, double casts, where by a constant, casts, reshapes, broadcasts, slices and pads that change
nothing; broadcasts that the reader would do itself; chains of relu, clip, min and max by numbers. Views (view_patterns.py): reshape
of reshape, transpose of transpose, a transpose into `transpose_b`, gather by a constant as slice, zero padding into a conv, an rnn whose
last states nobody reads. Gathers that count all rows (counting_patterns.py). Slices that are joined in another order, as a roll or a
transpose, and norms behind these (roll_patterns.py). Pointwise ops before the views that join the convs of a transposed convolution
(interleaved_patterns.py). No later pass depends on this one. Every bit stays, of zeros, infinities and NaN too. Each pattern removes an
op or moves it to a plainer kind, so it ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from ..rewriting import apply_patterns
from .counting_patterns import GatherInOrder
from .identities import IDENTITIES
from .interleaved_patterns import PointwiseAboveInterleaving
from .roll_patterns import ROLL_PATTERNS
from .view_patterns import VIEW_PATTERNS

_PATTERNS = (*IDENTITIES, *VIEW_PATTERNS, GatherInOrder, *ROLL_PATTERNS, PointwiseAboveInterleaving)


@dataclass(frozen=True)
class CanonicalizeNnPass(ModulePass):
    """Remove what does nothing and write the rest in one way."""

    name = "canonicalize-nn"
    numerics: ClassVar[str] = "exact"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        apply_patterns(op, [pattern() for pattern in _PATTERNS])
