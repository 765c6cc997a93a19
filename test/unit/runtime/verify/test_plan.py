"""A plan that lies is refused: every field of a manifest and every number of a host function, with checksums that are right."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Generator
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import trtc
from trtc.dialects.errors import EngineFormatError, PassError
from trtc.dialects.kernel import FuncOp
from trtc.dialects.text import LITERAL
from trtc.runtime.container import Section, read_container, write_container
from trtc.runtime.contents import spec_to_json
from trtc.runtime.engine import Engine
from trtc.runtime.kernels import KernelInfo
from trtc.runtime.manifest import FORMAT
from trtc.runtime.program.reader import read_program
from trtc.runtime.variant import Variant
from trtc.runtime.verify.plan import _share, describe

W = np.arange(12, dtype=np.float32).reshape(4, 3) - 5

RECORDS = ("model", "options", "toolchain", "remarks", "resources", "problems")
"""Fields of the manifest that are for people: another value of the same type changes nothing that runs."""


@pytest.fixture(scope="module")
def parts(handmade_engine: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    """Manifest and sections of a whole engine, as they come from its file."""
    path = tmp_path_factory.mktemp("engine") / "e"
    handmade_engine(W).save(path)
    return read_container(path)


@pytest.fixture(autouse=True)
def parse_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same text is the same module."""
    known: dict[bytes, Any] = {}
    parse = Variant.parse

    def once(variant: Variant, which: str) -> Any:
        text = bytes(variant.sections[variant.manifest[which]].data)
        if text not in known:
            known[text] = parse(variant, which)
        return known[text]

    monkeypatch.setattr(Variant, "parse", once)


def verdict(manifest: Any, sections: Any) -> str:
    """ "" where an engine of these parts is accepted, else why not. Any other exception is a failure of the test."""
    try:
        Engine(deepcopy(manifest), sections).verify()
    except EngineFormatError as error:
        return str(error)
    return ""


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Generator[tuple[Any, ...]]:
    """The paths of everything in a JSON value, objects and lists among it."""
    if path:
        yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        yield from leaves(item, (*path, key))


def lies(value: Any) -> list[Any]:
    """Other values of the same type."""
    match value:
        case bool():
            return [not value]
        case int():
            return [value + 1, value - 1, -value - 5, 1000 * value + 7, 2**31, 10**30]
        case str():
            return [value + "x", "", "N*N", "1", value[:-1], "4096"]
        case _:
            return []


def with_value(manifest: Any, path: tuple[Any, ...], change: Callable[[Any, Any], None]) -> Any:
    changed = deepcopy(manifest)
    target = changed
    for key in path[:-1]:
        target = target[key]
    change(target, path[-1])
    return changed


def at(manifest: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        manifest = manifest[key]
    return manifest


def is_record(path: tuple[Any, ...]) -> bool:
    return any(key in RECORDS for key in path)


def test_a_whole_engine_is_accepted(parts: tuple[Any, Any]) -> None:
    assert verdict(*parts) == ""


def test_every_field_of_the_manifest_that_lies_is_refused(parts: tuple[Any, Any]) -> None:
    manifest, sections = parts
    count = 0
    for path in leaves(manifest):
        value = at(manifest, path)
        for lie in lies(value):
            if lie != value and not is_record(path):
                changed = with_value(manifest, path, lambda target, key, lie=lie: target.__setitem__(key, lie))
                assert verdict(changed, sections), f"{path} = {lie!r} for {value!r}"
                count += 1
    assert count > 400


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (FORMAT + 1, "it was built by a newer one; update trtc, or rebuild the engine with this version"),
        (FORMAT - 1, "it was built by an older one; rebuild the engine with this version"),
        (None, f"the file has format 1, and this version of trtc reads format {FORMAT}"),
        (0, "format: expected a number from 1 on, got 0"),
        (True, "format: expected a number from 1 on, got True"),
        ("2", "format: expected a number from 1 on, got '2'"),
    ],
)
def test_an_engine_of_another_format_is_refused_by_a_sentence(
    parts: tuple[Any, Any], number: Any, message: str
) -> None:
    """Whatever else its manifest holds: a field that this version does not know, or one that it misses."""
    manifest, sections = parts
    for extra in ({}, {"steps": []}):
        changed = {**manifest, "format": number, **extra}
        if number is None:
            del changed["format"]
        assert message in verdict(changed, sections)


