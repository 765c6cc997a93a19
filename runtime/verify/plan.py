"""Verifies the plan of an engine before anything runs: checksums find damage, this finds a plan that is not valid.

The host function is authoritative. The manifest must agree with it (`describe`), each kernel's interface must fit its cubin and the views
that its launches pass, slots must have the sizes of their dims and not overlap while live, everything read must have been written, values
that the host reads and counts must have bounds, and at the ends of the profile and of these bounds every view must lie in its owner and
every grid within CUDA's limits. Views are checked again when they are bound.

Work is proportional to the size of the text, never to a number in it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, cast

from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.ir import Attribute

from ...dialects import buffer, kernel
from ...dialects.buffer import Access
from ...dialects.dims import corners
from ...dialects.dtypes import numpy_dtype
from ...dialects.errors import EngineFormatError
from ...dialects.fusion import COPIED
from ...dialects.host.control import leaves, loops
from ...dialects.host.order import Order
from ...dialects.host.structure import functions_of
from ...dialects.kernel.accesses import accesses_of, stated_accesses
from ...dialects.kernel.marks import early_of
from ...dialects.kernel.types import GlobalType, Target
from ...dialects.provenance import origins
from ...dialects.strided import Elements, same_strides, share_bytes
from ..cubin import check_cubin
from ..kernels import KernelInfo
from ..program.host import HostProgram
from ..program.memory import MemoryRef, TensorView
from ..program.reader import owner_numbers
from ..program.steps import Launch, PlannedLaunch
from ..stored import StoredVariant, Unit
from .steps import Uses, bind_everywhere

_LARGEST_SHARED = 232448
_LARGEST_CLUSTER = 16
_LARGEST_SYMBOL = 2**31 - 1
_TENSOR_MAP_LIMITS = {"rank": 5, "box": 256, "extent": 2**32, "stride": 2**40}


@dataclass(frozen=True)
class Interfaces:
    """The attributes of a module, and the interface of each of its kernels by name (tensors, grid, threads, cluster, accesses)."""

    attributes: Mapping[str, Attribute]
    kernels: Mapping[str, tuple[Any, ...]]

    @classmethod
    def of(cls, module: ModuleOp) -> Interfaces:
        found = {
            func.sym_name.data: (
                tuple(t.type for t in func.tensors),
                func.grid,
                func.threads,
                func.cluster,
                stated_accesses(func),
            )
            for func in _interfaces(module)
        }
        return cls(dict(module.attributes), found)


def describe(module: ModuleOp, program: HostProgram) -> dict[str, Any]:
    """The fields in which a variant's manifest repeats its host module: target, choices, and the memory plan."""
    target = cast(Target, module.attributes["kernel.target"])
    slots = [op for op in module.walk() if isinstance(op, buffer.SlotOp)]
    listed = [
        {
            "offset": slot.offset.value.data,
            "size": slot.size.value.data,
            "type": f"{slot.result.type}",
            "nodes": origins(slot.location),
        }
        for slot in sorted(slots, key=lambda slot: (slot.offset.value.data, slot.size.value.data))
    ]
    return {
        "target": {"sms": target.sms.data, "smem": target.smem.data},
        # The schedule and tunables of each group, which a rebuild needs to choose the same.
        "choices": {
            f.sym_name.data: f"{f.attributes['kernel.choice']}"
            for f in _interfaces(module)
            if "kernel.choice" in f.attributes
        },
        "plan": {
            "arena_bytes": program.arena_bytes,
            "sum_bytes": sum(slot.size.value.data for slot in slots),
            "launches": len(program.launches),
            # Each launch that only moves elements, with the reason why no view does it.
            "copies": [
                {"kernel": op.callee.string_value(), "nodes": origins(op.location), "why": why.data}
                for op in module.walk()
                if isinstance(op, buffer.LaunchOp) and isinstance(why := op.attributes.get(COPIED), StringAttr)
            ],
            "buffers": listed,
        },
    }


