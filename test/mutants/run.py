"""`make mutants [AREA=graph] [JOBS=2]`: tries every mutation of the tables and says which ones no test notices.

Each mutation runs only the tests that its table names, in a copy of the tree. The same tests must pass without it; a hang counts as
noticed. A run of all areas records the suite `mutants`: mutations noticed, of how many, for each area and in all.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import TypeVar

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "bench"))
from mutants import ROOT, Mutant, StaleTableError, areas, read_table
from records import Recorder
from sandbox import Outcome, Sandbox

TARGET = 0.9
AREA_TARGET = 0.75
_LEAST_TIMEOUT = 60.0
_TIMES_BASELINE = 3.0

T = TypeVar("T")


@dataclass(frozen=True)
class Score:
    """Mutations of an area: noticed, of how many."""

    noticed: int
    total: int

    @property
    def share(self) -> float:
        return self.noticed / self.total if self.total else 1.0

    def __str__(self) -> str:
        return f"{self.noticed} of {self.total} noticed ({self.share:.0%})"


class Pool:
    """Sandboxes, one for each job, and what runs in them."""

    def __init__(self, folder: Path, jobs: int) -> None:
        self._free: SimpleQueue[Sandbox] = SimpleQueue()
        self._jobs = jobs
        for number in range(jobs):
            self._free.put(Sandbox(folder / str(number)))

    def map(self, work: Callable[[Sandbox, T], Outcome], items: Iterable[T]) -> Iterator[tuple[T, Outcome]]:
        """The outcomes as they come."""

        def one(item: T) -> Outcome:
            sandbox = self._free.get()
            try:
                return work(sandbox, item)
            finally:
                self._free.put(sandbox)

        with ThreadPoolExecutor(self._jobs) as executor:
            pending = {executor.submit(one, item): item for item in items}
            for future in as_completed(pending):
                yield pending[future], future.result()


def tests_of(area: str, mutants: Sequence[Mutant]) -> list[str]:
    return sorted({test for mutant in mutants if mutant.area == area for test in mutant.tests})


def baseline(pool: Pool, mutants: Sequence[Mutant]) -> dict[str, float]:
    """The seconds that the tests of each area take without a mutation. Exits where one fails."""
    found = sorted({mutant.area for mutant in mutants})
    print(f"mutants: the tests of {', '.join(found)} without mutations ...", flush=True)
    seconds: dict[str, float] = {}
    failed: list[str] = []
    for area, outcome in pool.map(lambda sandbox, area: sandbox.run(tests_of(area, mutants)), found):
        seconds[area] = outcome.seconds
        if not outcome.passed:
            failed.append(f"{area}: {outcome.first}")
    if failed:
        raise SystemExit("mutants: these fail without any mutation; mend them first:\n  " + "\n  ".join(failed))
    return seconds


def try_all(pool: Pool, mutants: Sequence[Mutant], seconds: Mapping[str, float]) -> dict[Mutant, Outcome]:
    """Runs the tests of every mutation, with progress."""

    def one(sandbox: Sandbox, mutant: Mutant) -> Outcome:
        with sandbox.mutated(mutant):
            return sandbox.run(mutant.tests, _LEAST_TIMEOUT + _TIMES_BASELINE * seconds[mutant.area])

    outcomes: dict[Mutant, Outcome] = {}
    start = time.monotonic()
    for mutant, outcome in pool.map(one, mutants):
        outcomes[mutant] = outcome
        left = (time.monotonic() - start) / len(outcomes) * (len(mutants) - len(outcomes))
        verdict = "SURVIVED" if outcome.passed else "noticed"
        print(
            f"[{len(outcomes):3}/{len(mutants)}, {left / 60:.0f} min left] {mutant.area}: {verdict} in {outcome.seconds:.0f} s: "
            f"{mutant.mistake} {outcome.first}",
            flush=True,
        )
    return outcomes


def scores(outcomes: Mapping[Mutant, Outcome]) -> dict[str, Score]:
    """The score of each area, by name."""
    counts: dict[str, list[bool]] = defaultdict(list)
    for mutant, outcome in outcomes.items():
        counts[mutant.area].append(not outcome.passed)
    return {area: Score(sum(noticed), len(noticed)) for area, noticed in sorted(counts.items())}


def total(parts: Mapping[str, Score]) -> Score:
    return Score(sum(s.noticed for s in parts.values()), sum(s.total for s in parts.values()))


def survivors(outcomes: Mapping[Mutant, Outcome]) -> list[Mutant]:
    return sorted((m for m, outcome in outcomes.items() if outcome.passed), key=lambda m: (m.area, m.file))


def record(parts: Mapping[str, Score], missed: Sequence[Mutant]) -> None:
    """Writes the suite `mutants`; a note lists what went unnoticed."""
    recorder = Recorder("mutants", gpu=False)
    for area, score in (*parts.items(), ("total", total(parts))):
        note = " ".join(m.mistake for m in missed if m.area == area)
        recorder.case(
            area, dtype="", unit="mutations noticed", ours=score.noticed, peers={"mutations": score.total}, note=note
        )
    print(f"recorded in {recorder.path}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("area", nargs="*", help=f"areas to try, of {', '.join(areas())}; all without one")
    parser.add_argument("-j", "--jobs", default="auto", help="processes at a time; auto takes one for each core")
    parser.add_argument("-k", default="", help="only mutations whose file or sentence holds this text")
    arguments = parser.parse_args()
    if unknown := set(arguments.area) - set(areas()):
        parser.error(f"unknown area '{min(unknown)}'; expected some of {', '.join(areas())}")
    chosen = [m for area in arguments.area or areas() for m in read_table(area)]
    chosen = [m for m in chosen if arguments.k in m.file or arguments.k in m.mistake]
    for mutant in chosen:
        mutant.mutated((ROOT / mutant.file).read_text())
    jobs = os.cpu_count() or 1 if arguments.jobs == "auto" else int(arguments.jobs)
    with tempfile.TemporaryDirectory(prefix="trtc-mutants-") as folder:
        pool = Pool(Path(folder), max(1, min(jobs, len(chosen))))
        outcomes = try_all(pool, chosen, baseline(pool, chosen))
    parts, missed = scores(outcomes), survivors(outcomes)
    for mutant in missed:
        print(f"survived: {mutant.area}: {mutant.file}: {mutant.mistake}")
    for area, score in (*parts.items(), ("total", total(parts))):
        print(f"{area:14} {score}")
    if not arguments.area and not arguments.k:
        record(parts, missed)
    low = [area for area, score in parts.items() if score.share < AREA_TARGET]
    if total(parts).share < TARGET or low:
        raise SystemExit(f"mutants: expected {TARGET:.0%} in all and {AREA_TARGET:.0%} in each area.")


if __name__ == "__main__":
    try:
        main()
    except StaleTableError as error:
        raise SystemExit(str(error)) from error
