"""Scenes in the layout of the aerial WHU building data set."""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from mmrs.synthetic.layouts.coco import CocoFile
from mmrs.synthetic.layouts.scenes import (
    default_gsd,
    draw_look,
    find_windows,
    is_validation,
)
from mmrs.synthetic.optical import render_optical
from mmrs.synthetic.terrain import LandUse
from mmrs.synthetic.world import World

USES = (
    LandUse.RESIDENTIAL,
    LandUse.APARTMENTS,
    LandUse.INDUSTRIAL,
    LandUse.SCHOOL,
    LandUse.PARKING,
)
PREFIXES = {'train': '', 'val': 'val_', 'test': 'test_'}


def write(
    out: Path,
    seed: int,
    numbers: Iterable[int],
    size: int,
    gsd: float | None,
    val_fraction: float,
) -> Iterator[Path]:
    """Write ``annotations/WHU_building_{train,val,test}.json`` and tiles.

    Image and 1-bit label are ``imgs/SPLIT/{image,label}/*.tif``. An instance
    is a 4-connected part of a label. The arguments are those of
    :func:`mmrs.synthetic.layouts.write_dataset`; as many tiles are for
    testing as for validation.

    Yields:
        the path of every file written.
    """
    world = World(seed)
    files = {split: CocoFile(('building',), 0) for split in PREFIXES}
    counts = Counter()
    for k in numbers:
        split = choose_split(k, val_fraction)
        image, label = find_scene(world, k, size, gsd)
        name = f'{PREFIXES[split]}{counts[split]}.tif'
        folder = out / 'imgs' / split
        files[split].add_image(counts[split], name, label.shape)
        for building in find_buildings(label):
            files[split].add_mask('building', building, polygons=False)
        for kind, array in (('image', image), ('label', label)):
            path = folder / kind / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(array).save(path)  # bool is written with 1 bit
            yield path
        counts[split] += 1
    for split, coco in files.items():
        path = out / 'annotations' / f'WHU_building_{split}.json'
        coco.write(path)
        yield path


def choose_split(k: int, val_fraction: float) -> str:
    """The split of tile k; the tile after one for validation is for tests."""
    if is_validation(k, val_fraction):
        return 'val'
    if k and is_validation(k - 1, val_fraction):
        return 'test'
    return 'train'


def find_scene(
    world: World, k: int, size: int, gsd: float | None
) -> tuple[np.ndarray, np.ndarray]:
    """Render tile k, a place with buildings.

    Returns:
        RGB, uint8 (H, W, 3), and where buildings are seen, bool (H, W).
    """
    gsd = gsd or default_gsd(size)
    windows = find_windows(world, USES, 'building', size, gsd, k)
    image, found = render_optical(world, next(windows), draw_look(world, k))
    buildings = [
        label
        for label, thing in enumerate(found.layout.objects, 1)
        if thing.kind == 'building'
    ]
    return image, found.covers(np.isin(found.labels, buildings))


def find_buildings(label: np.ndarray) -> list[np.ndarray]:
    """The 4-connected parts of a label, bool (H, W) each."""
    count, parts = cv2.connectedComponents(
        label.astype(np.uint8), connectivity=4
    )
    return [parts == part for part in range(1, count)]
