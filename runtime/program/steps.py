"""The steps of a host program: segments of launches, and reads; branches and loops are those of `dialects/host/control.py`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np

from ...dialects.buffer import Access
from ...dialects.dims import Expr, symbol
from ...dialects.errors import EngineFormatError
from ...dialects.host.control import Ranges, check_value
from ...dialects.host.order import Parallel
from ..kernels import KernelInfo
from .memory import MemoryRef, TensorView, bind_tensor, exprs_of


@dataclass(frozen=True)
class PlannedLaunch:
    """A launch whose grid, views and parameters are dim expressions."""

    kernel: KernelInfo
    arguments: tuple[TensorView, ...]
    nodes: tuple[str, ...]
    names: tuple[str, ...]
    written: tuple[int, ...]
    accesses: tuple[Access, ...]
    """What the kernel does with each argument."""
    dependent: bool
    """Whether it may begin before the previous launch has ended, for which its kernel waits."""

    def exprs(self) -> Iterator[Expr]:
        """All expressions of its grid, views, parameters and tensor maps."""
        yield from self.kernel.grid
        yield from map(symbol, self.kernel.params)
        for view in self.arguments:
            yield from exprs_of(view)
        for described in self.kernel.tensor_maps:
            yield from (*described.dims, *described.strides, described.offset, *described.lower, *described.upper)


@dataclass(frozen=True)
class Launch:
    """One kernel launch with everything evaluated: grid in blocks, pointers in parameter order, i32 parameters by position."""

    kernel: KernelInfo
    grid: tuple[int, int, int]
    arguments: tuple[MemoryRef, ...]
    scalars: tuple[int, ...]
    nodes: tuple[str, ...]
    names: tuple[str, ...]
    """ONNX names of the tensors that it writes, "" where there is none."""
    written: tuple[int, ...]
    """Positions in `arguments` of the tensors in `names`."""
    accesses: tuple[Access, ...]
    dependent: bool
    number: int
    """Its number among the launches of its segment."""

    @property
    def early(self) -> frozenset[int] | None:
        """The arguments that a dependent launch may touch before it waits: weights, which no launch writes. None for any other launch."""
        return frozenset(i for i, ref in enumerate(self.arguments) if ref.root == "weight") if self.dependent else None


@dataclass(frozen=True)
class Segment:
    """Launches with nothing for the host to do between them, which one CUDA graph can hold."""

    number: int
    """Its number among the program's segments, in the order of the text."""
    launches: tuple[PlannedLaunch, ...]
    varying: tuple[Expr, ...]
    """The expressions of its launches that depend on values known only at run time: equal values of these give equal launches."""
    order: Parallel | None = None
    """Which of its launches end before which begin; None where all follow each other, as they do on one stream."""

    def bind(self, env: Mapping[str, int]) -> tuple[Launch, ...]:
        """The launches for these symbol values. Raises EngineFormatError where the plan is not valid for them."""
        try:
            return self._bind(env)
        except (ArithmeticError, LookupError) as error:
            raise EngineFormatError(
                f"engine: its plan has no meaning for {env}: {error!r}; rebuild the engine."
            ) from error

    def _bind(self, env: Mapping[str, int]) -> tuple[Launch, ...]:
        grids = [launch.kernel.blocks(env) for launch in self.launches]
        arguments = [tuple(bind_tensor(tensor, env) for tensor in launch.arguments) for launch in self.launches]
        for launch, refs in zip(self.launches, arguments, strict=True):
            for position, ref in enumerate(refs):
                launch.kernel.check_address(position, ref.offset, f"{ref.root} {ref.name}".rstrip())
        # A launch without a block has nothing to write: its result is empty. CUDA refuses such a grid. The first one that is left follows
        # what was queued before, by whomever: it begins when that has ended.
        first = next((number for number, grid in enumerate(grids) if all(grid)), None)
        return tuple(
            Launch(
                launch.kernel,
                grid,
                refs,
                tuple(env[name] for name in launch.kernel.params),
                launch.nodes,
                launch.names,
                launch.written,
                launch.accesses,
                launch.dependent and number != first,
                number,
            )
            for number, (launch, grid, refs) in enumerate(zip(self.launches, grids, arguments, strict=True))
            if all(grid)
        )

    @cached_property
    def symbols(self) -> frozenset[str]:
        """All symbols that its launches depend on."""
        return frozenset().union(*(extent.symbols() for launch in self.launches for extent in launch.exprs()))


@dataclass(frozen=True)
class Read:
    """A read by the host: it waits for an integer in device memory, which later steps know by the name `symbol`."""

    symbol: str
    view: TensorView

    @property
    def symbols(self) -> frozenset[str]:
        """The symbols that its address depends on."""
        return frozenset().union(*(extent.symbols() for extent in exprs_of(self.view)))

    def where(self, env: Mapping[str, int]) -> MemoryRef:
        """The memory of the integer, for these symbol values."""
        return bind_tensor(self.view, env)

    def value(self, raw: bytes | np.ndarray, ranges: Ranges) -> int:
        """The integer in these bytes. Raises HostValueError beyond its range."""
        return check_value(self.symbol, int(np.frombuffer(raw, self.view.owner.dtype)[0]), ranges, "value read for")


Work: TypeAlias = Segment | Read
"""The leaves of a host program."""
