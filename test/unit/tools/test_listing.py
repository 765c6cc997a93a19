"""`--list-passes` and `--list-schedules` have a line with a sentence for everything that there is."""

from __future__ import annotations

import re

import pytest

from trtc.compiler.tools import trtc_opt
from trtc.compiler.tools.opt.listing import describe_pass, first_sentence
from trtc.compiler.universe import trtc_passes
from trtc.passes.kernels.schedules.registry import names

LONGEST = 100
"""Characters of the sentence of a pass."""


def listed(*flags: str, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as exit_:
        trtc_opt.main(list(flags))
    assert exit_.value.code == 0
    return capsys.readouterr().out


def test_every_pass_of_trtc_is_listed_with_what_it_may_do_to_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    out = listed("--list-passes", capsys=capsys)
    rows = dict(re.findall(r"^(\S+) +(exact|reassociates|changes-precision) +\S.*", out, re.MULTILINE))
    assert rows.keys() == trtc_passes().keys()
    assert rows["assign-precision"] == "changes-precision" and rows["cse"] == "exact"
    foreign = out.partition("of xDSL")[2]
    assert "canonicalize," in foreign and " cse," not in foreign, "trtc's own cse is in place of xDSL's"
    assert max(map(len, out.splitlines())) <= 120


@pytest.mark.parametrize("name", sorted(trtc_passes()))
def test_the_sentence_of_a_pass_says_what_it_does(name: str) -> None:
    sentence = describe_pass(trtc_passes()[name]())
    assert sentence.endswith(".") and " " in sentence and "module" not in sentence
    assert len(sentence) <= LONGEST


def test_every_schedule_is_listed_in_order_of_preference(capsys: pytest.CaptureFixture[str]) -> None:
    out = listed("--list-schedules", capsys=capsys)
    assert re.findall(r"^(\S+) +\S", out, re.MULTILINE) == names()
    assert "Schedule `" not in out


def test_both_lists(capsys: pytest.CaptureFixture[str]) -> None:
    out = listed("--list-passes", "--list-schedules", capsys=capsys)
    assert out.index("canonicalize-nn") < out.index("\nattention_sm90")


def test_the_first_sentence_ends_at_the_first_full_stop() -> None:
    assert first_sentence("\n  One of\n  two. Another.\n\n  More.") == "One of two."
    assert first_sentence("From 1.5 on. Then.") == "From 1.5 on."
    assert first_sentence(None) == ""
