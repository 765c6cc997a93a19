"""
The CUDA C printer: a dispatch table over thread ops (`dialects/kernel/thread/`), arith, math, scf and memref on register arrays. It
decides nothing: each op becomes one statement, or a part of the one that reads it (`inlining.py`), and an unknown op is an error. Its
output is header-free, readable and byte-stable.

Kernel parameters, in order: the tensors, the symbols of `params` as ints, the tensor maps in order of appearance. Symbols not read and
tensors not touched stay parameters, so that the host need not know.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import singledispatchmethod
from io import StringIO

from xdsl.dialects import arith, memref, scf
from xdsl.dialects.builtin import ArrayAttr, CallSiteLoc, FusedLoc, MemRefType, ModuleOp, NameLoc
from xdsl.ir import Attribute, Block, Operation, SSAValue

from ....dialects import kernel
from ....dialects.errors import TrtcError
from ....dialects.kernel.instruction import INSTRUCTIONS, Instruction, SharedByte
from ....dialects.kernel.marks import early_of
from ....dialects.kernel.scalars.ctext import literal
from ....dialects.kernel.scalars.parentheses import operand
from ....dialects.kernel.scalars.table import SCALARS
from ....dialects.kernel.scalars.wrappers import TENSOR_MAP
from ....dialects.kernel.thread.copies import SMEM_ADDRESS
from ....dialects.kernel.thread.wgmma import PIN
from ....dialects.kernel.types import GlobalType
from ....dialects.provenance import describe
from .inlining import LONGEST, inlined
from .nvrtc import without_comments
from .operands import Operands
from .prelude import prelude
from .statements import StatementPrinter, c_word, comment

_PLACEHOLDER = "\x00"
"""Stands for a kernel's name until its code is known; comments hold no such character."""
_NUMBER = re.compile(r"(?<!_and)_\d+(?=$|_stage\d+$)")
"""The number of a group that has its name from what it computes, as an earlier one."""


def entry_name(func: kernel.FuncOp) -> str:
    """The name of a kernel in CUDA C, made from its symbol."""
    return c_word(func.sym_name.data, "_kernel")


def print_kernel(func: kernel.FuncOp, *, comments: bool = True) -> str:
    """One translation unit: the wrappers that the kernel uses, then the kernel. `comments`: name the ONNX nodes of statements."""
    printer = CudaPrinter(comments=comments)
    text = printer.kernel(func, entry_name(func))
    return prelude(printer.wrappers.values()) + text


def print_unit(func: kernel.FuncOp) -> tuple[str, str]:
    """A kernel's name and its translation unit. The name is made from its code: equal kernels of any two models are one cubin.

    `conv_add_relu_2` is called `conv_add_relu_4f1d08ac_kernel`: what it computes, and the digest of its code without comments.
    """
    printer = CudaPrinter()
    text = printer.kernel(func, _PLACEHOLDER)
    text = prelude(printer.wrappers.values()) + text
    digest = hashlib.sha256(without_comments(text).encode()).hexdigest()[:8]
    entry = c_word(f"{_NUMBER.sub('', func.sym_name.data)}_{digest}", "_kernel")
    return entry, text.replace(_PLACEHOLDER, entry)


def print_module(module: ModuleOp, *, comments: bool = True) -> str:
    """All kernels of a module after one prelude."""
    printers = [CudaPrinter(comments=comments) for _ in module.ops]
    texts: list[str] = []
    taken: set[str] = set()
    for printer, op in zip(printers, module.ops, strict=True):
        if isinstance(op, kernel.FuncOp):
            entry = entry_name(op)
            while entry in taken:
                entry += "_"
            taken.add(entry)
            texts.append(printer.kernel(op, entry))
    return prelude(wrapper for p in printers for wrapper in p.wrappers.values()) + "\n".join(texts)


def describe_location(location: Attribute) -> str:
    """The ONNX nodes of a location as a comment: `Conv conv1 (Conv#12)`, `transpose for Conv conv1 (Conv#12)`; "" where it names none."""
    if isinstance(location, NameLoc):
        name, inner = location.desc.data, location.location
        if not isinstance(inner, NameLoc):
            return name
        node = inner.desc.data
        return f"{node.partition('#')[0]} {name} ({node})"
    if isinstance(location, FusedLoc) and isinstance(location.locations, ArrayAttr):
        parts = dict.fromkeys(describe_location(part) for part in location.locations)
        return ", ".join(part for part in parts if part)
    if isinstance(location, CallSiteLoc):
        return f"{describe_location(location.callee)} for {describe_location(location.caller)}"
    return ""


