"""The `row` schedule against the meaning of its groups, in the simulator."""

from __future__ import annotations

import numpy as np
import pytest

HEAD = "builtin.module attributes {nn.symbols = {N = array<i64: 1, 4, 64>, S = array<i64: 1, 16, 300>}} {\n"


def module(signature: str, body: str, layouts: str = "") -> str:
    """A module with one outlined group @g."""
    extra = f", fusion.layouts = [{layouts}]" if layouts else ""
    return f'{HEAD}func.func private @g{signature} attributes {{fusion.anchor = "row"{extra}}} {{\n{body}\n}}\n}}'


def softmax(dims: str, axis: int, element: str = "f32") -> str:
    t = f"tensor<{dims}x{element}>"
    return module(
        f"(%x: {t}) -> {t}", f"%0 = nn.softmax %x {{axis = {axis} : i64}} : ({t}) -> {t}\nfunc.return %0 : {t}"
    )


def layer_norm(dims: str, inner: str, axis: int, element: str = "f32") -> str:
    t, p = f"tensor<{dims}x{element}>", f"tensor<{inner}x{element}>"
    body = f"%0 = nn.layer_norm %x, %s, %b {{axis = {axis} : i64, epsilon = 1.0e-05 : f64}} : ({t}, {p}, {p}) -> {t}\nfunc.return %0 : {t}"
    return module(f"(%x: {t}, %s: {p}, %b: {p}) -> {t}", body)


def reduce(dims: str, axes: str, out: str, kind: str, element: str = "f32", keep: bool = True) -> str:
    t, r = f"tensor<{dims}x{element}>", f"tensor<{out}{element}>"
    body = f"%0 = nn.reduce {kind} %x {{axes = array<i64: {axes}>, keepdims = {str(keep).lower()}}} : ({t}) -> {r}\nfunc.return %0 : {r}"
    return module(f"(%x: {t}) -> {r}", body)


@pytest.mark.parametrize("element", ["f32", "f16", "bf16"])
@pytest.mark.parametrize(
    "dims,axis", [("5x7", 1), ("3x128", 1), ("2x3x197", 2), ("4x1000", 1), ("3x5x4", 1), ("6x9", 0)]
)
def test_softmax(check_group, dims: str, axis: int, element: str) -> None:
    check_group(softmax(dims, axis, element), "row")


def test_softmax_of_long_rows(check_group) -> None:
    choices = check_group(softmax("2x5000", 1), "row", threads=False)
    assert {c.values["loop"] for c in choices} == {0, 1}
    choices = check_group(softmax("2x40001", 1), "row", threads=False)
    assert {c.values["loop"] for c in choices} == {1}


def test_softmax_of_infinities(check_group) -> None:
    x = np.random.default_rng(0).standard_normal((4, 300)).astype(np.float32)
    x[0, ::2] = -np.inf
    x[1] = -np.inf
    x[2, 5] = np.nan
    x[3] = 1e30
    check_group(softmax("4x300", 1), "row", inputs={0: x})


@pytest.mark.parametrize("element", ["f32", "f64"])
def test_softmax_of_scores_at_the_lowest_values(check_group, element: str) -> None:
    """Masks are -inf or the lowest finite value, over a row's start, middle, end or whole; a row of one value has equal probabilities."""
    dtype = np.dtype(element.replace("f", "float"))
    x = np.random.default_rng(0).standard_normal((9, 600)).astype(dtype)
    for row, (start, stop) in enumerate([(0, 300), (150, 450), (300, 600), (0, 600)]):
        x[row, start:stop], x[row + 4, start:stop] = -np.inf, np.finfo(dtype).min
    x[8, 0] = np.inf
    check_group(softmax("9x600", 1, element), "row", inputs={0: x})


def test_softmax_with_a_mask_before_and_a_scale_after(check_group) -> None:
    t, m = "tensor<?x2x?x?xf16, #nn.dims<N, 2, S, S>>", "tensor<?x1x1x?xf16, #nn.dims<N, 1, 1, S>>"
    text = module(
        f"(%x: {t}, %m: {m}) -> {t}",
        f"""
        %c = nn.constant dense<1.25e-01> : tensor<f16>
        %0 = nn.mul %x, %c : ({t}, tensor<f16>) -> {t}
        %1 = nn.add %0, %m : ({t}, {m}) -> {t}
        %2 = nn.softmax %1 {{axis = 3 : i64}} : ({t}) -> {t}
        %3 = nn.mul %2, %c : ({t}, tensor<f16>) -> {t}
        func.return %3 : {t}""",
    )
    check_group(text, "row", N=2, S=37)
    check_group(text, "row", N=1, S=1)
    check_group(text, "row", N=1, S=128, threads=False)


