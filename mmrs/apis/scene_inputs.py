"""What an inferencer of scenes is given: files, folders, products, arrays."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from mmrs.datasets.cloudsen12 import SENTINEL2
from mmrs.errors import BadImageError, InputError
from mmrs.geo.source import RasterSource, Source, is_raster, open_source
from mmrs.utils.files import is_image

from .inputs import list_inputs

Scene = str | Path | np.ndarray | Mapping[str, str | Path]
Scenes = Scene | Sequence[Scene]

_SAFE_BAND = re.compile(r'_B(\d[\dA])(?:_(\d\d)m)?\.jp2$', re.IGNORECASE)
# Since processing baseline 04.00 stored values are raised by an offset.
_OFFSETS = ('RADIO_ADD_OFFSET', 'BOA_ADD_OFFSET')


@dataclass(frozen=True)
class SceneInput:
    """One scene to be predicted.

    Attributes:
        name: Says which scene it is: a path, or ``array_0000``.
        stem: The path of its results below an output folder, no suffix.
        source: A file, the pixels, or the files of its bands by name.
        raised: What stored values were raised by.
    """

    name: str
    stem: str
    source: Path | np.ndarray | dict[str, Path]
    raised: int = 0

    @property
    def files(self) -> list[Path]:
        """Its files; none of an array."""
        if isinstance(self.source, np.ndarray):
            return []
        if isinstance(self.source, dict):
            return [*self.source.values()]
        return [self.source]

    def open(
        self, names: Sequence[str] | None = None, nodata: float | None = None
    ) -> Source:
        """Open it, as :func:`~mmrs.geo.source.open_source` does."""
        if isinstance(self.source, dict):
            source = RasterSource(
                self.files,
                names=names or list(self.source),
                nodata=nodata,
                raised=self.raised,
            )
        else:
            source = open_source(self.source, names=names, nodata=nodata)
        source.name = self.name
        return source


def list_scenes(inputs: Scenes) -> list[SceneInput]:
    """List scenes; a folder gives all in it, subfolders included.

    Args:
        inputs: A file; a Sentinel-2 product (a folder ``*.SAFE``); a folder
            of these; an array (H, W, bands); files of single bands by their
            names; or a list of such.

    Raises:
        InputError: A single path does not exist, or there is no scene.
        BadImageError: A product has no bands.
    """
    if isinstance(inputs, str | Path) and Path(inputs).is_dir():
        inputs = _list_folder(Path(inputs))
    elif isinstance(inputs, str | Path | np.ndarray | Mapping):
        inputs = [inputs]
    found, images = [], []
    for scene in inputs:
        if isinstance(scene, Mapping):
            found.append(_name_bands(scene))
        elif not isinstance(scene, np.ndarray) and _is_product(Path(scene)):
            found.append(_open_product(Path(scene)))
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


def _list_folder(folder: Path) -> list[Path]:
    """Products and images of a folder; those within products are theirs."""
    if _is_product(folder):
        return [folder]
    products = sorted(filter(_is_product, folder.rglob('*')))
    images = sorted(filter(_is_scene, folder.rglob('*')))
    return products + [
        image
        for image in images
        if not any(product in image.parents for product in products)
    ]


def _is_scene(path: Path) -> bool:
    return is_image(path) or (is_raster(path) and path.is_file())


def _is_product(path: Path) -> bool:
    return path.suffix.lower() == '.safe' and path.is_dir()


def _check_exists(path: Path) -> None:
    if not path.is_file():
        raise InputError(f'{path}: no such file or folder')


def _name_bands(files: Mapping[str, str | Path]) -> SceneInput:
    paths = {name: Path(path) for name, path in files.items()}
    if not paths:
        raise InputError('a scene of single bands names no file')
    first = next(iter(paths.values()))
    return SceneInput(f'{first} ...', first.stem, paths)


def _open_product(folder: Path) -> SceneInput:
    """Find the finest file of each band of a Sentinel-2 product."""
    names = {code: name for name, code in SENTINEL2.items()}
    finest = {}
    for path in sorted(folder.glob('GRANULE/*/IMG_DATA/**/*.jp2')):
        match = _SAFE_BAND.search(path.name)
        if match is None:
            continue
        name = names[f'B{match[1].lstrip("0").upper()}']
        metres = int(match[2] or 0)
        if name not in finest or metres < finest[name][0]:
            finest[name] = metres, path
    if not finest:
        raise BadImageError(
            f'{folder}: has no bands GRANULE/*/IMG_DATA/*_B02.jp2 ...; '
            'download the product again'
        )
    files = {name: finest[name][1] for name in SENTINEL2 if name in finest}
    return SceneInput(str(folder), folder.stem, files, _read_raised(folder))


def _read_raised(folder: Path) -> int:
    """What the values of a product were raised by, as its metadata tell."""
    for path in folder.glob('MTD_MSIL*.xml'):
        try:
            root = ElementTree.parse(path).getroot()
        except ElementTree.ParseError as error:
            raise BadImageError(f'{path}: is no XML ({error})') from error
        offsets = {
            int(node.text) for tag in _OFFSETS for node in root.iter(tag)
        }
        if len(offsets) > 1:
            raise BadImageError(
                f'{path}: bands have several offsets, {sorted(offsets)}; '
                'only one for all is known to occur'
            )
        return -offsets.pop() if offsets else 0
    return 0
