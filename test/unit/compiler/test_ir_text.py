"""The reader of IR text: any Unicode reads back, and hostile text is one error with its place, in bounded time and memory."""

from __future__ import annotations

import time
import tracemalloc
from io import StringIO

import numpy as np
import pytest
from xdsl.dialects.builtin import ArrayAttr, ModuleOp, StringAttr
from xdsl.printer import Printer

from trtc.compiler.universe import make_context
from trtc.dialects import nn
from trtc.dialects.dims import symbol
from trtc.dialects.ir_text import MAXIMUM_DEPTH, IRTextError, KernelPrinter, read_module
from trtc.dialects.nn.base import set_symbol_ranges, symbol_ranges
from trtc.dialects.provenance import onnx_location, onnx_names
from trtc.dialects.text import identifier, printable, printable_lines, quoted, shown, unquoted

TEXTS = [
    "é",
    "日本語",
    "😀",
    'a"b',
    "a\\",
    "\\n",
    "a\nb",
    "a\0b",
    "\t",
    "\r",
    "\x0b",
    "\x1b[31m",
    "\x85",
    "\u2028",
    "\u202e",
    " ",
    "//",
    "*/",
]
TEXTS += ["%x", "#1", "@main", "a{b}", "<>", "??/", "\x7f", "\xff", "n" * 70_000]


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_any_text_reads_back_wherever_a_module_holds_one(text: str) -> None:
    module = ModuleOp([nn.ConstantOp(np.ones(2, np.float32))])
    module.attributes["names"] = ArrayAttr([StringAttr(text)])
    module.attributes["dims"] = nn.DimsAttr.get([symbol(text) * 2 + 1])
    set_symbol_ranges(module, {text: (1, 2, 3)})
    module.location = onnx_location(text, "Relu", 3)
    out = StringIO()
    Printer(out, print_debuginfo=True).print_op(module)
    read = read_module(make_context(), out.getvalue())
    assert read.attributes == module.attributes and symbol_ranges(read) == {text: (1, 2, 3)}
    assert onnx_names(read.location) == [text]


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_quoted_text_is_printable_and_comes_back(text: str) -> None:
    assert unquoted(quoted(text)) == text and quoted(text).isprintable()
    assert (identifier(text) or "x").isidentifier() and (identifier(text) or "x").isascii()


def test_printable_keeps_words_and_lines_and_escapes_what_a_terminal_acts_upon() -> None:
    assert printable("Größe 日本 😀") == "Größe 日本 😀" and printable_lines("a\nb\x07\n") == "a\nb\\x07\n"
    assert shown("é" * 70_000) == printable_lines("é" * 70_000) == "é" * 200 + "..." and shown("n" * 400) == "n" * 400
    assert printable("\x1b[31m\r\n\x9b\u202e\ud800\U000e0001") == "\\x1b[31m\\r\\n\\x9b\\u202e\\ud800\\U000e0001"


