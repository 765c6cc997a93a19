"""The tuner chooses by time what computes the right thing, tries nothing twice, and says why."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from xdsl.dialects.func import FuncOp

import trtc
from trtc.compiler.tune.signatures import signature
from trtc.compiler.tune.timer import TimerError
from trtc.compiler.tune.timings import TimingCache
from trtc.compiler.tune.trial import UNCERTAINTY
from trtc.compiler.tune.tuner import MOST, Tuner, finalists
from trtc.dialects import nn
from trtc.dialects.errors import PassError, TargetError
from trtc.passes.kernels.schedules.choosing import choosing
from trtc.passes.kernels.schedules.competition import Candidate
from trtc.passes.kernels.select_schedule import outlined
from trtc.passes.remarks import collecting

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[2])]
import tuned_networks as cases  # noqa: E402
from stub_timer import StubTimer  # noqa: E402


def pointwise() -> Any:
    net = trtc.Network()
    x = net.add_input("x", "float32", (4, 256))
    net.mark_output(net.add_unary("relu", x), "y")
    return cases.grouped(net.module())


def to_negative(func: FuncOp) -> None:
    """relu becomes its negative part."""
    (op,) = (o for o in func.body.block.ops if isinstance(o, nn.ReluOp))
    made = nn.NegOp(op.x)
    func.body.block.insert_op_before(made, op)
    op.result.replace_all_uses_with(made.result)
    op.detach()
    op.erase()


def slowest_is_best(candidate: Candidate) -> float:
    return 1000 / candidate.price


def test_equal_layers_are_one_group_and_the_fastest_wins() -> None:
    module = cases.grouped(cases.network().module())
    (func,) = outlined(module)
    found = cases.contest_of(func, module).competition
    wanted = finalists(found, 8)[-1]
    timer = StubTimer(lambda c: 1.0 if c == wanted else 2.0)
    with collecting() as remarks, choosing(Tuner(timer, TimingCache())):
        chosen = cases.selected(module)
    assert list(chosen.values()) == [wanted.choice] != [found.winner.choice]
    assert len(timer.tried) == MOST[2] and timer.tried[0] == found.winner
    (said,) = (r.message for r in remarks if r.kind == "analysis" and "measured" in r.message)
    assert said.startswith(f"{wanted} 1.00 us measured") and f"by price alone {found.winner}" in said
    lost = [r.message for r in remarks if "2.00 us measured" in r.message]
    assert len(lost) == 7 and all("lost" in message for message in lost)


@pytest.mark.parametrize(("level", "count"), [(1, 3), (2, 8), (3, None)])
def test_the_level_says_how_many_candidates_are_tried(level: int, count: int | None) -> None:
    module = cases.grouped(cases.network().module())
    found = cases.contest_of(outlined(module)[0], module).competition
    timer = StubTimer(slowest_is_best)
    with choosing(Tuner(timer, TimingCache(), level)):
        cases.selected(module)
    assert len(timer.tried) == (count or len(found.candidates)) and len(found.candidates) > 8


def test_noise_flips_no_choice() -> None:
    module = cases.grouped(cases.network().module())
    found = cases.contest_of(outlined(module)[0], module).competition
    nearly = StubTimer(lambda c: 1.0 if c == found.winner else 1 - UNCERTAINTY / 2)
    with choosing(Tuner(nearly, TimingCache())):
        assert list(cases.selected(module).values()) == [found.winner.choice]


def test_what_is_known_is_not_tried_again() -> None:
    cache, timer = TimingCache(), StubTimer(slowest_is_best)
    results = []
    for _ in range(2):
        with choosing(Tuner(timer, cache)):
            results.append(cases.selected(cases.grouped(cases.network().module())))
    assert results[0] == results[1] and len(timer.tried) == 8
    elsewhere = StubTimer(slowest_is_best, place=type(timer.place)("other", "0", "test"))
    with choosing(Tuner(elsewhere, cache)):
        cases.selected(cases.grouped(cases.network().module()))
    assert len(elsewhere.tried) == 8, "another GPU has other times"


def test_a_fast_but_wrong_candidate_never_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    cases.plant(monkeypatch, cases.Wrong(to_negative))
    module = pointwise()
    (func,) = outlined(module)
    assert "wrong" in {c.schedule for c in cases.contest_of(func, module).competition.candidates}
    timer = StubTimer(lambda c: 0.1 if c.schedule == "wrong" else 5.0)
    with collecting() as remarks, choosing(Tuner(timer, TimingCache(), 3)):
        (chosen,) = cases.selected(module).values()
    assert chosen.schedule.data == "pointwise" and "wrong" in {c.schedule for c in timer.tried}
    (out,) = (r.message for r in remarks if "is out" in r.message)
    assert "wrong" in out and "relative error" in out


def test_the_planted_candidate_would_win_if_it_were_right(monkeypatch: pytest.MonkeyPatch) -> None:
    cases.plant(monkeypatch, cases.Wrong(lambda func: None))
    with choosing(Tuner(StubTimer(lambda c: 0.1 if c.schedule == "wrong" else 5.0), TimingCache(), 3)):
        (chosen,) = cases.selected(pointwise()).values()
    assert chosen.schedule.data == "wrong"


def test_a_wrong_candidate_does_not_win_by_price_either(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the cheapest, and the time is over once it has been tried."""
    cases.plant(monkeypatch, cases.Wrong(to_negative, cost=1e-3))
    module = pointwise()
    monkeypatch.setattr("trtc.compiler.tune.tuner.finalists", lambda found, most: [
        next(c for c in found.candidates if c.schedule == "wrong"), *(c for c in found.candidates if c.schedule != "wrong")
    ])  # fmt: skip
    clock = iter([0.0, 0.0, *[2.0] * 9])
    monkeypatch.setattr("trtc.compiler.tune.tuner.time.monotonic", lambda: next(clock))
    timer = StubTimer(lambda c: 1.0)
    with collecting() as remarks, choosing(Tuner(timer, TimingCache(), 3, seconds=1)):
        (chosen,) = cases.selected(module).values()
    assert [c.schedule for c in timer.tried] == ["wrong"] and chosen.schedule.data == "pointwise"
    assert any("were not timed: the time limit of 1 s was over" in r.message for r in remarks)


