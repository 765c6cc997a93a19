"""`cse`: computes equal things once.

    %0 = nn.exp %x : tensor<4xf32>
    %1 = nn.exp %x : tensor<4xf32>
  becomes one `nn.exp`, with the locations of both.

Two ops are equal if op, operands (in any order where the op commutes), properties, attributes and result types are; ONNX names and
locations do not count, nor the label of a constant. Bodies of groups are looked at on their own. One hash table per block: linear.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import LocationAttr, ModuleOp
from xdsl.ir import Block, Operation
from xdsl.passes import ModulePass
from xdsl.traits import IsTerminator, is_side_effect_free

from ...dialects.blob import BlobAttr
from ...dialects.provenance import NAMES, fuse, get_names, set_names
from ..replacing import Replacements

_COMMUTATIVE = {"nn.add", "nn.mul", "nn.min", "nn.max", "nn.logical_and", "nn.logical_or", "nn.logical_xor"}


def _attribute_key(attribute: Hashable) -> Hashable:
    if isinstance(attribute, BlobAttr):
        return (attribute.digest, attribute.type)
    return attribute


def op_key(op: Operation, replaced: Replacements) -> Hashable:
    """What two ops must share to compute the same results."""
    operands = tuple(id(replaced.of(operand)) for operand in op.operands)
    return (
        op.name,
        tuple(sorted(operands)) if op.name in _COMMUTATIVE else operands,
        tuple(sorted(((k, _attribute_key(v)) for k, v in op.properties.items()), key=lambda item: item[0])),
        tuple(sorted(((k, v) for k, v in op.attributes.items() if k != NAMES), key=lambda item: item[0])),
        op.result_types,
    )


def _may_merge(op: Operation) -> bool:
    return bool(op.results) and not op.regions and not op.has_trait(IsTerminator) and is_side_effect_free(op)


def _merge_into(op: Operation, existing: Operation, replaced: Replacements) -> None:
    """Replace the results of `op` by those of `existing`, which takes over names that it lacks, and erase `op`."""
    names = [kept or new for kept, new in zip(get_names(existing), get_names(op), strict=True)]
    set_names(existing, names)
    replaced.replace_op(op, existing.results)


def merge_equal_ops(block: Block, replaced: Replacements) -> int:
    """Merge equal ops of a block and of the regions in it; returns how many were erased."""
    known: dict[Hashable, Operation] = {}
    locations: dict[Operation, list[LocationAttr]] = {}
    merged = 0
    op = block.first_op
    while op is not None:
        following = op.next_op
        for region in op.regions:
            merged += sum(merge_equal_ops(inner, replaced) for inner in region.blocks)
        if _may_merge(op):
            existing = known.setdefault(op_key(op, replaced), op)
            if existing is not op:
                locations.setdefault(existing, [existing.location]).append(op.location)
                _merge_into(op, existing, replaced)
                merged += 1
        op = following
    for kept, found in locations.items():  # all at once: one by one would be quadratic
        kept.location = fuse(*found)
    return merged


@dataclass(frozen=True)
class CsePass(ModulePass):
    """Merge equal ops."""

    name = "cse"
    numerics: ClassVar[str] = "exact"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        replaced = Replacements()
        merge_equal_ops(op.body.block, replaced)
        replaced.apply()
