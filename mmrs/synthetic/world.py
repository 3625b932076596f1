"""One seeded world: the terrain and what stands on it."""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from mmrs.synthetic.districts import build_district
from mmrs.synthetic.objects import GROUND, Cover, WorldObject
from mmrs.synthetic.terrain import BASE_COVER, CELL, WARP, LandUse, Terrain
from mmrs.synthetic.window import Window

REACH = 30.0  # how far an object may stick out of its district, metres
FRAY = 10.0  # how far the borders of land uses are frayed, metres
BEACH, BANK = 28.0, 3.0  # width of the sand along the water, metres
DOCKS = 62.0  # how far a harbour's paving goes inland, metres


@dataclass(frozen=True)
class Layout:
    """What a window shows.

    Attributes:
        window: the window.
        objects: in the order in which they lie over one another.
        elevation: terrain height above the sea in metres, float32 (H, W).
        slope: its gradient, float32 (H, W, 2).
        water: signed distance to the nearest shore in metres, positive in
            the water and about right within 50 m; float32 (H, W).
        cover: :class:`Cover` of the ground, uint8 (H, W).
        date: years.
    """

    window: Window
    objects: list[WorldObject]
    elevation: np.ndarray
    slope: np.ndarray
    water: np.ndarray
    cover: np.ndarray
    date: float = 0.0


class World(Terrain):
    """An endless world, the same for the same seed.

    Args:
        seed: any integer.
    """

    def __init__(self, seed: int):
        super().__init__(seed)
        self._built = lru_cache(maxsize=4096)(build_district)

    def district(self, i: int, j: int) -> list[WorldObject]:
        """All that is ever built in district (i, j)."""
        return self._built(self, i, j)

    def districts(self, window: Window) -> list[tuple[int, int]]:
        """Indices (i, j) of the districts that may show in a window."""
        west, north, east, south = window.bounds
        slack = WARP + CELL
        i = np.arange((west - slack) // CELL, (east + slack) // CELL + 1)
        j = np.arange((north - slack) // CELL, (south + slack) // CELL + 1)
        i, j = (axis.ravel().astype(int) for axis in np.meshgrid(i, j))
        quad = self.quad(i, j)
        low, high = quad.min(1) - REACH, quad.max(1) + REACH
        seen = (
            (high[:, 0] > west)
            & (low[:, 0] < east)
            & (high[:, 1] > north)
            & (low[:, 1] < south)
        )
        return list(zip(i[seen].tolist(), j[seen].tolist()))

    def objects(self, window: Window, date: float = 0.0) -> list[WorldObject]:
        """The objects that stand in a window at a date, lowest first."""
        found = [
            thing
            for index in self.districts(window)
            for thing in self.district(*index)
            if window.touches(thing.bounds) and thing.stands(date)
        ]
        return sorted(found, key=lambda thing: thing.top)

    def layout(self, window: Window, date: float = 0.0) -> Layout:
        """What a window shows at a date (years)."""
        grid = window.grid
        elevation, dx, dy = self.elevation(grid)
        water = self.water_distance(grid)
        objects = self.objects(window, date)
        cover = self._ground(window, water)
        for thing in objects:
            if thing.kind in GROUND:
                outline = np.round(window.to_pixels(thing.outline))
                ground = int(GROUND[thing.kind])
                cv2.fillPoly(cover, [outline.astype(np.int32)], ground)
        slope = np.stack([dx, dy], -1)
        return Layout(window, objects, elevation, slope, water, cover, date)

    def _ground(self, window: Window, water: np.ndarray) -> np.ndarray:
        """Land cover before anything was built, uint8 (H, W)."""
        margin = int(np.ceil(2 * FRAY / window.gsd))
        wide = window.pad(margin)
        use = np.zeros((wide.height, wide.width), np.uint8)
        indices = np.array(self.districts(wide))
        uses = self.land_use(*indices.T)
        quads = wide.to_pixels(self.quad(*indices.T))
        for corners, value in zip(np.round(quads * 16).astype(np.int32), uses):
            cv2.fillPoly(use, [corners], int(value), shift=4)
        # Frayed borders: each pixel looks up its use a few metres away.
        grid = window.grid
        shift = [
            FRAY / window.gsd * grid.value(self.key(f'fray{axis}'), 14.0)
            for axis in range(2)
        ]
        x = np.arange(window.width, dtype=np.float32) + margin + shift[0]
        y = np.arange(window.height, dtype=np.float32)[:, None]
        use = cv2.remap(use, x, y + margin + shift[1], cv2.INTER_NEAREST)
        cover = BASE_COVER[use]
        cover[(use == LandUse.HARBOR) & (water > -DOCKS)] = Cover.PAVED
        sand = water > -np.where(use == LandUse.BEACH, BEACH, BANK)
        cover[sand & (cover != Cover.PAVED)] = Cover.SAND
        cover[water > 0] = Cover.WATER
        return cover
