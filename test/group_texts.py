"""The groups of `schedule_cases` as text: each function gives a module with one outlined group."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

SOFTMAX = "softmax X {axis = 1 : i64}"
SUM = "reduce sum X {axes = array<i64: 1>, keepdims = false}"
MEAN = "reduce mean X {axes = array<i64: 0>, keepdims = false}"
MAX_POOL = (
    "max_pool X {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, "
    "dilations = array<i64: 1, 1>}"
)
ARG_MAX_POOL = MAX_POOL.replace("max_pool", "arg_max_pool")
DEEP_POOL = (
    "max_pool X {kernel = array<i64: 2, 3, 2>, strides = array<i64: 1, 2, 1>, pads = array<i64: 1, 0, 0, 0, 1, 0>, "
    "dilations = array<i64: 1, 1, 1>}"
)
REFLECT = (
    "pad X {low = array<i64: 1, 0, 2>, high = array<i64: 0, 1, 2>, value = 0.0 : f64, mode = #nn.pad_mode<reflect>}"
)
ROLL = "roll X {shifts = array<i64: 1, -2, 0>}"
LENGTH = "l2_normalize X {axes = array<i64: 1>, epsilon = 1.0e-12 : f64}"
LRN = "lrn X {size = 5 : i64, alpha = 2.0e-01 : f64, beta = 7.5e-01 : f64, bias = 1.0 : f64}"


def module(body: str, anchor: str, sms: int | None = None) -> str:
    """A module with one outlined group; `sms` makes it one for Hopper with so many of them."""
    head = f'attributes {{kernel.target = #kernel.target<"sm_90a", sms = {sms}, smem = 232448>}} ' if sms else ""
    body = body.replace("ANCHOR", f'attributes {{fusion.anchor = "{anchor}"}}')
    return f"builtin.module {head}{{\n  func.func private {body}\n}}"


def two_results(m: int, n: int, k: int, *, sms: int | None = None) -> str:
    """A product and its activation."""
    a, b, c = (f"tensor<{x}x{y}xf16>" for x, y in ((m, k), (n, k), (m, n)))
    body = f"""@f(%a: {a}, %b: {b}) -> ({c}, {c}) ANCHOR {{
    %0 = nn.matmul %a, %b {{transpose_b}} : ({a}, {b}) -> {c}
    %1 = nn.relu %0 : {c}
    func.return %1, %0 : {c}, {c}
  }}"""
    return module(body, "matmul", sms)


def sum_of_convs(
    height: int, width: int, channels: int, filters: int, *, stride: int = 1, sms: int | None = None
) -> str:
    """A 1x1 conv and that of a shortcut, strided, of one sum with their biases."""
    h, x = f"tensor<1x{height}x{width}x{channels}xf16>", f"tensor<1x{height * stride}x{width * stride}x64xf16>"
    w, v, c = f"tensor<{filters}x1x1x{channels}xf16>", f"tensor<{filters}x1x1x64xf16>", f"tensor<{filters}xf16>"
    y = f"tensor<1x{height}x{width}x{filters}xf16>"
    flags = "pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64"
    body = f"""@f(%h: {h}, %w: {w}, %b: {c}, %x: {x}, %v: {v}, %d: {c}) -> {y} ANCHOR {{
    %0 = nn.conv %h, %w {{strides = array<i64: 1, 1>, {flags}}} : ({h}, {w}) -> {y}
    %1 = nn.add %0, %b : ({y}, {c}) -> {y}
    %2 = nn.conv %x, %v {{strides = array<i64: {stride}, {stride}>, {flags}}} : ({x}, {v}) -> {y}
    %3 = nn.add %2, %d : ({y}, {c}) -> {y}
    %4 = nn.add %1, %3 : ({y}, {y}) -> {y}
    %5 = nn.relu %4 : {y}
    func.return %5 : {y}
  }}"""
    return module(body, "conv", sms)


def sum_and_norm(rows: int, columns: int) -> str:
    """A sum, and the same normalised."""
    x, p = f"tensor<{rows}x{columns}xf32>", f"tensor<{columns}xf32>"
    body = f"""@f(%x: {x}, %y: {x}, %scale: {p}, %bias: {p}) -> ({x}, {x}) ANCHOR {{
    %0 = nn.add %x, %y : ({x}, {x}) -> {x}
    %1 = nn.layer_norm %0, %scale, %bias {{axis = 1 : i64, epsilon = 1.0e-05 : f64}} : ({x}, {p}, {p}) -> {x}
    func.return %1, %0 : {x}, {x}
  }}"""
    return module(body, "row")


def applied_moments(rows: int, columns: int, parts: int) -> str:
    """What is normalised by moments of rows, of another width, plus a bias."""
    x, m, u = f"tensor<{rows}x{columns}xf32>", f"tensor<2x{rows}x{parts}xf32>", f"tensor<{columns}xf32>"
    flags = "{columns = 64 : i64, epsilon = 1.0 : f64, centred = true}"
    body = f"""@f(%x: {x}, %m: {m}, %u: {u}) -> {x} ANCHOR {{
    %0 = nn.apply_moments %x, %m shift %u {flags} : {x}, {m} shift {u} -> {x}
    %1 = nn.add %0, %u : ({x}, {u}) -> {x}
    func.return %1 : {x}
  }}"""
    return module(body, "row")


def normalised_matmul(
    m: int,
    n: int,
    k: int,
    element: str = "f16",
    *,
    parts: int = 3,
    part: int = 64,
    centred: bool = True,
    sms: int | None = None,
) -> str:
    """A product whose rows are normalised by moments that it reads, plus another value, normalised by others; the moments of the sum."""
    a, b, y = f"tensor<{m}x{k}x{element}>", f"tensor<{n}x{k}x{element}>", f"tensor<{m}x{n}x"
    u, s, t = f"tensor<{n}xf32>", f"tensor<2x{m}x{parts}xf32>", f"tensor<2x{m}x{n // part}xf32>"
    shift, of = ("shift %u ", f"shift {u} ") if centred else ("", "")
    flags = f"{{columns = 64 : i64, epsilon = 1.0 : f64, centred = {str(centred).lower()}}}"
    body = f"""@f(%a: {a}, %b: {b}, %s: {s}, %u: {u}, %r: {y}{element}>, %t: {t}) -> ({y}{element}>, {t}) ANCHOR {{
    %0 = nn.matmul %a, %b {{transpose_b}} : ({a}, {b}) -> {y}f32>
    %1 = nn.apply_moments %0, %s {shift}{flags} : {y}f32>, {s} {of}-> {y}f32>
    %2 = nn.add %1, %u : ({y}f32>, {u}) -> {y}f32>
    %3 = nn.cast %r : ({y}{element}>) -> {y}f32>
    %4 = nn.apply_moments %3, %t {{columns = {part} : i64, epsilon = 1.0 : f64, centred = true}} : {y}f32>, {t} -> {y}f32>
    %5 = nn.add %2, %4 : ({y}f32>, {y}f32>) -> {y}f32>
    %6 = nn.cast %5 : ({y}f32>) -> {y}{element}>
    %7 = nn.row_moments %6 {{columns = {part} : i64}} : ({y}{element}>) -> {t}
    func.return %6, %7 : {y}{element}>, {t}
  }}"""
    return module(body, "matmul", sms)


def conv_of_prologue(height: int, width: int, channels: int, filters: int) -> str:
    """A BatchNorm and a scale per image and channel before a padded conv; a sigmoid, so that padding is not zero before it."""
    x, w = f"tensor<2x{height}x{width}x{channels}x", f"tensor<{filters}x3x3x{channels}xf16>"
    c, s, y = f"tensor<{channels}xf32>", f"tensor<2x1x1x{channels}xf32>", f"tensor<2x{height}x{width}x{filters}xf16>"
    flags = "strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, groups = 1 : i64"
    body = f"""@f(%x: {x}f16>, %scale: {c}, %shift: {c}, %se: {s}, %w: {w}) -> {y} ANCHOR {{
    %0 = nn.cast %x : ({x}f16>) -> {x}f32>
    %1 = nn.mul %0, %scale : ({x}f32>, {c}) -> {x}f32>
    %2 = nn.add %1, %shift : ({x}f32>, {c}) -> {x}f32>
    %3 = nn.mul %2, %se : ({x}f32>, {s}) -> {x}f32>
    %4 = nn.sigmoid %3 : {x}f32>
    %5 = nn.cast %4 : ({x}f32>) -> {x}f16>
    %6 = nn.conv %5, %w {{{flags}}} : ({x}f16>, {w}) -> {y}
    func.return %6 : {y}
  }}"""
    return module(body, "conv")


def matmul(m: int, n: int, k: int, element: str, *, kn: bool = False, math: str = "", sms: int | None = None) -> str:
    a, b, c = (f"tensor<{x}x{y}x{element}>" for x, y in ((m, k), (k, n) if kn else (n, k), (m, n)))
    flags = ", ".join(f for f in ("" if kn else "transpose_b", f"math = #nn.math<{math}>" if math else "") if f)
    body = f"""@f(%a: {a}, %b: {b}, %bias: tensor<{n}x{element}>) -> {c} ANCHOR {{
    %0 = nn.matmul %a, %b {{{flags}}} : ({a}, {b}) -> {c}
    %1 = nn.add %0, %bias : ({c}, tensor<{n}x{element}>) -> {c}
    func.return %1 : {c}
  }}"""
    return module(body, "matmul", sms)


def gated(
    m: int,
    n: int,
    k: int,
    element: str,
    *,
    gate: str = "silu",
    kn: bool = False,
    math: str = "",
    sms: int | None = None,
) -> str:
    """A gate and what it lets through, products of one operand: activation(a b + bias) * (a c), [m, n]."""
    a, b, y, p = (f"tensor<{d}x{element}>" for d in (f"{m}x{k}", f"{k}x{n}" if kn else f"{n}x{k}", f"{m}x{n}", f"{n}"))
    flags = ", ".join(f for f in ("" if kn else "transpose_b", f"math = #nn.math<{math}>" if math else "") if f)
    op = {
        "silu": f"nn.silu %2 {{alpha = 1.0 : f64}} : {y}",
        "gelu": f"nn.gelu %2 {{approximate = #nn.gelu_form<none>}} : {y}",
        "relu": f"nn.relu %2 : {y}",
    }[gate]
    body = f"""@f(%a: {a}, %b: {b}, %c: {b}, %bias: {p}) -> {y} ANCHOR {{
    %0 = nn.matmul %a, %b {{{flags}}} : ({a}, {b}) -> {y}
    %1 = nn.matmul %a, %c {{{flags}}} : ({a}, {b}) -> {y}
    %2 = nn.add %0, %bias : ({y}, {p}) -> {y}
    %3 = {op}
    %4 = nn.mul %3, %1 : ({y}, {y}) -> {y}
    func.return %4 : {y}
  }}"""
    return module(body, "matmul", sms)


def batched(m: int, n: int, k: int) -> str:
    """Two products, B stored [K, N]."""
    a, b, c = f"tensor<2x{m}x{k}xf16>", f"tensor<2x{k}x{n}xf16>", f"tensor<2x{m}x{n}xf16>"
    return module(
        f"@f(%a: {a}, %b: {b}) -> {c} ANCHOR {{\n %0 = nn.matmul %a, %b : ({a}, {b}) -> {c}\n func.return %0 : {c}\n}}",
        "matmul",
    )


def matmul_i8(m: int, n: int, k: int) -> str:
    a, b, c = f"tensor<{m}x{k}xi8>", f"tensor<{n}x{k}xi8>", f"tensor<{m}x{n}xi32>"
    return module(
        f"@f(%a: {a}, %b: {b}) -> {c} ANCHOR {{\n %0 = nn.matmul %a, %b {{transpose_b}} : ({a}, {b}) -> {c}\n func.return %0 : {c}\n}}",
        "matmul",
    )


def conv(
    h: int, w: int, c: int, o: int, *, pad: int = 1, sms: int | None = None, groups: int = 1, anchor: str = "conv"
) -> str:
    """3 x 3, NHWC, f16, one image."""
    p, q = h + 2 * pad - 2, w + 2 * pad - 2
    x, f, y = f"tensor<1x{h}x{w}x{c}xf16>", f"tensor<{o}x3x3x{c // groups}xf16>", f"tensor<1x{p}x{q}x{o}xf16>"
    body = f"""@f(%x: {x}, %w: {f}) -> {y} ANCHOR {{
    %0 = nn.conv %x, %w {{strides = array<i64: 1, 1>, pads = array<i64: {pad}, {pad}, {pad}, {pad}>, dilations = array<i64: 1, 1>,
      groups = {groups} : i64}} : ({x}, {f}) -> {y}
    %1 = nn.relu %0 : {y}
    func.return %1 : {y}
  }}"""
    return module(body, anchor, sms)


def conv_over(image: Sequence[int], c: int, o: int, *, sms: int | None = None) -> str:
    """3 taps per spatial dim, padded, f16, one image."""
    count, dims = len(image), "x".join(map(str, image))
    x, f, y = f"tensor<1x{dims}x{c}xf16>", f"tensor<{o}x{'3x' * count}{c}xf16>", f"tensor<1x{dims}x{o}xf16>"
    ones, pads = ", ".join(["1"] * count), ", ".join(["1"] * 2 * count)
    body = f"""@f(%x: {x}, %w: {f}) -> {y} ANCHOR {{
    %0 = nn.conv %x, %w {{strides = array<i64: {ones}>, pads = array<i64: {pads}>, dilations = array<i64: {ones}>,
      groups = 1 : i64}} : ({x}, {f}) -> {y}
    func.return %0 : {y}
  }}"""
    return module(body, "conv", sms)


def conv_of_cast(h: int, w: int, o: int) -> str:
    """7 x 7 over three channels, cast from f32 on the way, one image."""
    x, half, f, y = (
        f"tensor<1x{h}x{w}x3xf32>",
        f"tensor<1x{h}x{w}x3xf16>",
        f"tensor<{o}x7x7x3xf16>",
        f"tensor<1x{h}x{w}x{o}xf16>",
    )
    body = f"""@f(%x: {x}, %w: {f}) -> {y} ANCHOR {{
    %0 = nn.cast %x : ({x}) -> {half}
    %1 = nn.conv %0, %w {{strides = array<i64: 1, 1>, pads = array<i64: 3, 3, 3, 3>, dilations = array<i64: 1, 1>,
      groups = 1 : i64}} : ({half}, {f}) -> {y}
    func.return %1 : {y}
  }}"""
    return module(body, "conv")


def unary(op: str, source: str, result: str, anchor: str) -> str:
    """One op from a tensor to a tensor; `op` with its attributes."""
    x, y = f"tensor<{source}>", f"tensor<{result}>"
    signature = f"({x}) -> {y}"
    return module(
        f"@f(%x: {x}) -> {y} ANCHOR {{\n %0 = nn.{op.replace('X', '%x', 1)} : {signature}\n func.return %0 : {y}\n}}",
        anchor,
    )


def layer_norm(rows: int, columns: int) -> str:
    t, p = f"tensor<{rows}x{columns}xf32>", f"tensor<{columns}xf32>"
    body = f"""@f(%x: {t}, %s: {p}, %b: {p}) -> {t} ANCHOR {{
    %0 = nn.layer_norm %x, %s, %b {{axis = 1 : i64, epsilon = 1.0e-05 : f64}} : ({t}, {p}, {p}) -> {t}
    func.return %0 : {t}
  }}"""
    return module(body, "row")


def rolled_norm() -> str:
    """Swin's shifted windows, cut from an image of 4 x 6 pixels: rolled by two rows and a column, in f16, beside a residual."""
    image, windows, turned = "tensor<1x4x6x40xf16>", "tensor<1x2x2x3x2x40xf16>", "tensor<1x2x3x2x2x40xf16>"
    wide, p = turned.replace("f16", "f32"), "tensor<40xf32>"
    body = f"""@f(%x: {image}, %r: {turned}, %s: {p}, %b: {p}) -> ({wide}, {wide}) ANCHOR {{
    %0 = nn.roll %x {{shifts = array<i64: 0, 2, -1, 0>}} : ({image}) -> {image}
    %1 = nn.reshape %0 : ({image}) -> {windows}
    %2 = nn.transpose %1 {{permutation = array<i64: 0, 1, 3, 2, 4, 5>}} : ({windows}) -> {turned}
    %3 = nn.cast %2 : ({turned}) -> {wide}
    %4 = nn.cast %r : ({turned}) -> {wide}
    %5 = nn.add %3, %4 : ({wide}, {wide}) -> {wide}
    %6 = nn.layer_norm %5, %s, %b {{axis = 5 : i64, epsilon = 1.0e-05 : f64}} : ({wide}, {p}, {p}) -> {wide}
    func.return %6, %5 : {wide}, {wide}
  }}"""
    return module(body, "row")


