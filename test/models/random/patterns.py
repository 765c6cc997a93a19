"""Small random modules around the patterns of the tensor-level passes, from seeds: what rewrites match, and what they nearly match.

Each family draws from the ops that one kind of pattern mentions, with constants, permutations and shapes of which many are
near-misses: neutral numbers on either side and of any shape that broadcasts, squares, cubes, rotations, several readers of a
value, dims of unknown size. `check(seed)` runs passes and compares the reference semantics before and after.
"""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from xdsl.dialects.builtin import ModuleOp, bf16, f16, f32, i8, i32
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, Operation, Region
from xdsl.printer import Printer
from xdsl.utils.exceptions import VerifyException

from trtc.compiler.pipeline import run_passes
from trtc.compiler.universe import load_pass, make_context
from trtc.dialects import nn
from trtc.dialects.dtypes import is_integer, numpy_dtype
from trtc.dialects.errors import InvalidModelError
from trtc.dialects.meaning import run_module

from .soups import activation, norm
from .steps import (
    RANGE,
    SIZES,
    Array,
    Draw,
    Step,
    affine,
    arithmetic,
    batch_norm,
    beside,
    broadcast,
    cast,
    clip,
    concat,
    conv,
    cut,
    dequantize,
    gather,
    image,
    join,
    lead,
    mask,
    matmul,
    pad,
    parts,
    pool,
    quantize,
    reduce,
    reshape,
    roll,
    siblings,
    slice_,
    softmax,
    table,
    transpose,
    unary,
    where,
)

SPECIAL = (0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 3e38, -1e-40, 2.5, -0.5)
CLEANUPS = ("canonicalize-nn", "cse", "dce", "fold-constants", "eliminate-transposes")


@dataclass(frozen=True)
class Family:
    """What to draw from, and the passes that the result goes through, each on the same module."""

    steps: tuple[Step, ...]
    passes: tuple[str, ...]
    inputs: tuple[tuple[Attribute, int], ...]
    """Element types and ranks."""
    finite: bool = False
    chained: bool = False
    """Whether each pass gets what the one before gave, not the module as it was drawn."""


FAMILIES: dict[str, Family] = {
    "numbers": Family((*[arithmetic] * 8, clip, clip, unary, where, where, cast, broadcast), CLEANUPS, ((f32, 1), (f32, 2), (i32, 1))),
    "casts": Family((cast, cast, where, unary), CLEANUPS, ((f16, 1), (i32, 1), (i8, 2), (bf16, 1))),
    "views": Family(
        (transpose, transpose, reshape, slice_, concat, gather, broadcast, unary, arithmetic, arithmetic), CLEANUPS, ((f32, 3), (f32, 2)),
    ),
    "orders": Family(
        (transpose, transpose, transpose, arithmetic, concat, reduce, softmax, gather, pad, slice_, broadcast, reshape),
        ("eliminate-transposes", "canonicalize-nn"), ((f32, 3), (f32, 3)), finite=True,
    ),
    "windows": Family((pad, pad, pool, unary, clip, transpose, concat), ("canonicalize-nn", "eliminate-transposes"), ((f32, 4),)),
    "rolls": Family(
        (roll, roll, softmax, arithmetic, unary, transpose, reshape, reduce),
        ("canonicalize-nn", "sink-reshapes", "fuse-groups", "assign-destinations", "outline-groups"),
        ((f32, 3), (f32, 4)), finite=True, chained=True,
    ),
    "padded convs": Family((pad, conv, unary), ("canonicalize-nn",), ((f32, 4),), finite=True),
    "products": Family(
        (transpose, transpose, reshape, matmul, arithmetic), ("canonicalize-nn", "transpose-weights"), ((f32, 3), (f32, 2)), finite=True,
    ),
    "affine": Family(
        (affine, affine, affine, conv, matmul, batch_norm, unary), ("fold-batch-norm",), ((f32, 4), (f32, 2)), finite=True,
    ),
    "marks": Family(
        (*[quantize] * 4, *[dequantize] * 4, transpose, reshape, slice_, gather, concat, unary, pool),
        ("place-qdq", "canonicalize-nn", "eliminate-transposes"), ((f32, 4), (i8, 2), (i32, 2)),
    ),
    "groups": Family(
        (
            arithmetic, arithmetic, unary, where, transpose, reshape, slice_, concat, gather, broadcast, reduce, softmax, pad, pool, conv,
            matmul, quantize, dequantize,
        ),
        ("place-qdq", "fuse-groups", "realize-integer", "assign-destinations", "merge-pointwise", "outline-groups", "hoist-weights"),
        ((f32, 3), (f32, 4), (i8, 2)), finite=True, chained=True,
    ),
    "images": Family((image, unary), ("pad-channels",), ((f32, 4),), finite=True),
    "siblings": Family(
        (siblings, siblings, siblings, unary, transpose, reshape, slice_, pool),
        ("merge-siblings", "fuse-groups", "realize-integer", "assign-destinations", "merge-pointwise", "outline-groups", "hoist-weights"),
        ((f32, 3), (f32, 4), (f32, 2)), finite=True, chained=True,
    ),
    "soups": Family(
        (activation, activation, norm, norm, clip, unary), ("recognise-activations", "recognise-norms"), ((f32, 3), (f32, 2)),
        finite=True,
    ),
}  # fmt: skip
"""A seed chooses one of these, so that a further one changes all modules."""

