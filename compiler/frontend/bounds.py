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
        self.asked.update(dict.fromkeys(_names(label, op_type)))
        given = self._given(label, op_type)
        if given is None:
            return next(bound for bound in (derived, declared, DEFAULT_BOUND) if bound is not None)
        return given if derived is None else min(given, derived)

    def tightened(self, label: str, op_type: str, bound: int, greatest: int) -> int:
        """What `most` returned, of a size that turns out to be `greatest` at most: the default says nothing then."""
        is_default = bound == DEFAULT_BOUND and self._given(label, op_type) is None
        return greatest if is_default else min(bound, greatest)

    def _given(self, label: str, op_type: str) -> int | None:
        return next((self.given[name] for name in _names(label, op_type) if name in self.given), None)

    def check_used(self) -> None:
        """Raises OptionError for a bound that no node has asked for."""
        if unused := sorted(self.given.keys() - self.asked.keys()):
            raise OptionError(
                f"bounds: no size of {unused[0]!r} depends on data; those of these nodes and operators do: "
                f"{join_names(list(self.asked)) or 'none'}"
            )


def _names(label: str, op_type: str) -> tuple[str, str]:
    return label, op_type.lower()
