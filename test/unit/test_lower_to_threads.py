"""`lower-to-threads`: index sums against plain integers, and lowered kernels in the thread simulator against the tile simulator."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from xdsl.dialects import arith, scf
from xdsl.dialects.builtin import IndexType, IntegerAttr, ModuleOp, bf16, f16, f32, i1, i8, i32
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue

from trtc.compiler.universe import make_context
from trtc.dialects import kernel
from trtc.dialects.dtypes import numpy_dtype
from trtc.dialects.errors import PassError
from trtc.dialects.kernel_types import FragType, GlobalType, RingType, SharedType, TensorMapType
from trtc.dialects.layouts import Blocked, Layout, MmaA, MmaAcc, MmaB, OuterA, OuterB, WgmmaA, WgmmaAcc, swizzled
from trtc.passes.kernels.lower_to_threads import LowerToThreadsPass
from trtc.passes.kernels.threads.compute import register_permutation
from trtc.passes.kernels.threads.context import register_of_row
from trtc.passes.kernels.threads.emitter import Emitter, Ix
from trtc.runtime.simulator import run_kernel

index = IndexType()

LAYOUTS = [
    (Blocked.of(1, 128, 1, 4), (2, 512)),
    (Blocked.of(4, 32, 1, 2), (8, 128)),
    (Blocked.of(16, 8, 2, 2), (64, 32)),
    (MmaA.of(2, 2, 2), (64, 32)),
    (MmaA.of(1, 1, 1), (32, 16)),
    (MmaB.of(2, 2, 4), (32, 64)),
    (MmaB.of(1, 2, 2), (48, 48)),
    (MmaAcc.of(2, 2), (64, 48)),
    (WgmmaAcc.of(1), (64, 24)),
    (WgmmaA.of(1), (128, 32)),
    (OuterA.of(8, 4, 2), (32, 4)),
    (OuterB.of(8, 4, 2), (16, 4)),
]  # fmt: skip
IDS = [f"{layout.name.removeprefix('kernel.')}-{shape[0]}x{shape[1]}" for layout, shape in LAYOUTS]


# Index sums.

MEANING: dict[type[Operation], Callable[[int, int], int]] = {
    arith.AddiOp: lambda x, y: x + y,
    arith.SubiOp: lambda x, y: x - y,
    arith.MuliOp: lambda x, y: x * y,
    arith.DivUIOp: lambda x, y: x // y,
    arith.RemUIOp: lambda x, y: x % y,
    arith.XOrIOp: lambda x, y: x ^ y,
    arith.MinSIOp: min,
    arith.MaxSIOp: max,
}


def evaluate(em: Emitter, x: Ix, given: dict[SSAValue, int]) -> int:
    """What the ops that an index sum makes compute; checks the range and the divisor that the sum claims."""
    values = dict(given)
    result = em.value(x)
    for op in em.scopes[0].block.ops:
        if isinstance(op, arith.ConstantOp):
            assert isinstance(op.value, IntegerAttr)
            values[op.result] = op.value.value.data
        else:
            values[op.results[0]] = MEANING[type(op)](*(values[o] for o in op.operands))
    got = values[result]
    assert (x.lo is None or x.lo <= got) and (x.hi is None or got <= x.hi)
    assert got == 0 if x.multiple == 0 else got % x.multiple == 0
    return got


def atoms(*bounds: tuple[int, int, int]) -> tuple[Emitter, list[SSAValue], list[Ix]]:
    """An emitter and one index value for each (least, greatest, divisor)."""
    block = Block(arg_types=[index] * len(bounds))
    em = Emitter(block)
    return em, list(block.args), [em.atom(v, *b) for v, b in zip(block.args, bounds, strict=True)]


@pytest.mark.parametrize(
    "formula",
    [
        lambda a, b: (a * 8 + b) // 8,
        lambda a, b: (a * 8 + b) % 8,
        lambda a, b: (a * 12 + b + 5) // 8,
        lambda a, b: (a * 12 + b + 5) % 8,
        lambda a, b: (a * 128 - b + 64) // 32 * 3 + a,
        lambda a, b: (a * 4 + b) // 16 % 3,
        lambda a, b: (a * 64 + b * 8) ^ (a % 8 * 8),
        lambda a, b: (b + 16) ^ (a % 8),
        lambda a, b: (a * b + 3) * 4 // 2,
        lambda a, b: (a + 1) * (b + 2) % 7,
        lambda a, b: swizzled(a * 128 + b * 16, 128),
        lambda a, b: swizzled(a * 64 + b * 2, 64),
        lambda a, b: (b * 3) // (a + 1) + (b * 3) % (a + 1),
    ],
)
def test_index_arithmetic_is_that_of_integers(formula: Callable[[Any, Any], Any]) -> None:
    for a, b in itertools.product(range(24), range(8)):
        em, values, (x, y) = atoms((0, 23, 1), (0, 7, 1))
        assert evaluate(em, formula(x, y), dict(zip(values, (a, b), strict=True))) == formula(a, b)


def test_known_divisors_remove_divisions() -> None:
    em, _, (k, lane) = atoms((0, 512, 32), (0, 31, 1))
    assert ((k + lane) // 64).terms == (k // 64).terms
    assert ((k + lane) % 64 - k % 64 - lane).terms == {}
    made = len(list(em.scopes[0].block.ops))
    for zero in (lane // 32, k % 32, (k * 2) % 64):
        assert zero.terms == {} and zero.const == 0
    assert len(list(em.scopes[0].block.ops)) == made


@pytest.mark.parametrize(("layout", "shape"), LAYOUTS, ids=IDS)
def test_a_layout_on_ir_values_is_its_table(layout: Layout, shape: tuple[int, int]) -> None:
    rows, columns = layout.table(shape)
    registers = layout.registers(shape)
    rng = np.random.default_rng(0)
    for _ in range(40):
        t, r = int(rng.integers(layout.threads())), int(rng.integers(registers))
        em, values, (thread, register) = atoms((0, layout.threads() - 1, 1), (0, registers - 1, 1))
        given = dict(zip(values, (t, r), strict=True))
        row, column = layout.index(shape, thread, register)
        assert evaluate(em, row, given) == rows[t, r]
        assert evaluate(em, column, given) == columns[t, r]


@pytest.mark.parametrize(("layout", "shape"), LAYOUTS, ids=IDS)
def test_a_formula_gives_the_first_register_of_each_row(layout: Layout, shape: tuple[int, int]) -> None:
    representatives = layout.representatives(shape)
    for i, register in enumerate(representatives):
        em, values, (n,) = atoms((0, max(1, len(representatives) - 1), 1))
        formula = register_of_row(representatives, n)
        assert formula is not None
        assert evaluate(em, formula, {values[0]: i}) == register


def test_conditions_that_always_hold_are_left_out() -> None:
    em, _, (x, n) = atoms((0, 15, 1), (16, 64, 1))
    assert em.below(x, 16) is None and em.below(x, n) is None
    assert em.below(x, 15) is not None and em.below(x - 1, 16) is not None


# Kernels.


class Maker:
    """Builds a kernel op by op."""

    def __init__(
        self, tensors: Sequence[GlobalType], warps: int, grid: Sequence[int | str] = (1, 1, 1), cluster: int = 1
    ):
        self.func = kernel.FuncOp("k", tensors, grid, warps, cluster=cluster)
        self.block = self.func.body.block

    def __call__(self, op: Operation) -> Any:
        self.block.add_op(op)
        return op.results[0] if op.results else None

    def index(self, value: int) -> SSAValue:
        return self(arith.ConstantOp(IntegerAttr(value, index)))

    def view(self, number: int, groups: Sequence[Sequence[int]], **how: Any) -> SSAValue:
        return self(kernel.ViewOp(self.func.tensors[number], groups, **how))

    def finish(self) -> kernel.FuncOp:
        self(kernel.ReturnOp())
        self.func.verify()
        return self.func


def tensor(dims: Sequence[int | str], element: Attribute = f32, **how: Any) -> GlobalType:
    return GlobalType.of(dims, element, **how)


def lowered(func: kernel.FuncOp) -> kernel.FuncOp:
    module = ModuleOp([func.clone()])
    LowerToThreadsPass().apply(make_context(), module)
    module.verify()
    (made,) = module.body.block.ops
    assert isinstance(made, kernel.FuncOp)
    assert not [op for op in made.walk() if isinstance(op, kernel.LoadOp | kernel.StoreOp | kernel.MapOp)]
    return made


def check(func: kernel.FuncOp, seed: int = 0, **symbols: int) -> list[np.ndarray]:
    """Run both simulators on the same random data; all tensors must agree bit by bit and the last one must have changed."""
    rng = np.random.default_rng(seed)
    arrays: list[np.ndarray] = []
    for argument in func.tensors:
        type_ = argument.type
        assert isinstance(type_, GlobalType)
        size, dtype = int(np.prod([d.evaluate(symbols) for d in type_.dims.exprs])), numpy_dtype(type_.element_type)
        arrays.append(rng.integers(-8, 8, size).astype(dtype))
    arrays[-1][:] = 77 if arrays[-1].dtype != np.bool_ else True
    tile, thread = [a.copy() for a in arrays], [a.copy() for a in arrays]
    run_kernel(func, tile, symbols)
    run_kernel(lowered(func), thread, symbols, mode="thread", seed=seed)
    for a, b in zip(tile, thread, strict=True):
        np.testing.assert_array_equal(a.astype(np.float64), b.astype(np.float64))
    assert (thread[-1] != arrays[-1]).any()
    return thread


def copy_kernel(
    layout: Layout, shape: tuple[int, int], dims: tuple[int | str, int | str], element: Attribute, column: int
) -> kernel.FuncOp:
    m = Maker([tensor(dims, element), tensor(dims, element)], layout.threads() // 32)
    frag = FragType.of(shape, element, layout)
    at = [m.index(0), m.index(column)]
    x = m(kernel.LoadOp(m.view(0, [[0], [1]]), at, frag, fill=3.0))
    m(kernel.StoreOp(x, m.view(1, [[0], [1]]), at))
    return m.finish()


@pytest.mark.parametrize(("layout", "shape"), LAYOUTS, ids=IDS)
@pytest.mark.parametrize("element", [f32, f16, i8])
def test_load_and_store_every_layout(layout: Layout, shape: tuple[int, int], element: Attribute) -> None:
    check(copy_kernel(layout, shape, (shape[0] - 1, shape[1] - 1), element, 0))  # odd: scalar accesses
    got = check(copy_kernel(layout, shape, (shape[0], shape[1]), element, 0))
    np.testing.assert_array_equal(got[0], got[1])


def accesses(func: kernel.FuncOp, which: type[Operation]) -> list[tuple[int, bool]]:
    """(elements, predicated) of each global access of a kind."""
    return [
        (op.count.value.data, op.predicate is not None)
        for op in lowered(func).walk()
        if isinstance(op, kernel.LdGlobalOp | kernel.StGlobalOp | kernel.CpAsyncOp) and isinstance(op, which)
    ]


@pytest.mark.parametrize(
    ("dims", "element", "column", "expected"),
    [
        ((8, 128), f32, 0, (4, False)),
        ((8, 128), f16, 0, (4, False)),  # the layout has four neighbours
        ((7, 128), f32, 0, (4, True)),  # one predicate per vector
        ((8, 126), f32, 0, (2, True)),  # no vector straddles the bound
        ((8, 125), f32, 0, (1, True)),
        ((8, 256), f32, 2, (2, False)),
        (("N", 128), f32, 0, (4, True)),
        ((8, "N"), f32, 0, (1, True)),
        ((8, "4*N"), f32, 0, (4, True)),
    ],
)
def test_vector_width_and_predicates(dims: Any, element: Attribute, column: int, expected: tuple[int, bool]) -> None:
    func = copy_kernel(Blocked.of(4, 32, 1, 4), (8, 128), dims, element, column)
    assert accesses(func, kernel.LdGlobalOp) == [expected]
    assert accesses(func, kernel.StGlobalOp) == [expected]
    check(func, N=5)


@pytest.mark.parametrize("how", [{"align": 4}, {"align": 8}])
def test_alignment_limits_vectors(how: dict[str, int]) -> None:
    m = Maker([tensor((8, 128), f32, **how)] * 2, 4)
    frag = FragType.of((8, 128), f32, Blocked.of(4, 32, 1, 4))
    at = [m.index(0), m.index(0)]
    m(kernel.StoreOp(m(kernel.LoadOp(m.view(0, [[0], [1]]), at, frag)), m.view(1, [[0], [1]]), at))
    assert accesses(m.finish(), kernel.LdGlobalOp) == [(how["align"] // 4, False)]


def test_negative_coordinates_give_the_fill() -> None:
    m = Maker([tensor((6, 20)), tensor((8, 32))], 1)
    frag = FragType.of((8, 32), f32, Blocked.of(1, 32, 1, 1))
    x = m(kernel.LoadOp(m.view(0, [[0], [1]]), [m.index(-1), m.index(-3)], frag, fill=5.0))
    m(kernel.StoreOp(x, m.view(1, [[0], [1]]), [m.index(0), m.index(0)]))
    x, y = check(m.finish())
    expected = np.full((8, 32), 5.0)
    expected[1:7, 3:23] = x.reshape(6, 20)
    np.testing.assert_array_equal(y.reshape(8, 32), expected)


@pytest.mark.parametrize(
    ("dims", "strides", "offset"),
    [
        ((4, 6, 8), (48, 8, 1), 0),
        ((6, 4, 8), (8, 48, 1), 0),
        ((4, 6, 8), (0, 8, 1), 16),
        ((4, 8, 6), (48, 1, 8), 0),
        (("N", 6, 8), (48, 8, 1), 0),
    ],
)
def test_views_of_any_strides(dims: Any, strides: Any, offset: int) -> None:
    m = Maker([tensor((300,)), tensor((192,))], 1)
    frag = FragType.of((1, 256), f32, Blocked.of(1, 32, 1, 4))
    at = [m.index(0), m.index(0)]
    x = m(kernel.LoadOp(m.view(0, [[], [0, 1, 2]], dims=dims, strides=strides, offset=offset), at, frag))
    m(kernel.StoreOp(x, m.view(1, [[], [0]]), at))
    check(m.finish(), N=4)


# Computing.


def scalar_map(m: Maker, arguments: Sequence[SSAValue], result: FragType, build: Callable[..., Operation]) -> SSAValue:
    """A map; f16 is widened and narrowed around `build`, which makes one op from scalars."""
    op = kernel.MapOp(arguments, [result])
    block = op.body.block
    values: list[SSAValue] = list(block.args)
    if result.element_type == f16:
        wide = [arith.ExtFOp(v, f32) for v in values]
        block.add_ops(wide)
        values = [w.results[0] for w in wide]
    last = build(*values)
    block.add_op(last)
    if result.element_type == f16:
        last = arith.TruncFOp(last, f16)
        block.add_op(last)
    block.add_op(kernel.YieldOp(last))
    return m(op)


@pytest.mark.parametrize(("layout", "shape"), [c for c in LAYOUTS if not isinstance(c[0], OuterA | OuterB)])
@pytest.mark.parametrize("kind", ["sum", "max", "min", "prod"])
@pytest.mark.parametrize("element", [f32, f16, i32])
def test_reduce_every_layout(layout: Layout, shape: tuple[int, int], kind: str, element: Attribute) -> None:
    m = Maker([tensor(shape, element), tensor((shape[0], 3), element), tensor(shape, element)], layout.threads() // 32)
    frag = FragType.of(shape, element, layout)
    zero = m.index(0)
    x = m(kernel.LoadOp(m.view(0, [[0], [1]]), [zero, zero], frag))
    wide = f32 if element == f16 else element
    scratch = m(kernel.AllocOp(SharedType.of((shape[0], 4), wide)))
    add, least = (arith.AddiOp, arith.MaxSIOp) if element == i32 else (arith.AddfOp, arith.MaximumfOp)
    if kind == "prod":  # factors of 1 and, rarely, 2: exact
        six = scalar_map(m, [m(kernel.FillOp(3.0, frag))], frag, lambda v: add(v, v))
        x = scalar_map(m, [x, six], frag, least)
        x = scalar_map(m, [x, m(kernel.FillOp(-5.0, frag))], frag, add)
    rows = m(kernel.ReduceOp(kind, x, scratch))
    m(kernel.StoreOp(rows, m.view(1, [[0], [1]]), [zero, m.index(1)]))
    again = m(kernel.ReduceOp(kind, x, scratch))
    m(kernel.StoreOp(scalar_map(m, [x, again], frag, add), m.view(2, [[0], [1]]), [zero, zero]))
    check(m.finish())


def test_coordinates_validity_and_gather() -> None:
    m = Maker([tensor((9, 20)), tensor((8, 32), i1), tensor((8, 32))], 2)
    layout = Blocked.of(2, 32, 1, 1)
    frag, zero = FragType.of((8, 32), f32, layout), m.index(0)
    coord = m(kernel.CoordOp(m.index(2), 0, FragType.of((8, 32), i32, layout).rows))
    valid = m(kernel.ValidOp(m.view(0, [[0], [1]]), [m.index(4), m.index(0)], frag.with_element(i1)))
    m(kernel.StoreOp(valid, m.view(1, [[0], [1]]), [zero, zero]))
    x = m(kernel.GatherOp(m.view(0, [[0], [1]]), coord, [m.index(1)], frag, fill=-2.0))
    m(kernel.StoreOp(x, m.view(2, [[0], [1]]), [zero, zero]))
    source, mask, got = check(m.finish())
    assert mask.reshape(8, 32)[:5, :20].all() and not mask.reshape(8, 32)[5:].any()
    np.testing.assert_array_equal(got.reshape(8, 32)[:7, :19], source.reshape(9, 20)[2:, 1:])


def test_loops_that_swap_fragments_and_branches_that_give_them() -> None:
    m = Maker([tensor((1, 64)), tensor((2, 64))], 1)
    frag, zero = FragType.of((1, 64), f32, Blocked.of(1, 32, 1, 2)), m.index(0)
    x = m(kernel.LoadOp(m.view(0, [[0], [1]]), [zero, zero], frag))
    y = m(kernel.FillOp(2.0, frag))
    body = Block(arg_types=[index, frag, frag])
    loop = Maker.__new__(Maker)
    loop.func, loop.block = m.func, body
    condition = loop(arith.CmpiOp(body.args[0], zero, "eq"))
    branches: list[Region] = []
    for op in (arith.AddfOp, arith.SubfOp):
        inner = Maker.__new__(Maker)
        inner.func, inner.block = m.func, Block()
        value = scalar_map(inner, [body.args[1], body.args[2]], frag, op)
        inner(scf.YieldOp(value))
        branches.append(Region(inner.block))
    mixed = loop(scf.IfOp(condition, [frag], branches[0], branches[1]))
    loop(scf.YieldOp(body.args[2], mixed))
    op = scf.ForOp(zero, m.index(3), m.index(1), [x, y], Region(body))
    m(op)
    for row, value in enumerate(op.results):
        m(kernel.StoreOp(value, m.view(1, [[0], [1]]), [m.index(row), zero]))
    x, got = check(m.finish())
    a, b = x, np.full(64, 2.0, np.float32)
    for turn in range(3):
        a, b = b, a + b if turn == 0 else a - b
    np.testing.assert_array_equal(got.reshape(2, 64), [a, b])


def test_a_value_that_is_read_again_is_not_overwritten() -> None:
    m = Maker([tensor((1, 64)), tensor((2, 64))], 1)
    frag, zero = FragType.of((1, 64), f32, Blocked.of(1, 32, 1, 2)), m.index(0)
    x = m(kernel.LoadOp(m.view(0, [[0], [1]]), [zero, zero], frag))
    y = scalar_map(m, [x], frag, lambda v: arith.AddfOp(v, v))
    m(kernel.StoreOp(x, m.view(1, [[0], [1]]), [zero, zero]))
    m(kernel.StoreOp(y, m.view(1, [[0], [1]]), [m.index(1), zero]))
    x, got = check(m.finish())
    np.testing.assert_array_equal(got.reshape(2, 64), [x, x + x])


# Shared memory.


@pytest.mark.parametrize(("layout", "shape"), LAYOUTS, ids=IDS)
@pytest.mark.parametrize("swizzle", [0, 32, 64, 128])
@pytest.mark.parametrize("element", [f16, f32, i8])
def test_shared_tiles_round_trip(layout: Layout, shape: tuple[int, int], swizzle: int, element: Attribute) -> None:
    """Write in one layout, read in another; with and without a swizzle or a pad, at an offset, plain and transposed."""
    shared_shape = (shape[0] + 8, -(-(shape[1] + 16) // 128) * 128)
    m = Maker([tensor(shape, element), tensor(shape, element)], layout.threads() // 32)
    frag, zero = FragType.of(shape, element, layout), m.index(0)
    tile = m(kernel.AllocOp(SharedType.of(shared_shape, element, swizzle, 0 if swizzle else 16)))
    x = m(kernel.LoadOp(m.view(0, [[0], [1]]), [zero, zero], frag))
    m(kernel.StoreSharedOp(x, tile, m.index(8), m.index(16)))
    m(kernel.BarrierOp())
    y = m(kernel.LoadSharedOp(tile, m.index(8), m.index(16), frag))
    m(kernel.StoreOp(y, m.view(1, [[0], [1]]), [zero, zero]))
    x, y = check(m.finish())
    np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize("layout", [MmaB.of(1, 2, 2), MmaA.of(2, 1, 2), OuterB.of(16, 4, 2), Blocked.of(2, 32, 1, 1)])
@pytest.mark.parametrize("element", [f16, f32])
def test_transposed_reads(layout: Layout, element: Attribute) -> None:
    shape = (64, 32)
    m = Maker([tensor((32, 64), element), tensor(shape, element)], 2)
    zero = m.index(0)
    writer = FragType.of((32, 64), element, Blocked.of(1, 64, 1, 1))
    tile = m(kernel.AllocOp(SharedType.of((32, 64), element, 128)))
    m(kernel.StoreSharedOp(m(kernel.LoadOp(m.view(0, [[0], [1]]), [zero, zero], writer)), tile, zero, zero))
    m(kernel.BarrierOp())
    y = m(kernel.LoadSharedOp(tile, zero, zero, FragType.of(shape, element, layout), transposed=True))
    m(kernel.StoreOp(y, m.view(1, [[0], [1]]), [zero, zero]))
    x, y = check(m.finish())
    np.testing.assert_array_equal(x.reshape(32, 64).T, y.reshape(64, 32))
    matrices = [op for op in lowered(m.func).walk() if isinstance(op, kernel.LdmatrixOp)]
    assert bool(matrices) == (element == f16 and isinstance(layout, MmaA | MmaB))
    assert all(op.count.value.data == 4 and op.transposed is not None for op in matrices)


@pytest.mark.parametrize("element", [f16, f32, i8])
@pytest.mark.parametrize("operand", [MmaA, MmaB])
def test_operands_of_mma_come_by_ldmatrix(element: Attribute, operand: type[MmaA] | type[MmaB]) -> None:
    e = {f16: 2, f32: 1, i8: 4}[element]
    shape = (64, 16 * e)
    m = Maker([tensor(shape, element), tensor(shape, element)], 4)
    layout, zero = operand.of(2, 2, e), m.index(0)
    tile = m(kernel.AllocOp(SharedType.of(shape, element, 64)))
    writer = FragType.of(shape, element, Blocked.of(16, 8, 1, 1))
    m(kernel.StoreSharedOp(m(kernel.LoadOp(m.view(0, [[0], [1]]), [zero, zero], writer)), tile, zero, zero))
    m(kernel.BarrierOp())
    y = m(kernel.LoadSharedOp(tile, zero, zero, FragType.of(shape, element, layout)))
    m(kernel.StoreOp(y, m.view(1, [[0], [1]]), [zero, zero]))
    x, y = check(m.finish())
    np.testing.assert_array_equal(x, y)
    ops = list(lowered(m.func).walk())
    assert [op.count.value.data for op in ops if isinstance(op, kernel.LdmatrixOp)] == [4]
    assert not any(isinstance(op, kernel.LdSharedOp) for op in ops)


CONVERSIONS = [
    (WgmmaAcc.of(1), WgmmaA.of(1), (64, 32), True),
    (MmaAcc.of(4, 1), MmaA.of(4, 1, 2), (64, 32), True),
    (MmaAcc.of(2, 2), Blocked.of(4, 32, 1, 1), (64, 32), False),
    (Blocked.of(16, 8, 1, 4), MmaAcc.of(2, 2), (64, 32), False),
    (MmaAcc.of(4, 1), MmaA.of(4, 1, 4), (64, 32), False),
]


@pytest.mark.parametrize(("source", "target", "shape", "in_registers"), CONVERSIONS)
def test_changes_of_layout(source: Layout, target: Layout, shape: tuple[int, int], in_registers: bool) -> None:
    m = Maker([tensor(shape), tensor(shape)], 4)
    a, b, zero = FragType.of(shape, f32, source), FragType.of(shape, f32, target), m.index(0)
    assert (register_permutation(a, b) is not None) == in_registers
    scratch = None if in_registers else m(kernel.AllocOp(SharedType.of(shape, f32, 0, 4)))
    x = m(kernel.LoadOp(m.view(0, [[0], [1]]), [zero, zero], a))
    m(kernel.StoreOp(m(kernel.ConvertLayoutOp(x, b, scratch)), m.view(1, [[0], [1]]), [zero, zero]))
    x, y = check(m.finish())
    np.testing.assert_array_equal(x, y)
    assert any(isinstance(op, kernel.BarSyncOp) for op in lowered(m.func).walk()) != in_registers


@pytest.mark.parametrize(
    ("layout", "first"), [(WgmmaAcc.of(1), 16), (MmaAcc.of(4, 1), 24), (Blocked.of(4, 32, 1, 1), 32)]
)
def test_columns_of_a_fragment(layout: Layout, first: int) -> None:
    m = Maker([tensor((64, 96)), tensor((64, 32))], 4)
    zero = m.index(0)
    x = m(kernel.LoadOp(m.view(0, [[0], [1]]), [zero, zero], FragType.of((64, 96), f32, layout)))
    m(kernel.StoreOp(m(kernel.ColumnsOp(x, first, 32)), m.view(1, [[0], [1]]), [zero, zero]))
    x, y = check(m.finish())
    np.testing.assert_array_equal(x.reshape(64, 96)[:, first : first + 32], y.reshape(64, 32))


# Asynchronous copies.


@pytest.mark.parametrize(
    ("dims", "element", "align", "swizzle", "bytes_each"),
    [
        ((30, 64), f16, 16, 128, 16),
        ((30, 60), f16, 16, 0, 8),
        ((30, 63), bf16, 16, 0, 2),
        ((30, 64), f32, 4, 64, 4),
        ((13, 64), i8, 16, 64, 16),
    ],
)
def test_load_async(dims: tuple[int, int], element: Attribute, align: int, swizzle: int, bytes_each: int) -> None:
    """Chunks as wide as alignment and bounds allow; under four bytes they go through registers. What is outside becomes zero."""
    m = Maker([tensor(dims, element, align=align), tensor((32, 64), element)], 2)
    zero = m.index(0)
    ring = m(kernel.RingOp(RingType.of(1, "cp_async")))
    tile = m(kernel.AllocOp(SharedType.of((1, 32, 64), element, swizzle)))
    m(kernel.AcquireOp(ring, zero))
    slot = m(kernel.SlotOp(tile, zero))
    m(kernel.LoadAsyncOp(m.view(0, [[0], [1]]), [zero, zero], slot))
    m(kernel.CommitOp(ring, zero))
    m(kernel.WaitOp(ring, zero))
    y = m(kernel.LoadSharedOp(slot, zero, zero, FragType.of((32, 64), element, Blocked.of(1, 64, 1, 1))))
    m(kernel.ReleaseOp(ring, zero))
    m(kernel.StoreOp(y, m.view(1, [[0], [1]]), [zero, zero]))
    x, y = check(m.finish())
    expected = np.zeros((32, 64))
    expected[: dims[0], : dims[1]] = x.reshape(dims).astype(np.float64)
    np.testing.assert_array_equal(y.reshape(32, 64).astype(np.float64), expected)
    size = np.dtype(numpy_dtype(element)).itemsize
    copies = [op.count.value.data * size for op in lowered(m.func).walk() if isinstance(op, kernel.CpAsyncOp)]
    assert copies == ([bytes_each] if bytes_each >= 4 else [])


@pytest.mark.parametrize("element", [f16, bf16])
@pytest.mark.parametrize("columns", [64, 61])
def test_load_async_rounds_to_narrower_floats(element: Attribute, columns: int) -> None:
    """Loads are as wide as the view allows; no cp.async, which copies bytes."""
    m = Maker([tensor((30, columns), f32, align=16), tensor((32, 64), element)], 2)
    zero = m.index(0)
    ring = m(kernel.RingOp(RingType.of(1, "cp_async")))
    tile = m(kernel.AllocOp(SharedType.of((1, 32, 64), element, 128)))
    m(kernel.AcquireOp(ring, zero))
    slot = m(kernel.SlotOp(tile, zero))
    m(kernel.LoadAsyncOp(m.view(0, [[0], [1]]), [zero, zero], slot))
    m(kernel.CommitOp(ring, zero))
    m(kernel.WaitOp(ring, zero))
    y = m(kernel.LoadSharedOp(slot, zero, zero, FragType.of((32, 64), element, Blocked.of(1, 64, 1, 1))))
    m(kernel.ReleaseOp(ring, zero))
    m(kernel.StoreOp(y, m.view(1, [[0], [1]]), [zero, zero]))
    func, dtype = m.finish(), numpy_dtype(element)
    x = np.random.default_rng(0).standard_normal(30 * columns).astype(np.float32)
    x[:3] = 1 + 2**-11, 1 + 3 * 2**-11, 1e-7  # two ties in f16, a subnormal
    expected = np.zeros((32, 64), dtype)
    expected[:30, :columns] = x.reshape(30, columns).astype(dtype)
    for mode, kernel_func in (("tile", func), ("thread", lowered(func))):
        y = np.full(32 * 64, 77, dtype)
        run_kernel(kernel_func, [x.copy(), y], {}, mode=mode)
        np.testing.assert_array_equal(y.reshape(32, 64).astype(np.float64), expected.astype(np.float64))
    ops = list(lowered(m.func).walk())
    assert not any(isinstance(op, kernel.CpAsyncOp) for op in ops)
    assert [op.count.value.data for op in ops if isinstance(op, kernel.LdGlobalOp)] == [4 if columns == 64 else 1]


def ring_loop(order: Sequence[str], ahead: int, stages: int) -> kernel.FuncOp:
    """A kernel that copies eight tiles through a ring; `order` lists the steps of a turn, `ahead` how far it fetches."""
    m = Maker([tensor((8, 64)), tensor((8, 64))], 2)
    zero, one = m.index(0), m.index(1)
    ring = m(kernel.RingOp(RingType.of(stages, "cp_async")))
    tile = m(kernel.AllocOp(SharedType.of((stages, 1, 64), f32)))
    x, y = m.view(0, [[0], [1]]), m.view(1, [[0], [1]])
    frag = FragType.of((1, 64), f32, Blocked.of(1, 64, 1, 1))

    def fetch(at: Maker, position: SSAValue) -> None:
        at(kernel.AcquireOp(ring, position))
        at(kernel.LoadAsyncOp(x, [position, zero], at(kernel.SlotOp(tile, position))))
        at(kernel.CommitOp(ring, position))

    for p in range(ahead):
        fetch(m, m.index(p))
    body = Block(arg_types=[index])
    turn = Maker.__new__(Maker)
    turn.func, turn.block = m.func, body
    position = body.args[0]
    for step in order:
        if step == "fetch":
            fetch(turn, turn(arith.AddiOp(position, m.index(ahead))))
        elif step == "wait":
            turn(kernel.WaitOp(ring, position, ahead - 1))
        elif step == "use":
            value = turn(kernel.LoadSharedOp(turn(kernel.SlotOp(tile, position)), zero, zero, frag))
            turn(kernel.StoreOp(value, y, [position, zero]))
        else:
            turn(kernel.ReleaseOp(ring, position))
    turn(scf.YieldOp())
    m(scf.ForOp(zero, m.index(8), one, [], Region(body)))
    return m.finish()


@pytest.mark.parametrize(
    ("order", "ahead", "stages", "barriers"),
    [
        (("wait", "fetch", "use", "release"), 2, 3, 1),  # the wait orders the last turn's release
        (("wait", "use", "release", "fetch"), 2, 3, 1),  # fill p + 2 needs fill p - 1, released before the wait
        (("wait", "use", "release", "fetch"), 3, 3, 2),  # fill p + 3 needs fill p, just released
    ],
)
def test_a_barrier_is_left_out_where_a_wait_orders(
    order: Sequence[str], ahead: int, stages: int, barriers: int
) -> None:
    func = ring_loop(order, ahead, stages)
    x, y = check(func)
    np.testing.assert_array_equal(x, y)
    assert sum(isinstance(op, kernel.BarSyncOp) for op in lowered(func).walk()) == barriers


@pytest.mark.parametrize("seed", range(3))
def test_readers_of_a_tma_ring_meet_before_they_release(seed: int) -> None:
    """Two consumer roles of two warps and of one read what a producer brings, by ordinary loads; each writes its own tensor."""
    m = Maker([tensor((8, 64)), tensor((8, 64)), tensor((8, 64))], 4)
    zero, one, eight = m.index(0), m.index(1), m.index(8)
    source = m(kernel.TensorMapOp(m.view(0, [[0], [1]]), TensorMapType.of((1, 64), f32, 0)))
    tile = m(kernel.AllocOp(SharedType.of((2, 1, 64), f32)))
    ring = m(kernel.RingOp(RingType.of(2, "mbarrier", 2)))
    views = [m.view(1, [[0], [1]]), m.view(2, [[0], [1]])]

    def role(build: Callable[[Maker, SSAValue], None]) -> Region:
        body = Block(arg_types=[index])
        inner = Maker.__new__(Maker)
        inner.func, inner.block = m.func, body
        build(inner, body.args[0])
        inner(scf.YieldOp())
        return Region(Block([scf.ForOp(zero, eight, one, [], Region(body))]))

    def produce(at: Maker, p: SSAValue) -> None:
        at(kernel.AcquireOp(ring, p))
        at(kernel.LoadTmaOp(source, [p, zero], at(kernel.SlotOp(tile, p)), ring, p))
        at(kernel.CommitOp(ring, p, 256))

    def consume(number: int, warps: int) -> Callable[[Maker, SSAValue], None]:
        def build(at: Maker, p: SSAValue) -> None:
            at(kernel.WaitOp(ring, p))
            frag = FragType.of((1, 64), f32, Blocked.of(1, 32 * warps, 1, 1))
            x = at(kernel.LoadSharedOp(at(kernel.SlotOp(tile, p)), zero, zero, frag))
            at(kernel.ReleaseOp(ring, p))
            at(kernel.StoreOp(x, views[number], [p, zero]))

        return build

    roles = [role(produce), role(consume(0, 2)), role(consume(1, 1))]
    m(kernel.RolesOp(["load", "a", "b"], [1, 2, 1], [0, 0, 0], roles))
    x, a, b = check(m.finish(), seed=seed)
    np.testing.assert_array_equal(x, a)
    np.testing.assert_array_equal(x, b)
    ops = list(lowered(m.func).walk())
    assert [op.count.value.data for op in ops if isinstance(op, kernel.MbarInitOp)] == [
        1,
        3,
    ]  # full, empty: a warp each
    assert [(op.id.value.data, op.threads.value.data) for op in ops if isinstance(op, kernel.BarSyncOp)] == [
        (0, 128),
        (2, 64),
        (3, 32),
    ]


# What is refused.


def test_reduce_without_scratch_over_warps() -> None:
    m = Maker([tensor((2, 512)), tensor((2, 1))], 4)
    zero = m.index(0)
    x = m(kernel.LoadOp(m.view(0, [[0], [1]]), [zero, zero], FragType.of((2, 512), f32, Blocked.of(1, 128, 1, 4))))
    m(kernel.StoreOp(m(kernel.ReduceOp("sum", x)), m.view(1, [[0], [1]]), [zero, zero]))
    with pytest.raises(
        PassError, match=r"kernel\.reduce: expected scratch of rows x 4, since 4 warps share a row, got none"
    ):
        lowered(m.finish())


def test_convert_without_scratch() -> None:
    m = Maker([tensor((64, 32)), tensor((64, 32))], 4)
    zero = m.index(0)
    x = m(kernel.LoadOp(m.view(0, [[0], [1]]), [zero, zero], FragType.of((64, 32), f32, MmaAcc.of(2, 2))))
    m(kernel.ConvertLayoutOp(x, FragType.of((64, 32), f32, Blocked.of(4, 32, 1, 1))))
    with pytest.raises(PassError, match=r"convert_layout: expected scratch to go from .*mma_acc<2, 2>"):
        lowered(m.finish())


def test_too_much_shared_memory_for_the_target() -> None:
    m = Maker([tensor((8, 8))], 1)
    m(kernel.AllocOp(SharedType.of((4, 128, 64), f16, 128)))
    module = ModuleOp([m.finish()], {"kernel.target": _target(49152)})
    with pytest.raises(PassError, match=r"@k: expected at most 49152 bytes of shared memory on this target, got 65536"):
        LowerToThreadsPass().apply(make_context(), module)


def _target(smem: int) -> kernel.Target:
    from xdsl.dialects.builtin import IntAttr, StringAttr

    return kernel.Target(StringAttr("sm_80"), IntAttr(108), IntAttr(smem))


def test_wgmma_needs_rows_of_one_swizzle() -> None:
    m = Maker([tensor((8, 8))], 4)
    a = m(kernel.AllocOp(SharedType.of((64, 128), f16, 128)))
    b = m(kernel.AllocOp(SharedType.of((64, 128), f16, 128)))
    acc = m(kernel.FillOp(0.0, FragType.of((64, 64), f32, WgmmaAcc.of(1))))
    m(kernel.MmaOp(a, b, acc))
    with pytest.raises(
        PassError, match=r"expected rows of 128 bytes, the swizzle of .*, got 256; use several tiles side by side"
    ):
        lowered(m.finish())


def test_every_op_has_the_location_of_its_tile_op() -> None:
    from trtc.dialects.provenance import onnx_location, onnx_names

    func = copy_kernel(Blocked.of(4, 32, 1, 4), (8, 128), (7, 128), f32, 0)
    for op in func.walk():
        op.location = onnx_location({"kernel.load": "read", "kernel.store": "write"}.get(op.name, "rest"), "Relu", 0)
    found = {op.name: onnx_names(op.location) for op in lowered(func).walk() if op.name.startswith("kernel.")}
    assert found["kernel.ld_global"] == ["read"] and found["kernel.st_global"] == ["write"]
    assert all(onnx_names(op.location) for op in lowered(func).walk())


def test_lowering_twice_changes_nothing() -> None:
    made = lowered(copy_kernel(Blocked.of(4, 32, 1, 4), (8, 128), (8, 128), f32, 0))
    module = ModuleOp([made.clone()])
    LowerToThreadsPass().apply(make_context(), module)
    assert str(module.body.block.first_op) == str(made)
