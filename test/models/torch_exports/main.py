"""`make exports [K=conv] [JOBS=2]`: functions and networks of torch, through both of its exporters and trtc, on a GPU or the simulator.

Each case is exported static and, where it says so, dynamic; built, run, and compared with torch: passed, refused (with the reason), wrong
or crash. Listed apart is what torch cannot export, or exports so that ONNX Runtime differs from torch just as trtc does. Models are kept
in `~/.cache/trtc/torch_exports`, so that reruns are fast. torch is no dependency: this Python needs it, or the one that TORCH_PYTHON
names. Exits 1 on a wrong case, a crash, or a refusal that docs/reference/supported-onnx-ops.md does not list.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import onnx

sys.path.insert(0, str(Path(__file__).parents[2] / "conformance"))
from judge import CRASH, PASSED, REFUSED, RUNNERS, STATUSES, WRONG, Refused, Verdict, one_line, profiles
from pool import run_cases
from suite import reasons, unexplained

HERE = Path(__file__).parent
NO_REDUCTION = ("index_put/torchscript-static", "scatter_kinds/dynamo-static")
"""Cases in which torch 2.11 writes a scatter that adds or averages as one that does neither, though indices repeat."""
Array = np.ndarray[Any, Any]

MISSING = """torch is not here; it is no dependency of trtc, and about 200 MB:
    {venv}/bin/pip install torch onnxscript --index-url https://download.pytorch.org/whl/cpu --extra-index-url https://pypi.org/simple
or name a Python that has both: make exports TORCH_PYTHON=/path/to/python"""


@dataclass(eq=False)
class Exported:
    """One model of the folder, as the judge takes it."""

    folder: Path
    group = "exports"

    @cached_property
    def key(self) -> str:
        return f"{self.folder.parent.name}/{self.folder.name}"

    @cached_property
    def data(self) -> dict[str, Array]:
        with np.load(self.folder / "data.npz") as file:
            return dict(file)

    def model(self) -> onnx.ModelProto:
        return onnx.load(self.folder / "model.onnx")

    def data_sets(self) -> Iterator[tuple[list[Any], list[Any]]]:
        for which in range(sum(name.endswith(".error") for name in self.data)):
            yield self._arrays(f"{which}.in"), self._arrays(f"{which}.out")

    def _arrays(self, prefix: str) -> list[Any]:
        return [self.data[f"{prefix}{index}"] for index in range(sum(name.startswith(prefix) for name in self.data))]

    def compare(self, expected: Sequence[Array], got: Sequence[Array]) -> None:
        """Raises AssertionError where an output is of another shape or type, or further off than the case allows."""
        assert len(expected) == len(got), f"{len(got)} outputs, expected {len(expected)}"
        for index, (want, have) in enumerate(zip(expected, got, strict=True)):
            what = f"output {index}"
            assert want.shape == have.shape, f"{what} has the shape {have.shape}, expected {want.shape}"
            assert want.dtype == have.dtype, f"{what} is {have.dtype}, expected {want.dtype}"
            if want.dtype.kind != "f":
                assert np.array_equal(want, have), f"{what}: {(want != have).sum()} of {want.size} elements differ"
                continue
            want, have = want.astype(np.float64), have.astype(np.float64)
            finite = np.isfinite(want)
            assert np.array_equal(want[~finite], have[~finite], equal_nan=True), (
                f"{what} differs where it is not finite"
            )
            assert np.isfinite(have[finite]).all(), f"{what} is not finite where it should be"
            error = np.linalg.norm(have[finite] - want[finite]) / max(np.linalg.norm(want[finite]), 1e-6)
            assert error <= self.data["0.error"], f"{what} has a relative error of {error:.2e}"


class ByPeer(Exported):
    """One model, whose expected outputs are those of ONNX Runtime: where torch's exporter wrote another function than torch computes."""

    @cached_property
    def data(self) -> dict[str, Array]:
        case, model = Exported(self.folder), self.model()
        found, names = dict(case.data), [value.name for value in model.graph.input]
        run = RUNNERS["onnxruntime"](model, [])
        for which, (inputs, _) in enumerate(case.data_sets()):
            outputs = run(dict(zip(names, inputs, strict=True)))
            found.update((f"{which}.out{index}", np.asarray(output)) for index, output in enumerate(outputs))
        return found


class Imported(Exported):
    """One model that is imported only: there are no outputs to compare."""

    def data_sets(self) -> Iterator[tuple[list[Any], list[Any]]]:
        for inputs, _ in super().data_sets():
            yield inputs, []


def imported(model: onnx.ModelProto, inputs: Sequence[dict[str, Any]]) -> Any:
    """Imports a model for these inputs, and makes nothing of it."""
    from trtc import UnsupportedOpError
    from trtc.compiler.frontend.importer import import_onnx

    try:
        import_onnx(model, profiles=profiles(model, inputs, ()))
    except UnsupportedOpError as error:
        raise Refused(str(error)) from None
    return lambda given: []


