"""The reproducer of a failing pass: a file with the module before it, and a command in its first line.

    // trtc-opt pass-failure/07-cse.mlir --blobs=pass-failure/07-cse.npz -p 'cse,dce'
    builtin.module { ...

The command runs the failing pass and all that was to run after it. Nothing is kept while passes succeed: when one fails, the input is
read again and taken through the passes before it, which give the same module.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from pathlib import Path

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from ...dialects.errors import OptionError, TrtcError
from ..blobs import blobs_of, save_blobs
from ..pipeline import run_passes
from .observers import print_module


def write_reproducer(
    directory: Path,
    read: Callable[[], ModuleOp],
    passes: Sequence[ModulePass],
    failed: int,
    context: Context,
    *,
    first_index: int = 1,
    flags: Sequence[str] = (),
) -> str:
    """Write the reproducer of `passes[failed]`; returns a text for the error: where it is, or why there is none.

    `read` gives the module before the first pass, `first_index` is that pass's number, `flags` are further flags of the command.
    """
    step = passes[failed]
    path = directory / f"{first_index + failed:02d}-{step.name}.mlir"
    try:
        module = read()
        run_passes(module, passes[:failed], context, verify=False)
        blobs = blobs_of(module)
        command = ["trtc-opt", str(path), *flags]
        directory.mkdir(parents=True, exist_ok=True)
        if blobs:
            save_blobs(path.with_suffix(".npz"), blobs)
            command.append(f"--blobs={path.with_suffix('.npz')}")
        command += ["-p", ",".join(str(each.spec()) for each in passes[failed:])]
        with path.open("w") as stream:
            stream.write(f"// {shlex.join(command)}\n")
            print_module(module, stream, locations=True)
    except (OSError, OptionError) as error:
        return f"the module before it cannot be saved: {error}"
    except TrtcError as error:  # a pass that does not do the same twice
        return f"the passes before it failed when they were run again: {error}"
    return f"the module before it, and the command that reproduces this, are in {path}"
