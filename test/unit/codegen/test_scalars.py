"""What scalar ops become in CUDA C computes what the simulator computes: the host's C++ compiler runs the printed expressions.

Operands are the values that rules tend to forget; `test_on_the_host` runs whole kernels in this way.
"""

from __future__ import annotations

import ctypes
import itertools
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from xdsl.dialects import arith, math
from xdsl.dialects.builtin import FloatAttr, IntegerAttr, bf16, f16, f32, f64, i1, i8, i32, i64
from xdsl.ir import Attribute, Block, Operation

from trtc.compiler.codegen.cuda.prelude import table
from trtc.dialects import kernel
from trtc.dialects.dtypes import i16
from trtc.dialects.kernel.instruction import Wrapper
from trtc.dialects.kernel.scalars.ctext import c_type, literal
from trtc.dialects.kernel.scalars.numerics import dtype_of
from trtc.dialects.kernel.scalars.table import SCALARS, evaluate

sys.path.insert(0, str(Path(__file__).parent))
from test_on_the_host import IN_C, SHIM

RSQRT = "static double rsqrt(double x) { return 1 / sqrt(x); }\n"
INTEGERS, FLOATS = (i8, i16, i32, i64), (f32, f64)
SHIFTS = (arith.ShLIOp, arith.ShRSIOp, arith.ShRUIOp)
DIVISIONS = (
    arith.DivSIOp, arith.RemSIOp, arith.DivUIOp, arith.RemUIOp, arith.FloorDivSIOp, arith.CeilDivSIOp,
)  # fmt: skip
BOTH_ZEROS = (arith.MaxnumfOp, arith.MinnumfOp)
"""C leaves open which zero they give."""
ROUNDED = (
    math.AcosOp, math.AcoshOp, math.AsinOp, math.AsinhOp, math.AtanOp, math.AtanhOp, math.CosOp, math.ErfOp, math.Exp2Op,
    math.ExpM1Op, math.ExpOp, math.Log10Op, math.Log1pOp, math.Log2Op, math.LogOp, math.PowFOp, math.RsqrtOp, math.SinOp, math.TanhOp,
)  # fmt: skip
"""Functions of libraries, which differ in their last bits."""


@dataclass(frozen=True)
class Case:
    """An op on operands of some types."""

    kind: type[Operation]
    operands: tuple[Attribute, ...]
    result: Attribute
    predicate: int | None = None

    def __str__(self) -> str:
        name = self.kind.name if self.predicate is None else f"{self.kind.name}[{self.predicate}]"
        return f"{name}({', '.join(map(str, self.operands))}) -> {self.result}"

    def op(self) -> Operation:
        properties = {} if self.predicate is None else {"predicate": IntegerAttr(self.predicate, i64)}
        block = Block(arg_types=self.operands)
        return self.kind.create(operands=block.args, result_types=[self.result], properties=properties)


