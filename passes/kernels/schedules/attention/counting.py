"""What a launch of the attention schedules does: a step for each tile of keys that a block visits."""

from __future__ import annotations

from ...building.work import ACCESS_INSTRUCTIONS, ISSUE, Work, arithmetic, cut, usual_bytes
from .problem import AttentionProblem, is_boolean

EXPONENT = 8.0
"""Issue slots of one exponential: the special function unit takes 16 in a cycle, of the 128 instructions that an SM issues."""
SCORE = 2.0
"""Instructions per score that the exponential does not hide: maximum and sum wait for one another across lanes."""
MASK = 4.0
"""Per score with a mask: half a load of two, conversion, addition, and the difference from the maximum apart from its factor."""
BOUNDS = 2.0
STEP = 35.0
"""Per thread and tile of keys: maxima and sums across lanes, factors, the rings. Fitted, as START and what the schedules pass, to every
candidate of seven cases on an H200 (docs/design/cost-model.md)."""
START = 2.7
SOFTCAP = 2 * EXPONENT


def visited(problem: AttentionProblem, queries: int, keys: int) -> int:
    """Tiles of keys that a block visits, at the usual sizes: half as many as the first and the last block of a head together."""
    usual = problem.group.usual
    s, t = usual(problem.queries), usual(problem.keys)
    anchor = problem.anchor
    first = last = t
    if anchor.causal is not None:
        behind = max(t - s, 0) * (anchor.offset.as_int() != 0)
        first, last = min(t, behind + queries), min(t, behind + s)
    if anchor.window is not None:
        first, last = (min(seen, anchor.window.value.data + queries) for seen in (first, last))
    return cut(cut(first, keys) + cut(last, keys), 2)


def attention_work(
    problem: AttentionProblem,
    queries: int,
    keys: int,
    pipe: str,
    *,
    threads: int,
    registers: int,
    smem: int,
    ahead: float,
    tma: bool,
    waits: float,
    refill: float,
    more: float = 0.0,
) -> Work:
    """Blocks of `queries` queries, which walk tiles of `keys` keys; `waits`: issue slots per multiply-add in which the softmax waits for
    its products; `more`: further instructions per score."""
    group, anchor = problem.group, problem.anchor
    batch, heads = (max(1, group.usual(d)) for d in problem.dims[:2])
    per_score = EXPONENT + SCORE + more
    if anchor.mask is not None:
        per_score += MASK if not is_boolean(anchor.mask) else MASK / 2
    per_score += SOFTCAP * (anchor.softcap is not None)
    per_score += BOUNDS * (anchor.window is not None)
    products = queries * keys * (problem.head + problem.value_head)
    epilogue = queries * problem.value_head * (ACCESS_INSTRUCTIONS / 2 + arithmetic(group.ops))
    return Work(
        blocks=batch * heads * cut(group.usual(problem.queries), queries),
        threads=threads,
        registers=registers,
        smem=smem,
        steps=visited(problem, queries, keys),
        ahead=ahead,
        operations={pipe: products, ISSUE: per_score * queries * keys + waits * products + STEP * threads},
        l2_bytes=2.0 * keys * (problem.head + problem.value_head),
        tma=tma,
        dram_bytes=sum(usual_bytes(group)),
        epilogue=epilogue,
        start=START,
        refill=refill,
        whole_waves=True,
    )