@pytest.mark.parametrize("element", ["f32", "f16", "bf16"])
@pytest.mark.parametrize(
    "dims,inner,axis", [("5x7", "7", 1), ("3x768", "768", 1), ("2x3x100", "100", 2), ("2x9x33", "9x33", 1)]
)
def test_layer_norm(check_group, dims: str, inner: str, axis: int, element: str) -> None:
    check_group(layer_norm(dims, inner, axis, element), "row")


def test_layer_norm_does_not_cancel(check_group) -> None:
    x = (np.random.default_rng(0).standard_normal((4, 1500)) + 1000).astype(np.float32)
    check_group(layer_norm("4x1500", "1500", 1), "row", inputs={0: x}, tolerance=1e-4, threads=False)


def test_layer_norm_with_a_residual_before_and_quantize_after(check_group) -> None:
    t = "tensor<6x72xf32>"
    text = module(
        f"(%x: {t}, %r: {t}, %s: tensor<72xf32>, %b: tensor<72xf32>, %q: tensor<f32>) -> (tensor<6x72xi8>, {t})",
        f"""
        %0 = nn.add %x, %r : ({t}, {t}) -> {t}
        %1 = nn.layer_norm %0, %s, %b {{axis = 1 : i64, epsilon = 1.0e-12 : f64}} : ({t}, tensor<72xf32>, tensor<72xf32>) -> {t}
        %2 = quant.quantize %1, %q : ({t}, tensor<f32>) -> tensor<6x72xi8>
        func.return %2, %0 : tensor<6x72xi8>, {t}""",
    )
    check_group(text, "row", inputs={4: np.array(0.05, np.float32)})


@pytest.mark.parametrize("element", ["f32", "f16", "f64"])
@pytest.mark.parametrize("dims, axis", [("5x7", 1), ("3x9x40", 1), ("3x768", 1), ("2x5000", 1)])
def test_log_softmax(check_group, dims: str, axis: int, element: str) -> None:
    check_group(softmax(dims, axis, element).replace("nn.softmax", "nn.log_softmax"), "row", threads=dims == "5x7")


def test_log_softmax_of_masked_scores(check_group) -> None:
    x = np.random.default_rng(0).standard_normal((3, 600)).astype(np.float32) * 40
    x[0, 100:], x[1, :599] = -np.inf, -np.inf
    check_group(softmax("3x600", 1).replace("nn.softmax", "nn.log_softmax"), "row", inputs={0: x})


def normalize(dims: str, axes: str, element: str, centred: str) -> str:
    t = f"tensor<{dims}x{element}>"
    body = f"%0 = nn.normalize %x {{axes = array<i64: {axes}>, epsilon = 1.0e-05 : f64, centred = {centred}}} : ({t}) -> {t}"
    return module(f"(%x: {t}) -> {t}", f"{body}\nfunc.return %0 : {t}")


@pytest.mark.parametrize("centred", ["true", "false"])
@pytest.mark.parametrize("element", ["f32", "f16", "bf16", "f64"])
@pytest.mark.parametrize(
    "dims,axes", [("5x7", "1"), ("3x768", "1"), ("2x5x6x40", "1, 2"), ("2x3x4x33", "2, 3"), ("3x1500", "1")]
)
def test_normalize(check_group, dims: str, axes: str, element: str, centred: str) -> None:
    check_group(normalize(dims, axes, element, centred), "row", threads=dims == "5x7")


def test_root_mean_square_with_a_residual_before_and_a_scale_after(check_group) -> None:
    t = "tensor<?x72xf16, #nn.dims<N, 72>>"
    text = module(
        f"(%x: {t}, %r: {t}, %s: tensor<72xf16>) -> ({t}, {t})",
        f"""
        %0 = nn.add %x, %r : ({t}, {t}) -> {t}
        %1 = nn.normalize %0 {{axes = array<i64: 1>, epsilon = 1.0e-06 : f64, centred = false}} : ({t}) -> {t}
        %2 = nn.mul %1, %s : ({t}, tensor<72xf16>) -> {t}
        func.return %2, %0 : {t}, {t}""",
    )
    check_group(text, "row", N=5)