def verify_plan(variant: StoredVariant, module: ModuleOp, program: HostProgram) -> Interfaces:
    """The interfaces of the kernels that a variant's plan launches. Raises EngineFormatError unless that plan is valid; `module` is its
    host module and `program` the program read from it."""
    _verify_manifest(variant, module, program)
    _verify_symbols(program)
    interfaces = {func.sym_name.data: func for func in _interfaces(module)}
    for name, unit in variant.units.items():
        _verify_kernel(variant, interfaces.get(name), unit)
    _verify_slots(module, program)
    for launch in program.launches:
        types = [cast(GlobalType, tensor.type) for tensor in interfaces[launch.kernel.name].tensors]
        for number, (tensor, expected) in enumerate(zip(launch.arguments, types, strict=True)):
            if not _fits(tensor, expected):
                _refuse(
                    f"launch of {launch.kernel.name}: its tensor {number} is not the {expected} that the kernel takes"
                )
        stated = stated_accesses(interfaces[launch.kernel.name])
        if launch.accesses != (stated or _usual_accesses(launch)):
            _refuse(f"launch of {launch.kernel.name}: its accesses are not those of its kernel")
        if launch.dependent and not launch.kernel.programmatic:
            _refuse(f"launch of {launch.kernel.name} is dependent: expected a kernel with kernel.grid_wait")
        early = early_of(interfaces[launch.kernel.name]) or frozenset()
        weights = {number for number, tensor in enumerate(launch.arguments) if tensor.owner.root == "weight"}
        if launch.dependent and not early <= weights:
            _refuse(f"launch of {launch.kernel.name} is dependent: expected weights where its kernel has kernel.early")
        if len(launch.names) != len(launch.written):
            _refuse(f"launch of {launch.kernel.name}: {len(launch.names)} names for {len(launch.written)} results")
    for env in filter(program.fits, corners(program.symbols)):
        _verify_shapes(program, env)
        bind_everywhere(program, env, lambda launches, symbols: _verify_bound(launches, symbols, interfaces))
    return Interfaces.of(module)


def _usual_accesses(launch: PlannedLaunch) -> tuple[Access, ...]:
    """The accesses of a kernel that states none: it reads its operands, writes its results and updates its workspace."""
    count, (first, *_) = len(launch.written), launch.written
    rest = len(launch.arguments) - first - count
    return (Access.READ,) * first + (Access.WRITE,) * count + (Access.UPDATE,) * rest


def verify_tiles(module: ModuleOp, expected: Interfaces) -> None:
    """Raises EngineFormatError unless the tile-level kernels are those that a plan launches, with the same tensors and grids."""
    found = Interfaces.of(module)
    if found.attributes != expected.attributes:
        _refuse("its kernels are for other symbols or another GPU than its host function")
    for name in sorted(expected.kernels.keys() | found.kernels.keys()):
        if expected.kernels.get(name) != found.kernels.get(name):
            _refuse(f"kernel {name} is not what its host function launches")
    for func in _interfaces(module):
        if stated_accesses(func) not in (None, tuple(accesses_of(func))):
            _refuse(f"kernel {func.sym_name.data} does not access its tensors as it says")


def _fits(tensor: TensorView, expected: GlobalType) -> bool:
    """Whether a tensor is what a kernel takes."""
    same = (expected.dims.exprs, numpy_dtype(expected.element_type))
    return (tensor.dims, tensor.owner.dtype) == same and same_strides(
        tensor.dims, tensor.strides, expected.strides.exprs
    )


def _verify_manifest(variant: StoredVariant, module: ModuleOp, program: HostProgram) -> None:
    """Checks the fields that the manifest repeats, and the sizes of sections."""
    target = module.attributes.get("kernel.target")
    if not isinstance(target, Target) or target.arch.data != variant.arch:
        _refuse(f"its host function is for {target}, not for {variant.arch}")
    if not 0 < target.smem.data <= _LARGEST_SHARED or target.sms.data <= 0:
        _refuse(f"expected a GPU with 1 or more SMs and 1 to {_LARGEST_SHARED} bytes of shared memory, got {target}")
    stored = variant.manifest
    for field, value in describe(module, program).items():
        if not _same(stored[field], value):
            _refuse(f"its manifest and its host function differ in '{field}'")
    facts = [KernelInfo.read(func).to_json() for func in _interfaces(module)]
    if not _same([entry["facts"] for entry in stored["kernels"]], facts):
        _refuse("its manifest and its host function differ in the facts of kernels")
    if stored["weights"].keys() != program.weights.keys():
        _refuse("its manifest and its host function name different weights")
    for name in program.weights:
        variant.weight_of(program, name)


