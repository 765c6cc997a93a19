"""The fast simulator: tile ops, rings between roles, batches of blocks that part, and what it reports."""

from __future__ import annotations

import numpy as np
import pytest
from xdsl.parser import Parser

from trtc.compiler.universe import make_context
from trtc.dialects import kernel
from trtc.dialects.errors import SimulationError
from trtc.runtime.simulator import run_kernel
from trtc.runtime.simulator.tile.ops import to_tf32

FRAG = "!kernel.frag<4x8xf32, #kernel.blocked<4, 8, 1, 1>>"
GLOBAL = "!kernel.global<dims <M, 8> x f32, strides <8, 1>, align 16>"
VIEW = (
    f"dims <M, 8> strides <8, 1> offset <0> groups [array<i64: 0>, array<i64: 1>] : {GLOBAL} -> !kernel.view<2 x f32>"
)


def parse(body: str, grid: str = "(M + 3) floordiv 4, 1, 1", warps: int = 1) -> kernel.FuncOp:
    """A kernel over two tensors [M, 8] with views %xv and %yv, and the tile's first row %row."""
    text = f"""
    kernel.func @k(%x: {GLOBAL}, %y: {GLOBAL}) grid <{grid}> warps {warps} coords(%i, %j, %k) {{
      %zero = arith.constant 0 : index
      %one = arith.constant 1 : index
      %two = arith.constant 2 : index
      %four = arith.constant 4 : index
      %row = arith.muli %i, %four : index
      %xv = kernel.view %x {VIEW}
      %yv = kernel.view %y {VIEW}
      {body}
      kernel.return
    }}"""
    module = Parser(make_context(), text).parse_module()
    module.verify()
    (func,) = module.ops
    assert isinstance(func, kernel.FuncOp)
    return func


def run(func: kernel.FuncOp, x: np.ndarray, **options: object) -> np.ndarray:
    y = np.full(x.size, np.nan, np.float32)
    run_kernel(func, [x.reshape(-1).copy(), y], {"M": x.shape[0]}, **options)  # pyright: ignore[reportArgumentType]
    return y.reshape(x.shape)


def load(view: str = "%xv", row: str = "%row") -> str:
    return f"kernel.load {view}[{row}, %zero] fill 0.0 : !kernel.view<2 x f32> -> {FRAG}"


def store(value: str, row: str = "%row") -> str:
    return f"kernel.store {value}, %yv[{row}, %zero] : {FRAG}, !kernel.view<2 x f32>"


X = np.random.default_rng(0).standard_normal((10, 8)).astype(np.float32)


def test_edge_tiles_are_predicated() -> None:
    func = parse(f"%a = {load()}\n{store('%a')}")
    np.testing.assert_array_equal(run(func, X), X)


def test_only_the_chosen_blocks_run() -> None:
    y = run(parse(f"%a = {load()}\n{store('%a')}"), X, blocks=[1])
    np.testing.assert_array_equal(y[4:8], X[4:8])
    assert np.isnan(y[:4]).all() and np.isnan(y[8:]).all()


def test_an_access_outside_the_buffer_names_the_op() -> None:
    func = parse(f"%a = {load()}\n{store('%a')}")
    with pytest.raises(SimulationError, match=r"kernel.load: expected element offsets in \[0, 72\)"):
        run_kernel(func, [X.reshape(-1)[:72].copy(), np.zeros(80, np.float32)], {"M": 10})


def test_undefined_shared_memory_is_poison() -> None:
    shared = "!kernel.shared<4x8xf32>"
    body = (
        f"%s = kernel.alloc -> {shared}\n%a = kernel.load_shared %s[%zero, %zero] : {shared} -> {FRAG}\n{store('%a')}"
    )
    assert np.isnan(run(parse(body), X)).all()
    body = f"""
      %s = kernel.alloc -> {shared}
      %a = {load()}
      kernel.store_shared %a, %s[%zero, %zero] : {FRAG}, {shared}
      %o = kernel.alloc over %s : {shared} -> {shared}
      %b = kernel.load_shared %s[%zero, %zero] : {shared} -> {FRAG}
      {store("%b")}"""
    assert np.isnan(run(parse(body), X)).all()


def test_blocks_that_part_run_apart() -> None:
    doubled = f"%d = kernel.map (%a) : ({FRAG}) -> {FRAG} {{\n^bb0(%s: f32):\n%t = arith.addf %s, %s : f32\nkernel.yield %t : f32\n}}"
    body = f"""
      %odd = arith.remsi %i, %two : index
      %is_odd = arith.cmpi eq, %odd, %one : index
      %a = {load()}
      scf.if %is_odd {{
        {doubled}
        {store("%d")}
      }} else {{
        {store("%a")}
      }}"""
    want = X.copy()
    want[4:8] *= 2
    np.testing.assert_array_equal(run(parse(body), X), want)


