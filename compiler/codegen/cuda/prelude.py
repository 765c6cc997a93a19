"""
The prelude of generated kernels: CUDA C functions of one PTX instruction (or small idiom), from the tables of instructions and scalars. It
holds only the entries that a kernel uses, in the order of their sections, each after the entries that it requires. No entry includes a
header: NVRTC compiles header-free code fastest. Sources: PTX ISA 8.x, chapters on the instructions named.

Addresses of shared memory are 32-bit (`unsigned`); arrays in registers are passed by pointer and indexed by constants, so that they
stay in registers once inlined.
"""

from __future__ import annotations

from collections.abc import Iterable

from ....dialects.kernel.instruction import INSTRUCTIONS, Wrapper
from ....dialects.kernel.scalars import wrappers

# Values that a kernel computes and never uses are no defect: ptxas drops them.
_HEADER = "#pragma nv_diag_suppress 177, 550\n\n"


def table() -> dict[str, Wrapper]:
    """All entries by name, in the order in which a prelude prints them."""
    known = [*wrappers.WRAPPERS, *(wrapper for row in INSTRUCTIONS.values() for wrapper in row.forms())]
    return {wrapper.name: wrapper for wrapper in _ordered(known)}


def prelude(used: Iterable[Wrapper]) -> str:
    """The text of these entries and of what they require."""
    return _HEADER + "".join(f"{wrapper.text}\n\n" for wrapper in _ordered(used))


def _ordered(used: Iterable[Wrapper]) -> list[Wrapper]:
    needed: dict[str, Wrapper] = {}
    todo = list(used)
    while todo:
        wrapper = todo.pop()
        if wrapper.name not in needed:
            needed[wrapper.name] = wrapper
            todo += wrapper.requires
    return sorted(needed.values(), key=lambda wrapper: (wrapper.section, wrapper.place))
