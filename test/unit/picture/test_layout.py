"""Layouts: boxes do not overlap, edges lead down and go around boxes, and the work grows with the graph."""

from __future__ import annotations

import random
import time
from itertools import combinations, pairwise

import pytest

from trtc.compiler.picture.layout import GAP, LONGEST, Layout, place

Sizes = list[tuple[float, float]]
Edges = list[tuple[int, int]]


def random_graph(seed: int, count: int) -> tuple[Sizes, Edges]:
    rng = random.Random(seed)
    sizes = [(float(rng.randint(20, 150)), float(rng.randint(15, 90))) for _ in range(count)]
    near = {(rng.randint(max(0, n - 6), n - 1), n) for n in range(1, count) for _ in range(rng.randint(0, 2))}
    return sizes, sorted(near)


def boxes(sizes: Sizes, placed: Layout) -> list[tuple[float, float, float, float]]:
    return [
        (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
        for (width, height), (x, y) in zip(sizes, placed.centres, strict=True)
    ]


@pytest.mark.parametrize("seed", range(8))
def test_boxes_do_not_overlap_and_edges_lead_down(seed: int) -> None:
    sizes, edges = random_graph(seed, 60)
    placed = place(sizes, edges)
    found = boxes(sizes, placed)
    for one, other in combinations(found, 2):
        assert one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
    for left, top, right, bottom in found:
        assert left >= 0 and top >= 0 and right <= placed.width and bottom <= placed.height
    for route in placed.routes.values():
        assert all(upper[1] <= lower[1] for upper, lower in pairwise(route))


@pytest.mark.parametrize("seed", range(8))
def test_edges_bend_around_boxes(seed: int) -> None:
    """Where an edge is beside a box it goes straight down."""
    sizes, edges = random_graph(seed, 60)
    placed = place(sizes, edges)
    found = boxes(sizes, placed)
    for route in placed.routes.values():
        for (x, y), (to_x, to_y) in pairwise(route[1:-1]):
            if x == to_x:
                crossed = [box for box in found if box[0] < x < box[2] and box[1] < to_y and y < box[3]]
                assert not crossed


def test_branches_stand_beside_each_other_under_their_fork() -> None:
    placed = place([(50.0, 20.0)] * 5, [(0, 1), (0, 2), (0, 3), (1, 4), (2, 4), (3, 4)])
    (fork, *branches, join) = placed.centres
    assert len({y for _, y in branches}) == 1
    assert sorted(x for x, _ in branches) == pytest.approx([fork[0] + k * (50 + GAP) for k in (-1, 0, 1)])
    assert join[0] == pytest.approx(fork[0])


def test_an_input_stands_above_its_first_reader() -> None:
    """Not at the top of the picture."""
    placed = place([(50.0, 20.0)] * 5, [(0, 1), (1, 2), (2, 4), (3, 4)])
    assert placed.centres[3][1] == placed.centres[2][1]


def test_a_long_edge_and_one_back_are_straight() -> None:
    count = LONGEST + 3
    edges = [*((n, n + 1) for n in range(count - 1)), (0, count - 1), (5, 2)]
    placed = place([(50.0, 20.0)] * count, edges)
    assert len(placed.routes[0, count - 1]) == 2
    assert len(placed.routes[5, 2]) == 2


def test_nothing_is_placed_in_no_time() -> None:
    assert place([], []).centres == []


def test_a_chain_of_thousands_is_placed_in_seconds() -> None:
    count = 4000
    start = time.perf_counter()
    place([(50.0, 20.0)] * count, [*((n, n + 1) for n in range(count - 1)), *((n, n + 9) for n in range(count - 9))])
    assert time.perf_counter() - start < 20
