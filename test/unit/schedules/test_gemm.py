"""The GEMM schedules against the meaning of their groups: every operand type, conv and matmul, epilogues, edges, dynamic sizes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Check = Callable[..., Any]
HOPPER = 'kernel.target = #kernel.target<"sm_90a", sms = 132, smem = 232448>'
LOOSE = {"f64": 1e-14, "f32": 2e-6, "tf32": 2e-3, "f16": 2e-3, "bf16": 1e-2}


def module(body: str, *, attributes: str = "", anchor: str = "matmul", layouts: str = "") -> str:
    """One outlined group in a module."""
    extra = f", fusion.layouts = {layouts}" if layouts else ""
    return f"""builtin.module attributes {{{attributes}}} {{
  func.func private {body.replace("{ANCHOR}", f'{{fusion.anchor = "{anchor}"{extra}}}')}
}}"""


def matmul(m: object, n: int, k: object, element: str, *, transpose: bool = True, math: str = "") -> str:
    def tensor(*dims: object) -> str:
        shape = "x".join("?" if isinstance(d, str) else str(d) for d in dims)
        encoding = f", #nn.dims<{', '.join(map(str, dims))}>" if any(isinstance(d, str) for d in dims) else ""
        return f"tensor<{shape}x{element}{encoding}>"

    a, c, bias = tensor(m, k), tensor(m, n), tensor(n)
    b = tensor(n, k) if transpose else tensor(k, n)
    flags = ", ".join(f for f in ("transpose_b" if transpose else "", math) if f)
    return f"""@f(%a: {a}, %b: {b}, %bias: {bias}, %res: {c}) -> {c} attributes {{ANCHOR}} {{
    %0 = nn.matmul %a, %b {{{flags}}} : ({a}, {b}) -> {c}
    %1 = nn.add %0, %bias : ({c}, {bias}) -> {c}
    %2 = nn.add %1, %res : ({c}, {c}) -> {c}
    %3 = nn.relu %2 : {c}
    func.return %3 : {c}
  }}"""


@pytest.mark.parametrize("element", ["f16", "bf16", "f32", "tf32", "f64"])
@pytest.mark.parametrize(("m", "n", "k"), [(128, 64, 64), (37, 24, 40), (5, 130, 33)])
def test_matmul_with_epilogue(check_group: Check, element: str, m: int, n: int, k: int) -> None:
    math = "math = #nn.math<tf32>" if element == "tf32" else ""
    text = module(matmul(m, n, k, "f32" if element == "tf32" else element, math=math))
    check_group(text, "gemm_mma", tolerance=LOOSE[element])


@pytest.mark.parametrize("element", ["f16", "f32", "f64"])
def test_matmul_with_b_as_k_by_n(check_group: Check, element: str) -> None:
    check_group(module(matmul(48, 40, 56, element, transpose=False)), "gemm_mma", tolerance=LOOSE[element])


@pytest.mark.parametrize(("least", "depth"), [(0, 0), (0, 2), (1, 1)])
def test_matmul_over_a_depth_that_may_be_zero(check_group: Check, refusal, least: int, depth: int) -> None:
    """Roles would wait for a step that none makes: mma.sync takes it, wgmma only what has a step always."""
    symbols = f"nn.symbols = {{S = array<i64: {least}, 2, 4>}}"
    text = module(matmul(40, 24, "8 * S", "f16"), attributes=f"{HOPPER}, {symbols}")
    check_group(text, "gemm_mma", tolerance=2e-3, S=depth)
    if least:
        check_group(text, "gemm_sm90", tolerance=2e-3, S=depth)
    else:
        assert "over one column of A at least, got 8*S" in refusal(text, "gemm_sm90")


@pytest.mark.parametrize("rows", [1, 19, 64])
def test_matmul_with_dynamic_rows(check_group: Check, rows: int) -> None:
    text = module(matmul("N", 32, 64, "f16"), attributes="nn.symbols = {N = array<i64: 1, 32, 64>}")
    check_group(text, "gemm_mma", tolerance=2e-3, N=rows)


def gated(m: object, n: int, k: int, element: str, *, batch: int = 0, transpose: bool = True) -> str:
    """sigmoid(a b) * (a c + bias)."""

    def tensor(*dims: object) -> str:
        lead = (batch,) if batch and len(dims) > 1 else ()
        shape = "x".join("?" if isinstance(d, str) else str(d) for d in (*lead, *dims))
        encoding = f", #nn.dims<{', '.join(map(str, (*lead, *dims)))}>" if "?" in shape else ""
        return f"tensor<{shape}x{element}{encoding}>"

    a, b, y, bias = tensor(m, k), tensor(n, k) if transpose else tensor(k, n), tensor(m, n), tensor(n)
    flags = " {transpose_b}" if transpose else ""
    return f"""@f(%a: {a}, %b: {b}, %c: {b}, %bias: {bias}) -> {y} attributes {{ANCHOR}} {{
    %0 = nn.matmul %a, %b{flags} : ({a}, {b}) -> {y}
    %1 = nn.matmul %a, %c{flags} : ({a}, {b}) -> {y}
    %2 = nn.sigmoid %0 : {y}
    %3 = nn.add %1, %bias : ({y}, {bias}) -> {y}
    %4 = nn.mul %2, %3 : ({y}, {y}) -> {y}
    func.return %4 : {y}
  }}"""


@pytest.mark.parametrize("element", ["f16", "f32", "f64"])
def test_two_products_of_one_operand(check_group: Check, element: str) -> None:
    check_group(module(gated(37, 40, 56, element)), "gemm_mma", tolerance=LOOSE[element])


def test_two_batches_of_products_of_one_operand(check_group: Check) -> None:
    check_group(module(gated(20, 40, 56, "f16", batch=2, transpose=False)), "gemm_mma", tolerance=2e-3)


@pytest.mark.parametrize("schedule", ["gemm_mma", "gemm_sm90"])
@pytest.mark.parametrize("rows", [1, 19, 130])
def test_two_products_of_one_operand_with_dynamic_rows(check_group: Check, schedule: str, rows: int) -> None:
    symbols = f"{HOPPER}, nn.symbols = {{N = array<i64: 1, 32, 256>}}"
    check_group(module(gated("N", 72, 136, "f16"), attributes=symbols), schedule, tolerance=2e-3, N=rows)


def test_two_convs_of_one_image(check_group: Check) -> None:
    """A conv that a second one gates, of the same window."""
    x, w, y = "tensor<1x9x8x64xf16>", "tensor<40x3x3x64xf16>", "tensor<1x5x4x40xf16>"
    flags = "strides = array<i64: 2, 2>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, groups = 1 : i64"
    body = f"""@f(%x: {x}, %w: {w}, %v: {w}) -> {y} attributes {{ANCHOR}} {{
    %0 = nn.conv %x, %w {{{flags}}} : ({x}, {w}) -> {y}
    %1 = nn.tanh %0 : {y}
    %2 = nn.conv %x, %v {{{flags}}} : ({x}, {w}) -> {y}
    %3 = nn.mul %1, %2 : ({y}, {y}) -> {y}
    func.return %3 : {y}
  }}"""
    for schedule in ("gemm_mma", "gemm_sm90"):
        check_group(module(body, attributes=HOPPER, anchor="conv"), schedule, tolerance=2e-3)


def test_matmul_int8(check_group: Check) -> None:
    a, b, c, r = "tensor<33x64xi8>", "tensor<24x64xi8>", "tensor<33x24xi32>", "tensor<33x24xf32>"
    body = f"""@f(%a: {a}, %b: {b}, %s: tensor<24xf32>) -> {r} attributes {{ANCHOR}} {{
    %0 = nn.matmul %a, %b {{transpose_b}} : ({a}, {b}) -> {c}
    %1 = nn.cast %0 : ({c}) -> {r}
    %2 = nn.mul %1, %s : ({r}, tensor<24xf32>) -> {r}
    func.return %2 : {r}
  }}"""
    check_group(module(body), "gemm_mma", high=100)


@pytest.mark.parametrize("transpose", [True, False])
def test_batched_matmul_of_strided_views(check_group: Check, transpose: bool) -> None:
    """Attention's products: operands [B, S, H, D] read as [B, H, S, D] by strides, the result written the same way."""
    s, d, h = 20, 16, 3
    a, c = f"tensor<2x{h}x{s}x{d}xf16>", f"tensor<2x{h}x{s}x{s if transpose else d}xf16>"
    p = a if transpose else f"tensor<2x{h}x{s}x{s}xf16>"
    strides = f"[{s * h * d}, {d}, {h * d}, 1]"
    view = f"#fusion.layout<{strides}, align = 8>"
    plain = "#fusion.layout<contiguous, align = 8>"
    layouts = f"[{view}, {view}, {plain}]" if transpose else f"[{plain}, {view}, {view}]"
    flags = " {transpose_b}" if transpose else ""
    body = f"""@f(%a: {p}, %b: {a}) -> {c} attributes {{ANCHOR}} {{
    %0 = nn.matmul %a, %b{flags} : ({p}, {a}) -> {c}
    func.return %0 : {c}
  }}"""
    check_group(module(body, layouts=layouts), "gemm_mma", tolerance=2e-3)


