"""Fuzz target: engine files. A small engine is changed in one to three places, signed again or not, loaded, and run if it is taken.

What runs are the kernels that the engine came with: those of a changed text are read and compared with the plan, but what they
compute is code, which no check makes good.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
import struct
from copy import deepcopy
from pathlib import Path
from typing import Any, cast

import numpy as np

import trtc
from trtc.runtime import files
from trtc.runtime.container import PAGE, Section, read_container, write_container
from trtc.runtime.contents import SIMULATOR
from trtc.runtime.engine import Engine
from trtc.runtime.variant import Variant

FILE = Path("fuzz.engine")
HEADER = struct.Struct("<8sIIQQ")
VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2**31, 2**63, -(2**63), 10**30, 1.5, 1e300, "", "x", "N", "N*N", "9" * 5000, "\0", "é\n", [], {}, [[]],
    "N floordiv (N - 1)", "sm_90a", "(" * 3000, ["x"], {"a": 1},
)  # fmt: skip
NUMBERS = ("0", "1", "-1", "7", "255", "4096", "65536", "2147483648", "9" * 25, "9" * 500, "N", "1.5", "?", "")


def _network() -> trtc.Network:
    """A reduction, a buffer, a product with a weight, one dynamic dim: two kernels."""
    net = trtc.Network()
    x = net.add_input("x", "f32", ("N", 32))
    total = net.add_reduce("sum", x, [1], keepdims=True)
    weight = net.add_initializer("w", np.random.default_rng(0).standard_normal((1, 32)).astype(np.float32))
    net.mark_output(net.add_binary("mul", net.add_binary("add", x, net.add_softmax(total, 0)), weight), "y")
    net.symbols(N=(1, 2, 3))
    return net


files.os.fsync = lambda _: None  # no power is cut here
trtc.build(_network(), trtc.BuildOptions(target="sm_80", refit=True)).save(FILE)
WHOLE = FILE.read_bytes()
MANIFEST, SECTIONS = read_container(FILE)
TILES = MANIFEST["variants"]["sm_80"]["tiles"]
_parse = Variant.parse
_known = {which: Engine(MANIFEST, SECTIONS).variant().parse(which) for which in ("host", "tiles")}


def _parse_changed(variant: Variant, which: str) -> Any:
    """Texts that are as they were are not read again."""
    name = variant.manifest[which]
    whole = name == MANIFEST["variants"]["sm_80"][which] and variant.sections[name].data == SECTIONS[name].data
    return _known[which] if whole else _parse(variant, which)


Variant.parse = _parse_changed  # type: ignore[method-assign]


def run(seed: int) -> None:
    """One changed engine."""
    choose = random.Random(seed)
    tiles = True
    match choose.randrange(8):
        case 0 | 1:
            FILE.write_bytes(_noise(choose, WHOLE))
        case 2:
            FILE.write_bytes(_header(choose))
        case 3 | 4 | 5:
            manifest = json.loads(json.dumps(MANIFEST))
            for _ in range(choose.randint(1, 3)):
                _change_json(choose, manifest)
            write_container(FILE, manifest, SECTIONS)
        case _:
            name = choose.choice([*SECTIONS, MANIFEST["variants"]["sm_80"]["host"]])
            tiles = name != TILES
            section = SECTIONS[name]
            data = bytes(section.data)
            changed = (
                _noise(choose, data) if b"\0" in data or choose.random() < 0.2 else _change_text(choose, data.decode())
            )
            write_container(FILE, MANIFEST, {**SECTIONS, name: Section(changed, section.align)})
    engine = trtc.load(FILE)
    if not tiles:
        _ = [variant.tiles for variant in engine.variants.values()]
        return
    if engine.refittable and seed % 2:
        table = engine.refitter.table.values()
        engine.refit({each.name: np.ones(each.shape, each.dtype) for each in table if each.section and not each.pin})
    context = engine.create_context(SIMULATOR)
    ends = [values[-1] for values in engine.symbols.values()]
    for n in {1, min([*ends, 3])}:
        env = dict.fromkeys(engine.symbols, n)
        given = {
            spec.name: np.ones([extent.evaluate(env) for extent in spec.dims], spec.dtype) for spec in engine.inputs
        }
        context.run(given)


def _noise(choose: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(choose.randint(1, 3)):
        at = choose.randrange(len(changed) + 1)
        match choose.randrange(5):
            case 0 if changed:
                changed[at % len(changed)] ^= 1 << choose.randrange(8)
            case 1:
                del changed[at : at + choose.choice((1, 8, 4096, len(changed)))]
            case 2:
                changed[at:at] = choose.randbytes(choose.choice((1, 8, 64)))
            case 3:
                changed[at : at + 8] = choose.choice((0, 1, 2**31, 2**63, 2**64 - 1)).to_bytes(8, "little")
            case _:
                other = choose.randrange(len(changed) + 1)
                changed[at : at + 64] = changed[other : other + 64]
    return bytes(changed)


def _header(choose: random.Random) -> bytes:
    """Another header or section table, with the digest right."""
    magic, version, zero, size, length = HEADER.unpack_from(WHOLE)
    manifest = json.loads(WHOLE[64 : 64 + length])
    for _ in range(choose.randint(0, 2)):
        _change_json(choose, manifest["sections"])
    encoded = json.dumps(manifest, sort_keys=True, separators=(",", ":")).encode()
    if choose.random() < 0.2:
        encoded = choose.choice(
            (b"[" * 5000, b'{"a":' * 5000, encoded + encoded, b"{" + encoded[1:-1] + b"," + encoded[1:], b"\xff")
        )
    sizes = [size, len(encoded)]
    if choose.random() < 0.3:
        sizes[choose.randrange(2)] = choose.choice((0, 1, 63, 64, 2**32, 2**62, 2**64 - 1))
    head = HEADER.pack(magic, choose.choice((version, version, 0, 9)), choose.choice((zero, zero, 1)), *sizes)
    begin = head + hashlib.sha256(head + encoded).digest() + encoded
    return begin + bytes(-len(begin) % PAGE) + WHOLE[-(-(64 + length) // PAGE) * PAGE :]


def _change_json(choose: random.Random, value: Any) -> None:
    """Changes something in a JSON object or list: any place is as likely as its depth makes it."""
    while True:
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        if not keys:
            return
        key = choose.choice(keys)
        inner = value[key]
        if isinstance(inner, dict | list) and inner and choose.random() < 0.9:
            value = cast(Any, inner)
            continue
        match choose.randrange(5):
            case 0:
                del value[key]
            case 1 if isinstance(value, list):
                value.insert(choose.randrange(len(value) + 1), deepcopy(inner))
            case 2 if isinstance(inner, int):
                value[key] = inner + choose.choice((1, -1, 4, 256, -inner, inner, 2**31))
            case 3:
                value[key] = deepcopy(choose.choice(list(value.values()) if isinstance(value, dict) else value))
            case _:
                value[key] = deepcopy(choose.choice(VALUES))
        return


def _change_text(choose: random.Random, text: str) -> bytes:
    """Another number, word or line."""
    for _ in range(choose.randint(1, 2)):
        pattern = choose.choice((r"-?\d+", r"-?\d+", r"\w+", r"[^\w\s]", r".*\n", r"%\w+"))
        found = list(re.finditer(pattern, text))
        if not found:
            continue
        chosen, other = choose.choice(found), choose.choice(found)
        new = choose.choice((other[0], choose.choice(NUMBERS), "", chosen[0] * 2))
        text = text[: chosen.start()] + new + text[chosen.end() :]
    return text.encode()
