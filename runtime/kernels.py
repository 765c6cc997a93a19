"""What the host needs to know of a kernel in order to launch it, read from `kernel.func` and kept in the engine's manifest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ..dialects import kernel
from ..dialects.dims import Expr, parse_expr
from ..dialects.errors import EngineFormatError, TargetError
from ..dialects.provenance import onnx_names

MAXIMUM_GRID = (2**31 - 1, 65535, 65535)


@dataclass(frozen=True)
class TensorMapInfo:
    """A tensor map parameter: over which tensor argument, with which dims and byte-free strides (elements), box and swizzle.

    `dims`, `strides` and `offset` are dim expressions as text, outermost first as in `kernel.view`.
    """

    argument: int
    element_type: str
    dims: tuple[str, ...]
    strides: tuple[str, ...]
    offset: str
    box: tuple[int, ...]
    swizzle: int


@dataclass(frozen=True)
class KernelInfo:
    """Facts of one kernel: grid (three dim expressions), threads a block, cluster size, dynamic shared memory in bytes, the names
    of its i32 parameters, the number of its tensors, its tensor maps, and the ONNX nodes that it computes."""

    name: str
    grid: tuple[Expr, Expr, Expr]
    threads: int
    cluster: int
    shared_bytes: int
    params: tuple[str, ...]
    arguments: int
    programmatic: bool = False
    tensor_maps: tuple[TensorMapInfo, ...] = ()
    nodes: tuple[str, ...] = ()

    @classmethod
    def read(cls, func: kernel.FuncOp) -> KernelInfo:
        """The facts that a `kernel.func` states. Shared memory is 0 before `lower-to-threads`."""
        x, y, z = func.grid.exprs
        return cls(
            name=func.sym_name.data,
            grid=(x, y, z),
            threads=func.threads,
            cluster=func.cluster.value.data,
            shared_bytes=func.smem.value.data,
            params=tuple(name.data for name in func.params or ()),
            arguments=len(func.tensors),
            programmatic="kernel.pdl" in func.attributes,
            nodes=tuple(onnx_names(func.location)),
        )

    def blocks(self, env: Mapping[str, int]) -> tuple[int, int, int]:
        """The grid in blocks. Raises TargetError beyond CUDA's limits."""
        grid = tuple(extent.evaluate(env) for extent in self.grid)
        if any(not 1 <= extent <= limit for extent, limit in zip(grid, MAXIMUM_GRID, strict=True)):
            raise TargetError(f"kernel {self.name}: expected a grid from 1 up to {MAXIMUM_GRID}, got {grid} for {dict(env)}.")
        x, y, z = grid
        return x, y, z

    def to_json(self) -> dict[str, Any]:
        """The facts as JSON values."""
        return {**asdict(self), "grid": [str(extent) for extent in self.grid]}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> KernelInfo:
        """The inverse of `to_json`; EngineFormatError for anything else."""
        try:
            x, y, z = (parse_expr(text) for text in stored["grid"])
            maps = tuple(
                TensorMapInfo(
                    int(entry["argument"]), str(entry["element_type"]), _texts(entry["dims"]), _texts(entry["strides"]),
                    str(entry["offset"]), tuple(int(extent) for extent in entry["box"]), int(entry["swizzle"]),
                )
                for entry in stored["tensor_maps"]
            )  # fmt: skip
            return cls(
                name=str(stored["name"]),
                grid=(x, y, z),
                threads=int(stored["threads"]),
                cluster=int(stored["cluster"]),
                shared_bytes=int(stored["shared_bytes"]),
                params=_texts(stored["params"]),
                arguments=int(stored["arguments"]),
                programmatic=bool(stored["programmatic"]),
                tensor_maps=maps,
                nodes=_texts(stored["nodes"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise EngineFormatError(f"engine manifest: the description of a kernel is malformed ({error}); rebuild the engine.") from error


def _texts(values: Sequence[Any]) -> tuple[str, ...]:
    return tuple(str(value) for value in values)
