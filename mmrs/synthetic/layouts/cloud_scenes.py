"""Places under clouds, in snow, both or neither, and how hard they are.

What the layouts of cloud and snow data sets share.
"""

import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mmrs.synthetic.clouds import OPAQUE, THINNEST, Deck
from mmrs.synthetic.layouts.scenes import draw_look, find_districts
from mmrs.synthetic.multispectral import (
    BACKGROUND,
    CLOUD,
    SNOW,
    Multispectral,
    Sky,
    render_multispectral,
)
from mmrs.synthetic.noise import generator, hash32
from mmrs.synthetic.optical import Look
from mmrs.synthetic.snow import Snow
from mmrs.synthetic.terrain import LandUse
from mmrs.synthetic.window import Window
from mmrs.synthetic.world import World

GSD = 8.0  # metres; at 64 px a few districts and a slope are in sight
LAND = tuple(use for use in LandUse if use != LandUse.OPEN_WATER)
# Where sand, concrete and roofs are as bright as thin clouds.
BRIGHT_LAND = (
    LandUse.BEACH,
    LandUse.HARBOR,
    LandUse.BARE,
    LandUse.INDUSTRIAL,
    LandUse.TANK_FARM,
)
BRIGHT = 0.27  # reflectance of bright ground
SHARE = (0.05, 0.85)  # how much of a picture of clouds, or of snow, they fill


@dataclass(frozen=True)
class Theme:
    """What pictures show.

    Attributes:
        share: of the pictures.
        clouds: whether there are any.
        snow: whether there is any.
    """

    share: float
    clouds: bool
    snow: bool


THEMES = (
    Theme(0.34, clouds=True, snow=False),
    Theme(0.16, clouds=False, snow=True),
    Theme(0.30, clouds=True, snow=True),
    Theme(0.20, clouds=False, snow=False),
)
CLOUDY = tuple(theme for theme in THEMES if theme.clouds)
# Layers of clouds that are in the sky together, the lowest first.
SKIES = (
    (0.40, ('cumulus',)),
    (0.18, ('stratus',)),
    (0.27, ('cirrus',)),
    (0.15, ('cumulus', 'cirrus')),
)


def find_scene(
    world: World,
    k: int,
    width: int,
    height: int,
    gsd: float,
    themes: tuple[Theme, ...] = THEMES,
) -> Multispectral:
    """Take picture k.

    Args:
        world: the world.
        k: number of the picture; decides with the world what it shows.
        width: pixels.
        height: pixels.
        gsd: pixel size in metres.
        themes: what to choose from.
    """
    rng = generator(world.key('cloud scene'), k)
    shares = np.array([theme.share for theme in themes])
    theme = themes[rng.choice(len(themes), p=shares / shares.sum())]
    uses = _draw_uses(rng, theme)
    kinds = SKIES[rng.choice(len(SKIES), p=[x[0] for x in SKIES])][1]
    snow = Snow(rng.uniform(15, 55), int(hash32(world.key('snow'), k)))
    air = rng.uniform(0.03, 0.1)
    windows = _windows(world, uses, k, width, height, gsd)
    for attempt, window in enumerate(windows):
        decks = tuple(
            Deck.draw(kind, world.key('deck'), k, attempt, layer)
            for layer, kind in enumerate(kinds)
        )
        if theme.clouds and not _fills(_cloudy(decks, window)):
            continue
        if theme.snow and not _fills(_snowy(world, snow, window)):
            continue
        sky = Sky(
            decks if theme.clouds else (), snow if theme.snow else None, air
        )
        look = _draw_look(world, k, theme.snow)
        return render_multispectral(world, window, look, sky)


def _draw_uses(rng: np.random.Generator, theme: Theme) -> tuple[LandUse, ...]:
    """Land uses of the districts to search: bright ones for a third."""
    draw = rng.random()
    if draw < 0.35:
        return BRIGHT_LAND
    if draw < 0.42 and not theme.snow:
        return (LandUse.OPEN_WATER,)
    return LAND


