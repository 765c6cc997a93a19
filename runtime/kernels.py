"""What the host must know of a kernel to launch it, read from `kernel.func` and stored in the engine's manifest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, cast

from xdsl.dialects import arith
from xdsl.dialects.builtin import IndexType, IntegerAttr
from xdsl.ir import Block, Operation, Region, SSAValue

from ..dialects import kernel
from ..dialects.dims import Expr, parse_expr
from ..dialects.errors import EngineFormatError, PassError, TargetError
from ..dialects.kernel.base import int_attr
from ..dialects.provenance import origins
from .tensor_maps import TensorMapInfo

_GRID_BARRIERS = (kernel.GridBarrierOp, kernel.GridSyncOp)
_COUNTED = (kernel.TensorMapOp, kernel.GridWaitOp, *_GRID_BARRIERS)
"""The ops of a body that `KernelInfo` depends on."""
MAXIMUM_GRID = (2**31 - 1, 65535, 65535)


@dataclass(frozen=True)
class KernelInfo:
    """Facts of one kernel: grid (three dim expressions, in blocks), threads per block, blocks per cluster, dynamic shared memory per block
    in bytes, the names of its i32 parameters, the number of its tensors, its tensor maps, and the ONNX nodes that it computes."""

    name: str
    grid: tuple[Expr, Expr, Expr]
    threads: int
    cluster: int
    shared_bytes: int
    params: tuple[str, ...]
    arguments: int
    programmatic: bool = False
    cooperative: bool = False
    """Whether blocks wait for each other, so that all must be resident at once."""
    tensor_maps: tuple[TensorMapInfo, ...] = ()
    nodes: tuple[str, ...] = ()
    alignments: tuple[int, ...] = ()
    """For each tensor the alignment of its address, in bytes."""

    @classmethod
    def read(cls, func: kernel.FuncOp) -> KernelInfo:
        """The facts that a `kernel.func` states. Shared memory is 0 before `place-shared-memory`."""
        x, y, z = func.grid.exprs
        return cls(
            name=func.sym_name.data,
            grid=(x, y, z),
            threads=func.threads,
            cluster=func.cluster.value.data,
            shared_bytes=func.smem.value.data,
            params=tuple(name.data for name in func.params or ()),
            arguments=len(func.tensors),
            programmatic=any(isinstance(op, kernel.GridWaitOp) for op in func.walk()),
            cooperative=any(isinstance(op, _GRID_BARRIERS) for op in func.walk()),
            tensor_maps=tuple(TensorMapInfo.read(op) for op in func.walk() if isinstance(op, kernel.TensorMapOp)),
            nodes=tuple(origins(func.location)),
            alignments=tuple(cast(kernel.GlobalType, tensor.type).needs for tensor in func.tensors),
        )

    def blocks(self, env: Mapping[str, int]) -> tuple[int, int, int]:
        """The grid in blocks; with an extent of 0 there is nothing to compute. Raises TargetError beyond CUDA's limits."""
        grid = tuple(extent.evaluate(env) for extent in self.grid)
        if any(not 0 <= extent <= limit for extent, limit in zip(grid, MAXIMUM_GRID, strict=True)):
            raise TargetError(
                f"kernel {self.name}: expected a grid of at most {MAXIMUM_GRID}, got {grid} for {dict(env)}."
            )
        x, y, z = grid
        return x, y, z

    def check_address(self, position: int, address: int, of: str) -> None:
        """Raises PassError for an address of a tensor, or an offset into aligned memory, that is not aligned for the kernel's accesses."""
        need = self.alignments[position] if position < len(self.alignments) else 1
        if need < 1 or address % need:
            raise PassError(
                f"launch of @{self.name}: expected tensor {position} at a multiple of {need} bytes of {of}, got byte {address}."
            )

    def to_json(self) -> dict[str, Any]:
        """The facts as JSON values."""
        maps = [described.to_json() for described in self.tensor_maps]
        facts = {**asdict(self), "grid": [str(extent) for extent in self.grid], "tensor_maps": maps}
        return {key: list(value) if isinstance(value, tuple) else value for key, value in facts.items()}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> KernelInfo:
        """The inverse of `to_json`; EngineFormatError for anything else."""
        try:
            x, y, z = (parse_expr(text) for text in stored["grid"])
            return cls(
                name=str(stored["name"]),
                grid=(x, y, z),
                threads=int(stored["threads"]),
                cluster=int(stored["cluster"]),
                shared_bytes=int(stored["shared_bytes"]),
                params=_texts(stored["params"]),
                arguments=int(stored["arguments"]),
                programmatic=bool(stored["programmatic"]),
                cooperative=bool(stored["cooperative"]),
                tensor_maps=tuple(TensorMapInfo.from_json(entry) for entry in stored["tensor_maps"]),
                nodes=_texts(stored["nodes"]),
                alignments=tuple(map(int, stored["alignments"])),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise EngineFormatError(
                f"engine manifest: the description of a kernel is malformed ({error}); rebuild the engine."
            ) from error


def interface(func: kernel.FuncOp) -> kernel.FuncOp:
    """A kernel without its body, with the same `KernelInfo`."""
    block = Block(arg_types=[argument.type for argument in func.body.block.args])
    mapping: dict[SSAValue, SSAValue] = dict(zip(func.body.block.args, block.args, strict=True))
    counted = [op for op in func.walk() if type(op) in _COUNTED]
    for op in counted:
        if isinstance(op, kernel.TensorMapOp):
            for kept in (cast(Operation, op.view.owner), op):
                block.add_op(kept.clone(mapping))
    if any(isinstance(op, kernel.GridWaitOp) for op in counted):
        block.add_op(kernel.GridWaitOp())
    meeting = next((op for op in counted if isinstance(op, _GRID_BARRIERS)), None)
    if meeting is not None:
        zero = arith.ConstantOp(IntegerAttr(0, IndexType()))
        block.add_ops([zero, kernel.GridSyncOp(mapping[meeting.counters], zero.result, zero.result)])
    block.add_op(kernel.ReturnOp())
    properties = {**func.properties, "min_blocks": int_attr(0)}  # which is for the compiler alone
    made = kernel.FuncOp.create(properties=properties, attributes=func.attributes, regions=[Region(block)])
    made.location = func.location
    return made


def _texts(values: Sequence[Any]) -> tuple[str, ...]:
    return tuple(str(value) for value in values)
