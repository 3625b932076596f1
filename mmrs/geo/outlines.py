"""Outlines of the objects of a map, strip by strip, whole in the end."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from mmrs.errors import InputError
from mmrs.geo.georeference import Georeference, GroundSize
from mmrs.geo.polygons import (
    MIN_AREA,
    MaskObject,
    find_objects,
    outline_parts,
)

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry


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


def generalised(
    outlines: Iterable[Outline], tolerance: float = 0, regular: bool = False
) -> Iterator[Outline]:
    """Simplify outlines, which follow the edges of pixels.

    An outline that would become invalid or empty stays as it is.

    Args:
        outlines: In pixels.
        tolerance: How far an outline may move, in px.
        regular: Make corners right angles, as those of buildings are, along
            the main direction of each object.

    Raises:
        InputError: `tolerance` is negative, or 0 with `regular`.
    """
    check_generalised(tolerance, regular)
    for outline in outlines:
        yield Outline(
            outline.found, _generalise(outline.geometry, tolerance, regular)
        )


def check_generalised(tolerance: float, regular: bool) -> None:
    """Raise an InputError for settings that :func:`generalised` refuses."""
    if not 0 <= tolerance < np.inf or (regular and not tolerance):
        raise InputError(
            f'simplify={tolerance:g}: give px, 0 at least, and more than 0 '
            'to make outlines regular'
        )


def _generalise(
    geometry: 'BaseGeometry', tolerance: float, regular: bool
) -> 'BaseGeometry':
    if not tolerance:
        return geometry
    plain = geometry.simplify(tolerance, preserve_topology=True)
    if not regular:
        return plain if plain.is_valid and not plain.is_empty else geometry
    squared = _squared(geometry, tolerance)
    fits = (
        squared is not None
        and squared.is_valid
        and not squared.is_empty
        and squared.hausdorff_distance(geometry) <= 2 * tolerance
    )
    return squared if fits else _generalise(geometry, tolerance, False)


def _squared(
    geometry: 'BaseGeometry', tolerance: float
) -> 'BaseGeometry | None':
    """Make all corners right angles; None where a ring has too few edges."""
    shapely = _shapely()
    box = np.asarray(geometry.minimum_rotated_rectangle.exterior.coords)
    sides = np.diff(box, axis=0)
    along = sides[np.hypot(*sides.T).argmax()]
    angle = np.arctan2(along[1], along[0])
    turn = np.array(
        [
            [np.cos(angle), -np.sin(angle)],
            [np.sin(angle), np.cos(angle)],
        ]
    )
    parts = getattr(geometry, 'geoms', [geometry])
    polygons = []
    for part in parts:
        rings = []
        for ring in (part.exterior, *part.interiors):
            simple = ring.simplify(tolerance, preserve_topology=True)
            points = _right_angles(np.asarray(simple.coords)[:-1] @ turn)
            if points is not None:
                rings.append(points @ turn.T)
            elif not rings:
                return None
        polygons.append(shapely.Polygon(rings[0], rings[1:]))
    squared = shapely.MultiPolygon(polygons)
    # Simplified edges keep to one side of the stairs of pixels.
    shift = (geometry.area - squared.area) / squared.length
    return squared.buffer(shift, join_style='mitre')


def _right_angles(points: np.ndarray) -> np.ndarray | None:
    """Turn each edge of a ring (N, 2) to the nearer axis, and meet them.

    Edges of one direction that follow each other become one, at the mean of
    their places, weighted by their lengths.
    """
    edges = np.roll(points, -1, axis=0) - points
    lengths = np.hypot(*edges.T)
    level = np.abs(edges[:, 0]) >= np.abs(edges[:, 1])  # along x
    middle = (points + np.roll(points, -1, axis=0)) / 2
    place = np.where(level, middle[:, 1], middle[:, 0])
    # Begin where the direction changes, so that no run is cut.
    starts = np.flatnonzero(level != np.roll(level, 1))
    if len(starts) < 4:
        return None
    order = np.roll(np.arange(len(points)), -starts[0])
    runs = np.split(order, np.flatnonzero(np.diff(level[order])) + 1)
    at = [np.average(place[run], weights=lengths[run]) for run in runs]
    corners = []
    for number, run in enumerate(runs):
        here, before = at[number], at[number - 1]
        corners.append((before, here) if level[run[0]] else (here, before))
    return np.array(corners)


def _shapely():
    try:
        import shapely
        import shapely.geometry
    except ImportError as error:
        raise InputError(
            "polygons need shapely: pip install 'mmrs[geo]', or leave them out"
        ) from error
    return shapely
