"""Shared by all tests: the `gpu` marker skips without a GPU, and `handmade_engine` is an engine that needs no pipeline."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

os.environ.setdefault("TRTC_VERIFY_EACH", "1")  # of the tools that tests start too

HOST = """
builtin.module attributes {nn.symbols = {N = array<i64: 1, 2, 8>}} {
  func.func @main(%x : tensor<?x4xf32, #nn.dims<N, 4>>) -> tensor<?xf32, #nn.dims<N>>
      attributes {nn.inputs = ["x"], nn.outputs = ["y"]} {
    %w = nn.weight "w" : tensor<4x3xf32>
    %0 = fusion.call @fc(%x, %w) {nn.names = ["hidden"]} :
        (tensor<?x4xf32, #nn.dims<N, 4>>, tensor<4x3xf32>) -> tensor<?x3xf32, #nn.dims<N, 3>> loc("fc1")
    %1 = fusion.call @relu(%0) : (tensor<?x3xf32, #nn.dims<N, 3>>) -> tensor<?x3xf32, #nn.dims<N, 3>> loc("relu1")
    %2 = fusion.call @fc_cat(%x, %w) :
        (tensor<?x4xf32, #nn.dims<N, 4>>, tensor<4x3xf32>) -> tensor<?x3xf32, #nn.dims<N, 3>> loc("fc2")
    %3 = nn.concat %1, %2 {axis = 1 : i64, fusion.alias = #fusion.alias<dest>} :
        (tensor<?x3xf32, #nn.dims<N, 3>>, tensor<?x3xf32, #nn.dims<N, 3>>) -> tensor<?x6xf32, #nn.dims<N, 6>>
    %4 = fusion.call @sum(%3) : (tensor<?x6xf32, #nn.dims<N, 6>>) -> tensor<?xf32, #nn.dims<N>> loc("sum1")
    func.return %4 : tensor<?xf32, #nn.dims<N>>
  }
}
"""

WEIGHTS = """builtin.module {
  func.func @weights() {
    %0 = nn.initializer "w" : tensor<4x3xf32>
    nn.export "w" %0 : tensor<4x3xf32>
    func.return
  }
}
"""

_FC = """extern "C" __global__ void {name}(const float* x, const float* w, float* y, int N) {{
  int i = blockIdx.x;
  if (i < N && threadIdx.x < 3) {{
    float s = 0.0f;
    for (int k = 0; k < 4; ++k) s += x[i * 4 + k] * w[k * 3 + threadIdx.x];
    y[i * {stride} + threadIdx.x] = s;
  }}
}}
"""
SOURCES = {
    "fc": _FC.format(name="fc", stride=3),
    "fc_cat": _FC.format(name="fc_cat", stride=6),
    "relu": """extern "C" __global__ void relu(const float* x, float* y, int N) {
  int i = blockIdx.x;
  if (i < N && threadIdx.x < 3) y[i * 6 + threadIdx.x] = fmaxf(x[i * 3 + threadIdx.x], 0.0f);
}
""",
    "sum": """extern "C" __global__ void sum(const float* x, float* y, int N) {
  extern __shared__ float part[];
  int i = blockIdx.x;
  if (threadIdx.x < 6) part[threadIdx.x] = x[i * 6 + threadIdx.x];
  __syncthreads();
  if (i < N && threadIdx.x == 0) {
    float s = 0.0f;
    for (int k = 0; k < 6; ++k) s += part[k];
    y[i] = s;
  }
}
""",
}


def _tensor(dims: str, strides: str) -> str:
    return f"!kernel.global<dims <{dims}> x f32, strides <{strides}>, align 4>"


_X, _W, _HIDDEN, _Y = _tensor("N, 4", "4, 1"), _tensor("4, 3", "3, 1"), _tensor("N, 3", "3, 1"), _tensor("N", "1")
_HALF, _BOTH = _tensor("N, 3", "6, 1"), _tensor("N, 6", "6, 1")
TENSORS = {"fc": (_X, _W, _HIDDEN), "relu": (_HIDDEN, _HALF), "fc_cat": (_X, _W, _HALF), "sum": (_BOTH, _Y)}
TILES = "\n".join(
    f"kernel.func @{name}({', '.join(f'%a{i}: {tensor}' for i, tensor in enumerate(tensors))}) grid <N, 1, 1> warps 1"
    f"{' smem 24' if name == 'sum' else ''} params(N) coords(%i, %j, %k) {{\n  kernel.return\n}}"
    for name, tensors in TENSORS.items()
)


def expected(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """What the handmade network computes."""
    hidden = x @ w
    return (np.maximum(hidden, 0) + hidden).sum(axis=1)


def run_in_numpy(context: Any, launch: Any, bases: list[np.ndarray], symbols: dict[str, int]) -> None:
    """The kernels of the handmade engine, in the place of `SimulatorContext._run`."""
    arrays = [ref.array(base) for ref, base in zip(launch.arguments, bases, strict=True)]
    match launch.kernel.name:
        case "fc" | "fc_cat":
            arrays[2][...] = arrays[0] @ arrays[1]
        case "relu":
            arrays[1][...] = np.maximum(arrays[0], 0)
        case _:
            arrays[1][...] = arrays[0].sum(axis=1)


def make_engine(w: np.ndarray, archs: tuple[str, ...] = ("sm_80",), *, refit: bool = False) -> Any:
    """An engine over the sources above, for these architectures; with `refit`, its weight can be replaced."""
    from xdsl.parser import Parser

    from trtc.compiler.caches.kernels import kernel_text, module_text
    from trtc.compiler.codegen.cuda.nvrtc import Job, compile_cubin, nvrtc_version
    from trtc.compiler.engine_writer import _host
    from trtc.compiler.targets import set_target
    from trtc.compiler.universe import make_context
    from trtc.compiler.weights.sections import print_module
    from trtc.dialects import kernel
    from trtc.passes.buffers.bufferize import BufferizePass
    from trtc.passes.buffers.plan_arena import PlanArenaPass
    from trtc.runtime.container import Section
    from trtc.runtime.contents import spec_to_json
    from trtc.runtime.engine import Engine
    from trtc.runtime.kernels import KernelInfo
    from trtc.runtime.manifest import FORMAT, KIND
    from trtc.runtime.program.reader import read_program
    from trtc.runtime.refit.table import model_digest
    from trtc.runtime.verify.plan import describe

    context = make_context()
    tiles = Parser(context, TILES).parse_module()
    facts = {op.sym_name.data: KernelInfo.read(op) for op in tiles.walk() if isinstance(op, kernel.FuncOp)}
    sections: dict[str, Any] = {"w": Section(memoryview(np.ascontiguousarray(w).reshape(-1).view(np.uint8)), 4096)}
    variants: dict[str, Any] = {}
    for arch in archs:
        module = Parser(context, HOST).parse_module()
        BufferizePass().apply(context, module)
        PlanArenaPass().apply(context, module)
        module.body.block.add_ops(op.clone() for op in tiles.body.block.ops)
        set_target(module, arch)
        host = _host(module)
        program = read_program(host, facts)
        sections[f"{arch}/host"] = Section(print_module(host).encode())
        sections[f"{arch}/tiles"] = Section(
            module_text(module, [kernel_text(op) for op in module.walk() if isinstance(op, kernel.FuncOp)]).encode()
        )
        kernels: list[dict[str, Any]] = []
        for name in facts:
            source = SOURCES[name]
            made = compile_cubin(Job(source, arch))
            sections[f"{arch}/{name}.cu"], sections[f"{arch}/{name}.cubin"] = (
                Section(source.encode()),
                Section(made.cubin),
            )
            files = {"source": f"{arch}/{name}.cu", "cubin": f"{arch}/{name}.cubin"}
            resources = {"resources": asdict(made.resources[name]), "problems": made.problems()}
            kernels.append({"facts": facts[name].to_json(), "entry": name, **files, **resources})
        fields = {"host": f"{arch}/host", "tiles": f"{arch}/tiles", "kernels": kernels, "weights": {"w": "w"}}
        if refit:
            sections[f"{arch}/weights"] = Section(WEIGHTS.encode())
        fields["function"] = f"{arch}/weights" if refit else ""
        variants[arch] = {**fields, **describe(host, program), "remarks": []}
    manifest = {
        "kind": KIND,
        "format": FORMAT,
        "toolchain": {"nvrtc": list(nvrtc_version())},
        "model": {"sha256": "", "name": "handmade"},
        "options": {},
        "inputs": [spec_to_json(spec) for spec in program.inputs],
        "outputs": [spec_to_json(spec) for spec in program.outputs],
        "symbols": {name: list(values) for name, values in program.symbols.items()},
        "refit": None,
        "variants": variants,
    }
    if refit:
        sha256 = sections["w"].sha256
        initializer = {"dtype": w.dtype.name, "shape": list(w.shape), "sha256": sha256, "section": "w", "pin": ""}
        manifest["refit"] = {"structure": "", "initializers": {"w": initializer}, "blobs": {}}
        manifest["model"] = {"sha256": model_digest("", {"w": sha256}), "name": "handmade"}
    return Engine(manifest, sections)


@pytest.fixture(scope="session")
def handmade_engine() -> Callable[..., Any]:
    """`make_engine`; skips where NVRTC is not installed."""
    from trtc.compiler.codegen.cuda.nvrtc import nvrtc_version
    from trtc.dialects.errors import TargetError

    try:
        nvrtc_version()
    except TargetError as error:
        pytest.skip(str(error))
    return make_engine


@pytest.fixture(scope="session")
def handmade_network() -> tuple[Callable[..., np.ndarray], Callable[..., None]]:
    """(what the handmade engine computes, its kernels in NumPy)."""
    return expected, run_in_numpy


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Everything under test/gpu carries the marker; without a GPU it is skipped, or refused where `-m gpu` asked for it."""
    from trtc.runtime.driver import find_device

    for item in items:
        if Path(__file__).parent / "gpu" in item.path.parents:
            item.add_marker(pytest.mark.gpu)
    needing = [item for item in items if item.get_closest_marker("gpu") is not None]
    if not needing or find_device() is not None:
        return
    if config.option.markexpr == "gpu":
        pytest.exit(
            "these tests need an NVIDIA GPU of compute capability 8.0 or newer, and there is none", returncode=1
        )
    for item in needing:
        item.add_marker(pytest.mark.skip(reason="no NVIDIA GPU on this machine"))


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """What functions of a test file cached goes with its last test: whole networks of IR, which each collection of garbage after it
    would walk. One took six seconds at the end of a run."""
    if nextitem is not None and nextitem.path == item.path:
        return
    module = item.getparent(pytest.Module)
    cached = [f for f in vars(module.obj).values() if hasattr(f, "cache_clear")] if module is not None else []
    for function in cached:
        function.cache_clear()
    if cached:
        gc.collect()
