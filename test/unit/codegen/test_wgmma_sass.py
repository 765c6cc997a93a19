"""No kernel for Hopper reads an accumulator before the wait that completes its product: read off the SASS, where ptxas may reorder."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from xdsl.dialects.builtin import ModuleOp
from xdsl.parser import Parser

from trtc.compiler.codegen.cuda.printer import print_kernel
from trtc.compiler.pipeline import run_phase
from trtc.compiler.universe import make_context
from trtc.dialects import kernel
from trtc.dialects.kernel.types import Choice
from trtc.passes.kernels.lower_groups import lower
from trtc.passes.kernels.schedules.gemm.sm90 import SHAPES, deepest
from trtc.passes.kernels.select_schedule import CHOICE, TARGET, outlined

sys.path.insert(0, str(Path(__file__).parents[2]))
from sass import disassemble, early_accumulator_reads
from schedule_cases import CASES, Case, lowered

SMEM = 232448
MODULE = """builtin.module attributes {{kernel.target = #kernel.target<"sm_90a", sms = 132, smem = {smem}>}} {{
  func.func private @f(%a: tensor<512x{k}xf16>, %b: tensor<512x{k}xf16>) -> tensor<512x512xf16> attributes {{fusion.anchor = "matmul"}} {{
    %0 = nn.matmul %a, %b {{transpose_b}} : (tensor<512x{k}xf16>, tensor<512x{k}xf16>) -> tensor<512x512xf16>
    func.return %0 : tensor<512x512xf16>
  }}
}}"""


def source(groups: int, bn: int, k: int) -> str:
    """The CUDA C of a plain matmul, whose epilogue reads the accumulator at once."""
    module = Parser(make_context(), MODULE.format(smem=SMEM, k=k)).parse_module()
    (func,) = outlined(module)
    tile = deepest(groups, bn, SMEM)
    func.attributes[CHOICE] = Choice.of("gemm_sm90", {"groups": groups, "bn": bn, "stages": tile.stages, "cluster": 1})
    made = ModuleOp(lower(func, module.attributes[TARGET]), dict(module.attributes))
    run_phase(made, "threads")
    (found,) = (op for op in made.body.block.ops if isinstance(op, kernel.FuncOp))
    return print_kernel(found)


@pytest.mark.parametrize("k", [64, 128, 576])
@pytest.mark.parametrize(("groups", "bn"), SHAPES)
def test_no_accumulator_is_read_early(groups: int, bn: int, k: int) -> None:
    pytest.importorskip("cupy", reason="NVRTC comes with CuPy's extras")
    from trtc.compiler.codegen.cuda.nvrtc import Job, compile_all

    (compiled,) = compile_all([Job(source(groups, bn, k), "sm_90a")])
    assert not compiled.problems()
    text = disassemble(compiled.cubin)
    assert "HGMMA" in text and "WARPGROUP.DEPBAR.LE gsb0, 0x0" in text
    assert early_accumulator_reads(text) == []


@pytest.mark.parametrize("case", [case for case in CASES if case.schedule.endswith("_sm90")], ids=str)
def test_no_case_reads_early(case: Case) -> None:
    pytest.importorskip("cupy", reason="NVRTC comes with CuPy's extras")
    from trtc.compiler.codegen.cuda.nvrtc import Job, compile_all

    for compiled in compile_all([Job(print_kernel(func), "sm_90a") for func in lowered(case).kernels]):
        assert not compiled.problems()
        assert early_accumulator_reads(disassemble(compiled.cubin)) == []


def test_the_check_fires() -> None:
    product = "/*0e10*/ HGMMA.64x32x16.F32 R24, gdesc[UR12], R24, gsb0 ;"
    waits = ["/*0e20*/ WARPGROUP.DEPBAR.LE gsb0, 0x1 ;", "/*0e40*/ WARPGROUP.DEPBAR.LE gsb0, 0x0 ;"]
    read = "/*0e30*/ F2FP.F16.F32.PACK_AB R12, R39, R38 ;"
    assert early_accumulator_reads("\n".join([product, waits[0], read, waits[1]])) == [read]
    assert early_accumulator_reads("\n".join([product, *waits, read])) == []
