"""The bare world: relief, water, and what each district is used for."""

from enum import IntEnum
from functools import cache

import numpy as np

from mmrs.synthetic.noise import Grid, Points, hash32, uniform
from mmrs.synthetic.objects import Cover

CELL = 200.0  # metres between neighbouring crossings
WARP, WARP_SPACING = 500.0, 2400.0  # bends the lattice of crossings


class LandUse(IntEnum):
    """What a district is used for."""

    OPEN_WATER = 0
    HARBOR = 1
    BEACH = 2
    SHORE = 3
    RIVERSIDE = 4
    FOREST = 5
    MEADOW = 6
    FARMLAND = 7
    BARE = 8
    RESIDENTIAL = 9
    APARTMENTS = 10
    INDUSTRIAL = 11
    TANK_FARM = 12
    AIRFIELD = 13
    SPORTS = 14
    SCHOOL = 15
    PARKING = 16


_BASE_COVER = {
    LandUse.OPEN_WATER: Cover.SAND,
    LandUse.HARBOR: Cover.GRASS,
    LandUse.BEACH: Cover.GRASS,
    LandUse.SHORE: Cover.FOREST,
    LandUse.RIVERSIDE: Cover.GRASS,
    LandUse.FOREST: Cover.FOREST,
    LandUse.MEADOW: Cover.GRASS,
    LandUse.FARMLAND: Cover.GRASS,
    LandUse.BARE: Cover.SOIL,
    LandUse.RESIDENTIAL: Cover.GRASS,
    LandUse.APARTMENTS: Cover.GRASS,
    LandUse.INDUSTRIAL: Cover.PAVED,
    LandUse.TANK_FARM: Cover.SOIL,
    LandUse.AIRFIELD: Cover.GRASS,
    LandUse.SPORTS: Cover.GRASS,
    LandUse.SCHOOL: Cover.GRASS,
    LandUse.PARKING: Cover.GRASS,
}
BASE_COVER = np.array([_BASE_COVER[use] for use in LandUse], np.uint8)

# How often a dry district is put to a use: in the country, in town.
SHARES = {
    LandUse.FOREST: (6.0, 0.4),
    LandUse.MEADOW: (3.0, 0.3),
    LandUse.FARMLAND: (8.0, 0.2),
    LandUse.BARE: (2.0, 0.3),
    LandUse.RESIDENTIAL: (1.0, 6.0),
    LandUse.APARTMENTS: (0.0, 3.0),
    LandUse.INDUSTRIAL: (0.3, 2.0),
    LandUse.TANK_FARM: (0.4, 1.0),
    LandUse.AIRFIELD: (0.8, 0.6),
    LandUse.SPORTS: (0.3, 1.5),
    LandUse.SCHOOL: (0.2, 1.5),
    LandUse.PARKING: (0.1, 1.2),
}