VIEW_FAMILIES: dict[str, Family] = {
    "joins": Family((join, join, cut, concat, slice_, unary), ("nest-concats",), ((f32, 2), (f32, 2), (f32, 3))),
    "leading dims": Family(
        (lead, lead, lead, matmul, matmul, arithmetic, arithmetic, unary, softmax, reduce, transpose, cast, concat, reshape),
        ("sink-reshapes",), ((f32, 3), (f32, 3)), finite=True,
    ),
    "parts": Family((parts, parts, table, unary, softmax, reshape, transpose), ("canonicalize-nn",), ((f32, 3), (f32, 2)), finite=True),
    "masks": Family((mask, mask, arithmetic, unary, where), ("sink-reshapes",), ((i32, 2), (i32, 3), (f32, 3)), finite=True),
    "padding": Family((beside, beside, beside, unary, concat), ("pad-concats",), ((f32, 2), (f32, 3))),
    "one after the other": Family(
        (
            lead, lead, join, cut, beside, transpose, transpose, reshape, matmul, matmul, siblings, conv, softmax, reduce, unary,
            arithmetic, concat, slice_, where, pool,
        ),
        (
            "canonicalize-nn", "eliminate-transposes", "canonicalize-nn", "cse", "recognise-attention", "nest-concats", "pad-concats",
            "sink-reshapes", "transpose-weights", "merge-siblings", "fold-constants", "cse", "dce", "fuse-groups", "assign-destinations",
            "hoist-weights", "outline-groups",
        ),
        ((f32, 3), (f32, 4), (f32, 3)), finite=True, chained=True,
    ),
}  # fmt: skip
"""Of passes about views, with seeds of their own."""


@dataclass(frozen=True)
class Case:
    seed: int
    family: Family
    module: ModuleOp
    inputs: list[list[Array]]
    """One set per size of N."""


def attempt(d: Draw, step: Step) -> None:
    """Add the op of a step; where what was drawn does not fit, raise, and take what was made for it away."""
    before = d.block.last_op
    try:
        step(d)
    except (InvalidModelError, VerifyException, ValueError):
        while d.block.last_op is not before:
            assert d.block.last_op is not None
            d.block.erase_op(d.block.last_op)
        raise


def random_case(seed: int, family: Family | None = None) -> Case:
    """The module of a seed, which also chooses the family where none is given; equal seeds give equal modules."""
    rng = np.random.default_rng(seed)
    family = family or list(FAMILIES.values())[seed % len(FAMILIES)]
    d = Draw(rng, family.finite)
    for element, rank in family.inputs:
        if image in family.steps:
            d.input(element, [2, *(int(n) for n in rng.integers(4, 12, 2)), d.one([3, 4, 3, 5])])
        else:
            d.input(
                element, [d.one(SIZES), *(int(n) for n in rng.integers(1, 5, 2)), 2] if rank == 4 else d.shape(rank)
            )
    wanted = int(rng.integers(6, 16))
    for _ in range(5 * wanted):
        if len(d.pool) >= len(d.block.args) + wanted:
            break
        with contextlib.suppress(InvalidModelError, VerifyException, ValueError):
            attempt(d, d.one(family.steps))
    results = [v for v in d.pool if v.first_use is None or rng.random() < 0.1]
    d.block.add_op(ReturnOp(*results))
    types = [v.type for v in d.block.args], [v.type for v in results]
    module = ModuleOp([FuncOp("main", types, Region(d.block))])
    nn.set_symbol_ranges(module, {"N": RANGE})
    module.verify()
    return Case(
        seed, family, module, [[_array(rng, a.type, n, family.finite) for a in d.block.args] for n in (1, 3, 3)]
    )


