"""Benchmark records: `test/bench/results/<date>-<gpu>-<suite>.jsonl`, written by the program that measured, never by hand.

The first line is the run, every further line a case; docs/design/spine.md and CONTRIBUTING.md say what the fields mean.
"""

from __future__ import annotations

import datetime
import json
import os
import platform
import re
import subprocess
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
PACKAGES = ("trtc", "xdsl", "cupy-cuda13x", "cupy-cuda12x", "torch", "onnx", "onnxruntime", "numpy")


class Recorder:
    """Writes one suite's records as they are measured. `folder` defaults to the results folder, or $TRTC_RESULTS.

    Suites that measure the compiler say `gpu=False`: their records name the processor, and CuPy is not needed.
    """

    def __init__(self, suite: str, folder: Path | None = None, *, gpu: bool = True) -> None:
        device = _gpu() if gpu else {"gpu": "none", "cpu": _cpu()}
        today = datetime.date.today().isoformat()
        folder = folder or Path(os.environ.get("TRTC_RESULTS", RESULTS))
        folder.mkdir(parents=True, exist_ok=True)
        name = re.sub(r"[^a-z0-9]+", "-", str(device["gpu"] if gpu else device["cpu"]).lower()).strip("-")
        self.path = folder / f"{today}-{name}-{suite}.jsonl"
        run = {"suite": suite, **device, "date": today, "commit": _commit(), "versions": _versions(nvrtc=gpu)}
        self._write(run, mode="w")

    def case(
        self,
        case: str,
        *,
        batch: int | None = None,
        dtype: str,
        unit: str,
        ours: float,
        peers: Mapping[str, float],
        error: float | None = None,
        note: str = "",
    ) -> None:
        """One measured case; for times lower is better, `ours` and `peers` from this run."""
        self._write(
            {
                "case": case, "batch": batch, "dtype": dtype, "unit": unit, "ours": ours, "peers": dict(peers), "error": error,
                "note": note,
            }
        )  # fmt: skip
        ratios = ", ".join(
            f"{name} {value:.4g} ({ours / value if value else float('nan'):.2f}x)" for name, value in peers.items()
        )
        print(f"{case:40s} {dtype:5s} batch {batch}: {ours:.4g} {unit}; {ratios}; error {error}", flush=True)

    def _write(self, record: Mapping[str, Any], mode: str = "a") -> None:
        with self.path.open(mode) as file:
            file.write(json.dumps(record) + "\n")


def _gpu() -> dict[str, Any]:
    import cupy

    name = cupy.cuda.runtime.getDeviceProperties(0)["name"].decode()
    return {"gpu": name, "driver": cupy.cuda.runtime.driverGetVersion()}


def _cpu() -> str:
    """The processor's name, as Linux calls it."""
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        found = None
    return found[1] if found else platform.processor() or platform.machine()


def _commit() -> str:
    """The commit measured: $TRTC_COMMIT where the tree travels without its history."""
    if commit := os.environ.get("TRTC_COMMIT"):
        return commit
    result = subprocess.run(
        ["git", "rev-parse", "HEAD"], capture_output=True, text=True, cwd=Path(__file__).parent, check=False
    )
    return result.stdout.strip() or "unknown"


def _versions(*, nvrtc: bool) -> dict[str, str]:
    found = {"python": platform.python_version()}
    if nvrtc:
        import cupy

        found["nvrtc"] = ".".join(map(str, cupy.cuda.nvrtc.getVersion()))
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
