"""Pictures of clouds in the layout of 38-Cloud.

Landsat-like scenes cut into patches, one file a band. Folders, names, the
black margin about a scene and the scenes' ground truth are as in the
repository of 38-Cloud (SorourMo, README and evaluation.m).
"""

from collections.abc import Iterable, Iterator
from itertools import product
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from mmrs.synthetic.layouts.cloud_scenes import (
    CLOUDY,
    GSD,
    Quality,
    find_scene,
    write_quality,
)
from mmrs.synthetic.layouts.scenes import is_validation
from mmrs.synthetic.multispectral import BANDS, CLOUD, Multispectral
from mmrs.synthetic.world import World

SIDE = 2  # patches along each side of a scene
# Levels of Landsat 8: reflectance is SCALE times the level plus OFFSET.
SCALE, OFFSET = 2e-5, -0.1


def write(
    out: Path,
    seed: int,
    numbers: Iterable[int],
    size: int,
    gsd: float | None,
    val_fraction: float,
) -> Iterator[Path]:
    """Write ``38-Cloud_{training,test}`` and ``quality.csv``.

    A scene has 2 x 2 patches of ``size`` pixels and a black margin of an
    eighth of a patch; whole scenes are written, so that up to three patches
    more than asked for come out. There are clouds in every scene; snow is
    background. The test patches have no labels, but the test scenes have.
    The arguments are those of
    :func:`mmrs.synthetic.layouts.write_dataset`; pixels are 8 m wide by
    default.

    Yields:
        the path of every file written.
    """
    world = World(seed)
    names: dict[str, list[str]] = {'training': [], 'test': []}
    scenes: dict[str, list[str]] = {'training': [], 'test': []}
    judged = {}
    for k in numbers:
        number, rest = divmod(k, SIDE**2)
        if rest:
            continue  # written with the first patch of its scene
        split = 'test' if is_validation(number, val_fraction) else 'training'
        name = f'LC08_L1TP_{number + 1:06d}_20200101_20200101_01_T1'
        margin = size // 8
        side = SIDE * size - 2 * margin
        scene = find_scene(world, number, side, side, gsd or GSD, CLOUDY)
        patches = dict(_patches(name, size))
        root = out / f'38-Cloud_{split}'
        for patch, inside in patches.items():
            yield from _write_patch(root, split, patch, scene, margin, inside)
            judged[patch] = Quality.judge(
                *(
                    np.pad(x, margin)[inside]
                    for x in (scene.label, scene.thickness, scene.ground)
                )
            )
        path = root / 'Entire_scene_gts' / f'edited_corrected_gts_{name}.TIF'
        _write_image(path, scene.label == CLOUD)
        yield path
        scenes[split].append(name)
        names[split] += patches
    for split in names:
        root = out / f'38-Cloud_{split}'
        root.mkdir(parents=True, exist_ok=True)
        for what, column, lines in (
            ('patches', 'name', names[split]),
            ('sceneids', 'sceneid', scenes[split]),
        ):
            path = root / f'{split}_{what}_38-Cloud.csv'
            path.write_text(''.join(f'{x}\n' for x in (column, *lines)))
            yield path
    path = out / 'quality.csv'
    write_quality(path, judged)
    yield path


def _patches(
    scene: str, size: int
) -> Iterator[tuple[str, tuple[slice, slice]]]:
    """Name and place in the scene with its margin of each patch."""
    for n, (row, col) in enumerate(product(range(SIDE), repeat=2), 1):
        inside = tuple(slice(x * size, (x + 1) * size) for x in (row, col))
        yield f'patch_{n}_{row + 1}_by_{col + 1}_{scene}', inside


def _write_patch(
    root: Path,
    split: str,
    patch: str,
    scene: Multispectral,
    margin: int,
    inside: tuple[slice, slice],
) -> Iterator[Path]:
    prefix = 'train' if split == 'training' else 'test'
    levels = (scene.reflectance - OFFSET) / SCALE
    levels = np.minimum(np.round(levels), 65535).astype(np.uint16)
    layers = {band: levels[..., n] for n, band in enumerate(BANDS)}
    if split == 'training':
        layers['gt'] = 255 * (scene.label == CLOUD).astype(np.uint8)
    for kind, layer in layers.items():
        path = root / f'{prefix}_{kind}' / f'{kind}_{patch}.TIF'
        _write_image(path, np.pad(layer, margin)[inside])
        yield path


def _write_image(path: Path, image: np.ndarray) -> None:
    """Write (H, W), booleans with one bit."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if image.dtype == bool:
        Image.fromarray(image).save(path)
    else:
        cv2.imwrite(str(path), image)
