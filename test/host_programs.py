"""Host programs that decide while they run, written by hand in the `buffer` dialect, and what each computes in NumPy.

They stand where `outline-groups` and `bufferize` leave a module: memory is `buffer.alloc`s, what is launched is functions of tensors.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

Arrays = Mapping[str, np.ndarray]


def _outlined(name: str, types: tuple[str, ...], body: str, result: str) -> str:
    """A function that is to become a kernel: its operands are %a, %b."""
    arguments = ", ".join(f"%{letter}: {type_}" for letter, type_ in zip("ab", types, strict=False))
    layouts = ", ".join(["#fusion.layout<contiguous, align = 1>"] * (len(types) + 1))
    attributes = f'fusion.anchor = "pointwise", fusion.layouts = [{layouts}]'
    return f"""  func.func private @{name}({arguments}) -> {result} attributes {{{attributes}}} {{
    %r = {body}
    func.return %r : {result}
  }}
"""


def _unary(name: str, op: str, type_: str) -> str:
    return _outlined(name, (type_,), f"{op} %a : {type_}", type_)


def _binary(name: str, op: str, type_: str) -> str:
    return _outlined(name, (type_, type_), f"{op} %a, %b : ({type_}, {type_}) -> {type_}", type_)


V, ONE, COUNT, FLAG = "tensor<4xf32>", "tensor<1xf32>", "tensor<1xi64>", "tensor<1xi1>"
ROWS, SOME = "tensor<16x4xf32>", "tensor<?x4xf32, #nn.dims<K, 4>>"
NOW = "memref<4xf32, strided<[1], offset: ?>>"
NOW1 = "memref<1xf32, strided<[1], offset: ?>>"

FUNCTIONS = {
    "neg": _unary("neg", "nn.neg", V),
    "relu": _unary("relu", "nn.relu", V),
    "add": _binary("add", "nn.add", V),
    "mul": _binary("mul", "nn.mul", V),
    "relu_rows": _unary("relu_rows", "nn.relu", ROWS),
    "neg_some": _unary("neg_some", "nn.neg", SOME),
    "increment": _binary("increment", "nn.add", COUNT),
    "double_one": _binary("double_one", "nn.add", ONE),
    "abs_one": _unary("abs_one", "nn.abs", ONE),
    "less": _outlined("less", (ONE, ONE), f"nn.compare lt %a, %b : ({ONE}, {ONE}) -> {FLAG}", FLAG),
}


@dataclass(frozen=True)
class HostProgram:
    """The ops of `@main` and the bodies that it calls; `reference` computes the outputs of `inputs(seed)`."""

    symbols: str
    arguments: str
    dims: str
    inputs_: str
    outputs: str
    body: str
    bodies: str
    draw: Callable[[np.random.Generator, int], dict[str, np.ndarray]]
    reference: Callable[..., dict[str, np.ndarray]]

    @property
    def text(self) -> str:
        used = [text for name, text in FUNCTIONS.items() if re.search(rf"@{name}\b", self.body + self.bodies)]
        return (
            f'builtin.module attributes {{nn.symbols = {{{self.symbols}}}, kernel.target = #kernel.target<"sm_80", sms = 108, '
            f"smem = 166912>}} {{\n  func.func @main({self.arguments}) attributes {{nn.inputs = [{self.inputs_}], "
            f"nn.outputs = [{self.outputs}], buffer.arg_dims = [{self.dims}]}} {{\n{self.body}    func.return\n  }}\n{self.bodies}"
            f"{''.join(used)}}}\n"
        )

    def inputs(self, seed: int) -> dict[str, np.ndarray]:
        """Inputs; seeds from 0 on reach every branch, no iteration and the last one."""
        return self.draw(np.random.default_rng(seed), seed)


def _read(x: np.ndarray, k: np.ndarray, one: np.ndarray) -> dict[str, np.ndarray]:
    y = np.maximum(x, 0)
    count = int(k[0] + one[0])
    y[:count] = -x[:count]
    return {"y": y}


READ = HostProgram(
    symbols="K = array<i64: 0, 8, 16>",
    arguments="%x: memref<16x4xf32>, %k: memref<1xi64>, %one: memref<1xi64>, %y: memref<16x4xf32>",
    dims="#nn.dims<16, 4>, #nn.dims<1>, #nn.dims<1>, #nn.dims<16, 4>",
    inputs_='"x", "k", "one"',
    outputs='"y"',
    body="""    %count = buffer.alloc #nn.dims<1> : memref<1xi64>
    %some = buffer.alloc #nn.dims<K, 4> : memref<?x4xf32>
    buffer.launch @increment ins(%k, %one : memref<1xi64>, memref<1xi64>) outs(%count : memref<1xi64>)
    buffer.launch @relu_rows ins(%x : memref<16x4xf32>) outs(%y : memref<16x4xf32>)
    %K = buffer.read "K" from %count : memref<1xi64> to index
    %first = buffer.view %x offset #nn.dims<0> dims #nn.dims<K, 4> strides #nn.dims<4, 1> : memref<16x4xf32> to memref<?x4xf32>
    %last = buffer.view %y offset #nn.dims<0> dims #nn.dims<K, 4> strides #nn.dims<4, 1> : memref<16x4xf32> to memref<?x4xf32>
    buffer.launch @neg_some[%K] ins(%first : memref<?x4xf32>) outs(%some : memref<?x4xf32>)
    buffer.launch @neg_some[%K] ins(%some : memref<?x4xf32>) outs(%last : memref<?x4xf32>)
    buffer.launch @neg_some[%K] ins(%first : memref<?x4xf32>) outs(%last : memref<?x4xf32>)
