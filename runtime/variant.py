"""The part of an engine for one architecture, read and verified."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ..dialects.errors import EngineFormatError, TrtcError
from .stored import StoredVariant

if TYPE_CHECKING:
    from xdsl.dialects.builtin import ModuleOp

    from ..dialects.kernel import FuncOp
    from .program.host import HostProgram
    from .verify.plan import Interfaces


@dataclass(frozen=True)
class Variant(StoredVariant):
    """The part of an engine for one architecture: its host function and kernels, verified against each other.

    The code that reads IR is imported at the first use of `program`: an engine from the cache of builds can be saved without it.
    """

    @property
    def program(self) -> HostProgram:
        """The host function, verified and ready to bind. Raises EngineFormatError where it is not valid, or does not fit the kernels or the
        weights."""
        return self._plan[0]

    def hold(self, module: ModuleOp, program: HostProgram) -> None:
        """
        Keep the host module and its program as the build has them, instead of reading their text. Raises EngineFormatError for an
        invalid plan.
        """
        from .verify.plan import verify_plan

        self.__dict__["_plan"] = program, verify_plan(self, module, program)

    @cached_property
    def _plan(self) -> tuple[HostProgram, Interfaces]:
        from .program.reader import read_program
        from .verify.plan import verify_plan

        module = self.parse("host")
        try:
            program = read_program(module, {name: unit.info for name, unit in self.units.items()})
            return program, verify_plan(self, module, program)
        except EngineFormatError:
            raise
        except (TrtcError, ArithmeticError, LookupError, ValueError) as error:
            reason = str(error) if isinstance(error, TrtcError) else f"{error!r}."
            raise EngineFormatError(
                f"engine: its host function for {self.arch} cannot be used: {reason} Rebuild the engine."
            ) from error

    @cached_property
    def tiles(self) -> dict[str, FuncOp]:
        """The tile-level kernels by name, which the simulator runs. Raises EngineFormatError where they are not those of the host
        function."""
        from ..dialects.kernel import FuncOp
        from .verify.plan import verify_tiles

        module = self.parse("tiles")
        verify_tiles(module, self._plan[1])
        return {op.sym_name.data: op for op in module.walk() if isinstance(op, FuncOp)}

    def weight(self, name: str) -> np.ndarray:
        """A weight as a read-only view of the engine's bytes."""
        return self.weight_of(self.program, name)