def cases() -> Iterator[Case]:
    binary_integers = (
        arith.AddiOp, arith.SubiOp, arith.MuliOp, arith.AndIOp, arith.OrIOp, arith.XOrIOp, arith.MinSIOp, arith.MaxSIOp, arith.MinUIOp,
        arith.MaxUIOp, *SHIFTS, arith.DivSIOp, arith.RemSIOp, arith.DivUIOp, arith.RemUIOp,
    )  # fmt: skip
    for kind, type_ in itertools.product(binary_integers, INTEGERS):
        yield Case(kind, (type_, type_), type_)
    for kind in (arith.FloorDivSIOp, arith.CeilDivSIOp):
        yield Case(kind, (i32, i32), i32)
    for type_ in (i32, i64):
        yield Case(math.IPowIOp, (type_, type_), type_)
        yield Case(math.AbsIOp, (type_,), type_)
    for type_, predicate in itertools.product(INTEGERS, range(10)):
        yield Case(arith.CmpiOp, (type_, type_), i1, predicate)
    for type_, predicate in itertools.product(FLOATS, range(1, 15)):
        yield Case(arith.CmpfOp, (type_, type_), i1, predicate)
    binary = (
        arith.AddfOp, arith.SubfOp, arith.MulfOp, arith.DivfOp, arith.MaxnumfOp, arith.MinnumfOp, math.CopySignOp, math.PowFOp,
        kernel.FmodOp,
    )  # fmt: skip
    unary = (
        arith.NegfOp, math.AbsFOp, math.CeilOp, math.FloorOp, math.RoundEvenOp, math.SqrtOp, math.TruncOp,
        *(kind for kind in ROUNDED if kind is not math.PowFOp),
    )  # fmt: skip
    for type_ in FLOATS:
        yield from (Case(kind, (type_, type_), type_) for kind in binary)
        yield from (Case(kind, (type_,), type_) for kind in unary)
        yield Case(arith.SelectOp, (i1, type_, type_), type_)
        yield from (Case(arith.SIToFPOp, (of,), type_) for of in (i1, *INTEGERS))
        yield from (Case(arith.UIToFPOp, (of,), type_) for of in (i1, *INTEGERS))
        yield from (Case(arith.FPToSIOp, (type_,), to) for to in INTEGERS)
        yield Case(arith.MaximumfOp, (type_, type_), type_)
        yield Case(arith.MinimumfOp, (type_, type_), type_)
    yield Case(kernel.ReciprocalOp, (f32,), f32)
    yield Case(arith.ExtFOp, (f32,), f64)
    yield Case(arith.TruncFOp, (f64,), f32)
    yield Case(arith.BitcastOp, (f32,), i32)
    yield Case(arith.BitcastOp, (i32,), f32)
    for at, of in enumerate((i1, *INTEGERS)):
        for to in INTEGERS[at:]:
            yield Case(arith.ExtSIOp, (of,), to)
            yield Case(arith.ExtUIOp, (of,), to)
        yield from (Case(arith.TruncIOp, (of,), to) for to in (i1, *INTEGERS)[:at])


def specials(type_: Attribute) -> np.ndarray[Any, Any]:
    dtype = dtype_of(type_)
    if dtype.kind == "b":
        return np.array([False, True])
    if dtype.kind == "i":
        info = np.iinfo(dtype)
        return np.array([info.min, info.min + 1, -100, -7, -2, -1, 0, 1, 2, 3, 7, 100, info.max - 1, info.max], dtype)
    tiny, largest = np.finfo(dtype).tiny, np.finfo(dtype).max
    some = [0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 100.7, 2.0**24 + 1, tiny, largest, np.inf]
    return np.array([0.0, -0.0, np.nan, *some, *(-x for x in some)], dtype)


def operands(case: Case) -> list[np.ndarray[Any, Any]]:
    """Every combination of special values of which the op's result is defined."""
    grid = np.meshgrid(*map(specials, case.operands), indexing="ij")
    values = [np.ascontiguousarray(part.reshape(-1)) for part in grid]
    keep = np.ones(len(values[0]), bool)
    if case.kind in DIVISIONS:
        keep = (values[1] != 0) & ~((values[0] == values[0].min()) & (values[1] == -1))
    if case.kind in SHIFTS:
        keep = (values[1] >= 0) & (values[1] < 8 * values[1].itemsize)
    if case.kind is math.AbsIOp:
        keep = values[0] != values[0].min()
    if case.kind is arith.FPToSIOp:
        keep = np.abs(values[0]) <= np.iinfo(dtype_of(case.result)).max * 0.5
    return [np.ascontiguousarray(part[keep]) for part in values]


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Any]:
    """The library of all cases: function `f<number>` of a case."""
    compiler = shutil.which("g++")
    if compiler is None:
        pytest.skip("no host compiler: g++ is not installed")
    used: dict[str, None] = {}

    def needs(wrapper: Wrapper) -> str:
        used.setdefault(wrapper.name)
        return wrapper.name

    functions: list[str] = []
    for number, case in enumerate(CASES):
        names = [f"x{i}" for i in range(len(case.operands))]
        parameters = "".join(f", const {c_type(t, needs)}* {n}s" for t, n in zip(case.operands, names, strict=True))
        loads = "".join(
            f"    const {c_type(t, needs)} {n} = {n}s[i];\n" for t, n in zip(case.operands, names, strict=True)
        )
        result = c_type(case.result, needs)
        functions.append(
            f'extern "C" void f{number}(long long n, {result}* rs{parameters}) {{\n  for (long long i = 0; i < n; i++) {{\n{loads}'
            f"    const {result} r = {SCALARS[case.kind].c(case.op(), names, needs)};\n    rs[i] = r;\n  }}\n}}\n"
        )
    wrappers = [IN_C.get(name, wrapper.text) for name, wrapper in table().items() if name in used]
    folder: Path = tmp_path_factory.mktemp("scalars")
    (folder / "all.cc").write_text("\n".join([SHIM, RSQRT, *wrappers, *functions]))
    command = [compiler, "-std=c++17", "-w", "-O1", "-ffp-contract=off", "-shared", "-fPIC", "all.cc", "-o", "all.so"]
    subprocess.run(command, cwd=folder, check=True)
    library = ctypes.CDLL(str(folder / "all.so"))
    return lambda number: library[f"f{number}"]


