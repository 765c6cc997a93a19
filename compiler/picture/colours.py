"""The colours of kinds, the same in every picture."""

from __future__ import annotations

COLOURS = {
    "conv": "#9ecae1",
    "matmul": "#a1d99b",
    "attention": "#74c476",
    "row": "#fdd0a2",
    "window": "#c6dbef",
    "gather": "#dadaeb",
    "positions": "#bcbddc",
    "rnn": "#fcbba1",
    "pointwise": "#fff2ae",
    "view": "#ffffff",
    "end": "#e0e0e0",
}


def colour_of(kind: str) -> str:
    """Of a kind that is not known, white."""
    return COLOURS.get(kind, "#ffffff")
