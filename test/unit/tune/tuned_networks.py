"""Small models whose groups tests tune: a product with several schedules, and a schedule that is fast and wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp

import trtc
from trtc.compiler.pipeline import phase_steps, run_passes
from trtc.compiler.targets import TARGET, set_target
from trtc.compiler.universe import make_context
from trtc.dialects.kernel.types import CHOICE, Choice
from trtc.passes.kernels.building.group import GroupView
from trtc.passes.kernels.schedules import matching, registry
from trtc.passes.kernels.schedules.choosing import Contest
from trtc.passes.kernels.schedules.competition import Competition, compete
from trtc.passes.kernels.select_schedule import SelectSchedulePass, outlined

RNG = np.random.default_rng(0)


def network(layers: int = 2, rows: str | int = "N") -> trtc.Network:
    """Equal layers of a product and relu, in f16, with a dynamic batch."""
    net = trtc.Network()
    x: Any = net.add_input("x", "float16", (rows, 64))
    for _ in range(layers):
        x = net.add_unary("relu", net.add_matmul(x, RNG.standard_normal((64, 64)).astype(np.float16)))
    net.mark_output(x, "y")
    net.symbols(**({"N": (1, 128, 512)} if rows == "N" else {}))
    return net


def grouped(module: ModuleOp, arch: str = "sm_90a") -> ModuleOp:
    """The module after all passes before `select-schedule`, changed in place."""
    set_target(module, arch)
    steps = [step for phase in phase_steps(trtc.BuildOptions()).values() for step in phase]
    before = steps[: [step.name for step in steps].index("select-schedule")]
    run_passes(module, [step.make() for step in before], make_context())
    return module


def contest_of(func: FuncOp, module: ModuleOp) -> Contest:
    """The contest for one group."""
    view = GroupView.of(func)
    found = compete(view, module.attributes[TARGET])
    assert isinstance(found, Competition)
    return Contest(view, found)


def selected(module: ModuleOp) -> dict[str, Choice]:
    """The choices of all groups, once `select-schedule` has run."""
    groups = outlined(module)
    SelectSchedulePass().apply(make_context(), module)
    return {func.sym_name.data: func.attributes[CHOICE] for func in groups}  # type: ignore[misc]


class Wrong:
    """`pointwise` under another name, whose kernels compute what `changed` makes of the group's function: fast, if a timer says so, and
    wrong."""

    name = "wrong"
    anchors = (*registry.schedule("pointwise").anchors,)

    def __init__(self, change: Callable[[FuncOp], None], cost: float = 1.0):
        self.inner, self.change, self.cost = registry.schedule("pointwise"), change, cost

    def match(self, view: GroupView, target: Any) -> Any:
        problem = self.inner.match(view, target)
        return problem if isinstance(problem, registry_refusal()) else (view, problem)

    def configs(self, problem: Any, target: Any) -> list[Choice]:
        return [Choice.of(self.name, c.values, c.workspace.data) for c in self.inner.configs(problem[1], target)][:1]

    def work(self, problem: Any, config: Choice, target: Any) -> Any:
        return [replace(w, steps=max(1, int(w.steps * self.cost))) for w in self.inner.work(problem[1], config, target)]

    def lower(self, problem: Any, config: Choice, target: Any) -> Any:
        view, _ = problem
        func = view.op.clone()
        view.op.parent_op().body.block.add_op(func)
        self.change(func)
        made = self.inner.lower(self.inner.match(GroupView.of(func), target), config, target)
        func.detach()
        return made


def registry_refusal() -> Any:
    from trtc.passes.kernels.building.schedule import Refusal

    return Refusal


def plant(monkeypatch: pytest.MonkeyPatch, planted: Any) -> None:
    """Registers a schedule, as one of another package is."""
    real, taking = registry.schedule, registry.taking

    def schedule(name: str) -> Any:
        return planted if name == planted.name else real(name)

    def with_it(anchors: Any, allowed: Any = None) -> Any:
        found = taking(anchors, allowed)
        return (
            [*found, planted] if anchors in planted.anchors and (allowed is None or planted.name in allowed) else found
        )

    monkeypatch.setattr(matching, "taking", with_it)
    for module in ("trtc.passes.kernels.lower_groups", "trtc.passes.kernels.schedules.registry"):
        monkeypatch.setattr(f"{module}.schedule", schedule)
