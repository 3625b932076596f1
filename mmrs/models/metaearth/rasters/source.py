"""Image files as conditions: any bands, bit depth, nodata or place."""

import math
import warnings
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mmrs.errors import InputError
from mmrs.geo.georeference import is_tiff

#: Affine map (a, b, c, d, e, f) from (column, row) to coordinates
#: (a column + b row + c, d column + e row + f).
Transform = tuple[float, float, float, float, float, float]
Stretch = Sequence[tuple[float, float]]

_PERCENTILES = (2, 98)
_SAMPLE = 1024  # side of what percentiles are taken from
# Nodata is filled block by block, from pixels up to this far outside of it.
# It exceeds any window, so that what is farther reaches no valid pixel.
_BLOCK, _CONTEXT = 256, 128
_WORLD_FILES = {
    '.png': '.pgw',
    '.jpg': '.jgw',
    '.jpeg': '.jgw',
    '.bmp': '.bpw',
}
_OTHER_MODES = {'P': 'RGBA', 'PA': 'RGBA', '1': 'L', 'CMYK': 'RGB'}
# WGS84: half the long axis in metres, the eccentricity squared.
_RADIUS, _ECCENTRICITY2 = 6378137.0, 6.69437999014e-3


class Place(NamedTuple):
    """Where an image lies on the ground.

    Attributes:
        transform: None: unknown.
        crs: Well-known text; None: unknown.
        gsd: Side of a pixel in metres; None: unknown.
    """

    transform: Transform | None
    crs: str | None
    gsd: float | None