def _array(rng: np.random.Generator, ty: Attribute, n: int, finite: bool) -> Array:
    shape, element = [d.evaluate({"N": n}) for d in nn.shape_of(ty)], nn.element_of(ty)
    if is_integer(element):
        return rng.integers(-128, 128, shape).astype(numpy_dtype(element))
    if finite:
        return rng.integers(-4, 5, shape).astype(numpy_dtype(element))
    numbers = np.where(rng.random(shape) < 0.7, rng.choice(SPECIAL, shape), rng.standard_normal(shape))
    with np.errstate(over="ignore"):
        return numbers.astype(numpy_dtype(element))


SUMS = (nn.ReduceOp, nn.NormalizeOp, nn.LayerNormOp, nn.SoftmaxOp, nn.MatmulOp, nn.ConvOp)
TOLERANCE = {"exact": 1e-6, "reassociates": 1e-5}
"""Relative to the largest value on the way, for what sums; everything else is equal bit for bit through an exact pass."""
EITHER_ZERO = (nn.MinOp, nn.MaxOp, nn.ReluOp, nn.ClipOp, nn.MaxPoolOp, nn.ReduceOp)
"""Of 0.0 and -0.0 these may give either, and NumPy's vectorised loops do: what contains them is compared without signs of zeros."""
AGAIN = ("canonicalize-nn", "cse", "dce", "fold-constants", "place-qdq")
"""Passes that find nothing more to do in what they give."""


def text(module: ModuleOp) -> str:
    stream = io.StringIO()
    Printer(stream).print_op(module)
    return stream.getvalue()


def apply(module: ModuleOp, name: str) -> str:
    """Run a pass, verifying its result; returns what it declares about numbers."""
    options: dict[str, Any] = {"always": True} if name in ("pad-channels", "merge-siblings") else {}
    step = load_pass(name)(**options)
    run_passes(module, [step], make_context())
    return getattr(step, "numerics", "exact")


def check(seed: int, family: Family | None = None) -> None:
    """Run the passes of a seed's family, or a given one; raises AssertionError with the module where one does not keep its word."""
    case = random_case(seed, family)
    before = text(case.module)
    expected, largest = zip(*(_run(case.module, arrays) for arrays in case.inputs), strict=True)
    sums, zeros = (any(isinstance(op, kinds) for op in case.module.walk()) for kinds in (SUMS, EITHER_ZERO))
    module = case.module.clone()
    for name in case.family.passes:
        module = module if case.family.chained else case.module.clone()
        context = f"seed {seed}, {name}:\n{before}"
        numerics = apply(module, name)
        for arrays, wanted, size in zip(case.inputs, expected, largest, strict=True):
            bound = TOLERANCE[numerics] * size if sums or numerics != "exact" else 0.0
            compare(_run(module, arrays)[0], wanted, bound, f"{context}\n{text(module)}", signs=not zeros)
        if name in AGAIN:
            once = text(module)
            apply(module, name)
            assert text(module) == once, f"{context}\nonce:\n{once}\nagain:\n{text(module)}"


def _run(module: ModuleOp, arrays: list[Array]) -> tuple[list[Array], float]:
    """The outputs, and the largest finite number on the way."""
    largest = 1.0

    def see(_op: Operation, _index: int, array: Array) -> None:
        nonlocal largest
        sizes = np.abs(np.asarray(array, np.float64))
        largest = max(largest, float(sizes[np.isfinite(sizes)].max(initial=0.0)))

    return run_module(module, arrays, on_result=see), largest


def compare(got: list[Array], wanted: list[Array], bound: float, context: str, *, signs: bool) -> None:
    """Equal types and shapes; numbers within the bound, or for a bound of 0 the same, `signs` of zeros included."""
    for index, (a, b) in enumerate(zip(got, wanted, strict=True)):
        assert (a.dtype, a.shape) == (b.dtype, b.shape), (
            f"{context}\noutput {index}: {a.dtype}{a.shape} for {b.dtype}{b.shape}"
        )
        x, y = np.asarray(a, np.float64), np.asarray(b, np.float64)
        same = (x == y) & (np.signbit(x) == np.signbit(y) if signs and bound == 0 else True) | np.isnan(x) & np.isnan(y)
        with np.errstate(invalid="ignore"):
            near = same if bound == 0 else same | (np.abs(x - y) <= bound)
        assert near.all(), f"{context}\noutput {index}: expected {b.tolist()}, got {a.tolist()}"
