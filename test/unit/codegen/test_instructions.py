"""
The table of instructions: every thread op has a row, a row's roles are operands of its op, and who runs it is known. Two instructions from
outside the tree, one row each, print, compile and run thread by thread.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from xdsl.dialects.builtin import i32
from xdsl.ir import Dialect
from xdsl.irdl import IRDLOperation, irdl_op_definition, operand_def, result_def
from xdsl.parser import Parser

from trtc.compiler.codegen.cuda.printer import print_kernel
from trtc.compiler.universe import make_context
from trtc.dialects import kernel
from trtc.dialects.kernel.base import index
from trtc.dialects.kernel.instruction import (
    FUNCTION,
    INSTRUCTIONS,
    Access,
    Constant,
    PreludeSection,
    Registers,
    Scope,
    Value,
    Wrapper,
    asm,
    instruction,
    words,
)
from trtc.dialects.kernel.thread.arrays import Local
from trtc.runtime.simulator.steps import table
from trtc.runtime.simulator.thread import run_kernel_threads

sys.path.insert(0, str(Path(__file__).parent))
from test_printer import nvrtc_missing

DECLARATIONS = {kernel.ParamOp, kernel.LocalOp, kernel.SmemOp}
"""What the printer makes itself: names of values and arrays."""


@irdl_op_definition
class Dp4aOp(IRDLOperation):
    """The scalar product of two vectors of four bytes, added to a number."""

    name = "elsewhere.dp4a"
    a, b, c = operand_def(i32), operand_def(i32), operand_def(i32)
    result = result_def(i32)
    assembly_format = "$a `,` $b `,` $c attr-dict"


@irdl_op_definition
class MovmatrixOp(IRDLOperation):
    """Transposes an 8x8 matrix of 16-bit elements that a warp holds, one register per lane."""

    name = "elsewhere.movmatrix"
    array = operand_def(Local)
    position = operand_def(index)
    assembly_format = "$array `[` $position `]` attr-dict `:` type($array)"


def _dp4a(op: Dp4aOp, a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    left, right = (np.ascontiguousarray(x, np.int32).view(np.int8).reshape(-1, 4).astype(np.int32) for x in (a, b))
    return (left * right).sum(axis=1, dtype=np.int32) + c.astype(np.int32)


def _movmatrix(op: MovmatrixOp, registers: np.ndarray) -> np.ndarray:
    matrices = registers.view(np.uint16).reshape(-1, 8, 8)
    return words(matrices.transpose(0, 2, 1).reshape(-1, 2))


@pytest.fixture
def elsewhere() -> Iterator[Dialect]:
    """A dialect of another package, with its rows."""
    instruction(
        Dp4aOp,
        "dp4a({a}, {b}, {c})",
        {"a": Value("a"), "b": Value("b"), "c": Value("c")},
        numpy=_dp4a,
        wrapper=Wrapper(
            "dp4a",
            f"{FUNCTION}int dp4a(int a, int b, int c) {{\n  int r;\n"
            '  asm("dp4a.s32.s32 %0, %1, %2, %3;" : "=r"(r) : "r"(a), "r"(b), "r"(c));\n  return r;\n}',
        ),
    )
    instruction(
        MovmatrixOp,
        "movmatrix({array})",
        {"array": Registers("array", "position", 1, Access.UPDATE)},
        scope=Scope.WARP,
        numpy=_movmatrix,
        wrapper=asm(
            PreludeSection.OTHER,
            "movmatrix",
            "unsigned* r",
            "movmatrix.sync.aligned.m8n8.trans.b16 %0, %1;",
            ': "=r"(r[0]) : "r"(r[0])',
            memory=False,
        ),
    )
    yield Dialect("elsewhere", [Dp4aOp, MovmatrixOp])
    for op in (Dp4aOp, MovmatrixOp):
        del INSTRUCTIONS[op]


def only_kernel(dialect: Dialect, element: str, body: str) -> kernel.FuncOp:
    tensor = f"!kernel.global<dims <64> x {element}, strides <1>, align 16>"
    context = make_context()
    context.load_dialect(dialect)
    text = f"""kernel.func @k(%x: {tensor}, %y: {tensor}) grid <1, 1, 1> warps 1 coords(%i, %j, %k) {{
      %zero = arith.constant 0 : index
      %two = arith.constant 2 : index
      %t = kernel.thread_id
      %at = arith.muli %t, %two : index
      %r = kernel.local : memref<2x{element}, "local">
      kernel.ld_global %x[%at] to %r[%zero] count 2 : {tensor}, memref<2x{element}, "local">
      {body}
      kernel.st_global %r[%zero] to %y[%at] count 2 : memref<2x{element}, "local">, {tensor}
      kernel.return
    }}"""
    module = Parser(context, text).parse_module()
    module.verify()
    (func,) = module.body.block.ops
    assert isinstance(func, kernel.FuncOp)
    return func


DP4A = """%a = memref.load %r[%zero] : memref<2xi32, "local">
      %c = arith.constant 5 : i32
      %d = elsewhere.dp4a %a, %a, %c
      memref.store %d, %r[%zero] : memref<2xi32, "local">"""


def test_a_scalar_instruction_from_outside_is_one_row(elsewhere: Dialect) -> None:
    func = only_kernel(elsewhere, "i32", DP4A)
    assert "const int d_ = dp4a(a_, a_, 5);" in print_kernel(func)
    x = np.arange(64, dtype=np.int32) * 0x01F20304
    y = np.zeros(64, np.int32)
    run_kernel_threads(func, [x, y], {})
    bytes_ = x.view(np.int8).reshape(-1, 4).astype(np.int32)
    expected = x.copy()
    expected[::2] = ((bytes_**2).sum(axis=1) + 5)[::2]
    np.testing.assert_array_equal(y, expected)


def test_an_instruction_of_warps_from_outside_is_one_row(elsewhere: Dialect) -> None:
    func = only_kernel(elsewhere, "f16", 'elsewhere.movmatrix %r[%zero] : memref<2xf16, "local">')
    assert "movmatrix(reinterpret_cast<unsigned*>(&r_[0]));" in print_kernel(func)
    x = np.arange(64).astype(np.float16)
    y = np.zeros(64, np.float16)
    run_kernel_threads(func, [x, y], {})
    np.testing.assert_array_equal(y.reshape(8, 8), x.reshape(8, 8).T)


def test_wrappers_from_outside_compile(elsewhere: Dialect) -> None:
    if reason := nvrtc_missing():
        pytest.skip(reason)
    from trtc.compiler.codegen.cuda.nvrtc import Job, compile_cubin

    for element, body in (("i32", DP4A), ("f16", 'elsewhere.movmatrix %r[%zero] : memref<2xf16, "local">')):
        compile_cubin(Job(print_kernel(only_kernel(elsewhere, element, body)), "sm_80"))


# The table itself.


def test_every_thread_op_has_a_row_or_is_a_declaration() -> None:
    assert set(kernel.THREAD_OPS) - set(INSTRUCTIONS) == DECLARATIONS


@pytest.mark.parametrize("op", INSTRUCTIONS, ids=lambda op: op.name)
def test_roles_are_operands_and_properties_of_the_op(op: type[IRDLOperation]) -> None:
    definition = op.get_irdl_definition()
    known = {name for name, _ in definition.operands}
    properties = set(definition.properties)
    for role in INSTRUCTIONS[op].roles.values():
        if isinstance(role, Constant):
            assert role.name in properties
            continue
        names = [getattr(role, field) for field in ("operand", "array", "at") if hasattr(role, field)]
        assert names and set(names) <= known, role


@pytest.mark.parametrize("op", INSTRUCTIONS, ids=lambda op: op.name)
def test_who_runs_a_row_is_the_module_that_it_names(op: type[IRDLOperation]) -> None:
    decoder, row = table._DECODERS.get(op), INSTRUCTIONS[op]
    if row.runs is None:
        assert decoder is None and row.numpy is not None
    else:
        assert decoder is not None and decoder.__module__.rpartition(".")[2] == row.runs


def test_a_second_row_and_a_row_without_a_meaning_are_errors() -> None:
    with pytest.raises(ValueError, match=r"kernel\.shuffle_xor: expected one row, got a second"):
        instruction(kernel.ShuffleXorOp, "x", numpy=lambda op: None)
    with pytest.raises(ValueError, match=r"elsewhere\.dp4a: expected semantics in NumPy or the module that runs it"):
        instruction(Dp4aOp, "dp4a()")


def test_sources_of_values_are_used(elsewhere: Dialect) -> None:
    """Another input gives another result: the kernels above do not ignore theirs."""
    func = only_kernel(elsewhere, "i32", DP4A)
    results = []
    for factor in (1, 3):
        y = np.zeros(64, np.int32)
        run_kernel_threads(func, [np.arange(64, dtype=np.int32) * factor, y], {})
        results.append(y)
    assert (results[0] != results[1]).any()
