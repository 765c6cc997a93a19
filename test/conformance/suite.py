"""`make conformance [K=topk] [JOBS=2]`: the backend suite of ONNX through trtc, on this machine's GPU, or else on the simulator.

Each case is built, run, and compared with the suite's stored outputs within its own tolerances: passed, refused (with the reason), wrong or
crash. A run of all cases records the suite `conformance`. `--sample 60` runs for that many seconds on cases drawn by the date, which
tests do. Exits 1 on a wrong case, a crash, or a refusal that docs/reference/supported-onnx-ops.md does not list.
"""

from __future__ import annotations

import argparse
import datetime
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "bench"))
from cases import GROUPS, Case, load
from judge import CRASH, PASSED, REFUSED, RUNNERS, STATUSES, WRONG, Verdict, refusals
from pool import run_cases

from trtc.compiler.frontend.refused import is_listed

Verdicts = Mapping[Case, Verdict]


def unexplained(verdict: Verdict) -> list[str]:
    """The refusals of a case that the reference page does not list."""
    if verdict.status != REFUSED:
        return []
    return [f"{op}: {why}" if op else why for op, why in refusals(verdict.reason) if not is_listed(op, why)]


def reasons(verdicts: Iterable[Verdict]) -> Counter[str]:
    """How many cases each reason refuses: the operator, and in brackets why, where trtc has it in other forms."""
    found: Counter[str] = Counter()
    for verdict in verdicts:
        if verdict.status == REFUSED:
            found.update({_short(op, why) for op, why in refusals(verdict.reason)})
    return found


def _short(op: str, why: str) -> str:
    if "no import of this operator" in why or "runs a subgraph" in why:
        return op
    return f"{op} ({why.partition(';')[0][:80]})" if op else why.partition(";")[0][:80]


def summary(verdicts: Verdicts) -> list[str]:
    """One line per group, and one for all: counts by status."""
    lines: list[str] = []
    for group in (*GROUPS, "all"):
        counts = Counter(v.status for case, v in verdicts.items() if group in (case.group, "all"))
        if counts:
            parts = ", ".join(f"{counts[status]} {status}" for status in STATUSES)
            bound = sum(bool(v.bound) for case, v in verdicts.items() if group in (case.group, "all"))
            asked = f"; {bound} with inputs bound to constants" if bound else ""
            lines.append(f"{group:18} {counts.total():5} cases: {parts}{asked}")
    return lines


def record(verdicts: Verdicts, peer: Verdicts, *, gpu: bool) -> None:
    """Writes the suite `conformance`: a line per group, whose note lists the refusals; one each for what is refused, wrong or crashes."""
    from records import Recorder

    recorder = Recorder("conformance", gpu=gpu)

    def line(name: str, unit: str, status: str, among: Verdicts, note: str) -> None:
        peers = {"cases": float(len(among))}
        if peer:
            peers["onnxruntime"] = float(sum(peer[case].status == status for case in among if case in peer))
        ours = sum(verdict.status == status for verdict in among.values())
        recorder.case(name, dtype="", unit=unit, ours=ours, peers=peers, note=note)

    for group in GROUPS:
        among = {case: verdict for case, verdict in verdicts.items() if case.group == group}
        bound = sum(bool(verdict.bound) for verdict in among.values())
        note = f"passed with inputs bound to constants: {bound}. {_listed(reasons(among.values()))}"
        line(group, "cases passed", PASSED, among, note)
    line("refused", "cases refused", REFUSED, verdicts, _listed(reasons(verdicts.values())))
    for status in (WRONG, CRASH):
        names = sorted(case.key for case, verdict in verdicts.items() if verdict.status == status)
        line(status, f"cases {status}", status, verdicts, ", ".join(names))
    print(f"recorded in {recorder.path}")


def _listed(counts: Counter[str]) -> str:
    parts = [f"{reason} {count}" for reason, count in sorted(counts.items(), key=lambda each: (-each[1], each[0]))]
    return f"refused: {', '.join(parts)}" if parts else ""


def has_gpu() -> bool:
    from trtc.runtime.driver import find_device

    return find_device() is not None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-k", default="", help="only cases whose name holds this text")
    parser.add_argument("-g", "--group", choices=GROUPS, nargs="*", default=GROUPS, help="only these groups")
    parser.add_argument("-j", "--jobs", default="auto", help="processes at a time; auto takes one for each core")
    parser.add_argument("--seconds", type=float, default=60.0, help="wall time that a case may take (default 60)")
    parser.add_argument("--sample", type=float, help="stop after this many seconds, in an order drawn by --seed")
    parser.add_argument("--seed", default=datetime.date.today().isoformat(), help="of the sample (default: the date)")
    parser.add_argument("--peer", action="store_true", help="run the cases by ONNX Runtime as well")
    parser.add_argument("-v", "--verbose", action="store_true", help="print every case, not only what is wrong")
    args = parser.parse_args()
    cases = load(args.k, args.group)
    if not cases:
        parser.error(f"no case of {', '.join(args.group)} has {args.k!r} in its name")
    stop = None
    if args.sample is not None:
        random.Random(args.seed).shuffle(cases)
        stop = time.monotonic() + args.sample
    jobs = os.cpu_count() or 1 if args.jobs == "auto" else int(args.jobs)
    verdicts = _run(cases, "trtc", jobs, args.seconds, stop, args.verbose)
    peer = _run(list(verdicts), "onnxruntime", jobs, args.seconds, None, False) if args.peer else {}
    new = {case: lines for case, verdict in verdicts.items() if (lines := unexplained(verdict))}
    for case, lines in sorted(new.items(), key=lambda each: each[0].key):
        print(f"not listed: {case.key}: {'; '.join(lines)}")
    print(_listed(reasons(verdicts.values())))
    if peer:
        print("by ONNX Runtime:", *summary(peer), sep="\n")
    print(*summary(verdicts), sep="\n")
    if not args.k and args.sample is None and tuple(args.group) == GROUPS:
        record(verdicts, peer, gpu=has_gpu())
    if args.sample is not None:
        print(f"a sample of {len(verdicts)} of {len(cases)} cases, drawn by --seed {args.seed}")
    return 1 if new or any(verdict.status in (WRONG, CRASH) for verdict in verdicts.values()) else 0


def _run(
    cases: list[Case], runner: str, jobs: int, seconds: float, stop: float | None, verbose: bool
) -> dict[Case, Verdict]:
    """All verdicts, with progress."""
    verdicts: dict[Case, Verdict] = {}
    start = said = time.monotonic()
    for case, verdict in run_cases(cases, RUNNERS[runner], jobs=jobs, seconds=seconds, stop=stop):
        verdicts[case] = verdict
        if verbose or (runner == "trtc" and verdict.status in (WRONG, CRASH)):
            print(f"{verdict.status}: {case.key} ({verdict.seconds:.1f} s): {verdict.reason}", flush=True)
        if time.monotonic() - said > 10:
            said = time.monotonic()
            counts = Counter(v.status for v in verdicts.values())
            parts = ", ".join(f"{counts[status]} {status}" for status in STATUSES)
            print(f"{runner}: {len(verdicts)}/{len(cases)} in {said - start:.0f} s: {parts}", flush=True)
    return verdicts


if __name__ == "__main__":
    raise SystemExit(main())
