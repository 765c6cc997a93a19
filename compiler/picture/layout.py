"""Where the boxes of a graph stand: layers from top to bottom, as few crossings as a few sweeps find, edges that bend between rows.

The method is Sugiyama's: each box gets the row below its last predecessor; an edge over several rows gets a place in each, through which
it goes straight down; rows are ordered by the mean position of their neighbours, and positions are the nearest to that mean that keep the
order and the distances. Linear in boxes and places; an edge over more than `LONGEST` rows is drawn straight.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

LONGEST = 40
"""Rows that an edge bends between."""
SWEEPS = 6
GAP, STEP, POINT = 14.0, 26.0, 6.0
"""Between boxes of a row, between rows, and the width of a place of an edge."""

Point = tuple[float, float]


@dataclass(frozen=True)
class Layout:
    """The centres of boxes, the points of edges from the bottom of a box to the top of another, and the size of it all."""

    centres: list[Point]
    routes: dict[tuple[int, int], list[Point]]
    width: float
    height: float


def place(sizes: Sequence[tuple[float, float]], edges: Sequence[tuple[int, int]]) -> Layout:
    """Boxes of these widths and heights, numbered in an order in which edges lead forward; others are drawn straight."""
    layers = _layers(len(sizes), edges)
    widths = [width for width, _ in sizes]
    at = list(layers)
    chains: dict[tuple[int, int], list[int]] = {}
    above: list[list[int]] = [[] for _ in sizes]
    for source, target in edges:
        if not 0 < layers[target] - layers[source] <= LONGEST:
            continue
        chain = [source]
        for layer in range(layers[source] + 1, layers[target]):
            widths.append(POINT)
            at.append(layer)
            above.append([])
            chain.append(len(at) - 1)
        chain.append(target)
        for upper, lower in pairwise(chain):
            above[lower].append(upper)
        chains[source, target] = chain[1:-1]
    rows: list[list[int]] = [[] for _ in range(max(at, default=-1) + 1)]
    for number, layer in enumerate(at):
        rows[layer].append(number)
    xs = _positions(rows, widths, above)
    tops, bottoms = _spans(rows, sizes)
    least = min((xs[n] - widths[n] / 2 for n in range(len(at))), default=0.0) - GAP
    centres = [(xs[n] - least, tops[layers[n]] + sizes[n][1] / 2) for n in range(len(sizes))]
    routes: dict[tuple[int, int], list[Point]] = {}
    for source, target in edges:
        through = chains.get((source, target), ())
        middle = [(xs[n] - least, y) for n in through for y in (tops[at[n]], bottoms[at[n]])]
        first = (centres[source][0], centres[source][1] + sizes[source][1] / 2)
        last = (centres[target][0], centres[target][1] - sizes[target][1] / 2)
        routes[source, target] = [first, *middle, last]
    width = max((xs[n] + widths[n] / 2 for n in range(len(at))), default=0.0) - least + GAP
    return Layout(centres, routes, width, (bottoms[-1] if bottoms else 0.0) + GAP)


def _layers(count: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    """One more than the greatest layer of what leads to a box; a box that nothing leads to stands right above its first reader."""
    before: list[list[int]] = [[] for _ in range(count)]
    after: list[list[int]] = [[] for _ in range(count)]
    for source, target in edges:
        if source < target:
            before[target].append(source)
            after[source].append(target)
    layers = [0] * count
    for number in range(count):
        layers[number] = max((layers[each] + 1 for each in before[number]), default=0)
    for number in range(count):
        if not before[number] and after[number]:
            layers[number] = min(layers[each] for each in after[number]) - 1
    return layers


def _positions(rows: list[list[int]], widths: Sequence[float], above: Sequence[list[int]]) -> list[float]:
    """The centre of everything on its row, after sweeps down and up that pull each to its neighbours."""
    below: list[list[int]] = [[] for _ in above]
    for number, uppers in enumerate(above):
        for upper in uppers:
            below[upper].append(number)
    xs = [0.0] * len(above)
    for row in rows:
        for number, x in zip(row, _apart([0.0] * len(row), row, widths), strict=True):
            xs[number] = x
    for sweep in range(SWEEPS):
        neighbours, order = (above, rows) if sweep % 2 == 0 else (below, rows[::-1])
        for row in order:
            wanted = {
                n: sum(xs[e] for e in neighbours[n]) / len(neighbours[n]) if neighbours[n] else xs[n] for n in row
            }
            row.sort(key=wanted.__getitem__)
            for number, x in zip(row, _apart([wanted[n] for n in row], row, widths), strict=True):
                xs[number] = x
    return xs


def _apart(wanted: Sequence[float], row: Sequence[int], widths: Sequence[float]) -> list[float]:
    """The positions nearest to the wanted ones in sum of squares that keep the order and the distances: those that collide become a block
    at the mean of what its members want."""
    offsets: list[float] = []
    for index, number in enumerate(row):
        before = row[index - 1] if index else number
        offsets.append(offsets[-1] + (widths[before] + widths[number]) / 2 + GAP if index else 0.0)
    blocks: list[tuple[float, int]] = []
    """The sum of what the members of each block want, less their offsets, and how many they are."""
    for want, offset in zip(wanted, offsets, strict=True):
        total, count = want - offset, 1
        while blocks and blocks[-1][0] / blocks[-1][1] > total / count:
            more, members = blocks.pop()
            total, count = total + more, count + members
        blocks.append((total, count))
    bases = [total / count for total, count in blocks for _ in range(count)]
    return [base + offset for base, offset in zip(bases, offsets, strict=True)]


def _spans(rows: Sequence[Sequence[int]], sizes: Sequence[tuple[float, float]]) -> tuple[list[float], list[float]]:
    """The top and the bottom of each row."""
    tops: list[float] = []
    bottoms: list[float] = []
    y = GAP
    for row in rows:
        tops.append(y)
        y += max((sizes[number][1] for number in row if number < len(sizes)), default=0.0)
        bottoms.append(y)
        y += STEP
    return tops, bottoms