@pytest.mark.parametrize("kind", ["sum", "mean", "max", "min", "prod", "sumsq"])
@pytest.mark.parametrize(
    "dims,axes,out",
    [("4x33", "1", "4x1x"), ("2x7x7x40", "1, 2", "2x1x1x40x"), ("3x4x5x6", "0, 2", "1x4x1x6x"), ("700", "0", "1x")],
)
def test_reduce(check_group, dims: str, axes: str, out: str, kind: str) -> None:
    check_group(reduce(dims, axes, out, kind), "row", tolerance=1e-5)


@pytest.mark.parametrize("element", ["f16", "bf16", "i8", "i32", "i64", "f64"])
@pytest.mark.parametrize("kind", ["sum", "max", "min"])
def test_reduce_of_every_type(check_group, kind: str, element: str) -> None:
    check_group(reduce("3x50", "1", "3x", kind, element, keep=False), "row", high=3)
    check_group(reduce("3x9x8", "1", "3x8x", kind, element, keep=False), "row", high=3)


def test_reduce_of_everything_and_of_long_rows(check_group) -> None:
    check_group(reduce("6x70", "0, 1", "", "sum", keep=False), "row")
    check_group(reduce("2x50000", "1", "2x", "mean", keep=False), "row", tolerance=1e-4, threads=False)


def test_reduce_with_prologue_and_epilogue(check_group) -> None:
    t, r, c = "tensor<?x7x7x24xf16, #nn.dims<N, 7, 7, 24>>", "tensor<?x24xf16, #nn.dims<N, 24>>", "tensor<24xf16>"
    text = module(
        f"(%x: {t}, %b: {c}) -> {r}",
        f"""
        %0 = nn.relu %x : {t}
        %1 = nn.reduce mean %0 {{axes = array<i64: 1, 2>, keepdims = false}} : ({t}) -> {r}
        %2 = nn.add %1, %b : ({r}, {c}) -> {r}
        func.return %2 : {r}""",
    )
    check_group(text, "row", N=3)


ROWS = "(tensor<{v}x{w}x{e}>, {i}) -> {y}"
"""Of a gather of rows: its operands and its result."""


@pytest.mark.parametrize("element", ["f32", "f16", "f64"])
@pytest.mark.parametrize(
    "dims,axes", [("5x7", "1"), ("3x500", "1"), ("2x3000", "1"), ("3x5x4", "1"), ("6x33", "0"), ("4x5x6", "1, 2")]
)
def test_l2_normalize(check_group, dims: str, axes: str, element: str) -> None:
    t = f"tensor<{dims}x{element}>"
    norm = f"{{axes = array<i64: {axes}>, epsilon = 1.0e-12 : f64}} : ({t}) -> {t}"
    check_group(module(f"(%x: {t}) -> {t}", f"%0 = nn.l2_normalize %x {norm}\nfunc.return %0 : {t}"), "row")


@pytest.mark.parametrize("epsilon", ["0.0", "1.0e-12", "3.0"])
def test_l2_normalize_of_short_vectors(check_group, epsilon: str) -> None:
    """Zeros become NaN without a least length; with one, vectors below it are divided by it."""
    x = np.stack([np.zeros(40), np.full(40, 1e-25), np.full(40, 0.1), np.full(40, 10.0)]).astype(np.float32)
    t = "tensor<4x40xf32>"
    norm = f"{{axes = array<i64: 1>, epsilon = {epsilon} : f64}} : ({t}) -> {t}"
    text = module(f"(%x: {t}) -> {t}", f"%0 = nn.l2_normalize %x {norm}\nfunc.return %0 : {t}")
    with np.errstate(invalid="ignore"):
        check_group(text, "row", inputs={0: x})


