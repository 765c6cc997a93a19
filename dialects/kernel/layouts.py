"""
Fragment layouts: how the elements of a 2-D tile are spread over the threads of a role and their registers.

The set is closed. A layout has exactly one definition, `index(shape, thread, register) -> (row, column)`, and everything else
(load and store addresses, ldmatrix tiles, register counts, the simulator's view of a fragment) is derived from it. `index` is
written with `+ * // %` only, so that it works on ints, on NumPy arrays and on IR values with overloaded operators.

`thread` counts from the first thread of the role that runs the op (0 .. 32 * warps - 1).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
from xdsl.dialects.builtin import IntAttr
from xdsl.ir import Attribute, ParametrizedAttribute
from xdsl.irdl import irdl_attr_definition, param_def
from xdsl.parser import AttrParser
from xdsl.printer import Printer
from xdsl.utils.exceptions import VerifyException

Shape = tuple[int, ...]


class Layout(ParametrizedAttribute):
    """Base of the fragment layouts; parameters are ints, printed as `#kernel.blocked<1, 128, 1, 8>`."""

    FIELDS: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def of(cls, *values: int):
        """The layout with these parameters, in the order of `FIELDS`."""
        return cls(*(IntAttr(v) for v in values))

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> list[Attribute]:
        with parser.in_angle_brackets():
            values = parser.parse_comma_separated_list(parser.Delimiter.NONE, parser.parse_integer)
        if len(values) != len(cls.FIELDS):
            parser.raise_error(
                f"{cls.name} expects {len(cls.FIELDS)} integers ({', '.join(cls.FIELDS)}), got {len(values)}"
            )
        return [IntAttr(v) for v in values]

    def print_parameters(self, printer: Printer) -> None:
        with printer.in_angle_brackets():
            printer.print_string(", ".join(str(v) for v in self.values))

    def verify(self) -> None:
        if any(value < 1 for value in self.values):
            raise VerifyException(
                f"{self.name}: expected {', '.join(self.FIELDS)} of 1 or more, got {list(self.values)}"
            )

    @property
    def values(self) -> tuple[int, ...]:
        return tuple(p.data for p in self.parameters if isinstance(p, IntAttr))

    # What a layout defines.

    def threads(self) -> int:
        """Threads of the role that own the tile."""
        raise NotImplementedError

    def unit(self) -> Shape:
        """The (rows, columns) that divide any tile of this layout."""
        raise NotImplementedError

    def registers(self, shape: Shape) -> int:
        """Elements of a tile of `shape` that one thread holds."""
        raise NotImplementedError

    def index(self, shape: Shape, thread: Any, register: Any) -> tuple[Any, Any]:
        """(row, column) of the element that `thread` holds in `register`."""
        raise NotImplementedError

    def contiguous(self, shape: Shape) -> int:
        """How many consecutive registers, from a multiple of that number on, hold consecutive columns of one row."""
        raise NotImplementedError

    def row_register(self, shape: Shape, register: Any) -> Any:
        """Position, among the distinct rows that a thread holds, of the row of `register`."""
        raise NotImplementedError

    def row_registers(self, shape: Shape) -> int:
        """Distinct rows that a thread holds."""
        raise NotImplementedError

    # What follows from it.

    def check(self, shape: Shape) -> str | None:
        """Why a tile of `shape` cannot have this layout, or None."""
        unit = self.unit()
        if len(shape) != 2 or shape[0] % unit[0] or shape[1] % unit[1]:
            return f"expected a shape divisible by {unit[0]}x{unit[1]} for {self}, got {'x'.join(map(str, shape))}"
        return None

    def table(self, shape: Shape) -> tuple[np.ndarray, np.ndarray]:
        """Rows and columns as two arrays [threads, registers]."""
        thread = np.arange(self.threads())[:, None]
        register = np.arange(self.registers(shape))[None, :]
        row, column = self.index(shape, thread, register)
        full = (self.threads(), self.registers(shape))
        return np.broadcast_to(row, full), np.broadcast_to(column, full)

    def representatives(self, shape: Shape) -> list[int]:
        """For each distinct row of a thread the first register that holds an element of it."""
        first: dict[int, int] = {}
        for register in range(self.registers(shape)):
            first.setdefault(int(self.row_register(shape, register)), register)
        return [first[i] for i in range(self.row_registers(shape))]

    def __iter__(self) -> Iterator[int]:
        return iter(self.values)


@irdl_attr_definition
class Blocked(Layout):
    """
    Threads in a grid of `tr` x `tc` (columns fastest), each with `vr` x `vc` neighbouring elements, the whole repeated over
    the tile. One warp per row is `blocked<warps, 32, 1, v>`; a flat vector layout `blocked<1, threads, 1, v>`.
    """

    name = "kernel.blocked"
    FIELDS: ClassVar[tuple[str, ...]] = ("tr", "tc", "vr", "vc")

    tr: IntAttr = param_def()
    tc: IntAttr = param_def()
    vr: IntAttr = param_def()
    vc: IntAttr = param_def()

    def threads(self) -> int:
        return self.tr.data * self.tc.data

    def unit(self) -> Shape:
        return self.tr.data * self.vr.data, self.tc.data * self.vc.data

    def registers(self, shape: Shape) -> int:
        return shape[0] * shape[1] // self.threads()

    def index(self, shape: Shape, thread: Any, register: Any) -> tuple[Any, Any]:
        tr, tc, vr, vc = self.values
        repeats = shape[1] // (tc * vc)
        block = register // (vr * vc)
        row = block // repeats * (tr * vr) + thread // tc * vr + register // vc % vr
        column = block % repeats * (tc * vc) + thread % tc * vc + register % vc
        return row, column

    def contiguous(self, shape: Shape) -> int:
        return self.vc.data

    def row_register(self, shape: Shape, register: Any) -> Any:
        _, tc, vr, vc = self.values
        repeats = shape[1] // (tc * vc)
        return register // (vr * vc) // repeats * vr + register // vc % vr

    def row_registers(self, shape: Shape) -> int:
        return shape[0] // self.tr.data


class _MmaOperand(Layout):
    """
    An operand of mma.sync: `e` elements per 32-bit register (1 tf32, 2 f16 and bf16, 4 i8), reduction tiles of 8e columns.
    PTX ISA, "Matrix Fragments for mma.m16n8k16" and its siblings; one formula covers the three element sizes.
    """

    FIELDS: ClassVar[tuple[str, ...]] = ("wm", "wn", "e")

    wm: IntAttr = param_def()
    wn: IntAttr = param_def()
    e: IntAttr = param_def()

    def threads(self) -> int:
        return 32 * self.wm.data * self.wn.data

    def contiguous(self, shape: Shape) -> int:
        return self.e.data


@irdl_attr_definition
class MmaA(_MmaOperand):
    """
    A of mma.sync, tile [M, K]: warps `wm` x `wn` (wn fastest), each row of warps owns M / wm rows, the same for every wn.
    Registers run over e, row halves, column halves, then 8e-column tiles, then 16-row tiles.
    """

    name = "kernel.mma_a"

    def unit(self) -> Shape:
        return 16 * self.wm.data, 8 * self.e.data

    def registers(self, shape: Shape) -> int:
        return shape[0] // self.wm.data * shape[1] // 32

    def index(self, shape: Shape, thread: Any, register: Any) -> tuple[Any, Any]:
        wm, wn, e = self.values
        k_tiles = shape[1] // (8 * e)
        lane, tile, r = thread % 32, register // (4 * e), register % (4 * e)
        row = thread // 32 // wn * (shape[0] // wm) + tile // k_tiles * 16 + lane // 4 + r // e % 2 * 8
        column = tile % k_tiles * (8 * e) + lane % 4 * e + r % e + r // (2 * e) * (4 * e)
        return row, column

    def row_register(self, shape: Shape, register: Any) -> Any:
        e = self.e.data
        k_tiles = shape[1] // (8 * e)
        return register // (4 * e) // k_tiles * 2 + register // e % 2

    def row_registers(self, shape: Shape) -> int:
        return shape[0] // self.wm.data // 8


@irdl_attr_definition
class MmaB(_MmaOperand):
    """
    B of mma.sync, tile [N, K] (K fastest, PTX's "col" operand): each column of warps owns N / wn rows, the same for every wm.
    Registers run over e, column halves, then 8e-column tiles, then 8-row tiles.
    """

    name = "kernel.mma_b"

    def unit(self) -> Shape:
        return 8 * self.wn.data, 8 * self.e.data

    def registers(self, shape: Shape) -> int:
        return shape[0] // self.wn.data * shape[1] // 32

    def index(self, shape: Shape, thread: Any, register: Any) -> tuple[Any, Any]:
        _, wn, e = self.values
        k_tiles = shape[1] // (8 * e)
        lane, tile, r = thread % 32, register // (2 * e), register % (2 * e)
        row = thread // 32 % wn * (shape[0] // wn) + tile // k_tiles * 8 + lane // 4
        column = tile % k_tiles * (8 * e) + lane % 4 * e + r % e + r // e * (4 * e)
        return row, column

    def row_register(self, shape: Shape, register: Any) -> Any:
        e = self.e.data
        return register // (2 * e) // (shape[1] // (8 * e))

    def row_registers(self, shape: Shape) -> int:
        return shape[0] // self.wn.data // 8


@irdl_attr_definition
class MmaAcc(Layout):
    """
    Accumulator of mma.sync, tile [M, N]: warps `wm` x `wn` (wn fastest), each with M / wm x N / wn elements made of 16 x 8 tiles,
    four registers per tile (PTX ISA: two columns, two rows eight apart).
    """

    name = "kernel.mma_acc"
    FIELDS: ClassVar[tuple[str, ...]] = ("wm", "wn")

    wm: IntAttr = param_def()
    wn: IntAttr = param_def()

    def threads(self) -> int:
        return 32 * self.wm.data * self.wn.data

    def unit(self) -> Shape:
        return 16 * self.wm.data, 8 * self.wn.data

    def registers(self, shape: Shape) -> int:
        return shape[0] * shape[1] // self.threads()

    def index(self, shape: Shape, thread: Any, register: Any) -> tuple[Any, Any]:
        wm, wn = self.values
        n_tiles = shape[1] // wn // 8
        lane, warp, tile = thread % 32, thread // 32, register // 4
        row = warp // wn * (shape[0] // wm) + tile // n_tiles * 16 + lane // 4 + register // 2 % 2 * 8
        column = warp % wn * (shape[1] // wn) + tile % n_tiles * 8 + lane % 4 * 2 + register % 2
        return row, column

    def contiguous(self, shape: Shape) -> int:
        return 2

    def row_register(self, shape: Shape, register: Any) -> Any:
        n_tiles = shape[1] // self.wn.data // 8
        return register // 4 // n_tiles * 2 + register // 2 % 2

    def row_registers(self, shape: Shape) -> int:
        return shape[0] // self.wm.data // 8


@irdl_attr_definition
class WgmmaAcc(Layout):
    """
    Accumulator of wgmma, tile [M, N]: `groups` warpgroups, each with M / groups rows made of 64-row tiles; within a tile warp w
    owns rows 16w to 16w + 15 (PTX ISA, "Register fragments for wgmma.mma_async.m64nNk16").
    """

    name = "kernel.wgmma_acc"
    FIELDS: ClassVar[tuple[str, ...]] = ("groups",)

    groups: IntAttr = param_def()

    def threads(self) -> int:
        return 128 * self.groups.data

    def unit(self) -> Shape:
        return 64 * self.groups.data, 8

    def registers(self, shape: Shape) -> int:
        return shape[0] * shape[1] // self.threads()

    def index(self, shape: Shape, thread: Any, register: Any) -> tuple[Any, Any]:
        n_tiles = shape[1] // 8
        lane, warp, tile = thread % 32, thread // 32, register // 4
        row = warp // 4 * (shape[0] // self.groups.data) + tile // n_tiles * 64 + warp % 4 * 16
        row = row + lane // 4 + register // 2 % 2 * 8
        return row, tile % n_tiles * 8 + lane % 4 * 2 + register % 2

    def contiguous(self, shape: Shape) -> int:
        return 2

    def row_register(self, shape: Shape, register: Any) -> Any:
        return register // 4 // (shape[1] // 8) * 2 + register // 2 % 2

    def row_registers(self, shape: Shape) -> int:
        return shape[0] // self.groups.data // 32


@irdl_attr_definition
class WgmmaA(Layout):
    """
    A of wgmma held in registers, 16-bit elements, tile [M, K]: rows as in `wgmma_acc`, 16-column tiles as in mma.sync's A.
    """

    name = "kernel.wgmma_a"
    FIELDS: ClassVar[tuple[str, ...]] = ("groups",)

    groups: IntAttr = param_def()

    def threads(self) -> int:
        return 128 * self.groups.data

    def unit(self) -> Shape:
        return 64 * self.groups.data, 16

    def registers(self, shape: Shape) -> int:
        return shape[0] * shape[1] // self.threads()

    def index(self, shape: Shape, thread: Any, register: Any) -> tuple[Any, Any]:
        k_tiles = shape[1] // 16
        lane, warp, tile, r = thread % 32, thread // 32, register // 8, register % 8
        row = warp // 4 * (shape[0] // self.groups.data) + tile // k_tiles * 64 + warp % 4 * 16
        row = row + lane // 4 + r // 2 % 2 * 8
        return row, tile % k_tiles * 16 + lane % 4 * 2 + r % 2 + r // 4 * 8

    def contiguous(self, shape: Shape) -> int:
        return 2

    def row_register(self, shape: Shape, register: Any) -> Any:
        return register // 8 // (shape[1] // 16) * 2 + register // 2 % 2

    def row_registers(self, shape: Shape) -> int:
        return shape[0] // self.groups.data // 32


@irdl_attr_definition
class OuterA(Layout):
    """
    A of the FMA path, tile [M, K]: the rows that `blocked<tr, tc, vr, vc>` gives a thread of an accumulator [M, N], all K columns,
    the same for every tc. Registers run over K, then rows.
    """

    name = "kernel.outer_a"
    FIELDS: ClassVar[tuple[str, ...]] = ("tr", "tc", "vr")

    tr: IntAttr = param_def()
    tc: IntAttr = param_def()
    vr: IntAttr = param_def()

    def threads(self) -> int:
        return self.tr.data * self.tc.data

    def unit(self) -> Shape:
        return self.tr.data * self.vr.data, 1

    def registers(self, shape: Shape) -> int:
        return shape[0] // self.tr.data * shape[1]

    def index(self, shape: Shape, thread: Any, register: Any) -> tuple[Any, Any]:
        tr, tc, vr = self.values
        r, column = register // shape[1], register % shape[1]
        return r // vr * (tr * vr) + thread // tc * vr + r % vr, column + 0 * thread

    def contiguous(self, shape: Shape) -> int:
        return shape[1]

    def row_register(self, shape: Shape, register: Any) -> Any:
        return register // shape[1]

    def row_registers(self, shape: Shape) -> int:
        return shape[0] // self.tr.data


@irdl_attr_definition
class OuterB(Layout):
    """B of the FMA path, tile [N, K]: the columns that `blocked<tr, tc, vr, vc>` gives a thread, all K, the same for every tr."""

    name = "kernel.outer_b"
    FIELDS: ClassVar[tuple[str, ...]] = ("tr", "tc", "vc")

    tr: IntAttr = param_def()
    tc: IntAttr = param_def()
    vc: IntAttr = param_def()

    def threads(self) -> int:
        return self.tr.data * self.tc.data

    def unit(self) -> Shape:
        return self.tc.data * self.vc.data, 1

    def registers(self, shape: Shape) -> int:
        return shape[0] // self.tc.data * shape[1]

    def index(self, shape: Shape, thread: Any, register: Any) -> tuple[Any, Any]:
        _, tc, vc = self.values
        r, column = register // shape[1], register % shape[1]
        return r // vc * (tc * vc) + thread % tc * vc + r % vc, column + 0 * thread

    def contiguous(self, shape: Shape) -> int:
        return shape[1]

    def row_register(self, shape: Shape, register: Any) -> Any:
        return register // shape[1]

    def row_registers(self, shape: Shape) -> int:
        return shape[0] // self.tc.data


LAYOUTS: tuple[type[Layout], ...] = (Blocked, MmaA, MmaB, MmaAcc, WgmmaAcc, WgmmaA, OuterA, OuterB)


def swizzled(offset: Any, swizzle: int) -> Any:
    """
    The byte offset in a swizzled tile of what a plain tile has at byte `offset` (from a base aligned to 8 * swizzle bytes): the number of
    the 16-byte chunk is xored with the number of the 128-byte line modulo swizzle / 16, as TMA and wgmma do. `swizzle` is in bytes.
    """
    if swizzle == 0:
        return offset
    return offset ^ (offset // 128 % (swizzle // 16) * 16)
