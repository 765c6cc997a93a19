"""What may stand where at the end of each phase: for each clause of compiler/legality.py what it lets pass and what it stops."""

from __future__ import annotations

import pytest
from xdsl.dialects.builtin import ModuleOp
from xdsl.parser import Parser

import trtc
from trtc.compiler.legality import between_passes, boundaries, check_between, check_boundary
from trtc.compiler.pipeline import PHASES, phase_steps, run_pipeline
from trtc.compiler.resume import passes_until
from trtc.compiler.universe import make_context
from trtc.dialects.errors import PassError
from trtc.passes.kernels.expand_rings import ExpandRingsPass

X = "%x: tensor<4xf32>"
RELU = "%0 = nn.relu %x : tensor<4xf32>"
EXPORT = 'nn.export "w" %x : tensor<4xf32>'
OBSERVE = '%0 = quant.observe "a" %x : (tensor<4xf32>) -> tensor<4xf32>'
RESHAPE = "%0 = nn.reshape %x : (tensor<4xf32>) -> tensor<2x2xf32>"
CONSTANT = "%0 = nn.constant dense<1.0> : tensor<f32>"
WEIGHT = '%0 = nn.weight "w" : tensor<f32>'
SHAPE = "%0 = nn.shape_value #nn.dims<N> : tensor<1xi64>"
QUANTIZE = "%s = nn.constant dense<1.0> : tensor<f32>\n%0 = quant.quantize %x, %s : (tensor<4xf32>, tensor<f32>) -> tensor<4xi8>"
CALL = "%0 = fusion.call @f(%x) : (tensor<4xf32>) -> tensor<4xf32>"
GROUP = '%0 = fusion.group "pointwise" () -> (tensor<f32>) {\n%1 = nn.constant dense<1.0> : tensor<f32>\nfusion.yield %1 : tensor<f32>\n}'
ALLOC = "%0 = buffer.alloc #nn.dims<4> : memref<4xf32>"
ARITH = "%0 = arith.constant 1 : i32"
FILL = "%0 = kernel.fill 0.0 : !kernel.frag<4x64xf32, #kernel.blocked<4, 32, 1, 2>>"
THREAD = "%0 = kernel.thread_id"
WAIT = "kernel.grid_wait"


def function(name: str, body: str, arguments: str = X) -> str:
    return f"func.func @{name}({arguments}) {{\n{body}\nfunc.return\n}}\n"


def kernel(body: str) -> str:
    return (
        "kernel.func @k(%y: !kernel.global<dims <4> x f32, strides <1>, align 16>) grid <1, 1, 1> warps 4 coords(%i, %j, %l) {\n"
        f"{body}\nkernel.return\n}}\n"
    )


def grouped(body: str) -> str:
    """A kernel that a group lists."""
    return kernel(body) + "func.func @f() attributes {kernel.launches = [@k]} {\nfunc.return\n}\n"


def launched(body: str) -> str:
    """A kernel that a host function launches."""
    return kernel(body) + main("buffer.launch @k outs(%y : memref<4xf32>)", "%y: memref<4xf32>")


def main(body: str, arguments: str = X) -> str:
    return function("main", body, arguments)


def weights(body: str) -> str:
    return function("weights", body)


def outlined(body: str) -> str:
    return function("f", body)


MODULES: dict[str, tuple[str, str]] = {
    "a tensor op in @main": (main(RELU), "import graph quantize"),
    "a quantize op in @main": (main(QUANTIZE), "import graph quantize"),
    "an export in @main": (main(EXPORT), "import"),
    "an observer in @main": (main(OBSERVE), "import"),
    "a view in @main": (main(RESHAPE), "import graph quantize fuse kernels"),
    "a constant in @main": (main(CONSTANT), "import graph quantize fuse kernels"),
    "a weight in @main": (main(WEIGHT), "import graph quantize fuse kernels"),
    "a shape in @main": (main(SHAPE), "import graph quantize fuse kernels"),
    "a call in @main": (main(CALL), "fuse"),
    "a group in @main": (main(GROUP), ""),
    "a buffer in @main": (main(ALLOC), "memory threads"),
    "a scalar in @main": (main(ARITH), "memory threads"),
    "a sum in @main": (main("%c = arith.constant 1 : index\n%s = arith.addi %c, %c : index"), ""),
    "a tensor op in @weights": (weights(RELU), "graph quantize fuse kernels memory threads"),
    "an export in @weights": (weights(EXPORT), "graph quantize fuse kernels memory threads"),
    "a buffer in @weights": (weights(ALLOC), ""),
    "a tensor op in a function of its own": (outlined(RELU), "fuse kernels memory threads"),
    "an export in a function of its own": (outlined(EXPORT), ""),
    "an observer in a function of its own": (outlined(OBSERVE), ""),
    "a scalar in a kernel of a group": (grouped(ARITH), "kernels"),
    "a scalar in a kernel that is launched": (launched(ARITH), "memory threads"),
    "a tile in a kernel of a group": (grouped(FILL), "kernels"),
    "a tile in a kernel that is launched": (launched(FILL), "memory"),
    "a thread in a kernel of a group": (grouped(THREAD), ""),
    "a thread in a kernel that is launched": (launched(THREAD), "threads"),
    "a wait for another grid in a kernel of a group": (grouped(WAIT), "kernels"),
    "a wait for another grid in a kernel that is launched": (launched(WAIT), "memory threads"),
    "a tensor op in a kernel of a group": (grouped(CONSTANT), ""),
    "a tensor op in a kernel that is launched": (launched(CONSTANT), ""),
    "an op outside functions": (CONSTANT, ""),
}
"""Modules, and the phases after which each is legal."""


