"""Colour of the bare ground and of the trees."""

import math

import numpy as np

from mmrs.synthetic.objects import Cover
from mmrs.synthetic.trees import TALLEST, Canopy
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
# How much of its colour each land cover loses to straw in the dry season.
WITHERING = np.array([0, 0, 0.1, 0.75, 0.35, 0.5, 0, 0], np.float32)
STRAW = np.array((184, 166, 112), np.float32)


def paint_ground(
    world: World, layout: Layout, dryness: float = 0.0
) -> np.ndarray:
    """Colour the land cover.

    Args:
        world: the world.
        layout: the window.
        dryness: of the season, 0 for green grass to 1 for straw.

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
    if dryness:
        key = world.key(f'drought{int(layout.date)}')
        patches = np.clip(0.7 + 0.5 * grid.value(key, 40.0), 0, 1)
        share = (dryness * WITHERING[cover] * patches)[..., None]
        colour += share * (STRAW - colour)
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


def paint_trees(
    world: World,
    window: Window,
    canopy: Canopy,
    sunward: float,
    dryness: float = 0.0,
) -> np.ndarray:
    """Colour the crowns, lighter towards the sun.

    Args:
        world: the world.
        window: what to show.
        canopy: the crowns.
        sunward: direction to the sun, radians.
        dryness: of the season, 0 for green leaves to 1 for brown ones.

    Returns:
        float32 (H, W, 3), RGB; of no meaning where there is no crown.
    """
    grain = window.grid.value(world.key('leaves'), max(1.0, window.gsd * 1.5))
    lit = canopy.east * math.cos(sunward) + canopy.south * math.sin(sunward)
    dome = np.square(canopy.height / TALLEST)
    shade = 0.76 + 0.28 * lit + 0.2 * dome + 0.12 * grain
    base = np.array((66, 92, 50), np.float32)
    base += dryness * np.array((26, 2, -4), np.float32)
    warm = np.array((52, 34, 18), np.float32)
    colour = (base + canopy.tint[..., None] * warm) * shade[..., None]
    return np.clip(colour, 0, 255)