class Terrain:
    """The bare world, the same for the same seed.

    Districts are the cells of a bent lattice of road crossings, about
    ``CELL`` metres wide; district (i, j) has crossing (i, j) at its
    north-western corner.

    Args:
        seed: any integer.
    """

    def __init__(self, seed: int):
        self.seed = seed
        self.key = cache(self._key)

    def _key(self, name: str) -> int:
        """The key of one of the world's noises."""
        return int(hash32(self.seed, *name.encode()))

    # -- fields ----------------------------------------------------------

    def elevation(self, place: Grid | Points):
        """Terrain height in metres and its gradient, at a place."""
        total = 18.0
        total_x = total_y = 0.0
        spacing, scale = 2400.0, 60.0
        for octave in range(5):
            value, dx, dy = place.noise(
                self.key(f'elevation{octave}'), spacing
            )
            total = total + scale * value
            total_x, total_y = total_x + scale * dx, total_y + scale * dy
            spacing, scale = spacing / 2.2, scale / 2.6
        return total, total_x, total_y

    def water_distance(self, place: Grid | Points) -> np.ndarray:
        """Signed distance to the shore in metres, positive in the water."""
        return np.maximum(self._sea(place), self._river(place))

    def _sea(self, place: Grid | Points) -> np.ndarray:
        height, dx, dy = place.noise(self.key('sea'), 1900.0)
        fine, fine_x, fine_y = place.noise(self.key('coast'), 160.0)
        height = height + 0.45 + 0.022 * fine
        dx, dy = dx + 0.022 * fine_x, dy + 0.022 * fine_y
        return -height / np.maximum(np.hypot(dx, dy), 1e-4)

    def _river(self, place: Grid | Points) -> np.ndarray:
        course, dx, dy = place.noise(self.key('river'), 1300.0)
        width = 14 + 22 * place.noise(self.key('river width'), 900.0)[0]
        distance = np.abs(course) / np.maximum(np.hypot(dx, dy), 3e-4)
        return width - distance

    def urbanity(self, place: Grid | Points) -> np.ndarray:
        """How much of a town a place is, 0 to 1."""
        value = place.noise(self.key('urbanity'), 1500.0)[0]
        return np.clip(0.5 + 1.2 * value, 0, 1)

    # -- districts -------------------------------------------------------

    def crossing(self, i: np.ndarray, j: np.ndarray) -> np.ndarray:
        """World metres of the crossings (i, j), shape (..., 2)."""
        i, j = np.broadcast_arrays(i, j)
        place = Points(i * CELL, j * CELL)
        axes = []
        for axis, index in enumerate((i, j)):
            warp = place.noise(self.key(f'warp{axis}'), WARP_SPACING)[0]
            jitter = uniform(self.key(f'crossing{axis}'), i, j) - 0.5
            axes.append(
                (index + 0.16 * jitter) * CELL + WARP * np.clip(warp, -1, 1)
            )
        return np.stack(axes, -1)

    def quad(self, i: np.ndarray, j: np.ndarray) -> np.ndarray:
        """The four corners of the districts (i, j), shape (..., 4, 2)."""
        corners = [(0, 0), (1, 0), (1, 1), (0, 1)]
        return np.stack(
            [self.crossing(i + a, j + b) for a, b in corners], axis=-2
        )

    def land_use(self, i: np.ndarray, j: np.ndarray) -> np.ndarray:
        """:class:`LandUse` of the districts (i, j), uint8 of their shape."""
        i, j = np.broadcast_arrays(i, j)
        quad = self.quad(i, j)
        s = np.linspace(0.08, 0.92, 5)
        s, t = (axis.ravel() for axis in np.meshgrid(s, s))
        shares = np.stack(
            [(1 - s) * (1 - t), s * (1 - t), s * t, (1 - s) * t], -1
        )
        samples = Points(*np.moveaxis(shares @ quad, -1, 0))
        sea, river = self._sea(samples), self._river(samples)
        wet = np.mean(np.maximum(sea, river) > 0, -1)
        draw = uniform(self.key('land use'), i, j)
        use = self._dry_use(Points(*np.moveaxis(quad.mean(-2), -1, 0)), draw)
        use = np.where(wet > 0, LandUse.RIVERSIDE, use)
        coast = np.where(
            draw < 0.5,
            LandUse.HARBOR,
            np.where(draw < 0.8, LandUse.BEACH, LandUse.SHORE),
        )
        use = np.where((sea > 0).any(-1), coast, use)
        return np.where(wet > 0.9, LandUse.OPEN_WATER, use).astype(np.uint8)

    def _dry_use(self, centre: Points, draw: np.ndarray) -> np.ndarray:
        country, town = np.array(list(SHARES.values())).T
        town_share = self.urbanity(centre)[..., None]
        country, town = country / country.sum(), town / town.sum()
        bounds = np.cumsum(
            (1 - town_share) * country + town_share * town, axis=-1
        )
        choice = (draw[..., None] >= bounds[..., :-1]).sum(-1)
        return np.array(list(SHARES))[choice]
