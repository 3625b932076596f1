"""Pictures of the world: what a camera and a radar see, and what is where."""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from mmrs.synthetic.canvas import Canvas
from mmrs.synthetic.ground import block_trees, grow_trees, paint_ground
from mmrs.synthetic.noise import hash32
from mmrs.synthetic.objects import Cover, WorldObject
from mmrs.synthetic.painters import paint
from mmrs.synthetic.window import Window
from mmrs.synthetic.world import Layout, World

FINE = 2  # sub-pixels along each side of a pixel
REACH = 20.0  # metres beyond the window whose shadows may fall into it


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
    """

    sun_azimuth: float = math.radians(-130)
    sun_elevation: float = math.radians(48)
    gain: tuple[float, float, float] = (1.0, 1.0, 1.0)
    haze: float = 0.03
    blur: float = 0.45
    noise: float = 2.0


@dataclass(frozen=True)
class Picture:
    """A rendered window.

    Attributes:
        image: RGB, uint8 (H, W, 3).
        layout: what the window shows; its rasters are (H, W).
        surface: height above the ground of what is seen, float32 (H, W).
        labels: index in ``layout.objects`` plus one of what is seen in each
            sub-pixel, 0 for bare ground and trees; int32 (2H, 2W).
    """

    image: np.ndarray
    layout: Layout
    surface: np.ndarray
    labels: np.ndarray

    def instances(self) -> list[tuple[WorldObject, np.ndarray]]:
        """The objects in sight with their visible masks, bool (H, W).

        A pixel belongs to a mask where the object covers at least half of
        it; objects with no such pixel are left out.
        """
        found = []
        shape = self.image.shape[:2]
        for label in np.unique(self.labels):
            if label == 0:
                continue
            fine = (self.labels == label).astype(np.uint8)
            mask = fine.reshape(shape[0], FINE, shape[1], FINE).sum((1, 3))
            mask = 2 * mask >= FINE * FINE
            if mask.any():
                found.append((self.layout.objects[label - 1], mask))
        return found


def render_optical(
    world: World, window: Window, look: Look | None = None, date: float = 0.0
) -> Picture:
    """What a camera straight above sees.

    Args:
        world: the world.
        window: what to show.
        look: sun and camera.
        date: years.
    """
    look = look or Look()
    margin = math.ceil(REACH / window.gsd) + 4
    wide = window.pad(margin)
    layout = world.layout(wide.refine(FINE), date)
    albedo = paint_ground(world, layout)
    canvas = Canvas(albedo, layout.window, look.sun_azimuth)
    for thing in layout.objects:
        paint(canvas, thing)
    tops, labels = _stack(layout)
    layout = _coarsen(layout, wide)
    albedo = cv2.resize(
        albedo, (wide.width, wide.height), interpolation=cv2.INTER_AREA
    ).astype(np.float32)
    surface = tops[::FINE, ::FINE]
    taken = (surface > 0) | np.isin(
        layout.cover, (Cover.ROAD, Cover.PAVED, Cover.WATER)
    )
    blocked = block_trees(taken, window.gsd)
    trees = grow_trees(world, layout, blocked, look.sun_azimuth)
    albedo += trees.alpha[..., None] * (trees.colour - albedo)
    surface = np.maximum(surface, trees.height)
    grown = np.repeat(np.repeat(trees.alpha > 0.5, FINE, 0), FINE, 1)
    labels[grown] = 0
    light = _light(layout, surface, look)
    image = _expose(world, albedo * light[..., None], wide, look)
    inner = slice(margin, -margin)
    fine = slice(margin * FINE, -margin * FINE)
    return Picture(
        np.ascontiguousarray(image[inner, inner]),
        _crop(layout, window, inner),
        surface[inner, inner],
        labels[fine, fine],
    )


def _stack(layout: Layout) -> tuple[np.ndarray, np.ndarray]:
    """Heights above the ground and labels of the objects, lowest first."""
    shape = (layout.window.height, layout.window.width)
    tops = np.zeros(shape, np.float32)
    labels = np.zeros(shape, np.int32)
    for label, thing in enumerate(layout.objects, 1):
        pixels = layout.window.to_pixels(thing.polygon)
        outline = [np.round(pixels * 16).astype(np.int32)]
        cv2.fillPoly(labels, outline, label, shift=4)
        if thing.top > 0:
            cv2.fillPoly(tops, outline, thing.top, shift=4)
    return tops, labels


def _coarsen(layout: Layout, window: Window) -> Layout:
    """The layout's rasters at whole pixels."""
    pick = slice(FINE // 2, None, FINE)
    return Layout(
        window,
        layout.objects,
        layout.elevation[pick, pick],
        layout.slope[pick, pick],
        layout.water[pick, pick],
        layout.cover[pick, pick],
    )


def _crop(layout: Layout, window: Window, inner: slice) -> Layout:
    return Layout(
        window,
        layout.objects,
        layout.elevation[inner, inner],
        layout.slope[inner, inner],
        layout.water[inner, inner],
        layout.cover[inner, inner],
    )


def _light(layout: Layout, surface: np.ndarray, look: Look) -> np.ndarray:
    """Sunlight on each pixel relative to flat open ground, (H, W)."""
    sun = np.array((math.cos(look.sun_azimuth), math.sin(look.sun_azimuth)))
    relief = 1 - 1.6 * (layout.slope @ sun)
    relief[layout.cover == Cover.WATER] = 1
    shadow = cast_shadows(surface, layout.window.gsd, look)
    return np.clip(relief, 0.6, 1.4) * (1 - 0.55 * shadow)


def cast_shadows(surface: np.ndarray, gsd: float, look: Look) -> np.ndarray:
    """How far each pixel lies in the shadow of higher ones, 0 to 1.

    Args:
        surface: heights above the ground in metres, (H, W).
        gsd: pixel size in metres.
        look: gives the sun.

    Returns:
        float32 (H, W).
    """
    drop = gsd * math.tan(look.sun_elevation)
    steps = math.ceil(float(surface.max()) / drop)
    h, w = surface.shape
    reach = steps + 1
    padded = np.pad(surface, reach)
    ray = np.zeros_like(surface)
    for step in range(1, steps + 1):
        x = reach + round(step * math.cos(look.sun_azimuth))
        y = reach + round(step * math.sin(look.sun_azimuth))
        np.maximum(ray, padded[y : y + h, x : x + w] - step * drop, out=ray)
    shadow = np.clip((ray - surface) / 0.8, 0, 1)
    return cv2.GaussianBlur(shadow, (0, 0), 0.6)


def _expose(
    world: World, radiance: np.ndarray, window: Window, look: Look
) -> np.ndarray:
    """Atmosphere, optics and sensor; uint8 (H, W, 3)."""
    image = radiance * np.asarray(look.gain, np.float32)
    image += look.haze * (235 - image)
    image = cv2.GaussianBlur(image, (0, 0), look.blur)
    noise = gaussian(world.key('sensor'), window)
    image += look.noise * noise[..., None]
    return np.clip(np.round(image), 0, 255).astype(np.uint8)


def gaussian(key: int, window: Window) -> np.ndarray:
    """White noise of about unit variance, a function of the pixel (H, W)."""
    cols, rows = window.cols[None, :], window.rows[:, None]
    words = hash32(key, cols, rows)
    # The sum of four random bytes is near enough to a normal variable.
    total = sum((words >> shift) & 255 for shift in (0, 8, 16, 24))
    return ((total.astype(np.float32) - 510) / 147.8).astype(np.float32)
