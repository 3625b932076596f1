"""One raster file, read by the same rules for every task.

What a file holds beside plain bands is settled here: palettes and 1-bit
pixels become colours, an alpha band or a mask becomes the mask of valid
pixels, and each band has its name, colour, nodata value, scale and offset.
"""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mmrs.errors import BadImageError

from .blocks import BlockCache
from .georeference import Georeference, georeference_of
from .opening import Location, open_raster, tiff_orientation
from .tiles import Window

if TYPE_CHECKING:
    from rasterio import DatasetReader

_COLORS = ('red', 'green', 'blue')


class Stored(NamedTuple):
    """Pixels of a file as they are stored, and where they have none.

    Attributes:
        pixels: (H, W, bands).
        empty: Where a band has its nodata value, (H, W, bands) bool; None:
            nowhere.
        valid: Where the file's mask or alpha has data, (H, W) bool; None:
            everywhere.
    """

    pixels: np.ndarray
    empty: np.ndarray | None
    valid: np.ndarray | None


@dataclass(frozen=True)
class Band:
    """A band of a file.

    Attributes:
        index: Its number in the file, from 1.
        name: As the file describes it; None: not.
        color: ``'red'``, ``'green'`` or ``'blue'``, as the file marks it.
        nodata: Its value without meaning; None: there is none.
        scale: Factor of the stored values.
        offset: Added after that.
    """

    index: int
    name: str | None
    color: str | None
    nodata: float | None
    scale: float = 1.0
    offset: float = 0.0


