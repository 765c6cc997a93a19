"""How many instructions the approximations of activations take for an element, counted in SASS."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from xdsl.parser import Parser

import trtc
from trtc.compiler.codegen.cuda.nvrtc import Job, compile_cubin
from trtc.compiler.codegen.cuda.printer import print_kernel
from trtc.compiler.pipeline import run_pipeline
from trtc.compiler.targets import set_target
from trtc.compiler.universe import make_context
from trtc.dialects import kernel

sys.path.insert(0, str(Path(__file__).parents[2]))
import sass

pytest.importorskip("cupy", reason="NVRTC comes with CuPy")

SIZE = 1 << 20
MOST = {
    ("nn.gelu %x {approximate = #nn.gelu_form<none>}", "f16"): 16,
    ("nn.gelu %x {approximate = #nn.gelu_form<none>}", "bf16"): 17,
    ("nn.gelu %x {approximate = #nn.gelu_form<tanh>}", "f16"): 9,
    ("nn.silu %x {alpha = 1.0 : f64}", "f16"): 8,
    ("nn.silu %x {alpha = 1.0 : f64}", "bf16"): 8,
    ("nn.sigmoid %x", "f16"): 6,
    ("nn.tanh %x", "f16"): 12,
    ("nn.mish %x", "f16"): 11,
    ("nn.softplus %x", "f16"): 11,
    ("nn.exp %x", "f16"): 3,
}
"""Instructions per element beyond those of a kernel that only negates."""


def instructions(op: str, element: str) -> list[str]:
    """The instructions of the kernel of one op."""
    t = f"tensor<{SIZE}x{element}>"
    text = f"""
    func.func @main(%x: {t}) -> {t} attributes {{nn.inputs = ["x"], nn.outputs = ["y"]}} {{
      %0 = {op} : {t}
      func.return %0 : {t}
    }}"""
    module = Parser(make_context(), text).parse_module()
    set_target(module, "sm_90a")
    run_pipeline(module, trtc.BuildOptions(target="sm_90a"))
    (func,) = [inner for inner in module.walk() if isinstance(inner, kernel.FuncOp)]
    text = sass.disassemble(compile_cubin(Job(print_kernel(func), "sm_90a")).cubin)
    found = re.findall(r"/\*[0-9a-f]{4,}\*/\s+(?:@!?U?P\w+\s+)?([A-Z][\w.]*)", text)
    return [name for name in found if not name.startswith("NOP")]


@pytest.mark.parametrize("op, element", MOST)
def test_instructions_per_element(op: str, element: str) -> None:
    made, plain = instructions(op, element), instructions("nn.neg %x", element)
    elements = sum(name.startswith(("MUFU.EX2", "MUFU.TANH")) for name in made)
    assert elements in (4, 8), made
    assert (len(made) - len(plain)) / elements <= MOST[op, element]
    assert not {name for name in made if name.startswith(("CALL", "BSSY"))}
