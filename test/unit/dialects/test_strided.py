"""Views against NumPy's own: the same strides and elements through chains of transposes, slices, broadcasts and reshapes, and a copy is
needed where NumPy needs one. Symbols get small values, for which elements are compared, or large primes, for which no two products
of dims agree by chance: there NumPy must refuse exactly what is refused for all values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.lib.stride_tricks import as_strided
from xdsl.dialects.builtin import f32
from xdsl.ir import Block, Operation

from trtc.dialects import nn
from trtc.dialects.dims import Expr, ceildiv, const, parse_expr, product, symbol
from trtc.dialects.strided import (
    BoundView,
    View,
    collapse,
    is_row_major,
    merged,
    operand_views,
    refined,
    reshaped_strides,
    result_view,
    row_major_strides,
    same_strides,
    space_axes,
    split_runs,
    through,
)

Array = np.ndarray[Any, Any]
CONSTANTS = (0, 1, 1, 2, 3, 4, 6)
LARGE = {"N": 211, "H": 223, "W": 227}
"""Values of symbols that make no product of dims equal another by chance."""
MOST = 1 << 16
"""Elements that are compared one by one."""
CHAIN = 4
TRIALS = 60


def exprs(*values: int | str | Expr) -> tuple[Expr, ...]:
    return tuple(parse_expr(v) if isinstance(v, str) else v if isinstance(v, Expr) else const(v) for v in values)


def sizes(dims: tuple[Expr, ...], env: Mapping[str, int]) -> tuple[int, ...]:
    return tuple(extent.evaluate(env) for extent in dims)


def elements(bound: BoundView) -> Array:
    """The numbers of the owner's elements that a view sees."""
    steps = [
        np.arange(d).reshape(-1, *[1] * (len(bound.dims) - i - 1)) * s
        for i, (d, s) in enumerate(zip(*bound[1:], strict=True))
    ]
    return np.broadcast_to(bound.offset + sum(steps, np.int64(0)), bound.dims)


@dataclass
class Pair:
    """A view and what NumPy has for the values `env` of its symbols. `buffer` holds its own element numbers if it is small."""

    view: View[str]
    array: Array
    buffer: Array
    env: Mapping[str, int]

    @classmethod
    def whole(cls, dims: tuple[Expr, ...], env: Mapping[str, int]) -> Pair:
        shape = sizes(dims, env)
        if (count := int(np.prod(shape, dtype=object))) <= MOST:
            buffer = np.arange(count).reshape(shape)
        else:
            strides = [8 * s for s in sizes(row_major_strides(dims), env)]
            buffer = as_strided(np.zeros(1, np.int64), shape, strides, writeable=False)
        return cls(View.whole("x", dims), buffer, buffer, env)

    @property
    def symbolic(self) -> bool:
        return any(e.as_int() is None for e in (*self.view.dims, *self.view.strides))

    def check(self) -> None:
        bound, array = self.view.bind(self.env), self.array
        assert bound.dims == array.shape
        if not array.size:
            assert bound.reach is None
            return
        counted = [(s, 8 * t) for d, s, t in zip(array.shape, array.strides, bound.strides, strict=True) if d != 1]
        assert [s for s, _ in counted] == [t for _, t in counted]
        begin = (array.__array_interface__["data"][0] - self.buffer.__array_interface__["data"][0]) // 8
        assert bound.offset == begin
        if max(self.buffer.size, array.size) <= MOST:
            np.testing.assert_array_equal(elements(bound), array)
            assert bound.reach == (array.min(), array.max())

    def then(self, view: View[str], array: Array) -> Pair:
        return Pair(view, array, self.buffer, self.env)


# Random steps.


def transposed(rng: np.random.Generator, at: Pair) -> Pair:
    order = [int(i) for i in rng.permutation(at.array.ndim)]
    return at.then(at.view.transposed(order), at.array.transpose(order))


