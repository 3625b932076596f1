"""Where the pixels of an image lie, and how much ground they cover."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mmrs.errors import InputError

from .opening import Location, is_raster, open_raster

if TYPE_CHECKING:
    from affine import Affine
    from rasterio.crs import CRS

__all__ = [
    'Georeference',
    'GroundSize',
    'describe_grid',
    'georeference_of',
    'ground_size',
    'metres_per_degree',
    'read_georeference',
    'same_grid',
]

# A GSD that differs by less is the file's, rounded.
_GSD_TOLERANCE = 0.02
# Pixels by which the corners of two images of one grid may differ.
_GRID_TOLERANCE = 0.1
# A CRS whose square metres are off by less keeps its own: a zone of UTM is
# off by 0.2 % at most, and its users count in metres of the grid.
_TRUE_AREA = 0.0025
_KNOTS = 129  # along an axis, between which areas are interpolated
# WGS84: half the long axis in metres, the eccentricity squared.
_OTHER_RADIUS = 1e5  # metres by which ellipsoids of the Earth never differ
_RADIUS, _ECCENTRICITY2 = 6378137.0, 6.69437999014e-3


@dataclass(frozen=True)
class Georeference:
    """How the pixels of an image lie on the ground.

    Attributes:
        crs: The coordinate reference system; None: the file names none.
        transform: Affine map from (column, row) to coordinates of `crs`;
            None: none is known, but `gcps` or `rpcs`.
        gcps: Ground control points, of the CRS `gcp_crs`.
        gcp_crs: The CRS of these.
        rpcs: Rational polynomial coefficients.
    """

    crs: 'CRS | None' = None
    transform: 'Affine | None' = None
    gcps: tuple = ()
    gcp_crs: 'CRS | None' = None
    rpcs: Any = None

    @classmethod
    def named(cls, crs: str, transform: Sequence[float]) -> 'Georeference':
        """Make one of a CRS by its name and of the six numbers of a map.

        Args:
            crs: For example ``'EPSG:4326'``.
            transform: (a, b, c, d, e, f), the coordinates of (column, row)
                being (a column + b row + c, d column + e row + f).
        """
        from affine import Affine
        from rasterio.crs import CRS

        return cls(CRS.from_user_input(crs), Affine(*transform))

    def profile(self) -> dict:
        """Keywords of :func:`rasterio.open` that write this place."""
        if self.transform is not None:
            return dict(crs=self.crs, transform=self.transform)
        if self.gcps:
            return dict(gcps=list(self.gcps), crs=self.gcp_crs)
        if self.rpcs is not None:
            return dict(rpcs=self.rpcs)
        return {} if self.crs is None else dict(crs=self.crs)

    @property
    def kind(self) -> str:
        """What it lies by, in words."""
        if self.transform is not None:
            return 'transform'
        if self.gcps:
            return 'ground control points'
        return 'RPC' if self.rpcs is not None else 'CRS'

    def to_ground(self, points: np.ndarray) -> np.ndarray:
        """Bring (N, 2) of column and row to coordinates of the CRS."""
        matrix = np.reshape(self.transform, (3, 3))
        return points @ matrix[:2, :2].T + matrix[:2, 2]

    def to_degrees(self, points: np.ndarray) -> np.ndarray | None:
        """Bring (N, 2) of column and row to longitude and latitude, WGS84.

        None where the CRS is local, with no way to Earth.
        """
        x, y = self.to_ground(np.asarray(points, float)).T
        if self.crs.is_geographic:
            _, radians = self.crs.units_factor
            return np.stack([x, y], axis=1) * np.degrees(radians)
        from rasterio.errors import RasterioError
        from rasterio.warp import transform

        try:
            lon, lat = transform(self.crs, 'OGC:CRS84', x, y)
        except (RasterioError, ValueError):
            return None
        except Exception as error:  # rasterio's errors of GDAL have no base
            if type(error).__module__.startswith('rasterio'):
                return None
            raise
        return np.stack([lon, lat], axis=1)

    def part(self, row: float, col: float, factor: float = 1):
        """Place of a window whose pixels are finer by `factor`.

        Args:
            row: Its first row, in its own (finer) pixels.
            col: Its first column, likewise in its own pixels.
            factor: Pixels of the window a pixel of this image, along a side.

        Returns:
            The :class:`Georeference`; the outer corner of the whole stays
            where it is. Of RPC, None.
        """
        from affine import Affine
        from rasterio.control import GroundControlPoint

        if self.gcps:
            moved = [
                GroundControlPoint(
                    p.row * factor - row, p.col * factor - col, p.x, p.y, p.z
                )
                for p in self.gcps
            ]
            return Georeference(gcps=tuple(moved), gcp_crs=self.gcp_crs)
        if self.transform is None:
            return None
        finer = self.transform * Affine.scale(1 / factor)
        return Georeference(self.crs, finer * Affine.translation(col, row))


def georeference_of(file) -> Georeference | None:
    """Take the place of an open raster; None where it names none."""
    gcps, gcp_crs = file.gcps
    if not file.transform.is_identity:
        return Georeference(file.crs, file.transform)
    if gcps:
        return Georeference(gcps=tuple(gcps), gcp_crs=gcp_crs)
    if file.rpcs is not None:
        return Georeference(rpcs=file.rpcs)
    return None if file.crs is None else Georeference(file.crs)


def read_georeference(location: Location) -> Georeference | None:
    """Read where an image lies; None for one that does not name a place.

    Rasters name it themselves; of pictures, a world file and a ``.prj``
    beside them do.

    Raises:
        BadImageError: A raster is unreadable.
        InputError: A world file is damaged.
    """
    if is_raster(location):
        with open_raster(location) as file:
            return georeference_of(file)
    return read_world_file(Path(location))


_WORLD_FILES = {
    '.png': '.pgw',
    '.jpg': '.jgw',
    '.jpeg': '.jgw',
    '.bmp': '.bpw',
}


def read_world_file(path: Path) -> Georeference | None:
    """Read the place of a picture from the files beside it.

    Raises:
        InputError: The world file has not six numbers, or the ``.prj`` is
            no CRS.
    """
    suffixes = (_WORLD_FILES.get(path.suffix.lower(), '.wld'), '.wld')
    for world in map(path.with_suffix, suffixes):
        if not world.is_file():
            continue
        from affine import Affine

        try:
            a, d, b, e, x, y = map(float, world.read_text().split())
        except ValueError as error:
            raise InputError(
                f'{world}: a world file has six numbers; mend or remove it'
            ) from error
        # It names the centre of the first pixel, a transform its corner.
        if not np.isfinite([a, b, d, e, x, y]).all() or a * e == b * d:
            raise InputError(
                f'{world}: its pixels have no size; mend or remove it'
            )
        corner = x - (a + b) / 2, y - (d + e) / 2
        transform = Affine(a, b, corner[0], d, e, corner[1])
        return Georeference(_read_prj(path.with_suffix('.prj')), transform)
    return None


def _read_prj(path: Path) -> 'CRS | None':
    if not path.is_file():
        return None
    from rasterio.crs import CRS
    from rasterio.errors import CRSError

    try:
        return CRS.from_wkt(path.read_text(errors='replace').strip())
    except CRSError as error:
        raise InputError(
            f'{path}: holds no coordinate reference system ({error}); mend '
            'or remove it'
        ) from error


def write_world_file(path: Path, place: Georeference) -> None:
    """Write the world file and the ``.prj`` of a picture."""
    if place.transform is not None:
        a, b, c, d, e, f = tuple(place.transform)[:6]
        centre = c + (a + b) / 2, f + (d + e) / 2
        suffix = _WORLD_FILES.get(path.suffix.lower(), '.wld')
        path.with_suffix(suffix).write_text(
            ''.join(f'{float(n)!r}\n' for n in (a, d, b, e, *centre))
        )
    if place.crs is not None:
        path.with_suffix('.prj').write_text(place.crs.to_wkt() + '\n')


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
    if a.transform is None or b.transform is None:
        points = [
            sorted((p.row, p.col, p.x, p.y) for p in place.gcps)
            for place in (a, b)
        ]
        return a.kind == b.kind and (
            points[0] == points[1] if a.gcps else a == b
        )
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
    """Describe in a line where the pixels of an image lie."""
    size = f'{shape[1]} x {shape[0]} px'
    if place is None:
        return size
    if place.transform is None:
        return f'{place.kind} alone, {size}'
    crs, transform = place.crs, place.transform
    epsg = None if crs is None else crs.to_epsg()
    name = 'unnamed CRS' if epsg is None else f'EPSG:{epsg}'
    return (
        f'{name}, corner {transform.c:.10g} {transform.f:.10g}, pixel '
        f'{transform.a:g} x {-transform.e:g}, {size}'
    )


@dataclass(frozen=True)
class GroundSize:
    """Ground that the pixels of an image cover.

    Attributes:
        side: Of a pixel in the middle, in metres (the root of its area);
            None: unknown.
        note: What a user should know about it; None: nothing.
        shape: Height and width of the image in px.
        knots: Areas in m2 at places evenly spread over the image, ((y, x)
            of pixels, (Y, X) of areas); None: all pixels are alike.
    """

    side: float | None
    note: str | None = None
    shape: tuple[int, int] = (1, 1)
    knots: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None

    @property
    def pixel_m2(self) -> float | None:
        """Area of a pixel in the middle in square metres."""
        return None if self.side is None else self.side**2

    def areas(self, window: Sequence[int] | None = None) -> np.ndarray:
        """Areas of pixels in square metres.

        Args:
            window: (row, column, height, width) in px; None: the image.

        Returns:
            (height, width) float64, or what broadcasts to it. NaN where
            unknown.
        """
        row, col, height, width = window or (0, 0, *self.shape)
        if self.knots is None:
            return np.full(
                (1, 1), np.nan if self.side is None else self.side**2
            )
        ys, xs, values = self.knots
        along = np.stack(
            [
                np.interp(np.arange(row, row + height), ys, values[:, k])
                for k in range(len(xs))
            ],
            axis=1,
        )
        if len(xs) == 1:
            return along
        at = np.arange(col, col + width)
        return np.stack([np.interp(at, xs, line) for line in along])

    def totals(
        self, labels: np.ndarray, count: int, row: int = 0, col: int = 0
    ) -> np.ndarray:
        """Area of each label in square metres: (count,) float64.

        Args:
            labels: (height, width), whole numbers below `count`.
            count: How many labels there are.
            row: The row of the image at their top.
            col: The column of the image at their left.
        """
        areas = self.areas((row, col, *labels.shape))
        if areas.size == 1:
            found = np.bincount(labels.ravel(), minlength=count)
            return found * areas[0, 0]
        weights = np.broadcast_to(areas, labels.shape).ravel()
        return np.bincount(labels.ravel(), weights, minlength=count)

    def total(self, mask: np.ndarray, row: int = 0, col: int = 0) -> float:
        """Area of the pixels of a mask (height, width) in square metres.

        Args:
            mask: bool.
            row: The row of the image at its top.
            col: The column of the image at its left.
        """
        areas = self.areas((row, col, *mask.shape))
        if areas.size == 1:
            return float(areas[0, 0] * np.count_nonzero(mask))
        if areas.shape[1] == 1:
            return float(areas[:, 0] @ np.count_nonzero(mask, axis=1))
        return float(areas[mask].sum())


def ground_size(
    place: Georeference | None,
    shape: tuple[int, int],
    gsd: float | None = None,
) -> GroundSize:
    """Find how much ground the pixels of an image cover.

    The rule for all CRSs: areas are those on the ellipsoid WGS84. Only where
    the square metres of a projected CRS are true to 0.25 % all over the
    image, as in a zone of UTM or a national grid, they stand as they are.

    Args:
        place: Of the image, if known.
        shape: Its height and width in px.
        gsd: The side of a pixel in metres, where the user knows it. It
            comes before what the file says.
    """
    found = _by_crs(place, shape)
    if gsd is None:
        return found
    if not 0 < gsd < np.inf:
        raise InputError(f'gsd={gsd:g}: give the side of a pixel in metres')
    note = None
    if found.side and abs(gsd / found.side - 1) > _GSD_TOLERANCE:
        note = (
            f'areas are of pixels of {gsd:g} m, as gsd says; the file says '
            f'{found.side:g} m'
        )
    return GroundSize(float(gsd), note, shape)


def _by_crs(place: Georeference | None, shape: tuple[int, int]) -> GroundSize:
    if place is None:
        return GroundSize(None, None, shape)
    if place.transform is None:
        return GroundSize(
            None,
            f'the image lies by its {place.kind} alone, so the size of its '
            'pixels is not known; give gsd for areas in m2, or rectify it',
            shape,
        )
    if place.crs is None:
        return GroundSize(
            None, 'the file names no CRS; give gsd for areas in m2', shape
        )
    own = None
    if not place.crs.is_geographic:
        own = _own_area(place)
    if not _is_of_earth(place.crs):
        note = 'the CRS is not of the Earth; give gsd for areas in m2'
        return GroundSize(own and own**0.5, None if own else note, shape)
    true = _true_areas(place, shape)
    if true is None:
        if own is None:
            name = place.crs.to_string()
            return GroundSize(
                None,
                f'the CRS ({name}) gives neither a length nor a place on '
                'Earth; give gsd for areas in m2',
                shape,
            )
        note = None
        if place.crs.is_projected:
            note = (
                'areas are those of the CRS, since those on the ground cannot '
                'be found all over the image'
            )
        return GroundSize(own**0.5, note, shape)
    ys, xs, areas = true
    if own is not None and np.abs(areas / own - 1).max() <= _TRUE_AREA:
        return GroundSize(own**0.5, None, shape)
    middle = float(areas[len(ys) // 2, len(xs) // 2])
    if np.ptp(areas, axis=1).max() <= 1e-9 * middle:
        xs, areas = xs[:1], areas[:, :1]
    return GroundSize(middle**0.5, None, shape, (ys, xs, areas))


def _is_of_earth(crs: 'CRS') -> bool:
    """Whether the ellipsoid of a CRS, if it has one, is the Earth's."""
    found = re.search(
        r'(?:SPHEROID|ELLIPSOID)\["[^"]*",\s*([\d.]+)', crs.to_wkt()
    )
    return found is None or abs(float(found[1]) - _RADIUS) < _OTHER_RADIUS


