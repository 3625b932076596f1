"""What a camera straight above sees."""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from mmrs.synthetic.canvas import Canvas
from mmrs.synthetic.ground import paint_ground, paint_trees
from mmrs.synthetic.noise import bell
from mmrs.synthetic.objects import Cover, day
from mmrs.synthetic.painters import paint
from mmrs.synthetic.shadows import cast_shadows, reach
from mmrs.synthetic.survey import FINE, Survey, survey
from mmrs.synthetic.window import Window
from mmrs.synthetic.world import World


@dataclass(frozen=True)
class Look:
    """How an optical picture is taken.

    Attributes:
        sun_azimuth: direction to the sun, radians from east towards south.
        sun_elevation: height of the sun above the horizon, radians.
        gain: factor of each colour, RGB.
        haze: share of white mixed in, 0 to 1.
        blur: standard deviation of the blur in pixels.
        noise: standard deviation of the sensor noise in grey levels.
        dryness: of the season, 0 for green grass and leaves to 1 for straw.
    """

    sun_azimuth: float = math.radians(60)
    sun_elevation: float = math.radians(48)
    gain: tuple[float, float, float] = (1.0, 1.0, 1.0)
    haze: float = 0.03
    blur: float = 0.45
    noise: float = 2.0
    dryness: float = 0.0


def render_optical(
    world: World, window: Window, look: Look | None = None, date: float = 0.0
) -> tuple[np.ndarray, Survey]:
    """Take a colour picture.

    Args:
        world: the world.
        window: what to show.
        look: sun and camera; the defaults of :class:`Look` if not given.
        date: years.

    Returns:
        RGB, uint8 (H, W, 3), and what is seen in it.
    """
    look = look or Look()
    margin = reach(look.sun_elevation, window.gsd)
    wide = window.pad(margin)
    found = survey(world, wide, date)
    colour = paint_world(world, found, look)
    colour *= sunlight(found, look)[..., None]
    image = _expose(world, colour, wide, look, date)
    inner = image[margin:-margin, margin:-margin]
    return np.ascontiguousarray(inner), found.crop(window, margin)


def paint_world(world: World, found: Survey, look: Look) -> np.ndarray:
    """Colour of everything in even light, float32 (H, W, 3)."""
    window = found.layout.window
    ground = paint_ground(world, found.layout, look.dryness)
    fine = cv2.resize(ground, None, fx=FINE, fy=FINE)
    year = int(found.layout.date)
    canvas = Canvas(fine, window.refine(FINE), look.sun_azimuth, year)
    for thing in found.layout.objects:
        paint(canvas, thing)
    size = (window.width, window.height)
    colour = cv2.resize(fine, size, interpolation=cv2.INTER_AREA)
    colour = colour.astype(np.float32)
    trees = paint_trees(
        world, window, found.canopy, look.sun_azimuth, look.dryness
    )
    return colour + found.canopy.alpha[..., None] * (trees - colour)


def sunlight(found: Survey, look: Look) -> np.ndarray:
    """Sunlight on each pixel relative to flat open ground, (H, W)."""
    layout = found.layout
    sun = np.array((math.cos(look.sun_azimuth), math.sin(look.sun_azimuth)))
    relief = np.clip(1 - 1.6 * (layout.slope @ sun), 0.6, 1.4)
    relief[layout.cover == Cover.WATER] = 1
    shadow = cast_shadows(
        found.surface, layout.window.gsd, look.sun_azimuth, look.sun_elevation
    )
    return (relief * (1 - 0.55 * shadow)).astype(np.float32)


def _expose(
    world: World,
    radiance: np.ndarray,
    window: Window,
    look: Look,
    date: float,
) -> np.ndarray:
    """Atmosphere, optics and sensor; uint8 (H, W, 3)."""
    image = radiance * np.asarray(look.gain, np.float32)
    image += look.haze * (235 - image)
    image = cv2.GaussianBlur(image, (0, 0), look.blur)
    when = [day(date)] if date else []
    pixels = window.cols[None], window.rows[:, None]
    noise = bell(world.key('sensor'), *when, *pixels)
    image += look.noise * noise[..., None].astype(np.float32)
    return np.clip(np.round(image), 0, 255).astype(np.uint8)
