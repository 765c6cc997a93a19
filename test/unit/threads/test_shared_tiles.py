"""The passes of phase `threads` on shared tiles, changes of layout, and rings: the thread simulator against the tile simulator."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from xdsl.dialects import arith, scf
from xdsl.dialects.builtin import IntegerAttr, bf16, f16, f32, i8
from xdsl.ir import Attribute, Block, Region, SSAValue

from trtc.dialects import kernel
from trtc.dialects.dtypes import numpy_dtype
from trtc.dialects.kernel.layouts import Blocked, Layout, MmaA, MmaAcc, MmaB, OuterB, WgmmaA, WgmmaAcc
from trtc.dialects.kernel.types import FragType, GlobalType, RingType, SharedType, TensorMapType
from trtc.passes.kernels.place_shared_memory import place
from trtc.passes.kernels.threads.compute import register_permutation
from trtc.passes.kernels.threads.elect import elect_threads
from trtc.runtime.simulator import run_kernel

sys.path.insert(0, str(Path(__file__).parent))
from kernel_maker import IDS, LAYOUTS, Maker, check, index, lowered, tensor

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


def staged_copy(source: GlobalType, element: Attribute, swizzle: int) -> kernel.FuncOp:
    """A kernel that copies 32 x 64 elements through a shared tile of `element`, by a ring of one slot."""
    m = Maker([source, tensor((32, 64), element)], 2)
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
    return m.finish()


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
    func = staged_copy(tensor(dims, element, align=align), element, swizzle)
    x, y = check(func)
    expected = np.zeros((32, 64))
    expected[: dims[0], : dims[1]] = x.reshape(dims).astype(np.float64)
    np.testing.assert_array_equal(y.reshape(32, 64).astype(np.float64), expected)
    size = np.dtype(numpy_dtype(element)).itemsize
    copies = [op.count.value.data * size for op in lowered(func).walk() if isinstance(op, kernel.CpAsyncOp)]
    assert copies == ([bytes_each] if bytes_each >= 4 else [])


@pytest.mark.parametrize("element", [f16, bf16])
@pytest.mark.parametrize("columns", [64, 61])
def test_load_async_rounds_to_narrower_floats(element: Attribute, columns: int) -> None:
    """Loads are as wide as the view allows; no cp.async, which copies bytes."""
    func, dtype = staged_copy(tensor((30, columns), f32, align=16), element, 128), numpy_dtype(element)
    x = np.random.default_rng(0).standard_normal(30 * columns).astype(np.float32)
    x[:3] = 1 + 2**-11, 1 + 3 * 2**-11, 1e-7  # two ties in f16, a subnormal
    expected = np.zeros((32, 64), dtype)
    expected[:30, :columns] = x.reshape(30, columns).astype(dtype)
    for mode, kernel_func in (("tile", func), ("thread", lowered(func))):
        y = np.full(32 * 64, 77, dtype)
        run_kernel(kernel_func, [x.copy(), y], {}, mode=mode)
        np.testing.assert_array_equal(y.reshape(32, 64).astype(np.float64), expected.astype(np.float64))
    ops = list(lowered(func).walk())
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
    turn = m.inside(body)
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
        inner = m.inside(body)
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


def test_tiles_over_one_another_take_the_bytes_of_the_largest() -> None:
    m = Maker([tensor((1, 64))], 1)
    small = m(kernel.AllocOp(SharedType.of((4, 8), f32)))
    m(kernel.AllocOp(SharedType.of((16, 8), f32), over=small))
    m(kernel.AllocOp(SharedType.of((4, 8), f32)))
    func = m.finish()
    assert place(func) == 20 * 8 * 4
    placed = [op.offset for op in func.body.block.ops if isinstance(op, kernel.AllocOp)]
    assert [offset.value.data for offset in placed if offset is not None] == [0, 0, 16 * 8 * 4]


def test_what_others_read_stays_outside_an_elect() -> None:
    """A slot between the producer's steps that the role reads later is made before the branch of the one thread."""
    m = Maker([tensor((8, 64))], 1)
    zero = m(arith.ConstantOp(IntegerAttr(0, index)))
    ring = m(kernel.RingOp(RingType.of(1, "mbarrier")))
    tile = m(kernel.AllocOp(SharedType.of((1, 8, 64), f32)))
    m(kernel.AcquireOp(ring, zero))
    slot = m(kernel.SlotOp(tile, zero))
    m(kernel.CommitOp(ring, zero, 0))
    m(kernel.LoadSharedOp(slot, zero, zero, FragType.of((8, 32), f32, Blocked.of(1, 32, 1, 1))))
    func = m.finish()
    elect_threads(func)
    func.verify()
    (elect,) = [op for op in func.body.block.ops if isinstance(op, kernel.ElectOp)]
    assert [type(op) for op in elect.body.block.ops] == [kernel.AcquireOp, kernel.CommitOp]
    assert isinstance(elect.prev_op, kernel.SlotOp)