def _own_area(place: Georeference) -> float | None:
    """Area of a pixel in the square metres of the CRS itself."""
    from rasterio.errors import CRSError

    try:
        _, metres = place.crs.units_factor
    except CRSError:
        return None
    if not metres:
        return None
    return abs(place.transform.determinant) * metres**2


def _true_areas(
    place: Georeference, shape: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Areas on the ellipsoid of pixels all over an image.

    Returns:
        Rows and columns of the pixels and their areas (Y, X) in m2; None
        where the CRS has no place on Earth.
    """
    ys, xs = (_spread(length) for length in shape)
    rows, cols = np.meshgrid(ys, xs, indexing='ij')
    centre = np.stack([cols, rows], axis=-1).reshape(-1, 2) + 0.5
    # Half a pixel to both sides, and not less than what a double resolves.
    step = 0.5
    points = np.concatenate(
        [
            centre + (dx, dy)
            for dx, dy in ((step, 0), (-step, 0), (0, step), (0, -step))
        ]
    )
    found = place.to_degrees(points)
    if found is None:
        return None
    # The outermost pixels of global grids may lie half beyond the poles.
    if not np.isfinite(found).all() or np.abs(found[:, 1]).max() > 91:
        return None
    found[:, 1] = found[:, 1].clip(-90, 90)
    right, left, down, up = found.reshape(4, -1, 2)
    across, along = right - left, down - up
    # Across the antimeridian.
    across[:, 0] = (across[:, 0] + 180) % 360 - 180
    along[:, 0] = (along[:, 0] + 180) % 360 - 180
    degrees2 = np.abs(across[:, 0] * along[:, 1] - across[:, 1] * along[:, 0])
    east, north = metres_per_degree(found.reshape(4, -1, 2).mean(0)[:, 1])
    areas = (degrees2 * east * north).reshape(rows.shape)
    if not np.isfinite(areas).all() or (areas <= 0).any():
        return None
    return ys, xs, areas


def _spread(length: int) -> np.ndarray:
    """Pixels along an axis, evenly spread, the middle one among them."""
    count = min(_KNOTS, length)
    return np.unique(np.linspace(0, length - 1, count).round().astype(int))


def metres_per_degree(
    latitude: float | np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Length of a degree of longitude and of latitude on WGS84."""
    latitude = np.radians(latitude)
    root = np.sqrt(1 - _ECCENTRICITY2 * np.sin(latitude) ** 2)
    east = _RADIUS / root * np.cos(latitude)
    north = _RADIUS * (1 - _ECCENTRICITY2) / root**3
    return np.radians(east), np.radians(north)
