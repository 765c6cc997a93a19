"""
Choices between prices, and when a price is lower.

The rule, for candidates of one group and for decisions across groups alike: options stand in order of preference, and the first whose
price is within the model's uncertainty of the lowest is taken. So the preferred option stays unless the model is sure that another is
cheaper, and its noise changes no choice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf

UNCERTAINTY = 0.10
"""Relative, of prices of one group, whose candidates share what the model does not know. Its mean error on the records is 0.07 to 0.12."""
ACROSS_GROUPS = 0.25
"""Relative, of sums over different launches, whose errors do not cancel: nine of ten records are within it."""


def preferred(prices: Sequence[float], uncertainty: float = UNCERTAINTY) -> int:
    """The number of the first price that is within `uncertainty` of the lowest; 0 where all are infinite."""
    lowest = min(prices)
    if lowest == inf:
        return 0
    return next(i for i, price in enumerate(prices) if price <= lowest * (1 + uncertainty))


def within(chosen: float, other: float, uncertainty: float = UNCERTAINTY) -> str:
    """What a remark says where a lower price than the chosen one lost."""
    return f", which is within {uncertainty:.0%} and preferred" if other < chosen else ""


@dataclass(frozen=True)
class Decision:
    """One choice that spans groups."""

    key: str
    """What is decided: the pass, and what it is about."""
    options: Mapping[str, float]
    """Microseconds by option, in order of preference."""
    chosen: str
    delta: float
    """Microseconds between the chosen option and the cheapest other: below 0 where the choice is the cheapest."""

    def __str__(self) -> str:
        prices = ", ".join(f"{name} {price:.2f} us" for name, price in self.options.items())
        return f"{self.key}: {self.chosen} ({prices})"


def decide(key: str, options: Mapping[str, float], uncertainty: float = ACROSS_GROUPS) -> Decision:
    """The preferred of at least two options with their prices."""
    names, prices = list(options), list(options.values())
    chosen = preferred(prices, uncertainty)
    return Decision(key, options, names[chosen], prices[chosen] - min(p for i, p in enumerate(prices) if i != chosen))
