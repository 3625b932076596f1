"""Images of any kind as conditions: RGB in 8 bits, without gaps."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from mmrs.errors import InputError
from mmrs.geo.georeference import ground_size
from mmrs.geo.opening import Location, as_location, is_there
from mmrs.geo.sensors import common_names
from mmrs.geo.source import open_source
from mmrs.geo.tiles import Window

Stretch = Sequence[tuple[float, float]]

_RGB = ('red', 'green', 'blue')
_PERCENTILES = (2, 98)
_SAMPLE = 1024  # side of what percentiles are taken from
# Nodata is filled block by block, from pixels up to this far outside of it.
# It exceeds any window, so that what is farther reaches no valid pixel.
_BLOCK, _CONTEXT = 256, 128


class SourceImage:
    """A file as RGB in 8 bits, read in parts.

    Of one or two bands the first is taken thrice. Pixels of more than 8 bits
    are stretched from the 2nd to the 98th percentile of each band (ours).
    Nodata never reaches a network: it is filled by the reflection of what is
    nearest.

    Args:
        path: A raster or a picture, whose place a world file and a ``.prj``
            beside it may tell.
        bands: Numbers from 1 of red, green and blue. By default those of these
            names, else the first three.
        stretch: Low and high value of each band that become 0 and 255. By
            default as said above, or none for 8 bits.
        resample_to: Side of a pixel in metres to resample a raster to; its
            corners stay.

    Attributes:
        height: In pixels.
        width: In pixels.
        place: Where it lies, or None.
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
        path: Location,
        bands: Sequence[int] | None = None,
        stretch: Stretch | None = None,
        resample_to: float | None = None,
    ) -> None:
        self.path = as_location(path)
        if not is_there(self.path):
            raise InputError(f'{path}: no such file')
        self._source = open_source(self.path, resample_to=resample_to)
        self.height, self.width = self._source.shape
        self.place = self._source.place
        self.bands = self._choose_bands(bands)
        self._source.pick([band - 1 for band in self.bands])
        self.has_gaps = self._source.has_gaps
        self.nodata = self._source.nodata
        self.stretch = self._choose_stretch(stretch)
        self._block = lru_cache(maxsize=64)(self._filled_block)

    def gsd(self, given: float | None = None) -> float:
        """Side of a pixel in metres: as given, else as the CRS tells.

        Raises:
            InputError: Neither tells it, or it is no length.
        """
        if given is not None and not 0 < given < np.inf:
            raise InputError(f'gsd is {given:g}; give metres a pixel, above 0')
        ground = ground_size(self.place, self._source.shape)
        found = ground.side if given is None else given
        if found is None:
            raise InputError(
                f'{self.path}: {ground.note or "has no place on the ground"}; '
                'give gsd, the side of a pixel in metres'
            )
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
        valid = None
        if self.has_gaps:
            _, valid = self._source.read(Window(top, left, height, width))
        return np.ones((height, width), bool) if valid is None else valid

    def _choose_bands(self, bands: Sequence[int] | None) -> tuple[int, ...]:
        count = len(self._source.all_bands)
        if bands is None:
            names = common_names(self._source.all_bands, None, str(self.path))
            if set(_RGB) <= set(names):
                return tuple(names.index(color) + 1 for color in _RGB)
            return (1, 2, 3) if count >= 3 else (1, 1, 1)
        if len(bands) != 3 or not all(1 <= band <= count for band in bands):
            raise InputError(
                f'{self.path}: bands are {tuple(bands)}, but it has {count}; '
                'give three numbers from 1, of red, green and blue'
            )
        return tuple(bands)

    def _choose_stretch(self, stretch: Stretch | None) -> Stretch | None:
        if stretch is None:
            if self._source.dtype == np.uint8:
                return None
            return self._percentiles()
        if len(stretch) != 3 or any(low >= high for low, high in stretch):
            raise InputError(
                f'stretch is {stretch}; give low < high for each of 3 bands'
            )
        return [(float(low), float(high)) for low, high in stretch]

    def _percentiles(self) -> Stretch:
        step = -(-max(self._source.shape) // _SAMPLE)
        pixels, valid = self._source.thin_out(step)
        values = pixels if valid is None else pixels[valid]
        values = values.reshape(-1, 3).astype(float)
        if not len(values):
            values = np.zeros((1, 3))  # all nodata, which is told later
        lows, highs = np.percentile(values, _PERCENTILES, axis=0)
        return [
            (float(low), float(max(high, low + 1e-6)))
            for low, high in zip(lows, highs)
        ]

    def _rgb(self, top: int, left: int, height: int, width: int) -> np.ndarray:
        values, _ = self._source.read(Window(top, left, height, width))
        if self.stretch is not None:
            low, high = np.array(self.stretch, float).T
            values = (values.astype(float) - low) / (high - low) * 255
            values = np.nan_to_num(values).clip(0, 255).round()
        return values.astype(np.uint8)

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


def _meet(index: int, low: int, high: int) -> tuple[slice, slice]:
    """What a block shares with [low, high), as each counts it."""
    start = index * _BLOCK
    first, last = max(start, low), min(start + _BLOCK, high)
    return slice(first - start, last - start), slice(first - low, last - low)