def gather() -> str:
    x, i, y = "tensor<4x5x6xf32>", "tensor<3xi64>", "tensor<4x3x6xf32>"
    body = f"""@f(%x: {x}, %i: {i}) -> {y} ANCHOR {{
    %0 = nn.gather %x, %i {{axis = 1 : i64}} : ({x}, {i}) -> {y}
    func.return %0 : {y}
  }}"""
    return module(body, "gather")


def embedding(columns: int, *, norm: bool) -> str:
    """Rows of two tables, added and perhaps normalised: words of each place by i64, and of one sequence by i32 that all share, the only
    row of whose table some indices miss."""
    y, p = f"tensor<2x3x{columns}xf32>", f"tensor<{columns}xf32>"
    words, ids = f"tensor<40x{columns}xf32>", "tensor<2x3xi64>"
    places, seats, shared = f"tensor<1x{columns}xf32>", "tensor<1x3xi32>", f"tensor<1x3x{columns}xf32>"
    tables = f"%t: {words}, %i: {ids}, %u: {places}, %j: {seats}"
    body = f"""%0 = nn.gather %t, %i {{axis = 0 : i64}} : ({words}, {ids}) -> {y}
    %1 = nn.gather %u, %j {{axis = 0 : i64}} : ({places}, {seats}) -> {shared}
    %2 = nn.add %0, %1 : ({y}, {shared}) -> {y}"""
    if not norm:
        return module(f"@f({tables}) -> {y} ANCHOR {{\n {body}\n func.return %2 : {y}\n}}", "gather")
    body = f"""@f({tables}, %scale: {p}, %bias: {p}) -> ({y}, {y}) ANCHOR {{
    {body}
    %3 = nn.layer_norm %2, %scale, %bias {{axis = 2 : i64, epsilon = 1.0e-05 : f64}} : ({y}, {p}, {p}) -> {y}
    func.return %3, %2 : {y}, {y}
  }}"""
    return module(body, "row")


