"""Every tensor-level pass against the reference semantics, on small random modules around its patterns.

The modules come from seeds (test/models/random/patterns.py). A failure prints the module before and after; run a seed alone, or
a range of seeds, with

    python test/numerics/random/test_patterns.py 100-400
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, f32
from xdsl.dialects.func import ReturnOp
from xdsl.passes import ModulePass

sys.path.insert(0, str(Path(__file__).parents[2]))
from models.random import patterns
from models.random.patterns import FAMILIES, VIEW_FAMILIES, Draw, check, random_case, text

from trtc.dialects import nn
from trtc.dialects.errors import InvalidModelError
from trtc.passes.graph import identities, permutations, view_patterns
from trtc.passes.quantization import place_qdq

SEEDS = 10
"""Per family. More found nothing new; `make fuzz` runs any number."""


def seeds_of(name: str, count: int) -> range:
    first = list(FAMILIES).index(name)
    return range(first, first + count * len(FAMILIES), len(FAMILIES))


@pytest.mark.parametrize("name", FAMILIES)
def test_passes_keep_the_numbers_as_they_declare(name: str) -> None:
    for seed in seeds_of(name, SEEDS):
        check(seed)


@pytest.mark.parametrize("name", VIEW_FAMILIES)
def test_passes_about_views_keep_the_numbers_and_find_something_to_do(name: str) -> None:
    family, changed = VIEW_FAMILIES[name], 0
    for seed in range(SEEDS if family.chained else 3 * SEEDS):
        check(seed, family)
        case = random_case(seed, family)
        before = text(case.module)
        patterns.apply(case.module, family.passes[0])
        changed += text(case.module) != before
    assert changed >= SEEDS // 2  # most of what is chained, and a few of the others


@pytest.mark.parametrize("name", FAMILIES)
def test_passes_find_something_to_do(name: str) -> None:
    """Most modules of a family are changed by its first passes: a grammar that no pattern matches tests nothing."""
    changed = 0
    for seed in seeds_of(name, 6):
        case = random_case(seed)
        before = text(case.module)
        for step in case.family.passes[:2]:
            patterns.apply(case.module, step)
        changed += text(case.module) != before
    assert changed >= 3


def test_equal_seeds_give_equal_modules() -> None:
    one, other, third = (random_case(seed) for seed in (3, 3, 13))
    assert text(one.module) == text(other.module) != text(third.module)
    for a, b in zip(one.inputs, other.inputs, strict=True):
        for x, y in zip(a, b, strict=True):
            np.testing.assert_array_equal(x, y)


def caught(name: str, count: int) -> bool:
    for seed in seeds_of(name, count):
        try:
            check(seed)
        except AssertionError as error:
            return str(error).startswith(f"seed {seed}, ") and "builtin.module" in str(error)
    return False


def test_wrong_identities_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The guard of this file: 1 / x, 0 - x and 1 ** x taken for x."""
    monkeypatch.setattr(identities, "_NEUTRAL", {op: (n, True) for op, (n, _) in identities._NEUTRAL.items()})
    assert caught("numbers", 60)


def test_wrong_orders_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Permutations composed the wrong way round."""
    monkeypatch.setattr(view_patterns, "compose", lambda f, g: permutations.compose(g, f))
    assert caught("views", 15)


def test_wrong_scales_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dequantize and a quantize with different scales removed."""
    monkeypatch.setattr(place_qdq, "same_scale", lambda a, b: True)
    assert caught("marks", 15)


@dataclass(frozen=True)
class Nudge(ModulePass):
    """Adds a tiny number to every result."""

    name = "nudge"
    numerics: ClassVar[str] = "exact"
    part: float = 2.0**-23

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for end in [end for end in op.walk() if isinstance(end, ReturnOp)]:
            for index, value in enumerate(end.operands):
                if nn.element_of(value) == f32:
                    factor = nn.ConstantOp(np.full((), 1 + self.part, np.float32))
                    product = nn.MulOp(value, factor)
                    end.parent_block().insert_ops_before([factor, product], end)  # pyright: ignore[reportOptionalMemberAccess]
                    end.operands[index] = product.result


@pytest.mark.parametrize(
    ("numerics", "part", "found"),
    [("exact", 2.0**-23, True), ("reassociates", 2.0**-23, False), ("reassociates", 1e-4, True)],
)
def test_a_pass_is_held_to_what_it_declares(
    numerics: str, part: float, found: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last bit counts for an exact pass, and a wrong sum for one that reassociates."""
    monkeypatch.setattr(Nudge, "numerics", numerics)
    monkeypatch.setattr(patterns, "load_pass", lambda name: lambda **_: Nudge(part))
    monkeypatch.setattr(patterns, "AGAIN", ())
    assert caught("numbers" if numerics == "exact" else "affine", 4) == found


def test_what_does_not_fit_leaves_nothing_behind() -> None:
    """A step that is refused adds no op that a later one could read."""
    d = Draw(np.random.default_rng(0), finite=False)
    x = d.input(f32, [3])
    with pytest.raises(InvalidModelError):
        patterns.attempt(d, lambda d: d.keep(nn.AddOp(x, d.constant(np.zeros(2, np.float32)))))
    assert d.block.is_empty and d.pool == [x]


if __name__ == "__main__":
    first, _, last = sys.argv[1].partition("-")
    for number in range(int(first), int(last or first) + 1):
        check(number)
    print(f"{int(last or first) - int(first) + 1} modules hold")
