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


def mnemonics(cubin: bytes) -> set[str]:
    """The instructions of a cubin, without their modifiers: `HGMMA`, `UTMALDG`, `LDGSTS`."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kernel.cubin"
        path.write_bytes(cubin)
        text = subprocess.run([nvdisasm(), str(path)], capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"\b[A-Z][A-Z0-9_]{3,}\b", text))