def masked_mean(rows: int, columns: int) -> str:
    """Sums along rows, of what a mask of each row shows, over the sum of that mask."""
    x, m, y, c = (f"tensor<{shape}xf32>" for shape in (f"2x{rows}x{columns}", f"2x{rows}x1", f"2x1x{columns}", "2x1x1"))
    sum_ = "{axes = array<i64: 1>, keepdims = true}"
    body = f"""@f(%x: {x}, %m: {m}) -> {y} ANCHOR {{
    %0 = nn.reduce sumsq %m {sum_} : ({m}) -> {c}
    %1 = nn.mul %x, %m : ({x}, {m}) -> {x}
    %2 = nn.reduce sum %1 {sum_} : ({x}) -> {y}
    %3 = nn.clip %0 {{min = 1.0e-09 : f64, max = 0x7FF0000000000000 : f64}} : {c}
    %4 = nn.div %2, %3 : ({y}, {c}) -> {y}
    func.return %4 : {y}
  }}"""
    return module(body, "row")


def add() -> str:
    t = "tensor<9x33xf32>"
    return module(
        f"@f(%x: {t}, %y: tensor<33xf32>) -> {t} ANCHOR {{\n %0 = nn.add %x, %y : ({t}, tensor<33xf32>) -> {t}\n func.return %0 : {t}\n}}",
        "pointwise",
    )