def test_every_field_of_another_type_is_refused(parts: tuple[Any, Any]) -> None:
    manifest, sections = parts
    for path in leaves(manifest):
        value = at(manifest, path)
        if path[0] == "options" or path[:2] == ("toolchain", "trtc"):
            continue  # any record
        others = [None, [value], {"a": value}, [], 1.5, True, "text", 7, float("1e300")]
        for lie in (other for other in others if type(other) is not type(value)):
            changed = with_value(manifest, path, lambda target, key, lie=lie: target.__setitem__(key, lie))
            if is_record(path) and isinstance(value, dict | list) and lie in ([], {}):
                continue
            assert verdict(changed, sections), f"{path} = {lie!r} for {value!r}"


def test_every_field_that_is_missing_twice_or_new_is_refused(parts: tuple[Any, Any]) -> None:
    manifest, sections = parts
    for path in leaves(manifest):
        value = at(manifest, path)
        free = is_record(path) and len(path) > 1 and path[-2] in RECORDS
        gone = with_value(manifest, path, lambda target, key: target.__delitem__(key))
        assert free or verdict(gone, sections), f"{path} is gone"
        if isinstance(path[-1], int):
            twice = with_value(manifest, path, lambda target, key, value=value: target.insert(key, value))
            assert free or verdict(twice, sections), f"{path} stands twice"
        elif not is_record(path):
            new = with_value(manifest, path, lambda target, key, value=value: target.update({f"{key}_": value}))
            assert verdict(new, sections), f"{path} has a neighbour"


def numbers(text: str) -> list[re.Match[str]]:
    """The numbers of an IR text that stand in no string and no name."""
    strings = [match.span() for match in re.finditer(LITERAL, text)]
    found = re.finditer(r"(?<![\w%@.\"])-?\d+(?![\w.\"])|(?<=[<x\[])\d+(?=x|>)", text)
    return [m for m in found if not any(a <= m.start() < b for a, b in strings)]


def test_every_number_of_the_host_function_that_lies_is_refused(parts: tuple[Any, Any]) -> None:
    manifest, sections = parts
    name = manifest["variants"]["sm_80"]["host"]
    text = str(bytes(sections[name].data), "utf-8")
    found = numbers(text)
    assert len(found) > 90
    for index, match in enumerate(found):
        value = int(match[0])
        lies = [value + 1, 10**12, value - 1, -7, value * 2 + 3, 0, value + 256, 10**350]
        lie = next(lie for lie in (*lies[index % 8 :], *lies) if lie != value)
        changed = f"{text[: match.start()]}{lie}{text[match.end() :]}"
        refused = verdict(manifest, {**sections, name: Section(changed.encode())})
        line = text.count("\n", 0, match.start()) + 1
        assert refused, f"line {line}: {lie} for {value} in {text.splitlines()[line - 1][:200]}"


HOST = "sm_80/host"


def replaced(text: str, *changes: tuple[str, str]) -> str:
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text


def forged(manifest: Any, sections: Any, text: str, arch: str = "sm_80") -> tuple[Any, Any]:
    """An engine with another host function, and a manifest that says the same wherever it can."""
    manifest = deepcopy(manifest)
    changed = {**sections, manifest["variants"][arch]["host"]: Section(text.encode())}
    variant = Variant(arch, manifest["variants"][arch], changed)
    module = variant.parse("host")
    kernels = [KernelInfo.read(op) for op in module.walk() if isinstance(op, FuncOp)]
    for stored, facts in zip(variant.manifest["kernels"], kernels, strict=True):
        stored["facts"] = json.loads(json.dumps(facts.to_json()))
    program = read_program(module, {facts.name: facts for facts in kernels})
    manifest["variants"][arch] |= describe(module, program)
    manifest["inputs"], manifest["outputs"] = (
        [spec_to_json(s) for s in specs] for specs in (program.inputs, program.outputs)
    )
    manifest["symbols"] = {name: list(values) for name, values in program.symbols.items()}
    return manifest, changed


