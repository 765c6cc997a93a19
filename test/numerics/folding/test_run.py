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
from xdsl.dialects.builtin import bf16, f16, f32, f64, i32, i64
from xdsl.ir import SSAValue

import trtc
from trtc.compiler.codegen.cuda.cubin_cache import CubinCache
from trtc.compiler.network import Network
from trtc.dialects import nn, quant
from trtc.dialects.dtypes import numpy_dtype, ui16, ui32
from trtc.dialects.errors import InvalidModelError
from trtc.dialects.meaning import STRUCTURAL, evaluate, run_module
from trtc.dialects.meaning.arithmetic import SMALL_INTEGERS
from trtc.passes.graph.fold_constants import FoldConstantsPass
from trtc.passes.kernels.building.pointwise import ELEMENTS

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[2] / "models"))
import where
from exact_functions import EXACT
from special_values import Array, same, specials

pytest.importorskip("cupy", reason="NVRTC comes with CuPy")

TRANSCENDENTAL = (
    nn.ExpOp, nn.LogOp, nn.RsqrtOp, nn.ErfOp, nn.TanhOp, nn.SigmoidOp, nn.SinOp, nn.CosOp, nn.AsinOp, nn.AcosOp, nn.AtanOp, nn.AsinhOp,
    nn.AcoshOp, nn.AtanhOp, nn.PowOp, nn.GeluOp, nn.SiluOp, nn.SoftplusOp, nn.MishOp,
)  # fmt: skip
QUANT = (quant.QuantizeOp, quant.DequantizeOp, quant.RequantizeOp)
NEVER_RUN = (quant.ObserveOp, nn.ClampRangeOp)
"""The one marks values while calibrating, the other is evaluated in `@weights` alone."""
SIZE = 256


Make = Callable[..., SSAValue]
"""Adds the op (or a chain of ops) to a network: (network, *operands) -> result."""


@dataclass(frozen=True)
class Case:
    """Ops on named operands, and the element type of the result."""

    name: str
    make: Make
    operands: tuple[str, ...]
    result: Any
    ulps: int
    """By how many units in the last place running may differ: an elementwise op on a GPU only, since the simulator computes as NumPy."""
    op: Any
    elementwise: bool = True


def many(dtype: np.dtype[Any]) -> Array:
    """More values for ops of one operand: halves, and the limits of every integer type with their neighbours."""
    if dtype.kind == "b":
        return np.arange(SIZE) % 3 == 1
    if dtype in SMALL_INTEGERS:
        return np.resize(specials(dtype), SIZE)
    edges = [0.5, 1.5, 2.5, 1e-3, 10.0, 88.0, 89.0, 104.0, 3.0, 0.1, 1e30, 6.1e4, 65520.0, 65536.0, 3.4e38, 1e300]
    for bits in (7, 8, 15, 16, 24, 31, 32, 53, 63, 64):
        edges += [2.0**bits, 2.0**bits - 1, 2.0**bits + 1, 2.0**bits * 1.5]
    values = np.array([*edges, *(-np.array(edges))])
    with np.errstate(all="ignore"):
        if dtype.kind in "iu":
            info = np.iinfo(dtype)
            held = {min(max(int(v), int(info.min)), int(info.max)) for v in values}
            exact = np.array(sorted(held), object).astype(dtype)
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


def variants(op: type[Any]) -> Iterator[tuple[str, Make]]:
    """The op with its attributes."""
    if op in (nn.CastOp, nn.BitcastOp):
        yield from ((f"to {to}", lambda net, x, to=to: net.insert(op(x, to))) for to in ELEMENTS)
    elif op is nn.CompareOp:
        yield from ((p.value, lambda net, x, y, p=p: net.insert(op(x, y, p.value))) for p in nn.Predicate)
    elif op is nn.ClipOp:
        for low, high in ((-1.5, 2.5), (-0.0, 0.0), (inf, inf), (-inf, -inf), (300.0, 1e30)):
            yield f"{low} {high}", lambda net, x, low=low, high=high: net.insert(op(x, low, high))
    elif op in QUANT:
        yield "", lambda net, x: net.insert(op(x, net.add_constant(np.array(0.1, np.float32))))
    elif op is nn.GeluOp:
        yield from ((form.value, lambda net, x, form=form: net.insert(op(x, form.value))) for form in nn.GeluForm)
    elif op is nn.SiluOp:
        yield from ((f"{alpha}", lambda net, x, alpha=alpha: net.insert(op(x, alpha))) for alpha in (1.0, 1.702))
    elif op is nn.LeakyReluOp:
        yield "", lambda net, x: net.insert(op(x, -0.5))
    else:
        yield "", lambda net, *operands: net.insert(op(*operands))