class SourceImage:
    """A file as RGB in 8 bits, read in parts.

    Of one or two bands the first is taken thrice. Pixels of more than 8 bits
    are stretched from the 2nd to the 98th percentile of each band (ours).
    Nodata never reaches a network: it is filled by the reflection of what is
    nearest.

    Args:
        path: A GeoTIFF, which needs rasterio, or a PNG, JPEG or BMP, whose
            place a world file and a ``.prj`` beside it may tell.
        bands: Numbers from 1 of red, green and blue; the first three.
        stretch: Low and high value of each band that become 0 and 255. By
            default as said above, or none for 8 bits.
        resample_to: Side of a pixel in metres to resample a GeoTIFF to; its
            corners stay.

    Attributes:
        height: In pixels.
        width: In pixels.
        place: Where it lies.
        nodata: The value of pixels without data, None where a mask or
            nothing tells them.
        has_gaps: Whether there may be pixels without data.
        bands: As used.
        stretch: As used; None: none.

    Raises:
        InputError: The file cannot be read, or a band of it is missing.
    """

    def __init__(
        self,
        path: str | Path,
        bands: Sequence[int] | None = None,
        stretch: Stretch | None = None,
        resample_to: float | None = None,
    ) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise InputError(f'{path}: no such file')
        if is_tiff(path):
            self._file = _Raster(self.path, resample_to)
        elif resample_to:
            raise InputError(
                f'{path}: only a GeoTIFF can be resampled to '
                f'{resample_to:g} m; convert it to one'
            )
        else:
            self._file = _Picture(self.path)
        self.height, self.width = self._file.height, self._file.width
        self.place = self._file.place
        self.nodata = self._file.nodata
        self.has_gaps = self._file.has_gaps
        self.bands = self._choose_bands(bands)
        self.stretch = self._choose_stretch(stretch)
        self._block = lru_cache(maxsize=64)(self._filled_block)

    def gsd(self, given: float | None = None) -> float:
        """Side of a pixel in metres: as given, else as the CRS tells.

        Raises:
            InputError: Neither tells it, or it is no length.
        """
        found = self.place.gsd if given is None else given
        if found is None:
            raise InputError(
                f'{self.path}: has no CRS that tells the size of a pixel; '
                'give gsd, the side of a pixel in metres'
            )
        if not 0 < found < math.inf:
            raise InputError(f'gsd is {found:g}; give metres a pixel, above 0')
        return float(found)

    def read(self, top: int, left: int, height: int, width: int) -> np.ndarray:
        """Read a part without gaps: (height, width, 3), uint8."""
        part = (top, left, height, width)
        if not self.has_gaps or self.valid(*part).all():
            return self._rgb(*part)
        result = np.empty((height, width, 3), np.uint8)
        bottom, right = top + height, left + width
        for i in range(top // _BLOCK, -(-bottom // _BLOCK)):
            for j in range(left // _BLOCK, -(-right // _BLOCK)):
                own, part = _meet(i, top, bottom)
                own_col, part_col = _meet(j, left, right)
                result[part, part_col] = self._block(i, j)[own, own_col]
        return result

    def valid(
        self, top: int, left: int, height: int, width: int
    ) -> np.ndarray:
        """Which pixels of a part have data: (height, width), bool."""
        if not self.has_gaps:
            return np.ones((height, width), bool)
        return self._file.valid(top, left, height, width)

    def _choose_bands(self, bands: Sequence[int] | None) -> tuple[int, ...]:
        count = self._file.count
        if bands is None:
            return (1, 2, 3) if count >= 3 else (1, 1, 1)
        if len(bands) != 3 or not all(1 <= band <= count for band in bands):
            raise InputError(
                f'{self.path}: bands are {tuple(bands)}, but it has {count}; '
                'give three numbers from 1, of red, green and blue'
            )
        return tuple(bands)

    def _choose_stretch(self, stretch: Stretch | None) -> Stretch | None:
        if stretch is None:
            if self._file.dtype == np.uint8:
                return None
            return self._percentiles()
        if len(stretch) != 3 or any(low >= high for low, high in stretch):
            raise InputError(
                f'stretch is {stretch}; give low < high for each of 3 bands'
            )
        return [(float(low), float(high)) for low, high in stretch]

    def _percentiles(self) -> Stretch:
        values, valid = self._file.sample(self.bands)
        found = []
        for band in values:
            inside = band[valid & np.isfinite(band)]
            if not len(inside):
                inside = np.zeros(1)  # all nodata, which is told later
            low, high = np.percentile(inside.astype(float), _PERCENTILES)
            found.append((float(low), float(max(high, low + 1e-6))))
        return found

    def _rgb(self, top: int, left: int, height: int, width: int) -> np.ndarray:
        values = self._file.read(self.bands, top, left, height, width)
        if self.stretch is not None:
            low, high = np.array(self.stretch, float).T[..., None, None]
            values = (values.astype(float) - low) / (high - low) * 255
            values = np.nan_to_num(values).clip(0, 255).round()
        return np.moveaxis(values.astype(np.uint8), 0, 2)

    def _filled_block(self, i: int, j: int) -> np.ndarray:
        """A block (i, j) whose gaps were filled."""
        top, left = i * _BLOCK, j * _BLOCK
        first_row, first_col = max(top - _CONTEXT, 0), max(left - _CONTEXT, 0)
        height = min(top + _BLOCK + _CONTEXT, self.height) - first_row
        width = min(left + _BLOCK + _CONTEXT, self.width) - first_col
        part = (first_row, first_col, height, width)
        filled = fill_gaps(self._rgb(*part), self.valid(*part))
        row, col = top - first_row, left - first_col
        return filled[row : row + _BLOCK, col : col + _BLOCK]


def fill_gaps(image: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Fill pixels by the reflection at the nearest valid one.

    Where the reflection has no data either, the nearest pixel is taken, and
    grey where there is none.

    Args:
        image: (H, W, 3), uint8.
        valid: (H, W), bool.

    Returns:
        (H, W, 3), uint8.
    """
    from scipy.ndimage import distance_transform_edt

    if not valid.any():
        return np.full_like(image, 128)
    nearest = distance_transform_edt(
        ~valid, return_distances=False, return_indices=True
    )
    mirrored = 2 * nearest - np.indices(valid.shape)
    limits = np.array(valid.shape)[:, None, None]
    inside = ((mirrored >= 0) & (mirrored < limits)).all(0)
    mirrored = np.where(inside, mirrored, nearest)
    usable = valid[tuple(mirrored)]
    return image[tuple(np.where(usable, mirrored, nearest))]


def metres_per_degree(latitude: float) -> tuple[float, float]:
    """Length of a degree of longitude and of latitude on WGS84."""
    sine = math.sin(math.radians(latitude))
    root = math.sqrt(1 - _ECCENTRICITY2 * sine**2)
    along = _RADIUS / root * math.cos(math.radians(latitude))
    north = _RADIUS * (1 - _ECCENTRICITY2) / root**3
    return math.radians(along), math.radians(north)


class _Raster:
    """A GeoTIFF, by rasterio."""

    def __init__(self, path: Path, resample_to: float | None) -> None:
        try:
            import rasterio
        except ImportError as error:
            raise InputError(
                f"{path}: GeoTIFFs need rasterio: pip install 'mmrs[geo]'"
            ) from error
        self._path = path
        with warnings.catch_warnings():
            warnings.simplefilter(
                'ignore', rasterio.errors.NotGeoreferencedWarning
            )
            try:
                self._data = rasterio.open(path)
            except rasterio.errors.RasterioError as error:
                raise InputError(
                    f'{path}: unreadable TIFF ({error})'
                ) from error
            if resample_to:
                self._data = self._resample(resample_to)
        data = self._data
        self.height, self.width, self.count = (
            data.height,
            data.width,
            data.count,
        )
        self.dtype = np.dtype(data.dtypes[0])
        self.nodata = data.nodata
        opaque = all(
            flags == [rasterio.enums.MaskFlags.all_valid]
            for flags in data.mask_flag_enums
        )
        self.has_gaps = not opaque or self.dtype.kind == 'f'
        if self._has_alpha():
            self.count -= 1
        self.place = self._find_place()

    def _has_alpha(self) -> bool:
        from rasterio.enums import ColorInterp

        return self._data.colorinterp[-1] == ColorInterp.alpha

    def _resample(self, gsd: float):
        from rasterio import Affine
        from rasterio.enums import Resampling
        from rasterio.vrt import WarpedVRT

        data = self._data
        place = self._find_place()
        if place.gsd is None:
            raise InputError(
                f'{self._path}: cannot be resampled to {gsd:g} m, since its '
                'CRS does not tell the size of a pixel; leave resample_to out'
            )
        factor = gsd / place.gsd
        width = max(round(data.width / factor), 1)
        height = max(round(data.height / factor), 1)
        across, down = data.width / width, data.height / height
        a, b, c, d, e, f = place.transform
        transform = (a * across, b * down, c, d * across, e * down, f)
        return WarpedVRT(
            data,
            crs=data.crs,
            transform=Affine(*transform),
            width=width,
            height=height,
            resampling=Resampling.average if factor > 1 else Resampling.cubic,
            tolerance=1e-3,  # of a pixel: parts are those of the whole
        )

    def _find_place(self) -> Place:
        data = self._data
        transform = tuple(data.transform)[:6]
        if data.crs is None:
            known = not data.transform.is_identity
            return Place(transform if known else None, None, None)
        side = math.sqrt(abs(data.transform.determinant))
        gsd = None
        if data.crs.is_projected:
            gsd = side * data.crs.linear_units_factor[1]
        elif data.crs.is_geographic:
            _, _, _, d, e, f = transform
            latitude = d * data.width / 2 + e * data.height / 2 + f
            gsd = side * math.sqrt(math.prod(metres_per_degree(latitude)))
        return Place(transform, data.crs.to_wkt(), gsd)

    def read(
        self,
        bands: Sequence[int],
        top: int,
        left: int,
        height: int,
        width: int,
    ) -> np.ndarray:
        """Values (bands, height, width)."""
        return self._read(
            self._data.read,
            list(bands),
            window=window_of(top, left, height, width),
        )

    def valid(
        self, top: int, left: int, height: int, width: int
    ) -> np.ndarray:
        window = window_of(top, left, height, width)
        valid = self._read(self._data.dataset_mask, window=window) > 0
        if self.dtype.kind == 'f':
            values = self._read(self._data.read, window=window)
            valid &= np.isfinite(values).all(0)
        return valid

    def sample(self, bands: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        """Values (bands, h, w) of the whole, made small, and which count."""
        shape = min(self.height, _SAMPLE), min(self.width, _SAMPLE)
        values = self._read(
            self._data.read, list(bands), out_shape=(len(bands), *shape)
        )
        valid = self._read(self._data.dataset_mask, out_shape=shape) > 0
        return values, valid

    def _read(self, function, *args, **options) -> np.ndarray:
        from rasterio.errors import RasterioError

        try:
            return function(*args, **options)
        except RasterioError as error:
            raise InputError(
                f'{self._path}: damaged, its pixels cannot be read ({error})'
            ) from error


class _Picture:
    """A PNG, JPEG or BMP, held in memory."""

    nodata = None

    def __init__(self, path: Path) -> None:
        from PIL import Image, UnidentifiedImageError

        try:
            with Image.open(path) as image:
                if image.mode in _OTHER_MODES:
                    image = image.convert(_OTHER_MODES[image.mode])
                array = np.asarray(image)
        except (OSError, UnidentifiedImageError) as error:
            raise InputError(f'{path}: unreadable image ({error})') from error
        if array.ndim == 2:
            array = array[..., None]
        self._valid = np.ones(array.shape[:2], bool)
        if array.shape[2] in (2, 4):
            self._valid = array[..., -1] > 0
            array = array[..., :-1]
        self._array = array
        self.height, self.width, self.count = array.shape
        self.dtype = array.dtype
        self.has_gaps = not self._valid.all()
        self.place = _read_world_file(path)

    def read(
        self,
        bands: Sequence[int],
        top: int,
        left: int,
        height: int,
        width: int,
    ) -> np.ndarray:
        part = self._array[top : top + height, left : left + width]
        return np.moveaxis(part[..., [band - 1 for band in bands]], 2, 0)

    def valid(
        self, top: int, left: int, height: int, width: int
    ) -> np.ndarray:
        return self._valid[top : top + height, left : left + width]

    def sample(self, bands: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        step = -(-max(self.height, self.width) // _SAMPLE)
        values = self.read(bands, 0, 0, self.height, self.width)
        return values[:, ::step, ::step], self._valid[::step, ::step]


def window_of(top: int, left: int, height: int, width: int):
    """Make rasterio's window of a part."""
    from rasterio.windows import Window

    return Window(left, top, width, height)


def _meet(index: int, low: int, high: int) -> tuple[slice, slice]:
    """What a block shares with [low, high), as each counts it."""
    start = index * _BLOCK
    first, last = max(start, low), min(start + _BLOCK, high)
    return slice(first - start, last - start), slice(first - low, last - low)


def _read_world_file(path: Path) -> Place:
    """Read the place of a picture from the files beside it."""
    crs = path.with_suffix('.prj')
    wkt = crs.read_text().strip() if crs.is_file() else None
    suffixes = (_WORLD_FILES.get(path.suffix.lower(), '.wld'), '.wld')
    for suffix in suffixes:
        world = path.with_suffix(suffix)
        if not world.is_file():
            continue
        try:
            a, d, b, e, x, y = map(float, world.read_text().split())
        except ValueError as error:
            raise InputError(
                f'{world}: a world file has six numbers; mend or remove it'
            ) from error
        # It tells the centre of the first pixel, a transform its corner.
        corner = x - (a + b) / 2, y - (d + e) / 2
        return Place((a, b, corner[0], d, e, corner[1]), wkt, None)
    return Place(None, wkt, None)
