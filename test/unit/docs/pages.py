"""The pages of docs/ as a reader follows them: the files, the Python and the shell commands that stand in their text.

A block of a page is fenced by three backticks, indented or not. `file=NAME` after the language makes it a file; blocks of `sh` are
commands, blocks of `python` a program, all of one page together.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parents[3] / "docs"
TOOLS = Path(sys.executable).parent
_FENCED = re.compile(r"^( *)```(\w*)(?: file=(\S+))?\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block; `file` is the name of a file that it holds."""

    language: str
    file: str | None
    text: str


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page in order."""
    found = [
        Block(language, file or None, textwrap.dedent(text))
        for _, language, file, text in _FENCED.findall(page.read_text())
    ]
    more = len(re.findall(r"^ *```", page.read_text(), re.MULTILINE)) - 2 * len(found)
    assert not more, f"{page}: expected closed fences with a language and at most file=NAME, got {more} others"
    return found


def files(page: Path) -> dict[str, str]:
    """The files of a page by name."""
    return {block.file: block.text for block in blocks(page) if block.file is not None}


def commands(page: Path) -> list[str]:
    """The lines of the page's shell blocks."""
    return [line for block in blocks(page) if block.language == "sh" for line in block.text.splitlines()]


def run_page(page: Path, folder: Path, environment: dict[str, str] | None = None) -> tuple[str, dict[str, Any]]:
    """Do what a page says, in order, in a folder: what its commands print, and the names that its Python defines.

    The process must be in that folder, for the Python. A command that fails, or Python that raises, is an error.
    """
    environment = environment or {**os.environ, "PATH": os.pathsep.join([str(TOOLS), os.environ.get("PATH", "")])}
    names: dict[str, Any] = {}
    printed = ""
    for block in blocks(page):
        if block.file is not None:
            (folder / block.file).write_text(block.text)
        elif block.language == "python":
            exec(compile(block.text, page.name, "exec"), names)
        elif block.language == "sh":
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", block.text],
                cwd=folder, env=environment, capture_output=True, text=True, check=False,
            )  # fmt: skip
            assert done.returncode == 0, f"{block.text}\n{done.stdout}\n{done.stderr}"
            printed += done.stdout + done.stderr
    return printed, names
