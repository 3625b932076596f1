"""Radar scenes in the layout of SSDD."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from mmrs.synthetic.layouts.coco import write_scenes
from mmrs.synthetic.layouts.scenes import (
    Instance,
    default_gsd,
    find_windows,
    well_seen,
)
from mmrs.synthetic.noise import generator
from mmrs.synthetic.sar import render_sar
from mmrs.synthetic.terrain import LandUse
from mmrs.synthetic.world import World

COARSER = 3.0  # a radar's pixels against those of a camera
OFFSHORE = (LandUse.OPEN_WATER,)
INSHORE = (LandUse.HARBOR, LandUse.BEACH, LandUse.SHORE)


def write(
    out: Path,
    seed: int,
    numbers: Iterable[int],
    size: int,
    gsd: float | None,
    val_fraction: float,
) -> Iterator[Path]:
    """Write ``annotations/SSDD_instances_{train,val}.json`` and the images.

    The images are ``imgs/000001.jpg`` ..., grey written as RGB, each with a
    ship at least. The arguments are those of
    :func:`mmrs.synthetic.layouts.write_dataset`; by default the pixel size
    changes from image to image.

    Yields:
        the path of every file written.
    """
    world = World(seed)
    scenes = (find_scene(world, k, size, gsd) for k in numbers)
    yield from write_scenes(out, 'SSDD', 6, ('ship',), scenes, val_fraction)


def find_scene(
    world: World, k: int, size: int, gsd: float | None
) -> tuple[np.ndarray, list[Instance]]:
    """Render image k, a place with ships.

    Returns:
        grey levels, uint8 (H, W), and the ships in it.
    """
    rng = generator(world.key('scale'), k)
    uses = OFFSHORE if rng.random() < 0.5 else INSHORE
    gsd = gsd or default_gsd(size) * COARSER * 1.6 ** rng.uniform(-0.5, 0.5)
    sea_state = rng.uniform(0.5, 4)
    windows = find_windows(world, uses, 'ship', size, gsd, k)
    while True:
        image, found = render_sar(world, next(windows), sea_state)
        ships = well_seen(found, {'ship'})
        if ships:
            return image, ships
