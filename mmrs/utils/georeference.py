"""Where a GeoTIFF lies, and how much ground a pixel of it covers."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mmrs.utils.errors import InputError

if TYPE_CHECKING:
    from affine import Affine
    from rasterio.crs import CRS

__all__ = ['Georeference', 'is_tiff', 'pixel_area', 'read_georeference']

_TIFF_EXTENSIONS = ('.tif', '.tiff')
# A GSD that differs by less is the file's, rounded.
_GSD_TOLERANCE = 0.02


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