@pytest.mark.parametrize("first", ["mean", "max"])
@pytest.mark.parametrize("dims,own,axes,out", [("3x40x8", "3x40x1", "1", "3x1x8"), ("4x70", "1x70", "1", "4x1")])
def test_reductions_beside_one_another(check_group, dims: str, own: str, axes: str, out: str, first: str) -> None:
    """Of an operand that broadcasts, and of the same one, in f16."""
    x, m = f"tensor<{dims}xf16>", f"tensor<{own}xf16>"
    kept = "x".join("1" if str(i) == axes else d for i, d in enumerate(own.split("x")))
    r, c = f"tensor<{out}xf16>", f"tensor<{kept}xf16>"
    how = f"{{axes = array<i64: {axes}>, keepdims = true}}"
    body = f"""%0 = nn.reduce {first} %m {how} : ({m}) -> {c}
    %1 = nn.reduce sum %x {how} : ({x}) -> {r}
    %2 = nn.reduce min %x {how} : ({x}) -> {r}
    %3 = nn.add %1, %0 : ({r}, {c}) -> {r}
    %4 = nn.mul %3, %2 : ({r}, {r}) -> {r}
    func.return %4 : {r}"""
    check_group(module(f"(%m: {m}, %x: {x}) -> {r}", body), "row")


@pytest.mark.parametrize("element", ["f32", "f16", "f64"])
@pytest.mark.parametrize("index", ["i64", "i32"])
def test_softmax_of_gathered_rows(check_group, element: str, index: str) -> None:
    """A row that an index misses is zeros, and what lies beside a row is none of its numbers."""
    i, y = f"tensor<6x{index}>", f"tensor<6x37x{element}>"
    rows = ROWS.format(v=5, w=37, e=element, i=i, y=y)
    body = f"""%0 = nn.gather %t, %i {{axis = 0 : i64}} : {rows}
    %1 = nn.softmax %0 {{axis = 1 : i64}} : ({y}) -> {y}
    func.return %1, %0 : {y}, {y}"""
    indices = np.array([0, 4, -1, 5, -6, -5], np.int64 if index == "i64" else np.int32)
    check_group(module(f"(%t: tensor<5x37x{element}>, %i: {i}) -> ({y}, {y})", body), "row", inputs={1: indices})


def test_embedding_of_dynamic_sizes(check_group) -> None:
    """Words, and places that a batch shares, of f16; long rows are walked in chunks too."""
    y, i, j = "tensor<?x?x64xf16, #nn.dims<N, S, 64>>", "tensor<?x?xi64, #nn.dims<N, S>>", "tensor<?xi64, #nn.dims<S>>"
    shared, p = "tensor<?x64xf16, #nn.dims<S, 64>>", "tensor<64xf16>"
    body = f"""%0 = nn.gather %t, %i {{axis = 0 : i64}} : {ROWS.format(v=100, w=64, e="f16", i=i, y=y)}
    %1 = nn.gather %u, %j {{axis = 0 : i64}} : {ROWS.format(v=300, w=64, e="f16", i=j, y=shared)}
    %2 = nn.add %0, %1 : ({y}, {shared}) -> {y}
    %3 = nn.layer_norm %2, %s, %b {{axis = 2 : i64, epsilon = 1.0e-05 : f64}} : ({y}, {p}, {p}) -> {y}
    func.return %3 : {y}"""
    signature = f"(%t: tensor<100x64xf16>, %i: {i}, %u: tensor<300x64xf16>, %j: {j}, %s: {p}, %b: {p}) -> {y}"
    for n, s in ((1, 1), (3, 17)):
        indices = np.random.default_rng(n).integers(-100, 100, (n, s))
        choices = check_group(module(signature, body), "row", inputs={1: indices, 3: np.arange(s)}, N=n, S=s)
        assert choices[0].values["vector"] == 8


def test_rows_that_are_not_reduced_are_not_gathered(refusal) -> None:
    i, y, r = "tensor<4x3xi64>", "tensor<4x3x8xf32>", "tensor<4x8xf32>"
    body = f"""%0 = nn.gather %t, %i {{axis = 0 : i64}} : {ROWS.format(v=5, w=8, e="f32", i=i, y=y)}
    %1 = nn.reduce sum %0 {{axes = array<i64: 1>, keepdims = false}} : ({y}) -> {r}
    func.return %1 : {r}"""
    text = module(f"(%t: tensor<5x8xf32>, %i: {i}) -> {r}", body)
    assert "expected a gather whose slices are the columns next to the anchor" in refusal(text, "row")