def conv(
    element: str,
    n: object,
    h: object,
    w: object,
    c: int,
    o: int,
    kernel: int,
    *,
    stride: int = 1,
    pad: int = 0,
    groups: int = 1,
) -> str:
    def tensor(*dims: object) -> str:
        shape = "x".join("?" if isinstance(d, str) else str(d) for d in dims)
        encoding = f", #nn.dims<{', '.join(map(str, dims))}>" if any(isinstance(d, str) for d in dims) else ""
        return f"tensor<{shape}x{element}{encoding}>"

    def out(x: object) -> object:
        if isinstance(x, str):
            return f"({x} + {2 * pad - kernel}) floordiv {stride} + 1"
        assert isinstance(x, int)
        return (x + 2 * pad - kernel) // stride + 1

    x, f, y = tensor(n, h, w, c), tensor(o, kernel, kernel, c // groups), tensor(n, out(h), out(w), o)
    return f"""@f(%x: {x}, %w: {f}, %b: {tensor(o)}) -> {y} attributes {{ANCHOR}} {{
    %0 = nn.conv %x, %w {{strides = array<i64: {stride}, {stride}>, pads = array<i64: {pad}, {pad}, {pad}, {pad}>, dilations = array<i64: 1, 1>, groups = {groups} : i64}} : ({x}, {f}) -> {y}
    %1 = nn.add %0, %b : ({y}, {tensor(o)}) -> {y}
    %2 = nn.relu %1 : {y}
    func.return %2 : {y}
  }}"""  # noqa: E501


@pytest.mark.parametrize("element", ["f16", "f32"])
@pytest.mark.parametrize(
    "shape",
    [
        dict(n=2, h=9, w=7, c=16, o=24, kernel=3, pad=1),
        dict(n=1, h=14, w=14, c=3, o=16, kernel=7, stride=2, pad=3),
        dict(n=2, h=6, w=6, c=32, o=16, kernel=1),
        dict(n=1, h=8, w=8, c=32, o=48, kernel=3, pad=1, groups=2),
    ],
)
def test_conv(check_group: Check, element: str, shape: dict[str, int]) -> None:
    check_group(module(conv(element, **shape), anchor="conv"), "gemm_mma", tolerance=LOOSE[element])


def conv_of_cast(channels: int, element: str = "f16", source: str = "f32") -> str:
    """An image cast on the way to a conv."""
    wide, x, f = (
        f"tensor<2x9x10x{channels}x{source}>",
        f"tensor<2x9x10x{channels}x{element}>",
        f"tensor<24x7x7x{channels}x{element}>",
    )
    y = f"tensor<2x5x5x24x{element}>"
    return f"""@f(%x: {wide}, %w: {f}) -> {y} attributes {{ANCHOR}} {{
    %0 = nn.cast %x : ({wide}) -> {x}
    %1 = nn.conv %0, %w {{strides = array<i64: 2, 2>, pads = array<i64: 3, 3, 3, 3>, dilations = array<i64: 1, 1>, groups = 1 : i64}} : ({x}, {f}) -> {y}
    %2 = nn.relu %1 : {y}
    func.return %2 : {y}
  }}"""  # noqa: E501


@pytest.mark.parametrize("element", ["f16", "bf16"])
@pytest.mark.parametrize("channels", [4, 16, 64])
def test_conv_casts_an_image_of_whole_vectors(check_group: Check, element: str, channels: int) -> None:
    check_group(module(conv_of_cast(channels, element), anchor="conv"), "gemm_mma", tolerance=LOOSE[element])


@pytest.mark.parametrize("element", ["f16", "bf16"])
@pytest.mark.parametrize("nchw", [True, False])
def test_conv_casts_its_image(check_group: Check, element: str, nchw: bool) -> None:
    """f32 in memory, also read by strides from a channels-first image; rounded on the way to shared memory."""
    layouts = (
        "[#fusion.layout<[270, 10, 1, 90]>, #fusion.layout<contiguous>, #fusion.layout<contiguous>]" if nchw else ""
    )
    text = module(conv_of_cast(3, element), anchor="conv", layouts=layouts)
    check_group(text, "gemm_mma", tolerance=LOOSE[element])


def test_a_cast_beside_tma_is_refused(refusal: Callable[[str, str], str]) -> None:
    text = module(conv_of_cast(64), attributes=HOPPER, anchor="conv")
    assert "TMA copies bytes" in refusal(text, "gemm_sm90")
    text = module(conv_of_cast(3, source="f64"), anchor="conv")
    assert "expected a prologue on a tensor of f16, got f64" in refusal(text, "gemm_mma")


def test_conv_with_dynamic_image(check_group: Check) -> None:
    attributes = "nn.symbols = {N = array<i64: 1, 2, 4>, H = array<i64: 4, 8, 16>, W = array<i64: 4, 8, 16>}"
    text = module(conv("f16", "N", "H", "W", 16, 24, 3, stride=2, pad=1), attributes=attributes, anchor="conv")
    check_group(text, "gemm_mma", tolerance=2e-3, N=3, H=9, W=13)


@pytest.mark.parametrize(("m", "n", "k"), [(256, 256, 128), (200, 136, 72), (300, 64, 200)])
def test_hopper_matmul(check_group: Check, m: int, n: int, k: int) -> None:
    check_group(module(matmul(m, n, k, "f16"), attributes=HOPPER), "gemm_sm90", tolerance=2e-3)


@pytest.mark.parametrize("k", [64, 200])
def test_hopper_matmul_of_few_rows_takes_narrow_tiles(check_group: Check, k: int) -> None:
    """Few rows: blocks of 16 columns, so that more SMs share the loads."""
    text = module(matmul(49, 72, k, "f16"), attributes=HOPPER)
    choices = check_group(text, "gemm_sm90", tolerance=2e-3)
    assert choices[0].values["bn"] == 16
    check_group(text, "gemm_sm90", tolerance=2e-3, tunables={"cluster": 2, "groups": 1, "bn": 16, "stages": 3})


def test_channels_of_groups_stored_in_turn(check_group: Check) -> None:
    """ShuffleNet's: the channel of each group is apart, and the next one lies three elements on."""
    x, w, y = "tensor<2x5x6x24xf16>", "tensor<30x1x1x8xf16>", "tensor<2x5x6x30xf16>"
    body = f"""@g(%x: {x}, %w: {w}, %r: {y}) -> tensor<2x5x6x3x10xf16> attributes {{ANCHOR}} {{
    %0 = nn.conv %x, %w {{strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>,
      groups = 3 : i64}} : ({x}, {w}) -> {y}
    %1 = nn.add %0, %r : ({y}, {y}) -> {y}
    %2 = nn.reshape %1 : ({y}) -> tensor<2x5x6x3x10xf16>
    func.return %2 : tensor<2x5x6x3x10xf16>
  }}"""
    layouts = f"[{WHOLE}, {WHOLE}, {WHOLE}, #fusion.layout<[900, 180, 30, 1, 3], align = 8>]"
    check_group(module(body, anchor="conv", layouts=layouts), "gemm_mma", tolerance=2e-3)


WHOLE, PART = "#fusion.layout<contiguous, align = 8>", "#fusion.layout<[{0}, 1], align = 4>"


@pytest.mark.parametrize("operand", [0, 1])
def test_tma_refuses_operands_at_odd_addresses(refusal: Callable[[str, str], str], operand: int) -> None:
    """A slice may start at 8 bytes, where no tensor map can."""
    layouts = [WHOLE] * 5
    layouts[operand] = PART.format(72)
    text = module(matmul(128, 64, 64, "f16"), attributes=HOPPER, layouts=f"[{', '.join(layouts)}]")
    reason = f"operand {'AB'[operand]}: expected an address of a multiple of 16 bytes, got one of 8"
    assert reason in refusal(text, "gemm_sm90")


def test_results_at_odd_addresses_are_stored_without_tma(check_group: Check) -> None:
    layouts = f"[{WHOLE}, {WHOLE}, {WHOLE}, {WHOLE}, {PART.format(136)}]"
    text = module(matmul(128, 64, 64, "f16"), attributes=HOPPER, layouts=layouts)
    assert check_group(text, "gemm_sm90")


def test_hopper_matmul_in_a_cluster_of_two(check_group: Check) -> None:
    text = module(matmul(300, 256, 136, "f16"), attributes=HOPPER)
    check_group(text, "gemm_sm90", tolerance=2e-3, tunables={"cluster": 2, "groups": 2, "bn": 128, "stages": 4})


@pytest.mark.parametrize(("kernel", "stride", "pad"), [(1, 1, 0), (3, 1, 1), (3, 2, 1), (1, 2, 0)])
def test_hopper_conv(check_group: Check, kernel: int, stride: int, pad: int) -> None:
    text = module(conv("f16", 2, 13, 9, 64, 72, kernel, stride=stride, pad=pad), attributes=HOPPER, anchor="conv")
    check_group(text, "gemm_sm90", tolerance=2e-3)


def normalised_conv(
    element: str, n: object, side: int, c: int, o: int, kernel: int, *, stride: int = 1, pad: int = 0, groups: int = 1
) -> str:
    """BatchNorm, a scale per image and channel, and ReLU before a conv; the bias of the BatchNorm is not 0 where padding must be."""
    text = conv(element, n, side, side, c, o, kernel, stride=stride, pad=pad, groups=groups)
    shape = f"tensor<{'?' if isinstance(n, str) else n}x{side}x{side}x{c}x"
    encoding = f", #nn.dims<{n}, {side}, {side}, {c}>" if isinstance(n, str) else ""
    wide, x = f"{shape}f32{encoding}>", f"{shape}{element}{encoding}>"
    squeeze = f"tensor<{'?' if isinstance(n, str) else n}x1x1x{c}xf32" + (
        f", #nn.dims<{n}, 1, 1, {c}>>" if encoding else ">"
    )
    channel = f"tensor<{c}xf32>"
    widen, narrow = f"%c0 = nn.cast %x : ({x}) -> {wide}", f"%c1 = nn.cast %r : ({wide}) -> {x}"
    if element == "f32":
        widen, narrow = f"%c0 = nn.relu %x : {x}", f"%c1 = nn.relu %r : {x}"
    prologue = f"""{widen}
    %p0 = nn.mul %c0, %scale : ({wide}, {channel}) -> {wide}
    %p1 = nn.add %p0, %shift : ({wide}, {channel}) -> {wide}
    %p2 = nn.mul %p1, %se : ({wide}, {squeeze}) -> {wide}
    %r = nn.sigmoid %p2 : {wide}
    {narrow}
    %0 = nn.conv %c1, """
    text = text.replace("%0 = nn.conv %x, ", prologue)
    return text.replace(f"@f(%x: {x}", f"@f(%x: {x}, %scale: {channel}, %shift: {channel}, %se: {squeeze}")


PROLOGUES = [
    dict(n=2, side=6, c=32, o=16, kernel=1),
    dict(n=2, side=7, c=40, o=24, kernel=1, stride=2),
    dict(n=2, side=7, c=16, o=24, kernel=3, pad=1),
    dict(n=1, side=8, c=32, o=48, kernel=3, pad=1, groups=2),
    dict(n=2, side=6, c=64, o=16, kernel=3),
]


@pytest.mark.parametrize("element", ["f16", "bf16", "f32"])
@pytest.mark.parametrize("shape", PROLOGUES)
def test_conv_of_a_prologue(check_group: Check, element: str, shape: dict[str, int]) -> None:
    """Sigmoid gives 1/2 for what lies outside: it must be zero there all the same."""
    check_group(module(normalised_conv(element, **shape), anchor="conv"), "gemm_mma", tolerance=LOOSE[element])


@pytest.mark.parametrize("batch", [1, 3])
def test_conv_of_a_prologue_with_dynamic_batch(check_group: Check, batch: int) -> None:
    text = normalised_conv("f16", "N", 6, 16, 24, 3, pad=1)
    attributes = "nn.symbols = {N = array<i64: 1, 2, 4>}"
    check_group(module(text, anchor="conv", attributes=attributes), "gemm_mma", tolerance=2e-3, N=batch)
