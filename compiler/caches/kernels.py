"""A cache of lowered groups, so that building the same model again lowers and prints no kernel.

A group's key is everything that its kernels are made from: the text of its function, with the choice, names and locations, the target
and the ranges of dims, and a digest of the compiler's code. An entry holds, for each launch, the interface of the kernel (IR), its
tile ops (text, as the engine stores it) and its CUDA C. Provenance is part of all three, so a group is found again only under the same
names. Entries lie in the `CubinCache` beside the cubins, under the same rules; one that does not fit is a miss.

Groups of schedules from other packages are always lowered: their code is not in the key. So are all groups of a build with observers,
which would see kernels without their bodies.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from io import StringIO
from pathlib import Path
from typing import Any

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, UnitAttr
from xdsl.dialects.func import FuncOp
from xdsl.ir import Attribute, Operation
from xdsl.printer import Printer

from ...dialects import kernel, nn
from ...dialects.ir_text import IRTextError, KernelPrinter, read_module
from ...dialects.kernel.marks import LOWERED
from ...dialects.kernel.types import CHOICE, Choice
from ...passes.kernels.schedules.registry import SCHEDULES
from ...runtime.kernels import interface
from ..codegen.cuda.cubin_cache import CubinCache

_ROOT = Path(__file__).parents[2]
_CODE = ("dialects", "passes", "compiler/codegen", "runtime/kernels.py", "compiler/caches/kernels.py")
"""The code that decides the kernels of a group with a given choice."""


@cache
def code_digest() -> str:
    """The SHA-256 of this compiler's code and of the versions that it runs on."""
    digest = hashlib.sha256(f"{sys.version} {version('xdsl')} {version('numpy')}".encode())
    for part in _CODE:
        path = _ROOT / part
        for file in [path] if path.is_file() else sorted(path.rglob("*.py")):
            content = file.read_bytes()
            digest.update(f"{file.relative_to(_ROOT)} {len(content)};".encode() + content)
    return digest.hexdigest()


def kernel_text(func: kernel.FuncOp) -> str:
    """A kernel as it is printed in a module, with locations as `KernelPrinter` prints them."""
    text = StringIO()
    printer = KernelPrinter(text)
    with printer.indented():
        printer.print_op(func)
    return f"  {text.getvalue()}\n"


def module_text(module: ModuleOp, kernels: Sequence[str]) -> str:
    """The text of a module that contains only these kernels, with the symbols and target of the given one."""
    empty = _print(ModuleOp([], attributes=_attributes(module)), locations=False)
    return empty[: empty.rindex("}")] + "".join(kernels) + "}\n"


@dataclass
class KernelCache:
    """The cache of one build (`Lowered` of `lower-groups`): finds groups, and keeps the new ones at the build's end."""

    store: CubinCache
    context: Context
    _module: str = ""
    """The module's symbols and target, as text."""
    _keys: dict[FuncOp, str | None] = field(default_factory=dict[FuncOp, "str | None"])
    """The keys of the groups that were asked for."""
    _known: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    """The launches that were found, by the kernel's name."""
    _new: dict[str, list[kernel.FuncOp]] = field(default_factory=dict[str, list[kernel.FuncOp]])
    """The launches of new groups, by the group's key."""
    _tiles: dict[kernel.FuncOp, str] = field(default_factory=dict[kernel.FuncOp, str])

    def find(self, func: FuncOp) -> list[kernel.FuncOp] | None:
        """The launches of a group that an earlier build lowered, marked and without their bodies."""
        key = self._keys[func] = self._key(func)
        if key is None or (text := self.store.get_text(key)) is None:
            return None
        try:
            launches = json.loads(text)
            parsed = read_module(self.context, "\n".join(launch["interface"] for launch in launches), "kernel cache")
            found = [op for op in parsed.body.block.ops if isinstance(op, kernel.FuncOp)]
            known = {op.sym_name.data: launch for op, launch in zip(found, launches, strict=True)}
            if not all(isinstance(launch[part], str) for launch in launches for part in ("tiles", "entry", "source")):
                return None
        except (ValueError, KeyError, TypeError, IRTextError):
            return None
        for op in found:
            op.detach()
            op.attributes[LOWERED] = UnitAttr()
        self._known.update(known)
        return found

    def made(self, func: FuncOp, kernels: Sequence[kernel.FuncOp]) -> None:
        """Remembers the launches of a new group, which was not found: the text of their tile ops, and the ops, which will be lowered."""
        if (key := self._keys[func]) is not None:
            self._new[key] = list(kernels)
            self._tiles.update((made, kernel_text(made)) for made in kernels)

    def tiles(self, func: kernel.FuncOp) -> str:
        """The text of a kernel's tile ops, before phase `threads`."""
        known = self._known.get(func.sym_name.data)
        return known["tiles"] if known is not None else self._tiles.get(func) or kernel_text(func)

    def unit(self, func: kernel.FuncOp) -> tuple[str, str] | None:
        """The name and the CUDA C of a kernel that was found."""
        known = self._known.get(func.sym_name.data)
        return None if known is None else (known["entry"], known["source"])

    def keep(self, units: Mapping[kernel.FuncOp, tuple[str, str]]) -> None:
        """Stores the new groups, once their kernels are lowered to threads; `units` are the names and the CUDA C of these."""
        for key, kernels in self._new.items():
            launches = [
                {
                    "interface": _body(_print(ModuleOp([interface(func)]), locations=True)),
                    "tiles": self._tiles[func],
                    "entry": units[func][0],
                    "source": units[func][1],
                }
                for func in kernels
            ]
            self.store.put_text(key, json.dumps(launches))

    def _key(self, func: FuncOp) -> str | None:
        choice = func.attributes.get(CHOICE)
        if not isinstance(choice, Choice) or choice.schedule.data not in SCHEDULES:
            return None
        if not self._module:
            module = func.parent_op()
            assert isinstance(module, ModuleOp)
            self._module = _print(ModuleOp([], attributes=_attributes(module)), locations=False)
        arguments = " ".join(f"{arg.name_hint} {arg.location}" for arg in func.body.block.args)
        parts = (code_digest(), self._module, arguments, _print(func, locations=True))
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _print(op: Operation, *, locations: bool) -> str:
    text = StringIO()
    Printer(stream=text, print_debuginfo=locations).print_op(op)
    return text.getvalue()


def _body(module: str) -> str:
    """The text between the braces of a module's text."""
    return module[module.index("{\n") + 2 : module.rindex("}")]


def _attributes(module: ModuleOp) -> dict[str, Attribute]:
    """The attributes of a module that its kernels are made from."""
    return {name: each for name, each in module.attributes.items() if name != nn.PINS}
