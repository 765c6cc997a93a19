"""Outlined groups of one `nn.attention` as text, for tests of its schedules."""

from __future__ import annotations

from collections.abc import Sequence

HOPPER = 'kernel.target = #kernel.target<"sm_90a", sms = 132, smem = 232448>'
CAUSAL = ", causal = #nn.causal<end>"
START = ", causal = #nn.causal<start>"
TRANSPOSED = "{permutation = array<i64: 0, 2, 1, 3>}"


def tensor(dims: Sequence[int | str], element: str) -> str:
    """A tensor type; dims that are symbols are `?` with their names."""
    shape = "x".join(str(d) if isinstance(d, int) else "?" for d in dims)
    named = f", #nn.dims<{', '.join(map(str, dims))}>" if any(isinstance(d, str) for d in dims) else ""
    return f"tensor<{shape}x{element}{named}>"


def _module(arguments: str, result: str, body: str, hopper: bool, ranges: str = "") -> str:
    head = ", ".join(part for part in (HOPPER if hopper else "", ranges) if part)
    return (
        f"builtin.module attributes {{{head}}} {{\n"
        f'  func.func private @f({arguments}) -> {result} attributes {{fusion.anchor = "attention"}} {{\n{body}\n  }}\n}}'
    )


def attention(
    queries: int | str,
    keys: int | str,
    head: int = 64,
    *,
    hopper: bool,
    batch: int | str = 1,
    heads: int = 1,
    key_heads: int | None = None,
    key_batch: int | None = None,
    value_head: int | None = None,
    element: str = "f16",
    result: str | None = None,
    mask: str | None = None,
    flags: str = "",
    scale: float = 0.125,
    epilogue: str | None = None,
    transposed: bool = False,
    ranges: str = "",
) -> str:
    """
    softmax(scale q k^T + mask) v. `flags`: further properties; `mask`: its type; `epilogue`: an op of one operand, as `relu`; `transposed`:
    operands and result are [b, s, h, d].
    """
    q = [batch, heads, queries, head]
    k = [key_batch or batch, key_heads or heads, keys, head]
    v = [*k[:3], value_head or head]
    y = [*q[:3], v[3]]
    types = [tensor(dims, element) for dims in (q, k, v)]
    out = tensor(y, result or element)
    lines: list[str] = []
    outside = list(types)
    if transposed:
        outside = [tensor([d[0], d[2], d[1], d[3]], element) for d in (q, k, v)]
        lines += [
            f"%{n}t = nn.transpose %{n} {TRANSPOSED} : ({o}) -> {t}"
            for n, o, t in zip("qkv", outside, types, strict=True)
        ]
    names = ", ".join(f"%{n}t" if transposed else f"%{n}" for n in "qkv")
    masked = ("mask %m ", f" mask {mask}") if mask else ("", "")
    lines.append(
        f"%0 = nn.attention {names} {masked[0]}{{scale = {scale} : f64{flags}}} : {', '.join(types)}{masked[1]} -> {out}"
    )
    value = "%0"
    if epilogue is not None:
        lines.append(f"%1 = nn.{epilogue} %0 : {out}")
        value = "%1"
    if transposed:
        inner, out = out, tensor([y[0], y[2], y[1], y[3]], result or element)
        lines.append(f"%2 = nn.transpose {value} {TRANSPOSED} : ({inner}) -> {out}")
        value = "%2"
    lines.append(f"func.return {value} : {out}")
    arguments = [f"%{n}: {t}" for n, t in zip("qkv", outside, strict=True)] + ([f"%m: {mask}"] if mask else [])
    return _module(", ".join(arguments), out, "\n".join(f"    {line}" for line in lines), hopper, ranges)


def packed(batch: int, queries: int, heads: int, head: int, *, hopper: bool, element: str = "f16", gap: int = 0) -> str:
    """Self-attention from one buffer [b, s, 3 h, d] of q, k and v side by side, to [b, s, h, d]; `gap`: heads before q."""
    x, y = tensor([batch, queries, gap + 3 * heads, head], element), tensor([batch, queries, heads, head], element)
    t = tensor([batch, heads, queries, head], element)
    lines: list[str] = []
    for number, name in enumerate("qkv"):
        starts = f"#nn.dims<0, 0, {gap + number * heads}, 0>"
        lines.append(f"%{name}s = nn.slice %x {{starts = {starts}, steps = array<i64: 1, 1, 1, 1>}} : ({x}) -> {y}")
        lines.append(f"%{name} = nn.transpose %{name}s {TRANSPOSED} : ({y}) -> {t}")
    lines.append(f"%0 = nn.attention %q, %k, %v {{scale = 0.125 : f64}} : {t}, {t}, {t} -> {t}")
    lines.append(f"%1 = nn.transpose %0 {TRANSPOSED} : ({t}) -> {y}")
    lines.append(f"func.return %1 : {y}")
    return _module(f"%x: {x}", y, "\n".join(f"    {line}" for line in lines), hopper)
