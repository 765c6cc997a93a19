"""Where `add_waits` puts the waits of a kernel, and what it moves up to them."""

from __future__ import annotations

import re

import pytest
from xdsl.parser import Parser

from trtc.compiler.universe import make_context
from trtc.dialects import kernel
from trtc.dialects.kernel.dependent import breaks_dependence
from trtc.passes.kernels.building.waits import add_waits, refuse_waits

G = "!kernel.global<dims <64> x f32, strides <1>, align 16>"
VIEW = "!kernel.view<2 x f32>"
FRAG = "!kernel.frag<1x64xf32, #kernel.blocked<1, 32, 1, 2>>"
SHARED = "!kernel.shared<2x1x64xf32>"
HEAD = f"""
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %x_ = kernel.view %x dims <64> strides <1> offset <0> groups [array<i64>, array<i64: 0>] : {G} -> {VIEW}
  %w_ = kernel.view %w dims <64> strides <1> offset <0> groups [array<i64>, array<i64: 0>] : {G} -> {VIEW}
  %y_ = kernel.view %y dims <64> strides <1> offset <0> groups [array<i64>, array<i64: 0>] : {G} -> {VIEW}
  %s = kernel.alloc -> {SHARED}
  %ring = kernel.ring -> !kernel.ring<2, cp_async>
"""
ROLES = 'kernel.roles ["a", "b"] warps [1, 1] registers [0, 0]'


def load(tensor: str, at: str = "c0") -> str:
    return f"%{tensor}{at} = kernel.load %{tensor}_[%c0, %{at}] fill 0.0 : {VIEW} -> {FRAG}\n"


def store(value: str = "xc0") -> str:
    return f"kernel.store %{value}, %y_[%c0, %c0] : {FRAG}, {VIEW}\n"


def fetch(tensor: str, fill: str) -> str:
    slot = f"%{tensor}_slot{fill} = kernel.slot %s[%{fill}] : {SHARED} -> !kernel.shared<1x64xf32>\n"
    return f"{slot}kernel.load_async %{tensor}_[%c0, %c0] to %{tensor}_slot{fill} : {VIEW}, !kernel.shared<1x64xf32>\n"


def step(name: str, fill: str, more: str = "") -> str:
    return f"kernel.{name} %ring[%{fill}] {more} : !kernel.ring<2, cp_async>\n"


def words(body: str, early: tuple[int, ...] = (1,), warps: int = 1) -> str:
    """What the kernel does after its head, in short: loads and stores by the letter of their tensor, W for the wait."""
    text = f"kernel.func @k(%x: {G}, %w: {G}, %y: {G}) grid <1, 1, 1> warps {warps} coords(%i, %j, %k) {{{HEAD}{body}kernel.return\n}}"
    module = Parser(make_context(), text).parse_module()
    (func,) = module.body.block.ops
    assert isinstance(func, kernel.FuncOp) and refuse_waits(func) is None
    add_waits(func, early, signals=True)
    module.verify()
    assert breaks_dependence(func, early) is None
    assert isinstance(func.body.block.first_op, kernel.GridSignalOp)
    found: list[str] = []
    for op in func.walk():
        if isinstance(op, kernel.GridWaitOp):
            found.append("W")
        elif isinstance(op, kernel.LoadOp | kernel.LoadAsyncOp):
            found.append(str(op.view.name_hint)[0])
        elif isinstance(op, kernel.StoreOp):
            found.append("y")
        elif isinstance(op, kernel.AcquireOp | kernel.CommitOp | kernel.BarrierOp):
            found.append(op.name.removeprefix("kernel."))
        elif op.regions and op is not func:
            found.append(re.sub(r"\W", "", op.name.rpartition(".")[2]))
    return " ".join(found)


LOOP = "scf.for %n = %c0 to %c2 step %c1 {{\n{0}}}\n"


@pytest.mark.parametrize(("body", "expected"), [
    (load("x") + store(), "W x y"),
    (load("w") + load("x") + store(), "w W x y"),
    (load("x") + load("w") + store(), "w W x y"),
    # Also where the place of the weight is computed in between, but not where a loop stands between.
    (load("x") + "%n = arith.addi %c1, %c2 : index\n" + load("w", "n") + store(), "w W x y"),
    (load("x") + LOOP.format(load("w")) + load("w", "c1") + store(), "W x for w w y"),
    (LOOP.format(load("x") + store()), "W for x y"),
    (LOOP.format(load("w")) + load("x") + store(), "for w W x y"),
    # A load into registers moves past a barrier, a copy into shared memory does not.
    (load("x") + "kernel.barrier\n" + load("w") + store(), "w W x barrier y"),
    (load("x") + "kernel.barrier\n" + fetch("w", "c0") + store(), "W x barrier w y"),
    # Nothing is touched but a weight: the block waits at its end.
    (load("w"), "w W"),
], ids=str)  # fmt: skip
def test_straight_code_waits_once(body: str, expected: str) -> None:
    assert words(body) == expected


@pytest.mark.parametrize(("body", "expected"), [
    # The first fills of both slots take their acquires along; the third stays, with all that follows.
    ("".join(step("acquire", c) + fetch("x", c) + fetch("w", c) + step("commit", c, "bytes 0") for c in ("c0", "c1")),
     "acquire w acquire w W x commit x commit"),
    ("".join(step("acquire", c) + fetch("x", c) + fetch("w", c) + step("commit", c, "bytes 0") for c in ("c0", "c2", "c1")),
     "acquire w W x commit acquire x w commit acquire x w commit"),
], ids=str)  # fmt: skip
def test_first_fills_of_a_ring_move_up(body: str, expected: str) -> None:
    assert words(body) == expected


@pytest.mark.parametrize(("body", "expected"), [
    (f"{ROLES} {{\n{load('x')}}} {{\n{load('x', 'c1')}{store('xc1')}}}\n", "roles W x W x y"),
    (f"{ROLES} {{\n{load('w')}}} {{\n{load('x')}{store()}}}\n", "roles w W x y"),
    # What follows the roles is done by all of them.
    (f"{ROLES} {{\n{load('w')}}} {{\n{load('x')}{store()}}}\n{load('x', 'c1')}{store('xc1')}", "roles w W W x y x y"),
    # A wait of the schedule's own stays where it is.
    (f"{ROLES} {{\n{load('w')}kernel.grid_wait\n{load('w', 'c1')}{load('x')}}} {{\n{load('w', 'c2')}}}\n", "roles w W w x w"),
], ids=str)  # fmt: skip
def test_each_role_waits_by_itself(body: str, expected: str) -> None:
    assert words(body, warps=2) == expected


def test_what_is_no_weight_stays_behind_the_wait() -> None:
    assert words(load("x") + load("w") + store(), early=()) == "W x w y"


def test_a_copy_stays_with_the_tile_that_is_allocated_for_it() -> None:
    body = load("x") + f"%t = kernel.alloc -> {SHARED}\n" + fetch("w", "c0").replace("%s[", "%t[") + store()
    assert words(body) == "W x w y"