def pointwise_cases() -> Iterator[Case]:
    arrays = operands()
    names: dict[Any, str] = {nn.BinaryOp: "xy", nn.CompareOp: "xy", nn.WhereOp: "bxy"}
    for op in (*nn.POINTWISE, *QUANT):
        letters = next((letters for base, letters in names.items() if issubclass(op, base)), "v")
        for element in ELEMENTS:
            wanted = tuple("b" if letter == "b" else f"{element}.{letter}" for letter in letters)
            for label, make in variants(op):
                try:
                    made = Network()
                    result = make(made, *(made.add_constant(np.zeros(1, arrays[name].dtype)) for name in wanted))
                except InvalidModelError:
                    continue  # not defined on this type
                ulps = 16 if op in TRANSCENDENTAL else 0
                yield Case(f"{op.name} {label} {element}", make, wanted, nn.element_of(result), ulps, op)


def folded(cases: Sequence[Case], arrays: dict[str, Array]) -> list[Array]:
    """What `fold-constants` makes of each case on constants; marks of quantization stay, and have their meaning."""
    net = Network()
    values = {
        name: net.add_constant(arrays[name], name) for name in sorted({n for case in cases for n in case.operands})
    }
    for number, case in enumerate(cases):
        net.mark_output(case.make(net, *(values[name] for name in case.operands)), f"y{number}")
    module = net.module()
    FoldConstantsPass().apply(Context(), module)
    left = {
        op.name for op in module.walk() if op.operands and all(isinstance(v.owner, nn.ConstantOp) for v in op.operands)
    }
    left -= {"func.return", *(op.name for op in QUANT)}
    assert not left, f"not folded: {left}"
    return run_module(module, [])


def stacked(net: Network, results: Sequence[SSAValue]) -> SSAValue:
    """A matrix with row i from result i, chosen by selects, so that one kernel computes all."""
    row = net.add_iota((net.shape(results[0])[0], 1), 0, "i32")
    matrix = results[0]
    for number, result in enumerate(results[1:], 1):
        matrix = net.add_where(net.add_compare("eq", row, number), result, matrix)
    return matrix


def exact(case: Case, arrays: dict[str, Array]) -> Array | None:
    """The result in float64 where kernels may approximate it: f32 loses small ones, which the approximation need not."""
    function = EXACT.get(case.name.removesuffix(f" {case.result}").rstrip())
    if function is None or case.result not in (f16, bf16):
        return None
    with np.errstate(all="ignore"):
        return function(arrays[case.operands[0]].astype(np.float64))


def within_a_unit(got: Array, wanted: Array) -> Array:
    """Where a narrow result is at most one unit in its last place off."""
    info = ml_dtypes.finfo(got.dtype)
    unit = float(info.eps) * np.maximum(np.abs(wanted), float(info.smallest_normal))
    with np.errstate(all="ignore"):
        return np.isfinite(wanted) & (np.abs(got.astype(np.float64) - wanted) <= unit)


def agree(case: Case, got: Array, want: Array) -> Array:
    """Where two results are the same, or so close as the case allows."""
    if (
        not case.ulps
        or (case.elementwise and where.DEVICE == "simulator")
        or want.dtype.kind in "biu"
        or want.dtype in SMALL_INTEGERS
    ):
        return same(got, want)
    a, b, info = got.astype(np.float64), want.astype(np.float64), ml_dtypes.finfo(want.dtype)
    with np.errstate(all="ignore"):
        least = float(info.smallest_normal) if case.elementwise else 1.0  # sums and means of numbers about 1 may cancel
        limit = case.ulps * float(info.eps) * np.maximum(np.abs(b), least)
        return same(got, want) | (np.isfinite(b) & (np.abs(a - b) <= limit))


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> CubinCache:
    return CubinCache(tmp_path_factory.mktemp("cubins"))


