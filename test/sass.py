"""The SASS of a cubin, by `nvdisasm` from the PATH or from the wheel nvidia-cuda-nvdisasm (in the extra `test`)."""

from __future__ import annotations

import re
import shutil
import subprocess
import sysconfig
import tempfile
from pathlib import Path


def nvdisasm() -> str:
    """The path of the disassembler. Raises FileNotFoundError that says how to install it."""
    site = Path(sysconfig.get_path("platlib"))
    found = [shutil.which("nvdisasm"), *map(str, sorted(site.glob("nvidia/*/bin/nvdisasm*")))]
    for path in found:
        if path:
            return path
    raise FileNotFoundError("nvdisasm is missing: expected it on the PATH or from pip install nvidia-cuda-nvdisasm")


def disassemble(cubin: bytes) -> str:
    """The text of nvdisasm."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kernel.cubin"
        path.write_bytes(cubin)
        return subprocess.run([nvdisasm(), str(path)], capture_output=True, text=True, check=True).stdout


def mnemonics(cubin: bytes) -> set[str]:
    """The instructions of a cubin, without their modifiers: `HGMMA`, `UTMALDG`, `LDL`."""
    return set(re.findall(r"\b[A-Z][A-Z0-9_]{2,}\b", disassemble(cubin)))


def early_accumulator_reads(text: str) -> list[str]:
    """
    Instructions of a disassembly that touch a wgmma accumulator between the product and the wait that leaves no group pending, in the
    order of the text. ptxas made such where a wait for all but one group stood before the last one (docs/design/learned.md).
    """
    found: list[str] = []
    accumulator: set[int] = set()
    for line in text.splitlines():
        if not re.search(r"/\*[0-9a-f]{4,}\*/\s+\S", line):
            continue
        if product := re.search(r"HGMMA\.64x(\d+)x\d+\.F32 R(\d+)", line):
            first = int(product[2])
            accumulator = set(range(first, first + int(product[1]) // 2))
        elif "WARPGROUP.DEPBAR.LE gsb0, 0x0" in line:
            accumulator = set()
        elif accumulator & {int(register) for register in re.findall(r"\bR(\d+)\b", line)}:
            found.append(line.strip())
    return found
