"""The greedy pattern driver for trtc's passes: xDSL's walker, plus locations, ONNX tensor names and an end.

xDSL's driver leaves new ops at `loc(unknown)`, drops discardable attributes, and never stops on patterns that undo each other.
Here every op that a pattern creates gets the fused location of the ops that the pattern matched and removed, and of those that
have lost their last user to it: what they did is in the new op. `nn.names` moves from a replaced result to the value that takes
its place, unless that value has a name already; and too many rewrites are a `PassError` that names the pattern.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from xdsl.dialects.builtin import LocationAttr, ModuleOp
from xdsl.ir import Block, Operation, OpResult, SSAValue
from xdsl.pattern_rewriter import (
    PatternRewriter,
    PatternRewriterListener,
    PatternRewriteWalker,
    RewritePattern,
)
from xdsl.transforms.dead_code_elimination import is_trivially_dead

from ..dialects.errors import PassError, TrtcError
from ..dialects.nn import mark_helpers, rearranges
from ..dialects.provenance import describe, fuse, get_names, is_unknown, location_parts, set_names
from .remarks import removing, saying_once

REWRITES_PER_OP = 50
LEAST_LIMIT = 1000
MOST_MERGED = 64
"""Locations that an op collects from the ops merged into it one by one: a chain that merges into one op stays linear."""


def apply_patterns(
    module: ModuleOp,
    patterns: Sequence[RewritePattern],
    *,
    recursive: bool = True,
    limit: int | None = None,
    erase_dead: bool = True,
) -> bool:
    """Apply the patterns greedily until none matches (once per op if not `recursive`); return whether anything changed.

    On each op the first pattern that does something wins. With `erase_dead`, pure ops without uses disappear on the way.
    Raises PassError after `limit` rewrites (default: 1000 plus 50 for each op of the module), naming the busiest pattern.
    """
    if limit is None:
        limit = LEAST_LIMIT + REWRITES_PER_OP * sum(1 for _ in module.walk())
    driver = _CarryingApplier(list(patterns), limit, erase_dead)
    walker = PatternRewriteWalker(driver, apply_recursively=recursive, listener=driver.listener())
    try:
        with saying_once():
            return walker.rewrite_module(module)
    except Exception as error:
        error.__notes__ = []  # xDSL's driver notes the whole module; an error of trtc never prints one
        raise


class _CarryingApplier(RewritePattern):
    """Tries the patterns in order and repairs provenance after the one that did something."""

    def __init__(self, patterns: list[RewritePattern], limit: int, erase_dead: bool) -> None:
        self.patterns = patterns
        self.limit = limit
        self.erase_dead = erase_dead
        self.rewrites: Counter[str] = Counter()
        self.inserted: list[Operation] = []
        self.removed: list[LocationAttr] = []

    def listener(self) -> PatternRewriterListener:
        return PatternRewriterListener(
            operation_insertion_handler=[self.inserted.append],
            operation_removal_handler=[lambda op: self.removed.append(op.location)],
            operation_replacement_handler=[_carry_names],
        )

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        if self.erase_dead and is_trivially_dead(op):
            removing(op.location, "nothing reads its results any more")
            rewriter.erase(op)
            return
        for pattern in self.patterns:
            self.inserted.clear()
            self.removed.clear()
            read, matched = [operand.owner for operand in op.operands], op.location
            try:
                pattern.match_and_rewrite(op, rewriter)
            except TrtcError as error:
                raise PassError(f"{type(pattern).__name__} on {describe(op)}: {error}") from error
            if rewriter.has_done_action:
                self._carry_locations(pattern, op, matched, read)
                self._count(pattern, op)
                return

    def _carry_locations(
        self, pattern: RewritePattern, op: Operation, matched: LocationAttr, read: Sequence[Operation | Block]
    ) -> None:
        """Give the new ops the location of what the pattern matched and took out, and of what only the matched op read."""
        name = type(pattern).__name__
        for location in self.removed:
            removing(location, f"{name} left no op of it")
        if not self.inserted:
            return
        merged = fuse(matched, *self.removed)
        for owner in filter(_is_unread, read):
            assert isinstance(owner, Operation)
            removing(owner.location, f"{name} put it into another op")
            if len(location_parts(merged)) + len(location_parts(owner.location)) < MOST_MERGED:
                merged = fuse(merged, owner.location)
        if is_unknown(merged):
            return
        placed = [inner for new in self.inserted for inner in new.walk() if is_unknown(inner.location)]
        for inner in placed:
            inner.location = merged
        mark_helpers([*placed, op] if op.parent is not None and not rearranges(op) else placed)

    def _count(self, pattern: RewritePattern, op: Operation) -> None:
        self.rewrites[type(pattern).__name__] += 1
        if self.rewrites.total() > self.limit:
            name, count = self.rewrites.most_common(1)[0]
            raise PassError(
                f"patterns did not reach an end: expected at most {self.limit} rewrites, {name} alone has made {count}, the last "
                f"on {describe(op)}; look for patterns that undo each other"
            )


def _is_unread(owner: Operation | Block) -> bool:
    """Whether an op that computes something has lost its last user."""
    return (
        isinstance(owner, Operation)
        and owner.parent is not None
        and bool(owner.operands)
        and all(result.first_use is None for result in owner.results)
    )


def _carry_names(op: Operation, replacements: Sequence[SSAValue | None]) -> None:
    """Give the names of the replaced results to the values that take their place and have none."""
    for name, new in zip(get_names(op), replacements, strict=True):
        if not name or not isinstance(new, OpResult):
            continue
        names = get_names(new.op)
        if not names[new.index]:
            names[new.index] = name
            set_names(new.op, names)