def sliced(rng: np.random.Generator, at: Pair) -> Pair:
    """Forwards from the first element or a later one, or backwards from the last, in steps of 1 to 3."""
    starts, steps, dims, slices = list[Expr](), list[int](), list[Expr](), list[slice]()
    for extent, size in zip(at.view.dims, at.array.shape, strict=True):
        step = int(rng.integers(1, 4))
        if rng.random() < 0.4:
            starts.append(extent - 1)
            steps.append(-step)
            dims.append(ceildiv(extent, step))
            slices.append(slice(None, None, -step))
        else:
            start = min(int(rng.integers(3)), size)
            starts.append(const(start))
            steps.append(step)
            dims.append(ceildiv(extent - start, step))
            slices.append(slice(start, None, step))
    return at.then(at.view.sliced(starts, steps, dims), at.array[(*slices, ...)])


def broadcast(rng: np.random.Generator, at: Pair) -> Pair:
    def wide() -> Expr:
        return symbol(str(rng.choice(list(at.env)))) if at.env and rng.random() < 0.5 else const(int(rng.integers(5)))

    dims = [wide() if d == 1 and rng.random() < 0.5 else d for d in at.view.dims]
    dims = [wide(), *dims] if rng.random() < 0.3 and len(dims) < 6 else dims
    return at.then(at.view.broadcast(dims), np.broadcast_to(at.array, sizes(tuple(dims), at.env)))


