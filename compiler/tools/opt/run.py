"""`trtc-opt --run`: execute `@main` on a CPU and print, or save, what comes out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import IO

import numpy as np
from xdsl.dialects.builtin import ModuleOp

from ....dialects.text import shown
from ...interpret.module import Array, execute, random_inputs
from ...npz import load_arrays, save_arrays


def run_and_report(
    module: ModuleOp,
    output: IO[str],
    *,
    seed: int,
    inputs: Path | None,
    save: Path | None,
    symbols: Mapping[str, int],
    references: bool,
) -> None:
    """Run with inputs from an .npz file, or seeded random ones; writes one line of statistics per output, and an .npz file where `save` is
    given. With `references` groups compute by their functions and not by their kernels."""
    given = load_arrays(inputs) if inputs is not None else random_inputs(module, seed, symbols)
    results = execute(module, given, references=references)
    for name, array in results.items():
        output.write(f"{shown(name)}: {statistics(array)}\n")
    if save is not None:
        save_arrays(save, results)


def statistics(array: Array) -> str:
    """`f32[1x2] min -1 max 2 mean 0.5 norm 3.1`, in which the numbers are computed in double precision."""
    shape = "x".join(str(extent) for extent in array.shape)
    text = f"{array.dtype.name}[{shape}]"
    if array.size == 0:
        return text + " empty"
    values = array.astype(np.float64)
    parts = {"min": values.min(), "max": values.max(), "mean": values.mean(), "norm": np.linalg.norm(values)}
    return " ".join([text, *(f"{name} {value:.6g}" for name, value in parts.items())])
