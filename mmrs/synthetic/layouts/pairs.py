"""Finding places worth a picture at two dates, and taking both pictures."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from mmrs.errors import InputError
from mmrs.synthetic.change import Alteration, Change, compare
from mmrs.synthetic.developments import COUNTRY, YEARS
from mmrs.synthetic.layouts.scenes import (
    PIXELS,
    SEEN,
    SPREAD,
    draw_look,
    find_districts,
    is_validation,
    outline_area,
)
from mmrs.synthetic.noise import generator
from mmrs.synthetic.objects import VISITORS, WorldObject
from mmrs.synthetic.optical import Look, render_optical
from mmrs.synthetic.shadows import reach
from mmrs.synthetic.terrain import LandUse
from mmrs.synthetic.window import Window
from mmrs.synthetic.world import World

SPLITS = ('train', 'val', 'test')
# Where the districts of a split are, in shares of the world searched.
REGIONS = {'train': (-1.0, 0.6), 'val': (0.601, 0.8), 'test': (0.801, 1.0)}
TOWN = (
    LandUse.APARTMENTS,
    LandUse.INDUSTRIAL,
    LandUse.SCHOOL,
    LandUse.PARKING,
)
# An image shows a change where it alters this share of the pixels.
LEAST_CHANGE = 0.008
# A road or a hall counts from this share of the image on.
LARGE = 0.02
# From so many houses on they are not counted but called some or many.
UNCOUNTED = 4
# What can be shown: the largest pixel, and the side of an image, in metres.
COARSEST, NARROWEST, WIDEST = 2.0, 28.0, 220.0
MOST_EVENTS = 3  # kinds of change in one image


@dataclass(frozen=True)
class Theme:
    """What a pair of pictures is about.

    Attributes:
        share: of the pairs.
        uses: land uses of the districts to search.
        wants: whether an object is what the pair is about.
    """

    share: float
    uses: tuple[LandUse, ...]
    wants: Callable[[WorldObject], bool]


THEMES = (
    Theme(0.25, (LandUse.RESIDENTIAL,), lambda x: x.is_house and x.built > 0),
    Theme(0.14, (LandUse.RESIDENTIAL,), lambda x: x.is_house and _falls(x)),
    Theme(0.36, COUNTRY, lambda x: x.is_house and x.built > 0),
    Theme(0.11, COUNTRY, lambda x: x.kind == 'road' and x.built > 0),
    Theme(0.07, COUNTRY, lambda x: _is_hall(x) and x.built > 0),
    Theme(0.07, TOWN, lambda x: _is_hall(x) and _falls(x)),
)


@dataclass(frozen=True)
class Pair:
    """One place at two dates.

    Attributes:
        before: RGB picture of the first date, uint8 (H, W, 3).
        after: RGB picture of the second date.
        change: what differs; no alterations for an unchanged pair.
    """

    before: np.ndarray
    after: np.ndarray
    change: Change


def choose_split(k: int, val_fraction: float) -> str:
    """The split of pair k: those held out are for val and test in turn."""
    if not is_validation(k, val_fraction):
        return 'train'
    held_out = math.floor(k * val_fraction)
    return SPLITS[1 + held_out % 2]


def has_change(world: World, k: int) -> bool:
    """Whether pair k shows a change: one of each two neighbours does."""
    first = generator(world.key('changed'), k // 2).random() < 0.5
    return first == (k % 2 == 0)


def default_gsd(size: int) -> float:
    """0.5 m, but larger for images that would show next to nothing."""
    return max(0.5, 64 / size)


def check_view(size: int, gsd: float) -> None:
    """Check that images can show changes and places without any.

    Raises:
        InputError: they would be too coarse, too narrow or too wide.
    """
    if gsd > COARSEST:
        raise InputError(
            f'--gsd {gsd}: a house that is built cannot be told from noise; '
            f'give a pixel size of at most {COARSEST:g} metres for pairs'
        )
    if not NARROWEST <= size * gsd <= WIDEST:
        raise InputError(
            f'--size {size} at {gsd:g} metres a pixel shows {size * gsd:g} '
            f'metres; change --size or --gsd to show {NARROWEST:g} to '
            f'{WIDEST:g} metres of a place at two dates'
        )


def find_pair(world: World, k: int, size: int, gsd: float, split: str) -> Pair:
    """Take the pictures of pair k.

    Args:
        world: the world.
        k: number of the pair; decides with the world what it shows.
        size: width and height in pixels.
        gsd: pixel size in metres.
        split: part of the world to search: 'train', 'val' or 'test'.
    """
    rng = generator(world.key('pair'), k)
    theme = THEMES[rng.choice(len(THEMES), p=[x.share for x in THEMES])]
    dates = rng.uniform((0.02, 0.7), (0.3, 0.98)) * YEARS
    looks = [_draw_look(world, k, n) for n in range(2)]
    changed = has_change(world, k)
    margin = max(reach(look.sun_elevation, gsd) for look in looks)
    for window in _windows(world, theme, dates, changed, size, gsd, k, split):
        if not changed and _differ(world, window.pad(margin), dates):
            continue
        (first, before), (second, after) = (
            render_optical(world, window, look, date)
            for look, date in zip(looks, dates)
        )
        change = compare(before, after)
        if not changed or _is_evident(change):
            return Pair(first, second, change)


def _is_hall(thing: WorldObject) -> bool:
    return thing.kind == 'building' and not thing.is_house


def _falls(thing: WorldObject) -> bool:
    return thing.removed < math.inf


def _draw_look(world: World, *keys: int) -> Look:
    """Sun, air, season and camera, more varied than from scene to scene."""
    look = draw_look(world, *keys)
    rng = generator(world.key('season'), *keys)
    gain = np.array(look.gain) * rng.uniform(0.85, 1.12)
    return replace(
        look,
        gain=tuple(gain * rng.normal(1, 0.03, 3)),
        haze=rng.uniform(0, 0.15),
        dryness=rng.uniform(0, 1),
    )


def _windows(
    world: World,
    theme: Theme,
    dates: np.ndarray,
    changed: bool,
    size: int,
    gsd: float,
    k: int,
    split: str,
) -> Iterator[Window]:
    """Windows that may do for a pair, without end.

    For an unchanged pair they show what has changed before the first date
    or will after the second, so that its content is like a changed one's.
    """
    rng = generator(world.key('pair windows'), k)
    columns = tuple(round(SPREAD * x) for x in REGIONS[split])
    for index in find_districts(world, theme.uses, k, columns=columns):
        things = [
            thing
            for thing in world.district(*index)
            if theme.wants(thing) and _alters(thing, dates) == changed
        ]
        if things:
            thing = things[rng.integers(len(things))]
            place = np.array(thing.centre)
            if thing.kind == 'road':
                place = thing.polygon[rng.integers(len(thing.polygon))]
            shift = rng.uniform(-0.38, 0.38, 2) * size * gsd
            yield Window.centred(*(place + shift), size, size, gsd)


def _alters(thing: WorldObject, dates: np.ndarray) -> bool:
    """Whether a thing comes or goes between the dates for good."""
    return thing.kind not in VISITORS and (
        thing.stands(dates[0]) != thing.stands(dates[1])
    )


def _differ(world: World, window: Window, dates: np.ndarray) -> bool:
    """Whether anything in a window comes or goes for good."""
    middle = np.array(window.bounds).reshape(2, 2).mean(0)

    def distance(index):
        return np.linalg.norm(world.quad(*index).mean(0) - middle)

    # The nearest districts tell most often, and some are known already.
    return any(
        window.touches(thing.bounds) and _alters(thing, dates)
        for index in sorted(world.districts(window), key=distance)
        for thing in world.district(*index)
    )


def _is_evident(change: Change) -> bool:
    """Whether a change can be seen, and told without ifs and buts."""
    if np.mean(change.label > 0) < LEAST_CHANGE:
        return False
    events: dict[tuple, list[bool]] = {}
    for x in change.alterations:
        kind = x.thing.kind, x.thing.is_house, x.appeared
        events.setdefault(kind, []).append(is_well_seen(change, x))
    return len(events) <= MOST_EVENTS and all(
        all(seen) or (is_house and sum(seen) >= UNCOUNTED)
        for (_, is_house, _), seen in events.items()
    )


def is_well_seen(change: Change, alteration: Alteration) -> bool:
    """Whether enough of an altered thing is in the image to count it."""
    pixels = alteration.mask.sum()
    if not alteration.thing.is_house:
        return pixels >= LARGE * alteration.mask.size
    area = outline_area(alteration.thing)
    pixel = change.after.layout.window.gsd**2
    return pixels >= max(PIXELS, SEEN * area / pixel)
