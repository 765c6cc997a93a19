"""Dependent launches: a kernel waits for the launch before by itself. Each wait that is missing is caught, before and while it runs."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp
from xdsl.parser import Parser

from trtc.compiler.interpret.module import execute
from trtc.compiler.legality import check_boundary
from trtc.compiler.pipeline import run_passes, run_phase
from trtc.compiler.universe import load_pass, make_context
from trtc.dialects import kernel
from trtc.dialects.errors import PassError, SimulationError
from trtc.dialects.kernel.dependent import breaks_dependence
from trtc.runtime.simulator import run_kernel

V = "tensor<256xf32>"
MODULE = f"""
builtin.module attributes {{kernel.target = #kernel.target<"sm_90a", sms = 132, smem = 232448>}} {{
  func.func @main(%x: {V}) -> {V} attributes {{nn.inputs = ["x"], nn.outputs = ["y"]}} {{
    %w = nn.weight "w" : {V}
    %0 = fusion.call @first(%x) : ({V}) -> {V}
    %1 = fusion.call @second(%w, %0) : ({V}, {V}) -> {V}
    func.return %1 : {V}
  }}
  func.func @weights() {{
    %c = nn.constant dense<2.0> : {V}
    nn.export "w" %c : {V}
    func.return
  }}
  func.func private @first(%a: {V}) -> {V} attributes {{fusion.anchor = "pointwise"}} {{
    %0 = nn.relu %a : {V}
    func.return %0 : {V}
  }}
  func.func private @second(%a: {V}, %b: {V}) -> {V} attributes {{fusion.anchor = "pointwise"}} {{
    %0 = nn.mul %a, %b : ({V}, {V}) -> {V}
    func.return %0 : {V}
  }}
}}
"""


def parse(text: str) -> ModuleOp:
    module = Parser(make_context(), text).parse_module()
    module.verify()
    return module


def host() -> str:
    """The module as a host function of two launches, of which the second reads a weight and then waits."""
    module = parse(MODULE)
    run_passes(
        module, [load_pass(n)() for n in ("select-schedule", "lower-groups", "bufferize", "plan-arena")], make_context()
    )
    text = str(module)
    launch = re.search(r"buffer\.launch @second .*", text)
    load = re.search(r"kernel\.func @second\((?:.|\n)*?kernel\.load .*\n", text)
    assert launch is not None and load is not None
    text = text.replace(launch[0], f"{launch[0]} {{dependent}}")
    return text.replace(load[0], f"{load[0]}    kernel.grid_wait\n")


HOST = host()
X = np.random.default_rng(0).standard_normal(256).astype(np.float32)


def threads(text: str) -> ModuleOp:
    module = parse(text)
    run_phase(module, "threads")
    return module


LEVELS: dict[str, Callable[[str], ModuleOp]] = {"tiles": parse, "threads": threads}


@pytest.mark.parametrize("level", LEVELS)
def test_a_launch_that_waits_computes_what_it_should(level: str) -> None:
    check_boundary(parse(HOST), "memory")
    np.testing.assert_array_equal(execute(LEVELS[level](HOST), {"x": X})["y"], np.maximum(X, 0) * np.float32(2))


WITHOUT = HOST.replace("    kernel.grid_wait\n", "")


def late(text: str) -> str:
    """The wait after the load of the other operand too."""
    moved = text.replace("    kernel.grid_wait\n", "")
    loads = [m for m in re.finditer(r"kernel\.load .*\n", moved) if m.start() > moved.index("kernel.func @second")]
    return moved[: loads[1].end()] + "    kernel.grid_wait\n" + moved[loads[1].end() :]


@pytest.mark.parametrize("level", LEVELS)
def test_a_wait_that_is_missing_is_caught(level: str) -> None:
    with pytest.raises(SimulationError, match=r"tensor 1 is touched before the (kernel\.)?grid_wait"):
        execute(LEVELS[level](WITHOUT), {"x": X})
    with pytest.raises(
        PassError, match=r"dependent launch of @second: kernel.load touches tensor 1 before kernel.grid_wait"
    ):
        check_boundary(parse(WITHOUT), "memory")


@pytest.mark.parametrize("level", LEVELS)
def test_a_wait_that_comes_late_is_caught(level: str) -> None:
    with pytest.raises(SimulationError, match=r"tensor 1 is touched before the (kernel\.)?grid_wait"):
        execute(LEVELS[level](late(HOST)), {"x": X})
    with pytest.raises(PassError, match=r"touches tensor 1 before"):
        check_boundary(parse(late(HOST)), "memory")


@pytest.mark.parametrize("level", LEVELS)
def test_what_is_no_weight_may_not_be_touched_before(level: str) -> None:
    """The first operand, which is read before the wait, is now what the launch before writes."""
    launch = re.search(r"buffer\.launch @second ins\((%\S+), (%\S+) :", HOST)
    assert launch is not None
    text = HOST.replace(launch[0], f"buffer.launch @second ins({launch[2]}, {launch[1]} :")
    with pytest.raises(SimulationError, match=r"tensor 0 is touched before the (kernel\.)?grid_wait"):
        execute(LEVELS[level](text), {"x": X})
    with pytest.raises(PassError, match=r"touches tensor 0 before"):
        check_boundary(parse(text), "memory")


def test_a_launch_that_is_not_dependent_need_not_wait() -> None:
    text = WITHOUT.replace(" {dependent}", "")
    check_boundary(parse(text), "memory")
    np.testing.assert_array_equal(execute(parse(text), {"x": X})["y"], np.maximum(X, 0) * np.float32(2))


G = "!kernel.global<dims <64> x f32, strides <1>, align 16>"
FRAG = "!kernel.frag<1x64xf32, #kernel.blocked<1, 32, 1, 2>>"


def func(body: str, warps: int = 1) -> kernel.FuncOp:
    """A kernel that stores zeros to its only tensor in `store`."""
    view = f"%v = kernel.view %y dims <64> strides <1> offset <0> groups [array<i64>, array<i64: 0>] : {G} -> !kernel.view<2 x f32>"
    for number in range(body.count("store")):
        made = (
            f"%f{number} = kernel.fill 0.0 : {FRAG}\nkernel.put %f{number}, %v[%c, %c] : {FRAG}, !kernel.view<2 x f32>"
        )
        body = body.replace("store", made, 1)
    body = body.replace("kernel.put", "kernel.store")
    text = (
        f"kernel.func @k(%y: {G}) grid <1, 1, 1> warps {warps} coords(%i, %j, %k) {{\n%c = arith.constant 0 : index\n"
        f"%b = arith.constant true\n{view}\n{body}\nkernel.return\n}}"
    )
    (found,) = parse(text).body.block.ops
    assert isinstance(found, kernel.FuncOp)
    return found


ROLES = 'kernel.roles ["a", "b"] warps [1, 1] registers [0, 0] '
WAIT, NOTHING = "kernel.grid_wait\n", "kernel.grid_signal\n"
CASES = {
    "straight": (f"{WAIT}store", None),
    "before": (f"store\n{WAIT}", "touches tensor 0 before"),
    "none": ("", "a block may end without kernel.grid_wait"),
    "one branch": (f"scf.if %b {{\n{WAIT}}}", "a block may end without kernel.grid_wait"),
    "one branch, then a store": (f"scf.if %b {{\n{WAIT}}}\nstore", "touches tensor 0 before"),
    "both branches": (f"scf.if %b {{\n{WAIT}}} else {{\n{WAIT}}}\nstore", None),
    "a loop": (f"scf.for %n = %c to %c step %c {{\n{WAIT}}}", "a block may end without kernel.grid_wait"),
    "a store in a loop": (f"scf.for %n = %c to %c step %c {{\nstore\n}}\n{WAIT}", "touches tensor 0 before"),
    "each role": (f"{ROLES}{{\n{WAIT}store\n}} {{\n{WAIT}}}", None),
    "the other role": (f"{ROLES}{{\n{WAIT}}} {{\nstore\n}}", "touches tensor 0 before"),
    "one role, nothing in the other": (f"{ROLES}{{\n{WAIT}store\n}} {{\n{NOTHING}}}", None),
    "one role, then a store": (f"{ROLES}{{\n{WAIT}}} {{\n{NOTHING}}}\nstore", "touches tensor 0 before"),
    "no role": (f"{ROLES}{{\n{NOTHING}}} {{\n{NOTHING}}}", "a block may end without kernel.grid_wait"),
}


@pytest.mark.parametrize("name", CASES)
def test_where_a_kernel_waits(name: str) -> None:
    body, expected = CASES[name]
    made = func(body, 2 if "roles" in body else 1)
    why = breaks_dependence(made, ())
    assert (why is None) == (expected is None) and (expected or "") in (why or ""), why
    assert "touches" not in (breaks_dependence(made, {0}) or "")


@pytest.mark.parametrize("name", [name for name, (body, _) in CASES.items() if "scf.for" not in body])
def test_the_simulator_says_the_same_of_what_it_runs(name: str) -> None:
    """But of branches, of which it sees the one that is taken."""
    body, expected = CASES[name]
    made = func(body, 2 if "roles" in body else 1)
    run_kernel(made, [np.zeros(64, np.float32)], {})
    if expected is None or "branch" in name:
        run_kernel(made, [np.zeros(64, np.float32)], {}, early=())
        return
    with pytest.raises(SimulationError, match="grid_wait"):
        run_kernel(made, [np.zeros(64, np.float32)], {}, early=())
