"""Kernels of real models compile for every supported architecture without a GPU and without spills; Hopper's instructions are there."""

from __future__ import annotations

import re
import sys
from functools import cache
from pathlib import Path

import pytest
from xdsl.dialects.builtin import StringAttr
from xdsl.parser import Parser

import trtc
from trtc.compiler.codegen.cuda.nvrtc import Compiled, Job, compile_cubin
from trtc.compiler.codegen.cuda.printer import print_kernel
from trtc.compiler.frontend import import_onnx
from trtc.compiler.pipeline import run_pipeline
from trtc.compiler.targets import set_target
from trtc.compiler.universe import make_context
from trtc.dialects import kernel

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[2] / "models"))
import sass
import zoo

pytest.importorskip("cupy", reason="NVRTC comes with CuPy")

TUNED = [
    ("ppocr_cls", "fp32", "sm_80"),
    ("open_nsfw", "fp16", "sm_80"),
    ("open_nsfw", "fp32", "sm_90a"),
    ("ppocr_cls", "fp16", "sm_90a"),
]
"""Of these the longest, the shortest and the middle kernel of each schedule compile, for the other architectures the longest."""
TENSOR_CORES = ("sm_100a", "sm_120a")
"""Architectures for which the `mma.sync` kernels compile; nothing is tuned for them."""
CASES = [*TUNED, ("ppocr_cls", "fp16", "sm_86"), ("open_nsfw", "fp32", "sm_89")]
CASES += [("ppocr_cls", "fp16", "sm_100a"), ("open_nsfw", "fp16", "sm_120a")]


@cache
def kernels(name: str, precision: str, arch: str) -> dict[str, list[str]]:
    """The CUDA C of a model's kernels: of each schedule the longest, the shortest and the one in the middle."""
    made = zoo.ALL[name]()
    module = import_onnx(made.proto, profiles=made.profiles)
    set_target(module, arch)
    run_pipeline(module, trtc.BuildOptions(precision=precision, profiles=made.profiles, target=arch))
    sources: dict[str, list[str]] = {}
    for func in module.walk():
        if isinstance(func, kernel.FuncOp):
            sources.setdefault(_schedule(func), []).append(print_kernel(func))
    ordered = {name: sorted(texts, key=len) for name, texts in sources.items()}
    return {name: list(dict.fromkeys((s[0], s[len(s) // 2], s[-1]))) for name, s in ordered.items()}


def _schedule(func: kernel.FuncOp) -> str:
    """The name of the schedule that made a kernel."""
    choice = str(func.attributes.get("kernel.choice", StringAttr("")))
    return re.sub(r'.*?"([^"]*)".*', r"\1", choice)


def compiled(source: str, arch: str) -> Compiled:
    """A kernel's cubin; asserts that nothing spills and ptxas has nothing to warn of."""
    made = compile_cubin(Job(source, arch))
    assert made.problems() == []
    return made


@pytest.mark.network
@pytest.mark.parametrize(("name", "precision", "arch"), CASES)
def test_kernels_of_models_compile_without_spills(name: str, precision: str, arch: str) -> None:
    sources = kernels(name, precision, arch)
    print(f"{name} {precision} {arch}: {', '.join(sources)}")
    assert len(sources) >= 3, "several schedules"
    if arch in TENSOR_CORES:
        sources = {"gemm_mma": sources["gemm_mma"]}
    chosen = [texts if (name, precision, arch) in TUNED else texts[-1:] for texts in sources.values()]
    for source in [text for texts in chosen for text in texts]:
        compiled(source, arch)


def matmul(size: int, element: str, arch: str) -> tuple[str, str]:
    """Schedule and CUDA C of the kernel for C = A B^T, square."""
    t = f"tensor<{size}x{size}x{element}>"
    text = f"""
    func.func @main(%a: {t}, %b: {t}) -> {t} attributes {{nn.inputs = ["a", "b"], nn.outputs = ["c"]}} {{
      %0 = nn.matmul %a, %b {{transpose_b}} : ({t}, {t}) -> {t}
      func.return %0 : {t}
    }}"""
    return only_kernel(text, arch)


def gated(rows: int, arch: str) -> tuple[str, str]:
    """The same for silu(X W) * (X V), f16."""
    x, w, y = f"tensor<{rows}x1024xf16>", "tensor<2752x1024xf16>", f"tensor<{rows}x2752xf16>"
    text = f"""
    func.func @main(%x: {x}, %w: {w}, %v: {w}) -> {y} attributes {{nn.inputs = ["x", "w", "v"], nn.outputs = ["y"]}} {{
      %0 = nn.matmul %x, %w {{transpose_b}} : ({x}, {w}) -> {y}
      %1 = nn.matmul %x, %v {{transpose_b}} : ({x}, {w}) -> {y}
      %2 = nn.silu %0 {{alpha = 1.0 : f64}} : {y}
      %3 = nn.mul %2, %1 : ({y}, {y}) -> {y}
      func.return %3 : {y}
    }}"""
    return only_kernel(text, arch)


def only_kernel(text: str, arch: str) -> tuple[str, str]:
    """Schedule and CUDA C of the kernel that a module becomes."""
    module = Parser(make_context(), text).parse_module()
    set_target(module, arch)
    run_pipeline(module, trtc.BuildOptions(target=arch))
    (func,) = [op for op in module.walk() if isinstance(op, kernel.FuncOp)]
    return _schedule(func), print_kernel(func)


@pytest.mark.parametrize("element", ["f16", "bf16"])
def test_the_hopper_gemm_uses_wgmma_and_tma(element: str) -> None:
    schedule, source = matmul(4096, element, "sm_90a")
    assert schedule == "gemm_sm90"
    made = compiled(source, "sm_90a")
    (used,) = made.resources.values()
    assert (used.spill_store_bytes, used.spill_load_bytes, used.stack_bytes) == (0, 0, 0)
    found = sass.mnemonics(made.cubin)
    assert {"HGMMA", "UTMALDG", "UTMASTG", "SYNCS"} <= found
    assert not {"LDL", "STL"} & found


def test_the_ampere_gemm_uses_tensor_cores_and_cp_async() -> None:
    schedule, source = matmul(1024, "f16", "sm_80")
    assert schedule == "gemm_mma"
    found = sass.mnemonics(compiled(source, "sm_80").cubin)
    assert {"HMMA", "LDSM", "LDGSTS"} <= found
    assert "HGMMA" not in found


@pytest.mark.parametrize(
    ("rows", "arch", "schedule", "instruction"),
    [(1, "sm_80", "gemm_mma", "HMMA"), (2048, "sm_80", "gemm_mma", "HMMA"), (2048, "sm_90a", "gemm_sm90", "HGMMA")],
)
def test_a_gate_and_what_it_lets_through_are_one_kernel_in_registers(
    rows: int, arch: str, schedule: str, instruction: str
) -> None:
    chosen, source = gated(rows, arch)
    assert chosen == schedule
    found = sass.mnemonics(compiled(source, arch).cubin)
    assert instruction in found and not {"LDL", "STL"} & found
