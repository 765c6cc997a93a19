"""
Every kernel family on a GPU under compute-sanitizer: `python test/gpu/sanitize.py [memcheck | racecheck ...] [-j N] [pytest arguments]`, by
default both.

memcheck finds accesses outside allocations, racecheck hazards in shared memory. The kernels are those of test/schedule_cases.py, some for
every schedule, each run alone through the driver shim, with exact allocations, in a process of its own: the tools slow down with each
kernel that a process has loaded (all in one process did not end in 260 s under racecheck, apart they take 71 s on 16 cores).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parents[2]
TOOLS = ("memcheck", "racecheck")
FAILURE = 86
ENVIRONMENT = {**os.environ, "TRTC_SANITIZE": "1", "CUPY_CACHE_IN_MEMORY": "1"}
SLOWEST = 5


def cases(arguments: list[str]) -> list[str]:
    """The names of the tests that pytest finds."""
    command = [sys.executable, "-m", "pytest", "-m", "gpu", "--collect-only", "-q", *arguments]
    listed = subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, check=False, capture_output=True, text=True)
    found = [line for line in listed.stdout.splitlines() if "::" in line]
    if not found:
        raise SystemExit(f"sanitize: expected tests, pytest found none:\n{listed.stdout}{listed.stderr}")
    return found


def check(sanitizer: str, tool: str, case: str) -> tuple[str, float, str | None]:
    """A test, its seconds, and the output where the tool or the test finds something."""
    start = time.perf_counter()
    command = [sanitizer, "--tool", tool, "--error-exitcode", str(FAILURE), "--target-processes", "all"]
    command += ["--print-limit", "5", sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", case]
    ran = subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, check=False, capture_output=True, text=True)
    return case, time.perf_counter() - start, ran.stdout + ran.stderr if ran.returncode else None


def main() -> int:
    sanitizer = shutil.which("compute-sanitizer") or "/usr/local/cuda/bin/compute-sanitizer"
    if not Path(sanitizer).exists():
        print("compute-sanitizer: not found; it comes with the CUDA toolkit (package cuda-sanitizer-api)")
        return 2
    words = sys.argv[1:]
    tools = [words.pop(0) for _ in TOOLS if words and words[0] in TOOLS] or TOOLS
    workers = int(words[words.index("-j") + 1]) if "-j" in words else os.cpu_count() or 1
    if "-j" in words:
        del words[words.index("-j") : words.index("-j") + 2]
    found, failed = cases(words or ["test/gpu/test_schedule_cases.py"]), 0
    for tool in tools:
        with ThreadPoolExecutor(workers) as pool:
            ran = list(pool.map(lambda case: check(sanitizer, tool, case), found))  # noqa: B023
        for case, _, output in ran:
            if output is not None:
                failed += 1
                print(f"{tool}: {case}\n{output}", flush=True)
        slow = ", ".join(
            f"{case.rpartition('::')[2]} {s:.0f} s" for case, s, _ in sorted(ran, key=lambda r: -r[1])[:SLOWEST]
        )
        print(
            f"{tool}: {len(ran)} cases, {sum(o is not None for *_, o in ran)} with errors; slowest: {slow}", flush=True
        )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
