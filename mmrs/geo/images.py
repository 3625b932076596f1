"""Whole images and label maps, as data sets read them."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mmrs.errors import BadImageError

from .opening import Location, is_address, is_raster, open_raster, suffix_of
from .pictures import read_indices, read_picture, turned
from .raster_file import RasterFile
from .source import ArraySource, Locations, Source, Unit, open_source
from .tiles import Window

_ARRAYS = '.npz'


class Image(NamedTuple):
    """An image in memory.

    Attributes:
        pixels: (H, W, bands) as stored.
        valid: Where it has data, (H, W) bool; None: everywhere.
        bands: Names of the bands; None where one has none.
        units: What stored values stand for, where the file defines it.
    """

    pixels: np.ndarray
    valid: np.ndarray | None
    bands: tuple[str | None, ...]
    units: tuple[Unit, ...] | None = None


def read_image(
    location: Locations,
    window: Window | None = None,
    bands: Sequence[str | int] | None = None,
    nodata: float | None = None,
    gaps: str = 'all',
    orientation: str = 'shown',
) -> Image:
    """Read an image, or a window of it.

    Args:
        location: As of :func:`~mmrs.geo.source.open_source`; also ``.npz``
            archives, whose array ``img`` is taken.
        window: (row, column, height, width) in px; None: all of it.
        bands: Which to read, names or numbers from 0; None: all.
        nodata: Value without meaning. None: as the file says.
        gaps: As of :func:`~mmrs.geo.source.open_source`.
        orientation: Likewise of the same.

    Raises:
        BadImageError: A file is missing, unreadable or smaller than the
            window, or has not these bands.
    """
    source = open_image(location, nodata, None, gaps, orientation)
    source.pick(bands)
    pixels, valid = source.read(check_window(source, window))
    units = source.units
    if units is not None:
        units = tuple(units[number] for number in source.picked)
    return Image(pixels, valid, source.bands, units)


def open_image(
    location: Locations,
    nodata: float | None = None,
    names: Sequence[str] | None = None,
    gaps: str = 'all',
    orientation: str = 'shown',
) -> Source:
    """Open an image as a data set stores it; see :func:`read_image`.

    Args:
        location: As of :func:`read_image`.
        nodata: Value without meaning. None: as the file says.
        names: Names of all bands, in place of the file's.
        gaps: As of :func:`~mmrs.geo.source.open_source`.
        orientation: As of the same.
    """
    if isinstance(location, Location) and suffix_of(location) == _ARRAYS:
        pixels = read_archive(location, 'img')
        return ArraySource(
            pixels, names, nodata, name=str(location), gaps=gaps
        )
    return open_source(
        location,
        names=names,
        nodata=nodata,
        gaps=gaps,
        orientation=orientation,
    )


def read_labels(
    location: Location,
    window: Window | None = None,
    orientation: str = 'shown',
) -> np.ndarray:
    """Read the class numbers of a label map.

    A palette is not applied: the number of a pixel is its class, whatever
    its colour. 1-bit files have 0 and 255. Files of several equal bands are
    read as one.

    Args:
        location: A file; also ``.npz`` archives, whose array ``msk`` is
            taken.
        window: (row, column, height, width) in px; None: all of it.
        orientation: As of :func:`~mmrs.geo.source.open_source`.

    Returns:
        (H, W), whole numbers or bool.

    Raises:
        BadImageError: The file is missing, unreadable, smaller than the
            window, or a picture of several bands.
    """
    stored = _read_label_bands(location, window, orientation)
    if stored.dtype == bool:
        stored = stored * np.uint8(255)
    if stored.dtype.kind not in 'iu' or (stored != stored[..., :1]).any():
        raise BadImageError(
            f'{location}: is a picture of {stored.shape[2]} {stored.dtype} '
            'bands that differ, not a mask; a mask has one band of whole '
            'numbers, or equal ones'
        )
    return np.ascontiguousarray(stored[..., 0])


def _read_label_bands(
    location: Location, window: Window | None, orientation: str
) -> np.ndarray:
    if suffix_of(location) == _ARRAYS:
        return _cut(read_archive(location, 'msk'), window, location)
    if is_raster(location):
        file = RasterFile(location, as_indices=True)
        turn = file.orientation if orientation == 'shown' else 1
        part = window if turn == 1 else None
        _check_inside(part, file.shape, location)
        with open_raster(location) as handle:
            numbers = range(len(file.bands))
            stored = file.read(handle, numbers, part).pixels
        if turn == 1:
            return stored
        return _cut(turned(stored, turn), window, location)
    picture = read_picture(location, orientation)
    pixels, indices = picture.pixels, read_indices(location)
    if indices is not None:
        pixels = turned(indices[..., None], picture.orientation)
    return _cut(pixels, window, location)


def image_size(location: Location) -> tuple[int, int]:
    """Height and width in px, without reading the pixels of a raster."""
    if is_raster(location) and suffix_of(location) != _ARRAYS:
        file = RasterFile(location)
        return file.shape[::-1] if file.orientation > 4 else file.shape
    return open_image(location).shape


def read_archive(location: Location, role: str) -> np.ndarray:
    """Read an array (H, W, bands) of an ``.npz`` archive by its name.

    Raises:
        BadImageError: The archive is missing, unreadable, or has no such
            array.
    """
    path = Path(location)
    if is_address(location) or not path.is_file():
        raise BadImageError(f'{location}: no such image file')
    return _read_archive(str(path), path.stat().st_mtime_ns, role)


@lru_cache(maxsize=8)  # tiles of an archive follow each other
def _read_archive(path: str, mtime: int, role: str) -> np.ndarray:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            if role not in arrays:
                raise BadImageError(
                    f'{path}: has no array {role!r}, but {arrays.files}'
                )
            array = arrays[role]
    except BadImageError:
        raise
    except Exception as error:  # zip, header and value errors alike
        raise BadImageError(f'{path}: unreadable archive ({error})') from error
    return array[..., None] if array.ndim == 2 else array


def check_window(source: Source, window: Window | None) -> Window:
    """Return a window of an image, all of it by default.

    Raises:
        BadImageError: It does not lie inside.
    """
    _check_inside(window, source.shape, source.name)
    return Window(*(window or (0, 0, *source.shape)))


def _cut(
    array: np.ndarray, window: Window | None, name: Location
) -> np.ndarray:
    if window is None:
        return array
    _check_inside(window, array.shape[:2], name)
    return array[Window(*window).slices]


def _check_inside(
    window: Window | None, shape: tuple[int, int], name: Location
) -> None:
    if window is None or Window(*window).is_inside(shape):
        return
    row, column, height, width = window
    raise BadImageError(
        f'{name}: is {shape[1]} x {shape[0]} px (width x height), so the '
        f'window from row {row}, column {column} of {width} x {height} px is '
        'outside'
    )