def run(net: Network, cache: CubinCache, inputs: dict[str, Array]) -> dict[str, Array]:
    """What an engine of the network gives."""
    (target,) = where.targets("sm_80")
    engine = trtc.build(net, trtc.BuildOptions(target=target, verify_each=False), cache=cache)
    return engine.create_context(where.DEVICE, poison=True).run(inputs)


def differences(cases: Sequence[Case], got: Sequence[Array], arrays: dict[str, Array]) -> list[str]:
    """What differs between running and folding, a line for each case."""
    found: list[str] = []
    for case, ran, want in zip(cases, got, folded(cases, arrays), strict=True):
        agreed, wide = agree(case, ran, want), exact(case, arrays)
        places = np.argwhere(~(agreed if wide is None else agreed | within_a_unit(ran, wide)))
        if places.size:
            at = tuple(places[0])
            given = [arrays[name][at] for name in case.operands] if case.elementwise else list(case.operands)
            found.append(
                f"{case.name}: {len(places)} differ, first at {at} of {given}: ran {ran[at]}, folded {want[at]}"
            )
    return found


@pytest.mark.parametrize("element", ELEMENTS, ids=str)
def test_pointwise_ops(element: Any, cache: CubinCache) -> None:
    """The ops whose result has this element type."""
    arrays, by_result = operands(), defaultdict[Any, list[Case]](list)
    for case in pointwise_cases():
        if case.result == element:
            by_result[case.result].append(case)
    net, used = Network(), sorted({name for cases in by_result.values() for case in cases for name in case.operands})
    rows = max(map(len, by_result.values()))
    inputs = {name: net.add_input(name, arrays[name].dtype, (rows, SIZE)) for name in used}
    for element, cases in by_result.items():
        net.mark_output(
            stacked(net, [case.make(net, *(inputs[n] for n in case.operands)) for case in cases]), str(element)
        )
    got = run(net, cache, {name: np.tile(arrays[name], (rows, 1)) for name in used})
    wrong = [d for e, cases in by_result.items() for d in differences(cases, list(got[str(e)][: len(cases)]), arrays)]
    assert not wrong, "\n".join(wrong)


def test_every_pointwise_op_has_a_case() -> None:
    assert {case.op for case in pointwise_cases()} == {*nn.POINTWISE, *QUANT}
    assert {case.result for case in pointwise_cases()} == set(ELEMENTS)


def grid(dtype: np.dtype[Any], shape: tuple[int, ...]) -> Array:
    """Small integers, whose sums are the same in any order, and special values: in some rows one, in some two that clash."""
    size = int(np.prod(shape))
    values = (np.arange(size) * 7 % 5 - (2 if dtype.kind != "u" else 0)).astype(dtype).reshape(-1, shape[-1])
    if dtype.kind in "fV" and dtype not in SMALL_INTEGERS:
        for row, special in enumerate((np.nan, np.inf, -np.inf, -0.0)):
            values[row * 3 + 1, row % shape[-1]] = special
        values[2, :2] = np.inf, -np.inf
        values[-1] = -0.0
        values[-2] = -np.inf
    elif dtype.kind in "iu":
        values[1, 0], values[2, 1] = np.iinfo(dtype).max, np.iinfo(dtype).min
        values[3] = np.iinfo(dtype).max
    return values.reshape(shape)


IMAGE = (2, 4, 4, 8)
INDICES = np.array([-4, -1, 0, 3], np.int64)


def moved(net: Network, x: SSAValue) -> SSAValue:
    """Every op that moves or makes data, one after another."""
    y = net.add_gather(x, net.add_constant(INDICES), 1)
    y = net.add_gather_nd(y, net.add_constant(np.array([[0, -4], [1, 3], [-1, 0]], np.int64)))
    y = net.add_transpose(net.add_pad(y, (0, 1, 0), (1, 0, 2), 1.0), (0, 2, 1))
    y = net.add_slice(y, (0, 9, 0), (4, 5, 5), (1, -2, 1))
    made = net.add_cast(net.add_iota((4, 5, 1), 1, "i32"), net.element(x))
    size = net.add_cast(net.add_reshape(net.add_shape_value([4]), (1, 1, 1)), net.element(x))
    scalar = net.add_cast(net.add_size(4, "i32"), net.element(x))
    y = net.add_concat([y, made, *(net.add_broadcast_to(number, (4, 5, 1)) for number in (size, scalar))], 2)
    return net.add_reshape(y, (20, 8))


