"""scripts/setup.sh: what is missing is one line with the command that installs it, and the second call does nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SETUP = Path(__file__).parents[2] / "scripts" / "setup.sh"
SYSTEM_TOOLS = ("sh", "dirname", "head", "cut", "cat", "cksum", "tr", "date", "rm", "touch", "mkdir")


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A PATH with the tools that the script needs, and no Python."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in SYSTEM_TOOLS:
        found = next(Path(part) / name for part in os.environ["PATH"].split(os.pathsep) if (Path(part) / name).exists())
        (folder / name).symlink_to(found)
    return folder


def script(folder: Path, name: str, body: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


def setup(tools: Path, *extras: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": str(tools), "HOME": str(tools.parent), "TRTC_VENV": str(tools.parent / "venv"), **variables}
    return subprocess.run(
        [tools / "sh", SETUP, *extras], env=environment, capture_output=True, text=True, check=False, timeout=60
    )


def fails_with(done: subprocess.CompletedProcess[str], message: str) -> None:
    assert done.returncode == 1
    assert done.stderr.splitlines() == [f"trtc setup: {message}"]


FAKE_PYTHON = """
case "$*" in
  *version_info*) exit 0 ;;
  *ensurepip*) exit {ensurepip} ;;
  *--version*) echo 'Python 3.12.0' ;;
  '-m venv '*) mkdir -p "$3/bin"; cat "$0" > "$3/bin/python"; chmod +x "$3/bin/python" ;;
  '-m pip '*) echo "$*" >> "$HOME/pip.log" ;;
esac
"""


def test_no_python(tools: Path) -> None:
    fails_with(
        setup(tools),
        "Python 3.11 or newer is missing; install it with: sudo apt-get install python3 python3-venv",
    )


def test_an_old_python(tools: Path) -> None:
    script(tools, "python3", "exit 1")
    assert "Python 3.11 or newer is missing" in setup(tools).stderr
    fails_with(
        setup(tools, PYTHON="python3"), "PYTHON=python3 is not Python 3.11 or newer; point PYTHON at one that is."
    )


def test_no_venv_module(tools: Path) -> None:
    script(tools, "python3", FAKE_PYTHON.format(ensurepip=1))
    fails_with(setup(tools), "Python's venv module is missing; install it with: sudo apt-get install python3-venv")


@pytest.mark.parametrize(
    ("driver", "extra"), [("", "cuda13"), ("525.60", "cuda12"), ("575.1", "cuda12"), ("580.65", "cuda13")]
)
def test_the_driver_chooses_the_extra_and_the_second_call_does_nothing(tools: Path, driver: str, extra: str) -> None:
    (tools / "chmod").symlink_to("/bin/chmod")
    script(tools, "python3", FAKE_PYTHON.format(ensurepip=0))
    if driver:
        script(tools, "nvidia-smi", f"echo {driver}")
    first = setup(tools, "test")
    assert first.returncode == 0, first.stderr
    assert f"installing trtc[test,{extra}]" in first.stdout
    (line,) = (tools.parent / "pip.log").read_text().splitlines()
    assert line.endswith(f"[test,{extra}]")
    assert setup(tools, "test").stdout == ""
    assert len((tools.parent / "pip.log").read_text().splitlines()) == 1, "nothing is installed twice"
    assert f"installing trtc[lint,{extra}]" in setup(tools, "lint").stdout, "other extras are"


def test_a_driver_that_is_too_old(tools: Path) -> None:
    script(tools, "python3", FAKE_PYTHON.format(ensurepip=0))
    script(tools, "nvidia-smi", "echo 470.82")
    done = setup(tools)
    assert done.returncode == 1
    assert "the NVIDIA driver 470 is too old; trtc needs 525 (CUDA 12) or 580 (CUDA 13)." in done.stderr


def test_an_unknown_cuda_choice(tools: Path) -> None:
    script(tools, "python3", FAKE_PYTHON.format(ensurepip=0))
    fails_with(setup(tools, TRTC_CUDA="cuda11"), "TRTC_CUDA=cuda11 is not known; use cuda12, cuda13 or none.")


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX sh")
def test_it_is_posix_sh() -> None:
    shell = "/bin/dash" if Path("/bin/dash").exists() else "/bin/sh"
    subprocess.run([shell, "-n", SETUP], check=True)
