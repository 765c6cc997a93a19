"""No text of a model becomes CUDA code: thousands of hostile names through the printer, read as a C++ compiler reads, leave no trace."""

from __future__ import annotations

import random
import re

import pytest
from xdsl.dialects.builtin import ArrayAttr, StringAttr

from trtc.compiler.codegen.cuda.printer import print_kernel
from trtc.compiler.universe import make_context
from trtc.dialects import kernel
from trtc.dialects.dims import symbol
from trtc.dialects.errors import TargetError
from trtc.dialects.ir_text import read_module
from trtc.dialects.provenance import onnx_location

KERNEL = """
!g = !kernel.global<dims <N> x f32, strides <1>, align 16>
kernel.func @k(%source: !g, %target: !g) grid <N, 1, 1> warps 1 params(N) coords(%tile, %row, %column) {
  %c0 = arith.constant 0 : index
  %size = kernel.param "N"
  %lane = kernel.thread_id
  %inside = arith.cmpi slt, %lane, %size : index
  %regs = kernel.local : memref<1xf32, "local">
  kernel.ld_global %source[%lane] to %regs[%c0] count 1 if %inside : !g, memref<1xf32, "local">
  %value = memref.load %regs[%c0] : memref<1xf32, "local">
  %result = math.exp %value : f32
  memref.store %result, %regs[%c0] : memref<1xf32, "local">
  kernel.st_global %regs[%c0] to %target[%lane] count 1 if %inside : memref<1xf32, "local">, !g
  kernel.return
}
"""
PIECES = [
    "\n",
    "\r",
    "\r\n",
    "\\",
    "\\\n",
    "??/",
    "??/\n",
    "\\ ",
    "*/",
    "/*",
    "//",
    "\0",
    "\x0b",
    "\x0c",
    "\x1a",
    "\x85",
    "\u2028",
    "\u2029",
]
PIECES += [
    '#include "/etc/hostname"',
    "if (threadIdx.x) return;",
    "}",
    "{",
    '"',
    "'",
    'R"(',
    "é",
    "日本",
    "😀",
    "\u202e",
    "\ufeff",
    "\\u000a",
]
PIECES += [
    '_Pragma("x")',
    "%:include",
    "<::",
    "\x7f",
    "\x9b",
    "\udc80",
    "a",
    " ",
    "n" * 500,
    "#define exp",
    '__asm__("trap;");',
    "\t",
]
WORDS = [
    "export",
    "nullptr",
    "expf",
    "EOF",
    "unix",
    "linux",
    "near",
    "far",
    "I",
    "i",
    "assert",
    "threadIdx",
    "warpSize",
    "__global__",
    "int4",
    "int",
    "float",
    "tile_x",
    "smem",
    "shared_base",
    "x",
    "y",
    "v",
    "v0",
    "r",
    "t0",
    "main",
    "arena",
    "weights",
    "keep",
    "max_nan",
    "bar_sync",
    "__CUDA_ARCH__",
    "__FILE__",
    "NULL",
    "typeof",
    "_Bool",
    "alignas",
    "co_await",
    "requires",
    "half",
    "extern_",
    "template",
    "and_eq",
    "exp",
    "log",
    "y1",
    "j0",
    "map",
]


def a_kernel() -> kernel.FuncOp:
    (func,) = read_module(make_context(), KERNEL).body.block.ops
    assert isinstance(func, kernel.FuncOp)
    return func


def located(func: kernel.FuncOp, names: list[str]) -> str:
    """The kernel's CUDA C when its ops come, in turns, from nodes of these names."""
    for index, op in enumerate(func.body.block.ops):
        op.location = onnx_location(names[index % len(names)], "Relu", index)
    return print_kernel(func)


def without_comments(source: str) -> str:
    """What is left after the phases of translation 1 to 3 of C++: trigraphs, joined lines (also where blanks follow the backslash, as
    compilers allow), comments. Whatever any compiler or editor takes for the end of a line is one."""
    assert "\0" not in source and "\x1a" not in source, "the text would end here"
    for mark, meant in zip("=/'()!<>-", "#\\^[]|{}~", strict=True):
        source = source.replace(f"??{mark}", meant)
    source = re.sub(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]", "\n", source)
    source = re.sub(r"\\[ \t]*\n", "", source)
    pattern = r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|//[^\n]*|/\*.*?\*/'
    return re.sub(pattern, lambda m: " " if m[0][0] == "/" else m[0], source, flags=re.DOTALL)


def test_the_stripper_itself_sees_what_a_compiler_sees() -> None:
    assert without_comments('a // b \\\nc\nd "// e" /* f\n */ g') == 'a  \nd "// e"   g'
    assert without_comments("a // b ??/\nc\nd") == "a  \nd" and without_comments("a // b\u2028c") == "a  \nc"


def test_names_of_nodes_leave_no_trace_in_the_code() -> None:
    func = a_kernel()
    plain = without_comments(located(func, ["a", "b"]))
    source = random.Random(0)
    for _ in range(400):
        names = ["".join(source.choices(PIECES, k=source.randint(1, 6))) for _ in range(10)]
        text = located(func, names)
        assert text.isascii() and without_comments(text) == plain, names


def test_names_of_dims_and_values_become_one_identifier_each() -> None:
    """The code is that of a harmless name but for that one identifier, which no other part of the program has."""
    source = random.Random(1)
    names = [*WORDS, *("".join(source.choices(PIECES[:-3] + WORDS, k=source.randint(1, 4))) for _ in range(1000))]
    func = a_kernel()
    plain = print_kernel(func)
    words = set(re.findall(r"\w+", plain))
    for name in names:
        if "\udc80" in name:
            continue
        func.properties["params"] = ArrayAttr([StringAttr(name)])
        (param,) = [op for op in func.walk() if isinstance(op, kernel.ParamOp)]
        param.properties["symbol"] = StringAttr(name)
        text = print_kernel(func)
        (found,) = re.findall(r"int (\w+)\) \{", text[text.index("__global__ void") :])
        assert found.endswith("_") and found[0].isalpha() and len(found) < 60
        assert re.sub(rf"\b{found}\b", "N_", text) == plain and (found == "N_" or found not in words)


def test_kernels_with_hostile_names_compile() -> None:
    from trtc.compiler.codegen.cuda.nvrtc import Job, compile_cubin, nvrtc_version

    try:
        nvrtc_version()
    except TargetError as error:
        pytest.skip(str(error))
    func = a_kernel()
    func.properties["sym_name"] = StringAttr("export\n#include <x>")
    listed = [symbol(word).as_symbol() or "" for word in WORDS]
    func.properties["params"] = ArrayAttr(map(StringAttr, ["N", *listed]))
    for word, op in zip(WORDS, func.walk(), strict=False):
        for result in op.results:
            result.name_hint = word
    compiled = compile_cubin(Job(located(func, ["".join(PIECES), "\\"]), "sm_80"))
    assert list(compiled.resources) == ["export_include_x_kernel"]