def _verify_symbols(program: HostProgram) -> None:
    for name, (low, opt, high) in program.symbols.items():
        if not 0 <= low <= opt <= high <= _LARGEST_SYMBOL:
            _refuse(
                f"expected 0 <= min <= opt <= max <= {_LARGEST_SYMBOL} for the range of {name}, got ({low}, {opt}, {high})"
            )
    _verify_counted(program)
    used = {name for spec in program.inputs for extent in spec.dims for name in extent.symbols()}
    if unknown := sorted((used | program.sources.keys()) - (program.symbols.keys() & program.sources.keys())):
        _refuse(f"{unknown[0]} has no range, or no input gives it")
    names = [spec.name for spec in (*program.inputs, *program.outputs)]
    if len(names) != len(set(names)) and len({spec.name for spec in program.inputs}) != len(program.inputs):
        _refuse("two inputs have the same name")


def _verify_counted(program: HostProgram) -> None:
    """Checks that a value that the host reads or counts has a range where anything but a condition depends on it, and that counters of
    iterations start at 0."""
    asked = {name for work in leaves(program.steps) for name in work.symbols}
    unbounded = asked - program.symbols.keys()
    for loop in loops(program.steps):
        unbounded |= {loop.index, loop.total} - {""} - program.symbols.keys()
        unbounded |= (loop.count.symbols() if loop.count is not None else set[str]()) - program.symbols.keys()
        for name in filter(None, (loop.index, loop.total)):
            if name in program.symbols and program.symbols[name][0] != 0:
                _refuse(f"the range of {name}, which a loop counts, begins at {program.symbols[name][0]}, not at 0")
    if unbounded:
        _refuse(f"{min(unbounded)} has no range")


def _verify_kernel(variant: StoredVariant, interface: kernel.FuncOp | None, unit: Unit) -> None:
    """Checks a kernel against its cubin (name, architecture, bytes of each parameter, threads) and against the limits of the hardware."""
    info, name = unit.info, unit.info.name
    if interface is None:
        _refuse(f"kernel {name} has no interface in its host IR")
    try:
        compiled = check_cubin(variant.sections[unit.cubin].data, variant.arch, unit.entry)
    except ValueError as error:
        _refuse(f"the cubin of kernel {name} cannot be used: {error}")
    expected = (8,) * info.arguments + (4,) * len(info.params) + (128,) * len(info.tensor_maps)
    if compiled.parameters != expected:
        _refuse(f"kernel {name} takes parameters of {compiled.parameters} bytes, and its launches pass {expected}")
    if compiled.threads not in (0, info.threads):
        _refuse(
            f"kernel {name} was compiled for {compiled.threads} threads per block, and is launched with {info.threads}"
        )
    source = variant.text(unit.source)
    if "__global__" not in source or not re.search(rf"(?<!\w){re.escape(unit.entry)}\(", source):
        _refuse(f"the CUDA C of kernel {name} does not define {unit.entry}")
    if not 0 <= info.shared_bytes <= variant.manifest["target"]["smem"] or not 1 <= info.cluster <= _LARGEST_CLUSTER:
        _refuse(
            f"kernel {name} needs {info.shared_bytes} bytes of shared memory and clusters of {info.cluster} blocks: expected at most "
            f"{variant.manifest['target']['smem']} bytes and 1 to {_LARGEST_CLUSTER} blocks"
        )


def _verify_slots(module: ModuleOp, program: HostProgram) -> None:
    """Checks that slots have the sizes of their dims and the arena that of all slots, that no two slots live at once share a byte, that
    what is read was written, and that outputs are written and inputs are not."""
    slots = [op for op in module.walk() if isinstance(op, buffer.SlotOp)]
    peak = 0
    for slot in slots:
        bytes_ = buffer.size_in_bytes(slot.dims.exprs, slot.result.type.element_type)
        if bytes_.bounds(program.symbols)[1] != slot.size.value.data:
            _refuse(f"a slot of {slot.size.value.data} bytes is for a buffer of {bytes_}")
        peak = max(peak, slot.offset.value.data + _rounded(slot.size.value.data))
    if peak != program.arena_bytes:
        _refuse(f"its arena has {program.arena_bytes} bytes, and its slots end at {peak}")
    inputs = set(range(len(program.inputs)))
    uses, written = Uses(inputs, _refuse), set(inputs)
    uses.visit(program.steps, written)
    for number, spec in enumerate(program.outputs, len(inputs)):
        if number not in written:
            _refuse(f"no launch writes output '{spec.name}'")
    numbers = owner_numbers(functions_of(module)["main"])
    if any(numbers[slot.result] not in uses.positions for slot in slots):
        _refuse("a slot of its arena is not used")
    _verify_apart(slots, [uses.positions[numbers[slot.result]] for slot in slots], uses.order)


