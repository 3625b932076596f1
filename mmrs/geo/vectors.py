"""Vector files in and out: GeoJSON, GeoPackage and shapefile."""

import json
import os
import tempfile
import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mmrs.errors import InputError

from .georeference import Georeference
from .opening import Location, is_there
from .outlines import Outline
from .polygons import collection_head, feature, to_wgs84

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

#: GDAL's driver by extension.
DRIVERS = {
    '.geojson': 'GeoJSON',
    '.json': 'GeoJSON',
    '.gpkg': 'GPKG',
    '.shp': 'ESRI Shapefile',
}
_AT_ONCE = 1000  # features


class VectorObject(NamedTuple):
    """A feature of a vector file.

    Attributes:
        geometry: In the coordinates that were asked for.
        properties: Its fields by name.
    """

    geometry: 'BaseGeometry'
    properties: dict


def read_vectors(
    location: Location, place: Georeference | None = None
) -> list[VectorObject]:
    """Read the features of a vector file.

    Args:
        location: A file that GDAL knows.
        place: Of an image: geometries are brought to its pixels (x to the
            right, y down). None: they stay in the coordinates of the file.

    Returns:
        Those with a geometry, in the order of the file.

    Raises:
        InputError: The file is missing, unreadable, or has no CRS that leads
            to the image.
    """
    pyogrio = _pyogrio(location)
    import shapely

    if not is_there(location):
        raise InputError(f'{location}: no such file')
    try:
        meta, _, shapes, columns = pyogrio.raw.read(location)
    except pyogrio.errors.DataSourceError as error:
        raise InputError(
            f'{location}: unreadable vector file ({error})'
        ) from error
    if shapes is None:
        raise InputError(f'{location}: has no geometries')
    geometries = shapely.from_wkb(shapes)
    if place is not None:
        geometries = _to_pixels(geometries, meta['crs'], place, location)
    names = list(meta['fields'])
    rows = zip(*columns) if names else ((),) * len(geometries)
    return [
        VectorObject(geometry, dict(zip(names, row)))
        for geometry, row in zip(geometries, rows)
        if geometry is not None and not geometry.is_empty
    ]


def _to_pixels(
    geometries: np.ndarray,
    crs: str | None,
    place: Georeference,
    location: Location,
) -> np.ndarray:
    import shapely
    from rasterio.crs import CRS
    from rasterio.warp import transform

    if place.transform is None:
        raise InputError(
            f'{location}: cannot be laid on an image that lies by RPC or '
            'ground control points; rectify the image'
        )
    own = None if crs is None else CRS.from_user_input(crs)
    if (own is None) != (place.crs is None):
        lacking = 'image' if own is not None else 'file'
        raise InputError(
            f'{location}: cannot be laid on the image: the {lacking} names '
            'no CRS; write it there (gdal_edit.py -a_srs, ogr2ogr -a_srs)'
        )
    back = np.linalg.inv(np.reshape(place.transform, (3, 3)))

    def to_crs(points: np.ndarray) -> np.ndarray:
        try:
            moved = transform(own, place.crs, *points.T.tolist())
        except Exception as error:  # errors of GDAL have no base
            if not type(error).__module__.startswith('rasterio'):
                raise
            raise InputError(
                f'{location}: cannot be laid on the image ({error})'
            ) from error
        return np.stack(moved, axis=1)

    if own is not None and own != place.crs:
        geometries = shapely.transform(geometries, to_crs)
    if place.crs is not None and place.crs.is_geographic:
        # Longitudes of the image may be counted from 0 to 360.
        for number, (_, _, east, _) in enumerate(shapely.bounds(geometries)):
            if east < place.transform.c:
                geometries[number] = shapely.transform(
                    geometries[number], lambda points: points + (360, 0)
                )
    return shapely.transform(
        geometries, lambda points: points @ back[:2, :2].T + back[:2, 2]
    )


def rasterized(
    objects: Iterable[tuple['BaseGeometry', int]], shape: tuple[int, int]
) -> np.ndarray:
    """Burn geometries in pixels into a label map (H, W), int32.

    A pixel whose centre lies inside takes the label; of several objects the
    last. 0 is where there is none.

    Args:
        objects: Geometries and their labels.
        shape: Height and width in px.
    """
    from affine import Affine
    from rasterio.features import rasterize

    objects = list(objects)
    if not objects:
        return np.zeros(shape, np.int32)
    return rasterize(
        objects, shape, transform=Affine.identity(), dtype='int32'
    )


