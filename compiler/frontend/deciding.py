"""Which inputs decide what is not known at import: a message that names them says what a user can bind, or give a range."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.ir import SSAValue

from ...dialects.errors import UnequalDimsError
from ..network import Network


def unequal(net: Network, error: UnequalDimsError) -> tuple[str, str]:
    """Why operands with such dims are refused, and what the user can do."""
    names = net.inputs_behind(net.read_from(error.symbols))
    if not names:
        return str(error), ""
    return f"its operands have dims that nothing says are equal, {_decided_by(names)}", _advice(names)


def undecided(net: Network, what: str, condition: SSAValue) -> tuple[str, str]:
    """The same for what a condition would decide."""
    names = net.inputs_behind([condition])
    if not names:
        return f"{what}, and its condition is not decided at import", "fix the dims that decide in the profile"
    return f"{what}, and its condition is {_decided_by(names)}", _advice(names)


def _decided_by(names: Sequence[str]) -> str:
    return f"decided by input{'s' if len(names) > 1 else ''} {', '.join(map(repr, names))}"


def _advice(names: Sequence[str]) -> str:
    return (
        f"bind it to a constant (option constants), or, where its numbers are sizes, give their range: "
        f"profiles={{{names[0]!r}: (min, opt, max)}}"
    )
