"""Writes the rows of a scene as a GeoTIFF that other programs read fast."""

import os
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mmrs.errors import InputError
from mmrs.geo.georeference import Georeference

from .row_file import RowFile

_CACHE = 64 * 2**20  # bytes that GDAL may cache


def write_geotiff(
    path: str | Path,
    rows: RowFile,
    place: Georeference | None = None,
    nodata: float | None = None,
    classes: Sequence[str] = (),
    palette: Sequence[tuple[int, int, int]] | None = None,
    bands: Sequence[str] = (),
    scale: float | None = None,
    block: int = 512,
    compress: str = 'deflate',
    overviews: bool = True,
) -> None:
    """Write a GeoTIFF in blocks, compressed, with overviews.

    It is written beside its place under another name and moved there when it
    is complete, so that a file of this name is always whole.

    Args:
        path: The file.
        rows: Its values.
        place: Where it lies; None: unknown.
        nodata: Value of pixels without data.
        classes: Names of values 0, 1, ...; kept as tags ``class_0``, ...
        palette: Their RGB colours, 0 to 255; of maps of one band.
        bands: Names of the bands.
        scale: Factor that makes the values what they stand for.
        block: Side of the blocks in px, a multiple of 16.
        compress: A method that GDAL knows, or ``'none'``.
        overviews: Add copies of half, a quarter, ... of the size, for
            display; each pixel of them is one of the map's.

    Raises:
        InputError: rasterio is not installed.
    """
    try:
        import rasterio
        from rasterio.errors import NotGeoreferencedWarning
    except ImportError as error:
        raise InputError(
            f"{path}: writing it needs rasterio: pip install 'mmrs[geo]'"
        ) from error
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f'.{path.name}.part')
    height, width = rows.shape
    settings = dict(
        driver='GTiff',
        height=height,
        width=width,
        count=rows.bands,
        dtype=rows.dtype,
        nodata=nodata,
        compress=compress,
        interleave='band',
        bigtiff='if_safer',
        **({} if place is None else place._asdict()),
    )
    if min(height, width) >= block:
        settings |= dict(tiled=True, blockxsize=block, blockysize=block)
    with warnings.catch_warnings(), rasterio.Env(GDAL_CACHEMAX=_CACHE):
        warnings.simplefilter('ignore', NotGeoreferencedWarning)
        with rasterio.open(partial, 'w', **settings) as file:
            _write_rows(file, rows, block)
            _name(file, classes, palette, bands, scale)
        if overviews:
            _add_overviews(partial, block)
    os.replace(partial, path)


def _write_rows(file, rows: RowFile, block: int) -> None:
    from rasterio.windows import Window

    # Whole blocks at once: a block that is written twice is stored twice.
    for start, values in rows.strips(block):
        window = Window(0, start, rows.shape[1], values.shape[1])
        file.write(values, window=window)


def _name(
    file,
    classes: Sequence[str],
    palette: Sequence[tuple[int, int, int]] | None,
    bands: Sequence[str],
    scale: float | None,
) -> None:
    if palette is not None and np.dtype(file.dtypes[0]) == np.uint8:
        file.write_colormap(1, {i: tuple(c) for i, c in enumerate(palette)})
    if classes:
        tags = {f'class_{i}': name for i, name in enumerate(classes)}
        file.update_tags(1, **tags)
    if bands:
        file.descriptions = tuple(bands)
    if scale is not None:
        file.scales = (scale,) * file.count


def _add_overviews(path: Path, block: int) -> None:
    import rasterio
    from rasterio.enums import Resampling

    with rasterio.open(path, 'r+') as file:
        factors, factor = [], 2
        while max(file.shape) >= block * factor:
            factors.append(factor)
            factor *= 2
        if factors:
            file.build_overviews(factors, Resampling.nearest)
