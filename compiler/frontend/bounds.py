"""How much data may decide: the bounds that a user gives to sizes and iterations that are known only while the network runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ...dialects.errors import OptionError
from ...dialects.limits import DEFAULT_BOUND
from ...dialects.provenance import join_names


@dataclass
class Bounds:
    """The bounds that a user gave, by node or by operator in lower case, and who asked for one."""

    given: Mapping[str, int] = field(default_factory=dict[str, int])
    asked: dict[str, None] = field(default_factory=dict[str, None])

    def most(self, label: str, op_type: str, derived: int | None = None, declared: int | None = None) -> int:
        """The bound of a node: what the user gave for it, or for its operator, else what the shapes allow, else what the model declares,
        else a default. What is given is never above what the shapes allow."""
        names = (label, op_type.lower())
        self.asked.update(dict.fromkeys(names))
        given = next((self.given[name] for name in names if name in self.given), None)
        if given is None:
            return next(bound for bound in (derived, declared, DEFAULT_BOUND) if bound is not None)
        return given if derived is None else min(given, derived)

    def check_used(self) -> None:
        """Raises OptionError for a bound that no node has asked for."""
        if unused := sorted(self.given.keys() - self.asked.keys()):
            raise OptionError(
                f"bounds: no size of {unused[0]!r} depends on data; those of these nodes and operators do: "
                f"{join_names(list(self.asked)) or 'none'}"
            )
