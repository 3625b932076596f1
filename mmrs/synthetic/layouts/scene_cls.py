"""Scenes sorted into one folder a class, as for UC Merced and AID."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmrs.synthetic.layouts.scenes import (
    draw_look,
    find_districts,
    find_windows,
    is_validation,
    write_jpeg,
)
from mmrs.synthetic.noise import generator
from mmrs.synthetic.objects import Cover
from mmrs.synthetic.optical import render_optical
from mmrs.synthetic.terrain import CELL, LandUse
from mmrs.synthetic.window import Window
from mmrs.synthetic.world import World


@dataclass(frozen=True)
class SceneClass:
    """What makes a picture one of a class.

    Attributes:
        use: land use of the district it shows.
        kind: kind of object in its middle half; None for the district's
            centre in the middle.
        cover: land cover of which it shows ``share`` of the area at least.
        share: 0 to 1.
    """

    use: LandUse
    kind: str | None = None
    cover: Cover = Cover.GRASS
    share: float = 0.0


CLASSES = {
    'airport': SceneClass(LandUse.AIRFIELD, 'airplane'),
    'apartments': SceneClass(LandUse.APARTMENTS),
    'bare_land': SceneClass(LandUse.BARE, None, Cover.SOIL, 0.6),
    'baseball_field': SceneClass(LandUse.SPORTS, 'baseball_diamond'),
    'beach': SceneClass(LandUse.BEACH, None, Cover.SAND, 0.1),
    'bridge': SceneClass(LandUse.RIVERSIDE, 'bridge', Cover.WATER, 0.1),
    'farmland': SceneClass(LandUse.FARMLAND, None, Cover.FIELD, 0.5),
    'forest': SceneClass(LandUse.FOREST, None, Cover.FOREST, 0.6),
    'harbor': SceneClass(LandUse.HARBOR, 'harbor'),
    'industrial': SceneClass(LandUse.INDUSTRIAL),
    'meadow': SceneClass(LandUse.MEADOW, None, Cover.GRASS, 0.6),
    'parking': SceneClass(LandUse.PARKING, 'parking'),
    'residential': SceneClass(LandUse.RESIDENTIAL),
    'sea': SceneClass(LandUse.OPEN_WATER, None, Cover.WATER, 0.95),
    'storage_tanks': SceneClass(LandUse.TANK_FARM, 'storage_tank'),
    'track_field': SceneClass(LandUse.SCHOOL, 'ground_track_field'),
}


def write(
    out: Path,
    seed: int,
    numbers: Iterable[int],
    size: int,
    gsd: float | None,
    val_fraction: float,
) -> Iterator[Path]:
    """Write ``CLASS/CLASS_001.jpg`` ..., the classes in turn, and lists.

    ``cls_names.txt`` holds the classes in the order of their labels,
    ``train.txt`` and ``val.txt`` the images of the two splits. The
    arguments are those of :func:`mmrs.synthetic.layouts.write_dataset`; by
    default a picture is a little narrower than a district.

    Yields:
        the path of every file written.
    """
    world = World(seed)
    names = list(CLASSES)
    lists = {'cls_names': names, 'train': [], 'val': []}
    for k in numbers:
        name, number = names[k % len(names)], k // len(names)
        image = find_scene(world, k, name, size, gsd)
        path = out / name / f'{name}_{number + 1:03d}.jpg'
        write_jpeg(path, image)
        split = 'val' if is_validation(number, val_fraction) else 'train'
        lists[split].append(f'{name}/{path.name}')
        yield path
    for name, lines in lists.items():
        path = out / f'{name}.txt'
        path.write_text('\n'.join(lines))
        yield path


def find_scene(
    world: World, k: int, name: str, size: int, gsd: float | None
) -> np.ndarray:
    """Render image k, of a class.

    Returns:
        RGB, uint8 (H, W, 3).
    """
    wanted = CLASSES[name]
    spread = generator(world.key('scale'), k).uniform(-0.5, 0.5)
    gsd = gsd or 0.85 * CELL / size * 1.3**spread
    look = draw_look(world, k)
    windows = _windows(world, wanted, size, gsd, k)
    while True:
        image, found = render_optical(world, next(windows), look)
        if np.mean(found.layout.cover == wanted.cover) >= wanted.share:
            return image


def _windows(
    world: World, wanted: SceneClass, size: int, gsd: float, k: int
) -> Iterator[Window]:
    """Windows that may do for a class, without end."""
    if wanted.kind:
        yield from find_windows(world, [wanted.use], wanted.kind, size, gsd, k)
    for index in find_districts(world, [wanted.use], k):
        centre = world.quad(*index).mean(0)
        yield Window.centred(*centre, size, size, gsd)
