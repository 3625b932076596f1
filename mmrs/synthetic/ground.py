"""Colour of the bare ground and the crowns of the trees."""

from dataclasses import dataclass

import cv2
import numpy as np

from mmrs.synthetic.noise import uniform
from mmrs.synthetic.objects import Cover
from mmrs.synthetic.window import Window
from mmrs.synthetic.world import Layout, World

# Two colours of each land cover, between which the texture varies.
_TONES = {
    Cover.WATER: ((38, 76, 98), (52, 96, 116)),
    Cover.SAND: ((196, 178, 136), (222, 206, 166)),
    Cover.SOIL: ((146, 122, 92), (180, 154, 118)),
    Cover.GRASS: ((84, 112, 62), (126, 146, 88)),
    Cover.FOREST: ((46, 70, 40), (70, 92, 54)),
    Cover.FIELD: ((130, 140, 76), (160, 150, 90)),
    Cover.PAVED: ((140, 138, 132), (166, 162, 154)),
    Cover.ROAD: ((92, 93, 96), (108, 108, 110)),
}
DARK, LIGHT = (
    np.array([_TONES[cover][k] for cover in Cover], np.float32)
    for k in range(2)
)
# Strength of the grain of a pixel or two, in grey levels.
GRAIN = np.array([3, 6, 9, 9, 10, 8, 4, 3], np.float32)

TREE_CELL = 6.5  # metres between neighbouring trees of a wood
CROWN = (2.4, 4.4)  # radius of the smallest and largest crown, metres
# Share of the places for a tree that have one.
TREES = np.array([0, 0, 0.02, 0.1, 0.95, 0, 0, 0])


def paint_ground(world: World, layout: Layout) -> np.ndarray:
    """Colour the land cover.

    Returns:
        uint8 (H, W, 3), RGB.
    """
    window, cover = layout.window, layout.cover
    grid = window.grid
    texture = 0.5 * np.ones(cover.shape, np.float32)
    for octave, spacing in enumerate((90.0, 30.0, 10.0, 4.0)):
        if spacing > 2 * window.gsd:
            noise = grid.value(world.key(f'texture{octave}'), spacing)
            texture += 0.33 * noise
    texture = np.clip(texture, 0, 1)[..., None]
    dark, light = DARK[cover], LIGHT[cover]
    colour = dark + texture * (light - dark)
    grain = grid.value(world.key('grain'), max(1.2, 1.5 * window.gsd))
    colour += (GRAIN[cover] * grain)[..., None]
    _tint_water(world, layout, colour)
    return np.clip(colour, 0, 255).astype(np.uint8)


def _tint_water(world: World, layout: Layout, colour: np.ndarray) -> None:
    """Shallows pale and greenish, the deep dark, ripples over all."""
    window, wet = layout.window, layout.cover == Cover.WATER
    if not wet.any():
        return
    depth = np.clip(layout.water[wet] / 45, 0, 1)[:, None]
    shallow = np.array((96, 144, 146), np.float32)
    colour[wet] += (1 - depth) ** 2 * 0.75 * (shallow - colour[wet])
    grid = window.grid
    ripples = grid.value(world.key('ripples'), 2.5) * (2.5 > 2 * window.gsd)
    swell = grid.value(world.key('swell'), 9.0)
    colour[wet] += (3.5 * ripples[wet] + 3 * swell[wet])[:, None]


@dataclass(frozen=True)
class Canopy:
    """The tree crowns of a window.

    Attributes:
        height: height of the crown in metres, 0 where none; float32 (H, W).
        colour: colour of the crown before shadows, float32 (H, W, 3).
        alpha: how much of the pixel the crown covers, float32 (H, W).
    """

    height: np.ndarray
    colour: np.ndarray
    alpha: np.ndarray


def grow_trees(
    world: World, layout: Layout, blocked: np.ndarray, sunward: float
) -> Canopy:
    """Let trees grow where the land cover has them.

    Each cell of a world-wide lattice has a place for one tree; the place is
    taken with a probability that its land cover gives.

    Args:
        world: the world.
        layout: the window.
        blocked: bool (H, W), where nothing can grow.
        sunward: direction to the sun, radians.
    """
    window = layout.window
    x, y = (axis.astype(np.float32) for axis in _relative(window))
    col, row = (
        np.floor(axis / TREE_CELL).astype(np.int64)
        for axis in (window.grid.xs, window.grid.ys)
    )
    first = np.array((col[0] - 1, row[0] - 1))
    trees = _trees(world, layout, blocked, first, col[-1] + 2, row[-1] + 2)
    col, row = col - first[0], row - first[1]
    best = np.full((window.height, window.width), -1.0, np.float32)
    light = np.zeros_like(best)
    tint = np.zeros_like(best)
    sun = np.cos(sunward), np.sin(sunward)
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            at = np.ix_(row + down, col + right)
            radius = trees['radius'][at]
            dx = (x[None, :] - trees['x'][at]) / radius
            dy = (y[:, None] - trees['y'][at]) / radius
            dome = 1 - dx * dx - dy * dy
            higher = dome > best
            best = np.where(higher, dome, best)
            lit = sun[0] * dx + sun[1] * dy
            light = np.where(higher, lit, light)
            tint = np.where(higher, trees['tint'][at], tint)
    grain = window.grid.value(world.key('leaves'), max(1.0, window.gsd * 1.5))
    shade = 0.72 + 0.3 * light + 0.22 * np.clip(best, 0, 1) + 0.12 * grain
    base = np.array((66, 92, 50), np.float32)
    warm = np.array((52, 34, 18), np.float32)
    colour = (base + tint[..., None] * warm) * shade[..., None]
    edge = 2.5 / window.gsd  # crowns end within about a pixel
    alpha = np.clip(0.5 + best * edge, 0, 1) * (best > -0.9)
    height = 9.0 * np.sqrt(np.clip(best, 0, 1))
    return Canopy(height, np.clip(colour, 0, 255), alpha)


def _relative(window: Window):
    """Pixel centres in metres from the window's corner."""
    west, north = window.bounds[:2]
    return window.grid.xs - west, window.grid.ys - north


def _trees(world, layout, blocked, first, last_col, last_row):
    """Position (from the window's corner), radius and tint, by cell."""
    window = layout.window
    col = np.arange(first[0], last_col + 1)[None, :]
    row = np.arange(first[1], last_row + 1)[:, None]
    west, north = window.bounds[:2]
    jitter = [uniform(world.key(f'tree{k}'), col, row) for k in range(5)]
    x = (col + 0.15 + 0.7 * jitter[0]) * TREE_CELL - west
    y = (row + 0.15 + 0.7 * jitter[1]) * TREE_CELL - north
    px = np.clip(np.floor(x / window.gsd), 0, window.width - 1).astype(int)
    py = np.clip(np.floor(y / window.gsd), 0, window.height - 1).astype(int)
    taken = jitter[2] < TREES[layout.cover[py, px]]
    taken &= ~blocked[py, px]
    radius = CROWN[0] + (CROWN[1] - CROWN[0]) * jitter[3]
    # A place without a tree gets a crown far too small to see.
    return {
        'x': x.astype(np.float32),
        'y': y.astype(np.float32),
        'radius': np.where(taken, radius, 1e-3).astype(np.float32),
        'tint': jitter[4].astype(np.float32),
    }


def block_trees(taken: np.ndarray, gsd: float) -> np.ndarray:
    """Widen what stands or is paved by the reach of a crown, bool (H, W)."""
    reach = max(1, round(2.2 / gsd))
    kernel = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    return cv2.dilate(taken.astype(np.uint8), kernel).astype(bool)