@dataclass(eq=False, repr=False)
class CudaPrinter(StatementPrinter):
    """Prints one kernel."""

    comments: bool = True
    shown: str = field(default="", init=False)
    described: tuple[Attribute | None, str] = field(default=(None, ""), init=False)
    """The location described last, and its text: most statements share that of the previous one."""
    inside: set[Operation] = field(default_factory=set[Operation], init=False)
    """Ops whose results are inlined where they are read."""
    nodes: dict[SSAValue, list[str]] = field(default_factory=dict[SSAValue, "list[str]"], init=False)
    """For each inlined value the ONNX nodes of its parts."""

    # Blocks.

    def located(self, op: Operation) -> None:
        """Prints an op; before it, a comment where the ONNX nodes change."""
        parts = [part for value in op.operands for part in self.nodes.pop(value, ())]
        if op.location is not self.described[0]:
            self.described = op.location, describe_location(op.location)
        parts.append(self.described[1])
        if op in self.inside and self._inline(op, parts):
            return
        if self.comments and not isinstance(op, _SILENT):
            text = ", ".join(dict.fromkeys(filter(None, parts)))
            if text and text != self.shown:
                self.statement(comment(text))
                self.shown = text
        self.print(op)

    def _inline(self, op: Operation, parts: list[str]) -> bool:
        """Keeps the text of an op for the one that reads its result, unless it is long."""
        text = self._expression(op)
        if len(text) > LONGEST:
            return False
        self.names[op.results[0]], self.nodes[op.results[0]] = operand(text), parts
        return True

    def _expression(self, op: Operation) -> str:
        if isinstance(op, memref.LoadOp):
            return f"{self.name(op.memref)}[{self.bare(op.indices[0])}]"
        return SCALARS[type(op)].c(op, [self.name(o) for o in op.operands], self.needs)

    def block(self, block: Block) -> None:
        self.inside |= inlined(block)
        with self.indented():
            for op in block.ops:
                self.located(op)

    # The kernel.

    def kernel(self, func: kernel.FuncOp, entry: str) -> str:
        """The text of a kernel called `entry`, without the prelude."""
        self.stream = StringIO()
        maps = [op for op in func.walk() if isinstance(op, kernel.TensorMapOp)]
        stored = {op.target for op in func.walk() if isinstance(op, kernel.StGlobalOp | kernel.AtomicOp)}
        stored |= {op.counters for op in func.walk() if isinstance(op, kernel.GridSyncOp)}
        waits = any(isinstance(op, kernel.GridWaitOp) for op in func.walk())
        early = early_of(func) or ()
        parameters = [
            self._tensor(value, stored=value in stored, restrict=not waits or i in early, number=i)
            for i, value in enumerate(func.tensors)
        ]
        self.symbols = {p.data: self.from_outside(p.data) for p in (func.params or ())}
        parameters += [f"int {name}" for name in self.symbols.values()]
        for op in maps:
            parameters.append(f"const __grid_constant__ {self.needs(TENSOR_MAP)} {self.declare(op.result, 'map')}")
        blocks = func.min_blocks.value.data
        if not blocks and any(isinstance(op, kernel.SetmaxnregOp) for op in func.walk()):
            blocks = 1  # setmaxnreg needs a known register count at entry, which ptxas takes from here (C7508)
        bounds = f"{func.threads}, {blocks}" if blocks else f"{func.threads}"
        cluster = f" __cluster_dims__({func.cluster.value.data}, 1, 1)" if func.cluster.value.data > 1 else ""
        self.print_string(f'extern "C" __global__ void __launch_bounds__({bounds}){cluster} {entry}(')
        self.print_string(", ".join(parameters) + ") {")
        with self.indented():
            self._entry(func)
        self.block(func.body.block)
        self.print_string("\n}\n")
        return self.stream.getvalue()

    def _tensor(self, value: SSAValue, *, stored: bool, restrict: bool, number: int) -> str:
        """
        A tensor parameter. With const and restrict the compiler may load through the read-only path, and move such loads above any other
        op: wrong in a kernel that first waits for the launch that writes its inputs, and right for its weights.
        """
        assert isinstance(value.type, GlobalType)
        const = "" if stored else "const "
        return f"{const}{self.type(value.type.element_type)}* {'__restrict__ ' if restrict else ''}{self.declare(value, f't{number}')}"

    def _entry(self, func: kernel.FuncOp) -> None:
        """Shared memory and the coordinates of the tile."""
        if func.smem.value.data:
            self.statement("extern __shared__ __align__(1024) unsigned char smem[];")
            if any(_by_address(op) for op in func.walk()):
                self.statement(f"const unsigned shared_base = {self.needs(SMEM_ADDRESS)}(smem);")
        for coord, axis in zip(func.coords, "xyz", strict=True):
            name = self.declare(coord, f"tile_{axis}")
            if coord.first_use is not None:
                self.statement(f"const int {name} = blockIdx.{axis};")

    # The table.

    @singledispatchmethod
    def print(self, op: Operation) -> None:
        if (row := INSTRUCTIONS.get(type(op))) is not None:
            self._instruction(op, row)
            return
        if type(op) not in SCALARS:
            raise TrtcError(
                f"CUDA C: there is no statement for {describe(op)}; expected thread ops, arith, math, scf and memref "
                "(run the passes of phase threads first)"
            )
        self.assign(op.results[0], self._expression(op))

    @print.register
    def _(self, op: kernel.ReturnOp) -> None:
        pass

    @print.register
    def _(self, op: kernel.ViewOp | kernel.Im2colOp | kernel.TensorMapOp) -> None:
        """Prints nothing: the host encodes tensor maps, which are parameters."""

    @print.register
    def _(self, op: arith.ConstantOp) -> None:
        self.names[op.result] = literal(op.value)

    @print.register
    def _(self, op: kernel.ParamOp) -> None:
        if op.symbol.data not in self.symbols:
            raise TrtcError(
                f"CUDA C, {describe(op)}: expected a symbol among the kernel's params {list(self.symbols)}, got '{op.symbol.data}'"
            )
        self.names[op.result] = self.symbols[op.symbol.data]

    # Control flow.

    @print.register
    def _(self, op: scf.ForOp) -> None:
        block = op.body.block
        for argument, initial, result in zip(block.args[1:], op.iter_args, op.results, strict=True):
            name = self.declare(argument if argument.name_hint is not None else result)
            self.names[argument] = self.names[result] = name
            self.statement(f"{self.type(result.type)} {name} = {self.bare(initial)};")
        if "unroll" in op.attributes:
            self.statement("#pragma unroll")
        i = self.declare(block.args[0], "i")
        step = self.name(op.step)
        step = f"{i}++" if step == "1" else f"{i} += {step}"
        self.statement(
            f"for ({self.type(block.args[0].type)} {i} = {self.bare(op.lb)}; {i} < {self.name(op.ub)}; {step}) {{"
        )
        self.block(block)
        self._yield(block, [self.names[a] for a in block.args[1:]])
        self.statement("}")

    @print.register
    def _(self, op: scf.IfOp) -> None:
        for result in op.results:
            self.statement(f"{self.type(result.type)} {self.declare(result)};")
        targets = [self.names[r] for r in op.results]
        self.statement(f"if ({self.bare(op.cond)}) {{")
        self.block(op.true_region.block)
        self._yield(op.true_region.block, targets)
        if op.false_region.blocks and len(op.false_region.block.ops) + len(targets) > 1:
            self.statement("} else {")
            self.block(op.false_region.block)
            self._yield(op.false_region.block, targets)
        self.statement("}")

    @print.register
    def _(self, op: scf.YieldOp) -> None:
        """Prints nothing: the loop or branch that it ends assigns its values."""

    def _yield(self, block: Block, targets: Sequence[str]) -> None:
        """Assigns the yielded values at once: through temporaries where one target is another's source."""
        last = block.last_op
        sources = [] if last is None else [self.bare(v) for v in last.operands]
        moves = [(t, s) for t, s in zip(targets, sources, strict=True) if t != s]
        with self.indented():
            if any(re.search(rf"\b{t}\b", s) for i, (_, s) in enumerate(moves) for t, _ in moves[:i]):
                fresh = [self.unique(f"{t}next", "_") for t, _ in moves]
                for name, (_, source) in zip(fresh, moves, strict=True):
                    self.statement(f"const auto {name} = {source};")
                moves = [(t, name) for (t, _), name in zip(moves, fresh, strict=True)]
            for target, source in moves:
                self.statement(f"{target} = {source};")

    # Arrays.

    @print.register
    def _(self, op: kernel.LocalOp) -> None:
        type_ = op.result.type
        assert isinstance(type_, MemRefType)
        name = self.declare(op.result, "r")
        self.statement(f"__align__(16) {self.type(type_.element_type)} {name}[{type_.get_shape()[0]}];")

    @print.register
    def _(self, op: kernel.SmemOp) -> None:
        type_ = op.result.type
        assert isinstance(type_, MemRefType)
        element = self.type(type_.element_type)
        name = self.declare(op.result, "tile")
        self.statement(f"{element}* const {name} = reinterpret_cast<{element}*>(smem + {op.offset.value.data});")

    @print.register
    def _(self, op: memref.LoadOp) -> None:
        self.assign(op.res, self._expression(op))

    @print.register
    def _(self, op: memref.StoreOp) -> None:
        (position,) = op.indices
        self.statement(f"{self.name(op.memref)}[{self.bare(position)}] = {self.bare(op.value)};")

    # Instructions.

    def _instruction(self, op: Operation, row: Instruction) -> None:
        """The C form of a row, its operands as their roles say."""
        self._pin(row.pins_before(op))
        if (wrapper := row.wrapper_of(op)) is not None:
            self.needs(wrapper)
        text = row.c_of(op).format_map(Operands(self, op, row))
        if op.results:
            self.assign(op.results[0], text)
        else:
            self.statement(f"{text};")
        self._pin(row.pins_after(op))

    def _pin(self, arrays: Sequence[SSAValue]) -> None:
        """Lets no access to these register arrays move across this point. Arrays of an inner block are not in scope here, and not read."""
        for array in arrays:
            if array in self.names:
                self.statement(f"{self.needs(PIN)}({self.name(array)});")


_SILENT = (
    arith.ConstantOp,
    kernel.ParamOp,
    kernel.ViewOp,
    kernel.Im2colOp,
    kernel.TensorMapOp,
    kernel.ReturnOp,
    scf.YieldOp,
)


def _by_address(op: Operation) -> bool:
    """Whether an op addresses shared memory by byte offsets."""
    row = INSTRUCTIONS.get(type(op))
    return row is not None and any(isinstance(role, SharedByte) for role in row.roles.values())