def regrouped(rng: np.random.Generator, dims: tuple[Expr, ...]) -> tuple[Expr, ...]:
    """Other dims with as many elements: the factors, mostly in their order, put together anew, with ones between them."""
    factors: list[Expr] = []
    for extent in dims:
        size = extent.as_int()
        factors += (
            [extent] if size is None or size not in (4, 6) or rng.random() < 0.5 else [const(2), const(size // 2)]
        )
    if rng.random() < 0.3:
        factors = [factors[i] for i in rng.permutation(len(factors))]
    new: list[list[Expr]] = []
    for factor in factors:
        if new and rng.random() < 0.5:
            new[-1].append(factor)
        else:
            new.append([factor])
        if rng.random() < 0.2:
            new.append([])
    return tuple(map(product, new))


def reshaped(rng: np.random.Generator, at: Pair) -> Pair:
    dims = regrouped(rng, at.view.dims)
    try:
        array = np.reshape(at.array, sizes(dims, at.env), copy=False)
    except ValueError:
        array = None
    view = at.view.reshaped(dims)
    if isinstance(view, str):
        by_chance = at.symbolic and at.env is not LARGE
        assert array is None or by_chance, (
            f"NumPy needs no copy from {at.array.shape}, strides {at.array.strides}: {view}"
        )
        return at
    assert array is not None, f"NumPy needs a copy from {at.array.shape}, strides {at.array.strides} to {dims}"
    return at.then(view, array)


STEPS: tuple[Callable[[np.random.Generator, Pair], Pair], ...] = (transposed, sliced, broadcast, reshaped, reshaped)


@pytest.mark.parametrize("symbols", ["none", "small", "large"])
@pytest.mark.parametrize("seed", range(8))
def test_chains_of_views_see_what_numpy_sees(symbols: str, seed: int) -> None:
    rng = np.random.default_rng([seed, len(symbols)])
    for _ in range(TRIALS):
        env = {"small": {name: int(rng.integers(5)) for name in LARGE}, "large": LARGE}.get(symbols, {})
        names = [symbol(name) for name in env]
        constants = CONSTANTS if symbols != "large" else CONSTANTS[1:]
        choices = [*map(const, constants), *names, *names]
        at = Pair.whole(tuple(choices[i] for i in rng.integers(len(choices), size=rng.integers(5))), env)
        for _ in range(CHAIN):
            at = STEPS[rng.integers(len(STEPS))](rng, at)
            at.check()


def test_the_chains_reach_what_they_should() -> None:
    """Refused and accepted reshapes of views that are not row-major, negative strides, repeated, empty and scalar views: all are many."""
    rng, seen = (
        np.random.default_rng(1),
        dict.fromkeys(("refused", "accepted", "negative", "repeated", "empty", "scalar"), 0),
    )
    for _ in range(600):
        at = Pair.whole(exprs(*(int(d) for d in rng.choice(CONSTANTS, rng.integers(5)))), {})
        for _ in range(CHAIN):
            before, step = at, STEPS[rng.integers(len(STEPS))]
            at = step(rng, at)
            strides = at.view.bind({}).strides
            seen["refused"] += step is reshaped and at is before
            seen["accepted"] += step is reshaped and at is not before and not before.view.is_row_major
            seen["negative"] += any(s < 0 for s in strides)
            seen["repeated"] += any(s == 0 and d > 1 for s, d in zip(strides, at.array.shape, strict=True))
            seen["empty"] += at.array.size == 0
            seen["scalar"] += at.array.ndim == 0
    assert min(seen.values()) > 30, seen


# Single facts.


def test_row_major_strides() -> None:
    assert row_major_strides(()) == ()
    assert row_major_strides(exprs("N")) == (1,)
    assert row_major_strides(exprs(2, "N", 4)) == exprs("4*N", 4, 1)
    assert is_row_major(exprs(1, 3), exprs(17, 1)), "the stride of a dim of size 1 does not count"
    assert not is_row_major(exprs("N", 3), exprs(17, 1))
    assert same_strides(exprs(2, 1), exprs(3, 5), exprs(3, 7)) and not same_strides(exprs(2), exprs(3), exprs(2))


def test_a_rotation_is_undone_by_its_inverse_only() -> None:
    whole = View.whole("x", exprs(2, 3, 4))
    turned = whole.transposed([1, 2, 0])
    assert (turned.dims, turned.strides) == (exprs(3, 4, 2), exprs(4, 1, 12))
    assert turned.untransposed([1, 2, 0]) == whole
    assert whole.untransposed([1, 2, 0]).strides == exprs(1, 12, 4)


def test_whole_is_all_from_the_start_in_order() -> None:
    dims = exprs(2, "N")
    whole = View.whole("x", dims)
    assert whole.is_whole(dims) and not whole.is_whole(exprs(4, "N"))
    assert not whole.transposed([1, 0]).is_whole(exprs("N", 2))
    assert not View("x", dims, whole.strides, const(1)).is_whole(dims)
    assert View("x", exprs(1, "N"), exprs(5, 1)).is_whole(exprs(1, "N"))


def test_a_reshape_that_needs_a_copy_says_so() -> None:
    rows = View("x", exprs("N", 4), exprs(6, 1))
    assert rows.reshaped(exprs("4*N")) == "no strides express [N, 4] at strides [6, 1] as [4*N]"
    assert rows.reshaped(exprs("N", 2, 2)) == View("x", exprs("N", 2, 2), exprs(6, 2, 1))
    assert reshaped_strides(exprs("N", 4), exprs(6, 1), exprs("4*N")) is None
    assert reshaped_strides(exprs("N", 4), exprs(6, 1), exprs("H", "N", 4)) is None, "more elements than there are"


def test_bounds_of_a_view() -> None:
    view = View("x", exprs("N", 3), exprs(-4, 1), parse_expr("4*N"))
    assert view.bind({"N": 3}) == (12, (3, 3), (-4, 1))
    assert view.bind({"N": 3}).reach == (4, 14)
    assert view.bind({"N": 0}).reach is None
    assert view.end == 6
    with pytest.raises(KeyError, match="N"):
        view.bind({})


@pytest.mark.parametrize("seed", range(100))
def test_merged_dims_keep_elements_and_their_order(seed: int) -> None:
    rng = np.random.default_rng(seed)
    at = Pair.whole(exprs(*(int(d) for d in rng.choice([1, 2, 3], 5))), {})
    at = transposed(rng, at) if rng.random() < 0.7 else at
    cut = int(rng.integers(6))
    groups = [list(range(cut)), list(range(cut, 5))]
    dims, strides, parts = collapse(at.view.dims, at.view.strides, groups)
    assert sorted(d for part in parts for d in part) == list(range(len(dims)))
    new = View("x", tuple(dims), tuple(strides)).bind({})
    np.testing.assert_array_equal(elements(new).ravel(), at.array.ravel())
    for part in parts:
        assert 1 not in [dims[d] for d in part]
        assert all(strides[a] != strides[b] * dims[b] for a, b in pairwise(part)), "still mergeable"
    assert merged(at.view.dims[:cut], at.view.strides[:cut]) == [(dims[d], strides[d]) for d in parts[0]]


@pytest.mark.parametrize("seed", range(30))
def test_two_lists_of_dims_merge_common_ones(seed: int) -> None:
    """Each dim of either list is a run of the common ones, in order."""
    rng = np.random.default_rng(seed)
    parts = [int(n) for n in rng.choice([1, 2, 3, 4], 5)]

    def joined() -> list[int]:
        cuts = [0, *sorted(rng.choice(range(1, 5), int(rng.integers(0, 4)), replace=False)), 5]
        return [int(np.prod(parts[a:b])) for a, b in pairwise(int(c) for c in cuts)]

    a, b = joined(), joined()
    finer = refined([const(n) for n in a], [const(n) for n in b])
    assert finer is not None and 1 not in finer
    sizes = [int(n.as_int() or 0) for n in finer]
    for dims in (a, b):
        runs = split_runs([const(n) for n in dims], finer)
        assert runs is not None and [i for run in runs for i in run] == list(range(len(sizes)))
        assert [int(np.prod([sizes[i] for i in run])) for run in runs] == dims


def test_common_dims_with_unknown_sizes() -> None:
    n, s = symbol("N"), symbol("S")
    assert refined([n * s, const(8)], [n, s * 2, const(4)]) == (n, s, const(2), const(4))
    assert refined([const(3), const(4)], [const(2), const(6)]) is None
    assert refined([n, const(4)], [s, const(4)]) is None
    assert split_runs([n * s, const(1), const(8)], [n, s, const(2), const(4)]) == [[0, 1], [], [2, 3]]
    assert split_runs([const(6)], [const(4), const(2)]) is None


def test_a_dim_is_split() -> None:
    view = View("x", exprs("N", 12, 5), exprs(60, 5, 1), const(3)).split(1, const(3), const(4))
    assert view == View("x", exprs("N", 3, 4, 5), exprs(60, 20, 5, 1), const(3))


def test_parts_are_those_that_a_concat_fills() -> None:
    whole = View.whole("x", exprs(2, 9)).sliced(exprs(0, 8), [1, -1], exprs(2, 9))
    parts = list(whole.parts(1, [exprs(2, n) for n in (4, 0, 3, 2)]))
    array = np.arange(18).reshape(2, 9)[:, ::-1]
    for part, expected in zip(parts, np.split(array, [4, 4, 7], axis=1), strict=True):
        np.testing.assert_array_equal(elements(part.bind({})), expected)
    assert [p.offset for p in View.whole("x", exprs("3*N")).parts(0, [exprs("N")] * 3)] == list(exprs(0, "N", "2*N"))


@pytest.mark.parametrize(
    ("inner", "dims"), [((3,), (2, 3)), ((2, 1), (2, 3)), ((), (4,)), ((1, 4), (2, 3, 4)), ((2, 3), (2, 3))]
)
def test_over_a_space_is_a_broadcast_to_it(inner: tuple[int, ...], dims: tuple[int, ...]) -> None:
    at, space = Pair.whole(exprs(*inner), {}), exprs(*dims)
    seen = at.view.over(space_axes(at.view.dims, space), space)
    np.testing.assert_array_equal(elements(seen.bind({})), np.broadcast_to(at.array, dims))


def test_over_a_space_a_tensor_runs_along_the_axes_it_is_told() -> None:
    at = Pair.whole(exprs(3, 3, 2), {})
    seen = at.view.over((1, 1, None), exprs(5, 3))  # its diagonal
    np.testing.assert_array_equal(elements(seen.bind({})), np.broadcast_to(at.array[[0, 1, 2], [0, 1, 2], 0], (5, 3)))


# Ops.


def tensor(*dims: int | str) -> Any:
    return Block(arg_types=[nn.tensor_type(dims, f32)]).args[0]


def test_ops_are_views_of_their_operand() -> None:
    x = tensor(2, 3, 4)
    turned = nn.TransposeOp(x, [2, 0, 1])
    back = nn.SliceOp(turned.result, [3, 0, 0], [2, 2, 3], [-2, 1, 1])
    flat = nn.ReshapeOp(back.result, [2, 6, 1])
    wide = nn.BroadcastToOp(flat.result, [2, 6, 5])
    ops: list[Operation] = [turned, back, flat, wide]
    array = np.arange(24).reshape(2, 3, 4)
    view = through(ops, View.whole("x", nn.shape_of(x)))
    assert isinstance(view, View)
    expected = np.broadcast_to(array.transpose(2, 0, 1)[3::-2].reshape(2, 6, 1), (2, 6, 5))
    np.testing.assert_array_equal(elements(view.bind({})), expected)
    assert (
        through([nn.ReluOp(x), *ops], View.whole("x", nn.shape_of(x)))
        == "the result of nn.relu is no view of an operand"
    )


def test_operands_are_views_of_the_result() -> None:
    x = tensor("N", 3, 4)
    at = View("y", exprs(3, 4, "N"), exprs("9*N", "2*N", 2), const(1))
    op = nn.TransposeOp(x, [1, 2, 0])
    (operand,) = operand_views(op, at)
    assert isinstance(operand, View) and result_view(op, operand) == at
    assert operand.dims == nn.shape_of(x)
    reshape = nn.ReshapeOp(x, ["N", 12])
    (rows,) = operand_views(reshape, View("y", exprs("N", 12), exprs(20, 1)))
    assert rows == View("y", exprs("N", 3, 4), exprs(20, 4, 1))
    assert operand_views(nn.ReshapeOp(x, ["3*N", 4]), View("y", exprs("3*N", 4), exprs(1, "3*N"))) != ()
    assert isinstance(operand_views(nn.ReshapeOp(x, ["12*N"]), View("y", exprs("12*N"), exprs(2))), tuple)
    refused = operand_views(nn.ReshapeOp(tensor(6), [2, 3]), View("y", exprs(2, 3), exprs(5, 1)))
    assert refused == "no strides express [2, 3] at strides [5, 1] as [6]"
    assert operand_views(nn.ReluOp(x), at) == "the operands of nn.relu are no views of its result"


@pytest.mark.parametrize("count", [100, 200])
def test_the_operands_of_a_concat_take_one_sum_each(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Added up for each operand anew, a wide concat would take quadratic time."""
    op = nn.ConcatOp([tensor("N", 2) for _ in range(count)], 1)
    whole, sums, add = View.whole("y", nn.shape_of(op.result)), [0], Expr.__add__

    def counted(self: Expr, other: Any) -> Expr:
        sums[0] += 1
        return add(self, other)

    monkeypatch.setattr(Expr, "__add__", counted)
    views = operand_views(op, whole)
    assert sums == [count]
    assert views[-1] == View("y", exprs("N", 2), exprs(2 * count, 1), const(2 * count - 2))


def test_no_elements_can_be_reshaped_without_a_copy() -> None:
    empty = View("x", exprs("N", 0, 4), exprs(4, "9*N", 1))
    assert empty.reshaped(exprs(2, "N", 0)) == View("x", exprs(2, "N", 0), exprs(0, 0, 1))
