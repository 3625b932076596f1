"""A view of the world: which pixels, and how large they are."""

from dataclasses import dataclass

import numpy as np

from mmrs.synthetic.noise import Grid


@dataclass(frozen=True)
class Window:
    """A rectangle of the world's pixel grid at one resolution.

    The grid of a resolution covers the whole world: pixel (col, row) covers
    ``[col, col + 1) x [row, row + 1)`` times ``gsd`` metres, x pointing east
    and y south. Windows of one ``gsd`` therefore share their pixels exactly.

    Attributes:
        col: first column.
        row: first row.
        width: columns.
        height: rows.
        gsd: pixel size in metres.
    """

    col: int
    row: int
    width: int
    height: int
    gsd: float

    @classmethod
    def centred(
        cls, x: float, y: float, width: int, height: int, gsd: float
    ) -> 'Window':
        """The window of this size whose centre is nearest to (x, y)."""
        col = round(x / gsd - width / 2)
        row = round(y / gsd - height / 2)
        return cls(col, row, width, height, gsd)

    def pad(self, pixels: int) -> 'Window':
        """The window with a margin on each side."""
        return Window(
            self.col - pixels,
            self.row - pixels,
            self.width + 2 * pixels,
            self.height + 2 * pixels,
            self.gsd,
        )

    def refine(self, factor: int) -> 'Window':
        """The same rectangle with ``factor`` times smaller pixels."""
        return Window(
            self.col * factor,
            self.row * factor,
            self.width * factor,
            self.height * factor,
            self.gsd / factor,
        )

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, north, east and south edge in metres."""
        return (
            self.col * self.gsd,
            self.row * self.gsd,
            (self.col + self.width) * self.gsd,
            (self.row + self.height) * self.gsd,
        )

    def touches(self, box: tuple[float, float, float, float]) -> bool:
        """Whether a box, given as ``bounds``, overlaps the window."""
        west, north, east, south = self.bounds
        return (
            box[0] < east
            and box[2] > west
            and box[1] < south
            and box[3] > north
        )

    @property
    def cols(self) -> np.ndarray:
        """Column indices, int64 (W,)."""
        return np.arange(self.col, self.col + self.width)

    @property
    def rows(self) -> np.ndarray:
        """Row indices, int64 (H,)."""
        return np.arange(self.row, self.row + self.height)

    @property
    def grid(self) -> Grid:
        """The pixel centres."""
        return Grid((self.cols + 0.5) * self.gsd, (self.rows + 0.5) * self.gsd)

    def to_pixels(self, points: np.ndarray) -> np.ndarray:
        """World metres (..., 2) to pixels; centres have whole numbers."""
        return np.asarray(points) / self.gsd - (self.col + 0.5, self.row + 0.5)
