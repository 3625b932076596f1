"""Outlines of the objects of a map, strip by strip, whole in the end."""

import json
import os
import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mmrs.errors import InputError
from mmrs.geo.georeference import Georeference, GroundSize
from mmrs.geo.polygons import (
    MIN_AREA,
    MaskObject,
    collection_head,
    feature,
    find_objects,
    outline_parts,
    to_wgs84,
)

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

_AT_ONCE = 1000  # features


@dataclass
class Outline:
    """An object of a map.

    Attributes:
        found: Its class, box and number of pixels.
        geometry: Polygon or MultiPolygon in pixels of the map, y down.
    """

    found: MaskObject
    geometry: 'BaseGeometry'


@dataclass
class _Growing:
    """An object that the rows below may go on with."""

    label: int
    boxes: list = field(default_factory=list)
    pixels: int = 0
    m2: float | None = None
    polygons: list = field(default_factory=list)

    def take(self, other: '_Growing') -> None:
        self.boxes += other.boxes
        self.pixels += other.pixels
        if self.m2 is not None:
            self.m2 += other.m2
        self.polygons += other.polygons


def outline_rows(
    strips: Iterable[tuple[int, np.ndarray]],
    min_area: int = MIN_AREA,
    ignored: Iterable[int] = (0, 255),
    ground: GroundSize | None = None,
) -> Iterator[Outline]:
    """Outline the objects of a map that comes in strips of rows.

    Objects are what :func:`~mmrs.geo.polygons.find_objects` finds in the
    whole map, in whatever strips it comes. One is yielded as soon as the
    strips have passed it, so that only those at the last row are kept.

    Args:
        strips: The first row of each strip, and its classes (rows, W); from
            the top to the bottom.
        min_area: Objects of fewer pixels are left out.
        ignored: Classes that form no objects.
        ground: Of the map, for areas.

    Yields:
        Objects, each once.

    Raises:
        InputError: rasterio or shapely is not installed.
    """
    ignored = [*ignored]
    growing: dict[int, _Growing] = {}
    last = None  # numbers and classes of the last row
    count = 0
    for start, classes in strips:
        numbers, objects = find_objects(classes, 1, ignored, ground, start)
        parts = outline_parts(numbers, _down(start))
        numbers = np.where(numbers > 0, numbers + count, 0)
        fresh = {}
        for number, found in enumerate(objects, 1):
            x0, y0, x1, y1 = found.box
            fresh[count + number] = _Growing(
                found.label,
                [(x0, y0 + start, x1, y1 + start)],
                found.pixels,
                found.m2,
                parts[number],
            )
        pool = growing | fresh
        links = [] if last is None else _links(*last, numbers[0], classes[0])
        roots = _joined(pool, links)
        at_last_row = {roots[n] for n in np.unique(numbers[-1]) if n > 0}
        growing = {n: pool[n] for n in at_last_row}
        for number in sorted({*roots.values()} - at_last_row):
            if pool[number].pixels >= min_area:
                yield _whole(pool[number])
        row = [roots[n] if n > 0 else 0 for n in numbers[-1].tolist()]
        last = np.array(row), classes[-1]
        count += len(objects)
    for number in sorted(growing):
        if growing[number].pixels >= min_area:
            yield _whole(growing[number])


def _down(rows: int) -> Georeference:
    from affine import Affine

    return Georeference(None, Affine.translation(0, rows))


def _links(
    upper: np.ndarray,
    upper_classes: np.ndarray,
    lower: np.ndarray,
    lower_classes: np.ndarray,
) -> set[tuple[int, int]]:
    """Pairs of objects of one class that touch across two rows."""
    links, width = set(), len(upper)
    for step in (-1, 0, 1):
        above = slice(max(-step, 0), width - max(step, 0))
        below = slice(max(step, 0), width - max(-step, 0))
        touch = (
            (upper[above] > 0)
            & (lower[below] > 0)
            & (upper_classes[above] == lower_classes[below])
        )
        links |= set(zip(upper[above][touch], lower[below][touch]))
    return {(int(a), int(b)) for a, b in links}


