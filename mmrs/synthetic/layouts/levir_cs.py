"""Pictures of clouds and snow in the layout of LEVIR_CS.

Four bands of 10 bits, heights and labels as GeoTIFFs, in geographic
coordinates. Names and list files are as in the lists of
permanentCH5/GeoInfoNet; that the test labels lie in ``test/label`` with
values 0, 128 and 255 is inferred from other code of the lab.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from mmrs.geo.georeference import Georeference
from mmrs.geo.writer import RasterTarget, write_raster
from mmrs.synthetic.layouts.cloud_scenes import (
    GSD,
    Quality,
    find_scene,
    write_quality,
)
from mmrs.synthetic.layouts.scenes import is_validation
from mmrs.synthetic.multispectral import Multispectral
from mmrs.synthetic.window import Window
from mmrs.synthetic.world import World

MAX_LEVEL, FULL = 1023, 0.95  # 10 bits, and the reflectance of the last level
DEGREE = 111_320.0  # metres of a degree on the equator
LABELS = {'train': 'label_0_1_2', 'test': 'label'}
GREYS = np.array([0, 128, 255], np.uint8)


def write(
    out: Path,
    seed: int,
    numbers: Iterable[int],
    size: int,
    gsd: float | None,
    val_fraction: float,
) -> Iterator[Path]:
    """Write ``SPLIT/{mss,dem}/*.tiff``, the labels, lists and quality.

    The labels are in ``train/label_0_1_2`` (0, 1 and 2) and ``test/label``
    (0, 128 and 255). ``train.txt`` has the paths of an image, its heights and
    its labels a line, ``test.txt`` those of the first two. The arguments
    are those of :func:`mmrs.synthetic.layouts.write_dataset`; pixels are 8 m
    wide by default.

    Yields:
        the path of every file written.
    """
    world = World(seed)
    lists: dict[str, list[str]] = {'train': [], 'test': []}
    judged = {}
    for k in numbers:
        scene = find_scene(world, k, size, size, gsd or GSD)
        split = 'test' if is_validation(k, val_fraction) else 'train'
        name = _name(scene.found.layout.window, k)
        files = [
            out / split / 'mss' / f'{name}_mss.tiff',
            out / split / 'dem' / f'{name}_dem.tiff',
            out / split / LABELS[split] / f'{name}_roiMap.tif',
        ]
        _write_scene(scene, split, *files)
        yield from files
        shown = files if split == 'train' else files[:2]
        paths = [path.relative_to(out).as_posix() for path in shown]
        lists[split].append(' '.join(paths))
        judged[name] = Quality.judge(
            scene.label, scene.thickness, scene.ground
        )
    for split, lines in lists.items():
        path = out / f'{split}.txt'
        path.write_text(''.join(f'{line}\n' for line in lines))
        yield path
    path = out / 'quality.csv'
    write_quality(path, judged)
    yield path


def _place(window: Window) -> tuple[float, float]:
    """Longitude and latitude of a window's north-western corner, degrees."""
    west, north, _, _ = window.bounds
    return west / DEGREE, -north / DEGREE


def _name(window: Window, k: int) -> str:
    """A name that tells the place and the number, as LEVIR_CS' names do."""
    east, north = _place(window)
    east = f'{"E" if east >= 0 else "W"}{abs(east):.1f}'
    north = f'{"N" if north >= 0 else "S"}{abs(north):.1f}'
    return f'SYN_WFV1_{east}_{north}_{k:06d}'


def _write_scene(
    scene: Multispectral, split: str, mss: Path, dem: Path, label: Path
) -> None:
    window = scene.found.layout.window
    levels = np.round(scene.reflectance * (MAX_LEVEL / FULL))
    levels = np.minimum(levels, MAX_LEVEL).astype(np.uint16)
    write_geotiff(mss, np.moveaxis(levels, -1, 0), window)
    heights = np.round(scene.found.layout.elevation).astype(np.int16)
    write_geotiff(dem, heights[None], window)
    classes = scene.label if split == 'train' else GREYS[scene.label]
    write_geotiff(label, classes[None], window)


def write_geotiff(path: Path, bands: np.ndarray, window: Window) -> None:
    """Write bands (C, H, W) with the window's place in degrees."""
    pixel = window.gsd / DEGREE
    west, north = _place(window)
    target = RasterTarget(
        bands.shape[1:],
        len(bands),
        bands.dtype,
        Georeference.named('EPSG:4326', (pixel, 0, west, 0, -pixel, north)),
    )
    write_raster(path, [(bands, None)], target, overviews=False)
