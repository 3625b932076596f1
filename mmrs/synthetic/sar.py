"""What an imaging radar sees, in the main."""

import math

import cv2
import numpy as np

from mmrs.synthetic.noise import uniform
from mmrs.synthetic.objects import Cover, WorldObject
from mmrs.synthetic.shadows import cast_shadows, reach
from mmrs.synthetic.survey import FINE, Survey, survey
from mmrs.synthetic.window import Window
from mmrs.synthetic.world import World

LOOK = math.radians(180)  # direction to the radar: it looks from the west
GRAZING = math.radians(50)  # its height above the horizon
WHITE = 310.0  # grey level of intensity 1, before clipping
LOOKS = 3  # independent looks averaged in each pixel
# Mean intensity of each land cover.
COVER_ECHO = {
    Cover.WATER: 0.006,
    Cover.SAND: 0.03,
    Cover.SOIL: 0.06,
    Cover.GRASS: 0.08,
    Cover.FOREST: 0.16,
    Cover.FIELD: 0.1,
    Cover.PAVED: 0.05,
    Cover.ROAD: 0.02,
}
# Mean intensity of what stands up.
OBJECT_ECHO = {
    'ship': 0.4,
    'building': 0.22,
    'storage_tank': 0.3,
    'airplane': 0.4,
    'vehicle': 0.3,
    'harbor': 0.12,
    'bridge': 0.2,
}
BOUNCE = 0.25  # intensity that a metre of wall facing the radar adds


def render_sar(
    world: World,
    window: Window,
    sea_state: float = 1.0,
    date: float = 0.0,
) -> tuple[np.ndarray, Survey]:
    """Take a radar picture: speckled, walls bright, calm water dark.

    Objects lie where they are on the ground; their layover is left out.

    Args:
        world: the world.
        window: what to show.
        sea_state: how much the water echoes against a calm day.
        date: years.

    Returns:
        grey levels, uint8 (H, W), and what is seen in it.
    """
    margin = reach(GRAZING, window.gsd)
    wide = window.pad(margin)
    found = survey(world, wide, date)
    intensity = _echo(world, found, sea_state)
    intensity *= speckle(world.key('speckle'), wide)
    intensity = cv2.GaussianBlur(intensity, (0, 0), 0.6)
    image = WHITE * np.sqrt(intensity)
    image = np.clip(np.round(image), 0, 255).astype(np.uint8)
    inner = image[margin:-margin, margin:-margin]
    return np.ascontiguousarray(inner), found.crop(window, margin)


def _echo(world: World, found: Survey, sea_state: float) -> np.ndarray:
    """Mean intensity of each pixel, float32 (H, W)."""
    layout, window = found.layout, found.layout.window
    table = np.array([COVER_ECHO[cover] for cover in Cover], np.float32)
    table[Cover.WATER] *= sea_state
    echo = table[layout.cover]
    texture = window.grid.value(world.key('texture2'), 10 + 2 * window.gsd)
    echo *= np.clip(1 + 0.6 * texture, 0.3, 2)
    objects = _object_echoes(layout.objects)[found.labels[::FINE, ::FINE]]
    # Bright points a few metres apart; the cube of noise is large at few.
    glint = window.grid.value(world.key('glint'), 3 + window.gsd)
    glint = np.clip(0.5 + 0.6 * glint, 0, 1.5) ** 3 / 0.27
    stands = objects > 0
    echo[stands] = objects[stands] * (0.35 + 0.65 * glint[stands])
    ahead = np.roll(found.surface, 1, axis=1)  # towards the radar
    echo += (
        BOUNCE
        * np.clip(found.surface - ahead - 1, 0, 6)
        * (found.canopy.alpha < 0.5)
    )
    shadow = cast_shadows(found.surface, window.gsd, LOOK, GRAZING)
    return echo * (1 - 0.9 * shadow)


def _object_echoes(objects: list[WorldObject]) -> np.ndarray:
    """Mean intensity of each object, 0 where its land cover counts.

    Returns:
        float32 (N + 1,), indexed by the labels of a survey.
    """
    echoes = np.zeros(len(objects) + 1, np.float32)
    for label, thing in enumerate(objects, 1):
        strength = 0.5 + uniform(thing.style)
        echoes[label] = OBJECT_ECHO.get(thing.kind, 0) * strength
    return echoes


def speckle(key: int, window: Window) -> np.ndarray:
    """Multiplicative speckle of mean 1, float32 (H, W).

    The mean of ``LOOKS`` exponential variables, a function of the pixel.
    """
    total = np.zeros((window.height, window.width))
    for look in range(LOOKS):
        draw = uniform(key, window.cols[None, :], window.rows[:, None], look)
        total -= np.log1p(-draw)
    return (total / LOOKS).astype(np.float32)
