"""Random attentions of single ops: recognised, decomposed again, and as kernels on the simulator, against the reference semantics."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trtc.compiler.options import BuildOptions
from trtc.compiler.pipeline import run_passes, run_pipeline
from trtc.compiler.universe import load_pass, make_context
from trtc.dialects import nn
from trtc.dialects.dims import Expr
from trtc.dialects.meaning import run_module
from trtc.passes.graph.attention import bounds

sys.path.insert(0, str(Path(__file__).parents[2]))
from models.random.attention import Case, draw

Array = np.ndarray[Any, Any]
SEEDS = 120
TOLERANCE = {"float32": 1e-5, "float16": 4e-3}


def assert_close(got: Array, want: Array, case: Case) -> None:
    """Rows that are NaN in both, and the relative error of norms of the others."""
    context = f"seed {case.seed}:\n{case.module}"
    np.testing.assert_array_equal(np.isnan(got), np.isnan(want), err_msg=context)
    a, b = (np.nan_to_num(x.astype(np.float64)) for x in (got, want))
    assert np.linalg.norm(a - b) <= TOLERANCE[str(want.dtype)] * np.linalg.norm(b), context


def attentions(case: Case) -> int:
    return sum(isinstance(op, nn.AttentionOp) for op in case.module.walk())


def check(seed: int) -> int:
    """Whether the attention of a seed was recognised. Raises AssertionError where a pass changes numbers."""
    case = draw(seed)
    wanted = [run_module(case.module, arrays)[0] for arrays in case.inputs]
    found = 0
    for name in ("recognise-attention", "decompose-attention"):
        run_passes(case.module, [load_pass(name)()], make_context())
        found += attentions(case)
        for arrays, want in zip(case.inputs, wanted, strict=True):
            assert_close(run_module(case.module, arrays)[0], want, case)
    assert not (found and case.near), f"seed {seed} is none, and became one"
    return found


@pytest.mark.parametrize("first", range(0, SEEDS, 20))
def test_passes_keep_the_numbers(first: int) -> None:
    found = [check(seed) for seed in range(first, first + 20)]
    assert sum(found) >= 12


@pytest.mark.parametrize("seed", range(1000, 1004))
def test_kernels_keep_the_numbers(seed: int) -> None:
    case = draw(seed)
    wanted = [run_module(case.module, arrays)[0] for arrays in case.inputs]
    run_pipeline(case.module, BuildOptions(), stop_after="fuse")
    for arrays, want in zip(case.inputs, wanted, strict=True):
        assert_close(run_module(case.module, arrays)[0], want, case)


def test_a_wrong_bound_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The guard of this file: windows that are one key too wide."""
    properties = bounds.Bounds.properties

    def wider(own: bounds.Bounds, queries: Expr, keys: Expr) -> tuple[str | None, int | None] | None:
        found = properties(own, queries, keys)
        return found if found is None or found[1] is None else (found[0], found[1] + 1)

    monkeypatch.setattr(bounds.Bounds, "properties", wider)
    with pytest.raises(AssertionError, match="seed"):
        for seed in range(SEEDS):
            check(seed)
