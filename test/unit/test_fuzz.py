"""Every fuzz target that hands input to trtc on 2,000 seeds (`make fuzz` runs more), and the harness on one with every kind of defect."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "fuzz"))
import harness

SEEDS, SLICE = 2000, 500
BROKEN = """
import ctypes, time
from trtc import OptionError, PassError

def run(seed: int) -> None:
    if seed == 0: raise OptionError("refused")
    if seed == 1: {}["missing"]
    if seed == 2: {}["missing"]
    if seed == 3: raise PassError("a pass failed on what it should take")
    if seed == 4: bytearray(3 << 30)
    if seed == 5:
        while True: pass
    if seed == 6: time.sleep(1e6)
    if seed == 7: ctypes.string_at(0)
"""


@pytest.mark.parametrize("first", range(0, SEEDS, SLICE))
@pytest.mark.parametrize("name", harness.input_targets())
def test_every_input_is_taken_or_refused(name: str, first: int) -> None:
    said: list[str] = []
    tally = harness.fuzz(harness.input_targets()[name], range(first, first + SLICE), say=said.append)
    assert tally.seeds == SLICE and not tally.defects, "\n".join(said)
    # A target whose inputs all end at the same check tries nothing.
    commonest = max(tally.places.values(), default=0)
    assert tally.outcomes["accepted"] > 0 and len(tally.places) > 3 and commonest < 0.9 * SLICE, str(tally)


def test_every_kind_of_defect_is_caught_and_the_run_goes_on(tmp_path: Path) -> None:
    target = tmp_path / "broken.py"
    target.write_text(BROKEN)
    said: list[str] = []
    tally = harness.fuzz(target, range(10), jobs=2, seconds=0.5, say=said.append)
    assert dict(tally.outcomes) == {"accepted": 2, "refused": 1, "traceback": 3, "memory": 1, "hang": 2, "crash": 1}
    assert sorted(tally.kinds[f"traceback: KeyError at {target}:run"]) == [1, 2]
    assert sum("KeyError" in text for text in said) == 1, "one kind, reported once"
    assert any("python test/fuzz/harness.py broken --seed 5" in text for text in said if "hang" in text)


def test_an_error_of_the_harness_ends_the_run(tmp_path: Path) -> None:
    """It was raised in a thread whose result was not read: the run ended early and reported no defect."""
    target = tmp_path / "broken.py"
    target.write_text(BROKEN)

    def full(text: str) -> None:
        raise OSError("No space left on device")

    with pytest.raises(OSError, match="No space left"):
        harness.fuzz(target, range(4), say=full)


def test_a_target_that_does_not_start_is_said(tmp_path: Path) -> None:
    target = tmp_path / "absent.py"
    target.write_text("import no_such_module\n")
    with pytest.raises(RuntimeError, match="no_such_module"):
        harness.fuzz(target, range(4))
