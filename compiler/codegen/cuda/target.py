"""The output target `cuda`: `trtc-opt -t cuda` prints the CUDA C of every kernel function of a module."""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.utils.target import Target

from ....dialects.errors import InvalidModelError


@dataclass(frozen=True)
class CudaTarget(Target):
    """CUDA C, for modules lowered to thread ops (`--stop-after=threads`)."""

    name = "cuda"

    def emit(self, ctx: Context, module: ModuleOp, output: IO[str]) -> None:
        from ....dialects import kernel
        from .printer import print_module

        if not any(isinstance(op, kernel.FuncOp) for op in module.body.block.ops):
            raise InvalidModelError(
                "CUDA C: the module has no kernel; lower it to thread ops first (--stop-after=threads)"
            )
        output.write(print_module(module))
