"""Regions do not grow without end: a long chain of pointwise ops becomes groups of about 200 ops, cut where a value is cheap to store."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from xdsl.parser import Parser

from trtc.compiler.universe import make_context
from trtc.dialects.fusion import GroupOp
from trtc.dialects.meaning import run_module
from trtc.passes.fusion.fuse_groups import FuseGroupsPass
from trtc.passes.fusion.regions import MOST_OPS
from trtc.passes.remarks import collecting


def chain(length: int, narrow: int | None = None) -> Any:
    """`length` ops one after the other; the one before `narrow` casts to f16, that one back to f32."""
    t, h = "tensor<4x8xf32>", "tensor<4x8xf16>"
    lines = list[str]()
    for i in range(length):
        if i + 1 == narrow:
            lines.append(f"%{i + 1} = nn.cast %{i} : ({t}) -> {h}")
        elif i == narrow:
            lines.append(f"%{i + 1} = nn.cast %{i} : ({h}) -> {t}")
        else:
            lines.append(f"%{i + 1} = nn.{('sin', 'cos')[i % 2]} %{i} : {t}")
    body = "\n".join(lines)
    text = f"func.func @main(%0: {t}) -> {t} {{\n{body}\nfunc.return %{length} : {t}\n}}"
    return Parser(make_context(), text).parse_module()


def sizes(module: Any) -> list[int]:
    return [len(op.ops()) for op in module.walk() if isinstance(op, GroupOp)]


@pytest.mark.parametrize("length", [1, MOST_OPS, MOST_OPS + 1])
def test_what_is_not_long_stays_one_group(length: int) -> None:
    module = chain(length)
    FuseGroupsPass().apply(make_context(), module)
    assert sizes(module) == [length]


def test_a_long_chain_is_cut_into_groups_that_compute_the_same() -> None:
    module = chain(9 * MOST_OPS)
    x = np.random.default_rng(0).standard_normal((4, 8)).astype(np.float32)
    wanted = run_module(module, [x])
    with collecting() as remarks:
        FuseGroupsPass().apply(make_context(), module)
    found = sizes(module)
    assert sum(found) == 9 * MOST_OPS and len(found) == 9 and max(found) <= MOST_OPS + 1
    module.verify()
    assert np.array_equal(run_module(module, [x])[0], wanted[0])
    assert sum("of at most about 200" in str(r) for r in remarks) == len(found) - 1


@pytest.mark.parametrize(("narrow", "first"), [(150, 150), (30, MOST_OPS + 1)])
def test_the_cut_is_where_the_value_is_narrow(narrow: int, first: int) -> None:
    """In the second half of what would be a group; before that a narrow value is no reason."""
    module = chain(2 * MOST_OPS, narrow)
    FuseGroupsPass().apply(make_context(), module)
    assert sizes(module)[0] == first
