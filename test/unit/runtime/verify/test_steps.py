"""Plans of steps that lie are refused: what branches, loops, reads and bodies may say in an engine's file."""

from __future__ import annotations

import json
import re
import sys
import time
from copy import deepcopy
from pathlib import Path

import pytest

from trtc.dialects.errors import EngineFormatError, TrtcError
from trtc.dialects.kernel import FuncOp
from trtc.runtime.container import Section
from trtc.runtime.contents import spec_to_json
from trtc.runtime.engine import Engine
from trtc.runtime.kernels import KernelInfo
from trtc.runtime.program.reader import read_program
from trtc.runtime.variant import Variant
from trtc.runtime.verify.plan import describe

sys.path.insert(0, str(Path(__file__).parents[3]))

from host_programs import PROGRAMS, host_engine

HOST = "sm_80/host.mlir"


def text_of(name: str) -> str:
    return str(bytes(host_engine(name, "sm_80")._sections[HOST].data), "utf-8").replace(" loc(unknown)", "")


def verdict(name: str, text: str) -> str:
    """ "" where an engine with this host function is accepted, else why not; its manifest says the same wherever it can."""
    engine = host_engine(name, "sm_80")
    manifest, sections = deepcopy(engine._manifest), {**engine._sections, HOST: Section(text.encode())}
    variant = Variant("sm_80", manifest["variants"]["sm_80"], sections)
    try:
        module = variant.parse("host")
        kernels = [KernelInfo.read(op) for op in module.walk() if isinstance(op, FuncOp)]
        for stored, facts in zip(variant.manifest["kernels"], kernels, strict=True):
            stored["facts"] = json.loads(json.dumps(facts.to_json()))
        program = read_program(module, {facts.name: facts for facts in kernels})
        manifest["variants"]["sm_80"] |= describe(module, program)
        specs = {"inputs": program.inputs, "outputs": program.outputs}
        manifest |= {key: [spec_to_json(spec) for spec in listed] for key, listed in specs.items()}
        manifest["symbols"] = {key: list(values) for key, values in program.symbols.items()}
        Engine(manifest, sections).verify()
    except TrtcError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("name", PROGRAMS)
def test_whole_engines_are_accepted(name: str) -> None:
    assert verdict(name, text_of(name)) == ""
    host_engine(name, "sm_80").verify()


ROWS = ("T = array<i64: 0, 4, 8>", "T = array<i64: 0, 4, 9>"), ("i = array<i64: 0, 4, 7>", "i = array<i64: 0, 4, 8>")


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("read", [("K = array<i64: 0, 8, 16>", "K = array<i64: 0, 8, 17>")], r"a slot of 256 bytes is for a buffer of 16\*K"),
        ("read", [("K = array<i64: 0, 8, 16>", "L = array<i64: 0, 8, 16>")], "K has no range"),
        ("read", [('"K" from %count', '"K" from %one')], ""),
        ("read", [('"K" from %count', '"M" from %count')], "reads 'K', which its launch does not bind"),
        ("counted", [("i = array<i64: 0, 4, 7>", "i = array<i64: 1, 4, 7>")], "the range of i, which a loop counts, begins at 1"),
        ("counted", [(", i = array<i64: 0, 4, 7>", "")], "i has no range"),
        ("counted", list(ROWS), r"reaches elements 32 to 35 of 32"),
        ("counted", list(ROWS[1:]), ""),
        ("counted", [("#nn.dims<4*(T mod 2)>", "#nn.dims<4*(i mod 2)>")],
         "'i' is used before it is known"),
        ("while", [("turns = array<i64: 0, 4, 12>", "turns = array<i64: 2, 4, 12>")],
         "the range of turns, which a loop counts, begins at 2"),
        ("while", [(', buffer.total = "turns"', "")], "expected buffer.total"),
        ("while", [("offset 256 size 1 ", "offset 0 size 1 "), ("memref<512xi8>", "memref<256xi8>")], "two buffers that are live at once"),
        ("while", [("ins(%x : memref<1xf32>) outs(%start", "ins(%start : memref<1xf32>) outs(%x")], "writes to an input"),
        ("nested", [("offset 256 size 32", "offset 0 size 32"), ("memref<512xi8>", "memref<256xi8>")], "two buffers that are live at once"),
        ("nested", [("offset 256 size 32", "offset 512 size 32"), ("memref<512xi8>", "memref<768xi8>")], ""),
        ("branch", [("ins(%x : memref<4xf32>) outs(%t", "ins(%t : memref<4xf32>) outs(%t")], "writes to what it reads"),
        ("branch", [("outs(%y : memref<4xf32>)", "outs(%y : memref<4xf32>) {dependent}")],
         "launch of relu is dependent: expected a kernel with kernel.grid_wait"),
        ("branch", [("outs(%y : memref<4xf32>)", 'outs(%y : memref<4xf32>) {accesses = ["none", "write"]}')],
         "launch of relu: its accesses are not those of its kernel"),
        ("branch", [("outs(%y : memref<4xf32>)", 'outs(%y : memref<4xf32>) {accesses = ["read", "write"]}')], ""),
        ("read", [("outs(%y : memref<16x4xf32>)", "outs(%y : memref<16x4xf32>) {stream = 1 : i64}")],
         "launch of @relu_rows: stream 1 begins with a launch"),
    ],
)  # fmt: skip
def test_steps_that_do_not_hold_are_refused_for_the_reason(
    name: str, changes: list[tuple[str, str]], message: str
) -> None:
    text = text_of(name)
    for old, new in changes:
        assert old in text, f"{old!r} is not in\n{text}"
        text = text.replace(old, new)
    said = verdict(name, text)
    assert re.search(message, said) and bool(message) == bool(said), said