""",
    bodies="",
    draw=lambda rng, seed: {
        "x": rng.standard_normal((16, 4), np.float32),
        "k": np.array([(15, -1, 6, 2, 6)[seed % 5]]),
        "one": np.array([1]),
    },
    reference=_read,
)


def _branch(x: np.ndarray, c: np.ndarray) -> dict[str, np.ndarray]:
    return {"y": np.maximum(x + x if c[0] else -x, 0)}


BRANCH = HostProgram(
    symbols="",
    arguments="%x: memref<4xf32>, %c: memref<1xi1>, %y: memref<4xf32>",
    dims="#nn.dims<4>, #nn.dims<1>, #nn.dims<4>",
    inputs_='"x", "c"',
    outputs='"y"',
    body="""    %t = buffer.alloc #nn.dims<4> : memref<4xf32>
    %c_host = buffer.read "c" from %c : memref<1xi1> to i1
    scf.if %c_host {
      buffer.launch @add ins(%x, %x : memref<4xf32>, memref<4xf32>) outs(%t : memref<4xf32>)
    } else {
      buffer.launch @neg ins(%x : memref<4xf32>) outs(%t : memref<4xf32>)
    }
    buffer.launch @relu ins(%t : memref<4xf32>) outs(%y : memref<4xf32>)
""",
    bodies="",
    draw=lambda rng, seed: {"x": rng.standard_normal(4, np.float32), "c": np.array([seed % 2 == 0])},
    reference=_branch,
)


def _counted(x: np.ndarray, n: np.ndarray) -> dict[str, np.ndarray]:
    carried, rows = np.abs(np.maximum(x, 0)), np.zeros((8, 4), np.float32)
    for i in range(int(n[0])):
        carried = carried + x
        rows[i] = -carried
    return {"y": -carried, "rows": rows}


COUNTED = HostProgram(
    symbols="T = array<i64: 0, 4, 8>, i = array<i64: 0, 4, 7>",
    arguments="%x: memref<4xf32>, %n: memref<1xi64>, %y: memref<4xf32>, %rows: memref<8x4xf32>",
    dims="#nn.dims<4>, #nn.dims<1>, #nn.dims<4>, #nn.dims<8, 4>",
    inputs_='"x", "n"',
    outputs='"y", "rows"',
    body=f"""    %carried = buffer.alloc #nn.dims<2, 4> : memref<2x4xf32>
    %start = buffer.view %carried offset #nn.dims<0> dims #nn.dims<4> strides #nn.dims<1> : memref<2x4xf32> to memref<4xf32>
    buffer.launch @relu ins(%x : memref<4xf32>) outs(%start : memref<4xf32>)
    %T = buffer.read "T" from %n : memref<1xi64> to index
    %zero = arith.constant 0 : index
    %one = arith.constant 1 : index
    scf.for %i = %zero to %T step %one {{
      %now = buffer.view %carried offset #nn.dims<4 * (i mod 2)> dims #nn.dims<4> strides #nn.dims<1> : memref<2x4xf32> to {NOW}
      %next = buffer.view %carried offset #nn.dims<4 * ((i + 1) mod 2)> dims #nn.dims<4> strides #nn.dims<1> : memref<2x4xf32> to {NOW}
      %row = buffer.view %rows offset #nn.dims<4 * i> dims #nn.dims<4> strides #nn.dims<1> : memref<8x4xf32> to {NOW}
      func.call @body(%now, %x, %next, %row) : ({NOW}, memref<4xf32>, {NOW}, {NOW}) -> ()
    }} {{buffer.index = "i"}}
    %end = buffer.view %carried offset #nn.dims<4 * (T mod 2)> dims #nn.dims<4> strides #nn.dims<1> : memref<2x4xf32> to {NOW}
    buffer.launch @neg ins(%end : {NOW}) outs(%y : memref<4xf32>)
