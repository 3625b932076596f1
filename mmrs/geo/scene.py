"""Opening of a scene of any kind, with its bands in a network's order."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from mmrs.errors import BadImageError

from .opening import Location, as_location
from .products import Product, find_product
from .sensors import Sensor, find_bands
from .source import RasterSource, Source, Unit, open_source
from .tiles import Window, spread_windows

#: A file, an address, a product, an array, or files of single bands by name.
Scene = Location | np.ndarray | Mapping[str, Location] | Product

_SAMPLES, _SAMPLE_SIDE = 6, 64  # windows along each axis, and their side


def open_scene(
    scene: Scene,
    wanted: Sequence[str | int] | None = None,
    file_bands: Sequence[str] | None = None,
    trained_bands: Sequence[str] = (),
    sensor: Sensor | None = None,
    nodata: float | None = None,
    gaps: str = 'all',
) -> Source:
    """Open a scene and pick the bands that a network takes.

    Args:
        scene: A raster, a picture, an address that GDAL knows, a product (of
            Sentinel-2, Landsat or STAC; a folder with one file a band), an
            array (H, W, bands), or a dict of files of single bands by name.
        wanted: Bands to take, in their order: names, or numbers from 0.
            None: all.
        file_bands: Names of the bands of the file in their order, where the
            user knows them better than the file.
        trained_bands: Names of the bands of the files that the network was
            trained on, in their order, for files that name none.
        sensor: The expected one, whose codes (``B4``) are meant.
        nodata: Value without meaning. None: as the file or product says.
        gaps: As of :func:`~mmrs.geo.source.open_source`.

    Returns:
        The source, with its bands picked, and in ``units`` what stored
        values stand for, where the file or product defines it.

    Raises:
        BadImageError: It cannot be read, or a band is missing or unknown.
    """
    source = _open(scene, file_bands, nodata, gaps)
    if wanted is None:
        source.pick(None)
    else:
        source.pick(find_bands(source, wanted, trained_bands, sensor))
    return source


def _open(
    scene: Scene,
    file_bands: Sequence[str] | None,
    nodata: float | None,
    gaps: str,
) -> Source:
    if isinstance(scene, np.ndarray):
        return open_source(scene, names=file_bands, nodata=nodata, gaps=gaps)
    if isinstance(scene, Mapping):
        scene = product_of_files(scene)
    elif not isinstance(scene, Product):
        scene = find_product(scene) or scene
    if isinstance(scene, Product):
        return _open_product(scene, file_bands, nodata, gaps)
    return open_source(
        as_location(scene), names=file_bands, nodata=nodata, gaps=gaps
    )


def product_of_files(files: Mapping[str, Location]) -> Product:
    """Make a scene of files of single bands by their names."""
    paths = {name: as_location(path) for name, path in files.items()}
    if not paths:
        raise BadImageError('a scene of single bands names no file')
    first = next(iter(paths.values()))
    return Product(f'{first} ...', Path(str(first)).stem, paths)


def _open_product(
    product: Product,
    file_bands: Sequence[str] | None,
    nodata: float | None,
    gaps: str,
) -> Source:
    if nodata is None:
        nodata = product.nodata
    if isinstance(nodata, Mapping):
        nodata = [nodata.get(name) for name in product.files]
    source = RasterSource(
        list(product.files.values()),
        file_bands or list(product.files),
        nodata,
        gaps,
    )
    source.name = product.name
    source.notes += product.notes
    if product.units:
        own = source.units or (Unit(),) * len(product.files)
        source.units = tuple(
            product.units.get(name, unit)
            for name, unit in zip(product.files, own)
        )
    return source


def sample_windows(shape: tuple[int, int]) -> list[Window]:
    """Take windows all over a scene, to look at its values."""
    return spread_windows(shape, _SAMPLE_SIDE, _SAMPLES)