def test_strided_rows(check_group) -> None:
    t = "tensor<5x30xf32>"
    body = f"%0 = nn.softmax %x {{axis = 1 : i64}} : ({t}) -> {t}\nfunc.return %0 : {t}"
    check_group(module(f"(%x: {t}) -> {t}", body, "#fusion.layout<[1, 7]>, #fusion.layout<[64, 2]>"), "row")


def test_refusals_say_why(refusal) -> None:
    t = "tensor<4x8xf32>"
    text = module(f"(%x: {t}) -> {t}", f"%0 = nn.neg %x : {t}\nfunc.return %0 : {t}")
    assert "expected one softmax, log_softmax, layer_norm, normalize, l2_normalize or reduce" in refusal(text, "row")


@pytest.mark.parametrize(
    "anchor",
    ["softmax %3 {axis = 4 : i64}", "normalize %3 {axes = array<i64: 4>, epsilon = 1.0e-05 : f64, centred = false}"],
)
def test_rows_of_an_image_that_is_rolled_before_and_after_it_is_cut(check_group, anchor: str) -> None:
    x, t = "tensor<?x4x6x?xf16, #nn.dims<N, 4, 6, S>>", "tensor<?x2x2x6x?xf16, #nn.dims<N, 2, 2, 6, S>>"
    text = module(
        f"(%x: {x}, %r: {t}) -> {t}",
        f"""
        %0 = nn.roll %x {{shifts = array<i64: 1, 2, -1, 0>}} : ({x}) -> {x}
        %1 = nn.reshape %0 : ({x}) -> {t}
        %2 = nn.transpose %1 {{permutation = array<i64: 0, 2, 1, 3, 4>}} : ({t}) -> {t}
        %3 = nn.roll %2 {{shifts = array<i64: 0, 0, 0, 4, 0>}} : ({t}) -> {t}
        %4 = nn.{anchor} : ({t}) -> {t}
        %5 = nn.add %4, %r : ({t}, {t}) -> {t}
        func.return %5 : {t}""",
    )
    for symbols in ({"N": 2, "S": 37}, {"N": 1, "S": 1}):
        check_group(text, "row", **symbols)
    check_group(text, "row", threads=False, N=3, S=300)


def test_a_roll_along_a_row_is_refused(refusal) -> None:
    t = "tensor<4x40xf32>"
    text = module(
        f"(%x: {t}) -> {t}",
        f"""
        %0 = nn.roll %x {{shifts = array<i64: 1, 1>}} : ({t}) -> {t}
        %1 = nn.softmax %0 {{axis = 1 : i64}} : ({t}) -> {t}
        func.return %1 : {t}""",
    )
    assert "nn.roll of an operand's rows" in refusal(text, "row")


@pytest.mark.parametrize(("shape", "high"), [("2x40", "2, 0"), ("4x38", "0, 2")])
def test_rows_padded_by_a_number_are_refused(refusal, shape: str, high: str) -> None:
    """What lies outside of a row counts nothing there, and padding counts as its number."""
    x, t = f"tensor<{shape}xf32>", "tensor<4x40xf32>"
    text = module(
        f"(%x: {x}) -> {t}",
        f"""
        %0 = nn.pad %x {{low = array<i64: 0, 0>, high = array<i64: {high}>, value = 0.0 : f64}} : ({x}) -> {t}
        %1 = nn.softmax %0 {{axis = 1 : i64}} : ({t}) -> {t}
        func.return %1 : {t}""",
    )
    assert "nn.pad of an operand's rows" in refusal(text, "row")


def test_rows_padded_by_elements(check_group) -> None:
    x, t = "tensor<3x40xf32>", "tensor<6x40xf32>"
    text = module(
        f"(%x: {x}) -> {t}",
        f"""
        %0 = nn.pad %x {{low = array<i64: 1, 0>, high = array<i64: 2, 0>, value = 0.0 : f64, mode = #nn.pad_mode<edge>}} : ({x}) -> {t}
        %1 = nn.softmax %0 {{axis = 1 : i64}} : ({t}) -> {t}
        func.return %1 : {t}""",
    )
    check_group(text, "row", threads=False)