def parse(text: str) -> ModuleOp:
    return Parser(make_context(), text).parse_module()


@pytest.mark.parametrize("what", MODULES)
def test_a_module_is_legal_after_these_phases_only(what: str) -> None:
    text, expected = MODULES[what]
    module, legal = parse(text), []
    for phase in PHASES:
        try:
            check_boundary(module, phase)
        except PassError as error:
            assert str(error).startswith(f"after phase '{phase}': ")
            continue
        legal.append(phase)
    assert " ".join(legal) == expected


def test_every_phase_has_a_boundary() -> None:
    assert set(boundaries()) == set(PHASES)


@pytest.mark.parametrize(
    ("text", "phase", "message"),
    [
        (main(EXPORT), "graph", "nn.export may not appear in a main function: allowed are nn.*, quant.*, func.return, but not nn.export"),
        (weights(RELU), "import", "no weights function may exist, got func.func @weights"),
        (kernel(ARITH), "fuse", "no kernel function may exist, got kernel.func"),
        (outlined(RELU), "quantize", "no outlined function may exist, got func.func @f"),
        (CONSTANT, "graph", "no top-level op may exist, got nn.constant"),
        (grouped(THREAD), "kernels", "kernel.thread_id may not appear in a kernel function"),
    ],
)  # fmt: skip
def test_what_is_not_legal_is_named(text: str, phase: str, message: str) -> None:
    with pytest.raises(PassError) as caught:
        check_boundary(parse(text), phase)
    assert str(caught.value).startswith(f"after phase '{phase}': {message}")


BETWEEN: dict[str, tuple[str, str]] = {
    "a scalar": (kernel(ARITH), "place-shared-memory expand-rings"),
    "a tile": (kernel(FILL), "place-shared-memory expand-rings"),
    "a wait for another grid": (kernel(WAIT), "place-shared-memory expand-rings"),
    "a step of rings and barriers": (kernel("kernel.barrier"), "place-shared-memory"),
    "what becomes of such a step": (kernel("kernel.bar_sync 0 threads 128"), "expand-rings"),
    "another instruction": (kernel('%0 = kernel.local : memref<8xf32, "local">'), ""),
    "a tile without an offset": (kernel("%0 = kernel.alloc -> !kernel.shared<1x128x64xf16, swizzle 128>"), ""),
    "a ring of cp.async, which needs none": (kernel("%0 = kernel.ring -> !kernel.ring<4, cp_async>"), "place-shared-memory expand-rings"),
    "a tensor op": (kernel(CONSTANT), ""),
    "a kernel of thread ops": (kernel(f'{THREAD}\n%1 = kernel.local : memref<8xf32, "local">'), "place-shared-memory expand-rings"),
}  # fmt: skip
"""Kernels, and the passes of phase `threads` after which each is legal."""


@pytest.mark.parametrize("what", BETWEEN)
def test_a_kernel_is_legal_between_these_passes_only(what: str) -> None:
    text, expected = BETWEEN[what]
    module, legal = parse(text), []
    for step in between_passes():
        try:
            check_between(module, step)
        except PassError as error:
            assert str(error).startswith(f"after pass '{step}': ") and "kernel.func @k" in str(error)
            continue
        legal.append(step)
    assert " ".join(legal) == expected


def test_every_pass_of_phase_threads_has_its_legality() -> None:
    steps = [step.name for step in phase_steps(trtc.BuildOptions())["threads"]]
    assert list(between_passes()) == steps[:-1], "the last ends at the boundary of the phase"


def test_the_pipeline_checks_between_the_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pass that does nothing is named, not the one behind it that meets what it has left."""
    monkeypatch.setattr(ExpandRingsPass, "apply", lambda *_: None)
    for checked in (True, False):
        module = parse(launched("kernel.barrier"))
        options = trtc.BuildOptions(check_boundaries=checked, verify_each=False)
        with pytest.raises(PassError) as caught:
            run_pipeline(module, options, start_after=passes_until("memory", phase_steps(options)))
        named = "after pass 'expand-rings': kernel.barrier" in str(caught.value)
        assert named == checked


def test_an_op_of_another_package_is_told_what_to_do() -> None:
    context = make_context()
    context.allow_unregistered = True
    foreign = '%0 = "acme.swish"(%x) : (tensor<4xf32>) -> tensor<4xf32>'
    with pytest.raises(PassError, match=r"^after phase 'graph': acme\.swish may not .* by a pass of that package"):
        check_boundary(Parser(context, main(foreign)).parse_module(), "graph")