def lookups() -> str:
    """Two elements of a table for each index, added."""
    t, y, i = "tensor<40xf32>", "tensor<9x33xf32>", "tensor<9x33xi32>"
    body = f"""@f(%x: {t}, %i: {i}) -> {y} ANCHOR {{
    %0 = nn.iota {{axis = 1 : i64}} : {i}
    %1 = nn.add %0, %i : ({i}, {i}) -> {i}
    %2 = nn.gather %x, %1 {{axis = 0 : i64}} : ({t}, {i}) -> {y}
    %3 = nn.gather %x, %i {{axis = 0 : i64}} : ({t}, {i}) -> {y}
    %4 = nn.add %2, %3 : ({y}, {y}) -> {y}
    func.return %4 : {y}
  }}"""
    return module(body, "pointwise")


def scatter(kind: str, element: str) -> str:
    """Rows of three elements at indices that repeat."""
    x, i, u = f"tensor<40x3x{element}>", "tensor<37xi64>", f"tensor<37x3x{element}>"
    body = f"""@f(%x: {x}, %i: {i}, %u: {u}) -> {x} ANCHOR {{
    %0 = nn.scatter {kind} %x, %i, %u : ({x}, {i}, {u}) -> {x}
    func.return %0 : {x}
  }}"""
    return module(body, "positions")


