"""The mutation run: its tables fit the code, its runner tells noticed from unnoticed, and a few mutations each day are noticed."""

from __future__ import annotations

import sys
from datetime import date, timedelta
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "mutants"))
import mutants
import run
from mutants import ROOT, Mutant, StaleTableError
from sandbox import Outcome, Sandbox, commands

LEAST = 150
A_DAY = 3


@pytest.mark.parametrize("area", mutants.areas())
def test_every_mutation_fits_the_code(area: str) -> None:
    for mutant in mutants.read_table(area):
        source = (ROOT / mutant.file).read_text()
        changed = mutant.mutated(source)
        assert changed != source, mutant.mistake
        compile(changed, mutant.file, "exec")
        assert mutant.mistake.endswith("."), mutant.mistake
        assert mutant.tests, f"no test should notice: {mutant.mistake}"
        for test in mutant.tests:
            path, _, node = test.partition("::")
            assert (ROOT / path).is_file(), test
            assert not node or f"def {node.partition('[')[0]}(" in (ROOT / path).read_text(), test


def test_there_are_enough_and_no_two_alike() -> None:
    found = mutants.read_tables()
    assert len(found) >= LEAST
    assert len({mutant.mistake for mutant in found}) == len(found)
    assert len({(mutant.file, mutant.old, mutant.new) for mutant in found}) == len(found)


MUTANT = Mutant("dialects", "dialects/errors.py", "A mistake.", "class TrtcError", "class TrtcMistake", ("t.py",))


@pytest.mark.parametrize("source", ["", "class TrtcError: ...\nclass TrtcError: ...\n"])
def test_a_stale_table_is_an_error(source: str) -> None:
    with pytest.raises(
        StaleTableError, match=r"expected its old text once in dialects/errors\.py, found it [02] times"
    ):
        MUTANT.mutated(source)


def test_days_in_a_row_go_through_all_mutations() -> None:
    found = mutants.read_tables()
    first = date(2026, 1, 1)
    seen = {
        mutant
        for day in range(len(found) // A_DAY + 1)
        for mutant in mutants.of_the_day(found, first + timedelta(day), A_DAY)
    }
    assert seen == {mutant for mutant in found if not mutant.unnoticed}


def test_lit_files_run_before_pytest() -> None:
    lit, pytest_ = commands(["test/unit/dialects/test_dims.py::test_questions", "test/filecheck/nn/ops.mlir"])
    assert lit[-1] == "test/filecheck/nn/ops.mlir"
    assert pytest_[-1] == "test/unit/dialects/test_dims.py::test_questions"
    assert commands(["a.mlir"]) == [[*lit[:-1], "a.mlir"]]


def test_scores_and_survivors() -> None:
    good, bad = Outcome(True, 1.0), Outcome(False, 1.0, "test")
    other = Mutant("graph", "g.py", "Another.", "a", "b", ("t.py",))
    outcomes = {MUTANT: bad, other: good}
    parts = run.scores(outcomes)
    assert str(parts["dialects"]) == "1 of 1 noticed (100%)"
    assert str(run.total(parts)) == "1 of 2 noticed (50%)"
    assert run.survivors(outcomes) == [other]


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    return Sandbox(tmp_path_factory.mktemp("mutants"))


def test_a_mutation_runs_in_the_copy_and_leaves_no_trace(sandbox: Sandbox) -> None:
    """A comment changes nothing, so it survives; lit's processes and pytest's both see a change that breaks."""
    file, old = "dialects/errors.py", "class TrtcError"
    before = (ROOT / file).read_text()
    tests = ("test/filecheck/graph/dce.mlir", "test/unit/dialects/test_dims.py::test_questions")
    with sandbox.mutated(Mutant("dialects", file, "A comment.", old, f"# A comment.\n{old}", tests)):
        assert sandbox.run(tests) == Outcome(True, pytest.approx(0, abs=1000))
    with sandbox.mutated(Mutant("dialects", file, "A break.", old, f"raise SystemExit(3)\n{old}", tests)):
        assert not sandbox.run(tests[:1]).passed
        assert not sandbox.run(tests[1:]).passed
    assert sandbox.run(tests, timeout=0.01).first.startswith("hung")
    assert (ROOT / file).read_text() == (sandbox.root / file).read_text() == before


def test_the_mutations_of_the_day_are_noticed(sandbox: Sandbox) -> None:
    for mutant in mutants.of_the_day(mutants.read_tables(), date.today(), A_DAY):
        with sandbox.mutated(mutant):
            outcome = sandbox.run(mutant.tests, timeout=300)
        assert not outcome.passed, f"{mutant.file}: {', '.join(mutant.tests)} do not notice: {mutant.mistake}"
