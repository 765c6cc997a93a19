"""What the compiler makes of the zoo, as digests: `make digests` compares with golden/, `make digests UPDATE=1` rewrites it.

A case is a model, a precision and an architecture. Of each there are the CUDA C of every kernel, the host function without
locations, what `@weights` exports, the schedule chosen for every group, and the bytes of the arena. A change that is to change
no program leaves them all alone; one that changes programs rewrites them, in a commit of its own, where the diff says which. Needs no
GPU and no NVRTC.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.printer import Printer

from trtc import BuildOptions
from trtc.compiler.codegen.cuda.printer import print_kernel
from trtc.compiler.frontend import import_onnx
from trtc.compiler.pipeline import Observer, run_pipeline
from trtc.compiler.targets import set_target
from trtc.dialects import buffer, kernel
from trtc.dialects.kernel import Choice
from trtc.dialects.meaning.execute import run_weights

HERE = Path(__file__).resolve().parent
GOLDEN = HERE / "golden"
sys.path.insert(0, str(HERE.parent / "models"))

MODELS = {
    "ppocr_cls": ("fp32", "tf32", "fp16"),
    "open_nsfw": ("fp32", "tf32", "fp16"),
    "minilm": ("fp32", "tf32", "fp16"),
    "inception_v1": ("fp32", "tf32", "fp16"),
    "qdq_convnet": ("fp32", "fp16"),
}
TARGETS = ("sm_80", "sm_90a")


@dataclass(frozen=True)
class Case:
    model: str
    precision: str
    target: str

    def __str__(self) -> str:
        return f"{self.model}-{self.precision}-{self.target}"

    @property
    def path(self) -> Path:
        return GOLDEN / f"{self}.json"


def cases() -> Iterator[Case]:
    for model, precisions in MODELS.items():
        for precision in precisions:
            yield from (Case(model, precision, target) for target in TARGETS)


def digest(data: bytes | str) -> str:
    """The start of a SHA-256: enough to tell two programs apart."""
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()[:16]


class _Choices(Observer):
    """Keeps the choice of every group's schedule."""

    def __init__(self) -> None:
        self.found: dict[str, str] = {}

    def after_pass(self, index: int, step: Any, module: ModuleOp, seconds: float) -> None:
        if step.name == "select-schedule":
            for op in module.body.block.ops:
                choice = op.attributes.get("kernel.choice")
                if isinstance(op, FuncOp) and isinstance(choice, Choice):
                    self.found[op.sym_name.data] = str(choice)


def digests(case: Case) -> dict[str, Any]:
    """The digests of one case, computed afresh."""
    import zoo

    model = getattr(zoo, case.model)()
    options = BuildOptions(precision=case.precision, target=case.target, profiles=model.profiles, verify_each=False)
    module = import_onnx(model.proto, profiles=model.profiles)
    set_target(module, case.target)
    choices = _Choices()
    run_pipeline(module, options, observers=[choices])
    kernels = {
        op.sym_name.data: digest(print_kernel(op)) for op in module.body.block.ops if isinstance(op, kernel.FuncOp)
    }
    weights = {
        name: digest(repr((array.dtype, array.shape)).encode() + np.ascontiguousarray(array).tobytes())
        for name, array in run_weights(module).items()
    }
    arena = [op.size for op in module.walk() if isinstance(op, buffer.ArenaOp)]
    return {
        "host": digest(_host(module)),
        "arena": sum(arena),
        "kernels": kernels,
        "choices": choices.found,
        "weights": weights,
    }


def _host(module: ModuleOp) -> str:
    """`@main` as text without locations."""
    text = StringIO()
    for op in module.body.block.ops:
        if isinstance(op, FuncOp) and op.sym_name.data == "main":
            Printer(stream=text, print_debuginfo=False).print_op(op)
    return text.getvalue()


def golden(case: Case) -> dict[str, Any]:
    """What golden/ says of a case."""
    return json.loads(case.path.read_text())


def differences(case: Case, got: dict[str, Any]) -> list[str]:
    """What is not as in golden/, a line each."""
    if not case.path.exists():
        return [f"{case}: no golden file; run make digests UPDATE=1"]
    want = golden(case)
    found: list[str] = []
    for part in ("arena", "host"):
        if got[part] != want[part]:
            found.append(f"{case}: {part} is {got[part]}, golden {want[part]}")
    for part in ("kernels", "choices", "weights"):
        names = [name for name in {**want[part], **got[part]} if want[part].get(name) != got[part].get(name)]
        if names:
            found.append(f"{case}: {len(names)} of {len(want[part])} {part} differ: {', '.join(names[:5])}")
        elif list(want[part]) != list(got[part]):
            found.append(f"{case}: {part} come in another order")
    return found


def _check(case: Case, update: bool) -> list[str]:
    got = digests(case)
    found = differences(case, got)
    if update:
        case.path.write_text(json.dumps(got, indent=1) + "\n")
    return found


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Compares what the compiler makes of the zoo with golden digests.")
    parser.add_argument(
        "cases", nargs="*", help="parts of names of cases, such as minilm or fp16-sm_80; all by default"
    )
    parser.add_argument("--update", action="store_true", help="rewrite the golden digests")
    given = parser.parse_args(arguments)
    chosen = [case for case in cases() if not given.cases or any(part in str(case) for part in given.cases)]
    wrong = 0
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for case, found in zip(chosen, pool.map(_check, chosen, [given.update] * len(chosen)), strict=True):
            print("\n".join(found) or f"{case}: as golden", flush=True)
            wrong += bool(found)
    print(f"{len(chosen)} cases, {wrong} {'rewritten' if given.update else 'differ'}")
    return 1 if wrong and not given.update else 0


if __name__ == "__main__":
    sys.exit(main())