""",
    bodies=f"""  func.func private @body(%now: {NOW}, %x: memref<4xf32>, %next: {NOW}, %row: {NOW}) {{
    buffer.launch @add ins(%now, %x : {NOW}, memref<4xf32>) outs(%next : {NOW})
    buffer.launch @neg ins(%next : {NOW}) outs(%row : {NOW})
    func.return
  }}
""",
    draw=lambda rng, seed: {"x": rng.standard_normal(4, np.float32), "n": np.array([(5, 0, 8, 1)[seed % 4]])},
    reference=_counted,
)


def _while(x: np.ndarray, limit: np.ndarray) -> dict[str, np.ndarray]:
    carried = np.abs(x)
    while carried[0] < limit[0]:
        carried = carried + carried
    return {"y": np.abs(carried)}


WHILE = HostProgram(
    symbols="i = array<i64: 0, 4, 11>, turns = array<i64: 0, 4, 12>",
    arguments="%x: memref<1xf32>, %limit: memref<1xf32>, %y: memref<1xf32>",
    dims="#nn.dims<1>, #nn.dims<1>, #nn.dims<1>",
    inputs_='"x", "limit"',
    outputs='"y"',
    body=f"""    %carried = buffer.alloc #nn.dims<2, 1> : memref<2x1xf32>
    %flag = buffer.alloc #nn.dims<1> : memref<1xi1>
    %start = buffer.view %carried offset #nn.dims<0> dims #nn.dims<1> strides #nn.dims<1> : memref<2x1xf32> to memref<1xf32>
    buffer.launch @abs_one ins(%x : memref<1xf32>) outs(%start : memref<1xf32>)
    buffer.launch @less ins(%start, %limit : memref<1xf32>, memref<1xf32>) outs(%flag : memref<1xi1>)
    scf.while () : () -> () {{
      %go = buffer.read "go" from %flag : memref<1xi1> to i1
      scf.condition(%go)
    }} do {{
      %now = buffer.view %carried offset #nn.dims<i mod 2> dims #nn.dims<1> strides #nn.dims<1> : memref<2x1xf32> to {NOW1}
      %next = buffer.view %carried offset #nn.dims<(i + 1) mod 2> dims #nn.dims<1> strides #nn.dims<1> : memref<2x1xf32> to {NOW1}
      buffer.launch @double_one ins(%now, %now : {NOW1}, {NOW1}) outs(%next : {NOW1})
      buffer.launch @less ins(%next, %limit : {NOW1}, memref<1xf32>) outs(%flag : memref<1xi1>)
      scf.yield
    }} attributes {{buffer.index = "i", buffer.total = "turns"}}
    %end = buffer.view %carried offset #nn.dims<turns mod 2> dims #nn.dims<1> strides #nn.dims<1> : memref<2x1xf32> to {NOW1}
    buffer.launch @abs_one ins(%end : {NOW1}) outs(%y : memref<1xf32>)
""",
    bodies="",
    draw=lambda rng, seed: {
        "x": np.float32([(1.5, -300, 0.75, 1.5)[seed % 4] + rng.random() / 8]),
        "limit": np.float32([(100, 100, 7, 12.5)[seed % 4]]),
    },
    reference=_while,
)


def _nested(x: np.ndarray, n: np.ndarray) -> dict[str, np.ndarray]:
    carried = np.maximum(x, 0)
    for i in range(int(n[0])):
        if i < 2:
            carried = carried + carried
        else:
            inner = np.maximum(carried, 0)
            for _ in range(i):
                inner = inner + x
            carried = np.maximum(inner, 0)
    return {"y": -carried}


_SLOT = "memref<2x4xf32> to " + NOW


def _slot(name: str, offset: str, of: str) -> str:
    return f"%{name} = buffer.view %{of} offset #nn.dims<{offset}> dims #nn.dims<4> strides #nn.dims<1> : {_SLOT}\n"


NESTED = HostProgram(
    symbols="T = array<i64: 0, 4, 6>, i = array<i64: 0, 2, 5>, j = array<i64: 0, 2, 5>",
    arguments="%x: memref<4xf32>, %n: memref<1xi64>, %y: memref<4xf32>",
    dims="#nn.dims<4>, #nn.dims<1>, #nn.dims<4>",
    inputs_='"x", "n"',
    outputs='"y"',
    body=f"""    %carried = buffer.alloc #nn.dims<2, 4> : memref<2x4xf32>
    %inner = buffer.alloc #nn.dims<2, 4> : memref<2x4xf32>
    %start = buffer.view %carried offset #nn.dims<0> dims #nn.dims<4> strides #nn.dims<1> : memref<2x4xf32> to memref<4xf32>
    buffer.launch @relu ins(%x : memref<4xf32>) outs(%start : memref<4xf32>)
    %T = buffer.read "T" from %n : memref<1xi64> to index
    %zero = arith.constant 0 : index
    %one = arith.constant 1 : index
    %two = arith.constant 2 : index
    scf.for %i = %zero to %T step %one {{
      {_slot("now", "4 * (i mod 2)", "carried")}      {_slot("next", "4 * ((i + 1) mod 2)", "carried")}
      %early = arith.cmpi slt, %i, %two : index
      scf.if %early {{
        buffer.launch @add ins(%now, %now : {NOW}, {NOW}) outs(%next : {NOW})
      }} else {{
        func.call @inner(%i, %now, %x, %inner, %next) : (index, {NOW}, memref<4xf32>, memref<2x4xf32>, {NOW}) -> ()
      }}
    }} {{buffer.index = "i"}}
    {_slot("end", "4 * (T mod 2)", "carried")}    buffer.launch @neg ins(%end : {NOW}) outs(%y : memref<4xf32>)
