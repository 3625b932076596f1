"""Finding places worth a picture, taking each picture and keeping it."""

import math
from collections.abc import Collection, Iterator
from pathlib import Path

import cv2
import numpy as np

from mmrs.synthetic.noise import generator
from mmrs.synthetic.objects import WorldObject
from mmrs.synthetic.optical import Look
from mmrs.synthetic.survey import Survey
from mmrs.synthetic.terrain import LandUse
from mmrs.synthetic.window import Window
from mmrs.synthetic.world import World

# An object in sight and its visible mask, bool (H, W).
Instance = tuple[WorldObject, np.ndarray]

SPREAD = 20_000  # districts in each direction among which places are drawn
BATCH = 128
# An object counts where this share of it is seen, at so many pixels.
SEEN, PIXELS = 0.35, 16


def find_districts(
    world: World,
    uses: Collection[LandUse],
    *keys: int,
    columns: tuple[int, int] = (-SPREAD, SPREAD),
) -> Iterator[tuple[int, int]]:
    """Yield random districts of some land uses, without end.

    Args:
        world: where to search.
        uses: the land uses that will do.
        *keys: what tells this search from others.
        columns: first column of districts to search, and the one after the
            last.
    """
    rng = generator(world.key('search'), *keys)
    while True:
        i, j = rng.integers(-SPREAD, SPREAD, (2, BATCH))
        i = columns[0] + (i + SPREAD) % (columns[1] - columns[0])
        fit = np.isin(world.land_use(i, j), list(uses))
        yield from zip(i[fit].tolist(), j[fit].tolist())


def find_windows(
    world: World,
    uses: Collection[LandUse],
    kind: str,
    size: int,
    gsd: float,
    k: int,
) -> Iterator[Window]:
    """Yield windows that show an object of a kind, without end.

    Args:
        world: where to search.
        uses: land uses of the districts to search.
        kind: what to look for; its centre is in the middle half.
        size: width and height of the windows in pixels.
        gsd: pixel size in metres.
        k: tells the search of one image from that of another.
    """
    rng = generator(world.key('windows'), k)
    for index in find_districts(world, uses, k):
        things = [x for x in world.district(*index) if x.kind == kind]
        if things:
            thing = things[rng.integers(len(things))]
            shift = rng.uniform(-0.25, 0.25, 2) * size * gsd
            yield Window.centred(*(thing.centre + shift), size, size, gsd)


def count_centres(world: World, window: Window, kinds: Collection[str]) -> int:
    """Number of objects of some kinds whose centre is in a window."""
    west, north, east, south = window.bounds
    return sum(
        west < thing.centre[0] < east and north < thing.centre[1] < south
        for thing in world.objects(window)
        if thing.kind in kinds
    )


def well_seen(found: Survey, kinds: Collection[str]) -> list[Instance]:
    """The objects of some kinds that are large enough and in full sight."""
    pixel = found.layout.window.gsd**2
    return [
        (thing, mask)
        for thing, mask in found.instances(kinds)
        if mask.sum() >= max(PIXELS, SEEN * outline_area(thing) / pixel)
    ]


def outline_area(thing: WorldObject) -> float:
    """Area of an object's outline in square metres."""
    outline = (thing.polygon - thing.centre).astype(np.float32)
    return cv2.contourArea(outline)


def default_gsd(size: int) -> float:
    """Pixel size in metres at which an image of this size shows enough.

    The finer the image, the larger both its objects and its field of view:
    0.45 m at 256 px, 0.225 m at 1024 px.
    """
    return 0.45 * math.sqrt(256 / size)


def draw_look(world: World, *keys: int) -> Look:
    """Draw sun, air and camera of a picture."""
    rng = generator(world.key('look'), *keys)
    return Look(
        sun_azimuth=math.radians(rng.uniform(15, 165)),
        sun_elevation=math.radians(rng.uniform(42, 62)),
        gain=tuple(rng.normal(1, 0.04) * rng.normal(1, 0.025, 3)),
        haze=rng.uniform(0.0, 0.08),
        blur=rng.uniform(0.35, 0.6),
        noise=rng.uniform(1.0, 3.0),
    )


def is_validation(k: int, fraction: float) -> bool:
    """Whether image k is held out; evenly spread and independent of more."""
    return math.floor((k + 1) * fraction) > math.floor(k * fraction)


def write_jpeg(path: Path, image: np.ndarray) -> None:
    """Write RGB (H, W, 3) or grey (H, W), always as three bands."""
    colour = cv2.COLOR_GRAY2BGR if image.ndim == 2 else cv2.COLOR_RGB2BGR
    path.parent.mkdir(parents=True, exist_ok=True)
    quality = [cv2.IMWRITE_JPEG_QUALITY, 95]
    cv2.imwrite(str(path), cv2.cvtColor(image, colour), quality)
