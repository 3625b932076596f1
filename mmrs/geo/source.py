"""Where the pixels of an image come from: rasters, pictures, arrays, pairs.

Every reader of the package stands on these classes, so that a file has the
same pixels, the same gaps and the same place for all of them.
"""

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from mmrs.errors import BadImageError, InputError

from .blocks import BlockCache
from .georeference import (
    Georeference,
    describe_grid,
    georeference_of,
    ground_size,
    read_world_file,
    same_grid,
)
from .opening import (
    Location,
    as_location,
    is_address,
    is_raster,
    open_raster,
    stem_of,
)
from .pictures import check_orientation, read_picture, turned, warn_turned
from .raster_file import RasterFile, Stored, representable
from .tiles import Window, thinned

Pixels = tuple[np.ndarray, np.ndarray | None]
Locations = Location | Sequence[Location]

_RGB = ('red', 'green', 'blue')
_CACHE = 64 * 2**20  # bytes that GDAL may cache, at least
_SAME_PLACE = 0.01  # pixels of the coarser file that corners may differ by


class Unit(NamedTuple):
    """What a stored value of a band stands for: value * scale + offset."""

    scale: float = 1.0
    offset: float = 0.0


class Source(ABC):
    """Pixels of an image, read by windows, from several threads.

    Attributes:
        name: The image in messages.
        shape: Height and width in px.
        place: Where it lies; None: unknown.
        dtype: Of its pixels.
        all_bands: Names of all its bands; None where one has no name.
        colors: What the file marks a band as, ``'red'`` and so on.
        units: Of all bands, as the file or product defines them; None: it
            does not.
        picked: Numbers of the bands that are read, in their order.
        notes: What a user should know about it.
    """

    name: str
    shape: tuple[int, int]
    dtype: np.dtype
    place: Georeference | None = None
    all_bands: tuple[str | None, ...]
    colors: tuple[str | None, ...]
    units: tuple[Unit, ...] | None = None
    picked: list[int]

    def __init__(self, gaps: str = 'all') -> None:
        if gaps not in ('all', 'any'):
            raise InputError(f"gaps={gaps!r}: must be 'all' or 'any'")
        self.gaps = gaps
        self.notes: list[str] = []

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
    def read_stored(self, window: Window, step: int = 1) -> Stored:
        """Read the picked bands of a window, and where each has no data.

        Args:
            window: In px, inside the image.
            step: Take one of every `step` rows and columns of it.

        Raises:
            BadImageError: This part of the file is broken.
        """

    def read(self, window: Window) -> Pixels:
        """Read a window.

        Args:
            window: (row, column, height, width) in px, inside the image.

        Returns:
            Pixels (height, width, bands) as they are stored; and which have
            data, (height, width) bool, or None where all have.

        Raises:
            BadImageError: This part of the file is broken.
        """
        stored = self.read_stored(Window(*window))
        return stored.pixels, self.with_data(stored)

    def read_all(self) -> Pixels:
        """Read the image."""
        return self.read(Window(0, 0, *self.shape))

    def thin_out(self, step: int) -> Pixels:
        """Read one of every `step` rows and columns, as :meth:`read` does."""
        stored = self.read_stored(Window(0, 0, *self.shape), step)
        return stored.pixels, self.with_data(stored)

    def with_data(self, stored: Stored) -> np.ndarray | None:
        """Which pixels have data, (H, W) bool; None where all have.

        A pixel has none where its value is not finite in a band that is
        read, where the mask or the alpha band leaves it out, or where the
        bands that have a nodata value hold it: all of them, or any, as
        `gaps` demands.
        """
        pixels, empty, known = stored
        valid = np.ones(pixels.shape[:2], bool) if known is None else known
        if pixels.dtype.kind == 'f':
            valid = valid & np.isfinite(pixels).all(axis=2)
        declared = self._with_nodata()
        if empty is not None and declared.any():
            join = np.all if self.gaps == 'all' else np.any
            valid = valid & ~join(empty[..., declared], axis=2)
        return None if valid.all() else valid

    @property
    def has_gaps(self) -> bool:
        """Whether there may be pixels without data."""
        return (
            self.dtype.kind == 'f'
            or bool(self._with_nodata().any())
            or self._has_mask()
        )

    def lacking_some(self, window: Window) -> float:
        """Share of the pixels with data that lack some of their bands."""
        stored = self.read_stored(window)
        declared = self._with_nodata()
        valid = self.with_data(stored)
        if stored.empty is None:
            return 0.0
        some = stored.empty[..., declared].any(axis=2)
        if valid is not None:
            some = some[valid]
        return float(some.mean()) if some.size else 0.0

    @abstractmethod
    def _with_nodata(self) -> np.ndarray:
        """Which of the picked bands have a nodata value, (bands,) bool."""

    @abstractmethod
    def _has_mask(self) -> bool:
        """Whether a mask or an alpha band marks pixels without data."""

    @contextmanager
    def opened(self, tile: int, workers: int) -> Iterator[None]:
        """Be ready to read tiles of `tile` px in `workers` threads."""
        yield


