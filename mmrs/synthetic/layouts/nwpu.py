"""Scenes in the layout of NWPU VHR-10."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from mmrs.synthetic.layouts.coco import write_scenes
from mmrs.synthetic.layouts.scenes import (
    Instance,
    count_centres,
    default_gsd,
    draw_look,
    find_windows,
    well_seen,
)
from mmrs.synthetic.noise import generator
from mmrs.synthetic.optical import render_optical
from mmrs.synthetic.terrain import LandUse
from mmrs.synthetic.world import World

# The classes in the order of their category ids, and where they are found.
HOMES = {
    'airplane': [LandUse.AIRFIELD],
    'ship': [LandUse.OPEN_WATER, LandUse.HARBOR],
    'storage_tank': [LandUse.TANK_FARM],
    'baseball_diamond': [LandUse.SPORTS],
    'tennis_court': [LandUse.SPORTS, LandUse.RESIDENTIAL, LandUse.APARTMENTS],
    'basketball_court': [LandUse.SCHOOL, LandUse.APARTMENTS],
    'ground_track_field': [LandUse.SCHOOL],
    'harbor': [LandUse.HARBOR],
    'bridge': [LandUse.RIVERSIDE],
    'vehicle': [LandUse.PARKING, LandUse.APARTMENTS, LandUse.RESIDENTIAL],
}
CLASSES = tuple(HOMES)
# What the images show, in turn; what comes one at a time comes twice.
TARGETS = (
    *CLASSES,
    'baseball_diamond',
    'basketball_court',
    'ground_track_field',
    'harbor',
    'bridge',
)
FEWEST, MOST = 2, 12  # instances in an image


def write(
    out: Path,
    seed: int,
    numbers: Iterable[int],
    size: int,
    gsd: float | None,
    val_fraction: float,
) -> Iterator[Path]:
    """Write ``annotations/NWPU_instances_{train,val}.json`` and the images.

    The images are ``imgs/001.jpg`` ...; each has 2 to 12 instances. The
    arguments are those of :func:`mmrs.synthetic.layouts.write_dataset`, but
    for the images' numbers, from 0; by default the pixel size changes a
    little from image to image.

    Yields:
        the path of every file written.
    """
    world = World(seed)
    scenes = (find_scene(world, k, size, gsd) for k in numbers)
    yield from write_scenes(out, 'NWPU', 3, CLASSES, scenes, val_fraction)


def find_scene(
    world: World, k: int, size: int, gsd: float | None
) -> tuple[np.ndarray, list[Instance]]:
    """Render image k: a place with an object of one class and some others.

    Returns:
        RGB, uint8 (H, W, 3), and the instances in it.
    """
    order = generator(world.key('targets'), k // len(TARGETS))
    target = TARGETS[order.permutation(len(TARGETS))[k % len(TARGETS)]]
    spread = generator(world.key('scale'), k).uniform(-0.5, 0.5)
    gsd = gsd or default_gsd(size) * 1.35**spread
    look = draw_look(world, k)
    windows = find_windows(world, HOMES[target], target, size, gsd, k)
    while True:
        window = next(windows)
        if FEWEST <= count_centres(world, window, HOMES) <= MOST:
            image, found = render_optical(world, window, look)
            instances = well_seen(found, HOMES)
            kinds = {thing.kind for thing, _ in instances}
            if FEWEST <= len(instances) <= MOST and target in kinds:
                return image, instances
