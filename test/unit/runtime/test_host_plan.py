"""The host function as a flat launch list: shapes in, offsets and views out, executed here by NumPy stand-ins for kernels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from xdsl.parser import Parser

from trtc.compiler.universe import make_context
from trtc.dialects.dims import const, parse_expr
from trtc.dialects.errors import EngineFormatError, PassError
from trtc.passes.buffers.bufferize import BufferizePass
from trtc.passes.buffers.plan_arena import PlanArenaPass
from trtc.runtime.kernels import KernelInfo
from trtc.runtime.program.execute import execute
from trtc.runtime.program.host import HostProgram
from trtc.runtime.program.memory import InputError, MemoryRef
from trtc.runtime.program.reader import read_program
from trtc.runtime.program.steps import Launch, Segment

NET = """
builtin.module attributes {nn.symbols = {N = array<i64: 1, 2, 8>}} {
  func.func private @fc(tensor<?x4xf32, #nn.dims<N, 4>>, tensor<4x3xf32>) -> tensor<?x3xf32, #nn.dims<N, 3>>
  func.func private @relu(tensor<?x3xf32, #nn.dims<N, 3>>) -> tensor<?x3xf32, #nn.dims<N, 3>>
  func.func private @sum(tensor<?x6xf32, #nn.dims<N, 6>>) -> tensor<?xf32, #nn.dims<N>>
  func.func @main(%x : tensor<?x4xf32, #nn.dims<N, 4>>) -> tensor<?xf32, #nn.dims<N>>
      attributes {nn.inputs = ["x"], nn.outputs = ["y"]} {
    %w = nn.weight "w" : tensor<4x3xf32>
    %0 = fusion.call @fc(%x, %w) {nn.names = ["hidden"]} :
        (tensor<?x4xf32, #nn.dims<N, 4>>, tensor<4x3xf32>) -> tensor<?x3xf32, #nn.dims<N, 3>>
    %1 = fusion.call @relu(%0) : (tensor<?x3xf32, #nn.dims<N, 3>>) -> tensor<?x3xf32, #nn.dims<N, 3>>
    %2 = fusion.call @fc(%x, %w) : (tensor<?x4xf32, #nn.dims<N, 4>>, tensor<4x3xf32>) -> tensor<?x3xf32, #nn.dims<N, 3>>
    %3 = nn.concat %1, %2 {axis = 1 : i64, fusion.alias = #fusion.alias<dest>} :
        (tensor<?x3xf32, #nn.dims<N, 3>>, tensor<?x3xf32, #nn.dims<N, 3>>) -> tensor<?x6xf32, #nn.dims<N, 6>>
    %4 = fusion.call @sum(%3) : (tensor<?x6xf32, #nn.dims<N, 6>>) -> tensor<?xf32, #nn.dims<N>>
    func.return %4 : tensor<?xf32, #nn.dims<N>>
  }
}
"""


def info(name: str, arguments: int) -> KernelInfo:
    return KernelInfo(name, (parse_expr("N ceildiv 4"), const(1), const(1)), 32, 1, 0, ("N",), arguments)


KERNELS = {"fc": info("fc", 3), "relu": info("relu", 2), "sum": info("sum", 2)}


def read(net: str) -> HostProgram:
    context = make_context()
    module = Parser(context, net).parse_module()
    BufferizePass().apply(context, module)
    PlanArenaPass().apply(context, module)
    module.verify()
    return read_program(module, KERNELS)


@pytest.fixture
def program() -> HostProgram:
    return read(NET)


def with_equal(left: str, right: str) -> str:
    return NET.replace("attributes {nn.symbols", f"attributes {{nn.equal = [#nn.dims<{left}, {right}>], nn.symbols", 1)


def test_dims_that_must_be_equal_are_checked() -> None:
    program = read(with_equal("2 * (N floordiv 2)", "N"))
    assert program.bind({"x": (4, 4)}).symbols == {"N": 4}
    with pytest.raises(InputError, match=r"expected sizes with 2\*\(N floordiv 2\) = N, got 2 and 3, for N = 3"):
        program.bind({"x": (3, 4)})


def test_dims_that_must_be_equal_have_a_meaning() -> None:
    program = read(with_equal("8 floordiv (N - 2)", "N"))
    with pytest.raises(EngineFormatError, match=r"has no meaning for {'N': 2}"):
        program.bind({"x": (2, 4)})


def test_dims_that_must_be_equal_come_from_inputs() -> None:
    with pytest.raises(PassError, match=r"no input gives 'K', which nn\.equal names"):
        read(with_equal("K", "N"))


def run(launch: Launch, bases: list[np.ndarray], symbols: Mapping[str, int]) -> None:
    arrays = [ref.array(base) for ref, base in zip(launch.arguments, bases, strict=True)]
    match launch.kernel.name:
        case "fc":
            arrays[2][...] = arrays[0] @ arrays[1]
        case "relu":
            arrays[1][...] = np.maximum(arrays[0], 0)
        case _:
            arrays[1][...] = arrays[0].sum(axis=1)


def compute(program: HostProgram, x: np.ndarray, w: np.ndarray, observe=None) -> np.ndarray:
    plan = program.bind({"x": x.shape})
    y = np.full(plan.shapes["y"], np.nan, np.float32)
    arena = np.full(program.arena_bytes, 255, np.uint8)
    roots = {("input", "x"): x, ("output", "y"): y, ("weight", "w"): w}
    as_bytes = {key: array.reshape(-1).view(np.uint8) for key, array in roots.items()}
    execute(program, plan, {**as_bytes, ("arena", ""): arena}, run, observe)
    return y


@pytest.mark.parametrize("n", [1, 2, 7, 8])
def test_a_plan_computes_what_the_network_says(program: HostProgram, n: int) -> None:
    rng = np.random.default_rng(n)
    w = rng.standard_normal((4, 3), np.float32)
    for x in (rng.standard_normal((n, 4), np.float32), rng.standard_normal((n, 4), np.float32)):
        h = x @ w
        np.testing.assert_allclose(compute(program, x, w), (np.maximum(h, 0) + h).sum(axis=1), rtol=1e-5)


def test_named_results_can_be_observed(program: HostProgram) -> None:
    seen: dict[str, np.ndarray] = {}

    def observe(launch: Launch, bases: list[np.ndarray]) -> None:
        for name, position in zip(launch.names, launch.written, strict=True):
            seen[name] = launch.arguments[position].array(bases[position]).copy()

    x, w = np.eye(4, dtype=np.float32), np.arange(12, dtype=np.float32).reshape(4, 3)
    compute(program, x, w, observe)
    np.testing.assert_array_equal(seen["hidden"], w)


def test_offsets_hold_for_the_whole_profile_and_grids_follow_the_shape(program: HostProgram) -> None:
    small, large = program.bind({"x": (1, 4)}), program.bind({"x": (8, 4)})
    offsets = [[(r.root, r.offset) for r in launch.arguments] for launch in small.launches]
    assert offsets == [[(r.root, r.offset) for r in launch.arguments] for launch in large.launches]
    assert [launch.grid for launch in small.launches] == [(1, 1, 1)] * 4
    assert [launch.grid for launch in large.launches] == [(2, 1, 1)] * 4
    assert [launch.scalars for launch in large.launches] == [(8,)] * 4


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        (
            {"x": (9, 4)},
            r"input 'x', dim 0: expected N within the profile \[1, 8\], got 9; rebuild with a wider profile",
        ),
        ({"x": (0, 4)}, r"expected N within the profile"),
        ({"x": (2, 5)}, r"input 'x', dim 1: expected 4 as in x: float32\[N, 4\], got 5"),
        ({"x": (2,)}, r"input 'x': expected 2 dims"),
        ({}, r"inputs: expected x, got none"),
        ({"x": (2, 4), "z": (1,)}, r"inputs: expected x, got x, z"),
    ],
)
def test_shapes_that_do_not_fit_are_one_clear_error(program: HostProgram, shapes: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        program.bind(shapes)


def test_a_dim_that_follows_from_others_is_compared() -> None:
    text = """builtin.module attributes {nn.symbols = {N = array<i64: 1, 2, 8>}} {
      func.func private @relu(tensor<?x3xf32, #nn.dims<N, 3>>, tensor<?xf32, #nn.dims<2*N>>) -> tensor<?x3xf32, #nn.dims<N, 3>>
      func.func @main(%x : tensor<?x3xf32, #nn.dims<N, 3>>, %z : tensor<?xf32, #nn.dims<2*N>>) -> tensor<?x3xf32, #nn.dims<N, 3>>
          attributes {nn.inputs = ["x", "z"], nn.outputs = ["y"]} {
        %0 = fusion.call @relu(%x, %z) :
            (tensor<?x3xf32, #nn.dims<N, 3>>, tensor<?xf32, #nn.dims<2*N>>) -> tensor<?x3xf32, #nn.dims<N, 3>>
        func.return %0 : tensor<?x3xf32, #nn.dims<N, 3>>
      }
    }"""
    context = make_context()
    module = Parser(context, text).parse_module()
    BufferizePass().apply(context, module)
    PlanArenaPass().apply(context, module)
    program = read_program(module, {"relu": info("relu", 3)})
    assert program.bind({"x": (3, 3), "z": (6,)}).symbols == {"N": 3}
    with pytest.raises(InputError, match=r"input 'z', dim 0: expected 6 \(= 2\*N\) as in z: float32\[2\*N\], got 7"):
        program.bind({"x": (3, 3), "z": (7,)})


def test_a_launch_of_an_unknown_kernel_is_an_error() -> None:
    context = make_context()
    module = Parser(context, NET).parse_module()
    BufferizePass().apply(context, module)
    PlanArenaPass().apply(context, module)
    with pytest.raises(PassError, match=r"launch of @sum: expected a kernel.func of that name, got none"):
        read_program(module, {name: kernel for name, kernel in KERNELS.items() if name != "sum"})
    with pytest.raises(PassError, match="kernel @sum_1 is never launched"):
        read_program(module, {**KERNELS, "sum_1": info("sum_1", 2)})
    for taken in (1, 3):
        wrong = {**KERNELS, "sum": info("sum", taken)}
        with pytest.raises(PassError, match=f"kernel @sum takes {taken} tensors, its launch passes 2"):
            read_program(module, wrong)


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "float8_e4m3fn", "int8", "bool", "int64"])
def test_a_reference_is_a_view_with_strides(dtype: str) -> None:
    import ml_dtypes

    kind = np.dtype(getattr(ml_dtypes, dtype, dtype))
    base = np.zeros(64 * kind.itemsize, np.uint8)
    array = MemoryRef("arena", "", 2 * kind.itemsize, (2, 3), (10, 2), kind).array(base)
    array[...] = np.ones((2, 3), kind)
    assert array.dtype == kind
    expected = np.zeros(64, bool)
    expected[[2, 4, 6, 12, 14, 16]] = True
    np.testing.assert_array_equal(base.view(kind) != np.zeros((), kind), expected)
    flat = MemoryRef("arena", "", 2 * kind.itemsize, (2, 3), (10, 2), kind).flat(base)
    assert flat.shape == (62,) and flat[0] == flat[14] == np.ones((), kind) != flat[1]


def test_kernel_facts_survive_json() -> None:
    kernel = info("fc", 3)
    assert KernelInfo.from_json(kernel.to_json()) == kernel


def test_the_first_launch_that_has_a_block_follows_all_that_was_queued(program: HostProgram) -> None:
    (segment,) = (step for step in program.steps if isinstance(step, Segment))
    env = program.bind({"x": (2, 4)}).symbols
    dependent = [replace(launch, dependent=True) for launch in segment.launches]
    bound = replace(segment, launches=tuple(dependent)).bind(env)
    assert [launch.dependent for launch in bound] == [False, True, True, True]
    empty = replace(dependent[0].kernel, grid=(const(0), const(1), const(1)))
    bound = replace(segment, launches=(replace(dependent[0], kernel=empty), *dependent[1:])).bind(env)
    assert [(launch.number, launch.dependent) for launch in bound] == [(1, False), (2, True), (3, True)]
