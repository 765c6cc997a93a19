"""Who looks at the numbers of a model, and why: the list is whole, and a new look needs a line here."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from trtc.dialects import nn
from trtc.dialects.errors import PassError

ROOT = Path(__file__).parents[3]
LOOKS = ("value_of", "splat_of")

SITES = {
    # Pins: the numbers of an initializer decide something, which a refit then refuses to change.
    ("compiler/frontend/importer.py", "value_of", "takes part in the shape arithmetic"): 1,
    ("compiler/frontend/node.py", "value_of", "self._why(what)"): 2,
    ("compiler/frontend/padding.py", "value_of", "the padding value of"): 1,
    ("compiler/frontend/pointwise.py", "value_of", "the exponent of Pow"): 1,
    ("compiler/frontend/pointwise.py", "value_of", "why"): 1,  # the bounds of Clip
    ("compiler/frontend/quantization.py", "value_of", "a vector of one number"): 1,
    ("compiler/frontend/quantization.py", "value_of", "the zero point of"): 1,
    ("passes/quantization/place_qdq.py", "value_of", "_WHY, pin"): 3,
    ("passes/graph/polynomials.py", "value_of", "why, pin"): 1,
    # Constants only: an initializer gives nothing away.
    ("passes/graph/approximate_functions.py", "splat_of", "whether a quotient is a product"): 1,
    ("passes/graph/polynomials.py", "splat_of", "a number of a polynomial"): 1,
    ("passes/kernels/building/approximations.py", "splat_of", "whether a quotient is a product"): 1,
    ("passes/kernels/building/work.py", "splat_of", "what a quotient costs"): 1,
    ("compiler/frontend/computed.py", "splat_of", "the step of Range"): 1,
    ("compiler/network/layers/control.py", "splat_of", "an offset between sizes"): 1,
    ("passes/graph/ranges.py", "value_of", "which numbers a narrow type holds"): 1,
    ("passes/graph/eliminate_transposes.py", "value_of", "in another order"): 1,
    ("passes/graph/fold_constants.py", "value_of", "what an op on constants computes"): 1,
    ("passes/graph/known_numbers.py", "value_of", "fit their type"): 1,
    ("passes/graph/view_patterns.py", "value_of", "run through a slice"): 1,
    ("passes/graph/counting_patterns.py", "splat_of", "which rows are counted"): 1,
    ("passes/graph/identities.py", "splat_of", "what changes nothing"): 1,
    ("passes/graph/identities.py", "splat_of", "which branch is taken"): 1,
    ("passes/graph/identities.py", "splat_of", "which power is a product"): 1,
    ("passes/graph/identities.py", "splat_of", "which quotient is a product"): 1,
    ("passes/graph/identities.py", "splat_of", "the bounds of nn.clip"): 1,
    ("passes/graph/attention/bounds.py", "value_of", "_WHY"): 2,
    ("passes/graph/attention/masks.py", "value_of", "an attention's mask hides"): 1,
    ("passes/graph/attention/masks.py", "value_of", "an attention's bias hides"): 1,
    ("passes/graph/attention/scores.py", "splat_of", "_WHY"): 1,
    ("passes/graph/attention/scores.py", "value_of", "_WHY, pin"): 1,
    ("passes/kernels/building/maps.py", "splat_of", "an immediate"): 2,
    ("passes/kernels/building/pointwise.py", "splat_of", "an immediate"): 1,
    ("passes/kernels/building/pointwise.py", "splat_of", "by what is divided"): 2,
    ("passes/kernels/building/pointwise.py", "splat_of", "which power is a root"): 1,
    ("dialects/nn/weights.py", "value_of", "why"): 1,  # splat_of itself
}  # fmt: skip


def calls(path: Path, names: tuple[str, ...]) -> list[tuple[str, str]]:
    """(function, arguments as text) of each call of one of these names in a file."""
    text = path.read_text()
    found: list[tuple[str, str]] = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in names:
                found.append((name, ast.get_source_segment(text, node) or ""))
    return found


def sources() -> list[Path]:
    return [path for part in ("compiler", "passes", "dialects") for path in sorted((ROOT / part).rglob("*.py"))]


def test_the_sites_are_listed() -> None:
    found: Counter[tuple[str, str, str]] = Counter()
    unlisted: list[str] = []
    for path in sources():
        relative = str(path.relative_to(ROOT))
        for name, said in calls(path, LOOKS):
            keys = [key for key in SITES if key[0] == relative and key[1] == name and key[2] in said]
            if len(keys) == 1:
                found[keys[0]] += 1
            else:
                unlisted.append(f"{relative}: {said}")
    assert unlisted == [] and found == SITES


TENSOR_PASSES = [p for p in sources() if "passes" in p.parts and "threads" not in p.parts]


@pytest.mark.parametrize("path", TENSOR_PASSES, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_pass_looks_at_numbers_in_another_way(path: Path) -> None:
    assert [said for _, said in calls(path, ("array", "array_of", "stored")) if not said.startswith("np.")] == []


def test_a_look_that_is_not_listed_is_found(tmp_path: Path) -> None:
    path = tmp_path / "new.py"
    path.write_text("def f(op):\n    return nn.value_of(op.x, 'new'), op.x.owner.array()\n")
    assert [name for name, _ in calls(path, (*LOOKS, "array"))] == ["value_of", "array"]


def test_an_initializer_gives_nothing_away_unless_it_is_pinned() -> None:
    from xdsl.dialects.builtin import ModuleOp

    op = nn.InitializerOp("w", np.array([1.0, 2.0], np.float32))
    module = ModuleOp([op])
    assert nn.value_of(op.result, "nothing") is None and nn.splat_of(op.result, "nothing") is None
    assert nn.pins_of(module) == {}
    assert nn.value_of(op.result, "the first reason", pin=True).tolist() == [1, 2]  # type: ignore[union-attr]
    nn.value_of(op.result, "another", pin=True)
    assert nn.pins_of(module) == {"w": "the first reason"}


def test_what_stands_nowhere_cannot_be_pinned() -> None:
    with pytest.raises(PassError, match="expected an initializer in a module to pin"):
        nn.value_of(nn.InitializerOp("w", np.ones(2, np.float32)).result, "why", pin=True)
