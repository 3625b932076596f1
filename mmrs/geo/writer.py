"""The one writer of rasters: GeoTIFF, Cloud Optimized GeoTIFF and PNG.

Files are written from the top to the bottom under another name, and moved to
their place when they are complete: a file of that name is always whole.
"""

import os
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike

from mmrs.errors import InputError

from .georeference import Georeference, write_world_file
from .raster_file import representable
from .row_file import RowFile
from .tiles import Window

#: Extensions that are written.
WRITTEN = ('.tif', '.tiff', '.png')

_CACHE = 64 * 2**20  # bytes that GDAL may cache, whose default grows
_SMALLEST_OVERVIEW = 256

#: Values (bands, rows, W) and which have data (rows, W) bool; None: all.
Strip = tuple[np.ndarray, np.ndarray | None]


@dataclass
class RasterTarget:
    """What a raster is, beside its pixels.

    Attributes:
        shape: Height and width in px.
        bands: How many bands it has.
        dtype: Of its pixels.
        place: Where it lies; None: unknown.
        nodata: Value of pixels without data; None: a mask marks them.
        has_gaps: Whether there may be pixels without data.
        band_names: Names of the bands.
        scale: Factor that makes the values what they stand for.
        classes: Names of values 0, 1, ... of a map, kept as tags
            ``class_0``, ...
        palette: Their RGB colours, 0 to 255.
        tags: Names and values that the file carries.
    """

    shape: tuple[int, int]
    bands: int = 1
    dtype: DTypeLike = np.uint8
    place: Georeference | None = None
    nodata: float | None = None
    has_gaps: bool = False
    band_names: Sequence[str] = ()
    scale: float | None = None
    classes: Sequence[str] = ()
    palette: Sequence[tuple[int, int, int]] | None = None
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def is_picture(self) -> bool:
        """Whether it is red, green and blue in 8 bits."""
        is_rgb = self.bands == 3 and np.dtype(self.dtype) == np.uint8
        return is_rgb and not self.band_names and self.scale is None


def check_target(path: Path) -> None:
    """Raise an InputError if no raster of this name can be written."""
    if path.suffix.lower() not in WRITTEN:
        raise InputError(
            f'{path}: rasters are written as {", ".join(WRITTEN)}; rename it'
        )


def write_raster(
    path: str | Path,
    strips: Iterable[Strip],
    target: RasterTarget,
    cog: bool = False,
    overviews: bool = True,
    block: int = 512,
    compress: str = 'deflate',
) -> None:
    """Write a raster.

    A GeoTIFF takes the memory of `block` rows, a PNG that of the whole.

    Args:
        path: Ends in ``.tif``, ``.tiff`` or ``.png``. A PNG has a world
            file and a ``.prj`` beside it where a place is known.
        strips: Rows from the top to the bottom, some at a time.
        target: What the file is beside its pixels.
        cog: Write a Cloud Optimized GeoTIFF, which has overviews.
        overviews: Add copies of half, a quarter, ... of the size; of
            pictures by means, of others each pixel is one of the file's.
        block: Side of the blocks of a GeoTIFF in px, a multiple of 16.
        compress: A method that GDAL knows, or ``'none'``.

    Raises:
        InputError: The name has another extension.
        OSError: It cannot be written, as on a full disk.
    """
    from rasterio.errors import RasterioError

    path = Path(path)
    check_target(path)
    _check_values(path, target)
    path.parent.mkdir(parents=True, exist_ok=True)
    made = path.with_name(f'.{path.stem}.part{path.suffix}')
    try:
        if path.suffix.lower() == '.png':
            _write_png(made, strips, target)
        else:
            _write_tiff(made, strips, target, cog, overviews, block, compress)
        for sidecar in _sidecars(path):
            sidecar.unlink(missing_ok=True)
        os.replace(made, path)
    except RasterioError as error:
        raise OSError(str(error)) from error
    finally:
        made.unlink(missing_ok=True)
    if path.suffix.lower() == '.png' and target.place is not None:
        write_world_file(path, target.place)