def test_what_one_branch_alone_writes_is_not_written() -> None:
    text = text_of("branch")
    launch = re.search(r"\n *buffer.launch @neg .*", text)
    assert launch is not None
    changed = text.replace(launch[0], "")
    assert "kernel @neg is never launched" in verdict("branch", changed)
    changed = changed.replace("func.return", launch[0].replace("outs(%t", "outs(%y").strip() + "\n    func.return")
    assert "launch of relu reads what no launch has written" in verdict("branch", changed)


@pytest.mark.parametrize(("offset", "message"), [(256, "two buffers that are live at once"), (768, "")])
def test_what_a_loop_reads_each_time_lives_until_its_end(offset: int, message: str) -> None:
    """`kept` is written before the loop and read first thing in each turn: what the turn writes later must not lie over it."""
    text = text_of("counted")
    memory = f"memref<{max(offset, 512) + 256}xi8>"
    for name, place in (("late", offset), ("first", 512), ("kept", 256)):
        slot = f"%{name} = buffer.slot %0 offset {place} size 16 dims #nn.dims<4> : {memory} to memref<4xf32>\n    "
        text = text.replace("%carried = buffer.slot", f"{slot}%carried = buffer.slot", 1)
    launch = "buffer.launch @{} ins(%{} : memref<4xf32>) outs(%{} : memref<4xf32>)\n    "
    before, turn = (
        launch.format("relu", "x", "kept"),
        launch.format("relu", "kept", "first") + launch.format("neg", "first", "late"),
    )
    text = text.replace("scf.for %i", f"{before}scf.for %i", 1).replace(
        "%now = buffer.view", f"{turn}%now = buffer.view", 1
    )
    said = verdict("counted", text.replace("memref<256xi8>", memory))
    assert message in said and bool(message) == bool(said), said


def bodies(count: int, calls: int) -> str:
    """Bodies that call each other in a row, the last of which does nothing."""
    call = "    func.call @f{0}() : () -> ()\n"
    rows = [
        f"  func.func private @f{n}() {{\n{call.format(n + 1) * calls}    func.return\n  }}\n" for n in range(count)
    ]
    return "".join(rows) + f"  func.func private @f{count}() {{\n    func.return\n  }}\n"


@pytest.mark.parametrize(
    ("count", "calls", "message"),
    [
        (20, 1, ""),
        (70, 1, "more than 64 branches, loops and calls lie within each other"),
        (40, 2, "it has more than 100000 ops"),
        (40, 30, "it has more than 100000 ops"),
    ],
)
def test_bodies_are_bounded_in_depth_and_number(count: int, calls: int, message: str) -> None:
    text = text_of("branch")
    end = text.rindex("}")
    text = text[:end] + bodies(count, calls) + text[end:]
    text = text.replace("    func.return", "    func.call @f0() : () -> ()\n    func.return", 1)
    start = time.process_time()
    said = verdict("branch", text)
    assert message in said and bool(message) == bool(said), said
    assert time.process_time() - start < 20


@pytest.mark.parametrize("name", PROGRAMS)
def test_any_number_of_a_host_function_may_lie(name: str) -> None:
    """Such a program may mean something else; it is refused or holds, and nothing else happens."""
    text, engine = text_of(name), host_engine(name, "sm_80")
    refused = 0
    found = [
        match
        for match in re.finditer(r"(?<![\w%@.\"])-?\d+(?![\w.\"])", text)
        if match.start() > text.index("func.func @main")
    ][::4]
    for number, match in enumerate(found):
        lie = (-7, 0, int(match[0]) + 1, 3, 1 << 40, 10**30)[number % 6]
        changed = f"{text[: match.start()]}{lie}{text[match.end() :]}"
        try:
            Engine(engine._manifest, {**engine._sections, HOST: Section(changed.encode())}).verify()
        except EngineFormatError:
            refused += 1
    assert refused > 0.7 * len(found)
