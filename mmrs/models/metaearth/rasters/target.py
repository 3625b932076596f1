"""Files that generated images are written to, row by row."""

import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mmrs.errors import InputError

from .source import Transform, window_of

TARGETS = ('.tif', '.tiff', '.png')

_BLOCK = 512  # side of a GeoTIFF's tiles; as many rows are held at once
_CACHE = 32  # MB of GDAL, whose default grows with the machine
_SMALLEST_OVERVIEW = 256

#: Pixels (rows, width, 3), uint8, and which have data (rows, width), bool or
#: None for all.
Strip = tuple[np.ndarray, np.ndarray | None]


@dataclass
class Target:
    """What a file says beside its pixels.

    Attributes:
        height: In pixels.
        width: In pixels.
        transform: Of its pixels; None: unknown.
        crs: Well-known text; None: unknown.
        nodata: The value of pixels without data; None: a mask tells them.
        has_gaps: Whether there may be pixels without data.
        tags: Names and values that a GeoTIFF carries.
    """

    height: int
    width: int
    transform: Transform | None = None
    crs: str | None = None
    nodata: int | None = None
    has_gaps: bool = False
    tags: dict[str, str] = field(default_factory=dict)


def check_target(path: Path) -> None:
    """Raise an InputError if no file of this name can be written."""
    if path.suffix.lower() not in TARGETS:
        raise InputError(
            f'{path}: generated images are written as {", ".join(TARGETS)}; '
            'rename it'
        )
    if path.suffix.lower() == '.png':
        return
    try:
        import rasterio  # noqa: F401
    except ImportError as error:
        raise InputError(
            f"{path}: GeoTIFFs need rasterio: pip install 'mmrs[geo]', or "
            'write a .png with a world file'
        ) from error


def write_image(
    path: Path,
    strips: Iterator[Strip],
    target: Target,
    folder: Path,
    cog: bool = False,
    overviews: bool = True,
) -> None:
    """Write an image that appears under its name when it is complete.

    A GeoTIFF takes the memory of 512 rows, a PNG that of the whole image.

    Args:
        path: A GeoTIFF or PNG.
        strips: From top to bottom.
        target: What else the file says.
        folder: Of files in the making, on the same disk.
        cog: Write a Cloud Optimized GeoTIFF, which has overviews.
        overviews: Add smaller copies to a GeoTIFF.
    """
    if path.suffix.lower() == '.png':
        _write_png(path, strips, target, folder)
        return
    import rasterio
    from rasterio.shutil import copy

    made = folder / 'made.tif'
    options = dict(GDAL_TIFF_INTERNAL_MASK=True, GDAL_CACHEMAX=_CACHE)
    with rasterio.Env(**options), warnings.catch_warnings():
        warnings.simplefilter(
            'ignore', rasterio.errors.NotGeoreferencedWarning
        )
        _write_geotiff(made, strips, target)
        if cog:
            plain, made = made, folder / 'cog.tif'
            copy(
                plain,
                made,
                driver='COG',
                compress='deflate',
                predictor='yes',
                overview_resampling='average',
                bigtiff='IF_SAFER',
            )
        elif overviews:
            _add_overviews(made)
    os.replace(made, path)


def _write_geotiff(
    path: Path, strips: Iterator[Strip], target: Target
) -> None:
    import rasterio

    profile = dict(
        driver='GTiff',
        height=target.height,
        width=target.width,
        count=3,
        dtype='uint8',
        crs=target.crs,
        tiled=True,
        blockxsize=_BLOCK,
        blockysize=_BLOCK,
        interleave='pixel',
        compress='deflate',
        predictor=2,
        photometric='RGB',
        bigtiff='IF_SAFER',
        nodata=target.nodata,
    )
    if target.transform is not None:
        profile['transform'] = rasterio.Affine(*target.transform)
    with rasterio.open(path, 'w', **profile) as file:
        file.update_tags(**target.tags)
        top = 0
        # Whole rows of tiles, so that none is compressed twice.
        for pixels, valid in _regroup(strips, _BLOCK):
            if valid is not None and target.nodata is not None:
                pixels = mark_gaps(pixels, valid, target.nodata)
            for left in range(0, target.width, _BLOCK):
                part = slice(left, left + _BLOCK)
                window = window_of(top, left, *pixels[:, part].shape[:2])
                file.write(np.moveaxis(pixels[:, part], 2, 0), window=window)
                if valid is not None and target.nodata is None:
                    file.write_mask(valid[:, part], window=window)
            top += len(pixels)


def mark_gaps(
    pixels: np.ndarray, valid: np.ndarray, nodata: int
) -> np.ndarray:
    """Give pixels without data their value, and no others.

    Args:
        pixels: (H, W, 3), uint8. A value that happens to be `nodata` is moved
            by one grey level.
        valid: (H, W), bool.
        nodata: From 0 to 255.

    Returns:
        (H, W, 3), uint8.
    """
    other = nodata - 1 if nodata else 1
    pixels = np.where(pixels == nodata, np.uint8(other), pixels)
    return np.where(valid[..., None], pixels, np.uint8(nodata))


def _regroup(strips: Iterator[Strip], rows: int) -> Iterator[Strip]:
    """Cut strips of any heights to strips of `rows`, the last one to less."""
    held: list[Strip] = []
    for strip in strips:
        held.append(strip)
        while sum(len(pixels) for pixels, _ in held) >= rows:
            pixels, valid = _join(held)
            rest = None if valid is None else valid[rows:]
            yield pixels[:rows], None if valid is None else valid[:rows]
            held = [(pixels[rows:], rest)] if len(pixels) > rows else []
    if held:
        yield _join(held)


def _join(strips: list[Strip]) -> Strip:
    pixels, valids = zip(*strips)
    valid = None if valids[0] is None else np.concatenate(valids)
    return np.concatenate(pixels), valid


def _add_overviews(path: Path) -> None:
    import rasterio
    from rasterio.enums import Resampling

    with rasterio.open(path, 'r+') as file:
        side, factors = max(file.shape), []
        while side > _SMALLEST_OVERVIEW * 2 ** len(factors):
            factors.append(2 ** (len(factors) + 1))
        if factors:
            file.build_overviews(factors, Resampling.average)


def _write_png(
    path: Path, strips: Iterator[Strip], target: Target, folder: Path
) -> None:
    from PIL import Image, PngImagePlugin

    pixels, valid = _join(list(strips))
    if valid is not None:
        alpha = np.where(valid, np.uint8(255), np.uint8(0))
        pixels = np.dstack([pixels * valid[..., None], alpha])
    texts = PngImagePlugin.PngInfo()
    for name, value in target.tags.items():
        texts.add_text(name, value)
    made = folder / 'made.png'
    Image.fromarray(pixels).save(made, pnginfo=texts)
    os.replace(made, path)
    if target.transform is not None:
        a, b, c, d, e, f = target.transform
        centre = c + (a + b) / 2, f + (d + e) / 2
        numbers = (a, d, b, e, *centre)
        path.with_suffix('.pgw').write_text(
            ''.join(f'{number!r}\n' for number in map(float, numbers))
        )
    if target.crs is not None:
        path.with_suffix('.prj').write_text(target.crs + '\n')
