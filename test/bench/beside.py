"""A suite of another checkout and of this one, in turns: `python test/bench/beside.py FOLDER SUITE [--rounds N] [ARGUMENT ...]`.

    python test/bench/beside.py ../before gemm --rounds 4 128x3072x768 --dtype f16

Two runs of the same code differ by several percent, small kernels most, since the host launches them. So rounds alternate between the
checkouts, the first of a round as well, and the least time of each checkout counts. Records the suite `beside_SUITE`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from records import Recorder

TREE = Path(__file__).parents[2]
Measured = dict[tuple[str, int | None, str], float]
"""Microseconds of each case, batch and dtype."""


def run(tree: Path, suite: str, arguments: list[str]) -> Measured:
    """One run of a suite of a checkout, in a process that imports the checkout's own package."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "trtc").symlink_to(tree.resolve())
        paths = [folder, *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths), "TRTC_RESULTS": folder}
        command = [sys.executable, str(tree / "test" / "bench" / f"bench_{suite}.py"), *arguments]
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
        (written,) = Path(folder).glob("*.jsonl")
        _, *cases = (json.loads(line) for line in written.read_text().splitlines())
    return {(c["case"], c["batch"], c["dtype"]): c["ours"] for c in cases}


def least(rounds: list[Measured]) -> Measured:
    """The least of each case that all rounds have."""
    return {case: min(r[case] for r in rounds) for case in rounds[0] if all(case in r for r in rounds)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="the other checkout")
    parser.add_argument("suite", help="what follows bench_ in a file's name")
    parser.add_argument("--rounds", type=int, default=3)
    given, arguments = parser.parse_known_args()
    rounds: dict[Path, list[Measured]] = {TREE: [], given.folder: []}
    for i in range(given.rounds):
        for tree in sorted(rounds, key=lambda t: (t == TREE) != bool(i % 2)):
            rounds[tree].append(run(tree, given.suite, arguments))
    ours, theirs = (least(r) for r in rounds.values())
    recorder = Recorder(f"beside_{given.suite}")
    for case in ours:
        if case in theirs:
            name, batch, dtype = case
            note = f"least of {given.rounds} rounds in turns"
            peers = {given.folder.name.strip("."): theirs[case]}
            recorder.case(name, batch=batch, dtype=dtype, unit="us", ours=ours[case], peers=peers, note=note)


if __name__ == "__main__":
    main()