class RasterFile:
    """A raster file.

    Args:
        location: A path, or an address that GDAL knows.
        nodata: The value without meaning of all bands, in place of the
            file's.
        as_indices: Read the numbers of a palette, not its colours.
        with_alpha: Take an alpha band as one of data, where it is known
            that it was only marked so.
        handle: The file, if it is open already; it is left open.

    Attributes:
        shape: Height and width in px.
        place: Where it lies; None: unknown.
        dtype: Of the pixels.
        bands: Those with data: no alpha.
        has_alpha: Whether the file marks a band as alpha.
        is_masked: Whether alpha or a mask leaves pixels out.
        orientation: Of a TIFF without a place, 1 to 8.
        tags: Metadata of the file.

    Raises:
        BadImageError: The file is missing or unreadable.
    """

    def __init__(
        self,
        location: Location,
        nodata: float | None = None,
        as_indices: bool = False,
        with_alpha: bool = False,
        handle: 'DatasetReader | None' = None,
    ) -> None:
        self.location = location
        opened = open_raster(location) if handle is None else handle
        with nullcontext(opened) if handle else opened as file:
            self.shape = file.shape
            self.place: Georeference | None = georeference_of(file)
            _check_readable(location, file)
            self.dtype = np.result_type(*file.dtypes)
            self.tags = file.tags()
            self.block_shape = file.block_shapes[0]
            self._table = _color_table(file, as_indices)
            _check_colors(location, file)
            self.has_alpha = _find_alpha(file) is not None
            self._alpha = None if with_alpha else _find_alpha(file)
            self._has_mask = _has_mask(file)
            self.is_masked = self._has_mask or self._alpha is not None
            if self._table is not None and not self._table[:, -1].all():
                self.is_masked = True
            self.bands = self._describe(file, nodata)
            self.is_slow = file.driver.startswith('JP2')
        self.orientation = 1
        if self.place is None:
            exif = self.tags.get('EXIF_Orientation', '1')
            self.orientation = tiff_orientation(location)
            if exif in ('2', '3', '4', '5', '6', '7', '8'):
                self.orientation = int(exif)

    def _describe(
        self, file: 'DatasetReader', nodata: float | None
    ) -> tuple[Band, ...]:
        bands = []
        for number, index in enumerate(file.indexes):
            if index == self._alpha:
                continue
            empty = file.nodatavals[number] if nodata is None else nodata
            color = file.colorinterp[number].name
            bands.append(
                Band(
                    index,
                    file.descriptions[number] or None,
                    color if color in _COLORS else None,
                    representable(empty, np.dtype(file.dtypes[number])),
                    file.scales[number],
                    file.offsets[number],
                )
            )
        if self._table is not None and self._table.shape[1] > 2:
            (one,) = bands
            bands = [Band(1, c, c, one.nodata) for c in _COLORS]
        return tuple(bands)

    def read(
        self,
        handle: 'DatasetReader',
        numbers: Sequence[int],
        window: Window | None = None,
        out_shape: tuple[int, int] | None = None,
        blocks: BlockCache | None = None,
    ) -> Stored:
        """Read bands of a window.

        Args:
            handle: This file, opened by the thread that reads.
            numbers: Which of `bands`, from 0.
            window: (row, column, height, width) in px; None: all.
            out_shape: Read that many rows and columns of it, evenly spread.
            blocks: Keeps blocks of files that are slow to decode.

        Raises:
            BadImageError: This part of the file is broken.
        """
        from rasterio.errors import RasterioError

        bands = [self.bands[number] for number in numbers]
        indexes = list(dict.fromkeys(band.index for band in bands))
        window = Window(*(window or (0, 0, *self.shape)))
        try:
            if self.is_slow and blocks is not None and out_shape is None:
                values = blocks.read(handle, indexes, window)
            else:
                values = _read(handle, indexes, window, out_shape)
            valid = self._valid(handle, window, out_shape)
        except RasterioError as error:
            raise BadImageError(
                f'{self.location}: cannot be read here ({error}); copy the '
                'file again'
            ) from error
        by_index = dict(zip(indexes, values))
        stored = np.stack([by_index[band.index] for band in bands], axis=2)
        empty = None
        if any(band.nodata is not None for band in bands):
            empty = np.zeros(stored.shape, bool)
            for layer, band in enumerate(bands):
                if band.nodata is not None:
                    empty[..., layer] = stored[..., layer] == band.nodata
        if self._table is not None:
            stored, valid = self._look_up(stored[..., 0], numbers, valid)
        return Stored(stored, empty, valid)

    def _valid(
        self,
        handle: 'DatasetReader',
        window: Window,
        out_shape: tuple[int, int] | None,
    ) -> np.ndarray | None:
        """Where the alpha band or the mask has data."""
        if self._alpha is not None:
            return _read(handle, [self._alpha], window, out_shape)[0] > 0
        if self._has_mask:
            mask = handle.dataset_mask(
                window=window.of_rasterio(), out_shape=out_shape
            )
            return mask > 0
        return None

    def _look_up(
        self,
        indices: np.ndarray,
        numbers: Sequence[int],
        valid: np.ndarray | None,
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Make colours of the indices of a palette, and its gaps a mask."""
        found = self._table[indices]
        opaque = found[..., -1] > 0
        if not opaque.all():
            valid = opaque if valid is None else valid & opaque
        return found[..., list(numbers)], valid


def _read(handle, indexes, window: Window, out_shape=None) -> np.ndarray:
    if len({handle.dtypes[index - 1] for index in indexes}) > 1:
        each = [_read(handle, [i], window, out_shape) for i in indexes]
        return np.concatenate(each)
    shape = None if out_shape is None else (len(indexes), *out_shape)
    return handle.read(indexes, window=window.of_rasterio(), out_shape=shape)


def representable(nodata: float | None, dtype: np.dtype) -> float | None:
    """Return a nodata value as the type of its pixels holds it.

    None for NaN, which no comparison finds, and for values that the type
    cannot hold, which no pixel has.
    """
    if nodata is None or np.isnan(nodata) or dtype.kind == 'c':
        return None
    if dtype.kind in 'iu':
        limits = np.iinfo(dtype)
        whole = float(nodata).is_integer()
        if not whole or not limits.min <= nodata <= limits.max:
            return None
    return dtype.type(nodata)


def _color_table(file: 'DatasetReader', as_indices: bool) -> np.ndarray | None:
    """Colours of an indexed file: (256 or 65536, 4) or (..., 2) uint8.

    The last column is the opacity. Tables of greys have one column for all
    three colours. Those of 1-bit files (0 and 255), and of files where 0 is
    white, are how pixels are stored and no palette of classes.
    """
    is_inverted = file.tags(ns='IMAGE_STRUCTURE').get('MINISWHITE') == 'YES'
    is_indexed = file.colorinterp[0].name == 'palette' or is_inverted
    if file.count != 1 or not is_indexed:
        return None
    if np.dtype(file.dtypes[0]) not in (np.uint8, np.uint16):
        return None
    try:
        colors = file.colormap(1)
    except ValueError:
        return None
    if as_indices and not is_inverted and not _is_one_bit(colors):
        return None
    table = np.zeros((np.iinfo(file.dtypes[0]).max + 1, 4), np.uint8)
    table[:, 3] = 255
    table[list(colors)] = list(colors.values())
    if (table[:, :3] == table[:, :1]).all():
        return table[:, [0, 3]]
    return table


def _is_one_bit(colors: dict) -> bool:
    """Whether a table is what GDAL makes for 1-bit files."""
    greys = {color[:3] for color in colors.values()}
    return len(colors) == 2 and greys == {(0, 0, 0), (255, 255, 255)}


def _check_readable(location: Location, file: 'DatasetReader') -> None:
    """Refuse what would be read in part, or by a guess."""
    if not file.count or len(file.subdatasets) > 1:
        few = ', '.join(file.subdatasets[:2])
        raise BadImageError(
            f'{location}: holds {len(file.subdatasets)} images (pages or '
            f'subdatasets); name one of them, e.g. {few}'
        )
    if any(dtype.startswith('complex') for dtype in file.dtypes):
        raise BadImageError(
            f'{location}: holds complex numbers; write its amplitude or real '
            'part to a file, for example by rio calc'
        )
    if not all(np.isfinite(s) and s for s in file.scales):
        raise BadImageError(
            f'{location}: its tag for scale is {file.scales[0]:g}; mend it, '
            'for example by gdal_edit.py -unsetstats -scale 1'
        )


def _check_colors(location: Location, file: 'DatasetReader') -> None:
    """Refuse colours that GDAL converts only roughly."""
    space = file.tags(ns='IMAGE_STRUCTURE').get('SOURCE_COLOR_SPACE')
    if space in ('CIELAB', 'ICCLAB', 'ITULAB'):
        raise BadImageError(
            f'{location}: its colours are {space}; convert it to RGB'
        )


def _find_alpha(file: 'DatasetReader') -> int | None:
    """Number of the alpha band.

    GDAL marks the last of four 8-bit bands so unless it is asked not to: one
    that is named as another band is that band.
    """
    for number, color in enumerate(file.colorinterp):
        name = (file.descriptions[number] or '').strip().lower()
        if color.name == 'alpha' and (not name or 'alpha' in name):
            return number + 1
    return None


def _has_mask(file: 'DatasetReader') -> bool:
    """Whether a mask that is no band goes with the file."""
    from rasterio.enums import MaskFlags

    flags = file.mask_flag_enums[0]
    return MaskFlags.per_dataset in flags and MaskFlags.alpha not in flags