CASES = list(cases())


@pytest.mark.parametrize("kind", sorted({case.kind for case in CASES}, key=lambda kind: kind.name))
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_an_expression_computes_what_the_simulator_does(kind: type[Operation], compiled: Callable[[int], Any]) -> None:
    for number, case in enumerate(CASES):
        if case.kind is not kind:
            continue
        values = operands(case)
        got = np.empty(len(values[0]), dtype_of(case.result))
        pointers = [ctypes.c_void_p(array.ctypes.data) for array in (got, *values)]
        compiled(number)(ctypes.c_longlong(len(got)), *pointers)
        expected = np.asarray(evaluate(case.op(), list(values)))
        for at in range(len(got)):
            assert same(case, got[at], expected[at]), f"{case} of {[v[at] for v in values]}: {got[at]}, {expected[at]}"


def same(case: Case, got: Any, expected: Any) -> bool:
    if got.dtype.kind != "f" or got != got or expected != expected:
        return bool(got == expected or (got != got and expected != expected))
    if case.kind in ROUNDED and np.isfinite(expected) and expected != 0:
        return bool(np.isclose(got, expected, rtol=1e-6 if got.dtype == np.float32 else 1e-13, atol=0))
    return bool(got == expected and (case.kind in BOTH_ZEROS or np.signbit(got) == np.signbit(expected)))


def test_every_op_is_tried() -> None:
    unused_by_kernels_or_fused = {arith.FPToUIOp, arith.IndexCastOp, math.FmaOp}
    assert set(SCALARS) - {case.kind for case in CASES} == unused_by_kernels_or_fused


@pytest.mark.parametrize(
    "value, text",
    [
        (IntegerAttr(-(2**63), i64), "(-9223372036854775807ll - 1)"),
        (IntegerAttr(2**63 - 1, i64), "9223372036854775807ll"),
        (IntegerAttr(-(2**31), i32), "(-2147483647 - 1)"),
        (IntegerAttr(2**31 - 1, i32), "2147483647"),
        (IntegerAttr(-128, i8), "-128"),
        (IntegerAttr(-1, i1), "true"),
        (FloatAttr(float("inf"), f32), "__int_as_float(0x7f800000)"),
        (FloatAttr(float("-inf"), f32), "-__int_as_float(0x7f800000)"),
        (FloatAttr(float("-inf"), f64), "-__longlong_as_double(0x7ff0000000000000ll)"),
        (FloatAttr(float("nan"), f32), "__int_as_float(0x7fffffff)"),
        (FloatAttr(float("nan"), f64), "__longlong_as_double(0x7fffffffffffffffll)"),
        (FloatAttr(-0.0, f32), "-0.0f"),
        (FloatAttr(16777217.0, f64), "16777217.0"),
        (FloatAttr(1.00000011920929, f32), "1.0000001f"),
        (FloatAttr(0.1, f64), "0.1"),
        (FloatAttr(-2.0, f16), "0xc000"),
        (FloatAttr(1.00390625, bf16), "0x3f80"),
    ],
    ids=str,
)
def test_literals_mean_exactly_their_value(value: Attribute, text: str) -> None:
    assert literal(value) == text
