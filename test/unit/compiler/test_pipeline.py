"""The pipeline: phases, boundaries, observers; and the builder options."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.parser import Parser
from xdsl.passes import ModulePass

from trtc.compiler import universe
from trtc.compiler.legality import boundaries, check_boundary
from trtc.compiler.options import BuildOptions, parse_profile
from trtc.compiler.pipeline import PHASES, Observer, Step, phase_steps, run_passes, run_pipeline
from trtc.compiler.universe import load_pass, make_context
from trtc.dialects.errors import OptionError, PassError

RELU = """
func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> attributes {nn.inputs = ["x"], nn.outputs = ["y"]} {
  %0 = nn.relu %x : tensor<4xf32> loc("act"("Relu#3"))
  func.return %0 : tensor<4xf32>
}
"""


def parse(text: str) -> ModuleOp:
    return Parser(make_context(), text).parse_module()


def test_phases_cover_every_pass_once_or_more() -> None:
    steps = phase_steps(BuildOptions())
    assert tuple(steps) == PHASES == tuple(boundaries())
    used = {step.name for phase in steps.values() for step in phase}
    apart = {"decompose-activations"}  # for those who want single ops: no pass of the pipeline needs it
    assert used == set(universe.trtc_passes()) - apart, "every other pass of trtc is in the pipeline, and nothing else"


@pytest.mark.parametrize("precision", ["fp32", "tf32", "fp16", "bf16"])
def test_every_step_can_be_set_up(precision: str) -> None:
    options = BuildOptions(precision=precision, memory_limit=1 << 20, schedules=("pointwise",))
    for steps in phase_steps(options).values():
        for step in steps:
            assert step.make().name == step.name


def test_a_step_with_an_unknown_option_says_so() -> None:
    with pytest.raises(PassError, match=r"pass 'cse' cannot be set up: .*nosuch"):
        Step("cse", {"nosuch": 1}).make()
    with pytest.raises(PassError, match="pass 'nosuch' cannot be set up"):
        Step("nosuch").make()


def test_stop_after_an_unknown_phase_lists_the_phases() -> None:
    with pytest.raises(OptionError, match="phase 'nowhere' does not exist: expected one of import, graph"):
        run_pipeline(parse(RELU), BuildOptions(), stop_after="nowhere")


class Recorder(Observer):
    def __init__(self) -> None:
        self.events: list[str] = []

    def before_pass(self, index: int, step: ModulePass, module: ModuleOp) -> None:
        self.events.append(f"before {index} {step.name}")

    def after_pass(self, index: int, step: ModulePass, module: ModuleOp, seconds: float) -> None:
        assert seconds >= 0
        self.events.append(f"after {index} {step.name}")


def test_observers_see_each_pass_in_order() -> None:
    recorder = Recorder()
    passes = [load_pass("cse")(), load_pass("dce")()]
    run_passes(parse(RELU), passes, make_context(), observers=[recorder])
    assert recorder.events == ["before 1 cse", "after 1 cse", "before 2 dce", "after 2 dce"]


# Verification: at each phase boundary, and after each pass where it is asked for.


TWO = RELU.replace("  func.return %0", "  %1 = nn.exp %0 : tensor<4xf32>\n  func.return %1")


class Breaks(Observer):
    """Moves an op of `@main` in front of the one that it reads, before the last pass of `graph`: as a broken pass would."""

    def before_pass(self, index: int, step: ModulePass, module: ModuleOp) -> None:
        if step.name == "dce":
            block = next(op for op in module.body.block.ops if isinstance(op, FuncOp)).body.block
            first, second = list(block.ops)[:2]
            second.detach()
            block.insert_op_before(second, first)


@pytest.mark.parametrize(
    ("verify_each", "named"),
    [(False, "the module after phase 'graph' (TRTC_VERIFY_EACH=1 names the pass)"), (True, "the result of pass 'dce'")],
)
def test_a_broken_module_is_found(verify_each: bool, named: str) -> None:
    with pytest.raises(PassError, match=re.escape(named) + " is not valid: .*does not dominate"):
        run_pipeline(parse(TWO), BuildOptions(verify_each=verify_each), stop_after="graph", observers=[Breaks()])


def test_builds_verify_at_boundaries_and_tests_after_each_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    assert BuildOptions().verify_each, "test/conftest.py asks for it"
    for value, expected in (("0", False), ("", False), ("1", True)):
        monkeypatch.setenv("TRTC_VERIFY_EACH", value)
        assert BuildOptions().verify_each is expected
    monkeypatch.delenv("TRTC_VERIFY_EACH")
    assert not BuildOptions().verify_each


# Boundaries: each phase has a module that it refuses.

ILLEGAL = {
    "import": ("%0 = arith.constant 1 : i32", "arith.constant"),
    "graph": ("%0 = fusion.call @f(%x) : (tensor<4xf32>) -> tensor<4xf32>", "fusion.call"),
    "quantize": ("%0 = arith.constant 1 : i32", "arith.constant"),
    "fuse": ('%0 = nn.relu %x : tensor<4xf32> loc("act"("Relu#3"))', "nn.relu (from act)"),
    "memory": ("%0 = nn.relu %x : tensor<4xf32>", "nn.relu"),
    "kernels": ("%0 = nn.relu %x : tensor<4xf32>", "nn.relu"),
    "threads": ("%0 = nn.relu %x : tensor<4xf32>", "nn.relu"),
}


@pytest.mark.parametrize("phase", PHASES)
def test_each_boundary_refuses_what_must_be_gone(phase: str) -> None:
    op, named = ILLEGAL[phase]
    module = parse(f"func.func @main(%x: tensor<4xf32>) {{\n  {op}\n  func.return\n}}\n")
    with pytest.raises(PassError) as caught:
        check_boundary(module, phase)
    message = str(caught.value)
    assert message.startswith(f"after phase '{phase}': {named} may not appear in a main function: allowed are ")
    assert len(message) < 400


def test_a_boundary_accepts_what_may_be_there() -> None:
    check_boundary(parse(RELU), "import")
    check_boundary(parse(RELU), "graph")


def test_a_boundary_refuses_functions_that_may_not_exist() -> None:
    with pytest.raises(PassError, match=r"after phase 'graph': no outlined function may exist, got func.func @f"):
        check_boundary(parse(RELU + "func.func private @f() {\n  func.return\n}\n"), "graph")


def test_ops_inside_regions_are_held_to_the_boundary_too() -> None:
    text = """