def rnn(
    kind: str,
    units: int,
    *,
    steps: int = 3,
    batch: int = 6,
    direction: str = "forward",
    element: str = "f32",
    lengths: bool = False,
    quantized: bool = False,
    flags: str = "",
    sms: int | None = None,
) -> str:
    """A recurrence with an initial state; `lengths`: sequences that end early, of random i32 of which some are negative."""
    gates, functions = {"lstm": (4, 3), "gru": (3, 2), "rnn": (1, 1)}[kind]
    d, names = 2 if direction == "bidirectional" else 1, ["sigmoid", "tanh", "tanh"] if kind != "rnn" else ["tanh"]
    none = f"array<f64: {', '.join(['0.0'] * functions)}>"
    x = f"tensor<{steps}x{batch}x{d}x{gates * units}x{element}>"
    w = f"tensor<{d}x{gates * units}x{units}x{'f16' if quantized else element}>"
    h, y = (
        f"tensor<{d}x{batch}x{units}x{element}>",
        f"tensor<{steps + 1 + (kind == 'lstm')}x{batch}x{d}x{units}x{element}>",
    )
    more = (
        [("hidden", h)]
        + ([("cell", h)] if kind == "lstm" else [])
        + ([("lengths", f"tensor<{batch}xi32>")] if lengths else [])
        + ([("scales", f"tensor<{d}x{gates * units}xf32>")] if quantized else [])
    )
    arguments = ", ".join(f"%{name}: {type_}" for name, type_ in [("x", x), ("w", w), *more])
    quoted = ", ".join(f'"{name}"' for name in names[:functions])
    body = f"""@f({arguments}) -> {y} ANCHOR {{
    %0 = nn.rnn {kind} {direction} %x, %w {" ".join(f"{name} %{name}" for name, _ in more)} {{activations = [{quoted}], alphas = {none},
      betas = {none}{flags}}} : {x}, {w} {" ".join(f"{name} {type_}" for name, type_ in more)} -> {y}
    func.return %0 : {y}
  }}"""
    return module(body, "rnn", sms)


