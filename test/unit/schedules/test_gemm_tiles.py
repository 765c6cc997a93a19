"""The order of tiles: what does not fit is out, more waves take longer, and copies of single elements cost."""

from __future__ import annotations

from math import inf, isclose

import pytest
from xdsl.dialects.builtin import IntAttr, StringAttr

from trtc.dialects.kernel.types import Target
from trtc.passes.kernels.building.work import Work
from trtc.passes.kernels.cost.price import RESERVED_SMEM, launch_price
from trtc.passes.kernels.schedules.gemm.tiles import Sizes, Tile, rank, tiles

SMALL = Tile(64, 64, 64, 2, 2, 3)


def target(smem: int = 166912) -> Target:
    return Target(StringAttr("sm_80"), IntAttr(108), IntAttr(smem))


def price(sizes: Sizes, tile: Tile, smem: int = 166912) -> float:
    return launch_price(sizes.work(tile), target(smem))


def ranked(sizes: Sizes, smem: int = 166912) -> list[Tile]:
    return rank(sizes, smem, lambda work: launch_price(work, target(smem)))


def test_a_tile_that_does_not_fit_is_never_ranked() -> None:
    need = SMALL.smem(2) + RESERVED_SMEM
    sizes = Sizes("f16", 512, 512, 512)
    assert price(sizes, SMALL, need) < inf
    assert price(sizes, SMALL, need - 1) == inf
    for tile in ranked(Sizes("f16", 4096, 4096, 4096), 64 * 1024):
        assert tile.smem(2) + RESERVED_SMEM <= 64 * 1024


def test_many_times_the_blocks_take_as_many_times_as_long() -> None:
    one, many = (price(Sizes("f16", 8192, 8192, 512, batch), SMALL) for batch in (1, 8))
    assert isclose(many / one, 8, rel_tol=0.05)


def test_small_products_take_small_tiles_and_large_ones_large() -> None:
    small, large = (ranked(Sizes("f16", n, n, 4096))[0] for n in (256, 8192))
    assert small.bm * small.bn < large.bm * large.bn


@pytest.mark.parametrize("kind", ["f16", "tf32", "s8"])
def test_a_short_reduction_takes_short_steps(kind: str) -> None:
    element = {"f16": 2, "tf32": 4, "s8": 1}[kind]
    assert {tile.bk * element for tile in tiles(kind, 64 // element)} == {64}
    assert {tile.bk * element for tile in tiles(kind, 4096)} == {64, 128}


def test_an_empty_product_is_one_block_of_one_step() -> None:
    assert (made := Sizes("f16", 0, 64, 0, 0).work(SMALL)).blocks == made.steps == 1
    assert isinstance(made, Work) and ranked(Sizes("f16", 0, 64, 0, 0))


def test_copies_of_single_elements_call_for_larger_tiles() -> None:
    """A first conv, 12544 x 64 x 147: each element of A is copied once for every column of tiles, and each of B for every row."""
    hopper = Target(StringAttr("sm_90a"), IntAttr(132), IntAttr(232448))

    def best(pieces: tuple[int, int] | None) -> Tile:
        sizes = Sizes("f16", 12544, 64, 147, pieces=pieces)
        return rank(sizes, 232448, lambda work: launch_price(work, hopper))[0]

    wide, single = best(None), best((1, 1))
    assert single.bm * single.bn > wide.bm * wide.bn and single.bn == 64
    assert best((8, 8)) == wide


@pytest.mark.parametrize("kind", ["f16", "tf32", "fma"])
def test_products_side_by_side_share_a_tile_whose_parts_fit_its_warps(kind: str) -> None:
    found, unit = list(tiles(kind, 512, 2)), 4 if kind == "fma" else 8
    assert found and all(tile.part(2).bn % (unit * tile.wn) == 0 for tile in found)
    narrow = {(tile.bn, tile.wn) for tile in tiles(kind, 512) if tile.bn < 2 * unit * tile.wn}
    assert not narrow & {(tile.bn, tile.wn) for tile in found}
    alone, both = Sizes(kind, 512, 512, 512), Sizes(kind, 512, 1024, 512, count=2)
    assert both.work(SMALL).blocks == 2 * alone.work(SMALL).blocks
    assert both.work(SMALL).epilogue == alone.work(SMALL).epilogue / 2
