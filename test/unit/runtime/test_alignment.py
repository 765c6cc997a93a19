"""Vector accesses need aligned tensors: kernels state it, plans and contexts check it, and the simulator knows where tensors lie."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest

import trtc
from trtc.compiler.interpret.module import execute, random_inputs
from trtc.compiler.options import BuildOptions
from trtc.compiler.pipeline import run_pipeline
from trtc.compiler.targets import set_target
from trtc.dialects.dims import const, symbol
from trtc.dialects.errors import PassError, SimulationError
from trtc.passes.fusion import outline_groups
from trtc.passes.fusion.merge_pointwise import MergePointwisePass
from trtc.passes.kernels.building.group import GroupView
from trtc.runtime.kernels import KernelInfo
from trtc.runtime.program.host import HostProgram
from trtc.runtime.program.steps import Segment

OPTIONS = BuildOptions(target="sm_80")


@pytest.fixture(autouse=True)
def apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of one value keep launches of their own, so that two share a kernel."""
    monkeypatch.setattr(MergePointwisePass, "apply", lambda *_: None)


def two_slices() -> trtc.Network:
    """Two slices of one input through the same op: one starts where a vector may, the other at its fourth element."""
    net = trtc.Network()
    x = net.add_input("x", "f32", [8, 64])
    for index, start in enumerate((0, 3)):
        net.mark_output(net.add_unary("relu", net.add_slice(x, [0, start], [8, 32])), f"y{index}")
    return net


def forget_alignment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The defect that hides on a CPU: functions that differ in nothing but alignment are taken for one."""

    class Careless(GroupView):
        @property
        def signature(self) -> Hashable:
            kind, types, layouts, results, ops = cast("tuple[Any, ...]", super().signature)
            return kind, types, tuple(layout.strides for layout in layouts), results, ops

    monkeypatch.setattr(outline_groups, "GroupView", Careless)


def test_kernels_say_what_they_need() -> None:
    engine = trtc.build(two_slices(), OPTIONS)
    units = {unit.info.name: unit.info for unit in engine.variant().units.values()}
    launches = engine.variant().program.launches
    assert len(units) == 2 and [launch.kernel.alignments for launch in launches] == [(16, 16), (4, 16)]
    assert KernelInfo.from_json(units["relu"].to_json()) == units["relu"]


def test_a_build_refuses_a_shared_kernel_that_one_of_its_launches_misaligns(monkeypatch: pytest.MonkeyPatch) -> None:
    forget_alignment(monkeypatch)
    with pytest.raises(
        PassError, match=r"launch of @relu: expected tensor 0 at a multiple of 16 bytes of input, got byte 12"
    ):
        trtc.build(two_slices(), OPTIONS)


@pytest.mark.parametrize("phase", ["memory", "threads"])
def test_the_simulator_refuses_it_too(monkeypatch: pytest.MonkeyPatch, phase: str) -> None:
    for careless in (False, True):
        if careless:
            forget_alignment(monkeypatch)
        module = two_slices().module()
        set_target(module, "sm_80")
        run_pipeline(module, OPTIONS, stop_after=phase)
        if careless:
            with pytest.raises(
                SimulationError,
                match=r"kernel @relu, tensor 0: misaligned: expected a multiple of 16 bytes, got byte 12",
            ):
                execute(module, random_inputs(module, 0))
        else:
            execute(module, random_inputs(module, 0))


def test_offsets_that_follow_a_dim_are_checked_at_binding() -> None:
    engine = trtc.build(two_slices(), OPTIONS)
    program = engine.variant().program
    x = replace(program.inputs[0], dims=(symbol("N"), const(64)))
    (source, target), n = program.launches[0].arguments, symbol("N")
    for offset, message in ((n, ""), (n + 1, "expected tensor 0 at a multiple of 16 bytes of input x, got byte 36")):
        launch = replace(program.launches[0], arguments=(replace(source, offset=offset), target))
        steps = (Segment(0, (launch,), ()),)
        moved: HostProgram = replace(
            program, inputs=(x,), steps=steps, sources={"N": ("x", 0)}, symbols={"N": (1, 8, 8)}
        )
        if not message:
            assert len(moved.bind({"x": (8, 64)}).launches) == 1
            continue
        with pytest.raises(PassError, match=message):
            moved.bind({"x": (8, 64)})


def test_both_slices_are_right() -> None:
    x = np.random.default_rng(0).standard_normal((8, 64), np.float32)
    got = trtc.build(two_slices(), OPTIONS).run({"x": x})
    for index, start in enumerate((0, 3)):
        np.testing.assert_array_equal(got[f"y{index}"], np.maximum(x[:, start : start + 32], 0))