def chain(
    batch: int,
    pixels: str,
    channels: int,
    hidden: int,
    outputs: int | None = None,
    *,
    element: str = "f16",
    sms: int | None = None,
    kind: str = "mean",
) -> str:
    """A reduction over `pixels` ("7x7"; "" for a vector in memory) and one 1x1 conv, or two with `outputs`, as squeeze-and-excitation."""
    flags = "strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64"
    vector = lambda size, type_=element: f"tensor<{batch}x1x1x{size}x{type_}>"  # noqa: E731
    sizes = [channels, hidden, *([] if outputs is None else [outputs])]
    x = f"tensor<{batch}x{pixels}x{channels}x{element}>" if pixels else vector(channels)
    arguments, lines, value = [f"%x: {x}"], list[str](), "%x"

    def narrow(value: str, size: int) -> str:
        if element == "f32":
            return value
        lines.append(f"{value}n = nn.cast {value} : ({vector(size, 'f32')}) -> {vector(size)}")
        return f"{value}n"

    if pixels:
        lines.append(
            f"%m = nn.reduce {kind} %x {{axes = array<i64: 1, 2>, keepdims = true}} : ({x}) -> {vector(channels, 'f32')}"
        )
        value = narrow("%m", channels)
    for number, (size, made) in enumerate(pairwise(sizes)):
        w, c, wide = f"tensor<{made}x1x1x{size}x{element}>", f"tensor<{made}xf32>", vector(made, "f32")
        arguments += [f"%w{number}: {w}", f"%b{number}: {c}"]
        lines += [
            f"%p{number} = nn.conv {value}, %w{number} {{{flags}}} : ({vector(size)}, {w}) -> {wide}",
            f"%s{number} = nn.add %p{number}, %b{number} : ({wide}, {c}) -> {wide}",
            f"%a{number} = nn.{'sigmoid' if number else 'relu'} %s{number} : {wide}",
        ]
        value = narrow(f"%a{number}", made)
    body = f"""@f({", ".join(arguments)}) -> {vector(sizes[-1])} ANCHOR {{
    {(chr(10) + "    ").join(lines)}
    func.return {value} : {vector(sizes[-1])}
  }}"""
    return module(body, "conv", sms)