def faults(verdicts: dict[Any, Verdict], runner: Any, jobs: int) -> dict[Any, str]:
    """The cases that failed by what torch wrote: a model that trtc calls invalid or refuses, and ONNX Runtime refuses too (with what it
    says), or one of another function than torch computes, on which both agree."""
    found: dict[Any, str] = {}
    for case, verdict in verdicts.items():
        invalid = verdict.status == CRASH and any(
            name in verdict.reason for name in ("InvalidModelError", "OptionError", "InputError")
        )
        if invalid or verdict.status == REFUSED:
            try:
                _ = ByPeer(case.folder).data
            except Refused as error:
                found[case] = f"a model that is not valid for these shapes ({one_line(str(error), 160)})"
    wrong = {case.key: case for case, verdict in verdicts.items() if verdict.status == WRONG}
    for peer, verdict in run_cases([ByPeer(case.folder) for case in wrong.values()], runner, jobs=jobs):
        if verdict.status == PASSED:
            found[wrong[peer.key]] = "another function"
        elif peer.key in NO_REDUCTION and _differs_by_peer(wrong[peer.key]):
            found[wrong[peer.key]] = "a scatter of equal indices without its reduction, whose result is undefined"
    return found


def _differs_by_peer(case: Exported) -> bool:
    """Whether ONNX Runtime gives another result than torch."""
    by_peer = ByPeer(case.folder).data_sets()
    try:
        for (_, wanted), (_, found) in zip(case.data_sets(), by_peer, strict=True):
            case.compare(wanted, found)
    except AssertionError:
        return True
    return False


def export(folder: Path, text: str, jobs: int) -> None:
    """Writes what is missing in the folder, by a Python that has torch."""
    python = os.environ.get("TORCH_PYTHON") or sys.executable
    if subprocess.run([python, "-c", "import torch, onnxscript"], capture_output=True).returncode:
        raise SystemExit(MISSING.format(venv=os.environ.get("TRTC_VENV", ".venv")))
    command = [python, str(HERE / "export.py"), str(folder), "-k", text, "-j", str(jobs)]
    subprocess.run(command, check=True)


def main() -> int:
    from trtc.compiler.environment import cache_directory

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-k", default="", help="only cases whose name holds this text")
    parser.add_argument("-j", "--jobs", default="auto", help="processes at a time; auto takes one for each core")
    parser.add_argument("--seconds", type=float, default=120.0, help="wall time that a case may take (default 120)")
    parser.add_argument("--import-only", action="store_true", help="import the models, and neither build nor run them")
    parser.add_argument("--variant", default="", help="only variants whose name holds this text, such as dynamo-static")
    parser.add_argument("--no-export", action="store_true", help="take the models that are there, and export none")
    parser.add_argument("--folder", type=Path, help="where the exported models are kept")
    parser.add_argument("-v", "--verbose", action="store_true", help="print every case, not only what is not passed")
    args = parser.parse_args()
    jobs = os.cpu_count() or 1 if args.jobs == "auto" else int(args.jobs)
    folder = args.folder or cache_directory() / "torch_exports"
    if not args.no_export:
        export(folder, args.k, jobs)
    found = sorted(each for each in folder.glob("*/*") if args.k in each.parent.name and each.suffix == "")
    kind = Imported if args.import_only else Exported
    cases = [kind(each) for each in found if (each / "model.onnx").exists() and args.variant in each.name]
    runner = imported if args.import_only else RUNNERS["trtc"]
    verdicts: dict[Any, Verdict] = {}
    start = said = time.monotonic()
    for case, verdict in run_cases(cases, runner, jobs=jobs, seconds=args.seconds):
        verdicts[case] = verdict
        if args.verbose or verdict.status != PASSED:
            print(f"{verdict.status}: {case.key} ({verdict.seconds:.1f} s): {verdict.reason}", flush=True)
        if time.monotonic() - said > 30:
            said = time.monotonic()
            print(f"{len(verdicts)}/{len(cases)} in {said - start:.0f} s", flush=True)
    for case, what in faults(verdicts, runner, jobs).items():
        print(f"torch exports {what}: {case.key}")
        del verdicts[case]
    return report(verdicts, [each for each in found if (each / "error.txt").exists()])


def report(verdicts: dict[Any, Verdict], failed: Sequence[Path]) -> int:
    """Prints the tables; 1 where something is to be done."""
    for each in failed:
        print(f"torch cannot export {each.parent.name}/{each.name}: {one_line((each / 'error.txt').read_text(), 160)}")
    new = {case: lines for case, verdict in verdicts.items() if (lines := unexplained(verdict))}
    for case, lines in sorted(new.items(), key=lambda each: each[0].key):
        print(f"not listed: {case.key}: {'; '.join(lines)}")
    for reason, count in reasons(verdicts.values()).most_common():
        print(f"refused {count:4}: {reason}")
    for variant in (*sorted({case.folder.name for case in verdicts}), "all"):
        counts = Counter(v.status for case, v in verdicts.items() if variant in (case.folder.name, "all"))
        parts = ", ".join(f"{counts[status]} {status}" for status in STATUSES)
        print(f"{variant:20} {counts.total():4} cases: {parts}")
    return 1 if new or any(verdict.status in (WRONG, CRASH) for verdict in verdicts.values()) else 0


if __name__ == "__main__":
    raise SystemExit(main())
