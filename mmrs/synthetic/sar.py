"""What an imaging radar sees, in the main."""

import math

import cv2
import numpy as np

from mmrs.synthetic.noise import uniform
from mmrs.synthetic.objects import Cover
from mmrs.synthetic.shadows import cast_shadows, reach
from mmrs.synthetic.survey import FINE, Survey, survey
from mmrs.synthetic.window import Window
from mmrs.synthetic.world import World

LOOK = math.radians(180)  # direction to the radar: it looks from the west
GRAZING = math.radians(50)  # its height above the horizon
LOOKS = 3  # independent looks averaged in each pixel
# Mean intensity of each land cover; 1 makes the brightest grey.
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
# Mean intensity of what stands up, and the part of it that is in bright
# points rather than even.
OBJECT_ECHO = {
    'ship': (0.55, 0.7),
    'building': (0.3, 0.5),
    'storage_tank': (0.3, 0.6),
    'airplane': (0.4, 0.6),
    'vehicle': (0.4, 0.3),
    'harbor': (0.14, 0.4),
    'bridge': (0.2, 0.3),
}
BOUNCE = 0.5  # intensity that a metre of wall facing the radar adds


def render_sar(
    world: World, window: Window, date: float = 0.0
) -> tuple[np.ndarray, Survey]:
    """Take a radar picture: speckled, walls bright, calm water dark.

    Objects lie where they are on the ground; their layover is left out.

    Args:
        world: the world.
        window: what to show.
        date: years.

    Returns:
        grey levels, uint8 (H, W), and what is seen in it.
    """
    margin = reach(GRAZING, window.gsd)
    wide = window.pad(margin)
    found = survey(world, wide, date)
    intensity = _echo(world, found) * speckle(world.key('speckle'), wide)
    intensity = cv2.GaussianBlur(intensity, (0, 0), 0.5)
    image = 255 * np.sqrt(intensity)
    image = np.clip(np.round(image), 0, 255).astype(np.uint8)
    inner = image[margin:-margin, margin:-margin]
    return np.ascontiguousarray(inner), found.crop(window, margin)


def _echo(world: World, found: Survey) -> np.ndarray:
    """Mean intensity of each pixel, float32 (H, W)."""
    layout, window = found.layout, found.layout.window
    table = np.array([COVER_ECHO[cover] for cover in Cover], np.float32)
    echo = table[layout.cover]
    texture = window.grid.value(world.key('texture2'), 10 + 2 * window.gsd)
    echo *= np.clip(1 + 0.6 * texture, 0.3, 2)
    glint = uniform(
        world.key('glint'), window.cols[None, :], window.rows[:, None]
    ).astype(np.float32)
    for kind, (mean, points) in OBJECT_ECHO.items():
        labels = [
            label
            for label, thing in enumerate(layout.objects, 1)
            if thing.kind == kind
        ]
        seen = found.labels[::FINE, ::FINE]
        here = np.isin(seen, labels)
        # The fifth power of a uniform number is large at few places.
        echo[here] = mean * (1 - points + 6 * points * glint[here] ** 5)
    ahead = np.roll(found.surface, 1, axis=1)  # towards the radar
    echo += (
        BOUNCE
        * np.clip(found.surface - ahead - 1, 0, 6)
        * (found.canopy.alpha < 0.5)
    )
    shadow = cast_shadows(found.surface, window.gsd, LOOK, GRAZING)
    return echo * (1 - 0.9 * shadow)


def speckle(key: int, window: Window) -> np.ndarray:
    """Multiplicative speckle of mean 1, float32 (H, W).

    The mean of ``LOOKS`` exponential variables, a function of the pixel.
    """
    total = np.zeros((window.height, window.width))
    for look in range(LOOKS):
        draw = uniform(key, window.cols[None, :], window.rows[:, None], look)
        total -= np.log1p(-draw)
    return (total / LOOKS).astype(np.float32)
