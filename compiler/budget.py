"""Limits on what the layers of a network cost the compiler, checked as each is added: ranks, sizes, and constants to compute."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod

from xdsl.ir import Operation, SSAValue

from ..dialects import limits, nn
from ..dialects.dtypes import numpy_dtype
from ..dialects.errors import UnsupportedOpError
from ..passes.graph.editing import is_static


@dataclass
class Budget:
    """The costs of one network so far. `sizes` is the greatest value of each dim symbol whose range a user gave."""

    sizes: dict[str, int] = field(default_factory=dict[str, int])
    given: int = 0
    """Bytes of the constants that the model holds."""
    computed: int = 0
    """Bytes of values that are computed from constants alone, which passes fold and a build evaluates."""
    fixed: set[SSAValue] = field(default_factory=set[SSAValue])
    """The values that depend on constants alone."""

    def add(self, op: Operation) -> None:
        """Count a layer. Raises UnsupportedOpError where it costs too much."""
        count = sum(map(self._bytes, op.results))
        if isinstance(op, nn.SOURCES):
            self.given += count
        elif op.operands and all(operand in self.fixed for operand in op.operands) and is_static(op):
            self._spend(count)
        else:
            return
        self.fixed.update(op.results)

    def spend(self, count: int) -> None:
        """Count an array that the importer is about to make; the constant that it becomes does not count as held by the model."""
        self._spend(count)
        self.given -= count

    def _spend(self, count: int) -> None:
        self.computed += count
        most = limits.MAX_CONSTANT_BYTES + limits.MAX_CONSTANT_GROWTH * max(self.given, 0)
        if self.computed > most:
            raise UnsupportedOpError(
                f"with it, {self.computed} bytes of constants are to be computed by the compiler; expected at most {most}. "
                "Store large constants in the model, or let them depend on an input"
            )

    def _bytes(self, value: SSAValue) -> int:
        """The size of a value at the upper end of the profile; UnsupportedOpError where kernels could not index it."""
        check_rank("its result", nn.rank_of(value))
        shape = nn.shape_of(value)
        if any(not extent.symbols() <= self.sizes.keys() for extent in shape):
            return 0
        count = prod(extent.evaluate(self.sizes) for extent in shape)
        if count > limits.MAX_ELEMENTS:
            dynamic = any(extent.as_int() is None for extent in shape)
            raise UnsupportedOpError(
                f"its result has {count} elements{' at the upper end of the profile' if dynamic else ''}; "
                f"kernels index {limits.MAX_ELEMENTS} at most"
            )
        return count * numpy_dtype(nn.element_of(value)).itemsize


def check_rank(what: str, rank: int) -> None:
    """Raise UnsupportedOpError for more than `MAX_RANK` dims."""
    if rank > limits.MAX_RANK:
        raise UnsupportedOpError(f"{what} has rank {rank}; expected at most {limits.MAX_RANK}")