NESTED = "builtin.module {" * 200 + "}" * 200
HOSTILE = {
    "unclosed string": ('\n  module { "' + "a" * 60, "IR:2:12: expected a string that ends on its line"),
    "many escapes": ('"' + "\\0A" * 100_000, "IR:1:1: expected a string"),
    "bad escape": ('"a\\q"', "expected a string"),
    "newline in a string": ('"a\nb"', "expected a string"),
    "nested regions": (NESTED, f"expected '{{' at most {MAXIMUM_DEPTH} within each other"),
    "nested in turns": ('module attributes {a = ' + "[(" * 500, "at most"),
    "closed by another bracket": ("module {>" * 200, "at most"),
    "nested without brackets": ("module attributes {a = affine_map<(d0) -> (" + "-" * 5000 + "d0)>}", "nested too deeply"),
    "float beyond f32": ("module attributes {a = 1.0e99 : f32}", "OverflowError"),
    "long number": (f"module attributes {{a = {'9' * 5000}}}", "a number of at most"),
    "long hexadecimal": (f"module attributes {{a = 0x{'F' * 5000}}}", "a number of at most"),
    "no digit": ("module attributes {a = ²}", "IR:1:25"),
    "great splat": ("module attributes {a = dense<0> : tensor<1000000000000xi64>}", "a constant of at most"),
    "hex splat": ('module attributes {a = dense<"0x00"> : tensor<1000000000000xi8>}', "a constant of at most"),
    "bytes": (b"module \xff", "expected IR as UTF-8 text"),
    "layout of zero": ("module attributes {a = #kernel.blocked<0, 32, 1, 2>}", "kernel.blocked: expected tr, tc, vr, vc of 1 or more"),
    "string of bytes": ('module attributes {a = #nn.dims<"\\FF">}', "UTF-8"),
    "surrogate": ("module attributes {a = #nn.dims<\"\\ED\\A0\\80\">}", "UTF-8"),
    "aliases of aliases": ("#a0 = [1]\n" + "".join(f"#a{i + 1} = [#a{i}, #a{i}]\n" for i in range(40)), "alias #a"),
    "types of types": ("!a0 = f32\n" + "".join(f"!a{i + 1} = tuple<!a{i}, !a{i}>\n" for i in range(40)), "alias !a"),
    "deep aliases": ("#a0 = [1]\n" + "".join(f"#a{i + 1} = [#a{i}]\n" for i in range(500)), "within each other, got"),
    "many blocks": ("func.func @f() {" + "".join(f"^b{i}: cf.br ^b{i + 1}\n" for i in range(3000)) + "}", "blocks in a region"),
    "great dims": ("module attributes {a = #nn.dims<" + "*".join(["(A+B+C+D+E+F)"] * 40) + ">}", "terms"),
    "nothing but a name": ("%", "IR:1:1"),
    "unknown op": ('"no.such"() : () -> ()', "no.such"),
    "invalid op": ("func.func @f() { }\nfunc.func @f() { }", "f"),
}  # fmt: skip


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_text_is_one_error_in_bounded_time_and_memory(case: str) -> None:
    text, message = HOSTILE[case]
    context = make_context()
    read_module(context, "module {}")
    tracemalloc.start()
    start = time.perf_counter()
    with pytest.raises(IRTextError) as caught:
        read_module(context, text)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert message in str(caught.value) and len(str(caught.value)) < 600
    assert time.perf_counter() - start < 5 and peak < 1 << 27


def test_text_within_the_bounds_is_read() -> None:
    """At the deepest allowed nesting, and a long string with many escapes: no recursion limit of Python's is met before ours."""
    depth = MAXIMUM_DEPTH - 1
    nested = "module {" * depth + "}" * depth
    lists = "[" * (MAXIMUM_DEPTH - 1) + "]" * (MAXIMUM_DEPTH - 1)
    escapes = "\\0A" * 100_000
    kinds = f'module attributes {{a = {lists}, b = "{escapes}"}} {{ {nested[8:-1]} }} // "'
    module = read_module(make_context(), kinds)
    assert str(module).count("builtin.module") == depth


KERNEL = """kernel.func @k(%y: !kernel.global<dims <4> x f32, strides <1>, align 16>) grid <1, 1, 1> warps 4 coords(%i, %j, %l) {
  %0 = arith.constant 1 : i32
  %1 = arith.constant 2 : i32 loc("other"("Relu#2"))
  %2 = scf.while (%3 = %0) : (i32) -> i32 {
    %4 = arith.cmpi eq, %3, %1 : i32
    scf.condition(%4) %3 : i32
  } do {
  ^bb0(%5: i32):
    scf.yield %5 : i32 loc("other"("Relu#2"))
  }
  kernel.return
} loc("conv"("Conv#0"))
"""


def test_ops_of_a_kernel_that_say_no_location_are_where_it_is() -> None:
    module = read_module(make_context(), KERNEL)
    found = {op.name: onnx_names(op.location) for op in module.walk() if op is not module}
    assert found.pop("arith.constant") == found.pop("scf.yield") == ["other"]
    assert set(map(tuple, found.values())) == {("conv",)}
    out = StringIO()
    KernelPrinter(out).print_op(module)
    again = read_module(make_context(), out.getvalue())
    assert [op.location for op in again.walk()] == [op.location for op in module.walk()]
    assert out.getvalue().count("loc(") == 3, "what is where its kernel is says nothing"


def test_ops_elsewhere_keep_the_location_that_they_say() -> None:
    module = read_module(make_context(), KERNEL.replace(' loc("conv"("Conv#0"))', ""))
    assert [onnx_names(op.location) for op in module.walk()].count(["other"]) == 2
    out = StringIO()
    KernelPrinter(out).print_op(module)
    assert out.getvalue().count("loc(") == 2