""",
    bodies=f"""  func.func private @inner(%i: index, %now: {NOW}, %x: memref<4xf32>, %inner: memref<2x4xf32>, %out: {NOW})
      attributes {{buffer.arg_dims = [#nn.dims<i>, #nn.dims<4>, #nn.dims<4>, #nn.dims<2, 4>, #nn.dims<4>]}} {{
    %start = buffer.view %inner offset #nn.dims<0> dims #nn.dims<4> strides #nn.dims<1> : memref<2x4xf32> to memref<4xf32>
    buffer.launch @relu ins(%now : {NOW}) outs(%start : memref<4xf32>)
    %zero = arith.constant 0 : index
    %one = arith.constant 1 : index
    scf.for %j = %zero to %i step %one {{
      {_slot("from", "4 * (j mod 2)", "inner")}      {_slot("to", "4 * ((j + 1) mod 2)", "inner")}
      buffer.launch @add ins(%from, %x : {NOW}, memref<4xf32>) outs(%to : {NOW})
    }} {{buffer.index = "j"}}
    {_slot("end", "4 * (i mod 2)", "inner")}    buffer.launch @relu ins(%end : {NOW}) outs(%out : {NOW})
    func.return
  }}
""",
    draw=lambda rng, seed: {"x": rng.standard_normal(4, np.float32), "n": np.array([(6, 0, 1, 3)[seed % 4]])},
    reference=_nested,
)

PROGRAMS = {"read": READ, "branch": BRANCH, "counted": COUNTED, "while": WHILE, "nested": NESTED}


def lowered(name: str, arch: str = "sm_80", *passes: Any) -> Any:
    """The module of a program, after these passes."""
    from xdsl.parser import Parser

    from trtc.compiler.pipeline import run_passes, verify_module
    from trtc.compiler.targets import set_target
    from trtc.compiler.universe import make_context

    context = make_context()
    module = Parser(context, PROGRAMS[name].text).parse_module()
    module.attributes.pop("kernel.target")  # the text is for sm_80, and a target that is there stays
    set_target(module, arch)
    verify_module(module, name)
    run_passes(module, passes, context)
    return module


@cache
def host_engine(name: str, arch: str) -> Any:
    """The engine of a program, built as `trtc.build` does from `select-schedule` on."""
    from trtc import BuildOptions
    from trtc.compiler.caches.kernels import kernel_text, module_text
    from trtc.compiler.codegen.cuda.nvrtc import Job, compile_all
    from trtc.compiler.codegen.cuda.printer import print_kernel
    from trtc.compiler.engine_writer import CompiledKernel, EngineWriter
    from trtc.compiler.legality import check_boundary
    from trtc.compiler.pipeline import run_phase
    from trtc.dialects import kernel
    from trtc.passes.buffers.plan_arena import PlanArenaPass
    from trtc.passes.kernels.lower_groups import LowerGroupsPass
    from trtc.passes.kernels.select_schedule import SelectSchedulePass
    from trtc.runtime.kernels import KernelInfo

    module = lowered(name, arch, SelectSchedulePass(), LowerGroupsPass(), PlanArenaPass())
    check_boundary(module, "memory")
    tiles = module_text(module, [kernel_text(op) for op in module.body.block.ops if isinstance(op, kernel.FuncOp)])
    run_phase(module, "threads")
    check_boundary(module, "threads")
    kernels = [op for op in module.body.block.ops if isinstance(op, kernel.FuncOp)]
    jobs = [Job(print_kernel(func), arch) for func in kernels]
    made = [
        CompiledKernel(KernelInfo.read(func), job.source, compiled)
        for func, job, compiled in zip(kernels, jobs, compile_all(jobs, None), strict=True)
    ]
    writer = EngineWriter({"sha256": "", "name": name}, BuildOptions())
    writer.add(arch, module, tiles, made, ())
    return writer.engine(len(made))