SMALLER = [("offset 256 size 96", "offset 0 size 96"), ("memref<512xi8>", "memref<256xi8>")]
FURTHER = [("offset 256 size 96", "offset 1024 size 96"), ("memref<512xi8>", "memref<1280xi8>")]
WIDER = [("<6, 1>", "<12, 1>"), ("<[6, 1]", "<[12, 1]")]
OVER = "1000000000"
READS_WHAT_IT_WRITES = [
    ("ins(%2 : memref<?x3xf32>) outs(%4", "ins(%4 : memref<?x3xf32, strided<[6, 1]>>) outs(%4"),
    (
        "@relu(%0: !kernel.global<dims <N, 3> x f32, strides <3, 1>",
        "@relu(%0: !kernel.global<dims <N, 3> x f32, strides <6, 1>",
    ),
]
UNKNOWN_INPUT = [
    ("(%x: memref<?x4xf32> loc(unknown), ", "(%x: memref<?x4xf32> loc(unknown), %q: memref<?xf32> loc(unknown), "),
    ('nn.inputs = ["x"]', 'nn.inputs = ["x", "q"]'),
    ("[#nn.dims<N, 4>, ", "[#nn.dims<N, 4>, #nn.dims<M>, "),
    ("{N = array<i64: 1, 2, 8>}", "{M = array<i64: 1, 2, 8>, N = array<i64: 1, 2, 8>}"),
]
UNWRITTEN_OUTPUT = [
    ('%0: memref<?xf32> loc("sum1"))', '%0: memref<?xf32> loc("sum1"), %q: memref<?xf32> loc(unknown))'),
    ('nn.outputs = ["y"]', 'nn.outputs = ["y", "q"]'),
    ("#nn.dims<N>]", "#nn.dims<N>, #nn.dims<N>]"),
]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (SMALLER, "two buffers that are live at once share byte 0"),
        (FURTHER, ""),
        (READS_WHAT_IT_WRITES, "launch of relu writes to what it reads"),
        (UNKNOWN_INPUT, "M has no range, or no input gives it"),
        (UNWRITTEN_OUTPUT, "no launch writes output 'q'"),
        ([("memref<512xi8>", f"memref<{OVER}xi8>")], f"its arena has {OVER} bytes, and its slots end at 512"),
        ([("size 96", "size 100")], r"a slot of 100 bytes is for a buffer of 12\*N"),
        ([("size 96", "size 92")], r"a slot of 92 bytes is for a buffer of 12\*N"),
        ([("array<i64: 1, 2, 8>", "array<i64: 1, 2, 9>")], "a slot of 96 bytes is for a buffer of"),
        ([("array<i64: 1, 2, 8>", "array<i64: 1, 2, 7>")], "a slot of 96 bytes is for a buffer of"),
        ([("warps 1 smem 24", "warps 1 smem 400000")], "needs 400000 bytes of shared memory"),
        ([("warps 1 smem 24", "warps 1 cluster 17 smem 24")], "clusters of 17 blocks"),
        ([("grid <N, 1, 1>", "grid <N, 70000, 1>")], "expected a grid of at most"),
        ([("grid <N, 1, 1>", "grid <N - 5, 1, 1>")], "expected a grid of at most"),
        ([("grid <N, 1, 1>", "grid <4 floordiv (N - 1), 1, 1>")], "has no meaning for {'N': 1}: ZeroDivisionError"),
        ([("align 4>", "align 512>")], r"at a multiple of 16 bytes of arena|is not aligned to 512 bytes"),
        ([("smem = 166912", "smem = 300000")], "expected a GPU with .*, got #kernel.target<.*smem = 300000"),
        ([("sms = 108", "sms = 0")], "expected a GPU with .*, got #kernel.target<.*sms = 0"),
        ([('"sm_80", sms', '"sm_90", sms')], "is for #kernel.target"),
        (WIDER, "is not the|reaches elements"),
        ([("#nn.dims<3>", "#nn.dims<4>"), ("offset: 3", "offset: 4")], "reaches elements 4 to 6 of 6 for {'N': 1}"),
        ([("params(N)", "")], "takes parameters of"),
        ([("params(N)", "params(N, N)")], "takes parameters of"),
        ([('"N" from %x[0]', '"N" from %x[1]')], "from a dim of an input that is linear in it"),
        ([("@fc[%N]", "@fc_cat[%N]")], "is never launched"),
    ],
)
def test_a_host_function_that_does_not_hold_is_refused_for_the_reason(
    parts: tuple[Any, Any], changes: list[tuple[str, str]], message: str
) -> None:
    """Changed as a whole, so that its types agree, with a manifest that says the same."""
    manifest, sections = parts
    text = str(bytes(sections[HOST].data), "utf-8")
    text = replaced(text, *changes)
    try:
        said = verdict(*forged(manifest, sections, text))
    except PassError as error:
        said = str(error)
    assert re.search(message, said) and bool(message) == bool(said), said


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("outs(%0 : memref<?xf32>)", "outs(%0 : memref<?xf32>) {buffer.out_names = []}", ""),
        ("outs(%0 : memref<?xf32>)", 'outs(%0 : memref<?xf32>) {buffer.out_names = ["a", "b"]}', "2 names for 1 results"),
        (") outs(%0 : memref<?xf32>)", ") outs(%x : memref<?x4xf32>)", "writes to an input"),
        ("ins(%2 : memref<?x3xf32>)", "ins(%5 : memref<?x3xf32, strided<[6, 1], offset: 3>>)", "KeyError"),
        ("ins(%3 : memref<?x6xf32>)", "ins(%2 : memref<?x3xf32>)", "its tensor 0 is not the"),
    ],
)  # fmt: skip
def test_launches_that_do_not_hold_are_refused(parts: tuple[Any, Any], old: str, new: str, message: str) -> None:
    manifest, sections = parts
    text = replaced(str(bytes(sections[HOST].data), "utf-8"), (old, new))
    said = verdict(manifest, {**sections, HOST: Section(text.encode())})
    assert message in said and bool(said) == bool(message), said


