"""Writes the cases as ONNX models with inputs and expected outputs, by the Python that has torch: `python export.py FOLDER -k conv`.

    FOLDER/<case>/<exporter>-<static|dynamic>/model.onnx, data.npz ("0.in1": data set 0, input 1), or error.txt where torch cannot

What is there already is left as it is.
"""

from __future__ import annotations

import argparse
import io
import logging
import multiprocessing
import os
import shutil
import sys
import traceback
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from control import CONTROL
from functions import FUNCTIONS
from networks import NETWORKS
from specs import SETS, Case
from torch.onnx._internal.exporter._registration import ONNXRegistry as registry
from torch.utils import _pytree as pytree

EXPORTERS = ("torchscript", "dynamo")
CASES = (*FUNCTIONS, *CONTROL, *NETWORKS)


def variants(case: Case) -> list[tuple[str, bool]]:
    """(exporter, dynamic) of a case."""
    return [(exporter, dynamic) for dynamic in (False, True)[: 1 + case.dynamic] for exporter in EXPORTERS]


def write(case: Case, exporter: str, dynamic: bool, folder: Path) -> None:
    """Exports one variant into a folder, which appears when it is whole."""
    temporary = folder.with_name(f"{folder.name}.{os.getpid()}")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        with torch.no_grad():
            data = expected(case, dynamic)
            (temporary / "model.onnx").write_bytes(exported(case, exporter, dynamic))
        np.savez(temporary / "data.npz", **data)
    except Exception as error:  # of every kind: whatever torch cannot export
        (temporary / "error.txt").write_text(traceback.format_exception_only(error)[-1])
    temporary.rename(folder)


def expected(case: Case, dynamic: bool) -> dict[str, np.ndarray[Any, Any]]:
    """The inputs of each data set, and what torch makes of them."""
    module = case.module()
    data: dict[str, np.ndarray[Any, Any]] = {}
    for which in range(SETS if dynamic else 1):
        inputs = case.data(which)
        data.update((f"{which}.in{index}", tensor.numpy()) for index, tensor in enumerate(inputs))
        outputs = pytree.tree_leaves(module(*(tensor.clone() for tensor in inputs)))
        data.update((f"{which}.out{index}", np.asarray(value)) for index, value in enumerate(outputs))
        data[f"{which}.error"] = np.asarray(case.error)
    return data


def exported(case: Case, exporter: str, dynamic: bool) -> bytes:
    """The bytes of the ONNX model."""
    module, inputs = case.module(), case.data(0)
    names = [f"x{index}" for index in range(len(inputs))]
    axes = [spec.dynamic if dynamic else {} for spec in case.inputs]
    if exporter == "torchscript":
        return by_torchscript(module, inputs, names, axes)
    return by_dynamo(module, inputs, names, axes)


def by_dynamo(
    module: torch.nn.Module, inputs: tuple[torch.Tensor, ...], names: list[str], axes: list[dict[int, str]]
) -> bytes:
    """With dims of one name equal, or each on its own where the module asks more of them than that."""
    for dim in (torch.export.Dim, lambda name: torch.export.Dim.DYNAMIC):
        shapes = tuple({axis: dim(name) for axis, name in each.items()} for each in axes) if any(axes) else None
        shapes = (shapes,) if shapes is not None and is_variadic(module) else shapes
        try:
            program = torch.onnx.export(module, inputs, dynamo=True, input_names=names, dynamic_shapes=shapes)
            break
        except Exception:
            if dim is not torch.export.Dim or shapes is None:
                raise
    assert program is not None
    return program.model_proto.SerializeToString()


def by_torchscript(
    module: torch.nn.Module, inputs: tuple[torch.Tensor, ...], names: list[str], axes: list[dict[int, str]]
) -> bytes:
    """Of opset 17, or the newest that the exporter knows where it needs that."""
    dynamic = dict(zip(names, axes, strict=True))
    for opset in (17, 20):
        file = io.BytesIO()
        try:
            torch.onnx.export(
                module, inputs, file, dynamo=False, opset_version=opset, input_names=names, dynamic_axes=dynamic
            )
            break
        except torch.onnx.errors.OnnxExporterError:
            if opset == 20:
                raise
    return file.getvalue()


def is_variadic(module: torch.nn.Module) -> bool:
    code = getattr(module.forward, "__code__", None)  # which a scripted module has not
    return code is not None and bool(code.co_flags & 0x04)


def _start() -> None:
    torch.set_num_threads(1)
    torch.backends.mha.set_fastpath_enabled(False)  # else TorchScript meets one op for a whole layer
    registry.from_torchlib = staticmethod(
        cache(registry.from_torchlib)
    )  # which takes a second for each export otherwise
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)


def _work(job: tuple[int, str, bool, Path]) -> str:
    number, exporter, dynamic, folder = job
    write(CASES[number], exporter, dynamic, folder)
    return str(folder)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("-k", default="", help="only cases whose name holds this text")
    parser.add_argument("-j", "--jobs", type=int, default=os.cpu_count() or 1)
    args = parser.parse_args()
    jobs: list[tuple[int, str, bool, Path]] = []
    for number, case in enumerate(CASES):
        for exporter, dynamic in variants(case):
            folder = args.folder / case.name / f"{exporter}-{'dynamic' if dynamic else 'static'}"
            if args.k in case.name and not folder.exists():
                jobs.append((number, exporter, dynamic, folder))
    jobs.sort(key=lambda job: (job[2], job[1] == "dynamo"))  # what is fast to write first
    with multiprocessing.get_context("fork").Pool(args.jobs, _start) as pool:
        for count, _ in enumerate(pool.imap_unordered(_work, jobs), 1):
            if count % 50 == 0 or count == len(jobs):
                print(f"exported {count} of {len(jobs)}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
