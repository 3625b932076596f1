"""Connected objects of a class mask, and their outlines as GeoJSON."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from mmrs.errors import InputError

from .georeference import Georeference, GroundSize

if TYPE_CHECKING:
    from rasterio.crs import CRS

__all__ = [
    'MaskObject',
    'collection_head',
    'feature',
    'find_objects',
    'masks_to_geojson',
    'outline_parts',
    'to_wgs84',
]

#: The smallest object that counts, in pixels.
MIN_AREA = 6

_PIXEL_NOTE = (
    'coordinates are pixels: x to the right, y down, (0, 0) is the outer '
    'corner of the first pixel'
)
_CRS84 = 'urn:ogc:def:crs:OGC:1.3:CRS84'  # WGS84, longitude first
# About a millimetre, far below what any image resolves.
_DEGREE_DIGITS = 8

Ring = list[tuple[float, float]]


class MaskObject(NamedTuple):
    """Pixels of one class that touch by side or corner.

    Attributes:
        label: Their class.
        box: (x0, y0, x1, y1) in pixels; x1 and y1 are the first outside.
        pixels: How many they are.
        m2: Ground that they cover, in square metres; None: unknown.
    """

    label: int
    box: tuple[int, int, int, int]
    pixels: int
    m2: float | None = None


def find_objects(
    mask: np.ndarray,
    min_area: int = MIN_AREA,
    ignored: Iterable[int] = (0, 255),
    ground: GroundSize | None = None,
    row: int = 0,
) -> tuple[np.ndarray, list[MaskObject]]:
    """Find the 8-connected objects of a mask.

    Args:
        mask: Class of each pixel, (H, W), uint8.
        min_area: Objects of fewer pixels are left out.
        ignored: Classes that form no objects.
        ground: Of the image, for their areas.
        row: The row of the image at the mask's top.

    Returns:
        The number of each pixel's object, (H, W) int32, counted from 1 and
        0 where there is none; and the objects in the order of their numbers,
        by class, then from top to bottom.
    """
    numbers = np.zeros(mask.shape, np.int32)
    objects = []
    for label in sorted({*np.unique(mask).tolist()} - {*ignored}):
        _, parts, stats, _ = cv2.connectedComponentsWithStats(
            (mask == label).astype(np.uint8), connectivity=8
        )
        renumbered = np.zeros(len(stats), np.int32)
        for part, (x, y, width, height, pixels) in enumerate(stats.tolist()):
            if part == 0 or pixels < min_area:
                continue
            box = (x, y, x + width, y + height)
            objects.append(MaskObject(label, box, pixels))
            renumbered[part] = len(objects)
        numbers += renumbered[parts]
    if ground is not None and ground.side is not None:
        areas = ground.totals(numbers, len(objects) + 1, row)[1:].tolist()
        objects = [o._replace(m2=a) for o, a in zip(objects, areas)]
    return numbers, objects


def masks_to_geojson(
    mask: np.ndarray,
    classes: Sequence[str],
    place: Georeference | None = None,
    wgs84: bool = False,
    min_area: int = MIN_AREA,
    ground: GroundSize | None = None,
) -> dict:
    """Outline the objects of a mask along the edges of their pixels.

    Every object is a feature, also where its parts touch only by corners
    (then of the type MultiPolygon), so that all polygons are valid. Its `id`
    counts as :func:`find_objects` does. Properties: `class`, `label` (the
    value in the mask), `pixels`, and `m2` where `ground` is known.

    RFC 7946 demands WGS84. Otherwise the CRS is named in the member ``crs``
    of the standard before it, which GDAL reads and writes.

    Args:
        mask: Class of each pixel, (H, W), uint8. Neither class 0 nor 255 is
            outlined.
        classes: Name of each class.
        place: Where the mask lies. None: coordinates are pixels, x to the
            right and y down.
        wgs84: Write longitude and latitude instead of the coordinates of
            the CRS, where there is one.
        min_area: Objects of fewer pixels are left out.
        ground: How much ground pixels cover.

    Returns:
        A GeoJSON FeatureCollection.

    Raises:
        InputError: The CRS has no way to longitude and latitude.
    """
    if place is not None and place.transform is None:
        place = None
    numbers, objects = find_objects(mask, min_area, ground=ground)
    polygons = outline_parts(numbers, place)
    geometries = [_geometry(polygons[n + 1]) for n in range(len(objects))]
    if wgs84 and place is not None and place.crs is not None:
        geometries = to_wgs84(geometries, place.crs)
    features = [
        feature(number, found, geometry, classes)
        for number, (found, geometry) in enumerate(
            zip(objects, geometries), start=1
        )
    ]
    return collection_head(place, wgs84) | dict(features=features)


def collection_head(place: Georeference | None, wgs84: bool) -> dict:
    """Begin a FeatureCollection: say what its coordinates are."""
    head = dict(type='FeatureCollection')
    if place is None:
        head['note'] = _PIXEL_NOTE
    elif place.crs is not None and not wgs84:
        name = dict(name=_crs_name(place.crs))
        head['crs'] = dict(type='name', properties=name)
    return head


def feature(
    number: int,
    found: MaskObject,
    geometry: dict,
    classes: Sequence[str],
) -> dict:
    """Make the GeoJSON feature of an object.

    Args:
        number: Its `id`.
        found: The object.
        geometry: Its outline, in GeoJSON.
        classes: Name of each class.
    """
    return dict(
        type='Feature',
        id=number,
        properties=_properties(found, classes),
        geometry=_oriented(geometry),
    )


def outline_parts(
    numbers: np.ndarray, place: Georeference | None
) -> dict[int, list[list[Ring]]]:
    """Outline numbered objects (H, W) along the edges of their pixels.

    Returns:
        By the number of an object its polygons, as rings: the outer one,
        then holes.

    """
    from rasterio.features import shapes

    settings = {} if place is None else dict(transform=place.transform)
    polygons = {}
    # Parts that touch by a corner in one ring would be no valid polygon.
    found = shapes(numbers, numbers > 0, connectivity=4, **settings)
    for geometry, number in found:
        polygons.setdefault(int(number), []).append(geometry['coordinates'])
    return polygons


def _geometry(polygons: list[list[Ring]]) -> dict:
    if len(polygons) == 1:
        return dict(type='Polygon', coordinates=polygons[0])
    return dict(type='MultiPolygon', coordinates=polygons)


def to_wgs84(geometries: list[dict], crs: 'CRS') -> list[dict]:
    """Bring GeoJSON geometries from a CRS to longitude and latitude.

    Raises:
        InputError: There is no way from a local CRS to these.
    """
    from rasterio.warp import transform_geom

    if not geometries:
        return []
    try:
        moved = transform_geom(crs, 'OGC:CRS84', geometries)
    except Exception as error:  # rasterio's errors of GDAL have no base
        if not type(error).__module__.startswith('rasterio'):
            raise
        raise InputError(
            f'the CRS ({crs.to_string()}) has no way to longitude and '
            "latitude; take geojson_crs='image'"
        ) from error
    for geometry in moved:
        geometry['coordinates'] = _within_180(
            _rounded(geometry['coordinates'])
        )
    return moved


def _within_180(coordinates: list) -> list:
    """Bring what lies beyond 180 degrees east to -180 to 180, as a whole."""
    flat = np.array(list(_points(coordinates)))
    if flat[:, 0].min() < 180:
        return coordinates
    return _shifted(coordinates, -360)


def _points(values: Sequence) -> Iterator[Sequence[float]]:
    if isinstance(values[0], float):
        yield values[:2]
    else:
        for value in values:
            yield from _points(value)


def _shifted(values: Sequence, degrees: float) -> list:
    if isinstance(values[0], float):
        return [values[0] + degrees, *values[1:]]
    return [_shifted(value, degrees) for value in values]


def _rounded(values: Sequence | float) -> list | float:
    if isinstance(values, float):
        return round(values, _DEGREE_DIGITS)
    return [_rounded(value) for value in values]


def _oriented(geometry: dict) -> dict:
    """Let outer rings run counterclockwise and holes clockwise."""
    polygons = geometry['coordinates']
    if geometry['type'] == 'Polygon':
        return geometry | dict(coordinates=_oriented_rings(polygons))
    return geometry | dict(coordinates=list(map(_oriented_rings, polygons)))


def _oriented_rings(rings: list[Ring]) -> list[Ring]:
    return [
        [*ring] if (_signed_area(ring) > 0) == (index == 0) else [*ring[::-1]]
        for index, ring in enumerate(rings)
    ]


def _signed_area(ring: Ring) -> float:
    x, y = np.transpose(ring)
    x, y = x - x[0], y - y[0]  # coordinates of a CRS have many digits
    return float(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1])) / 2


def _properties(found: MaskObject, classes: Sequence[str]) -> dict:
    properties = {
        'class': classes[found.label],
        'label': found.label,
        'pixels': found.pixels,
    }
    if found.m2 is not None:
        properties['m2'] = found.m2
    return properties


def _crs_name(crs) -> str:
    """Name a CRS as GDAL does, and one that has no number by its WKT."""
    authority = crs.to_authority()
    if authority is None:
        return crs.to_wkt()
    if authority in (('EPSG', '4326'), ('OGC', 'CRS84')):
        return _CRS84
    return f'urn:ogc:def:crs:{authority[0]}::{authority[1]}'
