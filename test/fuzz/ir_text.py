"""IR text of every level, changed at random, through `read_module`. What is taken must print, and read back as itself."""

from __future__ import annotations

import random
import re
from functools import cache
from pathlib import Path

from xdsl.context import Context

from trtc.compiler.universe import make_context
from trtc.dialects.ir_text import MAXIMUM_DEPTH, read_module

ROOT = Path(__file__).resolve().parents[2]
TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[A-Za-z_][\w.$]*|[%@#!^][\w.$]*|-?\d[\w.+-]*|->|\s+|.', re.DOTALL)
LONGEST = 1200
HOSTILE = [
    "0", "-1", "1", "2147483648", "-9223372036854775809", "18446744073709551616", "9" * 500, "1.0e999", "1.0e39", "0x", "0xFF800000",
    "-0.0", "nan", '"', '"\\', '"\\0A', '""', '"\\FF"', '"\\\\"', '"é"', '"a\\00b"', "\0", "\x1b", "é", "²", "\u2028", "//", "/*",
    "loc(", "loc(unknown)", "(" * (MAXIMUM_DEPTH + 1), "[" * 20, "{" * 20, "<" * 20, ">" * 20, "}", ")", "]", "->", "?", "x", "...",
    "tensor<?x?xf32>", "tensor<0xf32>", "dense<0> : tensor<99999999999xi8>", "#nn.dims<N>", "#nn.dims<N floordiv 0>", "#nn.dims<min()>",
    '#nn.dims<"a b">', "#nn.dims<" + "(" * 150 + "N", "#nn.dims<" + "(A+B)*" * 9 + "C>", "#kernel.blocked<0, 0, 0, 0>",
    "#kernel.blocked<1, 32, 1, 4>", "!kernel.frag<4xf32, #kernel.mma_a<1, 1, 1>>", "i0", "i1", "i999999999", "f8E4M3FN", "index", "none",
    "affine_map<(d0) -> (d0 floordiv 0)>", "module", "func.func", "nn.relu", "^bb0", "%0", "%0#9", "@main", "array<i64: 1, 2, 3>",
    "array<i1: 7>", "dense_resource<a>", 'opaque<"a", "b">', "strided<[0, -1], offset: ?>", "#builtin.int<0>", "!nn.dims", "{-#", "#-}",
]  # fmt: skip


@cache
def corpus() -> list[list[str]]:
    """Modules of every level as tokens: those of the lit files that are valid and short."""
    files = sorted((ROOT / "test" / "filecheck").rglob("*.mlir")) + sorted((ROOT / "docs").rglob("*.mlir"))
    texts = [
        re.sub(r"^\s*//.*\n", "", text, flags=re.M) for path in files for text in path.read_text().split("// -----")
    ]
    return [TOKEN.findall(text) for text in texts if text.strip() and len(text) <= LONGEST]


@cache
def context() -> Context:
    return make_context()


def changed(random: random.Random, tokens: list[str]) -> list[str]:
    """One change: a token or a stretch replaced, doubled, moved, left out, or taken from another module."""
    at = random.randrange(len(tokens))
    upto = min(len(tokens), at + random.choice((1, 1, 1, 3, 20)))
    kind = random.randrange(7)
    if kind == 0:
        return [*tokens[:at], random.choice(HOSTILE), *tokens[upto:]]
    if kind == 1:
        return [*tokens[:at], random.choice(HOSTILE), *tokens[at:]]
    if kind == 2:
        return [*tokens[:at], *tokens[upto:]]
    if kind == 3:
        return [*tokens[:upto], *tokens[at:]]
    if kind == 4:
        other = random.choice(corpus())
        begin = random.randrange(len(other))
        return [*tokens[:at], *other[begin : begin + upto - at], *tokens[upto:]]
    if kind == 5:
        numbers = [i for i, token in enumerate(tokens) if token[-1:].isdigit()]
        if not numbers:
            return tokens
        at = random.choice(numbers)
        return [*tokens[:at], random.choice(HOSTILE[:13]), *tokens[at + 1 :]]
    token = list(tokens[at])
    token[random.randrange(len(token))] = chr(random.choice((random.randrange(128), random.randrange(0x2100))))
    return [*tokens[:at], "".join(token), *tokens[at + 1 :]]


def run(seed: int) -> None:
    source = random.Random(seed)
    tokens = source.choice(corpus())
    for _ in range(source.choice((0, 1, 1, 1, 2, 4))):
        tokens = changed(source, tokens) or ["module {}"]
    module = read_module(context(), "".join(tokens))
    printed = str(module)
    assert str(read_module(context(), printed)) == printed, (
        "what was read does not print as text that reads back as itself"
    )
