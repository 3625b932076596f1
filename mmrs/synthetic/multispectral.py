"""What a four-band camera above the clouds sees.

The spectra are plausible round figures of our own choice.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from mmrs.synthetic.clouds import SKYLIGHT, THINNEST, Deck
from mmrs.synthetic.noise import bell, hash32
from mmrs.synthetic.objects import Cover
from mmrs.synthetic.optical import Look, paint_world, sunlight
from mmrs.synthetic.shadows import reach
from mmrs.synthetic.snow import Snow
from mmrs.synthetic.survey import Survey, survey
from mmrs.synthetic.window import Window
from mmrs.synthetic.world import World

BANDS = ('blue', 'green', 'red', 'nir')
BACKGROUND, CLOUD, SNOW = 0, 1, 2
# The colours of the world are grey levels for the eye; these turn them into
# reflectance.
GAMMA, WHITE = 2.2, 0.74
# Old snow is bright to the eye and darker in the near infrared; clouds are
# as bright in both.
SNOW_COLOUR = np.array((0.88, 0.87, 0.85, 0.67), np.float32)
CLOUD_COLOUR = np.array((0.86, 0.85, 0.84, 0.82), np.float32)
# The clear air scatters short waves most.
AIR = np.array((1.0, 0.55, 0.32, 0.12), np.float32)


@dataclass(frozen=True)
class Sky:
    """The weather of a picture.

    Attributes:
        decks: layers of clouds, the lowest first.
        snow: the snow on the ground, if there is any.
        air: reflectance of the clear air in the blue.
    """

    decks: tuple[Deck, ...] = ()
    snow: Snow | None = None
    air: float = 0.06


@dataclass(frozen=True)
class Multispectral:
    """A picture of four bands, and what is true of it.

    Attributes:
        reflectance: at the top of the atmosphere, of ``BANDS``, float32
            (H, W, 4) from 0 to about 1.
        thickness: effective optical thickness of the clouds, (H, W).
        snow: share of the ground that is white, 0 to 1, (H, W).
        ground: brightness of the ground in even light without any cloud,
            mean reflectance of the visible bands, (H, W).
        found: what else is there.
    """

    reflectance: np.ndarray
    thickness: np.ndarray
    snow: np.ndarray
    ground: np.ndarray
    found: Survey

    @property
    def label(self) -> np.ndarray:
        """0 background, 1 cloud, 2 snow that no cloud hides; uint8 (H, W)."""
        label = np.full(self.snow.shape, BACKGROUND, np.uint8)
        label[self.snow > 0.5] = SNOW
        label[self.thickness > THINNEST] = CLOUD
        return label


def render_multispectral(
    world: World,
    window: Window,
    look: Look | None = None,
    sky: Sky | None = None,
    date: float = 0.0,
) -> Multispectral:
    """Take a picture of four bands through the weather.

    Args:
        world: the world.
        window: what to show.
        look: sun and camera; its gain of green is taken for the near
            infrared, and its haze is left to ``sky``.
        sky: clouds and snow; a clear summer's day if not given.
        date: years.
    """
    look, sky = look or Look(), sky or Sky()
    margin = reach(look.sun_elevation, window.gsd)
    wide = window.pad(margin)
    found = survey(world, wide, date)
    ground = _reflect(paint_world(world, found, look), found)
    snow = np.zeros(found.surface.shape, np.float32)
    if sky.snow:
        snow = sky.snow.cover(found)
        ground += snow[..., None] * (SNOW_COLOUR - ground)
    light = sunlight(found, look) ** GAMMA
    image = ground * (light * _sunshine(wide, look, sky.decks))[..., None]
    air = sky.air * AIR
    image = air + (1 - air) * image
    thickness = np.zeros_like(snow)
    for deck in sky.decks:
        layer = deck.optical_thickness(wide)
        through = np.exp(-layer)[..., None]
        image = image * through + (1 - through) * _cloud_light(layer, look)
        thickness += layer
    image = _expose(world, image, wide, look, date)
    inner = (slice(margin, -margin),) * 2
    return Multispectral(
        np.ascontiguousarray(image[inner]),
        thickness[inner],
        snow[inner],
        ground[inner][..., :3].mean(-1),
        found.crop(window, margin),
    )


def _reflect(colour: np.ndarray, found: Survey) -> np.ndarray:
    """Reflectance of ``BANDS`` from colours for the eye, RGB (H, W, 3)."""
    rgb = WHITE * (np.clip(colour, 0, 255) / 255) ** GAMMA
    red, green, blue = np.moveaxis(rgb, -1, 0)
    total = red + green + blue + 1e-3
    # What is greener than grey is leaves: bright in the near infrared. Soil,
    # sand and concrete grow a little brighter with the wavelength.
    leaves = np.clip((2 * green - red - blue) / total / 0.5, 0, 1)
    nir = 1.15 * red + 0.03
    nir = nir + leaves * (0.22 + 1.3 * green - nir)
    # Water is black there; ships on it are not blue.
    wet = found.layout.cover == Cover.WATER
    water = wet * np.clip(3 * (blue - red) / (blue + red + 1e-3), 0, 1)
    nir = nir + water * (0.012 - nir)
    return np.stack([blue, green, red, nir], -1).astype(np.float32)


def _sunshine(
    window: Window, look: Look, decks: tuple[Deck, ...]
) -> np.ndarray:
    """Light on open ground against that of a clear day, (H, W)."""
    beam = np.ones((window.height, window.width), np.float32)
    for deck in decks:
        beam *= 1 - deck.shadow(window, look.sun_azimuth, look.sun_elevation)
    return SKYLIGHT + (1 - SKYLIGHT) * beam


def _cloud_light(thickness: np.ndarray, look: Look) -> np.ndarray:
    """Reflectance of a cloud, brighter towards the sun, (H, W, 4)."""
    south, east = np.gradient(np.sqrt(thickness))
    sun = math.cos(look.sun_azimuth), math.sin(look.sun_azimuth)
    away = east * sun[0] + south * sun[1]  # rises towards the sun
    shade = np.clip(1 - 0.6 * away, 0.7, 1.08)
    return shade[..., None] * CLOUD_COLOUR


def _expose(
    world: World, image: np.ndarray, window: Window, look: Look, date: float
) -> np.ndarray:
    """Optics and sensor, float32 (H, W, 4) not below 0."""
    red, green, blue = look.gain
    image = image * np.array((blue, green, red, green), np.float32)
    image = cv2.GaussianBlur(image, (0, 0), look.blur)
    pixels = window.cols[None], window.rows[:, None]
    key = hash32(world.key('four bands'), round(365 * date))
    noise = [bell(key, band, *pixels) for band in range(len(BANDS))]
    image += look.noise / 1000 * np.stack(noise, -1).astype(np.float32)
    return np.maximum(image, 0)