def _tunables(cluster: int, blocks: int, pixel_blocks: int = 1) -> dict[str, int]:
    """Blocks of two warps."""
    return {"cluster": cluster, "blocks": blocks, "pixel_blocks": pixel_blocks, "threads": 64}


BOTH = "bar_sync cluster_sync"
CHAINS = (
    ("block", chain(2, "5x7", 40, 12, 40), "bar_sync", 2e-3, _tunables(1, 1)),
    ("blocks", chain(1, "3x3", 300, 9, 300), "bar_sync", 2e-3, _tunables(1, 3)),
    ("cluster", chain(2, "5x7", 80, 12, 80, sms=8), "cluster_sync", 2e-3, _tunables(2, 4)),
    ("cluster-in-tiles", chain(1, "3x5", 1100, 70, 90, sms=8), BOTH, 2e-3, _tunables(2, 2)),
    ("pixels", chain(1, "33x9", 24, 8, 24, sms=8), BOTH, 2e-3, _tunables(4, 4, 2)),
    ("pool-and-product", chain(2, "7x7", 72, 50, sms=8, kind="max"), "cluster_sync", 2e-3, _tunables(2, 4)),
    ("products", chain(3, "", 150, 20, 33), "bar_sync", 2e-3, _tunables(1, 2)),
    ("products-in-a-cluster", chain(1, "", 150, 20, 33, sms=8), "cluster_sync", 2e-3, _tunables(2, 2)),
)
"""Name, group, synchronisation, tolerance and tunables of each case of `gemv_chain`."""
