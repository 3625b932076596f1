"""Scenes in the layout of NWPU VHR-10."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from mmrs.synthetic.layouts.coco import CocoFile
from mmrs.synthetic.layouts.scenes import (
    default_gsd,
    draw_look,
    find_districts,
    is_validation,
)
from mmrs.synthetic.noise import generator
from mmrs.synthetic.objects import WorldObject
from mmrs.synthetic.render import Picture, render_optical
from mmrs.synthetic.window import Window
from mmrs.synthetic.world import LandUse, World

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
FEWEST, MOST = 2, 12  # instances in an image
# An instance counts where this share of it is seen, at so many pixels.
SEEN, PIXELS = 0.35, 16


def write(
    out: Path, seed: int, num: int, size: int, gsd: float | None, val: float
) -> Iterator[Path]:
    """Write the data set, and yield the path of every file written.

    ``annotations/NWPU_instances_{train,val}.json`` and ``imgs/001.jpg`` ...;
    an image has 2 to 12 instances and its id is its number less one.

    Args:
        out: folder to write to.
        seed: the world's seed.
        num: number of images.
        size: width and height of an image in pixels.
        gsd: pixel size in metres, or None for one that suits the size and
            changes a little from image to image.
        val: share of the images held out for validation.
    """
    world = World(seed)
    files = {name: CocoFile(CLASSES) for name in ('train', 'val')}
    (out / 'imgs').mkdir(parents=True, exist_ok=True)
    for k in range(num):
        picture, instances = find_scene(world, k, size, gsd)
        path = out / 'imgs' / f'{k + 1:03d}.jpg'
        cv2.imwrite(
            str(path), picture.image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95]
        )
        coco = files['val' if is_validation(k, val) else 'train']
        coco.add_image(k, path.name, picture.image.shape)
        for thing, mask in instances:
            coco.add_mask(thing.kind, mask)
        yield path
    for name, coco in files.items():
        path = out / 'annotations' / f'NWPU_instances_{name}.json'
        coco.write(path)
        yield path


def find_scene(
    world: World, k: int, size: int, gsd: float | None
) -> tuple[Picture, list[tuple[WorldObject, np.ndarray]]]:
    """Render image k: a place with an object of a class and some others.

    Returns:
        The picture and its instances, each with its mask, bool (H, W).
    """
    order = generator(world.key('targets'), k // len(CLASSES))
    target = CLASSES[order.permutation(len(CLASSES))[k % len(CLASSES)]]
    rng = generator(world.key('scene'), k)
    pixel = gsd or default_gsd(size) * 1.35 ** rng.uniform(-0.5, 0.5)
    look = draw_look(world, k)
    for index in find_districts(world, HOMES[target], k):
        around = [x for x in world.district(*index) if x.kind == target]
        if not around:
            continue
        thing = around[rng.integers(len(around))]
        shift = rng.uniform(-0.25, 0.25, 2) * size * pixel
        window = Window.centred(*(thing.centre + shift), size, size, pixel)
        inside = [x for x in world.objects(window) if _count(x, window)]
        if thing not in inside or not FEWEST <= len(inside) <= MOST:
            continue
        picture = render_optical(world, window, look)
        instances = annotate(picture)
        if FEWEST <= len(instances) <= MOST:
            return picture, instances
    raise AssertionError('the search for places has no end')


def _count(thing: WorldObject, window: Window) -> bool:
    """Whether an object is of a class and its centre in the window."""
    west, north, east, south = window.bounds
    x, y = thing.centre
    return thing.kind in HOMES and west < x < east and north < y < south


def annotate(picture: Picture) -> list[tuple[WorldObject, np.ndarray]]:
    """The instances of the ten classes that are seen well enough."""
    gsd = picture.layout.window.gsd
    return [
        (thing, mask)
        for thing, mask in picture.instances()
        if thing.kind in HOMES
        and mask.sum()
        >= max(
            PIXELS,
            SEEN * cv2.contourArea(thing.polygon.astype(np.float32)) / gsd**2,
        )
    ]
