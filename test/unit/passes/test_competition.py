"""Who wins a group: the cheapest beyond the model's uncertainty, else the first in the order of the registry and of the configurations."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Any

import pytest
from xdsl.parser import Parser

from trtc.compiler.targets import describe_target
from trtc.compiler.universe import make_context
from trtc.dialects.errors import UnsupportedOpError
from trtc.dialects.kernel.types import Choice
from trtc.passes.kernels.building.group import GroupView
from trtc.passes.kernels.building.schedule import Refusal
from trtc.passes.kernels.building.work import Work
from trtc.passes.kernels.cost.decision import ACROSS_GROUPS, UNCERTAINTY, decide, preferred
from trtc.passes.kernels.cost.price import launch_price
from trtc.passes.kernels.schedules import matching
from trtc.passes.kernels.schedules.competition import Competition, Prices, compete
from trtc.passes.kernels.schedules.matching import Answer
from trtc.passes.kernels.select_schedule import SelectSchedulePass, outlined
from trtc.passes.remarks import collecting

TARGET = describe_target("sm_90a")
TEXT = """
func.func private @relu(%x: tensor<64xf32>) -> tensor<64xf32> attributes {fusion.anchor = "pointwise"} {
  %0 = nn.relu %x : tensor<64xf32>
  func.return %0 : tensor<64xf32>
}"""


class Fake:
    """A schedule whose configurations do `steps` steps each; None: a block that fits no SM."""

    def __init__(self, name: str, steps: Sequence[int | None], refusal: Refusal | None = None):
        self.name, self.steps, self.refusal = name, steps, refusal

    def match(self, view: GroupView, target: Any) -> Any:
        return self.refusal or view

    def configs(self, problem: Any, target: Any) -> list[Choice]:
        return [Choice.of(self.name, {"number": i}) for i in range(len(self.steps))]

    def work(self, problem: Any, config: Choice, target: Any) -> list[Work]:
        steps = self.steps[int(config.values["number"])]
        return [Work(1, 32, 32, 0, 0, steps=steps or 1, smem=0 if steps else 1 << 30)]


def parsed() -> Any:
    return Parser(make_context(), TEXT).parse_module()


@pytest.fixture
def competing(monkeypatch: pytest.MonkeyPatch) -> Any:
    def run(*schedules: Fake) -> Competition | Answer:
        monkeypatch.setattr(matching, "taking", lambda *_: list(schedules))
        return compete(GroupView.of(outlined(parsed())[0]), TARGET)

    return run


@pytest.mark.parametrize(
    ("first", "second", "wanted"),
    [
        ([100], [10], ("b", 0)),
        ([10], [100], ("a", 0)),
        ([100], [99], ("a", 0)),  # a difference that is noise goes to the order of the registry
        ([100], [70, 20, 19], ("b", 1)),  # and within a schedule to its own order
        ([20, 90], [100], ("a", 0)),
        ([None], [100], ("b", 0)),
    ],
)
def test_the_cheapest_wins_beyond_the_uncertainty(competing: Any, first: Any, second: Any, wanted: Any) -> None:
    found = competing(Fake("a", first), Fake("b", second))
    assert (found.winner.schedule, found.winner.values["number"]) == wanted
    assert len(found.candidates) == len(first) + len(second)
    assert [loser.schedule for loser in found.losers] == ["b" if wanted[0] == "a" else "a"]


def test_the_order_of_asking_decides_only_ties(competing: Any) -> None:
    for one, other in ((100, 10), (10, 100)):
        assert competing(Fake("a", [one]), Fake("b", [other])).winner.price == (
            competing(Fake("b", [other]), Fake("a", [one])).winner.price
        )
    assert competing(Fake("b", [50]), Fake("a", [50])).winner.schedule == "b"


def test_refusals_of_all_are_kept_whoever_wins(competing: Any) -> None:
    found = competing(Fake("a", [10]), Fake("b", [], Refusal("not today")))
    assert found.winner.schedule == "a" and [str(d) for d in found.answer.missed] == ["b: not today"]
    assert isinstance(none := competing(Fake("b", [], Refusal("not today"))), Answer) and none.schedule is None


def test_the_pass_says_who_lost_and_by_how_much(monkeypatch: pytest.MonkeyPatch) -> None:
    fakes = [Fake("a", [100, 99]), Fake("b", [98]), Fake("c", [500]), Fake("d", [], Refusal("not today"))]
    monkeypatch.setattr(matching, "taking", lambda *_: fakes)
    module = parsed()
    with collecting() as remarks:
        SelectSchedulePass().apply(make_context(), module)
    price = [launch_price(Work(1, 32, 32, 0, 0, steps=steps), TARGET) for steps in (100, 99, 98, 500)]
    assert price[0] != price[1]
    assert len(remarks) == 4
    texts = [str(r).partition(": select-schedule: func.func: ")[::2] for r in remarks]
    assert [kind for kind, _ in texts] == ["analysis", "missed", "missed", "missed"]
    assert texts[0][1].startswith("a {'number': 0}") and "{'number': 1}" in texts[0][1]
    assert texts[1][1].endswith("within 10% and preferred") and "@relu: b {" in texts[1][1]
    assert "@relu: c {" in texts[2][1] and "preferred" not in texts[2][1]
    assert texts[3][1] == "@relu: refused by d: not today"


def test_a_group_that_no_schedule_takes_is_an_error_with_all_reasons(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matching, "taking", lambda *_: [Fake("a", [], Refusal("no")), Fake("b", [], Refusal("never"))])
    with pytest.raises(UnsupportedOpError, match="a: no; b: never"):
        SelectSchedulePass().apply(make_context(), parsed())


def test_prices_are_asked_once_for_equal_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    prices, fake = Prices(TARGET), Fake("a", [10])
    monkeypatch.setattr(matching, "taking", lambda *_: [fake])
    first = prices.of(GroupView.of(outlined(parsed())[0]))
    monkeypatch.setattr(matching, "taking", lambda *_: [])
    assert prices.of(GroupView.of(outlined(parsed())[0])) == first < inf
    assert Prices(TARGET).of(GroupView.of(outlined(parsed())[0])) == inf


# Decisions.


def test_what_is_preferred_stays_within_the_uncertainty() -> None:
    assert preferred([1 + UNCERTAINTY, 1.0]) == 0
    assert preferred([1.01 + UNCERTAINTY, 1.0]) == 1
    assert preferred([3.0, 1.05, 1.0]) == 1
    assert preferred([inf, inf]) == 0 and preferred([inf, 1.0]) == 1


def test_a_decision_says_what_it_saves() -> None:
    near = decide("layout of x", {"copy": 1.2, "view": 1.0})
    assert near.chosen == "copy" and near.delta == pytest.approx(0.2)
    far = decide("layout of x", {"copy": 1.01 + ACROSS_GROUPS, "view": 1.0})
    assert far.chosen == "view" and far.delta == pytest.approx(-0.01 - ACROSS_GROUPS)
    assert str(far) == "layout of x: view (copy 1.26 us, view 1.00 us)"
