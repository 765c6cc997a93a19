"""Folding an op on constants and running it on inputs give the same bits: every op of `nn` and `quant`, every element type.

Operands are the special values of each type: zeros of both signs, NaN, infinities, extremes, limits of other types, with neighbours. The
cases follow the dialects' own list of ops: an op without a case fails. NaN counts as one value. What runs is a built engine, on the
simulator, or on a GPU with $TRTC_TEST_GPU: there, transcendental functions may differ by some units in the last place.

Pointwise ops of one result type share a kernel: row i of its result is what op i makes.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from xdsl.context import Context
from xdsl.ir import Operation, SSAValue

import trtc
from trtc.compiler.codegen.cubin_cache import CubinCache
from trtc.compiler.network import Network
from trtc.dialects import nn
from trtc.dialects.dtypes import numpy_dtype
from trtc.dialects.errors import InvalidModelError
from trtc.passes.graph.editing import main_function
from trtc.passes.graph.fold_constants import FoldConstantsPass
from trtc.passes.kernels.scalar import ELEMENTS

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "models"))
import where
from special_values import Array, same, specials

pytest.importorskip("cupy", reason="NVRTC comes with CuPy")

TRANSCENDENTAL = (nn.ExpOp, nn.LogOp, nn.RsqrtOp, nn.ErfOp, nn.TanhOp, nn.SigmoidOp, nn.SinOp, nn.CosOp, nn.PowOp)
SIZE = 256


@dataclass(frozen=True)
class Case:
    """One op on named operands, and the element type of its result."""

    name: str
    op: Callable[..., Operation]
    operands: tuple[str, ...]
    result: Any
    exact: bool = True


def many(dtype: np.dtype[Any]) -> Array:
    """More values for ops of one operand: halves, and the limits of every integer type with their neighbours."""
    if dtype.kind == "b":
        return np.arange(SIZE) % 3 == 1
    edges = [0.5, 1.5, 2.5, 1e-3, 10.0, 88.0, 89.0, 104.0, 3.0, 0.1, 1e30, 6.1e4, 65520.0, 65536.0, 3.4e38, 1e300]
    for bits in (7, 8, 15, 16, 24, 31, 32, 53, 63, 64):
        edges += [2.0**bits, 2.0**bits - 1, 2.0**bits + 1, 2.0**bits * 1.5]
    values = np.array([*edges, *(-np.array(edges))])
    with np.errstate(all="ignore"):
        if dtype.kind in "iu":
            info = np.iinfo(dtype)
            values = np.unique([min(max(int(v), int(info.min)), int(info.max)) for v in values])
            exact = np.array([int(v) for v in values.tolist()], object).astype(dtype)
        else:
            exact = values.astype(dtype)
    return np.resize(np.concatenate([specials(dtype), exact]), SIZE)


def operands() -> dict[str, Array]:
    """Per type: all pairs of special values, and many single ones."""
    made: dict[str, Array] = {"b": many(np.dtype(np.bool_))}
    for element in ELEMENTS:
        dtype = numpy_dtype(element)
        values = specials(dtype)
        made |= {
            f"{element}.x": np.repeat(values, 16),
            f"{element}.y": np.tile(values, 16),
            f"{element}.v": many(dtype),
        }
    return made


def variants(op: type[Operation], element: Any) -> Iterator[tuple[str, Callable[..., Operation]]]:
    """The op with its attributes."""
    if op is nn.CastOp:
        yield from ((f"to {to}", lambda x, to=to: nn.CastOp(x, to)) for to in ELEMENTS)
    elif op is nn.CompareOp:
        yield from ((p.value, lambda x, y, p=p: nn.CompareOp(x, y, p.value)) for p in nn.Predicate)
    elif op is nn.ClipOp:
        for low, high in ((-1.5, 2.5), (-0.0, 0.0), (inf, inf), (-inf, -inf), (300.0, 1e30)):
            yield f"{low} {high}", lambda x, low=low, high=high: nn.ClipOp(x, low, high)
    elif op is nn.LeakyReluOp:
        yield from ((f"{alpha}", lambda x, alpha=alpha: nn.LeakyReluOp(x, alpha)) for alpha in (-0.5,))
    else:
        yield "", op


def pointwise_cases() -> Iterator[Case]:
    names = {nn.BinaryOp: "xy", nn.CompareOp: "xy", nn.WhereOp: "bxy"}
    for op in nn.POINTWISE:
        letters = next((letters for base, letters in names.items() if issubclass(op, base)), "v")
        for element in ELEMENTS:
            wanted = tuple("b" if letter == "b" else f"{element}.{letter}" for letter in letters)
            for label, make in variants(op, element):
                try:
                    made = Network()
                    result = made.insert(make(*(made.add_constant(operands()[name][:1]) for name in wanted)))
                except InvalidModelError:
                    continue  # not defined on this type
                yield Case(
                    f"{op.name} {label} {element}", make, wanted, nn.element_of(result), op not in TRANSCENDENTAL
                )


def folded(cases: Sequence[Case], arrays: dict[str, Array]) -> list[Array]:
    """What `fold-constants` makes of each case on constants."""
    net = Network()
    values = {
        name: net.add_constant(arrays[name], name) for name in sorted({n for case in cases for n in case.operands})
    }
    for number, case in enumerate(cases):
        net.mark_output(net.insert(case.op(*(values[name] for name in case.operands))), f"y{number}")
    module = net.module()
    FoldConstantsPass().apply(Context(), module)
    main = main_function(module)
    assert main is not None and main.body.block.last_op is not None
    results: list[Array] = []
    for case, value in zip(cases, main.body.block.last_op.operands, strict=True):
        array = nn.constant_of(value)
        assert array is not None, f"{case.name} is not folded"
        results.append(array)
    return results


def stacked(net: Network, results: Sequence[SSAValue]) -> SSAValue:
    """A matrix with row i from result i, chosen by selects, so that one kernel computes all."""
    row = net.add_iota((net.shape(results[0])[0], 1), 0, "i32")
    matrix = results[0]
    for number, result in enumerate(results[1:], 1):
        matrix = net.add_where(net.add_compare("eq", row, number), result, matrix)
    return matrix


def agree(got: Array, want: Array, exact: bool) -> Array:
    """Where two results are the same; on a GPU inexact ones within some units in the last place."""
    if exact or where.DEVICE == "simulator" or want.dtype.kind in "biu":
        return same(got, want)
    a, b, info = got.astype(np.float64), want.astype(np.float64), ml_dtypes.finfo(want.dtype)
    with np.errstate(all="ignore"):
        return same(got, want) | (
            np.abs(a - b) <= 16 * float(info.eps) * np.maximum(np.abs(b), float(info.smallest_normal))
        )


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> CubinCache:
    return CubinCache(tmp_path_factory.mktemp("cubins"))


def test_pointwise_ops(cache: CubinCache) -> None:
    arrays, by_result = operands(), defaultdict[Any, list[Case]](list)
    for case in pointwise_cases():
        by_result[case.result].append(case)
    net, used = Network(), sorted({name for cases in by_result.values() for case in cases for name in case.operands})
    rows = max(map(len, by_result.values()))
    inputs = {name: net.add_input(name, arrays[name].dtype, (rows, SIZE)) for name in used}
    for element, cases in by_result.items():
        results = [net.insert(case.op(*(inputs[name] for name in case.operands))) for case in cases]
        net.mark_output(stacked(net, results), str(element))
    (target,) = where.targets("sm_80")
    engine = trtc.build(net, trtc.BuildOptions(target=target, verify_each=False), cache=cache)
    got = engine.create_context(where.DEVICE, poison=True).run(
        {name: np.tile(arrays[name], (rows, 1)) for name in used}
    )
    wrong: list[str] = []
    for element, cases in by_result.items():
        for case, row, want in zip(cases, np.asarray(got[str(element)]), folded(cases, arrays), strict=False):
            differs = np.flatnonzero(~agree(row, want, case.exact))
            if differs.size:
                given = [arrays[name][differs[0]] for name in case.operands]
                wrong.append(
                    f"{case.name}: {differs.size} differ; of {given}: ran {row[differs[0]]}, folded {want[differs[0]]}"
                )
    assert not wrong, "\n".join(wrong)
    assert {type_ for cases in by_result.values() for case in cases for type_ in case.operands} >= set(arrays) - {
        "i1.y"
    }
