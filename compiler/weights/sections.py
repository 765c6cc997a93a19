"""The weights of an engine that is being written: each export of `@weights` is evaluated once for all architectures that read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from io import StringIO
from typing import Any

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Block, Region

from ...dialects import nn
from ...dialects.blob import BlobAttr, known_digest
from ...dialects.errors import PassError
from ...dialects.host.structure import functions_of
from ...dialects.ir_text import IRPrinter
from ...dialects.meaning.weights import WeightsFunction
from ...runtime.container import Section
from ...runtime.contents import TEXT_ALIGNMENTS, WEIGHT_ALIGNMENTS
from ...runtime.program.host import HostProgram
from ...runtime.refit.function import module_of
from ...runtime.refit.table import Initializer
from ..refittable import Structure, digest


class Store:
    """Sections by name; equal bytes are stored once."""

    def __init__(self) -> None:
        self.sections: dict[str, Section] = {}
        self._by_digest: dict[tuple[str, int], str] = {}

    def add(self, name: str, data: bytes | memoryview, align: int = TEXT_ALIGNMENTS[0]) -> str:
        """Keeps bytes and returns the section's name, which is that of an earlier section with the same bytes."""
        # Sections of `add_own` may change by themselves, and so are never shared.
        section = _section(data, align)
        key = (section.sha256, align)
        if key not in self._by_digest:
            self._by_digest[key] = name
            self.sections[name] = section
        return self._by_digest[key]

    def add_own(self, name: str, data: bytes | memoryview, align: int) -> str:
        """Keeps bytes in a section of their own, even where another has the same bytes: a refit may change one alone."""
        self.sections[name] = _section(data, align)
        return name

    def add_text(self, name: str, text: str) -> str:
        return self.add(name, text.encode())


def _section(data: bytes | memoryview, align: int) -> Section:
    """A section, whose digest is that of the constant where it is one."""
    section = Section(data, align)
    known = known_digest(data)
    if known is not None:
        vars(section)["sha256"] = known
    return section


@dataclass
class WeightSections:
    """Adds the weights of one architecture after the other to a store.

    Weights of equal bytes share a section; in a refittable engine, those of equal expressions: weights that are equal now may differ after
    a refit. A weight that is an unchanged initializer shares the initializer's section.
    """

    store: Store
    initializers: Mapping[str, nn.InitializerOp]
    pins: dict[str, str] = field(default_factory=dict[str, str])
    _known: dict[tuple[str, int], str] = field(default_factory=dict[tuple[str, int], str])
    """Sections by the digest of their expression and their alignment."""
    _raw: dict[str, str] = field(default_factory=dict[str, str])
    """The sections of initializers."""
    _blobs: dict[str, str] = field(default_factory=dict[str, str])
    """The sections of the constants that `@weights` reads, by digest."""

    def add(self, arch: str, module: ModuleOp, program: HostProgram, *, refittable: bool) -> dict[str, Any]:
        """The manifest's `weights` of a variant, the section of each weight that `@main` reads, and its `function`."""
        func = functions_of(module).get("weights")
        function = WeightsFunction.of(func)
        if missing := sorted(program.weights.keys() - function.exports.keys()):
            raise PassError(f"weights: @main reads '{missing[0]}', which @weights does not export.")
        for name, why in nn.pins_of(module).items():
            self.pins.setdefault(name, why)
        if refittable:
            for name in sorted(program.weights):
                for read in sorted(function.reads(name)):
                    self._add_initializer(read)
        first, others = WEIGHT_ALIGNMENTS
        names = sorted(program.weights)
        aligns = {name: others if refittable or number else first for number, name in enumerate(names)}
        if refittable:
            self._known.update(
                ((function.digest(name), others), self._raw[initializer])
                for name in aligns
                if (initializer := function.initializer(name)) is not None
            )
        new = [name for name, align in aligns.items() if (function.digest(name), align) not in self._known]
        made = function.evaluate(new)
        named: dict[str, str] = {}
        for name, align in aligns.items():
            key = (function.digest(name), align)
            if name in made:
                data = _bytes(name, made.pop(name), program)
                if key not in self._known:
                    add = self.store.add_own if refittable else self.store.add
                    self._known[key] = add(f"{arch}/weights/{name}", data, align)
            named[name] = self._known[key]
        stored = self._add_function(arch, func) if refittable else ""
        return {"weights": named, "function": stored}

    def _add_initializer(self, name: str) -> None:
        if name not in self._raw:
            array = self.initializers[name].array()
            data = array.reshape(-1).view(np.uint8).data.toreadonly() if array.size else b""
            self._raw[name] = self.store.add_own(f"initializers/{name}", data, WEIGHT_ALIGNMENTS[1 if self._raw else 0])

    def _add_function(self, arch: str, func: FuncOp | None) -> str:
        """Stores `@weights` as text, and the constants that it reads."""
        func = FuncOp("weights", ((), ()), Region(Block([ReturnOp()]))) if func is None else func
        for op in func.walk():
            if isinstance(op, nn.ConstantOp) and isinstance(op.value, BlobAttr) and op.value.raw is not None:
                known = op.value.digest.data
                self._blobs.setdefault(known, f"constants/{known}")
                self.store.sections.setdefault(self._blobs[known], Section(op.value.raw.data, TEXT_ALIGNMENTS[0]))
        return self.store.add_text(f"{arch}/weights.mlir", print_module(module_of(func), locations=False))

    def refit(self, structure: Structure) -> dict[str, Any]:
        """The manifest's `refit`."""
        listed = {
            name: Initializer(
                name,
                op.array().dtype,
                op.array().shape,
                digest(op),
                self._raw.get(name, ""),
                self.pins.get(name, ""),
            ).to_json()
            for name, op in structure.initializers.items()
        }
        return {"structure": structure.sha256, "initializers": listed, "blobs": dict(self._blobs)}


def _bytes(name: str, array: np.ndarray, program: HostProgram) -> bytes | memoryview:
    shape, dtype = program.weights[name]
    array = np.asarray(array, order="C")
    if array.dtype != dtype or array.shape != shape:
        raise PassError(f"weights: expected '{name}' as {dtype}{list(shape)}, got {array.dtype}{list(array.shape)}.")
    return array.reshape(-1).view(np.uint8).data.toreadonly() if array.size else b""


def print_module(module: ModuleOp, *, locations: bool = True) -> str:
    """IR text, with the locations that lead to the ONNX nodes."""
    text = StringIO()
    IRPrinter(stream=text, print_debuginfo=locations).print_op(module)
    return text.getvalue() + "\n"
