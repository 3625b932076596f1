"""Snow: where it lies, by height, slope, aspect and ground."""

from dataclasses import dataclass

import numpy as np

from mmrs.synthetic.clouds import fractal
from mmrs.synthetic.noise import Grid
from mmrs.synthetic.objects import Cover
from mmrs.synthetic.survey import Survey

BORDER = 9.0  # metres of height over which the snow grows thick
NORTH = 22.0  # metres of height that a slope of 1 to the north is worth
STEEP = 0.3  # slope from which snow slides off
PATCH = 110.0  # size of its largest patches in metres
CLEARED = 14.0  # metres of height that a ploughed road or yard is worth
CAUGHT = 0.5  # share of the snow that crowns of trees hide


@dataclass(frozen=True)
class Snow:
    """The snow of a day.

    Attributes:
        line: height in metres above which flat open ground is white.
        key: what tells its patches from those of other days.
    """

    line: float
    key: int

    def lies(
        self, grid: Grid, elevation: np.ndarray, slope: np.ndarray
    ) -> np.ndarray:
        """How safely snow lies on open ground, in metres of height.

        Args:
            grid: the place.
            elevation: height of the terrain in metres, (H, W).
            slope: its gradient to the east and south, (H, W, 2).

        Returns:
            (H, W), above 0 where most of the ground is white.
        """
        steep = np.linalg.norm(slope, axis=-1)
        slides = 60 * np.maximum(steep - STEEP, 0)
        # Ground that rises to the south faces north.
        shade = NORTH * slope[..., 1]
        patches = fractal(grid, self.key, PATCH, 0.6, 6.0)
        return elevation - self.line + shade - slides + 5.0 * patches

    def cover(self, found: Survey) -> np.ndarray:
        """Share of each pixel that is white, 0 to 1, float32 (H, W)."""
        layout = found.layout
        safe = self.lies(layout.window.grid, layout.elevation, layout.slope)
        busy = np.isin(layout.cover, (Cover.ROAD, Cover.PAVED))
        safe = safe - CLEARED * busy
        share = 1 / (1 + np.exp(-np.clip(6 * safe / BORDER, -30, 30)))
        share[layout.cover == Cover.WATER] = 0
        return (share * (1 - CAUGHT * found.canopy.alpha)).astype(np.float32)
