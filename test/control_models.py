"""Models that decide while they run, with what NumPy makes of them: branches, loops, and sizes that data says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class ControlModel:
    """A model as ONNX text, inputs for a number, and the outputs for inputs. `beyond` are inputs above a bound of `options`."""

    text: str
    inputs: Callable[[int], Arrays]
    reference: Callable[..., Arrays]
    options: dict[str, Any] = field(default_factory=dict)
    beyond: Arrays | None = None

    @property
    def proto(self) -> Any:
        from onnx import parser

        return parser.parse_model(f'<ir_version: 8, opset_import: ["" : 18]> {self.text}')


def _random(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def _pick(seed: int, *options: Any) -> Any:
    return options[seed % len(options)]


MODELS: dict[str, ControlModel] = {}

MODELS["branch"] = ControlModel(
    """g (float[4, 6] x, bool c) => (float[4, 6] y) {
      a = Neg(x)  e = Exp(x)
      t = If(c) <then_branch = p () => (float[4, 6] u) { u = Add(x, e) },
                 else_branch = q () => (float[4, 6] v) { k = Constant<value = float[6] {1.0, 2.0, 3.0, 4.0, 5.0, 6.0}>()
                                                         v = Mul(a, k) }>
      y = Relu(t)
    }""",
    lambda seed: {"x": _random(seed, 4, 6), "c": np.array(seed % 2 == 0)},
    lambda x, c: {"y": np.maximum(x + np.exp(x) if c else -x * np.arange(1, 7, dtype=np.float32), 0)},
)

MODELS["ranks"] = ControlModel(
    """g (float[4, 1] x, float[4] w, bool c) => (float[4] e, float[4, 4] y) {
      e = Exp(w)
      zero = Constant<value_ints = [1]>()
      t = If(c) <then_branch = p () => (float[4] u) { s = Sin(x)  u = Squeeze(s, zero) },
                 else_branch = q () => (float[4, 1] v) { v = Neg(x) }>
      z = Mul(t, e)
      o = Constant<value_ints = [4, 4]>()
      k = Expand(z, o)
      y = Relu(k)
    }""",
    lambda seed: {"x": _random(seed, 4, 1), "w": _random(seed + 9, 4), "c": np.array(seed % 2 == 0)},
    lambda x, w, c: {
        "e": np.exp(w),
        "y": np.maximum(np.broadcast_to((np.sin(x)[:, 0] if c else -x) * np.exp(w), (4, 4)), 0),
    },
)
"""Branches of different ranks: what follows is in both, and broadcasts differently."""

MODELS["size"] = ControlModel(
    """g (float[2, n] x, bool c) => (float[2] y) {
      k = Constant<value_ints = [0]>()
      y = If(c) <
        then_branch = p () => (float[2] u) {
          e = Exp(x)
          h = Shape<start = 1>(e)
          i = Constant<value_ints = [1]>()
          d = Equal(h, i)
          s = If(d) <then_branch = r () => (float[2] m) { m = Squeeze(e, i) }, else_branch = t () => (float[2, n] o) { o = Identity(e) }>
          f = Shape(s)
          g = Constant<value_ints = [2]>()
          a = Expand(s, g)
          b = Unsqueeze(a, k)
          j = Transpose<perm = [1, 0]>(b)
          u = Squeeze(j, i)
        },
        else_branch = q () => (float[2] v) { w = Constant<value_ints = [1]>()  v = ReduceSum<keepdims = 0>(x, w) }>
    }""",
    lambda seed: {"x": _random(seed, 2, 1 + 2 * (seed % 2)), "c": np.array(seed % 2 == 0)},
    lambda x, c: {"y": np.exp(x)[:, 0] if c else x.sum(1)},
    {"profiles": {"n": (1, 2, 3)}},
    {"x": _random(0, 2, 3), "c": np.array(True)},
)
"""A branch that only one size suits: its tensors have that size in it, and the host checks it."""

MODELS["nested"] = ControlModel(
    """g (float[5] x, bool c, bool d) => (float[5] y) {
      e = Exp(x)
      y = If(c) <
        then_branch = p () => (float[5] u) {
          s = Sin(x)
          u = If(d) <then_branch = r () => (float[5] m) { m = Add(s, e) }, else_branch = t () => (float[5] n) { n = Identity(s) }>
        },
        else_branch = q () => (float[5] v) { v = Identity(x) }>
    }""",
    lambda seed: {"x": _random(seed, 5), "c": np.array(seed % 2 == 0), "d": np.array(seed % 3 == 0)},
    lambda x, c, d: {"y": (np.sin(x) + np.exp(x) if d else np.sin(x)) if c else x},
)


def _counted(x: np.ndarray, n: np.ndarray) -> Arrays:
    carried, rows = x, []
    for i in range(int(n)):
        carried = (carried + np.exp(x)) * np.float32(i)
        rows.append(-carried)
    return {"y": carried, "r": np.stack(rows) if rows else np.zeros((0, 3), np.float32)}


MODELS["counted"] = ControlModel(
    """g (float[3] x, int64 n) => (float[3] y, float[m, 3] r) {
      e = Exp(x)
      y, r = Loop(n, , x) <body = b (int64 i, bool go, float[3] a) => (bool on, float[3] c, float[3] s) {
        on = Identity(go)  f = Cast<to = 1>(i)  q = Add(a, e)  c = Mul(q, f)  s = Neg(c) }>
    }""",
    lambda seed: {"x": _random(seed, 3), "n": np.array(_pick(seed, 3, 0, 1, 8))},
    _counted,
    {"bounds": {"loop": 8}},
    {"x": _random(0, 3), "n": np.array(9)},
)


def _while(x: np.ndarray, limit: np.ndarray) -> Arrays:
    carried, rows = x, []
    while carried[0] < limit[0] and len(rows) < 10:
        carried = carried + carried
        rows.append(-carried)
    return {"y": carried, "r": np.stack(rows) if rows else np.zeros((0, 1), np.float32)}


MODELS["while"] = ControlModel(
    """g (float[1] x, float[1] limit) => (float[1] y, float[m, 1] r) {
      c = Less(x, limit)
      n = Constant<value_int = 10>()
      y, r = Loop(n, c, x) <body = b (int64 i, bool[1] go, float[1] a) => (bool[1] on, float[1] d, float[1] s) {
        d = Add(a, a)  on = Less(d, limit)  s = Neg(d) }>
    }""",
    lambda seed: {
        "x": np.array([_pick(seed, 1.5, 3, 0.75, 1)], np.float32),
        "limit": np.array([_pick(seed, 100, 2, 7, 1e9)], np.float32),
    },
    _while,
)


def _scanned(x: np.ndarray, h: np.ndarray) -> Arrays:
    states = []
    for t in reversed(range(x.shape[0])):
        h = np.tanh(h + x[t])
        states.append(h)
    return {"last": h, "states": np.stack(states, 1)}


MODELS["scan"] = ControlModel(
    """g (float[T, 2, 3] x, float[2, 3] h) => (float[2, 3] last, float[2, T, 3] states) {
      last, states = Scan<num_scan_inputs = 1, scan_input_directions = [1], scan_output_axes = [1],
        body = b (float[2, 3] s, float[2, 3] v) => (float[2, 3] n, float[2, 3] o) { a = Add(s, v)  n = Tanh(a)  o = Identity(n) }>(h, x)
    }""",
    lambda seed: {"x": _random(seed, _pick(seed, 5, 1, 40), 2, 3), "h": _random(seed + 9, 2, 3)},
    _scanned,
    {"profiles": {"T": (1, 16, 40)}},
)

MODELS["nonzero"] = ControlModel(
    """g (float[4, 5] x, float[20] table) => (int64[2, k] at, float[m] picked) {
      at = NonZero(x)
      one = Constant<value_ints = [1]>()  zero = Constant<value_ints = [0]>()  two = Constant<value_ints = [2]>()
      column = Slice(at, one, two, zero)
      axes = Constant<value_ints = [0]>()
      flat = Squeeze(column, axes)
      found = Gather(table, flat)
      picked = Neg(found)
    }""",
    lambda seed: {
        "x": np.where(np.random.default_rng(seed).random((4, 5)) < _pick(seed, 0.3, 0, 0.05), 1, 0).astype(np.float32),
        "table": _random(seed, 20),
    },
    lambda x, table: {"at": np.array(np.nonzero(x)), "picked": -table[np.nonzero(x)[1]]},
    {"bounds": {"nonzero": 12}},
    {"x": np.ones((4, 5), np.float32), "table": _random(0, 20)},
)

MODELS["shapes"] = ControlModel(
    """g (float[N, 3] x, bool c) => (float[A, 3] y, float[A, 3] z) {
      t = If(c) <then_branch = p () => (float[A, 3] u) { u = Concat<axis = 0>(x, x) },
                 else_branch = q () => (float[B, 3] v) { k = Constant<value = float[1, 3] {1.0, 2.0, 3.0}>()  v = Mul(k, k) }>
      y = Identity(t)
      z = Exp(t)
    }""",
    lambda seed: {"x": _random(seed, _pick(seed, 2, 5, 1, 3), 3), "c": np.array(seed % 2 == 0)},
    lambda x, c: {
        "y": (y := np.concatenate([x, x]) if c else np.array([[1, 4, 9]], np.float32)),
        "z": np.exp(y),
    },
    {"profiles": {"N": (1, 3, 5)}},
)


def _grown(x: np.ndarray, n: np.ndarray) -> Arrays:
    cache, sums = x, []
    for _ in range(int(n)):
        sums.append(cache.sum(0))
        cache = np.concatenate([cache, np.tanh(cache[-1:])])
    return {"cache": cache, "sums": np.stack(sums) if sums else np.zeros((0, 3), np.float32)}


MODELS["grown"] = ControlModel(
    """g (float[2, 3] x, int64 n) => (float[C, 3] cache, float[m, 3] sums) {
      cache, sums = Loop(n, , x) <body = b (int64 i, bool go, float[D, 3] a) => (bool on, float[E, 3] c, float[3] s) {
        on = Identity(go)
        zero = Constant<value_ints = [0]>()  minus = Constant<value_ints = [-1]>()  far = Constant<value_ints = [9999]>()
        s = ReduceSum<keepdims = 0>(a, zero)
        last = Slice(a, minus, far, zero)
        next = Tanh(last)
        c = Concat<axis = 0>(a, next) }>
    }""",
    lambda seed: {"x": _random(seed, 2, 3), "n": np.array(_pick(seed, 3, 0, 1, 8))},
    _grown,
    {"bounds": {"loop": 10}},
    {"x": _random(0, 2, 3), "n": np.array(9)},
)

MODELS["padded"] = ControlModel(
    """g (float[1, H, W] x) => (float[1, A, B] y, float[1, C, D] z) {
      s = Shape<start = 1>(x)
      seven = Constant<value_ints = [7]>()  six = Constant<value_ints = [6]>()  two = Constant<value_ints = [2]>()
      rest = Mod(s, seven)  missing = Sub(seven, rest)  pad = Mod(missing, seven)
      zeros = Constant<value_ints = [0, 0, 0, 0]>()
      pads = Concat<axis = 0>(zeros, pad)
      padded = Pad(x, pads)
      up = Add(s, six)  windows = Div(up, seven)  full = Mul(windows, seven)
      front = Constant<value_ints = [1]>()
      shape = Concat<axis = 0>(front, full)
      one = Constant<value = float[1] {1.0}>()
      ones = Expand(one, shape)
      y = Add(padded, ones)
      halves = Div(s, two)  even = Mul(halves, two)  least = Min(s, even)
      start = Constant<value_ints = [0, 0]>()  axes = Constant<value_ints = [1, 2]>()
      cut = Slice(x, start, least, axes)
      evens = Concat<axis = 0>(front, even)
      more = Expand(one, evens)
      z = Add(more, cut)
    }""",
    lambda seed: {"x": _random(seed, 1, *_pick(seed, (8, 9), (20, 31), (14, 21), (64, 80)))},
    lambda x: {
        "y": np.pad(x, [(0, 0), (0, -x.shape[1] % 7), (0, -x.shape[2] % 7)]) + 1,
        "z": 1 + x[:, : x.shape[1] // 2 * 2, : x.shape[2] // 2 * 2],
    },
    {"profiles": {"H": (8, 20, 64), "W": (9, 30, 80)}},
)

MODELS["empty"] = ControlModel(
    """g (float[N, 4] x, float[4, 8] w) => (float[N, 8] y, float[8] total, int64[2, k] at) {
      p = MatMul(x, w)
      y = Softmax<axis = 1>(p)
      zero = Constant<value_ints = [0]>()
      total = ReduceSum<keepdims = 0>(p, zero)
      at = NonZero(x)
    }""",
    lambda seed: {"x": _random(seed, _pick(seed, 0, 3, 1, 5), 4), "w": _random(seed + 1, 4, 8)},
    lambda x, w: {
        "y": (e := np.exp(x @ w)) / e.sum(1, keepdims=True),
        "total": (x @ w).sum(0),
        "at": np.array(np.nonzero(x)),
    },
    {"profiles": {"N": (0, 3, 5)}},
)

MODELS["range"] = ControlModel(
    """g (int64 start, int64 limit, int64 step, float[3, 1] x) => (int64[n] y, float[3, n] z) {
      y = Range(start, limit, step)
      f = Cast<to = 1>(y)
      z = Mul(x, f)
    }""",
    lambda seed: dict(
        zip(
            ("start", "limit", "step"),
            map(np.array, _pick(seed, (0, 5, 1), (3, 3, 2), (9, -4, -3), (0, 16, 1))),
            strict=True,
        ),
        x=_random(seed, 3, 1),
    ),
    lambda start, limit, step, x: {
        "y": np.arange(start, limit, step),
        "z": x * np.arange(start, limit, step).astype(np.float32),
    },
    {"bounds": {"range": 16}},
    {"start": np.array(0), "limit": np.array(17), "step": np.array(1), "x": _random(0, 3, 1)},
)


@cache
def engine(name: str, arch: str) -> Any:
    """The engine of a model."""
    from trtc import BuildOptions, build

    model = MODELS[name]
    return build(model.proto, BuildOptions(target=arch, verify_each=True, **model.options), cache=None)
