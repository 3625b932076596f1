"""Where the pixels of a scene come from: rasters, plain images, arrays."""

import threading
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from mmrs.datasets.transforms.loading import read_bands
from mmrs.datasets.transforms.raster_files import Window
from mmrs.errors import BadImageError, InputError
from mmrs.geo.georeference import (
    Georeference,
    describe_grid,
    same_grid,
)

from .row_file import thinned

Pixels = tuple[np.ndarray, np.ndarray | None]
Paths = str | Path | Sequence[str | Path]

#: Files that are read by windows; other images are read as a whole.
RASTER_EXTENSIONS = ('.tif', '.tiff', '.jp2', '.vrt', '.img')
_RGB = ('red', 'green', 'blue')
_CACHE = 64 * 2**20  # bytes that GDAL may cache, at least
_SAME_PLACE = 0.01  # pixels of the coarser file that corners may differ by


class Source(ABC):
    """Pixels of a scene, read by windows, from several threads.

    Attributes:
        name: Says which scene it is.
        shape: Height and width in px.
        place: Where it lies; None: unknown.
        all_bands: Names of all its bands; None where one has no name.
        colors: What the file says a band looks like, ``'red'`` and so on.
        picked: Numbers of the bands that are read, in their order.
    """

    name: str
    shape: tuple[int, int]
    place: Georeference | None = None
    all_bands: tuple[str | None, ...]
    colors: tuple[str | None, ...]
    picked: list[int]

    @property
    def bands(self) -> tuple[str | None, ...]:
        """Names of the bands that are read."""
        return tuple(self.all_bands[number] for number in self.picked)

    def pick(self, bands: Sequence[str | int] | None) -> None:
        """Choose which bands are read.

        Args:
            bands: Their names, or numbers from 0, in the order to read them
                in. None: all.

        Raises:
            BadImageError: There is none of that name or number.
        """
        names = self.all_bands
        numbers = []
        for band in range(len(names)) if bands is None else bands:
            number = names.index(band) if band in names else band
            if not isinstance(number, int) or not 0 <= number < len(names):
                shown = ', '.join(n or str(i) for i, n in enumerate(names))
                raise BadImageError(
                    f'{self.name}: has no band {band!r}, but {shown}; name '
                    'bands that it has, or count them from 0'
                )
            numbers.append(number)
        self.picked = numbers

    @abstractmethod
    def read(self, window: Window) -> Pixels:
        """Read a window.

        Args:
            window: (row, column, height, width) in px, inside the scene.

        Returns:
            Pixels (height, width, bands) as they are stored; and which have
            data, (height, width) bool, or None where all have.

        Raises:
            BadImageError: This part of the file is broken.
        """

    @abstractmethod
    def thin_out(self, step: int) -> Pixels:
        """Read one of every `step` rows and columns, as :meth:`read` does."""

    @contextmanager
    def opened(self, tile: int, workers: int) -> Iterator[None]:
        """Be ready to read tiles of `tile` px in `workers` threads."""
        yield


class ArraySource(Source):
    """A scene in memory.

    Args:
        pixels: (H, W, bands), or (H, W).
        bands: Their names.
        nodata: Value that all bands have where there are no data.
        place: Where it lies.
        name: Says which scene it is.
    """

    def __init__(
        self,
        pixels: np.ndarray,
        bands: Sequence[str | None] | None = None,
        nodata: float | None = None,
        place: Georeference | None = None,
        name: str = 'array',
    ) -> None:
        pixels = pixels[..., None] if pixels.ndim == 2 else pixels
        if pixels.ndim != 3 or 0 in pixels.shape:
            raise BadImageError(
                f'{name}: is of shape {pixels.shape}; give (height, width, '
                'bands)'
            )
        count = pixels.shape[2]
        self.name = name
        self.shape = pixels.shape[:2]
        self.place = place
        self.nodata = nodata
        self.all_bands = tuple(bands or [None] * count)
        if len(self.all_bands) != count:
            raise BadImageError(
                f'{name}: has {count} band(s), but {len(self.all_bands)} '
                'names were given'
            )
        self.colors = (None,) * count
        self.pick(None)
        self._pixels = pixels

    def read(self, window: Window) -> Pixels:
        """Cut out a window."""
        row, col, height, width = window
        return self._take(np.s_[row : row + height, col : col + width])

    def thin_out(self, step: int) -> Pixels:
        """Take one of every `step` rows and columns."""
        return self._take(np.ix_(*(thinned(n, step) for n in self.shape)))

    def _take(self, part: tuple) -> Pixels:
        pixels = self._pixels[part][..., self.picked]
        return pixels, with_data(pixels, [self.nodata])


