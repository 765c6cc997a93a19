"""What kernels do with their tensors, as `lower-groups` reads it off them."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from xdsl.parser import Parser

from trtc.compiler.legality import check_boundary
from trtc.compiler.pipeline import run_passes
from trtc.compiler.universe import load_pass, make_context
from trtc.dialects import kernel
from trtc.dialects.errors import PassError
from trtc.dialects.kernel.accesses import accesses_of
from trtc.passes.kernels.building.group import GroupView
from trtc.passes.kernels.building.schedule import target_of
from trtc.passes.kernels.lower_groups import _state_accesses
from trtc.passes.kernels.schedules.registry import schedule
from trtc.passes.kernels.select_schedule import TARGET, outlined

sys.path.insert(0, str(Path(__file__).parents[2]))

from schedule_cases import CASES, Case

G = "!kernel.global<dims <64> x f32, strides <1>, align 16>"
VIEW = "!kernel.view<2 x f32>"
FRAG = "!kernel.frag<1x64xf32, #kernel.blocked<1, 32, 1, 2>>"


def copies(source: str, target: str) -> kernel.FuncOp:
    """A kernel of three tensors that copies one to another."""
    views = "".join(
        f"%v{name} = kernel.view %{name} dims <64> strides <1> offset <0> groups [array<i64>, array<i64: 0>] : {G} -> {VIEW}\n"
        for name in "abc"
    )
    text = (
        f"kernel.func @k(%a: {G}, %b: {G}, %c: {G}) grid <1, 1, 1> warps 1 coords(%i, %j, %k) {{\n%z = arith.constant 0 : index\n"
        f"{views}%in = kernel.valid %vc[%z, %z] : {VIEW} -> !kernel.frag<1x64xi1, #kernel.blocked<1, 32, 1, 2>>\n"
        f"%f = kernel.load %v{source}[%z, %z] fill 0.0 : {VIEW} -> {FRAG}\n"
        f"kernel.store %f, %v{target}[%z, %z] : {FRAG}, {VIEW}\nkernel.return\n}}"
    )
    (found,) = Parser(make_context(), text).parse_module().body.block.ops
    assert isinstance(found, kernel.FuncOp)
    return found


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [("a", "b", "read write none"), ("b", "b", "none update none"), ("c", "a", "write none read")],
)
def test_a_kernel_accesses_what_its_ops_name(source: str, target: str, expected: str) -> None:
    assert " ".join(accesses_of(copies(source, target))) == expected


def test_no_kernel_writes_to_an_operand() -> None:
    _state_accesses(copies("a", "b"), 1, False)
    with pytest.raises(
        PassError, match="lower-groups: @k writes to an operand of its group: expected it to write results"
    ):
        _state_accesses(copies("b", "a"), 1, False)


def first_of_each() -> list[Case]:
    """A case of each schedule."""
    return list({case.schedule: case for case in reversed(CASES)}.values())


@pytest.mark.parametrize("case", first_of_each(), ids=str)
def test_the_kernels_of_schedules_read_operands_and_write_results(case: Case) -> None:
    module = Parser(make_context(), case.text).parse_module()
    (func,) = outlined(module)
    view, target, found = GroupView.of(func), target_of(module.attributes.get(TARGET)), schedule(case.schedule)
    problem = found.match(view, target)
    config = found.configs(problem, target)[0]
    made = [accesses_of(launch) for launch in found.lower(problem, config, target)]
    together = [{access for accesses in made if (access := accesses[i]) != "none"} for i in range(len(made[0]))]
    operands, results = len(view.operands), len(view.results)
    assert all(found == {"read"} for found in together[:operands])
    first = [next(accesses[i] for accesses in made if accesses[i] != "none") for i in range(len(made[0]))]
    assert all(
        found != "read" for found in first[operands:]
    )  # what is read was written by this launch or one before it
    for workspace in together[operands + results :]:  # by different launches, or by one
        assert any(access.reads for access in workspace) and any(access.writes for access in workspace)


TOTAL = """
builtin.module attributes {kernel.target = #kernel.target<"sm_80", sms = 108, smem = 166912>} {
  func.func @main(%x: tensor<70000xf32>) -> tensor<f32> attributes {nn.inputs = ["x"], nn.outputs = ["y"]} {
    %y = fusion.call @total(%x) : (tensor<70000xf32>) -> tensor<f32>
    func.return %y : tensor<f32>
  }
  func.func private @total(%x: tensor<70000xf32>) -> tensor<f32> attributes {fusion.anchor = "row"} {
    %0 = nn.reduce sum %x {axes = array<i64: 0>, keepdims = false} : (tensor<70000xf32>) -> tensor<f32>
    func.return %0 : tensor<f32>
  }
}
"""


def test_what_kernels_and_launches_state_is_held_to_what_kernels_do() -> None:
    module = Parser(make_context(), TOTAL).parse_module()
    passes = [
        load_pass("select-schedule")(allowed=("reduce_split",)),
        *(load_pass(n)() for n in ("lower-groups", "bufferize", "plan-arena")),
    ]
    run_passes(module, passes, make_context())
    check_boundary(module, "memory")
    text = str(module)
    read = '["read", "none", "write"]'
    assert text.count(read) == 2
    nothing = '["none", "none", "write"]'
    for wrong, message in (
        (text.replace(f"kernel.accesses = {read}", f"kernel.accesses = {nothing}"), "expected those of its kernel"),
        (
            text.replace(read, nothing),
            "kernel.func @total states kernel.accesses none, none, write: expected what its ops do, read",
        ),
        (re.sub(r", kernel.accesses = [^\]]*\]", "", text), "expected those of its kernel, None"),
    ):
        assert wrong != text
        with pytest.raises(PassError, match=message):
            check_boundary(Parser(make_context(), wrong).parse_module(), "memory")
