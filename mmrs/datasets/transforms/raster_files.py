"""Reading all or a window of the kinds of files that cloud data come in."""

import warnings
from functools import lru_cache
from pathlib import Path

import numpy as np

from mmrs.errors import BadImageError, InputError

from .loading import read_bands

Window = tuple[int, int, int, int]  # row, column, height, width, in px

_MEMMAP_SIDE = 512  # px of the frames of CloudSEN12's memory maps
_MEMMAP_TYPES = dict(img=np.int16, msk=np.int8)


def read_raster(
    path: str | Path,
    window: Window | None = None,
    frame: int | None = None,
    role: str = 'img',
) -> np.ndarray:
    """Read a file as it is stored.

    TIFFs are read by rasterio, the window alone; ``.npz`` by the array that
    is named after the role; ``.dat`` as a memory map of frames of 512 x 512
    px in the types of CloudSEN12; all else as a plain image.

    Args:
        path: The file.
        window: (row, column, height, width) in px; None: all of it.
        frame: Which frame of a memory map.
        role: ``'img'``, an image, or ``'msk'``, a mask.

    Returns:
        (H, W, bands), in the file's dtype.

    Raises:
        BadImageError: The file is missing, unreadable or smaller than the
            window.
    """
    path = Path(path)
    if not path.is_file():
        raise BadImageError(f'{path}: no such image file')
    suffix = path.suffix.lower()
    if suffix in ('.tif', '.tiff'):
        return _read_tiff(path, window)
    if suffix == '.npz':
        array = _read_archive(str(path), path.stat().st_mtime_ns, role)
    elif suffix == '.dat':
        array = _read_frame(path, frame, role)
    else:
        array = read_bands(path)
    return _cut(array, window, path)


def _read_tiff(path: Path, window: Window | None) -> np.ndarray:
    from rasterio.errors import RasterioError
    from rasterio.windows import Window as Part

    with _open(path) as raster:
        part = None
        if window is not None:
            row, column, height, width = window
            _check_inside(window, raster.shape, path)
            part = Part(column, row, width, height)
        try:
            return np.moveaxis(raster.read(window=part), 0, 2)
        except RasterioError as error:
            raise BadImageError(
                f'{path}: unreadable TIFF ({error})'
            ) from error


def _open(path: Path):
    """Open a TIFF by rasterio."""
    try:
        import rasterio
        from rasterio.errors import NotGeoreferencedWarning, RasterioError
    except ImportError as error:
        raise InputError(
            f"{path}: reading it needs rasterio: pip install 'mmrs[geo]'"
        ) from error
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', NotGeoreferencedWarning)
        try:
            return rasterio.open(path)
        except RasterioError as error:
            raise BadImageError(
                f'{path}: unreadable TIFF ({error})'
            ) from error


@lru_cache(maxsize=8)  # tiles of an archive follow each other
def _read_archive(path: str, mtime: int, role: str) -> np.ndarray:
    try:
        with np.load(path) as arrays:
            if role not in arrays:
                raise BadImageError(
                    f'{path}: has no array {role!r}, but {arrays.files}'
                )
            array = arrays[role]
    except (OSError, ValueError) as error:
        raise (
            error
            if isinstance(error, BadImageError)
            else BadImageError(f'{path}: unreadable archive ({error})')
        ) from error
    return array[..., None] if array.ndim == 2 else array


def _read_frame(path: Path, frame: int | None, role: str) -> np.ndarray:
    frames = count_frames(path, role)
    if frame is None or frame >= frames:
        raise BadImageError(f'{path}: has {frames} frames, none is {frame}')
    shape = (frames, _MEMMAP_SIDE, _MEMMAP_SIDE)
    stored = np.memmap(path, _MEMMAP_TYPES[role], 'r', shape=shape)
    return np.array(stored[frame])[..., None]


def count_frames(path: str | Path, role: str = 'img') -> int:
    """Count the frames of a memory map of CloudSEN12.

    Raises:
        BadImageError: The file is not of whole frames.
    """
    size = Path(path).stat().st_size
    frame = _MEMMAP_SIDE**2 * np.dtype(_MEMMAP_TYPES[role]).itemsize
    if size % frame:
        raise BadImageError(
            f'{path}: is of {size} bytes, which is no multiple of {frame}, '
            'one frame; download it again'
        )
    return size // frame


def _cut(array: np.ndarray, window: Window | None, path: Path) -> np.ndarray:
    if window is None:
        return array
    _check_inside(window, array.shape[:2], path)
    row, column, height, width = window
    return array[row : row + height, column : column + width]


def _check_inside(window: Window, shape: tuple[int, int], path: Path) -> None:
    row, column, height, width = window
    if row + height > shape[0] or column + width > shape[1]:
        raise BadImageError(
            f'{path}: is {shape[1]} x {shape[0]} px (width x height), so the '
            f'window from row {row}, column {column} of {width} x {height} '
            'px is outside'
        )


def raster_size(path: str | Path) -> tuple[int, int]:
    """Height and width in px, without reading the pixels of a TIFF."""
    path = Path(path)
    if path.suffix.lower() in ('.tif', '.tiff') and path.is_file():
        with _open(path) as raster:
            return raster.shape
    return read_raster(path).shape[:2]


def band_names(path: str | Path) -> list[str | None] | None:
    """Names that a TIFF gives its bands; None for other formats."""
    path = Path(path)
    if path.suffix.lower() not in ('.tif', '.tiff') or not path.is_file():
        return None
    with _open(path) as raster:
        return list(raster.descriptions)


def tile_windows(
    shape: tuple[int, int], tile: int, stride: int
) -> list[Window]:
    """Lay windows over an image so that they cover it.

    The last window of a row or column ends at the edge of the image, so it
    may overlap its neighbour by more than the others do.

    Args:
        shape: Height and width of the image in px.
        tile: Side of a window in px; of an image that is smaller, all.
        stride: From one window to the next in px.
    """
    starts = [
        sorted({*range(0, max(side - tile, 0), stride), max(side - tile, 0)})
        for side in shape
    ]
    height, width = (min(tile, side) for side in shape)
    return [
        (row, col, height, width) for row in starts[0] for col in starts[1]
    ]