def test_loops_of_a_length_that_differs_between_blocks() -> None:
    add = f"%d = kernel.map (%acc, %a) : ({FRAG}, {FRAG}) -> {FRAG} {{\n^bb0(%s: f32, %u: f32):\n%t = arith.addf %s, %u : f32\n"
    body = f"""
      %a = {load()}
      %r = scf.for %n = %zero to %i step %one iter_args(%acc = %a) -> ({FRAG}) {{
        {add}kernel.yield %t : f32
        }}
        scf.yield %d : {FRAG}
      }}
      {store("%r")}"""
    factors = np.repeat([1, 2, 3], 4)[:10, None].astype(np.float32)
    np.testing.assert_allclose(run(parse(body), X), X * factors, rtol=1e-6)


ROLES = """
      %s = kernel.alloc -> !kernel.shared<2x4x8xf32>
      %ring = kernel.ring -> !kernel.ring<2, mbarrier>
      %map = kernel.tensor_map %xv : !kernel.view<2 x f32> -> !kernel.tensor_map<4x8xf32>
      kernel.roles ["producer", "consumer"] warps [1, 1] registers [0, 0] {{
        scf.for %n = %zero to %three step %one {{
          kernel.acquire %ring[%n] : !kernel.ring<2, mbarrier>
          %t = kernel.slot %s[%n] : !kernel.shared<2x4x8xf32> -> !kernel.shared<4x8xf32>
          %r = arith.muli %n, %four : index
          kernel.load_tma %map[%r, %zero] to %t ring %ring[%n] : {box}, !kernel.shared<4x8xf32>, !kernel.ring<2, mbarrier>
          {commit}
        }}
      }} {{
        scf.for %m = %zero to %three step %one {{
          kernel.wait %ring[%m] later 0 : !kernel.ring<2, mbarrier>
          %u = kernel.slot %s[%m] : !kernel.shared<2x4x8xf32> -> !kernel.shared<4x8xf32>
          %b = kernel.load_shared %u[%zero, %zero] : !kernel.shared<4x8xf32> -> {frag}
          %r2 = arith.muli %m, %four : index
          kernel.store %b, %yv[%r2, %zero] : {frag}, !kernel.view<2 x f32>
          {release}
        }}
      }}"""
COMMIT = "kernel.commit %ring[%n] bytes 128 : !kernel.ring<2, mbarrier>"
RELEASE = "kernel.release %ring[%m] : !kernel.ring<2, mbarrier>"


def roles(commit: str = COMMIT, release: str = RELEASE) -> kernel.FuncOp:
    box = "!kernel.tensor_map<4x8xf32>"
    body = "%three = arith.constant 3 : index\n" + ROLES.format(commit=commit, release=release, frag=FRAG, box=box)
    return parse(body, grid="1, 1, 1", warps=2)


def test_roles_pass_tiles_through_a_ring() -> None:
    np.testing.assert_array_equal(run(roles(), X), X)


@pytest.mark.parametrize("commit,release", [("", RELEASE), (COMMIT, "")])
def test_a_ring_without_a_commit_or_a_release_is_a_deadlock(commit: str, release: str) -> None:
    with pytest.raises(SimulationError, match=r"deadlock|expected fill"):
        run(roles(commit, release), X)


def test_fills_go_in_order() -> None:
    with pytest.raises(SimulationError, match="expected fill 0 next"):
        run(roles(COMMIT.replace("%n]", "%one]")), X)


def test_tf32_keeps_ten_bits_and_rounds_to_nearest() -> None:
    values = np.array([1 + 2**-10, 1 + 2**-11, 1 + 2**-12, -1 - 2**-11, np.inf, 3.0], np.float32)
    np.testing.assert_array_equal(
        to_tf32(values), np.array([1 + 2**-10, 1 + 2**-10, 1, -1 - 2**-10, np.inf, 3.0], np.float32)
    )


def test_a_flat_array_of_the_tensors_type_is_expected() -> None:
    func = parse(f"%a = {load()}\n{store('%a')}")
    with pytest.raises(SimulationError, match=r"expected a flat array of float32, got float16 of rank 1"):
        run_kernel(func, [X.reshape(-1).astype(np.float16), np.zeros(80, np.float32)], {"M": 10})
    with pytest.raises(SimulationError, match="expected 2 arrays, got 1"):
        run_kernel(func, [X.reshape(-1)], {"M": 10})
