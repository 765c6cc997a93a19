"""Every kernel family on a GPU under compute-sanitizer: `python test/gpu/sanitize.py [memcheck | racecheck] [pytest arguments]`, by default
both, with the cases that took longest.

memcheck finds accesses outside allocations, racecheck hazards in shared memory. The kernels are those of
test/schedule_cases.py, some for every schedule, each run alone through the driver shim, with exact allocations.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
TOOLS = ("memcheck", "racecheck")
FAILURE = 86


def main() -> int:
    sanitizer = shutil.which("compute-sanitizer") or "/usr/local/cuda/bin/compute-sanitizer"
    if not Path(sanitizer).exists():
        print("compute-sanitizer: not found; it comes with the CUDA toolkit (package cuda-sanitizer-api)")
        return 2
    environment = {**os.environ, "TRTC_SANITIZE": "1", "CUPY_CACHE_IN_MEMORY": "1"}
    tools = [word for word in sys.argv[1:2] if word in TOOLS]
    tests = sys.argv[1 + len(tools) :] or ["test/gpu/test_schedule_cases.py"]
    status = 0
    for tool in tools or TOOLS:
        command = [sanitizer, "--tool", tool, "--error-exitcode", str(FAILURE), "--target-processes", "all"]
        command += ["--print-limit", "5", sys.executable, "-m", "pytest", "-q", "-x", "--durations=10"]
        command += ["-p", "no:cacheprovider", *tests]
        print(" ".join(command), flush=True)
        status = max(status, subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode)
    return status


if __name__ == "__main__":
    sys.exit(main())