def _sidecars(path: Path) -> Iterator[Path]:
    """Files beside a raster that would speak for the new one of its name."""
    for ending in ('.aux.xml', '.ovr', '.msk'):
        yield path.with_name(path.name + ending)
    if path.suffix.lower() == '.png':
        for suffix in ('.pgw', '.wld', '.prj'):
            yield path.with_suffix(suffix)


def _check_values(path: Path, target: RasterTarget) -> None:
    dtype = np.dtype(target.dtype)
    if target.nodata is not None and (
        representable(target.nodata, dtype) is None
        and not np.isnan(target.nodata)
    ):
        raise InputError(
            f'{path}: nodata={target.nodata:g} is no value of {dtype}'
        )
    if path.suffix.lower() != '.png':
        return
    is_picture = target.bands in (1, 3) and dtype == np.uint8
    is_deep = target.bands == 1 and dtype == np.uint16
    if not is_picture and not (is_deep and not target.has_gaps):
        raise InputError(
            f'{path}: a PNG has one or three bands of 8 bits, or one of 16 '
            f'without gaps, and this has {target.bands} of {dtype}; write a '
            '.tif'
        )


def write_rows(
    path: str | Path, rows: RowFile, target: RasterTarget, **settings
) -> None:
    """Write the rows of a store, as :func:`write_raster` does."""
    block = settings.get('block', 512)
    strips = ((values, None) for _, values in rows.strips(block))
    write_raster(path, strips, target, **settings)


def _write_tiff(
    path: Path,
    strips: Iterable[Strip],
    target: RasterTarget,
    cog: bool,
    overviews: bool,
    block: int,
    compress: str,
) -> None:
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning
    from rasterio.shutil import copy

    options = dict(GDAL_TIFF_INTERNAL_MASK=True, GDAL_CACHEMAX=_CACHE)
    with rasterio.Env(**options), warnings.catch_warnings():
        warnings.simplefilter('ignore', NotGeoreferencedWarning)
        settings = _profile(target, block, compress)
        with rasterio.open(path, 'w', **settings) as file:
            file.update_tags(**target.tags)
            _write_strips(file, _regroup(strips, block), target)
            _describe(file, target)
        average = 'average' if target.is_picture else 'nearest'
        if cog:
            plain = path.with_name(f'{path.stem}.plain.tif')
            os.replace(path, plain)
            try:
                copy(
                    plain,
                    path,
                    driver='COG',
                    compress=compress,
                    predictor='yes' if target.is_picture else 'no',
                    overview_resampling=average,
                    bigtiff='IF_SAFER',
                )
            finally:
                plain.unlink()
        elif overviews:
            _add_overviews(path, average)


def _profile(target: RasterTarget, block: int, compress: str) -> dict:
    height, width = target.shape
    place = {} if target.place is None else target.place.profile()
    settings = dict(
        driver='GTiff',
        height=height,
        width=width,
        count=target.bands,
        dtype=target.dtype,
        nodata=target.nodata,
        compress=compress,
        interleave='pixel' if target.is_picture else 'band',
        bigtiff='if_safer',
        **place,
    )
    if target.is_picture:
        settings |= dict(photometric='RGB', predictor=2)
    if min(height, width) >= block or target.is_picture:
        settings |= dict(tiled=True, blockxsize=block, blockysize=block)
    return settings