def _joined(
    pool: dict[int, _Growing], links: Iterable[tuple[int, int]]
) -> dict[int, int]:
    """Join linked objects; returns the number that each one has now."""
    parent = {number: number for number in pool}

    def root(number: int) -> int:
        while parent[number] != number:
            parent[number] = parent[parent[number]]
            number = parent[number]
        return number

    for a, b in sorted(links):
        a, b = sorted((root(a), root(b)))
        if a != b:
            parent[b] = a
    roots = {number: root(number) for number in pool}
    for number, first in roots.items():
        if number != first:
            pool[first].take(pool[number])
    return roots


def _whole(grown: _Growing) -> Outline:
    shapely = _shapely()
    polygons = [
        shapely.Polygon(rings[0], rings[1:]) for rings in grown.polygons
    ]
    if len(grown.boxes) == 1:  # in one strip: nothing to be joined
        geometry = (
            polygons[0]
            if len(polygons) == 1
            else shapely.MultiPolygon(polygons)
        )
    else:
        geometry = _corners_only(shapely.union_all(polygons))
    boxes = np.array(grown.boxes)
    box = (*boxes[:, :2].min(axis=0), *boxes[:, 2:].max(axis=0))
    found = MaskObject(
        grown.label, tuple(map(int, box)), grown.pixels, grown.m2
    )
    return Outline(found, geometry)


def _corners_only(geometry: 'BaseGeometry') -> 'BaseGeometry':
    """Drop the points where an outline went on from strip to strip."""
    shapely = _shapely()
    if geometry.geom_type == 'MultiPolygon':
        parts = [_corners_only(part) for part in geometry.geoms]
        return shapely.MultiPolygon(parts)
    rings = [geometry.exterior, *geometry.interiors]
    outer, *holes = [_turns(np.asarray(ring.coords)) for ring in rings]
    return shapely.Polygon(outer, holes)


def _turns(ring: np.ndarray) -> np.ndarray:
    points = ring[:-1]
    before = points - np.roll(points, 1, axis=0)
    after = np.roll(points, -1, axis=0) - points
    turn = before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0]
    return points[turn != 0]


def write_polygons(
    path: str | Path,
    outlines: Iterable[Outline],
    classes: Sequence[str],
    place: Georeference | None = None,
    wgs84: bool = False,
) -> int:
    """Write outlines to a GeoJSON or GeoPackage file.

    Features and the naming of the CRS are those of
    :func:`~mmrs.geo.polygons.masks_to_geojson`. The file is moved to its
    place when it is complete.

    Args:
        path: Ends in ``.geojson`` or ``.gpkg``.
        outlines: In pixels.
        classes: Name of each class.
        place: Where the map lies. None: coordinates are pixels.
        wgs84: Write longitude and latitude.

    Returns:
        How many were written.

    Raises:
        InputError: A package is not installed.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f'.{path.stem}.part{path.suffix}')
    partial.unlink(missing_ok=True)
    if place is not None and place.transform is None:
        place = None
    wgs84 = wgs84 and place is not None and place.crs is not None
    features = _features(outlines, classes, place, wgs84)
    write = _write_geopackage if path.suffix == '.gpkg' else _write_geojson
    count = write(partial, features, place, wgs84)
    os.replace(partial, path)
    return count


def _features(
    outlines: Iterable[Outline],
    classes: Sequence[str],
    place: Georeference | None,
    wgs84: bool,
) -> Iterator[list[dict]]:
    """Make GeoJSON features of outlines, some at a time."""
    shapely = _shapely()
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


def _write_geopackage(
    path: Path,
    features: Iterable[list[dict]],
    place: Georeference | None,
    wgs84: bool,
) -> int:
    try:
        from pyogrio.raw import write
    except ImportError as error:
        raise InputError(
            f"{path}: writing it needs pyogrio: pip install 'mmrs[geo]', or "
            'ask for geojson'
        ) from error
    shapely = _shapely()
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
            write(
                path,
                np.array(shapely.to_wkb(shapes), object),
                [_column(values) for values in columns.values()],
                [*columns],
                layer='objects',
                geometry_type='MultiPolygon',
                crs=crs,
                driver='GPKG',
                append=count > 0,
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


def _shapely():
    try:
        import shapely
        import shapely.geometry
    except ImportError as error:
        raise InputError(
            "polygons need shapely: pip install 'mmrs[geo]', or leave them out"
        ) from error
    return shapely
