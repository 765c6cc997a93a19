"""The model that ranks tiles: what does not fit is out, more waves take longer, and copies of single elements cost."""

from __future__ import annotations

from math import inf, isclose

import pytest

from trtc.passes.kernels.schedules.gemm.tiles import Tile, cycles, rank, tiles

SMS, SMEM = 108, 166912
SMALL = Tile(64, 64, 64, 2, 2, 3)


def test_a_tile_that_does_not_fit_is_never_ranked() -> None:
    need = SMALL.smem(2) + 1024
    assert cycles(SMALL, "f16", 512, 512, 512, 1, SMS, need) < inf
    assert cycles(SMALL, "f16", 512, 512, 512, 1, SMS, need - 1) == inf
    for tile in rank("f16", 4096, 4096, 4096, 1, SMS, 64 * 1024):
        assert tile.smem(2) + 1024 <= 64 * 1024


def test_many_times_the_blocks_take_as_many_times_as_long() -> None:
    one, many = (cycles(SMALL, "f16", 8192, 8192, 512, batch, SMS, SMEM) for batch in (1, 8))
    assert isclose(many / one, 8, rel_tol=0.05)


def test_small_products_take_small_tiles_and_large_ones_large() -> None:
    small, large = (rank("f16", n, n, 4096, 1, SMS, SMEM)[0] for n in (256, 8192))
    assert small.bm * small.bn < large.bm * large.bn


@pytest.mark.parametrize("kind", ["f16", "tf32", "s8"])
def test_a_short_reduction_takes_short_steps(kind: str) -> None:
    element = {"f16": 2, "tf32": 4, "s8": 1}[kind]
    assert {tile.bk * element for tile in tiles(kind, 64 // element)} == {64}
    assert {tile.bk * element for tile in tiles(kind, 4096)} == {64, 128}