class ArraySource(Source):
    """An image in memory.

    Args:
        pixels: (H, W, bands), or (H, W).
        bands: Their names.
        nodata: Value of bands where there are no data.
        place: Where it lies.
        name: The image in messages.
        valid: Where it has data, (H, W) bool; None: everywhere.
        gaps: As of :func:`open_source`.
    """

    def __init__(
        self,
        pixels: np.ndarray,
        bands: Sequence[str | None] | None = None,
        nodata: float | None = None,
        place: Georeference | None = None,
        name: str = 'array',
        valid: np.ndarray | None = None,
        gaps: str = 'all',
    ) -> None:
        super().__init__(gaps)
        pixels = pixels[..., None] if pixels.ndim == 2 else pixels
        if pixels.dtype.kind not in 'buif':
            raise BadImageError(
                f'{name}: holds {pixels.dtype} values; give real numbers'
            )
        if pixels.ndim != 3 or 0 in pixels.shape:
            raise BadImageError(
                f'{name}: is of shape {pixels.shape}; give (height, width, '
                'bands)'
            )
        count = pixels.shape[2]
        self.name = name
        self.shape = pixels.shape[:2]
        self.dtype = pixels.dtype
        self.place = place
        self.nodata = representable(nodata, pixels.dtype)
        self.all_bands = _check_names(bands or [None] * count, count, name)
        self.colors = (None,) * count
        self.pick(None)
        self._pixels = pixels
        self._mask = valid

    def read_stored(self, window: Window, step: int = 1) -> Stored:
        """Cut out a window."""
        ys, xs = (
            first + thinned(length, step)
            for first, length in zip(window[:2], window[2:])
        )
        part = np.ix_(ys, xs) if step > 1 else window.slices
        pixels = self._pixels[part]
        if self.picked != list(range(pixels.shape[2])):
            pixels = pixels[..., self.picked]
        empty = None if self.nodata is None else pixels == self.nodata
        mask = None if self._mask is None else self._mask[part]
        return Stored(pixels, empty, mask)

    def _with_nodata(self) -> np.ndarray:
        return np.full(len(self.picked), self.nodata is not None)

    def _has_mask(self) -> bool:
        return self._mask is not None


