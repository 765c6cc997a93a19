"""Builds by time and by lock file: what is chosen, what is refused, and that a lock file gives the same bytes without a GPU."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

import trtc
from trtc.compiler.driver import choose
from trtc.compiler.tune.lock import write_lock
from trtc.dialects.errors import OptionError, TargetError
from trtc.passes.kernels.schedules.competition import Candidate

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[2])]
import tuned_networks as cases  # noqa: E402
from stub_timer import StubTimer  # noqa: E402

pytest.importorskip("cupy", reason="NVRTC comes with CuPy")


def slow_is_fast(candidate: Candidate) -> float:
    return 100 / candidate.price


def options(**given: Any) -> trtc.BuildOptions:
    return trtc.BuildOptions(target="sm_90a", verify_each=False, **given)


def saved(engine: trtc.Engine, path: Path) -> bytes:
    engine.save(path)
    return path.read_bytes()


def test_a_locked_build_is_the_tuned_one_byte_for_byte(tmp_path: Path) -> None:
    module, cache = cases.network().module(), str(tmp_path / "t.jsonl")
    tuned_options = options(opt_level=1, timing_cache=cache)
    tuned = trtc.build(module, tuned_options, timer=StubTimer(slow_is_fast), cache=tmp_path / "c")
    plain = trtc.build(module, options(), cache=tmp_path / "c")
    again = StubTimer(slow_is_fast)
    write_lock(tmp_path / "lock", choose(module, tuned_options, timer=again))
    assert not again.tried, "the times are in the cache"
    locked = trtc.build(module, options(locked=tmp_path / "lock"), cache=None)
    files = [saved(e, tmp_path / "e") for e in (tuned, locked, plain)]
    assert files[0] == files[1] != files[2]
    said = [
        r["message"] for r in tuned.inspect()["variants"]["sm_90a"]["remarks"] if r["pass_name"] == "select-schedule"
    ]
    assert "us measured" in said[0] and "by price alone" in said[0]
    write_lock(tmp_path / "lock2", choose(module, options(locked=str(tmp_path / "lock"))))
    assert (tmp_path / "lock2").read_bytes() == (tmp_path / "lock").read_bytes()


def test_a_lock_of_prices_gives_the_build_by_price(tmp_path: Path) -> None:
    module = cases.network().module()
    write_lock(tmp_path / "lock", choose(module, options()))
    locked = trtc.build(module, options(locked=str(tmp_path / "lock")), cache=None)
    assert saved(locked, tmp_path / "a") == saved(trtc.build(module, options(), cache=None), tmp_path / "b")


def test_a_lock_file_for_another_build_is_refused(tmp_path: Path) -> None:
    write_lock(tmp_path / "lock", choose(cases.network().module(), options()))
    other = cases.network(rows=256).module()
    with pytest.raises(
        OptionError, match=r"lock file '.*lock': it has no choice for @matmul_relu \(\w{32}\): the model or an option"
    ):
        choose(other, options(locked=str(tmp_path / "lock")))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"kind": "engine"}, "it is not one: expected kind 'trtc lock' of format 1"),
        ({"format": 2}, "it is not one: expected kind 'trtc lock' of format 1"),
        ({"groups": []}, "it is not one: expected groups by signature"),
        ({"groups": {"s": {"schedule": "row"}}}, "s: expected a schedule and its tunables"),
        ({"groups": {"s": {"schedule": "row", "tunables": {}, "trials": 1}}}, "s: expected trials to be a list"),
        ({"groups": {"s": {"schedule": "row", "tunables": {}, "trials": [1]}}}, "expected an object, got int"),
    ],
)
def test_a_damaged_lock_file_is_refused(tmp_path: Path, change: dict[str, Any], reason: str) -> None:
    path = tmp_path / "lock"
    path.write_text(json.dumps({"kind": "trtc lock", "format": 1, "groups": {}} | change))
    with pytest.raises(OptionError, match="lock the model again") as error:
        choose(cases.network().module(), options(locked=str(path)))
    assert reason in str(error.value)


def test_a_choice_that_is_no_candidate_any_more_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    write_lock(path, choose(cases.network().module(), options()))
    given = json.loads(path.read_text())
    (entry,) = given["groups"].values()
    entry["tunables"]["bn"] = 7
    path.write_text(json.dumps(given))
    with pytest.raises(OptionError, match=r"'bn': 7.* is no candidate of this trtc"):
        choose(cases.network().module(), options(locked=str(path)))


def test_tuning_needs_a_gpu_and_says_what_to_do_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trtc.compiler.tune.cuda.find_device", lambda: None)
    with pytest.raises(TargetError, match=r"there is none here; use opt_level 0, or a lock file"):
        choose(cases.network().module(), options(opt_level=2, timing_cache=str(tmp_path / "t")))


def test_lines_that_cannot_be_read_are_warnings(tmp_path: Path) -> None:
    (tmp_path / "t").write_text("nothing\n")
    with pytest.warns(UserWarning, match="line 1 is left out"):
        choose(
            cases.network().module(), options(opt_level=1, timing_cache=tmp_path / "t"), timer=StubTimer(slow_is_fast)
        )


def test_an_engine_whose_choices_are_not_in_its_key_is_not_kept(tmp_path: Path) -> None:
    from trtc.compiler.build import _known

    known = {level: _known(b"model", options(opt_level=level), (), tmp_path) for level in (0, 1)}
    assert known[0] is not None and known[1] is None
    assert _known(b"model", options(locked="file"), (), tmp_path) is None


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"opt_level": 4}, "option opt_level: expected 0, 1, 2 or 3, got 4"),
        ({"opt_level": True}, "option opt_level: expected 0, 1, 2 or 3, got True"),
        ({"time_limit": 0}, "option time_limit: expected a positive number of seconds, got 0"),
        ({"timing_cache": 3}, "option timing_cache: expected the path of a file or None, got 3"),
        ({"locked": b"x"}, "option locked: expected the path of a file or None"),
        ({"locked": "x", "opt_level": 1}, "leave opt_level out, or the file"),
    ],
)
def test_options_are_checked(given: dict[str, Any], reason: str) -> None:
    with pytest.raises(OptionError) as error:
        trtc.BuildOptions(**given)
    assert reason in str(error.value)