def scattered(net: Network, x: SSAValue) -> SSAValue:
    """Each half of x added to the other."""
    return net.add_scatter(x, net.add_constant(np.array([1, -2])), x, kind="add")


def recurrent(net: Network, x: SSAValue) -> SSAValue:
    """Two steps of 16 sequences, with weights that pass each state on."""
    weights = net.add_constant(np.eye(8, dtype=net.dtype(x))[None])
    options: dict[str, Any] = {"activations": ["relu"], "alphas": [0.0], "betas": [0.0]}
    return net.insert(nn.RnnOp("rnn", "forward", net.add_reshape(x, (2, 16, 1, 8)), weights, **options))


def moments(net: Network, x: SSAValue) -> SSAValue:
    """Those of halves of rows."""
    return net.insert(nn.RowMomentsOp(net.add_reshape(x, (8, 32)), 16))


def normalised(net: Network, x: SSAValue) -> SSAValue:
    """Rows by their own moments."""
    return net.insert(nn.ApplyMomentsOp(net.add_reshape(x, (8, 32)), moments(net, x), columns=16))


def attention(net: Network, x: SSAValue) -> SSAValue:
    """Of one head to itself, causal: x of rank 4."""
    return net.insert(nn.AttentionOp(x, x, x, scale=0.25, causal="start"))


def insert(op: Callable[..., Any], *rest: Any) -> Make:
    """Adds one op with these attributes."""
    return lambda net, *x: net.insert(op(*x, *rest))


def other_cases() -> Iterator[Case]:
    def case(name: str, op: Any, make: Make, elements: Sequence[Any], *names: str, ulps: int = 0) -> Iterator[Case]:
        for element in elements:
            wanted = tuple(f"{element}.{n}" for n in names)
            yield Case(f"{name} {element}", make, wanted, element, ulps, op, elementwise=False)

    floats = (f32, f16)
    yield from case("moved", MOVING, moved, ELEMENTS, "grid")
    for kind in nn.ReduceKind:
        elements = (f64, f32, bf16, i32, i64, ui16, ui32) if kind in ("sum", "max", "prod") else (f32,)
        yield from case(f"reduce {kind}", nn.ReduceOp, insert(nn.ReduceOp, kind, [3], False), elements, "grid")
    window = ((2, 2), (1, 2), (1, 0, 0, 1), (1, 1))
    yield from case("max pool", nn.MaxPoolOp, insert(nn.MaxPoolOp, *window), floats, "grid")
    yield from case("arg max pool", nn.ArgMaxPoolOp, insert(nn.ArgMaxPoolOp, *window), floats, "grid")
    yield from case("argsort", nn.ArgsortOp, insert(nn.ArgsortOp, 3, True), (f32, f16, i64), "grid")
    yield from case("cumulative", nn.CumulativeOp, insert(nn.CumulativeOp, "sum", 3), (f32, f16, i64), "grid")
    before = insert(nn.CumulativeOp, "sum", 3, True)
    yield from case("cumulative before", nn.CumulativeOp, before, (f32, f16), "grid")
    yield from case("scatter", nn.ScatterOp, scattered, (f32, f16, i64), "grid")
    yield from case("rnn", nn.RnnOp, recurrent, floats, "grid", ulps=8)
    yield from case("avg pool", nn.AvgPoolOp, insert(nn.AvgPoolOp, *window, True), floats, "grid")
    yield from case("conv", nn.ConvOp, insert(nn.ConvOp, (1, 1), (1, 1, 1, 1), (1, 1), 1), floats, "grid", "filters")
    yield from case("matmul", nn.MatmulOp, insert(nn.MatmulOp, True), floats, "grid", "matrix")
    yield from case("attention", nn.AttentionOp, attention, floats, "grid", ulps=8)
    yield from case("softmax", nn.SoftmaxOp, insert(nn.SoftmaxOp, 3), floats, "grid", ulps=8)
    yield from case("log softmax", nn.LogSoftmaxOp, insert(nn.LogSoftmaxOp, 3), floats, "grid", ulps=8)
    yield from case(
        "layer norm", nn.LayerNormOp, insert(nn.LayerNormOp, 3, 1e-5), (f32,), "grid", "ones", "ones", ulps=8
    )
    yield from case("normalize", nn.NormalizeOp, insert(nn.NormalizeOp, [2, 3], 1e-5), floats, "grid", ulps=8)
    yield from case(
        "root mean square", nn.NormalizeOp, insert(nn.NormalizeOp, [3], 1e-5, False), floats, "grid", ulps=8
    )
    yield from case("length", nn.L2NormalizeOp, insert(nn.L2NormalizeOp, [3], 1e-5), floats, "grid", ulps=8)
    yield from case("row moments", nn.RowMomentsOp, moments, floats, "grid", ulps=8)
    yield from case("apply moments", nn.ApplyMomentsOp, normalised, floats, "grid", ulps=8)
    yield from case("batch norm", nn.BatchNormOp, insert(nn.BatchNormOp, 0.0), (f32,), "grid", *["ones"] * 4, ulps=8)
    yield from case("lrn", nn.LrnOp, insert(nn.LrnOp, 3, 1e-4, 0.75, 1.0), (f32,), "grid", ulps=8)


