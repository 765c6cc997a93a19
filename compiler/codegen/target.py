"""The output target `cuda`: `trtc-opt -t cuda` prints the CUDA C of every kernel function of a module."""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.utils.target import Target


@dataclass(frozen=True)
class CudaTarget(Target):
    """CUDA C, for modules lowered to thread ops (`--stop-after=threads`)."""

    name = "cuda"

    def emit(self, ctx: Context, module: ModuleOp, output: IO[str]) -> None:
        from .cuda import print_module

        output.write(print_module(module))
