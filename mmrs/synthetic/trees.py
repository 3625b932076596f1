"""The trees of the world."""

from dataclasses import dataclass, fields

import cv2
import numpy as np

from mmrs.synthetic.noise import uniform
from mmrs.synthetic.objects import Cover
from mmrs.synthetic.world import Layout, World

TREE_CELL = 6.5  # metres between neighbouring trees of a wood
CROWN = (2.4, 4.4)  # radius of the smallest and largest crown, metres
TALLEST = 9.0  # metres
RENEWAL = 0.008  # share of the places where a tree goes or comes in a year
# Share of the places for a tree that have one, in thin and in thick growth.
GROWTH = {
    Cover.SOIL: (0.0, 0.05),
    Cover.GRASS: (0.01, 0.3),
    Cover.FOREST: (0.9, 1.0),
}
THIN, THICK = (
    np.array([GROWTH.get(cover, (0, 0))[k] for cover in Cover])
    for k in range(2)
)


@dataclass(frozen=True)
class Canopy:
    """The tree crowns of a window; float32 (H, W) each.

    Attributes:
        alpha: how much of the pixel a crown covers, 0 to 1.
        height: height of the crown above the ground in metres, 0 where none.
        east: how far the pixel lies to the east of its tree, in crown radii.
        south: how far it lies to the south.
        tint: what tells the colours of trees apart, 0 to 1.
    """

    alpha: np.ndarray
    height: np.ndarray
    east: np.ndarray
    south: np.ndarray
    tint: np.ndarray

    def crop(self, inner: tuple[slice, slice]) -> 'Canopy':
        """A part of the canopy."""
        return Canopy(*(getattr(self, f.name)[inner] for f in fields(self)))


def grow_trees(world: World, layout: Layout, surface: np.ndarray) -> Canopy:
    """Let trees grow where the land cover has them.

    Each cell of a world-wide lattice has a place for one tree; the place is
    taken with a probability that its land cover gives, and is free where a
    crown would hang over a building or a pavement.

    Args:
        world: the world.
        layout: the window.
        surface: height of the objects above the ground in metres, (H, W).
    """
    window = layout.window
    xs, ys = window.grid.xs, window.grid.ys
    col, row = (np.floor(t / TREE_CELL).astype(int) for t in (xs, ys))
    trees = _plant(world, layout, surface, col, row)
    # Metres from the window's corner are small enough for float32.
    x = (xs - window.bounds[0]).astype(np.float32)[None, :]
    y = (ys - window.bounds[1]).astype(np.float32)[:, None]
    shape = (window.height, window.width)
    dome = np.full(shape, -1.0, np.float32)
    tree = np.zeros(shape, int)
    for down in range(3):
        for right in range(3):
            # The cell of each pixel and its eight neighbours.
            cell = np.ravel_multi_index(
                np.ix_(row - row[0] + down, col - col[0] + right),
                trees['x'].shape,
            )
            dx, dy = x - trees['x'].take(cell), y - trees['y'].take(cell)
            this = 1 - (dx * dx + dy * dy) * trees['inverse'].take(cell)
            higher = this > dome
            np.copyto(dome, this, where=higher)
            np.copyto(tree, cell, where=higher)
    inverse = np.sqrt(trees['inverse'].take(tree))
    rim = 2.5 / window.gsd  # a crown's edge is about a pixel wide
    alpha = np.clip(0.5 + dome * rim, 0, 1) * (dome > -0.9)
    return Canopy(
        alpha,
        TALLEST * np.sqrt(np.clip(dome, 0, 1)),
        (x - trees['x'].take(tree)) * inverse,
        (y - trees['y'].take(tree)) * inverse,
        trees['tint'].take(tree),
    )


def _plant(
    world: World,
    layout: Layout,
    surface: np.ndarray,
    col: np.ndarray,
    row: np.ndarray,
) -> dict[str, np.ndarray]:
    """Plant the cells of the pixels' columns and rows, and those around.

    Returns:
        by cell, float32: 'x' and 'y' in metres from the window's corner,
        'inverse', one over the squared radius, and 'tint'.
    """
    window = layout.window
    col = np.arange(col[0] - 1, col[-1] + 2)[None, :]
    row = np.arange(row[0] - 1, row[-1] + 2)[:, None]
    draw = [uniform(world.key(f'tree{k}'), col, row) for k in range(5)]
    x = (col + 0.15 + 0.7 * draw[0]) * TREE_CELL - window.bounds[0]
    y = (row + 0.15 + 0.7 * draw[1]) * TREE_CELL - window.bounds[1]
    px = np.clip(x // window.gsd, 0, window.width - 1).astype(int)
    py = np.clip(y // window.gsd, 0, window.height - 1).astype(int)
    grove = window.grid.value(world.key('grove'), 45.0)[py, px]
    grove = np.clip(grove * 2.5 - 0.6, 0, 1)
    ground = layout.cover[py, px]
    chance = THIN[ground] + grove * (THICK[ground] - THIN[ground])
    blocked = _keep_clear(layout, surface)[py, px]
    lot = draw[2]
    if layout.date:
        turn = uniform(world.key('tree turn'), col, row)
        anew = uniform(world.key('tree anew'), col, row)
        lot = np.where(turn < RENEWAL * abs(layout.date), anew, lot)
    taken = (lot < chance) & ~blocked
    radius = CROWN[0] + (CROWN[1] - CROWN[0]) * draw[3]
    # A place without a tree gets a crown far too small to see.
    inverse = np.where(taken, radius, 1e-3) ** -2.0
    trees = {'x': x, 'y': y, 'inverse': inverse, 'tint': draw[4]}
    return {name: value.astype(np.float32) for name, value in trees.items()}


def _keep_clear(layout: Layout, surface: np.ndarray) -> np.ndarray:
    """Where a trunk would stand too near to something, bool (H, W)."""
    taken = (surface > 0) | np.isin(
        layout.cover, (Cover.ROAD, Cover.PAVED, Cover.WATER)
    )
    reach = max(1, round(2.2 / layout.window.gsd))
    kernel = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    return cv2.dilate(taken.astype(np.uint8), kernel).astype(bool)