MOVING = (
    nn.GatherOp, nn.GatherNdOp, nn.ConcatOp, nn.SliceOp, nn.TransposeOp, nn.ReshapeOp, nn.BroadcastToOp, nn.PadOp, nn.RollOp,
    nn.IotaOp, nn.ShapeValueOp, nn.SizeOp, nn.ConstantOp, nn.InitializerOp,
)  # fmt: skip


def test_other_ops(cache: CubinCache) -> None:
    cases, arrays = list(other_cases()), dict[str, Array]()
    for element in ELEMENTS:
        dtype = numpy_dtype(element)
        arrays |= {f"{element}.grid": grid(dtype, IMAGE), f"{element}.ones": np.ones(8, dtype)}
        arrays |= {f"{element}.matrix": np.eye(4, 8, dtype=dtype), f"{element}.filters": np.ones((4, 3, 3, 8), dtype)}
    used = sorted({name for case in cases for name in case.operands})
    net = Network()
    inputs = {name: net.add_input(name, arrays[name].dtype, arrays[name].shape) for name in used}
    for case in cases:
        net.mark_output(case.make(net, *(inputs[name] for name in case.operands)), case.name)
    got = run(net, cache, {name: arrays[name] for name in used})
    wrong = differences(cases, [np.asarray(got[case.name]) for case in cases], arrays)
    assert not wrong, "\n".join(wrong)


def test_every_op_has_a_case() -> None:
    covered = {*nn.POINTWISE, *MOVING, *QUANT, *(case.op for case in other_cases()), *STRUCTURAL, *NEVER_RUN}
    assert {*nn.NN.operations, *quant.QUANT.operations} - covered == set()


@pytest.mark.parametrize(
    ("numbers", "clamped"),
    [
        ([1.0, -3.4e38, np.inf, -np.inf, np.nan], [1.0, -32752.0, np.inf, -np.inf, np.nan]),
        ([1e5, 60000.0, -1e9], [60000.0, 60000.0, -60000.0]),
        ([65504.0, -2.0], [65504.0, -2.0]),
        ([], []),
    ],
)
def test_numbers_beyond_a_range_are_clamped_to_half_of_it_or_to_the_greatest_other(
    numbers: list[float], clamped: list[float]
) -> None:
    array = np.array(numbers, np.float32)
    op = nn.ClampRangeOp(nn.ConstantOp(array).result, 65504.0)
    (got,) = evaluate(op, [array])
    np.testing.assert_array_equal(got, np.array(clamped, np.float32))


def test_agreement_can_fail() -> None:
    case = Case("softmax", insert(nn.SoftmaxOp, 0), (), f32, 8, nn.SoftmaxOp, elementwise=False)
    want = np.array([1.0, 1.0, np.inf, -np.inf, np.nan, 0.0], np.float32)
    got = np.array([1.0 + 2**-20, 1.0 + 2**-18, 3e38, np.inf, 1.0, 1e-3], np.float32)
    assert agree(case, got, want).tolist() == [True, False, False, False, False, False]
    assert agree(case, want, want).all()