def write_polygons(
    path: str | Path,
    outlines: Iterable[Outline],
    classes: Sequence[str],
    place: Georeference | None = None,
    wgs84: bool = False,
) -> int:
    """Write outlines to a GeoJSON, GeoPackage or shapefile.

    Features and the naming of the CRS are those of
    :func:`~mmrs.geo.polygons.masks_to_geojson`. The file is moved to its
    place when it is complete.

    Args:
        path: Ends in ``.geojson``, ``.gpkg`` or ``.shp``.
        outlines: In pixels.
        classes: Name of each class.
        place: Where the map lies. None: coordinates are pixels.
        wgs84: Write longitude and latitude.

    Returns:
        How many were written.

    Raises:
        InputError: The extension is another, or a package is not installed.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in DRIVERS:
        raise InputError(
            f'{path}: vectors are written as {", ".join(DRIVERS)}; rename it'
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    if place is not None and place.transform is None:
        place = None
    wgs84 = wgs84 and place is not None and place.crs is not None
    features = _features(outlines, classes, place, wgs84)
    # A shapefile is several files, of which the first is moved last.
    with tempfile.TemporaryDirectory(
        prefix=f'.{path.stem}.', dir=path.parent
    ) as folder:
        made = Path(folder) / path.name
        if DRIVERS[suffix] == 'GeoJSON':
            count = _write_geojson(made, features, place, wgs84)
        else:
            count = _write_by_gdal(made, features, place, wgs84)
        for ending in ('.prj', '.cpg', '.qix', '.sbn', '.sbx'):
            if suffix == '.shp':
                path.with_suffix(ending).unlink(missing_ok=True)
        for file in sorted(made.parent.iterdir(), key=lambda f: f == made):
            os.replace(file, path.with_name(file.name))
    return count


def _features(
    outlines: Iterable[Outline],
    classes: Sequence[str],
    place: Georeference | None,
    wgs84: bool,
) -> Iterator[list[dict]]:
    """Make GeoJSON features of outlines, some at a time."""
    import shapely

    number = 0
    outlines = iter(outlines)
    while some := list(islice(outlines, _AT_ONCE)):
        geometries = [outline.geometry for outline in some]
        if place is not None:
            to_ground = np.reshape(place.transform, (3, 3))[:2].T
            geometries = shapely.transform(
                geometries, lambda xy, m=to_ground: xy @ m[:2] + m[2]
            )
        geometries = [geometry.__geo_interface__ for geometry in geometries]
        if wgs84:
            geometries = to_wgs84(geometries, place.crs)
        features = []
        for outline, geometry in zip(some, geometries):
            number += 1
            features.append(feature(number, outline.found, geometry, classes))
        yield features


def _write_geojson(
    path: Path,
    features: Iterable[list[dict]],
    place: Georeference | None,
    wgs84: bool,
) -> int:
    """Write feature by feature: the text of all need not fit in memory."""
    head = json.dumps(collection_head(place, wgs84))
    count = 0
    with path.open('w', encoding='utf-8') as file:
        file.write(head[:-1] + ', "features": [')
        for some in features:
            for one in some:
                file.write((',\n' if count else '\n') + json.dumps(one))
                count += 1
        file.write('\n]}\n')
    return count


def _write_by_gdal(
    path: Path,
    features: Iterable[list[dict]],
    place: Georeference | None,
    wgs84: bool,
) -> int:
    import shapely

    pyogrio = _pyogrio(path)
    driver = DRIVERS[path.suffix.lower()]
    layer = {} if driver == 'ESRI Shapefile' else dict(layer='objects')
    crs = None
    if place is not None and place.crs is not None:
        crs = 'OGC:CRS84' if wgs84 else place.crs.to_wkt()
    count = 0
    for some in _never_none(features):
        columns = defaultdict(list)
        for one in some:
            for name, value in one['properties'].items():
                columns[name].append(value)
        shapes = [shapely.geometry.shape(one['geometry']) for one in some]
        shapes = [
            s if s.geom_type == 'MultiPolygon' else shapely.MultiPolygon([s])
            for s in shapes
        ]
        with warnings.catch_warnings():
            warnings.filterwarnings('ignore', ".*'crs' was not provided.*")
            pyogrio.raw.write(
                path,
                np.array(shapely.to_wkb(shapes), object),
                [_column(values) for values in columns.values()],
                [*columns],
                geometry_type='MultiPolygon',
                crs=crs,
                driver=driver,
                append=count > 0,
                **layer,
            )
        count += len(some)
    return count


def _never_none(features: Iterable[list[dict]]) -> Iterator[list[dict]]:
    """Yield at least one list, so that a file without objects is written."""
    some = False
    for some in features:
        yield some
    if some is False:
        yield []


def _column(values: list) -> np.ndarray:
    kind = object if isinstance(values[0], str) else None
    return np.array(values, kind)


def _pyogrio(location: Location):
    try:
        import pyogrio
        import pyogrio.raw
    except ImportError as error:
        raise InputError(
            f"{location}: vector files need pyogrio: pip install 'mmrs[geo]'"
            ', or ask for geojson'
        ) from error
    return pyogrio
