"""Finding places worth a picture, and how each picture is taken."""

import math
from collections.abc import Iterable, Iterator

import numpy as np

from mmrs.synthetic.noise import generator
from mmrs.synthetic.render import Look
from mmrs.synthetic.world import LandUse, World

SPREAD = 20_000  # districts in each direction among which places are drawn
BATCH = 128


def find_districts(
    world: World, uses: Iterable[LandUse], *keys: int
) -> Iterator[tuple[int, int]]:
    """Yield random districts of some land uses, without end.

    Args:
        world: where to search.
        uses: the land uses that will do.
        *keys: what tells this search from others.
    """
    rng = generator(world.key('search'), *keys)
    while True:
        i, j = rng.integers(-SPREAD, SPREAD, (2, BATCH))
        fit = np.isin(world.land_use(i, j), list(uses))
        yield from zip(i[fit].tolist(), j[fit].tolist())


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