class RasterSource(Source):
    """An image in one or several raster files, read by windows.

    The bands of several files follow each other. Files of other resolutions
    that show the same ground are brought to the grid of the finest, as the
    bands of Sentinel-2 are: bilinearly between pixels with data, and with
    the gaps of the nearest pixel, so that fill is never blended into data.

    Args:
        paths: A file, or one a band (or some bands).
        names: Names of all bands in the files' order. None: as the files
            describe them.
        nodata: Value without meaning, of all files or one a file. None: as
            the files say.
        gaps: As of :func:`open_source`.
        resample_to: As of :func:`open_source`.

    Raises:
        BadImageError: A file is missing or unreadable, or shows another
            place.
    """

    def __init__(
        self,
        paths: Locations,
        names: Sequence[str] | None = None,
        nodata: float | Sequence[float | None] | None = None,
        gaps: str = 'all',
        resample_to: float | None = None,
    ) -> None:
        super().__init__(gaps)
        self._resample_to = resample_to
        several = not isinstance(paths, Location)
        self.paths = [as_location(p) for p in (paths if several else [paths])]
        self.name = str(self.paths[0])
        if len(self.paths) > 1:
            self.name += f' and {len(self.paths) - 1} more'
        self._local = threading.local()
        self._handles = []
        self._blocks: list[BlockCache | None] = [None] * len(self.paths)
        self.files = self._describe(nodata)
        if names is not None and len(names) == self._count() + sum(
            file.has_alpha for file in self.files
        ):  # whoever names the alpha band knows that it is none
            self.files = self._describe(nodata, with_alpha=True)
        self._note_nodata(nodata)
        finest = min(self.files, key=lambda file: -np.prod(file.shape))
        for file in self.files:
            _check_same_ground(file, finest)
        self.shape, self.place = finest.shape, finest.place
        self._where = [
            (number, band)
            for number, file in enumerate(self.files)
            for band in range(len(file.bands))
        ]
        every = [self.files[n].bands[b] for n, b in self._where]
        described = [band.name for band in every]
        self.all_bands = _check_names(
            names or described, len(described), self.name
        )
        self.colors = tuple(band.color for band in every)
        self.dtype = np.result_type(*(file.dtype for file in self.files))
        units = tuple(Unit(band.scale, band.offset) for band in every)
        if any(unit != Unit() for unit in units):
            self.units = units
        self.pick(None)

    def _describe(
        self,
        nodata: float | Sequence[float | None] | None,
        with_alpha: bool = False,
    ) -> list[RasterFile]:
        if not isinstance(nodata, Sequence):
            nodata = [nodata] * len(self.paths)
        return [
            RasterFile(path, value, False, with_alpha, self._handle(number))
            for number, (path, value) in enumerate(zip(self.paths, nodata))
        ]

    def _note_nodata(
        self, nodata: float | Sequence[float | None] | None
    ) -> None:
        """Note a nodata value that no pixel can have."""
        if nodata is None or isinstance(nodata, Sequence):
            return
        none = [f for f in self.files if f.bands[0].nodata is None]
        if none and not np.isnan(nodata):
            self.notes.append(
                f'nodata={nodata:g} is no value of {none[0].dtype} pixels, '
                'so none is without data by it'
            )

    def _count(self) -> int:
        return sum(len(file.bands) for file in self.files)

    def read_stored(self, window: Window, step: int = 1) -> Stored:
        """Read a window by the thread's own handles."""
        numbers = dict.fromkeys(self._where[b][0] for b in self.picked)
        if len(numbers) == 1:
            bands = [self._where[band][1] for band in self.picked]
            return self._read_file(*numbers, bands, window, step)
        pixels, empties, masks = {}, {}, []
        for number in numbers:
            own = [b for b in self.picked if self._where[b][0] == number]
            found = self._read_file(
                number, [self._where[b][1] for b in own], window, step
            )
            none = np.zeros(found.pixels.shape, bool)
            empty = none if found.empty is None else found.empty
            pixels |= zip(own, np.moveaxis(found.pixels, 2, 0))
            empties |= zip(own, np.moveaxis(empty, 2, 0))
            if found.valid is not None:
                masks.append(found.valid)
        return Stored(
            np.stack([pixels[band] for band in self.picked], axis=2),
            np.stack([empties[band] for band in self.picked], axis=2),
            np.logical_and.reduce(masks) if masks else None,
        )

    @contextmanager
    def opened(self, tile: int, workers: int) -> Iterator[None]:
        """Bound what is cached, and close the files at the end."""
        import rasterio

        # Files in strips of whole rows are read again for every tile of a
        # row of tiles, unless these strips are kept.
        strips = sum(
            file.shape[1] * len(file.bands) * file.dtype.itemsize
            for file in self.files
            if file.block_shape[1] == file.shape[1]
        )
        wanted = strips * (tile + tile // 4) * max(workers, 1)
        self._blocks = [
            BlockCache(_row_bytes(file, tile)) if file.is_slow else None
            for file in self.files
        ]
        with rasterio.Env(GDAL_CACHEMAX=max(_CACHE, wanted)):
            try:
                yield
            finally:
                self._blocks = [None] * len(self.files)
                for handle in reversed(self._handles):
                    handle.close()  # what warps a file goes before it
                self._handles, self._local = [], threading.local()

    def _read_file(
        self, number: int, bands: list[int], window: Window, step: int
    ) -> Stored:
        file = self.files[number]
        handle, blocks = self._handle(number), self._blocks[number]
        if file.shape == self.shape:
            if step == 1:
                return file.read(handle, bands, window, None, blocks)
            size = tuple(-(-length // step) for length in window[2:])
            return file.read(handle, bands, window, size)
        ys, xs = (
            first + thinned(length, step)
            for first, length in zip(window[:2], window[2:])
        )

        def read(part: Window) -> Stored:
            return file.read(handle, bands, part, None, blocks)

        return _resampled(read, file.shape, self.shape, ys, xs)

    def _handle(self, number: int):
        """Open a file for this thread: GDAL's handles are not shared."""
        if not hasattr(self._local, 'handles'):
            self._local.handles = {}
        if number not in self._local.handles:
            handle = open_raster(self.paths[number])
            self._handles.append(handle)
            if self._resample_to is not None:
                handle = resampled(handle, self._resample_to)
                self._handles.append(handle)
            self._local.handles[number] = handle
        return self._local.handles[number]

    def _with_nodata(self) -> np.ndarray:
        bands = [self._where[number] for number in self.picked]
        return np.array(
            [self.files[n].bands[b].nodata is not None for n, b in bands]
        )

    def _has_mask(self) -> bool:
        return any(file.is_masked for file in self.files)

    @property
    def blocks_decoded(self) -> int:
        """How many blocks of slow files were decoded while it is open."""
        return sum(cache.decoded for cache in self._blocks if cache)

    @property
    def nodata(self) -> float | None:
        """Nodata value of the first band that is read; None: it has none."""
        file, band = self._where[self.picked[0]]
        return self.files[file].bands[band].nodata


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
        super().__init__(earlier.gaps)
        self.dates = (earlier, later)
        self.name = f'{earlier.name} and {later.name}'
        self.shape = earlier.shape
        self.dtype = np.result_type(earlier.dtype, later.dtype)
        self.place = earlier.place or later.place
        self.all_bands = earlier.bands + later.bands
        self.colors = tuple(
            date.colors[number]
            for date in self.dates
            for number in date.picked
        )
        units = [
            date.units or (Unit(),) * len(date.all_bands)
            for date in self.dates
        ]
        if any(date.units for date in self.dates):
            self.units = tuple(
                own[number]
                for date, own in zip(self.dates, units)
                for number in date.picked
            )
        self.pick(None)
        check_same_grid(earlier, later)
        self.notes += earlier.notes + later.notes

    def read_stored(self, window: Window, step: int = 1) -> Stored:
        """Read a window of both dates; gaps of either are of both."""
        found = [date.read_stored(window, step) for date in self.dates]
        valids = [d.with_data(part) for d, part in zip(self.dates, found)]
        valids = [valid for valid in valids if valid is not None]
        pixels = np.concatenate([part.pixels for part in found], axis=2)
        valid = np.logical_and.reduce(valids) if valids else None
        return Stored(pixels[..., self.picked], None, valid)

    @contextmanager
    def opened(self, tile: int, workers: int) -> Iterator[None]:
        """Be ready to read both."""
        earlier, later = self.dates
        with earlier.opened(tile, workers), later.opened(tile, workers):
            yield

    def _with_nodata(self) -> np.ndarray:
        # Each date has its own gaps already.
        return np.zeros(len(self.picked), bool)

    def lacking_some(self, window: Window) -> float:
        """Share of the pixels with data that lack some of their bands."""
        return max(date.lacking_some(window) for date in self.dates)

    def _has_mask(self) -> bool:
        return any(date.has_gaps for date in self.dates)


def open_source(
    scene: Locations | np.ndarray,
    bands: Sequence[str | int] | None = None,
    names: Sequence[str] | None = None,
    nodata: float | None = None,
    gaps: str = 'all',
    orientation: str = 'shown',
    resample_to: float | None = None,
) -> Source:
    """Open an image of any kind.

    Args:
        scene: A raster file, or several whose bands follow each other; a
            picture, which is decoded as a whole; or an array (H, W, bands).
        bands: Which to read, names or numbers; None: all.
        names: Names of all bands. None: as the file says; of three bands of
            a picture red, green, blue.
        nodata: Value without meaning. None: as the file says.
        gaps: A pixel has no data where ``'all'`` of its bands have their
            nodata value, or where ``'any'`` has.
        orientation: ``'shown'``: turned as its orientation tag demands;
            ``'stored'``: as stored. Rasters with a place are never turned.
        resample_to: Side of a pixel in metres to resample a raster to; its
            corners stay.

    Raises:
        BadImageError: It cannot be read, or has not these bands.
        InputError: It cannot be resampled.
    """
    check_orientation(orientation)
    is_file = not isinstance(scene, np.ndarray)
    if resample_to is not None and not (is_file and _is_rasters(scene)):
        raise InputError(
            f'{scene if is_file else "array"}: only a raster with a place can '
            f'be resampled to {resample_to:g} m; convert it to a GeoTIFF'
        )
    if isinstance(scene, np.ndarray):
        source = ArraySource(scene, names, nodata, gaps=gaps)
    elif not _is_rasters(scene):
        source = _open_picture(scene, names, nodata, gaps, orientation)
    else:
        source = RasterSource(scene, names, nodata, gaps, resample_to)
        if orientation == 'shown':
            source = _turned_source(source, names, gaps)
    source.pick(bands)
    return source


def _is_rasters(scene: Locations) -> bool:
    return not isinstance(scene, Location) or is_raster(scene)


def _open_picture(
    path: Location,
    names: Sequence[str] | None,
    nodata: float | None,
    gaps: str,
    orientation: str,
) -> ArraySource:
    picture = read_picture(path, orientation)
    if names is None and picture.pixels.shape[2] == 3:
        names = _RGB
    place = None if is_address(path) else read_world_file(as_location(path))
    source = ArraySource(
        picture.pixels, names, nodata, place, str(path), picture.valid, gaps
    )
    if place is not None and picture.orientation != 1:
        source.place = None
        source.notes.append(
            'the picture is turned by its EXIF orientation, so its world file '
            'no longer fits it and is not used'
        )
    return source


def _turned_source(
    source: RasterSource, names: Sequence[str] | None, gaps: str
) -> Source:
    """Turn a TIFF without a place as its orientation tag demands."""
    tag = source.files[0].orientation
    if len(source.files) > 1 or tag == 1:
        return source
    warn_turned(source.name, tag)
    stored = source.read_stored(Window(0, 0, *source.shape))
    whole = ArraySource(
        turned(stored.pixels, tag),
        source.all_bands,
        name=source.name,
        valid=turned(source.with_data(stored), tag),
        gaps=gaps,
    )
    whole.colors, whole.units = source.colors, source.units
    return whole


def _check_names(
    names: Sequence[str | None], count: int, name: str
) -> tuple[str | None, ...]:
    if len(names) != count:
        raise BadImageError(
            f'{name}: has {count} band(s), but {len(names)} names were given'
        )
    return tuple(names)


def resampled(handle, gsd: float):
    """Bring an open raster to pixels of `gsd` metres; its corners stay.

    Means are taken where it gets coarser, cubic interpolation where finer.

    Raises:
        InputError: The size of its pixels is not known.
    """
    from affine import Affine
    from rasterio.enums import MaskFlags, Resampling
    from rasterio.vrt import WarpedVRT

    place = georeference_of(handle)
    ground = ground_size(place, handle.shape)
    if handle.colorinterp[0].name == 'palette':
        raise InputError(
            f'{handle.name}: has a palette, whose numbers cannot be averaged; '
            'make it RGB (gdal_translate -expand rgb), or leave resample_to '
            'out'
        )
    if len({str(value) for value in handle.nodatavals}) > 1:
        raise InputError(
            f'{handle.name}: its bands have several nodata values; give them '
            'one, or leave resample_to out'
        )
    masked = MaskFlags.per_dataset in handle.mask_flag_enums[0]
    has_alpha = any(color.name == 'alpha' for color in handle.colorinterp)
    if ground.side is None or not 0 < gsd < np.inf:
        raise InputError(
            f'{handle.name}: cannot be resampled to {gsd:g} m'
            + (f': {ground.note}' if ground.note else '')
            + '; leave resample_to out'
        )
    factor = gsd / ground.side
    width = max(round(handle.width / factor), 1)
    height = max(round(handle.height / factor), 1)
    coarser = Affine.scale(handle.width / width, handle.height / height)
    return WarpedVRT(
        handle,
        crs=handle.crs,
        transform=handle.transform * coarser,
        width=width,
        height=height,
        resampling=Resampling.average if factor > 1 else Resampling.cubic,
        tolerance=1e-3,  # of a pixel: parts are those of the whole
        add_alpha=masked and not has_alpha,
    )


def _row_bytes(file: RasterFile, tile: int) -> int:
    """Bytes of the blocks that a row of tiles touches."""
    high, wide = file.block_shape
    rows = (tile + 2) // high + 2
    cols = -(-file.shape[1] // wide)
    pixels = rows * high * cols * wide
    return pixels * len(file.bands) * file.dtype.itemsize


def _resampled(
    read,
    shape: tuple[int, int],
    fine: tuple[int, int],
    ys: np.ndarray,
    xs: np.ndarray,
) -> Stored:
    """Bring pixels of a coarser file to rows and columns of a finer grid.

    Args:
        read: Reads a window of the coarser file.
        shape: Height and width of the coarser file in px.
        fine: Height and width of the finer grid in px.
        ys: Rows of the finer grid.
        xs: Columns of it.
    """
    (y0, y1, wy), (x0, x1, wx) = (
        _neighbours(at, small, large)
        for at, small, large in zip((ys, xs), shape, fine)
    )
    top, left = int(y0.min()), int(x0.min())
    window = Window(
        top, left, int(y1.max()) - top + 1, int(x1.max()) - left + 1
    )
    stored = read(window)
    y0, y1, x0, x1 = y0 - top, y1 - top, x0 - left, x1 - left
    empty = np.zeros(stored.pixels.shape, bool)
    if stored.empty is not None:
        empty |= stored.empty
    if stored.pixels.dtype.kind == 'f':
        empty |= ~np.isfinite(stored.pixels)
    if stored.valid is not None:
        empty |= ~stored.valid[..., None]
    values = np.where(empty, 0, stored.pixels).astype(np.float64)
    sums, weights = 0.0, 0.0
    for rows, down in ((y0, 1 - wy), (y1, wy)):
        for cols, across in ((x0, 1 - wx), (x1, wx)):
            at = np.ix_(rows, cols)
            weight = np.outer(down, across)[..., None] * ~empty[at]
            sums, weights = sums + weight * values[at], weights + weight
    near = np.ix_(np.where(wy < 0.5, y0, y1), np.where(wx < 0.5, x0, x1))
    with np.errstate(invalid='ignore', divide='ignore'):
        blended = sums / weights
    pixels = stored.pixels[near].copy()
    filled = ~empty[near]
    if pixels.dtype.kind in 'iu':
        blended = np.rint(blended)
    pixels[filled] = blended[filled].astype(pixels.dtype)
    valid = None if stored.valid is None else stored.valid[near]
    lacking = None if stored.empty is None else stored.empty[near]
    return Stored(pixels, lacking, valid)


def _neighbours(
    at: np.ndarray, small: int, large: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coarse pixels around fine ones, and the weight of the second."""
    place = (at + 0.5) * small / large - 0.5
    first = np.floor(place).astype(int)
    weight = place - first
    low, high = (np.clip(first + k, 0, small - 1) for k in range(2))
    return low, high, weight


def _check_same_ground(file: RasterFile, finest: RasterFile) -> None:
    places = [f.place for f in (file, finest)]
    known = [p is not None and p.transform is not None for p in places]
    if file.shape == finest.shape and not all(known):
        return
    if all(known) and places[0].crs == places[1].crs:
        corners = [
            place.to_ground(
                np.array([(0, 0), (f.shape[1], 0), (0, f.shape[0])], float)
            )
            for place, f in zip(places, (file, finest))
        ]
        coarse = places[0].transform
        side = max(np.hypot(coarse.a, coarse.d), np.hypot(coarse.b, coarse.e))
        if np.abs(corners[0] - corners[1]).max() <= _SAME_PLACE * side:
            return
    if not all(known):
        (h, w), (height, width) = file.shape, finest.shape
        raise BadImageError(
            f'{file.location}: is {w} x {h} px, but {finest.location} of the '
            f'same image is {width} x {height} px (width x height)'
        )
    shown = [
        f'{f.shape[1]} x {f.shape[0]} px, {p.crs if p else None}'
        for f, p in zip((file, finest), places)
    ]
    raise BadImageError(
        f'{file.location}: shows other ground than {finest.location} of the '
        f'same scene ({shown[0]}, against {shown[1]}); files of a scene must '
        'cover the same rectangle'
    )


def check_same_grid(earlier: Source, later: Source) -> None:
    """Check that two dates show the same ground in the same pixels.

    Images without a place pass if their sizes agree. Grids may differ by a
    tenth of a pixel.

    Raises:
        BadImageError: They lie on different grids.
    """
    if earlier.shape == later.shape:
        places = [date.place for date in (earlier, later)]
        if None in places:
            return
        crs = [place.crs for place in places]
        if None in crs and crs[0] != crs[1]:
            later.notes.append(
                f'{later.name} or {earlier.name} names no CRS; both are taken '
                'to have the same'
            )
            places = [replace(p, crs=crs[0] or crs[1]) for p in places]
        if same_grid(*places, earlier.shape):
            return
        if any(place.transform is None for place in places):
            later.notes.append(
                f'{later.name} lies by its {places[1].kind}, '
                f'{earlier.name} by its {places[0].kind}: whether both show '
                'the same ground is not known'
            )
            return
    if earlier.place is None or later.place is None:
        (h, w), (height, width) = later.shape, earlier.shape
        raise BadImageError(
            f'{later.name}: is {w} x {h} px, but the earlier date '
            f'{earlier.name} is {width} x {height} px (width x height); a '
            'pair must show the same ground in the same pixels: resample one '
            'to the grid of the other'
        )
    here = describe_grid(later.place, later.shape)
    there = describe_grid(earlier.place, earlier.shape)
    aligned = f'{stem_of(later.name)}_aligned.tif'
    raise BadImageError(
        f'{later.name}: lies on another grid ({here}) than the earlier date '
        f'{earlier.name} ({there}); bring it there: rio warp {later.name} '
        f'{aligned} --like {earlier.name} --resampling bilinear'
    )