class RasterSource(Source):
    """A scene in one or several raster files, read by windows.

    The bands of several files follow each other. Files of other resolutions
    that show the same ground are brought to the grid of the finest, as the
    bands of Sentinel-2 are.

    A pixel has no data where all bands that are read have the nodata value,
    one is not finite, or the file's mask or alpha band says so.

    Args:
        paths: A file, or one a band (or some bands).
        bands: Which to read, names or numbers; None: all.
        names: Names of all bands in the files' order. None: as the files
            describe them.
        nodata: Value without meaning. None: as the files say.
        raised: What stored whole numbers were raised by: it is taken off
            them.

    Raises:
        BadImageError: A file is missing or unreadable, or shows another
            place.
        InputError: rasterio is not installed.
    """

    def __init__(
        self,
        paths: Paths,
        bands: Sequence[str | int] | None = None,
        names: Sequence[str] | None = None,
        nodata: float | None = None,
        raised: int = 0,
    ) -> None:
        several = not isinstance(paths, str | Path)
        self.paths = [Path(p) for p in (paths if several else [paths])]
        self.name = str(self.paths[0])
        if len(self.paths) > 1:
            self.name += f' and {len(self.paths) - 1} more'
        self._given_nodata = nodata
        self._raised = raised
        self._local = threading.local()
        self._handles = []
        files = [_open(path) for path in self.paths]
        try:
            self._describe(files, names)
        finally:
            _close(files)
        self.pick(bands)

    def _describe(self, files: list, names: Sequence[str] | None) -> None:
        finest = min(files, key=lambda file: abs(file.transform.determinant))
        self._grid = dict(
            crs=finest.crs,
            transform=finest.transform,
            width=finest.width,
            height=finest.height,
        )
        for path, file in zip(self.paths, files):
            _check_same_ground(path, file, finest)
        self.shape = finest.shape
        if finest.crs is not None or not finest.transform.is_identity:
            self.place = Georeference(finest.crs, finest.transform)
        self._where = [
            (number, band)
            for number, f in enumerate(files)
            for band in f.indexes
        ]
        described = [name for f in files for name in f.descriptions]
        self.all_bands = tuple(names or described)
        if len(self.all_bands) != len(described):
            raise BadImageError(
                f'{self.name}: has {len(described)} band(s), but '
                f'{len(self.all_bands)} names were given'
            )
        colors = [c.name for f in files for c in f.colorinterp]
        self.colors = tuple(c if c in _RGB else None for c in colors)
        self._strip_bytes = sum(
            f.width * f.count * np.dtype(f.dtypes[0]).itemsize
            for f in files
            if f.block_shapes[0][1] == f.width
        )

    def read(self, window: Window) -> Pixels:
        """Read a window by the thread's own handles."""
        from rasterio.windows import Window as Part

        row, col, height, width = window
        return self._read(window=Part(col, row, width, height))

    def thin_out(self, step: int) -> Pixels:
        """Read one of every `step` rows and columns."""
        size = tuple(-(-length // step) for length in self.shape)
        return self._read(out_shape=size)

    @contextmanager
    def opened(self, tile: int, workers: int) -> Iterator[None]:
        """Bound what GDAL caches, and close the files at the end."""
        import rasterio

        # Files in strips of whole rows are read again for every tile of a
        # row of tiles, unless these strips are kept.
        wanted = self._strip_bytes * (tile + tile // 4) * max(workers, 1)
        with rasterio.Env(GDAL_CACHEMAX=max(_CACHE, wanted)):
            try:
                yield
            finally:
                _close(self._handles)
                self._handles, self._local = [], threading.local()

    def _read(self, **what) -> Pixels:
        from rasterio.errors import RasterioError

        files = self._files()
        parts, masks, empty = {}, [], []
        try:
            for number in dict.fromkeys(
                self._where[b][0] for b in self.picked
            ):
                file = files[number]
                own = [
                    band
                    for band in self.picked
                    if self._where[band][0] == number
                ]
                indexes = [self._where[band][1] for band in own]
                count = len(indexes)
                size = what.get('out_shape')
                shape = dict(out_shape=(count, *size)) if size else what
                parts |= zip(own, file.read(indexes, **shape))
                empty += [self._nodata(file)] * count
                if _has_mask(file):
                    masks.append(file.dataset_mask(**what) > 0)
        except RasterioError as error:
            raise BadImageError(
                f'{self.name}: cannot be read here ({error}); copy the file '
                'again'
            ) from error
        pixels = np.stack([parts[band] for band in self.picked], axis=2)
        valid = with_data(pixels, empty)
        for mask in masks:
            valid = mask if valid is None else valid & mask
        if self._raised:
            pixels = pixels.astype(np.int32) - self._raised
        return pixels, valid

    def _nodata(self, file) -> float | None:
        return (
            file.nodata if self._given_nodata is None else self._given_nodata
        )

    def _files(self) -> list:
        """Open the files for this thread: GDAL's handles are not shared."""
        if not hasattr(self._local, 'files'):
            files = [_open(path) for path in self.paths]
            self._handles += files
            self._local.files = [self._align(file) for file in files]
            self._handles += self._local.files
        return self._local.files

    def _align(self, file):
        if file.shape == self.shape:
            return file
        from rasterio.enums import Resampling
        from rasterio.vrt import WarpedVRT

        return WarpedVRT(file, resampling=Resampling.bilinear, **self._grid)


class PairSource(Source):
    """Two dates of one place: the bands of the later follow the earlier's.

    A pixel has data where both dates have.

    Args:
        earlier: The earlier date.
        later: The later date, on the same grid.

    Raises:
        BadImageError: They lie on different grids.
    """

    def __init__(self, earlier: Source, later: Source) -> None:
        self.dates = (earlier, later)
        self.name = f'{earlier.name} and {later.name}'
        self.shape = earlier.shape
        self.place = earlier.place or later.place
        self.all_bands = earlier.bands + later.bands
        self.colors = tuple(
            date.colors[number]
            for date in self.dates
            for number in date.picked
        )
        self.pick(None)
        if not _same_ground(earlier, later):
            here = describe_grid(later.place, later.shape)
            there = describe_grid(earlier.place, earlier.shape)
            raise BadImageError(
                f'{later.name}: lies on another grid ({here}) than the '
                f'earlier date {earlier.name} ({there}); bring it there: rio '
                f'warp {later.name} ALIGNED.tif --like {earlier.name} '
                '--resampling bilinear'
            )

    def read(self, window: Window) -> Pixels:
        """Read a window of both dates."""
        return self._join([date.read(window) for date in self.dates])

    def thin_out(self, step: int) -> Pixels:
        """Read one of every `step` rows and columns of both dates."""
        return self._join([date.thin_out(step) for date in self.dates])

    @contextmanager
    def opened(self, tile: int, workers: int) -> Iterator[None]:
        """Be ready to read both."""
        earlier, later = self.dates
        with earlier.opened(tile, workers), later.opened(tile, workers):
            yield

    def _join(self, dates: list[Pixels]) -> Pixels:
        pixels = np.concatenate([pixels for pixels, _ in dates], axis=2)
        masks = [valid for _, valid in dates if valid is not None]
        valid = np.logical_and.reduce(masks) if masks else None
        return pixels[..., self.picked], valid


def open_source(
    scene: Paths | np.ndarray,
    bands: Sequence[str | int] | None = None,
    names: Sequence[str] | None = None,
    nodata: float | None = None,
) -> Source:
    """Open a scene of any kind.

    Args:
        scene: A raster file, or several whose bands follow each other; a
            plain image, which is read as a whole; or an array (H, W, bands).
        bands: Which to read, names or numbers; None: all.
        names: Names of all bands. None: as the file says; of three bands of
            a plain image red, green, blue.
        nodata: Value without meaning. None: as the file says.

    Raises:
        BadImageError: It cannot be read, or has not these bands.
    """
    if isinstance(scene, np.ndarray):
        source = ArraySource(scene, names, nodata)
    elif isinstance(scene, str | Path) and not is_raster(scene):
        pixels = read_bands(scene)
        if names is None and pixels.shape[2] == 3:
            names = _RGB
        source = ArraySource(pixels, names, nodata, name=str(scene))
    else:
        return RasterSource(scene, bands, names, nodata)
    source.pick(bands)
    return source


def is_raster(path: str | Path) -> bool:
    """Whether a file is read by windows, as its extension tells."""
    return Path(path).suffix.lower() in RASTER_EXTENSIONS


def with_data(
    pixels: np.ndarray, nodata: Sequence[float | None]
) -> np.ndarray | None:
    """Find pixels with data.

    Args:
        pixels: (H, W, bands).
        nodata: Value without meaning, of all bands or one a band.

    Returns:
        (H, W) bool; None where all have data.
    """
    valid = np.ones(pixels.shape[:2], bool)
    if pixels.dtype.kind == 'f':
        valid &= np.isfinite(pixels).all(axis=2)
    if all(value is not None for value in nodata):
        valid &= (pixels != np.asarray(nodata)).any(axis=2)
    return None if valid.all() else valid


def _open(path: Path):
    if not path.exists():
        raise BadImageError(f'{path}: no such image file')
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
            raise BadImageError(f'{path}: unreadable ({error})') from error


def _close(files: list) -> None:
    for file in reversed(files):  # what warps a file goes before the file
        file.close()


def _has_mask(file) -> bool:
    """Whether a mask or an alpha band goes with the file."""
    from rasterio.enums import MaskFlags

    return MaskFlags.per_dataset in file.mask_flag_enums[0]


def _check_same_ground(path: Path, file, finest) -> None:
    if file.shape == finest.shape and file.crs is None:
        return
    if file.crs == finest.crs and file.crs is not None:
        side = max(abs(file.transform.a), abs(file.transform.e))
        apart = np.abs(np.subtract(file.bounds, finest.bounds)).max()
        if apart <= _SAME_PLACE * side:
            return
    raise BadImageError(
        f'{path}: shows other ground than {finest.name} of the same scene '
        f'({file.width} x {file.height} px, {file.crs}, against '
        f'{finest.width} x {finest.height} px, {finest.crs}); files of a '
        'scene must cover the same rectangle'
    )


def _same_ground(earlier: Source, later: Source) -> bool:
    """Whether two dates agree pixel by pixel, as far as they tell."""
    if earlier.shape != later.shape:
        return False
    places = [date.place for date in (earlier, later)]
    if any(place is None or place.crs is None for place in places):
        return True
    return same_grid(*places, earlier.shape)