def test_where_every_candidate_is_wrong_nothing_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trtc.compiler.tune.task.Task.reference", lambda self, inputs: [np.ones((4, 256))])
    with (
        pytest.raises(PassError, match=r"@relu: every candidate is out: pointwise .* relative error"),
        choosing(Tuner(StubTimer(lambda c: 1.0), TimingCache())),
    ):
        cases.selected(pointwise())


def test_a_candidate_that_cannot_be_launched_is_out() -> None:
    module = cases.grouped(cases.network().module())
    found = cases.contest_of(outlined(module)[0], module).competition

    def times(candidate: Candidate) -> float:
        if candidate == found.winner:
            raise TargetError("too many registers")
        return candidate.price

    with collecting() as remarks, choosing(Tuner(StubTimer(times), TimingCache())):
        (chosen,) = cases.selected(module).values()
    assert chosen != found.winner.choice and any("is out: too many registers" in r.message for r in remarks)


def test_where_the_timer_fails_no_candidate_is_out() -> None:
    def times(candidate: Candidate) -> float:
        raise TimerError("the GPU is lost")

    module, cache, timer = cases.grouped(cases.network().module()), TimingCache(), StubTimer(times)
    contest = cases.contest_of(outlined(module)[0], module)
    with pytest.raises(TimerError), choosing(Tuner(timer, cache)):
        cases.selected(module)
    assert len(timer.tried) == 1 and not cache.trials(
        signature(contest.view, module.attributes["kernel.target"]), timer.place
    )  # type: ignore[arg-type]


def test_without_a_reference_prices_choose_and_a_remark_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def reference(*_: Any) -> Any:
        raise IndexError("index 7 is out of bounds")

    monkeypatch.setattr("trtc.compiler.tune.task.Task.reference", reference)
    timer, module = StubTimer(slowest_is_best), cases.grouped(cases.network().module())
    found = cases.contest_of(outlined(module)[0], module).competition
    with collecting() as remarks, choosing(Tuner(timer, TimingCache())):
        assert list(cases.selected(module).values()) == [found.winner.choice]
    assert not timer.tried
    assert any("8 of 8 candidates were not timed: its reference cannot be computed" in r.message for r in remarks)


def test_no_candidate_is_begun_when_the_time_is_over() -> None:
    timer = StubTimer(slowest_is_best)
    with collecting() as remarks, choosing(Tuner(timer, TimingCache(), seconds=-1)):
        cases.selected(cases.grouped(cases.network().module()))
    assert not timer.tried and any("8 of 8 candidates were not timed: the time limit" in r.message for r in remarks)


def test_progress_says_what_is_left() -> None:
    said: list[tuple[str, int, int]] = []
    net = cases.network()
    net.mark_output(net.add_softmax(net.add_input("z", "float16", ("N", 512))), "p")
    with choosing(Tuner(StubTimer(slowest_is_best), TimingCache(), report=lambda *a: said.append(a))):
        cases.selected(cases.grouped(net.module()))
    assert [(done, total) for _, done, total in said] == [(0, 2), (1, 2), (2, 2)]
    assert "s left" in said[1][0] and said[0][0].startswith("tune ") and said[2][0] == "tune"


def test_signatures_know_what_schedules_may_tell_apart() -> None:
    def of(net: trtc.Network, arch: str = "sm_90a", **ranges: tuple[int, int, int]) -> str:
        module = cases.grouped(net.module(ranges or None), arch)
        (func,) = outlined(module)
        contest = cases.contest_of(func, module)
        return signature(contest.view, module.attributes["kernel.target"])  # type: ignore[arg-type]

    one = of(cases.network())
    assert one == of(cases.network(3)), "weights and the number of layers do not count"
    others = [of(cases.network(), "sm_80"), of(cases.network(), N=(1, 64, 512)), of(cases.network(rows=128))]
    assert len({one, *others}) == 4
    assert len(one) == 32 and set(one) <= set("0123456789abcdef")
