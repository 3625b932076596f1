"""Radar scenes in the layout of SSDD."""

from collections.abc import Iterator
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
from mmrs.synthetic.world import LandUse, World

COARSER = 3.0  # a radar's pixels against those of a camera
USES = (LandUse.OPEN_WATER, LandUse.HARBOR, LandUse.SHORE, LandUse.RIVERSIDE)


def write(
    out: Path,
    seed: int,
    num: int,
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
    scenes = (find_scene(world, k, size, gsd) for k in range(num))
    yield from write_scenes(out, 'SSDD', 6, ('ship',), scenes, val_fraction)


def find_scene(
    world: World, k: int, size: int, gsd: float | None
) -> tuple[np.ndarray, list[Instance]]:
    """Render image k, a place with ships.

    Returns:
        grey levels, uint8 (H, W), and the ships in it.
    """
    spread = generator(world.key('scale'), k).uniform(-0.5, 0.5)
    gsd = gsd or default_gsd(size) * COARSER * 1.6**spread
    for window in find_windows(world, USES, 'ship', size, gsd, k):
        image, found = render_sar(world, window)
        ships = well_seen(found, {'ship'})
        if ships:
            return image, ships
    raise AssertionError('the search for windows has no end')