def _verify_apart(slots: Sequence[buffer.SlotOp], needs: Sequence[Sequence[int]], order: Order) -> None:
    """Checks that slots that launches may use at the same time do not overlap, in one walk over the launches. Two slots may share bytes
    where all uses of one have ended before any use of the other begins. `needs` gives the launches of each."""
    live: list[int] = []
    ends = [max(map(order.until, needed)) for needed in needs]
    for number in sorted(range(len(slots)), key=lambda number: needs[number][0]):
        first = needs[number][0]
        live = [other for other in live if ends[other] >= first]
        for other in live:
            start = max(slots[number].offset.value.data, slots[other].offset.value.data)
            end = min(slot.offset.value.data + slot.size.value.data for slot in (slots[number], slots[other]))
            if start < end and not (needs[other][-1] < first and order.all_before(needs[other], needs[number])):
                _refuse(f"two buffers that are live at once share byte {start} of its arena")
        live.append(number)


def _verify_shapes(program: HostProgram, env: Mapping[str, int]) -> None:
    for shape in program.shapes(env).values():
        if any(not 0 <= extent <= _LARGEST_SYMBOL for extent in shape):
            _refuse(
                f"expected extents of 0 to {_LARGEST_SYMBOL} of inputs and outputs, got the shape {shape} for {env}"
            )


def _verify_bound(
    launches: Sequence[Launch], symbols: Mapping[str, int], interfaces: Mapping[str, kernel.FuncOp]
) -> None:
    """Checks the launches of a segment for one set of symbol values: alignment, parameters, tensor maps, and that none writes what it
    reads."""
    for launch in launches:
        name, refs = launch.kernel.name, launch.arguments
        for ref, tensor in zip(refs, interfaces[name].tensors, strict=True):
            align = cast(GlobalType, tensor.type).align.data
            if align <= 0 or align & (align - 1) or ref.offset % align:
                _refuse(f"launch of {name}: a tensor at byte {ref.offset} is not aligned to {align} bytes")
        if any(not -(2**31) <= scalar < 2**31 for scalar in launch.scalars):
            _refuse(f"launch of {name}: {launch.scalars} do not fit 32 bits")
        accesses = list(zip(refs, launch.accesses, strict=True))
        targets = [ref for ref, access in accesses if access.writes]
        if any(_share(read, target) for read, access in accesses if access is Access.READ for target in targets):
            _refuse(f"launch of {name} writes to what it reads")
        for described in launch.kernel.tensor_maps:
            if not 0 <= described.argument < len(refs):
                _refuse(
                    f"kernel {name}: expected a tensor map of one of its {len(refs)} tensors, got tensor {described.argument}"
                )
            spec = described.evaluate(symbols)
            limits = _TENSOR_MAP_LIMITS
            if not 2 <= len(spec.dims) <= limits["rank"] or any(
                not 0 <= extent < limits["extent"] for extent in spec.dims
            ):
                _refuse(
                    f"kernel {name}: expected 2 to {limits['rank']} extents below {limits['extent']} in a tensor map, got {spec.dims}"
                )
            if any(not 0 < extent <= limits["box"] for extent in spec.box) or max(spec.strides) >= limits["stride"]:
                _refuse(
                    f"kernel {name}: expected box extents of 1 to {limits['box']} and strides below {limits['stride']} bytes in a "
                    f"tensor map, got {spec.box} and {spec.strides}"
                )


def _share(a: MemoryRef, b: MemoryRef) -> bool:
    """Whether two views of one root may have an element in common, decided with bounded work."""
    if (a.root, a.name) != (b.root, b.name):
        return False
    one, other = (
        Elements(ref.offset, ref.shape, tuple(s * ref.dtype.itemsize for s in ref.strides), ref.dtype.itemsize)
        for ref in (a, b)
    )
    return share_bytes(one, other)


def _interfaces(module: ModuleOp) -> list[kernel.FuncOp]:
    return [op for op in module.body.block.ops if isinstance(op, kernel.FuncOp)]


def _same(stored: Any, value: Any) -> bool:
    """Whether two JSON values are equal; numbers of different types are not."""
    return json.dumps(stored, sort_keys=True) == json.dumps(value, sort_keys=True)


def _rounded(size: int) -> int:
    return -(-size // buffer.ALIGNMENT) * buffer.ALIGNMENT


def _refuse(reason: str) -> NoReturn:
    raise EngineFormatError(f"engine: its plan does not hold: {reason}; rebuild the engine.")