def _write_strips(file, strips: Iterable[Strip], target: RasterTarget) -> None:
    top, width, masked = 0, target.shape[1], False
    for values, valid in strips:
        window = Window(top, 0, values.shape[1], width).of_rasterio()
        if valid is not None and target.nodata is not None:
            values = mark_gaps(values, valid, target.nodata)
        file.write(values, window=window)
        if target.nodata is None and (valid is not None or masked):
            if valid is None:
                valid = np.ones(values.shape[1:], bool)
            elif not masked and top:  # what came before has data
                before = Window(0, 0, top, width).of_rasterio()
                file.write_mask(np.ones((top, width), bool), window=before)
            file.write_mask(valid, window=window)
            masked = True
        top += values.shape[1]
    if top != target.shape[0]:
        raise ValueError(f'{top} rows were given, not {target.shape[0]}')


def _describe(file, target: RasterTarget) -> None:
    if target.palette is not None and np.dtype(target.dtype) == np.uint8:
        colors = {i: tuple(c) for i, c in enumerate(target.palette)}
        file.write_colormap(1, colors)
    if target.classes:
        tags = {f'class_{i}': name for i, name in enumerate(target.classes)}
        file.update_tags(1, **tags)
    if target.band_names:
        file.descriptions = tuple(target.band_names)
    if target.scale is not None:
        file.scales = (target.scale,) * file.count


def _add_overviews(path: Path, resampling: str) -> None:
    import rasterio
    from rasterio.enums import Resampling

    with rasterio.open(path, 'r+') as file:
        factors, side = [], max(file.shape)
        while side > _SMALLEST_OVERVIEW * 2 ** len(factors):
            factors.append(2 ** (len(factors) + 1))
        if factors:
            file.build_overviews(factors, Resampling[resampling])


def mark_gaps(
    values: np.ndarray, valid: np.ndarray, nodata: float
) -> np.ndarray:
    """Give pixels without data their value, and no others.

    Args:
        values: (bands, H, W), of whole numbers. One that happens to be
            `nodata` is moved by one.
        valid: (H, W), bool.
        nodata: Of the same type.

    Returns:
        (bands, H, W).
    """
    nodata = values.dtype.type(nodata)
    other = values.dtype.type(nodata - 1 if nodata else 1)
    values = np.where(values == nodata, other, values)
    return np.where(valid, values, nodata)


def _regroup(strips: Iterable[Strip], rows: int) -> Iterator[Strip]:
    """Cut strips of any heights to strips of `rows`, the last one to less.

    A block of a GeoTIFF that is written twice is stored twice.
    """
    held: list[Strip] = []
    for strip in strips:
        held.append(strip)
        while sum(values.shape[1] for values, _ in held) >= rows:
            values, valid = _join(held)
            rest = None if valid is None else valid[rows:]
            yield values[:, :rows], None if valid is None else valid[:rows]
            more = values.shape[1] > rows
            held = [(values[:, rows:], rest)] if more else []
    if held:
        yield _join(held)


def _join(strips: Sequence[Strip]) -> Strip:
    if len(strips) == 1:
        return strips[0]
    values, valids = zip(*strips)
    if all(valid is None for valid in valids):
        return np.concatenate(values, axis=1), None
    filled = [
        np.ones(v.shape[1:], bool) if valid is None else valid
        for v, valid in strips
    ]
    return np.concatenate(values, axis=1), np.concatenate(filled)


def _write_png(
    path: Path, strips: Iterable[Strip], target: RasterTarget
) -> None:
    from PIL import Image, PngImagePlugin

    values, valid = _join(list(strips))
    pixels = np.moveaxis(values, 0, 2)
    if valid is not None:
        alpha = np.where(valid, np.uint8(255), np.uint8(0))
        pixels = np.dstack([pixels * valid[..., None], alpha])
    texts = PngImagePlugin.PngInfo()
    for name, value in target.tags.items():
        texts.add_text(name, value)
    picture = Image.fromarray(
        pixels.squeeze(-1) if target.bands == 1 and valid is None else pixels
    )
    if target.palette is not None and picture.mode == 'L':
        colors = np.array(target.palette, np.uint8)
        picture.putpalette(colors.tobytes())
    picture.save(path, 'PNG', pnginfo=texts)