def test_a_launch_before_what_it_reads_is_refused(parts: tuple[Any, Any]) -> None:
    manifest, sections = parts
    lines = str(bytes(sections[HOST].data), "utf-8").splitlines()
    fc, last = (next(i for i, line in enumerate(lines) if f"buffer.launch @{name}[" in line) for name in ("fc", "sum"))
    lines.insert(last - 1, lines.pop(fc))
    said = verdict(manifest, {**sections, HOST: Section("\n".join(lines).encode())})
    assert "launch of relu reads what no launch has written" in said


def test_every_section_that_is_missing_or_anothers_is_refused(parts: tuple[Any, Any]) -> None:
    manifest, sections = parts
    for name in sections:
        assert verdict(manifest, {other: s for other, s in sections.items() if other != name})
        assert verdict(manifest, {**sections, f"{name}_": sections[name]})
        for align in (1, 128, 4096 if sections[name].align == 64 else 64):
            assert verdict(manifest, {**sections, name: Section(sections[name].data, align)})
        data = bytes(sections[name].data)
        for wrong in (b"", data[: len(data) // 2], b"x" + data):
            said = verdict(manifest, {**sections, name: Section(wrong, sections[name].align)})
            # The simulator's kernels are read when it starts, and CUDA C, in which a kernel of this name must stand, is for people.
            assert said or name.endswith("tiles") or (wrong and name.endswith(".cu")), name
        for other in sections:
            if sections[other].data != sections[name].data and sections[name].align == sections[other].align:
                said = verdict(manifest, {**sections, name: sections[other]})
                assert said or name.endswith("tiles"), f"{name} is {other}"


def test_kernels_that_are_not_those_of_the_plan_are_refused(parts: tuple[Any, Any]) -> None:
    """The simulator runs them, so it asks; a GPU does not."""
    manifest, sections = parts
    text = str(bytes(sections["sm_80/tiles"].data), "utf-8")
    assert Engine(manifest, sections).variant().tiles.keys() == {"fc", "relu", "fc_cat", "sum"}
    for old, new in (
        ("strides <6, 1>", "strides <7, 1>"),
        ("grid <N, 1, 1>", "grid <N + 1, 1, 1>"),
        ("warps 1 ", "warps 2 "),
        ("@sum", "@product"),
        ("array<i64: 1, 2, 8>", "array<i64: 1, 2, 9>"),
        ("align 4>", "align 8>"),
    ):
        changed = {**sections, "sm_80/tiles": Section(replaced(text, (old, new)).encode())}
        with pytest.raises(EngineFormatError, match=r"is not what its host function launches|for other symbols"):
            Engine(deepcopy(manifest), changed).create_context("simulator")


def test_a_file_that_was_signed_again_is_refused(parts: tuple[Any, Any], tmp_path: Path) -> None:
    manifest, sections = parts
    write_container(tmp_path / "whole", manifest, sections)
    trtc.load(tmp_path / "whole")
    changed = deepcopy(manifest)
    changed["variants"]["sm_80"]["plan"]["arena_bytes"] = 1 << 60
    write_container(tmp_path / "e", changed, sections)
    with pytest.raises(EngineFormatError, match="differ in 'plan'"):
        trtc.load(tmp_path / "e")


def test_plans_with_tensor_maps_are_verified(tmp_path: Path) -> None:
    """A product of an sm_90a engine: facts of tensor maps, and a cubin that takes them."""
    net = trtc.Network()
    x = net.add_input("x", "f16", ("N", 128))
    net.mark_output(net.add_matmul(x, np.ones((128, 128), np.float16)), "y")
    net.symbols(N=(1, 64, 256))
    trtc.build(net, trtc.BuildOptions(target="sm_90a", schedules=("gemm_sm90",))).save(tmp_path / "e")
    manifest, sections = read_container(tmp_path / "e")
    facts = ("variants", "sm_90a", "kernels", 0, "facts")
    assert at(manifest, facts)["tensor_maps"] and verdict(manifest, sections) == ""
    for path in leaves(at(manifest, facts)):
        value = at(manifest, (*facts, *path))
        for lie in lies(value)[:4]:
            if lie != value:
                changed = with_value(
                    manifest, (*facts, *path), lambda target, key, lie=lie: target.__setitem__(key, lie)
                )
                assert verdict(changed, sections), f"{path} = {lie!r}"
    text = str(bytes(sections["sm_90a/host.mlir"].data), "utf-8")
    warps = re.search(r"warps (\d+) ", text)
    assert warps is not None
    fewer = text.replace(warps[0], f"warps {int(warps[1]) - 1} ", 1)
    said = verdict(*forged(manifest, sections, fewer, "sm_90a"))
    assert f"was compiled for {32 * int(warps[1])} threads per block" in said


@pytest.mark.parametrize(
    ("a", "b", "shared"),
    [
        ((0, (2, 3), (6, 1)), (12, (2, 3), (6, 1)), False),
        ((0, (2, 3), (6, 1)), (8, (2, 3), (6, 1)), True),
        ((0, (2, 3), (3, 1)), (24, (2, 3), (3, 1)), False),
        ((0, (2, 0), (3, 1)), (0, (2, 3), (3, 1)), False),
        ((0, (4,), (-1,)), (4, (4,), (1,)), False),
    ],
)
def test_whether_views_share_elements(a: Any, b: Any, shared: bool) -> None:
    from trtc.runtime.program.memory import MemoryRef

    refs = [MemoryRef("arena", "", offset, shape, strides, np.dtype("f4")) for offset, shape, strides in (a, b)]
    assert _share(refs[0], refs[1]) == shared
