"""The rows of a scene that tiles are still being added to."""

import numpy as np

from mmrs.geo.tiles import Tile, TileGrid


class RollingBand:
    """Weighted sums of as many rows as a tile has, that move down a scene.

    Tiles are added in the order of the grid, so that sums are formed in one
    order and come out the same to the bit, however the tiles were computed.

    Args:
        grid: Of the scene.
        channels: Values a pixel.
        first: The row of the scene at the band's top.
    """

    def __init__(self, grid: TileGrid, channels: int, first: int = 0) -> None:
        self.grid = grid
        self.y = first
        size = (grid.height, grid.shape[1])
        self._sums = np.zeros((channels, *size), np.float32)
        self._valid = np.zeros(size, bool)

    def add(
        self, tile: Tile, values: np.ndarray, valid: np.ndarray | None
    ) -> None:
        """Add a tile of the row of tiles at the band's top.

        Args:
            tile: Its place.
            values: (channels, height, width).
            valid: Where it has data, (height, width) bool; None: everywhere.
        """
        columns = np.s_[tile.x : tile.x + self.grid.width]
        self._sums[..., columns] += values * self.grid.weights(tile)
        self._valid[:, columns] |= True if valid is None else valid

    def move(self, y: int) -> tuple[int, np.ndarray, np.ndarray]:
        """Move down to row `y`, and give the rows that are left behind.

        Returns:
            The first of these rows, their averages (channels, rows, W)
            float32 and where there are data, (rows, W) bool.
        """
        rows = y - self.y
        done = self.y, self._sums[:, :rows].copy(), self._valid[:rows].copy()
        for array in (self._sums, self._valid):
            kept = array.shape[-2] - rows
            array[..., :kept, :] = array[..., rows:, :]
            array[..., kept:, :] = 0
        self.y = y
        return done
