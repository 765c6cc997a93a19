"""The file of timings: what is appended is found again, files merge, and lines that cannot be read are named and left out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from trtc.compiler.tune.timer import Place
from trtc.compiler.tune.timings import TimingCache
from trtc.compiler.tune.trial import Trial
from trtc.dialects.errors import OptionError

HERE = Place("GPU", "13000", "trtc 1")
A, B = Trial("gemm", {"bm": 64, "kind": "x"}, 2.5), Trial("gemm", {"bm": 128}, None, "relative error 1")


def test_trials_are_found_again_by_group_and_place(tmp_path: Path) -> None:
    TimingCache(tmp_path / "t.jsonl").add("s", HERE, [A, B])
    again = TimingCache(tmp_path / "t.jsonl")
    assert again.trials("s", HERE) == [A, B] and again.problems == []
    assert again.trials("other", HERE) == []
    for other in (Place("GPU 2", "13000", "trtc 1"), Place("GPU", "12000", "trtc 1"), Place("GPU", "13000", "trtc 2")):
        assert again.trials("s", other) == []


def test_the_later_of_two_lines_counts(tmp_path: Path) -> None:
    cache = TimingCache(tmp_path / "t.jsonl")
    cache.add("s", HERE, [A])
    cache.add("s", HERE, [Trial("gemm", {"kind": "x", "bm": 64}, 3.0)])
    assert [t.us for t in TimingCache(tmp_path / "t.jsonl").trials("s", HERE)] == [3.0]


def test_caches_merge(tmp_path: Path) -> None:
    one, two = TimingCache(tmp_path / "1"), TimingCache(tmp_path / "2")
    one.add("s", HERE, [A])
    two.add("s", HERE, [B])
    two.add("t", HERE, [A])
    both = tmp_path / "both"
    both.write_bytes((tmp_path / "1").read_bytes() + (tmp_path / "2").read_bytes())
    assert one.take(tmp_path / "2") == 2
    for merged in (one, TimingCache(tmp_path / "1"), TimingCache(both)):
        assert merged.trials("s", HERE) == [A, B] and merged.trials("t", HERE) == [A]
    part = tmp_path / "part"
    part.write_text(one.lines(["t"]))
    assert TimingCache(part).trials("t", HERE) == [A] and TimingCache(part).trials("s", HERE) == []


def test_an_unfinished_line_harms_no_other(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    TimingCache(path).add("s", HERE, [A])
    path.write_bytes(path.read_bytes() + b'{"signature": "s", "gp')
    TimingCache(path).add("s", HERE, [B])
    again = TimingCache(path)
    assert again.trials("s", HERE) == [A, B]
    (problem,) = again.problems
    assert f"'{path}' line 2 is left out: " in problem


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"us": "fast"}, "us to be a positive number, got 'fast'"),
        ({"us": -1}, "us to be a positive number, got -1"),
        ({"us": True}, "us to be a positive number, got True"),
        ({"us": None}, "either us or why"),
        ({"why": "no"}, "either us or why"),
        ({"us": None, "why": 3}, "why to be a text"),
        ({"gpu": None}, "an object with signature, gpu, driver, toolchain"),
        ({"tunables": {"bm": 1.5}}, "a schedule and its tunables"),
        ({"schedule": None}, "a schedule and its tunables"),
    ],
)
def test_a_line_that_says_something_else_is_named(tmp_path: Path, change: dict[str, Any], reason: str) -> None:
    path = tmp_path / "t.jsonl"
    TimingCache(path).add("s", HERE, [A])
    line = json.loads(path.read_text())
    path.write_text(json.dumps({**line, **change}) + "\n[]\n\xff\n" + json.dumps({**line, "signature": "t"}), "latin-1")
    cache = TimingCache(path)
    assert cache.trials("s", HERE) == [] and cache.trials("t", HERE) == [A]
    assert reason in cache.problems[0] and [p.split(" is left")[0][-1] for p in cache.problems] == ["1", "2", "3"]


def test_files_that_cannot_be_used_are_errors(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="expected a file, got a directory"):
        TimingCache(tmp_path)
    with pytest.raises(OptionError, match="does not exist; create it first"):
        TimingCache(tmp_path / "nowhere" / "t.jsonl")
    with pytest.raises(OptionError, match="No such file"):
        TimingCache().take(tmp_path / "nothing")