func.func @main(%c: i1) {
  scf.if %c {
    %0 = arith.constant 1 : i32
  }
  func.return
}
"""
    with pytest.raises(PassError, match=r"scf\.if may not appear"):
        check_boundary(parse(text), "graph")


# Options


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"precision": "int3"}, "option precision: expected one of fp32, tf32, fp16, bf16, got 'int3'"),
        ({"target": "hopper"}, "option target: expected a GPU architecture such as 'sm_80'"),
        ({"memory_limit": 0}, "option memory_limit: expected a positive number of bytes"),
        ({"target": 80}, "option target: expected a GPU architecture"),
        ({"precision": None}, "option precision: expected one of"),
        ({"memory_limit": "1GB"}, "option memory_limit: expected a positive number of bytes or None, got '1GB'"),
        ({"memory_limit": 1.5}, "option memory_limit"),
        ({"schedules": "gemm_mma"}, "option schedules: expected names of schedules"),
        ({"schedules": 5}, "option schedules: expected names of schedules"),
        ({"profiles": None}, "option profiles: expected a dict"),
        ({"profiles": [("N", (1, 2, 4))]}, "option profiles: expected a dict"),
        ({"profiles": {"N": 4}}, "option profiles: expected 0 <= min <= opt <= max for dimension 'N', got 4"),
        ({"profiles": {"N": "124"}}, "option profiles: expected 0 <= min <= opt <= max"),
        ({"profiles": {"N": (1.0, 2.0, 4.0)}}, "option profiles: expected 0 <= min <= opt <= max"),
        (
            {"profiles": {"x": ((1, 4), (2, 4), (4,))}},
            "option profiles: expected three shapes of one rank for input 'x'",
        ),
        ({"profiles": {"x": ((4, 4), (2, 4), (1, 4))}}, "option profiles: expected three shapes of one rank"),
        ({"schedules": ()}, "option schedules: expected at least one schedule name"),
        (
            {"profiles": {"N": (4, 2, 8)}},
            "option profiles: expected 0 <= min <= opt <= max for dimension 'N', got (4, 2, 8)",
        ),
    ],
)
def test_a_wrong_option_is_named(values: dict[str, object], message: str) -> None:
    with pytest.raises(OptionError) as caught:
        BuildOptions(**values)  # type: ignore[arg-type]
    assert message in str(caught.value)


def test_options_keep_plain_values_of_their_own() -> None:
    profiles: dict[str, Any] = {"N": [np.int64(1), 2, 4], "x": ([1, 3], [2, 3], [4, 3])}
    options = BuildOptions(profiles=profiles, schedules=["pointwise"], memory_limit=np.int32(64))  # type: ignore[arg-type]
    profiles["N"] = (9, 1, 1)
    assert dict(options.profiles) == {"N": (1, 2, 4), "x": ((1, 3), (2, 3), (4, 3))}
    assert type(options.profiles["N"][0]) is int and type(options.memory_limit) is int
    assert options.schedules == ("pointwise",)


def test_profiles_are_read_from_text() -> None:
    assert parse_profile("N=1,8,32") == ("N", (1, 8, 32))
    assert parse_profile("seq_len=128") == ("seq_len", (128, 128, 128))
    assert parse_profile("x=1x64,8x64,32x64") == ("x", ((1, 64), (8, 64), (32, 64)))
    assert parse_profile("x=2x3") == ("x", ((2, 3),) * 3)
    for text in ("N", "N=", "=4", "N=1,2", "N=3,2,1", "N=-1", "x=1x2,3", "x=1x"):
        with pytest.raises(OptionError):
            parse_profile(text)


KERNEL = """
kernel.func @f(%y: !kernel.global<dims <4> x f32, strides <1>, align 16>) grid <1, 1, 1> warps 1 coords(%i, %j, %k) {
  kernel.return
}
"""


def test_every_launch_has_its_kernel() -> None:
    launch = "func.func @main(%y: memref<4xf32>) {\n  buffer.launch @f outs(%y : memref<4xf32>)\n  func.return\n}\n"
    with pytest.raises(PassError, match=r"buffer.launch launches @f: expected a kernel.func of that name, got none"):
        check_boundary(parse(launch), "memory")
    with pytest.raises(PassError, match=r"kernel.func @f is never launched: expected a buffer.launch"):
        check_boundary(parse("func.func @main(%y: memref<4xf32>) {\n  func.return\n}\n" + KERNEL), "memory")
    check_boundary(parse(launch + KERNEL), "memory")


CALL = """
func.func @main() -> tensor<4xf32> {
  %0 = fusion.call @f_reference() : () -> tensor<4xf32>
  func.return %0 : tensor<4xf32>
}
func.func private @f_reference() -> tensor<4xf32> attributes {kernel.launches = [@f]} {
  %0 = nn.constant dense<1.0> : tensor<4xf32>
  func.return %0 : tensor<4xf32>
}
"""


def test_every_group_has_its_kernels() -> None:
    check_boundary(parse(CALL + KERNEL), "kernels")
    with pytest.raises(
        PassError, match=r"func.func @f_reference lists @f: expected a kernel.func of that name, got none"
    ):
        check_boundary(parse(CALL), "kernels")
    with pytest.raises(
        PassError, match=r"kernel.func @g belongs to no group: expected a function with it in kernel.launches"
    ):
        check_boundary(parse(CALL + KERNEL + KERNEL.replace("@f", "@g")), "kernels")
    for text in (CALL.replace("[@f]", "[]"), CALL.replace("@f_reference()", "@g()", 1)):
        with pytest.raises(
            PassError, match=r"fusion.call calls @\w+: expected a function with kernel.launches, got none"
        ):
            check_boundary(parse(text + KERNEL), "kernels")
