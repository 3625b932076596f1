"""Where a GeoTIFF lies, and how much ground a pixel of it covers."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mmrs.errors import InputError

if TYPE_CHECKING:
    from affine import Affine
    from rasterio.crs import CRS

__all__ = [
    'Georeference',
    'describe_grid',
    'is_tiff',
    'pixel_area',
    'read_georeference',
    'same_grid',
]

_TIFF_EXTENSIONS = ('.tif', '.tiff')
# A GSD that differs by less is the file's, rounded.
_GSD_TOLERANCE = 0.02
# Pixels by which the corners of two images of one grid may differ.
_GRID_TOLERANCE = 0.1


class Georeference(NamedTuple):
    """How the pixels of an image lie on the ground.

    Attributes:
        crs: The coordinate reference system; None: the file names none.
        transform: Affine map from (column, row) to coordinates of `crs`.
    """

    crs: 'CRS | None'
    transform: 'Affine'


def is_tiff(path: str | Path) -> bool:
    """Whether a file has the extension of a TIFF, in any case."""
    return Path(path).suffix.lower() in _TIFF_EXTENSIONS


def read_georeference(path: str | Path) -> Georeference | None:
    """Read where an image lies; None for one that does not say.

    Args:
        path: Any image file. None but TIFFs are opened.

    Raises:
        InputError: The file is a TIFF that rasterio cannot open, or
            rasterio is not installed.
    """
    if not is_tiff(path):
        return None
    try:
        import rasterio
        from rasterio.errors import NotGeoreferencedWarning, RasterioError
    except ImportError as error:
        raise InputError(
            f'{path}: it takes rasterio to read where a GeoTIFF lies: pip '
            "install 'mmrs[geo]'"
        ) from error
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', NotGeoreferencedWarning)
        try:
            with rasterio.open(path) as raster:
                found = Georeference(raster.crs, raster.transform)
        except RasterioError as error:
            raise InputError(f'{path}: unreadable TIFF ({error})') from error
    if found.crs is None and found.transform.is_identity:
        return None
    return found


def same_grid(
    a: Georeference, b: Georeference, shape: tuple[int, int]
) -> bool:
    """Whether two images of one shape show the same ground, pixel by pixel.

    Args:
        a: Where the first one lies.
        b: Where the second one lies.
        shape: Height and width of both in px.

    Returns:
        Whether they have one CRS, and their corners agree to a tenth of a
        pixel.
    """
    height, width = shape
    corners = np.array(
        [(0, 0, 1), (width, 0, 1), (0, height, 1), (width, height, 1)]
    ).T
    to_ground_a = np.reshape(a.transform, (3, 3))
    to_ground_b = np.reshape(b.transform, (3, 3))
    seen = np.linalg.solve(to_ground_a, to_ground_b @ corners)
    apart = np.abs(seen - corners).max()
    return a.crs == b.crs and bool(apart < _GRID_TOLERANCE)


def describe_grid(place: Georeference | None, shape: tuple[int, int]) -> str:
    """Say in a line where the pixels of an image lie."""
    size = f'{shape[1]} x {shape[0]} px'
    if place is None:
        return size
    crs, transform = place
    epsg = None if crs is None else crs.to_epsg()
    name = 'unnamed CRS' if epsg is None else f'EPSG:{epsg}'
    return (
        f'{name}, corner {transform.c:.10g} {transform.f:.10g}, pixel '
        f'{transform.a:g} x {-transform.e:g}, {size}'
    )


def pixel_area(
    place: Georeference | None, gsd: float | None = None
) -> tuple[float | None, str | None]:
    """Tell how much ground a pixel covers, as far as it can be known.

    Only a projected CRS tells it: degrees are no lengths, and the Mercator
    projection of web maps stretches areas by 1 / cos^2(latitude).

    Args:
        place: Of the image, if known.
        gsd: The side of a pixel in metres, where the user knows it. It
            comes before what the file says.

    Returns:
        The area in square metres or None, and what the user should know
        about it or None.
    """
    known, reason = _area_by_crs(place)
    if gsd is None:
        return known, reason
    area = float(gsd) ** 2
    if known and abs((area / known) ** 0.5 - 1) > _GSD_TOLERANCE:
        return area, (
            f'areas are of pixels of {gsd:g} m, as gsd says; the file says '
            f'{known**0.5:g} m'
        )
    return area, None


def _area_by_crs(
    place: Georeference | None,
) -> tuple[float | None, str | None]:
    if place is None:
        return None, None
    if place.crs is None:
        return None, 'the file names no CRS; give gsd for areas in m2'
    name = place.crs.to_string()
    if not place.crs.is_projected:
        return None, (
            f'the CRS ({name}) is geographic: its unit is the degree; give '
            'gsd for areas in m2, or project the images'
        )
    if place.crs.to_dict().get('proj') == 'merc':
        return None, (
            f'the CRS ({name}) is a Mercator projection, whose metres are '
            'not those on the ground; give gsd for areas in m2, or '
            'project the images, e.g. to UTM'
        )
    _, metres = place.crs.linear_units_factor
    return abs(place.transform.determinant) * metres**2, None
