"""Every tensor-level pass against the reference semantics, on small random modules around its patterns.

The modules come from seeds (test/models/random_patterns.py). A failure prints the module before and after; run a seed alone, or
a range of seeds, with

    python test/numerics/test_random_patterns.py 100-400
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from xdsl.dialects.builtin import f32

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))
import random_patterns
from random_patterns import FAMILIES, Draw, check, random_case, text

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
def test_passes_keep_their_word(name: str) -> None:
    for seed in seeds_of(name, SEEDS):
        check(seed)


@pytest.mark.parametrize("name", FAMILIES)
def test_passes_find_something_to_do(name: str) -> None:
    """Most modules of a family are changed by its first pass: a grammar that no pattern matches tests nothing."""
    changed = 0
    for seed in seeds_of(name, 6):
        case = random_case(seed)
        before = text(case.module)
        random_patterns.apply(case.module, case.family.passes[0])
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
    assert caught("numbers", 15)


def test_wrong_orders_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Permutations composed the wrong way round."""
    monkeypatch.setattr(view_patterns, "compose", lambda f, g: permutations.compose(g, f))
    assert caught("views", 15)


def test_wrong_scales_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pair of marks with different scales removed."""
    monkeypatch.setattr(place_qdq, "same_scale", lambda a, b: True)
    assert caught("marks", 15)


def test_what_does_not_fit_leaves_nothing_behind() -> None:
    """A step that is refused adds no op that a later one could read."""
    d = Draw(np.random.default_rng(0), finite=False)
    x = d.input(f32, [3])
    with pytest.raises(InvalidModelError):
        random_patterns.attempt(d, lambda d: d.keep(nn.AddOp(x, d.constant(np.zeros(2, np.float32)))))
    assert d.block.is_empty and d.pool == [x]


if __name__ == "__main__":
    first, _, last = sys.argv[1].partition("-")
    for number in range(int(first), int(last or first) + 1):
        check(number)
    print(f"{int(last or first) - int(first) + 1} modules hold")
