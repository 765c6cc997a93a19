"""Reads a cubin, which is an ELF file: its architecture, and the names and parameters of its kernels.

Names and parameters are in sections that the CUDA toolkit writes for the driver (`.text.<kernel>`, `.nv.info.<kernel>`). They are the
same for CUDA 12 and 13; only the architecture is at another place of the ELF header.
"""

from __future__ import annotations

import struct
from collections.abc import Generator
from dataclasses import dataclass

_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_MACHINE_CUDA = 190
_NO_BITS = 8
_ABI_BYTE = 8
_ABI_CUDA_13 = 8
_KERNEL_PARAMETER, _MAXIMUM_THREADS = 0x17, 0x05
_WITH_PAYLOAD = 4


@dataclass(frozen=True)
class CubinKernel:
    """A kernel of a cubin: bytes of each parameter, in order, and threads per block that it was compiled for (0: any)."""

    parameters: tuple[int, ...]
    threads: int


@dataclass(frozen=True)
class Cubin:
    """The compute capability that a cubin was compiled for, as in `sm_90`, and its kernels by name."""

    capability: int
    kernels: dict[str, CubinKernel]


def read_cubin(data: bytes | memoryview) -> Cubin:
    """Reads the headers of a cubin. Raises ValueError, with the reason, for bytes that are no complete cubin."""
    if len(data) < _HEADER.size or bytes(data[:6]) != b"\x7fELF\x02\x01":
        raise ValueError("it is not an ELF file of 64 bits")
    ident, _, machine, _, _, _, table, flags, _, _, _, size, count, names_at = _HEADER.unpack_from(data)
    if machine != _MACHINE_CUDA:
        raise ValueError(f"expected an ELF file for CUDA (machine {_MACHINE_CUDA}), got machine {machine}")
    if size != _SECTION.size or table + size * count > len(data) or names_at >= count:
        raise ValueError("its section table does not fit the file")
    capability = flags >> 8 & 0xFF if ident[_ABI_BYTE] >= _ABI_CUDA_13 else flags & 0xFF
    sections = [_SECTION.unpack_from(data, table + size * index) for index in range(count)]
    for _, kind, _, _, offset, length, *_ in sections:
        if kind != _NO_BITS and offset + length > len(data):
            raise ValueError("one of its sections does not fit the file")
    names = bytes(data[sections[names_at][4] :][: sections[names_at][5]])
    found = {_text(names, section[0]): section for section in sections}
    kernels: dict[str, CubinKernel] = {}
    for name in found:
        if name.startswith(".text."):
            kernel = name.removeprefix(".text.")
            info = found.get(f".nv.info.{kernel}")
            kernels[kernel] = _read_kernel(b"" if info is None else bytes(data[info[4] :][: info[5]]))
    return Cubin(capability, kernels)


def check_cubin(data: bytes | memoryview, arch: str, kernel: str) -> CubinKernel:
    """The facts of `kernel` in a cubin for `arch` (`sm_90a`). Raises ValueError where the cubin is for another architecture or lacks
    the kernel."""
    cubin = read_cubin(data)
    if f"sm_{cubin.capability}" != arch.rstrip("af"):
        raise ValueError(f"expected a cubin for {arch}, got one for sm_{cubin.capability}")
    if kernel not in cubin.kernels:
        raise ValueError(f"expected a kernel '{kernel}', got {', '.join(sorted(cubin.kernels)) or 'none'}")
    return cubin.kernels[kernel]


def _read_kernel(info: bytes) -> CubinKernel:
    parameters: dict[int, int] = {}
    threads = 0
    for attribute, payload in _attributes(info):
        if attribute == _KERNEL_PARAMETER and len(payload) == 12:
            _, ordinal, _, described = struct.unpack("<IHHI", payload)
            parameters[ordinal] = described >> 18
        elif attribute == _MAXIMUM_THREADS and len(payload) == 12:
            x, y, z = struct.unpack("<III", payload)
            threads = x * y * z
    if sorted(parameters) != list(range(len(parameters))):
        raise ValueError("the parameters of one of its kernels are incomplete")
    return CubinKernel(tuple(parameters[ordinal] for ordinal in range(len(parameters))), threads)


def _attributes(info: bytes) -> Generator[tuple[int, bytes]]:
    """The attributes with a payload; others have a two-byte value in place of the payload's length."""
    position = 0
    while position + 4 <= len(info):
        form, attribute, value = struct.unpack_from("<BBH", info, position)
        position += 4
        if form == _WITH_PAYLOAD:
            yield attribute, info[position : position + value]
            position += value


def _text(names: bytes, offset: int) -> str:
    end = names.find(b"\0", offset)
    return names[offset : end if end >= 0 else len(names)].decode("utf-8", "replace")
