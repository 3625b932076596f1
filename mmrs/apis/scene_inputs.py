"""What an inferencer of scenes is given: files, folders, products, arrays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmrs.errors import InputError
from mmrs.geo.opening import is_address, is_raster, stem_of
from mmrs.geo.products import Product, find_product, is_product
from mmrs.geo.scene import Scene, product_of_files
from mmrs.utils.files import is_image

from .inputs import list_inputs

Scenes = Scene | Sequence[Scene]


@dataclass(frozen=True)
class SceneInput:
    """One scene to be predicted.

    Attributes:
        name: The scene in messages: a path, or ``array_0000``.
        stem: The path of its results below an output folder, no suffix.
        source: A file, an address, the pixels, or a product.
    """

    name: str
    stem: str
    source: Path | str | np.ndarray | Product

    @property
    def files(self) -> list[Path | str]:
        """Its files; none of an array."""
        if isinstance(self.source, np.ndarray):
            return []
        if isinstance(self.source, Product):
            return [*self.source.files.values()]
        return [self.source]


def list_scenes(inputs: Scenes) -> list[SceneInput]:
    """List scenes; a folder gives all in it, subfolders included.

    Args:
        inputs: A file; an address that GDAL knows; a product (of Sentinel-2
            or Landsat, as a folder or packed; a STAC item; a folder with
            one file a band); a folder of these; an array (H, W, bands);
            files of single bands by their names; or a list of such.

    Raises:
        InputError: A single path does not exist, or there is no scene.
        BadImageError: A product is broken.
    """
    if isinstance(inputs, str | Path) and _is_folder(inputs):
        inputs = _list_folder(Path(inputs))
    elif isinstance(inputs, str | Path | np.ndarray | Mapping | Product):
        inputs = [inputs]
    found, images = [], []
    for scene in inputs:
        if isinstance(scene, Mapping):
            scene = product_of_files(scene)
        elif isinstance(scene, str | Path) and is_product(scene):
            scene = find_product(scene)
        if isinstance(scene, Product):
            found.append(SceneInput(scene.name, scene.stem, scene))
        elif is_address(scene):
            found.append(SceneInput(scene, stem_of(scene), scene))
        else:
            images.append(scene)
    if len(images) == 1 and not isinstance(images[0], np.ndarray):
        _check_exists(Path(images[0]))
    if images or not found:
        found += [
            SceneInput(image.name, image.stem, image.source)
            for image in list_inputs(images, any_bands=True)
        ]
    return found


def _is_folder(location: str | Path) -> bool:
    return (
        not is_address(location)
        and Path(location).is_dir()
        and not is_product(location)
    )


def _list_folder(folder: Path) -> list[Path]:
    """Products and images of a folder; those within products are theirs."""
    every = sorted(folder.rglob('*'))
    products = [
        path
        for path in every
        if is_product(path)
        and not any(is_product(p) for p in path.parents if p != folder)
    ]
    images = [path for path in every if path.is_file() and _is_scene(path)]
    return products + [
        image
        for image in images
        if not any(product in image.parents for product in products)
    ]


def _is_scene(path: Path) -> bool:
    return is_image(path) or is_raster(path)


def _check_exists(path: Path) -> None:
    if not path.is_file():
        raise InputError(f'{path}: no such file or folder')
