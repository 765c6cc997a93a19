"""The part of an engine's file for one architecture, unverified: `variant.py` reads and verifies it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from ..dialects.errors import EngineFormatError
from .container import Section

if TYPE_CHECKING:
    from xdsl.dialects.builtin import ModuleOp

    from .kernels import KernelInfo
    from .program.host import HostProgram


@dataclass(frozen=True)
class Unit:
    """One translation unit of a variant: its kernel, the kernel's name in the cubin, and the names of its sections."""

    info: KernelInfo
    entry: str
    source: str
    cubin: str


@dataclass(frozen=True)
class StoredVariant:
    """The part of an engine's file for one architecture. Texts and bytes are decoded on demand."""

    arch: str
    manifest: Mapping[str, Any] = field(repr=False)
    sections: Mapping[str, Section] = field(repr=False)

    @cached_property
    def units(self) -> dict[str, Unit]:
        """The kernels, by name."""
        from .kernels import KernelInfo

        units: dict[str, Unit] = {}
        for stored in self.manifest["kernels"]:
            info = KernelInfo.from_json(stored["facts"])
            units[info.name] = Unit(info, str(stored["entry"]), str(stored["source"]), str(stored["cubin"]))
        return units

    def parse(self, which: str) -> ModuleOp:
        """Parses the IR text of the `host` function or of the `tiles`, the tile-level kernels. EngineFormatError when it is not IR."""
        from xdsl.context import Context
        from xdsl.dialects import get_all_dialects

        from ..dialects.ir_text import IRTextError, read_module

        context = Context(allow_unregistered=False)
        for name, load in {**get_all_dialects(), **_dialects()}.items():
            context.register_dialect(name, load)
        try:
            return read_module(context, self.sections[self.manifest[which]].data, which)
        except IRTextError as error:
            raise EngineFormatError(
                f"engine: its {which} IR for {self.arch} cannot be read: {error}; rebuild the engine."
            ) from error

    def text(self, section: str) -> str:
        """The text of a section."""
        return str(self.sections[section].data, "utf-8")

    def weight_of(self, program: HostProgram, name: str) -> np.ndarray:
        """A weight with the shape and dtype of a program. Raises EngineFormatError where its section has another size."""
        shape, dtype = program.weights[name]
        data = self.sections[self.manifest["weights"][name]].data
        if len(data) != dtype.itemsize * prod(shape):
            raise EngineFormatError(
                f"engine: weight '{name}' has {len(data)} bytes, which do not fit {dtype}{list(shape)}; rebuild the engine."
            )
        return np.frombuffer(data, np.uint8).view(dtype).reshape(shape)

    @property
    def weight_bytes(self) -> int:
        return sum(len(self.sections[name].data) for name in sorted(set(self.manifest["weights"].values())))


def _dialects() -> dict[str, Any]:
    from ..dialects import buffer, fusion, kernel, nn, quant

    return {
        dialect.name: (lambda dialect=dialect: dialect)
        for dialect in (nn.NN, quant.QUANT, fusion.FUSION, buffer.Buffer, kernel.Kernel)
    }
