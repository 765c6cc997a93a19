"""The passes of phase `threads`: lowered kernels in the thread simulator against the tile simulator. See also test_shared_tiles.py."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from xdsl.dialects import arith, scf
from xdsl.dialects.builtin import ModuleOp, f16, f32, i1, i8, i32
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue

from trtc.compiler.pipeline import run_phase
from trtc.dialects import kernel
from trtc.dialects.errors import PassError
from trtc.dialects.kernel.layouts import Blocked, Layout, MmaAcc, OuterA, OuterB, WgmmaAcc
from trtc.dialects.kernel.types import FragType, SharedType

sys.path.insert(0, str(Path(__file__).parent))
from kernel_maker import IDS, LAYOUTS, Maker, check, copy_kernel, index, lowered, tensor


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


@pytest.mark.parametrize(("offset", "width"), [(0, 4), (4, 4), (6, 2), (3, 1)])
def test_where_a_view_begins_limits_vectors(offset: int, width: int) -> None:
    m = Maker([tensor((2048,)), tensor((8, 128))], 4)
    frag = FragType.of((8, 128), f32, Blocked.of(4, 32, 1, 4))
    at = [m.index(0), m.index(0)]
    view = m.view(0, [[0], [1]], dims=(8, 128), strides=(160, 1), offset=offset)
    m(kernel.StoreOp(m(kernel.LoadOp(view, at, frag)), m.view(1, [[0], [1]]), at))
    func = m.finish()
    assert accesses(func, kernel.LdGlobalOp) == [(width, False)]
    check(func)


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
    loop = m.inside(body)
    condition = loop(arith.CmpiOp(body.args[0], zero, "eq"))
    branches: list[Region] = []
    for op in (arith.AddfOp, arith.SubfOp):
        inner = m.inside(Block())
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


def test_fragments_change_places_at_once() -> None:
    m = Maker([tensor((1, 64)), tensor((2, 64))], 1)
    frag, zero = FragType.of((1, 64), f32, Blocked.of(1, 32, 1, 2)), m.index(0)
    x = m(kernel.LoadOp(m.view(0, [[0], [1]]), [zero, zero], frag))
    body = Block(arg_types=[index, frag, frag])
    m.inside(body)(scf.YieldOp(body.args[2], body.args[1]))
    op = scf.ForOp(zero, m.index(3), m.index(1), [x, m(kernel.FillOp(2.0, frag))], Region(body))
    m(op)
    for row, value in enumerate(op.results):
        m(kernel.StoreOp(value, m.view(1, [[0], [1]]), [m.index(row), zero]))
    x, got = check(m.finish())
    np.testing.assert_array_equal(got.reshape(2, 64), [np.full(64, 2.0), x])


def test_a_value_that_is_read_again_is_not_overwritten() -> None:
    m = Maker([tensor((1, 64)), tensor((2, 64))], 1)
    frag, zero = FragType.of((1, 64), f32, Blocked.of(1, 32, 1, 2)), m.index(0)
    x = m(kernel.LoadOp(m.view(0, [[0], [1]]), [zero, zero], frag))
    y = scalar_map(m, [x], frag, lambda v: arith.AddfOp(v, v))
    m(kernel.StoreOp(x, m.view(1, [[0], [1]]), [zero, zero]))
    m(kernel.StoreOp(y, m.view(1, [[0], [1]]), [m.index(1), zero]))
    x, got = check(m.finish())
    np.testing.assert_array_equal(got.reshape(2, 64), [x, x + x])


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
        run_phase(module, "threads")


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
    run_phase(module, "threads")
    assert str(module.body.block.first_op) == str(made)