def _windows(
    world: World,
    uses: tuple[LandUse, ...],
    k: int,
    width: int,
    height: int,
    gsd: float,
) -> Iterator[Window]:
    """Windows about districts of some uses, without end."""
    rng = generator(world.key('cloud windows'), k)
    for index in find_districts(world, uses, k):
        shift = rng.uniform(-0.4, 0.4, 2) * (width * gsd, height * gsd)
        centre = world.quad(*index).mean(0) + shift
        yield Window.centred(*centre, width, height, gsd)


def _cloudy(decks: tuple[Deck, ...], window: Window) -> np.ndarray:
    return sum(x.optical_thickness(window) for x in decks) > THINNEST


def _snowy(world: World, snow: Snow, window: Window) -> np.ndarray:
    elevation, east, south = world.elevation(window.grid)
    slope = np.stack([east, south], -1)
    dry = world.water_distance(window.grid) < 0
    return (snow.lies(window.grid, elevation, slope) > 0) & dry


def _fills(mask: np.ndarray) -> bool:
    return SHARE[0] <= mask.mean() <= SHARE[1]


def _draw_look(world: World, k: int, winter: bool) -> Look:
    """Sun and camera; in winter a low sun, and grass and leaves brown."""
    rng = generator(world.key('cloud look'), k)
    sun = rng.uniform(24, 42) if winter else rng.uniform(38, 64)
    return replace(
        draw_look(world, k),
        sun_elevation=math.radians(sun),
        dryness=rng.uniform(0.3, 1) if winter else rng.uniform(0, 0.7),
        noise=rng.uniform(2, 5),
    )


@dataclass(frozen=True)
class Quality:
    """What makes the labels of a picture hard to draw, each 0 to 1.

    As the paper's criteria are (fuzzy borders, bright backgrounds, clouds
    and snow mixed), but from the truth; the formulae are ours.

    Attributes:
        thin: share of the cloud through which the ground is seen.
        bright: share of the background that is bright ground.
        mixed: 4 p (1 - p), p being the share of cloud in cloud and snow.
    """

    thin: float
    bright: float
    mixed: float

    @classmethod
    def judge(
        cls, label: np.ndarray, thickness: np.ndarray, ground: np.ndarray
    ) -> 'Quality':
        """Judge by what :class:`Multispectral` holds; (H, W) each."""
        cloud, snow = label == CLOUD, label == SNOW
        white = cloud.sum() + snow.sum()
        share = cloud.sum() / max(white, 1)
        return cls(
            _share(thickness < OPAQUE, cloud),
            _share(ground > BRIGHT, label == BACKGROUND),
            float(4 * share * (1 - share)),
        )


def _share(what: np.ndarray, of: np.ndarray) -> float:
    return float(what[of].mean()) if of.any() else 0.0


def write_quality(path: Path, judged: dict[str, Quality]) -> None:
    """Write ``quality.csv``: which images have labels to be trusted.

    ``difficulty`` is the mean of the ranks of the three terms among all
    images, 0 to 1; the easier half is ``clean``, the rest ``noisy``.

    Args:
        path: the file.
        judged: by the image's name.
    """
    terms = np.array([(x.thin, x.bright, x.mixed) for x in judged.values()])
    below = [np.searchsorted(np.sort(term), term) for term in terms.T]
    difficulty = np.mean(below, 0) / max(len(terms) - 1, 1)
    clean = difficulty <= np.median(difficulty)
    with path.open('w', newline='') as file:
        table = csv.writer(file, lineterminator='\n')
        table.writerow(
            ['image', 'subset', 'difficulty', 'thin', 'bright', 'mixed']
        )
        for name, easy, hard, row in zip(judged, clean, difficulty, terms):
            subset = 'clean' if easy else 'noisy'
            figures = [f'{x:.4f}' for x in (hard, *row)]
            table.writerow([name, subset, *figures])
